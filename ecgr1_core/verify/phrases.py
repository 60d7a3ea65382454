"""The table of phrases, made into a tree of words that finds the longest phrase at a place of a text.

The table is `phrases.toml`; how a phrase is written stands at its top. This module knows no ECG.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from ecgr1_core.verify.tokens import Token, tokens

_SLOT = re.compile(r"\(([^)]*)\)|(\S+)")
_BRITISH = (("aem", "em"), ("isation", "ization"), ("ised", "ized"), ("ising", "izing"), ("neighbour", "neighbor"))
_SKIPPED = ("-", '"')
_LETTERS = frozenset("pqrstu")


@dataclass(frozen=True)
class Phrase:
    """What a phrase stands for: its table ("finding", "topic", "attribute", "group", "cue") and its row."""

    table: str
    row: str


@dataclass(frozen=True)
class Topic:
    """What something can be said of: claims by the unit of a number, by attribute, by itself, and when denied."""

    values: Mapping[str, str]
    attributes: Mapping[str, str]
    exists: str | None
    denied: str | None


@dataclass
class _Node:
    next: dict[str, _Node] = field(default_factory=dict)
    phrases: dict[str, Phrase] = field(default_factory=dict)


@dataclass(frozen=True)
class Phrases:
    """The whole table: the tree, the topics by name, the leads of the groups by name, numbers of findings."""

    root: _Node
    topics: Mapping[str, Topic]
    groups: Mapping[str, tuple[str, ...]]
    value_of: Mapping[str, Mapping[str, str]]

    def longest(self, words: Sequence[Token], index: int) -> tuple[tuple[Phrase, ...], int] | None:
        """Return what the longest phrase at `index` stands for and the index after it; None where none begins.

        Words that stand for several rows ("absent") give all of them. A bare letter is a wave only as a capital or
        before "wave".
        """
        node, at, best = self.root, index, None
        while at < len(words):
            token = words[at]
            if at > index and token.text in _SKIPPED and token.text not in node.next:
                at += 1
                continue
            following = node.next.get(_stem(token.text))
            if following is None:
                break
            node, at = following, at + 1
            if node.phrases:
                best = tuple(node.phrases.values()), at
        if best is not None and best[1] == index + 1 and not _is_wave(words[index]):
            return None
        return best


@cache
def phrases() -> Phrases:
    """Return the table of this package; ValueError where a phrase is in it twice with different meanings."""
    table = tomllib.loads((files("ecgr1_core.verify") / "phrases.toml").read_text(encoding="utf-8"))
    root = _Node()
    said = [("finding", row, says) for row, says in table["finding"].items()]
    said += [("topic", row, entry["say"]) for row, entry in table["topic"].items()]
    said += [("attribute", row, says) for row, says in table["attribute"].items()]
    said += [("group", row, entry["say"]) for row, entry in table["group"].items()]
    said += [("cue", row, says) for row, says in table["cue"].items()]
    for name, row, says in said:
        for phrase in says:
            for words in expanded(phrase):
                _add(root, words, Phrase(name, row))
    topics = {
        row: Topic(
            entry.get("values", {}),
            {key: value for key, value in entry.items() if key not in ("say", "values", "exists", "denied")},
            entry.get("exists"),
            entry.get("denied"),
        )
        for row, entry in table["topic"].items()
    }
    groups = {row: tuple(entry["leads"]) for row, entry in table["group"].items()}
    return Phrases(root, topics, groups, table["value_of"])


def kinds_of_claims() -> frozenset[str]:
    """Return every kind of claim that the table can make, without the sign of absence."""
    table = tomllib.loads((files("ecgr1_core.verify") / "phrases.toml").read_text(encoding="utf-8"))
    found = set(table["finding"])
    for topic in phrases().topics.values():
        found |= {*topic.values.values(), *topic.attributes.values()} | {
            kind for kind in (topic.exists, topic.denied) if kind is not None
        }
    return frozenset(kind.lstrip("!") for kind in found)


def expanded(phrase: str) -> Iterator[tuple[str, ...]]:
    """Yield the word sequences of a phrase of the table: each alternative, with and without the optional."""
    slots = []
    for optional, word in _SLOT.findall(phrase):
        choices = (optional or word).split("|")
        slots.append([*choices, ""] if optional else choices)
    for chosen in itertools.product(*slots):
        text = " ".join(choice for choice in chosen if choice)
        words = tuple(_stem(token.text) for token in tokens(text, 0, len(text)))
        if words:
            yield words


def _add(root: _Node, words: tuple[str, ...], phrase: Phrase) -> None:
    node = root
    for word in words:
        node = node.next.setdefault(word, _Node())
    other = node.phrases.setdefault(phrase.table if phrase.table != "cue" else phrase.row, phrase)
    if other != phrase:
        raise ValueError(f"phrases: {' '.join(words)!r} stands for both {other.row!r} and {phrase.row!r}")


@cache
def _stem(word: str) -> str:
    """Return the word in the singular and in American spelling; not for reading, only for comparing."""
    for british, american in _BRITISH:
        word = word.replace(british, american)
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _is_wave(token: Token) -> bool:
    """Whether a token that is a whole phrase may be one: a bare letter only as a capital."""
    return token.text not in _LETTERS or token.raw.isupper()
