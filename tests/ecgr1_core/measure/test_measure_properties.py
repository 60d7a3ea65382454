"""What must not change when the recording is scaled, shifted or displaced, and what must be noticed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgr1_core.measure import Measurements, measure
from ecgr1_core.record import LEADS, EcgRecord
from training.synthesis import NoiseSpec, kind_spec, synthesize

INTERVALS = ("rr_ms", "p_duration_ms", "pr_interval_ms", "qrs_duration_ms", "qt_interval_ms")
KINDS = ("sinus", "rbbb", "av_block_1", "lvh_strain")


def _record(kind: str, seed: int, noise: NoiseSpec | None = None) -> EcgRecord:
    spec = kind_spec(kind)
    if noise is not None:
        spec = dataclasses.replace(spec, noise=noise)
    return synthesize(spec, np.random.default_rng(seed))[0]


def _with(record: EcgRecord, signal_mv: np.ndarray) -> EcgRecord:
    return dataclasses.replace(record, signal_mv=signal_mv.astype(np.float32))


def _intervals(measured: Measurements) -> list[float | None]:
    return [getattr(measured, name) for name in INTERVALS]


@settings(max_examples=12, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 50), factor=st.floats(0.4, 2.5))
def test_scaling_scales_amplitudes_and_moves_no_interval(kind: str, seed: int, factor: float) -> None:
    record = _record(kind, seed, NoiseSpec(muscle_rms_mv=0.005))
    before, after = measure(record), measure(_with(record, record.signal_mv * factor))
    assert _intervals(after) == pytest.approx(_intervals(before), abs=2.01)
    for lead in LEADS:
        assert after.leads[lead].qrs_peak_to_peak_mv == pytest.approx(
            factor * before.leads[lead].qrs_peak_to_peak_mv, rel=0.02, abs=0.005
        )


@settings(max_examples=8, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 50), offset=st.floats(-5.0, 5.0))
def test_a_constant_changes_nothing(kind: str, seed: int, offset: float) -> None:
    record = _record(kind, seed)
    before, after = measure(record), measure(_with(record, record.signal_mv + offset))
    assert _intervals(after) == pytest.approx(_intervals(before), abs=2.01)
    for lead in LEADS:
        assert after.leads[lead].st_j60_mv == pytest.approx(before.leads[lead].st_j60_mv, abs=0.005)


@settings(max_examples=8, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 50), shift=st.integers(1, 250))
def test_shifting_in_time_moves_only_positions(kind: str, seed: int, shift: int) -> None:
    record = _record(kind, seed)
    first = measure(_with(record, record.signal_mv[:, :4000]))
    later = measure(_with(record, record.signal_mv[:, shift : 4000 + shift]))
    assert later.qrs_duration_ms == pytest.approx(first.qrs_duration_ms, abs=4.01)
    assert later.pr_interval_ms == pytest.approx(first.pr_interval_ms, abs=6.01)
    moved = np.array([beat.r_s - shift / 500 for beat in first.beats])
    found = np.array([beat.r_s for beat in later.beats])
    inside = moved[(moved > found[0] - 0.01) & (moved < found[-1] + 0.01)]
    assert len(inside) >= len(first.beats) - 2
    assert max(np.abs(found - position).min() for position in inside) <= 0.0041


@settings(max_examples=6, deadline=None)
@given(kind=st.sampled_from(("sinus", "sinus_bradycardia", "av_block_1")), seed=st.integers(0, 50))
def test_swapped_arm_electrodes_are_flagged(kind: str, seed: int) -> None:
    right = measure(_record(kind, seed))
    swapped = measure(_record(kind, seed, NoiseSpec(arm_leads_swapped=True)))
    assert not any("arm electrodes" in note for note in right.quality.notes)
    assert any("arm electrodes" in note for note in swapped.quality.notes)


def test_limb_lead_equations_hold_in_what_is_measured() -> None:
    measured = measure(_record("sinus", 7))
    j60 = {lead: measured.leads[lead].st_j60_mv for lead in ("I", "II", "III", "aVR", "aVL", "aVF")}
    assert j60["II"] == pytest.approx(j60["I"] + j60["III"], abs=0.003)
    assert j60["aVR"] == pytest.approx(-(j60["I"] + j60["II"]) / 2, abs=0.003)


def test_the_same_bytes_give_the_same_numbers() -> None:
    record = _record("sinus", 9, NoiseSpec(muscle_rms_mv=0.02, baseline_wander_mv=0.3))
    again = _with(record, record.signal_mv.copy())
    assert measure(record).to_json() == measure(again).to_json()
