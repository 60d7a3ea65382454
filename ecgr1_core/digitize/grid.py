"""The grid of millimetres in an image: where it lies, how it is turned and seen, found by its frequencies.

The two families of grid lines are two combs of peaks in the spectra of its tiles (`combs`). Their frequencies, one
pair for each tile, are the derivatives of the map from image to paper, and a homography is fitted to them (Hartley and
Zisserman 2004, chapter 8, has the geometry). The module knows neither traces nor which way up the page is: what it
calls x and y may still have to be turned by quarters.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.optimize import least_squares

from ecgr1_core.digitize.combs import (
    MAJOR_MM,
    PADDED_PX,
    PAPER_SHARE,
    PITCH_STEP,
    TILE_PX,
    TURN_STEP_DEG,
    Comb,
    Float32Array,
    Float64Array,
    Found,
    find_combs,
    spectra_of,
    whitened,
)

__all__ = ["Float32Array", "Float64Array", "Grid", "find_grid"]

_LEAST_TILES = 6
_SURE_COMB = 0.8  # strength of combs that need no tiles that agree
_LEAST_PEAK = 0.8  # of a tile's line spectrum over its surroundings (natural logarithm)
_FIRST_REACH, _SECOND_REACH = 0.03, 0.015
_NEAR_STRETCH, _NEAR_TURN_DEG = 0.2, 8.0  # of a tile's comb against that of most tiles
_NEIGHBOURS = 1.5  # tiles, between the middles of those that see almost the same grid
_AGREES = 0.006  # of a frequency, off that of the homography
_LEAST_AGREEING = 0.2  # of the tiles
_SHOWS = 0.012  # a tile shows the grid if its frequencies are off by no more, in two tiles beside it too
_ROUND = 0.5  # of a tile around those that show the grid may hold some of it


@dataclass(frozen=True, eq=False)
class Grid:
    """A grid found: `to_image` is the 3 × 3 homography from mm on paper to pixels of the image (corners at 0.5).

    `strength` says how far the grid's peaks stand above their surroundings (natural logarithm). `box` (left, top,
    right, bottom) is the part of the image that shows it, with some more around.
    """

    to_image: Float64Array
    px_per_mm: float
    strength: float
    box: tuple[float, float, float, float]

    def enlarged(self, factor: float) -> Grid:
        """Return the same grid in an image larger by `factor`."""
        left, top, right, bottom = (factor * side for side in self.box)
        to_image = np.diag((factor, factor, 1.0)) @ self.to_image
        return Grid(to_image, factor * self.px_per_mm, self.strength, (left, top, right, bottom))

    def moved(self, right: float, down: float) -> Grid:
        """Return the same grid in an image that has so many pixels more on its left and above."""
        to_image = np.array(((1, 0, right), (0, 1, down), (0, 0, 1))) @ self.to_image
        box = (self.box[0] + right, self.box[1] + down, self.box[2] + right, self.box[3] + down)
        return Grid(to_image / to_image[2, 2], self.px_per_mm, self.strength, box)


def find_grid(faint: Float32Array) -> Grid | None:
    """Return the grid of an image of faint ink, [height, width] from 0 (paper) to 1, or None where none is seen."""
    corners, spectra = spectra_of(faint)
    if not len(corners):
        return None
    white = [whitened(spectrum) for spectrum in spectra]
    found = find_combs(spectra, white, max(faint.shape))
    if found is None:
        return None
    centres = corners + min(TILE_PX, *faint.shape) / 2
    rows = _local_combs(centres, found)
    for reach in (_FIRST_REACH, _SECOND_REACH):
        to_paper = _fitted(rows, faint.shape)
        rows = _local_frequencies(centres, white, _frequencies(to_paper, centres), reach, found.comb)
        if len(rows) < 1:
            return None
    to_paper = _fitted(rows, faint.shape)
    off = _off(rows, to_paper)
    if found.strength < _SURE_COMB and (off < _AGREES).mean() < _LEAST_AGREEING:
        return None
    to_image = np.linalg.inv(to_paper)
    pitch = float(1 / np.sqrt(np.hypot(*found.first) * np.hypot(*found.second)) / MAJOR_MM)
    box = _box(rows[off < _SHOWS, :2], min(TILE_PX, *faint.shape), faint.shape)
    return Grid(to_image / to_image[2, 2], pitch, found.strength, box)


def _local_combs(centres: Float64Array, found: Found) -> Float64Array:
    """Return [n, 7] as `_local_frequencies` does, each tile's by the whole comb that it and its neighbours show best.

    A page seen at an angle has combs too far off each other, from one side to the other, to look for single peaks.
    """
    apart = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
    beside = (apart > 0) & (apart < _NEIGHBOURS * TILE_PX)
    columns_of = [centres]
    weights = []
    for family in (found.first, found.second):
        pitch, turn = 1 / np.hypot(*family) / MAJOR_MM, float(np.arctan2(family[1], family[0]))
        pitches = pitch * np.exp(np.arange(-_NEAR_STRETCH, _NEAR_STRETCH, PITCH_STEP))
        turns = turn + np.radians(np.arange(-_NEAR_TURN_DEG, _NEAR_TURN_DEG + 0.1, TURN_STEP_DEG))
        combs = np.stack([found.comb.heights(field, pitches, turns) for field in found.fields])
        near = np.stack([cv2.dilate(comb, np.ones((3, 5), np.uint8)) for comb in combs])
        together = combs + np.stack(
            [near[some].mean(axis=0) if some.any() else np.zeros_like(near[0]) for some in beside]
        )
        best = together.reshape(len(combs), -1).argmax(axis=1)
        rows, columns = np.unravel_index(best, combs.shape[1:])
        frequency = 1 / (pitches[columns] * MAJOR_MM)
        columns_of.append(np.stack((np.cos(turns[rows]) * frequency, np.sin(turns[rows]) * frequency), axis=1))
        weights.append(together.reshape(len(combs), -1).max(axis=1) / 2)
    weight = np.minimum(*weights)
    rows = np.concatenate((*columns_of, weight[:, None]), axis=1)
    return np.asarray(rows[weight >= np.quantile(weight, 1 - PAPER_SHARE)])


def _off(rows: Float64Array, to_paper: Float64Array) -> Float64Array:
    """Return by what part the frequencies of tiles, [n, 7], are off those of the homography, the worse of both, [n]."""
    off = rows[:, 2:6] - _frequencies(to_paper, rows[:, :2])
    size = np.hypot(rows[:, 2::2][:, :2], rows[:, 3::2][:, :2])
    return np.asarray((np.hypot(off[:, ::2], off[:, 1::2]) / size).max(axis=1))


def _box(centres: Float64Array, tile: int, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Return the box around tiles that have two others beside them, and around the whole image where none have."""
    apart = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
    shown = centres[(apart < _NEIGHBOURS * tile).sum(axis=1) > 2]
    if not len(shown):
        return 0.0, 0.0, float(shape[1]), float(shape[0])
    reach = (0.5 + _ROUND) * tile
    left, top = (float(side) for side in np.maximum(shown.min(axis=0) - reach, 0))
    right, bottom = (float(side) for side in np.minimum(shown.max(axis=0) + reach, (shape[1], shape[0])))
    return left, top, right, bottom


def _local_frequencies(
    centres: Float64Array, white: list[Float32Array], families: Float64Array, reach: float, comb: Comb
) -> Float64Array:
    """Return [n, 7]: centre x and y of each tile that shows the grid, both frequencies (x, y) of 5 mm, and a weight.

    The frequencies are looked for within a part `reach` of those in `families`, [tiles, 4].
    """
    rows = []
    for centre, local, family in zip(centres, white, families, strict=True):
        (one, weight_one), (two, weight_two) = (_peak(local, each, reach, comb) for each in (family[:2], family[2:]))
        weight = min(weight_one, weight_two)
        if weight > _LEAST_PEAK:
            rows.append((*centre, *one, *two, weight))
    return np.array(rows, dtype=np.float64).reshape(-1, 7)


def _frequencies(to_paper: Float64Array, centres: Float64Array) -> Float64Array:
    """Return the frequencies (x, y) of the 5 mm lines of both families at places of the image, [n, 4]."""
    step = 0.5
    sides = [
        np.concatenate((centres + offset, np.ones((len(centres), 1))), axis=1) @ to_paper.T
        for offset in ((-step, 0), (step, 0), (0, -step), (0, step))
    ]
    left, right, top, bottom = (side[:, :2] / side[:, 2:] for side in sides)
    along, down = (right - left) / MAJOR_MM, (bottom - top) / MAJOR_MM
    return np.stack((along[:, 0], down[:, 0], along[:, 1], down[:, 1]), axis=1)


def _peak(local: Float32Array, family: Float64Array, share: float, comb: Comb) -> tuple[Float64Array, float]:
    """Return the frequency of 5 mm near `family` by the strongest of the comb's fine harmonics, and its height."""
    middle = PADDED_PX // 2
    best, height = family, 0.0
    for harmonic in comb.finest:
        place = family * harmonic * PADDED_PX + middle
        reach = 3 + round(share * float(np.hypot(*(place - middle))))
        x, y = (round(float(v)) for v in place)
        if min(x, y) - reach < 1 or max(x, y) + reach > PADDED_PX - 2:
            continue
        part = local[y - reach : y + reach + 1, x - reach : x + reach + 1]
        row, column = (int(at) for at in np.unravel_index(int(part.argmax()), part.shape))
        value = float(part[row, column])
        if value > height + 0.15:
            px, py = x - reach + column, y - reach + row
            fine = np.array((px + _vertex(local[py, px - 1 : px + 2]), py + _vertex(local[py - 1 : py + 2, px])))
            best, height = (fine - middle) / (harmonic * PADDED_PX), value
    return best, height


def _vertex(three: Float32Array) -> float:
    left, at, right = (float(v) for v in three)
    bend = left - 2 * at + right
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5))


def _fitted(rows: Float64Array, shape: tuple[int, ...]) -> Float64Array:
    """Return the homography from image to paper in mm whose derivatives are the local frequencies."""
    centre = np.array((shape[1] / 2, shape[0] / 2))
    size = max(shape) / 2
    places = (rows[:, :2] - centre) / size
    wanted = rows[:, 2:6] * MAJOR_MM * size  # mm per half of the image's longer side
    weights = np.sqrt(np.clip(rows[:, 6], 0.0, 2.0))  # a tile with less of the comb than of chance has none
    scale = float(np.abs(wanted).max())
    start = np.append(np.median(wanted, axis=0), (0.0, 0.0))

    def gradients(values: Float64Array) -> Float64Array:
        a, b, d, e, g, h = values
        below = 1 + places[:, 0] * g + places[:, 1] * h
        u = (a * places[:, 0] + b * places[:, 1]) / below
        v = (d * places[:, 0] + e * places[:, 1]) / below
        return np.stack(((a - u * g) / below, (b - u * h) / below, (d - v * g) / below, (e - v * h) / below), axis=1)

    def residuals(values: Float64Array) -> Float64Array:
        return np.asarray((weights[:, None] * (gradients(values) - wanted)).ravel() / (0.01 * scale))

    if len(rows) >= _LEAST_TILES:
        start = np.asarray(least_squares(residuals, start, loss="soft_l1").x)
    a, b, d, e, g, h = start
    to_paper = np.array(((a, b, 0), (d, e, 0), (g, h, 1)))
    to_unit = np.array(((1 / size, 0, -centre[0] / size), (0, 1 / size, -centre[1] / size), (0, 0, 1)))
    return np.asarray(to_paper @ to_unit)
