"""Augmentation: what changes, what stays, and which labels survive."""

from dataclasses import replace

import numpy as np
import pytest

from ecgr1_core import vocabulary
from ecgr1_core.errors import InputError
from ecgr1_core.measure import measure
from ecgr1_core.record import LEADS
from training import augment
from training.augment import augmented, scaled, time_warped, turned, with_lead_gains, with_noise
from training.synthesis import NoiseSpec, kind_spec, synthesize
from training.typical_beat import noise_of, typical_beat, with_beat_of


def made(kind="rbbb", **changes):
    return synthesize(replace(kind_spec(kind), **changes), np.random.default_rng(1))


def rms(signal):
    return float(np.sqrt(np.mean(np.square(signal))))


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_time_is_stretched_between_the_complexes_and_not_in_them(factor):
    record, truth = made()
    before, after = measure(record), measure(time_warped(record, truth.names, factor).record)
    assert after.qrs_duration_ms == pytest.approx(before.qrs_duration_ms, abs=6)
    wide = truth.qrs_duration_ms + 40
    expected_rr = wide + factor * (truth.rr_ms - wide)
    assert 60000 / after.heart_rate_bpm == pytest.approx(expected_rr, rel=0.02)
    assert after.qt_interval_ms == pytest.approx(
        truth.qrs_duration_ms + 20 + factor * (truth.qt_interval_ms - truth.qrs_duration_ms - 20), abs=12
    )
    assert after.qrs_axis_deg == pytest.approx(before.qrs_axis_deg, abs=3)


def test_a_longer_recording_is_cut_and_a_shorter_one_stays_short():
    record, _ = made()
    assert time_warped(record, (), 1.3).record.samples == record.samples
    assert 0.8 * record.samples < time_warped(record, (), 0.8).record.samples < 0.9 * record.samples


def test_labels_of_rate_follow_the_new_rate_and_those_of_intervals_are_given_up():
    record, _ = made("sinus", heart_rate_bpm=66)
    names = ("normal ECG", "sinus rhythm", "first-degree AV block", "complete right bundle branch block")
    slower = time_warped(record, names, 1.3)
    assert slower.labels == ("complete right bundle branch block",)  # 53/min: no sinus rhythm of ordinary rate
    assert slower.dropped == ("normal ECG", "sinus rhythm", "first-degree AV block")
    assert time_warped(record, names, 0.9).labels == ("sinus rhythm", "complete right bundle branch block")


def test_a_turned_heart_has_another_axis_and_obeys_einthoven():
    record, truth = made("sinus", noise=NoiseSpec(muscle_rms_mv=0.01))
    before = measure(record)
    found = turned(record, (*truth.names, "left axis deviation"), 20, -15)
    after = measure(found.record)
    assert after.qrs_axis_deg == pytest.approx(before.qrs_axis_deg + 20, abs=12)  # the rotation moves x, too
    assert after.qrs_duration_ms == pytest.approx(before.qrs_duration_ms, abs=8)
    one, two, three = found.record.signal_mv[:3]
    assert np.allclose(two, one + three, atol=1e-5)
    assert found.labels == ("sinus rhythm",)
    assert "left axis deviation" in found.dropped
    assert np.allclose(turned(record, (), 0, 0).record.signal_mv, record.signal_mv, atol=1e-5)
    with pytest.raises(InputError, match="leads without a signal"):
        turned(replace(record, flat_leads=("V1",)), (), 10, 0)


def test_scaling_scales_and_gives_up_what_is_a_voltage():
    record, truth = made("lvh_strain")
    found = scaled(record, truth.names, 0.85)
    assert np.allclose(found.record.signal_mv, 0.85 * record.signal_mv)
    assert found.dropped == ("left ventricular hypertrophy",)
    assert found.labels == ("sinus rhythm",)


def test_lead_gains_keep_einthovens_law_and_differ_by_lead():
    record, _ = made()
    found = with_lead_gains(record, (), np.random.default_rng(4), sd=0.08).record
    one, two, three = (found.lead(name).astype(float) for name in ("I", "II", "III"))
    assert np.max(np.abs(one + three - two)) < 1e-5
    assert np.max(np.abs(found.lead("aVL") - (one - three) / 2)) < 1e-5
    gains = [rms(found.lead(name)) / rms(record.lead(name)) for name in ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")]
    assert len({round(gain, 3) for gain in gains}) == 8
    assert all(np.exp(-0.17) < gain < np.exp(0.17) for gain in gains)


def test_gains_leave_missing_and_flat_leads_alone():
    record, _ = made()
    signal = record.signal_mv.copy()
    signal[LEADS.index("I")] = np.nan
    signal[LEADS.index("V3")] = 0
    holed = replace(record, signal_mv=signal, missing_leads=("I",), flat_leads=("V3",))
    found = with_lead_gains(holed, (), np.random.default_rng(0)).record
    assert np.isnan(found.lead("I")).all()
    assert np.array_equal(found.lead("II"), holed.lead("II"))
    assert not found.lead("V3").any()
    assert not np.array_equal(found.lead("V4"), holed.lead("V4"))


@pytest.mark.parametrize("kind", ["sinus", "rbbb", "inferior_stemi"])
def test_the_noise_of_a_recording_is_found_again(kind):
    noise = NoiseSpec(baseline_wander_mv=0.05, muscle_rms_mv=0.015, mains_mv=0.01)
    clean, noisy = made(kind)[0], made(kind, noise=noise)[0]
    true = noisy.signal_mv.astype(float) - clean.signal_mv
    found = noise_of(noisy)
    starts = range(0, true.shape[1] - found.shape[1] + 1)
    likeness = [np.corrcoef(true[1, at : at + found.shape[1]], found[1])[0, 1] for at in starts]
    at = int(np.argmax(likeness))
    same = true[:, at : at + found.shape[1]]
    assert max(likeness) > 0.93
    assert rms(found) == pytest.approx(rms(same), rel=0.1)
    assert rms(noise_of(clean)) < 0.002


def test_noise_is_carried_to_another_recording_of_another_rate_and_length():
    taken = noise_of(made("sinus", noise=NoiseSpec(muscle_rms_mv=0.03))[0])
    slow, _ = made("lbbb", sampling_rate_hz=250, duration_s=25)
    found = with_noise(slow, ("complete left bundle branch block",), taken, gain=0.5)
    added = found.record.signal_mv - slow.signal_mv
    assert found.labels == ("complete left bundle branch block",)
    for part in np.array_split(added, 5, axis=1):  # also where the noise is mirrored
        assert 0.25 * rms(taken) < rms(part) < 0.75 * rms(taken)


def test_noise_is_not_taken_from_recordings_without_like_beats():
    with pytest.raises(InputError, match="beats of one shape"):
        noise_of(made("pvc_bigeminy")[0])
    with pytest.raises(InputError, match="without a signal"):
        noise_of(made("sinus", noise=NoiseSpec(leads_off=("V2",)))[0])


def test_the_whole_beat_of_another_makes_its_measurements():
    record, other = made("sinus", heart_rate_bpm=70.0)[0], made("rbbb", heart_rate_bpm=70.0)[0]
    own, theirs = typical_beat(record), typical_beat(other)
    changed = measure(with_beat_of(record, own, theirs, 1.0))
    expected, before = measure(other), measure(record)
    assert changed.heart_rate_bpm == pytest.approx(before.heart_rate_bpm, abs=0.5)
    assert [beat.r_s for beat in changed.beats] == pytest.approx([beat.r_s for beat in before.beats], abs=0.04)
    assert changed.qrs_duration_ms == pytest.approx(expected.qrs_duration_ms, abs=8)
    assert changed.pr_interval_ms == pytest.approx(expected.pr_interval_ms, abs=12)
    for lead in ("I", "V1", "V6"):
        for name in ("r_amplitude_mv", "t_amplitude_mv"):
            wanted = getattr(expected.leads[lead], name)
            assert getattr(changed.leads[lead], name) == pytest.approx(wanted, abs=0.06), (lead, name)
    half = measure(with_beat_of(record, own, theirs, 0.5)).leads["V1"].r_amplitude_mv
    assert before.leads["V1"].r_amplitude_mv < half < expected.leads["V1"].r_amplitude_mv
    assert np.allclose(with_beat_of(record, own, own, 1.0).signal_mv, record.signal_mv, atol=1e-5)


def test_a_beat_with_a_p_wave_gives_none_to_fibrillation():
    fibrillating, sinus = made("atrial_fibrillation")[0], made("sinus")[0]
    changed = with_beat_of(fibrillating, typical_beat(fibrillating), typical_beat(sinus), 1.0)
    assert not measure(changed).rhythm.p_wave_present
    beat_s = measure(fibrillating).beats[4].r_s
    before = slice(round((beat_s - 0.3) * 500), round((beat_s - 0.13) * 500))
    assert np.allclose(changed.lead("II")[before], fibrillating.lead("II")[before], atol=0.02)


def test_beats_between_others_stay_when_the_usual_beat_is_exchanged():
    record = made("pvc_bigeminy")[0]
    changed = with_beat_of(record, typical_beat(record), typical_beat(made("lvh_strain")[0]), 1.0)
    kinds = [[beat.kind for beat in measure(one).beats] for one in (record, changed)]
    assert kinds[0] == kinds[1]


def test_a_typical_beat_needs_all_leads_and_six_beats():
    with pytest.raises(InputError, match="leads without a signal"):
        typical_beat(made("sinus", noise=NoiseSpec(leads_off=("V2",)))[0])
    with pytest.raises(InputError, match="has not 6 beats"):
        typical_beat(made("sinus", duration_s=4.0)[0])


def test_one_seed_one_augmentation_and_labels_are_only_ever_lost():
    record, truth = made("lvh_strain")
    noises = [noise_of(made("sinus", noise=NoiseSpec(muscle_rms_mv=0.02))[0])]
    results = [augmented(record, truth.names, np.random.default_rng(seed), noises) for seed in range(12)]
    again = augmented(record, truth.names, np.random.default_rng(3), noises)
    assert np.array_equal(results[3].record.signal_mv, again.record.signal_mv)
    assert len({result.record.signal_mv.tobytes() for result in results}) > 8
    for result in results:
        assert sorted((*result.labels, *result.dropped)) == sorted(truth.names)
        assert np.isfinite(result.record.signal_mv).all()
    exchange = typical_beat(record), typical_beat(made("sinus")[0])
    others = [augmented(record, truth.names, np.random.default_rng(seed), noises, None, exchange) for seed in range(12)]
    assert (
        2
        < sum(
            one.record.signal_mv.tobytes() != other.record.signal_mv.tobytes()
            for one, other in zip(results, others, strict=True)
        )
        <= 12
    )
    assert all(sorted((*one.labels, *one.dropped)) == sorted(truth.names) for one in others)


@pytest.mark.parametrize("factor", [0.5, 2.0, float("nan")])
def test_factors_that_leave_no_likely_ecg(factor):
    record, _ = made()
    for change in (time_warped, scaled):
        with pytest.raises(InputError, match="would not leave a likely ECG"):
            change(record, (), factor)


def test_a_recording_without_beats_keeps_its_time():
    record, _ = made()
    silent = replace(record, signal_mv=np.zeros_like(record.signal_mv))
    with pytest.raises(InputError, match="fewer than two beats"):
        time_warped(silent, (), 1.1)
    for seed in range(4):
        assert augmented(silent, (), np.random.default_rng(seed)).record.samples == silent.samples


def test_unknown_samples_stay_unknown_when_time_is_stretched():
    record, _ = made()
    signal = record.signal_mv.copy()
    signal[LEADS.index("V5"), 1000:1100] = np.nan
    found = time_warped(replace(record, signal_mv=signal), (), 1.2).record
    unknown = np.isnan(found.signal_mv)
    assert 90 < unknown[LEADS.index("V5")].sum() < 130
    assert not np.delete(unknown, LEADS.index("V5"), axis=0).any()


def test_labels_that_may_be_lost_are_of_the_vocabulary():
    for name in {
        *augment._OF_RATE,
        *augment._OF_RHYTHM,
        *augment._OF_INTERVALS,
        *augment._OF_VOLTAGE,
        *augment._OF_AXIS,
    }:
        assert vocabulary.label(name).name == name
