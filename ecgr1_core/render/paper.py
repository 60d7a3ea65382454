"""The ECG page as a raster image, drawn with Pillow in true scale: for print, and for models that look at a page.

One millimetre is dpi / 25.4 pixels. Every grid line and every sample is placed from its own position in millimetres, so
no rounding adds up across the page. The module draws what `geometry` lays out and knows nothing of files.
"""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ecgr1_core.errors import UnsuitableRecordingError
from ecgr1_core.measure import Measurements
from ecgr1_core.record import EcgRecord
from ecgr1_core.render.geometry import (
    MAJOR_GRID_MM,
    TEXT_INSET_MM,
    TEXT_SIZE_MM,
    TITLE_BAND_MM,
    TRACE_WIDTH_MM,
    Sheet,
    lay_out,
)
from ecgr1_core.render.layouts import DEFAULT_LAYOUT
from ecgr1_core.render.marks import draw_marks

MM_PER_INCH = 25.4
DPI_RANGE = (50, 600)
MARGIN_X_MM = 13.5  # with the least grid, 270 × 190 mm, the page is A4 across: 297 × 210 mm
MARGIN_Y_MM = 10.0
LEAST_GRID_HEIGHT_MM = 190.0
LARGEST_PAGE_MEGAPIXELS = 100
MINOR_LINE_MM = 0.1
MAJOR_LINE_MM = 0.2

Rgb = tuple[int, int, int]
WHITE: Rgb = (255, 255, 255)
MinorLines = Literal["lines", "dots", "none"]
Typeface = Literal["Pillow", "DejaVuSans", "DejaVuSansMono", "DejaVuSerif"]
_PAPER, _MINOR, _MAJOR = 1, 2, 3  # what lies on what; 0 is the margin


@dataclass(frozen=True)
class Ink:
    """Colours of a printed page."""

    paper: Rgb
    minor_grid: Rgb
    major_grid: Rgb
    trace: Rgb


COLOUR = Ink(paper=(255, 253, 252), minor_grid=(248, 218, 218), major_grid=(232, 160, 163), trace=(16, 16, 16))
MONOCHROME = Ink(paper=(255, 255, 255), minor_grid=(228, 228, 228), major_grid=(184, 184, 184), trace=(0, 0, 0))


def render_page(
    record: EcgRecord,
    *,
    layout: str = DEFAULT_LAYOUT,
    speed_mm_per_s: float = 25.0,
    gain_mm_per_mv: float = 10.0,
    dpi: int = 150,
    colour: bool = True,
    antialias: bool = True,
    start_s: float = 0.0,
    filter_label: str = "unfiltered",
    title: str = "",
    marks: Measurements | None = None,
) -> Image.Image:
    """Return ten seconds of `record`, from `start_s` on, as a page image in true scale at `dpi`.

    The page is A4 across (297 × 210 mm) or as much larger as the rows, the speed and the gain need. The image is RGB,
    or L (grey) with `colour=False`; its resolution is in `info["dpi"]`. Leads are shifted by their median over the page
    (see `geometry.lay_out`). `title` is printed at the top, `filter_label` at the bottom beside speed and gain. With
    `marks` the waves that were measured are shown as bands.

    Raises UnsuitableRecordingError where the recording ends before `start_s` or the page has more than 100 megapixels,
    ValueError for an unknown layout, speed or gain, or a dpi outside 50 to 600.
    """
    if not DPI_RANGE[0] <= dpi <= DPI_RANGE[1]:
        raise ValueError(f"dpi must lie between {DPI_RANGE[0]} and {DPI_RANGE[1]}, got {dpi}")
    sheet = lay_out(
        record,
        layout=layout,
        speed_mm_per_s=speed_mm_per_s,
        gain_mm_per_mv=gain_mm_per_mv,
        start_s=start_s,
        filter_label=filter_label,
        title=title,
        least_height_mm=LEAST_GRID_HEIGHT_MM,
    )
    px_per_mm = px_per_mm_at(dpi)
    ink = COLOUR if colour else MONOCHROME
    origin_mm = (MARGIN_X_MM, MARGIN_Y_MM)
    box_mm = (*origin_mm, MARGIN_X_MM + sheet.width_mm, MARGIN_Y_MM + sheet.height_mm)
    image = draw_grid(page_px(record, page_size_mm(sheet), px_per_mm), px_per_mm, origin_mm, box_mm, ink)
    draw_traces(image, sheet, ink.trace, px_per_mm, origin_mm, box_mm, antialias=antialias)
    if marks is not None:
        image = draw_marks(image, sheet, marks, px_per_mm, origin_mm)
    _draw_texts(image, sheet, ink, px_per_mm)
    if not colour:
        image = image.convert("L")
    image.info["dpi"] = (dpi, dpi)
    return image


def page_size_mm(sheet: Sheet) -> tuple[float, float]:
    """Return width and height in mm of the printed page: the grid and its white margins."""
    return sheet.width_mm + 2 * MARGIN_X_MM, sheet.height_mm + 2 * MARGIN_Y_MM


def px_per_mm_at(dpi: int) -> float:
    """Return the pixels of one millimetre."""
    return dpi / MM_PER_INCH


def page_px(record: EcgRecord, paper_mm: tuple[float, float], px_per_mm: float) -> tuple[int, int]:
    """Return the width and height in pixels of a page; raises UnsuitableRecordingError for more than 100 megapixels."""
    width_px, height_px = (round(length_mm * px_per_mm) for length_mm in paper_mm)
    if width_px * height_px > LARGEST_PAGE_MEGAPIXELS * 1e6:
        raise UnsuitableRecordingError(
            record.name,
            f"the page would be {width_px} × {height_px} pixels, more than {LARGEST_PAGE_MEGAPIXELS} megapixels",
            "choose a smaller dpi or gain",
        )
    return width_px, height_px


def draw_grid(
    size_px: tuple[int, int],
    px_per_mm: float,
    origin_mm: tuple[float, float],
    box_mm: tuple[float, float, float, float],
    ink: Ink,
    *,
    minor_mm: float = MINOR_LINE_MM,
    major_mm: float = MAJOR_LINE_MM,
    minor_lines: MinorLines = "lines",
) -> Image.Image:
    """Return an empty page: white margins around `box_mm` (left, top, right, bottom), and in it paper and grid.

    Lines stand on every millimetre from `origin_mm` on to both sides, each placed by itself; those of 5 mm lie over
    those of 1 mm, which can be dots where they cross, or missing. A line of 0 mm is not drawn.
    """
    width, height = size_px
    columns, rows = np.zeros(width, dtype=np.uint8), np.zeros(height, dtype=np.uint8)
    for levels, origin, low, high in (
        (columns, origin_mm[0], box_mm[0], box_mm[2]),
        (rows, origin_mm[1], box_mm[1], box_mm[3]),
    ):
        levels[_line(low, 0, px_per_mm).start : _line(high, 0, px_per_mm).stop] = _PAPER
        numbers = range(math.ceil(low - origin - 1e-6), math.floor(high - origin + 1e-6) + 1)
        for level, step, line_mm in ((_MINOR, 1, minor_mm), (_MAJOR, int(MAJOR_GRID_MM), major_mm)):
            for number in numbers:
                if number % step == 0 and line_mm > 0:
                    line = _line(origin + number, line_mm, px_per_mm)
                    levels[max(line.start, 0) : max(line.stop, 0)] = level
    if minor_lines == "lines":
        both = np.maximum(rows[:, None], columns[None, :])
    else:
        both = np.maximum(_without_minor(rows)[:, None], _without_minor(columns)[None, :])
        if minor_lines == "dots":
            both[np.ix_(rows == _MINOR, columns == _MINOR)] = _MINOR
    both[rows == 0] = 0
    both[:, columns == 0] = 0
    page = Image.fromarray(both, "P")
    page.putpalette([*WHITE, *ink.paper, *ink.minor_grid, *ink.major_grid])
    return page.convert("RGB")


def _without_minor(levels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.where(levels == _MINOR, np.uint8(_PAPER), levels)


def _line(position_mm: float, line_mm: float, px_per_mm: float) -> slice:
    """Return the pixels of a grid line, at least one, centred on its position as well as whole pixels can be."""
    width = max(1, round(line_mm * px_per_mm))
    first = round(position_mm * px_per_mm - width / 2)
    return slice(first, first + width)


def draw_traces(
    image: Image.Image,
    sheet: Sheet,
    colour: Rgb,
    px_per_mm: float,
    origin_mm: tuple[float, float],
    box_mm: tuple[float, float, float, float],
    *,
    antialias: bool = True,
    width_mm: float = TRACE_WIDTH_MM,
) -> None:
    """Draw pulses, separators and traces of `sheet`, whose corner is `origin_mm`, inside `box_mm` of the page."""
    left, top, right, bottom = (round(side_mm * px_per_mm) for side_mm in box_mm)
    box = (left, top, right, bottom)
    # finer than a pixel by 4 on screen, by 2 in print, where the pixels themselves are fine
    fineness = (4 if px_per_mm < 10 else 2) if antialias else 1
    width_px = width_mm * px_per_mm
    for polyline in sheet.calibration_pulses + sheet.separators:
        points = (np.array(polyline) + origin_mm) * px_per_mm
        _draw_polyline(image, points, box, colour, width_px, fineness)
    for row in sheet.rows:
        for cell in row.cells:
            for piece in _unbroken((sheet.points_mm(row, cell) + origin_mm) * px_per_mm):
                _draw_polyline(image, piece, box, colour, width_px, fineness)


def _unbroken(points: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """Return the pieces of [samples, 2] between NaN."""
    known = np.flatnonzero(~np.isnan(points[:, 1]))
    runs = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
    return [points[run] for run in runs if run.size]


def _draw_polyline(
    image: Image.Image,
    points_px: npt.NDArray[np.float64],
    box: tuple[int, int, int, int],
    colour: Rgb,
    width_px: float,
    fineness: int,
) -> None:
    """Draw [points, 2] inside `box`, on a mask finer by `fineness` that is then averaged down to pixels."""
    pad = round(width_px) + 1
    (low_x, low_y), (high_x, high_y) = points_px.min(axis=0), points_px.max(axis=0)
    left, top = max(int(max(low_x, 0)) - pad, box[0]), max(int(max(low_y, 0)) - pad, box[1])
    right, bottom = int(min(high_x + pad + 1, box[2])), int(min(high_y + pad + 1, box[3]))
    if right <= left or bottom <= top:
        return
    mask = Image.new("L", ((right - left) * fineness, (bottom - top) * fineness))
    fine = np.floor((points_px - (left, top)) * fineness)
    np.clip(fine, -1e6, 1e6, out=fine)  # far outside the mask: only what Pillow's integers need
    line_px = 2 * int(width_px * fineness / 2) + 1  # odd: Pillow draws even lines off their centre
    draw = ImageDraw.Draw(mask)
    if len(fine) == 1:
        draw.rectangle((fine[0, 0], fine[0, 1], fine[0, 0] + line_px - 1, fine[0, 1] + line_px - 1), fill=255)
    else:
        draw.line(fine.ravel().tolist(), fill=255, width=line_px)
    image.paste(colour, (left, top, right, bottom), mask.reduce(fineness) if fineness > 1 else mask)


def _draw_texts(image: Image.Image, sheet: Sheet, ink: Ink, px_per_mm: float) -> None:
    draw = ImageDraw.Draw(image)
    font = typeface(round(TEXT_SIZE_MM * px_per_mm))

    def text(words: str, x_mm: float, y_mm: float, *, bold: bool = False) -> None:
        place = ((x_mm + MARGIN_X_MM) * px_per_mm, (y_mm + MARGIN_Y_MM) * px_per_mm)
        stroke_px = 0.07 * px_per_mm if bold else 0
        draw.text(place, in_ascii(words), fill=ink.trace, font=font, anchor="ls", stroke_width=stroke_px)

    for row in sheet.rows:
        for cell in row.cells:
            text(cell.label, sheet.label_x_mm(cell), row.label_mm, bold=cell.label == cell.lead)
    text(sheet.footer, MAJOR_GRID_MM, sheet.height_mm - TEXT_INSET_MM)
    if sheet.title:
        text(sheet.title, MAJOR_GRID_MM, TITLE_BAND_MM - TEXT_INSET_MM, bold=True)


def in_ascii(words: str) -> str:
    """Return `words` in the letters that Pillow's own typeface has: accents dropped, dashes plain, others as "?"."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", words) if not unicodedata.combining(sign))
    return re.sub("[\u2010-\u2015\u2212]", "-", plain).encode("ascii", "replace").decode()


@functools.lru_cache(maxsize=32)
def typeface(size_px: int, name: Typeface = "Pillow") -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return a typeface that Pillow or Matplotlib carries, so that a page looks the same on every machine."""
    if name == "Pillow":
        return ImageFont.load_default(size_px)
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")), size_px)
