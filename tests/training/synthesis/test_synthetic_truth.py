"""The truth against the clean signal, measured here by threshold crossing, not by the generator's own functions."""

from dataclasses import replace

import numpy as np
import pytest

from ecgr1_core.record import LEADS
from training.synthesis import KINDS, VISIBLE_MV, NoiseSpec, SyntheticSpec, kind_spec, synthesize

STEADY = SyntheticSpec(rr_variability_ms=0, heart_rate_bpm=60)


def seeded(spec, seed=5):
    return synthesize(spec, np.random.default_rng(seed))


def runs_beyond(record, threshold_mv=VISIBLE_MV):
    """[start_s, end_s] of every stretch in which some lead is beyond the threshold."""
    seen = np.max(np.abs(record.signal_mv), axis=0) > threshold_mv
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]]).astype(int)))
    return edges.reshape(-1, 2) / record.sampling_rate_hz


def without_st(qrs):
    """The complex without a last deflection that only rises (or falls) towards the ST level."""
    last = np.flatnonzero(np.sign(qrs) != np.sign(qrs[-1]))
    begin = last[-1] + 1 if len(last) else 0
    return qrs[:begin] if np.argmax(np.abs(qrs[begin:])) >= len(qrs) - begin - 2 else qrs


def lead(record, name):
    return record.lead(name).astype(float)


@pytest.mark.parametrize("sampling_rate_hz", [250, 500, 1000])
@pytest.mark.parametrize("kind", ["sinus", "rbbb", "lafb", "av_block_1", "long_qt"])
def test_waves_begin_and_end_where_the_truth_says(kind, sampling_rate_hz):
    spec = replace(kind_spec(kind), heart_rate_bpm=55, rr_variability_ms=0, sampling_rate_hz=sampling_rate_hz)
    record, truth = seeded(spec)
    runs = runs_beyond(record)
    tolerance_s = 1 / sampling_rate_hz + 0.0006
    whole = [b for b in truth.beats if b.p_onset_s is not None and b.t_offset_s is not None]
    assert len(whole) >= 8
    for beat in whole:
        for onset_s, offset_s in [
            (beat.p_onset_s, beat.p_offset_s),
            (beat.qrs_onset_s, beat.qrs_offset_s),
            (beat.t_onset_s, beat.t_offset_s),
        ]:
            nearest = runs[np.argmin(np.abs(runs[:, 0] - onset_s))]
            assert nearest[0] == pytest.approx(onset_s, abs=tolerance_s)
            assert nearest[1] == pytest.approx(offset_s, abs=tolerance_s)


def test_global_intervals_are_those_of_the_beats_and_of_the_specification():
    spec = replace(STEADY, pr_interval_ms=170, qrs_duration_ms=96, qt_interval_ms=402, p_duration_ms=108)
    _, truth = seeded(spec)
    beat = next(b for b in truth.beats if b.p_onset_s is not None and b.t_offset_s is not None)
    assert truth.pr_interval_ms == pytest.approx(1000 * (beat.qrs_onset_s - beat.p_onset_s), abs=1e-6)
    assert truth.qrs_duration_ms == pytest.approx(1000 * (beat.qrs_offset_s - beat.qrs_onset_s), abs=1e-6)
    assert truth.qt_interval_ms == pytest.approx(1000 * (beat.t_offset_s - beat.qrs_onset_s), abs=1e-6)
    assert truth.p_duration_ms == pytest.approx(1000 * (beat.p_offset_s - beat.p_onset_s), abs=1e-6)
    assert truth.support.pr_interval_ms == pytest.approx(170)
    assert truth.support.qrs_duration_ms == pytest.approx(96)
    assert truth.support.qt_interval_ms == pytest.approx(402)
    assert truth.support.p_duration_ms == pytest.approx(108)
    assert truth.pr_interval_ms == pytest.approx(170, abs=3)
    assert truth.qrs_duration_ms == pytest.approx(96, abs=3)
    assert truth.qt_interval_ms == pytest.approx(402, abs=6)
    assert truth.p_duration_ms == pytest.approx(108, abs=8)


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_limb_leads_obey_einthoven_and_goldberger(kind):
    record, _ = seeded(replace(kind_spec(kind), noise=NoiseSpec(0.05, 0.02, 0.02)))
    one, two, three = (lead(record, name) for name in ("I", "II", "III"))
    assert np.max(np.abs(one + three - two)) < 2e-6
    assert np.max(np.abs(lead(record, "aVR") + (one + two) / 2)) < 2e-6
    assert np.max(np.abs(lead(record, "aVL") - (one - three) / 2)) < 2e-6
    assert np.max(np.abs(lead(record, "aVF") - (two + three) / 2)) < 2e-6
    assert np.ptp(record.signal_mv, axis=1).min() > 0.05


@pytest.mark.parametrize("axis_deg", [-60, -15, 30, 75, 110, 170])
def test_the_axis_of_the_net_qrs_area_is_the_one_asked_for(axis_deg):
    record, truth = seeded(replace(STEADY, qrs_axis_deg=axis_deg, sampling_rate_hz=1000))
    beat = truth.beats[3]
    part = slice(round(1000 * beat.qrs_onset_s) - 2, round(1000 * beat.qrs_offset_s) + 3)
    left = lead(record, "I")[part].sum()
    down = (lead(record, "II")[part] + lead(record, "III")[part]).sum() / np.sqrt(3)
    assert np.degrees(np.arctan2(down, left)) == pytest.approx(axis_deg, abs=1)
    assert truth.qrs_axis_deg == pytest.approx(axis_deg, abs=0.01)


def test_p_and_t_axes_are_those_asked_for():
    record, truth = seeded(replace(STEADY, p_axis_deg=40, t_axis_deg=-30, sampling_rate_hz=1000))
    beat = truth.beats[3]
    for onset_s, offset_s, axis_deg in [(beat.p_onset_s, beat.p_offset_s, 40), (beat.t_onset_s, beat.t_offset_s, -30)]:
        part = slice(round(1000 * onset_s), round(1000 * offset_s))
        down = (lead(record, "II")[part] + lead(record, "III")[part]).sum() / np.sqrt(3)
        assert np.degrees(np.arctan2(down, lead(record, "I")[part].sum())) == pytest.approx(axis_deg, abs=2)
    assert (truth.p_axis_deg, truth.t_axis_deg) == (pytest.approx(40), pytest.approx(-30))


@pytest.mark.parametrize("kind", ["sinus", "rbbb", "lbbb", "lvh_strain", "anterior_stemi", "old_inferior_infarction"])
def test_amplitudes_are_those_of_the_clean_signal(kind):
    record, truth = seeded(replace(kind_spec(kind), rr_variability_ms=0, sampling_rate_hz=2000))
    beat = truth.beats[3]
    first, j_point = round(2000 * beat.qrs_onset_s), round(2000 * beat.qrs_offset_s)
    for name in LEADS:
        told, signal = truth.leads[name], lead(record, name)
        qrs = without_st(signal[first:j_point])
        heights = [told.r_amplitude_mv, told.r_prime_amplitude_mv]
        depths = [told.q_amplitude_mv, told.s_amplitude_mv, told.s_prime_amplitude_mv]
        if any(heights):
            assert max(h for h in heights if h) == pytest.approx(qrs.max(), abs=0.02)
        if any(depths):
            assert min(d for d in depths if d) == pytest.approx(qrs.min(), abs=0.02)
        assert told.qrs_peak_to_peak_mv == pytest.approx(np.ptp(signal[first:j_point]), abs=0.02)
        exact_j = first + round(2 * truth.support.qrs_duration_ms)
        assert told.st_j60_mv == pytest.approx(signal[exact_j + 120], abs=0.006)
        t_wave = signal[round(2000 * beat.t_onset_s) : round(2000 * beat.t_offset_s)]
        if abs(told.st_j60_mv) < 0.02 and told.t_amplitude_mv is not None:
            assert told.t_amplitude_mv == pytest.approx(t_wave[np.argmax(np.abs(t_wave))], abs=0.003)


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_truth_is_the_same_at_every_sampling_rate(kind):
    truths = [seeded(replace(kind_spec(kind), sampling_rate_hz=rate))[1] for rate in (250, 500, 1000)]
    assert truths[0] == truths[1] == truths[2]


@pytest.mark.parametrize("kind", ["sinus", "atrial_fibrillation", "atrial_flutter", "pvc"])
def test_slower_sampling_takes_the_same_signal_at_fewer_instants(kind):
    fast, _ = seeded(replace(kind_spec(kind), sampling_rate_hz=1000))
    slow, _ = seeded(replace(kind_spec(kind), sampling_rate_hz=250))
    assert np.max(np.abs(fast.signal_mv[:, ::4] - slow.signal_mv)) < 1e-5


def test_one_seed_gives_one_recording_and_another_seed_another():
    spec = replace(kind_spec("atrial_fibrillation"), noise=NoiseSpec(0.05, 0.02, 0.02))
    first, again, other = seeded(spec, 1), seeded(spec, 1), seeded(spec, 2)
    assert np.array_equal(first[0].signal_mv, again[0].signal_mv)
    assert first[1] == again[1]
    assert not np.array_equal(first[0].signal_mv, other[0].signal_mv)


def test_noise_does_not_change_the_truth():
    clean_record, clean = seeded(STEADY)
    noisy_record, noisy = seeded(replace(STEADY, noise=NoiseSpec(0.2, 0.05, 0.1, leads_off=("V3",))))
    assert clean == noisy
    assert np.std(noisy_record.signal_mv - clean_record.signal_mv) > 0.05


def test_truth_as_json_is_plain_and_complete():
    data = seeded(kind_spec("inferior_stemi"))[1].to_json()
    assert list(data["leads"]) == list(LEADS)
    assert data["leads"]["III"]["st_j_mv"] > 0.2
    assert data["leads"]["aVL"]["st_j_mv"] < -0.1
    assert {"qrs_onset_s", "t_offset_s", "kind"} <= set(data["beats"][0])
    assert data["labels"] == ["SR", "IMI", "STE_"]
