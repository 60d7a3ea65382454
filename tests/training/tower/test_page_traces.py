"""Which lead runs where on a page: against the page as drawn, after wear, from its file, and as it is taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.degrade import LEVELS, degrade, random_degradation
from ecgr1_core.render.paper import render_page
from ecgr1_core.render.sheets import draw_sheet
from training.media import drawn_sheet
from training.page_traces import COLUMNS, NO_LEAD, UNKNOWN_LEAD, load_traces, traces_of, traces_path
from training.synthesis import kind_spec, synthesize
from training.tower.network import _trace_loss

ROWS, CELLS = 12, 16


@pytest.fixture(scope="module")
def record() -> EcgRecord:
    return synthesize(kind_spec("sinus"), np.random.default_rng(5))[0]


def test_the_plain_page_with_its_truth_is_the_page_of_the_program(record: EcgRecord) -> None:
    sheet = drawn_sheet(record, "plain", np.random.default_rng(0))
    assert sheet.image.convert("RGB").tobytes() == render_page(record).convert("RGB").tobytes()


def test_leads_and_voltages_are_those_of_the_signal(record: EcgRecord) -> None:
    sheet = draw_sheet(record)
    leads, mv = traces_of(sheet.truth).cells(ROWS, CELLS)
    grid = leads.reshape(ROWS, CELLS)
    assert set(leads) == {*range(len(LEADS)), NO_LEAD}
    v1 = next(one for one in sheet.truth.leads if one.lead == "V1")
    x, y = np.nanmean(v1.trace_px, axis=0)
    middle = grid[int(y / sheet.truth.height_px * ROWS), int(x / sheet.truth.width_px * CELLS)]
    assert LEADS[middle] == "V1"
    signal = record.signal_mv - np.nanmedian(record.signal_mv, axis=1, keepdims=True)
    for number, lead in enumerate(LEADS):
        told = mv[leads == number]
        assert np.nanmin(told) >= np.nanmin(signal[number]) - 0.1, lead
        assert np.nanmax(told) <= np.nanmax(signal[number]) + 0.1, lead
    assert np.isnan(mv[leads == NO_LEAD]).all()
    assert mv.shape == (ROWS * CELLS, COLUMNS)


def test_a_worn_page_has_the_same_voltages(record: EcgRecord) -> None:
    flat = draw_sheet(record)
    worn = degrade(flat, random_degradation(np.random.default_rng(3), LEVELS[-1]))
    before, after = traces_of(flat.truth), traces_of(worn.truth)
    for lead in range(len(LEADS)):
        one, other = before.mv[before.lead == lead], after.mv[after.lead == lead]
        assert np.median(one) == pytest.approx(np.median(other), abs=0.02)
        assert np.percentile(one, 99) == pytest.approx(np.percentile(other, 99), abs=0.1)


def test_the_file_beside_the_page_holds_the_same(record: EcgRecord, tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    assert load_traces(page) is None
    traces = traces_of(draw_sheet(record).truth)
    traces.save(traces_path(page))
    held = load_traces(page)
    assert held is not None
    assert [path.name for path in tmp_path.iterdir()] == ["page.traces.npz"]
    for ours, theirs in zip(held.cells(ROWS, CELLS), traces.cells(ROWS, CELLS), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.05)


def test_what_is_not_known_is_not_taught_and_what_is_right_costs_nothing() -> None:
    said = torch.zeros(1, 3, NO_LEAD + 1 + COLUMNS, requires_grad=True)
    unknown = torch.full((1, 3), UNKNOWN_LEAD), torch.full((1, 3, COLUMNS), torch.nan)
    assert _trace_loss(said, *unknown).item() == 0.0
    leads = torch.tensor([[4, UNKNOWN_LEAD, NO_LEAD]])
    right = torch.zeros_like(said).detach()
    right[0, 0, 4] = right[0, 2, NO_LEAD] = 50.0
    right[0, 0, NO_LEAD + 1 :] = 0.7
    volts = torch.full((1, 3, COLUMNS), torch.nan)
    volts[0, 0, :2] = 0.7
    assert _trace_loss(right, leads, volts).item() == pytest.approx(0.0, abs=1e-6)
    right[0, 0, NO_LEAD + 1] = 0.2
    assert _trace_loss(right, leads, volts).item() > 0.1
