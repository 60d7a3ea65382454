"""From a reference trace, a reading whose steps are trusted, to evidence phrases: what each of its steps says.

As in the released references a step has at most three phrases, each of at most three words and verbatim in the text of
that step. Phrases are names of the vocabulary, measured values and denied names; other words are not understood.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.errors import InputError
from ecgr1_core.evidence.reference import Reference
from ecgr1_core.evidence.strict import Span, StrictText, find
from ecgr1_core.evidence.words import Word, words_of
from ecgr1_core.interpretation import parse

PHRASES_PER_STEP = 3
WORDS_PER_PHRASE = 3

_EXTENT = frozenset(["complete", "acute", "old", "nonspecific", "prolonged"])
_NAMES = frozenset(["pr", "pq", "qrs", "qt", "qtc", "axis", "rate"])
_UNITS = frozenset(["ms", "bpm", "deg"])
_BETWEEN = frozenset(["interval", "duration", "is", "was", "of", "at", ":", "=", "measure", "about", "approximately"])
_VAGUE = frozenset(["normal"])  # stands for "normal ECG" in an answer, for anything in a sentence
_NO = "no "


def reference_from_trace(text: str, subject: str = "the reference trace") -> Reference:
    """Return the phrases that a trace in six steps says, and the labels of its answer, None where it has none.

    In each step names of the vocabulary that are said come first, then values ("QRS 146 ms", "72 bpm"), then names that
    are denied ("no ST elevation"), each in the order of the text and once. A name of more than three words is cut to
    three. Limits and ranges are no values. `subject` names the source in errors; raises `InputError` where the text has
    no steps, or none of them says anything of that kind.

    >>> reference_from_trace("**Step 2: Conduction**\\nPR 160 ms, QRS above 120 ms: LBBB. <answer>LBBB</answer>")
    Reference(phrases={2: ('LBBB', 'PR 160 ms')}, answer=('LBBB',), ignored=())
    """
    reading = parse(text)
    phrases = {step.number: found for step in reading.steps if 1 <= step.number <= 6 and (found := _phrases(step.text))}
    if not phrases:
        fault = "its steps name no label and no value" if reading.steps else "it has no steps"
        raise InputError(subject, fault, "give a reading in steps, or list the phrases by step")
    return Reference(phrases, None if "answer" in reading.missing else reading.answer)


def _phrases(text: str) -> tuple[str, ...]:
    said, denied = _labels(text)
    words = words_of(text)
    found = [_shortened(text[start:end]) for start, end in said if text[start:end].casefold() not in _VAGUE]
    found += [text[start:end] for start, end in _values(words, text)]
    found += [text[start:end] for start, end in denied if len(text[start:end].split()) <= WORDS_PER_PHRASE]
    return tuple(dict.fromkeys(found))[:PHRASES_PER_STEP]


def _labels(text: str) -> tuple[list[Span], list[Span]]:
    """Return where labels are said, and where denied with the "no" before them; a label inside another is left out."""
    strict = StrictText.of(text)
    said: set[Span] = set()
    denied: set[Span] = set()
    for label in vocabulary.labels():
        own, opposite = find(label.name, strict)
        said.update(own)
        denied.update(opposite)
    with_no = [
        (start - len(_NO), end) for start, end in denied if text[max(0, start - len(_NO)) : start].casefold() == _NO
    ]
    return _outermost(said - denied), _outermost(with_no)


def _outermost(spans: set[Span] | list[Span]) -> list[Span]:
    """Return the spans in their order, of two that overlap the longer."""
    chosen: list[Span] = []
    for span in sorted(spans, key=lambda one: (one[0] - one[1], one[0])):
        if all(span[1] <= start or end <= span[0] for start, end in chosen):
            chosen.append(span)
    return sorted(chosen)


def _values(words: list[Word], text: str) -> list[Span]:
    """Return where a named value or a rate stands, with its name where that fits; limits and ranges are left out."""
    found = []
    for at, word in enumerate(words):
        value = word.quantity
        if value is None or value.unit not in _UNITS or value.comparison is not None or value.low != value.high:
            continue
        before = at - 1
        while before >= 0 and words[before].key in _BETWEEN:
            before -= 1
        named = before >= 0 and words[before].key in _NAMES
        if named and len(text[words[before].start : word.end].split()) <= WORDS_PER_PHRASE:
            found.append((words[before].start, word.end))
        elif named or value.unit == "bpm":
            found.append((word.start, word.end))
    return found


def _shortened(name: str) -> str:
    """Return at most three words of a name, without words of extent at its beginning where it is longer."""
    words = name.split()
    while len(words) > WORDS_PER_PHRASE and words[0].casefold() in _EXTENT:
        words = words[1:]
    start = name.index(words[0]) if words else 0
    end = start
    for word in words[:WORDS_PER_PHRASE]:
        end = name.index(word, end) + len(word)
    return name[start:end]
