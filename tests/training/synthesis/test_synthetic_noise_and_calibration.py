"""Noise of the size asked for, faults of recording, and calibration ECGs of exact amplitude."""

from dataclasses import replace

import numpy as np
import pytest

from ecgr1_core.errors import InputError
from ecgr1_core.record import LEADS
from training.synthesis import CALIBRATION_FACTORS, NoiseSpec, SyntheticSpec, calibration_ecg, synthesize


def noise_in_lead_i(noise, seeds=20, sampling_rate_hz=500):
    spec = SyntheticSpec(sampling_rate_hz=sampling_rate_hz)
    clean = [synthesize(spec, np.random.default_rng(seed))[0].lead("I") for seed in range(seeds)]
    noisy = [synthesize(replace(spec, noise=noise), np.random.default_rng(seed))[0].lead("I") for seed in range(seeds)]
    return np.array(noisy, dtype=float) - np.array(clean, dtype=float)


def power_between(signals, low_hz, high_hz, sampling_rate_hz=500):
    spectrum = np.abs(np.fft.rfft(signals, axis=1)) ** 2
    frequencies = np.fft.rfftfreq(signals.shape[1], 1 / sampling_rate_hz)
    return spectrum[:, (frequencies >= low_hz) & (frequencies <= high_hz)].sum() / spectrum.sum()


def test_muscle_noise_has_its_size_and_its_band():
    noise = noise_in_lead_i(NoiseSpec(muscle_rms_mv=0.05))
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(0.05, rel=0.05)
    assert power_between(noise, 19.9, 150.1) > 0.999


def test_wander_is_slow_and_has_its_size():
    noise = noise_in_lead_i(NoiseSpec(baseline_wander_mv=0.2), seeds=60)
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(0.2, rel=0.25)
    assert power_between(noise, 0, 1.0) > 0.98


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_mains_has_its_frequency_and_its_size(mains_hz):
    noise = noise_in_lead_i(NoiseSpec(mains_mv=0.1, mains_hz=mains_hz), seeds=60)
    assert np.sqrt(2 * np.mean(noise**2)) == pytest.approx(0.1, rel=0.2)
    assert power_between(noise, mains_hz - 0.5, mains_hz + 0.5) > 0.99


def test_a_lead_off_is_flat_and_named():
    noise = NoiseSpec(muscle_rms_mv=0.02, leads_off=("V2", "aVL"))
    record, truth = synthesize(SyntheticSpec(noise=noise), np.random.default_rng(0))
    assert record.flat_leads == ("V2", "aVL")
    assert not record.lead("V2").any()
    assert truth.leads["V2"].r_amplitude_mv > 0.2


def test_swapped_arms_invert_i_and_exchange_the_others():
    plain, _ = synthesize(SyntheticSpec(), np.random.default_rng(0))
    swapped, _ = synthesize(SyntheticSpec(noise=NoiseSpec(arm_leads_swapped=True)), np.random.default_rng(0))
    for shown, source, sign in [
        ("I", "I", -1),
        ("II", "III", 1),
        ("III", "II", 1),
        ("aVR", "aVL", 1),
        ("aVL", "aVR", 1),
        ("aVF", "aVF", 1),
        ("V4", "V4", 1),
    ]:
        assert np.array_equal(swapped.lead(shown), sign * plain.lead(source))


@pytest.mark.parametrize("sampling_rate_hz", [250, 500, 1000])
def test_calibration_shows_exactly_what_was_asked(sampling_rate_hz):
    asked = {"p_mv": 0.2, "q_mv": -0.15, "r_mv": 1.2, "s_mv": -0.4, "st_mv": 0.1, "t_mv": 0.35}
    record, truth = calibration_ecg(**asked, sampling_rate_hz=sampling_rate_hz)
    start = round(0.4 * sampling_rate_hz)
    qrs = slice(start, start + round(0.096 * sampling_rate_hz))
    for name in LEADS:
        factor, told, signal = CALIBRATION_FACTORS[name], truth.leads[name], record.lead(name).astype(float)
        shown = signal * np.sign(factor)
        assert shown[qrs].max() == pytest.approx(abs(factor) * 1.2, abs=1e-6)
        assert shown[qrs].min() == pytest.approx(-abs(factor) * 0.4, abs=1e-6)
        assert signal[start + round(0.156 * sampling_rate_hz)] == pytest.approx(factor * 0.1, abs=1e-6)
        assert told.st_j60_mv == pytest.approx(factor * 0.1, abs=1e-6)
        if factor > 0.2:
            assert told.q_amplitude_mv == pytest.approx(-0.15 * factor, abs=1e-6)
            assert told.r_amplitude_mv == pytest.approx(1.2 * factor, abs=1e-6)
            assert told.s_amplitude_mv == pytest.approx(-0.4 * factor, abs=1e-6)
            assert told.t_amplitude_mv == pytest.approx(0.35 * factor, abs=1e-4)
            assert told.p_amplitude_mv == pytest.approx(0.2 * factor, abs=1e-4)
    assert truth.support.qrs_duration_ms == pytest.approx(96)
    assert truth.support.pr_interval_ms == pytest.approx(160)
    assert truth.support.qt_interval_ms == pytest.approx(376)
    assert truth.support.p_duration_ms == pytest.approx(104)
    assert truth.qrs_duration_ms == pytest.approx(96, abs=2.5)
    assert truth.qt_interval_ms == pytest.approx(376, abs=4)
    assert truth.heart_rate_bpm == pytest.approx(60)


def test_calibration_obeys_einthoven():
    record, _ = calibration_ecg()
    assert np.allclose(record.lead("I") + record.lead("III"), record.lead("II"), atol=1e-6)
    assert np.allclose(record.lead("aVL"), (record.lead("I") - record.lead("III")) / 2, atol=1e-6)


def test_calibration_without_p_or_q():
    record, truth = calibration_ecg(p_mv=0, q_mv=0, q_duration_ms=0)
    assert truth.pr_interval_ms is None
    assert truth.leads["II"].p_amplitude_mv is None
    assert truth.leads["II"].morphology == "Rs"
    assert not record.lead("II")[round(0.2 * 500) : round(0.4 * 500)].any()


@pytest.mark.parametrize("wrong", [{"r_duration_ms": 50}, {"rr_ms": 300}, {"pr_interval_ms": 161}, {"t_mv": 0}])
def test_calibration_that_cannot_be_exact_is_refused(wrong):
    with pytest.raises(InputError, match="calibration ECG"):
        calibration_ecg(**wrong)
