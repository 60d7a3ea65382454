"""A raster page read: straightened, its print read, its rows and columns found, each lead's trace followed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt

from ecgr1_core.digitize import layout as places
from ecgr1_core.digitize import trace
from ecgr1_core.digitize.grid import Float32Array, Float64Array
from ecgr1_core.digitize.ink import PX_PER_MM, flat_ink, thin_ink
from ecgr1_core.digitize.labels import Word, find_words, scales_of
from ecgr1_core.digitize.limb_check import as_limb_leads_say
from ecgr1_core.digitize.pieces import FoundPage, PageText, RasterPage, ScaleSource, TracePiece
from ecgr1_core.digitize.straighten import RIM_PX, Straight, straighten
from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.render.layouts import PAGE_S, find_layout

_EDGE_MM = 0.3  # on either side of the border of two columns, where a mark may stand
_LEAST_REACH_MM = 30.0
_REACH_IN_ROWS = 1.25
_LEAST_CELL_MM = 5.0  # wide
_LEAST_COVERED = 0.25  # of the paper's length, by traces, on average over the rows
_CLEAR_PULSE = 0.8
_SHOWN_POINTS = 600
_BLANK = 1.0  # standard deviation of the grey values
_LEAST_NAMES = 1.2  # the score of an arrangement below which the page is also tried upside down


@dataclass(frozen=True, eq=False)
class _Lined:
    """A straightened page with its thin ink, what of it runs along the paper, and its rows (none: an empty list)."""

    page: Straight
    thin: npt.NDArray[np.uint8]
    flat: npt.NDArray[np.uint8]
    rows: list[float]


@dataclass(frozen=True, eq=False)
class _Laid(_Lined):
    """A page with its pulse, words and arrangement too; `start` is the x of its first second."""

    pulse: places.Pulse | None
    words: list[Word]
    start: float
    speed: float
    speed_source: ScaleSource
    gain: float | None
    gain_source: ScaleSource | None
    arrangement: places.Arrangement


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
    if float(raster.pixels.std()) < _BLANK:
        raise InputError(raster.name, "the page is blank", "give a page with all twelve leads")
    straight = straighten(raster, px_per_mm)
    if straight is None:
        raise MissingInformationError(
            raster.name,
            "no grid of millimetres is seen, so that it may be no ECG, and the file does not say its resolution",
            "give a sharper picture of the page or, if the page has no grid, the pixels of one millimetre",
            "px_per_mm",
        )
    laid = _laid(straight, raster.name, speed_mm_per_s, gain_mm_per_mv)
    return as_limb_leads_say(_followed(laid))


def _laid(straight: Straight, name: str, speed: float | None, gain: float | None) -> _Laid:
    """Return the page laid out the right way up."""
    if not straight.inside.any() or not (straight.ink > 0.5).any():
        raise _no_ecg(name)
    upright, covered = _along(straight)
    if covered < _LEAST_COVERED:
        raise _too_few_rows(upright.page, name) or _no_ecg(name)
    best: _Laid | None = None
    problem: InputError | None = None
    for quarters in (0, 2, 1, 3):
        turned = upright if not quarters else _lined(upright.page.turned(quarters))
        words = find_words(_print(turned.page.ink, turned.thin))
        for rows in places.likely_rows(turned.flat):
            try:
                laid = _laid_out(replace(turned, rows=rows), words, name, speed, gain)
            except InputError as error:
                problem = problem or error
                continue
            if quarters % 2 and laid.arrangement.score < _LEAST_NAMES:
                continue  # only names tell that a page lies on its side after all
            if best is None or _evidence(laid) > _evidence(best) + 0.3:
                best = laid
        if best is not None and _evidence(best) >= _LEAST_NAMES:
            break
    if best is None:
        raise problem or _no_ecg(name)
    return best


def _evidence(laid: _Laid) -> float:
    """Names where they belong and a pulse; names elsewhere speak among layouts, not for another page without any."""
    return max(laid.arrangement.score, 0.0) + (2 * laid.pulse.likeness - 1 if laid.pulse is not None else 0.0)


def _along(straight: Straight) -> tuple[_Lined, float]:
    """Return the page turned so that ink lies all along the rows that are found then, and how far it does (0 to 1)."""
    as_it_is, on_its_side = (_lined(straight.turned(quarters)) for quarters in (0, 3))
    covered, turned = _covered(as_it_is), _covered(on_its_side)
    return (as_it_is, covered) if covered >= turned else (on_its_side, turned)


def _lined(page: Straight) -> _Lined:
    thin = thin_ink(page.without_rim())
    flat = flat_ink(thin)
    return _Lined(page, thin, flat, places.find_rows(flat))


def _covered(lined: _Lined) -> float:
    """Return along which share of the paper there is ink near each row, on average; 0 where no rows are found."""
    if not lined.rows:
        return 0.0
    near = 4 * PX_PER_MM
    held = [lined.thin[max(0, int(row) - near) : int(row) + near].any(axis=0).sum() for row in lined.rows]
    return float(np.mean(held) / lined.page.inside.any(axis=0).sum())


def _laid_out(lined: _Lined, words: list[Word], name: str, speed: float | None, gain: float | None) -> _Laid:
    page, thin, flat, rows = lined.page, lined.thin, lined.flat, lined.rows
    if not rows:
        raise _no_ecg(name)
    columns = np.flatnonzero(flat.any(axis=0))
    pulse = places.find_pulse(page.ink, rows, float(columns[0]), float(columns[-1]))
    left, right, gap = places.find_ends(flat, rows, pulse)
    if right - left < 40 * PX_PER_MM:
        raise _no_ecg(name)
    paper_end = float(np.flatnonzero(page.inside.any(axis=0))[-1]) - RIM_PX
    printed_speed, printed_gain, _ = scales_of(words)
    if pulse is not None and pulse.likeness > _CLEAR_PULSE and printed_gain != pulse.gain_mm_per_mv:
        printed_gain = None  # one digit is misread sooner than a clear pulse
    speeds: tuple[tuple[float | None, ScaleSource], ...] = (
        (speed, "asked"),
        (printed_speed, "printed"),
        (pulse.speed_mm_per_s if pulse is not None else None, "pulse"),
        (places.speed_by_length(right - left), "geometry"),
        (places.speed_by_names(words, rows, left, right, gap, paper_end), "geometry"),
    )
    gains: tuple[tuple[float | None, ScaleSource], ...] = (
        (gain, "asked"),
        (printed_gain, "printed"),
        (pulse.gain_mm_per_mv if pulse is not None else None, "pulse"),
    )
    known_speed = next(((value, source) for value, source in speeds if value is not None), None)
    if known_speed is None:
        raise MissingInformationError(
            name, "the page does not show its paper speed", "give the speed in mm/s", "speed_mm_per_s"
        )
    no_gain: tuple[float | None, ScaleSource | None] = (None, None)
    known_gain = next(((value, source) for value, source in gains if value is not None), no_gain)
    start = places.page_start(left, right, known_speed[0], gap, paper_end)
    arrangement = places.arrange(words, rows, start, known_speed[0])
    if arrangement is None:
        raise _no_ecg(name)
    return _Laid(
        page=page,
        thin=thin,
        flat=flat,
        rows=rows,
        pulse=pulse,
        words=words,
        start=start,
        speed=known_speed[0],
        speed_source=known_speed[1],
        gain=known_gain[0],
        gain_source=known_gain[1],
        arrangement=arrangement,
    )


def _followed(laid: _Laid) -> FoundPage:
    page, arrangement = laid.page, laid.arrangement
    layout = find_layout(arrangement.layout, arrangement.order)
    ink = _without_print(page.ink, laid)
    width_px = trace.stroke_width(laid.flat)
    ridge = trace.ridges(ink, width_px)
    pitch = float(np.median(np.diff(laid.rows)))
    reach = max(_REACH_IN_ROWS * pitch, _LEAST_REACH_MM * PX_PER_MM)
    length = PAGE_S * laid.speed * PX_PER_MM
    zeros = _zeros(laid)

    def span_of(cell: places.NamedCell) -> trace.Span:
        wide = length if cell.is_strip else length / layout.columns
        baseline = laid.rows[cell.row]
        return trace.Span(
            left=max(0, round(laid.start + cell.column * wide)),
            right=min(ink.shape[1], round(laid.start + (cell.column + 1) * wide)),
            top=max(0, int(baseline - reach)),
            bottom=min(ink.shape[0], int(baseline + reach) + 1),
            baseline=baseline,
            pitch=pitch,
        )

    spans = [(cell, span_of(cell)) for cell in arrangement.cells]
    least = _LEAST_CELL_MM * PX_PER_MM
    courses = {cell: trace.find_course(ridge, span) for cell, span in spans if span.right - span.left >= least}
    edges: dict[places.NamedCell, trace.Edges] = {}
    for cell, course in courses.items():
        neighbours = [each for other, each in courses.items() if other.row != cell.row]
        others = trace.used_by(neighbours, course.span, width_px)
        courses[cell] = trace.parted(course, ridge, others)
        edges[cell] = trace.edges_of(ink, courses[cell], others)
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


def _piece(laid: _Laid, cell: places.NamedCell, way: trace.Way, zero: float, columns: int) -> TracePiece:
    x_mm: Float64Array = (way.x - laid.start) / PX_PER_MM
    y_mm: Float64Array = (zero - way.y) / PX_PER_MM
    if columns > 1 and not cell.is_strip:
        wide = PAGE_S * laid.speed / columns
        border = np.minimum(np.abs(x_mm - cell.column * wide), np.abs(x_mm - (cell.column + 1) * wide)) < _EDGE_MM
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


def _zeros(laid: _Laid) -> list[float]:
    """Return the y of 0 mV of each row: the foot of its pulse, or else the line along which most of its ink lies."""
    feet = laid.pulse.baselines if laid.pulse is not None else ()
    return [
        feet[row] if row < len(feet) and np.isfinite(feet[row]) else baseline for row, baseline in enumerate(laid.rows)
    ]


def _without_print(ink: Float32Array, laid: _Laid) -> Float32Array:
    """Return the ink without the words that were read, and without what is too thick to be a trace."""
    ink = ink.copy()
    near = _near(laid.thin)
    for word in laid.words:
        if word.text is None:
            continue
        box = (slice(int(word.top) - 1, int(word.bottom) + 2), slice(int(word.left) - 1, int(word.right) + 2))
        part = ink[box]
        part[near[box] == 0] = 0
    return ink


def _print(ink: Float32Array, thin: npt.NDArray[np.uint8]) -> Float32Array:
    return np.where(_near(thin) > 0, np.float32(0), ink)


def _near(thin: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return thin ink and two pixels around it."""
    return np.asarray(cv2.dilate(thin, np.ones((5, 5), np.uint8)), dtype=np.uint8)


def _texts(laid: _Laid) -> list[PageText]:
    texts = []
    for word in laid.words:
        if word.text is not None and word.text not in ("I", "5"):
            texts.append(PageText(word.text, laid.page.box_in_image(word.left, word.top, word.right, word.bottom)))
    return texts


def _unsure(laid: _Laid) -> list[str]:
    sentences = []
    if laid.page.grid is None:
        sentences.append("no grid was seen: the scale is that of the file's resolution or as given")
    if all(cell.read is None or cell.read < 0.5 for cell in laid.arrangement.cells):
        sentences.append("no lead names could be read: the leads are taken in the usual order of the layout")
    if laid.gain_source == "pulse" and laid.pulse is not None and laid.pulse.likeness <= _CLEAR_PULSE:
        sentences.append("the gain is that of a calibration pulse that is not clear: check it")
    if laid.speed_source == "geometry":
        sentences.append("the speed is that at which traces or lead names fit ten seconds; it was not printed")
    return sentences


def _too_few_rows(page: Straight, name: str) -> InputError | None:
    """Return what to say of a strip of one or two rows on a grid; None for what is none."""
    if page.grid is None:
        return None
    paper = int(page.inside.any(axis=0).sum())
    count = max(places.long_rows(flat_ink(thin_ink(each.without_rim())), paper) for each in (page, page.turned(1)))
    if count not in (1, 2):
        return None
    seen = "one row of traces is" if count == 1 else "two rows of traces are"
    return InputError(name, f"only {seen} seen on it", "give a page with all twelve leads")


def _no_ecg(name: str) -> InputError:
    return InputError(
        name,
        "no ECG is seen on it: not three, four, six or twelve rows of traces on a grid of millimetres",
        "give a page with all twelve leads, upright or on its side, sharp and evenly lit",
    )
