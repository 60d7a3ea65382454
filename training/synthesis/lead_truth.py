"""The amplitudes of every lead on one clean beat, in the terms of `LeadMeasurements`.

It is given drawn waves on the grid of `truth` and knows neither how they were drawn nor what follows from them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgr1_core.record import LEADS
from training.synthesis.leads import Float64

if TYPE_CHECKING:
    from ecgr1_core.measure.types import LeadMeasurements

VISIBLE_MV = 0.01
SMALLEST_WAVE_MV = 0.02  # a Q, R, S … counts from 20 µV and 6 ms (CSE Working Party, Eur Heart J 1985;6:815-825)
SMALLEST_WAVE_MS = 6.0
CAPITAL_MV = 0.5  # the least amplitude of a wave written with a capital letter
GRID_HZ = 2000.0


@dataclass(frozen=True)
class Wave:
    """A wave alone, [12, times] on the grid from `first` on, with its visible ends (None: it stays below 10 µV)."""

    clean_mv: Float64
    first: int
    peak_s: float
    onset_s: float | None
    offset_s: float | None


def lead_truths(
    qrs: Wave,
    t: Wave,
    p: Wave | None,
    j_point_s: float,
    u_mv: Float64 | None = None,
    pr_segment_mv: Float64 | None = None,
) -> dict[str, LeadMeasurements]:
    """Return the amplitudes of every lead on one clean beat (QRS, ST and T together, as they are measured).

    `u_mv` and `pr_segment_mv` are [12], None where there is no such wave.
    """
    from ecgr1_core.measure.types import LeadMeasurements  # measuring imports much; the command's help needs none of it

    if qrs.onset_s is None or qrs.offset_s is None:
        return {lead: LeadMeasurements() for lead in LEADS}
    first, last = qrs.first, max(wave.first + wave.clean_mv.shape[1] for wave in (qrs, t))
    beat = np.zeros((len(LEADS), last - first))
    for wave in (qrs, t):
        beat[:, wave.first - first :][:, : wave.clean_mv.shape[1]] += wave.clean_mv

    def index(time_s: float) -> int:
        return int(min(round(time_s * GRID_HZ) - first, last - first - 1))

    complex_ = beat[:, index(qrs.onset_s) : index(qrs.offset_s)]
    nothing: list[float | None] = [None] * len(LEADS)
    p_peak, p_depth = _extremes(p.clean_mv) if p is not None else (nothing, nothing)
    t_peak, t_depth = nothing, nothing
    if t.onset_s is not None and t.offset_s is not None:
        t_peak, t_depth = _extremes(beat[:, index(t.onset_s) : index(t.offset_s)])
    levels = beat[:, [index(j_point_s + after_s) for after_s in (0.0, 0.04, 0.06, 0.08)]].tolist()
    peak_to_peak = np.ptp(complex_, axis=1).tolist()
    waves = _qrs_waves(complex_)
    return {
        lead: LeadMeasurements(
            p_amplitude_mv=p_peak[row],
            p_negative_amplitude_mv=p_depth[row],
            qrs_peak_to_peak_mv=peak_to_peak[row],
            st_j_mv=levels[row][0],
            st_j40_mv=levels[row][1],
            st_j60_mv=levels[row][2],
            st_j80_mv=levels[row][3],
            t_amplitude_mv=t_peak[row],
            t_negative_amplitude_mv=t_depth[row],
            u_amplitude_mv=None if u_mv is None else float(u_mv[row]),
            pr_segment_mv=None if pr_segment_mv is None else float(pr_segment_mv[row]),
            **waves[row],
        )
        for row, lead in enumerate(LEADS)
    }


def _extremes(signals: Float64) -> tuple[list[float | None], list[float | None]]:
    """Return per lead the largest deflection with its sign, and the depth of its negative part from 20 µV on.

    A highest or lowest value at an end of the wave is the level beside it (an ST segment), not a deflection.
    """
    ends = signals[:, [0, -1]]
    high, low = signals.max(axis=1), signals.min(axis=1)
    high = np.where(high > ends.max(axis=1), high, 0.0)
    low = np.where(low < ends.min(axis=1), low, 0.0)
    largest = np.where(high >= -low, high, low).tolist()
    return (
        [value if abs(value) > VISIBLE_MV else None for value in largest],
        [value if value <= -SMALLEST_WAVE_MV else None for value in low.tolist()],
    )


def _qrs_waves(signals: Float64) -> list[dict[str, Any]]:
    """Return Q, R, S, R', S' of every lead between the ends of the QRS; durations are the time beyond 10 µV, in ms.

    A last deflection that is highest at the J point is the ST segment, not a wave.
    """
    last = signals.shape[1] - 1
    signs = np.where(np.abs(signals) > VISIBLE_MV, np.sign(signals), 0.0)
    found = []
    for row, sign in zip(signals, signs, strict=True):
        seen = np.flatnonzero(sign)
        cuts = (np.flatnonzero(sign[seen[1:]] != sign[seen[:-1]]) + 1).tolist()
        waves: list[tuple[float, float]] = []
        for begin, end in itertools.pairwise([0, *cuts, len(seen)] if len(seen) else []):
            first, stop = int(seen[begin]), int(seen[end - 1]) + 1
            inside = row[first:stop]
            peak = int(inside.argmax() if sign[first] > 0 else inside.argmin())
            amplitude_mv, duration_ms = float(inside[peak]), 1000 * (stop - first) / GRID_HZ
            is_st = stop - 1 == last and peak == stop - first - 1
            if abs(amplitude_mv) < SMALLEST_WAVE_MV or duration_ms < SMALLEST_WAVE_MS or is_st:
                continue
            if waves and waves[-1][0] * amplitude_mv > 0:  # the wave between them was too small to count
                before_mv, before_ms = waves.pop()
                amplitude_mv, duration_ms = max(before_mv, amplitude_mv, key=abs), before_ms + duration_ms
            waves.append((amplitude_mv, duration_ms))
        found.append(_named(waves) if len(seen) else {})
    return found


def _named(waves: list[tuple[float, float]]) -> dict[str, Any]:
    """Return waves (mV, ms) in their order by the names of `LeadMeasurements`; those after S' have no names."""
    names = ["q", "r", "s", "r_prime", "s_prime"]
    if waves and waves[0][0] > 0:
        names = names[1:]
    named: dict[str, Any] = {"morphology": _spelled(dict(zip(names, waves, strict=False)))}
    for name, (amplitude_mv, duration_ms) in zip(names, waves, strict=False):
        named[f"{name}_amplitude_mv"] = amplitude_mv
        if name in ("q", "r", "s"):
            named[f"{name}_duration_ms"] = duration_ms
    return named


def _spelled(waves: Mapping[str, tuple[float, float]]) -> str | None:
    """Return a complex as it is written: "qRs", "rSr'", "QS"; capitals from 0.5 mV on."""
    if list(waves) == ["q"]:
        return "QS"
    letters = []
    for name, (amplitude_mv, _) in waves.items():
        letter = name[0].upper() if abs(amplitude_mv) >= CAPITAL_MV else name[0]
        letters.append(letter + "'" if name.endswith("_prime") else letter)
    return "".join(letters) or None
