"""Reads tables of samples as text: one column per lead, separated by comma, semicolon, tab or blanks.

A header row names the leads, in any order, with a time column and units or without; twelve columns without a header are
taken in the standard order. Comment lines ("# sampling_rate_hz: 500", "# unit: uV", "# age: 59") may say the rest. What
rate and unit are it never guesses: where the file does not say and the user did not, it asks.
"""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from ecgr1_core.errors import DamagedFileError, InputError, UnsuitableRecordingError
from ecgr1_core.formats.bundle import Bundle
from ecgr1_core.formats.csv_time import rate_from_times, seconds_per_unit
from ecgr1_core.formats.kinds import decode_text, text_encoding
from ecgr1_core.formats.leads import Float64Array, match_channels, parse_lead_name, split_unit
from ecgr1_core.formats.options import ReadOptions
from ecgr1_core.formats.raw import (
    RawRecording,
    age_from_text,
    settle_sampling_rate,
    sex_from_text,
    unit_is_missing,
    window,
)
from ecgr1_core.formats.units import millivolts_per
from ecgr1_core.record import LEADS, Patient

MAX_TEXT_MB = 512
_UNKNOWN_CELLS = {"", "nan", "na", "n/a", "null", "none", "-"}
_TIME_NAME = re.compile(r"^(?:time|t|zeit|timestamp|seconds?|sec|s|ms|milliseconds?)$", re.IGNORECASE)
_INDEX_NAME = re.compile(r"^(?:|#|n|index|idx|samples?|sample[ _](?:index|number|no\.?)|unnamed: ?0)$", re.IGNORECASE)
_COMMENT = re.compile(r"^#\s*<?(?P<key>[^:=>]+?)>?\s*[:=]\s*(?P<value>.+)$")
_RATE_KEYS = {
    "samplingratehz", "samplingrate", "samplerate", "sampleratehz", "samplingfrequency", "samplingfrequencyhz",
    "fs", "fshz", "frequency", "hz",
}  # fmt: skip
_UNIT_KEYS = {"unit", "units", "amplitudeunit", "unitsofsamples"}


@dataclass(frozen=True)
class _Layout:
    """How the rows are to be read: separator, decimal comma or not, column names, and the comments before them."""

    separator: str | None
    decimal_comma: bool
    names: tuple[str, ...]
    header_rows: int
    units_row: tuple[str, ...]
    comments: dict[str, str]

    def cells(self, line: str) -> list[str]:
        """Split one line into its cells, without quotes."""
        return _split(line, self.separator)


def recognises(head: bytes, name: str) -> bool:
    """Whether the first bytes are a table of numbers: at least two columns and, below any header, two rows of them."""
    text = decode_text(head)
    if text is None:
        return False
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")][:12]
    if len(lines) < 2:
        return False
    separator = _separator(lines)
    rows = [_split(line, separator) for line in lines]
    numeric = [row for row in rows if len(row) > 1 and _is_numeric_row(row, _uses_decimal_comma(lines, separator))]
    named = len(rows[0]) > 1 and any(parse_lead_name(cell) for cell in rows[0])
    return bool(numeric) and (named or len(numeric) >= 2)


def read(bundle: Bundle, file_name: str, options: ReadOptions) -> RawRecording:
    """Read a table.

    Raises `MissingInformationError` for field "sampling_rate_hz" or "unit", `DamagedFileError` naming line and column
    of what cannot be read, and what `window` raises.
    """
    path = bundle.path_of(file_name)
    if path.stat().st_size > MAX_TEXT_MB * 1024 * 1024:
        raise UnsuitableRecordingError(
            file_name, f"a text table of more than {MAX_TEXT_MB} MiB is not read", "cut it, or convert it to WFDB"
        )
    encoding = text_encoding(bundle.head(file_name)) or "latin-1"
    try:
        with path.open(encoding=encoding, newline=None) as stream:
            layout, first_lines = _layout(stream, file_name)
            table = _values(itertools.chain(first_lines, enumerate(stream, first_lines[-1][0] + 1)), layout, file_name)
    except UnicodeError as error:
        raise DamagedFileError(file_name, "it is not text throughout", "export it again") from error

    names = layout.names
    leads, others = match_channels(names, file_name)
    if not leads:
        raise DamagedFileError(
            file_name,
            f"no column is named after a lead (columns: {', '.join(names[:8])})",
            "name the columns I, II, III, aVR, aVL, aVF, V1 to V6",
        )
    time_column = next((index for index, name in enumerate(names) if _TIME_NAME.match(split_time(name)[0])), None)
    stated_hz, notes = _stated_rate(layout, table, time_column, file_name)
    sampling_rate_hz, warnings = settle_sampling_rate(file_name, stated_hz, options)
    first, last = window(file_name, sampling_rate_hz, len(table), options)
    channels: dict[str, Float64Array] = {}
    for column in leads.values():
        per_unit, more = _millivolts_per_count(layout, column, file_name, options)
        channels[names[column]] = table[first:last, column] * per_unit
        warnings = (*warnings, *(warning for warning in more if warning not in warnings))
    return RawRecording(
        subject=file_name,
        name=PurePosixPath(file_name).stem,
        source_format="CSV",
        sampling_rate_hz=sampling_rate_hz,
        channels_mv=channels,
        left_out=tuple(name for name in others if not _is_axis(name)),
        patient=Patient(
            age_years=age_from_text(layout.comments.get("age", "") or layout.comments.get("ageyears", "")),
            sex=sex_from_text(layout.comments.get("sex", "") or layout.comments.get("gender", "")),
        ),
        warnings=(*notes, *warnings),
    )


def split_time(name: str) -> tuple[str, str | None]:
    """Split "time (ms)", "time_s" or "t [s]" into name and unit of time; None where there is no unit."""
    match = re.match(r"^\s*(.*?)\s*(?:[\[(]\s*(\w+)\s*[\])]|[\s_/]+(s|sec|ms))?\s*$", name)
    if match is None:
        return name.strip(), None
    unit = match[2] or match[3]
    return match[1], unit if unit else (match[1] if seconds_per_unit(match[1]) is not None else None)


def _is_axis(name: str) -> bool:
    return bool(_TIME_NAME.match(split_time(name)[0]) or _INDEX_NAME.match(name) or re.match(r"^channel \d+$", name))


def _layout(stream: Iterator[str], file_name: str) -> tuple[_Layout, list[tuple[int, str]]]:
    """Look at the first lines; return the layout and those lines with their numbers, to be read again as data."""
    comments: dict[str, str] = {}
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(stream, 1):
        if line.lstrip().startswith("#"):
            if match := _COMMENT.match(line.strip()):
                comments[re.sub(r"[^a-z]", "", match["key"].casefold())] = match["value"].strip()
        elif line.strip():
            lines.append((number, line))
        if len(lines) == 12:
            break
    texts = [line for _, line in lines]
    separator = _separator(texts)
    comma = _uses_decimal_comma(texts, separator)
    rows = [_split(text, separator) for text in texts]
    if not rows or len(rows[0]) < 2:
        raise DamagedFileError(file_name, "it is not a table with one column per lead", "export it with a header row")
    if not _is_numeric_row(rows[0], comma):
        names = tuple(rows[0])
        has_units = len(rows) > 1 and any(millivolts_per(cell.strip("[]() ")) is not None for cell in rows[1])
        units = tuple(cell.strip("[]() ") for cell in rows[1]) if has_units else ()
        return _Layout(separator, comma, names, 1 + has_units, units, comments), lines
    columns = len(rows[0])
    if columns == len(LEADS):
        return _Layout(separator, comma, LEADS, 0, (), comments), lines
    raise DamagedFileError(
        file_name,
        f"it has {columns} columns and no header row, so that it is not known which lead is which",
        "put a header row with the names of the leads on top, one column per lead",
    )


def _separator(lines: Sequence[str]) -> str | None:
    """Return the separator (None: blanks): the one that cuts the first line, tab before semicolon before comma."""
    return next((mark for mark in ("\t", ";", ",") if mark in lines[0].strip("\n")), None) if lines else None


def _uses_decimal_comma(lines: Sequence[str], separator: str | None) -> bool:
    """Whether numbers are written "0,125": a separator other than the comma, and such a number, and no "0.125"."""
    cells = [cell for line in lines for cell in _split(line, separator)]
    return (
        separator != ","
        and any(re.fullmatch(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?", cell) for cell in cells)
        and not any(re.fullmatch(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?", cell) for cell in cells)
    )


def _split(line: str, separator: str | None) -> list[str]:
    cells = line.strip("\r\n").split(separator)
    return [cell.strip().strip('"').strip() for cell in cells]


def _is_numeric_row(row: Sequence[str], decimal_comma: bool) -> bool:
    values = [cell for cell in row if cell.casefold() not in _UNKNOWN_CELLS]
    return bool(values) and all(_number(cell, decimal_comma) is not None for cell in values)


def _number(cell: str, decimal_comma: bool) -> float | None:
    if "_" in cell:  # Python would read 1_000
        return None
    try:
        return float(cell.replace(",", ".") if decimal_comma else cell)
    except ValueError:
        return float("nan") if cell.casefold() in _UNKNOWN_CELLS else None


def _values(lines: Iterator[tuple[int, str]], layout: _Layout, file_name: str) -> Float64Array:
    """Return the numbers, [rows, columns]; unknown cells and columns that are no numbers are NaN."""
    columns = len(layout.names)
    matters = [parse_lead_name(name) is not None for name in layout.names]
    values = array("d")
    skipped = 0
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if skipped < layout.header_rows:
            skipped += 1
            continue
        cells = layout.cells(line)
        if len(cells) == columns + 1 and cells[-1] == "":  # a separator at the end of each row
            cells.pop()
        if len(cells) != columns:
            raise DamagedFileError(
                file_name, f"line {number} has {len(cells)} columns where {columns} are expected", "export it again"
            )
        for column, cell in enumerate(cells):
            value = _number(cell, layout.decimal_comma)
            if value is None:
                if matters[column]:
                    raise DamagedFileError(
                        file_name,
                        f"line {number}, column {layout.names[column]!r}: {cell[:30]!r} is not a number",
                        "correct it or export the file again",
                    )
                value = float("nan")
            values.append(value)
    return np.frombuffer(values, dtype=np.float64).reshape(-1, columns) if values else np.empty((0, columns))


def _stated_rate(
    layout: _Layout, table: Float64Array, time_column: int | None, file_name: str
) -> tuple[float | None, tuple[str, ...]]:
    """Return the rate in Hz that comments and time column state, None for neither, and warnings."""
    text = next((layout.comments[key] for key in layout.comments if key in _RATE_KEYS), None)
    from_comment: float | None = None
    if text is not None:
        match = re.fullmatch(r"(\d+(?:[.,]\d+)?)\s*(?:hz|samples/s|1/s)?", text.strip(), re.IGNORECASE)
        from_comment = float(match[1].replace(",", ".")) if match else None
        if not from_comment:
            raise DamagedFileError(
                file_name, f"the sampling rate {text[:30]!r} is no number of Hz", "correct the comment"
            )
    if time_column is None or len(table) < 2:
        return from_comment, ()
    unit = split_time(layout.names[time_column])[1] or (
        layout.units_row[time_column] if time_column < len(layout.units_row) else None
    )
    times = table[:, time_column]
    if np.isnan(times).any():
        return from_comment, ("the time column is not numbers throughout and was not used",)
    from_times = rate_from_times(times, unit, file_name)
    if from_times is None:
        return from_comment, ("the time column does not say its unit and was not used",)
    if from_comment is not None and abs(from_comment - from_times) > 0.01 * from_times:
        raise DamagedFileError(
            file_name,
            f"its comment says {from_comment:g} Hz and its time column {from_times:g} Hz",
            "correct the one that is wrong",
        )
    return from_times, ()


def _millivolts_per_count(
    layout: _Layout, column: int, file_name: str, options: ReadOptions
) -> tuple[float, tuple[str, ...]]:
    """Return mV per table value of a column and any warning: by its name, the row of units, the comment, the user."""
    name = layout.names[column]
    comment = next((layout.comments[key] for key in layout.comments if key in _UNIT_KEYS), None)
    in_row = layout.units_row[column] if column < len(layout.units_row) else None
    stated = split_unit(name)[1] or in_row or comment
    if stated is None:
        if options.unit is None:
            raise unit_is_missing(file_name)
        stated = options.unit
    per_unit = millivolts_per(stated)
    if per_unit is None:
        raise InputError(
            file_name, f"lead {name} is in {stated!r}, which is no unit of voltage", "write mV, uV, V or nV"
        )
    if options.unit is not None and millivolts_per(options.unit) != per_unit:
        return per_unit, (f"the unit given, {options.unit}, was not used: the file states {stated}",)
    return per_unit, ()
