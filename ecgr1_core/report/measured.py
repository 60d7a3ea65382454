"""The measurements of a report: what stands in each cell of the strip below the trace, and how the strip is drawn.

Values are rounded as everywhere in the program; a value outside its normal range is bold, framed and has an arrow, with
the range below it. What was not measured is "–"; the reason stands in the notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportlab.pdfgen.canvas import Canvas

from ecgr1_core.measure.types import Measurements
from ecgr1_core.protocol import as_shown
from ecgr1_core.protocol.normal_ranges import judged_value, normal_range, number_text
from ecgr1_core.record import Patient
from ecgr1_core.report.flow import INK, Run, draw_line
from ecgr1_core.report.typeface import width_pt

LABEL_PT = 6.5
VALUE_PT = 9.0
_RULE = (0.6, 0.6, 0.6)
_ARROWS = {-1: "↓ ", 0: "", 1: "↑ "}


@dataclass(frozen=True)
class MeasuredRow:
    """One global measurement: its name in `Measurements`, what it is called, and its unit."""

    name: str
    label: str
    unit: str


ROWS: tuple[MeasuredRow, ...] = (
    MeasuredRow("heart_rate_bpm", "Ventricular rate", "bpm"),
    MeasuredRow("rr_ms", "RR", "ms"),
    MeasuredRow("p_duration_ms", "P duration", "ms"),
    MeasuredRow("pr_interval_ms", "PR", "ms"),
    MeasuredRow("qrs_duration_ms", "QRS", "ms"),
    MeasuredRow("qt_interval_ms", "QT", "ms"),
    MeasuredRow("qtc_bazett_ms", "QTc Bazett", "ms"),
    MeasuredRow("qtc_fridericia_ms", "QTc Fridericia", "ms"),
    MeasuredRow("p_axis_deg", "P axis", "°"),
    MeasuredRow("qrs_axis_deg", "QRS axis", "°"),
    MeasuredRow("t_axis_deg", "T axis", "°"),
)


@dataclass(frozen=True)
class MeasuredCell:
    """One measurement as it is printed: `value` with its unit, and an arrow where it is outside `limit`."""

    label: str
    value: str
    limit: str
    outside: bool


def measured_cells(measurements: Measurements, patient: Patient) -> list[MeasuredCell]:
    """Return the global measurements as they are printed, in the order of `ROWS`."""
    shown = as_shown(measurements)
    cells = []
    for row in ROWS:
        value: float | None = getattr(shown, row.name)
        if value is None:
            cells.append(MeasuredCell(row.label, "–", "not measured", False))
            continue
        normal = normal_range(row.name, patient, shown)
        side = normal.side(judged_value(row.name, value, shown)[0])
        unit = row.unit if row.unit == "°" else f" {row.unit}"
        limit = normal.text()
        words = f"{_ARROWS[side]}{number_text(value, 0)}{unit}"
        cells.append(MeasuredCell(row.label, words, f"normal {limit}" if limit else "no limit", side != 0))
    return cells


def draw_strip(
    canvas: Canvas, cells: Sequence[MeasuredCell], left: float, top: float, width: float, height: float
) -> None:
    """Draw the cells side by side in a box of points, `top` being its upper edge, y upwards."""
    cell_width = width / len(cells)
    for number, cell in enumerate(cells):
        x = left + number * cell_width
        canvas.saveState()
        canvas.setStrokeColorRGB(*(INK if cell.outside else _RULE))
        canvas.setLineWidth(1.2 if cell.outside else 0.3)
        inset = 0.9
        canvas.rect(x + inset, top - height + inset, cell_width - 2 * inset, height - 2 * inset)
        canvas.restoreState()
        room = cell_width - 7
        rows = (
            (cell.label, LABEL_PT, False, top - 8.3),
            (cell.value, VALUE_PT, cell.outside, top - 18.2),
            (cell.limit, LABEL_PT, False, top - 26.2),
        )
        for words, size, bold, y in rows:
            draw_line(canvas, (Run(words, bold),), x + 3.5, y, _fitting(words, size, bold, room))


def _fitting(words: str, size: float, bold: bool, room: float) -> float:
    """Return `size`, or the smaller one at which words fit; no range of the limits in use needs less than 6.5 pt."""
    return size * room / max(room, width_pt(words, size, bold=bold))
