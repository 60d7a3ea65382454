"""Draws a laid-out ECG page into a PDF as vectors: grid, calibration pulses, traces, lead names.

One unit of the drawing is a millimetre, set once for all lines; so 1 mV is exactly the gain in millimetres and 1 s the
speed, and the numbers in the file are millimetres from the upper left corner of the page. Every sample is drawn.
"""

from __future__ import annotations

import numpy as np
from reportlab.pdfgen.canvas import Canvas

from ecgr1_core.render.geometry import (
    MAJOR_GRID_MM,
    TEXT_INSET_MM,
    TEXT_SIZE_MM,
    TRACE_WIDTH_MM,
    Cell,
    Polyline,
    Row,
    Sheet,
)
from ecgr1_core.render.paper import COLOUR, MAJOR_LINE_MM, MINOR_LINE_MM, MONOCHROME, Ink, Rgb
from ecgr1_core.report.typeface import BOLD, REGULAR, printable

POINTS_PER_MM = 72 / 25.4
_ROUND = 1  # PDF line caps and joins
_DECIMALS = 3  # a thousandth of a millimetre


def draw_sheet(
    canvas: Canvas, sheet: Sheet, left_mm: float, top_mm: float, page_height_mm: float, colour: bool
) -> None:
    """Draw `sheet` with the upper left corner of its grid at (`left_mm`, `top_mm`) from that of the page."""
    ink = COLOUR if colour else MONOCHROME
    canvas.saveState()
    canvas.transform(POINTS_PER_MM, 0, 0, -POINTS_PER_MM, 0, page_height_mm * POINTS_PER_MM)
    _grid(canvas, sheet, left_mm, top_mm, ink)
    _traces(canvas, sheet, left_mm, top_mm, ink.trace)
    canvas.restoreState()
    _texts(canvas, sheet, left_mm, top_mm, page_height_mm, ink.trace)


def _grid(canvas: Canvas, sheet: Sheet, left: float, top: float, ink: Ink) -> None:
    width, height = int(sheet.width_mm), int(sheet.height_mm)
    major = int(MAJOR_GRID_MM)
    for is_major, rgb, line_mm in ((False, ink.minor_grid, MINOR_LINE_MM), (True, ink.major_grid, MAJOR_LINE_MM)):
        path = canvas.beginPath()
        for x in range(width + 1):
            if (x % major == 0) == is_major:
                path.moveTo(left + x, top)
                path.lineTo(left + x, top + height)
        for y in range(height + 1):
            if (y % major == 0) == is_major:
                path.moveTo(left, top + y)
                path.lineTo(left + width, top + y)
        _stroke(canvas, rgb, line_mm)
        canvas.drawPath(path)


def _traces(canvas: Canvas, sheet: Sheet, left: float, top: float, rgb: Rgb) -> None:
    clip = canvas.beginPath()
    clip.rect(left, top, sheet.width_mm, sheet.height_mm)
    canvas.clipPath(clip, stroke=0, fill=0)
    canvas.setLineCap(_ROUND)
    canvas.setLineJoin(_ROUND)
    _stroke(canvas, rgb, TRACE_WIDTH_MM)
    marks: tuple[Polyline, ...] = sheet.calibration_pulses + sheet.separators
    for polyline in marks:
        _line(canvas, [(left + x, top + y) for x, y in polyline])
    for row in sheet.rows:
        for cell in row.cells:
            for piece in _pieces(sheet, row, cell):
                _line(canvas, [(left + x, top + y) for x, y in piece])


def _pieces(sheet: Sheet, row: Row, cell: Cell) -> list[list[tuple[float, float]]]:
    """Return the lines of a cell between unknown samples, as (x, y) in mm from the corner of the grid."""
    known = np.flatnonzero(~np.isnan(cell.signal_mv))
    times_s = (cell.first_sample + known) / sheet.sampling_rate_hz
    xs = sheet.trace_left_mm + (times_s - sheet.start_s) * sheet.speed_mm_per_s
    ys = row.baseline_mm - cell.signal_mv[known].astype(np.float64) * sheet.gain_mm_per_mv
    cuts = np.flatnonzero(np.diff(known) > 1) + 1
    return [
        list(zip(x.tolist(), y.tolist(), strict=True))
        for x, y in zip(np.split(xs, cuts), np.split(ys, cuts), strict=True)
        if x.size
    ]


def _line(canvas: Canvas, points: list[tuple[float, float]]) -> None:
    """Draw one line; a single point becomes a dot, by the round cap of a line without length."""
    path = canvas.beginPath()
    path.moveTo(*(round(value, _DECIMALS) for value in points[0]))
    for x, y in points[1:] or points:
        path.lineTo(round(x, _DECIMALS), round(y, _DECIMALS))
    canvas.drawPath(path)


def _stroke(canvas: Canvas, rgb: Rgb, width_mm: float) -> None:
    canvas.setStrokeColorRGB(*(part / 255 for part in rgb))
    canvas.setLineWidth(width_mm)


def _texts(canvas: Canvas, sheet: Sheet, left: float, top: float, page_height: float, rgb: Rgb) -> None:
    canvas.setFillColorRGB(*(part / 255 for part in rgb))

    def text(words: str, x_mm: float, y_mm: float, *, bold: bool) -> None:
        canvas.setFont(BOLD if bold else REGULAR, TEXT_SIZE_MM * 0.8 * POINTS_PER_MM)
        canvas.drawString((left + x_mm) * POINTS_PER_MM, (page_height - top - y_mm) * POINTS_PER_MM, words)

    for row in sheet.rows:
        for cell in row.cells:
            text(cell.label, sheet.label_x_mm(cell), row.label_mm, bold=cell.label in (cell.lead, f"−{cell.lead}"))
    text(printable(sheet.footer), MAJOR_GRID_MM, sheet.height_mm - TEXT_INSET_MM, bold=False)
