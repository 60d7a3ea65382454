"""A page put on the grid that was read off it, all of it and not its gridded part alone, in even light.

Lines of text then run across, whichever way the page lies. The module looks for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgr1_core.digitize.free_boxes import Mask
from ecgr1_core.digitize.ink import PX_PER_MM
from ecgr1_core.digitize.pieces import Pixels
from ecgr1_core.digitize.report import DigitizeReport, PieceReport
from ecgr1_core.render.page_truth import corners, mapped

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

A4_LONG_MM = 297.0  # of a page without grid and scale
_AROUND_MM = 150.0  # of the traces, looked at
_LONGEST_MM = 700.0
_DESK = 0.35  # of the brightness of the paper: less is not the sheet
_SHEET_EDGE_MM = 3.0


@dataclass(frozen=True, eq=False)
class Sheet:
    """A page on its own grid: `even` [height, width, 3] at `PX_PER_MM`, as parts of the brightness of the paper around.

    `to_image` is the homography [3, 3] from its pixels to those of the page; `seen` is what of it the page shows;
    `mm_per_px` is of the page.
    """

    even: Float32Array
    seen: npt.NDArray[np.bool_]
    to_image: Float64Array
    mm_per_px: float


def on_grid(pixels: Pixels, report: DigitizeReport) -> Sheet:
    """Return the page on its grid; one without a grid is taken to lie straight."""
    height, width = pixels.shape[:2]
    mm_per_px = mm_per_px_of(report, (width, height))
    turned = report.turned_deg // 90 % 4
    mm_to_image = report.grid_to_px
    if mm_to_image is None:
        mm_to_image = np.diag((1 / mm_per_px, 1 / mm_per_px, 1.0)) @ _quarter(turned)
    to_mm = np.asarray(np.linalg.inv(mm_to_image), dtype=np.float64)
    traces = mapped(points_of(report.pieces), to_mm)
    low_trace, high_trace = np.nanmin(traces, axis=0), np.nanmax(traces, axis=0)
    rim = mapped(corners(0, 0, width, height), to_mm)
    if _is_beyond_horizon(mm_to_image, rim, (width, height)):
        rim = traces
    low = np.maximum(rim.min(axis=0), low_trace - _AROUND_MM)
    high = np.minimum(rim.max(axis=0), high_trace + _AROUND_MM)
    low = 5 * np.floor(np.maximum(low, high - _LONGEST_MM) / 5)
    size = np.ceil((high - low) * PX_PER_MM).astype(int)
    place = np.array(((1 / PX_PER_MM, 0, low[0]), (0, 1 / PX_PER_MM, low[1]), (0, 0, 1)))
    to_image = np.asarray(mm_to_image @ place, dtype=np.float64)
    across, down = int(size[0]), int(size[1])
    half = np.array(((1, 0, 0.5), (0, 1, 0.5), (0, 0, 1.0)))
    centres = np.linalg.inv(half) @ to_image @ half
    source = pixels
    shrink = 1 / (PX_PER_MM * mm_per_px)
    if shrink < 0.7:  # so that thin letters are averaged, not skipped
        source = np.asarray(cv2.resize(pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA))
        ratio = np.diag((source.shape[1] / width, source.shape[0] / height, 1.0))
        centres = np.linalg.inv(half) @ ratio @ to_image @ half
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    straight = cv2.warpPerspective(source, centres, (across, down), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    ones = np.ones(source.shape[:2], np.uint8)
    seen = cv2.warpPerspective(ones, centres, (across, down), flags=flags) > 0
    even, paper = _evened(np.asarray(straight, dtype=np.uint8))
    on_sheet = mapped(points_of(report.pieces), np.asarray(np.linalg.inv(to_image), dtype=np.float64))
    usual = float(np.median(paper[_at(on_sheet, paper.shape)]))
    bright = np.asarray(seen & (paper > _DESK * usual), dtype=np.uint8)
    edge = 2 * round(_SHEET_EDGE_MM * PX_PER_MM) + 1
    dark_desk = cv2.dilate(np.asarray((bright == 0) & seen, dtype=np.uint8), np.ones((edge, edge), np.uint8))
    return Sheet(even, np.asarray((bright > 0) & (dark_desk == 0)), to_image, mm_per_px)


def mm_per_px_of(report: DigitizeReport, size_px: tuple[int, int]) -> float:
    """Return mm of paper to a pixel of the page, as read, or else as if it were A4; `size_px` is width and height."""
    return A4_LONG_MM / max(size_px) if report.mm_per_px is None else float(np.mean(report.mm_per_px))


def _at(points: Float64Array, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return rows and columns of the points that are known, within an image."""
    known = points[~np.isnan(points).any(axis=1)].astype(np.int64)
    return np.clip(known[:, 1], 0, shape[0] - 1), np.clip(known[:, 0], 0, shape[1] - 1)


def _quarter(quarters: int) -> Float64Array:
    """Return the turn of a page that was turned back by so many quarters, clockwise."""
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
    return np.array(((cosine, -sine, 0), (sine, cosine, 0), (0, 0, 1)), dtype=np.float64)


def points_of(pieces: Sequence[PieceReport]) -> Float64Array:
    """Return the points [n, 2] of all traces in pixels of the page, of those that are not known the box's corners."""
    known = [corners(*one.box_px) if one.trace_px is None else one.trace_px for one in pieces]
    return np.asarray(np.concatenate(known), dtype=np.float64)


def _is_beyond_horizon(to_image: Float64Array, rim_mm: Float64Array, size_px: tuple[int, int]) -> bool:
    """Return whether a corner of the page lies where its perspective has no paper any more."""
    back = mapped(rim_mm, to_image)
    depth = np.column_stack((rim_mm, np.ones(4))) @ to_image[2]
    return bool(np.ptp(np.sign(depth)) > 0 or np.abs(back - corners(0, 0, *size_px)).max() > 1)


def _evened(pixels: Pixels) -> tuple[Float32Array, Mask]:
    """Return the page as parts of the brightness of the paper, the brightest within 2.5 mm, and that, 0 to 255."""
    reach = 5 * PX_PER_MM // 2
    small = cv2.resize(pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    paper = cv2.dilate(cv2.GaussianBlur(small, (0, 0), 0.8), np.ones((2 * reach // 4 + 1,) * 2, np.uint8))
    paper = cv2.GaussianBlur(paper, (0, 0), reach / 4)
    paper = cv2.resize(paper, (pixels.shape[1], pixels.shape[0]), interpolation=cv2.INTER_LINEAR)
    even = cv2.divide(pixels, np.maximum(paper, 1), scale=1.0, dtype=cv2.CV_32F)
    return np.minimum(even, np.float32(1)), np.asarray(paper.max(axis=2), dtype=np.uint8)
