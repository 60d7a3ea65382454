"""Judges claims about premature beats, pauses, and the recording itself: noise, wander, leads without a signal.

It uses the counts and the quality of the measurements; it looks at no voltage.
"""

from __future__ import annotations

from collections.abc import Callable

from ecgr1_core.record import LEADS
from ecgr1_core.verify.trace import Trace, Truth, negation
from ecgr1_core.verify.types import Mention, Value, Verdict


def _ectopy(what: str, *names: str) -> Callable[[Trace, Mention], Verdict]:
    def judge(trace: Trace, mention: Mention) -> Verdict:
        rhythm = trace.m.rhythm
        if not rhythm.beat_count:
            return trace.unknown("no beats were found")
        counts: dict[str, Value] = {name: getattr(rhythm, name) for name in names}
        total = sum(getattr(rhythm, name) for name in names)
        words = f"{total or 'no'} {what}{'' if total == 1 else 's'} among {rhythm.beat_count} beats"
        if rhythm.p_wave_present is not True and "ectopic_supraventricular_count" in names and not total:
            return trace.unknown("without P waves premature atrial beats are not told apart")
        return Verdict("yes" if total else "no", words, counts, f"at least one {what}")

    return judge


ventricular_ectopy = _ectopy("premature ventricular beat", "ectopic_ventricular_count")
supraventricular_ectopy = _ectopy("premature supraventricular beat", "ectopic_supraventricular_count")
_any = _ectopy("premature beat", "ectopic_ventricular_count", "ectopic_supraventricular_count")


def any_ectopy(trace: Trace, mention: Mention) -> Verdict:
    """Any premature beat; without P waves only ventricular ones are counted."""
    return _any(trace, mention) if trace.m.rhythm.p_wave_present else ventricular_ectopy(trace, mention)


def grouped_ectopy(trace: Trace, mention: Mention) -> Verdict:
    """Bigeminy and trigeminy: contradicted without premature beats, not told apart with them."""
    verdict = any_ectopy(trace, mention)
    return verdict if verdict.truth == "no" else trace.unknown(f"{verdict.why}; their grouping is not judged")


def pause(trace: Trace, mention: Mention) -> Verdict:
    """An RR interval above the protocol's limit of a pause."""
    longest, limit = trace.m.rhythm.rr_max_ms, trace.limits.pause_ms
    if longest is None:
        return trace.unknown("RR intervals are not measurable: fewer than two beats")
    words = f"the longest RR is {longest:.0f} ms; a pause is longer than {limit:.0f} ms"
    return Verdict(
        trace.over(longest, limit, trace.error("pause")), words, {"rr_max_ms": longest}, f"an RR above {limit:.0f} ms"
    )


def _problem(words: tuple[str, ...], name: str) -> Callable[[Trace, Mention], Verdict]:
    def judge(trace: Trace, mention: Mention) -> Verdict:
        quality = trace.m.quality
        leads = mention.leads or LEADS
        having = [
            lead
            for lead in leads
            if (one := quality.leads.get(lead)) and any(w in problem for problem in one.problems for w in words)
        ]
        truth: Truth = "yes" if len(having) > 1 or (having and quality.grade == "poor") else "near" if having else "no"
        if truth == "no" and quality.grade != "good":
            truth = "near"
        return Verdict(
            truth,
            f"{name} was found in {', '.join(having) or 'no lead'}; quality {quality.grade}",
            {"quality_grade": quality.grade},
            name,
        )

    return judge


def missing(trace: Trace, mention: Mention) -> Verdict:
    """Leads without a usable signal: those named, or any."""
    if mention.unrecorded and not mention.leads:
        return trace.unknown(f"{', '.join(mention.unrecorded)} does not belong to twelve leads")
    states = {lead: one.status for lead, one in trace.m.quality.leads.items()}
    if not states:
        return trace.unknown("the quality of single leads is unknown")
    leads = mention.leads or LEADS
    lost = [lead for lead in leads if states.get(lead) in ("missing", "flat", "unusable")]
    truth: Truth = "yes" if lost and (not mention.leads or 2 * len(lost) > len(leads)) else "near" if lost else "no"
    words = f"{', '.join(lost)} without a usable signal" if lost else f"{', '.join(leads)} have a usable signal"
    return Verdict(truth, words, {f"{lead}.status": states.get(lead) for lead in leads}, "no usable signal", leads)


noise = _problem(("noise", "mains", "saturated", "missing"), "noise")
wander = _problem(("wander",), "baseline wander")


def stable_baseline(trace: Trace, mention: Mention) -> Verdict:
    """No baseline wander."""
    verdict = wander(trace, mention)
    return Verdict(negation(verdict.truth), verdict.why, verdict.measured, "a stable baseline")


def quality_good(trace: Trace, mention: Mention) -> Verdict:
    """Quality good or acceptable; "acceptable" contradicts neither wording."""
    grade = trace.m.quality.grade
    truth: Truth = "yes" if grade == "good" else "near" if grade == "acceptable" else "no"
    return Verdict(truth, f"the quality of the recording is {grade}", {"quality_grade": grade}, "good quality")


def quality_poor(trace: Trace, mention: Mention) -> Verdict:
    """The opposite of good quality."""
    verdict = quality_good(trace, mention)
    return Verdict(negation(verdict.truth), verdict.why, verdict.measured, "poor quality")
