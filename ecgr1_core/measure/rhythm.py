"""Beat times put into numbers: rate, irregularity, premature beats, pauses. It names no rhythm."""

from __future__ import annotations

import numpy as np

from ecgr1_core.measure.beats import Indices
from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, Array
from ecgr1_core.measure.templates import BeatClass
from ecgr1_core.measure.types import BeatKind, RhythmMeasurements

_PREMATURE = 0.85
_WIDE_MS = 120.0
_PAUSE_MS = 2000.0


def rr_intervals_ms(beats: Indices) -> Array:
    """Return the intervals between successive beats, [beats - 1], in ms."""
    intervals: Array = np.diff(beats) * 1000.0 / WORKING_RATE_HZ
    return intervals


def irregularity(intervals_ms: Array) -> float | None:
    """Return the median absolute difference of successive intervals over their median; None for fewer than three."""
    if len(intervals_ms) < 3:
        return None
    return float(np.median(np.abs(np.diff(intervals_ms))) / np.median(intervals_ms))


def kinds(
    beats: Indices, classes: list[BeatClass], durations_ms: dict[int, float], *, p_present: bool, paced: bool
) -> list[BeatKind]:
    """Return the kind of every beat.

    A beat of another shape than the dominant one that comes before 85 % of the usual interval, or of the interval after
    it (in bigeminy half of the intervals are short), and is at least 120 ms wide, or 20 ms wider than the dominant
    beat, is ventricular; a premature beat of the dominant shape (or narrow) is
    supraventricular, but only where P waves say that there is a regular rhythm to be early in, and where the interval
    shortens at once and not by degrees, as with breathing. `durations_ms` gives the
    QRS duration by class number.
    """
    out: list[BeatKind] = ["paced" if paced else "normal"] * len(beats)
    if len(beats) < 3 or not classes:
        return out
    intervals = rr_intervals_ms(beats)
    of_class = {int(member): number for number, group in enumerate(classes) for member in group.members}
    for index in range(len(beats)):
        number = of_class.get(index, 0)
        usual = _usual_interval(intervals, index)
        early = index > 0 and usual is not None and intervals[index - 1] < _PREMATURE * usual
        sudden = index < 2 or intervals[index - 1] < _PREMATURE * intervals[index - 2]
        wide = durations_ms.get(number, 0.0) >= min(_WIDE_MS, durations_ms.get(0, _WIDE_MS) + 20.0)
        before_pause = 0 < index < len(intervals) and intervals[index - 1] < _PREMATURE * intervals[index]
        if number > 0 and wide and (early or before_pause or not p_present):
            out[index] = "ventricular_ectopic"
        elif early and sudden and p_present and not paced:
            out[index] = "supraventricular_ectopic"
    return out


def describe(
    beats: Indices, beat_kinds: list[BeatKind], *, p_present: bool | None, p_per_qrs: float | None
) -> RhythmMeasurements:
    """Return the rhythm numbers of a recording.

    `rr_irregularity` is the `irregularity` of the intervals between normal beats:
    near 0.02 in sinus rhythm, above 0.08 where the ventricles follow no pattern; premature beats do not count.
    """
    intervals = rr_intervals_ms(beats)
    normal = [
        interval
        for interval, first, second in zip(intervals, beat_kinds[:-1], beat_kinds[1:], strict=True)
        if not first.endswith("ectopic") and not second.endswith("ectopic")
    ]
    return RhythmMeasurements(
        beat_count=len(beats),
        rr_min_ms=float(intervals.min()) if len(intervals) else None,
        rr_max_ms=float(intervals.max()) if len(intervals) else None,
        rr_sd_ms=float(np.std(intervals, ddof=1)) if len(intervals) > 1 else None,
        rr_irregularity=irregularity(np.asarray(normal)),
        p_per_qrs=p_per_qrs,
        p_wave_present=p_present,
        ectopic_supraventricular_count=beat_kinds.count("supraventricular_ectopic"),
        ectopic_ventricular_count=beat_kinds.count("ventricular_ectopic"),
        longest_pause_ms=float(intervals.max()) if len(intervals) and intervals.max() >= _PAUSE_MS else None,
    )


def _usual_interval(intervals: Array, index: int) -> float | None:
    """Median of the intervals around one beat, its own left out."""
    around = [
        intervals[i] for i in range(max(0, index - 5), min(len(intervals), index + 5)) if i not in (index - 1, index)
    ]
    return float(np.median(around)) if around else None
