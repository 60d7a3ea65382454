"""The words: six non-empty steps, numbers of the findings only, no contradiction between steps, summary and answer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from made_ecg import LBBB_LEADS, read

from ecgr1_core.interpretation import STEP_TITLES
from ecgr1_core.protocol import Findings, compose, words
from ecgr1_core.record import Patient
from ecgr1_core.vocabulary import lookup

VARIANTS: list[dict[str, Any]] = [
    {},
    {"patient": Patient()},
    {"heart_rate_bpm": 48.0},
    {"qrs_duration_ms": 158.0, "leads": LBBB_LEADS},
    {"rhythm": {"p_wave_present": False, "rr_irregularity": 0.2}, "pr_interval_ms": None, "p_axis_deg": None},
    {"pr_interval_ms": 240.0, "qrs_axis_deg": -42.0, "qtc_bazett_ms": 520.0, "qtc_fridericia_ms": 510.0},
    {"leads": {name: {"st_j_mv": 0.25, "st_j60_mv": 0.25} for name in ("II", "III", "aVF")}},
    {"warnings": ("not calibrated",)},
    {"heart_rate_bpm": None, "qt_interval_ms": None, "rhythm": {"p_wave_present": None}},
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_form_is_whole_and_the_answer_in_the_vocabulary(variant: dict[str, Any]) -> None:
    reading = compose(read(**variant))
    assert reading.complete
    assert [step.title for step in reading.steps] == list(STEP_TITLES)
    assert all(len(step.text) > 20 for step in reading.steps)
    assert all(lookup(label) is not None for label in reading.answer)
    assert "None" not in reading.raw
    assert not re.search(r"\bnan\b", reading.raw)
    assert not re.search(r"  |\.\.|;\.|,\.| ;| \.", reading.raw)


def test_the_summary_of_the_normal_ecg() -> None:
    reading = compose(read())
    assert reading.summary == (
        "Normal ECG: sinus rhythm at 72 bpm, PR 160 ms, QRS 92 ms, axis 45°, QTc (Fridericia) 404 ms, without voltage "
        "criteria of hypertrophy, pathological Q waves or ST-T changes of ischemia."
    )
    assert reading.answer == ("normal ECG", "sinus rhythm")
    assert "speak against first-degree AV block, bundle branch block" in reading.steps[5].text


@pytest.mark.parametrize("variant", VARIANTS)
def test_steps_summary_and_answer_agree(variant: dict[str, Any]) -> None:
    findings = read(**variant)
    reading = compose(findings)
    assert ("Normal ECG" in reading.summary) == ("normal ECG" in reading.answer)
    for finding in findings.abnormal:
        assert finding.statement in reading.steps[finding.step - 1].text
        if finding.phrase and finding.topic != "rhythm":
            assert finding.phrase.removeprefix("possible ") in reading.summary
            assert finding.phrase.removeprefix("possible ") in reading.steps[5].text
    for finding in findings.items:
        if finding.label is not None and finding.certainty == "possible" and finding.status == "abnormal":
            others = [f.label for f in findings.items if f is not finding and f.certainty != "possible"]
            assert finding.label.name not in reading.answer or finding.label in others


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_duration_in_the_text_was_measured_or_is_a_limit(variant: dict[str, Any]) -> None:
    findings: Findings = read(**variant)
    known = {round(value) for f in findings.items for value in f.numbers.values()}
    known |= {120, 200, 30, 20, 40, 110, 440, 450, 460, 500, 360, 2000, 815, 850}
    said = {int(n) for n in re.findall(r"(\d+) (?:ms|bpm)\b", compose(findings).raw)}
    assert said <= known


def test_words() -> None:
    assert words.leads(["V4", "V2", "V3", "II", "aVF"]) == "II, aVF and V2–V4"
    assert words.leads(["V1", "V2"], "or") == "V1 or V2"
    assert words.leads([]) == ""
    assert words.mv(-0.123) == "−0.12 mV (−1.2 mm)"
    assert words.mv(-0.001) == "0.00 mV (0.0 mm)"
    assert words.degrees(-0.4) == "0°"
    assert words.degrees(-42.4) == "−42°"
    assert words.count(1, "beat") == "one beat"
    assert words.count(12, "complex", "complexes") == "12 complexes"
