"""A lead's trace followed through the ink: the cheapest way from the left end of its cell to the right.

The way goes along the middle of the ink, one column at a time and any distance up or down within a column, each pixel
costing the more the less ink it has (dynamic programming; up and down moves are prefix minima, so that a column costs
no more than its height). Ink that other leads' ways have used costs more, so that crossing traces part again. The way
is then drawn to the middle of the stroke from the edges of the ink, below the width of a pixel. The module knows
neither leads nor millivolts.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d

from ecgr1_core.digitize.grid import Float32Array, Float64Array
from ecgr1_core.digitize.ink import PX_PER_MM

_WHITE = 20.0  # cost of a pixel of paper to the side
_UPRIGHT_WHITE = 1.2  # and up or down
_ALONG = 0.01  # of a pixel of ink
_PULL = 0.80  # towards the baseline, at the distance of the next row
_USED = 0.55  # of ink is taken away where another lead's way runs
_SOFT_INK = 0.2
_LONGEST_GAP_MM = 2.0
_NEAR_MM = 1.0  # on either side, for what is usual about a place
_FINE = 4  # points to a column


@dataclass(frozen=True, eq=False)
class Way:
    """A way through a cell: `x` and `y` [n] in pixels, x ascending, y NaN in gaps; `inked` is the share on ink.

    `columns` is the lowest and the highest pixel of the way in each column from `first` on, [width, 2].
    """

    x: Float64Array
    y: Float64Array
    inked: float
    first: int
    columns: npt.NDArray[np.int64]


def stroke_width(thin: npt.NDArray[np.uint8]) -> float:
    """Return the usual thickness of the traces in pixels: the median height of runs of ink that are flat."""
    step = np.diff(np.pad(thin.astype(np.int8), ((1, 1), (0, 0))), axis=0)
    starts, stops = np.nonzero(step.T == 1)[1], np.nonzero(step.T == -1)[1]
    heights = stops - starts
    return float(np.median(heights)) if heights.size else 3.0


def ridges(ink: Float32Array, width_px: float) -> Float32Array:
    """Return how much a pixel is the middle of a stroke of this width, faint or not: [height, width], 0 to 1."""
    soft = cv2.GaussianBlur(ink, (0, 0), max(0.6, 0.25 * width_px))
    size = 2 * round(width_px) + 3
    most, most_soft = (cv2.dilate(field, np.ones((size, size), np.uint8)) for field in (ink, soft))
    return np.asarray(np.minimum(soft / np.maximum(most_soft, 0.3), ink / np.maximum(most, 0.4)), dtype=np.float32)


def follow(
    ink: Float32Array,
    ridge: Float32Array,
    *,
    left: int,
    right: int,
    baseline: float,
    reach: float,
    pitch: float,
    width_px: float,
    others: npt.NDArray[np.bool_] | None = None,
) -> Way:
    """Return the way through columns `left` to `right` (excluded), `baseline` ± `reach` high; rows lie `pitch` apart.

    `others` is true where other leads' ways run, [height, width] of the whole page.
    """
    top, bottom = max(0, int(baseline - reach)), min(ink.shape[0], int(baseline + reach) + 1)
    part = ridge[top:bottom, left:right]
    if others is not None:
        part = np.where(others[top:bottom, left:right], part * (1 - _USED), part)
    rows, marks = _cheapest(part, baseline - top, pitch)
    seen = ink[top:bottom, left:right]
    upper, lower, wide = _edges(seen, marks, None if others is None else others[top:bottom, left:right])
    thin = (wide > 0) & (wide <= np.quantile(wide[wide > 0], 0.4)) if wide.any() else wide > 0
    pen = (float((lower - upper)[thin].mean()), float(wide[thin].mean())) if thin.any() else (width_px, width_px)
    x, y = _middle(upper, lower, *pen)
    on_ink = seen[rows, np.arange(rows.size)] > 0.3
    y = np.where(_gap_at(x, on_ink), np.nan, y)
    return Way(x + left, y + top, float(on_ink.mean()), left, marks + top)


def used_by(ways: list[Way], shape: tuple[int, int], width_px: float) -> npt.NDArray[np.bool_]:
    """Return where these ways run, as thick as a stroke."""
    mask = np.zeros(shape, dtype=np.uint8)
    for way in ways:
        for offset, (low, high) in enumerate(way.columns.tolist()):
            mask[low : high + 1, way.first + offset] = 1
    size = 2 * round(0.6 * width_px) + 1
    return np.asarray(cv2.dilate(mask, np.ones((size, size), np.uint8)) > 0)


def _cheapest(
    ridge: Float32Array, baseline: float, pitch: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the row in which each column is left, [width], and lowest and highest row used in it, [width, 2]."""
    height, width = ridge.shape
    away = np.abs(np.arange(height) - baseline) / pitch
    lacking = np.clip(1 - 1.15 * ridge.astype(np.float64), 0, 1).T  # [width, height]
    sideways = _ALONG + _WHITE * lacking + _PULL * away[None, :]
    upright = np.cumsum(_ALONG + _UPRIGHT_WHITE * lacking, axis=1)
    arrived = np.empty((width, height))
    left = np.zeros(height)
    for column in range(width):
        here = left + sideways[column]
        arrived[column] = here
        height_cost = upright[column]
        down = np.minimum.accumulate(here - height_cost) + height_cost
        up = np.minimum.accumulate((here + height_cost)[::-1])[::-1] - height_cost
        left = np.minimum(down, up)
    rows = np.empty(width, dtype=np.int64)
    marks = np.empty((width, 2), dtype=np.int64)
    row = int(left.argmin())
    for column in range(width - 1, -1, -1):
        rows[column] = row
        came = int((arrived[column] + np.abs(upright[column] - upright[column][row])).argmin())
        marks[column] = (min(came, row), max(came, row))
        row = came
    return rows, marks


def _edges(
    ink: Float32Array, marks: npt.NDArray[np.int64], others: npt.NDArray[np.bool_] | None
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return the upper and the lower edge of the ink around the way in each column, between pixels by their grey.

    Third is the number of pixels with any ink. Ink of other ways bounds it; a column whose way lies on paper has the
    way itself, without thickness.
    """
    height, width = ink.shape
    dark = ink > _SOFT_INK
    rows = np.arange(height)[:, None]
    stop = ~dark if others is None else ~dark | others
    inside = (rows >= marks[:, 0]) & (rows <= marks[:, 1])
    above = np.where(stop & (rows < marks[:, 0]), rows, -1).max(axis=0)  # the first paper above
    below = np.where(stop & (rows > marks[:, 1]), rows, height).min(axis=0)
    columns = np.arange(width)
    padded = np.pad(ink, ((2, 2), (0, 0)))  # row r of the ink is r + 2
    top = above + 3.0 - padded[above + 3, columns] - padded[above + 2, columns] - padded[above + 1, columns]
    bottom = below - 1.0 + padded[below + 1, columns] + padded[below + 2, columns] + padded[below + 3, columns]
    on_paper = ~(dark & inside).any(axis=0)
    middle = marks.mean(axis=1) + 0.5
    wide = np.where(on_paper, 0.0, below - above - 1.0)
    return np.where(on_paper, middle, top - 1), np.where(on_paper, middle, bottom), wide


def _middle(
    top: Float64Array, bottom: Float64Array, width_px: float, soft_width_px: float
) -> tuple[Float64Array, Float64Array]:
    """Return the curve whose stroke has these edges, as points, `_FINE` to a column.

    A pen of round tip makes of a curve its dilation and its erosion; undoing each (erosion of the upper edge, dilation
    of the lower) gives the curve's closing and opening by the pen (Serra 1982, chapter V). They are the curve itself
    but for waves narrower than the pen, where the one that lies farther from the curve's neighbourhood is the wave.
    """
    x = np.arange(top.size * _FINE) / _FINE + 0.5 / _FINE
    places = np.arange(top.size) + 0.5
    upper, lower = np.interp(x, places, top), np.interp(x, places, bottom)
    thickness = bottom - top
    radius, soft_radius = max(0.5, width_px / 2), max(0.5, soft_width_px / 2)
    high, low = np.full(x.size, -np.inf), np.full(x.size, np.inf)
    reach = int(soft_radius * _FINE)
    for step in range(-reach, reach + 1):
        rise = radius * float(np.sqrt(max(0.0, 1 - (step / _FINE / soft_radius) ** 2)))
        moved = slice(max(0, step), x.size + min(0, step))
        here = slice(max(0, -step), x.size + min(0, -step))
        high[here] = np.maximum(high[here], upper[moved] + rise)
        low[here] = np.minimum(low[here], lower[moved] - rise)
    flat = np.interp(x, places, thickness) <= 1.3 * width_px + 0.5
    middle = np.where(flat, (upper + lower) / 2, (high + low) / 2)
    gap = np.where(flat, 0.0, (low - high) / 2)
    around = 2 * round(_NEAR_MM * PX_PER_MM * _FINE) + 1
    usual = uniform_filter1d(middle, around, mode="nearest")
    middle = middle + gap * np.clip((middle - usual) / np.maximum(0.5 * np.abs(gap), 0.5), -1, 1)
    return x, middle


def _gap_at(x: Float64Array, on_ink: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which points lie in a stretch without ink that is too long to be joined, or at an end without ink."""
    missing = np.zeros(on_ink.size, dtype=bool)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (~on_ink).view(np.int8), [0]))))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        at_end = start == 0 or stop == on_ink.size
        if stop - start > (0.5 if at_end else _LONGEST_GAP_MM) * PX_PER_MM:
            missing[start:stop] = True
    return missing[np.clip(x.astype(np.int64), 0, on_ink.size - 1)]
