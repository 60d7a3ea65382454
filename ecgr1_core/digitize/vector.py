"""Traces read exactly from the lines of a PDF page, with its grid, pulses, lead names and printed scales.

A page whose traces are part of an image (a scan) gives None, so that it is read from its pixels. Positions are in mm of
the grid wherever one is drawn, so that a page printed smaller or larger is right all the same. The module knows neither
samples nor recordings: `assemble` makes one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ecgr1_core.digitize.pieces import BoxPx, FoundPage, Order, PageText, ScaleSource, TracePiece
from ecgr1_core.digitize.printed_scale import PrintedScale, printed_scale
from ecgr1_core.digitize.vector_grid import Grid, find_grid
from ecgr1_core.digitize.vector_rows import Name, Placed, Rows, in_rows
from ecgr1_core.digitize.vector_traces import (
    PULSE_HEIGHTS_MM,
    Line,
    Pulse,
    quarters_turned,
    trace_lines,
    without_pulses,
)
from ecgr1_core.formats.leads import parse_lead_name
from ecgr1_core.pdf.drawing import Drawing, Float64Array, Stroke, Words, turned_points
from ecgr1_core.record import PRECORDIAL_LEADS
from ecgr1_core.render.layouts import LAYOUTS, ORDERS, find_layout

_LEAST_STEP_MM = 1e-9  # between points that stand above each other, so that x ascends
_NAME_WORDS = 4  # a longer line of text is a sentence
_NAME_BEYOND_MM = 40.0
_PULSE_TO_ROW_MM = 15.0
_MARK_HEIGHTS_MM = (1.0, 25.0)
_LEAST_EVEN_ROWS = 3
_OFF_EVEN_MM = 2.5
_SAME_GAIN = 0.06
_UNNAMED = 0.5
_UNGRIDDED = 0.9


def read_drawing(drawing: Drawing) -> FoundPage | None:
    """Return the traces of a PDF page; None where it has no traces drawn as lines, or nothing that tells of an ECG.

    Boxes are in pixels of the picture of the page as it lies in the file (`Drawing.px_per_mm`). Without a grid the mm
    are those of the page, and `unsure` says so; without printed scales the gain is that of the pulse, and the speed is
    None.
    """
    quarters = quarters_turned(drawing)
    upright = drawing.turned_back(quarters)
    on_page, others = trace_lines(upright)
    if not on_page:
        return None
    grid = find_grid(others)
    scale = np.array(grid.scale if grid is not None else (1.0, 1.0))
    lines, pulses = without_pulses(Line(line.points / scale, line.style) for line in on_page)
    names = _names(upright, scale, lines)
    texts = upright.lines
    printed = printed_scale([line.text for line in texts])
    if not lines or not (names or grid or printed.speed_mm_per_s):
        return None
    rows = in_rows(lines, names, _marks(upright.strokes, scale))
    unsure = list(_unsure(printed, grid, rows))
    gain, gain_source = _gain(printed, pulses, unsure)
    chest = _chest_scale(printed, unsure)

    def to_px(points_mm: Float64Array) -> Float64Array:
        return drawing.px_per_mm * turned_points(points_mm, -quarters, upright.width_mm, upright.height_mm)

    feet = _feet(rows, pulses)
    pieces = tuple(_piece(one, feet[one.row], scale, to_px, chest, grid is not None) for one in rows.placed)
    layout, order = _layout(rows)
    per_px = scale * drawing.px_per_mm
    return FoundPage(
        pieces=pieces,
        texts=tuple(PageText(line.text, _box(to_px(np.reshape(line.box_mm, (2, 2))))) for line in texts),
        mm_per_px=(float(1 / per_px[0]), float(1 / per_px[1])),
        speed_mm_per_s=printed.speed_mm_per_s,
        gain_mm_per_mv=gain,
        source="vector",
        speed_source="printed" if printed.speed_mm_per_s is not None else None,
        gain_source=gain_source,
        layout=layout,
        order=order,
        rhythm_rows=tuple(sorted({one.row for one in rows.placed if one.whole_row})),
        columns_x_mm=rows.columns if len(rows.columns) > 2 else None,
        turned_deg=90 * quarters,
        unsure=tuple(unsure),
        grid_to_px=_grid_to_px(grid, to_px) if grid is not None else None,
    )


def _grid_to_px(grid: Grid, to_px: Callable[[Float64Array], Float64Array]) -> Float64Array:
    """Return the matrix, [3, 3], from mm of the grid to pixels."""
    corners = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]) * grid.scale + grid.origin_mm
    origin, across, down = to_px(corners)
    return np.array([*np.column_stack((across - origin, down - origin, origin)), (0.0, 0.0, 1.0)])


def _box(points: Float64Array) -> BoxPx:
    """Return the box around points, [n, 2], that may hold NaN."""
    (x0, y0), (x1, y1) = np.nanmin(points, axis=0).tolist(), np.nanmax(points, axis=0).tolist()
    return x0, y0, x1, y1


def _names(drawing: Drawing, scale: Float64Array, lines: Sequence[Line]) -> list[Name]:
    """Return the lead names printed about the traces."""
    if not lines:
        return []
    low = np.min([line.points.min(axis=0) for line in lines], axis=0) - _NAME_BEYOND_MM
    high = np.max([line.points.max(axis=0) for line in lines], axis=0) + _NAME_BEYOND_MM
    words = iter(drawing.words)
    names = []
    for text in drawing.lines:
        first = next(words)
        count = len(text.text.split(" "))
        for _ in range(count - 1):
            next(words)
        found = _name(text, first, count)
        place = np.array((text.box_mm[0], text.box_mm[3])) / scale
        if found is not None and (place >= low).all() and (place <= high).all():
            names.append(Name(found[0], found[1], float(place[0]), float(place[1])))
    return names


def _name(line: Words, first: Words, count: int) -> tuple[str, bool] | None:
    """Return the lead that a line of text names, alone or before a few other words, and whether it is inverted."""
    for text in (line.text, first.text) if count <= _NAME_WORDS else ():
        found = parse_lead_name(text)
        if found is not None:
            return found.lead, found.inverted
    return None


def _marks(strokes: Sequence[Stroke], scale: Float64Array) -> list[float]:
    """Return the x of short upright lines, as stand between columns."""
    marks = []
    for stroke in strokes:
        width, height = np.ptp(stroke.points_mm, axis=0) / scale
        if len(stroke.points_mm) == 2 and width < 0.1 and _MARK_HEIGHTS_MM[0] <= height <= _MARK_HEIGHTS_MM[1]:
            marks.append(float(stroke.points_mm[0, 0] / scale[0]))
    return marks


def _gain(printed: PrintedScale, pulses: Sequence[Pulse], unsure: list[str]) -> tuple[float | None, ScaleSource | None]:
    """Return the gain in mm/mV and what tells it; says where print and pulse contradict each other."""
    height = float(np.median([pulse.height for pulse in pulses])) if pulses else None
    by_pulse = None if height is None else min(PULSE_HEIGHTS_MM, key=lambda each: abs(each - height))
    if printed.gain_mm_per_mv is None:
        return by_pulse, None if by_pulse is None else "pulse"
    if height is not None and abs(height - printed.gain_mm_per_mv) > _SAME_GAIN * printed.gain_mm_per_mv:
        unsure.append(
            f"The page says {printed.gain_mm_per_mv:g} mm/mV, but its calibration pulse is {height:.1f} mm high."
        )
    return printed.gain_mm_per_mv, "printed"


def _chest_scale(printed: PrintedScale, unsure: list[str]) -> float:
    """Return by what the chest leads are drawn smaller than the limb leads."""
    if printed.chest_gain_mm_per_mv is None or printed.gain_mm_per_mv is None:
        return 1.0
    unsure.append(
        f"The chest leads are printed at {printed.chest_gain_mm_per_mv:g} mm/mV, the limb leads at "
        f"{printed.gain_mm_per_mv:g} mm/mV."
    )
    return printed.gain_mm_per_mv / printed.chest_gain_mm_per_mv


def _unsure(printed: PrintedScale, grid: Grid | None, rows: Rows) -> list[str]:
    said = []
    if grid is None:
        said.append("No grid was found; lengths are those of the page, which may have been printed smaller.")
    said += [f"The page says {conflict}; neither is taken." for conflict in printed.conflicts]
    nameless = sum(one.name is None and not one.whole_row for one in rows.placed)  # strips are told by their shape
    if nameless:
        said.append(f"No lead name was found beside {nameless} of {len(rows.placed)} traces.")
    return said


def _feet(rows: Rows, pulses: Sequence[Pulse]) -> list[float]:
    """Return the y of 0 mV of each row: the foot of its pulse, else where most of its traces lie.

    Where rows stand at even distances, what is usual in all of them tells more of each than its own traces do.
    """
    feet = _at_even_distances(rows.levels)
    for number, level in enumerate(rows.levels):
        beside = [pulse.foot for pulse in pulses if abs(pulse.foot - level) <= _PULSE_TO_ROW_MM]
        nearest = min(beside, key=lambda foot: abs(foot - level), default=None)
        if nearest is not None and number == min(
            range(len(rows.levels)), key=lambda row: abs(rows.levels[row] - nearest)
        ):
            feet[number] = nearest
    return feet


def _at_even_distances(levels: Sequence[float]) -> list[float]:
    """Return levels on the line that fits them (Theil 1950, Sen 1968), or as they are where they are off it."""
    if len(levels) < _LEAST_EVEN_ROWS:
        return list(levels)
    numbers, values = np.arange(len(levels)), np.array(levels)
    one, other = np.triu_indices(len(levels), 1)
    distance = np.median((values[other] - values[one]) / (other - one))
    fitted = np.median(values - distance * numbers) + distance * numbers
    even = np.abs(fitted - values).max() <= _OFF_EVEN_MM
    return [float(value) for value in (fitted if even else values)]


def _piece(
    one: Placed,
    foot: float,
    scale: Float64Array,
    to_px: Callable[[Float64Array], Float64Array],
    chest: float,
    gridded: bool,
) -> TracePiece:
    """Return a placed trace as a piece; where it is broken, y is NaN at both ends of the gap."""
    parts: list[Float64Array] = []
    for line in sorted(one.lines, key=lambda each: each.left):
        if parts:
            parts.append(np.array([[parts[-1][-1, 0] + _LEAST_STEP_MM, np.nan]]))
        parts.append(line.points)
    points = np.concatenate(parts)
    x = np.maximum.accumulate(points[:, 0]) + _LEAST_STEP_MM * np.arange(len(points))
    trace_px = to_px(points * scale)
    lead = one.name.lead if one.name is not None else None
    rise = foot - points[:, 1]
    return TracePiece(
        row=one.row,
        column=one.column,
        lead=lead,
        x_mm=x,
        y_mm=rise * chest if lead in PRECORDIAL_LEADS else rise,
        box_px=_box(trace_px),
        confidence=(1.0 if gridded else _UNGRIDDED) if lead is not None else _UNNAMED,
        inverted=one.name.inverted if one.name is not None else False,
        trace_px=trace_px,
    )


def _layout(rows: Rows) -> tuple[str | None, Order]:
    """Return the layout that has these leads in these places, and its order; None where there is none."""
    places: dict[int, dict[int, str | None]] = {}
    for one in rows.placed:
        places.setdefault(one.row, {})[one.column] = one.name.lead if one.name is not None else None
    for order in ORDERS:
        for name in LAYOUTS:
            layout = find_layout(name, order)
            if (
                len(layout.all_rows) == len(places)
                and all(
                    len(leads) >= len(found)
                    and all(column < len(leads) and lead in (None, leads[column]) for column, lead in found.items())
                    for leads, found in zip(layout.all_rows, (places[row] for row in sorted(places)), strict=True)
                )
                and any(lead is not None for found in places.values() for lead in found.values())
            ):
                return name, order
    return None, "standard"
