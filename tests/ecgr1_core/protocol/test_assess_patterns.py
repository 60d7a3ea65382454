"""Patterns of several signs together: blocks, hypertrophy, ST-T, electrolytes; measurements built by hand."""

from __future__ import annotations

from typing import Any

import pytest
from made_ecg import LBBB_LEADS, read

from ecgr1_core.protocol import Findings
from ecgr1_core.record import Patient

DEEP = {"r_amplitude_mv": 0.2, "s_amplitude_mv": -0.8, "q_amplitude_mv": None}
RIGHT: dict[str, dict[str, Any]] = {
    "V1": {"r_amplitude_mv": 0.2, "s_amplitude_mv": -0.3, "r_prime_amplitude_mv": 0.9, "t_amplitude_mv": -0.3},
    "V2": {"r_prime_amplitude_mv": 0.6, "t_amplitude_mv": -0.3},
    "I": {"s_amplitude_mv": -0.3, "s_duration_ms": 70.0},
    "V6": {"s_amplitude_mv": -0.3, "s_duration_ms": 70.0},
}


def names(findings: Findings) -> list[str]:
    return [label.name for label in findings.labels]


def test_bifascicular_and_trifascicular_block() -> None:
    leads = RIGHT | dict.fromkeys(("II", "III", "aVF"), DEEP)
    findings = read(qrs_duration_ms=146.0, qrs_axis_deg=-60.0, leads=leads)
    assert "bifascicular block" in names(findings)
    assert findings.get("fascicle.trifascicular") is None
    long = read(qrs_duration_ms=146.0, qrs_axis_deg=-60.0, leads=leads, pr_interval_ms=240.0)
    found = long.get("fascicle.trifascicular")
    assert found is not None
    assert found.certainty == "possible"


def test_between_30_and_45_degrees_the_whole_pattern_makes_a_probable_fascicular_block() -> None:
    leads = dict.fromkeys(("III", "aVF"), DEEP)
    found = read(qrs_axis_deg=-38.0, leads=leads).get("fascicle.lafb")
    assert found is not None
    assert found.certainty == "probable"
    assert read(qrs_axis_deg=-38.0, leads=leads | {"aVL": {"q_amplitude_mv": None}}).get("fascicle.lafb") is None


@pytest.mark.parametrize(("qrs", "id"), [(112.0, "qrs.normal"), (124.0, "qrs.normal"), (132.0, "qrs.ivcd")])
def test_a_qrs_without_a_pattern_is_judged_as_one_over_all_leads(qrs: float, id: str) -> None:
    findings = read(qrs_duration_ms=qrs)
    assert findings.get(id) is not None
    assert findings.is_normal is (id == "qrs.normal")


def test_romhilt_estes_points() -> None:
    leads: dict[str, dict[str, Any]] = {
        name: {"st_j60_mv": -0.1, "st_j_mv": -0.1, "t_amplitude_mv": -0.2, "r_peak_time_ms": 60.0}
        for name in ("V5", "V6")
    }
    findings = read(leads=leads, qrs_duration_ms=108.0)
    found = findings.get("lvh.points")
    assert found is not None
    assert found.numbers["romhilt_estes_points"] == 5.0  # strain 3, QRS duration 1, late R peak 1
    assert found.certainty == "possible"
    leads["V5"]["r_amplitude_mv"] = 3.2
    with_voltage = read(leads=leads, qrs_duration_ms=108.0).get("lvh.strain")
    assert with_voltage is not None
    assert with_voltage.numbers["romhilt_estes_points"] == 8.0
    none = read().get("lvh.none")
    assert none is not None
    assert none.numbers["romhilt_estes_points"] == 0.0


def test_cornell_alone_is_only_possible_and_not_used_in_left_anterior_block() -> None:
    leads: dict[str, dict[str, Any]] = {"aVL": {"r_amplitude_mv": 0.9}, "V3": {"s_amplitude_mv": -1.4}}
    found = read(patient=Patient(60.0, "F"), leads=leads).get("lvh.voltage")
    assert found is not None
    assert found.certainty == "possible"
    block = leads | dict.fromkeys(("II", "III", "aVF"), DEEP)
    assert read(patient=Patient(60.0, "F"), leads=block, qrs_axis_deg=-60.0).get("lvh.voltage") is None


RAISED = {name: {"st_j_mv": 0.16, "st_j60_mv": 0.16} for name in ("I", "II", "aVF", "V4", "V5", "V6")}


def test_pericarditis_by_pr_depression_and_st_against_t() -> None:
    leads = {name: values | {"pr_segment_mv": -0.08, "t_amplitude_mv": 0.4} for name, values in RAISED.items()}
    found = read(leads=leads).get("pericarditis.probable")
    assert found is not None
    assert "PR is depressed in" in found.statement
    assert found.numbers["V6.st_to_t"] == 0.4
    one_sign = {name: values | {"t_amplitude_mv": 0.4} for name, values in RAISED.items()}
    assert read(leads=one_sign).get("pericarditis.possible") is not None
    none = {name: values | {"t_amplitude_mv": 0.9} for name, values in RAISED.items()}
    findings = read(leads=none)
    assert findings.topic("pericarditis") == ()
    assert findings.get("early_repolarization.possible") is not None


def test_early_repolarization_with_a_notch() -> None:
    leads = {name: {"st_j_mv": 0.15, "st_j60_mv": 0.15, "j_notch_mv": 0.16} for name in ("V4", "V5", "V6")}
    findings = read(leads=leads)
    assert findings.get("early_repolarization.probable") is not None
    assert "early repolarization" in names(findings)


def test_right_ventricular_infarction_beside_an_inferior_one() -> None:
    leads = {name: {"st_j_mv": 0.2, "st_j60_mv": 0.2} for name in ("II", "III", "aVF")}
    leads |= {"V1": {"st_j_mv": 0.15, "st_j60_mv": 0.15}, "V2": {"st_j_mv": 0.02, "st_j60_mv": 0.02}}
    leads |= {name: {"st_j_mv": -0.1, "st_j60_mv": -0.1} for name in ("I", "aVL")}
    findings = read(leads=leads)
    assert findings.get("stemi.probable") is not None
    assert findings.get("stemi.right_ventricular") is not None


def test_posterior_infarction_and_subendocardial_ischemia_exclude_each_other() -> None:
    down = {"st_j_mv": -0.15, "st_j60_mv": -0.15, "t_amplitude_mv": 0.4}
    leads: dict[str, dict[str, Any]] = {
        "V1": down,
        "V2": down | {"r_amplitude_mv": 1.4, "s_amplitude_mv": -0.8},
        "V3": down,
    }
    posterior = read(leads=leads)
    assert posterior.get("stemi.posterior") is not None
    assert posterior.get("ischemia.subendocardial") is None
    lateral = read(leads={name: {"st_j_mv": -0.15, "st_j60_mv": -0.16} for name in ("V4", "V5", "V6")})
    assert {"ST depression", "ischemic ST-T changes in anterolateral leads"} <= set(names(lateral))


def test_left_main_pattern() -> None:
    leads = {name: {"st_j_mv": -0.2, "st_j60_mv": -0.2} for name in ("I", "II", "aVF", "V3", "V4", "V5", "V6")}
    findings = read(leads=leads | {"aVR": {"st_j_mv": 0.15, "st_j60_mv": 0.15}})
    assert "left main or multivessel ischemia" in names(findings)
    assert findings.abnormal[0].urgent


def test_wellens_by_a_biphasic_t() -> None:
    biphasic = {"t_amplitude_mv": 0.2, "t_negative_amplitude_mv": -0.15, "t_phases": "positive_negative"}
    assert read(leads={"V2": biphasic, "V3": biphasic}).get("t_wave.wellens") is not None
    other = biphasic | {"t_phases": "negative_positive"}
    assert read(leads={"V2": other, "V3": other}).get("t_wave.wellens") is None


def test_nonspecific_st_t_and_digitalis() -> None:
    flat = {"t_amplitude_mv": 0.05, "st_j60_mv": -0.04, "st_j_mv": -0.03}
    assert "nonspecific ST-T changes" in names(read(leads=dict.fromkeys(("V4", "V5", "V6"), flat)))
    sagging = {"st_j_mv": -0.07, "st_j60_mv": -0.09, "st_shape": "concave"}
    leads = dict.fromkeys(("V4", "V5", "V6"), sagging)
    assert read(leads=leads, qtc_fridericia_ms=385.0).get("digitalis.possible") is not None
    assert read(leads=leads, qtc_fridericia_ms=440.0).get("digitalis.possible") is None


def test_tall_t_waves_are_asked_for_their_form() -> None:
    tall = {"t_amplitude_mv": 1.3, "t_half_width_ms": 80.0, "t_symmetry": 1.05}
    assert read(leads={"V3": tall, "V4": tall}).get("electrolytes.hyperkalemia") is not None
    broad = tall | {"t_half_width_ms": 130.0}
    assert read(leads={"V3": broad, "V4": broad}).get("electrolytes.hyperkalemia") is None


def test_calcium_by_the_length_of_st() -> None:
    long = {"qtc_bazett_ms": 500.0, "qtc_fridericia_ms": 490.0}
    assert read(**long, st_segment_ms=200.0).get("electrolytes.hypocalcemia") is not None
    assert read(**long, st_segment_ms=100.0).get("electrolytes.hypocalcemia") is None
    short = {"qtc_bazett_ms": 340.0, "qtc_fridericia_ms": 335.0}
    assert read(**short, st_segment_ms=20.0).get("electrolytes.hypercalcemia") is not None


def test_an_r_too_small_to_be_seen_makes_a_qs() -> None:
    tiny = {"q_amplitude_mv": None, "q_duration_ms": None, "r_amplitude_mv": 0.03, "s_amplitude_mv": -0.8}
    assert "inferior myocardial infarction" in names(read(leads={"III": tiny, "aVF": tiny}))
    small = tiny | {"r_amplitude_mv": 0.07}
    assert read(leads={"III": small, "aVF": small}).get("q_wave.none") is not None


def test_inferior_and_lateral_q_waves_are_one_infarction() -> None:
    wide = {"q_amplitude_mv": -0.4, "q_duration_ms": 44.0}
    findings = read(leads=dict.fromkeys(("II", "III", "aVF", "V4", "V5", "V6"), wide))
    assert [f.id for f in findings.topic("q_wave")] == ["q_wave.inferolateral"]
    assert "inferolateral myocardial infarction" in names(findings)


def test_the_delay_of_a_short_qrs_is_an_incomplete_right_bundle_branch_block() -> None:
    leads = RIGHT | {"I": {"s_duration_ms": 34.0}, "V6": {"s_duration_ms": 34.0}}
    assert "incomplete right bundle branch block" in names(read(qrs_duration_ms=114.0, leads=leads))
    assert "complete right bundle branch block" not in names(read(qrs_duration_ms=124.0, leads=leads))


def test_a_level_that_does_not_last_is_no_elevation_in_a_wide_qrs() -> None:
    raised = {"st_j_mv": 0.2, "st_j60_mv": 0.02}
    leads = RIGHT | dict.fromkeys(("II", "III", "aVF"), raised)
    assert read(qrs_duration_ms=146.0, leads=leads).get("st_elevation.none") is not None
    lasting = RIGHT | {name: {"st_j_mv": 0.2, "st_j60_mv": 0.2} for name in ("II", "III", "aVF")}
    assert read(qrs_duration_ms=146.0, leads=lasting).get("st_elevation.present") is not None


def test_one_lead_alone_is_no_reciprocal_change_of_the_front() -> None:
    leads: dict[str, dict[str, Any]] = {name: {"st_j_mv": 0.22, "st_j60_mv": 0.22} for name in ("V2", "V3")}
    leads |= {"V4": {"st_j_mv": 0.12, "st_j60_mv": 0.12}, "III": {"st_j_mv": -0.06, "st_j60_mv": -0.06}}
    assert read(leads=leads).get("stemi.probable") is None
    leads |= {"aVF": {"st_j_mv": -0.06, "st_j60_mv": -0.06}}
    assert read(leads=leads).get("stemi.probable") is not None


def test_lateral_depression_opposite_an_inferior_elevation_is_no_strain() -> None:
    leads: dict[str, dict[str, Any]] = {
        name: {"st_j_mv": -0.12, "st_j60_mv": -0.12, "t_amplitude_mv": -0.2} for name in ("I", "aVL")
    }
    leads["aVL"]["r_amplitude_mv"] = 1.4
    assert read(leads=leads).get("lvh.strain") is not None
    leads |= {name: {"st_j_mv": 0.2, "st_j60_mv": 0.2} for name in ("II", "III", "aVF")}
    findings = read(leads=leads)
    assert findings.get("lvh.strain") is None
    assert findings.get("stemi.probable") is not None
    assert findings.get("st_secondary.present") is None


def test_left_bundle_branch_block_needs_a_dominant_r_in_v5_or_v6() -> None:
    rs = {"r_amplitude_mv": 0.4, "s_amplitude_mv": -1.0}
    findings = read(
        qrs_duration_ms=158.0, leads=LBBB_LEADS | {"V5": LBBB_LEADS["V5"] | rs, "V6": LBBB_LEADS["V6"] | rs}
    )
    assert "complete left bundle branch block" not in names(findings)


@pytest.mark.parametrize(("axis", "id"), [(90.0, "axis.normal"), (97.0, "axis.normal"), (104.0, "axis.right")])
def test_a_vertical_axis_is_no_deviation(axis: float, id: str) -> None:
    assert [f.id for f in read(qrs_axis_deg=axis).topic("axis")] == [id]
