"""Recordings made for the tests of the readers: whole counts of 1 µV that obey the limb-lead equations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgr1_core.record import LEADS


@pytest.fixture
def counts() -> np.ndarray:
    """[12, 2500] whole microvolts, 5 s at 500 Hz: spikes and slow waves; II = I + III holds in every sample."""
    generator = np.random.default_rng(3)
    time_s = np.arange(2500) / 500
    beat = 1000 * np.exp(-(((time_s % 0.8) - 0.3) ** 2) / 2e-4) + 200 * np.exp(-(((time_s % 0.8) - 0.55) ** 2) / 2e-3)
    independent = np.round(np.outer(generator.uniform(0.4, 1.2, 8), beat) + generator.normal(0, 15, (8, 2500)))
    lead_i, lead_ii = 2 * np.round(independent[:2] / 2)  # even, so that the halves are whole
    limb = [lead_i, lead_ii, lead_ii - lead_i, -(lead_i + lead_ii) / 2, lead_i - lead_ii / 2, lead_ii - lead_i / 2]
    return np.stack([*limb, *independent[2:]]).astype(np.int64)


@pytest.fixture
def wfdb_record(tmp_path: Path, counts: np.ndarray) -> Path:
    """The header of a whole WFDB record `made` of `counts`, 1000 counts per mV, format 16."""
    import wfdb

    wfdb.wrsamp(
        "made", fs=500, units=["mV"] * 12, sig_name=list(LEADS), d_signal=counts.T, fmt=["16"] * 12,
        adc_gain=[1000.0] * 12, baseline=[0] * 12, comments=["Age: 59", "Sex: Female"], write_dir=str(tmp_path),
    )  # fmt: skip
    return tmp_path / "made.hea"
