"""What two readings of one ECG say alike and what they do not, sentence by sentence, step by step.

Sentences of a step are paired by what they claim and by their words, whatever their order. A pair is the same, reworded
(other words, no other claim), partly the same (one claims more, or more firmly), or contradictory (claims that cannot
both be true); what has no partner is on one side only. Sentences of the same words are a pair before all others, then
those of which two claims contradict each other. It is not known here which side is right.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from ecgr1_core.interpretation import STEP_NUMBERS, STEP_TITLES, Interpretation
from ecgr1_core.metrics.conflicts import alike, conflicts
from ecgr1_core.verify.claims import find
from ecgr1_core.verify.tokens import even, sentences
from ecgr1_core.verify.types import Mention, Part

Verdict = Literal["same", "reworded", "partly", "contradictory", "only_left", "only_right"]
VERDICTS: Final[tuple[Verdict, ...]] = ("contradictory", "only_left", "only_right", "partly", "reworded", "same")
"""The verdicts, those first that a reader must see first."""

Span = tuple[int, int]
_LEAST_ALIKE = 0.4  # of 1: below this two sentences without a claim in common are no pair
_FAMILY = 0.7  # of a claim in common: low voltage and normal voltage speak of the same
_CONTRADICTION = 2.0  # more than any likeness: contradictory sentences are paired before others that are not the same
_THE_SAME = 4.0  # more than that: a sentence that stands on both sides is no contradiction to another one
_WORD = re.compile(r"[\w+\-./°%]*\w[°%]?|[^\w\s]")


@dataclass(frozen=True)
class Pair:
    """Two sentences that speak of the same, or one without a partner (None).

    `left_at` and `right_at` are where the sentences begin in the text of the part; `left_spans` and `right_spans` the
    (start, end) of the words that the other side has not, in the sentences. `why` says what is contradictory, in words
    for people.
    """

    left: str | None
    right: str | None
    verdict: Verdict
    left_spans: tuple[Span, ...] = ()
    right_spans: tuple[Span, ...] = ()
    why: str = ""
    left_at: int | None = None
    right_at: int | None = None


@dataclass(frozen=True)
class PartDifference:
    """One step (its number) or the summary of two readings: its pairs in the order of the text, and a verdict on all.

    `verdict` is the gravest of the pairs', "partly" where some sentences stand on one side only and nothing is
    contradictory; None where both sides are empty.
    """

    part: Part
    title: str
    pairs: tuple[Pair, ...]
    verdict: Verdict | None


@dataclass
class _Sentence:
    text: str
    at: int
    claims: tuple[Mention, ...]
    words: list[str] = field(default_factory=list)


def differences(left: Interpretation, right: Interpretation) -> tuple[PartDifference, ...]:
    """Return the six steps and the summary of two readings, each with its pairs."""
    parts: list[tuple[Part, str, str, str]] = [
        (number, title, _text(left, number), _text(right, number))
        for number, title in zip(STEP_NUMBERS, STEP_TITLES, strict=True)
    ]
    parts.append(("summary", "Summary", left.summary, right.summary))
    return tuple(_part(*one) for one in parts)


def gravest_first(parts: Sequence[PartDifference]) -> tuple[PartDifference, ...]:
    """Return the parts with the gravest verdicts first, otherwise in their order; empty ones at the end."""
    rank: dict[Verdict | None, int] = {verdict: number for number, verdict in enumerate(VERDICTS)}
    return tuple(sorted(parts, key=lambda one: rank.get(one.verdict, len(VERDICTS))))


def to_json(parts: Sequence[PartDifference]) -> list[dict[str, Any]]:
    """Return differences as plain JSON data."""
    return [
        {
            "part": one.part,
            "title": one.title,
            "verdict": one.verdict,
            "pairs": [
                {
                    "left": pair.left,
                    "right": pair.right,
                    "verdict": pair.verdict,
                    "left_spans": [list(span) for span in pair.left_spans],
                    "right_spans": [list(span) for span in pair.right_spans],
                    "why": pair.why,
                }
                for pair in one.pairs
            ],
        }
        for one in parts
    ]


def _part(part: Part, title: str, left_text: str, right_text: str) -> PartDifference:
    left, right = _sentences(left_text), _sentences(right_text)
    partner = _paired(left, right)
    taken = set(partner.values())
    pairs: list[Pair] = []
    waiting = [number for number in range(len(right)) if number not in taken]
    for number, sentence in enumerate(left):
        other = partner.get(number)
        while other is not None and waiting and waiting[0] < other:
            pairs.append(_only_right(right[waiting.pop(0)]))
        pairs.append(_only_left(sentence) if other is None else _pair(sentence, right[other]))
    pairs += [_only_right(right[number]) for number in waiting]
    return PartDifference(part, title, tuple(pairs), _verdict_on([pair.verdict for pair in pairs]))


def _only_left(sentence: _Sentence) -> Pair:
    return Pair(sentence.text, None, "only_left", left_at=sentence.at)


def _only_right(sentence: _Sentence) -> Pair:
    return Pair(None, sentence.text, "only_right", right_at=sentence.at)


def _verdict_on(found: Sequence[Verdict]) -> Verdict | None:
    if not found:
        return None
    if len(set(found)) > 1 and "contradictory" not in found and {"only_left", "only_right"} & set(found):
        return "partly"
    return min(found, key=VERDICTS.index)


def _sentences(text: str) -> list[_Sentence]:
    found = []
    for start, end in sentences(even(text)):
        sentence = text[start:end].strip()
        at = start + len(text[start:end]) - len(text[start:end].lstrip())
        words = [word.casefold() for word in _WORD.findall(sentence) if word[-1].isalnum() or word[-1] in "°%"]
        if words:
            found.append(_Sentence(sentence, at, find(sentence), words))
    return found


def _paired(left: Sequence[_Sentence], right: Sequence[_Sentence]) -> dict[int, int]:
    """Return which sentence of the right belongs to which of the left: the assignment of the greatest likeness."""
    if not left or not right:
        return {}
    likeness = np.array([[_likeness(one, other) for other in right] for one in left])
    rows, columns = linear_sum_assignment(likeness, maximize=True)
    return {
        int(row): int(column)
        for row, column in zip(rows, columns, strict=True)
        if likeness[row, column] >= _LEAST_ALIKE
    }  # fmt: skip


def _likeness(left: _Sentence, right: _Sentence) -> float:
    """Return 0 to 1 for words and claims in common, more where they contradict each other, most for the same words."""
    if left.words == right.words:
        return _THE_SAME
    words = difflib.SequenceMatcher(None, left.words, right.words, autojunk=False).ratio()
    likeness = words
    if left.claims and right.claims:
        kinds = {claim.kind for claim in left.claims}, {claim.kind for claim in right.claims}
        families = [{kind.partition(".")[0] for kind in side} for side in kinds]
        shared = len(kinds[0] & kinds[1]) / min(map(len, kinds))
        likeness = 0.5 * words + 0.5 * max(shared, _FAMILY * bool(families[0] & families[1]))
    return likeness + (_CONTRADICTION if conflicts(left.claims, right.claims) else 0.0)


def _pair(left: _Sentence, right: _Sentence) -> Pair:
    against = conflicts(left.claims, right.claims)
    spans = _word_spans(left.text, right.text)
    if left.words == right.words:
        return Pair(left.text, right.text, "same", left_at=left.at, right_at=right.at)
    if against:
        return Pair(left.text, right.text, "contradictory", *spans, against[0].why, left.at, right.at)
    matched = all(
        any(alike(claim, other) for other in there.claims)
        for here, there in ((left, right), (right, left))
        for claim in here.claims
    )
    return Pair(left.text, right.text, "reworded" if matched else "partly", *spans, "", left.at, right.at)


def _word_spans(left: str, right: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Return the stretches of words that only one of two sentences has."""
    found = [[(match.start(), match.end()) for match in _WORD.finditer(text)] for text in (left, right)]
    words = [
        [text[start:end].casefold() for start, end in spans] for text, spans in zip((left, right), found, strict=True)
    ]
    own: tuple[list[Span], list[Span]] = ([], [])
    for kind, a, b, c, d in difflib.SequenceMatcher(None, words[0], words[1], autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for side, (first, last) in enumerate(((a, b), (c, d))):
            if last > first:
                own[side].append((found[side][first][0], found[side][last - 1][1]))
    return tuple(own[0]), tuple(own[1])


def _text(reading: Interpretation, number: int) -> str:
    step = reading.step(number)
    return "" if step is None else step.text
