"""Beats of one kind and their median: which complexes look alike, how they line up, and the beat they make together.

Knows nothing of waves: it compares whole complexes over all leads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgr1_core.measure.beats import Indices, mean_of_shown
from ecgr1_core.measure.conditioning import Array, Conditioned, samples

BEFORE = samples(500.0)
"""Samples of a median beat before its fiducial point."""
AFTER = samples(700.0)
"""Samples of a median beat from its fiducial point on."""

_REACH = samples(100.0)
_SAME_KIND = 0.88
_SAME_IN_PARTS = 0.85  # by the three or four leads of a column
_SAME_SIZE = 0.7  # by the size of the deflection over other leads in each column of a page
_MAX_SHIFT = samples(24.0)


@dataclass(frozen=True)
class BeatClass:
    """Beats of one shape.

    `members` are indices into the list of beats, `fiducials` their positions after alignment (samples), `median_mv` is
    [12, BEFORE + AFTER], the fiducial point at column `BEFORE`; NaN where no member reaches.
    """

    members: Indices
    fiducials: Indices
    median_mv: Array


def classify(conditioned: Conditioned, beats: Indices) -> list[BeatClass]:
    """Group the beats by shape, the dominant group first.

    Complexes within 100 ms of the fiducial are compared by their correlation over all usable leads together after the
    best shift within 24 ms. Where leads are shown in part, a beat is compared by the leads that show both it and
    others; where none is shown throughout, by the size of the deflection over those that are shown. The group with most
    beats is dominant; among equals, or with one beat less (bigeminy that begins and ends with the premature beat), the
    one that is not premature.
    """
    signal, least = _comparable(conditioned)
    length = signal.shape[1]
    whole = [i for i, beat in enumerate(beats) if beat >= _REACH + _MAX_SHIFT and beat + _REACH + _MAX_SHIFT < length]
    unassigned = list(whole)
    groups: list[tuple[list[int], list[int]]] = []
    while unassigned:
        seed = _most_typical(signal, beats, unassigned)
        template = _segment(signal, int(beats[seed]))
        members, fiducials = _alike(signal, beats, unassigned, template, least)
        if len(members) > 2:  # once more against the mean of what was found, which is less noisy than one beat
            template = _mean([_segment(signal, f) for f in fiducials])
            members, fiducials = _alike(signal, beats, unassigned, template, least)
        if seed not in members:
            members, fiducials = [seed], [int(beats[seed])]
        groups.append((members, fiducials))
        taken = set(members)
        unassigned = [i for i in unassigned if i not in taken]
    largest = max((len(members) for members, _ in groups), default=0)
    groups.sort(
        key=lambda group: (
            -largest if len(group[0]) in (largest, largest - 1) and largest > 2 else -len(group[0]),
            _prematurity(beats, group[0]),
        )
    )
    return [
        BeatClass(
            members=np.asarray(members, dtype=np.intp),
            fiducials=np.asarray(fiducials, dtype=np.intp),
            median_mv=median_beat(conditioned.shown_mv, np.asarray(fiducials, dtype=np.intp)),
        )
        for members, fiducials in groups
    ]


def beat_windows(signal_mv: Array, fiducials: Indices) -> Array:
    """Cut [beats, leads, BEFORE + AFTER] around the fiducials, NaN beyond the ends of the recording."""
    padded = np.pad(signal_mv, ((0, 0), (BEFORE, AFTER)), constant_values=np.nan)
    columns = fiducials[:, None] + np.arange(BEFORE + AFTER)[None, :]
    windows: Array = padded[:, columns].transpose(1, 0, 2)
    return windows


def median_beat(signal_mv: Array, fiducials: Indices) -> Array:
    """Return the median over the beats, [leads, BEFORE + AFTER], each beat first brought to level before its QRS.

    `signal_mv` is NaN where a lead is not shown. A lead's beats are those whose level is known; where its median has no
    sample and other leads' have, the nearest one is held, and a lead that is shown in no beat lies at zero.
    """
    windows = beat_windows(signal_mv, fiducials)
    before = windows[:, :, BEFORE - samples(110.0) : BEFORE - samples(60.0)]
    leveled = np.isfinite(before).any(axis=2, keepdims=True)
    level = np.nanmedian(np.where(leveled, before, 0.0), axis=2, keepdims=True)
    if np.isfinite(signal_mv).all():
        windows = windows - level
        enough = np.isfinite(windows).all(axis=1).sum(axis=0) > 0
    else:
        once = leveled.any(axis=0, keepdims=True)  # a lead of which no beat has a level is taken as it is
        windows = np.where(leveled | ~once, windows - level, np.nan)
        enough = np.isfinite(windows).any(axis=(0, 1))
    out = np.full(windows.shape[1:], np.nan)
    known = np.isfinite(windows).any(axis=0)
    out[known] = np.nanmedian(windows[:, known], axis=0)
    for row, has in zip(out, known & enough, strict=True):
        if not has[enough].all():
            places = np.flatnonzero(has)
            row[enough] = np.interp(np.flatnonzero(enough), places, row[places]) if has.any() else 0.0
    out[:, ~enough] = np.nan
    return out


def _comparable(conditioned: Conditioned) -> tuple[Array, float]:
    """Return the rows by which beats are compared, [rows, samples], and the correlation of beats of one shape."""
    if not conditioned.in_parts:
        return conditioned.detrended_mv[conditioned.usable], _SAME_KIND
    rows = np.where(conditioned.shown, conditioned.detrended_mv, np.nan)[conditioned.usable]
    if conditioned.throughout.any():
        return rows, _SAME_IN_PARTS
    size = np.sqrt(mean_of_shown((rows / np.nanquantile(np.abs(rows), 0.985, axis=1, keepdims=True)) ** 2))
    return size[np.newaxis], _SAME_SIZE


def _mean(segments: list[Array]) -> Array:
    """Return the mean of segments, [leads, samples], each lead over those in which it is shown; NaN for none."""
    stacked = np.stack(segments)
    if np.isfinite(stacked).all():
        mean: Array = stacked.mean(axis=0)
        return mean
    has = np.asarray(np.isfinite(stacked).all(axis=2))
    total = np.where(has[:, :, None], stacked, 0.0).sum(axis=0)
    return np.where(np.asarray(has.any(axis=0))[:, None], total / np.maximum(has.sum(axis=0), 1)[:, None], np.nan)


def _segment(signal: Array, position: int) -> Array:
    return signal[:, position - _REACH : position + _REACH]


def _most_typical(signal: Array, beats: Indices, among: list[int]) -> int:
    """Return the beat that correlates best with the others, by the median."""
    if len(among) <= 2:
        return among[0]
    sample = among if len(among) <= 60 else among[:: len(among) // 60 + 1]
    shown = np.isfinite(signal).all(axis=1)
    flat = np.stack([_segment(signal[shown], int(beats[i])).ravel() for i in sample])
    flat = flat - flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    return sample[int(np.argmax(np.median(flat @ flat.T, axis=1)))]


def _alike(
    signal: Array, beats: Indices, among: list[int], template: Array, least: float
) -> tuple[list[int], list[int]]:
    """Return the beats whose correlation with the template is at least `least`, and where each lines up with it."""
    shifts = np.arange(-_MAX_SHIFT, _MAX_SHIFT + 1)
    members, fiducials = [], []
    for index in among:
        position = int(beats[index])
        wide = signal[:, position - _REACH - _MAX_SHIFT : position + _REACH + _MAX_SHIFT]
        both = np.isfinite(wide).all(axis=1) & np.isfinite(template).all(axis=1)
        flat = (template[both] - template[both].mean()).ravel()
        flat = flat / max(float(np.linalg.norm(flat)), 1e-9)
        wide = wide[both]
        views = np.lib.stride_tricks.sliding_window_view(wide, 2 * _REACH, axis=1)
        stack = views.transpose(1, 0, 2).reshape(len(shifts), -1)
        stack = stack - stack.mean(axis=1, keepdims=True)
        correlation = (stack @ flat) / np.maximum(np.linalg.norm(stack, axis=1), 1e-9)
        best = int(np.argmax(correlation))
        if correlation[best] >= least:
            members.append(index)
            fiducials.append(position + int(shifts[best]))
    return members, fiducials


def _prematurity(beats: Indices, members: list[int]) -> float:
    """Mean interval before the members, negated, so that the group that comes late sorts first."""
    before = [float(beats[i] - beats[i - 1]) for i in members if i > 0]
    return -float(np.mean(before)) if before else 0.0
