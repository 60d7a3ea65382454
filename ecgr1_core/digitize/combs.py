"""The combs of peaks that the lines of a grid leave in the spectra of an image's tiles: how they are looked for.

A grid of 1 mm with darker lines each 5 mm has peaks at 1, 2, 3 ... lines per 5 mm; one whose lines are all alike has
them at 5, 10 ... lines per 5 mm only, where the first comb, a few fifths too narrow or wide, fits as well as any. So
both are looked for, `FIVES` by peaks over their surroundings, `ALIKE` by a peak that alone is high. The module knows
neither where the tiles lie nor what follows for the paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.fft import rfft2

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

MAJOR_MM = 5.0
TILE_PX = 256
PADDED_PX = 512
PAPER_SHARE = 0.6  # of the tiles show the page
PITCH_STEP = 0.008  # of trial spacings (natural logarithm)
TURN_STEP_DEG = 1.0
_SURROUNDINGS_PX = 9  # of a place in the spectrum: standard deviation of the weights
_PIXELS_PER_MM = (2.2, 16.0)
_LONGER_SIDE_MM = (110.0, 700.0)  # of a page
_LARGEST_TURN_DEG = 30.0
_TURN_COST = 0.006  # of a comb's score for each degree: the grid has lines along 3 : 4 too
_SKEW_DEG = 7.0
_LARGEST_STRETCH = 0.13  # of one family's spacing against the other's (natural logarithm)
_STRETCH_COST = 3.0
_MOST_TILES = 30  # that the search looks at
_TILE_STRETCH = 0.05  # of the spacing in one tile against the middle one (natural logarithm)
_TILE_TURN_STEPS = 2
_HARMONICS = 5
_LEAST_COMB = 0.64  # mean log of the peaks over their surroundings, for the comb of each family
_BETWEEN = 0.5  # of what lies between the harmonics is taken off
_ALONE = (2.5, 3.0, 10 / 3, 4.0, 30 / 7)  # lines per 5 mm: a peak that is not the first of its comb has others there
_MOST_ALONE = 2.2  # log of a peak over the highest of those: more is no better
_MOST_BELOW = 2.0  # log of the highest peak of all over it: more is no worse
_LEAST_ALONE = 0.9


@dataclass(frozen=True)
class Comb:
    """A kind of comb: how high it stands in the field of a tile, [turns, pitches], and the peaks to measure it by.

    `finest` are their numbers of lines per 5 mm, the finest first.
    """

    heights: Callable[[Float32Array, Float64Array, Float64Array], Float32Array]
    finest: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Found:
    """A comb found: the frequencies (x, y) of 5 mm of both families in cycles per pixel, and how clear it is.

    `fields` are those of the tiles, [512, 512] each, in which it was looked for.
    """

    comb: Comb
    fields: list[Float32Array]
    first: Float64Array
    second: Float64Array
    strength: float


def find_combs(spectra: Float32Array, white: list[Float32Array], longer_px: int) -> Found | None:
    """Return the grid's combs in the spectra of tiles, [n, 512, 512], and in the same `whitened`; None: there are none.

    `longer_px` is the longer side of the image, which bounds the scales that are looked for.
    """
    low = max(_PIXELS_PER_MM[0], longer_px / _LONGER_SIDE_MM[1])
    high = min(_PIXELS_PER_MM[1], longer_px / _LONGER_SIDE_MM[0])
    if high <= low:
        return None
    pitches = np.exp(np.arange(np.log(low), np.log(high), PITCH_STEP))
    turns = np.radians(np.arange(-_LARGEST_TURN_DEG, _LARGEST_TURN_DEG, TURN_STEP_DEG))
    logarithms = [np.asarray(cv2.log(spectrum + np.float32(1e-6))) for spectrum in spectra]
    found = _searched(ALIKE, logarithms, pitches, turns)
    if found is not None and found.strength >= _LEAST_ALONE:
        return found
    found = _searched(FIVES, white, pitches, turns)
    return found if found is not None and found.strength >= _LEAST_COMB else None


def _searched(comb: Comb, fields: list[Float32Array], pitches: Float64Array, turns: Float64Array) -> Found | None:
    """Return the two families of lines, about square to each other, that stand highest in most tiles."""
    step = max(1, len(fields) // _MOST_TILES)
    # a grid seen at an angle has other spacings in every tile: each may be a little off
    near = np.ones((2 * _TILE_TURN_STEPS + 1, 2 * round(_TILE_STRETCH / PITCH_STEP) + 1), np.uint8)
    across, down = (
        _of_most([cv2.dilate(comb.heights(field, pitches, turns + quarter), near) for field in fields[::step]])
        for quarter in (0.0, np.pi / 2)
    )
    best = _best_pair(across, down, pitches, turns)
    if best is None:
        return None
    (pitch_x, turn_x, score_x), (pitch_y, turn_y, score_y) = best
    first = np.array((np.cos(turn_x), np.sin(turn_x))) / (pitch_x * MAJOR_MM)
    second = np.array((-np.sin(turn_y), np.cos(turn_y))) / (pitch_y * MAJOR_MM)
    return Found(comb, fields, first, second, min(score_x, score_y))


def spectra_of(faint: Float32Array) -> tuple[Float64Array, Float32Array]:
    """Return the upper left corners of the tiles, [n, 2] x and y, and their amplitude spectra, centred."""
    height, width = faint.shape
    tile = min(TILE_PX, height, width)
    if tile < 64:
        return np.empty((0, 2)), np.empty((0, 1, 1), dtype=np.float32)
    window = np.outer(np.hanning(tile), np.hanning(tile)).astype(np.float32)
    corners, spectra = [], []
    for y in _starts(height, tile):
        for x in _starts(width, tile):
            part = faint[y : y + tile, x : x + tile]
            part = (part - part.mean()) * window
            size = float(np.sqrt((part * part).sum()))
            if size == 0:
                continue
            spectra.append(_amplitudes(part / np.float32(size)))
            corners.append((x, y))
    if not spectra:
        return np.empty((0, 2)), np.empty((0, 1, 1), dtype=np.float32)
    return np.array(corners, dtype=np.float64), np.stack(spectra).astype(np.float32)


def _amplitudes(part: Float32Array) -> Float32Array:
    """Return the amplitude spectrum of a tile, padded, its middle at frequency 0; all of it from one half."""
    half = np.abs(rfft2(part, (PADDED_PX, PADDED_PX)))
    middle = PADDED_PX // 2
    right = np.roll(half, middle, axis=0)  # frequencies -middle to middle - 1 down, 0 to middle across
    whole = np.empty((PADDED_PX, PADDED_PX), dtype=np.float32)
    whole[:, middle:] = right[:, :middle]
    whole[1:, 1:middle] = right[:0:-1, middle - 1 : 0 : -1]
    whole[0, 1:middle] = right[0, middle - 1 : 0 : -1]
    whole[:, 0] = right[:, middle]
    return whole


def _starts(length: int, tile: int) -> list[int]:
    count = max(1, int(np.ceil((length - tile) / (tile * 0.8))) + 1)
    return sorted({round(x) for x in np.linspace(0, length - tile, count)})


def whitened(spectrum: Float32Array) -> Float32Array:
    """Return the natural logarithm of a spectrum over its surroundings."""
    small = cv2.resize(spectrum, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    wide = cv2.GaussianBlur(small, (0, 0), _SURROUNDINGS_PX / 4)
    surroundings = cv2.resize(wide, (spectrum.shape[1], spectrum.shape[0]), interpolation=cv2.INTER_LINEAR)
    middle = PADDED_PX // 2
    logarithm = np.asarray(cv2.log((spectrum + np.float32(1e-9)) / (surroundings + np.float32(1e-9))))
    logarithm[middle - 3 : middle + 4, middle - 3 : middle + 4] = -1
    return np.asarray(logarithm, dtype=np.float32)


def _of_most(scores: list[npt.NDArray[Any]]) -> Float64Array:
    """Return the mean over the better tiles: others show no paper."""
    ranked = np.sort(np.stack(scores), axis=0)
    return np.asarray(ranked[-max(1, round(PAPER_SHARE * len(scores))) :].mean(axis=0), dtype=np.float64)


def _of_fives(white: Float32Array, pitches: Float64Array, turns: Float64Array) -> Float32Array:
    """Return how far the first harmonics stand above what lies halfway between them, [turns, pitches], means of both.

    Twice the spacing finds lines in between that half the spacing lacks: both fall behind the true one.
    """
    orders = (*np.arange(1, _HARMONICS + 1), *(np.arange(1, _HARMONICS) + 0.5))
    heights = np.clip(_along(white, orders, pitches, turns, 0.0), -0.5, 1.8)
    peaks, between = heights[:, :_HARMONICS].mean(axis=1), heights[:, _HARMONICS:].mean(axis=1)
    return np.asarray(peaks - _BETWEEN * between, dtype=np.float32)


def _alone(logarithm: Float32Array, pitches: Float64Array, turns: Float64Array) -> Float32Array:
    """Return how far the peak of lines of 1 mm stands above what would be there if they were others, [turns, pitches].

    Of lines all alike no spectrum has anything at less than one line per mm. It is less where that peak is not the
    highest of all: lines drawn on whole pixels leave weak peaks in many places.
    """
    heights = _along(logarithm, (MAJOR_MM, *_ALONE), pitches, turns, float(logarithm.min()))
    alone = np.clip(heights[:, 0] - heights[:, 1:].max(axis=1), -1, _MOST_ALONE)
    return np.asarray(alone + np.maximum(heights[:, 0] - heights[:, 0].max(), -_MOST_BELOW), dtype=np.float32)


def _along(
    field: Float32Array, orders: tuple[float, ...], pitches: Float64Array, turns: Float64Array, outside: float
) -> Float32Array:
    """Return the field of a spectrum at so many lines per 5 mm, [turns, orders, pitches]."""
    frequency = np.array(orders)[:, None] / (pitches * MAJOR_MM)[None, :]
    middle = PADDED_PX // 2
    x = np.cos(turns)[:, None, None] * frequency * PADDED_PX + middle
    y = np.sin(turns)[:, None, None] * frequency * PADDED_PX + middle
    maps = [np.asarray(m.reshape(len(turns) * len(orders), -1), dtype=np.float32) for m in (x, y)]
    swollen = cv2.dilate(field, np.ones((3, 3), np.uint8))
    there = cv2.remap(swollen, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=outside)
    return np.asarray(there.reshape(len(turns), len(orders), -1), dtype=np.float32)


def _best_pair(
    across: Float64Array, down: Float64Array, pitches: Float64Array, turns: Float64Array
) -> tuple[tuple[float, float, float], tuple[float, float, float]] | None:
    """Return pitch, turn and score of both families: about square to each other and about equally wide."""
    step = turns[1] - turns[0]
    skew = round(np.radians(_SKEW_DEG) / step)
    spread = round(_LARGEST_STRETCH / PITCH_STEP)
    near = np.ones((2 * skew + 1, 2 * spread + 1), np.uint8)
    best_down = cv2.dilate(down.astype(np.float32), near)
    both = np.minimum(across, best_down) + 0.25 * (across + best_down) - _TURN_COST * np.degrees(np.abs(turns))[:, None]
    by_pitch = both.max(axis=0)
    if by_pitch.max() <= 0:
        return None
    column = int(by_pitch.argmax())
    row = int(both[:, column].argmax())
    rows = slice(max(0, row - skew), row + skew + 1)
    columns = slice(max(0, column - spread), min(pitches.size, column + spread + 1))
    part = down[rows, columns] - _STRETCH_COST * PITCH_STEP * np.abs(np.arange(columns.start, columns.stop) - column)
    place = np.unravel_index(int(part.argmax()), part.shape)
    down_row, down_column = int(place[0]) + rows.start, int(place[1]) + columns.start
    return (
        (float(pitches[column]), float(turns[row]), float(across[row, column])),
        (float(pitches[down_column]), float(turns[down_row]), float(down[down_row, down_column])),
    )


FIVES = Comb(_of_fives, (5, 4, 3, 2))
ALIKE = Comb(_alone, (5,))
