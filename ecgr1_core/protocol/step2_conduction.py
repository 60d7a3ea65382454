"""Step 2: PR, QRS duration and the pattern of a bundle branch block, AV block, axis and fascicles.

Bundle branch block is told by the waves of V1, I and V6 and by the duration; notches are not used.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import step2_av_block, step2_axis, step2_pr, words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Certainty, Finding, Findings


def assess(case: Case, earlier: Findings) -> list[Finding]:
    """Return the findings of step 2; lead reversal and pacing of step 1 decide what can be judged."""
    block = step2_av_block.assess(case)
    pr = step2_pr.assess(case, Findings((*earlier.items, *block)))
    qrs = _qrs(case, earlier, pr)
    axis = step2_axis.assess(case, earlier)
    return [pr, *block, qrs, axis, *step2_axis.fascicles(case, earlier, qrs, pr)]


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
    if qrs >= limits.qrs_wide_ms and earlier.has("rhythm.wide_tachycardia"):
        return Finding(
            "qrs.wide", 2, f"QRS {value}, wide; its pattern is not named as a block while the origin is open.",
            "abnormal",
            numbers=numbers, rule=f"QRS >= {limits.qrs_wide_ms:.0f} ms", phrase=f"wide QRS ({value})", basic=True,
        )  # fmt: skip
    usual = qrs - limits.qrs_all_leads_ms
    right, right_why = _right_block(case, complete=usual >= limits.qrs_wide_ms)
    left, left_why = _left_block(case)
    if usual >= limits.qrs_wide_ms:
        if right:
            return _block("qrs.rbbb", "complete right bundle branch block", right, value, right_why, numbers)
        if left:
            return _block("qrs.lbbb", "complete left bundle branch block", left, value, left_why, numbers)
        why = "neither the pattern of right nor of left bundle branch block in V1, I and V6"
        certainty: Certainty = "definite" if usual >= limits.qrs_wide_ms + limits.qrs_tolerance_ms else "possible"
        return _block("qrs.ivcd", "nonspecific intraventricular conduction delay", certainty, value, why, numbers)
    if right and qrs >= limits.qrs_narrow_ms:
        sure: Certainty = "definite" if usual >= limits.qrs_normal_ms and right == "definite" else "probable"
        return _block("qrs.irbbb", "incomplete right bundle branch block", sure, value, right_why, numbers)
    if left == "definite" and qrs >= limits.qrs_normal_ms:
        return _block("qrs.ilbbb", "incomplete left bundle branch block", "probable", value, left_why, numbers)
    return _normal(case, qrs, value, numbers, right_why if right else "")


def _normal(case: Case, qrs: float, value: str, numbers: dict[str, float], small: str) -> Finding:
    """Return that there is no block; `small` is a pattern that is none at this duration."""
    limits = case.limits
    if qrs >= limits.qrs_normal_ms:
        note = (
            f"slightly long (over all leads, about {limits.qrs_all_leads_ms:.0f} ms more than in a single lead), "
            "without the pattern of a bundle branch block in V1, I and V6"
        )
    elif qrs >= limits.qrs_narrow_ms:
        note = "without the pattern of a bundle branch block in V1, I and V6: still normal in an adult"
    else:
        note = "narrow: no bundle branch block" + (f" ({small} is no block at this duration)" if small else "")
    return Finding(
        "qrs.normal",
        2,
        f"QRS {value}, {note}.",
        "normal",
        numbers=numbers,
        rule=f"QRS < {limits.qrs_wide_ms + limits.qrs_all_leads_ms:.0f} ms without the pattern of a block",
        basic=True,
    )


def _block(id: str, name: str, certainty: Certainty, value: str, why: str, numbers: dict[str, float]) -> Finding:
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
        leads=("V1", "I", "V6"),
        numbers=numbers,
        rule="QRS duration with the pattern of V1, I and V6",
        phrase=f"{prefix}{name} (QRS {value})",
        reasoning=reasoning,
        basic=True,
    )


def _right_block(case: Case, *, complete: bool) -> tuple[Certainty | None, str]:
    """Return how sure the pattern of right bundle branch block is, with its words.

    A second R in V1 or V2 larger than the first, or a dominant R in V1, with a wide S in I and V6: definite; with one
    in only one of them, or with an R' smaller than r in V1: probable. An incomplete block has a shorter terminal delay,
    and so a shorter S will do.
    """
    limits, seen, lateral = case.limits, case.complexes(("V1", "V2")), case.complexes(("I", "V6"))
    second = [lead for lead, qrs in seen.items() if qrs.r_prime >= limits.rbbb_r_prime_mv]
    large = [lead for lead in second if seen[lead].r_prime > limits.rbbb_r_prime_to_r * seen[lead].r]
    dominant = "V1" in seen and seen["V1"].upright
    longest = limits.rbbb_s_ms if complete else limits.irbbb_s_ms
    wide_s = [
        lead
        for lead, qrs in lateral.items()
        if qrs.s > 0 and qrs.s_ms is not None and (qrs.s_ms > longest or qrs.s_ms > (qrs.r_ms or qrs.s_ms))
    ]
    if not wide_s or not (large or (dominant and complete) or "V1" in second):
        return None, ""
    shape = f"R′ in {words.leads(second)}" if large else "a dominant R in V1" if dominant else "a small r′ in V1"
    full = (large or dominant) and len(wide_s) == len(lateral)
    return (
        "definite" if full else "probable",
        f"{shape} with {'a wide' if complete else 'an'} S in {words.leads(wide_s)}",
    )


def _left_block(case: Case) -> tuple[Certainty | None, str]:
    """Return how sure the pattern of left bundle branch block is, with its words.

    QS or rS in V1, and a broad R without septal q that outweighs any S in two of I, aVL, V5, V6; in I and V6: definite.
    """
    limits, v1 = case.limits, case.qrs("V1")
    if v1 is None or v1.height > limits.lbbb_r_to_s_v1 * v1.depth:
        return None, ""
    lateral = case.complexes(("I", "aVL", "V5", "V6"))
    without_q = {
        lead for lead, qrs in lateral.items() if qrs.q <= max(limits.lbbb_q_to_r * qrs.height, limits.visible_first_mv)
    }
    broad = [
        lead
        for lead, qrs in lateral.items()
        if lead in without_q
        and qrs.upright
        and (qrs.r_ms or 0.0) >= limits.lbbb_r_ms
        and (one := case.lead(lead)) is not None
        and (one.qrs_duration_ms is None or one.qrs_duration_ms >= limits.lbbb_lead_qrs_ms)
    ]
    left_front = [qrs for lead in ("V5", "V6") if (qrs := lateral.get(lead)) is not None]
    if left_front and not any(qrs.upright for qrs in left_front):
        return None, ""
    if len(broad) < 2 or any(lead in lateral and lead not in without_q for lead in ("I", "V6")):
        return None, ""
    shape = "QS" if v1.is_qs else "rS"
    certainty: Certainty = "definite" if {"I", "V6"} <= set(broad) else "probable"
    return certainty, f"{shape} in V1 and a broad R without q in {words.leads(broad)}"
