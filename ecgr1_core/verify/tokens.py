"""From a text to tokens: spelling made even, character by character so that offsets stay, then words, numbers, signs.

It knows how ECG texts are typed, not what they mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_EVEN = {
    **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u200a\u202f\u3000\t", " "),
    **dict.fromkeys("‐‑‒–—―−﹣－⁻", "-"),
    **dict.fromkeys("’‘′´`ʹ", "'"),
    **dict.fromkeys("“”″", '"'),
    **{sub: str(n) for n, sub in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    **{sup: str(n) for n, sup in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    "μ": "µ", "º": "°", "˚": "°", "⩾": "≥", "⩽": "≤", "≧": "≥", "≦": "≤", "～": "~", "∼": "~", "≃": "≈", "≅": "≈",
    "＋": "+", "×": "x", "*": " ", "_": " ",
}  # fmt: skip
_MAP = str.maketrans(_EVEN)

_TOKEN = re.compile(
    r"(?P<number>\d+(?:[.,]\d+)?(?![\d]))"
    r"|(?P<word>[a-zµ][a-z0-9µ]*(?:'{1,2}(?![a-z]))?|'[a-z]+)"
    r"|(?P<sign><=|>=|=<|=>|\.\.\.|[^\sa-z0-9])",
    re.IGNORECASE,
)
_ABBREVIATIONS = frozenset(
    ["i.e", "e.g", "vs", "approx", "ca", "cf", "resp", "dr", "etc", "fig", "max", "min", "no", "incl", "viz"]
)
_SENTENCE_END = re.compile(r"[.!?]+(?=[\s)\"'\]]|$)|\n+|;")


@dataclass(slots=True)  # never changed; frozen ones are made at half the speed
class Token:
    """A word in lower case, a number or a sign, with its offsets; `raw` keeps the case, which tells qR from QR."""

    text: str
    raw: str
    start: int
    end: int
    kind: Literal["word", "number", "sign"]


def even(text: str) -> str:
    """Return the text with one spelling of spaces, dashes, quotes, subscripts and signs; the same length."""
    return text.translate(_MAP)


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the (start, end) of each sentence of an even text; a semicolon and a line break end one too.

    A full stop after a known abbreviation, or before a lower-case word after a unit ("0.16 s. apart"), does not.
    """
    found, start = [], 0
    for stop in _SENTENCE_END.finditer(text):
        if stop.group().startswith(".") and _goes_on(text, stop):
            continue
        if text[start : stop.end()].strip():
            found.append((start, stop.end()))
        start = stop.end()
    if text[start:].strip():
        found.append((start, len(text)))
    return found


def _goes_on(text: str, stop: re.Match[str]) -> bool:
    before = text[max(0, stop.start() - 12) : stop.start()]
    words = before.split()
    word = words[-1].strip("([").lower() if words else ""
    after = text[stop.end() : stop.end() + 40].lstrip()
    if word == "no":  # "no." is number only before one
        return after[:1].isdigit()
    if word in ("min", "max", "etc"):
        return after[:1].islower()
    return word in _ABBREVIATIONS or (after[:1].islower() and "\n" not in text[stop.end() : stop.end() + 2])


def tokens(text: str, start: int, end: int) -> list[Token]:
    """Return the tokens of a stretch of an even text, with offsets into the whole."""
    found = []
    for match in _TOKEN.finditer(text, start, end):
        kind: Literal["word", "number", "sign"] = "number" if match["number"] else "word" if match["word"] else "sign"
        raw = match.group()
        lower = raw.lower()
        found.append(Token(lower if len(lower) == len(raw) else raw, raw, match.start(), match.end(), kind))
    return found
