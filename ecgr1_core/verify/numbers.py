"""Numbers with units in a text: values, ranges and comparisons, brought to ms, mV, bpm and degrees.

Paper at 25 mm/s and 10 mm/mV: a small square is 1 mm, 40 ms, 0.1 mV. What the number is of is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ecgr1_core.verify.tokens import Token
from ecgr1_core.verify.types import Amount

# Unit, factor, the words of it; "mm" is a time or a voltage, which the topic decides, "" a unit that nothing here has.
_SAID: tuple[tuple[str, float, str], ...] = (
    ("ms", 1.0, "ms|msec|msecs|millisecond|milliseconds|m s"),
    ("ms", 1000.0, "s|sec|secs|second|seconds"),
    ("bpm", 1.0, "bpm|/ min|/ minute|per minute|per min|beats per minute|beats / min|beats / minute|beats per min"),
    ("bpm", 1.0, "b / min|beats a minute|beat per minute|min - 1|b p m|complexes per minute|a minute"),
    ("mV", 1.0, "mv|millivolt|millivolts"),
    ("mV", 0.001, "µv|uv|microvolt|microvolts"),
    ("mm", 1.0, "mm|millimeter|millimeters|millimetre|millimetres"),
    ("mm", 1.0, "small box|small boxes|small square|small squares|mm boxes"),
    ("mm", 5.0, "large box|large boxes|big box|big boxes|large square|large squares|big square|big squares"),
    ("mm", 10.0, "cm"),
    ("deg", 1.0, "°|deg|degs|degree|degrees"),
    ("", 0.0, "%|percent|mm / s|mm / mv|mm / sec|mm · s|mv · ms|mv ms|mm s|hz|years|year|y|kg|beats|beat|leads|lead"),
    (
        "",
        0.0,
        "mm hg|µv / s|mv / s|: 1|seconds strip|second strip|s strip|s recording|- second|- lead|/ 12|st|nd|rd|th",
    ),
    (
        "",
        0.0,
        "% of s|% of r|% of t|% of qrs|% of the s|% of the r|% of the t|% of the qrs|% of s wave|% of r wave",
    ),
    ("", 0.0, "- year|minutes|mm / s / s|weeks|days|hours|months|contiguous|consecutive|point|points|% of"),
)
_UNITS = {tuple(words.split()): (unit, factor) for unit, factor, said in _SAID for words in said.split("|")}
_LONGEST_UNIT = max(map(len, _UNITS))
_IN_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TO = ("-", "to")
_ABOVE, _BELOW = (">", "≥", ">=", "=>"), ("<", "≤", "<=", "=<")
_SIGN_BEFORE = ("(", "[", ":", "=", ",", "/", ">", "<", "≥", "≤", "~", "≈")


@dataclass(frozen=True)
class Number:
    """A number, or range, of a text: `end` is the index after it; `unit` is None without one, "" for a foreign one."""

    low: float
    high: float
    unit: str | None
    end: int


def number_at(tokens: Sequence[Token], index: int) -> Number | None:
    """Return the number or range "A-B unit", "A to B unit" that begins at `index`, or None."""
    first = _signed(tokens, index)
    if first is None:
        return None
    low, at = first
    unit, factor, after = _unit(tokens, at)
    if unit == "":
        return Number(low, low, "", after)
    to = at if unit is None else after
    if to < len(tokens) and tokens[to].text in _TO:
        second = _signed(tokens, to + 1)
        if second is not None:
            high, at2 = second
            unit2, factor2, after2 = _unit(tokens, at2)
            if unit2 != "":
                own = factor if unit is not None else factor2
                a, b = low * own, high * (factor2 if unit2 is not None else own)
                return Number(min(a, b), max(a, b), unit2 if unit2 is not None else unit, after2)
    return Number(low * factor, low * factor, unit, after)


def and_number(tokens: Sequence[Token], first: Number) -> Number:
    """Return the range "between A and B" where `first` is A, or `first` where no B follows."""
    if first.low == first.high and first.end < len(tokens) and tokens[first.end].text == "and":
        second = number_at(tokens, first.end + 1)
        if second is not None and second.unit != "":
            unit = second.unit if second.unit is not None else first.unit
            a, b = first.low, second.low
            if first.unit is None and second.unit is not None:
                a *= _factor_of(tokens, second)
            return Number(min(a, b), max(a, b), unit, second.end)
    return first


def _factor_of(tokens: Sequence[Token], number: Number) -> float:
    """Return the factor of the unit that the number's words end with."""
    for length in range(_LONGEST_UNIT, 0, -1):
        words = tuple(token.text for token in tokens[max(0, number.end - length) : number.end])
        if words in _UNITS:
            return _UNITS[words][1]
    return 1.0


def comparison(text: str) -> str | None:
    """Return "above" or "below" for a sign of comparison, else None."""
    return "above" if text in _ABOVE else "below" if text in _BELOW else None


def amount(number: Number, unit: str, compared: str | None, approximate: bool) -> Amount:
    """Return what is claimed: the number itself, or all above or below it; `unit` is that of the topic."""
    low, high = number.low, number.high
    value = Amount(low, high, unit, "value", approximate)
    if compared == "above":
        return replace(value, low=low, high=None, form="limit")
    if compared == "below":
        return replace(value, low=None, high=high, form="limit")
    return value


def scale(number: Number, unit: str) -> Number | None:
    """Return the number in the unit of its topic, None where the two do not fit: "mm" is 0.1 mV or 40 ms."""
    if number.unit == unit:
        return number
    if number.unit == "mm" and unit in ("mV", "ms"):
        factor = 0.1 if unit == "mV" else 40.0
        return Number(number.low * factor, number.high * factor, unit, number.end)
    return None


def _signed(tokens: Sequence[Token], index: int) -> tuple[float, int] | None:
    """Return (value, index after) of a number with its sign; a dash after a word or number is a range or a hyphen."""
    if index >= len(tokens):
        return None
    token, sign, at = tokens[index], 1.0, index
    if token.text in ("-", "+", "minus") and index + 1 < len(tokens) and tokens[index + 1].kind == "number":
        if token.text == "-" and tokens[index + 1].start != token.end:
            return None
        before = tokens[index - 1] if index else None
        attached = before is not None and before.end == token.start and before.text not in _SIGN_BEFORE
        if token.text in "-+" and attached:
            return None
        sign, at = (-1.0 if token.text in ("-", "minus") else 1.0), index + 1
    elif token.text == "±":
        return None
    if tokens[at].text in _IN_WORDS and at + 1 < len(tokens) and tokens[at + 1].text in ("small", "large", "big"):
        return float(_IN_WORDS.index(tokens[at].text)), at + 1
    if tokens[at].kind != "number":
        return None
    return sign * float(tokens[at].text.replace(",", ".")), at + 1


def _unit(tokens: Sequence[Token], at: int) -> tuple[str | None, float, int]:
    """Return (unit, factor, index after) of the longest unit at `at`; (None, 1, at) where none stands there."""
    start = at + 1 if at + 1 < len(tokens) and tokens[at].text == "-" and tokens[at + 1].kind == "word" else at
    for begin in dict.fromkeys((at, start)):
        for length in range(_LONGEST_UNIT, 0, -1):
            words = tuple(token.text for token in tokens[begin : begin + length])
            if len(words) == length and words in _UNITS:
                unit, factor = _UNITS[words]
                return unit, factor or 1.0, begin + length
    return None, 1.0, at
