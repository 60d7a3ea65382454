"""Moves the rows of a laid-out page closer together, as far as no trace and no lead name touches another.

`render.geometry` gives each row the height of its tallest deflections, wherever they are. Here two neighbouring rows
are only kept apart where one of them is really low and the other really high, as on the page of an ECG cart. Scales and
samples stay as they are.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ecgr1_core.render.geometry import (
    FOOTER_BAND_MM,
    LABEL_SPAN_MM,
    LARGEST_EXTENT_MV,
    PULSE_MV,
    TEXT_SIZE_MM,
    Cell,
    Row,
    Sheet,
)

LEAST_ROW_DISTANCE_MM = 20.0
CLEAR_MM = 1.0  # between the traces of two rows
_BIN_MM = 1.0

Envelope = npt.NDArray[np.float64]


def packed(sheet: Sheet) -> Sheet:
    """Return the sheet with its rows as close as they can be, at least 20 mm apart and 1 mm clear of each other.

    Baselines stay on whole millimetres, and so does the lower edge. A sheet with a deflection of more than
    10 mV, which crosses its neighbours anyway, is returned as it is, and so is one that would not become lower.
    """
    if any(_beyond(cell) for row in sheet.rows for cell in row.cells):
        return sheet
    envelopes = [_envelope(sheet, row) for row in sheet.rows]
    baseline = math.ceil(float(envelopes[0][0].max()) + CLEAR_MM)
    rows = [_moved(sheet.rows[0], baseline)]
    for (_, below), (above, _), row in zip(envelopes, envelopes[1:], sheet.rows[1:], strict=False):
        baseline += math.ceil(max(LEAST_ROW_DISTANCE_MM, float((below + above).max()) + CLEAR_MM))
        rows.append(_moved(row, baseline))
    needed = baseline + float(envelopes[-1][1].max()) + CLEAR_MM + FOOTER_BAND_MM
    height_mm = float(math.ceil(needed))
    return replace(sheet, rows=tuple(rows), height_mm=height_mm) if height_mm < sheet.height_mm else sheet


def _beyond(cell: Cell) -> bool:
    return bool(cell.signal_mv.size) and float(np.nanmax(np.abs(cell.signal_mv))) > LARGEST_EXTENT_MV


def _moved(row: Row, baseline_mm: float) -> Row:
    return replace(row, baseline_mm=float(baseline_mm), label_mm=row.label_mm + baseline_mm - row.baseline_mm)


def _envelope(sheet: Sheet, row: Row) -> tuple[Envelope, Envelope]:
    """Return how far a row reaches above and below its baseline in each millimetre of the page, both as [bins] mm.

    Each bin takes the reach of its neighbours too, so that steep lines between two bins are clear of each other.
    """
    bins = math.ceil(sheet.width_mm / _BIN_MM) + 1
    above, below = np.zeros(bins), np.zeros(bins)
    for cell in row.cells:
        times_s = (cell.first_sample + np.arange(cell.signal_mv.size)) / sheet.sampling_rate_hz
        x_mm = sheet.trace_left_mm + (times_s - sheet.start_s) * sheet.speed_mm_per_s
        known = ~np.isnan(cell.signal_mv)
        places = np.clip(x_mm[known] / _BIN_MM, 0, bins - 1).astype(np.int64)
        heights_mm = cell.signal_mv[known].astype(np.float64) * sheet.gain_mm_per_mv
        np.maximum.at(above, places, heights_mm)
        np.maximum.at(below, places, -heights_mm)
        label = int(sheet.label_x_mm(cell) / _BIN_MM)
        span = int(LABEL_SPAN_MM * max(1.0, len(cell.label) / len("aVR")) / _BIN_MM)
        rise = row.baseline_mm - row.label_mm + TEXT_SIZE_MM
        above[label : label + span] = np.maximum(above[label : label + span], rise)
    pulse = math.ceil(sheet.trace_left_mm / _BIN_MM)
    above[:pulse] = np.maximum(above[:pulse], PULSE_MV * sheet.gain_mm_per_mv)
    return _widened(above), _widened(below)


def _widened(reach: Envelope) -> Envelope:
    padded = np.pad(reach, 1)
    widest: Envelope = np.maximum(np.maximum(padded[:-2], padded[2:]), reach)
    return widest
