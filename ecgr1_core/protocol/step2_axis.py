"""Step 2, the frontal QRS axis and the fascicular blocks that it names; bi- and trifascicular block."""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Certainty, Finding, Findings

_LIMB = ("I", "II", "III", "aVL", "aVF")
_WITHOUT_FASCICLES = ("qrs.lbbb", "qrs.ilbbb", "qrs.pre_excited", "qrs.unknown")


def assess(case: Case, earlier: Findings) -> Finding:
    """Return the finding on the QRS axis; exchanged electrodes of step 1 make it unknown."""
    axis, limits = case.measurements.qrs_axis_deg, case.limits
    if case.uncalibrated is not None or earlier.has("reversal.arms", "reversal.leg"):
        why = (
            "amplitudes are not calibrated"
            if case.uncalibrated is not None
            else "limb electrodes are probably exchanged"
        )
        return Finding(
            "axis.unknown",
            2,
            f"The QRS axis is not judged: {why}.",
            "not_assessable",
            rule="QRS axis",
            phrase="QRS axis",
            basic=True,
        )
    if axis is None:
        return Finding(
            "axis.unknown", 2, f"The QRS axis is not measurable: {case.reason('qrs_axis_deg')}.", "not_assessable",
            rule="QRS axis", phrase="QRS axis", basic=True,
        )  # fmt: skip
    value, numbers = words.degrees(axis), {"qrs_axis_deg": axis}
    if limits.axis_left_deg <= axis <= limits.axis_right_deg + limits.axis_right_border_deg:
        border = axis > limits.axis_right_deg
        return Finding(
            "axis.normal", 2,
            f"QRS axis {value}, just beyond {words.degrees(limits.axis_right_deg)}: a vertical axis, of no weight "
            "by itself."
            if border
            else f"QRS axis {value}, within {words.degrees(limits.axis_left_deg)} to "
            f"{words.degrees(limits.axis_right_deg)}.",
            "normal", leads=("I", "aVF"), numbers=numbers, rule="QRS axis", basic=True,
        )  # fmt: skip
    if axis > limits.axis_right_deg:
        id, name, edge = "axis.right", "right axis deviation", f"beyond {words.degrees(limits.axis_right_deg)}"
    elif axis >= limits.axis_extreme_deg:
        id, name, edge = "axis.left", "left axis deviation", f"beyond {words.degrees(limits.axis_left_deg)}"
    else:
        id, name, edge = (
            "axis.extreme",
            "extreme axis deviation",
            f"between −180° and {words.degrees(limits.axis_extreme_deg)}",
        )
    paced = earlier.has("rhythm.paced")
    return Finding(
        id=id,
        step=2,
        statement=f"QRS axis {value}, {edge}: {name}{', from the pacing site' if paced else ''}.",
        status="abnormal",
        label=None if paced else vocabulary.label(name),
        leads=("I", "aVF"),
        numbers=numbers,
        rule="QRS axis",
        phrase=f"{name} ({value})",
        basic=True,
    )


def fascicles(case: Case, earlier: Findings, qrs: Finding, pr: Finding) -> list[Finding]:
    """Return the findings on fascicular blocks; `qrs` and `pr` are those of the same step."""
    axis, limits = case.measurements.qrs_axis_deg, case.limits
    blocked = earlier.has("rhythm.paced", "rhythm.wide_tachycardia", "reversal.arms", "reversal.leg")
    if axis is None or blocked or case.uncalibrated is not None or qrs.id in _WITHOUT_FASCICLES:
        return []
    limb = case.complexes(_LIMB)
    if len(limb) < len(_LIMB):
        return []
    right_block = qrs.id == "qrs.rbbb"
    if limits.lafb_axis_low_deg <= axis <= limits.axis_left_deg:
        r_s = [lead for lead in ("II", "III", "aVF") if limb[lead].r > 0 and limb[lead].s > limb[lead].r]
        if len(r_s) < 2 or not limb["aVL"].upright:
            return []
        full = limb["aVL"].q > 0 and len(r_s) == 3
        if axis > limits.lafb_axis_high_deg and not (limb["aVL"].q > 0 and {"III", "aVF"} <= set(r_s)):
            return []
        full = full and axis <= limits.lafb_axis_high_deg
        return _fascicular("lafb", "left anterior fascicular "
            "block", axis, "definite" if full else "probable", right_block, pr,
                           f"rS in {words.leads(r_s)} and {'qR' if limb['aVL'].q > 0 else 'R without q'} in "
                           "aVL")  # fmt: skip
    if axis > limits.lpfb_axis_low_deg:
        r_s = [lead for lead in ("I", "aVL") if limb[lead].r > 0 and limb[lead].s > limb[lead].r]
        q_r = [lead for lead in ("III", "aVF") if limb[lead].q > 0 and limb[lead].upright]
        if len(r_s) == 2 and len(q_r) == 2:
            return _fascicular("lpfb", "left posterior fascicular block", axis, "possible", right_block, pr,
                               "rS in I and aVL and qR in III and aVF; right ventricular hypertrophy, lateral "
                               "infarction and a "
                               "vertical heart must be excluded")  # fmt: skip
    return []


def _fascicular(
    id: str, name: str, axis: float, certainty: Certainty, right_block: bool, pr: Finding, why: str
) -> list[Finding]:
    prefix = "" if certainty == "definite" else f"{certainty} "
    found = [
        Finding(
            id=f"fascicle.{id}",
            step=2,
            statement=f"Axis {words.degrees(axis)} with {why}: {prefix}{name}.",
            status="abnormal",
            certainty=certainty,
            label=vocabulary.label(name),
            leads=("I", "II", "III", "aVL", "aVF"),
            numbers={"qrs_axis_deg": axis},
            rule="axis with qR and rS in the limb leads",
            phrase=f"{prefix}{name}",
        )
    ]
    if right_block and certainty != "possible":
        found.append(
            Finding(
                id="fascicle.bifascicular",
                step=2,
                statement="Together with the right bundle branch block this is a bifascicular block.",
                status="abnormal",
                certainty=certainty,
                label=vocabulary.label("bifascicular block"),
                rule="right bundle branch block with a fascicular block",
                phrase="bifascicular block",
                reasoning="Bifascicular block with syncope or a long PR interval calls for a search for "
                "higher-degree AV block.",
            )
        )
        if pr.id == "pr.long":
            found.append(
                Finding(
                    id="fascicle.trifascicular",
                    step=2,
                    statement="With the long PR interval the third fascicle may be involved (trifascicular block); the "
                    "delay can as well lie in the AV node.",
                    status="abnormal",
                    certainty="possible",
                    label=vocabulary.label("trifascicular block"),
                    numbers=dict(pr.numbers),
                    rule="bifascicular block with a long PR interval",
                    phrase="possible trifascicular block",
                )
            )
    return found
