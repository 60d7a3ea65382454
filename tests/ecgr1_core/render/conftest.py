"""Recordings to draw: real ones, and made ones whose every millimetre is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ecgr1_core.record import LEADS, EcgRecord

RATE_HZ = 500.0


@pytest.fixture(scope="session")
def ptbxl(shared_data: Path) -> Callable[[str], EcgRecord]:
    """Read a PTB-XL record by its name, without the program's own reader."""
    import wfdb

    def load(name: str) -> EcgRecord:
        source = wfdb.rdrecord(str(shared_data / "ptbxl" / "records500" / name))
        by_lead = {lead.upper(): source.p_signal[:, column] for column, lead in enumerate(source.sig_name)}
        signal = np.stack([by_lead[lead.upper()] for lead in LEADS]).astype(np.float32)
        return EcgRecord(signal, float(source.fs), name=name)

    return load


@pytest.fixture(scope="session")
def spikes() -> Callable[..., EcgRecord]:
    """Make ten seconds of twelve equal leads at 0 mV with spikes one sample wide."""

    def make(height_mv: float, *times_s: float) -> EcgRecord:
        signal = np.zeros((12, round(10 * RATE_HZ)), dtype=np.float32)
        for time_s in times_s:
            signal[:, round(time_s * RATE_HZ)] = height_mv
        return EcgRecord(signal, RATE_HZ, name="spikes")

    return make


@pytest.fixture(scope="session")
def noise() -> Callable[..., EcgRecord]:
    """Make twelve different leads of noise, each around an offset of its own."""

    def make(duration_s: float, **fields: tuple[str, ...]) -> EcgRecord:
        generator = np.random.default_rng(7)
        signal = generator.normal(0, 0.2, (12, round(duration_s * RATE_HZ))) + np.arange(12)[:, None] * 0.7
        for lead in fields.get("missing_leads", ()):
            signal[LEADS.index(lead)] = np.nan
        return EcgRecord(signal.astype(np.float32), RATE_HZ, name="noise", **fields)

    return make
