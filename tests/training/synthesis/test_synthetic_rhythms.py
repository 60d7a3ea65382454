"""Each rhythm by what defines it: rates, regularity, P waves and their relation to the QRS."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from training.synthesis import kind_spec, synthesize


def made(kind, seed=7, **changes):
    return synthesize(replace(kind_spec(kind), **changes), np.random.default_rng(seed))


def rr_ms(truth):
    return 1000 * np.diff([beat.r_s for beat in truth.beats])


@pytest.mark.parametrize(
    ("kind", "rate_bpm"), [("sinus", 72), ("sinus_bradycardia", 48), ("sinus_tachycardia", 124), ("av_block_1", 66)]
)
def test_sinus_rates(kind, rate_bpm):
    _, truth = made(kind, duration_s=30)
    assert truth.heart_rate_bpm == pytest.approx(rate_bpm, rel=0.02)
    assert truth.heart_rate_bpm * truth.rr_ms == pytest.approx(60000)
    assert 0 < np.std(rr_ms(truth)) < 40
    assert len(truth.p_waves) >= len(truth.beats) - 1


def test_r_peaks_lie_where_the_signal_is_largest():
    record, truth = made("sinus")
    size = np.sum(record.signal_mv**2, axis=0)
    for beat in truth.beats:
        around = slice(round(500 * (beat.r_s - 0.15)), round(500 * (beat.r_s + 0.15)))
        assert (around.start + np.argmax(size[around])) / 500 == pytest.approx(beat.r_s, abs=0.012)


def test_the_recording_is_filled_from_end_to_end():
    for kind in ("sinus", "pac", "pvc", "atrial_fibrillation", "atrial_flutter", "av_block_2_mobitz_1"):
        _, truth = made(kind, duration_s=60)
        assert truth.beats[0].r_s < 2.5
        assert truth.beats[-1].r_s > 57.5


def test_fibrillation_has_no_p_and_is_irregular_and_its_baseline_moves():
    record, truth = made("atrial_fibrillation", duration_s=60)
    assert truth.p_duration_ms is None
    assert truth.pr_interval_ms is None
    assert truth.p_axis_deg is None
    assert not truth.p_waves
    assert all(beat.p_onset_s is None for beat in truth.beats)
    assert all(told.p_amplitude_mv is None for told in truth.leads.values())
    intervals = rr_ms(truth)
    assert np.std(intervals) / np.mean(intervals) > 0.12
    assert abs(np.corrcoef(intervals[:-1], intervals[1:])[0, 1]) < 0.35
    assert truth.heart_rate_bpm == pytest.approx(92, rel=0.08)
    between = [
        np.ptp(record.lead("V1")[round(500 * beat.t_offset_s) : round(500 * after.qrs_onset_s)])
        for beat, after in itertools.pairwise(truth.beats)
        if beat.t_offset_s and after.qrs_onset_s - beat.t_offset_s > 0.15
    ]
    assert np.median(between) > 0.03


def test_flutter_waves_repeat_at_the_atrial_rate_and_are_negative_in_the_inferior_leads():
    record, truth = made("atrial_flutter", qrs_gain=0.05, t_gain=0.0, duration_s=20)
    inferior = record.lead("aVF").astype(float)
    spectrum = np.abs(np.fft.rfft(inferior - inferior.mean()))
    peak_hz = np.fft.rfftfreq(len(inferior), 1 / 500)[np.argmax(spectrum)]
    assert 60 * peak_hz == pytest.approx(300, abs=6)
    assert inferior.min() < -0.15
    assert truth.heart_rate_bpm == pytest.approx(75, rel=0.01)
    assert truth.pr_interval_ms is None


def test_variable_flutter_has_intervals_that_are_multiples_of_the_flutter_cycle():
    _, truth = made("atrial_flutter_variable")
    waves = rr_ms(truth) / (60000 / (96 * 3))
    assert np.allclose(waves, np.round(waves), atol=0.01)
    assert set(np.round(waves).astype(int)) == {2, 3, 4}


def test_wenckebach_lengthens_pr_until_a_p_is_dropped():
    _, truth = made("av_block_2_mobitz_1", duration_s=30)
    dropped = [p for p in truth.p_waves if not p.conducted]
    assert len(truth.p_waves) / len(dropped) == pytest.approx(4, abs=0.6)
    cycle = [1000 * (beat.qrs_onset_s - beat.p_onset_s) for beat in truth.beats if beat.p_onset_s is not None]
    start = int(np.argmin(cycle[:4]))
    assert cycle[start] < cycle[start + 1] < cycle[start + 2]
    assert cycle[start + 3] == pytest.approx(cycle[start])
    assert "2AVB" in truth.labels


def test_complete_block_dissociates_p_from_qrs():
    _, truth = made("av_block_3", duration_s=30)
    assert truth.heart_rate_bpm == pytest.approx(38, rel=0.01)
    p_rate = 60 / np.mean(np.diff([p.onset_s for p in truth.p_waves]))
    assert p_rate == pytest.approx(84, rel=0.03)
    assert truth.pr_interval_ms is None
    assert truth.qrs_duration_ms > 120
    assert truth.p_duration_ms is not None
    distances = [min((b.qrs_onset_s - p.onset_s) % 10 for p in truth.p_waves) for b in truth.beats]
    assert np.std(distances) > 0.05


def test_ventricular_beats_are_early_and_wide_and_followed_by_a_full_pause():
    _, truth = made("pvc", rr_variability_ms=0, duration_s=30)
    ectopic = [number for number, beat in enumerate(truth.beats) if beat.kind == "ventricular_ectopic"]
    assert len(ectopic) >= 5
    intervals = rr_ms(truth)
    sinus_ms = 60000 / 72
    for number in ectopic[:-1]:
        beat = truth.beats[number]
        assert beat.p_onset_s is None
        assert beat.qrs_offset_s - beat.qrs_onset_s > 0.13
        assert intervals[number - 1] < 0.75 * sinus_ms
        before, after = truth.beats[number - 1], truth.beats[number + 1]
        assert 1000 * (after.r_s - before.r_s) == pytest.approx(2 * sinus_ms, abs=1)
    assert truth.qrs_duration_ms < 100


def test_atrial_beats_are_early_and_narrow_and_reset_the_node():
    _, truth = made("pac", rr_variability_ms=0, duration_s=30)
    sinus_ms = 60000 / 70
    early = [number for number, beat in enumerate(truth.beats) if beat.kind == "supraventricular_ectopic"]
    assert len(early) >= 5
    for number in early[1:-1]:
        beat, before, after = truth.beats[number], truth.beats[number - 1], truth.beats[number + 1]
        assert beat.p_onset_s is not None
        assert 1000 * (beat.r_s - before.r_s) < 0.8 * sinus_ms
        assert 1000 * (after.r_s - before.r_s) < 1.9 * sinus_ms


def test_bigeminy_alternates():
    _, truth = made("pvc_bigeminy")
    kinds = [beat.kind for beat in truth.beats]
    assert all(a != b for a, b in itertools.pairwise(kinds))
    assert "BIGU" in truth.labels


def test_pacing_spikes_are_narrow_and_show_at_1000_hz():
    record, truth = made("ventricular_paced", sampling_rate_hz=1000)
    steps = np.abs(np.diff(record.lead("V1").astype(float)))
    for beat in truth.beats:
        spike = round(1000 * beat.pacing_spike_s)
        assert steps[spike - 2 : spike + 3].max() > 0.2
        assert 0 < beat.qrs_onset_s - beat.pacing_spike_s < 0.01
    assert truth.qrs_duration_ms > 140
    assert {beat.kind for beat in truth.beats} == {"paced"}
    assert truth.labels == ("PACE",)
