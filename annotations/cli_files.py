"""Reads the files that the study commands take: tables of cases, readings, automatic scores; and small arguments."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations import studies
from annotations.audit import Head
from annotations.feedback import RULES, Rule
from annotations.policy import Acting
from annotations.tables import Arm, Case, Study
from ecgr1_core import formats
from ecgr1_core.errors import InputError
from ecgr1_core.record import EcgRecord


@dataclass(frozen=True)
class CaseRow:
    """One recording to be put into a study; None for a name, a patient or labels that nobody has told."""

    path: Path
    name: str | None
    patient: str | None
    practice: bool
    labels: tuple[str, ...] | None


@dataclass(frozen=True)
class OutputRow:
    """One reading to be imported."""

    case: str
    arm: str
    text: str
    phrases: Mapping[int, Sequence[str]]


def case_rows(paths: Sequence[Path], table: Path | None, *, practice: bool) -> list[CaseRow]:
    """Return the recordings named on the command line and in a table, whose paths count from the table's folder."""
    rows = [CaseRow(path, None, None, practice, None) for path in paths]
    for number, row in enumerate(_csv(table) if table is not None else [], 2):
        assert table is not None  # only then are there rows
        if not row.get("path"):
            raise InputError(table, f"line {number} has no path", "give a column path")
        path = table.parent / row["path"]
        labels = row.get("labels")
        rows.append(
            CaseRow(
                path,
                row.get("name") or None,
                row.get("patient") or None,
                (row.get("practice") or "").strip().lower() in ("1", "yes", "true"),
                tuple(one.strip() for one in labels.split(";") if one.strip()) if labels else None,
            )
        )
    if not rows:
        raise InputError("cases", "no recording is named", "give paths or --table")
    return rows


@dataclass(frozen=True)
class ReadCase:
    """A recording that was read to be put into a study, under names that tell nobody who it is."""

    record: EcgRecord
    name: str
    patient: str
    practice: bool
    labels: tuple[str, ...] | None


def read_cases(rows: Sequence[CaseRow], pseudonym_key: Path) -> list[ReadCase]:
    """Read the recordings; a case is named as its file, and its patient by the pseudonym, unless the row says.

    A file's name that names the patient is a code, as `formats.read` has it; where the file does not say who was
    recorded, every case is a patient of its own. Raises what `formats.read` raises.
    """
    options = formats.ReadOptions(pseudonym_key=pseudonym_key)
    cases = []
    for row in rows:
        record = formats.read(row.path, options)
        patient = row.patient or record.patient.pseudonym or record.name
        cases.append(ReadCase(record, row.name or record.name, patient, row.practice, row.labels))
    return cases


def add_cases(acting: Acting, study: Study, cases: Sequence[ReadCase]) -> None:
    """Put recordings into a study; raises what `studies.add_case` raises."""
    for case in cases:
        studies.add_case(
            acting, study, case.record, name=case.name, patient=case.patient, practice=case.practice,
            reference_labels=case.labels,
        )  # fmt: skip


def output_rows(path: Path, arm: str | None) -> list[OutputRow]:
    """Return the readings of a JSONL file: `case`, `arm`, `text`, `phrases`, or the lines of `ecgr1 interpret`."""
    found = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            case = row["case"] if "case" in row else Path(row["path"]).stem
            phrases = {int(step): tuple(words) for step, words in row.get("phrases", {}).items()}
            by = row.get("arm", arm)
            text = row["text"] if "text" in row else row["raw"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            fault = f"line {number} is no reading ({error})"
            raise InputError(path, fault, "give JSON lines with case, arm and text") from error
        if by is None:
            raise InputError(path, f"line {number} names no arm", "name it there, or say to which arm all rows belong")
        found.append(OutputRow(str(case), str(by), str(text), phrases))
    return found


def case_and_arm(session: Session, study: Study, row: OutputRow) -> tuple[Case, Arm]:
    """Return the case and the arm that a row names; `InputError` where the study has none of that name."""
    case = session.scalar(select(Case).where(Case.study_id == study.id, Case.name == row.case))
    arm = session.scalar(select(Arm).where(Arm.study_id == study.id, Arm.name == row.arm))
    if case is None:
        raise InputError(row.case, "the study has no such case", "add it first: `ecgr1 study cases`")
    if arm is None:
        raise InputError(row.arm, "the study has no such arm", "add it first: `ecgr1 study arm`")
    return case, arm


def automatic_scores(path: Path) -> dict[str, dict[tuple[str, str], float]]:
    """Return the scores of a CSV file with the columns case and arm, by the names of its other columns."""
    found: dict[str, dict[tuple[str, str], float]] = {}
    for number, row in enumerate(_csv(path), 2):
        if not row.get("case") or not row.get("arm"):
            raise InputError(path, f"line {number} lacks case or arm", "give both columns")
        for name, text in row.items():
            if name in ("case", "arm") or not text:
                continue
            try:
                found.setdefault(name, {})[row["case"], row["arm"]] = float(text)
            except ValueError as error:
                raise InputError(path, f"line {number}, {name}: {text!r} is no number", "correct it") from error
    return found


def quotas(given: Sequence[str]) -> dict[Rule, int | None]:
    """Return the quotas of arguments such as "low_rated=100"; rules that are not named have none."""
    found: dict[Rule, int | None] = dict.fromkeys(RULES)
    for text in given:
        name, _, number = text.partition("=")
        rule = next((one for one in RULES if one == name), None)
        if rule is None or not number.isdecimal():
            raise InputError("--quota", f"{text!r} is no quota", f"give RULE=N with one of: {', '.join(RULES)}")
        found[rule] = int(number)
    return found


def head(text: str) -> Head:
    """Return the head of the audit trail that "N:HASH" names."""
    number, _, sha256 = text.partition(":")
    if not number.isdecimal() or len(sha256) != 64:
        raise InputError("--head", f"{text!r} is no head", "give N:HASH as `ecgr1 study status` prints it")
    return Head(int(number), sha256)


def _csv(path: Path) -> list[dict[str, Any]]:
    return list(csv.DictReader(_text(path).splitlines()))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(path, "there is no such file", "check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "it cannot be read as text", "give a file in UTF-8") from error
