"""Columns that are printed later or earlier than the rhythm strip are put right; others are left where they stand."""

from __future__ import annotations

import numpy as np
import pytest

from ecgr1_core.digitize.column_times import step_between_columns
from ecgr1_core.record import LEADS, EcgRecord
from training.synthesis import kind_spec, synthesize


def columns_of(record: EcgRecord, step: int) -> list[list[np.ndarray]]:
    """Return four columns of three leads, each `step` samples later than the one before."""
    out = []
    for number in range(4):
        column = []
        for lead in LEADS[3 * number : 3 * number + 3]:
            shown = np.full(record.samples, np.nan)
            first, last = 1250 * number, 1250 * (number + 1)
            shown[first:last] = np.roll(record.lead(lead), step * number)[first:last]
            column.append(shown)
        out.append(column)
    return out


@pytest.mark.parametrize("kind", ["sinus", "atrial_fibrillation", "lbbb", "rbbb", "pvc"])
@pytest.mark.parametrize("step", [0, 10, -12, 20])
def test_the_step_is_found_and_none_is_invented(kind: str, step: int) -> None:
    record, _ = synthesize(kind_spec(kind), np.random.default_rng(4))
    found = step_between_columns(columns_of(record, step), np.asarray(record.lead("II"), dtype=np.float64))
    assert found == pytest.approx(step, abs=3.0)
    if step == 0:
        assert found == 0.0


def test_columns_that_do_not_step_together_are_left() -> None:
    record, _ = synthesize(kind_spec("sinus"), np.random.default_rng(4))
    columns = columns_of(record, 0)
    columns[2] = [np.roll(lead, 20) for lead in columns[2]]
    assert step_between_columns(columns, np.asarray(record.lead("II"), dtype=np.float64)) == 0.0
    assert step_between_columns(columns[:2], np.asarray(record.lead("II"), dtype=np.float64)) == 0.0
