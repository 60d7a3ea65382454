"""Shapes of one lead's median beat: the course of ST, notches, the end of P, the U wave, how the QRS starts."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, Array, low_pass, samples
from ecgr1_core.measure.delineate import WaveLimits

StSlope = Literal["upsloping", "horizontal", "downsloping"]
StShape = Literal["concave", "convex", "straight"]

_MS = 1000.0 / WORKING_RATE_HZ
_LEVEL_MV = 0.05  # half a millimetre: the least that is seen on paper
_NOTCH_MV = 0.05
_U_MV = 0.03


def above_chord(part: Array) -> Array:
    """Return a stretch less the straight line between its ends."""
    rise: Array = part - np.linspace(part[0], part[-1], len(part))
    return rise


def st_course(beat_mv: Array, limits: WaveLimits) -> tuple[float | None, StSlope | None, StShape | None]:
    """Return the slope of ST in mV/s, its direction, and its shape.

    The slope is the least-squares line from the J point to J+80 ms; it is horizontal while it changes by less than
    0.05 mV over those 80 ms. The shape compares the trace with the chord from the J point to the T peak: convex where
    it lies on average more than 0.05 mV above (domed), concave where it lies as far below (sagging).
    """
    start = round(limits.qrs_offset) + samples(4.0)
    stop = start + samples(80.0)
    if stop >= len(beat_mv) or not np.isfinite(beat_mv[start : stop + 1]).all():
        return None, None, None
    part = beat_mv[start : stop + 1]
    slope = float(np.polyfit(np.arange(len(part)) / WORKING_RATE_HZ, part, 1)[0])
    change = slope * 0.08
    direction: StSlope = "horizontal" if abs(change) < _LEVEL_MV else "upsloping" if change > 0 else "downsloping"
    if limits.t_peak is None or round(limits.t_peak) - start < samples(60.0):
        return slope, direction, None
    bulge = float(np.mean(above_chord(beat_mv[start : round(limits.t_peak) + 1])))
    shape: StShape = "convex" if bulge > _LEVEL_MV else "concave" if bulge < -_LEVEL_MV else "straight"
    return slope, direction, shape


def qrs_area_mv_ms(beat_mv: Array, limits: WaveLimits) -> float:
    """Return the net area of the QRS in mV·ms."""
    return float(np.sum(beat_mv[round(limits.qrs_onset) : round(limits.qrs_offset) + 1]) * _MS)


def is_notched(beat_mv: Array, limits: WaveLimits) -> bool:
    """Whether the QRS turns back by at least 0.05 mV, and 5 % of its height, on the same side of the baseline."""
    part = low_pass(beat_mv[np.newaxis, :], 100.0)[0, round(limits.qrs_onset) : round(limits.qrs_offset) + 1]
    least = max(_NOTCH_MV, 0.05 * float(np.ptp(part)))
    turns = np.flatnonzero(np.diff(np.sign(np.diff(part))) != 0) + 1
    for first, second, third in zip(turns[:-2], turns[1:-1], turns[2:], strict=True):
        same_side = np.sign(part[first]) == np.sign(part[second]) == np.sign(part[third])
        back, forth = abs(part[first] - part[second]), abs(part[third] - part[second])
        if same_side and min(back, forth) >= least:
            return True
    return False


def p_terminal_force_mv_ms(beat_mv: Array, limits: WaveLimits) -> float | None:
    """Return the depth of the negative end of P times its duration, in mV·ms (Morris 1964: in V1); 0 without one."""
    if limits.p_onset is None or limits.p_offset is None:
        return None
    first, last = round(limits.p_onset), round(limits.p_offset)
    wave = above_chord(beat_mv[first : last + 1])
    upright = np.flatnonzero(wave >= 0)
    end = wave[len(wave) // 3 :]
    start = len(wave) // 3 + int(np.argmin(end))
    if wave[start] >= 0:
        return 0.0
    before = upright[upright < start]
    after = upright[upright > start]
    left = int(before[-1]) + 1 if len(before) else 0
    right = int(after[0]) if len(after) else len(wave)
    return float(-wave[start] * (right - left) * _MS)


def wave_duration_ms(beat_mv: Array, onset: float | None, offset: float | None) -> float | None:
    """Return how long one lead is further than a tenth of its peak, and 10 µV, from the chord between the limits."""
    if onset is None or offset is None:
        return None
    first, last = round(onset), min(round(offset), len(beat_mv) - 1)
    if last - first < 4:
        return None
    wave = np.abs(above_chord(beat_mv[first : last + 1]))
    seen = np.flatnonzero(wave > max(0.1 * float(wave.max()), 0.01))
    return float((seen[-1] - seen[0]) * _MS) if len(seen) > 1 else None


def u_amplitude_mv(beat_mv: Array, limits: WaveLimits, rr_samples: float) -> float | None:
    """Return the height of a U wave, None without one.

    It is the largest deflection of at least 0.03 mV from the chord over the 40 to 280 ms after T, where the next P wave
    leaves room for it.
    """
    if limits.t_offset is None:
        return None
    next_p = limits.qrs_onset + rr_samples - samples(220.0)
    first = round(limits.t_offset) + samples(20.0)
    last = int(min(first + samples(240.0), next_p, len(beat_mv) - 1))
    if last - first < samples(120.0) or not np.isfinite(beat_mv[first : last + 1]).all():
        return None
    wave = above_chord(low_pass(beat_mv[np.newaxis, first : last + 1], 15.0)[0])
    peak = int(np.argmax(np.abs(wave)))
    inside = samples(30.0) <= peak < len(wave) - samples(30.0)
    return float(wave[peak]) if inside and abs(wave[peak]) >= _U_MV else None


def starts_slurred(beat_mv: Array, limits: WaveLimits) -> bool:
    """Whether the first 40 ms of the QRS rise at less than 30 % of its steepest slope, and by at least 0.05 mV."""
    on, off = round(limits.qrs_onset), round(limits.qrs_offset)
    slope = np.abs(np.gradient(low_pass(beat_mv[np.newaxis, :], 40.0)[0]))
    first = slope[on : on + samples(40.0)]
    risen = abs(float(beat_mv[on + samples(40.0)] - beat_mv[on]))
    return bool(float(first.max()) < 0.3 * float(slope[on:off].max()) and risen >= _LEVEL_MV)
