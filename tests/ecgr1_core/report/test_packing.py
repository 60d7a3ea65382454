"""Rows that move together: closer, never touching, scales untouched."""

from __future__ import annotations

import numpy as np
import pytest

from ecgr1_core.record import EcgRecord
from ecgr1_core.render.geometry import Sheet, lay_out
from ecgr1_core.report.packing import LEAST_ROW_DISTANCE_MM, packed


def sheet_of(record: EcgRecord, layout: str = "3x4+1") -> Sheet:
    return lay_out(record, layout=layout, speed_mm_per_s=25.0, gain_mm_per_mv=10.0)


def traces(sheet: Sheet, number: int) -> tuple[list[float], list[float]]:
    row = sheet.rows[number]
    xs, ys = [], []
    for cell in row.cells:
        times = (cell.first_sample + np.arange(cell.signal_mv.size)) / sheet.sampling_rate_hz
        xs += [sheet.x_mm(time) for time in times.tolist()]
        ys += (row.baseline_mm - cell.signal_mv.astype(float) * sheet.gain_mm_per_mv).tolist()
    return xs, ys


def out_of_step() -> EcgRecord:
    """Return leads whose tall deflections stand at other times in each row."""
    signal = np.zeros((12, 5000), dtype=np.float32)
    for index in range(12):
        row = index % 3
        signal[index, 100 + 200 * row :: 1250] = 3.0
        signal[index, 150 + 200 * row :: 1250] = -3.0
    return EcgRecord(signal, 500.0)


def test_rows_move_together_where_their_deflections_do_not_meet() -> None:
    loose = sheet_of(out_of_step())
    dense = packed(loose)
    assert dense.height_mm < loose.height_mm - 40
    assert (dense.speed_mm_per_s, dense.gain_mm_per_mv, dense.width_mm) == (25.0, 10.0, loose.width_mm)
    for before, after in zip(loose.rows, dense.rows, strict=True):
        assert after.cells is before.cells
        assert after.baseline_mm - after.label_mm == pytest.approx(before.baseline_mm - before.label_mm)
        assert after.baseline_mm == round(after.baseline_mm)


@pytest.mark.parametrize("layout", ["3x4+1", "6x2"])
def test_neighbours_stay_clear_of_each_other_and_inside_the_page(layout: str) -> None:
    generator = np.random.default_rng(3)
    signal = (
        generator.normal(0, 0.2, (12, 5000)) + np.sin(np.arange(5000) / 90)[None] * np.linspace(0, 1.5, 12)[:, None]
    )
    dense = packed(sheet_of(EcgRecord(signal.astype(np.float32), 500.0), layout))
    for number in range(len(dense.rows) - 1):
        (upper_x, upper_y), (lower_x, lower_y) = traces(dense, number), traces(dense, number + 1)
        lowest, highest = np.full(271, -np.inf), np.full(271, np.inf)
        np.maximum.at(lowest, np.array(upper_x).astype(int), upper_y)
        np.minimum.at(highest, np.array(lower_x).astype(int), lower_y)
        assert np.min(highest - lowest) >= 1.0
        assert dense.rows[number + 1].baseline_mm - dense.rows[number].baseline_mm >= LEAST_ROW_DISTANCE_MM
    ys = [y for number in range(len(dense.rows)) for y in traces(dense, number)[1]]
    assert min(ys) > 0
    assert max(ys) < dense.height_mm - 5  # the line with speed and gain stands below


def test_a_page_with_a_deflection_beyond_all_rows_is_left_alone() -> None:
    signal = np.zeros((12, 5000), dtype=np.float32)
    signal[3, 2000] = 25.0
    sheet = sheet_of(EcgRecord(signal, 500.0))
    assert packed(sheet) is sheet
