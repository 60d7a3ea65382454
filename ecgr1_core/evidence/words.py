"""From a text to words for the strict matcher: one spelling, and numbers with units and lead lists as single words.

It knows how ECG texts are typed. What is denied and what is a hit are not known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from ecgr1_core.record import LEADS

Kind = Literal["word", "sign", "quantity", "leads", "end"]

_EVEN = {
    **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u200a\u202f\u3000\t\r", " "),
    **dict.fromkeys("‐‑‒–−﹣－", "-"),
    **dict.fromkeys("’‘′´`", "'"),
    **dict.fromkeys("“”″*_", '"'),
    **{small: str(digit) for digit, small in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    "μ": "µ", "º": "°", "˚": "°", "⩾": "≥", "⩽": "≤", "≧": "≥", "≦": "≤",
}  # fmt: skip
_UNEVEN = re.compile(f"[{re.escape(''.join(_EVEN))}]")
_WORD = re.compile(
    r"(?P<word>[^\W\d_]\w*(?:'[^\W\d_]+|'{1,2})?)"
    r"|(?P<ratio>\d+:\d+(?![\d:]))"
    r"|(?P<ordinal>(?:1[sS][tT]|2[nN][dD]|3[rR][dD])\b)"
    r"|(?P<number>[1-9]\d{0,2},\d{3}(?!\d)|\d+[.,]\d+|\d+)"
    r"|(?P<end>[.!?]+(?=[\s)\"']|\Z)|[;\n])"
    r"|(?P<dash>(?<=\s)-+(?=\s)|—|--+)"
    r"|(?P<sign><=|>=|[^\s\w])"
)
_NOT_AN_END = frozenset(["vs", "approx", "ca", "e.g", "i.e", "cf", "resp", "etc", "incl"])
_SPELLING = {
    "1st": "first", "2nd": "second", "3rd": "third", "<=": "≤", ">=": "≥", "ekg": "ecg", "analogue": "analog",
}  # fmt: skip
_BRITISH = (("aem", "em"), ("isation", "ization"), ("ised", "ized"), ("neighbour", "neighbor"))
_PREFIXES = frozenset(["non", "pre", "re", "bi", "multi"])

_UNITS: dict[tuple[str, ...], tuple[str, float]] = {
    tuple(words.split()): (unit, factor)
    for unit, factor, spellings in (
        ("ms", 1.0, ("ms", "msec", "millisecond")),
        ("ms", 1000.0, ("s", "sec", "second")),
        ("mV", 1.0, ("mv", "millivolt")),
        ("mV", 0.001, ("µv", "uv", "microvolt")),
        ("mm", 1.0, ("mm", "millimeter", "millimetre")),
        ("bpm", 1.0, ("bpm", "beat per minute", "beat / min", "beat / minute", "per minute", "/ min", "/ minute")),
        ("deg", 1.0, ("°", "deg", "degree")),
    )
    for words in spellings
}
_LONGEST_UNIT = max(map(len, _UNITS))
_BEGINS_UNIT = frozenset(words[0] for words in _UNITS)
_COMPARISONS: dict[tuple[str, ...], str] = {
    tuple(words.split()): sign
    for sign, spellings in (
        (">", (">", "above", "over", "exceeding", "more than", "greater than", "longer than", "higher than")),
        ("<", ("<", "below", "under", "less than", "shorter than", "smaller than", "lower than")),
        (">", ("≥", "at least")),
        ("<", ("≤", "at most", "up to")),
    )
    for words in spellings
}
_ENDS_COMPARISON = frozenset(words[-1] for words in _COMPARISONS)
_RANGE = frozenset(["-", "dash", "to", "through"])
_LIST = frozenset([",", "and", "&", "/", "or"])
_ROMAN = frozenset(["I", "II", "III"])  # leads in capitals only, and the only words that keep theirs
_LEAD_OF = {lead if lead in _ROMAN else lead.lower(): lead for lead in LEADS}


class Quantity(NamedTuple):
    """A number or range with its unit: `low` to `high` in ms, mV, mm, bpm or degrees; `unit` None where none stands.

    `comparison` is "<" or ">" where the text compares with a limit instead of giving a value.
    """

    low: float
    high: float
    unit: str | None
    comparison: str | None = None


class Word(NamedTuple):
    """One word, sign, quantity or lead list; `key` is its one spelling, `start` and `end` are offsets in the text."""

    key: str
    start: int
    end: int
    kind: Kind
    quantity: Quantity | None = None
    leads: frozenset[str] = frozenset()


def words_of(text: str) -> list[Word]:
    """Return the words of a text in their order; every character but white space is in one of them or between two."""
    return _with_leads(_with_quantities(_plain_words(text), text))


def _plain_words(text: str) -> list[Word]:
    even = _UNEVEN.sub(lambda match: _EVEN[match[0]], text)  # most texts have few of them
    found: list[Word] = []
    joined = -1  # where a word goes on that a prefix and a hyphen began
    for match in _WORD.finditer(even):
        group, written = match.lastgroup, match[0]
        start, end = match.span()
        if group in ("word", "ordinal", "ratio"):
            if joined == start and group != "ratio":
                before = found[-2]
                found[-2:] = [Word(before.key + _key(written), before.start, end, "word")]
            else:
                found.append(Word(written if written in _ROMAN else _key(written), start, end, "word"))
        elif group == "number":
            thousands = written[0] != "0" and written[-4:-3] == ","
            value = float(written.replace(",", "" if thousands else "."))
            found.append(Word("#", start, end, "quantity", Quantity(value, value, None)))
        elif group == "end":
            if written == "." and found and found[-1].end == start and _abbreviates(even, start):
                continue
            found.append(Word(written, start, end, "end"))
        else:
            if written == "-" and group == "sign" and found and found[-1].end == start and found[-1].key in _PREFIXES:
                joined = end
            found.append(Word("dash" if group == "dash" else _SPELLING.get(written, written), start, end, "sign"))
    return found


def _abbreviates(even: str, stop: int) -> bool:
    word = even[max(0, stop - 8) : stop].split()[-1].lstrip("(").lower()
    return word in _NOT_AN_END


@lru_cache(maxsize=8192)
def _key(written: str) -> str:
    """Return the one spelling of a word: lower case, American, singular."""
    word = written.lower()
    word = _SPELLING.get(word, word)
    for british, american in _BRITISH:
        word = word.replace(british, american)
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _with_quantities(words: list[Word], text: str) -> list[Word]:
    """Join numbers with their sign, range, unit and comparison."""
    found: list[Word] = []
    at = 0
    for place, number in [(place, word.quantity) for place, word in enumerate(words) if word.quantity is not None]:
        if place < at:  # the end of a range
            continue
        found += words[at:place]
        start, low = words[place].start, number.low
        if found and found[-1].key in ("-", "+", "minus") and _is_sign(found, words, place, text):
            sign = found.pop()
            start, low = sign.start, low if sign.key == "+" else -low
        quantity, at = _quantity(words, place, low)
        compared = _comparison(found)
        if compared is not None:
            comparison, start, length = compared
            del found[-length:]
            quantity = quantity._replace(comparison=comparison)
        found.append(Word("#", start, words[at - 1].end, "quantity", quantity))
    return found + words[at:]


def _is_sign(found: Sequence[Word], words: Sequence[Word], at: int, text: str) -> bool:
    """Whether the dash before a number is its sign: it touches the number and nothing that could begin a range."""
    sign = found[-1]
    if sign.key == "minus":
        return True
    touching_before = sign.start > 0 and (text[sign.start - 1].isalnum() or text[sign.start - 1] in ")%°")
    return sign.end == words[at].start and not touching_before


def _quantity(words: Sequence[Word], at: int, low: float) -> tuple[Quantity, int]:
    """Return the quantity that begins with the number `low` at `at`, and the index after it."""
    unit, factor, after = _unit(words, at + 1)
    if after + 1 < len(words) and words[after].key in _RANGE:
        step = after + 1
        minus = words[step].key in ("-", "minus") and step + 1 < len(words)
        second = words[step + 1 if minus else step].quantity
        if second is not None:
            high = -second.low if minus else second.low
            unit2, factor2, after2 = _unit(words, step + (2 if minus else 1))
            own = factor if unit is not None else factor2
            a, b = low * own, high * (factor2 if unit2 is not None else own)
            return Quantity(min(a, b), max(a, b), unit2 or unit), after2
    return Quantity(low * factor, low * factor, unit), after


def _unit(words: Sequence[Word], at: int) -> tuple[str | None, float, int]:
    """Return (unit, factor, index after) of the unit at `at`, behind a hyphen too; (None, 1, at) for none."""
    begin = at + 1 if at + 1 < len(words) and words[at].key == "-" and words[at + 1].kind == "word" else at
    if begin == len(words) or words[begin].key not in _BEGINS_UNIT:
        return None, 1.0, at
    keys = [word.key for word in words[begin : begin + _LONGEST_UNIT]]
    for length in range(len(keys), 0, -1):
        unit = _UNITS.get(tuple(keys[:length]))
        if unit is not None:
            return unit[0], unit[1], begin + length
    return None, 1.0, at


def _comparison(found: Sequence[Word]) -> tuple[str, int, int] | None:
    """Return (sign, start, words) of the comparison that the words so far end with."""
    if not found or found[-1].key not in _ENDS_COMPARISON:
        return None
    for length in (2, 1):
        sign = _COMPARISONS.get(tuple(word.key for word in found[-length:]))
        if sign is not None and len(found) >= length:
            return sign, found[-length].start, length
    return None


def _with_leads(words: list[Word]) -> list[Word]:
    """Join lists and ranges of leads: "V1–V4" is V1, V2, V3, V4; a range counts only among the chest leads."""
    found: list[Word] = []
    at = 0
    for place in [place for place, word in enumerate(words) if word.key in _LEAD_OF]:
        if place < at:  # it is on the list before
            continue
        found += words[at:place]
        last = _LEAD_OF[words[place].key]
        leads, start, end = {last}, words[place].start, words[place].end
        at = place + 1
        while (following := _next_lead(words, at)) is not None:
            lead, after, ranged = following
            if ranged and last[0] == lead[0] == "V":
                leads.update(LEADS[LEADS.index(last) : LEADS.index(lead) + 1])
            leads.add(lead)
            end, last, at = words[after - 1].end, lead, after
        found.append(Word("@", start, end, "leads", leads=frozenset(leads)))
    return found + words[at:]


def _next_lead(words: Sequence[Word], at: int) -> tuple[str, int, bool] | None:
    """Return (lead, index after, whether by a range) of the lead that goes on a list at `at`."""
    ranged = at < len(words) and words[at].key in _RANGE
    while at < len(words) and words[at].key in (_RANGE if ranged else _LIST):
        at += 1
    if at < len(words) and words[at].key == "lead":
        at += 1
    lead = _LEAD_OF.get(words[at].key) if at < len(words) else None
    return None if lead is None else (lead, at + 1, ranged)
