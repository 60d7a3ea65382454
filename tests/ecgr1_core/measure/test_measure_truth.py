"""Measurements against synthetic ECGs whose truth is known, within the limits of IEC 60601-2-25 for such signals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ecgr1_core.measure import measure
from ecgr1_core.protocol import assess
from ecgr1_core.record import LEADS
from training.synthesis import KINDS as EVERY_KIND
from training.synthesis import NoiseSpec, calibration_ecg, kind_spec, synthesize, varied

DISTURBANCES = {
    "quiet": NoiseSpec(),
    "wander": NoiseSpec(baseline_wander_mv=0.1),
    "muscle": NoiseSpec(muscle_rms_mv=0.01),
    "mains": NoiseSpec(mains_mv=0.05),
}
INTERVALS = ("p_duration_ms", "pr_interval_ms", "qrs_duration_ms", "qt_interval_ms")
AMPLITUDES = ("p_amplitude_mv", "q_amplitude_mv", "r_amplitude_mv", "s_amplitude_mv", "st_j60_mv", "t_amplitude_mv")
KINDS = ("sinus", "sinus_bradycardia", "av_block_1", "rbbb", "lafb", "lvh_strain", "old_inferior_infarction", "long_qt")


@pytest.mark.parametrize("sampling_rate_hz", [250.0, 500.0, 1000.0])
@pytest.mark.parametrize("disturbance", DISTURBANCES)
def test_calibration_ecg(sampling_rate_hz: float, disturbance: str) -> None:
    record, truth = calibration_ecg(
        sampling_rate_hz=sampling_rate_hz, noise=DISTURBANCES[disturbance], rng=np.random.default_rng(3)
    )
    measured = measure(record)
    assert measured.heart_rate_bpm == pytest.approx(truth.heart_rate_bpm, abs=0.5)
    for name in INTERVALS:
        assert getattr(measured, name) == pytest.approx(getattr(truth, name), abs=5.0), name
    for lead in LEADS:
        for name in AMPLITUDES:
            true = getattr(truth.leads[lead], name)
            if true is not None and abs(true) >= 0.05:
                found = getattr(measured.leads[lead], name)
                assert found == pytest.approx(true, abs=max(0.025, 0.05 * abs(true))), (lead, name)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds(kind: str) -> None:
    record, truth = synthesize(kind_spec(kind), np.random.default_rng(1))
    measured = measure(record)
    for name in INTERVALS:
        assert getattr(measured, name) == pytest.approx(getattr(truth, name), abs=7.0), name
    for name in ("p_axis_deg", "qrs_axis_deg", "t_axis_deg"):
        assert getattr(measured, name) == pytest.approx(getattr(truth, name), abs=5.0), name


def test_fibrillation_has_no_pr_and_says_why() -> None:
    record, _ = synthesize(kind_spec("atrial_fibrillation"), np.random.default_rng(2))
    measured = measure(record)
    assert measured.pr_interval_ms is None
    assert "P wave" in measured.reasons["pr_interval_ms"]
    assert measured.leads["II"].p_amplitude_mv is None
    assert measured.rhythm.rr_irregularity is not None
    assert measured.rhythm.rr_irregularity > 0.08


def test_dissociated_p_waves_give_no_pr() -> None:
    record, _ = synthesize(kind_spec("av_block_3"), np.random.default_rng(2))
    assert measure(record).pr_interval_ms is None


def test_ectopic_beats_are_counted_by_kind() -> None:
    record, truth = synthesize(kind_spec("pvc"), np.random.default_rng(4))
    ventricular = sum(beat.kind == "ventricular_ectopic" for beat in truth.beats)
    measured = measure(record)
    assert ventricular > 0
    assert abs(measured.rhythm.ectopic_ventricular_count - ventricular) <= 1
    assert measured.rhythm.ectopic_supraventricular_count == 0
    record, _ = synthesize(kind_spec("pac"), np.random.default_rng(4))
    assert measure(record).rhythm.ectopic_supraventricular_count >= 1
    assert measure(record).rhythm.ectopic_ventricular_count == 0


def test_pacing_spikes_are_seen_and_not_measured_as_qrs() -> None:
    spec = dataclasses.replace(kind_spec("ventricular_paced"), sampling_rate_hz=1000.0)
    record, truth = synthesize(spec, np.random.default_rng(5))
    measured = measure(record)
    assert {beat.kind for beat in measured.beats} == {"paced"}
    assert measured.pr_interval_ms is None
    assert measured.qrs_duration_ms == pytest.approx(truth.qrs_duration_ms, abs=8.0)


def test_a_wide_complex_whose_fiducial_lies_before_it() -> None:
    rng = np.random.default_rng(0)
    kinds = tuple(EVERY_KIND)[:28]
    for number in range(46):  # the 46th patient drawn from this seed has such a left bundle branch block
        record, truth = synthesize(varied(kind_spec(kinds[number % len(kinds)]), rng), rng)
    assert measure(record).qrs_duration_ms == pytest.approx(truth.qrs_duration_ms, abs=8.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_second_beat_of_ventricular_bigeminy_is_ventricular(seed: int) -> None:
    record, truth = synthesize(kind_spec("pvc_bigeminy"), np.random.default_rng(seed))
    measured = measure(record)
    assert [beat.kind for beat in measured.beats] == [beat.kind for beat in truth.beats]
    assert any(finding.id == "ectopy.ventricular_bigeminy" for finding in assess(measured, record.patient).items)
