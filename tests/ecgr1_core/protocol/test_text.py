"""The words: six non-empty steps, numbers of the findings only, no contradiction between steps, summary and answer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from made_ecg import LBBB_LEADS, read

from ecgr1_core.interpretation import STEP_TITLES
from ecgr1_core.measure import Beat
from ecgr1_core.measure.types import BeatKind
from ecgr1_core.protocol import Findings, compose, words
from ecgr1_core.protocol.text import SUMMARY, certainties
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
            said_by = {"st_elevation.present": "ST-elevation"}
            phrase = finding.phrase.removeprefix("possible ")
            for text in (reading.summary, reading.steps[5].text):
                assert phrase in text or said_by.get(finding.id, phrase) in text
            assert finding.id in [id for one in reading.evidence if one.step == SUMMARY for id in one.finding_ids]
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


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_sentence_carries_its_evidence(variant: dict[str, Any], seed: int | None) -> None:
    findings = read(**variant)
    reading = compose(findings, seed)
    known = {finding.id: finding for finding in findings.items}
    for part in ("1", "2", "3", "4", "5", "6", SUMMARY):
        text, end = reading.text_of(part), -1
        for one in (evidence for evidence in reading.evidence if evidence.step == part):
            sentence = text[one.start : one.end]
            assert one.start == end + 1, "sentences follow each other with one space between"
            assert re.fullmatch(r"\S.*\.", sentence, re.DOTALL)
            assert not re.search(r"\. [A-Z]", sentence)
            end = one.end
            made_of = [known[id] for id in one.finding_ids]
            assert made_of
            assert set(one.leads) == {lead for finding in made_of for lead in finding.leads}
            assert all(one.measurements.items() >= finding.numbers.items() for finding in made_of)
            assert one.rules
            order = ("possible", "probable", "definite")
            assert one.certainty == min((f.certainty for f in made_of), key=order.index)
            if part in "12345":
                assert {str(finding.step) for finding in made_of} == {part}
                assert seed is not None or any(sentence in finding.statement for finding in made_of)
        assert end == len(text)


def test_the_evidence_of_a_sentence() -> None:
    findings = read(pr_interval_ms=240.0, leads={"II": {"p_amplitude_mv": 0.3}})
    reading = compose(findings)
    one = next(one for one in reading.evidence if one.finding_ids == ("pr.long",) and one.step == "2")
    assert reading.text_of("2")[one.start : one.end] == "PR 240 ms, longer than 200 ms: first-degree AV block."
    assert (one.measurements, one.certainty, one.status) == ({"pr_interval_ms": 240.0}, "definite", "abnormal")
    assert json.loads(json.dumps(one.to_json())) == one.to_json()
    assert one.to_json()["rules"] == ["PR > 200 ms"]
    headline = next(one for one in reading.evidence if one.step == "6")
    assert headline.finding_ids == ("rhythm.sinus", "p_wave.right_atrial", "pr.long")
    assert (headline.certainty, headline.status) == ("probable", "abnormal")
    assert {"heart_rate_bpm", "II.p_amplitude_mv", "pr_interval_ms"} <= set(headline.measurements)


def test_the_evidence_names_the_beats() -> None:
    kinds: list[BeatKind] = ["normal", "ventricular_ectopic", "normal", "normal"] * 2 + ["ventricular_ectopic"] * 3
    beats = tuple(Beat(n, 0.8 * n, 800.0, kind=kind) for n, kind in enumerate(kinds, 1))
    evidence = [one for one in compose(read(beats=beats), 3).evidence if one.step == "1"]
    of = {id: one.beats for one in evidence for id in one.finding_ids}
    assert of["premature.ventricular_ectopic"] == (2, 6, 9, 10, 11)
    assert of["rhythm.sinus"] == ()
    assert of["ectopy.ventricular_run"] == (9, 10, 11)


def test_what_is_open_points_to_what_was_not_judged() -> None:
    reading = compose(read(qt_interval_ms=None))
    for part in ("6", SUMMARY):
        last = [one for one in reading.evidence if one.step == part][-1]
        assert (last.finding_ids, last.status) == (("qt.unknown",), "not_assessable")


def test_what_another_finding_says_already_is_not_said_again() -> None:
    leads = {name: {"st_j_mv": 0.25, "st_j60_mv": 0.25} for name in ("II", "III", "aVF")}
    leads["aVL"] = {"st_j_mv": -0.1, "st_j60_mv": -0.1}
    reading = compose(read(leads=leads))
    assert "acute inferior ST-elevation myocardial infarction" in reading.summary
    assert "ST elevation in" not in reading.summary
    assert "ST elevation at the J point: II" in reading.text_of("4")


def test_the_answer_always_names_a_rhythm() -> None:
    reading = compose(read(p_axis_deg=-60.0))
    assert reading.answer[0] == "undetermined rhythm"
    assert reading.summary.startswith("Possible ectopic atrial rhythm")
    assert "the answer, which calls it undetermined" in reading.text_of("6")
    assert "undetermined" not in compose(read()).raw


def test_how_sure_the_labels_are() -> None:
    assert certainties(read()) == {"normal ECG": "definite", "sinus rhythm": "definite"}
    findings = read(leads={"aVL": {"r_amplitude_mv": 1.3}}, p_axis_deg=95.0)
    sure = certainties(findings)
    assert list(sure) == list(compose(findings).answer)
    assert sure["sinus rhythm"] == sure["voltage criteria for left ventricular hypertrophy"] == "probable"
    assert certainties(read(rhythm={"p_wave_present": None}, heart_rate_bpm=None, qrs_axis_deg=None)) == {}


def test_words() -> None:
    assert words.leads(["V4", "V2", "V3", "II", "aVF"]) == "II, aVF and V2–V4"
    assert words.leads(["V1", "V2"], "or") == "V1 or V2"
    assert words.leads([]) == ""
    assert words.join(["T in I and II", "QRS"]) == "T in I and II, and QRS"
    assert words.join(["a", "b", "c"], "or") == "a, b or c"
    assert words.mv(-0.123) == "−0.12 mV (−1.2 mm)"
    assert words.mv(-0.001) == "0.00 mV (0.0 mm)"
    assert words.degrees(-0.4) == "0°"
    assert words.degrees(-42.4) == "−42°"
    assert words.count(1, "beat") == "one beat"
    assert words.count(12, "complex", "complexes") == "12 complexes"
