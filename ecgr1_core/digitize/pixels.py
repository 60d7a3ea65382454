"""A raster page read: straightened, its print read, its rows and columns found, each lead's trace followed."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np

from ecgr1_core.digitize import courses, trace
from ecgr1_core.digitize import layout as places
from ecgr1_core.digitize.grid import Float32Array, Float64Array
from ecgr1_core.digitize.ink import PX_PER_MM
from ecgr1_core.digitize.laying import CLEAR_PULSE, Laid, lay, near
from ecgr1_core.digitize.limb_check import as_limb_leads_say
from ecgr1_core.digitize.pieces import FoundPage, PageText, RasterPage, TracePiece
from ecgr1_core.digitize.straighten import Straight, straighten
from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.render.layouts import PAGE_S, find_layout

_EDGE_MM = 0.3  # on either side of the border of two columns, where a mark that was not seen may stand
_BESIDE_MARK_MM = 0.4  # on either side of one that was seen, where its ink ends
_NAMED = 2.5  # the score of an arrangement in which about half of all names are read where they belong
_LEAST_REACH_MM = 30.0
_REACH_IN_ROWS = 1.25
_LEAST_CELL_MM = 5.0  # wide
_SHOWN_POINTS = 600
_BLANK = 1.0  # standard deviation of each colour


def find_in_pixels(
    raster: RasterPage,
    *,
    speed_mm_per_s: float | None = None,
    gain_mm_per_mv: float | None = None,
    px_per_mm: float | None = None,
) -> FoundPage:
    """Return what is found on a raster page.

    What is given (speed, gain, and for a page without a grid the pixels of a millimetre) goes before what is found.
    Raises InputError where no ECG is seen on the page, and MissingInformationError where its scale or speed is unknown.
    """
    if float(cv2.meanStdDev(raster.pixels)[1].max()) < _BLANK:
        raise InputError(raster.name, "the page is blank", "give a page with all twelve leads")
    straight = straighten(raster, px_per_mm)
    if straight is None:
        raise MissingInformationError(
            raster.name,
            "no grid of millimetres is seen, so that it may be no ECG, and the file does not say its resolution",
            "give a sharper picture of the page or, if the page has no grid, the pixels of one millimetre",
            "px_per_mm",
        )
    laid = lay(straight, raster.name, speed_mm_per_s, gain_mm_per_mv)
    found = _followed(laid)
    return found if laid.arrangement.score >= _NAMED else as_limb_leads_say(found)


def _followed(laid: Laid) -> FoundPage:
    page, arrangement = laid.page, laid.arrangement
    layout = find_layout(arrangement.layout, arrangement.order)
    ink = _without_print(page.ink, laid)
    width_px = trace.stroke_width(laid.flat)
    ridge = courses.ridges(ink, width_px)
    pitch = float(np.median(np.diff(laid.rows)))
    reach = max(_REACH_IN_ROWS * pitch, _LEAST_REACH_MM * PX_PER_MM)
    length = PAGE_S * laid.speed * PX_PER_MM
    zeros = _zeros(laid)

    def span_of(cell: places.NamedCell) -> courses.Span:
        wide = length if cell.is_strip else length / layout.columns
        baseline = laid.rows[cell.row]
        return courses.Span(
            left=max(0, round(laid.start + cell.column * wide)),
            right=min(ink.shape[1], round(laid.start + (cell.column + 1) * wide)),
            top=max(0, int(baseline - reach)),
            bottom=min(ink.shape[0], int(baseline + reach) + 1),
            baseline=baseline,
            pitch=pitch,
        )

    spans = [(cell, span_of(cell)) for cell in arrangement.cells]
    least = _LEAST_CELL_MM * PX_PER_MM
    wide = [(cell, span) for cell, span in spans if span.width >= least]
    found = courses.find_courses(ridge, [span for _, span in wide])
    course_of = {cell: course for (cell, _), course in zip(wide, found, strict=True)}
    edges: dict[places.NamedCell, trace.Edges] = {}
    for cell, course in course_of.items():
        neighbours = [each for other, each in course_of.items() if other.row != cell.row]
        others = courses.used_by(neighbours, course.span, width_px)
        course_of[cell] = courses.parted(course, ridge, others)
        edges[cell] = trace.edges_of(ink, course_of[cell], others)
    edges = _in_rows(edges)
    pen = trace.pen_of(list(edges.values()), width_px)
    ways = {cell: trace.drawn(each, pen, page.mm_per_px[0] * PX_PER_MM) for cell, each in edges.items()}
    pieces = [
        _piece(laid, cell, way, zeros[cell.row], layout.columns)
        for cell, way in ways.items()
        if not np.isnan(way.y).all()
    ]
    return FoundPage(
        pieces=tuple(pieces),
        texts=tuple(_texts(laid)),
        mm_per_px=page.mm_per_px,
        speed_mm_per_s=laid.speed,
        gain_mm_per_mv=laid.gain,
        source="pixels",
        speed_source=laid.speed_source,
        gain_source=laid.gain_source,
        layout=layout.name,
        order=arrangement.order,
        rhythm_rows=tuple(range(len(layout.rows), len(layout.all_rows))),
        columns_x_mm=tuple(length / PX_PER_MM / layout.columns * column for column in range(layout.columns + 1)),
        turned_deg=page.turned_deg,
        unsure=tuple(_unsure(laid)),
        grid_to_px=page.grid_to_px(),
    )


def _in_rows(edges: dict[places.NamedCell, trace.Edges]) -> dict[places.NamedCell, trace.Edges]:
    """Return the strokes of the cells, those exchanged that lie along each other's rows.

    Where ink of a row has faded the way of its lead takes the next row's, whose lead is left with the faded one.
    """
    found = dict(edges)
    for one, other in combinations(edges, 2):
        if one.column != other.column or one.is_strip != other.is_strip:
            continue
        if trace.exchanged(found[one], found[other]):
            found[one], found[other] = found[other], found[one]
    return found


def _piece(laid: Laid, cell: places.NamedCell, way: trace.Way, zero: float, columns: int) -> TracePiece:
    x_mm: Float64Array = (way.x - laid.start) / PX_PER_MM
    y_mm: Float64Array = (zero - way.y) / PX_PER_MM
    if columns > 1 and not cell.is_strip:
        wide = PAGE_S * laid.speed / columns
        edge, off = _EDGE_MM, 0.0
        if laid.dividers is not None:
            edge = max(edge, laid.dividers.half_width / PX_PER_MM + _BESIDE_MARK_MM)
            off = laid.dividers.shift / PX_PER_MM
        borders = (cell.column * wide + off, (cell.column + 1) * wide + off)
        border = np.abs(x_mm[:, None] - borders).min(axis=1) < edge
        y_mm = np.where(border, np.nan, y_mm)
    known = ~np.isnan(way.y)
    box = laid.page.box_in_image(
        float(way.x[known].min()), float(way.y[known].min()), float(way.x[known].max()), float(way.y[known].max())
    )
    named = 0.6 if cell.read is None else float(np.clip(0.5 + cell.read / 2, 0.5, 1.0))
    return TracePiece(
        row=cell.row,
        column=cell.column,
        lead=cell.lead,
        x_mm=x_mm,
        y_mm=y_mm,
        box_px=box,
        confidence=round(float(way.inked * named), 3),
        inverted=cell.inverted,
        trace_px=_shown(laid.page, way),
    )


def _shown(page: Straight, way: trace.Way) -> Float64Array:
    """Return the way in pixels of the image, [n, 2], n up to `_SHOWN_POINTS`: the ends of it in each of many parts."""
    parts = np.array_split(np.arange(way.x.size), min(_SHOWN_POINTS // 2, way.x.size))
    kept: list[int] = []
    for part in parts:
        y = way.y[part]
        if np.isnan(y).any():
            kept.append(int(part[int(np.isnan(y).argmax())]))
        else:
            kept += sorted({int(part[int(y.argmin())]), int(part[int(y.argmax())])})
    return page.in_image(way.x[kept], way.y[kept])


def _zeros(laid: Laid) -> list[float]:
    """Return the y of 0 mV of each row: the foot of its pulse, or else the line along which most of its ink lies."""
    feet = laid.pulse.baselines if laid.pulse is not None else ()
    return [
        feet[row] if row < len(feet) and np.isfinite(feet[row]) else baseline for row, baseline in enumerate(laid.rows)
    ]


def _without_print(ink: Float32Array, laid: Laid) -> Float32Array:
    """Return the ink without the words that were read, and without what is too thick to be a trace."""
    ink = ink.copy()
    beside = near(laid.thin)
    for word in laid.words:
        if word.text is None:
            continue
        box = (slice(int(word.top) - 1, int(word.bottom) + 2), slice(int(word.left) - 1, int(word.right) + 2))
        part = ink[box]
        part[beside[box] == 0] = 0
    return ink


def _texts(laid: Laid) -> list[PageText]:
    texts = []
    for word in laid.words:
        if word.text is not None and word.text not in ("I", "5"):
            texts.append(PageText(word.text, laid.page.box_in_image(word.left, word.top, word.right, word.bottom)))
    return texts


def _unsure(laid: Laid) -> list[str]:
    sentences = []
    if laid.page.grid is None:
        sentences.append("no grid was seen: the scale is that of the file's resolution or as given")
    if all(cell.read is None or cell.read < 0.5 for cell in laid.arrangement.cells):
        sentences.append("no lead names could be read: the leads are taken in the usual order of the layout")
    if laid.gain_source == "pulse" and laid.pulse is not None and laid.pulse.likeness <= CLEAR_PULSE:
        sentences.append("the gain is that of a calibration pulse that is not clear: check it")
    if laid.speed_source == "geometry":
        sentences.append("the speed is that at which traces or lead names fit ten seconds; it was not printed")
    return sentences
