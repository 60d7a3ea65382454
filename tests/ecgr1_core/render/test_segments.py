"""Samples packed for the browser: every one comes back, exactly or to 0.05 µV, and they are small."""

from __future__ import annotations

import json

import numpy as np
import pytest
from unpacking import unpacked

from ecgr1_core.record import EcgRecord
from ecgr1_core.render.filters import filtered, notch_filter
from ecgr1_core.render.segments import envelope, means_mv, packed, packed_segment, segment_count, segment_samples

FLOAT32 = 1e-7  # relative: what a sample itself is known to


@pytest.mark.parametrize("rate_hz", [500.0, 1000.0])
def test_what_is_no_whole_number_of_steps_is_sent_to_a_twentieth_of_a_microvolt(rate_hz: float) -> None:
    signal = np.random.default_rng(1).normal(0, 0.4, (12, int(10 * rate_hz))).astype(np.float32)
    signal[3, 50:60] = np.nan
    data = json.loads(json.dumps(packed(signal)))
    np.testing.assert_allclose(unpacked(data), signal, rtol=FLOAT32, atol=0.00005)
    assert len(json.dumps(data)) < 350_000


@pytest.mark.parametrize("step_mv", [0.0001, 0.001, 0.00488, 1 / 204.8, 0.0025])
def test_the_step_of_a_file_is_found_and_gaps_stay_gaps(step_mv: float) -> None:
    counts = np.random.default_rng(3).integers(-900, 900, (12, 5000))
    counts[7, :2000] *= 7  # the step shows only later
    signal = (counts * step_mv + 0.3).astype(np.float32)
    signal[4, 100:200] = np.nan
    signal[4, 0] = np.inf
    signal[5] = 0.25
    signal[6] = np.nan
    data = packed(signal)
    found = unpacked(data)
    np.testing.assert_allclose(found, np.where(np.isfinite(signal), signal, np.nan), rtol=2e-7, atol=1e-6)
    for row in (0, 4, 7):
        assert data["steps_mv"][row] == pytest.approx(step_mv, rel=1e-4)


def test_what_reaches_far_is_sent_as_exactly_as_anything_else() -> None:
    signal = np.random.default_rng(2).normal(0, 0.4, (2, 3000)).astype(np.float32)
    signal[0] *= 2000
    np.testing.assert_allclose(unpacked(packed(signal)), signal, rtol=FLOAT32, atol=0.00005)
    signal[1] *= 1e9
    np.testing.assert_allclose(unpacked(packed(signal))[1], signal[1], rtol=0, atol=4e8 * 2.0**-27)


@pytest.mark.parametrize("samples", [1, 2, 9, 10_000, 10_001, 25_003])
def test_segments_are_the_recording_in_pieces(samples: int) -> None:
    signal = np.random.default_rng(4).normal(0, 1, (12, samples)).astype(np.float32)
    record = EcgRecord(signal, 500.0)
    pieces = [packed_segment(record, number) for number in range(segment_count(record))]
    assert [piece["first"] for piece in pieces] == list(range(0, samples, 10_000))
    joined = np.concatenate([unpacked(piece) for piece in pieces], axis=1)
    np.testing.assert_allclose(joined, signal, rtol=FLOAT32, atol=0.00005)
    with pytest.raises(IndexError):
        packed_segment(record, len(pieces))


def test_a_segment_holds_a_page() -> None:
    assert segment_samples(500.0) == segment_samples(100.0) == 10_000
    assert segment_samples(2000.0) == 20_000


def test_the_strip_of_the_whole_has_every_extreme_in_its_place() -> None:
    signal = np.random.default_rng(5).integers(-50, 50, (12, 100_003)).astype(np.float32) / 1000
    signal[1, 70_000], signal[1, 30_000] = 4.0, -3.0
    signal[1, 50_000:51_000] = np.nan
    found = envelope(EcgRecord(signal, 500.0, missing_leads=("I",)))
    low, high = unpacked(found)
    assert found["lead"] == "II"
    assert low.size == high.size == 4096
    assert np.nanargmax(high) == 70_000 * 4096 // 100_003
    assert np.nanargmin(low) == 30_000 * 4096 // 100_003
    assert np.isnan(low[50_500 * 4096 // 100_003])
    assert np.nanmax(high) == pytest.approx(4.0)
    assert np.nanmin(low) == pytest.approx(-3.0)


def test_the_means_are_those_that_the_filters_take_out() -> None:
    signal = np.random.default_rng(6).normal(0.7, 0.2, (12, 30_000)).astype(np.float32)
    signal[2, 100:20_000] = np.nan
    signal[3] = np.nan
    shown = filtered(signal, 500.0, notch_filter(50.0, 500.0))  # lets all that is slow pass but the mean
    means = means_mv(EcgRecord(signal, 500.0))
    for row in (0, 2):
        slow = np.nanmean(signal[row, 20_100:]) - np.nanmean(shown[row, 20_100:])
        assert means[row] == pytest.approx(slow, abs=1e-3)
    assert means[3] == 0.0
