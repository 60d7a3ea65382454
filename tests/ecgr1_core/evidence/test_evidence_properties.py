"""What holds for any text: scores in bounds, order irrelevant, strict within published, speed."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecgr1_core.evidence import MODES, Mode, Reference, evidence_reward, match, match_steps
from ecgr1_core.evidence.negation import denied
from ecgr1_core.evidence.words import words_of
from ecgr1_core.interpretation import STEP_NUMBERS, STEP_TITLES, Step, write

PIECES = [
    "sinus rhythm", "ST elevation", "ST-elevation", "QRS 146 ms", "QRS", "PR interval", "0.16 s", "160 ms", "V1–V4",
    "V1", "II, III", "aVF", "no", "not", "without", "absent", "are", "is", "seen", "LBBB", "left bundle branch block",
    "MI", "incomplete", "and", "or", "but", "with", ",", ".", ";", ":", "(", ")", "-", "–", "<", ">", "normal", "axis",
    "-30°", "mild", "\n", "**Step 2: x**", "T waves", "72", "bpm", "to", "≥", "µV", "İ", "ß", "ſ", "1st", "2:1",
]  # fmt: skip
texts = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join))
phrases = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map(" ".join) | st.text(min_size=1, max_size=8)
phrases = phrases.filter(lambda phrase: bool(phrase.strip()))
references = st.dictionaries(
    st.sampled_from(STEP_NUMBERS), st.lists(phrases, min_size=1, max_size=4).map(tuple), min_size=1, max_size=6
).map(Reference)
modes = st.sampled_from(MODES)


@given(st.dictionaries(st.sampled_from(STEP_NUMBERS), texts, max_size=6), references, modes)
def test_scores_and_spans_are_in_bounds(steps: dict[int, str], reference: Reference, mode: Mode) -> None:
    found = match_steps(steps, reference, mode)
    assert found.score is not None
    assert 0 <= found.score <= 1
    assert [step.number for step in found.steps] == sorted(reference.phrases)
    for step in found.steps:
        assert 0 <= step.score <= 1
        for one in step.phrases:
            assert (one.status == "hit") == bool(one.spans)
            assert (one.status == "negated") == (bool(one.negated_spans) and not one.spans)
            for spans in (one.spans, one.negated_spans):
                assert all(0 <= start < end <= len(step.text) for start, end in spans)
                assert list(spans) == sorted(spans)


@given(texts, references, modes, st.randoms(use_true_random=False))
def test_order_of_phrases_is_irrelevant(text: str, reference: Reference, mode: Mode, rng: random.Random) -> None:
    shuffled = Reference({n: tuple(rng.sample(found, len(found))) for n, found in reference.phrases.items()})
    steps = dict.fromkeys(STEP_NUMBERS, text)
    assert match_steps(steps, reference, mode).score == match_steps(steps, shuffled, mode).score


@given(texts, phrases)
@example("No ST elevation. ST elevation", "st elevation")
def test_strict_hit_in_the_phrase_s_own_letters_is_a_published_hit(text: str, phrase: str) -> None:
    phrase = phrase.strip()
    (strict,) = match_steps({1: text}, Reference({1: (phrase,)}), "strict").steps[0].phrases
    (published,) = match_steps({1: text}, Reference({1: (phrase,)})).steps[0].phrases
    if any(text[start:end].lower() == phrase.lower() for start, end in strict.spans):
        assert published.status == "hit"
    if published.status == "missed":
        assert all(text[start:end] != phrase for start, end in (*strict.spans, *strict.negated_spans))


@given(texts)
def test_a_text_is_a_published_hit_of_itself(text: str) -> None:
    if text.strip():
        assert match_steps({1: text}, Reference({1: (text,)})).score == 1


@given(texts)
def test_words_keep_their_places(text: str) -> None:
    words = words_of(text)
    assert all(word.start < word.end for word in words)
    assert all(a.end <= b.start for a, b in pairwise(words))
    covered = "".join(text[word.start : word.end] for word in words)
    letters = [char for char in text if char.isalnum() and char.isascii()]
    assert [char for char in covered if char.isalnum() and char.isascii()] == letters
    assert [len(one) for one in denied(words)] == [len(words)] * 2


@given(texts, references, modes)
@settings(max_examples=50)
def test_any_completion_is_scored_and_always_the_same(completion: str, reference: Reference, mode: Mode) -> None:
    first = match(completion, reference, mode)
    assert first == match(completion, reference, mode)
    assert evidence_reward([completion], [reference], mode=mode) == [first.score]


def least_seconds(completion: str, reference: Reference, mode: Mode, times: int) -> float:
    """The processor time of one match, the least of so many."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        match(completion, reference, mode)
        taken.append(time.process_time() - start)
    return min(taken)


def test_five_milliseconds_a_completion() -> None:
    text = (
        "The rhythm is sinus with a ventricular rate of 72 bpm, and P waves precede each QRS complex. There is no "
        "ST elevation or depression in leads V1–V4; the QRS duration is 98 ms (normal below 110 ms), with a PR "
        "interval of 160 ms. Without pathological Q waves, the axis is normal at 45°, and T waves are upright in I, "
        "II, and V3-V6."
    )
    steps = [Step(number, title, text) for number, title in zip(STEP_NUMBERS, STEP_TITLES, strict=True)]
    completion = write(steps, "Normal ECG.", ["normal ECG"])
    reference = Reference(dict.fromkeys(STEP_NUMBERS, ("sinus rhythm", "QRS duration 98 ms", "no ST elevation")))
    for mode in MODES:
        assert least_seconds(completion, reference, mode, 20) < 0.005, mode


@pytest.mark.parametrize(
    "unit", ["no , ", "x absent ", "no x , y ", "( no x ", "not seen ", "1-1-", "<think>", "**Step 1: "]
)
def test_endless_repetition_costs_no_more_than_its_length(unit: str) -> None:
    reference = Reference({1: ("no ST elevation", "sinus rhythm", "QRS 146 ms")})
    completion = "<think>**Step 1: x\n" + unit * (9000 // len(unit)) + "</think>"
    for mode in MODES:
        assert least_seconds(completion, reference, mode, 3) < 0.2, mode
