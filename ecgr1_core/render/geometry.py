"""Where everything stands on an ECG page, in millimetres: shared by the screen and the paper page.

The origin is the upper left corner of the grid, x runs to the right and y downwards; grid lines stand on whole
millimetres. The module chooses the samples of each cell and the height of each row. It draws nothing, and knows neither
pixels nor colours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecgr1_core.errors import UnsuitableRecordingError
from ecgr1_core.record import LEADS, EcgRecord, FloatArray
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, PAGE_S, SPEEDS_MM_PER_S, Layout, Order, find_layout

MAJOR_GRID_MM = 5.0
LEAST_WIDTH_MM = 270.0  # 10 s at 25 mm/s with its calibration pulse; with white margins the 297 mm of A4
LEAST_ROW_HEIGHT_MM = 25.0
ROW_GAP_MM = 2.0
LARGEST_EXTENT_MV = 10.0  # a row grows with its signal up to here on either side of its baseline
TRACE_WIDTH_MM = 0.3
TEXT_SIZE_MM = 3.6  # height of the em
TEXT_INSET_MM = 2.0  # title and footer stand this far inside their bands
TITLE_BAND_MM = 7.0
FOOTER_BAND_MM = 7.0
LABEL_INSET_MM = 1.5
LABEL_SPAN_MM = 9.0  # the widest lead name at TEXT_SIZE_MM
LEAST_LABEL_RISE_MM = 7.0
LEAST_BELOW_MM = 10.0
SEPARATOR_HALF_HEIGHT_MM = 4.0
BASELINE_SHARE = 0.56  # of an evenly spaced row lies above its baseline
PULSE_MV = 1.0
PULSE_S = 0.2
PULSE_LEAD_MM = 2.5  # of baseline before and after the pulse

Polyline = tuple[tuple[float, float], ...]
Pulse = Literal["left", "right", "none"]
Columns = Literal["consecutive", "simultaneous"]


@dataclass(frozen=True, eq=False)
class Cell:
    """One lead in one row: `signal_mv` is [samples] float32, less the median of the lead on this page.

    `first_sample` counts from the start of the recording. `label` is the name of the lead, with the reason where there
    is nothing to draw, and with a minus sign where the lead is drawn upside down, as `signal_mv` then is. The cell
    begins on the page at `start_s`, `shift_s` after its samples were taken: more than 0 in simultaneous columns only.
    """

    lead: str
    label: str
    start_s: float
    first_sample: int
    signal_mv: FloatArray
    shift_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Row:
    """One row: the y of 0 mV, the y on which the lead names stand, the cells from left to right, and the row's band."""

    baseline_mm: float
    label_mm: float
    cells: tuple[Cell, ...]
    top_mm: float
    bottom_mm: float


@dataclass(frozen=True)
class Reach:
    """How far a trace goes from its baseline, in mV: above, below (as a positive number), and above under its name."""

    above_mv: float
    below_mv: float
    under_label_mv: float


@dataclass(frozen=True, eq=False)
class Sheet:
    """A page laid out: its size, its scales and its rows."""

    speed_mm_per_s: float
    gain_mm_per_mv: float
    width_mm: float
    height_mm: float
    start_s: float
    sampling_rate_hz: float
    rows: tuple[Row, ...]
    title: str
    footer: str
    pulse: Pulse = "left"
    separator_half_height_mm: float = SEPARATOR_HALF_HEIGHT_MM

    @property
    def trace_left_mm(self) -> float:
        """The x at which the page's first second begins."""
        return trace_left_mm(self.speed_mm_per_s) if self.pulse == "left" else MAJOR_GRID_MM

    def x_mm(self, time_s: float) -> float:
        """Return the x of a time, in seconds from the start of the recording."""
        return self.trace_left_mm + (time_s - self.start_s) * self.speed_mm_per_s

    def points_mm(self, row: Row, cell: Cell) -> npt.NDArray[np.float64]:
        """Return where the samples of a cell stand, as [samples, 2] x and y in mm; y is NaN where a sample is."""
        seconds = (np.arange(cell.signal_mv.size) + cell.first_sample) / self.sampling_rate_hz
        rises = cell.signal_mv.astype(np.float64) * self.gain_mm_per_mv
        return np.column_stack((self.x_mm(cell.shift_s) + seconds * self.speed_mm_per_s, row.baseline_mm - rises))

    def label_x_mm(self, cell: Cell) -> float:
        """Return the x at which the name of a cell's lead begins."""
        return self.x_mm(cell.start_s) + LABEL_INSET_MM

    @property
    def calibration_pulses(self) -> tuple[Polyline, ...]:
        """One pulse of 1 mV and 200 ms for each row, as (x, y) in mm; none on a page without."""
        if self.pulse == "none":
            return ()
        left = MAJOR_GRID_MM if self.pulse == "left" else self.x_mm(self.start_s + PAGE_S) + 2 * PULSE_LEAD_MM
        width, height = PULSE_S * self.speed_mm_per_s, PULSE_MV * self.gain_mm_per_mv
        xs = (left - PULSE_LEAD_MM, left, left, left + width, left + width, left + width + PULSE_LEAD_MM)
        rises = (0.0, 0.0, height, height, 0.0, 0.0)
        return tuple(tuple((x, row.baseline_mm - rise) for x, rise in zip(xs, rises, strict=True)) for row in self.rows)

    @property
    def separators(self) -> tuple[Polyline, ...]:
        """A short upright mark between neighbouring columns of each row, as (x, y) in mm."""
        half = self.separator_half_height_mm
        if half == 0:
            return ()
        return tuple(
            ((self.x_mm(cell.start_s), row.baseline_mm - half), (self.x_mm(cell.start_s), row.baseline_mm + half))
            for row in self.rows
            for cell in row.cells[1:]
        )


def page_width_mm(speed_mm_per_s: float) -> float:
    """Return the width of the grid in mm: ten seconds with the calibration pulse, at least 270 mm."""
    content = trace_left_mm(speed_mm_per_s) + PAGE_S * speed_mm_per_s + MAJOR_GRID_MM
    return max(LEAST_WIDTH_MM, _up_to_major(content))


def lay_out(
    record: EcgRecord,
    *,
    layout: str | Layout,
    speed_mm_per_s: float,
    gain_mm_per_mv: float,
    start_s: float = 0.0,
    filter_label: str = "unfiltered",
    title: str = "",
    least_height_mm: float = 0.0,
    order: Order = "standard",
) -> Sheet:
    """Lay ten seconds of `record`, from `start_s` on, out on a page at least `least_height_mm` high.

    `layout` is a name, for which `order` counts, or a layout of its own.

    Each lead is shifted by its median over the ten seconds, so that a DC offset does not push it off the page; the
    samples are not altered otherwise, but for the sign of −aVR in the Cabrera order. A row is as high as the signal in
    it, at least 25 mm and at most 10 mV to either side of its baseline; a trace that reaches farther is drawn over its
    neighbours, and the footer names it where it leaves the page. Sizes are whole multiples of 5 mm, baselines stand on
    whole millimetres.

    Raises UnsuitableRecordingError where the recording ends before `start_s`, ValueError for a layout, order, speed or
    gain that there is not.
    """
    arranged = find_layout(layout, order) if isinstance(layout, str) else layout
    _check(record, speed_mm_per_s, gain_mm_per_mv, start_s)
    cell_rows = page_cells(record, arranged, start_s)
    reaches = [[reach(cell, record.sampling_rate_hz, speed_mm_per_s) for cell in cells] for cells in cell_rows]
    top_band = TITLE_BAND_MM if title.strip() else 0.0
    rows, height_mm = stack(cell_rows, reaches, gain_mm_per_mv, top_band, least_height_mm)
    width_mm = page_width_mm(speed_mm_per_s)
    footer = _footer(record, rows, height_mm, speed_mm_per_s, gain_mm_per_mv, start_s, filter_label)
    return Sheet(
        speed_mm_per_s=speed_mm_per_s,
        gain_mm_per_mv=gain_mm_per_mv,
        width_mm=width_mm,
        height_mm=height_mm,
        start_s=start_s,
        sampling_rate_hz=record.sampling_rate_hz,
        rows=rows,
        title=_fitted(title, width_mm),
        footer=_fitted(footer, width_mm),
    )


def lay_out_evenly(
    record: EcgRecord,
    layout: Layout,
    *,
    speed_mm_per_s: float,
    gain_mm_per_mv: float,
    width_mm: float,
    height_mm: float,
    top_band_mm: float,
    bottom_band_mm: float,
    label_rise_mm: float,
    start_s: float = 0.0,
    pulse: Pulse = "left",
    separator_half_height_mm: float = SEPARATOR_HALF_HEIGHT_MM,
    columns: Columns = "consecutive",
) -> Sheet:
    """Lay ten seconds of `record` out on a page of a given size as carts do: rows at even distances whatever they hold.

    The rows share the height between the two bands; baselines stand anywhere, lead names `label_rise_mm` above them
    (below, where it is negative), and a tall trace is drawn over its neighbours. In `simultaneous` columns every lead
    begins at `start_s`. The page has neither title nor footer. Samples and errors are those of `lay_out`.
    """
    _check(record, speed_mm_per_s, gain_mm_per_mv, start_s)
    cell_rows = page_cells(record, layout, start_s, columns=columns)
    pitch_mm = (height_mm - top_band_mm - bottom_band_mm) / len(cell_rows)
    rows = []
    for number, cells in enumerate(cell_rows):
        top_mm = top_band_mm + number * pitch_mm
        baseline_mm = top_mm + BASELINE_SHARE * pitch_mm
        rows.append(Row(baseline_mm, baseline_mm - label_rise_mm, cells, top_mm, top_mm + pitch_mm))
    return Sheet(
        speed_mm_per_s=speed_mm_per_s,
        gain_mm_per_mv=gain_mm_per_mv,
        width_mm=width_mm,
        height_mm=height_mm,
        start_s=start_s,
        sampling_rate_hz=record.sampling_rate_hz,
        rows=tuple(rows),
        title="",
        footer="",
        pulse=pulse,
        separator_half_height_mm=separator_half_height_mm,
    )


def page_cells(
    record: EcgRecord,
    layout: Layout,
    start_s: float,
    centred: FloatArray | None = None,
    columns: Columns = "consecutive",
) -> list[tuple[Cell, ...]]:
    """Return the cells of each row of `layout`, with the samples of the ten seconds from `start_s` on.

    `centred` is what `centred_page` gives for the same seconds, for who lays out one page in many layouts.
    """
    if centred is None:
        centred = centred_page(record, start_s)
    return [_cells(record, centred, layout, leads, start_s, columns) for leads in layout.all_rows]


def stack(
    cell_rows: Sequence[tuple[Cell, ...]],
    reaches: Sequence[Sequence[Reach]],
    gain_mm_per_mv: float,
    top_band_mm: float = 0.0,
    least_height_mm: float = 0.0,
) -> tuple[tuple[Row, ...], float]:
    """Put rows below each other, each as high as `reaches`, one for each cell, need; return them and the page's height.

    What is left over, because the page is a whole multiple of 5 mm high and at least `least_height_mm`, is shared
    out evenly.
    """
    label_rises = [_label_rise_mm(row, gain_mm_per_mv) for row in reaches]
    extents = [_extent_mm(row, rise, gain_mm_per_mv) for row, rise in zip(reaches, label_rises, strict=True)]
    needed = top_band_mm + sum(above + below for above, below in extents) + FOOTER_BAND_MM
    height_mm = max(_up_to_major(needed), least_height_mm)
    spare_per_row = (height_mm - needed) / len(extents)
    rows = []
    top = top_band_mm
    for cells, (above, below), rise in zip(cell_rows, extents, label_rises, strict=True):
        baseline = float(round(top + spare_per_row / 2 + above))
        bottom = top + above + below + spare_per_row
        rows.append(Row(baseline, baseline - rise, cells, top, bottom))
        top = bottom
    return tuple(rows), height_mm


def reach(cell: Cell, sampling_rate_hz: float, speed_mm_per_s: float) -> Reach:
    """Return how far the trace of a cell goes from its baseline."""
    span = math.ceil((LABEL_INSET_MM + LABEL_SPAN_MM) / speed_mm_per_s * sampling_rate_hz)
    return Reach(_highest(cell.signal_mv), _highest(-cell.signal_mv), _highest(cell.signal_mv[:span]))


def _check(record: EcgRecord, speed_mm_per_s: float, gain_mm_per_mv: float, start_s: float) -> None:
    if speed_mm_per_s not in SPEEDS_MM_PER_S:
        raise ValueError(f"speed_mm_per_s must be one of {SPEEDS_MM_PER_S}, got {speed_mm_per_s}")
    if gain_mm_per_mv not in GAINS_MM_PER_MV:
        raise ValueError(f"gain_mm_per_mv must be one of {GAINS_MM_PER_MV}, got {gain_mm_per_mv}")
    if not 0 <= start_s < record.duration_s:
        raise UnsuitableRecordingError(
            record.name,
            f"a page cannot begin at {start_s:g} s, the recording is {record.duration_s:g} s long",
            f"begin the page between 0 and {record.duration_s:g} s",
        )


def _sample_at(time_s: float, sampling_rate_hz: float) -> int:
    """Return the first sample that is not before `time_s`, forgiving the rounding of seconds to floats."""
    return math.ceil(time_s * sampling_rate_hz - 1e-6)


def centred_page(record: EcgRecord, start_s: float) -> FloatArray:
    """Return the page's samples as [12, samples] float32 less each lead's median; all that is not finite is NaN."""
    first = _sample_at(start_s, record.sampling_rate_hz)
    stop = _sample_at(start_s + PAGE_S, record.sampling_rate_hz)
    page = record.signal_mv[:, first:stop]
    page = np.where(np.isfinite(page), page, np.float32(np.nan))
    for index in range(len(LEADS)):
        known = page[index][~np.isnan(page[index])]
        if known.size:
            page[index] -= np.median(known)
    return page


def _cells(
    record: EcgRecord, centred: FloatArray, layout: Layout, leads: tuple[str, ...], start_s: float, columns: Columns
) -> tuple[Cell, ...]:
    seconds = PAGE_S / len(leads)
    page_first = _sample_at(start_s, record.sampling_rate_hz)
    cells = []
    for column, lead in enumerate(leads):
        cell_start_s = start_s + column * seconds
        taken_s = cell_start_s if columns == "consecutive" else start_s
        first = _sample_at(taken_s, record.sampling_rate_hz)
        stop = _sample_at(taken_s + seconds, record.sampling_rate_hz)
        signal = centred[LEADS.index(lead), first - page_first : stop - page_first]
        label = lead
        if lead in layout.inverted_leads:
            label, signal = f"−{lead}", -signal
        if lead in record.missing_leads:
            label, signal = f"{label} not recorded", signal[:0]
        elif np.isnan(signal).all():
            label, signal = f"{label} no signal", signal[:0]
        cells.append(Cell(lead, label, cell_start_s, first, signal, cell_start_s - taken_s))
    return tuple(cells)


def _highest(signal_mv: FloatArray) -> float:
    known = signal_mv[~np.isnan(signal_mv)]
    return float(known.max()) if known.size else 0.0


def _label_rise_mm(reaches: Sequence[Reach], gain: float) -> float:
    """Return how far above the baseline the lead names of a row stand, so that the trace below them is clear."""
    highest_mv = max(reach.under_label_mv for reach in reaches)
    return max(LEAST_LABEL_RISE_MM, min(highest_mv, LARGEST_EXTENT_MV) * gain + 1.5)


def _extent_mm(reaches: Sequence[Reach], label_rise_mm: float, gain: float) -> tuple[float, float]:
    """Return what a row needs above and below its baseline: its traces, lead names and calibration pulse."""
    above_mv = max(reach.above_mv for reach in reaches)
    below_mv = max(reach.below_mv for reach in reaches)
    above = max(min(above_mv, LARGEST_EXTENT_MV) * gain, PULSE_MV * gain, label_rise_mm + TEXT_SIZE_MM)
    below = max(min(below_mv, LARGEST_EXTENT_MV) * gain, LEAST_BELOW_MM)
    lacking = max(0.0, LEAST_ROW_HEIGHT_MM - ROW_GAP_MM - above - below)
    return above + (ROW_GAP_MM + lacking) / 2, below + (ROW_GAP_MM + lacking) / 2


def _footer(
    record: EcgRecord,
    rows: tuple[Row, ...],
    height_mm: float,
    speed: float,
    gain: float,
    start_s: float,
    filter_label: str,
) -> str:
    parts = [f"{speed:g} mm/s", f"{gain:g} mm/mV", filter_label]
    if start_s > 0 or record.duration_s > PAGE_S:
        end_s = min(start_s + PAGE_S, record.duration_s)
        parts.append(f"{start_s:g}-{end_s:g} s of {record.duration_s:g} s")
    off_page = {
        cell.lead
        for row in rows
        for cell in row.cells
        if row.baseline_mm - _highest(cell.signal_mv) * gain < 0
        or row.baseline_mm + _highest(-cell.signal_mv) * gain > height_mm
    }
    if off_page:
        parts.append(f"off the page in part: {', '.join(lead for lead in LEADS if lead in off_page)}")
    return "    ".join(parts)


def _fitted(text: str, width_mm: float) -> str:
    """Return `text` without line breaks, cut with an ellipsis to what surely fits a line of the page."""
    text = text.replace("\n", " ").replace("\r", " ").strip()
    characters = int((width_mm - 2 * MAJOR_GRID_MM) / (0.62 * TEXT_SIZE_MM))
    return text if len(text) <= characters else text[: characters - 3].rstrip() + "..."


def trace_left_mm(speed_mm_per_s: float) -> float:
    """Return the x in mm at which the first second of a page begins, right of the calibration pulse."""
    return _up_to_major(MAJOR_GRID_MM + PULSE_S * speed_mm_per_s + 3.5)


def _up_to_major(length_mm: float) -> float:
    return math.ceil(length_mm / MAJOR_GRID_MM) * MAJOR_GRID_MM
