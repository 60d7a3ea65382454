"""Judges labels: hypertrophy, infarction, ischaemia, QT and the ECG as a whole, by the measured facts they need.

A label is contradicted where a fact that it cannot do without is clearly absent, supported where all that is measured
of it is there, and otherwise not measurable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ecgr1_core.protocol.case import wide_qrs_qt_factor
from ecgr1_core.protocol.territories import ANTERIOR, INFERIOR, LATERAL, SEPTAL
from ecgr1_core.record import LEADS
from ecgr1_core.verify import judge_qrs as qrs
from ecgr1_core.verify import judge_rhythm as rhythm
from ecgr1_core.verify import judge_waves as waves
from ecgr1_core.verify.judge_conduction import axis_in, axis_words, qrs_over, qrs_words, right_shape
from ecgr1_core.verify.trace import Trace, Truth, all_of, any_of, listed, negation, number
from ecgr1_core.verify.types import Mention, Value, Verdict

Judge = Callable[[Trace, Mention], Verdict]


def plain(leads: tuple[str, ...] = (), *, negated: bool = False, contiguous: bool = False) -> Mention:
    """Return a mention without a place in a text, to ask a judge with."""
    return Mention(0, 0, "", leads=leads, negated=negated, contiguous=contiguous)


def _voltages(trace: Trace) -> dict[str, tuple[float, float]]:
    """Return (value, limit) of each voltage criterion of left ventricular hypertrophy that was measured, in mV."""
    qrs, limits = trace.case.complexes(("I", "aVL", "V1", "V3", "V5", "V6")), trace.limits
    found: dict[str, tuple[float, float]] = {}
    lateral = [qrs[lead].height for lead in ("V5", "V6") if lead in qrs]
    if "V1" in qrs and lateral:
        found["Sokolow-Lyon"] = (qrs["V1"].s_depth + max(lateral), limits.sokolow_lyon_mv)
    if "aVL" in qrs and "V3" in qrs:
        male = trace.case.patient.sex != "F"
        found["Cornell"] = (
            qrs["aVL"].height + qrs["V3"].s_depth,
            limits.cornell_male_mv if male else limits.cornell_female_mv,
        )
    found |= {
        f"R {lead}": (qrs[lead].height, limit)
        for lead, limit in (("I", limits.lvh_r_i_mv), ("aVL", limits.lvh_r_avl_mv))
        if lead in qrs
    }
    return found


def _criteria(*names: str) -> Judge:
    def judge(trace: Trace, mention: Mention) -> Verdict:
        if trace.case.uncalibrated is not None:
            return trace.unknown(f"amplitudes are not calibrated: {trace.case.uncalibrated}")
        found = {name: pair for name, pair in _voltages(trace).items() if not names or name in names}
        if not found:
            return trace.unknown("the leads of the voltage criteria were not measured")
        truths: list[Truth] = []
        for name, (value, limit) in found.items():
            truth = trace.over(value, limit, trace.error("amplitude" if name.startswith("R ") else "voltage_sum"))
            female = trace.limits.cornell_female_mv - trace.error("voltage_sum")
            unsure = name == "Cornell" and trace.case.patient.sex is None and truth == "no" and value > female
            horizontal = name != "Sokolow-Lyon" and truth == "yes" and _horizontal(trace)
            truths.append("near" if unsure or horizontal else truth)
        words = "; ".join(f"{name} {value:.2f} mV, limit {limit:.2f} mV" for name, (value, limit) in found.items())
        measured: dict[str, Value] = {
            f"{name.lower().replace(' ', '_').replace('-', '_')}_mv": value for name, (value, _) in found.items()
        }
        return Verdict(any_of(truths), words, measured, "a voltage criterion above its limit")

    return judge


def _horizontal(trace: Trace) -> bool:
    """Whether a left axis makes R in I and aVL tall without hypertrophy, as left anterior fascicular block does."""
    axis = trace.m.qrs_axis_deg
    return axis is not None and trace.limits.axis_extreme_deg <= axis < trace.limits.axis_left_deg


sokolow, cornell, lvh_voltage = _criteria("Sokolow-Lyon"), _criteria("Cornell"), _criteria()


def lvh(trace: Trace, mention: Mention) -> Verdict:
    """A voltage criterion met; in a wide QRS high voltages decide nothing."""
    verdict = lvh_voltage(trace, mention)
    if verdict.truth in ("yes", "near") and qrs_over(trace, trace.limits.qrs_wide_ms) == "yes":
        return trace.unknown(f"{verdict.why}; with {qrs_words(trace)} voltages do not decide")
    if verdict.truth == "no" and not mention.negated and strain(trace, mention).truth != "no":
        return trace.unknown(f"{verdict.why}; lateral ST-T change can mean hypertrophy without high voltage")
    return verdict


def strain(trace: Trace, mention: Mention) -> Verdict:
    """ST depression or T inversion in two of I, aVL, V5, V6."""
    lateral = [waves.t_inverted(trace, plain((lead,))).truth for lead in LATERAL]
    depressed = [waves.st_depression(trace, plain((lead,))).truth for lead in LATERAL]
    having = [any_of(pair) for pair in zip(lateral, depressed, strict=True)]
    known = [truth for truth in having if truth != "unknown"]
    if not known:
        return trace.unknown("ST and T were not measured in I, aVL, V5 and V6")
    count = known.count("yes")
    truth: Truth = "yes" if count >= 2 else "near" if count + known.count("near") >= 2 else "no"
    words = listed(waves.values(trace, LATERAL, "t_amplitude_mv"), "t_amplitude_mv")
    return Verdict(
        truth,
        f"T {words}; strain means ST depression or T inversion in two of them",
        {},
        "lateral ST depression or T inversion",
        LATERAL,
    )


def rvh(trace: Trace, mention: Mention) -> Verdict:
    """A dominant R in V1 or a right axis; contradicted where both are clearly absent."""
    r, axis = (
        qrs.dominant_r_v1(trace, plain()),
        axis_in(trace, trace.limits.axis_right_deg, 180.0, trace.error("axis")),
    )
    if r.truth == "no" and axis == "no":
        return Verdict(
            "no",
            f"R in V1 does not outweigh S, and {axis_words(trace)}",
            {**r.measured, "qrs_axis_deg": trace.m.qrs_axis_deg},
            "a dominant R in V1 with right axis",
        )
    if mention.negated and all_of([r.truth, axis]) != "yes":
        return Verdict("near", f"{r.why}; {axis_words(trace)}", r.measured, "a dominant R in V1 with right axis")
    if (
        r.truth == "yes"
        and axis == "yes"
        and right_shape(trace)[0] == "yes"
        and qrs_over(trace, trace.limits.qrs_wide_ms) == "no"
    ):
        return Verdict("yes", f"{r.why}; {axis_words(trace)}", r.measured, "a dominant R in V1 with right axis")
    return trace.unknown(f"{r.why}; {axis_words(trace)}: this decides nothing by itself")


def any_hypertrophy(trace: Trace, mention: Mention) -> Verdict:
    """Left or right ventricular hypertrophy."""
    left, right = lvh(trace, mention), rvh(trace, mention)
    return replace(left, truth=any_of([left.truth, right.truth]))


def left_atrial(trace: Trace, mention: Mention) -> Verdict:
    """A deep terminal P in V1 or a long P; contradicted where neither is near."""
    v1, limits = trace.lead("V1"), trace.limits
    present = rhythm.p_present(trace, mention)
    if present.truth in ("no", "unknown") and not mention.negated:
        return present
    depth = (
        -v1.p_negative_amplitude_mv
        if v1 is not None and v1.p_negative_amplitude_mv is not None
        else 0.0
        if v1 is not None
        else None
    )
    deep = trace.over(depth, limits.p_terminal_v1_mv, trace.error("p_amplitude") * 0.6)
    long = trace.over(trace.m.p_duration_ms, limits.p_duration_ms, trace.error("p_duration"))
    truth: Truth = (
        "yes"
        if deep == long == "yes"
        else "no"
        if {deep, long} <= {"no", "unknown"} and "no" in (deep, long)
        else "near"
    )
    if {deep, long} == {"unknown"}:
        return trace.unknown("P is not measurable")
    lasts = f"{trace.m.p_duration_ms:.0f} ms" if trace.m.p_duration_ms is not None else "an unknown time"
    return Verdict(
        truth,
        f"P lasts {lasts}, its terminal part in V1 is {'unknown' if depth is None else number(depth, 'x_mv')} deep",
        {"p_duration_ms": trace.m.p_duration_ms},
        "a long P with a deep terminal part in V1",
        ("II", "V1"),
    )


def right_atrial(trace: Trace, mention: Mention) -> Verdict:
    """P in II above the limit."""
    return rhythm.p_tall(trace, replace(mention, leads=("II",)))


def any_atrial(trace: Trace, mention: Mention) -> Verdict:
    """Left or right atrial abnormality."""
    left, right = left_atrial(trace, mention), right_atrial(trace, mention)
    truth = any_of([left.truth, right.truth])
    return replace(right if right.truth in ("yes", "near") else left, truth=truth)


def qt(which: str) -> Judge:
    """Return the judge of a long, short or normal QTc; one formula, with or without a wide QRS taken off, is enough."""

    def judge(trace: Trace, mention: Mention) -> Verdict:
        found = {
            name: value
            for name in ("qtc_bazett_ms", "qtc_fridericia_ms")
            if (value := getattr(trace.m, name)) is not None
        }
        if not found:
            return trace.unknown(f"QTc is not measurable: {trace.reason('qt_interval_ms')}")
        limits, width, sex = trace.limits, trace.error("qtc"), trace.case.patient.sex
        factor = wide_qrs_qt_factor(trace.m, limits)
        all_values = [*found.values(), *([value * factor for value in found.values()] if factor < 1.0 else [])]
        low = limits.qtc_female_ms if sex == "F" else limits.qtc_male_ms
        if sex is None:
            low, width = (limits.qtc_male_ms + limits.qtc_female_ms) / 2, width + 5
        long = [trace.over(value, low, width) for value in all_values]
        short = [trace.under(value, limits.qtc_short_ms, width) for value in all_values]
        judged: dict[str, list[Truth]] = {"long": long, "short": short}
        judged["normal"] = [all_of([negation(a), negation(b)]) for a, b in zip(long, short, strict=True)]
        judged["borderline"] = [trace.over(value, limits.qtc_normal_ms - width, width) for value in all_values]
        truths = set(judged[which])
        truth: Truth = "near" if len(truths) > 1 else any_of(truths)
        values = " and ".join(
            f"{value:.0f} ms ({'Bazett' if 'bazett' in name else 'Fridericia'})" for name, value in found.items()
        )
        meaning = {
            "long": f"prolonged means from {low:.0f} ms",
            "short": f"short means up to {limits.qtc_short_ms:.0f} ms",
        }
        words = meaning.get(which, f"normal means {limits.qtc_short_ms:.0f} to {low:.0f} ms")
        return Verdict(truth, f"measured QTc {values}; {words}", dict(found), words)

    return judge


def _territory(trace: Trace, leads: tuple[str, ...], *, acute: bool, negated: bool) -> tuple[Truth, str]:
    """Return whether a wall has pathological Q waves (unless acute) or ST elevation, with words."""
    st = waves.st_elevation(trace, plain(leads, negated=negated, contiguous=True))
    if acute:
        return st.truth, f"ST {st.why}"
    if negated:  # "no sign of infarction" of a text that describes its ST elevation means an old one
        old = qrs.q_pathological(trace, plain(leads, negated=True, contiguous=True))
        return old.truth, f"Q {old.why}"
    q = qrs.q_pathological(trace, plain(leads, negated=negated, contiguous=True))
    return any_of([q.truth, st.truth]), f"Q {q.why}"


def infarction(*leads: str, acute: bool = False) -> Judge:
    """Return the judge of an infarction of a wall: contradicted without Q waves or ST elevation in it."""

    def judge(trace: Trace, mention: Mention) -> Verdict:
        wall = tuple(leads) or mention.leads or tuple(lead for lead in LEADS if lead != "aVR")
        truth, words = _territory(trace, wall, acute=acute, negated=mention.negated)
        if truth == "unknown":
            return trace.unknown(words)
        poor = set(wall) & set(ANTERIOR) and qrs.poor_progression(trace, plain()).truth != "no"
        if truth == "no" and poor and not mention.negated and not acute:
            return trace.unknown(f"{words}, but R in V3 is small")
        if truth == "near" and not mention.negated:
            return trace.unknown(f"{words}: this decides nothing by itself", wall)
        return Verdict(
            truth,
            words,
            {},
            "pathological Q waves or ST elevation in the wall" if not acute else "ST elevation in the wall",
            wall,
        )

    return judge


def q_wave_infarction(trace: Trace, mention: Mention) -> Verdict:
    """Pathological Q waves in two neighbouring leads."""
    verdict = qrs.q_pathological(trace, plain(mention.leads, negated=mention.negated, contiguous=True))
    if verdict.truth == "near" and not mention.negated:
        return trace.unknown(f"Q {verdict.why}: this decides nothing by itself")
    return verdict


def posterior_infarction(trace: Trace, mention: Mention) -> Verdict:
    """ST depression in V1 to V3 or a dominant R in V1 or V2; contradicted where neither is near."""
    st = waves.st_depression(trace, plain(SEPTAL, contiguous=True))
    r = any_of([qrs.dominant("r")(trace, plain((lead,))).truth for lead in ("V1", "V2")])
    if st.truth == "no" and r == "no":
        return Verdict(
            "no",
            f"ST {st.why}; R does not outweigh S in V1 or V2",
            st.measured,
            "ST depression or a dominant R in V1 to V3",
            SEPTAL,
        )
    return trace.unknown("the posterior wall is seen only in its mirror image in V1 to V3")


def inferoposterior(trace: Trace, mention: Mention) -> Verdict:
    """As inferior infarction, which is part of it."""
    return infarction(*INFERIOR)(trace, mention)


def _explained(trace: Trace) -> bool:
    """Whether block, pacing or high voltage may explain ST-T change."""
    wide, tall = qrs_over(trace, trace.limits.qrs_normal_ms), lvh_voltage(trace, plain())
    return wide == "yes" or tall.truth in ("yes", "near") or rhythm.paced(trace, plain()).truth == "yes"


def ischaemia(trace: Trace, mention: Mention) -> Verdict:
    """ST deviation or T inversion; its absence is contradicted only by what no block or hypertrophy explains."""
    leads = mention.leads
    parts = [
        judge(trace, replace(plain(leads), negated=mention.negated, contiguous=True))
        for judge in (waves.st_elevation, waves.st_depression, waves.t_inverted)
    ]
    truth = any_of([part.truth for part in parts])
    worst = next((part for part in parts if part.truth == truth), parts[0])
    explained = _explained(trace)
    if truth == "yes" and mention.negated and explained:
        return trace.unknown(f"{worst.why}, which block or hypertrophy can explain")
    return replace(worst, truth=truth, expected="ST deviation or T inversion")


def st_t_change(trace: Trace, mention: Mention) -> Verdict:
    """Any ST deviation or T wave that is inverted or flat; slight changes decide nothing."""
    verdict = ischaemia(trace, mention)
    if mention.negated and verdict.truth == "unknown":
        part = waves.t_inverted(trace, replace(plain(mention.leads), negated=True, contiguous=True))
        return replace(part, expected="ST-T change") if part.truth == "yes" else verdict
    if verdict.truth == "no" and not mention.negated:
        flat = waves.t_flat(trace, plain(mention.leads))
        return flat if flat.truth in ("yes", "near") else trace.unknown("slight ST-T changes are below what is judged")
    return verdict


def needs_elevation(trace: Trace, mention: Mention) -> Verdict:
    """Pericarditis, early repolarization, aneurysm: contradicted without any ST elevation, otherwise open."""
    st = waves.st_elevation(trace, plain())
    return st if st.truth == "no" else trace.unknown(f"ST {st.why}; the cause of an elevation is not measured")


def stemi(trace: Trace, mention: Mention) -> Verdict:
    """ST elevation in two neighbouring leads; supported only with all that is measured of it."""
    leads = mention.leads
    st = waves.st_elevation(trace, replace(plain(leads), negated=mention.negated, contiguous=True))
    if mention.negated:
        reciprocal = waves.st_depression(trace, plain()).truth
        sure = reciprocal == "yes" and not _explained(trace)
        return st if st.truth != "yes" or sure else trace.unknown(f"ST {st.why}; the cause of the elevation is open")
    return st if st.truth != "near" else trace.unknown(f"ST {st.why}")


def wellens(trace: Trace, mention: Mention) -> Verdict:
    """T inverted or biphasic in V2 and V3; contradicted where it is upright in both."""
    verdict = waves.t_inverted(trace, plain(("V2", "V3")))
    return verdict if verdict.truth == "no" else trace.unknown(f"T {verdict.why}; the pattern is not judged")


def hyperkalaemia(trace: Trace, mention: Mention) -> Verdict:
    """Tall T waves support its signs; the potassium itself is not measured."""
    tall = waves.t_tall(trace, replace(plain(), contiguous=True, negated=mention.negated))
    if (tall.truth == "no") == mention.negated and tall.truth in ("yes", "no"):
        return tall
    return trace.unknown(f"T {tall.why}; potassium is not measured")


def open_question(why: str) -> Judge:
    """Return the judge of what nothing measured decides, with the reason."""
    return lambda trace, mention: trace.unknown(why)


def high_voltage(trace: Trace, mention: Mention) -> Verdict:
    """As the voltage criteria."""
    return lvh_voltage(trace, mention)


def reversal(trace: Trace, mention: Mention) -> Verdict:
    """P and QRS inverted in I, or precordial leads out of order; contradicted where both are clearly not so."""
    if trace.m.quality.exchanged_precordial is not None:
        return Verdict(
            "near", f"{' and '.join(trace.m.quality.exchanged_precordial)} look exchanged", {}, "leads out of order"
        )
    one, qrs = trace.lead("I"), trace.case.qrs("I")
    if one is None or qrs is None:
        return trace.unknown("lead I was not measured")
    inverted = not qrs.upright and (one.p_amplitude_mv is None or one.p_amplitude_mv < 0)
    p = "unknown" if one.p_amplitude_mv is None else number(one.p_amplitude_mv, "x_mv")
    words = f"QRS {'upright' if qrs.upright else 'not upright'} in I, P {p}"
    truth: Truth = (
        "no"
        if not inverted
        else "yes"
        if one.p_amplitude_mv is not None and (one.t_amplitude_mv or 0.0) < 0
        else "near"
    )
    return Verdict(truth, words, {"I.p_amplitude_mv": one.p_amplitude_mv}, "P, QRS and T inverted in I", ("I",))
