"""Text taken off an opened page: its picture filled with paper where names stand, and of a PDF the letters there too.

What is filled depends on nothing that stood there, so that nothing of it can be got back. The pages that come in are
never changed. The module decides nothing: what is hidden is given as boxes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ecgr1_core.digitize.intake import OpenedPage
from ecgr1_core.digitize.labels import NAMES
from ecgr1_core.digitize.page_on_grid import mm_per_px_of
from ecgr1_core.digitize.pieces import BoxPx, Pixels
from ecgr1_core.digitize.printed_text import printed_text
from ecgr1_core.digitize.report import DigitizeReport
from ecgr1_core.errors import InputError
from ecgr1_core.pdf.drawing import Drawing, turned_boxes

MOST_BOXES = 500
_RING_PX = 12  # around a box, in which its paper is looked for
_PAPER = 0.5  # the brighter part of it
_WHITE = 255
_AROUND_MM = 11.0  # of a lead's box, where its name may stand
_PULSE_MM = 16.0  # before and after it, where a calibration pulse may
_SCALES = re.compile(r"\d+(\.\d+)?\s*mm\s*/\s*(s|sec|mV)|\d+(\.\d+)?(\s*[-–~]\s*\d+(\.\d+)?)?\s*Hz|[\s,;:|~/-]+")


def text_on(opened: OpenedPage, report: DigitizeReport) -> tuple[BoxPx, ...]:
    """Return boxes, in pixels of its picture, around the text of a page that `report` was read off.

    See `printed_text`; of a PDF the letters that lie in the file count too, and lines that hold nothing but speed,
    gain, filter or the name of a lead do not.
    """
    text, harmless = ([], []) if opened.drawing is None else _lines_of(opened.drawing)
    return printed_text(opened.raster.pixels, report, text_px=text, harmless_px=harmless)


def all_but_traces(size_px: tuple[int, int], report: DigitizeReport) -> tuple[BoxPx, ...]:
    """Return boxes, whole pixels, that cover a page of width and height `size_px` but for its traces.

    What stays is the box of each lead with 11 mm around it for its name, and 16 mm before and after it for calibration
    pulses (our own limits). Without traces the whole page is covered.
    """
    width, height = size_px
    px_per_mm = 1 / mm_per_px_of(report, size_px)
    along, beside = _PULSE_MM * px_per_mm, _AROUND_MM * px_per_mm
    if report.turned_deg % 180:
        along, beside = beside, along
    stay = [
        (max(0, int(x0 - along)), max(0, int(y0 - beside)), min(width, int(x1 + along)), min(height, int(y1 + beside)))
        for x0, y0, x1, y1 in (piece.box_px for piece in report.pieces)
    ]
    edges = sorted({0, height, *(box[1] for box in stay), *(box[3] for box in stay)})
    bands: list[tuple[int, int, list[tuple[int, int]]]] = []
    for top, bottom in pairwise(edges):
        gaps = _gaps(sorted((x0, x1) for x0, y0, x1, y1 in stay if y0 <= top and bottom <= y1), width)
        if bands and bands[-1][2] == gaps:
            top = bands.pop()[0]
        bands.append((top, bottom, gaps))
    return tuple((float(x0), float(y0), float(x1), float(y1)) for y0, y1, gaps in bands for x0, x1 in gaps)


def _gaps(taken: Sequence[tuple[int, int]], width: int) -> list[tuple[int, int]]:
    """Return what of 0 to `width` lies between intervals, which are in order of their beginnings."""
    gaps, at = [], 0
    for begin, end in taken:
        if begin > at:
            gaps.append((at, begin))
        at = max(at, end)
    return [*gaps, (at, width)] if at < width else gaps


def check_boxes(boxes: Sequence[BoxPx], name: str, size_px: tuple[int, int]) -> tuple[BoxPx, ...]:
    """Return boxes (x0, y0, x1, y1) as whole pixels of the page `name`, cut off at its edges, each once.

    Raises InputError for a box that is none, that lies outside a page of width and height `size_px`, and for too many.
    """
    remedy = "give places on the page, in pixels from its upper left corner"
    if len(boxes) > MOST_BOXES:
        raise InputError(name, f"{len(boxes)} places to hide are too many", f"give at most {MOST_BOXES}")
    checked: dict[BoxPx, None] = {}
    for box in boxes:
        given = np.asarray(box, dtype=np.float64)
        if given.shape != (4,) or not np.isfinite(given).all() or (given[2:] <= given[:2]).any():
            raise InputError(name, "a place to hide has no size", remedy)
        low, high = np.floor(np.maximum(given[:2], 0)), np.ceil(np.minimum(given[2:], size_px))
        if (high <= low).any():
            raise InputError(name, "a place to hide lies outside the page", remedy)
        checked[float(low[0]), float(low[1]), float(high[0]), float(high[1])] = None
    return tuple(checked)


def masked(pixels: Pixels, boxes: Sequence[BoxPx]) -> Pixels:
    """Return a copy of [height, width, 3] RGB pixels with each box (x0, y0, x1, y1) filled with the paper around it.

    The colour is the median of the brighter half of the pixels around the box that lie in none of the boxes, and white
    where there are none; it depends on nothing inside. Pixels that a box touches count as inside.
    """
    height, width = pixels.shape[:2]
    sides = [
        (
            max(0, int(np.floor(x0))),
            max(0, int(np.floor(y0))),
            min(width, int(np.ceil(x1))),
            min(height, int(np.ceil(y1))),
        )
        for x0, y0, x1, y1 in boxes
    ]
    covered = np.zeros((height, width), dtype=np.bool_)
    for x0, y0, x1, y1 in sides:
        covered[y0:y1, x0:x1] = True
    filled = pixels.copy()
    for x0, y0, x1, y1 in sides:
        ring = (slice(max(0, y0 - _RING_PX), y1 + _RING_PX), slice(max(0, x0 - _RING_PX), x1 + _RING_PX))
        around = pixels[ring][~covered[ring]]
        if len(around):
            light = around.sum(axis=1, dtype=np.int64)
            filled[y0:y1, x0:x1] = np.median(around[light >= np.quantile(light, _PAPER)], axis=0)
        else:
            filled[y0:y1, x0:x1] = _WHITE
    return filled


def with_hidden(opened: OpenedPage, boxes: Sequence[BoxPx]) -> OpenedPage:
    """Return an opened page without what stands in the boxes, in pixels of its picture.

    Of a PDF the letters whose boxes they touch become blanks and the lines that lie wholly inside go; all other lines
    stay, so that its traces are read as before.
    """
    raster = replace(opened.raster, pixels=masked(opened.raster.pixels, boxes))
    drawing = None if opened.drawing is None else _drawing_without(opened.drawing, boxes)
    return replace(opened, raster=raster, drawing=drawing)


def printed_without(printed: Sequence[str], hidden: OpenedPage, turned_deg: int) -> tuple[str, ...]:
    """Return the words of a report that still stand on a page of which something is hidden.

    Of pictures nothing is read but lead names and scales, which stay; of a PDF, turned back by `turned_deg`, a line
    stays where all of it does.
    """
    if hidden.drawing is None:
        return tuple(printed)
    still = {line.text for line in replace(hidden.drawing, strokes=()).turned_back(turned_deg // 90).lines}
    return tuple(text for text in printed if text in still)


def _drawing_without(drawing: Drawing, boxes: Sequence[BoxPx]) -> Drawing:
    hidden_mm = [np.asarray(box) / drawing.px_per_mm for box in boxes]
    gone = np.zeros(len(drawing.letters), dtype=np.bool_)
    left, top, right, bottom = drawing.letter_boxes_mm.T
    for x0, y0, x1, y1 in hidden_mm:
        gone |= (left < x1) & (right > x0) & (top < y1) & (bottom > y0)
    letters = "".join(" " if out else letter for letter, out in zip(drawing.letters, gone, strict=True))
    places = drawing.letter_boxes_mm.copy()
    places[gone] = 0.0
    strokes = []
    for stroke in drawing.strokes:
        low, high = stroke.points_mm.min(axis=0), stroke.points_mm.max(axis=0)
        if not any(low[0] >= x0 and low[1] >= y0 and high[0] <= x1 and high[1] <= y1 for x0, y0, x1, y1 in hidden_mm):
            strokes.append(stroke)
    return replace(drawing, letters=letters, letter_boxes_mm=places, strokes=tuple(strokes))


def _lines_of(drawing: Drawing) -> tuple[list[BoxPx], list[BoxPx]]:
    """Return the boxes of the lines of text in a PDF, in pixels: those that may say something, and the harmless."""
    telling: list[BoxPx] = []
    harmless: list[BoxPx] = []
    print_alone = replace(drawing, strokes=())
    for quarters in range(4):
        turned = print_alone.turned_back(quarters)
        lines = turned.lines
        if not lines:
            continue
        boxes = np.array([line.box_mm for line in lines])
        back = turned_boxes(boxes, -quarters % 4, turned.width_mm, turned.height_mm)
        for line, (x0, y0, x1, y1) in zip(lines, back, strict=True):
            scale = drawing.px_per_mm
            box = (x0 * scale, y0 * scale, x1 * scale, y1 * scale)
            words = line.text.replace("\N{MINUS SIGN}", "-").split()
            is_harmless = all(word in NAMES for word in words) or not _SCALES.sub("", line.text)
            (harmless if is_harmless else telling).append(box)
    return telling, harmless
