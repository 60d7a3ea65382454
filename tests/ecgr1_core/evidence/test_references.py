"""References: from the published string, from JSON, from lists; what is wrong with one is one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from ecgr1_core.errors import InputError
from ecgr1_core.evidence import STEP_KEYS, Reference, match, reference_from_json, reference_from_text

PUBLISHED = (
    "<|key_diagnostic_evidence|>step_1_technical_rate_rhythm: sinus rhythm; 72 bpm\n"
    "step_5_electrolytes_qt: QTc 440 ms\nstep_9_more: x<|\\key_diagnostic_evidence|>\n"
    "<|answer|>normal ECG; LVH <|/answer|>"
)
WHOLE = Reference({1: ("sinus rhythm", "72 bpm"), 5: ("QTc 440 ms",)}, ("normal ECG", "LVH"), ("step_9_more",))


def test_published_string_and_row() -> None:
    assert reference_from_text(PUBLISHED) == WHOLE
    assert reference_from_json(PUBLISHED) == WHOLE
    assert reference_from_json({"messages": [], "solution": PUBLISHED}) == WHOLE


@pytest.mark.parametrize(
    "data",
    [
        {"evidence": {"1": ["sinus rhythm", " 72 bpm "], "5": ["QTc 440 ms"]}, "answer": ["normal ECG", "LVH"]},
        {"evidence": {STEP_KEYS[5]: ["QTc 440 ms"], STEP_KEYS[1].upper(): ["sinus rhythm", "72 bpm"], "2": []},
         "answer": "normal ECG; LVH"},
        {"evidence": [["sinus rhythm", "72 bpm"], [], [], [], ["QTc 440 ms"], []],
         "answer": [{"label": "normal ECG", "scp": "NORM"}, {"label": "LVH", "scp": None}]},
    ],
)  # fmt: skip
def test_json(data: dict[str, Any]) -> None:
    found = reference_from_json(data)
    assert found == Reference(WHOLE.phrases, WHOLE.answer)
    assert list(found.phrases) == [1, 5]


def test_no_answer_is_unknown_and_an_empty_one_is_empty() -> None:
    assert reference_from_json({"evidence": {}}).answer is None
    assert reference_from_json({"answer": []}).answer == ()
    assert reference_from_text("<|answer|><|/answer|>").answer == ()


def test_without_phrases_the_score_is_unknown() -> None:
    found = match("<think>**Step 1: x**\ny</think>", reference_from_text("<|answer|>a<|/answer|>"))
    assert found.steps == ()
    assert found.score is None


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ("nothing of the kind", "neither evidence tags nor a step key"),
        ("", "neither evidence tags nor a step key"),
        (3, "neither a string nor an object"),
        ({}, 'neither "evidence" nor "answer"'),
        ({"solution": None}, '"solution" is not a string'),
        ({"evidence": 3}, "neither an object nor a list"),
        ({"evidence": [["a"]]}, "1 lists instead of 6"),
        ({"evidence": {"7": ["a"]}}, "'7' is no step"),
        ({"evidence": {"²": ["a"]}}, "'²' is no step"),
        ({"evidence": {"step_1": ["a"]}}, "'step_1' is no step"),
        ({"evidence": {"1": "a; b"}}, "phrases of step 1 are not a list"),
        ({"evidence": {"1": ["a", 3]}}, "phrases of step 1 are not a list"),
        ({"evidence": {"1": [" "]}}, "phrases of step 1 are not a list"),
        ({"evidence": {"1": ["a"], STEP_KEYS[1]: ["b"]}}, "step 1 is given twice"),
        ({"answer": [3]}, 'labels of "answer" are not a list'),
        ({"answer": {"a": 1}}, 'labels of "answer" are not a list'),
    ],
)
def test_bad_reference_is_one_sentence(data: Any, part: str) -> None:
    with pytest.raises(InputError) as caught:
        reference_from_json(data, "row 7")
    assert str(caught.value).startswith("row 7: ")
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_reference_is_checked_when_made_in_code() -> None:
    for phrases in ({0: ("a",)}, {7: ("a",)}, {1: ()}, {1: ("",)}):
        with pytest.raises(ValueError, match="step"):
            Reference(phrases)
    with pytest.raises(ValueError, match="mode must be"):
        match("", Reference(), "loose")  # type: ignore[arg-type]
