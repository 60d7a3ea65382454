"""Judges what is said of the ECG as a whole, and labels that join a rhythm with a rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ecgr1_core.verify import judge_beats as beats
from ecgr1_core.verify import judge_conduction as conduction
from ecgr1_core.verify import judge_patterns as patterns
from ecgr1_core.verify import judge_qrs as qrs
from ecgr1_core.verify import judge_rhythm as rhythm
from ecgr1_core.verify import judge_waves as waves
from ecgr1_core.verify.trace import Trace, Truth, all_of, negation
from ecgr1_core.verify.types import Mention, Verdict

Judge = Callable[[Trace, Mention], Verdict]


def sinus_with_rate(rate: str) -> Judge:
    """Return the judge of sinus brady- or tachycardia: sinus rhythm, and the rate of that category."""

    def judge(trace: Trace, mention: Mention) -> Verdict:
        base, value = rhythm.sinus(trace, mention), trace.m.heart_rate_bpm
        slow = rate == "rate.slow"
        limit = trace.limits.rate_low_bpm if slow else trace.limits.rate_high_bpm
        over = trace.over(value, limit, trace.error("rate"))
        truth = all_of([base.truth, negation(over) if slow else over])
        seen = "unknown" if value is None else f"{value:.0f} bpm"
        words = f"rate {seen}, {'below' if slow else 'above'} {limit:.0f} bpm is needed; {base.why}"
        return Verdict(
            truth,
            words,
            {"heart_rate_bpm": value, **base.measured},
            f"sinus rhythm {'below' if slow else 'above'} {limit:.0f} bpm",
        )

    return judge


def intervals_normal(trace: Trace, mention: Mention) -> Verdict:
    """PR, QRS and QTc within the protocol's limits; what was not measured is left out."""
    found = [check(trace) for check in (_CHECKS["PR"], _CHECKS["QRS"], _CHECKS["QT"])]
    known = [verdict for verdict in found if verdict.truth != "unknown"]
    if not known:
        return trace.unknown("no interval was measured")
    words = "; ".join(verdict.why for verdict in known)
    return Verdict(all_of([negation(one.truth) for one in known]), words, {}, "PR, QRS and QTc within their limits")


def whole(*, normal: bool) -> Judge:
    """Return the judge of "normal ECG": contradicted by any clearly abnormal finding, supported where none is near."""

    def judge(trace: Trace, mention: Mention) -> Verdict:
        wide = replace(trace, zone=1.5 * trace.zone)
        found = {name: check(wide) for name, check in _CHECKS.items()}
        abnormal = {name: verdict for name, verdict in found.items() if verdict.truth == "yes"}
        open_ = [name for name, verdict in found.items() if verdict.truth == "unknown"]
        truth: Truth = (
            "no"
            if abnormal
            else "unknown"
            if len(open_) > len(found) // 2
            else "near"
            if open_ or any(v.truth == "near" for v in found.values())
            else "yes"
        )
        words = (
            "; ".join(f"{name}: {verdict.why}" for name, verdict in list(abnormal.items())[:3])
            or "nothing clearly abnormal was measured"
        )
        return Verdict(
            truth if normal else negation(truth),
            words,
            {},
            "no measured finding outside the normal" if normal else "a finding outside the normal",
        )

    return judge


def _rate(trace: Trace) -> Verdict:
    rate, low, high = trace.m.heart_rate_bpm, trace.limits.rate_low_bpm, trace.limits.rate_high_bpm
    if rate is None:
        return trace.unknown("the rate is not measurable")
    off = max(low - rate, rate - high)
    return Verdict(trace.over(off, 5.0, 5.0), f"{rate:.0f} bpm")


def _above(name: str, limit: str, error: str) -> Callable[[Trace], Verdict]:
    def check(trace: Trace) -> Verdict:
        value, bound = getattr(trace.m, name), getattr(trace.limits, limit)
        if value is None:
            return trace.unknown("not measurable")
        return Verdict(trace.over(value, bound, trace.error(error)), f"{value:.0f} ms")

    return check


def _denied(judge: Judge) -> Callable[[Trace], Verdict]:
    return lambda trace: judge(trace, patterns.plain(negated=True, contiguous=True))


def _no_sinus(trace: Trace) -> Verdict:
    verdict = rhythm.sinus(trace, patterns.plain())
    return replace(verdict, truth=negation(verdict.truth))


_CHECKS: dict[str, Callable[[Trace], Verdict]] = {
    "rate": _rate,
    "rhythm": _no_sinus,
    "PR": _above("pr_interval_ms", "pr_long_ms", "pr"),
    "QRS": _above("qrs_duration_ms", "qrs_wide_ms", "qrs"),
    "axis": lambda trace: conduction.any_axis(trace, patterns.plain()),
    "ST elevation": _denied(waves.st_elevation),
    "ST depression": _denied(waves.st_depression),
    "T": _denied(waves.t_inverted),
    "Q": _denied(qrs.q_pathological),
    "QT": lambda trace: patterns.qt("long")(trace, patterns.plain()),
    "voltage": lambda trace: patterns.lvh_voltage(trace, patterns.plain()),
    "premature beats": lambda trace: beats.ventricular_ectopy(trace, patterns.plain()),
}
