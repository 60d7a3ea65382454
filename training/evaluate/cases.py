"""The cases of an evaluation: rows of a test file in the published layout, or a folder of recordings with labels.

A case is a row with a name of its own and the reference that readings of it are compared with. No recording is opened
here.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ecgr1_core import interpretation, vocabulary
from ecgr1_core.errors import InputError
from ecgr1_core.evidence import Reference, reference_from_text
from ecgr1_core.modality import ECG_TAG, IMAGE_TAG, Modality
from ecgr1_core.model.processing import DEFAULT_QUESTION, SYSTEM_PROMPT
from training.problems import Problems
from training.rows import Row, read_rows

LABELS_FILE = "labels.csv"
_PATHS = ("record", "path", "file")
_MISSING_LABELS = "give columns record and labels (separated by semicolons), or record and scp_codes"


@dataclass(frozen=True)
class Case:
    """One case: `row` as it stands in its file, `id` unique in the run.

    `labels` are what the reference says, None where it says nothing; `evidence` is the reference of EDER, and `report`
    the reference reading that a judge compares with, "" where there is none.
    """

    id: str
    row: Row
    labels: tuple[str, ...] | None
    evidence: Reference | None
    report: str


def cases_of_rows(path: Path, problems: Problems) -> Iterator[Case]:
    """Yield the cases of a file of rows in order; lines that are none are noted in `problems`."""
    names: set[str] = set()
    for number, row in enumerate(read_rows(path), 1):
        if isinstance(row, InputError):
            problems.note("unreadable row", row)
            continue
        try:
            case = _case(row, row.id or f"{path.stem}-{number}")
        except InputError as error:
            problems.note("unreadable reference", error)
            continue
        if case.id in names:
            problems.note("repeated id", InputError(row.source, f"the id {case.id!r} stands there twice", "rename one"))
            continue
        names.add(case.id)
        yield case


def cases_of_folder(folder: Path, labels: Path | None, problems: Problems) -> Iterator[Case]:
    """Yield the cases of a folder of recordings, as its table of labels lists them (by default `labels.csv` in it).

    The table has a column record (or path, file) relative to the folder, and either labels, separated by semicolons,
    or scp_codes as PTB-XL writes them (a code with a likelihood above 0, or 0 for not given, counts). Codes that the
    vocabulary does not know are no diagnoses and are left out. Raises InputError for a table that cannot be read.
    """
    table = labels or folder / LABELS_FILE
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(table, "cannot be read as a table of labels", _MISSING_LABELS) from error
    for number, line in enumerate(rows, 2):
        source = f"{table.name} line {number}"
        path = next((line[name] for name in _PATHS if line.get(name)), None)
        if path is None or (line.get("labels") is None and line.get("scp_codes") is None):
            problems.note("unreadable row", InputError(source, "names no recording or no labels", _MISSING_LABELS))
            continue
        question = {"role": "user", "content": f"{ECG_TAG}{IMAGE_TAG}{DEFAULT_QUESTION}"}
        turns = ({"role": "system", "content": SYSTEM_PROMPT}, question)
        try:
            named = _named(line, source)
        except InputError as error:
            problems.note("unreadable reference", error)
            continue
        row = Row(turns, ecg=path, labels=named, id=path, patient=line.get("patient_id"), source=source)
        yield _case(row, path)


def note_unknown_labels(case: Case, problems: Problems) -> None:
    """Note each label of a case that the vocabulary does not know; it is still compared, by its letters."""
    for label in case.labels or ():
        if vocabulary.lookup(label) is None:
            fault = f"the label {label!r} is not in the vocabulary and is compared by its letters"
            problems.note("label outside the vocabulary", InputError(case.row.source, fault, "give a known name"))


def _case(row: Row, id: str) -> Case:
    evidence = reference_from_text(row.solution, row.source) if row.solution is not None else None
    written = interpretation.parse(row.answer) if row.answer is not None else None
    labels = row.labels
    if labels is None and evidence is not None:
        labels = evidence.answer
    if labels is None and written is not None and written.answer:
        labels = written.answer
    if evidence is not None and not evidence.phrases:
        evidence = None
    return Case(id, row, labels, evidence, row.answer or _told(labels, evidence))


def _told(labels: tuple[str, ...] | None, evidence: Reference | None) -> str:
    """Return labels and evidence as sentences, where a row has no written reading."""
    parts = [f"Diagnoses: {'; '.join(labels)}."] if labels else []
    if evidence is not None:
        phrases = [phrase for step in evidence.phrases.values() for phrase in step]
        parts.append(f"Evidence: {'; '.join(phrases)}.")
    return " ".join(parts)


def _named(line: dict[str, str], source: str) -> tuple[str, ...]:
    if line.get("labels") is not None:
        return tuple(name.strip() for name in line["labels"].split(";") if name.strip())
    try:
        codes = ast.literal_eval(line["scp_codes"])
    except (ValueError, SyntaxError) as error:
        raise InputError(source, "its scp_codes are no dictionary", "write {'CODE': likelihood}") from error
    found = [vocabulary.lookup(code) for code in codes]
    return tuple(dict.fromkeys(label.name for label in found if label is not None))


def shown_as(case: Case, asked: Modality | Literal["row"]) -> Row:
    """Return the row as it is to be shown: "row" as its own tags say, else in the modality that is named."""
    return case.row if asked == "row" else case.row.shown(asked)
