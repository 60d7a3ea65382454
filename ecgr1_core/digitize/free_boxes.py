"""Boxes that hold what is wanted of a mask and nothing that has to stay, on a coarse raster; and in pixels of the page.

The module knows neither text nor traces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ecgr1_core.digitize.pieces import BoxPx

Mask = npt.NDArray[np.uint8]  # [height, width], 0 or 1
Part = tuple[int, int, int, int]  # x0, y0, x1, y1 on the raster


def free_boxes(wanted: Mask, free: Mask) -> list[Part]:
    """Return boxes that hold all that is wanted and nothing that is not free: one, or halved until they do."""
    rows, columns = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
    if not rows.size:
        return []
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    if free[top:bottom, left:right].all():
        return [(left, top, right, bottom)]
    if right - left >= bottom - top:
        middle = (left + right) // 2
        halves = ((left, top, middle, bottom), (middle, top, right, bottom))
    else:
        middle = (top + bottom) // 2
        halves = ((left, top, right, middle), (left, middle, right, bottom))
    return [
        (x0 + a, y0 + b, x0 + c, y0 + d)
        for x0, y0, x1, y1 in halves
        for a, b, c, d in free_boxes(wanted[y0:y1, x0:x1], free[y0:y1, x0:x1])
    ]


def merged(parts: Sequence[Part], barred: Mask, gap: int) -> list[Part]:
    """Return the boxes, those as near as `gap` to each other as one where the box around both is free."""
    waiting, done = sorted(parts), list[Part]()
    while waiting:
        one = waiting.pop(0)
        for other in [*waiting, *done]:
            if (
                max(one[0], other[0]) - min(one[2], other[2]) > gap
                or max(one[1], other[1]) - min(one[3], other[3]) > gap
            ):
                continue
            both = (min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3]))
            if not barred[both[1] : both[3], both[0] : both[2]].any():
                (waiting if other in waiting else done).remove(other)
                waiting.insert(0, both)
                break
        else:
            done.append(one)
    return done


def in_pixels(parts: Sequence[Part], scale: tuple[float, float], size: tuple[int, int]) -> tuple[BoxPx, ...]:
    """Return boxes of the coarse raster in whole pixels of the page, from top to bottom."""
    boxes = []
    for x0, y0, x1, y1 in parts:
        left, top = float(round(x0 * scale[0])), float(round(y0 * scale[1]))
        right, bottom = (
            min(float(size[0]), float(round(x1 * scale[0]))),
            min(float(size[1]), float(round(y1 * scale[1]))),
        )
        if right > left and bottom > top:
            boxes.append((left, top, right, bottom))
    return tuple(sorted(boxes, key=lambda box: (box[1], box[0])))
