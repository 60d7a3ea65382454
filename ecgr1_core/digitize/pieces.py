"""What is found on a page before it is a recording: pixels, pieces of trace, printed words, and the page of these.

The readers of vector files (`vector`) and of pixels (`pixels` and its neighbours) give a `FoundPage`; `assemble` turns
it into a recording. Positions on paper are in mm of the grid: x to the right from any one place of the page, the same
for all its pieces. The module knows neither files nor recordings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]  # [height, width, 3], RGB
BoxPx = tuple[float, float, float, float]  # x0, y0, x1, y1; y downwards

Source = Literal["vector", "pixels"]
ScaleSource = Literal["printed", "pulse", "asked", "geometry"]
Order = Literal["standard", "cabrera"]


@dataclass(frozen=True, eq=False)
class RasterPage:
    """One page as pixels: RGB, with the resolution the file claims (None: it claims none) and a name for messages."""

    pixels: Pixels
    dpi: float | None = None
    name: str = "page"


@dataclass(frozen=True, eq=False)
class TracePiece:
    """One lead's stretch of trace in one row.

    `row` counts from the top and `column` from the left, both from 0; a rhythm strip is a row with the one column 0.
    `lead` is a name of `LEADS`, or None where it could not be told. `x_mm` is [n], ascending, `y_mm` is [n], upwards,
    from the row's baseline as far as that is known, NaN where there is a gap; neither has to be evenly spaced. A lead
    that is printed upside down (−aVR) has `inverted` true and `y_mm` as printed. `confidence` is 0 to 1: how sure it is
    that the points are this lead's trace (1 for exact vector paths with a printed name).
    """

    row: int
    column: int
    lead: str | None
    x_mm: Float64Array
    y_mm: Float64Array
    box_px: BoxPx
    confidence: float
    inverted: bool = False
    trace_px: Float64Array | None = None


@dataclass(frozen=True)
class PageText:
    """Printed words and the box around them."""

    text: str
    box_px: BoxPx


@dataclass(frozen=True, eq=False)
class FoundPage:
    """All that was found on one page; None where something is unknown.

    `mm_per_px` is of the straightened page, x and y. `layout` is a name of `render.layouts.LAYOUTS` or None;
    `rhythm_rows` are the rows that hold one strip of the whole length below a layout of several columns;
    `columns_x_mm` is where each column begins and the last one ends (None: `assemble` takes it from the pieces).
    Columns are "consecutive" where they follow each other in time, "simultaneous" where all begin at the same moment
    (None: `assemble` finds out). `turned_deg` is how far the page lay turned, clockwise. `unsure` are sentences on what
    could not be told. `grid_to_px` is the 3 × 3 homography from mm of the grid (lines of 5 mm at whole fives) to the
    pixels of the page as it was handed in, None without a grid.
    """

    pieces: tuple[TracePiece, ...]
    texts: tuple[PageText, ...]
    mm_per_px: tuple[float, float] | None
    speed_mm_per_s: float | None
    gain_mm_per_mv: float | None
    source: Source
    speed_source: ScaleSource | None = None
    gain_source: ScaleSource | None = None
    layout: str | None = None
    order: Order = "standard"
    rhythm_rows: tuple[int, ...] = ()
    columns_x_mm: tuple[float, ...] | None = None
    columns: Literal["consecutive", "simultaneous"] | None = None
    turned_deg: int = 0
    unsure: tuple[str, ...] = ()
    grid_to_px: Float64Array | None = None
