"""Matches the evidence phrases of a reference with the steps of a reading, in two modes, and scores each step.

"published" counts as the released reward does; "strict" counts whole words that are not denied (docs/evidence.md).
What a score is used for is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from ecgr1_core.evidence import strict
from ecgr1_core.evidence.completion import StepText, published_steps, strict_steps
from ecgr1_core.evidence.reference import Reference
from ecgr1_core.interpretation import STEP_TITLES

Mode = Literal["published", "strict"]
MODES: tuple[Mode, ...] = ("published", "strict")
Status = Literal["hit", "negated", "missed"]
Span = tuple[int, int]


@dataclass(frozen=True)
class PhraseMatch:
    """What became of one phrase.

    `status` is "hit" where it is said, "negated" where only its opposite is said (strict mode), else "missed". `spans`
    are the (start, end) of the places where it is said, `negated_spans` of those where its opposite is, both in the
    text of the step, in order.
    """

    phrase: str
    status: Status
    spans: tuple[Span, ...] = ()
    negated_spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class StepMatch:
    """One step that has phrases: its text in the reading ("" where it is missing), its phrases, and its score.

    `start` is the offset of `text` in the completion, None where the text is missing or put together of several parts.
    `score` is hits / phrases, 0 to 1.
    """

    number: int
    text: str
    start: int | None
    phrases: tuple[PhraseMatch, ...]

    @property
    def score(self) -> float:
        """Hits / phrases."""
        return sum(one.status == "hit" for one in self.phrases) / len(self.phrases)


@dataclass(frozen=True)
class EvidenceMatch:
    """The steps of a reference that have phrases, matched with a reading."""

    mode: Mode
    steps: tuple[StepMatch, ...]

    @property
    def score(self) -> float | None:
        """The mean of the steps' scores, 0 to 1 (EDER); None where the reference has no phrase."""
        return sum(step.score for step in self.steps) / len(self.steps) if self.steps else None

    def step(self, number: int) -> StepMatch | None:
        """Return the step of that number, None where the reference has no phrase for it."""
        return next((step for step in self.steps if step.number == number), None)


def match(completion: str, reference: Reference, mode: Mode = "published") -> EvidenceMatch:
    """Return how the phrases of a reference fare in a completion.

    Each mode finds the steps in its own way: `published_steps`, `strict_steps`. A step that the completion lacks scores
    0. ValueError for a mode that is none of `MODES`.

    >>> found = match("<think>**Step 1: Rate**\\nNo ST elevation.</think>", Reference({1: ("ST elevation",)}), "strict")
    >>> found.steps[0].phrases[0].status, found.score
    ('negated', 0.0)
    """
    _check(mode)
    steps = published_steps(completion) if mode == "published" else strict_steps(completion)
    return match_steps(steps, reference, mode)


def match_steps(steps: Mapping[int, StepText | str], reference: Reference, mode: Mode = "published") -> EvidenceMatch:
    """Return how the phrases of a reference fare in the texts of the steps, given by number.

    For a page that shows `Interpretation.steps`: the spans are offsets into exactly the texts given. In strict mode a
    phrase that is in the reference twice counts once; in published mode as often as it stands there.
    """
    _check(mode)
    found = []
    for number, phrases in sorted(reference.phrases.items()):
        given = steps.get(number, "")
        step = StepText(given, None) if isinstance(given, str) else given
        found.append(StepMatch(number, step.text, step.start, _matched(step.text, phrases, mode)))
    return EvidenceMatch(mode, tuple(found))


def to_json(found: EvidenceMatch) -> dict[str, Any]:
    """Return a match as plain data: mode, score, and per step number, title, score, text, start and phrases."""
    return {
        "mode": found.mode,
        "score": found.score,
        "steps": [
            {
                "number": step.number,
                "title": STEP_TITLES[step.number - 1],
                "score": step.score,
                "text": step.text,
                "start": step.start,
                "phrases": [
                    {
                        "phrase": one.phrase,
                        "status": one.status,
                        "spans": [list(span) for span in one.spans],
                        "negated_spans": [list(span) for span in one.negated_spans],
                    }
                    for one in step.phrases
                ],
            }
            for step in found.steps
        ],
    }


def _check(mode: str) -> None:
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")


def _matched(text: str, phrases: tuple[str, ...], mode: Mode) -> tuple[PhraseMatch, ...]:
    if mode == "published":
        return tuple(_published(text, phrase) for phrase in phrases)
    ready = strict.StrictText.of(text)
    unique = {" ".join(phrase.casefold().split()): phrase for phrase in reversed(phrases)}
    return tuple(_strict(ready, phrase) for phrase in reversed(unique.values()))


def _published(text: str, phrase: str) -> PhraseMatch:
    spans = tuple(place.span() for place in _substring(phrase).finditer(text))
    return PhraseMatch(phrase, "hit" if spans else "missed", spans)


@lru_cache(maxsize=8192)
def _substring(phrase: str) -> re.Pattern[str]:
    return re.compile(re.escape(phrase), re.IGNORECASE)


def _strict(text: strict.StrictText, phrase: str) -> PhraseMatch:
    said, opposite = strict.find(phrase, text)
    return PhraseMatch(phrase, "hit" if said else "negated" if opposite else "missed", said, opposite)
