"""Findings that rest on shapes (delta wave, P force, ST, U, transition), on spikes and on exchanged electrodes."""

from __future__ import annotations

import dataclasses

from made_ecg import changed, normal_ecg, read

from ecgr1_core.measure import Beat, Quality
from ecgr1_core.protocol import as_shown, assess, compose, limits, wide_qrs_qt_factor
from ecgr1_core.record import Patient

MAN = Patient(50.0, "M")


def test_delta_wave_with_short_pr_is_pre_excitation() -> None:
    findings = read(pr_interval_ms=104.0, qrs_duration_ms=130.0, delta_wave=True)
    assert "ventricular pre-excitation" in [label.name for label in findings.labels]
    found = findings.get("pr.delta")
    assert found is not None
    assert found.certainty == "probable"
    assert findings.get("qrs.pre_excited") is not None
    assert findings.get("lvh.not_judged") is not None
    assert findings.get("st.secondary") is not None
    narrow = read(pr_interval_ms=104.0, qrs_duration_ms=92.0, delta_wave=True).get("pr.delta")
    assert narrow is not None
    assert narrow.certainty == "possible"


def test_pr_of_the_limit_counts_with_a_delta_wave_only() -> None:
    assert read(pr_interval_ms=119.6, qrs_duration_ms=130.0, delta_wave=True).has("pr.delta")
    assert read(pr_interval_ms=119.6, delta_wave=False).get("pr.normal") is not None


def test_short_pr_without_delta_wave_is_only_short() -> None:
    found = read(pr_interval_ms=104.0, qrs_duration_ms=130.0, delta_wave=False).get("pr.short")
    assert found is not None
    assert "without a slurred start" in found.statement
    assert read(pr_interval_ms=104.0, qrs_duration_ms=130.0, delta_wave=None).get("pr.short_wide") is not None


def test_terminal_p_needs_depth_and_force() -> None:
    deep = {"p_negative_amplitude_mv": -0.12, "p_amplitude_mv": -0.12}
    strong = read(leads={"V1": deep | {"p_terminal_force_mv_ms": 6.2}}, p_duration_ms=128.0).get("p_wave.left_atrial")
    assert strong is not None
    assert strong.certainty == "probable"
    assert "6.2 mV·ms (0.062 mm·s)" in strong.statement
    assert strong.numbers["V1.p_terminal_force_mv_ms"] == 6.2
    weak = read(leads={"V1": deep | {"p_terminal_force_mv_ms": 3.9}}, p_duration_ms=128.0)
    assert weak.get("p_wave.left_atrial") is None


def test_shape_of_elevated_st_is_said() -> None:
    raised = {"st_j_mv": 0.3, "st_j60_mv": 0.3}
    leads = {"V2": raised | {"st_shape": "convex"}, "V3": raised | {"st_shape": "convex"}}
    found = read(leads=leads).get("st_elevation.present")
    assert found is not None
    assert "ST is convex (domed) in V2 and V3." in found.statement
    minor = {name: {"st_j_mv": 0.15, "st_j60_mv": 0.15, "st_shape": "concave"} for name in ("V4", "V5")}
    found = read(leads=minor).get("early_repolarization.possible")
    assert found is not None
    assert "convex" not in found.statement
    minor["V5"]["st_shape"] = "convex"
    found = read(leads=minor).get("early_repolarization.possible")
    assert found is not None
    assert "a convex ST in V5 speaks for injury" in found.statement


def test_prominent_u_waves() -> None:
    leads = {
        "V3": {"u_amplitude_mv": 0.15, "t_amplitude_mv": 0.30},
        "V4": {"u_amplitude_mv": 0.14, "t_amplitude_mv": 0.3},
    }
    found = read(leads=leads).get("u_wave.prominent")
    assert found is not None
    assert found.leads == ("V3", "V4")
    leads["V4"]["t_amplitude_mv"] = 0.6
    assert read(leads=leads).get("u_wave.prominent") is None


def test_low_t_with_u_waves_asks_for_potassium() -> None:
    flat = {"t_amplitude_mv": 0.05, "u_amplitude_mv": 0.12}
    findings = read(leads=dict.fromkeys(("V4", "V5", "V6"), flat))
    found = findings.get("electrolytes.hypokalemia")
    assert found is not None
    assert "prominent U waves" in found.statement


def test_transition_is_said_with_the_progression() -> None:
    for zone, words in (("V3", "usual"), ("V5", "late"), ("V1", "early"), (None, "does not outweigh")):
        found = read(transition_zone=zone).get("progression.normal")
        assert found is not None
        assert words in found.statement


def test_exchanged_precordial_leads_are_possible_and_not_normal() -> None:
    base = normal_ecg()
    quality = Quality(leads=base.quality.leads, exchanged_precordial=("V1", "V3"))
    findings = assess(dataclasses.replace(base, quality=quality), MAN)
    found = findings.get("reversal.precordial")
    assert found is not None
    assert found.leads == ("V1", "V3")
    assert found.certainty == "possible"
    assert assess(base, MAN).is_normal
    assert not findings.is_normal
    assert "V1 and V3" in compose(findings).steps[0].text


def test_single_paced_beats() -> None:
    beats = tuple(Beat(n, n * 0.8, rr_ms=800.0, kind="paced" if n in (3, 9) else "normal") for n in range(1, 13))
    found = read(beats=beats).get("pacing.intermittent")
    assert found is not None
    assert "beats 3 and 9" in found.statement
    every = tuple(dataclasses.replace(beat, kind="paced") for beat in beats)
    assert read(beats=every).get("pacing.intermittent") is None
    assert read(beats=every).has("rhythm.paced")


def test_values_are_judged_as_shown() -> None:
    shown = as_shown(changed(qrs_duration_ms=109.6, leads={"V1": {"p_terminal_force_mv_ms": 3.96}}))
    assert shown.qrs_duration_ms == 110.0
    assert shown.leads["V1"].p_terminal_force_mv_ms == 4.0
    assert wide_qrs_qt_factor(shown, limits()) == 1.0
    wide = changed(qrs_duration_ms=160.0, qt_interval_ms=460.0)
    assert round(wide_qrs_qt_factor(wide, limits()), 4) == round(1.0 - 0.485 * 160.0 / 460.0, 4)
