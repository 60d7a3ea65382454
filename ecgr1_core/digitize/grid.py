"""The grid of millimetres in an image: where it lies, how it is turned and seen, found by its frequencies.

Tiles of the image are transformed (FFT); the two families of grid lines are two combs of peaks. Their frequencies, one
pair for each tile, are the derivatives of the map from image to paper, and a homography is fitted to them (Hartley and
Zisserman 2004, chapter 8, has the geometry). The module knows neither traces nor which way up the page is: what it
calls x and y may still have to be turned by quarters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.fft import rfft2
from scipy.optimize import least_squares

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

MAJOR_MM = 5.0
_TILE_PX = 256
_PADDED_PX = 512
_SURROUNDINGS_PX = 9  # of a place in the spectrum: standard deviation of the weights
_HARMONICS = 5
_PIXELS_PER_MM = (2.2, 16.0)
_LONGER_SIDE_MM = (110.0, 700.0)  # of a page
_LARGEST_TURN_DEG = 30.0
_TURN_COST = 0.006  # of a comb's score for each degree: the grid has lines along 3 : 4 too
_SKEW_DEG = 7.0
_LARGEST_STRETCH = 0.13  # of one family's spacing against the other's (natural logarithm)
_STRETCH_COST = 3.0
_TURN_STEP_DEG = 1.0
_MOST_TILES = 30  # that the search looks at
_TILE_STRETCH = 0.05  # of the spacing in one tile against the middle one (natural logarithm)
_TILE_TURN_STEPS = 2
_PAPER_SHARE = 0.6  # of the tiles show the page
_PITCH_STEP = 0.008  # of trial spacings (natural logarithm)
_SURE_COMB = 0.8  # mean log of the peaks over their surroundings, for the comb of each family
_LEAST_COMB = 0.64  # where many tiles agree on one homography
_BETWEEN = 0.5  # of what lies between the harmonics is taken off
_LEAST_TILES = 6
_LEAST_PEAK = 0.8  # of a tile's line spectrum over its surroundings (natural logarithm)
_FIRST_REACH, _SECOND_REACH = 0.03, 0.015
_NEAR_STRETCH, _NEAR_TURN_DEG = 0.2, 8.0  # of a tile's comb against that of most tiles
_NEIGHBOURS = 1.5  # tiles, between the middles of those that see almost the same grid
_AGREES = 0.006  # of a frequency, off that of the homography
_LEAST_AGREEING = 0.2  # of the tiles


@dataclass(frozen=True, eq=False)
class Grid:
    """A grid found: `to_image` is the 3 × 3 homography from mm on paper to pixels of the image (corners at 0.5).

    `strength` says how far the grid's peaks stand above their surroundings (natural logarithm).
    """

    to_image: Float64Array
    px_per_mm: float
    strength: float

    def enlarged(self, factor: float) -> Grid:
        """Return the same grid in an image larger by `factor`."""
        return Grid(np.diag((factor, factor, 1.0)) @ self.to_image, factor * self.px_per_mm, self.strength)

    def moved(self, right: float, down: float) -> Grid:
        """Return the same grid in an image that has so many pixels more on its left and above."""
        to_image = np.array(((1, 0, right), (0, 1, down), (0, 0, 1))) @ self.to_image
        return Grid(to_image / to_image[2, 2], self.px_per_mm, self.strength)


def find_grid(faint: Float32Array) -> Grid | None:
    """Return the grid of an image of faint ink, [height, width] from 0 (paper) to 1, or None where none is seen."""
    corners, spectra = _spectra(faint)
    if not len(corners):
        return None
    whitened = [_whitened(spectrum) for spectrum in spectra]
    found = _combs(whitened, max(faint.shape))
    if found is None:
        return None
    first, second, strength = found
    centres = corners + min(_TILE_PX, *faint.shape) / 2
    rows = _local_combs(centres, whitened, first, second)
    for reach in (_FIRST_REACH, _SECOND_REACH):
        to_paper = _fitted(rows, faint.shape)
        rows = _local_frequencies(centres, whitened, _frequencies(to_paper, centres), reach)
        if len(rows) < 1:
            return None
    to_paper = _fitted(rows, faint.shape)
    if strength < _SURE_COMB and _agreeing(rows, to_paper) < _LEAST_AGREEING:
        return None
    to_image = np.linalg.inv(to_paper)
    pitch = float(1 / np.sqrt(np.hypot(*first) * np.hypot(*second)) / MAJOR_MM)
    return Grid(to_image / to_image[2, 2], pitch, strength)


def _spectra(faint: Float32Array) -> tuple[Float64Array, Float32Array]:
    """Return the upper left corners of the tiles, [n, 2] x and y, and their amplitude spectra, centred."""
    height, width = faint.shape
    tile = min(_TILE_PX, height, width)
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
    half = np.abs(rfft2(part, (_PADDED_PX, _PADDED_PX)))
    middle = _PADDED_PX // 2
    right = np.roll(half, middle, axis=0)  # frequencies -middle to middle - 1 down, 0 to middle across
    whole = np.empty((_PADDED_PX, _PADDED_PX), dtype=np.float32)
    whole[:, middle:] = right[:, :middle]
    whole[1:, 1:middle] = right[:0:-1, middle - 1 : 0 : -1]
    whole[0, 1:middle] = right[0, middle - 1 : 0 : -1]
    whole[:, 0] = right[:, middle]
    return whole


def _starts(length: int, tile: int) -> list[int]:
    count = max(1, int(np.ceil((length - tile) / (tile * 0.8))) + 1)
    return sorted({round(x) for x in np.linspace(0, length - tile, count)})


def _whitened(spectrum: Float32Array) -> Float32Array:
    """Return the natural logarithm of a spectrum over its surroundings."""
    small = cv2.resize(spectrum, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    wide = cv2.GaussianBlur(small, (0, 0), _SURROUNDINGS_PX / 4)
    surroundings = cv2.resize(wide, (spectrum.shape[1], spectrum.shape[0]), interpolation=cv2.INTER_LINEAR)
    middle = _PADDED_PX // 2
    logarithm = np.asarray(cv2.log((spectrum + np.float32(1e-9)) / (surroundings + np.float32(1e-9))))
    logarithm[middle - 3 : middle + 4, middle - 3 : middle + 4] = -1
    return np.asarray(logarithm, dtype=np.float32)


def _combs(tiles: list[Float32Array], longer_px: int) -> tuple[Float64Array, Float64Array, float] | None:
    """Return the frequencies (x, y) of the 5 mm lines of both families in cycles per pixel, and their strength."""
    low = max(_PIXELS_PER_MM[0], longer_px / _LONGER_SIDE_MM[1])
    high = min(_PIXELS_PER_MM[1], longer_px / _LONGER_SIDE_MM[0])
    if high <= low:
        return None
    pitches = np.exp(np.arange(np.log(low), np.log(high), _PITCH_STEP))
    turns = np.radians(np.arange(-_LARGEST_TURN_DEG, _LARGEST_TURN_DEG, _TURN_STEP_DEG))
    # a grid seen at an angle has other spacings in every tile: each may be a little off
    step = max(1, len(tiles) // _MOST_TILES)
    near = np.ones((2 * _TILE_TURN_STEPS + 1, 2 * round(_TILE_STRETCH / _PITCH_STEP) + 1), np.uint8)
    across, down = (
        _of_most([cv2.dilate(_comb(tile, pitches, turns + quarter), near) for tile in tiles[::step]])
        for quarter in (0.0, np.pi / 2)
    )
    best = _best_pair(across, down, pitches, turns)
    if best is None:
        return None
    (pitch_x, turn_x, score_x), (pitch_y, turn_y, score_y) = best
    if min(score_x, score_y) < _LEAST_COMB:
        return None
    first = np.array((np.cos(turn_x), np.sin(turn_x))) / (pitch_x * MAJOR_MM)
    second = np.array((-np.sin(turn_y), np.cos(turn_y))) / (pitch_y * MAJOR_MM)
    return first, second, min(score_x, score_y)


def _of_most(scores: list[npt.NDArray[Any]]) -> Float64Array:
    """Return the mean over the better tiles: others show no paper."""
    ranked = np.sort(np.stack(scores), axis=0)
    return np.asarray(ranked[-max(1, round(_PAPER_SHARE * len(scores))) :].mean(axis=0), dtype=np.float64)


def _comb(whole: Float32Array, pitches: Float64Array, turns: Float64Array) -> Float32Array:
    """Return how far the first harmonics stand above what lies halfway between them, [turns, pitches], means of both.

    Twice the spacing finds lines in between that half the spacing lacks: both fall behind the true one.
    """
    orders = np.concatenate((np.arange(1, _HARMONICS + 1), np.arange(1, _HARMONICS) + 0.5))
    frequency = orders[:, None] / (pitches * MAJOR_MM)[None, :]  # [orders, pitches]
    middle = _PADDED_PX // 2
    x = np.cos(turns)[:, None, None] * frequency * _PADDED_PX + middle
    y = np.sin(turns)[:, None, None] * frequency * _PADDED_PX + middle
    maps = [np.asarray(m.reshape(len(turns) * len(orders), -1), dtype=np.float32) for m in (x, y)]
    swollen = cv2.dilate(whole, np.ones((3, 3), np.uint8))
    heights = cv2.remap(swollen, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    heights = np.clip(heights.reshape(len(turns), len(orders), -1), -0.5, 1.8)
    peaks, between = heights[:, :_HARMONICS].mean(axis=1), heights[:, _HARMONICS:].mean(axis=1)
    return np.asarray(peaks - _BETWEEN * between, dtype=np.float32)


def _best_pair(
    across: Float64Array, down: Float64Array, pitches: Float64Array, turns: Float64Array
) -> tuple[tuple[float, float, float], tuple[float, float, float]] | None:
    """Return pitch, turn and score of both families: about square to each other and about equally wide."""
    step = turns[1] - turns[0]
    skew = round(np.radians(_SKEW_DEG) / step)
    spread = round(_LARGEST_STRETCH / _PITCH_STEP)
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
    part = down[rows, columns] - _STRETCH_COST * _PITCH_STEP * np.abs(np.arange(columns.start, columns.stop) - column)
    place = np.unravel_index(int(part.argmax()), part.shape)
    down_row, down_column = int(place[0]) + rows.start, int(place[1]) + columns.start
    return (
        (float(pitches[column]), float(turns[row]), float(across[row, column])),
        (float(pitches[down_column]), float(turns[down_row]), float(down[down_row, down_column])),
    )


def _local_combs(
    centres: Float64Array, whitened: list[Float32Array], first: Float64Array, second: Float64Array
) -> Float64Array:
    """Return [n, 7] as `_local_frequencies` does, each tile's by the whole comb that it and its neighbours show best.

    A page seen at an angle has combs too far off each other, from one side to the other, to look for single peaks.
    """
    apart = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
    beside = (apart > 0) & (apart < _NEIGHBOURS * _TILE_PX)
    found = [centres]
    weights = []
    for family in (first, second):
        pitch, turn = 1 / np.hypot(*family) / MAJOR_MM, float(np.arctan2(family[1], family[0]))
        pitches = pitch * np.exp(np.arange(-_NEAR_STRETCH, _NEAR_STRETCH, _PITCH_STEP))
        turns = turn + np.radians(np.arange(-_NEAR_TURN_DEG, _NEAR_TURN_DEG + 0.1, _TURN_STEP_DEG))
        combs = np.stack([_comb(tile, pitches, turns) for tile in whitened])
        near = np.stack([cv2.dilate(comb, np.ones((3, 5), np.uint8)) for comb in combs])
        together = combs + np.stack(
            [near[some].mean(axis=0) if some.any() else np.zeros_like(near[0]) for some in beside]
        )
        best = together.reshape(len(combs), -1).argmax(axis=1)
        rows, columns = np.unravel_index(best, combs.shape[1:])
        frequency = 1 / (pitches[columns] * MAJOR_MM)
        found.append(np.stack((np.cos(turns[rows]) * frequency, np.sin(turns[rows]) * frequency), axis=1))
        weights.append(together.reshape(len(combs), -1).max(axis=1) / 2)
    weight = np.minimum(*weights)
    rows = np.concatenate((*found, weight[:, None]), axis=1)
    return np.asarray(rows[weight >= np.quantile(weight, 1 - _PAPER_SHARE)])


def _agreeing(rows: Float64Array, to_paper: Float64Array) -> float:
    """Return the share of the tiles, [n, 7], whose frequencies are those of the homography."""
    off = rows[:, 2:6] - _frequencies(to_paper, rows[:, :2])
    size = np.hypot(rows[:, 2::2][:, :2], rows[:, 3::2][:, :2])
    return float((np.hypot(off[:, ::2], off[:, 1::2]) < _AGREES * size).all(axis=1).mean())


def _local_frequencies(
    centres: Float64Array, whitened: list[Float32Array], families: Float64Array, reach: float
) -> Float64Array:
    """Return [n, 7]: centre x and y of each tile that shows the grid, both frequencies (x, y) of 5 mm, and a weight.

    The frequencies are looked for within a part `reach` of those in `families`, [tiles, 4].
    """
    rows = []
    for centre, local, family in zip(centres, whitened, families, strict=True):
        (one, weight_one), (two, weight_two) = _peak(local, family[:2], reach), _peak(local, family[2:], reach)
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


def _peak(local: Float32Array, family: Float64Array, share: float) -> tuple[Float64Array, float]:
    """Return the frequency of 5 mm near `family` by the strongest of the harmonics 2 to 5, and its height."""
    middle = _PADDED_PX // 2
    best, height = family, 0.0
    for harmonic in (5, 4, 3, 2):
        place = family * harmonic * _PADDED_PX + middle
        reach = 3 + round(share * float(np.hypot(*(place - middle))))
        x, y = (round(float(v)) for v in place)
        if min(x, y) - reach < 1 or max(x, y) + reach > _PADDED_PX - 2:
            continue
        part = local[y - reach : y + reach + 1, x - reach : x + reach + 1]
        row, column = (int(at) for at in np.unravel_index(int(part.argmax()), part.shape))
        value = float(part[row, column])
        if value > height + 0.15:
            px, py = x - reach + column, y - reach + row
            fine = np.array((px + _vertex(local[py, px - 1 : px + 2]), py + _vertex(local[py - 1 : py + 2, px])))
            best, height = (fine - middle) / (harmonic * _PADDED_PX), value
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
    weights = np.sqrt(np.minimum(rows[:, 6], 2.0))
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
