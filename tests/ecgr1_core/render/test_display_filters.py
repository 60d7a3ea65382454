"""Display filters: their edges, their silence about time, and what they do at the ends of a recording and in gaps."""

from __future__ import annotations

import numpy as np
import pytest

from ecgr1_core.render.filters import BANDS_HZ, band_filter, filtered, label_of, notch_filter

RATE_HZ = 500.0


def gain_of(filters, frequency_hz: float, rate_hz: float = RATE_HZ) -> float:
    """Amplitude of a sine after the filter over that before, in the middle of two minutes."""
    time_s = np.arange(round(120 * rate_hz)) / rate_hz
    sine = np.sin(2 * np.pi * frequency_hz * time_s).astype(np.float32)[None]
    middle = slice(round(40 * rate_hz), round(80 * rate_hz))
    out = filtered(sine, rate_hz, *filters)[0, middle]
    return float(np.sqrt(2 * np.mean(out.astype(np.float64) ** 2)))


@pytest.mark.parametrize("rate_hz", [400.0, 500.0, 1000.0])
@pytest.mark.parametrize("band", [band for band, edges in BANDS_HZ.items() if edges])
def test_the_edges_that_are_printed_are_3_db_down(band: str, rate_hz: float) -> None:
    low, high = BANDS_HZ[band]
    chosen = [band_filter(band, rate_hz)]
    assert label_of(*chosen) == f"{low:g}–{high:g} Hz"
    for edge in (low, high):
        assert gain_of(chosen, edge, rate_hz) == pytest.approx(np.sqrt(0.5), abs=0.01)
    assert gain_of(chosen, np.sqrt(low * high), rate_hz) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_a_notch_takes_out_its_frequency_and_little_else(mains_hz: float) -> None:
    chosen = [notch_filter(mains_hz, RATE_HZ)]
    assert gain_of(chosen, mains_hz) < 0.001
    for other_hz in (mains_hz - 5, mains_hz + 5, 10.0):
        assert gain_of(chosen, other_hz) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("band", ["diagnostic", "monitor"])
def test_a_filter_moves_no_wave_in_time(band: str) -> None:
    time_s = np.arange(5000) / RATE_HZ
    bump = np.exp(-0.5 * ((time_s - 5.0) / 0.012) ** 2).astype(np.float32)[None]
    out = filtered(bump, RATE_HZ, band_filter(band, RATE_HZ), notch_filter(50.0, RATE_HZ))[0]
    assert int(np.argmax(out)) == 2500
    around = out[2500 - 200 : 2501 + 200]
    assert np.abs(around - around[::-1]).max() < 2e-3


def test_a_trace_that_begins_inside_a_wave_does_not_begin_with_a_drift() -> None:
    waves = np.tile(np.exp(-0.5 * ((np.arange(400) - 200) / 20.0) ** 2), 14)[200:5200].astype(np.float32)
    assert waves[0] == 1.0
    out = filtered(waves[None] + np.float32(0.7), RATE_HZ, band_filter("diagnostic", RATE_HZ))[0]
    assert np.ptp(out[waves < 0.001]) < 0.03


def test_unknown_samples_stay_unknown_and_spoil_no_other(noise) -> None:
    signal = noise(10).signal_mv.copy()
    signal[0, 1000:1200] = np.nan
    signal[1] = np.nan
    out = filtered(signal, RATE_HZ, band_filter("monitor", RATE_HZ))
    assert out.dtype == np.float32
    assert np.array_equal(np.isnan(out), np.isnan(signal))


def test_nothing_is_done_where_no_filter_is_on(noise) -> None:
    record = noise(10)
    assert filtered(record.signal_mv, RATE_HZ, band_filter("off", RATE_HZ)).tobytes() == record.signal_mv.tobytes()
    assert label_of(None, None) == "unfiltered"
    assert label_of(band_filter("monitor", RATE_HZ), notch_filter(60.0, RATE_HZ)) == "0.5–40 Hz, 60 Hz notch"


def test_a_low_sampling_rate_says_that_it_has_no_upper_edge() -> None:
    assert label_of(band_filter("diagnostic", 250.0)) == "0.05 Hz high-pass (sampled at 250 Hz)"
    assert notch_filter(50.0, 100.0) is None
    assert notch_filter(50.0, 250.0) is not None
