"""Segments and shapes of the median beat that a reader looks at beyond amplitudes: PR segment, ST length, form of T.

Each is measured against a level of its own and is None where that level, or the wave, is not there. Nothing here is
named normal or abnormal.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, Array, Mask, low_pass, samples
from ecgr1_core.measure.delineate import WaveLimits
from ecgr1_core.measure.shapes import above_chord

TPhases = Literal["positive_negative", "negative_positive"]

_MS = 1000.0 / WORKING_RATE_HZ
_BEFORE_QRS_MS = 4.0
_PR_SEGMENT_MS = 40.0
_SHORTEST_PR_SEGMENT_MS = 12.0
_TP_FROM_MS, _TP_TO_MS = 50.0, 14.0  # before the onset of P
_NO_T_HERE_MS = 20.0
_PHASE_MV = 0.05  # half a millimetre: the least that is seen on paper
_SMALLEST_T_MV = 0.1
_NOTCH_MV = 0.02
_AFTER_QRS_MS = 20.0


def pr_segment_mv(beat_mv: Array, limits: WaveLimits, rr_samples: float) -> float | None:
    """Return the level of the PR segment above that of the TP segment in mV; negative where PR is depressed.

    PR is the mean of what lies between the end of P and the QRS (its last 40 ms, at least 12 ms), TP the mean of the 50
    to 14 ms before P, where the T wave of the beat before has ended. None where P or either segment is missing.
    """
    if limits.p_onset is None or limits.p_offset is None or limits.t_offset is None:
        return None
    stop = round(limits.qrs_onset) - samples(_BEFORE_QRS_MS)
    start = max(round(limits.p_offset), stop - samples(_PR_SEGMENT_MS))
    first, last = round(limits.p_onset) - samples(_TP_FROM_MS), round(limits.p_onset) - samples(_TP_TO_MS)
    t_before = limits.t_offset - rr_samples + samples(_NO_T_HERE_MS)
    if stop - start < samples(_SHORTEST_PR_SEGMENT_MS) or first < max(0.0, t_before):
        return None
    difference = float(np.mean(beat_mv[start:stop]) - np.mean(beat_mv[first:last]))
    return difference if np.isfinite(difference) else None


def r_peak_time_ms(qrs_mv: Array, smallest_mv: float) -> float | None:
    """Return the time from the QRS onset to the tallest positive peak (intrinsicoid deflection), None without one.

    `qrs_mv` is one lead from QRS onset to offset, [samples]. AHA/ACCF/HRS part III (2009).
    """
    peak = int(np.argmax(qrs_mv))
    return float(peak * _MS) if qrs_mv[peak] >= smallest_mv else None


def t_shape(beat_mv: Array, limits: WaveLimits) -> tuple[float | None, float | None]:
    """Return how wide T is at half its height in ms, and its symmetry: rise over fall between the half heights.

    The height is that above the line from the onset to the end of T. A normal T rises more slowly than it falls
    (symmetry above 1); 1 is a symmetric one. None where T is smaller than 0.1 mV or its onset was not found.
    """
    part = _t_part(beat_mv, limits)
    if part is None:
        return None, None
    wave = above_chord(part)
    peak = int(np.argmax(np.abs(wave)))
    height = abs(float(wave[peak]))
    if height < _SMALLEST_T_MV:
        return None, None
    above = np.abs(wave) * (np.sign(wave) == np.sign(wave[peak])) >= 0.5 * height
    outside = np.flatnonzero(~above)
    left = outside[outside < peak]
    right = outside[outside > peak]
    if len(left) == 0 or len(right) == 0 or right[0] - peak < 2:
        return None, None
    rise, fall = peak - int(left[-1]), int(right[0]) - peak
    return float((rise + fall - 1) * _MS), float(rise / fall)


def t_phases(beat_mv: Array, limits: WaveLimits) -> TPhases | None:
    """Return in which order T is positive and negative where it is both, each by at least 0.05 mV; else None."""
    if limits.t_offset is None:
        return None
    start, stop = round(limits.qrs_offset) + samples(60.0), round(limits.t_offset) + 1
    part = beat_mv[start:stop]
    if len(part) < samples(60.0) or not np.isfinite(part).all():
        return None
    high, low = int(np.argmax(part)), int(np.argmin(part))
    if part[high] < _PHASE_MV or part[low] > -_PHASE_MV:
        return None
    return "positive_negative" if high < low else "negative_positive"


def j_notch_mv(beat_mv: Array, limits: WaveLimits) -> float | None:
    """Return the height of a notch on the final down-slope of R, in mV above the level before the QRS; None without.

    The peak of the notch (Jp of Macfarlane et al., J Am Coll Cardiol 2015;66:470-477) is a local maximum after the R
    peak, below half its height, within 20 ms after the QRS offset, that rises by at least 20 µV out of a dip which
    stays above the level before the QRS.
    """
    on, off = round(limits.qrs_onset), round(limits.qrs_offset)
    part = low_pass(beat_mv[np.newaxis, :], 60.0)[0, on : off + samples(_AFTER_QRS_MS)]
    if not np.isfinite(part).all() or len(part) < samples(40.0):
        return None
    peak = int(np.argmax(part))
    below = np.flatnonzero(part[peak:] < 0.5 * part[peak])
    if part[peak] < 2 * _SMALLEST_T_MV or len(below) == 0:
        return None
    tail = part[peak + int(below[0]) :]
    dip = int(np.argmax(np.diff(tail) > 0)) if len(tail) > 2 and (np.diff(tail) > 0).any() else None
    if dip is None or tail[dip] < 0.0:
        return None
    top = dip + int(np.argmax(tail[dip:]))
    rises = float(tail[top] - tail[dip]) >= _NOTCH_MV and top < len(tail) - 1
    return float(tail[top]) if rises and tail[top] < 0.5 * part[peak] else None


def st_segment_ms(beat_mv: Array, usable: Mask, limits: WaveLimits) -> float | None:
    """Return the length of the ST segment in ms, from the QRS offset to where T begins; None where T was not found.

    T begins where the steepest tangent to its first limb meets the level at the J point (the tangent of Lepeschkin and
    Surawicz 1952, applied to the onset), as the median over the leads with a T of at least 0.1 mV.
    """
    if limits.t_peak is None or limits.t_offset is None:
        return None
    start, peak = round(limits.qrs_offset) + samples(10.0), round(limits.t_peak)
    if peak - start < samples(40.0):
        return None
    last, pad = round(limits.t_offset), samples(100.0)
    leads = np.nan_to_num(beat_mv[usable, start : last + 1])
    levels = leads[:, : samples(8.0)].mean(axis=1, keepdims=True)
    held = np.repeat(levels, pad, axis=1)  # instead of the QRS, which the filter would smear into ST
    smooth = low_pass(np.concatenate([held, leads], axis=1), 15.0)[:, pad:]
    found = []
    for part, level in zip(smooth, levels[:, 0], strict=True):
        top = int(np.argmax(np.abs(part - level)))
        height = float(part[top] - level)
        if abs(height) < _SMALLEST_T_MV or top < samples(40.0):
            continue
        slope = np.gradient(part[: top + 1]) * np.sign(height)
        steepest = int(np.argmax(slope))
        if slope[steepest] <= 0.0:
            continue
        rise = abs(float(part[steepest]) - level) / float(slope[steepest])
        found.append(max(0.0, (steepest - rise) * _MS + 10.0))
    return float(np.median(found)) if len(found) >= 2 else None


def _t_part(beat_mv: Array, limits: WaveLimits) -> Array | None:
    """Return one lead from the onset to the end of T, smoothed at 25 Hz; None where a limit is missing."""
    if limits.t_onset is None or limits.t_offset is None:
        return None
    first, last = round(max(limits.t_onset, limits.qrs_offset + samples(20.0))), round(limits.t_offset)
    if last - first < samples(60.0) or last >= len(beat_mv) or not np.isfinite(beat_mv[first : last + 1]).all():
        return None
    around = slice(max(0, first - samples(60.0)), min(len(beat_mv), last + samples(60.0)))
    smooth = low_pass(np.nan_to_num(beat_mv[np.newaxis, around]), 25.0)[0]
    part: Array = smooth[first - around.start : last + 1 - around.start]
    return part
