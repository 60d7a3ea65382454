"""Measurements against cardiologists' marks on real recordings (LUDB), a sample of what the benchmark reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.measure import measure

SAMPLE = (2, 6, 11, 14, 33, 39, 48, 56, 70, 78, 92, 120, 179, 189, 194)


def test_intervals_of_a_sample_of_ludb(shared_data: Path) -> None:
    reference = pd.read_csv(shared_data / "ludb" / "reference_intervals.csv").set_index("record")
    errors: dict[str, list[float]] = {"pr": [], "qrs": [], "qt": []}
    for number in SAMPLE:
        measured = measure(read(shared_data / "ludb" / "data" / f"{number}.hea", ReadOptions(counts_per_mv=1000)))
        row = reference.loc[number]
        assert measured.heart_rate_bpm == pytest.approx(row.hr_bpm, rel=0.06)
        for name, found in (
            ("pr", measured.pr_interval_ms),
            ("qrs", measured.qrs_duration_ms),
            ("qt", measured.qt_interval_ms),
        ):
            if found is not None and not np.isnan(row[f"{name}_global_ms"]):
                errors[name].append(found - row[f"{name}_global_ms"])
    for name, mean_limit, absolute_limit in (("pr", 10.0, 10.0), ("qrs", 10.0, 12.0), ("qt", 25.0, 20.0)):
        found_errors = np.asarray(errors[name])
        assert len(found_errors) >= 10
        assert abs(found_errors.mean()) <= mean_limit, name
        assert np.abs(found_errors).mean() <= absolute_limit, name


@pytest.mark.parametrize("number", [38, 88, 109, 110, 129])
def test_fibrillation_has_no_pr(shared_data: Path, number: int) -> None:
    measured = measure(read(shared_data / "ludb" / "data" / f"{number}.hea", ReadOptions(counts_per_mv=1000)))
    assert measured.pr_interval_ms is None
