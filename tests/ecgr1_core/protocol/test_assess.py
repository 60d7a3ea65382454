"""The rules, one kind of ECG after the other, on measurements built by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from made_ecg import LBBB_LEADS, changed, normal_ecg, read

from ecgr1_core import formats
from ecgr1_core.measure import Beat, LeadQuality, Measurements, Quality, RhythmMeasurements, measure
from ecgr1_core.protocol import Findings, assess
from ecgr1_core.record import Patient


def names(findings: Findings) -> list[str]:
    return [label.name for label in findings.labels]


def test_the_normal_ecg() -> None:
    findings = read()
    assert [f.id for f in findings.abnormal] == []
    assert names(findings) == ["normal ECG", "sinus rhythm"]
    assert {f.step for f in findings.items} == {1, 2, 3, 4, 5}
    assert all(f.rule and f.statement.endswith(".") for f in findings.items)


@pytest.mark.parametrize(
    ("changes", "id", "label"),
    [
        ({"heart_rate_bpm": 48.0}, "rhythm.sinus", "sinus bradycardia"),
        ({"heart_rate_bpm": 118.0}, "rhythm.sinus", "sinus tachycardia"),
        ({"pr_interval_ms": 232.0}, "pr.long", "first-degree AV block"),
        ({"pr_interval_ms": 104.0}, "pr.short", "short PR interval"),
        ({"qrs_axis_deg": -42.0}, "axis.left", "left axis deviation"),
        ({"qrs_axis_deg": 118.0}, "axis.right", "right axis deviation"),
        ({"qrs_axis_deg": -130.0}, "axis.extreme", "extreme axis deviation"),
        ({"qtc_bazett_ms": 512.0, "qtc_fridericia_ms": 505.0}, "qt.long", "prolonged QT interval"),
        ({"qtc_bazett_ms": 350.0, "qtc_fridericia_ms": 345.0}, "qt.short", "short QT interval"),
        ({"qrs_duration_ms": 146.0}, "qrs.ivcd", "nonspecific intraventricular conduction delay"),
    ],
)
def test_one_global_value_outside_its_limit(changes: dict[str, Any], id: str, label: str) -> None:
    findings = read(**changes)
    found = findings.get(id)
    assert found is not None
    assert found.status == "abnormal"
    assert label in names(findings)
    assert not findings.is_normal
    ((key, value),) = list(changes.items())[:1]
    assert found.numbers[key] == value


@pytest.mark.parametrize(
    "changes",
    [{"heart_rate_bpm": 60.0}, {"heart_rate_bpm": 100.0}, {"pr_interval_ms": 200.0}, {"pr_interval_ms": 120.0},
     {"qrs_axis_deg": -30.0}, {"qrs_axis_deg": 90.0}, {"heart_rate_bpm": 59.7}, {"pr_interval_ms": 200.4}],
)  # fmt: skip
def test_values_at_the_limit_are_normal_as_they_are_shown(changes: dict[str, float]) -> None:
    assert read(**changes).is_normal


def test_atrial_fibrillation() -> None:
    rhythm = {
        "p_wave_present": False, "p_per_qrs": 0.1, "rr_irregularity": 0.18, "rr_min_ms": 520.0, "rr_max_ms": 1100.0,
    }  # fmt: skip
    findings = read(rhythm=rhythm, pr_interval_ms=None, p_duration_ms=None, p_axis_deg=None)
    assert names(findings)[0] == "atrial fibrillation"
    assert findings.get("pr.none") is not None
    assert "sinus rhythm" not in names(findings)


def test_regular_without_p_waves_is_not_named_further() -> None:
    without_p = {"p_wave_present": False, "rr_irregularity": 0.01}
    findings = read(rhythm=without_p, pr_interval_ms=None, p_axis_deg=None)
    rhythm = findings.get("rhythm.regular_without_p")
    assert rhythm is not None
    assert "cannot be told" in rhythm.statement
    assert names(findings) == ["rhythm without identifiable P waves"]
    fast = read(rhythm=without_p, pr_interval_ms=None, p_axis_deg=None, heart_rate_bpm=150.0)
    assert names(fast)[0] == "supraventricular tachycardia"
    wide = read(rhythm=without_p, pr_interval_ms=None, p_axis_deg=None, heart_rate_bpm=170.0, qrs_duration_ms=150.0)
    assert names(wide) == ["wide complex tachycardia"]
    assert wide.abnormal[0].urgent


def test_paced_rhythm_is_not_judged_for_block_hypertrophy_or_infarction() -> None:
    beats = tuple(dataclasses.replace(beat, kind="paced") for beat in normal_ecg().beats)
    findings = read(beats=beats, qrs_duration_ms=160.0, pr_interval_ms=None, leads=LBBB_LEADS)
    assert names(findings) == ["paced rhythm"]


def test_premature_beats_are_counted_and_bigeminy_is_seen() -> None:
    kinds = ["ventricular_ectopic" if n % 2 else "normal" for n in range(12)]
    beats = tuple(Beat(n + 1, 0.8 * n, rr_ms=800.0, kind=kind) for n, kind in enumerate(kinds))  # type: ignore[arg-type]
    findings = read(beats=beats)
    found = findings.get("premature.ventricular_ectopic")
    assert found is not None
    assert found.numbers == {"ventricular_ectopic_count": 6}
    assert findings.get("ectopy.ventricular_bigeminy") is not None
    assert "ventricular bigeminy" in names(findings)
    assert "premature ventricular complex" in names(findings)


def test_a_run_of_ventricular_beats_is_urgent() -> None:
    kinds = ["ventricular_ectopic" if 4 <= n <= 6 else "normal" for n in range(12)]
    beats = tuple(Beat(n + 1, 0.8 * n, rr_ms=800.0, kind=kind) for n, kind in enumerate(kinds))  # type: ignore[arg-type]
    found = read(beats=beats).get("ectopy.ventricular_run")
    assert found is not None
    assert found.urgent
    assert "beats 5 to 7" in found.statement


def test_left_bundle_branch_block_takes_precedence() -> None:
    findings = read(qrs_duration_ms=158.0, leads=LBBB_LEADS)
    assert names(findings) == ["sinus rhythm", "complete left bundle branch block"]
    assert findings.get("lvh.not_judged") is not None
    assert findings.get("sgarbossa.none") is not None
    assert not findings.topic("q_wave")


def test_sgarbossa_in_left_bundle_branch_block() -> None:
    concordant = LBBB_LEADS | {"V5": LBBB_LEADS["V5"] | {"st_j_mv": 0.2}}
    found = read(qrs_duration_ms=158.0, leads=concordant).get("sgarbossa.met")
    assert found is not None
    assert found.leads == ("V5",)
    assert found.certainty == "possible"


def test_right_bundle_branch_block_and_its_secondary_st() -> None:
    leads: dict[str, dict[str, Any]] = {
        "V1": {"r_amplitude_mv": 0.2, "s_amplitude_mv": -0.3, "r_prime_amplitude_mv": 0.9, "t_amplitude_mv": -0.3},
        "V2": {"r_prime_amplitude_mv": 0.6, "t_amplitude_mv": -0.3},
        "V3": {"t_amplitude_mv": -0.2},
        "I": {"s_amplitude_mv": -0.3, "s_duration_ms": 70.0},
        "V6": {"s_amplitude_mv": -0.3, "s_duration_ms": 70.0},
    }
    findings = read(qrs_duration_ms=144.0, leads=leads)
    assert names(findings) == ["sinus rhythm", "complete right bundle branch block"]
    incomplete = read(qrs_duration_ms=114.0, leads=leads)
    assert "incomplete right bundle branch block" in names(incomplete)
    assert "incomplete right bundle branch block" not in names(read(qrs_duration_ms=92.0, leads=leads))


def test_a_raised_st_segment_is_not_a_second_r_wave() -> None:
    raised = {
        "V1": {"r_prime_amplitude_mv": 0.09, "st_j_mv": 0.08},
        "I": {"s_duration_ms": 70.0},
        "V6": {"s_duration_ms": 70.0},
    }
    assert "incomplete right bundle branch block" not in names(read(qrs_duration_ms=114.0, leads=raised))


def test_left_anterior_fascicular_block() -> None:
    deep = {"r_amplitude_mv": 0.2, "s_amplitude_mv": -0.8, "q_amplitude_mv": None}
    findings = read(qrs_axis_deg=-58.0, leads={"II": deep, "III": deep, "aVF": deep})
    assert {"left axis deviation", "left anterior fascicular block"} <= set(names(findings))


def test_left_ventricular_hypertrophy() -> None:
    voltage = {"V1": {"s_amplitude_mv": -2.0}, "V5": {"r_amplitude_mv": 2.4}}
    one = read(leads=voltage).get("lvh.voltage")
    assert one is not None
    assert one.numbers["sokolow_lyon_mv"] == pytest.approx(4.4)
    assert "44.0 mm, above 35 mm" in one.statement
    assert "voltage criteria for left ventricular hypertrophy" in names(read(leads=voltage))
    young = read(patient=Patient(22.0, "M"), leads=voltage).get("lvh.voltage")
    assert young is not None
    assert young.certainty == "possible"
    strain = {name: {"st_j_mv": -0.1, "st_j60_mv": -0.1, "t_amplitude_mv": -0.2} for name in ("I", "V5", "V6")}
    strain["V5"]["r_amplitude_mv"] = 2.4
    findings = read(leads=strain | {"V1": voltage["V1"]})
    assert names(findings) == ["sinus rhythm", "left ventricular hypertrophy"]
    assert findings.get("st_secondary.present") is not None


@pytest.mark.parametrize(("sex", "met"), [("M", False), ("F", True), (None, True)])
def test_cornell_by_sex(sex: Any, met: bool) -> None:
    findings = read(patient=Patient(50.0, sex), leads={"aVL": {"r_amplitude_mv": 0.8}, "V3": {"s_amplitude_mv": -1.6}})
    found = findings.get("lvh.voltage")
    assert (found is not None) is met
    if sex is None:
        assert found is not None
        assert found.certainty == "possible"
        assert "sex unknown" in found.statement


def test_low_voltage_and_poor_progression() -> None:
    small = {name: {"q_amplitude_mv": None, "r_amplitude_mv": 0.25, "s_amplitude_mv": -0.1, "t_amplitude_mv": 0.1}
             for name in ("I", "II", "III", "aVL", "aVF")}  # fmt: skip
    small["aVR"] = {"q_amplitude_mv": -0.25, "r_amplitude_mv": 0.1}
    findings = read(leads=small)
    assert "low QRS voltage" in names(findings)
    assert "poor R-wave progression" in names(read(leads={"V3": {"r_amplitude_mv": 0.2}}))


INFERIOR = {name: {"st_j_mv": 0.2, "st_j60_mv": 0.2} for name in ("II", "III", "aVF")}


def test_inferior_st_elevation_with_reciprocal_depression() -> None:
    reciprocal = {name: {"st_j_mv": -0.1, "st_j60_mv": -0.1} for name in ("I", "aVL")}
    findings = read(leads=INFERIOR | reciprocal)
    assert "acute inferior ST-elevation myocardial infarction" in names(findings)
    found = findings.get("stemi.probable")
    assert found is not None
    assert found.urgent
    assert findings.abnormal[0] is found
    alone = read(leads=INFERIOR)
    assert "ST elevation" in names(alone)
    assert "acute inferior ST-elevation myocardial infarction" not in names(alone)


@pytest.mark.parametrize(
    ("patient", "level", "raised"),
    [
        (Patient(30.0, "M"), 0.22, False),
        (Patient(30.0, "M"), 0.26, True),
        (Patient(60.0, "M"), 0.18, False),
        (Patient(60.0, "M"), 0.22, True),
        (Patient(60.0, "F"), 0.16, True),
        (Patient(60.0, "F"), 0.14, False),
        (Patient(), 0.16, True),
        (Patient(None, "M"), 0.18, False),
    ],
)
def test_st_limits_of_v2_and_v3_by_age_and_sex(patient: Patient, level: float, raised: bool) -> None:
    findings = read(patient=patient, leads={name: {"st_j_mv": level, "st_j60_mv": level} for name in ("V2", "V3")})
    assert (findings.get("st_elevation.present") is not None) is raised
    if patient.sex is None:
        assert "the sex is unknown" in " ".join(f.statement for f in findings.of_step(4))


def test_one_lead_alone_or_two_apart_are_no_st_elevation() -> None:
    assert read(leads={"III": {"st_j_mv": 0.2}}).get("st_elevation.none") is not None
    assert read(leads={"III": {"st_j_mv": 0.2}, "V5": {"st_j_mv": 0.2}}).get("st_elevation.none") is not None


def test_diffuse_st_elevation_is_pericarditis_or_early_repolarization() -> None:
    raised = {name: {"st_j_mv": 0.16, "st_j60_mv": 0.16} for name in ("I", "II", "aVF", "V4", "V5", "V6")}
    findings = read(leads=raised | {"V3": {"st_j_mv": 0.22, "st_j60_mv": 0.22}})
    assert findings.get("pericarditis.possible") is not None
    assert names(findings) == ["sinus rhythm", "ST elevation"]


def test_st_depression_horizontal_upsloping_and_marked() -> None:
    def lateral(j: float, j60: float) -> dict[str, dict[str, float]]:
        return {name: {"st_j_mv": j, "st_j60_mv": j60} for name in ("V4", "V5", "V6")}

    assert "ST depression" in names(read(leads=lateral(-0.06, -0.06)))
    assert names(read(leads=lateral(-0.12, -0.05))) == ["normal ECG", "sinus rhythm"]
    marked = read(leads=lateral(-0.15, -0.16))
    assert "ischemic ST-T changes in anterolateral leads" in names(marked)


def test_t_inversion() -> None:
    assert "T-wave inversion" in names(read(leads={name: {"t_amplitude_mv": -0.2} for name in ("V5", "V6")}))
    assert "T-wave inversion" not in names(read(leads={"V6": {"t_amplitude_mv": -0.2}}))
    wellens = read(leads={name: {"t_amplitude_mv": -0.3} for name in ("V2", "V3")})
    assert wellens.get("t_wave.inverted") is not None
    assert wellens.get("t_wave.wellens") is not None


def test_q_waves() -> None:
    wide = {"q_amplitude_mv": -0.3, "q_duration_ms": 42.0}
    findings = read(leads=dict.fromkeys(("II", "III", "aVF"), wide))
    assert "inferior myocardial infarction" in names(findings)
    septal = {"q_amplitude_mv": -0.2, "q_duration_ms": 20.0}
    assert read(leads=dict.fromkeys(("II", "III", "aVF", "V5", "V6"), septal)).is_normal
    qs = {"q_amplitude_mv": -1.2, "q_duration_ms": 90.0, "r_amplitude_mv": None, "s_amplitude_mv": None}
    anterior = read(leads={"V1": qs, "V2": qs, "V3": qs})
    assert "anteroseptal myocardial infarction" in names(anterior)
    assert read(leads={"V1": qs}).is_normal


@pytest.mark.parametrize(("sex", "certainty"), [("M", "possible"), ("F", None), (None, "possible")])
def test_qtc_by_sex(sex: Any, certainty: str | None) -> None:
    found = read(patient=Patient(50.0, sex), qtc_bazett_ms=456.0, qtc_fridericia_ms=452.0).get("qt.long")
    assert (found.certainty if found else None) == certainty


def test_bazett_alone_at_a_fast_rate_does_not_make_a_long_qt() -> None:
    found = read(heart_rate_bpm=98.0, qtc_bazett_ms=475.0, qtc_fridericia_ms=438.0).get("qt.normal")
    assert found is not None
    assert "Bazett's formula misleads at 98 bpm" in found.statement


def test_wide_qrs_is_taken_off_the_qt() -> None:
    findings = read(qrs_duration_ms=160.0, qt_interval_ms=460.0, qtc_bazett_ms=500.0, qtc_fridericia_ms=488.0)
    found = findings.get("qt.normal")
    assert found is not None
    # 488 x (1 - 0.485 x 160 / 460), rounded as it is shown
    assert found.numbers["qtc_fridericia_qrs_corrected_ms"] == 406.0


def test_exchanged_arm_electrodes() -> None:
    leads: dict[str, dict[str, Any]] = {
        "I": {
            "p_amplitude_mv": -0.1,
            "q_amplitude_mv": -0.7,
            "r_amplitude_mv": 0.1,
            "s_amplitude_mv": None,
            "t_amplitude_mv": -0.2,
        },
        "aVR": {"q_amplitude_mv": None, "r_amplitude_mv": 0.6, "t_amplitude_mv": 0.2},
    }
    findings = read(leads=leads, p_axis_deg=130.0, qrs_axis_deg=130.0)
    assert "limb lead reversal" in names(findings)
    assert "right axis deviation" not in names(findings)
    assert findings.get("axis.unknown") is not None


def test_uncalibrated_amplitudes_are_not_judged() -> None:
    huge = {"V1": {"s_amplitude_mv": -4.0}, "II": {"st_j_mv": 0.9}, "III": {"st_j_mv": 0.9}}
    findings = read(
        warnings=("Amplitudes are not calibrated: every lead is scaled to one",), leads=huge, qrs_axis_deg=-60.0
    )
    assert names(findings) == ["sinus rhythm"]
    assert not findings.is_normal
    assert {"calibration.unknown", "axis.unknown", "voltage.uncalibrated", "st.uncalibrated"} <= {
        f.id for f in findings.items
    }
    impossible = read(leads={"V4": {"r_amplitude_mv": 40.0}})
    assert impossible.get("calibration.unknown") is not None


@pytest.mark.parametrize(
    ("warning", "judged"),
    [
        ("the file's calibration scales each lead by itself; amplitudes are not millivolts", False),
        ("the header gives no calibration for I: 200 counts were taken for 1 mV", False),
        ("the leads span 40 mV from lowest to highest (median), as no ECG does: check unit and calibration", False),
        ("the file's own calibration was set aside: 1000 stored counts taken for 1 mV", True),
        ("lead V1: 2.0 % of the samples are unknown", True),
    ],
)
def test_which_warnings_keep_amplitudes_from_being_judged(warning: str, judged: bool) -> None:
    assert (read(warnings=(warning,)).get("calibration.unknown") is None) is judged


def test_real_warnings_of_a_file_that_scales_each_lead_by_itself(shared_data: Path) -> None:
    path = shared_data / "ludb" / "data" / "1.hea"
    for options, judged in ((formats.ReadOptions(), False), (formats.ReadOptions(counts_per_mv=1000.0), True)):
        record = formats.read(path, options)
        findings = assess(measure(record), record.patient, record.warnings)
        assert (findings.get("calibration.unknown") is None) is judged


def test_a_child_is_never_called_normal() -> None:
    findings = read(patient=Patient(7.0, "F"))
    assert findings.get("age.child") is not None
    assert "normal ECG" not in names(findings)


def test_nothing_measured_says_why_and_names_nothing() -> None:
    reasons = dict.fromkeys(
        ("heart_rate_bpm", "qrs_duration_ms", "pr_interval_ms", "qt_interval_ms"), "no QRS complex was found"
    )
    findings = assess(Measurements(reasons=reasons), Patient())
    assert findings.labels == ()
    assert findings.abnormal == ()
    assert "no QRS complex was found" in " ".join(f.statement for f in findings.items)


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(Measurements)])
def test_every_measurement_may_be_unknown(name: str) -> None:
    empty: dict[str, Any] = {
        "rhythm": RhythmMeasurements(),
        "quality": Quality(),
        "leads": {},
        "beats": (),
        "reasons": {},
    }
    measurements = dataclasses.replace(normal_ecg(), **{name: empty.get(name)})
    for patient in (Patient(), Patient(50.0, "M")):
        assert all(f.statement for f in assess(measurements, patient).items)


@pytest.mark.parametrize("lead", list(normal_ecg().leads))
def test_a_lead_that_is_lost_is_named_and_not_called_normal(lead: str) -> None:
    base = changed()
    quality = Quality(
        grade="acceptable", leads=dict(base.quality.leads) | {lead: LeadQuality("flat", ("flat, no signal",))}
    )
    findings = assess(dataclasses.replace(base, quality=quality), Patient(50.0, "F"))
    assert not findings.is_normal
    assert "normal ECG" not in names(findings)
    assert lead in findings.of_step(1)[0].statement
    assert not any(
        lead in f.leads for f in findings.items if f.step > 1 and f.topic in ("st_elevation", "q_wave", "t_wave")
    )
