"""Topics, leads, limits and ranges are read from the words of a question, not known beforehand."""

from __future__ import annotations

import pytest

from training.evaluate.reasoning.chain import chosen
from training.evaluate.reasoning.plan import plan_of, plans
from training.evaluate.reasoning.wording import (
    Span,
    asked_leads,
    how_many,
    limit_of,
    limits_by_lead,
    ordinals,
    span_of,
    topic,
)


@pytest.mark.parametrize(
    ("text", "low", "high", "unit"),
    [
        ("[230ms - 240ms]", 230, 240, "ms"),
        ("Above 240ms", 240, None, "ms"),
        ("Below 0.3mV", None, 0.3, "mv"),
        ("[-90 degrees - -60 degrees]", -90, -60, "deg"),
        ("[1.12s - 1.24s]", 1.12, 1.24, "s"),
        ("[40 bpm – 50 bpm]", 40, 50, "bpm"),
        ("between -90 and -30 degrees", -90, -30, "deg"),
        ("between +90 and +180 degrees", 90, 180, "deg"),
        ("is less than 65 beats per minute", None, 65, "bpm"),
        ("greater than 0.31 mV*s", 0.31, None, "mv_s"),
        ("QRS axis > +55 degrees", 55, None, "deg"),
    ],
)
def test_ranges(text: str, low: float | None, high: float | None, unit: str) -> None:
    assert span_of(text) == Span(low, high, unit)


def test_limits_belong_to_their_leads() -> None:
    text = "depressed by more than 0.12mV (1.2mm) in lead V2, and more than 0.08mV (0.8mm) in leads V3 and V4"
    assert limits_by_lead(text, ("V2", "V3", "V4")) == {"V2": 0.12, "V3": 0.08, "V4": 0.08}
    assert limits_by_lead("more than 0.09 mV in these leads", ("II", "aVF")) == {"II": 0.09, "aVF": 0.09}
    assert limit_of("a duration greater than 35 milliseconds and greater than 0.05 mV", "ms") == Span(35, None, "ms")


@pytest.mark.parametrize(
    ("text", "leads", "count"),
    [
        ("in at least two of the lateral leads, including I, aVL, V5 and V6", ("I", "aVL", "V5", "V6"), 2),
        ("an RSR' pattern in lead V1 or V2, where a second deflection", ("V1", "V2"), 1),
        ("dominant S waves in leads V1 and V2?", ("V1", "V2"), 2),
        ("a qR pattern in any of leads II, III, and aVF?", ("II", "III", "aVF"), 1),
        ("in at least three of V1, V2, V3. Note that V6 is left out", ("V1", "V2", "V3"), 3),
    ],
)
def test_leads_and_how_many_of_them(text: str, leads: tuple[str, ...], count: int) -> None:
    assert asked_leads(text) == leads
    assert how_many(text, leads) == count


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("Is each P wave followed by a QRS complex?", "conduction"),
        ("Is the PR interval greater than 220 ms? Note that the QRS duration is not meant.", "pr"),
        ("Are the RR intervals regular?", "regular"),
        ("Is the QRS duration of the premature beat longer compared to normal beats?", "premature_qrs"),
        ("Which range does the QRS duration of that segment fall into?", "qrs"),
        ("Do leads show an rS pattern?", "rs_pattern"),
        ("Is there an rSR' pattern?", "rsr"),
        ("What is the weather?", None),
    ],
)
def test_topics(text: str, about: str | None) -> None:
    assert topic(text) == about


def test_intervals_are_numbered() -> None:
    assert ordinals("[11th QRS wave - 12th QRS wave]") == (11, 12)
    assert ordinals("[1.12s - 1.24s]") == ()


def test_there_is_a_plan_for_each_of_the_17_diagnoses() -> None:
    assert len(plans()) == 17
    for target in plans():
        words = target.replace("_", " ")
        found = plan_of(f"Does this ECG suggest the presence of {words}?")
        assert found is not None
        assert found.target == target
    assert plan_of("Does this ECG suggest the presence of dextrocardia?") is None


def test_plans_decide_as_their_criteria_say() -> None:
    block = plans()["complete_right_bundle_branch_block"]
    assert block.decide(lambda step: step.name in ("qrs", "rsr", "slurred_s"))
    assert block.decide(lambda step: step.name in ("qrs", "broad_r", "slurred_s"))
    assert not block.decide(lambda step: step.name in ("qrs", "slurred_s"))
    left = plans()["left_ventricular_hypertrophy"]
    assert left.decide(lambda step: step.name == "r_avl")
    assert not left.decide(lambda step: False)
    right = plans()["right_ventricular_hypertrophy"]
    assert right.decide(lambda step: step.name in ("rbbb", "r_v1"))
    assert not right.decide(lambda step: step.name in ("axis", "r_v1"))


@pytest.mark.parametrize(
    ("text", "options", "found"),
    [
        ("**Yes.**", ["Yes", "No"], ["Yes"]),
        ("The answer is no, as the PR is short.", ["Yes", "No"], ["No"]),
        ("<think>Yes or no?</think>No", ["Yes", "No"], ["No"]),
        ("Lead V2; Lead V3", ["Lead I", "Lead V2", "Lead V3"], ["Lead V2", "Lead V3"]),
        ("I see it in Lead II and Lead III.", ["Lead I", "Lead II", "Lead III"], ["Lead II", "Lead III"]),
        ("[1.12s - 1.24s]", ["[1.12s - 1.24s]", "[2.12s - 2.24s]"], ["[1.12s - 1.24s]"]),
        ("[-90 degrees - -60 degrees]", ["[60 degrees - 90 degrees]", "[-90 degrees - -60 degrees]"],
         ["[-90 degrees - -60 degrees]"]),
        ("I cannot tell.", ["Yes", "No"], []),
    ],
)  # fmt: skip
def test_options_are_found_in_what_a_model_writes(text: str, options: list[str], found: list[str]) -> None:
    assert chosen(text, options) == found
