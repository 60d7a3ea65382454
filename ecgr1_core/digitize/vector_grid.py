"""The grid's pitch and place from the straight lines of a drawing, across and down, in mm of the page.

Grids are drawn as long lines, as boxes, as thin filled bars or as rows of dots; all that is used is that there is ink
at evenly spaced places. Which pitch it is, 1 mm or 5 mm, is told by a second pitch of five times the first, else by
the nearer of the two: a page is rarely printed smaller than half or larger than double.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgr1_core.pdf.drawing import Float64Array, Stroke

MINOR_MM, MAJOR_MM = 1.0, 5.0
SCALE_RANGE = (0.3, 3.0)
_LEAST_INK_MM = 15.0  # at one place, for a line of the grid
_STRAIGHT_MM = 0.02
_SAME_LINE_MM = 0.3  # the two sides of a filled bar
_LEAST_LINES = 5
_OFF_PITCH = 0.12
_LEAST_REGULAR = 0.7  # of the distances between neighbours must be one pitch or two
_DOT_MM = 0.5
_DOT_INK_MM = 1.0  # a dot counts as so much line
_ROUND_MM = 0.01
_SPAN_ROUND_MM = 2.0


@dataclass(frozen=True)
class Grid:
    """Across and down: how many mm of the page 1 mm of the grid is, and where on the page a line of 5 mm lies."""

    scale: tuple[float, float]
    origin_mm: tuple[float, float]


def find_grid(strokes: Sequence[Stroke]) -> Grid | None:
    """Return the grid of an upright page, None where none is seen."""
    across, down = _along(strokes, 0), _along(strokes, 1)
    across, down = across or down, down or across
    if across is None or down is None:
        return None
    return Grid((across[0], down[0]), (across[1], down[1]))


def _along(strokes: Sequence[Stroke], axis: int) -> tuple[float, float] | None:
    """Return the page's mm to 1 mm of the grid along x (axis 0) or y (1), and the place of a line of 5 mm."""
    lines = _lines(strokes, axis)
    if not len(lines):
        return None
    styles = lines[:, 3].astype(np.int64)
    found, places = _pitch(_places(lines)), _places(lines)
    if found is None:  # several grids side by side or below each other, each with lines of its own
        spans = np.rint(lines[:, 1] / _SPAN_ROUND_MM) * 10_000 + np.rint(lines[:, 2] / _SPAN_ROUND_MM)
        groups = [lines[spans == span] for span in np.unique(spans)]
        pitches = [(len(group), pitch, group) for group in groups if (pitch := _pitch(_places(group))) is not None]
        _, found, group = max(pitches, key=lambda each: each[0], default=(0, None, lines))
        places = _places(group)
    if found is None:
        return None
    ratio = MAJOR_MM / MINOR_MM
    major = None
    for style in np.unique(styles):
        alone = _places(lines[styles == style])
        pitch = _pitch(alone)
        if pitch is not None and abs(pitch / found - ratio) < _OFF_PITCH * ratio:
            major = alone
            break
    pitch_mm = MINOR_MM if major is not None or _is_nearer_minor(found) else MAJOR_MM
    scale = found / pitch_mm
    if not SCALE_RANGE[0] <= scale <= SCALE_RANGE[1]:
        return None
    return scale, _origin(places if major is None else major, MAJOR_MM * scale if major is not None else found)


def _origin(places: Float64Array, pitch: float) -> float:
    """Return the place on which evenly spaced lines usually lie, counted back from the first one's side of the page."""
    turns = np.exp(2j * np.pi * places / pitch)
    return float(np.angle(turns.sum()) / (2 * np.pi) * pitch % pitch)


def _is_nearer_minor(pitch: float) -> bool:
    return abs(math.log(pitch / MINOR_MM)) < abs(math.log(pitch / MAJOR_MM))


def _lines(strokes: Sequence[Stroke], axis: int) -> Float64Array:
    """Return what stands across an axis, [n, 4]: place, its two ends, number of its style."""
    other = 1 - axis
    numbers: dict[tuple[object, ...], int] = {}
    rows: list[npt.NDArray[np.float64]] = []
    for stroke in strokes:
        number = numbers.setdefault((*stroke.style, stroke.filled), len(numbers))
        points = stroke.points_mm
        if np.ptp(points, axis=0).max() <= _DOT_MM:
            centre = points.mean(axis=0)
            half = _DOT_INK_MM / 2
            rows.append(np.array([[centre[axis], centre[other] - half, centre[other] + half, number]]))
            continue
        first, last = points[:-1], points[1:]
        straight = (np.abs(last[:, axis] - first[:, axis]) <= _STRAIGHT_MM) & (
            np.abs(last[:, other] - first[:, other]) > _DOT_MM
        )
        if straight.any():
            ends = np.sort(np.column_stack((first[straight, other], last[straight, other])), axis=1)
            place = (first[straight, axis] + last[straight, axis]) / 2
            rows.append(np.column_stack((place, ends, np.full(len(ends), number))))
    return np.concatenate(rows) if rows else np.zeros((0, 4))


def _places(lines: Float64Array) -> Float64Array:
    """Return the places with enough ink to be lines of a grid, ascending."""
    rounded = np.rint(lines[:, 0] / _ROUND_MM)
    _, where = np.unique(rounded, return_inverse=True)
    ink = np.bincount(where, weights=lines[:, 2] - lines[:, 1])
    exact = np.bincount(where, weights=lines[:, 0]) / np.bincount(where)
    order = ink >= _LEAST_INK_MM
    exact, ink = exact[order], ink[order]
    if exact.size == 0:
        return exact
    bars = np.cumsum(np.concatenate(([0], np.diff(exact) > _SAME_LINE_MM)))
    return np.asarray(np.bincount(bars, weights=exact) / np.bincount(bars), dtype=np.float64)


def _pitch(places: Float64Array) -> float | None:
    """Return the distance of evenly spaced places, some of which may be absent or extra; None where they are not."""
    distances = np.diff(places)
    if len(distances) < _LEAST_LINES - 1:
        return None
    small = distances[distances <= 1.25 * np.percentile(distances, 10)]
    pitch = float(np.median(small))
    for _ in range(2):
        steps = np.rint(distances / pitch)
        even = (steps >= 1) & (np.abs(distances / pitch - steps) < _OFF_PITCH)
        if (even & (steps <= 2)).mean() < _LEAST_REGULAR:
            return None
        near = even & (steps <= 10)
        pitch = float(distances[near].sum() / steps[near].sum())
    return pitch
