"""Step 2, the PR interval: first-degree block, short PR, pre-excitation. What PR is worth is decided by the rhythm."""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Certainty, Finding, Findings

_WITHOUT_P = (
    "rhythm.atrial_fibrillation",
    "rhythm.atrial_flutter",
    "rhythm.supraventricular_tachycardia",
    "rhythm.regular_without_p",
    "rhythm.ventricular_escape",
    "rhythm.wide_tachycardia",
)


def assess(case: Case, earlier: Findings) -> Finding:
    """Return the finding on PR; the rhythm of step 1 decides whether there is one to judge."""
    pr, short, long = case.measurements.pr_interval_ms, case.limits.pr_short_ms, case.limits.pr_long_ms
    why = ""
    if earlier.has("rhythm.paced"):
        why = "the ventricles are paced"
    elif earlier.has("rhythm.complete_block"):
        why = "P waves and QRS complexes are independent of each other"
    elif earlier.has("rhythm.second_degree") or earlier.has("av_block.mobitz_1", at_least="possible"):
        why = "it changes from beat to beat, and some P waves are not conducted"
    elif earlier.has(*_WITHOUT_P, at_least="possible") or (earlier.has("rhythm.junctional") and pr is None):
        why = "no P wave belongs to the QRS complexes"
    if why:
        return Finding("pr.none", 2, f"There is no PR interval to judge: {why}.", "normal", rule="PR", basic=True)
    if pr is None:
        return Finding(
            "pr.unknown", 2, f"The PR interval is not measurable: {case.reason('pr_interval_ms')}.", "not_assessable",
            rule="PR", phrase="PR interval", basic=True,
        )  # fmt: skip
    numbers = {"pr_interval_ms": pr}
    if pr > long:
        one_by_one = case.measurements.by_beat.get("pr_interval_ms")
        first = min(pr, pr if one_by_one is None else one_by_one) >= case.limits.pr_first_degree_ms
        name = "first-degree AV block" if first else "prolonged PR interval"
        border = ""
        if not first:
            seen = f" ({words.ms(one_by_one)} beat by beat)" if one_by_one is not None and one_by_one < pr else ""
            border = f", not clearly above {words.ms(case.limits.pr_first_degree_ms)}{seen}: borderline first-degree "
            border += "AV block"
        return Finding(
            id="pr.long",
            step=2,
            statement=f"PR {words.ms(pr)}, longer than {words.ms(long)}: {name}{border}.",
            status="abnormal",
            certainty="definite" if first else "probable",
            label=vocabulary.label(name),
            numbers=numbers | ({} if one_by_one is None else {"by_beat.pr_interval_ms": float(round(one_by_one))}),
            rule=f"PR > {long:.0f} ms",
            phrase=f"{name} (PR {words.ms(pr)})",
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
