"""Step 3: right ventricular hypertrophy, low voltage and R-wave progression; the left ventricle has a file of its own.

It does not judge voltage where the amplitudes are not calibrated, nor hypertrophy where block, pacing or pre-excitation
shape the QRS.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import step3_left_ventricle, words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Finding, Findings
from ecgr1_core.protocol.step3_left_ventricle import shaped_by, unjudged
from ecgr1_core.protocol.territories import ANTERIOR
from ecgr1_core.record import LIMB_LEADS, PRECORDIAL_LEADS


def assess(case: Case, earlier: Findings) -> list[Finding]:
    """Return the findings of step 3; blocks of step 2 decide which criteria hold."""
    if case.uncalibrated is not None:
        return [
            unjudged("voltage.uncalibrated", "Voltage criteria are not judged: amplitudes are not calibrated."),
        ]
    found = [step3_left_ventricle.assess(case, earlier), *_right(case, earlier)]
    return [*found, _low(case), _progression(case, earlier)]


def _right(case: Case, earlier: Findings) -> list[Finding]:
    v1, limits = case.qrs("V1"), case.limits
    if v1 is None:
        return []
    if reason := shaped_by(earlier, right_block=True):
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
    lacking = f"but not above {words.mv(limits.rvh_r_v1_mv)}" if right_axis else "without right axis deviation"
    return [
        Finding(
            id="rvh.dominant_r",
            step=3,
            statement=f"Dominant R in V1 ({words.mv(v1.height)} against S {words.mv(v1.depth)}) {lacking}: "
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
        return unjudged(
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
    if reason := shaped_by(earlier):
        return Finding(
            "progression.not_judged", 3, f"R-wave progression is not judged: {reason}.", "normal", rule="R V3"
        )
    if len(qrs) < len(ANTERIOR):
        lost = [lead for lead in ANTERIOR if lead not in qrs]
        return unjudged(
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
        statement=f"R V1–V4 in mV: {values}."
        if earlier.has("qrs.rbbb")
        else f"R V1–V4 in mV: {values}; R in V3 above {words.mv(limit)}, no poor R-wave progression. "
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
