"""A judge's answer becomes scores as published; damaged JSON is mended, an incomplete answer refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from training.evaluate.criteria import CRITERIA, judge_messages, read_scores, with_average


def whole(**changes: Any) -> dict[str, Any]:
    def items(*scores: float) -> list[dict[str, Any]]:
        return [{"Item": "x", "Score": score, "Explanation": 'said "so", at length'} for score in scores]

    return {
        "DiagnosisAccuracy": items(2, 1, 0, 0),
        "AnalysisCompleteness": items(1, 1, 1, 0),
        "AnalysisRelevance": items(1, 0),
        "LeadEvidenceValidity": items(1, 1, 1, 1, 1),
        "GroundedECGUnderstanding": items(80),
        "EvidenceBasedReasoning": items(70),
        "RealisticDiagnosticProcess": items(60),
        **changes,
    }


def test_scores_are_as_published() -> None:
    scores = read_scores(json.dumps(whole()))
    assert scores["DiagnosisAccuracy"] == 50.0  # items above 0
    assert (scores["AnalysisCompleteness"], scores["AnalysisRelevance"], scores["LeadEvidenceValidity"]) == (3, 1, 5)
    named = with_average(scores)
    assert named["ECGFeatureGrounding"] == 80
    assert named["Evidence-BasedReasoning"] == 70
    assert named["ClinicalDiagnosticFidelity"] == 60
    assert named["Average"] == 70


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: f"Here it is:\n```json\n{text}\n```\nI hope this helps.",
        lambda text: text[:-2],  # cut off before its last brackets
        lambda text: text.replace('"Score": 80', '"Score": "80/100"'),
        lambda text: text.replace('"Score": 2', '" score": 2'),
        lambda text: text.replace("}, {", "} {"),
        lambda text: text.replace("GroundedECGUnderstanding", "ECG Feature Grounding"),
        lambda text: text.replace('"Item": "x", ', "").replace("[{", "[{\n// note\n", 1),
    ],
)
def test_damaged_answers_are_mended(spoil: Any) -> None:
    assert read_scores(spoil(json.dumps(whole()))) == read_scores(json.dumps(whole()))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("The reading is good.", "no JSON object"),
        ("", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        (json.dumps({"DiagnosisAccuracy": [{"Score": 2}]}), "AnalysisCompleteness is missing"),
        (json.dumps(whole(DiagnosisAccuracy=[{"Score": 7}])), "DiagnosisAccuracy has the score 7"),
        (json.dumps(whole(GroundedECGUnderstanding=[{"Score": 101}])), "has the score 101"),
        (json.dumps(whole(GroundedECGUnderstanding=[{"Score": 50}, {"Score": 60}])), "has 2 items"),
        (json.dumps(whole(AnalysisRelevance=[{"Explanation": "no number"}])), "without a score"),
    ],
)
def test_answers_that_do_not_grade_are_refused(answer: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_scores(answer)


def test_a_reading_without_items_scores_nothing() -> None:
    scores = read_scores(json.dumps(whole(DiagnosisAccuracy=[], LeadEvidenceValidity=[])))
    assert (scores["DiagnosisAccuracy"], scores["LeadEvidenceValidity"]) == (0.0, 0.0)


def test_the_judge_sees_reading_reference_and_every_criterion() -> None:
    system, user = judge_messages("THE READING", "THE REFERENCE")
    assert system["role"] == "system"
    text = user["content"]
    assert text.index("THE REFERENCE") < text.index("THE READING")
    assert all(one.name in text for one in CRITERIA)
