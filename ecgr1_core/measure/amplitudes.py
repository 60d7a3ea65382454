"""Amplitudes and durations of the waves of one lead, on its median beat, inside the global limits."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from ecgr1_core.measure import segments, shapes
from ecgr1_core.measure.beats import Indices
from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, Array, Mask, samples
from ecgr1_core.measure.delineate import WaveLimits
from ecgr1_core.measure.templates import BEFORE
from ecgr1_core.measure.types import LeadMeasurements

_MS = 1000.0 / WORKING_RATE_HZ
_SMALLEST_MV = 0.02  # IEC 60601-2-25 (annex on wave recognition): at least 20 µV ...
_SMALLEST_MS = 6.0  # ... for at least 6 ms
_SMALLEST_SHARE = 0.025  # and of the span of the complex, below which it is the baseline that moves
_CAPITAL_MV = 0.5


def level_before_qrs(signal_mv: Array, fiducials: Indices, limits: WaveLimits, shown: Mask) -> Array:
    """Return the signals with the level just before each QRS brought to zero, [leads, samples].

    The level is the mean of the 16 ms that end 4 ms before the onset; between the beats it is interpolated by a
    monotone cubic (Fritsch and Carlson 1980), so that drift is removed without bending the ST segment. `shown` is
    [leads, samples]; before a beat of which a lead is not shown, its level is that before the nearest beat of which it
    is.
    """
    stop = np.round(fiducials + limits.qrs_onset - BEFORE - samples(4.0)).astype(int)
    keep = (stop >= samples(16.0)) & (stop < signal_mv.shape[1])
    stop = stop[keep]
    if len(stop) == 0:
        out: Array = signal_mv - np.median(signal_mv, axis=1, keepdims=True)
        return out
    cumulative = np.concatenate([np.zeros((len(signal_mv), 1)), np.cumsum(signal_mv, axis=1)], axis=1)
    width = samples(16.0)
    levels = (cumulative[:, stop] - cumulative[:, stop - width]) / width
    levels = _of_shown(levels, shown[:, stop - 1] & shown[:, stop - width])
    if len(stop) == 1:
        level: Array = signal_mv - levels
        return level
    knots = stop - width / 2.0
    positions = np.clip(np.arange(signal_mv.shape[1]), knots[0], knots[-1])
    drift = PchipInterpolator(knots, levels, axis=1)(positions)
    result: Array = signal_mv - drift
    return result


def _of_shown(levels: Array, known: Mask) -> Array:
    """Return levels [leads, beats] with those that are not known taken from the nearest beat of the same lead."""
    if known.all():
        return levels
    out = levels.copy()
    for row, has in zip(out, known, strict=True):
        places = np.flatnonzero(has)
        if len(places):
            every = np.arange(len(row))
            row[:] = row[places[np.abs(every[:, None] - places).argmin(axis=1)]]
    return out


def measure_lead(
    beat_mv: Array, limits: WaveLimits, rr_samples: float, *, p_present: bool, p_reason: str
) -> LeadMeasurements:
    """Measure one lead: `beat_mv` is [samples] of the median beat, level before QRS at zero."""
    on, off = round(limits.qrs_onset), round(limits.qrs_offset)
    reasons: dict[str, str] = {}
    baseline = float(np.mean(beat_mv[max(0, on - samples(20.0)) : max(1, on - samples(4.0))]))
    beat = beat_mv - baseline
    waves = qrs_waves(beat[on : off + 1])
    values: dict[str, float | None] = {}
    for name in ("q", "r", "s", "r_prime", "s_prime"):
        wave = waves.get(name)
        values[f"{name}_amplitude_mv"] = None if wave is None else wave[0]
        if name in ("q", "r", "s"):
            values[f"{name}_duration_ms"] = None if wave is None else wave[1]
        if wave is None:
            reasons[f"{name}_amplitude_mv"] = f"no {name.upper().replace('_PRIME', '′')} wave in this lead"
    qrs = beat[on : off + 1]
    if p_present and limits.p_onset is not None and limits.p_offset is not None:
        first, last = round(limits.p_onset), round(limits.p_offset)
        p_amplitude, p_negative = _signed_peaks(shapes.above_chord(beat[first : last + 1]))
    else:
        p_amplitude = p_negative = None
        reasons["p_amplitude_mv"] = p_reason
    if limits.t_offset is not None:
        t_amplitude, t_negative = _signed_peaks(
            beat[min(off + samples(60.0), len(beat) - 2) : round(limits.t_offset) + 1]
        )
    else:
        t_amplitude = t_negative = None
        reasons["t_amplitude_mv"] = "the T wave was not found"
    st_slope_mv_per_s, st_slope, st_shape = shapes.st_course(beat, limits)
    t_half_width_ms, t_symmetry = segments.t_shape(beat, limits)
    return LeadMeasurements(
        morphology=morphology(waves),
        p_amplitude_mv=p_amplitude,
        p_negative_amplitude_mv=p_negative,
        q_amplitude_mv=values["q_amplitude_mv"],
        q_duration_ms=values["q_duration_ms"],
        r_amplitude_mv=values["r_amplitude_mv"],
        r_duration_ms=values["r_duration_ms"],
        s_amplitude_mv=values["s_amplitude_mv"],
        s_duration_ms=values["s_duration_ms"],
        r_prime_amplitude_mv=values["r_prime_amplitude_mv"],
        s_prime_amplitude_mv=values["s_prime_amplitude_mv"],
        qrs_peak_to_peak_mv=float(np.ptp(qrs)),
        st_j_mv=_level_at(beat, off + samples(4.0)),
        st_j40_mv=_level_at(beat, off + samples(40.0)),
        st_j60_mv=_level_at(beat, off + samples(60.0)),
        st_j80_mv=_level_at(beat, off + samples(80.0)),
        st_slope_mv_per_s=st_slope_mv_per_s,
        st_slope=st_slope,
        st_shape=st_shape,
        t_amplitude_mv=t_amplitude,
        t_negative_amplitude_mv=t_negative,
        u_amplitude_mv=shapes.u_amplitude_mv(beat, limits, rr_samples),
        p_duration_ms=shapes.wave_duration_ms(beat, limits.p_onset, limits.p_offset) if p_present else None,
        qrs_duration_ms=shapes.wave_duration_ms(beat, limits.qrs_onset, limits.qrs_offset),
        t_duration_ms=shapes.wave_duration_ms(beat, limits.t_onset, limits.t_offset),
        qrs_area_mv_ms=shapes.qrs_area_mv_ms(beat, limits),
        qrs_notched=shapes.is_notched(beat, limits),
        p_terminal_force_mv_ms=shapes.p_terminal_force_mv_ms(beat, limits) if p_present else None,
        pr_segment_mv=segments.pr_segment_mv(beat, limits, rr_samples) if p_present else None,
        r_peak_time_ms=segments.r_peak_time_ms(qrs, max(_SMALLEST_MV, _SMALLEST_SHARE * float(np.ptp(qrs)))),
        j_notch_mv=segments.j_notch_mv(beat, limits),
        t_half_width_ms=t_half_width_ms,
        t_symmetry=t_symmetry,
        t_phases=segments.t_phases(beat, limits),
        reasons=reasons,
    )


def qrs_waves(qrs_mv: Array) -> dict[str, tuple[float, float]]:
    """Name the deflections of one complex: {"q" | "r" | "s" | "r_prime" | "s_prime": (amplitude mV, duration ms)}.

    A deflection is a run on one side of the baseline of at least 20 µV (and 2.5 % of the complex) and 6 ms. Q is
    negative and before the first positive one, R the first positive, S the negative after it, R′ and S′ the next.
    Without any positive deflection the largest negative one is a QS and stands under "q".
    """
    signs = np.where(qrs_mv >= 0, 1, -1)
    borders = np.flatnonzero(np.diff(signs)) + 1
    runs: list[tuple[float, float]] = []
    smallest_mv = max(_SMALLEST_MV, _SMALLEST_SHARE * float(np.ptp(qrs_mv)))
    for start, stop in zip(np.r_[0, borders], np.r_[borders, len(qrs_mv)], strict=True):
        part = qrs_mv[start:stop]
        peak = float(part[np.argmax(np.abs(part))])
        duration = (stop - start) * _MS
        if abs(peak) >= smallest_mv and duration >= _SMALLEST_MS:
            if runs and (runs[-1][0] > 0) == (peak > 0):  # what lay between was too small to count
                previous = runs.pop()
                peak, duration = max(previous[0], peak, key=abs), previous[1] + duration
            runs.append((peak, duration))
    positive = [index for index, (peak, _) in enumerate(runs) if peak > 0]
    if not positive:
        return {"q": max(runs, key=lambda run: abs(run[0]))} if runs else {}
    out = {}
    first = positive[0]
    if first > 0:
        out["q"] = runs[first - 1]
    for name, run in zip(("r", "s", "r_prime", "s_prime"), runs[first:], strict=False):
        out[name] = run
    return out


def morphology(waves: dict[str, tuple[float, float]]) -> str | None:
    """Spell a complex the way it is written: "qRs", "rSr'", "QS"."""
    if not waves:
        return None
    if set(waves) == {"q"}:
        return "QS"
    letters = {"q": "q", "r": "r", "s": "s", "r_prime": "r'", "s_prime": "s'"}
    return "".join(
        letters[name].upper() if abs(waves[name][0]) >= _CAPITAL_MV else letters[name]
        for name in ("q", "r", "s", "r_prime", "s_prime")
        if name in waves
    )


def _signed_peaks(part: Array) -> tuple[float | None, float | None]:
    """Return the largest deflection with its sign, and the depth of the negative part where it is at least 20 µV."""
    if len(part) == 0:
        return None, None
    high, low = float(part.max()), float(part.min())
    largest = high if high >= -low else low
    return largest, low if low <= -_SMALLEST_MV else None


def _level_at(beat: Array, position: int) -> float | None:
    """Mean of the 6 ms around one instant."""
    if position + 1 >= len(beat):
        return None
    value = float(np.mean(beat[position - 1 : position + 2]))
    return value if np.isfinite(value) else None
