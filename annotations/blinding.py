"""What may be sent to a rater: forms that have no place for arm, reader, modality, file name, patient or other raters.

Everything a page shows while a study is blind must come from here, and from here only. Keys are random words of the
database; readings are letters; the trace carries the number in the rater's own queue as its name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from annotations.studies import trace
from annotations.tables import Assignment, Draft, Output
from ecgr1_core import interpretation
from ecgr1_core.interpretation import Interpretation
from ecgr1_core.record import EcgRecord


@dataclass(frozen=True)
class BlindStep:
    """One step of a reading, with the evidence phrases that are proposed for it."""

    number: int
    title: str
    text: str
    phrases: tuple[str, ...]


@dataclass(frozen=True)
class BlindOutput:
    """One reading as a rater sees it; what was masked is not here."""

    letter: str
    steps: tuple[BlindStep, ...]
    summary: str
    answer: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class BlindReading:
    """One stage of one reading: the trace, the readings to be rated (none in stage one), and the draft so far.

    `draft` is plain data in the form of `StageOne` or `StageTwo`, `draft_number` its number (0: none yet); `own` is the
    rater's submitted stage one, shown again in stage two. `number` of `total` counts the rater's own queue.
    """

    key: str
    stage: int
    number: int
    total: int
    practice: bool
    record: EcgRecord
    outputs: tuple[BlindOutput, ...]
    draft: dict[str, Any]
    draft_number: int
    own: dict[str, Any] | None


def blind_output(letter: str, output: Output) -> BlindOutput:
    """Return a reading without anything that tells where it came from.

    Text before, between and after the parts of the published form is put with its neighbour, so that nothing is lost.
    """
    reading = shown_reading(output)
    phrases = json.loads(output.phrases)
    steps = tuple(
        BlindStep(step.number, step.title, step.text, tuple(phrases.get(str(step.number), ())))
        for step in reading.steps
    )
    around = (reading.preamble, reading.introduction, reading.summary, reading.trailing)
    return BlindOutput(letter, steps, "\n\n".join(text for text in around if text), reading.answer)


def shown_reading(output: Output) -> Interpretation:
    """Return the reading that raters see, parsed."""
    return interpretation.parse(output.shown)


def blind_reading(
    assignment: Assignment,
    *,
    stage: int,
    total: int,
    record: EcgRecord,
    draft: Draft | None,
    own: dict[str, Any] | None,
    answers: dict[str, Any] | None = None,
) -> BlindReading:
    """Return what a rater may see of one stage of one reading; `answers` are submitted ones that stand for a draft."""
    outputs = () if stage == 1 else tuple(blind_output(one.letter, one.output) for one in assignment.shown)
    return BlindReading(
        key=assignment.key,
        stage=stage,
        number=assignment.place + 1,
        total=total,
        practice=assignment.practice,
        record=record,
        outputs=outputs,
        draft=(answers or {}) if draft is None else json.loads(draft.content),
        draft_number=0 if draft is None else draft.number,
        own=own,
    )


def blind_trace(assignment: Assignment, session: Any) -> EcgRecord:
    """Return the recording under its number in the rater's queue."""
    return trace(session, assignment.case, f"Reading {assignment.place + 1}")
