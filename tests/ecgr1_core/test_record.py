"""EcgRecord: shape, order, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from ecgr1_core.record import LEADS, EcgRecord


def test_rows_are_found_by_lead_name_and_cannot_be_written() -> None:
    record = EcgRecord(np.arange(24.0).reshape(12, 2), 500.0)
    assert record.lead("aVF").tolist() == [10.0, 11.0]
    assert record.signal_mv.dtype == np.float32
    assert record.duration_s == 2 / 500
    with pytest.raises(ValueError, match="read-only"):
        record.signal_mv[0, 0] = 1.0
    with pytest.raises(KeyError):
        record.lead("AVF")


def test_missing_leads_are_not_available_and_flat_ones_are() -> None:
    record = EcgRecord(np.zeros((12, 5)), 500.0, missing_leads=("V6",), flat_leads=LEADS[:11])
    assert record.available_leads == LEADS[:11]


@pytest.mark.parametrize("shape", [(11, 10), (12, 0), (12,)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="signal_mv"):
        EcgRecord(np.zeros(shape), 500.0)


@pytest.mark.parametrize("rate", [0.0, -500.0, float("nan"), float("inf")])
def test_rates_that_are_none_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="sampling_rate_hz"):
        EcgRecord(np.zeros((12, 10)), rate)
