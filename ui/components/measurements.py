"""The tables of measurements: global values with unit and normal range, and the waves of every lead.

Global values are rounded by `ecgr1_core.protocol.as_shown` before they are shown and judged, as in the protocol reader;
one outside its normal range is bold, with a sign and the limit beside it. What was not measured is "–" with its reason.
Normal ranges come from `ecgr1_core.protocol.limits`; there is no second copy of them here.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from ecgr1_core.measure.types import LeadMeasurements, Measurements
from ecgr1_core.protocol import as_shown
from ecgr1_core.protocol.normal_ranges import judged_value, normal_range, number_text
from ecgr1_core.record import LEADS, Patient
from ui import strings


@dataclass(frozen=True)
class Row:
    """One global measurement: its name in `Measurements`, what it is called, its unit, and its decimals."""

    name: str
    label: str
    unit: str
    decimals: int = 0


ROWS: tuple[Row, ...] = (
    Row("heart_rate_bpm", "Ventricular rate", "bpm"),
    Row("rr_ms", "RR", "ms"),
    Row("p_duration_ms", "P duration", "ms"),
    Row("pr_interval_ms", "PR", "ms"),
    Row("qrs_duration_ms", "QRS", "ms"),
    Row("qt_interval_ms", "QT", "ms"),
    Row("qtc_bazett_ms", "QTc Bazett", "ms"),
    Row("qtc_fridericia_ms", "QTc Fridericia", "ms"),
    Row("qtc_framingham_ms", "QTc Framingham", "ms"),
    Row("qtc_hodges_ms", "QTc Hodges", "ms"),
    Row("p_axis_deg", "P axis", "°"),
    Row("qrs_axis_deg", "QRS axis", "°"),
    Row("t_axis_deg", "T axis", "°"),
)

LEAD_COLUMNS: tuple[tuple[str, str, int], ...] = (
    ("p_amplitude_mv", "P", 2),
    ("q_amplitude_mv", "Q", 2),
    ("q_duration_ms", "Q ms", 0),
    ("r_amplitude_mv", "R", 2),
    ("r_duration_ms", "R ms", 0),
    ("s_amplitude_mv", "S", 2),
    ("s_duration_ms", "S ms", 0),
    ("r_prime_amplitude_mv", "R′", 2),
    ("qrs_peak_to_peak_mv", "QRS p-p", 2),
    ("st_j_mv", "J", 2),
    ("st_j60_mv", "J+60", 2),
    ("st_j80_mv", "J+80", 2),
    ("t_amplitude_mv", "T", 2),
    ("t_negative_amplitude_mv", "T neg.", 2),
)

NONE = "–"
_SIDES = {-1: ("↓", strings.BELOW, "out"), 0: ("", "", "normal"), 1: ("↑", strings.ABOVE, "out")}


def measurements_html(
    measurements: Measurements | None, patient: Patient | None = None, *, note: str = strings.MEASURE_NONE
) -> str:
    """Return the table of global measurements as HTML, or `note` where there are none yet."""
    if measurements is None:
        return f'<div class="tables"><p class="wide quiet">{escape(note)}</p></div>'
    measurements = as_shown(measurements)
    half = (len(ROWS) + 1) // 2
    tables = [_table(measurements, patient or Patient(), rows) for rows in (ROWS[:half], ROWS[half:])]
    return f'<div class="tables">{"".join(tables)}<p class="wide">{_recording_line(measurements)}</p></div>'


def lead_table_html(measurements: Measurements | None, *, note: str = strings.MEASURE_NONE) -> str:
    """Return the table of the waves of every lead as HTML, or `note` where there is none yet."""
    if measurements is None:
        return f'<p class="quiet">{escape(note)}</p>'
    headings = "".join(f'<th scope="col" class="number">{escape(label)}</th>' for _, label, _ in LEAD_COLUMNS)
    rows = "".join(_lead_row(measurements, lead) for lead in LEADS)
    return (
        f'<div class="table-scroll"><table class="figures leads"><thead><tr><th scope="col">{strings.COLUMN_LEAD}</th>'
        f'{headings}<th scope="col">{strings.COLUMN_QUALITY}</th></tr></thead><tbody>{rows}</tbody></table></div>'
        f'<p class="quiet">{escape(strings.LEAD_UNITS)}</p>'
    )


def _table(measurements: Measurements, patient: Patient, rows: tuple[Row, ...]) -> str:
    columns = (
        (strings.COLUMN_MEASUREMENT, ""),
        (strings.COLUMN_VALUE, "number"),
        (strings.COLUMN_UNIT, ""),
        (strings.COLUMN_NORMAL, ""),
    )
    head = "".join(f'<th scope="col" class="{kind}">{escape(name)}</th>' for name, kind in columns)
    body = "".join(_row(measurements, patient, row) for row in rows)
    return f'<table class="figures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _row(measurements: Measurements, patient: Patient, row: Row) -> str:
    name = f'<th scope="row">{escape(row.label)}</th>'
    value: float | None = getattr(measurements, row.name)
    if value is None:
        reason = measurements.reasons.get(row.name, strings.NOT_MEASURED)
        return f'<tr>{name}<td class="number">{NONE}</td><td colspan="2" class="reason">{escape(reason)}</td></tr>'
    normal = normal_range(row.name, patient, measurements)
    judged, remark = judged_value(row.name, value, measurements)
    limit = normal.text(row.decimals)
    sign, words, kind = _SIDES[normal.side(judged)]
    flag = f'<span role="img" aria-label="{words}">{sign}</span> ' if sign else ""
    return (
        f'<tr class="{kind}">{name}<td class="number">{flag}{number_text(value, row.decimals)}</td>'
        f'<td class="unit">{row.unit}</td><td class="normal">{escape(limit + remark if limit else "")}</td></tr>'
    )


def _lead_row(measurements: Measurements, lead: str) -> str:
    waves = measurements.leads.get(lead, LeadMeasurements())
    cells = "".join(_lead_cell(waves, name, decimals) for name, _, decimals in LEAD_COLUMNS)
    quality = measurements.quality.leads.get(lead)
    words = "" if quality is None else "; ".join((quality.status, *quality.problems))
    return f'<tr><th scope="row">{lead}</th>{cells}<td class="reason">{escape(words)}</td></tr>'


def _lead_cell(waves: LeadMeasurements, name: str, decimals: int) -> str:
    value: float | None = getattr(waves, name)
    if value is None:
        reason = waves.reasons.get(name, strings.NOT_FOUND)
        return f'<td class="number" title="{escape(reason)}">{NONE}</td>'
    return f'<td class="number">{number_text(value, decimals)}</td>'


def _recording_line(measurements: Measurements) -> str:
    """Return quality and beats of the recording in one line."""
    rhythm, quality = measurements.rhythm, measurements.quality
    parts = [strings.QUALITY.format(grade=quality.grade, notes="".join(f"; {note}" for note in quality.notes))]
    parts.append(strings.BEATS.format(count=rhythm.beat_count))
    if rhythm.rr_min_ms is not None and rhythm.rr_max_ms is not None:
        parts.append(strings.RR_RANGE.format(low=rhythm.rr_min_ms, high=rhythm.rr_max_ms))
    if rhythm.ectopic_supraventricular_count:
        parts.append(strings.ECTOPIC_SUPRAVENTRICULAR.format(count=rhythm.ectopic_supraventricular_count))
    if rhythm.ectopic_ventricular_count:
        parts.append(strings.ECTOPIC_VENTRICULAR.format(count=rhythm.ectopic_ventricular_count))
    return " · ".join(escape(part) for part in parts)
