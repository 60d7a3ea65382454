"""Step 3, left ventricular hypertrophy: voltage criteria, the points of Romhilt and Estes, the strain pattern."""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Certainty, Finding, Findings
from ecgr1_core.protocol.territories import INFERIOR
from ecgr1_core.record import LIMB_LEADS

_IF_FEMALE = " for a woman, sex unknown"
_CORNELL = "(Cornell)"
_LATERAL = ("I", "aVL", "V5", "V6")


def assess(case: Case, earlier: Findings) -> Finding:
    """Return the finding on left ventricular hypertrophy; block, pacing and axis of the earlier steps decide with."""
    if reason := shaped_by(earlier):
        return Finding(
            "lvh.not_judged",
            3,
            f"Left ventricular hypertrophy is not judged by voltage: {reason}.",
            "normal",
            rule="LVH",
        )
    met, not_met, numbers = _left_criteria(case, earlier)
    if not met and not not_met:
        return unjudged(
            "lvh.unknown", "Left ventricular hypertrophy is not assessable: V1, V5, V6, I and aVL not measured."
        )
    strained = strain_leads(case)
    points, scored = _points(case, earlier, strained)
    numbers["romhilt_estes_points"] = points
    score = f"Romhilt-Estes score {points:.0f}{f' ({words.join(scored)})' if scored else ''}"
    leads = ("I", "aVL", "V1", "V3", "V5", "V6")
    if not met:
        return _without_voltage(case, not_met, points, strained, score, numbers, leads)
    age = case.patient.age_years
    young = age is not None and age < case.limits.lvh_adult_age_years
    sure = [criterion for criterion in met if _IF_FEMALE not in criterion]
    alone = len(sure) == 1 and _CORNELL in sure[0] and points < case.limits.romhilt_estes_probable
    scoring = points >= case.limits.romhilt_estes_definite
    name = "voltage criteria for left ventricular hypertrophy"
    certainty: Certainty = "possible" if young or not sure or alone else "probable"
    note = ""
    if strained or scoring:
        name, certainty = "left ventricular hypertrophy", "probable"
        if strained:
            note = f" ST depression with T inversion in {words.leads(strained)} fits a strain pattern."
    elif len(sure) > 1 and not young:
        name, certainty = "left ventricular hypertrophy", "probable"
    elif young:
        note = f" High voltage alone is usual at {age:.0f} years."
    prefix = "possible " if certainty == "possible" else ""
    return Finding(
        id="lvh.strain" if strained else "lvh.voltage",
        step=3,
        statement=f"{words.capital('; '.join(met))}; {score}: {prefix}{name}.{note}",
        status="abnormal",
        certainty=certainty,
        label=vocabulary.label(name),
        leads=leads,
        numbers=numbers,
        rule="Sokolow-Lyon, R I, R aVL, Cornell, Romhilt-Estes",
        phrase=f"{prefix}{name}{' with a strain pattern' if strained else ''}",
        reasoning=f"ST depression and T inversion in {words.leads(strained)} are secondary to hypertrophy in "
        "the first place; lateral ischemia cannot be told from it on one recording."
        if strained
        else "",
        basic=True,
    )


def _without_voltage(
    case: Case,
    not_met: list[str],
    points: float,
    strained: list[str],
    score: str,
    numbers: dict[str, float],
    leads: tuple[str, ...],
) -> Finding:
    """No voltage criterion: normal, unless strain and the other points reach what is called definite."""
    if points >= case.limits.romhilt_estes_definite and strained:
        return Finding(
            id="lvh.points",
            step=3,
            statement=f"{words.capital('; '.join(not_met))}: no voltage criterion, but {score}: possible left "
            "ventricular hypertrophy.",
            status="abnormal",
            certainty="possible",
            label=vocabulary.label("left ventricular hypertrophy"),
            leads=leads,
            numbers=numbers,
            rule=f"strain pattern and Romhilt-Estes score >= {case.limits.romhilt_estes_definite:.0f}",
            phrase="possible left ventricular hypertrophy by the Romhilt-Estes score",
            basic=True,
        )
    return Finding(
        id="lvh.none",
        step=3,
        statement=f"{words.capital('; '.join(not_met))}; {score}: no voltage criterion of left ventricular "
        "hypertrophy.",
        status="normal",
        leads=leads,
        numbers=numbers,
        rule="Sokolow-Lyon, R I, R aVL, Cornell",
        basic=True,
    )


def _points(case: Case, earlier: Findings, strained: list[str]) -> tuple[float, list[str]]:
    """Return the points of Romhilt and Estes (1968) and what gave them; digitalis is taken not to be given.

    3 voltage (limb R or S, S in V1 or V2, R in V5 or V6), 3 strain, 3 left atrial (terminal P in V1), 2 left axis, 1
    QRS duration, 1 intrinsicoid deflection in V5 or V6.
    """
    limits, m = case.limits, case.measurements
    limb, front = case.complexes(LIMB_LEADS), case.complexes(("V1", "V2", "V5", "V6"))
    tall = any(max(qrs.height, qrs.depth) >= limits.romhilt_limb_mv for qrs in limb.values())
    tall = tall or any(front[n].s_depth >= limits.romhilt_precordial_mv for n in ("V1", "V2") if n in front)
    tall = tall or any(front[n].height >= limits.romhilt_precordial_mv for n in ("V5", "V6") if n in front)
    v1 = case.lead("V1")
    deep = v1 is not None and (v1.p_negative_amplitude_mv or 0.0) <= -limits.p_terminal_v1_mv
    atrial = deep and v1 is not None and (v1.p_terminal_force_mv_ms or 0.0) >= limits.p_terminal_force_v1_mv_ms
    late = [lead.r_peak_time_ms for n in ("V5", "V6") if (lead := case.lead(n)) is not None and lead.r_peak_time_ms]
    left = m.qrs_axis_deg is not None and limits.axis_extreme_deg <= m.qrs_axis_deg <= limits.axis_left_deg
    left = left and earlier.get("axis.unknown") is None
    long = m.qrs_duration_ms is not None and m.qrs_duration_ms - limits.qrs_all_leads_ms >= limits.romhilt_qrs_ms
    given = [
        (3.0, tall, "voltage 3"),
        (3.0, bool(strained), "strain 3"),
        (3.0, atrial, "terminal P in V1 3"),
        (2.0, left, "left axis 2"),
        (1.0, long, "QRS duration 1"),
        (
            1.0,
            bool(late) and max(late) >= limits.romhilt_intrinsicoid_ms + limits.qrs_all_leads_ms / 2,
            "late R peak in V5 or V6 1",
        ),
    ]
    return sum(points for points, met, _ in given if met), [text for _, met, text in given if met]


def _left_criteria(case: Case, earlier: Findings) -> tuple[list[str], list[str], dict[str, float]]:
    """Return the criteria in words, met and not met, and their numbers."""
    limits, qrs = case.limits, case.complexes(("I", "aVL", "V1", "V3", "V5", "V6"))
    met: list[str] = []
    not_met: list[str] = []
    numbers: dict[str, float] = {}

    def judge(name: str, key: str, value: float, limit: float, remark: str = "") -> None:
        numbers[key] = value
        over = value > limit
        text = (
            f"{name} {value:.2f} mV ({10 * value:.1f} mm, {'above' if over else 'limit'} {10 * limit:.0f} mm{remark})"
        )
        (met if over else not_met).append(text)

    lateral = [(qrs[lead].height, lead) for lead in ("V5", "V6") if lead in qrs]
    if "V1" in qrs and lateral:
        tallest, lead = max(lateral)
        judge(f"S V1 + R {lead} (Sokolow-Lyon)", "sokolow_lyon_mv", qrs["V1"].s_depth + tallest, limits.sokolow_lyon_mv)
    fascicular = earlier.has("fascicle.lafb")  # a horizontal vector makes R in I and aVL tall without hypertrophy
    if "I" in qrs and not fascicular:
        judge("R I", "I.r_amplitude_mv", qrs["I"].height, limits.lvh_r_i_mv)
    if "aVL" in qrs and not fascicular:
        judge("R aVL", "aVL.r_amplitude_mv", qrs["aVL"].height, limits.lvh_r_avl_mv)
    if "aVL" in qrs and "V3" in qrs and not fascicular:
        cornell, sex = qrs["aVL"].height + qrs["V3"].s_depth, case.patient.sex
        name, key = f"R aVL + S V3 {_CORNELL}", "cornell_mv"
        limit = limits.cornell_male_mv if sex == "M" or cornell > limits.cornell_male_mv else limits.cornell_female_mv
        unsure = f"{_IF_FEMALE}, {10 * limits.cornell_male_mv:.0f} mm for a man"
        judge(name, key, cornell, limit, unsure if sex is None and limit == limits.cornell_female_mv else "")
    return met, not_met, numbers


def strain_leads(case: Case) -> list[str]:
    """Return the lateral leads with an upright QRS, ST depression and an inverted T, at least two; else none.

    Beside inferior ST elevation they are reciprocal and no strain.
    """
    found = []
    inferior = [m.st_j_mv for lead in INFERIOR if (m := case.lead(lead)) is not None and m.st_j_mv is not None]
    if sum(level >= case.limits.st_elevation_mv for level in inferior) > 1:
        return []
    for lead, qrs in case.complexes(_LATERAL).items():
        measured, t = case.lead(lead), case.t_wave_mv(lead)
        st = None if measured is None else measured.st_j60_mv
        if qrs.upright and st is not None and t is not None and st <= -case.limits.strain_st_mv and t < 0:
            found.append(lead)
    return found if len(found) > 1 else []


def shaped_by(earlier: Findings, *, right_block: bool = False) -> str:
    """Return what else shapes the QRS, so that voltage says nothing of the muscle; "" where nothing does."""
    if earlier.has("rhythm.paced"):
        return "the ventricles are paced"
    if earlier.has("qrs.lbbb"):
        return "left bundle branch block"
    if earlier.has("rhythm.wide_tachycardia"):
        return "wide complex tachycardia"
    if earlier.has("reversal.arms", "reversal.leg"):
        return "limb electrodes are probably exchanged"
    if earlier.has("pr.short_wide", "pr.delta", at_least="possible"):
        return "pre-excitation" if earlier.has("pr.delta") else "pre-excitation is possible"
    if right_block and earlier.has("qrs.rbbb", "qrs.irbbb"):
        return "right bundle branch block"
    return ""


def unjudged(id: str, statement: str) -> Finding:
    """Return the finding that something of step 3 could not be judged; `statement` says why."""
    phrase = {
        "voltage": "voltage criteria",
        "lvh": "left ventricular hypertrophy",
        "low_voltage": "low voltage",
        "progression": "R-wave progression",
    }
    topic = id.partition(".")[0]
    return Finding(id, 3, statement, "not_assessable", rule=topic, phrase=phrase.get(topic, ""), basic=True)
