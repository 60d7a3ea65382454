"""Judges claims about QRS waves, ST, T and U in leads, by the limits of the protocol.

A finding named for leads is contradicted where at least half of the leads clearly lack it; its absence where two
neighbouring leads, all leads, or one by far clearly have it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ecgr1_core.protocol.step4_ischaemia import st_elevation_limit_mv
from ecgr1_core.record import LEADS, LIMB_LEADS
from ecgr1_core.verify.trace import (
    Trace,
    Truth,
    absent_from,
    all_of,
    by_lead,
    listed,
    negation,
    number,
    present_in,
    truths_of,
)
from ecgr1_core.verify.types import Mention, Verdict

Judge = Callable[[Trace, Mention], Verdict]
_ST = ("st_j_mv", "st_j40_mv", "st_j60_mv", "st_j80_mv")
_SEEN_MV = 0.05  # half a small square: from here a raised ST is seen by eye, whatever the limit of the lead
_DOUBT_MV = 0.025  # a depression that falls short of its limit by this is not contradicted
WITHOUT_AVR = tuple(lead for lead in LEADS if lead != "aVR")
_T_LEADS = ("I", "II", "aVL", "aVF", "V2", "V3", "V4", "V5", "V6")  # T may be inverted in III, aVR and V1


def values(trace: Trace, leads: Sequence[str], name: str) -> dict[str, float | None]:
    """Return one measurement of each lead, None where it is unknown."""
    return {lead: getattr(one, name) if (one := trace.lead(lead)) is not None else None for lead in leads}


def in_leads(
    trace: Trace,
    mention: Mention,
    usual: Sequence[str],
    judge: Callable[[str], Truth],
    grave: Callable[[str], bool],
    shown: str,
    meaning: str,
) -> Verdict:
    """Judge a finding lead by lead; `usual` are the leads meant where none is named, `shown` the value given in words.

    The verdict is on the finding being there; for a negated mention it follows the rule of absence.
    """
    if trace.case.uncalibrated is not None:
        return trace.unknown(f"amplitudes are not calibrated: {trace.case.uncalibrated}", mention.leads)
    if mention.unrecorded and not mention.leads:
        return trace.unknown(f"{', '.join(mention.unrecorded)} is not among the recorded leads")
    leads = tuple(mention.leads or usual)
    if len(leads) > 6 and "aVR" in leads:
        leads = tuple(lead for lead in leads if lead in usual)
    if mention.dominant:
        leads = tuple(lead for lead in leads if (qrs := trace.case.qrs(lead)) is not None and qrs.upright)
    truths = truths_of(leads, judge)
    if mention.negated:
        truth = negation(absent_from(truths, {lead: grave(lead) for lead in truths}, contiguous=mention.contiguous))
    else:
        truth = present_in(
            truths, diffuse=mention.diffuse, named=bool(mention.leads) and not mention.contiguous, wall=mention.wall
        )
    measured = values(trace, leads, shown)
    if truth == "unknown":
        return trace.unknown(f"nothing was measured in {', '.join(leads) or 'these leads'}", leads)
    having = [lead for lead, one in truths.items() if one == "yes"]
    having = having or [lead for lead, one in truths.items() if one == "near"]
    lacking = [lead for lead, one in truths.items() if one == "no"]
    few = {lead: measured[lead] for lead in (having if mention.negated or not mention.leads else lacking) or leads}
    most = dict(list(few.items())[:6])
    words = f"{listed(most, shown)}; {meaning}"
    if not mention.negated and having and lacking:
        words = f"not in {', '.join(lacking)} ({listed(most, shown)}); {meaning}"
    return Verdict(truth, words, by_lead(measured, shown), meaning, leads)


def _st_levels(trace: Trace, lead: str) -> list[float]:
    one = trace.lead(lead)
    return [] if one is None else [value for name in _ST if (value := getattr(one, name)) is not None]


def st_elevation(trace: Trace, mention: Mention) -> Verdict:
    """ST at the J point above the limit of the lead; from half a small square on neither wording is contradicted."""
    slack = trace.error("st")

    def judge(lead: str) -> Truth:
        one, levels = trace.lead(lead), _st_levels(trace, lead)
        if one is None or one.st_j_mv is None:
            return "unknown"
        if one.st_j_mv >= st_elevation_limit_mv(trace.case, lead) + slack:
            return "yes"
        return "no" if max(levels) < _SEEN_MV - 1e-9 else "near"

    def grave(lead: str) -> bool:
        one = trace.lead(lead)
        return (
            one is not None and one.st_j_mv is not None and one.st_j_mv >= 2 * st_elevation_limit_mv(trace.case, lead)
        )

    limit, front = trace.limits.st_elevation_mv, st_elevation_limit_mv(trace.case, "V2")
    meaning = f"elevation means from {number(limit, 'x_mv')}, in V2 and V3 from {number(front, 'x_mv')}"
    return in_leads(trace, mention, WITHOUT_AVR, judge, grave, "st_j_mv", meaning)


def st_depression(trace: Trace, mention: Mention) -> Verdict:
    """ST at least half a small square below the baseline at the J point and after it."""
    limit = trace.limits.st_depression_mv

    def judge(lead: str) -> Truth:
        levels = _st_levels(trace, lead)
        if not levels:
            return "unknown"
        one = trace.lead(lead)
        later = one.st_j60_mv if one is not None and one.st_j60_mv is not None else levels[-1]
        if max(levels[0], later) <= -limit - trace.error("st") / 2:
            return "yes" if later - levels[0] < trace.limits.st_upsloping_mv else "near"
        return "no" if min(levels) > -limit + _DOUBT_MV else "near"

    def grave(lead: str) -> bool:
        levels = _st_levels(trace, lead)
        return bool(levels) and max(levels) <= -3 * limit

    meaning = f"depression means {number(limit, 'x_mv')} or more below the baseline"
    return in_leads(trace, mention, WITHOUT_AVR, judge, grave, "st_j_mv", meaning)


def st_isoelectric(trace: Trace, mention: Mention) -> Verdict:
    """Neither elevation nor depression, by the rule of absence; a denial of it asks for either."""
    other = replace(mention, negated=not mention.negated)
    up, down = st_elevation(trace, other), st_depression(trace, other)
    truth = all_of([negation(up.truth), negation(down.truth)])
    worse = up if up.truth == "yes" or down.truth != "yes" else down
    return Verdict(truth, worse.why, worse.measured, "neither elevation nor depression", worse.leads)


def st_deviation(trace: Trace, mention: Mention) -> Verdict:
    """Elevation or depression."""
    verdict = st_isoelectric(trace, replace(mention, negated=not mention.negated))
    return replace(verdict, truth=negation(verdict.truth), expected="elevation or depression")


def _upright_qrs(trace: Trace, lead: str) -> bool:
    qrs = trace.case.qrs(lead)
    return qrs is None or qrs.upright


def t_inverted(trace: Trace, mention: Mention) -> Verdict:
    """T below the baseline from the protocol's limit on; a shallow or partly negative T contradicts neither wording."""
    limit, slack = trace.limits.t_inversion_mv, trace.error("t")

    def judge(lead: str) -> Truth:
        one = trace.lead(lead)
        if one is None or one.t_amplitude_mv is None:
            return "unknown"
        if one.t_amplitude_mv <= -limit - (slack if mention.negated else 0.0):
            return "yes" if _upright_qrs(trace, lead) or lead in mention.leads else "near"
        if one.t_amplitude_mv <= 0.6 * slack or (one.t_negative_amplitude_mv or 0.0) <= -limit:
            return "near"
        return "no"

    def grave(lead: str) -> bool:
        one = trace.lead(lead)
        return one is not None and (one.t_amplitude_mv or 0.0) <= -2.5 * limit and _upright_qrs(trace, lead)

    meaning = f"inverted means {number(limit, 'x_mv')} or more below the baseline"
    return in_leads(trace, mention, _T_LEADS, judge, grave, "t_amplitude_mv", meaning)


def t_upright(trace: Trace, mention: Mention) -> Verdict:
    """T not inverted in the leads, by the rule of absence; a denial of it asks for inversion."""
    verdict = t_inverted(trace, replace(mention, negated=not mention.negated))
    return replace(verdict, truth=negation(verdict.truth), expected="upright T waves")


def t_flat(trace: Trace, mention: Mention) -> Verdict:
    """T within a tenth of a mV, or below a tenth of R."""

    def judge(lead: str) -> Truth:
        one, qrs = trace.lead(lead), trace.case.qrs(lead)
        if one is None or one.t_amplitude_mv is None:
            return "unknown"
        size, height = abs(one.t_amplitude_mv), qrs.height if qrs is not None else 0.0
        if size <= 0.05 or (height >= trace.limits.t_low_r_mv and size < trace.limits.t_low_to_r * height):
            return "yes"
        low = height >= trace.limits.t_low_r_mv and one.t_amplitude_mv < trace.limits.t_low_to_r * height
        return "near" if low or size <= 0.1 + 1.2 * trace.error("t") else "no"

    named = mention if mention.leads or mention.negated else replace(mention, leads=())
    return in_leads(
        trace,
        named,
        _T_LEADS,
        judge,
        lambda lead: False,
        "t_amplitude_mv",
        "flat means below a tenth of R or within 0.05 mV",
    )


def t_tall(trace: Trace, mention: Mention) -> Verdict:
    """T above the protocol's limits of limb and precordial leads; from 0.6 of them on it is near."""

    def judge(lead: str) -> Truth:
        one = trace.lead(lead)
        if one is None or one.t_amplitude_mv is None:
            return "unknown"
        limit = trace.limits.tall_t_limb_mv if lead in LIMB_LEADS else trace.limits.tall_t_precordial_mv
        if one.t_amplitude_mv > 1.1 * limit:
            return "yes"
        return "near" if one.t_amplitude_mv > 0.6 * limit else "no"

    limb, front = number(trace.limits.tall_t_limb_mv, "x_mv"), number(trace.limits.tall_t_precordial_mv, "x_mv")
    return in_leads(
        trace,
        mention,
        WITHOUT_AVR,
        judge,
        lambda lead: False,
        "t_amplitude_mv",
        f"tall means above {limb} in limb, {front} in precordial leads",
    )


def t_normal(trace: Trace, mention: Mention) -> Verdict:
    """Neither inverted nor tall."""
    other = replace(mention, negated=not mention.negated)
    inverted, tall = t_inverted(trace, other), t_tall(trace, other)
    worse = tall if tall.truth == "yes" and inverted.truth != "yes" else inverted
    return replace(worse, truth=all_of([negation(inverted.truth), negation(tall.truth)]), expected="normal T waves")


def t_abnormal(trace: Trace, mention: Mention) -> Verdict:
    """The opposite of normal T waves, or flat ones."""
    normal, flat = t_normal(trace, replace(mention, negated=not mention.negated)), t_flat(trace, mention)
    if normal.truth == "yes" and flat.truth in ("yes", "near"):
        return replace(flat, truth="near", expected="abnormal T waves")
    return replace(normal, truth=negation(normal.truth), expected="abnormal T waves")


def u_present(trace: Trace, mention: Mention) -> Verdict:
    """U from half a small square on in V2 to V5, or the leads named; prominent from the protocol's limits on."""
    prominent = mention.negated or mention.kind.endswith("prominent")
    limit = trace.limits.u_wave_mv if prominent else trace.limits.u_wave_mv / 2

    def judge(lead: str) -> Truth:
        one = trace.lead(lead)
        return (
            "unknown"
            if one is None or one.u_amplitude_mv is None
            else trace.over(one.u_amplitude_mv, limit, 0.03 * trace.zone)
        )

    return in_leads(
        trace,
        mention,
        ("V2", "V3", "V4", "V5"),
        judge,
        lambda lead: False,
        "u_amplitude_mv",
        f"a U wave means above {number(limit, 'x_mv')}",
    )
