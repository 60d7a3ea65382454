"""QRS detection on all leads together.

One detection function for the whole recording: the slope of the QRS band, root mean square over the usable leads,
each lead scaled by its own size. A beat that is small or noisy in one lead is carried by the others, and an artefact
in one lead is outvoted.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal as dsp
from scipy.ndimage import uniform_filter1d

from ecgr1_core.measure.conditioning import Array, Conditioned, band_pass, samples

Indices = npt.NDArray[np.intp]

_REFRACTORY_MS = 200.0
_T_WAVE_MS = 360.0
_PRIMARY = 0.32  # of the local beat height
_SEARCH_BACK = 0.16
_PRIMARY_IN_PARTS, _SEARCH_BACK_IN_PARTS = 0.45, 0.25  # of three leads at a time T waves stand out more
_TWIN, _TWIN_IN_PARTS = 0.45, 0.6  # of a beat's height, below which its neighbour is its P or T wave
_STRIP = 0.3  # of the energy is that of a rhythm strip, beside the mean over all leads shown
_LEAST_SLOPE_MV = 1e-5  # from sample to sample: below is what filters leave of nothing
_LEAST_HEIGHT = 1e-3


def detection_function(conditioned: Conditioned) -> Array:
    """Return the multi-lead QRS slope, [samples], about 1 at a usual beat."""
    usable = conditioned.usable
    if not usable.any():
        return np.zeros(conditioned.signal_mv.shape[1])
    band = band_pass(conditioned.signal_mv[usable], 6.0, 28.0)
    slope = np.abs(np.gradient(band, axis=1))
    if conditioned.in_parts:
        slope = np.where(conditioned.shown[usable], slope, np.nan)
        scale = np.nanquantile(slope, 0.985, axis=1, keepdims=True)
    else:
        scale = np.quantile(slope, 0.985, axis=1, keepdims=True)
    slope = np.minimum(slope / np.maximum(scale, _LEAST_SLOPE_MV), 3.0)
    energy = mean_of_shown(slope**2)
    throughout = conditioned.throughout[usable]
    if conditioned.in_parts and throughout.any():  # the rhythm strip outweighs the few leads beside it
        strip = np.mean(slope[throughout] ** 2, axis=0)
        energy = _STRIP * strip + (1.0 - _STRIP) * energy
    energy = np.sqrt(energy)
    smooth: Array = uniform_filter1d(energy, samples(70.0), mode="nearest")
    return smooth


def mean_of_shown(values: Array) -> Array:
    """Return the mean over the leads that are shown, [samples], `values` being [leads, samples] with NaN elsewhere."""
    known = np.isfinite(values)
    mean: Array = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return mean


def find_beats(conditioned: Conditioned) -> Indices:
    """Return the position of every QRS complex, [beats], in samples at the working rate.

    The position is the largest deflection of the complex over all leads, so that it is steady from beat to beat.
    """
    activity = detection_function(conditioned)
    if not conditioned.usable.any() or activity.max(initial=0.0) <= 0.0:
        return np.empty(0, dtype=np.intp)
    candidates: Indices = dsp.find_peaks(activity, distance=samples(_REFRACTORY_MS))[0]
    if len(candidates) == 0:
        return candidates
    heights = activity[candidates]
    local = _local_height(candidates, heights)
    floor = 3.0 * float(np.median(activity))
    primary, again = _PRIMARY, _SEARCH_BACK
    if conditioned.in_parts:
        primary, again = _PRIMARY_IN_PARTS, _SEARCH_BACK_IN_PARTS
    chosen = candidates[(heights >= primary * local) & (heights >= 0.5 * floor) & (heights >= _LEAST_HEIGHT)]
    chosen = _without_t_waves(chosen, activity, _TWIN_IN_PARTS if conditioned.in_parts else _TWIN)
    chosen = _search_back(chosen, candidates, activity, again)
    return _largest_deflection(conditioned, chosen)


def _local_height(candidates: Indices, heights: Array) -> Array:
    """Height of a usual beat around each candidate: the 80 % quantile of the candidates one to a second within 5 s."""
    out = np.empty(len(candidates))
    reach = samples(5000.0)
    for index, position in enumerate(candidates):
        near = np.abs(candidates - position) <= reach
        strongest = np.sort(heights[near])[::-1]
        span_s = (candidates[near].max() - candidates[near].min()) / samples(1000.0) + 0.5
        usual = strongest[: max(2, round(span_s))]
        out[index] = float(np.median(usual))
    return out


def _without_t_waves(beats: Indices, activity: Array, share: float) -> Indices:
    """Drop a candidate shortly after a beat, or before one, that has less than `share` of its height: a T or P wave."""
    kept: list[int] = []
    for position in beats:
        if kept and position - kept[-1] < samples(_T_WAVE_MS) and activity[position] < share * activity[kept[-1]]:
            continue
        if (
            kept
            and position - kept[-1] < samples(_T_WAVE_MS)
            and activity[kept[-1]] < share * activity[position]
            and position - kept[-1] < samples(280.0)
        ):
            kept.pop()  # a P wave or artefact before the complex itself
        kept.append(int(position))
    return np.asarray(kept, dtype=np.intp)


def _search_back(beats: Indices, candidates: Indices, activity: Array, share: float) -> Indices:
    """Look again, down to this share of a beat's height, into intervals far longer than their neighbours."""
    if len(beats) < 3:
        return beats
    intervals = np.diff(beats)
    usual = float(np.median(intervals))
    height = float(np.median(activity[beats]))
    found = list(beats)
    for start, interval in zip(beats[:-1], intervals, strict=True):
        if interval < 1.6 * usual:
            continue
        inside = candidates[
            (candidates > start + samples(_T_WAVE_MS)) & (candidates < start + interval - samples(250.0))
        ]
        found.extend(int(p) for p in inside if activity[p] >= share * height and activity[p] > 0)
    return np.unique(np.asarray(found, dtype=np.intp))


def _largest_deflection(conditioned: Conditioned, beats: Indices) -> Indices:
    """Move each beat to the largest deflection over all leads within 70 ms."""
    throughout = conditioned.throughout
    chosen = throughout if throughout.any() else conditioned.usable  # a lead shown throughout is steadier than parts
    size = band_pass(conditioned.signal_mv[chosen], 3.0, 40.0) ** 2
    vector = np.sqrt(mean_of_shown(np.where(conditioned.shown[chosen], size, np.nan)))
    reach = samples(70.0)
    out = []
    for position in beats:
        start = max(0, position - reach)
        out.append(start + int(np.argmax(vector[start : position + reach + 1])))
    return np.unique(np.asarray(out, dtype=np.intp))
