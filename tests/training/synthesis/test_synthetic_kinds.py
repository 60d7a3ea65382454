"""Kinds against the criteria they are named after, and their labels."""

from dataclasses import replace

import numpy as np
import pytest

from ecgr1_core.errors import InputError
from training.synthesis import KINDS, NoiseSpec, SyntheticSpec, kind_spec, synthesize, varied


def made(kind, seed=3):
    return synthesize(kind_spec(kind), np.random.default_rng(seed))[1]


def test_a_normal_ecg_has_ordinary_amplitudes_and_progression():
    truth = made("sinus")
    leads = truth.leads
    assert 1.0 <= leads["V5"].r_amplitude_mv <= 1.8
    assert 0.8 <= -leads["V1"].s_amplitude_mv <= 1.2
    assert 0.1 <= leads["II"].p_amplitude_mv <= 0.2
    assert 0.2 <= leads["II"].t_amplitude_mv <= 0.5
    assert leads["V1"].p_negative_amplitude_mv > -0.1
    r = [leads[name].r_amplitude_mv for name in ("V1", "V2", "V3", "V4")]
    assert r == sorted(r)
    assert max(abs(told.st_j60_mv) for told in leads.values()) < 0.05
    assert truth.labels == ("NORM", "SR")
    assert 350 < truth.qt_interval_ms < 420


def test_right_bundle_branch_block():
    truth = made("rbbb")
    v1 = truth.leads["V1"]
    assert truth.qrs_duration_ms > 120
    assert v1.morphology.lower() == "rsr'"
    assert v1.r_prime_amplitude_mv > v1.r_amplitude_mv
    assert v1.t_amplitude_mv < 0
    assert truth.leads["V6"].s_duration_ms > 40
    assert truth.leads["I"].s_duration_ms > 40


def test_left_bundle_branch_block():
    truth = made("lbbb")
    assert truth.qrs_duration_ms > 120
    assert truth.leads["V1"].morphology == "QS"
    for name in ("I", "V5", "V6"):
        told = truth.leads[name]
        assert told.q_amplitude_mv is None
        assert told.r_duration_ms > 100
        assert told.t_amplitude_mv < 0
    assert truth.leads["V2"].st_j_mv > 0.1


def test_left_anterior_fascicular_block():
    truth = made("lafb")
    assert -90 <= truth.qrs_axis_deg <= -45
    assert truth.qrs_duration_ms < 120
    assert truth.leads["aVL"].morphology.lower() == "qr"
    assert truth.leads["III"].morphology.lower() == "rs"


def test_left_ventricular_hypertrophy_meets_sokolow_lyon_with_strain():
    leads = made("lvh_strain").leads
    assert -leads["V1"].s_amplitude_mv + leads["V5"].r_amplitude_mv > 3.5
    assert leads["V6"].st_j60_mv < -0.1
    assert leads["V6"].t_amplitude_mv < -0.1


@pytest.mark.parametrize(
    ("kind", "raised", "depressed"),
    [
        ("inferior_stemi", {"II": 0.1, "III": 0.1, "aVF": 0.1}, ("aVL",)),
        ("anterior_stemi", {"V2": 0.25, "V3": 0.25, "V4": 0.15}, ("III",)),
        ("lateral_stemi", {"I": 0.1, "aVL": 0.1, "V6": 0.1}, ("III",)),
    ],
)
def test_infarction_raises_its_territory_and_depresses_the_opposite(kind, raised, depressed):
    leads = made(kind).leads
    for name, least_mv in raised.items():
        assert leads[name].st_j_mv >= least_mv
    for name in depressed:
        assert leads[name].st_j_mv <= -0.05


def test_old_infarction_leaves_q_waves():
    inferior, anterior = made("old_inferior_infarction").leads, made("old_anterior_infarction").leads
    for name in ("II", "III", "aVF"):
        assert inferior[name].q_duration_ms >= 25
        assert inferior[name].q_amplitude_mv <= -0.1
    assert {anterior[name].morphology for name in ("V1", "V2", "V3")} == {"QS"}


def test_preexcitation_has_short_pr_and_wide_qrs():
    truth = made("wpw")
    assert truth.pr_interval_ms < 120
    assert truth.qrs_duration_ms > 110
    assert "WPW" in truth.labels


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("sinus_bradycardia", "SBRAD"),
        ("sinus_tachycardia", "STACH"),
        ("sinus_arrhythmia", "SARRH"),
        ("av_block_1", "1AVB"),
        ("long_qt", "LNGQT"),
        ("av_block_3", "3AVB"),
        ("supraventricular_tachycardia", "SVTAC"),
        ("t_inversion", "INVT"),
    ],
)
def test_labels(kind, code):
    assert code in made(kind).labels


@pytest.mark.parametrize("kind", list(KINDS))
def test_varied_patients_keep_the_labels_of_their_kind(kind):
    typical = made(kind).labels
    rng = np.random.default_rng(0)
    rates = set()
    for _ in range(15):
        spec = varied(kind_spec(kind), rng)
        _, truth = synthesize(spec, rng)
        assert truth.labels == typical
        rates.add(round(spec.heart_rate_bpm, 3))
    assert len(rates) > 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"heart_rate_bpm": 900},
        {"duration_s": float("nan")},
        {"rhythm": "waltz"},
        {"morphology": "square"},
        {"qrs_duration_ms": 200, "qt_interval_ms": 250},
        {"rhythm": "flutter", "heart_rate_bpm": 200},
        {"noise": NoiseSpec(leads_off=("V7",))},
        {"noise": NoiseSpec(muscle_rms_mv=-1)},
        {"noise": NoiseSpec(mains_mv=0.1), "sampling_rate_hz": 90},
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_sentence(wrong):
    with pytest.raises(InputError, match=r"; give "):
        synthesize(replace(SyntheticSpec(), **wrong), np.random.default_rng(0))
