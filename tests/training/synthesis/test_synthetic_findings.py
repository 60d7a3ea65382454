"""Kinds by their criteria: infarction by wall and stage, hypertrophy, atria, fascicles, electrolytes, electrodes."""

from dataclasses import replace

import numpy as np
import pytest

from ecgr1_core import vocabulary
from ecgr1_core.errors import InputError
from ecgr1_core.record import LEADS, LIMB_LEADS, PRECORDIAL_LEADS
from training.synthesis import ATRIA, EXCHANGES, KINDS, MORPHOLOGIES, SyntheticSpec, kind_spec, synthesize

WALLS = {
    "inferior": ("II", "III", "aVF"),
    "anterior": ("V2", "V3", "V4"),
    "anteroseptal": ("V1", "V2", "V3"),
    "anterolateral": ("V3", "V4", "V5", "V6"),
    "lateral": ("I", "aVL", "V5", "V6"),
    "inferolateral": ("II", "III", "aVF", "V5", "V6"),
}


def made(kind, seed=3, **changes):
    return synthesize(replace(kind_spec(kind), **changes), np.random.default_rng(seed))


def leads(kind, **changes):
    return made(kind, **changes)[1].leads


@pytest.mark.parametrize("kind", list(KINDS))
def test_names_are_of_the_vocabulary_and_codes_follow_from_them(kind):
    truth = made(kind)[1]
    assert truth.names
    codes = [vocabulary.label(name).scp for name in truth.names]
    assert list(truth.labels) == list(dict.fromkeys(code for code in codes if code))
    assert ("normal ECG" in truth.names) == (truth.names == ("normal ECG", "sinus rhythm"))
    assert (kind == "sinus") == ("normal ECG" in truth.names)


@pytest.mark.parametrize("wall", WALLS)
def test_stages_of_an_infarction(wall):
    normal = leads("sinus")
    by_stage = {
        "hyperacute": leads(f"{wall}_stemi_hyperacute"),
        "acute": leads(f"{wall}_stemi"),
        "subacute": leads(f"{wall}_stemi_subacute"),
        "old": leads(f"old_{wall}_infarction"),
    }
    for lead in WALLS[wall]:
        at = {stage: told[lead] for stage, told in by_stage.items()}
        assert at["acute"].st_j_mv > at["hyperacute"].st_j_mv > at["subacute"].st_j_mv > 0.05
        assert at["acute"].st_j_mv >= 0.1
        assert abs(at["old"].st_j_mv) < 0.02
    tall = sum(by_stage["hyperacute"][lead].t_amplitude_mv > normal[lead].t_amplitude_mv for lead in WALLS[wall])
    assert tall == len(WALLS[wall])
    inverted = [lead for lead in WALLS[wall] if (by_stage["subacute"][lead].t_negative_amplitude_mv or 0) <= -0.1]
    assert len(inverted) >= 2
    lost = [
        lead
        for lead in WALLS[wall]
        if (by_stage["old"][lead].q_amplitude_mv or 0) <= -0.1 or by_stage["old"][lead].r_amplitude_mv is None
    ]
    assert len(lost) >= 2


def test_posterior_infarction_is_seen_from_the_front():
    told = leads("posterior_infarction_acute")
    for lead in ("V2", "V3"):
        assert told[lead].st_j60_mv < -0.1
        assert told[lead].t_amplitude_mv > 0.2
        assert told[lead].r_amplitude_mv > -told[lead].s_amplitude_mv


def test_pericarditis_raises_st_everywhere_and_lowers_pr():
    told = leads("pericarditis")
    assert sum(told[lead].st_j_mv >= 0.1 for lead in LEADS) >= 6
    assert told["aVR"].st_j_mv < -0.05
    assert told["II"].pr_segment_mv <= -0.05
    assert told["aVR"].pr_segment_mv > 0.04
    record, truth = made("pericarditis", rr_variability_ms=0, heart_rate_bpm=60)
    beat = truth.beats[3]
    before_qrs, before_p = (round(500 * (at - 0.01)) for at in (beat.qrs_onset_s, beat.p_onset_s))
    assert record.lead("II")[before_qrs] - record.lead("II")[before_p] == pytest.approx(
        told["II"].pr_segment_mv, abs=0.02
    )


def test_early_repolarization_has_a_notch_after_r_and_no_reciprocal_depression():
    record, truth = made("early_repolarization", sampling_rate_hz=1000)
    beat = truth.beats[3]
    end = record.lead("V5")[round(1000 * beat.r_s) : round(1000 * beat.qrs_offset_s)].astype(float)
    turns = np.diff(np.sign(np.diff(end)))
    assert (turns < 0).sum() >= 1  # another top after R
    assert min(truth.leads[lead].st_j_mv for lead in LEADS if lead != "aVR") > -0.05


def test_hypertrophy():
    rvh = made("rvh")[1]
    assert rvh.leads["V1"].r_amplitude_mv > 0.7
    assert rvh.leads["V1"].r_amplitude_mv > -(rvh.leads["V1"].s_amplitude_mv or 0)
    assert rvh.leads["V6"].r_amplitude_mv < -rvh.leads["V6"].s_amplitude_mv
    assert rvh.leads["V1"].t_amplitude_mv < -0.1
    assert "right axis deviation" in rvh.names
    lvh = leads("lvh")
    assert -lvh["V1"].s_amplitude_mv + lvh["V5"].r_amplitude_mv > 3.5
    assert lvh["V6"].t_amplitude_mv > 0.1


def test_atria():
    left, right = leads("left_atrial"), leads("right_atrial")
    assert made("left_atrial")[1].p_duration_ms >= 120
    assert left["V1"].p_negative_amplitude_mv <= -0.1
    assert right["II"].p_amplitude_mv > 0.25
    assert right["V1"].p_amplitude_mv > 0.1


def test_conduction():
    lpfb = made("lpfb")[1]
    assert lpfb.qrs_axis_deg > 100
    assert (lpfb.leads["I"].morphology.lower(), lpfb.leads["III"].morphology.lower()) == ("rs", "qr")
    both = made("rbbb_lafb")[1]
    assert both.leads["V1"].r_prime_amplitude_mv > both.leads["V1"].r_amplitude_mv
    assert -90 < both.qrs_axis_deg < -45
    assert both.qrs_duration_ms > 120
    partial = made("irbbb")[1]
    assert partial.leads["V1"].morphology.lower() == "rsr'"
    assert 100 < partial.qrs_duration_ms < 120
    slow = made("ivcd")[1]
    assert slow.qrs_duration_ms > 130
    assert slow.leads["V1"].r_prime_amplitude_mv is None
    assert made("left_axis")[1].qrs_axis_deg == pytest.approx(-39, abs=0.1)
    assert made("right_axis")[1].qrs_axis_deg > 100


def test_low_voltage():
    told = leads("low_voltage")
    assert max(told[lead].qrs_peak_to_peak_mv for lead in LIMB_LEADS) < 0.5
    assert max(told[lead].qrs_peak_to_peak_mv for lead in PRECORDIAL_LEADS) < 1.0


def test_electrolytes_and_digitalis():
    tall, normal = leads("hyperkalemia"), leads("sinus")
    assert tall["V3"].t_amplitude_mv > 1.0
    assert tall["V3"].t_amplitude_mv > 2 * normal["V3"].t_amplitude_mv
    assert made("hyperkalemia_severe")[1].qrs_duration_ms > 140
    flat = leads("hypokalemia")
    assert flat["V3"].u_amplitude_mv > flat["V3"].t_amplitude_mv
    assert flat["V5"].st_j60_mv < -0.05
    record, truth = made("hypokalemia", rr_variability_ms=0, heart_rate_bpm=50)
    beat = truth.beats[3]
    after = record.lead("V3")[round(500 * beat.t_offset_s) : round(500 * (beat.t_offset_s + 0.2))]
    assert after.max() == pytest.approx(flat["V3"].u_amplitude_mv, abs=0.01)
    long, short = made("hypocalcemia")[1], made("hypercalcemia")[1]
    assert long.qt_interval_ms > 480 > 360 > short.qt_interval_ms
    for truth, low, high in ((long, 180, 300), (short, 0, 40)):
        beat = truth.beats[3]
        assert low < 1000 * (beat.t_onset_s - beat.qrs_offset_s) < high
    sagging = leads("digitalis")["V5"]
    assert sagging.st_j80_mv < sagging.st_j_mv < -0.05


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_exchanged_electrodes_show_what_the_electrodes_then_see(exchange):
    """Leads are recomputed from electrode potentials, RA + LA + LL being zero."""
    plain = made("sinus")[0].signal_mv.astype(float)
    shown, truth = made("sinus", exchanged=exchange)
    one, two = plain[0], plain[1]
    electrodes = {"RA": -(one + two) / 3} | dict(zip(PRECORDIAL_LEADS, plain[6:], strict=True))
    electrodes |= {"LA": electrodes["RA"] + one, "LL": electrodes["RA"] + two}
    a, b = exchange.split("-")
    electrodes[a], electrodes[b] = electrodes[b], electrodes[a]
    first, second = electrodes["LA"] - electrodes["RA"], electrodes["LL"] - electrodes["RA"]
    limb = [first, second, second - first, -(first + second) / 2, first - second / 2, second - first / 2]
    assert np.allclose(shown.signal_mv, [*limb, *(electrodes[lead] for lead in PRECORDIAL_LEADS)], atol=1e-5)
    expected = "precordial lead reversal" if a.startswith("V") else "limb lead reversal"
    assert expected in truth.names


def test_turning_the_heart_moves_every_axis_and_the_transition():
    straight, turned = made("sinus")[1], made("sinus", frontal_turn_deg=20)[1]
    for axis in ("p_axis_deg", "qrs_axis_deg", "t_axis_deg"):
        assert getattr(turned, axis) - getattr(straight, axis) == pytest.approx(20, abs=0.01)
    clockwise = made("sinus", rotation_deg=25)[1]
    assert clockwise.leads["V3"].r_amplitude_mv < 0.8 * straight.leads["V3"].r_amplitude_mv


def test_a_repolarization_is_laid_over_another_qrs():
    spec = SyntheticSpec(morphology="rbbb", repolarization="inferior_stemi")
    truth = synthesize(spec, np.random.default_rng(0))[1]
    plain = made("rbbb")[1]
    assert {"complete right bundle branch block", "acute inferior ST-elevation myocardial infarction"} <= {*truth.names}
    assert truth.leads["III"].st_j_mv > 0.2 > 0.05 > plain.leads["III"].st_j_mv
    assert truth.leads["V1"].r_prime_amplitude_mv == pytest.approx(plain.leads["V1"].r_prime_amplitude_mv, rel=0.2)
    assert truth.qrs_duration_ms == pytest.approx(plain.qrs_duration_ms, abs=4)


@pytest.mark.parametrize("wrong", [{"repolarization": "none"}, {"atria": "both"}, {"exchanged": "RA-RL"}])
def test_unknown_names_are_said_in_a_sentence(wrong):
    with pytest.raises(InputError, match=r"there is no .*; give one of"):
        synthesize(SyntheticSpec(**wrong), np.random.default_rng(0))


def test_tables_hold_no_unknown_label():
    for table in (MORPHOLOGIES, ATRIA):
        for shape in table.values():
            for name in shape.labels:
                assert vocabulary.label(name).name == name
