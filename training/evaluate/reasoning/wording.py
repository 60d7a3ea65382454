"""Reads what a closed question asks: leads, limits, ranges and the topic. No ECG is looked at.

Numbers and leads are taken from the words of the question, so that a question with other limits gets another answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ecgr1_core.record import LEADS

_LEAD: Final = re.compile(r"(?<![\w])(aVR|aVL|aVF|V[1-6]|III|II|I)(?![\w'])")
_NUMBER: Final = r"[-+−]?\d+(?:\.\d+)?"
_UNITS: Final = {
    "ms": r"ms|milliseconds?",
    "s": r"s|seconds?|sec",
    "mv_s": r"mV\s*[*·x]\s*s",
    "mv": r"mV|millivolts?",
    "deg": r"degrees?|°",
    "bpm": r"bpm|beats per minute|per minute|/min",
}
_ANY_UNIT: Final = "|".join(f"(?P<{name}>{words})(?![A-Za-z*·])" for name, words in _UNITS.items())
_RANGE: Final = re.compile(
    rf"\[?\s*(?P<low>{_NUMBER})\s*(?P<unit>[^\d\s\[\]–-][^\d\[\]–-]*?)?\s*[-–]\s*"
    rf"(?P<high>{_NUMBER})\s*(?:{_ANY_UNIT})",
    re.IGNORECASE,
)
_OPEN: Final = re.compile(
    rf"(?P<side>above|over|greater than|more than|>|below|under|less than|<)\s*(?P<value>{_NUMBER})\s*(?:{_ANY_UNIT})",
    re.IGNORECASE,
)
_BETWEEN: Final = re.compile(
    rf"between\s+(?P<low>{_NUMBER})\s*(?:degrees|°)?\s+and\s+(?P<high>{_NUMBER})\s*(?:{_ANY_UNIT})", re.IGNORECASE
)
_ORDINALS: Final = re.compile(r"(\d+)(?:st|nd|rd|th)", re.IGNORECASE)
_UPWARDS: Final = ("above", "over", "greater than", "more than", ">")


@dataclass(frozen=True)
class Span:
    """A range of values in one unit, open where a bound is None: ms, s, mv, mv_s, deg or bpm."""

    low: float | None
    high: float | None
    unit: str

    def distance(self, value: float) -> float:
        """Return how far a value lies outside, 0 inside."""
        below = 0.0 if self.low is None else max(0.0, self.low - value)
        above = 0.0 if self.high is None else max(0.0, value - self.high)
        return below + above


# What is asked about, by the first pattern that is found; the order matters.
_TOPICS: Final[tuple[tuple[str, str], ...]] = (
    ("conduction", r"every P wave|each P wave|1:1|one-to-one"),
    ("non_conducted", r"non-?conducted P|blocked P|P wave that is not conducted"),
    ("dropped", r"dropped (?:beat|QRS)|significantly longer|pause between"),
    ("dissociation", r"dissociation|independent|atrial rate"),
    ("fibrillation", r"fibrillat"),
    ("regular", r"regular"),
    ("rate", r"heart rate|ventricular rate|bradycardia"),
    (
        "premature_qrs",
        r"(?=.*(?:premature|selected segment|normal beats))(?=.*(?:QRS (?:duration|prolong|wid)))"
        r"(?=.*(?:premature|compared|normal beats))",
    ),
    ("premature", r"premature"),
    ("pr", r"\bPR interval|\bPR duration"),
    ("lbbb", r"left bundle branch block|\bLBBB\b"),
    ("rbbb", r"right bundle branch block|\bRBBB\b"),
    ("axis", r"\baxis\b"),
    ("cornell", r"Cornell"),
    ("voltage_sum", r"\bsum of\b"),
    ("dominant_s", r"dominant S"),
    ("dominant_r", r"dominant R"),
    ("broad_r", r"broad monophasic R|monophasic R waves?|tall, broad R"),
    ("monophasic", r"monophasic"),
    ("notched", r"notch"),
    ("rsr", r"r\s*s\s*r['′’]|RSR"),
    ("slurred_s", r"slurred S"),
    ("qr_pattern", r"\bqR\b"),
    ("rs_pattern", r"\brS\b"),
    ("q_wave", r"pathological Q|Q waves?\b.*duration"),
    ("st_elevation", r"ST(?:-segment)? elevation|elevation of the (?:J|ST)"),
    ("st_depression", r"ST(?:-segment)? depression|depression of the (?:J|ST)"),
    ("t_inverted", r"invert\w* T|T[- ]wave inversion|negative T"),
    ("r_amplitude", r"\bR(?: wave)? amplitude"),
    ("s_amplitude", r"\bS(?: wave)? amplitude"),
    ("qrs", r"QRS (?:duration|width)"),
)
_CASED: Final = {"rs_pattern", "qr_pattern"}
_COMPILED: Final = tuple(
    (name, re.compile(words, re.DOTALL if name in _CASED else re.DOTALL | re.IGNORECASE)) for name, words in _TOPICS
)


def topic(text: str) -> str | None:
    """Return what a question is about, None where it is about nothing that is known here.

    The note that explains a term ("Note that …") is not looked at.
    """
    asked = re.split(r"\bnote that\b", text, flags=re.IGNORECASE)[0]
    return next((name for name, words in _COMPILED if words.search(asked)), None)


def leads_in(text: str) -> tuple[str, ...]:
    """Return the leads that a text names, each once, in its order."""
    return tuple(dict.fromkeys(match[1] for match in _LEAD.finditer(text) if match[1] in LEADS))


def asked_leads(text: str) -> tuple[str, ...]:
    """Return the leads that a question asks about, without those of its note."""
    return leads_in(re.split(r"\bnote that\b", text, flags=re.IGNORECASE)[0])


def how_many(text: str, leads: Sequence[str]) -> int:
    """Return in how many of the leads something must be seen: "at least two", "any of", "V1 or V2", else all."""
    told = re.search(r"at least (one|two|three|\d)", text, re.IGNORECASE)
    if told:
        return {"one": 1, "two": 2, "three": 3}.get(told[1].casefold()) or int(told[1])
    either = re.search(r"\bany of\b|\b(?:V\d|I{1,3}|aV[RLF])\s+or\s+(?:lead\s+)?(?:V\d|I{1,3}|aV[RLF])\b", text)
    return 1 if either else len(leads)


def span_of(text: str) -> Span | None:
    """Return the range that an option or question gives, None where it gives none."""
    if found := _BETWEEN.search(text) or _RANGE.search(text):
        return Span(_value(found["low"]), _value(found["high"]), _unit(found))
    if found := _OPEN.search(text):
        value, upwards = _value(found["value"]), found["side"].casefold() in _UPWARDS
        return Span(value if upwards else None, None if upwards else value, _unit(found))
    return None


def limit_of(text: str, unit: str) -> Span | None:
    """Return the first open limit of that unit ("greater than 120 ms"), None where there is none."""
    for found in _OPEN.finditer(text):
        if _unit(found) == unit:
            return span_of(found[0])
    return None


def limits_by_lead(text: str, leads: Sequence[str]) -> dict[str, float]:
    """Return the limit in mV of each lead: "0.1 mV in lead V2, and 0.07 mV in leads V3 and V4", or one for all.

    Leads that no limit names have the one that names no lead ("in these leads"), if there is one.
    """
    places = list(re.finditer(rf"({_NUMBER})\s*mV", text))
    found: dict[str, float] = {}
    for number, place in enumerate(places):
        end = places[number + 1].start() if number + 1 < len(places) else len(text)
        own = [lead for lead in leads_in(text[place.end() : end]) if lead in leads]
        for lead in own or leads:
            if own or lead not in found:
                found[lead] = _value(place[1])
    return found


def ordinals(text: str) -> tuple[int, ...]:
    """Return the numbers of "2nd QRS wave - 3rd QRS wave"."""
    return tuple(int(match[1]) for match in _ORDINALS.finditer(text))


def _value(text: str) -> float:
    return float(text.replace("−", "-"))


def _unit(found: re.Match[str]) -> str:
    return next(name for name in _UNITS if found.group(name))
