"""Rubric, answers and screening: what is asked, what is accepted, what gives an arm away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from annotations.answers import StageOne, StageTwo, check_stage_one, check_stage_two, parse
from annotations.rubric import default_rubric, read_rubric, rubric_from_json
from annotations.screening import mask, screen
from ecgr1_core import interpretation
from ecgr1_core.errors import InputError
from ecgr1_core.interpretation import STEP_TITLES, Step

RUBRIC = default_rubric()
STEPS = [Step(n, title, f"The QRS is narrow in step {n}.") for n, title in enumerate(STEP_TITLES, 1)]
SHOWN = interpretation.parse(interpretation.write(STEPS, "Normal.", ["normal ECG"]))


def _output(**changes: Any) -> dict[str, Any]:
    scales = {s.key: next(iter(s.choices)) if s.choices else 3 for s in RUBRIC.scales}
    return {"steps": dict.fromkeys(range(1, 7), 4), "scales": scales, **changes}


def _two(**changes: Any) -> dict[str, Any]:
    pair = {"left": "A", "right": "B", "verdict": "tie"}
    return {"outputs": {"A": _output(), "B": _output()}, "preferences": [pair], **changes}


def _check(content: dict[str, Any]) -> StageTwo:
    return check_stage_two(parse(StageTwo, content), RUBRIC, {"A": SHOWN, "B": SHOWN})


def test_the_default_rubric_asks_the_seven_criteria_and_the_questions_of_the_paper() -> None:
    keys = [scale.key for scale in RUBRIC.scales]
    assert keys[:7] == [
        "diagnosis_accuracy",
        "analysis_completeness",
        "analysis_relevance",
        "lead_evidence_validity",
        "ecg_feature_grounding",
        "evidence_based_reasoning",
        "clinical_diagnostic_fidelity",
    ]
    assert RUBRIC.scale("would_sign").value("yes") == 1
    assert RUBRIC.scale("diagnosis_correct").values == (0, 1, 2)
    assert rubric_from_json(RUBRIC.to_json(), "again") == RUBRIC


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"scales": [{"key": "a", "title": "A", "question": "?"}]}, "give either minimum and maximum, or choices"),
        ({"steps": {"minimum": 5, "maximum": 1}}, "minimum must be below maximum"),
        ({"surprise": 1}, "surprise: Extra inputs"),
        ({"adjudicate": {"range_at_least": {"nothing": 1}}}, "names no scale: nothing"),
    ],
)
def test_a_wrong_rubric_is_refused(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError) as told:
        rubric_from_json({**RUBRIC.to_json(), **change}, "own.yaml")
    assert fault in str(told.value)


def test_a_rubric_file(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("name: [unclosed")
    with pytest.raises(InputError, match="it is not YAML"):
        read_rubric(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_rubric(tmp_path / "missing.yaml")


def test_a_whole_answer_is_kept_under_the_names_of_the_vocabulary() -> None:
    answer = _check(_two(outputs={"A": _output(labels=["AF", "atrial fibrillation"]), "B": _output()}))
    assert answer.outputs["A"].labels == ("atrial fibrillation",)
    assert answer.outputs["B"].labels is None
    own = check_stage_one(parse(StageOne, {"labels": ["AF"], "confidence": 4}), RUBRIC)
    assert own.labels == ("atrial fibrillation",)


def _without(scale: str) -> dict[str, Any]:
    output = _output()
    del output["scales"][scale]
    return output


def _phrase(**what: Any) -> dict[str, Any]:
    return {"A": _output(phrases=[{"step": 1, "text": "narrow", "verdict": "accepted", **what}]), "B": _output()}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"outputs": {"A": _output()}}, "reading B: its rating is missing"),
        ({"outputs": {"A": _output(), "B": _without("reliability")}}, "reading B, Reliability: the answer is missing"),
        ({"outputs": {"A": _output(steps={1: 3}), "B": _output()}}, "step 2: its rating is missing"),
        ({"outputs": {"A": _output(steps=dict.fromkeys(range(1, 7), 9)), "B": _output()}}, "9 is no answer"),
        ({"outputs": {"A": _output(labels=["gibberish"]), "B": _output()}}, "the vocabulary has no such label"),
        ({"preferences": []}, "A and B are not compared"),
        ({"preferences": [{"left": "B", "right": "A", "verdict": "tie"}]}, "are no pair shown"),
        ({"outputs": _phrase(text="wide QRS")}, "these words do not stand in the step"),
        ({"outputs": _phrase(text="wide; QRS", verdict="added")}, "a sign that a phrase cannot carry"),
        ({"outputs": _phrase(text="one two three four", verdict="added")}, "longer than 3 words"),
        ({"outputs": _phrase(verdict="corrected")}, "says what is right"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_told(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError) as told:
        _check(_two(**change))
    assert fault in str(told.value)


@pytest.mark.parametrize(
    "content", [{"labels": [], "confidence": 3}, {"labels": ["AF"]}, {"labels": ["AF"], "confidence": 0}]
)
def test_stage_one_must_be_whole(content: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"no label|is missing|is no answer"):
        check_stage_one(parse(StageOne, content), RUBRIC)


def test_forged_fields_are_refused() -> None:
    with pytest.raises(InputError, match="arm: Extra inputs"):
        parse(StageTwo, {"arm": "signal-only"})


@pytest.mark.parametrize(
    ("text", "neutral"),
    [
        ("The image shows a narrow QRS.", "The recording shows a narrow QRS."),
        ("Images of V1 are clear.", "Recording of V1 are clear."),
        ("Raw signal data look clean.", "Recording look clean."),
        ("As an AI model, ECG-R1 sees AF.", "The reader, the reader sees AF."),
        ("GEM agrees; the gem of it.", "the reader agrees; the gem of it."),
        ("Read by ProtoNet 3 here.", "Read by the reader here."),
    ],
)
def test_giveaway_words_are_masked(text: str, neutral: str) -> None:
    masked = mask(text, screen(text, ["ProtoNet 3"]))
    assert masked.casefold() == neutral.casefold()
    assert screen(masked, ["ProtoNet 3"]) == ()


@pytest.mark.parametrize(
    "text", ["Sinus rhythm at 72 bpm, PR 160 ms.", "T waves imagined upright; the pulse is regular."]
)
def test_plain_findings_are_not_screened(text: str) -> None:
    assert screen(text) == ()


def test_words_of_a_page_are_flagged_without_a_neutral_word() -> None:
    (found,) = screen("The grid lines are faint.")
    assert (found.text, found.rule, found.neutral) == ("grid lines", "page", None)
    assert mask("The grid lines are faint.", [found]) == "The […] are faint."
