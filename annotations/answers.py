"""What a rater answers: the forms of stage one and stage two, and their check against rubric and reading shown.

A draft may be unfinished but never malformed; what is submitted must be whole. Labels are kept under the names of the
vocabulary. It knows neither who answers nor which arm wrote what: readings are letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from annotations.rubric import Rubric, first_fault
from ecgr1_core import vocabulary
from ecgr1_core.errors import InputError
from ecgr1_core.interpretation import STEP_NUMBERS, Interpretation

Verdict = Literal["left", "tie", "right", "both_bad"]
PhraseVerdict = Literal["accepted", "rejected", "added", "corrected"]
_FORBIDDEN = re.compile(r"[;\n\r<>|]|step_\d", re.IGNORECASE)  # signs with which the published RL rows are written


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StageOne(_Form):
    """The rater's own diagnosis before any reading was shown: labels of the vocabulary and how sure they are."""

    labels: tuple[str, ...] = ()
    confidence: int | None = None
    comment: str = Field("", max_length=10_000)


class Phrase(_Form):
    """One evidence phrase of one step: as it stands in the reading, or added; `corrected` is what it should say."""

    step: int = Field(ge=1, le=len(STEP_NUMBERS))
    text: str = Field(min_length=1, max_length=200)
    verdict: PhraseVerdict
    corrected: str | None = Field(None, max_length=200)


class OutputRating(_Form):
    """What is said of one reading; `labels` None means that its answer needs no correction."""

    steps: dict[int, int] = Field(default_factory=dict)
    scales: dict[str, int | str] = Field(default_factory=dict)
    phrases: tuple[Phrase, ...] = ()
    labels: tuple[str, ...] | None = None
    comment: str = Field("", max_length=10_000)


class PairPreference(_Form):
    """Which of two readings is better; `left` stands before `right` in the alphabet."""

    left: str
    right: str
    verdict: Verdict


class StageTwo(_Form):
    """The rating of all readings shown, by letter."""

    outputs: dict[str, OutputRating] = Field(default_factory=dict)
    preferences: tuple[PairPreference, ...] = ()
    seen_before: bool | None = None
    comment: str = Field("", max_length=10_000)


class Display(_Form):
    """How the trace was shown: a filter can change what is seen, so it is kept with the rating. Unknown is None."""

    speed_mm_s: float | None = None
    gain_mm_mv: float | None = None
    high_pass_hz: float | None = None
    low_pass_hz: float | None = None
    notch_hz: float | None = None
    layout: str | None = Field(None, max_length=80)


Form = TypeVar("Form", bound=BaseModel)


def parse(form: type[Form], data: Any) -> Form:
    """Return plain data as a form; `InputError` where it is none."""
    try:
        return form.model_validate(data)
    except ValidationError as error:
        raise InputError("answer", first_fault(error), "correct it and save again") from error


def check_stage_one(answer: StageOne, rubric: Rubric) -> StageOne:
    """Return a whole stage-one answer with its labels by name; `InputError` for what is missing or unknown."""
    labels = canonical_labels(answer.labels)
    if not labels:
        raise InputError("diagnosis", "there is no label", "choose at least one; a normal ECG is one too")
    scale = rubric.confidence
    if answer.confidence is None and scale.required:
        raise InputError("confidence", "it is missing", f"give {scale.minimum}–{scale.maximum}")
    if answer.confidence is not None and not scale.minimum <= answer.confidence <= scale.maximum:
        raise InputError("confidence", f"{answer.confidence} is no answer", f"give {scale.minimum}–{scale.maximum}")
    return answer.model_copy(update={"labels": labels})


def check_stage_two(answer: StageTwo, rubric: Rubric, shown: Mapping[str, Interpretation]) -> StageTwo:
    """Return a whole stage-two answer with its labels by name; `InputError` for what is missing or does not fit.

    `shown` are the readings by letter.
    """
    if set(answer.outputs) != set(shown):
        missing = sorted(set(shown) - set(answer.outputs)) or sorted(set(answer.outputs) - set(shown))
        raise InputError(f"reading {missing[0]}", "its rating is missing or not asked for", "rate what is shown")
    checked = {
        letter: _check_output(letter, rating, rubric, shown[letter]) for letter, rating in answer.outputs.items()
    }
    _check_preferences(answer.preferences, rubric, sorted(shown))
    return answer.model_copy(update={"outputs": checked})


def canonical_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the labels by their names in the vocabulary, each once, in order; `InputError` for an unknown one."""
    names: list[str] = []
    for text in labels:
        found = vocabulary.lookup(text)
        if found is None:
            raise InputError(text, "the vocabulary has no such label", "choose one from the list")
        if found.name not in names:
            names.append(found.name)
    return tuple(names)


def _check_output(letter: str, rating: OutputRating, rubric: Rubric, shown: Interpretation) -> OutputRating:
    where = f"reading {letter}"
    written = {step.number for step in shown.steps if step.number in STEP_NUMBERS}
    for number, score in rating.steps.items():
        if number not in written:
            raise InputError(f"{where}, step {number}", "the reading has no such step", "rate the steps that it has")
        if not rubric.steps.minimum <= score <= rubric.steps.maximum:
            remedy = f"give {rubric.steps.minimum}–{rubric.steps.maximum}"
            raise InputError(f"{where}, step {number}", f"{score} is no answer", remedy)
    unrated = sorted(written - set(rating.steps))
    if unrated and rubric.steps.required:
        raise InputError(f"{where}, step {unrated[0]}", "its rating is missing", "rate every step")
    for key, given in rating.scales.items():
        rubric.scale(key).value(given)
    for scale in rubric.scales:
        if scale.required and scale.key not in rating.scales:
            raise InputError(f"{where}, {scale.title}", "the answer is missing", "answer every question")
    for phrase in rating.phrases:
        _check_phrase(where, phrase, rubric, shown)
    if rating.labels is None:
        return rating
    return rating.model_copy(update={"labels": canonical_labels(rating.labels)})


def _check_phrase(where: str, phrase: Phrase, rubric: Rubric, shown: Interpretation) -> None:
    subject = f"{where}, step {phrase.step}, “{phrase.text}”"
    step = shown.step(phrase.step)
    if phrase.verdict != "added" and (step is None or phrase.text.casefold() not in step.text.casefold()):
        raise InputError(subject, "these words do not stand in the step", "mark words of the step, or add the phrase")
    if (phrase.verdict == "corrected") != (phrase.corrected is not None):
        raise InputError(subject, "a corrected phrase, and only such a one, says what is right", "give the right words")
    for text in (phrase.text, phrase.corrected):
        if text is None or (phrase.verdict in ("rejected", "corrected") and text == phrase.text):
            continue
        check_phrase_text(subject, text, rubric)


def check_phrase_text(subject: str, text: str, rubric: Rubric) -> None:
    """Raise `InputError` about `subject` where the words cannot be an evidence phrase: too long, or with odd signs."""
    if not text.strip() or _FORBIDDEN.search(text):
        raise InputError(subject, "it has a sign that a phrase cannot carry", "leave out ; < > | and line breaks")
    if len(text.split()) > rubric.phrases.max_words:
        raise InputError(subject, f"it is longer than {rubric.phrases.max_words} words", "shorten it")


def _check_preferences(given: tuple[PairPreference, ...], rubric: Rubric, letters: list[str]) -> None:
    pairs = set(combinations(letters, 2))
    compared = [(one.left, one.right) for one in given]
    for pair in compared:
        if pair not in pairs:
            raise InputError("preference", f"{pair[0]} and {pair[1]} are no pair shown", "compare what is shown")
    if len(set(compared)) != len(compared):
        raise InputError("preference", "one pair is compared twice", "give each pair once")
    missing = sorted(pairs - set(compared))
    if missing and rubric.preference.required:
        left, right = missing[0]
        raise InputError("preference", f"{left} and {right} are not compared", "say which is better, or tie")
