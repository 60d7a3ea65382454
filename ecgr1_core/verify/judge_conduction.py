"""Judges blocks of the bundles and fascicles, the axis and pre-excitation, by the measured facts they need.

A block is contradicted where a fact that it cannot do without is clearly absent: the width of the QRS, the direction of
V1, the arc of the axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ecgr1_core.verify.trace import Trace, Truth, all_of, any_of, in_arc, negation, number
from ecgr1_core.verify.types import Mention, Value, Verdict

Judge = Callable[[Trace, Mention], Verdict]


def qrs_over(trace: Trace, limit: float) -> Truth:
    """Whether the QRS lasts longer than a limit in ms."""
    return trace.over(trace.m.qrs_duration_ms, limit, trace.error("qrs"))


def qrs_words(trace: Trace) -> str:
    """Return the QRS duration in words, or why it is unknown."""
    qrs = trace.m.qrs_duration_ms
    return (
        f"QRS {qrs:.0f} ms" if qrs is not None else f"QRS duration is not measurable: {trace.reason('qrs_duration_ms')}"
    )


def right_shape(trace: Trace) -> tuple[Truth, str]:
    """Return whether V1 or V2 ends in a positive wave, or V1 is upright."""
    seen = trace.case.complexes(("V1", "V2"))
    if not seen:
        return "unknown", "V1 and V2 were not measured"
    second = [lead for lead, qrs in seen.items() if qrs.r_prime >= trace.limits.rbbb_r_prime_mv]
    if second:
        return "yes", f"R′ in {' and '.join(second)}"
    v1 = seen.get("V1")
    if v1 is not None and v1.height >= 0.8 * v1.depth:
        return ("yes" if v1.upright else "near"), "R in V1 is as large as S"
    return "no", "V1 is negative and neither V1 nor V2 has an R′"


def _left_shape(trace: Trace) -> tuple[Truth, str]:
    """Return whether V1 is negative and I or V6 upright, with a broad R."""
    v1, lateral = trace.case.qrs("V1"), trace.case.complexes(("I", "aVL", "V5", "V6"))
    if v1 is None or not lateral:
        return "unknown", "V1, I and V6 were not measured"
    if v1.height > v1.depth or v1.r_prime >= 0.2:
        return "no", "V1 is not negative throughout"
    if not any(qrs.upright for qrs in lateral.values()):
        return "no", "neither I nor V5 nor V6 is upright"
    broad = [lead for lead, qrs in lateral.items() if qrs.upright and _is_broad(trace, lead) and qrs.q < 0.05]
    words = f"V1 negative, {'broad R in ' + ', '.join(broad) if broad else 'no broad R in I, aVL, V5 and V6'}"
    septal = any(
        lead in lateral and lateral[lead].q > trace.limits.lbbb_q_to_r * lateral[lead].height for lead in ("I", "V6")
    )
    sure = {"I", "V6"} <= set(broad) and not septal and v1.height <= trace.limits.lbbb_r_to_s_v1 * v1.depth
    return ("yes" if sure else "near" if broad else "unknown"), words


def _is_broad(trace: Trace, lead: str) -> bool:
    """Whether R lasts as long as in left bundle branch block, in a lead whose own QRS is not short."""
    qrs, one = trace.case.qrs(lead), trace.lead(lead)
    if qrs is None or one is None or (qrs.r_ms or 0.0) < trace.limits.lbbb_r_ms:
        return False
    return one.qrs_duration_ms is None or one.qrs_duration_ms >= trace.limits.qrs_wide_ms


def _block(shape: Callable[[Trace], tuple[Truth, str]], *, complete: bool, name: str) -> Judge:
    def judge(trace: Trace, mention: Mention) -> Verdict:
        limits = trace.limits
        if complete:
            width = qrs_over(trace, limits.qrs_wide_ms)
        else:
            width = all_of([qrs_over(trace, limits.qrs_narrow_ms - 10), negation(qrs_over(trace, limits.qrs_wide_ms))])
        form, words = shape(trace)
        truth = all_of([width, form])
        if trace.m.qrs_duration_ms is None:
            return trace.unknown(qrs_words(trace))
        return Verdict(
            truth,
            f"{qrs_words(trace)}, {words}",
            {"qrs_duration_ms": trace.m.qrs_duration_ms},
            f"{name}: {'from' if complete else 'below'} {limits.qrs_wide_ms:.0f} ms with its pattern",
            ("V1", "I", "V6"),
        )

    return judge


rbbb = _block(right_shape, complete=True, name="right bundle branch block")
lbbb = _block(_left_shape, complete=True, name="left bundle branch block")
irbbb = _block(right_shape, complete=False, name="incomplete right bundle branch block")
ilbbb = _block(_left_shape, complete=False, name="incomplete left bundle branch block")


def any_bundle_block(trace: Trace, mention: Mention) -> Verdict:
    """Right or left bundle branch block; a wide QRS without either pattern decides nothing."""
    right, left = rbbb(trace, mention), lbbb(trace, mention)
    truth = any_of([right.truth, left.truth])
    width = qrs_over(trace, trace.limits.qrs_wide_ms)
    if truth == "no" and width != "no" and not mention.negated:
        truth = "unknown"
    if truth == "near" and mention.negated and width != "yes":
        truth = "near"
    return Verdict(
        truth,
        right.why if right.truth in ("yes", "near") else left.why,
        left.measured,
        "a wide QRS with the pattern of a block",
    )


def ivcd(trace: Trace, mention: Mention) -> Verdict:
    """A QRS above 110 ms; the pattern of a bundle branch block makes it near."""
    width = qrs_over(trace, trace.limits.qrs_normal_ms)
    truth: Truth = "near" if width == "yes" and any_bundle_block(trace, Mention(0, 0, "")).truth == "yes" else width
    if truth == "unknown":
        return trace.unknown(qrs_words(trace))
    return Verdict(
        truth,
        f"{qrs_words(trace)}; delay begins at {trace.limits.qrs_normal_ms:.0f} ms",
        {"qrs_duration_ms": trace.m.qrs_duration_ms},
        "a QRS above 110 ms",
    )


def abnormal_qrs(trace: Trace, mention: Mention) -> Verdict:
    """Not defined by a limit."""
    return trace.unknown("which abnormality of the QRS is meant is not said")


def axis_in(trace: Trace, low: float, high: float, error: float) -> Truth:
    """Whether the QRS axis lies in the arc from `low` to `high`, in degrees; unknown where uncalibrated."""
    axis = trace.m.qrs_axis_deg
    if axis is None or trace.case.uncalibrated is not None:
        return "unknown"
    inside = in_arc(axis, low, high)
    return "near" if abs(inside) <= error else "yes" if inside > 0 else "no"


def axis_words(trace: Trace) -> str:
    """Return the QRS axis in words, or why it is unknown."""
    axis = trace.m.qrs_axis_deg
    if trace.case.uncalibrated is not None:
        return f"amplitudes are not calibrated: {trace.case.uncalibrated}"
    return (
        f"the QRS axis is {number(axis, 'x_deg')}"
        if axis is not None
        else f"the QRS axis is not measurable: {trace.reason('qrs_axis_deg')}"
    )


def _fascicle(low: float, high: float, words: str, right_sided: bool) -> Judge:
    def judge(trace: Trace, mention: Mention) -> Verdict:
        arc = axis_in(trace, low, high, 2 * trace.error("axis"))
        if arc == "unknown":
            return trace.unknown(axis_words(trace))
        avl, three = trace.case.qrs("aVL"), trace.case.qrs("III")
        pattern: Truth = "unknown"
        if avl is not None and three is not None:
            upright, other = (three, avl) if right_sided else (avl, three)
            pattern = "yes" if upright.upright and not other.upright else "no" if not upright.upright else "near"
        truth = all_of([arc, "unknown" if pattern == "no" and arc != "no" else pattern])
        return Verdict(
            truth,
            f"{axis_words(trace)}; {words}",
            {"qrs_axis_deg": trace.m.qrs_axis_deg},
            words,
            ("I", "aVL", "II", "III", "aVF"),
        )

    return judge


lafb = _fascicle(-90.0, -45.0, "left anterior fascicular block means −45° to −90°", False)
lpfb = _fascicle(90.0, 180.0, "left posterior fascicular block means +90° to 180°", True)


def any_fascicular(trace: Trace, mention: Mention) -> Verdict:
    """Left anterior or posterior fascicular block."""
    one, other = lafb(trace, mention), lpfb(trace, mention)
    return replace(one, truth=any_of([one.truth, other.truth]))


def bifascicular(trace: Trace, mention: Mention) -> Verdict:
    """Right bundle branch block with a fascicular block, or left bundle branch block."""
    right, left, fascicle = rbbb(trace, mention), lbbb(trace, mention), any_fascicular(trace, mention)
    truth = any_of([all_of([right.truth, fascicle.truth]), left.truth])
    return Verdict(
        truth,
        f"{right.why}; {fascicle.why}",
        {**right.measured, **fascicle.measured},
        "right bundle branch block with a fascicular block",
    )


def trifascicular(trace: Trace, mention: Mention) -> Verdict:
    """Bifascicular block with a long PR."""
    two, pr = bifascicular(trace, mention), trace.m.pr_interval_ms
    truth = all_of([two.truth, trace.over(pr, trace.limits.pr_long_ms, trace.error("pr"))])
    return Verdict(
        truth,
        f"{two.why}; PR {pr:.0f} ms" if pr is not None else two.why,
        {**two.measured, "pr_interval_ms": pr},
        "bifascicular block with a long PR",
    )


def any_axis(trace: Trace, mention: Mention) -> Verdict:
    """The axis outside the normal range, whichever way."""
    normal = axis_in(trace, trace.limits.axis_left_deg, trace.limits.axis_right_deg, trace.error("axis"))
    if normal == "unknown":
        return trace.unknown(axis_words(trace))
    low, high = trace.limits.axis_left_deg, trace.limits.axis_right_deg
    words = f"{axis_words(trace)}; normal means {number(low, 'x_deg')} to {number(high, 'x_deg')}"
    return Verdict(negation(normal), words, {"qrs_axis_deg": trace.m.qrs_axis_deg}, "an axis outside the normal range")


def preexcitation(trace: Trace, mention: Mention) -> Verdict:
    """A slurred start of the QRS with a PR that is not long; a normal PR with a narrow QRS contradicts it."""
    delta, pr, qrs = trace.m.delta_wave, trace.m.pr_interval_ms, trace.m.qrs_duration_ms
    measured: dict[str, Value] = {"delta_wave": delta, "pr_interval_ms": pr, "qrs_duration_ms": qrs}
    seen = "not measured" if delta is None else "found" if delta else "not found"
    words = f"PR {'unknown' if pr is None else f'{pr:.0f} ms'}, {qrs_words(trace)}, delta wave {seen}"
    short = negation(trace.over(pr, trace.limits.pr_short_ms, 2 * trace.error("pr")))
    if short == "no" and delta is not True:
        return Verdict("no", words, measured, "a short PR with a delta wave")
    if delta is None:
        return trace.unknown(words)
    return Verdict(
        ("yes" if short != "no" else "near") if delta else "no", words, measured, "a short PR with a delta wave"
    )
