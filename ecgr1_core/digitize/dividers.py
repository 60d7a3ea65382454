"""Upright marks between the columns of a page: where the columns meet, and how wide the marks are.

Carts and page generators print one in every row where a column ends and the next begins. They tell the beginning of
the page to a fraction of a millimetre, and are no part of a trace. The module follows no trace. Own rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ecgr1_core.digitize.grid import Float32Array, Float64Array
from ecgr1_core.digitize.ink import PX_PER_MM

_HIGH_MM = 3.5  # at least
_NEAR_MM = 5.0  # of a row's baseline, where the middle of a mark may lie
_SLACK_MM = 4.0  # how far from where columns were taken to meet
_INKED = 0.85  # of a mark's height
_LEAST_SHARE = 0.75  # of all places where one would stand
_BESIDE_SHARE = 0.35  # beside them no more: complexes of a steady rhythm are as tall, but not as narrow
_BESIDE_MM = 1.5
_WIDEST_MM = 1.5
_BENT_PX = 3  # how far a mark may lie from the line through all others


@dataclass(frozen=True)
class Dividers:
    """How far right of the borders the marks stand, and half of their width, in pixels."""

    shift: float
    half_width: float


def find_dividers(ink: Float32Array, rows: Sequence[float], borders: Sequence[float]) -> Dividers | None:
    """Return the marks near `borders` (x where columns are taken to meet) on `rows` (baselines), in pixels.

    None where they do not stand in most rows at most borders, all as far from them.
    """
    slack = round(_SLACK_MM * PX_PER_MM)
    shown = [
        profile
        for row in rows
        for border in borders
        if (profile := _uprights(ink, row, round(border), slack)) is not None
    ]
    if not shown or len(shown) < _LEAST_SHARE * len(rows) * len(borders):
        return None
    upright = np.stack(shown)
    bent = cv2.dilate(upright.astype(np.uint8), np.ones((1, 2 * _BENT_PX + 1), np.uint8))
    share: Float64Array = np.asarray(bent.mean(axis=0), dtype=np.float64)
    best = round(float(np.flatnonzero(share == share.max()).mean()))
    beside = round(_BESIDE_MM * PX_PER_MM)
    around = [share[at] for at in (best - beside, best + beside) if 0 <= at < share.size]
    if share[best] < _LEAST_SHARE or max(around) > _BESIDE_SHARE:
        return None
    middles, widths = [], []
    for held in upright:
        near: Float64Array = np.flatnonzero(held[max(0, best - beside) : best + beside + 1]).astype(np.float64)
        if near.size:
            middles.append(float(near.mean()) + max(0, best - beside))
            widths.append(float(near[-1] - near[0] + 1))
    width = float(np.median(widths))
    if width > _WIDEST_MM * PX_PER_MM:
        return None
    off = float(np.mean([border - round(border) for border in borders]))
    return Dividers(float(np.median(middles)) + 0.5 - slack - off, width / 2)


def _uprights(ink: Float32Array, row: float, border: int, slack: int) -> np.ndarray | None:
    """Return at which x around a border a line stands upright on a row, [2 × slack + 1]; None beyond the page."""
    high = round(_HIGH_MM * PX_PER_MM)
    reach = round(_NEAR_MM * PX_PER_MM)
    top, bottom = max(0, int(row) - reach - high // 2), int(row) + reach + high // 2 + 1
    if border - slack < 0 or border + slack >= ink.shape[1] or bottom - top < 2 * high:
        return None
    part = np.ascontiguousarray(ink[top:bottom, border - slack : border + slack + 1])
    inked = cv2.blur(np.asarray(part > 0.5, dtype=np.float32), (1, high), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(inked.max(axis=0) >= _INKED)
