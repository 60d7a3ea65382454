"""Odd recordings: few leads, short, flat, broken, other sampling rates. Never an exception, always a reason."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from ecgr1_core.measure import Measurements, measure
from ecgr1_core.record import LEADS, EcgRecord
from training.synthesis import kind_spec, synthesize

GLOBAL = ("heart_rate_bpm", "pr_interval_ms", "qrs_duration_ms", "qt_interval_ms", "qtc_bazett_ms", "qrs_axis_deg")


def _sinus(**changes: object) -> EcgRecord:
    return synthesize(dataclasses.replace(kind_spec("sinus"), **changes), np.random.default_rng(0))[0]


def _assert_reasons(measured: Measurements) -> None:
    for name in GLOBAL:
        if getattr(measured, name) is None:
            assert measured.reasons[name], name
    json.dumps(measured.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("sampling_rate_hz", "qrs_limit_ms"),
    [(100.0, 40.0), (125.0, 25.0), (250.0, 5.0), (400.0, 5.0), (500.0, 5.0), (1000.0, 5.0)],
)
def test_sampling_rates(sampling_rate_hz: float, qrs_limit_ms: float) -> None:
    """Below 250 Hz the corners of a QRS are lost, and it is measured as wide as a soft one."""
    measured = measure(_sinus(sampling_rate_hz=sampling_rate_hz))
    assert measured.heart_rate_bpm == pytest.approx(72.0, abs=1.5)
    assert measured.qrs_duration_ms == pytest.approx(91.0, abs=qrs_limit_ms)
    assert measured.qt_interval_ms == pytest.approx(378.0, abs=25.0 if sampling_rate_hz < 250 else 8.0)


@pytest.mark.parametrize("duration_s", [2.5, 4.0, 60.0])
def test_durations(duration_s: float) -> None:
    measured = measure(_sinus(duration_s=duration_s))
    assert measured.heart_rate_bpm == pytest.approx(72.0, abs=4.0)
    assert measured.qrs_duration_ms == pytest.approx(91.0, abs=8.0)
    _assert_reasons(measured)


@pytest.mark.parametrize("kept", [("II",), ("I", "II", "V2"), LEADS[:6], LEADS[:8]])
def test_any_subset_of_leads(kept: tuple[str, ...]) -> None:
    record = _sinus()
    signal = record.signal_mv.copy()
    missing = tuple(lead for lead in LEADS if lead not in kept)
    for lead in missing:
        signal[LEADS.index(lead)] = np.nan
    measured = measure(dataclasses.replace(record, signal_mv=signal, missing_leads=missing))
    assert measured.qrs_duration_ms == pytest.approx(91.0, abs=20.0)
    for lead in missing:
        assert measured.leads[lead].r_amplitude_mv is None
        assert measured.leads[lead].reasons
        assert measured.quality.leads[lead].status == "missing"
    if len(set(kept) & set(LEADS[:6])) < 2:
        assert measured.qrs_axis_deg is None
    _assert_reasons(measured)


def test_flat_and_gappy_leads_are_named() -> None:
    signal = _sinus().signal_mv.copy()
    signal[LEADS.index("V3")] = 0.25
    signal[LEADS.index("V5"), 1000:1100] = np.nan
    measured = measure(EcgRecord(signal, 500.0))
    assert measured.quality.leads["V3"].status == "flat"
    assert "missing" in measured.quality.leads["V5"].problems[0]
    assert measured.qrs_duration_ms == pytest.approx(91.0, abs=8.0)


@pytest.mark.parametrize(
    "signal",
    [
        np.zeros((12, 5000)),
        np.full((12, 5000), np.nan),
        np.random.default_rng(1).normal(0, 0.02, (12, 5000)),
        np.tile(np.arange(5000) * 0.001, (12, 1)),
        np.eye(12, 1250) * 3.0,
    ],
    ids=["zero", "nan", "noise", "ramp", "impulses"],
)
def test_what_is_no_ecg_gives_reasons_not_exceptions(signal: np.ndarray) -> None:
    _assert_reasons(measure(EcgRecord(signal.astype(np.float32), 500.0)))


def test_saturation_is_reported() -> None:
    signal = np.clip(_sinus().signal_mv, -0.2, 0.3)
    measured = measure(EcgRecord(signal, 500.0))
    assert any("saturated" in note for note in measured.quality.notes)


def test_a_lone_sample_is_no_heartbeat() -> None:
    signal = np.zeros((12, 10000), dtype=np.float32)
    signal[1, 4321] = 0.9
    measured = measure(EcgRecord(signal, 1000.0))
    assert len(measured.beats) <= 1
    assert measured.heart_rate_bpm is None


@pytest.mark.parametrize("kind", ["inferior_stemi", "sinus"])
def test_a_noiseless_baseline_is_no_rail(kind: str) -> None:
    record, _ = synthesize(kind_spec(kind), np.random.default_rng(1))
    assert not [note for note in measure(record).quality.notes if "saturated" in note]


def test_a_lead_that_rests_on_a_rail_is_saturated() -> None:
    record, _ = synthesize(kind_spec("sinus"), np.random.default_rng(1))
    signal = record.signal_mv.copy()
    signal[LEADS.index("V3"), : 3 * signal.shape[1] // 5] = 5.0
    quality = measure(dataclasses.replace(record, signal_mv=signal)).quality
    assert any("saturated" in problem for problem in quality.leads["V3"].problems)
