"""Devices: what one shows otherwise than another, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecgr1_core.measure import measure
from ecgr1_core.record import LEADS, EcgRecord
from training.synthesis import NoiseSpec, kind_spec, synthesize
from training.synthesis.devices import Device, drawn_device, recorded_by
from training.synthesis.drawing import Disturbance

PLAIN = Device(0.0, 0.0, NoiseSpec(), (0.0,) * 9, 1.0, 1000.0)


@pytest.fixture(scope="module")
def record() -> EcgRecord:
    return synthesize(kind_spec("sinus"), np.random.default_rng(1))[0]


def shown(record: EcgRecord, **changes: object) -> EcgRecord:
    return recorded_by(replace(PLAIN, **changes), record, np.random.default_rng(2))


def test_a_plain_device_only_counts(record: EcgRecord) -> None:
    assert np.abs(shown(record).signal_mv - record.signal_mv).max() <= 0.0005001
    steps = shown(record, counts_per_mv=200.0).signal_mv * 200
    assert np.allclose(steps, np.round(steps), atol=1e-3)


def test_offsets_are_those_of_electrodes_and_a_high_pass_takes_them_away(record: EcgRecord) -> None:
    offsets = (0.1, -0.05, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0)
    found = shown(record, offsets_mv=offsets)
    moved = (found.signal_mv - record.signal_mv).mean(axis=1)
    assert moved[0] == pytest.approx(-0.15, abs=1e-3)
    assert moved[LEADS.index("II")] == pytest.approx(moved[0] + moved[LEADS.index("III")], abs=1e-3)
    assert moved[LEADS.index("V1")] == pytest.approx(0.2 - (0.1 - 0.05) / 3, abs=1e-3)
    filtered = shown(record, offsets_mv=offsets, high_pass_hz=0.5)
    assert np.abs(filtered.signal_mv.mean(axis=1)).max() < 0.01


def test_a_low_pass_takes_what_is_above_it_and_moves_nothing(record: EcgRecord) -> None:
    fast = np.sin(2 * np.pi * 120 * np.arange(record.samples) / record.sampling_rate_hz).astype(np.float32)
    found = shown(replace(record, signal_mv=record.signal_mv + 0.1 * fast), low_pass_hz=35.0)
    rest = found.signal_mv - shown(record, low_pass_hz=35.0).signal_mv
    assert np.sqrt(np.mean(rest**2)) == pytest.approx(0.1 / np.sqrt(2) / (120 / 35) ** 2, rel=0.1)
    peak = np.abs(record.lead("II")[:400]).argmax()
    assert abs(int(np.abs(found.lead("II")[:400]).argmax()) - int(peak)) <= 1


def test_what_is_measured_stays_whatever_the_device(record: EcgRecord) -> None:
    before = measure(record)
    for seed in range(4):
        after = measure(recorded_by(drawn_device(np.random.default_rng(seed)), record, np.random.default_rng(seed)))
        assert after.heart_rate_bpm == pytest.approx(before.heart_rate_bpm, abs=1)
        assert after.pr_interval_ms == pytest.approx(before.pr_interval_ms, abs=16)
        assert after.qt_interval_ms == pytest.approx(before.qt_interval_ms, abs=16)


def test_flat_leads_stay_flat_and_gaps_stay_gaps(record: EcgRecord) -> None:
    signal = record.signal_mv.copy()
    signal[LEADS.index("V2")] = 0.0
    found = Disturbance(0.1, 0.02, devices=True).of(
        replace(record, signal_mv=signal, flat_leads=("V2",)), np.random.default_rng(3)
    )
    assert not found.lead("V2").any()
    signal = signal.copy()
    signal[LEADS.index("V3"), 100:200] = np.nan
    gap = Disturbance(0.1, 0.02, devices=True).of(replace(record, signal_mv=signal), np.random.default_rng(3))
    assert np.isnan(gap.lead("V3")[100:200]).all()
    assert np.isfinite(gap.lead("V4")).all()


def test_the_same_seed_gives_the_same_recording() -> None:
    disturbance = Disturbance(0.1, 0.02, devices=True)
    one, other, third = (disturbance.drawn("lbbb", "a", np.random.default_rng(seed))[0] for seed in (4, 4, 5))
    assert np.array_equal(one.signal_mv, other.signal_mv)
    assert not np.array_equal(one.signal_mv, third.signal_mv)
