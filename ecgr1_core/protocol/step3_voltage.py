"""Step 3: voltage criteria of left and right ventricular hypertrophy, low voltage and R-wave progression.

It does not judge voltage where the amplitudes are not calibrated, nor hypertrophy where block, pacing or pre-excitation
shape the QRS.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Certainty, Finding, Findings
from ecgr1_core.protocol.territories import ANTERIOR
from ecgr1_core.record import LIMB_LEADS, PRECORDIAL_LEADS

_IF_FEMALE = " for a woman, sex unknown"
_LATERAL = ("I", "aVL", "V5", "V6")


def assess(case: Case, earlier: Findings) -> list[Finding]:
    """Return the findings of step 3; blocks of step 2 decide which criteria hold."""
    if case.uncalibrated is not None:
        return [
            _unjudged("voltage.uncalibrated", "Voltage criteria are not judged: amplitudes are not calibrated."),
        ]
    found = [_left(case, earlier), *_right(case, earlier)]
    return [*found, _low(case), _progression(case, earlier)]


def _left(case: Case, earlier: Findings) -> Finding:
    if reason := _shaped_by(earlier):
        return Finding(
            "lvh.not_judged",
            3,
            f"Left ventricular hypertrophy is not judged by voltage: {reason}.",
            "normal",
            rule="LVH",
        )
    met, not_met, numbers = _left_criteria(case, earlier)
    if not met and not not_met:
        return _unjudged(
            "lvh.unknown", "Left ventricular hypertrophy is not assessable: V1, V5, V6, I and aVL not measured."
        )
    leads = ("I", "aVL", "V1", "V3", "V5", "V6")
    if not met:
        return Finding(
            id="lvh.none",
            step=3,
            statement=f"{words.capital('; '.join(not_met))}: no voltage criterion of left ventricular hypertrophy.",
            status="normal",
            leads=leads,
            numbers=numbers,
            rule="Sokolow-Lyon, R I, R aVL, Cornell",
            basic=True,
        )
    strained = _strain(case)
    age = case.patient.age_years
    young = age is not None and age < case.limits.lvh_adult_age_years
    sure = [criterion for criterion in met if _IF_FEMALE not in criterion]
    name = "voltage criteria for left ventricular hypertrophy"
    certainty: Certainty = "possible" if young or not sure else "probable"
    note = ""
    if strained:
        name, certainty = "left ventricular hypertrophy", "probable"
        note = f" ST depression with T inversion in {words.leads(strained)} fits a strain pattern."
    elif len(sure) > 1 and not young:
        name, certainty = "left ventricular hypertrophy", "probable"
    elif young:
        note = f" High voltage alone is usual at {age:.0f} years."
    prefix = "possible " if certainty == "possible" else ""
    return Finding(
        id="lvh.strain" if strained else "lvh.voltage",
        step=3,
        statement=f"{words.capital('; '.join(met))}: {prefix}{name}.{note}",
        status="abnormal",
        certainty=certainty,
        label=vocabulary.label(name),
        leads=leads,
        numbers=numbers,
        rule="Sokolow-Lyon, R I, R aVL, Cornell",
        phrase=f"{prefix}{name}{' with a strain pattern' if strained else ''}",
        reasoning=f"ST depression and T inversion in {words.leads(strained)} are secondary to hypertrophy in "
        "the first place; "
        "lateral ischemia cannot be told from it on one recording."
        if strained
        else "",
        basic=True,
    )


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
    if "aVL" in qrs and "V3" in qrs:
        cornell, sex = qrs["aVL"].height + qrs["V3"].s_depth, case.patient.sex
        name, key = "R aVL + S V3 (Cornell)", "cornell_mv"
        limit = limits.cornell_male_mv if sex == "M" or cornell > limits.cornell_male_mv else limits.cornell_female_mv
        unsure = f"{_IF_FEMALE}, {10 * limits.cornell_male_mv:.0f} mm for a man"
        judge(name, key, cornell, limit, unsure if sex is None and limit == limits.cornell_female_mv else "")
    return met, not_met, numbers


def _strain(case: Case) -> list[str]:
    """Lateral leads with an upright QRS, ST depression and an inverted T."""
    found = []
    for lead, qrs in case.complexes(_LATERAL).items():
        measured, t = case.lead(lead), case.t_wave_mv(lead)
        st = None if measured is None else measured.st_j60_mv
        if qrs.upright and st is not None and t is not None and st <= -case.limits.strain_st_mv and t < 0:
            found.append(lead)
    return found if len(found) > 1 else []


def _right(case: Case, earlier: Findings) -> list[Finding]:
    v1, limits = case.qrs("V1"), case.limits
    if v1 is None:
        return []
    if reason := _shaped_by(earlier, right_block=True):
        return [
            Finding(
                "rvh.not_judged",
                3,
                f"R in V1 is not used for right ventricular hypertrophy: {reason}.",
                "normal",
                rule="RVH",
            )
        ]
    numbers = {"V1.r_amplitude_mv": v1.height, "V1.s_amplitude_mv": -v1.depth}
    dominant = v1.height > limits.dominant_r_v1 * v1.depth
    tall = v1.height > limits.rvh_r_v1_mv
    if not dominant:
        return [
            Finding(
                id="rvh.none",
                step=3,
                statement=f"R V1 {words.mv(v1.height)} against S {words.mv(v1.depth)}: no dominant R in V1, so "
                "no sign of right "
                "ventricular hypertrophy.",
                status="normal",
                leads=("V1",),
                numbers=numbers,
                rule=f"R/S in V1 > {limits.dominant_r_v1}",
                basic=True,
            )
        ]
    right_axis = earlier.has("axis.right", "axis.extreme")
    if tall and right_axis:
        return [
            Finding(
                id="rvh.present",
                step=3,
                statement=f"Dominant R in V1 ({words.mv(v1.height)}, above {words.mv(limits.rvh_r_v1_mv)}) "
                "with right axis deviation: "
                "probable right ventricular hypertrophy.",
                status="abnormal",
                certainty="probable",
                label=vocabulary.label("right ventricular hypertrophy"),
                leads=("V1",),
                numbers=numbers,
                rule=f"R V1 > {limits.rvh_r_v1_mv} mV, R/S > {limits.dominant_r_v1}, axis > "
                f"{limits.axis_right_deg:.0f}°",
                phrase="probable right ventricular hypertrophy",
                basic=True,
            )
        ]
    return [
        Finding(
            id="rvh.dominant_r",
            step=3,
            statement=f"Dominant R in V1 ({words.mv(v1.height)} against S {words.mv(v1.depth)}) without right "
            "axis deviation: "
            "posterior infarction, right ventricular hypertrophy, pre-excitation and a rotated heart are the "
            "alternatives.",
            status="abnormal",
            certainty="probable",
            label=vocabulary.label("dominant R wave in V1"),
            leads=("V1",),
            numbers=numbers,
            rule=f"R/S in V1 > {limits.dominant_r_v1}",
            phrase="dominant R wave in V1",
            basic=True,
        )
    ]


def _low(case: Case) -> Finding:
    limits = case.limits
    limb = {lead: m.qrs_peak_to_peak_mv for lead in LIMB_LEADS if (m := case.lead(lead)) is not None}
    front = {lead: m.qrs_peak_to_peak_mv for lead in PRECORDIAL_LEADS if (m := case.lead(lead)) is not None}
    limb_mv = [value for value in limb.values() if value is not None]
    front_mv = [value for value in front.values() if value is not None]
    if len(limb_mv) < len(LIMB_LEADS) or len(front_mv) < len(PRECORDIAL_LEADS):
        return _unjudged(
            "low_voltage.unknown", "Low voltage is not assessable: not every limb and precordial lead was measured."
        )
    numbers = {"limb_qrs_peak_to_peak_max_mv": max(limb_mv), "precordial_qrs_peak_to_peak_max_mv": max(front_mv)}
    where = ["limb"] * (max(limb_mv) < limits.low_voltage_limb_mv)
    where += ["precordial"] * (max(front_mv) < limits.low_voltage_precordial_mv)
    rule = f"limb < {limits.low_voltage_limb_mv} mV or precordial < {limits.low_voltage_precordial_mv} mV, every lead"
    if not where:
        return Finding(
            id="low_voltage.none",
            step=3,
            statement=f"Largest QRS {words.mv(max(limb_mv))} in the limb and {words.mv(max(front_mv))} in the "
            "precordial leads: "
            "no low voltage.",
            status="normal",
            numbers=numbers,
            rule=rule,
            basic=True,
        )
    largest = [f"{words.mv(max(limb_mv if part == 'limb' else front_mv))} in the {part} leads" for part in where]
    return Finding(
        id="low_voltage.present",
        step=3,
        statement=f"The largest QRS is only {words.join(largest)}: low QRS voltage.",
        status="abnormal",
        label=vocabulary.label("low QRS voltage"),
        leads=(LIMB_LEADS if "limb" in where else ()) + (PRECORDIAL_LEADS if "precordial" in where else ()),
        numbers=numbers,
        rule=rule,
        phrase=f"low QRS voltage in the {words.join(where)} leads",
        reasoning="Low voltage fits pericardial effusion, emphysema, obesity or infiltration as well as a "
        "normal variant.",
        basic=True,
    )


def _progression(case: Case, earlier: Findings) -> Finding:
    qrs = case.complexes(ANTERIOR)
    if reason := _shaped_by(earlier):
        return Finding(
            "progression.not_judged", 3, f"R-wave progression is not judged: {reason}.", "normal", rule="R V3"
        )
    if len(qrs) < len(ANTERIOR):
        lost = [lead for lead in ANTERIOR if lead not in qrs]
        return _unjudged(
            "progression.unknown", f"R-wave progression is not assessable: {words.leads(lost)} not measured."
        )
    numbers = {f"{lead}.r_amplitude_mv": one.height for lead, one in qrs.items()}
    limit = case.limits.poor_progression_r_v3_mv
    r = words.mv(qrs["V3"].height)
    small = f"R in V3 is {r}, not above {words.mv(limit)}" if qrs["V3"].height else "V3 has no R"
    if qrs["V3"].height <= limit:
        return Finding(
            id="progression.poor",
            step=3,
            statement=f"{small}: poor R-wave progression.",
            status="abnormal",
            label=vocabulary.label("poor R-wave progression"),
            leads=tuple(qrs),
            numbers=numbers,
            rule=f"R V3 <= {limit} mV",
            phrase="poor R-wave progression",
            reasoning="Poor R-wave progression alone does not prove anterior infarction; high electrode "
            "placement, emphysema and "
            "left ventricular hypertrophy cause it too.",
        )
    values = words.join(f"{lead} {one.height:.2f}" for lead, one in qrs.items())
    return Finding(
        id="progression.normal",
        step=3,
        statement=f"R V1–V4 in mV: {values}; R in V3 above {words.mv(limit)}, no poor R-wave progression. "
        f"{_transition(case)}",
        status="normal",
        leads=tuple(qrs),
        numbers=numbers,
        rule=f"R V3 > {limit} mV",
    )


def _transition(case: Case) -> str:
    """Say where R first outweighs S, and whether that is early or late (usual: V3 or V4)."""
    zone = case.measurements.transition_zone
    if zone is None:
        return "R does not outweigh S up to V6 (late transition)."
    where = {"V1": "early", "V2": "early", "V3": "usual", "V4": "usual"}.get(zone, "late")
    return f"R outweighs S from {zone} on ({where} transition)."


def _shaped_by(earlier: Findings, *, right_block: bool = False) -> str:
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


def _unjudged(id: str, statement: str) -> Finding:
    phrase = {
        "voltage": "voltage criteria",
        "lvh": "left ventricular hypertrophy",
        "low_voltage": "low voltage",
        "progression": "R-wave progression",
    }
    topic = id.partition(".")[0]
    return Finding(id, 3, statement, "not_assessable", rule=topic, phrase=phrase.get(topic, ""), basic=True)
