"""Step 2: frontal axis, PR interval, delta wave, QRS duration and the pattern of a block.

Notches are not used: bundle branch block is told by the waves of V1, I and V6.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Certainty, Finding, Findings

_LIMB = ("I", "II", "III", "aVL", "aVF")

_WITHOUT_FASCICLES = ("qrs.lbbb", "qrs.ilbbb", "qrs.pre_excited", "qrs.unknown")


def assess(case: Case, earlier: Findings) -> list[Finding]:
    """Return the findings of step 2; lead reversal and pacing of step 1 decide what can be judged."""
    pr = _pr(case, earlier)
    qrs = _qrs(case, earlier, pr)
    return [pr, qrs, _axis(case, earlier), *_fascicles(case, earlier, qrs)]


def _pr(case: Case, earlier: Findings) -> Finding:
    pr, short, long = case.measurements.pr_interval_ms, case.limits.pr_short_ms, case.limits.pr_long_ms
    without_p = earlier.has("rhythm.atrial_fibrillation", "rhythm.regular_without_p", "rhythm.wide_tachycardia")
    if without_p or earlier.has("rhythm.paced"):
        why = "the ventricles are paced" if earlier.has("rhythm.paced") else "no P wave belongs to the QRS complexes"
        return Finding("pr.none", 2, f"There is no PR interval to judge: {why}.", "normal", rule="PR", basic=True)
    if pr is None:
        return Finding(
            "pr.unknown", 2, f"The PR interval is not measurable: {case.reason('pr_interval_ms')}.", "not_assessable",
            rule="PR", phrase="PR interval", basic=True,
        )  # fmt: skip
    numbers = {"pr_interval_ms": pr}
    if pr > long:
        return Finding(
            id="pr.long",
            step=2,
            statement=f"PR {words.ms(pr)}, longer than {words.ms(long)}: first-degree AV block.",
            status="abnormal",
            label=vocabulary.label("first-degree AV block"),
            numbers=numbers,
            rule=f"PR > {long:.0f} ms",
            phrase=f"first-degree AV block (PR {words.ms(pr)})",
            basic=True,
        )
    qrs, delta = case.measurements.qrs_duration_ms, case.measurements.delta_wave
    if delta and pr <= short and qrs is not None:
        return _pre_excitation(case, pr, qrs)
    if pr < short:
        start = ", without a slurred start," if delta is False else ""
        wide = qrs is not None and qrs >= case.limits.qrs_normal_ms and delta is None
        more = (
            f"with a QRS of {words.ms(qrs)} pre-excitation is possible; whether there is a delta wave was not measured"
            if wide and qrs is not None
            else "a low atrial or junctional origin or fast AV conduction"
            + (f"; the QRS of {words.ms(qrs)}{start} does not suggest pre-excitation" if qrs is not None else "")
        )
        return Finding(
            id="pr.short_wide" if wide else "pr.short",
            step=2,
            statement=f"PR {words.ms(pr)}, shorter than {words.ms(short)}: {more}.",
            status="abnormal",
            certainty="possible" if wide else "definite",
            label=vocabulary.label("ventricular pre-excitation" if wide else "short PR interval"),
            leads=("II", "V4") if wide else (),
            numbers=numbers | ({"qrs_duration_ms": qrs} if qrs is not None else {}),
            rule=f"PR < {short:.0f} ms",
            phrase="possible ventricular pre-excitation" if wide else f"short PR interval ({words.ms(pr)})",
            reasoning="Look for a delta wave: pre-excitation would explain the QRS width, Q waves and ST-T changes."
            if wide
            else "",
            basic=True,
        )
    return Finding(
        id="pr.normal",
        step=2,
        statement=f"PR {words.ms(pr)}, within {short:.0f}–{long:.0f} ms: no first-degree AV block and no short "
        "PR of pre-excitation.",
        status="normal",
        numbers=numbers,
        rule=f"{short:.0f} <= PR <= {long:.0f} ms",
        basic=True,
    )


def _pre_excitation(case: Case, pr: float, qrs: float) -> Finding:
    limits = case.limits
    certainty: Certainty = "probable" if qrs >= limits.qrs_normal_ms else "possible"
    return Finding(
        id="pr.delta",
        step=2,
        statement=f"PR {words.ms(pr)}, not above {words.ms(limits.pr_short_ms)}, and the QRS of {words.ms(qrs)} "
        f"starts slurred (delta wave): {certainty} ventricular pre-excitation.",
        status="abnormal",
        certainty=certainty,
        label=vocabulary.label("ventricular pre-excitation"),
        leads=("I", "II", "V4"),
        numbers={"pr_interval_ms": pr, "qrs_duration_ms": qrs},
        rule=f"PR <= {limits.pr_short_ms:.0f} ms, QRS >= {limits.qrs_normal_ms:.0f} ms, slurred start in a quarter of "
        "the leads",
        phrase=f"{'' if certainty == 'probable' else 'possible '}ventricular pre-excitation (delta wave)",
        reasoning="Pre-excitation explains the QRS width, Q waves and ST-T changes, which are not used for block, "
        "hypertrophy or infarction.",
        basic=True,
    )


def _qrs(case: Case, earlier: Findings, pr: Finding) -> Finding:
    qrs, limits = case.measurements.qrs_duration_ms, case.limits
    if qrs is None:
        return Finding(
            "qrs.unknown", 2, "The QRS duration is not measurable: "
            f"{case.reason('qrs_duration_ms')}.", "not_assessable",
            rule="QRS", phrase="QRS duration", basic=True,
        )  # fmt: skip
    numbers, value = {"qrs_duration_ms": qrs}, words.ms(qrs)
    if earlier.has("rhythm.paced"):
        return Finding(
            "qrs.paced",
            2,
            f"QRS {value}, shaped by the pacing site.",
            "normal",
            numbers=numbers,
            rule="QRS",
            basic=True,
        )
    if pr.id == "pr.delta" and pr.certainty == "probable":
        return Finding(
            "qrs.pre_excited",
            2,
            f"QRS {value}, widened by the delta wave; its pattern is not named as a block.",
            "normal",
            numbers=numbers,
            rule="QRS",
            basic=True,
        )
    right, right_why = _right_block(case)
    left, left_why = _left_block(case)
    if qrs >= limits.qrs_wide_ms:
        if earlier.has("rhythm.wide_tachycardia"):
            return Finding(
                "qrs.wide", 2, f"QRS {value}, wide; its pattern is not named as a block while the origin is "
                "open.", "abnormal",
                numbers=numbers, rule=f"QRS >= {limits.qrs_wide_ms:.0f} ms", phrase=f"wide QRS ({value})", basic=True,
            )  # fmt: skip
        if right:
            return _block(
                "qrs.rbbb", "complete right bundle branch block", right, value, right_why, numbers, ("V1", "I", "V6")
            )
        if left:
            return _block(
                "qrs.lbbb", "complete left bundle branch block", left, value, left_why, numbers, ("V1", "I", "V6")
            )
        return _block(
            "qrs.ivcd", "nonspecific intraventricular conduction delay",
            "definite" if qrs > limits.qrs_wide_ms + limits.qrs_tolerance_ms else "possible", value,
            "neither the pattern of right nor of left bundle branch block in V1, I and V6", numbers, ("V1", "I", "V6"),
        )  # fmt: skip
    if qrs >= limits.qrs_narrow_ms:
        upper = qrs >= limits.qrs_normal_ms
        if right:
            certainty: Certainty = "definite" if upper and right == "definite" else "probable"
            return _block(
                "qrs.irbbb",
                "incomplete right bundle branch block",
                certainty,
                value,
                right_why,
                numbers,
                ("V1", "I", "V6"),
            )
        if upper and left == "definite":
            return _block(
                "qrs.ilbbb",
                "incomplete left bundle branch block",
                "probable",
                value,
                left_why,
                numbers,
                ("V1", "I", "V6"),
            )
        if upper:
            return _block(
                "qrs.ivcd", "nonspecific intraventricular conduction delay", "possible", value,
                "slightly long, without the pattern of a bundle branch block", numbers, ("V1", "I", "V6"),
            )  # fmt: skip
        note = "without the pattern of a bundle branch block in V1, I and V6: still normal in an adult"
    else:
        note = "narrow: no bundle branch block"
        if right:
            note += f" ({right_why} is no block at this duration)"
    return Finding(
        "qrs.normal",
        2,
        f"QRS {value}, {note}.",
        "normal",
        numbers=numbers,
        rule=f"QRS < {limits.qrs_narrow_ms:.0f} ms",
        basic=True,
    )


def _block(
    id: str, name: str, certainty: Certainty, value: str, why: str, numbers: dict[str, float], leads: tuple[str, ...]
) -> Finding:
    prefix = "" if certainty == "definite" else f"{certainty} "
    reasoning = {
        "qrs.lbbb": "In left bundle branch block voltage, septal and anterior Q waves and discordant ST-T "
        "change are part of the "
        "block and are not used as evidence of hypertrophy, old infarction or ischemia.",
        "qrs.rbbb": "In right bundle branch block ST depression and T inversion in V1–V3 are secondary to the "
        "block, and R′ in V1 "
        "is not a sign of right ventricular hypertrophy.",
    }.get(id, "")
    return Finding(
        id=id,
        step=2,
        statement=f"QRS {value}; {why}: {prefix}{name}.",
        status="abnormal",
        certainty=certainty,
        label=vocabulary.label(name),
        leads=leads,
        numbers=numbers,
        rule="QRS duration with the pattern of V1, I and V6",
        phrase=f"{prefix}{name} (QRS {value})",
        reasoning=reasoning,
        basic=True,
    )


def _right_block(case: Case) -> tuple[Certainty | None, str]:
    """Return how sure the pattern of right bundle branch block is, with its words.

    A second R in V1 or V2 larger than the first, or a dominant R in V1, with a wide S in I and V6: definite; with one
    in only one of them, or with an R' smaller than r in V1: probable.
    """
    limits, seen, lateral = case.limits, case.complexes(("V1", "V2")), case.complexes(("I", "V6"))
    second = [lead for lead, qrs in seen.items() if qrs.r_prime >= limits.rbbb_r_prime_mv]
    large = [lead for lead in second if seen[lead].r_prime > limits.rbbb_r_prime_to_r * seen[lead].r]
    dominant = "V1" in seen and seen["V1"].upright
    wide_s = [
        lead
        for lead, qrs in lateral.items()
        if qrs.s > 0 and qrs.s_ms is not None and (qrs.s_ms > limits.rbbb_s_ms or qrs.s_ms > (qrs.r_ms or qrs.s_ms))
    ]
    if not wide_s or not (large or dominant or "V1" in second):
        return None, ""
    shape = f"R′ in {words.leads(second)}" if large else "a dominant R in V1" if dominant else "a small r′ in V1"
    full = (large or dominant) and len(wide_s) == len(lateral)
    return "definite" if full else "probable", f"{shape} with a wide S in {words.leads(wide_s)}"


def _left_block(case: Case) -> tuple[Certainty | None, str]:
    """Return how sure the pattern of left bundle branch block is, with its words.

    QS or rS in V1, and a broad R without septal q that outweighs any S in two of I, aVL, V5, V6; in I and V6: definite.
    """
    limits, v1 = case.limits, case.qrs("V1")
    if v1 is None or v1.height > limits.lbbb_r_to_s_v1 * v1.depth:
        return None, ""
    lateral = case.complexes(("I", "aVL", "V5", "V6"))
    without_q = {lead for lead, qrs in lateral.items() if qrs.q <= limits.lbbb_q_to_r * qrs.height}
    broad = [
        lead
        for lead, qrs in lateral.items()
        if lead in without_q and qrs.upright and (qrs.r_ms or 0.0) >= limits.lbbb_r_ms
    ]
    if len(broad) < 2 or any(lead in lateral and lead not in without_q for lead in ("I", "V6")):
        return None, ""
    shape = "QS" if v1.is_qs else "rS"
    certainty: Certainty = "definite" if {"I", "V6"} <= set(broad) else "probable"
    return certainty, f"{shape} in V1 and a broad R without q in {words.leads(broad)}"


def _axis(case: Case, earlier: Findings) -> Finding:
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
    if limits.axis_left_deg <= axis <= limits.axis_right_deg:
        return Finding(
            "axis.normal", 2, f"QRS axis {value}, within {words.degrees(limits.axis_left_deg)} to "
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


def _fascicles(case: Case, earlier: Findings, qrs: Finding) -> list[Finding]:
    axis, limits = case.measurements.qrs_axis_deg, case.limits
    blocked = earlier.has("rhythm.paced", "rhythm.wide_tachycardia", "reversal.arms", "reversal.leg")
    if axis is None or blocked or case.uncalibrated is not None or qrs.id in _WITHOUT_FASCICLES:
        return []
    limb = case.complexes(_LIMB)
    if len(limb) < len(_LIMB):
        return []
    right_block = qrs.id == "qrs.rbbb"
    if limits.lafb_axis_low_deg <= axis <= limits.lafb_axis_high_deg:
        r_s = [lead for lead in ("II", "III", "aVF") if limb[lead].r > 0 and limb[lead].s > limb[lead].r]
        if len(r_s) < 2 or not limb["aVL"].upright:
            return []
        full = limb["aVL"].q > 0 and len(r_s) == 3
        return _fascicular("lafb", "left anterior fascicular "
            "block", axis, "definite" if full else "probable", right_block,
                           f"rS in {words.leads(r_s)} and {'qR' if limb['aVL'].q > 0 else 'R without q'} in "
                           "aVL")  # fmt: skip
    if axis > limits.lpfb_axis_low_deg:
        r_s = [lead for lead in ("I", "aVL") if limb[lead].r > 0 and limb[lead].s > limb[lead].r]
        q_r = [lead for lead in ("III", "aVF") if limb[lead].q > 0 and limb[lead].upright]
        if len(r_s) == 2 and len(q_r) == 2:
            return _fascicular("lpfb", "left posterior fascicular block", axis, "possible", right_block,
                               "rS in I and aVL and qR in III and aVF; right ventricular hypertrophy, lateral "
                               "infarction and a "
                               "vertical heart must be excluded")  # fmt: skip
    return []


def _fascicular(id: str, name: str, axis: float, certainty: Certainty, right_block: bool, why: str) -> list[Finding]:
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
    return found
