"""Step 1, the recording: quality of the leads, calibration, age of the patient, exchanged electrodes."""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Finding
from ecgr1_core.record import LEADS

_KINDS = ("muscle noise", "baseline wander", "mains", "saturated", "samples are missing", "flat", "not recorded")


def assess(case: Case) -> list[Finding]:
    """Return the findings on the recording itself."""
    return [
        _quality(case),
        *_shown_in_parts(case),
        *_calibration(case),
        *_age(case),
        *_reversal(case),
        *_precordial(case),
    ]


def _quality(case: Case) -> Finding:
    quality, beats = case.measurements.quality, case.measurements.rhythm.beat_count
    lost = [lead for lead in LEADS if lead in quality.leads and case.lead(lead) is None]
    complexes = words.capital(words.count(beats, "QRS complex", "QRS complexes"))
    problems = _problems(case)
    spotless = "" if problems else ", no lead missing or noisy"
    statement = f"{complexes} on a recording of {quality.grade} quality{spotless}."
    readable = not lost and quality.grade != "poor" and beats > 0
    return Finding(
        id="quality.sufficient" if readable else "quality.limited",
        step=1,
        statement=" ".join([statement, *problems]),
        status="normal" if readable else "not_assessable",
        leads=tuple(lost),
        numbers={"beat_count": beats},
        rule="quality of each lead",
        phrase=f"{words.leads(lost)} (no usable signal)" if lost else "" if readable else "fine detail (poor quality)",
        basic=True,
    )


def _shown_in_parts(case: Case) -> list[Finding]:
    """Say what a page that shows each lead for some seconds only cannot tell."""
    spans = {lead: q.shown_s for lead, q in case.measurements.quality.leads.items() if q.shown_s is not None}
    if not spans:
        return []
    seconds = sorted({round(stop - start, 1) for start, stop in spans.values()})
    each = f"{seconds[0]:g} s" if len(seconds) == 1 else f"{seconds[0]:g} to {seconds[-1]:g} s"
    whole = [lead for lead in LEADS if lead not in spans and case.lead(lead) is not None]
    by = f"the rhythm is read from {words.leads(whole)}" if whole else "the rhythm is read from one group after another"
    return [
        Finding(
            id="recording.in_parts",
            step=1,
            statement=f"{words.capital(words.leads(spans))} are shown for {each} each, so that {by}, and changes from "
            "beat to beat are not seen in every lead.",
            status="not_assessable",
            leads=tuple(spans),
            rule="each lead for the whole recording",
        )
    ]


def _problems(case: Case) -> list[str]:
    """One sentence for each kind of problem, with its leads; a problem of one lead is said with its size."""
    by_kind: dict[str, list[tuple[str, str]]] = {}
    for lead in LEADS:
        quality = case.measurements.quality.leads.get(lead)
        for problem in quality.problems if quality is not None else ():
            kind = next((kind for kind in _KINDS if kind in problem), problem)
            by_kind.setdefault(kind, []).append((lead, problem))
    return [
        f"{words.leads(lead for lead, _ in cases)}: {cases[0][1] if len(cases) == 1 else kind}."
        for kind, cases in by_kind.items()
    ]


def _calibration(case: Case) -> list[Finding]:
    if case.uncalibrated is None:
        return []
    return [
        Finding(
            id="calibration.unknown",
            step=1,
            statement="Amplitudes are not calibrated, so voltages, ST levels and the electrical axis are not judged: "
            f"{case.uncalibrated}.",
            status="not_assessable",
            rule="amplitudes in millivolts",
            basic=True,
        )
    ]


def _age(case: Case) -> list[Finding]:
    age = case.patient.age_years
    if age is None or age >= case.limits.adult_age_years:
        return []
    return [
        Finding(
            id="age.child",
            step=1,
            statement=f"The patient is {age:.0f} years old and the limits used here are those of adults.",
            status="not_assessable",
            numbers={"age_years": age},
            rule=f"age >= {case.limits.adult_age_years:.0f} years",
            phrase="normality for age (adult limits in a child)",
            reasoning="Rate, axis, QRS duration, voltages and T waves have other limits in a child; compare "
            "with a table for the age.",
            basic=True,
        )
    ]


def _reversal(case: Case) -> list[Finding]:
    one, other = case.lead("I"), case.lead("aVR")
    qrs_i, qrs_avr = case.qrs("I"), case.qrs("aVR")
    if (
        case.uncalibrated is None
        and one is not None
        and other is not None
        and qrs_i is not None
        and qrs_avr is not None
    ):
        p, t = one.p_amplitude_mv, one.t_amplitude_mv
        if p is not None and t is not None and p < 0 and t < 0 and not qrs_i.upright and qrs_avr.upright:
            return [
                Finding(
                    id="reversal.arms",
                    step=1,
                    statement="P, QRS and T are all inverted in I and the QRS is upright in aVR: the arm "
                    "electrodes are "
                    "probably exchanged (or there is dextrocardia).",
                    status="abnormal",
                    certainty="probable",
                    label=vocabulary.label("limb lead reversal"),
                    leads=("I", "aVR"),
                    numbers={"I.p_amplitude_mv": p, "I.t_amplitude_mv": t},
                    rule="P, QRS and T inverted in I, aVR upright",
                    phrase="probable reversal of the arm leads",
                    reasoning="With exchanged arm electrodes the frontal axis and the limb-lead criteria do "
                    "not hold: repeat the "
                    "recording before anything is concluded from them.",
                    urgent=True,
                )
            ]
    sizes = {
        lead: (m.qrs_peak_to_peak_mv if (m := case.lead(lead)) is not None else None) for lead in ("I", "II", "III")
    }
    i, ii, iii = sizes["I"], sizes["II"], sizes["III"]
    flat, large = case.limits.reversal_flat_ii_mv, case.limits.reversal_other_mv
    if case.uncalibrated is None and i and ii and iii and ii <= flat and i > large and iii > large:
        return [
            Finding(
                id="reversal.leg",
                step=1,
                statement=f"Lead II is almost flat (QRS {words.mv(ii)}) while I and III are not: the right arm "
                "and right leg "
                "electrodes are probably exchanged.",
                status="abnormal",
                certainty="probable",
                label=vocabulary.label("limb lead reversal"),
                leads=("II",),
                numbers={"II.qrs_peak_to_peak_mv": ii},
                rule=f"QRS of II <= {flat} mV with I and III > {large} mV",
                phrase="probable reversal of an arm and a leg lead",
                reasoning="With a leg electrode on an arm the limb leads are not valid: repeat the recording.",
                urgent=True,
            )
        ]
    if qrs_i is None or one is None:
        return []
    p = one.p_amplitude_mv
    if p is not None and p < 0 and not qrs_i.upright and case.uncalibrated is None:
        return [
            Finding(
                id="reversal.possible",
                step=1,
                statement="P and QRS are inverted in I, but T or aVR does not fit the pattern: exchanged arm "
                "electrodes are possible.",
                status="abnormal",
                certainty="possible",
                label=vocabulary.label("limb lead reversal"),
                leads=("I", "aVR"),
                numbers={"I.p_amplitude_mv": p},
                rule="P and QRS inverted in I",
                phrase="possible reversal of the arm leads",
                reasoning="Check the limb electrodes before the axis and the limb leads are relied on.",
            )
        ]
    shape = f"QRS {'upright' if qrs_i.upright else 'not upright'} in I"
    if p is not None:
        same = (p > 0) == qrs_i.upright
        shape = f"P and {shape}" if same and p > 0 else f"P {'upright' if p > 0 else 'inverted'} and {shape}"
    return [
        Finding(
            id="reversal.none",
            step=1,
            statement=f"{shape}: not the pattern of exchanged arm electrodes.",
            status="normal",
            leads=("I", "aVR"),
            rule="P, QRS and T inverted in I, aVR upright",
        )
    ]


def _precordial(case: Case) -> list[Finding]:
    exchanged = case.measurements.quality.exchanged_precordial
    if exchanged is None:
        return []
    return [
        Finding(
            id="reversal.precordial",
            step=1,
            statement=f"QRS and T do not change by degrees from V1 to V6: {words.join(exchanged)} are possibly "
            "exchanged.",
            status="abnormal",
            certainty="possible",
            leads=exchanged,
            rule="the way from V1 to V6 is shorter with two leads exchanged",
            phrase="possible reversal of precordial leads",
            reasoning="Check the precordial electrodes before R-wave progression, Q waves and ST-T in "
            f"{words.join(exchanged)} are relied on.",
        )
    ]
