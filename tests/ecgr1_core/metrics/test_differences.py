"""Sentences of two readings: paired whatever their order, and told apart by what they claim."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgr1_core.interpretation import Interpretation, Step
from ecgr1_core.metrics.differences import PartDifference, differences, gravest_first, to_json


def step(left: str, right: str, number: int = 1) -> PartDifference:
    sides = [Interpretation(steps=(Step(number, "", text),)) for text in (left, right)]
    return differences(*sides)[number - 1]


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        ("Sinus rhythm.", "Sinus rhythm.", "same"),
        ("Sinus rhythm.", "sinus rhythm", "same"),
        ("PR interval is 162 ms.", "The PR interval measures 160 ms.", "reworded"),
        ("QTc is 450 ms.", "QTc 470 ms.", "reworded"),
        ("QRS is narrow at 90 ms.", "QRS duration is 92 ms, narrow.", "reworded"),
        ("LBBB is present.", "There is left bundle branch block.", "reworded"),
        ("Axis 170 degrees.", "Axis -175 degrees.", "reworded"),
        ("P waves precede each QRS.", "P waves precede every QRS.", "reworded"),
        ("Left axis deviation.", "The QRS axis is -45 degrees with left axis deviation.", "partly"),
        ("Sinus rhythm.", "Sinus rhythm with first-degree AV block.", "partly"),
        ("Hyperkalemia cannot be excluded.", "No hyperkalemia.", "partly"),
        ("ST elevation in II, III and aVF.", "No ST elevation in V1 to V6.", "partly"),
        ("Nothing to add.", "Clinical correlation is advised.", "partly"),
        ("Sinus rhythm at 74 bpm.", "Atrial fibrillation at 74 bpm.", "contradictory"),
        ("Heart rate is 74 bpm.", "Heart rate is 130 bpm.", "contradictory"),
        ("Sinus bradycardia.", "Sinus tachycardia.", "contradictory"),
        ("The rhythm is regular.", "The rhythm is irregular.", "contradictory"),
        ("PR interval is 162 ms.", "PR is 220 ms.", "contradictory"),
        ("PR interval is 162 ms.", "PR interval is prolonged.", "contradictory"),
        ("The QRS axis is -60 degrees.", "Normal axis.", "contradictory"),
        ("QRS is narrow at 90 ms.", "QRS is wide at 142 ms.", "contradictory"),
        ("LBBB is present.", "There is right bundle branch block.", "contradictory"),
        ("LBBB is present.", "No bundle branch block.", "contradictory"),
        ("First-degree AV block.", "Second-degree AV block.", "contradictory"),
        ("First-degree AV block.", "No AV block.", "contradictory"),
        ("There is no ST elevation.", "There is ST elevation in V1-V3.", "contradictory"),
        ("T waves are inverted in V1-V3.", "T waves are upright in V2.", "contradictory"),
        ("QTc is 450 ms.", "QTc is 500 ms.", "contradictory"),
        ("Acute inferior infarction.", "No infarction.", "contradictory"),
        ("Normal ECG.", "Abnormal ECG.", "contradictory"),
        ("Left ventricular hypertrophy.", "No left ventricular hypertrophy.", "contradictory"),
        ("S V1 + R V5 is 2.45 mV.", "S V1 + R V5 is 3.61 mV.", "contradictory"),
        ("S V1 + R V5 is 2.45 mV.", "R aVL + S V3 is 1.03 mV.", "partly"),
        ("Sinus rhythm.", "", "only_left"),
        ("", "Sinus rhythm.", "only_right"),
    ],
)
def test_what_two_sentences_say_of_each_other(left: str, right: str, verdict: str) -> None:
    assert step(left, right).verdict == verdict
    turned = {"only_left": "only_right", "only_right": "only_left"}.get(verdict, verdict)
    assert step(right, left).verdict == turned


def test_sentences_are_paired_whatever_their_order() -> None:
    found = step(
        "The rhythm is regular. P waves precede each QRS.", "P waves precede every QRS. The rhythm is irregular."
    )
    assert [(pair.left, pair.right, pair.verdict) for pair in found.pairs] == [
        ("The rhythm is regular.", "The rhythm is irregular.", "contradictory"),
        ("P waves precede each QRS.", "P waves precede every QRS.", "reworded"),
    ]
    assert found.pairs[0].why == "regularity: they exclude each other"


def test_a_contradiction_is_found_across_the_sentences_of_a_step() -> None:
    found = step("PR 160 ms. QRS is narrow at 88 ms.", "QRS duration is 150 ms. PR 165 ms.")
    assert {(pair.left, pair.verdict) for pair in found.pairs} == {
        ("PR 160 ms.", "reworded"),
        ("QRS is narrow at 88 ms.", "contradictory"),
    }


def test_the_words_that_differ_are_marked() -> None:
    pair = step("PR interval is 162 ms.", "PR interval is 220 ms.").pairs[0]
    assert pair.left is not None
    assert pair.right is not None
    assert [pair.left[start:end] for start, end in pair.left_spans] == ["162"]
    assert [pair.right[start:end] for start, end in pair.right_spans] == ["220"]
    assert pair.why == "162 ms against 220 ms"


def test_disagreements_come_first_and_empty_steps_last() -> None:
    left = Interpretation(
        steps=(Step(1, "", "Sinus rhythm."), Step(2, "", "LBBB."), Step(3, "", "Low voltage.")), summary="Sinus rhythm."
    )
    right = Interpretation(
        steps=(Step(1, "", "Sinus rhythm."), Step(2, "", "No LBBB.")), summary="Sinus rhythm is seen."
    )
    found = differences(left, right)
    assert [one.part for one in found] == [1, 2, 3, 4, 5, 6, "summary"]
    assert [(one.part, one.verdict) for one in gravest_first(found)] == [
        (2, "contradictory"), (3, "only_left"), ("summary", "reworded"), (1, "same"), (4, None), (5, None), (6, None),
    ]  # fmt: skip
    assert json.loads(json.dumps(to_json(found)))[1]["pairs"][0]["verdict"] == "contradictory"


@given(st.text(max_size=300))
def test_any_text_says_the_same_as_itself(text: str) -> None:
    assert step(text, text).verdict in ("same", None)


@given(st.text(max_size=120), st.text(max_size=120))
def test_no_sentence_is_lost_or_said_twice(left: str, right: str) -> None:
    found = step(left, right)
    for side, other in (("left", right), ("right", left)):
        told = [getattr(pair, side) for pair in found.pairs if getattr(pair, side) is not None]
        alone = step(*((left, "") if side == "left" else ("", right)))
        assert sorted(told) == sorted(getattr(pair, side) for pair in alone.pairs), other


def test_a_sentence_on_both_sides_is_the_same_whatever_others_it_would_contradict() -> None:
    text = "No flutter wave was found. Flutter with changing conduction. A rate of 89 bpm. A rate of 130 bpm."
    found = step(text, text)
    assert [pair.verdict for pair in found.pairs] == ["same"] * 4
    assert found.verdict == "same"
    changed = step(text, text.replace("A rate of 89 bpm", "A rate of 64 bpm"))
    assert [pair.verdict for pair in changed.pairs] == ["same", "same", "contradictory", "same"]
