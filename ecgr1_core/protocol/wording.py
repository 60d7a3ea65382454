"""Wording: each sentence of a reading as the rules say it, or, with a seed, as one of our templates says the same.

A template never fills in a number, a lead or a certainty of its own: an entry of `wording.toml` spells the canonical
sentence with slots, and its templates put the words of these slots, all of them and unchanged, into another sentence.
What no entry spells is said canonically. This module knows no rule and judges nothing.
"""

from __future__ import annotations

import random
import re
import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ecgr1_core.protocol import words
from ecgr1_core.protocol.findings import Finding
from ecgr1_core.record import LEADS

_SHARE_OF_JOINED = 0.5
# Within a statement of the rules a full stop before a capital ends a sentence; none of them has an abbreviation.
_SENTENCE_END = re.compile(r"(?<=\.) (?=[A-Z])")
_LEAD = f"(?:{'|'.join(sorted(LEADS, key=len, reverse=True))})"
_LEADS = rf"{_LEAD}(?:–{_LEAD})?(?:, {_LEAD}(?:–{_LEAD})?)*(?: (?:and|or) {_LEAD}(?:–{_LEAD})?)?"
# What a slot may hold, by the end of its name; any other slot holds any words.
_SLOT_KINDS: Mapping[str, str] = {
    "ms": r"\d+ ms",
    "range": r"\d+–\d+ ms",
    "bpm": r"\d+ bpm",
    "deg": r"−?\d+°",
    "mv": r"−?\d+\.\d\d mV \(−?\d+\.\d mm\)",
    "number": r"−?\d+(?:\.\d+)?",
    "count": r"[A-Za-z]+|\d+",
    "leads": _LEADS,
    "certainty": r"(?:possible |probable |)",
}


@dataclass(frozen=True)
class Sentence:
    """One sentence of a reading and the findings that it is made of."""

    text: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Entry:
    """One row of the table: what successive sentences of the findings `ids` say canonically, and other ways to say it.

    `says` holds one pattern for each of the ids; more than one are joined into a single sentence.
    """

    ids: tuple[str, ...]
    says: tuple[str, ...]
    templates: tuple[str, ...]

    def match(self, sentences: Sequence[Sentence]) -> dict[str, str] | None:
        """Return the words of the slots where the first of the sentences are what the entry says, None otherwise."""
        if len(sentences) < len(self.ids):
            return None
        slots: dict[str, str] = {}
        for id, pattern, sentence in zip(self.ids, self.says, sentences, strict=False):
            if [finding.id for finding in sentence.findings] != [id]:
                return None
            found = _compiled(pattern).fullmatch(sentence.text)
            if found is None:
                return None
            slots |= found.groupdict()
        return {name: _uncapital(value) for name, value in slots.items()}


class Wording:
    """How one reading is worded: canonically where `seed` is None, otherwise as drawn from it, always alike."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = None if seed is None else random.Random(seed)

    def sentences(self, findings: Sequence[Finding]) -> list[Sentence]:
        """Return the sentences of the statements of the findings, in their order."""
        return self._varied(
            [Sentence(text, (finding,)) for finding in findings for text in _split(finding.statement) if text]
        )

    def reasoning(self, finding: Finding) -> list[Sentence]:
        """Return the sentences on what follows from the finding."""
        return self._varied([Sentence(text, (finding,)) for text in _split(finding.reasoning) if text])

    def composed(self, name: str, **slots: str) -> str:
        """Return a sentence of `[composed]` with its slots filled: the first of its templates without a seed."""
        templates = wording_table()[1][name]
        template = templates[0] if self._random is None else self._random.choice(templates)
        return words.capital(template.format_map(slots))

    def _varied(self, sentences: list[Sentence]) -> list[Sentence]:
        if self._random is None:
            return sentences
        varied = []
        while sentences:
            sentence, used = self._next(sentences, self._random)
            varied.append(sentence)
            sentences = sentences[used:]
        return varied

    def _next(self, sentences: list[Sentence], generator: random.Random) -> tuple[Sentence, int]:
        """Return the next sentence and how many of the canonical ones it says; the canonical wording is one choice."""
        matching = [(entry, slots) for entry in wording_table()[0] if (slots := entry.match(sentences)) is not None]
        joined = [found for found in matching if len(found[0].ids) > 1]
        single = [found for found in matching if len(found[0].ids) == 1]
        chosen = joined if joined and generator.random() < _SHARE_OF_JOINED else single
        choices = [(template, entry, slots) for entry, slots in chosen for template in entry.templates]
        pick = generator.randrange(len(choices) + (chosen is single)) if choices else 0
        if pick >= len(choices):
            return sentences[0], 1
        template, entry, slots = choices[pick]
        used = len(entry.ids)
        found = tuple(finding for sentence in sentences[:used] for finding in sentence.findings)
        return Sentence(words.capital(template.format_map(slots)), found), used


@cache
def wording_table() -> tuple[tuple[Entry, ...], Mapping[str, tuple[str, ...]]]:
    """Return the entries, and the composed sentences by name; ValueError where a template loses or adds a slot."""
    table = tomllib.loads((files("ecgr1_core.protocol") / "wording.toml").read_text(encoding="utf-8"))
    entries = tuple(_entry(row) for row in table["sentence"])
    composed = {name: tuple(templates) for name, templates in table["composed"].items()}
    for entry in entries:
        said = [name for pattern in entry.says for name in slot_names(pattern)]
        if len(set(said)) != len(said):
            raise ValueError(f"wording.toml: a slot stands twice in {entry.says}")
        for template in entry.templates:
            if sorted(slot_names(template)) != sorted(said):
                raise ValueError(f"wording.toml: the slots of {template!r} are not those of {entry.says}")
    for name, templates in composed.items():
        for template in templates:
            if sorted(slot_names(template)) != sorted(slot_names(templates[0])):
                raise ValueError(f"wording.toml: composed.{name}: the slots of {template!r} are not those of the first")
    return entries, composed


def slot_names(template: str) -> list[str]:
    """Return the names of the slots of a template or pattern, in their order."""
    return [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]


def _entry(row: Mapping[str, object]) -> Entry:
    ids, says, templates = (_strings(row[key]) for key in ("id", "says", "templates"))
    if len(ids) != len(says):
        raise ValueError(f"wording.toml: {ids} need as many sentences as ids")
    return Entry(ids, says, templates)


def _strings(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value) if isinstance(value, list) else ()


def _split(statement: str) -> list[str]:
    return _SENTENCE_END.split(statement)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = []
    for literal, name, _, _ in string.Formatter().parse(pattern):
        parts.append(re.escape(literal))
        if name is not None:
            parts.append(f"(?P<{name}>{_SLOT_KINDS.get(name.rpartition('_')[2], '.+?')})")
    return re.compile("".join(parts))


def _uncapital(text: str) -> str:
    """Return the words of a slot as they stand within a sentence: "Ten" as "ten", but "QRS", "V1" and "P" unchanged."""
    first = text.partition(" ")[0]
    ordinary = len(first) > 1 and first.isalpha() and first[1:].islower() and first not in LEADS
    return text[:1].lower() + text[1:] if ordinary else text
