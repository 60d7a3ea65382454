"""A lead's trace drawn from the ink along its course: to the middle of the stroke, below the width of a pixel.

The module knows neither leads nor millivolts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from ecgr1_core.digitize.courses import Course, Span
from ecgr1_core.digitize.curve import as_fine_as_pixels
from ecgr1_core.digitize.grid import Float32Array, Float64Array
from ecgr1_core.digitize.ink import PX_PER_MM

_SOFT_INK = 0.2
_LONGEST_GAP_MM = 2.0
_NEAR_MM = 1.0  # on either side, for what is usual about a place
_FINE = 4  # points to a column
_ON_INK = 0.3
_TIP_PEN = 0.6  # of the pen's width
_TIP_SPARE = 0.4  # of the pen's height that a trace may stand nearer to the edge of its ink than half a pen
_TIP_PX = 0.4  # on either side
_LEAST_TIP_PX = 2.0  # off the neighbourhood
_FLAT = 0.2  # of a trace's columns, and more, show the pen lying flat
_QUIET = 0.25  # of the traces are free enough of noise


@dataclass(frozen=True, eq=False)
class Edges:
    """The stroke along a course, [width] each: its edges from the top of the span, how many pixels it covers, if any.

    `on_ink` says where the course itself is on ink.
    """

    span: Span
    upper: Float64Array
    lower: Float64Array
    wide: Float64Array
    on_ink: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pen:
    """What a pen leaves of a level line, in pixels: how high by its grey, and how many have any ink."""

    height_px: float
    soft_height_px: float


@dataclass(frozen=True, eq=False)
class Way:
    """A trace: `x` and `y` [n] in pixels, x ascending, y NaN in gaps; `inked` is the share of it that is on ink."""

    x: Float64Array
    y: Float64Array
    inked: float


def stroke_width(thin: npt.NDArray[np.uint8]) -> float:
    """Return the usual thickness of the traces in pixels: the median height of runs of ink that are flat."""
    step = np.diff(np.pad(thin.astype(np.int8), ((1, 1), (0, 0))), axis=0)
    starts, stops = np.nonzero(step.T == 1)[1], np.nonzero(step.T == -1)[1]
    heights = stops - starts
    return float(np.median(heights)) if heights.size else 3.0


def edges_of(ink: Float32Array, course: Course, others: npt.NDArray[np.bool_]) -> Edges:
    """Return the edges of the stroke along a course; `others` bounds it, [height, width] of the span."""
    seen = course.span.of(ink)
    upper, lower, wide = _edges(seen, course.marks, others)
    return Edges(course.span, upper, lower, wide, seen[course.rows, np.arange(course.rows.size)] > _ON_INK)


def exchanged(one: Edges, other: Edges) -> bool:
    """Return whether two strokes lie along each other's baselines rather than their own."""
    levels = [each.span.top + float(np.median(each.upper + each.lower)) / 2 for each in (one, other)]
    own = abs(levels[0] - one.span.baseline) + abs(levels[1] - other.span.baseline)
    return abs(levels[0] - other.span.baseline) + abs(levels[1] - one.span.baseline) < own


def pen_of(edges: Sequence[Edges], width_px: float) -> Pen:
    """Return the pen of a page from where its traces run flat; `width_px` where they nowhere do.

    A trace full of noise is nowhere as thin as its pen, so that the quieter ones among the traces say how thin it is.
    """
    thin = [
        (np.quantile((each.lower - each.upper)[each.wide > 0], _FLAT), np.quantile(each.wide[each.wide > 0], _FLAT))
        for each in edges
        if (each.wide > 0).any()
    ]
    if not thin:
        return Pen(width_px, width_px)
    height, wide = np.quantile(np.array(thin), _QUIET, axis=0)
    return Pen(float(height), float(wide))


def drawn(edges: Edges, pen: Pen, pixel_px: float) -> Way:
    """Return the trace whose stroke has these edges, to the middle of the stroke.

    `pixel_px` is the width of a pixel of the picture in pixels of the straightened page: nothing finer is kept. What
    making it as sharp as the pixels would add beyond the ink, at tall waves above all, is not kept either.
    """
    x, rough, high, low = _middle(edges.upper, edges.lower, pen)
    fine = as_fine_as_pixels(rough, 1 / _FINE, pixel_px)
    spare = _TIP_SPARE * pen.height_px
    y = np.clip(fine, np.minimum(high - spare, rough), np.maximum(low + spare, rough))
    y = np.where(_gap_at(x, edges.on_ink), np.nan, y)
    return Way(x + edges.span.left, y + edges.span.top, float(edges.on_ink.mean()))


def _edges(
    ink: Float32Array, marks: npt.NDArray[np.int64], others: npt.NDArray[np.bool_]
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return the upper and the lower edge of the ink around the way in each column, between pixels by their grey.

    Third is the number of pixels with any ink. Ink of other ways bounds it; a column whose way lies on paper has the
    way itself, without thickness.
    """
    height, width = ink.shape
    dark = ink > _SOFT_INK
    rows = np.arange(height, dtype=np.int16)[:, None]
    stop = ~dark | others
    over, under = rows < marks[:, 0].astype(np.int16), rows > marks[:, 1].astype(np.int16)
    above = np.where(stop & over, rows, np.int16(-1)).max(axis=0)  # the first paper above
    below = np.where(stop & under, rows, np.int16(height)).min(axis=0)
    columns = np.arange(width)
    padded = np.pad(ink, ((2, 2), (0, 0)))  # row r of the ink is r + 2
    top = above + 3.0 - padded[above + 3, columns] - padded[above + 2, columns] - padded[above + 1, columns]
    bottom = below - 1.0 + padded[below + 1, columns] + padded[below + 2, columns] + padded[below + 3, columns]
    on_paper = ~(dark & ~over & ~under).any(axis=0)
    middle = marks.mean(axis=1) + 0.5
    wide = np.where(on_paper, 0.0, below - above - 1.0)
    return np.where(on_paper, middle, top - 1), np.where(on_paper, middle, bottom), wide


def _middle(
    top: Float64Array, bottom: Float64Array, pen: Pen
) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
    """Return x and y of the curve whose stroke has these edges, `_FINE` to a column, and how high and low its pen went.

    A pen of round tip makes of a curve its dilation and its erosion; undoing each (erosion of the upper edge, dilation
    of the lower) gives the curve's closing and opening by the pen (Serra 1982, chapter V). They are the curve itself
    but for waves narrower than the pen, where the one that lies farther from the curve's neighbourhood is the wave.
    Its tip is that of a narrower pen: lines that are drawn from point to point do not turn as wide as they are.
    """
    x = np.arange(top.size * _FINE) / _FINE + 0.5 / _FINE
    places = np.arange(top.size) + 0.5
    upper, lower = np.interp(x, places, top), np.interp(x, places, bottom)
    radius, soft_radius = max(0.5, pen.height_px / 2), max(0.5, pen.soft_height_px / 2)
    high, low = _without_pen(upper, lower, radius, soft_radius)
    flat = np.interp(x, places, bottom - top) <= 1.3 * pen.height_px + 0.5
    middle = np.where(flat, (upper + lower) / 2, (high + low) / 2)
    gap = np.where(flat, 0.0, (low - high) / 2)
    around = 2 * round(_NEAR_MM * PX_PER_MM * _FINE) + 1
    usual = uniform_filter1d(middle, around, mode="nearest")
    middle = middle + gap * np.clip((middle - usual) / np.maximum(0.5 * np.abs(gap), 0.5), -1, 1)
    high, low = _without_pen(upper, lower, radius, max(0.5, _TIP_PEN * soft_radius))
    off = np.where(flat, 0.0, middle - usual)
    middle = np.where(_tips(upper, off < -_LEAST_TIP_PX), np.minimum(middle, high), middle)
    middle = np.where(_tips(-lower, off > _LEAST_TIP_PX), np.maximum(middle, low), middle)
    return x, middle, high, low


def _without_pen(
    upper: Float64Array, lower: Float64Array, radius: float, soft_radius: float
) -> tuple[Float64Array, Float64Array]:
    """Return the edges, [points], taken in by a pen of these radii, up and down and along."""
    high, low = np.full(upper.size, -np.inf), np.full(upper.size, np.inf)
    reach = int(soft_radius * _FINE)
    for step in range(-reach, reach + 1):
        rise = radius * float(np.sqrt(max(0.0, 1 - (step / _FINE / soft_radius) ** 2)))
        moved = slice(max(0, step), upper.size + min(0, step))
        here = slice(max(0, -step), upper.size + min(0, -step))
        high[here] = np.maximum(high[here], upper[moved] + rise)
        low[here] = np.minimum(low[here], lower[moved] - rise)
    return high, low


def _tips(edge: Float64Array, wave: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return where the edge, [points], is near a lowest value of its neighbourhood that belongs to a `wave`."""
    near = 2 * round(_TIP_PX * _FINE) + 1
    lowest = (edge == minimum_filter1d(edge, near)) & wave
    return np.asarray(maximum_filter1d(lowest.view(np.uint8), near) > 0)


def _gap_at(x: Float64Array, on_ink: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which points lie in a stretch without ink that is too long to be joined, or at an end without ink."""
    missing = np.zeros(on_ink.size, dtype=bool)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (~on_ink).view(np.int8), [0]))))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        at_end = start == 0 or stop == on_ink.size
        if stop - start > (0.5 if at_end else _LONGEST_GAP_MM) * PX_PER_MM:
            missing[start:stop] = True
    return missing[np.clip(x.astype(np.int64), 0, on_ink.size - 1)]
