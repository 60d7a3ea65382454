"""Readings of every case by every reader in every modality asked, written one by one so that a run can go on.

A reading is not made again where the same version of the reader saw the same case in the same modality with the same
question. What a reading is worth is not known here.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from ecgr1_core import interpretation
from ecgr1_core.errors import InputError
from ecgr1_core.modality import Modality
from training.evaluate.answerers import Answerer
from training.evaluate.cases import Case, shown_as
from training.evaluate.lines import Lines
from training.media import Media
from training.problems import Problems

Asked = Modality | Literal["row"]
_EVERY = 20

logger = logging.getLogger(__name__)


def predict(
    cases: Sequence[Case],
    answerers: Sequence[Answerer],
    modalities: Sequence[Asked],
    media: Media,
    path: Path,
    problems: Problems,
) -> list[dict[str, Any]]:
    """Return the readings of all cases as rows, in order; `path` keeps them and is gone on with.

    A row has `id`, `reader`, `version`, `modality`, `text`, the labels of its `answer`, what is `missing` from the
    form, `stop_reason` and `seconds`. What there is no reading of is noted in `problems`: "no signal" and "no image"
    where the row has none, "modality of the reader" where that one cannot see it, "unreadable" otherwise.
    """
    rows = []
    with Lines(path) as lines:
        for answerer in answerers:
            for number, case in enumerate(cases, 1):
                for asked in modalities:
                    row = _prediction(case, answerer, asked, media, lines, problems)
                    rows += [] if row is None else [row]
                if number % _EVERY == 0 or number == len(cases):
                    logger.info("%s: %d of %d cases read", answerer.name, number, len(cases))
    return rows


def _prediction(
    case: Case, answerer: Answerer, asked: Asked, media: Media, lines: Lines, problems: Problems
) -> dict[str, Any] | None:
    try:
        row = shown_as(case, asked)
        modality = row.modality if asked == "row" else asked
        lacking = _lacking(modality, media.modalities(row))
        if lacking is not None:
            fault = f"has no {lacking} for the modality {modality!r}"
            problems.note(f"no {lacking}", InputError(row.source, fault, f"give the {lacking}, or ask for others"))
            return None
        if modality not in answerer.modalities:
            fault = f"the reader {answerer.name!r} cannot see {modality!r}"
            problems.note("modality of the reader", InputError(row.source, fault, "ask for a modality that it can see"))
            return None
        question, system = _prompt(case) if answerer.own_prompts else (None, None)
        key = _key(case.id, answerer.name, answerer.version, modality, question, system)
        if key in lines.done:
            return lines.done[key]
        written = answerer.write(media.view(row, modality), question, system)
    except InputError as error:
        problems.note("unreadable", InputError(f"{case.row.source}, {error.subject}", error.fault, error.remedy))
        return None
    reading = interpretation.parse(written.text)
    made = {
        "key": key,
        "id": case.id,
        "reader": answerer.name,
        "version": answerer.version,
        "modality": modality,
        "text": written.text,
        "answer": list(reading.answer),
        "missing": list(reading.missing),
        "stop_reason": written.stop_reason,
        "seconds": round(written.seconds, 3),
    }
    lines.add(made)
    return made


def _lacking(modality: Modality, has: tuple[bool, bool]) -> str | None:
    """Return which part of a modality a row has not."""
    if modality != "image" and not has[0]:
        return "signal"
    return "image" if modality != "signal" and not has[1] else None


def _prompt(case: Case) -> tuple[str | None, str | None]:
    """Return the question and the system prompt that the row carries; the tags are put in as its view is shown."""
    question = next((turn["content"] for turn in case.row.messages if turn["role"] == "user"), None)
    system = next((turn["content"] for turn in case.row.messages if turn["role"] == "system"), "")
    return question, system


def _key(*parts: str | None) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
