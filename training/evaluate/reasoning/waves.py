"""Which of the time ranges that are offered holds the wave that is asked for, by the waves measured on the recording.

A range is good by how much of it and of the nearest wave of the right kind lie on each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ecgr1_core.measure import Beat
from training.evaluate.reasoning.facts import Facts
from training.evaluate.reasoning.wording import Span, ordinals, span_of

Range = tuple[float, float]
_P_HALF_S: Final = 0.05  # half a P wave, where only its peak is known
_T_RISE: Final = 1.2  # the rise of T is slower than its fall (time from onset to peak over peak to offset)


def best_range(facts: Facts, kind: str, options: Sequence[str], *, within: Range | None = None) -> str:
    """Return the option that best holds a wave: "p", "qrs", "t", "premature" or "blocked_p" (in `within`, if given)."""
    waves = list(_waves(facts, kind))
    if within is not None:
        inside = [wave for wave in waves if within[0] <= sum(wave) / 2 <= within[1]]
        waves = inside or [within]
    return max(options, key=lambda option: max((_overlap(seconds(option), wave) for wave in waves), default=0.0))


def best_interval(facts: Facts, question: str, options: Sequence[str]) -> str:
    """Return the option "[nth QRS - mth QRS]" whose interval is longest against the intervals before it.

    Where the first QRS is, is said in the question by a time range; the first beat of ours is taken where it is not.
    """
    first = first_beat(facts, question)
    rr = facts.rr_ms()

    def lengthening(option: str) -> float:
        at = first + (ordinals(option) or (0,))[0] - 1
        if not 0 <= at < len(rr):
            return 0.0
        before = rr[max(0, at - 2) : at] or rr
        return rr[at] / (sum(before) / len(before))

    return max(options, key=lengthening)


def first_beat(facts: Facts, question: str) -> int:
    """Return the number of the beat that a question calls the first."""
    span = span_of(question)
    if span is None or span.unit != "s" or span.low is None or span.high is None:
        return 0
    middle = (span.low + span.high) / 2
    return min(range(len(facts.beats)), key=lambda at: abs(facts.beats[at].r_s - middle), default=0)


def beat_at(facts: Facts, where: Range) -> Beat | None:
    """Return the beat whose QRS lies nearest to the middle of a range, None without a beat."""
    middle = sum(where) / 2
    return min(facts.beats, key=lambda beat: abs(beat.r_s - middle), default=None)


def seconds(option: str) -> Range:
    """Return a time range in seconds; (0, 0) for an option that is none."""
    span = span_of(option)
    if span is None or span.unit != "s":
        return 0.0, 0.0
    return _bounds(span)


def interval_range(facts: Facts, option: str, question: str) -> Range | None:
    """Return from when to when an interval "[nth QRS - mth QRS]" lasts; None where there is no such beat."""
    told = ordinals(option)
    at = first_beat(facts, question) + (told or (0,))[0] - 1
    if not told or not 0 <= at < len(facts.beats) - 1:
        return None
    return facts.beats[at].r_s, facts.beats[at + 1].r_s


def _bounds(span: Span) -> Range:
    return span.low or 0.0, span.high or 0.0


def _waves(facts: Facts, kind: str) -> Iterable[Range]:
    if kind == "blocked_p":
        for at in range(len(facts.beats)):
            for peak in facts.unconducted(at):
                yield peak - _P_HALF_S, peak + _P_HALF_S
        return
    for beat in facts.premature() if kind == "premature" else facts.beats:
        if kind == "p" and beat.p_onset_s is not None and beat.p_offset_s is not None:
            yield beat.p_onset_s, beat.p_offset_s
        elif kind == "t" and beat.t_peak_s is not None and beat.t_offset_s is not None:
            yield beat.t_peak_s - _T_RISE * (beat.t_offset_s - beat.t_peak_s), beat.t_offset_s
        elif kind in ("qrs", "premature"):
            half = (facts.measured.qrs_duration_ms or 100.0) / 2000
            yield beat.qrs_onset_s or beat.r_s - half, beat.qrs_offset_s or beat.r_s + half
    if kind == "p":
        for peak in facts.measured.rhythm.p_times_s:
            yield peak - _P_HALF_S, peak + _P_HALF_S


def _overlap(one: Range, other: Range) -> float:
    """Return the length in common over the length of both together, 0 to 1."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    whole = max(one[1], other[1]) - min(one[0], other[0])
    return max(0.0, common) / whole if whole > 0 else 0.0
