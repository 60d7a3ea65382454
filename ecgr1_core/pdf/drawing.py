"""`Drawing`: the lines and letters of one page of a PDF, in mm of the page, as they lie in the file.

Also what turns a page and puts letters together to words. The module knows nothing of PDF and nothing of ECGs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

MM_PER_INCH = 25.4
_WORD_GAP = 0.28  # of the letters' height; a wider one begins a new word
_LINE_GAP = 2.0  # of the letters' height; a wider one ends the line
_OFF_LINE = 0.6  # of the letters' height, up or down: so far a small index (the 1 of V1) may stand off its line
_QUARTER = math.pi / 2


class Style(NamedTuple):
    """How a line is drawn: red, green and blue from 0 to 255, and its width in mm."""

    red: int
    green: int
    blue: int
    width_mm: float


@dataclass(frozen=True, eq=False)
class Stroke:
    """One unbroken line, or the outline of a filled area (`filled`).

    `points_mm` is [n, 2], x to the right and y downwards from the page's upper left corner. What lies outside `clip_mm`
    (x0, y0, x1, y1) is not to be seen.
    """

    points_mm: Float64Array
    style: Style
    filled: bool
    clip_mm: tuple[float, float, float, float]


@dataclass(frozen=True)
class Words:
    """Letters that stand together, and the box around them in mm (x0, y0, x1, y1)."""

    text: str
    box_mm: tuple[float, float, float, float]

    @property
    def height_mm(self) -> float:
        """Height of the box."""
        return self.box_mm[3] - self.box_mm[1]


@dataclass(frozen=True, eq=False)
class Drawing:
    """A page of `width_mm` × `height_mm`: its strokes, and its letters one by one in the order of the file.

    `letter_boxes_mm` is [n, 4] (x0, y0, x1, y1) and `letter_turns` [n], the quarters each letter is turned clockwise.
    `px_per_mm` is of the picture that was made of the same page, and `image_share` how much of the page its largest
    image covers.
    """

    width_mm: float
    height_mm: float
    px_per_mm: float
    strokes: tuple[Stroke, ...]
    letters: str
    letter_boxes_mm: Float64Array
    letter_turns: npt.NDArray[np.int64]
    image_share: float = 0.0

    def turned_back(self, quarters: int) -> Drawing:
        """Return the page turned counter-clockwise by quarters."""
        quarters %= 4
        if quarters == 0:
            return self
        width, height = (self.height_mm, self.width_mm) if quarters % 2 else (self.width_mm, self.height_mm)
        return replace(
            self,
            width_mm=width,
            height_mm=height,
            strokes=tuple(
                replace(
                    stroke,
                    points_mm=self._turned(stroke.points_mm, quarters),
                    clip_mm=turned_boxes(np.array([stroke.clip_mm]), quarters, self.width_mm, self.height_mm)[0],
                )
                for stroke in self.strokes
            ),
            letter_boxes_mm=np.array(
                turned_boxes(self.letter_boxes_mm, quarters, self.width_mm, self.height_mm), dtype=np.float64
            ).reshape(-1, 4),
            letter_turns=(self.letter_turns - quarters) % 4,
        )

    def _turned(self, points: Float64Array, quarters: int) -> Float64Array:
        return turned_points(points, quarters, self.width_mm, self.height_mm)

    @property
    def words(self) -> tuple[Words, ...]:
        """The upright letters put together to words, in the order of the file."""
        return tuple(word for line in self._lines() for word in line)

    @property
    def lines(self) -> tuple[Words, ...]:
        """The upright letters put together to lines of words, which end at wide gaps."""
        return tuple(_together(line, " ") for line in self._lines())

    def _lines(self) -> list[list[Words]]:
        lines: list[list[Words]] = []
        last: Words | None = None
        spaced = False
        for letter, box, turn in zip(self.letters, self.letter_boxes_mm.tolist(), self.letter_turns, strict=True):
            if turn != 0:
                continue
            if letter.isspace() or not letter.isprintable():
                spaced = True
                continue
            new = Words(letter, tuple(box))
            height = max(new.height_mm, last.height_mm if last else 0.0)
            gap = new.box_mm[0] - last.box_mm[2] if last else math.inf
            drop = new.box_mm[3] - last.box_mm[3] if last else math.inf
            if last is None or gap > _LINE_GAP * height or gap < -height or abs(drop) > _OFF_LINE * height:
                lines.append([new])
            elif spaced or gap > _WORD_GAP * height:
                lines[-1].append(new)
            else:
                lines[-1][-1] = _together([lines[-1][-1], new], "")
            last, spaced = new, False
        return lines


def turned_points(points: Float64Array, quarters: int, width: float, height: float) -> Float64Array:
    """Return [n, 2] points of a page of `width` × `height` after it was turned counter-clockwise by quarters."""
    x, y = points[:, 0], points[:, 1]
    return np.column_stack(((x, y), (y, width - x), (width - x, height - y), (height - y, x))[quarters % 4])


def turned_boxes(
    boxes: Float64Array, quarters: int, width: float, height: float
) -> list[tuple[float, float, float, float]]:
    """Return the boxes (x0, y0, x1, y1), [n, 4], of a page after it was turned counter-clockwise by quarters."""
    first = turned_points(boxes[:, :2], quarters, width, height)
    last = turned_points(boxes[:, 2:], quarters, width, height)
    both = np.column_stack((np.minimum(first, last), np.maximum(first, last)))
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in both.tolist()]


def _together(words: list[Words], between: str) -> Words:
    x0, y0, x1, y1 = zip(*(word.box_mm for word in words), strict=True)
    return Words(between.join(word.text for word in words), (min(x0), min(y0), max(x1), max(y1)))


def quarters_of(angle_rad: Float64Array) -> npt.NDArray[np.int64]:
    """Return how many quarters clockwise the nearest to each angle is; angles are clockwise, in radians."""
    return np.rint(angle_rad / _QUARTER).astype(np.int64) % 4
