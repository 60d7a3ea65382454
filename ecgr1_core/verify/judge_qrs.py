"""Judges claims about the QRS complex in leads: Q waves, shapes, voltage and the growth of R from V1 to V6.

By the limits of the protocol, lead by lead, with the rule of `judge_waves` for lists of leads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ecgr1_core.record import LEADS, LIMB_LEADS, PRECORDIAL_LEADS
from ecgr1_core.verify.judge_waves import WITHOUT_AVR, Judge, in_leads, values
from ecgr1_core.verify.trace import Trace, Truth, negation, number
from ecgr1_core.verify.types import Mention, Verdict


def _pathological(trace: Trace, lead: str) -> tuple[Truth, bool]:
    """Return whether Q is pathological, and whether by far; a QS in V1 or V2 alone is near, as a usual variant."""
    qrs, limits = trace.case.qrs(lead), trace.limits
    if qrs is None:
        return "unknown", False
    if qrs.is_qs:
        alone = lead in ("V1", "V2", "aVR", "aVL", "III")
        return ("near", False) if alone or _wide_left(trace) else ("yes", True)
    width = qrs.q_ms or 0.0
    if qrs.q < limits.q_depth_mv and width < limits.q_duration_ms:
        return "no", False
    deep = qrs.q >= limits.q_to_r * qrs.height
    full = qrs.q >= limits.q_depth_mv and width >= limits.q_duration_ms and (deep or width >= limits.q_wide_ms)
    v3 = trace.case.qrs("V3")
    if full and lead in ("V1", "V2") and v3 is not None and v3.height > limits.poor_progression_r_v3_mv:
        return "near", False  # with a good R in V3 a matter of electrode height
    grave = full and lead not in ("aVL", "III") and deep
    return ("yes" if full else "near"), grave and width >= limits.q_wide_ms + 10


def _wide_left(trace: Trace) -> bool:
    """Whether the QRS is wide, so that a QS in front belongs to a block rather than to an infarction."""
    return (trace.m.qrs_duration_ms or 0.0) >= trace.limits.qrs_wide_ms


def q_pathological(trace: Trace, mention: Mention) -> Verdict:
    """Q of 30 ms and 0.1 mV with a quarter of R or 40 ms, or QS; a Q with some of it contradicts neither wording.

    A denial that names no leads is of the finding, which needs two contiguous ones.
    """
    if mention.negated and not mention.leads:
        mention = replace(mention, contiguous=True)
    meaning = (
        f"pathological means {trace.limits.q_duration_ms:.0f} ms and {number(trace.limits.q_depth_mv, 'x_mv')} or QS"
    )
    found = {lead: _pathological(trace, lead) for lead in LEADS}
    return in_leads(
        trace, mention, WITHOUT_AVR, lambda lead: found[lead][0], lambda lead: found[lead][1], "q_amplitude_mv", meaning
    )


def q_present(trace: Trace, mention: Mention) -> Verdict:
    """Any Q wave; a text that denies Q waves means pathological ones."""
    if mention.negated:
        return q_pathological(trace, mention)

    def judge(lead: str) -> Truth:
        qrs = trace.case.qrs(lead)
        if qrs is None:
            return "unknown"
        return "yes" if qrs.q >= 0.05 else "near" if qrs.q > 0.0 else "no"

    return in_leads(
        trace, mention, WITHOUT_AVR, judge, lambda lead: False, "q_amplitude_mv", "a negative wave before R"
    )


def dominant(wave: str) -> Judge:
    """Return the judge of "dominant R" or "dominant S" in leads: the one outweighs the other."""

    def judge(trace: Trace, mention: Mention) -> Verdict:
        def of(lead: str) -> Truth:
            qrs = trace.case.qrs(lead)
            if qrs is None:
                return "unknown"
            larger, smaller = (qrs.height, qrs.depth) if wave == "r" else (qrs.depth, qrs.height)
            if larger >= 1.25 * smaller:
                return "yes"
            return "near" if larger >= smaller / 1.25 else "no"

        named = replace(mention, leads=mention.leads or ("V1",))
        meaning = f"dominant means larger than the {'negative' if wave == 'r' else 'positive'} waves"
        return in_leads(trace, named, LEADS, of, lambda lead: True, f"{wave}_amplitude_mv", meaning)

    return judge


def dominant_r_v1(trace: Trace, mention: Mention) -> Verdict:
    """R outweighs S in V1."""
    return dominant("r")(trace, replace(mention, leads=("V1",)))


def qrs_sign(trace: Trace, mention: Mention) -> Verdict:
    """QRS mainly upright in the leads named (I where none is)."""
    return dominant("r")(trace, replace(mention, leads=mention.leads or ("I",)))


def qrs_negative(trace: Trace, mention: Mention) -> Verdict:
    """QRS mainly negative in the leads named."""
    return dominant("s")(trace, replace(mention, leads=mention.leads or ("I",)))


def shape(trace: Trace, mention: Mention) -> Verdict:
    """A QRS shape such as rS, qR or rSR' in leads; waves below 0.05 mV may be there or not."""
    said = mention.kind.removeprefix("shape.").lower()
    wanted = {
        "q": "q" in said and said != "qs",
        "r": "r" in said,
        "s": "s" in said and said != "qs",
        "r'": said.count("r") > 1,
    }

    def judge(lead: str) -> Truth:
        qrs = trace.case.qrs(lead)
        if qrs is None:
            return "unknown"
        sizes = {"q": 0.0 if qrs.is_qs else qrs.q, "r": qrs.r, "s": qrs.s, "r'": qrs.r_prime}
        if said == "qs":
            return "yes" if qrs.is_qs else "near" if qrs.height <= max(0.1, 0.15 * qrs.depth) * trace.zone else "no"
        wrong = [wave for wave, size in sizes.items() if wanted[wave] != (size > 0.0)]
        if not wrong:
            return "yes"
        missed = [wave for wave in wrong if wanted[wave] and wave != "q"]  # a small q may be below what is counted
        largest = max(sizes.values())
        if qrs.height + qrs.depth < 0.5:
            return "near"  # the shape of so small a complex is a matter of reading
        extra = any(sizes[wave] > max(0.1, 0.5 * largest) for wave in wrong if not wanted[wave])
        return "no" if missed or extra else "near"

    if not mention.leads:
        return trace.unknown("the shape is named for no lead")
    verdict = in_leads(
        trace,
        mention,
        LEADS,
        judge,
        lambda lead: True,
        "qrs_peak_to_peak_mv",
        f"{mention.kind.removeprefix('shape.')} was looked for",
    )
    seen = {lead: one.morphology for lead in mention.leads if (one := trace.lead(lead)) is not None}
    words = ", ".join(f"{lead} {form or 'without a shape'}" for lead, form in seen.items())
    return replace(
        verdict, why=f"measured {words}", measured={f"{lead}.morphology": form for lead, form in seen.items()}
    )


def low_voltage(trace: Trace, mention: Mention) -> Verdict:
    """Every limb lead, or every precordial lead, below the protocol's limit, peak to peak."""
    if trace.case.uncalibrated is not None:
        return trace.unknown(f"amplitudes are not calibrated: {trace.case.uncalibrated}")
    groups: Mapping[str, tuple[tuple[str, ...], float]] = {
        "limb": (LIMB_LEADS, trace.limits.low_voltage_limb_mv),
        "precordial": (PRECORDIAL_LEADS, trace.limits.low_voltage_precordial_mv),
    }
    parts = [name for name, (leads, _) in groups.items() if not mention.leads or set(mention.leads) & set(leads)]
    truths: list[Truth] = []
    words = []
    for name in parts:
        leads, limit = groups[name]
        sizes = [size for size in values(trace, leads, "qrs_peak_to_peak_mv").values() if size is not None]
        if len(sizes) < len(leads):
            truths.append("unknown")
            words.append(f"not every {name} lead was measured")
            continue
        truths.append(trace.under(max(sizes), limit, 0.2 * limit * trace.zone))
        words.append(
            f"the largest QRS of the {name} leads is {number(max(sizes), 'x_mv')}, "
            f"low means below {number(limit, 'x_mv')}"
        )
    truth: Truth = (
        "yes" if "yes" in truths else "near" if "near" in truths else "unknown" if "unknown" in truths else "no"
    )
    return Verdict(truth, "; ".join(words), {}, "low voltage in every limb or every precordial lead", mention.leads)


def normal_voltage(trace: Trace, mention: Mention) -> Verdict:
    """Not low; high voltage is judged with hypertrophy."""
    verdict = low_voltage(trace, mention)
    return replace(verdict, truth=negation(verdict.truth), expected="normal voltage")


def poor_progression(trace: Trace, mention: Mention) -> Verdict:
    """R in V3 up to the protocol's limit."""
    if trace.case.uncalibrated is not None:
        return trace.unknown(f"amplitudes are not calibrated: {trace.case.uncalibrated}")
    v3, limit = trace.case.qrs("V3"), trace.limits.poor_progression_r_v3_mv
    if v3 is None:
        return trace.unknown("QRS was not measured in V3")
    truth = trace.under(v3.height, limit, trace.error("amplitude"))
    words = f"R in V3 is {number(v3.height, 'x_mv')}; poor means up to {number(limit, 'x_mv')}"
    return Verdict(truth, words, {"V3.r_amplitude_mv": v3.height}, "a small R in V3", ("V3",))


def normal_progression(trace: Trace, mention: Mention) -> Verdict:
    """R in V3 above the protocol's limit."""
    verdict = poor_progression(trace, mention)
    return replace(verdict, truth=negation(verdict.truth), expected="R in V3 above the limit")


def _zone(name: str, low: int, high: int) -> Judge:
    """Return the judge of where R first outweighs S, as numbers of precordial leads 1 to 6, 7 for none."""

    def judge(trace: Trace, mention: Mention) -> Verdict:
        if trace.case.qrs("V3") is None:
            return trace.unknown("QRS was not measured in V3")
        zone = trace.m.transition_zone
        place = int(zone[1]) if zone and zone[1:].isdigit() else 7
        off = max(low - place, place - high, 0)
        truth: Truth = "yes" if off == 0 else "near" if off <= trace.zone else "no"
        return Verdict(
            truth,
            f"R outweighs S {'from ' + zone + ' on' if zone else 'nowhere up to V6'}",
            {"transition_zone": zone},
            name,
        )

    return judge


late_transition = _zone("transition after V4", 5, 7)
early_transition = _zone("transition before V3", 1, 2)
usual_transition = _zone("transition in V3 or V4", 3, 4)


def transition(trace: Trace, mention: Mention) -> Verdict:
    """The transition zone named in leads; one lead beside it is near."""
    front = [int(lead[1]) for lead in mention.leads if lead.startswith("V")]
    if not front:
        return trace.unknown("no precordial lead is named for the transition")
    return _zone(f"transition in {', '.join(mention.leads)}", min(front), max(front))(trace, mention)
