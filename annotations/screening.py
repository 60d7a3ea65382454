"""Screens readings for words that give away which arm wrote them, and masks them.

The rules are in `giveaways.toml`; the names of a study's own arms, readers and versions are looked for too. It cannot
see what form, length or style give away: docs/study.md says how to judge that.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

LEFT_OUT = "[…]"
"""What stands for a masked word that has no neutral one."""


@dataclass(frozen=True)
class Giveaway:
    """One place in a text: characters `start` to `end`, the rule that found it, and its neutral word, if any."""

    start: int
    end: int
    text: str
    rule: str
    neutral: str | None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)


@cache
def _rules() -> tuple[tuple[str, re.Pattern[str], str | None], ...]:
    table = tomllib.loads((files("annotations") / "giveaways.toml").read_text(encoding="utf-8"))
    return tuple(
        (rule["name"], re.compile(rule["pattern"], 0 if rule.get("case") else re.IGNORECASE), rule.get("neutral"))
        for rule in table["rule"]
    )


def screen(text: str, names: Iterable[str] = ()) -> tuple[Giveaway, ...]:
    """Return the giveaway words of a reading in their order, none overlapping.

    `names` are the study's own: arms, readers, versions; those shorter than three letters are too common to look for.
    """
    found = [
        Giveaway(match.start(), match.end(), match.group(), name, neutral)
        for name, pattern, neutral in _rules()
        for match in pattern.finditer(text)
    ]
    for name in {one for one in names if len(one) >= 3}:
        pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
        found += [
            Giveaway(match.start(), match.end(), match.group(), "name of the study", "the reader")
            for match in pattern.finditer(text)
        ]
    kept: list[Giveaway] = []
    for one in sorted(found, key=lambda each: (each.start, -each.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return tuple(kept)


def mask(text: str, found: Sequence[Giveaway]) -> str:
    """Return the text with every found word replaced by its neutral one, or by an ellipsis in brackets.

    A capital letter at its beginning stays one.
    """
    pieces, end = [], 0
    for one in found:
        neutral = one.neutral or LEFT_OUT
        first = neutral[0].upper() if one.text[0].isupper() and _begins_sentence(text, one.start) else neutral[0]
        pieces += [text[end : one.start], first + neutral[1:]]
        end = one.end
    return "".join([*pieces, text[end:]])


def _begins_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(" ")
    return not before or before[-1] in ".!?\n:*>"
