"""Wave limits of one beat from all its leads together.

A wave lasts as long as a quarter of the leads are still moving: at every instant the slopes of the leads are ranked,
and the one at the upper quarter (the third largest of twelve) is followed outwards from the middle of the wave until
it stays below a small share of its own largest value. One noisy lead cannot carry a limit outwards, and one quiet lead
cannot pull it in. All thresholds are relative, so that a beat twice as large has the same limits.

The shares and the small outward steps were set on one half of LUDB against the earliest onset and latest offset that
cardiologists marked in any lead but one (see benchmarks/delineation.py, which reports the other half).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from ecgr1_core.measure.conditioning import Array, Mask, low_pass, samples


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
class EdgeRule:
    """How a wave's edge is found: low-pass, share of the wave's largest slope, how long it must stay below, the
    step outwards from there to where a cardiologist marks it, and how far from the fiducial it can be."""

    low_pass_hz: float
    share: float
    quiet_ms: float
    step_ms: float
    noise_factor: float = 2.0
    furthest_ms: float = math.inf


QRS_ONSET = EdgeRule(low_pass_hz=40.0, share=0.02, quiet_ms=10.0, step_ms=6.0, furthest_ms=140.0)
QRS_OFFSET = EdgeRule(low_pass_hz=40.0, share=0.03, quiet_ms=10.0, step_ms=4.0, furthest_ms=170.0)
T_OFFSET = EdgeRule(low_pass_hz=8.0, share=0.2, quiet_ms=16.0, step_ms=-6.0, noise_factor=1.5)
P_ONSET = EdgeRule(low_pass_hz=16.0, share=0.25, quiet_ms=10.0, step_ms=0.0, noise_factor=1.5)
P_OFFSET = EdgeRule(low_pass_hz=30.0, share=0.3, quiet_ms=10.0, step_ms=3.0, noise_factor=1.5)

_P_WINDOW_MS = 320.0
_P_WIDTH_MS = 90.0


@dataclass(frozen=True)
class Motion:
    """What the limits are read from: the leading slope of the leads, [samples] in mV per sample, for every edge, and
    the smoothed leads, [leads, samples], in which the P and T waves have their peaks."""

    qrs: Array
    t: Array
    p_onset: Array
    p_offset: Array
    p_leads: Array
    t_leads: Array


def motion_of(signal_mv: Array, usable: Mask) -> Motion:
    """Return the motion of a median beat or of a whole recording, `signal_mv` being [leads, samples]."""
    whole = _without_gaps(signal_mv[usable])
    qrs_leads = low_pass(whole, QRS_ONSET.low_pass_hz)
    p_leads = low_pass(whole, P_ONSET.low_pass_hz)
    t_leads = low_pass(whole, T_OFFSET.low_pass_hz)
    return Motion(
        qrs=_leading_slope(qrs_leads, 6.0),
        t=_leading_slope(t_leads, 10.0),
        p_onset=_leading_slope(p_leads, 10.0),
        p_offset=_leading_slope(low_pass(whole, P_OFFSET.low_pass_hz), 10.0),
        p_leads=p_leads,
        t_leads=t_leads,
    )


def _leading_slope(leads: Array, smooth_ms: float) -> Array:
    """Slope at the upper quarter of the leads."""
    slope = uniform_filter1d(np.abs(np.gradient(leads, axis=1)), samples(smooth_ms), axis=1)
    rank = math.ceil(len(slope) / 4)
    ranked: Array = np.partition(slope, len(slope) - rank, axis=0)[len(slope) - rank]
    return ranked


def delineate(
    motion: Motion,
    fiducial: int,
    rr_samples: float,
    *,
    not_before: int = 0,
    last_t_end: float | None = None,
    find_p: bool = True,
) -> WaveLimits:
    """Return the wave limits of the beat at column `fiducial` of the motion.

    `rr_samples` is the interval to the next beat. No QRS onset is looked for before column `not_before` (the end of a
    pacing spike), no P wave before `last_t_end`; where that is not given the last T wave is taken to end one interval
    before this one does.
    """
    qrs_onset = _qrs_edge(motion.qrs, fiducial, QRS_ONSET, -1, not_before)
    qrs_offset = _qrs_edge(motion.qrs, fiducial, QRS_OFFSET, +1, not_before)
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


def _qrs_edge(slope: Array, fiducial: int, rule: EdgeRule, direction: int, not_before: int) -> float:
    reach = samples(100.0)
    start, stop = max(0, fiducial - reach, not_before), min(len(slope), fiducial + reach)
    peak = start + int(np.argmax(slope[start:stop]))
    quiet = float(np.quantile(slope[max(0, peak - 3 * reach) : peak + 4 * reach], 0.1))
    bound = not_before if direction < 0 else len(slope) - 1
    edge = _walk(slope, peak, direction, rule, quiet, bound)
    if direction * (edge - fiducial) > samples(rule.furthest_ms):  # it never rests: take where the slope is least
        near, far = fiducial + direction * samples(30.0), fiducial + direction * samples(rule.furthest_ms)
        first, last = max(0, min(near, far)), min(len(slope), max(near, far))
        edge = float(first + int(np.argmin(slope[first:last])))
    return max(edge, float(not_before))


def _t_wave(
    motion: Motion, fiducial: int, qrs_onset: int, qrs_offset: int, rr_samples: float
) -> tuple[float | None, float | None, float | None]:
    start = qrs_offset + samples(60.0)
    stop = int(
        min(
            len(motion.t) - 1,
            fiducial + rr_samples - samples(80.0),
            fiducial + 0.72 * rr_samples + samples(120.0),
            fiducial + samples(690.0),
        )
    )
    if stop - start < samples(80.0):
        return None, None, None
    leads = motion.t_leads
    level = np.median(leads[:, max(0, qrs_onset - samples(20.0)) : max(1, qrs_onset)], axis=1, keepdims=True)
    size = np.sqrt(np.mean((leads[:, start:stop] - level) ** 2, axis=0))
    peak = start + int(np.argmax(size))
    quiet = float(np.quantile(motion.t[start:stop], 0.05))
    after = motion.t[peak : min(peak + samples(180.0), stop)]
    if len(after) < samples(20.0):
        return None, None, None
    offset = _walk(motion.t, peak + int(np.argmax(after)), +1, T_OFFSET, quiet, stop)
    before = motion.t[max(start - samples(40.0), peak - samples(180.0)) : peak]
    onset = None
    if len(before) >= samples(20.0):
        steepest = peak - len(before) + int(np.argmax(before))
        onset = _walk(motion.t, steepest, -1, T_OFFSET, quiet, qrs_offset)
    return onset, float(peak), offset


def _p_wave(
    motion: Motion, qrs_onset: int, last_t_end: float | None
) -> tuple[float | None, float | None, float | None]:
    start = max(samples(20.0), qrs_onset - samples(_P_WINDOW_MS))
    if last_t_end is not None:
        start = max(start, round(last_t_end) - samples(20.0))
    stop = qrs_onset - samples(14.0)
    if stop - start < samples(60.0):
        return None, None, None
    activity = uniform_filter1d(motion.p_onset[start - samples(20.0) : stop], samples(_P_WIDTH_MS))[samples(20.0) :]
    inner = activity[samples(30.0) : len(activity) - samples(20.0)]
    if len(inner) == 0:
        return None, None, None
    centre = start + samples(30.0) + int(np.argmax(inner))
    edges = []
    for rule, slope, direction in ((P_ONSET, motion.p_onset, -1), (P_OFFSET, motion.p_offset, +1)):
        left, right = max(start, centre - samples(70.0)), min(stop, centre + samples(70.0))
        quiet = float(np.quantile(slope[start:stop], 0.1))
        threshold = max(rule.share * float(slope[left:right].max()), rule.noise_factor * quiet)
        moving = np.flatnonzero(slope[left:right] >= threshold) + left
        if len(moving) == 0:
            return None, None, None
        begin = int(moving[0] if direction < 0 else moving[-1])
        bound = max(0, start - samples(40.0)) if direction < 0 else qrs_onset
        edges.append(_walk(slope, begin, direction, rule, quiet, bound, threshold))
    onset, offset = edges[0], min(edges[1], float(qrs_onset))
    first, last = round(onset), round(offset)
    if last - first < samples(30.0):
        return None, None, None
    leads = motion.p_leads[:, first : last + 1]
    line = np.linspace(leads[:, 0], leads[:, -1], leads.shape[1], axis=1)
    size = np.sqrt(np.mean((leads - line) ** 2, axis=0))
    return onset, float(first + int(np.argmax(size))), offset


def _walk(
    slope: Array, start: int, direction: int, rule: EdgeRule, quiet: float, bound: int, threshold: float | None = None
) -> float:
    """Walk from `start` until the slope stays below its threshold for the rule's time; return the marked edge."""
    if threshold is None:
        threshold = max(rule.share * float(slope[start]), rule.noise_factor * quiet)
    need = samples(rule.quiet_ms)
    run, position = 0, start
    while 0 < position < len(slope) - 1 and position != bound:
        run = run + 1 if slope[position] < threshold else 0
        if run >= need:
            break
        position += direction
    edge = position - direction * max(run - 1, 0)
    marked = edge + direction * rule.step_ms * samples(1000.0) / 1000.0
    return float(min(max(marked, 0.0), len(slope) - 1.0))


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
