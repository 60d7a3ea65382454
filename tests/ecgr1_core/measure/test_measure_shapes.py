"""Shapes and rhythm numbers on synthetic ECGs that are made to have them."""

from __future__ import annotations

import numpy as np
import pytest

from ecgr1_core.measure import measure
from ecgr1_core.measure.amplitudes import morphology, qrs_waves
from training.synthesis import calibration_ecg, kind_spec, synthesize


def _measured(kind: str, seed: int = 0) -> object:
    return measure(synthesize(kind_spec(kind), np.random.default_rng(seed))[0])


@pytest.mark.parametrize("kind", ["atrial_flutter", "atrial_flutter_2_to_1", "atrial_flutter_variable"])
def test_flutter_has_a_rate_and_no_p(kind: str) -> None:
    measured = _measured(kind)
    assert 250 <= measured.rhythm.atrial_rate_per_min <= 350
    assert measured.pr_interval_ms is None
    assert "flutter" in measured.reasons["pr_interval_ms"]


@pytest.mark.parametrize("kind", ["sinus", "lbbb", "inferior_stemi", "av_block_1", "pvc"])
def test_others_have_no_flutter(kind: str) -> None:
    assert _measured(kind).rhythm.atrial_rate_per_min is None


def test_delta_wave_only_in_preexcitation() -> None:
    assert _measured("wpw").delta_wave is True
    assert _measured("sinus").delta_wave is False
    assert _measured("lbbb").delta_wave is False
    assert _measured("atrial_fibrillation").delta_wave is None


def test_st_course() -> None:
    stemi, normal, strain = _measured("inferior_stemi"), _measured("sinus"), _measured("lvh_strain")
    assert stemi.leads["III"].st_j60_mv > 0.1
    assert normal.leads["V6"].st_slope in ("horizontal", "upsloping")
    assert strain.leads["V6"].st_j60_mv < -0.05
    assert strain.leads["V6"].t_amplitude_mv < 0


def test_progression_of_r() -> None:
    assert _measured("sinus").transition_zone in ("V3", "V4")
    assert _measured("old_anterior_infarction").transition_zone in ("V4", "V5", "V6", None)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ([-0.1, 1.2, -0.3], "qRs"),
        ([0.2, -0.9, 0.7], "rSR'"),
        ([-1.0], "QS"),
        ([0.8], "R"),
        ([0.3, -1.0], "rS"),
        ([0.01], None),
    ],
)
def test_morphology_is_spelt_as_cardiologists_do(shape: list[float], expected: str | None) -> None:
    qrs = np.concatenate([peak * np.hanning(15) for peak in shape])
    assert morphology(qrs_waves(qrs)) == expected


def test_amplitudes_of_one_deflection() -> None:
    waves = qrs_waves(np.concatenate([-0.2 * np.hanning(11), 1.5 * np.hanning(21)]))
    assert waves["q"][0] == pytest.approx(-0.2, abs=0.01)
    assert waves["r"][0] == pytest.approx(1.5, abs=0.01)
    assert 35 <= waves["r"][1] <= 45


def test_beats_one_by_one_agree_with_the_median_beat() -> None:
    record, _ = calibration_ecg()
    measured = measure(record)
    for name, value in measured.by_beat.items():
        assert value == pytest.approx(getattr(measured, name), abs=6.0), name
