"""`Reference`: the evidence phrases of each step and the labels that a reading is compared with.

It is read from the string of a published training row, from JSON, or made of lists of phrases. How phrases are matched
is not known here, nor which phrases are good ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ecgr1_core.errors import InputError
from ecgr1_core.interpretation import STEP_NUMBERS

STEP_KEYS: Mapping[int, str] = {
    1: "step_1_technical_rate_rhythm",
    2: "step_2_conduction_axis_intervals",
    3: "step_3_chamber_hypertrophy_voltage",
    4: "step_4_ischemia_infarction_mimics",
    5: "step_5_electrolytes_qt",
    6: "step_6_final_medical_reasoning",
}
_NUMBER_OF = {key: number for number, key in STEP_KEYS.items()}

_EVIDENCE = re.compile(
    r"<\|key_diagnostic_evidence\|>(?P<inside>.*?)<\|[/\\]key_diagnostic_evidence\|>", re.DOTALL | re.IGNORECASE
)
_ANSWER = re.compile(r"<\|answer\|>(?P<inside>.*?)<\|[/\\]answer\|>", re.DOTALL)
_KEY = re.compile(r"(?P<key>step_\d+_[a-z_]+):\s*", re.IGNORECASE)
_NEXT_KEY = re.compile(r"step_\d+", re.IGNORECASE)
_ANY_TAG = re.compile(r"<\|[/\\]?(?:key_diagnostic_evidence|answer)\|>", re.IGNORECASE)

_SUBJECT = "the reference"
_JSON_FORM = 'give {"evidence": {"1": ["phrase", …], …}, "answer": ["label", …]}, or the published string'


@dataclass(frozen=True)
class Reference:
    """What a reading should mention.

    `phrases` holds the phrases of each step by its number 1 to 6, in the order given and with repetitions; a step
    without any is left out. `answer` holds the labels, None where the reference has no answer at all. `ignored` names
    keys that looked like steps and are none of the six.
    """

    phrases: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    answer: tuple[str, ...] | None = None
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for number, phrases in self.phrases.items():
            if number not in STEP_NUMBERS:
                raise ValueError(f"a reference has steps {STEP_NUMBERS[0]} to {STEP_NUMBERS[-1]}, got {number!r}")
            if not phrases or not all(phrase.strip() for phrase in phrases):
                raise ValueError(f"the phrases of step {number} are empty")


def is_published(text: str) -> bool:
    """Whether a text has what the string of a published row is known by: an evidence or answer tag, or a step key."""
    return bool(_ANY_TAG.search(text) or _KEY.search(text))


def reference_from_text(text: str, subject: str = _SUBJECT) -> Reference:
    r"""Return the reference that the string of a published training row holds, by the released rules.

    The phrases stand between `<|key_diagnostic_evidence|>` and its closing tag (slash or backslash, any case), or,
    where that pair is not whole, anywhere in the string; labels stand between `<|answer|>` and its closing tag (lower
    case). A step is `step_N_…:` in any case with phrases separated by semicolons, up to the next `step_N` wherever that
    stands; of two equal keys the later counts, even when it is empty; only the six published keys count. Labels are
    split at semicolons. `subject` names the source in errors.

    Source: ECG-R1 as released, the rewards' reading of a solution. Raises `InputError` where the text has neither a tag
    nor a step.

    >>> reference_from_text("<|key_diagnostic_evidence|>step_5_electrolytes_qt: QTc 440 ms; no U waves"
    ...                     "<|\\key_diagnostic_evidence|><|answer|>NORM<|/answer|>")
    Reference(phrases={5: ('QTc 440 ms', 'no U waves')}, answer=('NORM',), ignored=())
    """
    evidence = _EVIDENCE.search(text)
    inside = (evidence["inside"] if evidence else text).strip()
    lists = _phrase_lists(inside)
    if not lists and not _ANY_TAG.search(text):
        raise InputError(subject, "it has neither evidence tags nor a step key such as step_1_…:", _JSON_FORM)
    answer = _ANSWER.search(text)
    return Reference(
        phrases={_NUMBER_OF[key]: phrases for key, phrases in sorted(lists.items()) if key in _NUMBER_OF and phrases},
        answer=_split(answer["inside"]) if answer else None,
        ignored=tuple(key for key in lists if key not in _NUMBER_OF),
    )


def reference_from_json(data: Any, subject: str = _SUBJECT) -> Reference:
    """Return the reference that a value read from JSON holds.

    It is the published string; or an object with that string as `solution`; or an object with `evidence`, which gives
    lists of phrases by step number or published key (or six lists in order), and `answer`, a list of labels or a string
    with semicolons, either of which may be missing. Labels may be the objects `{"label": …}` of `ecgr1 interpret`.
    `subject` names the source in errors. Raises `InputError` for anything else.
    """
    if isinstance(data, str):
        return reference_from_text(data, subject)
    if not isinstance(data, dict):
        raise InputError(subject, "it is neither a string nor an object", _JSON_FORM)
    if "solution" in data:
        if not isinstance(data["solution"], str):
            raise InputError(subject, '"solution" is not a string', _JSON_FORM)
        return reference_from_text(data["solution"], subject)
    if "evidence" not in data and "answer" not in data:
        raise InputError(subject, 'it has neither "evidence" nor "answer"', _JSON_FORM)
    evidence, answer = data.get("evidence", {}), data.get("answer")
    if isinstance(evidence, list):
        if len(evidence) != len(STEP_NUMBERS):
            raise InputError(
                subject, f'"evidence" has {len(evidence)} lists instead of {len(STEP_NUMBERS)}', _JSON_FORM
            )
        evidence = dict(zip(map(str, STEP_NUMBERS), evidence, strict=True))
    if not isinstance(evidence, dict):
        raise InputError(subject, '"evidence" is neither an object nor a list', _JSON_FORM)
    phrases: dict[int, tuple[str, ...]] = {}
    for key, given in evidence.items():
        number = _number(key, subject)
        if number in phrases:
            raise InputError(subject, f"step {number} is given twice", "give every step once")
        phrases[number] = _strings(given, f"the phrases of step {number} are", subject)
    return Reference(
        phrases={number: found for number, found in sorted(phrases.items()) if found},
        answer=None if answer is None else _answer(answer, subject),
    )


def _phrase_lists(text: str) -> dict[str, tuple[str, ...]]:
    """Return the phrases by lower-case key, an empty list too; see `reference_from_text`."""
    lists: dict[str, tuple[str, ...]] = {}
    at = 0
    while (key := _KEY.search(text, at)) is not None:
        following = _NEXT_KEY.search(text, key.end())
        at = following.start() if following else len(text)
        lists[key["key"].lower()] = _split(text[key.end() : at])
    return lists


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())


def _number(key: str, subject: str) -> int:
    number = _NUMBER_OF.get(key.lower(), int(key) if key.isascii() and key.isdigit() and len(key) == 1 else None)
    if number not in STEP_NUMBERS:
        raise InputError(subject, f"{key!r} is no step", f"use 1 to {len(STEP_NUMBERS)} or the published step keys")
    return number


def _strings(given: Any, what: str, subject: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(one, str) and one.strip() for one in given):
        raise InputError(subject, f"{what} not a list of strings with text", _JSON_FORM)
    return tuple(one.strip() for one in given)


def _answer(given: Any, subject: str) -> tuple[str, ...]:
    if isinstance(given, str):
        return _split(given)
    if isinstance(given, list):
        given = [one.get("label") if isinstance(one, dict) else one for one in given]
    return _strings(given, 'the labels of "answer" are', subject)
