"""The files that a reference may come in: published string, trace in steps, JSON, or the YAML of a cardiologist.

Which of them a file is, is told by its name and content. Findings of the protocol are made into a reference elsewhere,
as they stand above this room.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from ecgr1_core.errors import InputError
from ecgr1_core.evidence.reference import (
    STEP_KEYS,
    Reference,
    is_published,
    reference_from_json,
    reference_from_text,
)
from ecgr1_core.evidence.trace_phrases import reference_from_trace
from ecgr1_core.interpretation import parse

YAML_ENDINGS = (".yaml", ".yml")
TRACE_KEYS = ("raw", "completion", "response")

_STEPS = frozenset([*map(str, STEP_KEYS), *STEP_KEYS.values()])


def reference_from_file(text: str, name: str) -> Reference:
    """Return the reference that the text of a file holds; `name` tells YAML from the rest, and stands in errors.

    Raises `InputError` for what is none.
    """
    if name.lower().endswith(YAML_ENDINGS):
        return reference_from_value(read_yaml(text, name), name)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip().startswith("{"):
            raise InputError(name, "it is not JSON", "write it as JSON again") from error
        data = text
    return reference_from_value(data, name)


def reference_from_value(data: Any, subject: str) -> Reference:
    """Return the reference of a value read from JSON or YAML, or of a text.

    Beyond what `reference_from_json` takes: a text with steps is a trace, also as `raw`, `completion` or `response` of
    an object (so what `ecgr1 interpret` prints); steps may stand in the object itself, beside `answer`, without
    `evidence`; and the phrases of a step may be one string with semicolons.

    >>> reference_from_value({1: "sinus rhythm; 72 bpm", "answer": ["LBBB"]}, "the file")
    Reference(phrases={1: ('sinus rhythm', '72 bpm')}, answer=('LBBB',), ignored=())
    """
    if isinstance(data, str):
        trace = not is_published(data) and any(step.text for step in parse(data).steps)
        return reference_from_trace(data, subject) if trace else reference_from_text(data, subject)
    if not isinstance(data, dict):
        return reference_from_json(data, subject)
    data = {str(key): value for key, value in data.items()}
    trace_key = next((key for key in TRACE_KEYS if isinstance(data.get(key), str)), None)
    if trace_key is not None and "solution" not in data:
        return reference_from_trace(data[trace_key], subject)
    if {key.lower() for key in data} & _STEPS:
        unknown = next((key for key in data if key.lower() not in _STEPS and key != "answer"), None)
        if unknown is not None:
            raise InputError(subject, f"{unknown!r} is no step", "use 1 to 6 and answer, or put the steps in evidence")
        steps = {key: value for key, value in data.items() if key != "answer"}
        data = {"evidence": steps} | ({"answer": data["answer"]} if "answer" in data else {})
    if isinstance(data.get("evidence"), dict):
        data = data | {"evidence": {str(key): _listed(value) for key, value in data["evidence"].items()}}
    return reference_from_json(data, subject)


def read_yaml(text: str, subject: str) -> Any:
    """Return the value that a YAML text holds, by the safe loader; `InputError` where it holds none."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        raise InputError(subject, f"it is not YAML{place}", "write it as YAML again") from error
    except (RecursionError, ValueError) as error:
        raise InputError(subject, "its YAML cannot be read", "write it as YAML again") from error


def _listed(phrases: Any) -> Any:
    """Return the phrases of a step as a list where they are one string with semicolons, or nothing."""
    if phrases is None:
        return []
    return [part for part in phrases.split(";") if part.strip()] if isinstance(phrases, str) else phrases
