"""Courses through the ink: the cheapest way from the left end of a cell to the right, pixel by pixel.

A course goes along the middle of the ink, one column at a time and any distance up or down within a column, each pixel
costing the more the less ink it has (dynamic programming; up and down moves are prefix minima, so that a column costs
no more than its height). Ink that other leads' courses have used costs more, so that crossing traces part again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ecgr1_core.digitize.grid import Float32Array

_WHITE = 20.0  # cost of a pixel of paper to the side
_UPRIGHT_WHITE = 1.2  # and up or down
_ALONG = 0.01  # of a pixel of ink
_PULL = 0.80  # towards the baseline, at the distance of the next row
_USED = 0.55  # of ink is taken away where another lead's way runs
_NEVER = 1e9  # of a pixel outside a span
_MOST_PX = 6_000_000  # of spans that are searched side by side: their costs take 24 bytes each
_AS_WIDE = 0.95  # at least, are they

_Path = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]  # the row in which each column is left, [width], and marks


@dataclass(frozen=True)
class Span:
    """The part of a page in which a trace is looked for, in pixels: it lies about `baseline`, rows `pitch` apart."""

    left: int
    right: int
    top: int
    bottom: int
    baseline: float
    pitch: float

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    def of(self, field: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return this part of something [height, width] of the whole page."""
        return field[self.top : self.bottom, self.left : self.right]


@dataclass(frozen=True, eq=False)
class Course:
    """A way through a span pixel by pixel: the row in which each column is left, and the lowest and highest used.

    `rows` is [width], `marks` is [width, 2], both from the top of the span.
    """

    span: Span
    rows: npt.NDArray[np.int64]
    marks: npt.NDArray[np.int64]

    def touches(self, others: npt.NDArray[np.bool_]) -> bool:
        """Return whether it uses a pixel that is true in `others`, [height, width] of the span."""
        rows = np.arange(others.shape[0])[:, None]
        return bool((others & (rows >= self.marks[:, 0]) & (rows <= self.marks[:, 1])).any())


def ridges(ink: Float32Array, width_px: float) -> Float32Array:
    """Return how much a pixel is the middle of a stroke of this width, faint or not: [height, width], 0 to 1."""
    soft = cv2.GaussianBlur(ink, (0, 0), max(0.6, 0.25 * width_px))
    size = 2 * round(width_px) + 3
    most, most_soft = (cv2.dilate(field, np.ones((size, size), np.uint8)) for field in (ink, soft))
    return np.asarray(np.minimum(soft / np.maximum(most_soft, 0.3), ink / np.maximum(most, 0.4)), dtype=np.float32)


def find_courses(ridge: Float32Array, spans: Sequence[Span]) -> list[Course]:
    """Return the cheapest course through each of these spans of the page's ridges."""
    found: dict[int, Course] = {}
    for some in _side_by_side(spans):
        paths = _cheapest([(spans[number].of(ridge), spans[number]) for number in some])
        found |= {number: Course(spans[number], *path) for number, path in zip(some, paths, strict=True)}
    return [found[number] for number in range(len(spans))]


def _side_by_side(spans: Sequence[Span]) -> Iterator[list[int]]:
    """Yield the numbers of spans that are about as wide as each other, and not too many at once."""
    widest_first = sorted(range(len(spans)), key=lambda number: -spans[number].width)
    some: list[int] = []
    for number in widest_first:
        widest = spans[some[0]].width if some else 0
        tallest = max((spans[each].height for each in (*some, number)), default=0)
        if some and (spans[number].width < _AS_WIDE * widest or (len(some) + 1) * widest * tallest > _MOST_PX):
            yield some
            some = []
        some.append(number)
    if some:
        yield some


def parted(course: Course, ridge: Float32Array, others: npt.NDArray[np.bool_]) -> Course:
    """Return the cheapest course where `others`, [height, width] of the span, are used already.

    A course that touches none of it stays the cheapest.
    """
    if not course.touches(others):
        return course
    span = course.span
    part = span.of(ridge)
    return Course(span, *_cheapest([(np.where(others, part * (1 - _USED), part), span)])[0])


def used_by(courses: list[Course], span: Span, width_px: float) -> npt.NDArray[np.bool_]:
    """Return where these courses run in a span, as thick as a stroke, [height, width] of the span."""
    height, width = span.bottom - span.top, span.right - span.left
    steps = np.zeros((height + 1, width), dtype=np.int16)
    for course in courses:
        first, last = max(span.left, course.span.left), min(span.right, course.span.right)
        if first >= last:
            continue
        marks = course.marks[first - course.span.left : last - course.span.left] + (course.span.top - span.top)
        columns = np.arange(first - span.left, last - span.left)
        steps[np.clip(marks[:, 0], 0, height), columns] += 1
        steps[np.clip(marks[:, 1] + 1, 0, height), columns] -= 1
    size = 2 * round(0.6 * width_px) + 1
    mask = (np.cumsum(steps[:-1], axis=0, dtype=np.int16) > 0).astype(np.uint8)
    return np.asarray(cv2.dilate(mask, np.ones((size, size), np.uint8)) > 0)


def _cheapest(ridges: Sequence[tuple[Float32Array, Span]]) -> list[_Path]:
    """Return the cheapest path through the ridges, [height, width], of each of several spans, found side by side.

    What a span lacks of the largest one is filled with what no path takes.
    """
    count = len(ridges)
    sizes = np.array([ridge.shape for ridge, _ in ridges])
    height, width = (int(side) for side in sizes.max(axis=0))
    sideways, upright = (np.full((width, count, height), _NEVER) for _ in range(2))
    for lane, (ridge, span) in enumerate(ridges):
        high, wide = ridge.shape
        away = np.abs(np.arange(high) - (span.baseline - span.top)) / span.pitch
        lacking = np.clip(1 - 1.15 * ridge.astype(np.float64), 0, 1).T
        sideways[:wide, lane, :high] = _ALONG + _WHITE * lacking + _PULL * away[None, :]
        upright[:wide, lane, :high] = _ALONG + _UPRIGHT_WHITE * lacking
    np.cumsum(upright, axis=2, out=upright)
    arrived = np.empty((width, count, height))
    left, down, up = np.zeros((count, height)), np.empty((count, height)), np.empty((count, height))
    row = np.zeros(count, dtype=np.int64)
    for column in range(width):
        here, height_cost = arrived[column], upright[column]
        np.add(left, sideways[column], out=here)
        np.subtract(here, height_cost, out=down)
        np.minimum.accumulate(down, axis=1, out=down)
        np.add(down, height_cost, out=down)
        np.add(here, height_cost, out=up)
        np.minimum.accumulate(up[:, ::-1], axis=1, out=up[:, ::-1])
        np.subtract(up, height_cost, out=up)
        np.minimum(down, up, out=left)
        ends = sizes[:, 1] == column + 1
        if ends.any():
            row[ends] = left[ends].argmin(axis=1)
    rows = np.empty((width, count), dtype=np.int64)
    came = np.empty((width, count), dtype=np.int64)
    lanes = np.arange(count)
    for column in range(width - 1, -1, -1):
        rows[column] = row
        height_cost = upright[column]
        came[column] = (arrived[column] + np.abs(height_cost - height_cost[lanes, row][:, None])).argmin(axis=1)
        row = np.where(sizes[:, 1] > column, came[column], row)
    marks = np.stack((np.minimum(came, rows), np.maximum(came, rows)), axis=2)
    return [(rows[:wide, lane], marks[:wide, lane]) for lane, wide in enumerate(sizes[:, 1])]
