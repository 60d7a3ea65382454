"""Evidence phrases of a reading: at most three a step, each under four words and verbatim in the text of its step.

They come from the protocol's findings or from a language model that is asked for them; whatever the origin, what is
not verbatim, too long or would break the published string is left out and counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ecgr1_core.evidence import STEP_KEYS
from ecgr1_core.interpretation import STEP_TITLES, Interpretation, parse
from ecgr1_core.protocol import Findings
from ecgr1_core.protocol.evidence_phrases import PHRASES_PER_STEP, WORDS_PER_PHRASE, reference_of

_QUESTION: Final = (
    "From each of the six steps of the reading below copy up to three phrases that carry its conclusion: the finding, "
    "its place, its value. A phrase has one to three words and is copied letter by letter from the text of that same "
    "step, without a semicolon. Never copy from a statement what it denies. Answer with one JSON object and nothing "
    'else: {"1": ["phrase", …], …, "6": […]}, with an empty list for a step that concludes nothing.'
)
# A measured value with its name or, of the rate, its unit; not the end of a range, and no limit.
_VALUE: Final = re.compile(r"\b(?:PR|QRS|QT|QTc) \d+ ms|\baxis −?\d+°|(?<![–\d.])(?<!above )(?<!below )\b\d+ bpm")


@dataclass(frozen=True)
class Phrases:
    """Phrases by step, steps without any left out, and how many that were offered cannot be used."""

    by_step: Mapping[int, tuple[str, ...]]
    unusable: int = 0


def phrases_of(findings: Findings, text: str) -> Phrases:
    """Return the phrases of the findings that stand in a text of any wording, then values that its steps name."""
    reading = parse(text)
    wanted = reference_of(findings).phrases
    found = {
        step.number: usable((*wanted.get(step.number, ()), *_VALUE.findall(step.text)), reading, step.number)
        for step in reading.steps
    }
    return Phrases({number: phrases for number, phrases in found.items() if phrases})


def usable(offered: Iterable[str], reading: Interpretation, number: int) -> tuple[str, ...]:
    """Return the first three different ones of the phrases that are short, verbatim in the step, and safe to write."""
    step = reading.step(number)
    text = "" if step is None else step.text
    good = (
        phrase
        for phrase in (one.strip() for one in offered)
        if phrase in text and 0 < len(phrase.split()) <= WORDS_PER_PHRASE and not set(phrase) & set(";<>\n")
    )
    return tuple(dict.fromkeys(good))[:PHRASES_PER_STEP]


def asked_for(text: str) -> list[dict[str, str]]:
    """Return the messages that ask a language model for the phrases of a reading."""
    reading = parse(text)
    steps = "\n\n".join(f"Step {step.number}, {STEP_TITLES[step.number - 1]}\n{step.text}" for step in reading.steps)
    return [{"role": "user", "content": f"{_QUESTION}\n\n{steps}"}]


def read_phrases(answer: str, text: str) -> Phrases:
    """Return the phrases of an answer to `asked_for` that can be used; none where it holds no JSON object."""
    reading = parse(text)
    found: dict[int, tuple[str, ...]] = {}
    offered = 0
    for key, given in _object(answer).items():
        number = _NUMBERS.get(key.strip().casefold())
        phrases = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
        offered += len(phrases)
        if number is not None and (good := usable(phrases, reading, number)):
            found[number] = good
    return Phrases(dict(sorted(found.items())), offered - sum(map(len, found.values())))


_NUMBERS: Final = {str(number): number for number in STEP_KEYS} | {
    word: number for number, key in STEP_KEYS.items() for word in (key, f"step {number}", f"step_{number}")
}


def _object(answer: str) -> dict[str, Any]:
    start, end = answer.find("{"), answer.rfind("}")
    try:
        data = json.loads(answer[start : end + 1]) if start >= 0 else None
    except (ValueError, RecursionError):
        data = None
    return data if isinstance(data, dict) else {}
