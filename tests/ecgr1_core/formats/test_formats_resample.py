"""Resampling: timing, offset, ends, gaps, and that a wave below both Nyquist rates survives."""

from __future__ import annotations

import numpy as np
import pytest

from ecgr1_core.formats import resample
from ecgr1_core.record import EcgRecord


def wave(rate: float, seconds: float = 4.0) -> np.ndarray:
    time_s = np.arange(round(rate * seconds)) / rate
    return np.tile(1.5 + 0.3 * time_s + np.sin(2 * np.pi * 17 * time_s + 0.4), (12, 1))


@pytest.mark.parametrize(("old", "new"), [(1000, 500), (100, 500), (400, 500), (360, 500), (257, 500), (500, 128)])
def test_a_sine_on_a_slope_is_the_same_at_the_new_rate(old: float, new: float) -> None:
    result = resample(EcgRecord(wave(old), old), new)
    expected = wave(new)
    count = min(expected.shape[1], result.samples)
    middle = slice(new // 5, count - new // 5)
    assert abs(result.samples - expected.shape[1]) <= 1
    np.testing.assert_allclose(result.signal_mv[:, middle], expected[:, middle], atol=5e-3)


def test_offsets_flat_leads_and_ends_do_not_ring() -> None:
    record = EcgRecord(np.full((12, 1000), 3.25), 400.0)
    np.testing.assert_allclose(resample(record, 500).signal_mv, 3.25, atol=1e-6)
    ecg = EcgRecord(wave(400), 400.0)
    assert np.abs(resample(ecg, 500).signal_mv[:, :100] - wave(500)[:, :100]).max() < 0.05  # its first tenth
    slope = EcgRecord(np.tile(np.linspace(-2, 2, 1000), (12, 1)), 400.0)
    result = resample(slope, 500).signal_mv[0]
    assert np.abs(np.diff(result)[:-2] - 4 / 999 * 0.8).max() < 1e-4


def test_gaps_stay_gaps_and_do_not_spread() -> None:
    signal = wave(500).astype(np.float32)
    signal[3, 700:800] = np.nan
    signal[11] = np.nan
    result = resample(EcgRecord(signal, 500, missing_leads=("V6",)), 250)
    unknown = np.flatnonzero(np.isnan(result.signal_mv[3]))
    assert (unknown[0], unknown[-1], len(unknown)) == (350, 399, 50)
    assert np.isnan(result.signal_mv[11]).all()
    assert not np.isnan(result.signal_mv[:3]).any()
    assert result.missing_leads == ("V6",)


def test_the_same_rate_is_the_same_record() -> None:
    record = EcgRecord(wave(500), 500)
    assert resample(record, 500.0) is record
    with pytest.raises(ValueError, match="positive"):
        resample(record, 0)
