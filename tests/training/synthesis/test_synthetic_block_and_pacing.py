"""AV block, pacing and rhythms from the junction or the ventricles, by what defines them."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from training.synthesis import kind_spec, synthesize


def made(kind, seed=7, **changes):
    return synthesize(replace(kind_spec(kind), **changes), np.random.default_rng(seed))


def test_mobitz_2_drops_a_beat_without_any_lengthening():
    truth = made("av_block_2_mobitz_2", duration_s=30)[1]
    dropped = [p for p in truth.p_waves if not p.conducted]
    assert len(truth.p_waves) / len(dropped) == pytest.approx(4, abs=0.7)
    delays_ms = [1000 * (beat.qrs_onset_s - beat.p_onset_s) for beat in truth.beats if beat.p_onset_s is not None]
    assert np.ptp(delays_ms) < 1
    assert "second-degree AV block, Mobitz II" in truth.names


def test_two_to_one_block_conducts_every_second_p():
    truth = made("av_block_2_to_1", duration_s=30)[1]
    conducted = [p.conducted for p in truth.p_waves]
    assert all(a != b for a, b in itertools.pairwise(conducted))
    assert "2:1 AV block" in truth.names
    assert truth.heart_rate_bpm == pytest.approx(42, rel=0.03)


def test_complete_block_with_a_junctional_escape_is_narrow():
    truth = made("av_block_3_junctional", duration_s=30)[1]
    assert truth.qrs_duration_ms < 100
    assert truth.pr_interval_ms is None
    distances = [min((beat.qrs_onset_s - p.onset_s) % 10 for p in truth.p_waves) for beat in truth.beats]
    assert np.std(distances) > 0.05


@pytest.mark.parametrize("kind", ["ventricular_tachycardia", "ventricular_tachycardia_outflow"])
def test_ventricular_tachycardia_is_fast_wide_regular_and_dissociated(kind):
    truth = made(kind)[1]
    rr_ms = 1000 * np.diff([beat.r_s for beat in truth.beats])
    assert truth.heart_rate_bpm > 150
    assert truth.qrs_duration_ms > 130
    assert np.ptp(rr_ms) < 1
    assert truth.pr_interval_ms is None
    assert 8 <= len(truth.p_waves) <= 16
    assert truth.names == ("ventricular tachycardia",)


def test_junctional_rhythm_has_no_p():
    truth = made("junctional_rhythm")[1]
    assert not truth.p_waves
    assert truth.qrs_duration_ms < 100
    assert 40 <= truth.heart_rate_bpm <= 60


def test_atrial_spikes_stand_before_p_and_the_qrs_is_the_patients_own():
    record, truth = made("atrial_paced", sampling_rate_hz=1000)
    steps = np.abs(np.diff(record.lead("II").astype(float)))
    for p in truth.p_waves:
        spike = round(1000 * p.pacing_spike_s)
        assert steps[max(0, spike - 2) : spike + 3].max() > 0.15
        assert 0 < p.onset_s - p.pacing_spike_s < 0.01
    assert all(beat.pacing_spike_s is None for beat in truth.beats)
    assert truth.qrs_duration_ms < 100
    assert truth.pr_interval_ms == pytest.approx(176, abs=4)


def test_dual_chamber_pacing_has_both_spikes():
    truth = made("dual_paced")[1]
    assert all(p.pacing_spike_s is not None for p in truth.p_waves)
    for beat in truth.beats:
        assert 0 < beat.qrs_onset_s - beat.pacing_spike_s < 0.01
    assert truth.qrs_duration_ms > 140
    assert truth.names == ("dual-chamber paced rhythm",)


def test_trigeminy_repeats_every_third_beat():
    truth = made("pvc_trigeminy", duration_s=20)[1]
    early = [number for number, beat in enumerate(truth.beats) if beat.kind == "ventricular_ectopic"]
    assert set(np.diff(early)) == {3}
    assert "ventricular trigeminy" in truth.names
