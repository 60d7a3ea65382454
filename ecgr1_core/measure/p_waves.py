"""Every P wave of the recording, also those that no QRS follows: found by their likeness to one another.

The QRS complexes are bridged and the T wave of the dominant beat is taken out, since a P wave can lie on it; what is
left is compared with a template of P over all leads. It names no block: that PR lengthens or that P and QRS go their
own ways is judged elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgr1_core.measure.beats import Indices
from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, Array, Mask, low_pass, remove_drift, samples
from ecgr1_core.measure.delineate import WaveLimits
from ecgr1_core.measure.templates import BEFORE

_LIKE = 0.7  # correlation with the template over all leads
_SIZE = (0.5, 1.8)  # projection on the template, as a share of it
_APART = samples(240.0)
_MARGIN = samples(16.0)
_WIDTH = samples(110.0)
_MOST_SPREAD = 0.12  # of the interval between P waves, in a train
_LEAST_FOUND = 0.75  # of the P waves of a train that a QRS complex does not hide
_FEWEST = 5
_PERIODS_MS = (400.0, 1400.0)


@dataclass(frozen=True)
class PWaves:
    """Peaks of the P waves in samples at the working rate, and their rate per minute; `reason` where there are none.

    `steady` says that they form a train of one rate throughout, hidden ones counted.
    """

    peaks: Indices
    rate_per_min: float | None = None
    steady: bool = False
    reason: str = ""


def find_p_waves(
    bridged_mv: Array,
    usable: Mask,
    beats: Indices,
    dominant: Indices,
    limits: WaveLimits,
    qrs: dict[int, tuple[float, float]],
) -> PWaves:
    """Return the P waves of a recording.

    `bridged_mv` is [12, samples] with the QRS complexes bridged, `beats` the fiducials of all beats, `dominant` those
    of the beats of the dominant shape, `limits` those of its median beat, `qrs` onset and offset of the complexes by
    fiducial. With a P wave before the QRS of the median beat that is the template; without one, the waves between T and
    the next QRS are compared with one another, and count only where most of them are alike and form a steady train.
    """
    nothing = np.empty(0, dtype=np.intp)
    if len(beats) < 3 or limits.t_offset is None:
        return PWaves(nothing, reason="too few beats, or no T wave to take out")
    signal = low_pass(remove_drift(_without_t(bridged_mv[usable], dominant, limits), 0.8), 25.0)
    hidden = _hidden(signal.shape[1], beats, dominant, limits, qrs)
    if limits.p_onset is not None and limits.p_offset is not None:
        template = _mean_wave(signal, dominant, limits)
        if template is None:
            return PWaves(nothing, reason="too few whole beats")
        wave, peak = template
        starts = _matches(signal, wave, hidden)
        return PWaves(starts + peak, _rate_per_min(starts))
    unlocked = _template_between(signal, beats, limits, qrs)
    if unlocked is None:
        return PWaves(nothing, reason="the waves between the beats are not alike")
    starts = _matches(signal, unlocked, hidden)
    size = np.sqrt(np.mean(unlocked**2, axis=0))
    period = _train(starts, hidden, unlocked.shape[1], signal.shape[1])
    if period is None:
        return PWaves(nothing, reason="the waves between the beats form no steady train")
    return PWaves(starts + int(np.argmax(size)), 60.0 * WORKING_RATE_HZ / period, steady=True)


def _without_t(leads: Array, dominant: Indices, limits: WaveLimits) -> Array:
    """Take the median T wave out after every beat of the dominant shape, faded at both ends."""
    out = leads.copy()
    first, last = round(limits.qrs_offset - BEFORE), round((limits.t_offset or 0.0) - BEFORE) + samples(40.0)
    length = last - first
    whole = [int(f) for f in dominant if f + first >= 0 and f + last < leads.shape[1]]
    if len(whole) < 3 or length < samples(80.0):
        return out
    windows = np.stack([leads[:, f + first : f + last] for f in whole])
    wave = np.median(windows - windows[:, :, :1], axis=0)
    wave = wave - np.linspace(0.0, 1.0, length) * wave[:, -1:]
    for fiducial in map(int, dominant):
        start, stop = max(0, fiducial + first), min(leads.shape[1], fiducial + last)
        if stop > start:
            out[:, start:stop] -= wave[:, start - fiducial - first : stop - fiducial - first]
    return out


def _hidden(
    length: int, beats: Indices, dominant: Indices, limits: WaveLimits, qrs: dict[int, tuple[float, float]]
) -> Mask:
    """Where no P wave can be seen: the complexes, and T of the beats of another shape."""
    hidden = np.zeros(length, dtype=bool)
    usual = set(map(int, dominant))
    onset, offset = limits.qrs_onset - BEFORE, limits.qrs_offset - BEFORE
    t_end = (limits.t_offset or limits.qrs_offset) - BEFORE
    cut = float(beats[0]) - float(np.median(np.diff(beats))) + t_end  # T of a beat before the recording
    hidden[: max(0, round(cut))] = True
    for fiducial in map(int, beats):
        first, last = qrs.get(fiducial, (fiducial + onset, fiducial + offset))
        if fiducial not in usual:
            last = max(last, fiducial + t_end)
        hidden[max(0, round(first) - _MARGIN // 2) : max(0, round(last) + _MARGIN)] = True
    return hidden


def _mean_wave(signal: Array, dominant: Indices, limits: WaveLimits) -> tuple[Array, int] | None:
    """Return the median P wave of the dominant beats, [leads, samples], and the column of its peak."""
    if limits.p_onset is None or limits.p_offset is None:
        return None
    first = round(limits.p_onset - BEFORE) - samples(10.0)
    last = round(min(limits.p_offset + samples(10.0), limits.qrs_onset) - BEFORE)
    whole = [int(f) for f in dominant if f + first >= 0 and f + last < signal.shape[1]]
    if len(whole) < 3 or last - first < samples(40.0):
        return None
    wave = np.median(np.stack([signal[:, f + first : f + last] for f in whole]), axis=0)
    peak = first if limits.p_peak is None else round(limits.p_peak - BEFORE)
    return wave - wave.mean(axis=1, keepdims=True), peak - first


def _template_between(
    signal: Array, beats: Indices, limits: WaveLimits, qrs: dict[int, tuple[float, float]]
) -> Array | None:
    """Return the mean of the waves between T and the next QRS that are alike, None where most are not."""
    after_t = (limits.t_offset or limits.qrs_offset) - BEFORE + samples(30.0)
    cut = []
    for fiducial, following in zip(map(int, beats[:-1]), map(int, beats[1:]), strict=True):
        start = round(fiducial + after_t)
        stop = round(qrs.get(following, (following - samples(60.0), 0.0))[0]) - _MARGIN
        if stop - start < _WIDTH + samples(40.0):
            continue
        part = signal[:, start:stop]
        level = np.sqrt(np.mean((part - np.median(part, axis=1, keepdims=True)) ** 2, axis=0))
        energy = np.convolve(level, np.ones(_WIDTH), mode="valid")
        place = start + int(np.argmax(energy))
        wave = signal[:, place : place + _WIDTH]
        cut.append(wave - wave.mean(axis=1, keepdims=True))
    if len(cut) < _FEWEST - 1:
        return None
    seed = np.stack(cut)
    flat = seed.reshape(len(seed), -1)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    likeness = flat @ flat.T
    best = int(np.argmax(np.median(likeness, axis=1)))
    template: Array = seed[best]
    for _ in range(2):  # aligned anew on the mean of those that are alike
        starts = _matches(signal, template, np.zeros(signal.shape[1], dtype=bool))
        if len(starts) < _FEWEST:
            return None
        template = np.mean([signal[:, s : s + _WIDTH] for s in starts], axis=0)
        template = template - template.mean(axis=1, keepdims=True)
    return template


def _matches(signal: Array, wave: Array, hidden: Mask) -> Indices:
    """Return where the template begins wherever the signal is like it in form and size, the best of what overlaps."""
    width = wave.shape[1]
    size = float(np.sum(wave**2))
    if size <= 0.0 or signal.shape[1] <= width:
        return np.empty(0, dtype=np.intp)
    product = np.zeros(signal.shape[1] - width + 1)
    energy = np.zeros_like(product)
    for row, shape in zip(signal, wave, strict=True):
        product += np.correlate(row, shape, mode="valid")
        sums = np.concatenate([[0.0], np.cumsum(row)])
        squares = np.concatenate([[0.0], np.cumsum(row**2)])
        mean = (sums[width:] - sums[:-width]) / width
        energy += np.maximum(squares[width:] - squares[:-width] - width * mean**2, 0.0)
    likeness = product / np.sqrt(np.maximum(energy * size, 1e-12))
    share = product / size
    covered = np.concatenate([[0], np.cumsum(hidden)])
    free = (covered[width:] - covered[:-width])[: len(product)] <= 0.3 * width
    good = free & (likeness >= _LIKE) & (share >= _SIZE[0]) & (share <= _SIZE[1])
    order = np.flatnonzero(good)[np.argsort(-likeness[good], kind="stable")]
    taken: list[int] = []
    for place in map(int, order):
        if all(abs(place - other) >= _APART for other in taken):
            taken.append(place)
    return np.asarray(sorted(taken), dtype=np.intp)


def _rate_per_min(starts: Indices) -> float | None:
    """Return the rate of P waves from the median of the intervals between neighbours, None for fewer than three."""
    return None if len(starts) < 3 else 60.0 * WORKING_RATE_HZ / float(np.median(np.diff(starts)))


def _train(starts: Indices, hidden: Mask, width: int, length: int) -> float | None:
    """Return the period in samples of a steady train of waves, None where they form none.

    The period is tried around each interval between neighbours; waves must lie within 12 % of it of their places, and
    three quarters of the places that nothing hides must have a wave.
    """
    if len(starts) < _FEWEST:
        return None
    best: tuple[float, float] | None = None
    for guess in {float(d) for d in np.diff(starts) if samples(_PERIODS_MS[0]) <= d <= samples(_PERIODS_MS[1])}:
        number = np.concatenate([[0.0], np.cumsum(np.maximum(np.round(np.diff(starts) / guess), 1.0))])
        period, origin = np.polyfit(number, starts, 1)
        off = np.abs(starts - (origin + period * number)) / period
        places = np.arange(origin % period, length - width, period)
        seen = [p for p in places if hidden[round(p) : round(p) + width].mean() <= 0.3]
        met = [p for p in seen if np.min(np.abs(starts - p)) <= _MOST_SPREAD * period]
        share = len(met) / len(seen) if seen else 0.0
        if float(np.max(off)) <= _MOST_SPREAD and share >= _LEAST_FOUND and (best is None or share > best[0]):
            best = (share, float(period))
    return None if best is None else best[1]
