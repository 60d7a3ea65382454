"""Wave limits of one beat from all its leads together.

At every instant the slopes of the leads are ranked, and the one at the upper quarter (the third largest of twelve) is
followed outwards from the middle of the wave: a wave lasts as long as a quarter of the leads are still moving. One
noisy lead cannot carry a limit outwards, and one quiet lead cannot pull it in. All thresholds are relative: a beat
twice as large has the same limits.

A wave that begins with a corner begins there. One that rises softly out of the baseline has no such point, and
cardiologists mark it further out than any threshold crosses it; so the step from the crossing to the limit depends on
how soft the edge is. The steps were fitted together to one half of LUDB (the earliest onset and latest offset that
cardiologists marked in any lead but one) and to synthetic ECGs with corners of known place; benchmarks/delineation.py
reports the other half and other ECGs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, Array, Mask, low_pass, samples


@dataclass(frozen=True)
class WaveLimits:
    """Limits of the waves of one beat as columns of its window; None where there is no such wave."""

    qrs_onset: float
    qrs_offset: float
    p_onset: float | None = None
    p_peak: float | None = None
    p_offset: float | None = None
    t_onset: float | None = None
    t_peak: float | None = None
    t_offset: float | None = None


@dataclass(frozen=True)
class Slope:
    """Which slope an edge is read from: low-pass corner, and the window over which it is averaged."""

    low_pass_hz: float
    average_ms: float


@dataclass(frozen=True)
class EdgeRule:
    """How an edge is read from the slopes.

    The crossing is where `slope`, followed outwards, has stayed for `quiet_ms` below `share` of its largest value (but
    not below twice what it is at rest). The softness of the edge is the time between the crossings of `soft_shares` in
    `soft_slope`; from the first to the second of `softness_ms` the outward step goes from the first to the second of
    `step_ms`. No edge is further than `furthest_ms` from the fiducial.
    """

    slope: Slope
    share: float
    soft_slope: Slope
    soft_shares: tuple[float, float]
    softness_ms: tuple[float, float]
    step_ms: tuple[float, float]
    quiet_ms: float = 10.0
    furthest_ms: float = math.inf


_S70, _S40, _P40, _P25, _T8 = Slope(70.0, 6.0), Slope(40.0, 6.0), Slope(40.0, 10.0), Slope(25.0, 10.0), Slope(8.0, 10.0)
QRS_ONSET = EdgeRule(_S70, 0.03, _S70, (0.03, 0.12), (4.0, 6.0), (-4.6, 11.0), furthest_ms=140.0)
QRS_OFFSET = EdgeRule(_S40, 0.03, _S70, (0.03, 0.12), (4.0, 8.0), (-8.7, 4.5), furthest_ms=170.0)
P_ONSET = EdgeRule(_P25, 0.25, _P25, (0.2, 0.7), (10.0, 16.0), (-9.6, 6.5), quiet_ms=16.0)
P_OFFSET = EdgeRule(_P40, 0.25, _P40, (0.1, 0.4), (6.0, 12.0), (-5.0, 0.0))
T_OFFSET = EdgeRule(_T8, 0.2, _P25, (0.1, 0.4), (10.0, 20.0), (-26.0, -3.0), quiet_ms=16.0)

_AT_REST = 2.0
_SHORTEST_QRS = samples(20.0)
_LATEST_T_PEAK_S = 0.55  # after QRS onset at 60/min, by the square root of RR: a QTc of about 630 ms
_VALLEY = 0.5  # where T runs into P the slope never rests: the limit is the valley, if it is at most this share deep
_P_ACTIVITY = Slope(16.0, 10.0)  # in which P waves are looked for
_P_WINDOW_MS = 320.0
_P_WIDTH_MS = 90.0


@dataclass(frozen=True)
class Motion:
    """What the limits are read from.

    `slopes` and `p_slopes` hold the leading slope of the leads, [samples] in mV per sample, for every `Slope` that a
    rule names; those for P are taken with the QRS complexes bridged, which would otherwise be smeared into a P wave
    close by. `p_leads` and `t_leads` are the smoothed leads, [leads, samples], in which P and T have their peaks. `qrs`
    holds onset and offset of the complex at every fiducial.
    """

    slopes: dict[Slope, Array]
    p_slopes: dict[Slope, Array]
    p_leads: Array
    t_leads: Array
    qrs: dict[int, tuple[float, float]]


def motion_of(signal_mv: Array, usable: Mask, fiducials: Sequence[int], *, not_before: int = 0) -> Motion:
    """Return the motion of a median beat or of a whole recording.

    `signal_mv` is [leads, samples], `fiducials` the columns of its QRS complexes. No QRS onset is looked for before
    column `not_before` (the end of a pacing spike in a median beat).
    """
    whole = _without_gaps(signal_mv[usable])
    slopes = {slope: _slope_of(whole, slope) for slope in (_S70, _S40, _P25, _T8)}
    qrs = {}
    for fiducial in fiducials:
        onset = _qrs_edge(slopes, fiducial, QRS_ONSET, -1, not_before)
        offset = _qrs_edge(slopes, fiducial, QRS_OFFSET, +1, not_before)
        qrs[fiducial] = (onset, max(offset, onset + _SHORTEST_QRS))
    bridged = bridge_qrs(whole, list(qrs.values()))
    p_leads = low_pass(bridged, _P_ACTIVITY.low_pass_hz)
    return Motion(
        slopes=slopes,
        p_slopes={slope: _slope_of(bridged, slope) for slope in (_P40, _P25, _P_ACTIVITY)},
        p_leads=p_leads,
        t_leads=low_pass(whole, _T8.low_pass_hz),
        qrs=qrs,
    )


def _slope_of(leads: Array, slope: Slope) -> Array:
    return _leading_slope(low_pass(leads, slope.low_pass_hz), slope.average_ms)


def bridge_qrs(leads: Array, complexes: list[tuple[float, float]]) -> Array:
    """Hold every lead at its level before the QRS, and lead it to that after in the second half of the complex."""
    bridged = leads.copy()
    for onset, offset in complexes:
        first, last = max(0, round(onset)), min(leads.shape[1] - 1, round(offset))
        if last - first < 4:
            continue
        way = np.clip(np.linspace(-1.0, 1.0, last - first + 1), 0.0, 1.0)
        bridged[:, first : last + 1] = leads[:, [first]] + (leads[:, [last]] - leads[:, [first]]) * way
    return bridged


def _leading_slope(leads: Array, smooth_ms: float) -> Array:
    """Slope at the upper quarter of the leads."""
    slope = uniform_filter1d(np.abs(np.gradient(leads, axis=1)), samples(smooth_ms), axis=1)
    rank = math.ceil(len(slope) / 4)
    ranked: Array = np.partition(slope, len(slope) - rank, axis=0)[len(slope) - rank]
    return ranked


def delineate(
    motion: Motion, fiducial: int, rr_samples: float, *, last_t_end: float | None = None, find_p: bool = True
) -> WaveLimits:
    """Return the wave limits of the beat at column `fiducial`, one of those the motion was made for.

    `rr_samples` is the interval to the next beat. No P wave is looked for before `last_t_end`; where that is not given
    the last T wave is taken to end one interval before this one does.
    """
    qrs_onset, qrs_offset = motion.qrs[fiducial]
    t_onset, t_peak, t_offset = _t_wave(motion, fiducial, round(qrs_onset), round(qrs_offset), rr_samples)
    p_onset = p_peak = p_offset = None
    if find_p:
        if last_t_end is None and t_offset is not None:
            last_t_end = t_offset - rr_samples
        p_onset, p_peak, p_offset = _p_wave(motion, round(qrs_onset), last_t_end)
    return WaveLimits(
        qrs_onset=qrs_onset,
        qrs_offset=qrs_offset,
        p_onset=p_onset,
        p_peak=p_peak,
        p_offset=p_offset,
        t_onset=t_onset,
        t_peak=t_peak,
        t_offset=t_offset,
    )


def _qrs_edge(slopes: dict[Slope, Array], fiducial: int, rule: EdgeRule, direction: int, not_before: int) -> float:
    reach = samples(100.0)
    slope = slopes[rule.slope]
    inside = slice(max(0, fiducial - reach, not_before), min(len(slope), fiducial + reach))
    rest = slice(max(0, fiducial - 3 * reach), fiducial + 4 * reach)
    bound = not_before if direction < 0 else len(slope) - 1
    edge = _edge(slopes, inside, direction, rule, rest, bound, from_half=True)
    if direction * (edge - fiducial) > samples(rule.furthest_ms):  # it never rests: take where the slope is least
        steepest = inside.start + int(np.argmax(slope[inside]))
        middle = (
            max(direction * fiducial, direction * steepest) * direction
        )  # the fiducial of a wide QRS may lie before it
        near, far = middle + direction * samples(30.0), fiducial + direction * samples(rule.furthest_ms)
        first, last = max(0, min(near, far)), min(len(slope), max(near, far))
        edge = float(first + int(np.argmin(slope[first:last]))) if first < last else float(far)
    return max(edge, float(not_before))


def _t_wave(
    motion: Motion, fiducial: int, qrs_onset: int, qrs_offset: int, rr_samples: float
) -> tuple[float | None, float | None, float | None]:
    start = qrs_offset + samples(60.0)
    latest_peak = _LATEST_T_PEAK_S * math.sqrt(rr_samples / WORKING_RATE_HZ) * WORKING_RATE_HZ
    peak_stop = int(min(motion.t_leads.shape[1] - 1, qrs_onset + min(latest_peak, rr_samples - samples(120.0))))
    stop = int(
        min(
            motion.t_leads.shape[1] - 1,
            fiducial + rr_samples - samples(80.0),
            fiducial + 0.72 * rr_samples + samples(120.0),
            fiducial + samples(690.0),
        )
    )
    if stop - start < samples(80.0) or peak_stop - start < samples(40.0):
        return None, None, None
    leads = motion.t_leads
    level = np.median(leads[:, max(0, qrs_onset - samples(20.0)) : max(1, qrs_onset)], axis=1, keepdims=True)
    size = np.sqrt(np.mean((leads[:, start:peak_stop] - level) ** 2, axis=0))
    peak = start + int(np.argmax(size))
    if min(peak + samples(180.0), stop) - peak < samples(20.0):
        return None, None, None
    rest = slice(start, stop)
    offset = _edge(motion.slopes, slice(peak, min(peak + samples(180.0), stop)), +1, T_OFFSET, rest, stop)
    offset = max(offset, float(peak + samples(20.0)))
    onset = None
    before = slice(max(start - samples(40.0), peak - samples(180.0)), peak)
    if before.stop - before.start >= samples(20.0):
        onset = min(_edge(motion.slopes, before, -1, T_OFFSET, rest, qrs_offset), float(peak))
    return onset, float(peak), offset


def _p_wave(
    motion: Motion, qrs_onset: int, last_t_end: float | None
) -> tuple[float | None, float | None, float | None]:
    start = max(samples(20.0), qrs_onset - samples(_P_WINDOW_MS))
    if last_t_end is not None:
        start = max(start, round(last_t_end) + samples(10.0))
    stop = qrs_onset - samples(14.0)
    if stop - start < samples(60.0):
        return None, None, None
    moving = motion.p_slopes[_P_ACTIVITY][start - samples(20.0) : stop]
    inner = uniform_filter1d(moving, samples(_P_WIDTH_MS))[samples(50.0) : len(moving) - samples(20.0)]
    if len(inner) == 0:
        return None, None, None
    centre = start + samples(30.0) + int(np.argmax(inner))
    inside = slice(max(start, centre - samples(90.0)), min(stop, centre + samples(90.0)))
    rest = slice(start, stop)
    bound = max(0, start - samples(40.0))
    onset = _edge(motion.p_slopes, inside, -1, P_ONSET, rest, bound, from_ends=True)
    offset = min(_edge(motion.p_slopes, inside, +1, P_OFFSET, rest, qrs_onset, from_ends=True), float(qrs_onset))
    first, last = round(onset), round(offset)
    if last - first < samples(30.0):
        return None, None, None
    leads = motion.p_leads[:, first : last + 1]
    line = np.linspace(leads[:, 0], leads[:, -1], leads.shape[1], axis=1)
    size = np.sqrt(np.mean((leads - line) ** 2, axis=0))
    return onset, float(first + int(np.argmax(size))), offset


def _edge(
    slopes: dict[Slope, Array],
    inside: slice,
    direction: int,
    rule: EdgeRule,
    rest: slice,
    bound: int,
    *,
    from_ends: bool = False,
    from_half: bool = False,
) -> float:
    """Return where the wave whose largest slope lies `inside` begins (direction -1) or ends (+1) by the rule.

    `rest` is the stretch whose quietest tenth shows the slope at rest. A P wave has a slope on either side of its peak:
    there, `from_ends`, a crossing is looked for from the outermost place inside where the slope is above it. A wide QRS
    can rest on a plateau: there, `from_half`, from the outermost place where the slope is half its largest.
    """

    def crossing(which: Slope, share: float) -> int:
        slope = slopes[which]
        part = slope[inside]
        quiet = _lowest_tenth(slope[max(0, rest.start) : rest.stop])
        threshold = max(share * float(part.max()), _AT_REST * quiet)
        begin = int(np.argmax(part))
        if from_half and part[begin] > 0.0:  # rounding leaves a level line a slope below zero
            begin = int(np.flatnonzero(part >= 0.5 * part[begin])[0 if direction < 0 else -1])
        if from_ends:
            above = np.flatnonzero(part >= threshold)
            begin = int(above[0 if direction < 0 else -1]) if len(above) else begin
        valley = _VALLEY * float(part.max()) if from_ends else 0.0
        return _walk(slope, inside.start + begin, direction, threshold, samples(rule.quiet_ms), bound, valley)

    low, high = (crossing(rule.soft_slope, share) for share in rule.soft_shares)
    softness_ms = direction * (low - high) * 1000.0 / WORKING_RATE_HZ
    step_ms = float(np.interp(softness_ms, rule.softness_ms, rule.step_ms))
    edge = crossing(rule.slope, rule.share) + direction * step_ms * WORKING_RATE_HZ / 1000.0
    return float(min(max(edge, 0.0), len(slopes[rule.slope]) - 1.0))


def _lowest_tenth(values: Array) -> float:
    """Return the quantile 0.1 (linear, as `numpy.quantile`, at a tenth of its cost for so few values)."""
    rank = 0.1 * (len(values) - 1)
    below = int(rank)
    ordered = np.partition(values, [below, min(below + 1, len(values) - 1)])
    above = ordered[min(below + 1, len(values) - 1)]
    return float(ordered[below] + (rank - below) * (above - ordered[below]))


def _walk(
    slope: Array, start: int, direction: int, threshold: float, need: int, bound: int, valley: float = 0.0
) -> int:
    """Walk from `start` until the slope stays below the threshold for `need` samples; return where that began.

    Where the slope falls below `valley` without ever resting and rises above it to twice its least value, another wave
    begins: its least place is returned.
    """
    run, position, least = 0, start, start
    while 0 < position < len(slope) - 1 and position != bound:
        run = run + 1 if slope[position] < threshold else 0
        if run >= need:
            break
        if slope[position] < slope[least]:
            least = position
        elif slope[least] < valley < slope[position] and slope[position] > 2.0 * slope[least]:
            return least
        position += direction
    return position - direction * max(run - 1, 0)


def _without_gaps(beat_mv: Array) -> Array:
    """Fill the parts beyond the recording with the nearest known value."""
    known = np.isfinite(beat_mv).all(axis=0)
    if known.all():
        return beat_mv
    positions = np.flatnonzero(known)
    if len(positions) == 0:
        return np.zeros_like(beat_mv)
    nearest = np.clip(np.arange(beat_mv.shape[1]), positions[0], positions[-1])
    filled: Array = np.nan_to_num(beat_mv[:, nearest])
    return filled
