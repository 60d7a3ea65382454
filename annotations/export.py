"""Exports everything of an unblinded study: CSV and Parquet tables with a data dictionary, and files for iMRMC.

The iMRMC format is that of the FDA's program of the name (github.com/DIDSR/iMRMC): a head with the sizes, then lines
"reader,case,modality,score", the truth of a case under reader −1 and modality 0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from annotations import audit
from annotations.adjudication import settled
from annotations.export_files import ExportFolder
from annotations.policy import THIS_STUDY, Acting, StudyPolicy, require
from annotations.rows import RatingRow, ReadingInfo, Rows, rows_of
from annotations.rubric import Rubric
from annotations.studies import rubric_of
from annotations.tables import Arm, Case, Event, Output, Study
from ecgr1_core import vocabulary
from ecgr1_core.errors import InputError
from ecgr1_core.interpretation import STEP_NUMBERS

_READING: tuple[tuple[str, str, str], ...] = (
    ("reading", "text", "key of the reading (one rater, one case, one occasion)"),
    ("rater", "text", "code of the rater in this study"),
    ("site", "text", "the rater's site"),
    ("case", "text", "name of the case"),
    ("patient", "text", "pseudonym of the patient"),
    ("place", "integer", "place in the rater's queue, from 0"),
    ("period", "integer", "period of the design, from 0"),
    ("practice", "boolean", "practice case, in no analysis"),
    ("duplicate_of", "text", "reading that this one repeats unknown to the rater; empty for first readings"),
    ("submitted_at", "text", "moment of submission, UTC, ISO 8601"),
    ("stage_one_active_s", "number", "time worked at the own diagnosis, s, idle time left out"),
    ("stage_two_active_s", "number", "time worked at the rating, s, idle time left out"),
    ("display", "text", "display in force (JSON): speed mm/s, gain mm/mV, filters Hz, layout"),
    ("revisions", "integer", "number of the answer of record; above 1 it was changed with a reason"),
)
_RATING: tuple[tuple[str, str, str], ...] = (
    ("letter", "text", "letter under which the output was shown, from the left"),
    ("output", "text", "key of the output"),
    ("arm", "text", "arm that wrote the output"),
    ("labels", "text", "labels that the rater holds right, separated by semicolons"),
    ("labels_corrected", "boolean", "whether the rater corrected the labels of the output"),
    ("phrases", "text", "evidence phrases with verdicts (JSON)"),
    ("comment", "text", "free comment on the output"),
)
_PREFERENCE: tuple[tuple[str, str, str], ...] = (
    ("first", "text", "arm of the left output"),
    ("second", "text", "arm of the right output"),
    ("verdict", "text", "left, tie, right or both_bad"),
)
_DIAGNOSIS: tuple[tuple[str, str, str], ...] = (
    ("labels", "text", "the rater's own labels before any output was shown, separated by semicolons"),
    ("confidence", "integer", "confidence on the scale of the rubric"),
    ("reference_labels", "text", "known truth of the case, separated by semicolons; empty where unknown"),
)
_NOT_RATED: tuple[tuple[str, str, str], ...] = (("reason", "text", "why the reading could not be rated"),)
_OUTPUT: tuple[tuple[str, str, str], ...] = (
    ("output", "text", "key of the output"),
    ("case", "text", "name of the case"),
    ("arm", "text", "arm that wrote it"),
    ("reader", "text", "reader of the arm"),
    ("version", "text", "version of the reader"),
    ("modality", "text", "signal, image, both or swapped"),
    ("precision", "text", "precision of the weights"),
    ("prompt_sha256", "text", "hash of the prompt"),
    ("screening", "text", "clean, masked or accepted"),
    ("written", "text", "text as it was written"),
    ("shown", "text", "text as raters saw it"),
    ("settled", "text", "how its rating was settled: agreed or adjudicated; empty where it was not"),
    ("settled_labels", "text", "labels it was settled on, separated by semicolons"),
)
_EVENT: tuple[tuple[str, str, str], ...] = (
    ("sequence", "integer", "place in the hash chain"),
    ("at", "text", "moment, UTC, ISO 8601"),
    ("actor", "text", "key of who acted; empty where nobody was logged in"),
    ("kind", "text", "what was done"),
    ("subject", "text", "what it was done to"),
    ("content", "text", "further data (JSON)"),
    ("sha256", "text", "hash of this event, which covers that of the one before"),
)


def export_study(acting: Acting, study: Study, folder: Path) -> dict[str, Any]:
    """Write all tables, the data dictionary and rubric into a new folder and return the manifest."""
    require(StudyPolicy.see_results(acting, study), THIS_STUDY)
    rows, rubric = rows_of(acting.session, study), rubric_of(study)
    scales = _scale_columns(rubric)
    tables: dict[str, tuple[Sequence[dict[str, Any]], tuple[tuple[str, str, str], ...]]] = {
        "ratings": ([_rating(one) for one in rows.ratings], (*_READING, *_RATING, *scales)),
        "preferences": (
            [
                _reading(one.info) | {"first": one.first, "second": one.second, "verdict": one.verdict}
                for one in rows.preferences
            ],
            (*_READING, *_PREFERENCE),
        ),
        "own_diagnoses": (_diagnoses(rows), (*_READING, *_DIAGNOSIS)),
        "not_rated": ([_reading(info) | {"reason": reason} for info, reason in rows.not_rated], _READING + _NOT_RATED),
        "outputs": (_outputs(acting, study), _OUTPUT),
        "events": (_events(acting, study), _EVENT),
    }
    out = ExportFolder(folder)
    for name, (data, columns) in tables.items():
        out.table(name, data, [(column, kind) for column, kind, _ in columns])
    dictionary = [
        {"table": name, "column": column, "type": kind, "meaning": meaning}
        for name, (_, columns) in tables.items()
        for column, kind, meaning in columns
    ]
    out.table("data_dictionary", dictionary, [(key, "text") for key in ("table", "column", "type", "meaning")])
    out.text("rubric.json", json.dumps(rubric.to_json(), indent=1) + "\n")
    out.text("design.json", json.dumps(json.loads(study.design), indent=1) + "\n")
    return finish(acting, study, out, "everything", {"rows": {name: len(data) for name, (data, _) in tables.items()}})


def export_imrmc(acting: Acting, study: Study, folder: Path, *, truth: str, criteria: Sequence[str]) -> dict[str, Any]:
    """Write one .imrmc file for each criterion, with the label `truth` of the reference as truth of the cases.

    `InputError` where a rated case has no reference or all are of one kind, and for an unknown label or criterion.
    """
    require(StudyPolicy.see_results(acting, study), THIS_STUDY)
    label, rubric = vocabulary.lookup(truth), rubric_of(study)
    if label is None:
        raise InputError(truth, "the vocabulary has no such label", "give a label of the references")
    known = {key for key, _, _ in _scale_columns(rubric)}
    main = [
        one for one in rows_of(acting.session, study).ratings
        if not one.info.practice and one.info.duplicate_of is None
    ]  # fmt: skip
    positive: dict[str, bool] = {}
    for case in acting.session.scalars(select(Case).where(Case.study_id == study.id)):
        if case.reference_labels is not None:
            found = vocabulary.with_implied(vocabulary.label(name) for name in json.loads(case.reference_labels))
            positive[case.name] = label in found
    cases = sorted({one.info.case for one in main})
    missing = [case for case in cases if case not in positive]
    if missing:
        raise InputError(missing[0], "its truth is not known", "iMRMC needs reference labels for every case")
    if len({positive[case] for case in cases}) < 2:
        raise InputError(label.name, "all cases are of one kind", "give a label that some cases have and some not")
    out = ExportFolder(folder)
    for key in criteria:
        if key not in known:
            raise InputError(key, "the rubric has no such scale", f"give one of: {', '.join(sorted(known))}")
        out.text(f"{key}.imrmc", _imrmc(study, key, label.name, cases, positive, main))
    return finish(acting, study, out, "imrmc", {"truth": label.name, "criteria": list(criteria)})


def finish(acting: Acting, study: Study, out: ExportFolder, kind: str, told: dict[str, Any]) -> dict[str, Any]:
    """Write the manifest of an export and the event that says it was made."""
    head = audit.head(acting.session)
    manifest = out.finish(
        {
            "study": study.name,
            "study_key": study.key,
            "kind": kind,
            "lock_sha256": study.lock_sha256,
            "chain": {"sequence": head.sequence, "sha256": head.sha256},
            **told,
        }
    )
    acting.record("export.made", study.name, study, what=kind, content_sha256=manifest["content_sha256"])
    return manifest


def _scale_columns(rubric: Rubric) -> tuple[tuple[str, str, str], ...]:
    steps = tuple(
        (f"step_{number}", "number", f"rating of step {number}, {rubric.steps.minimum}–{rubric.steps.maximum}")
        for number in STEP_NUMBERS
    )
    return (*((scale.key, "number", f"{scale.title}: {scale.question}") for scale in rubric.scales), *steps)


def _reading(info: ReadingInfo) -> dict[str, Any]:
    row = {column: getattr(info, column) for column, _, _ in _READING}
    display = None if info.display is None else audit.canonical(info.display)
    return row | {"submitted_at": info.submitted_at.isoformat(), "display": display}


def _rating(one: RatingRow) -> dict[str, Any]:
    return _reading(one.info) | {
        "letter": one.letter,
        "output": one.output,
        "arm": one.arm,
        "labels": "; ".join(one.labels),
        "labels_corrected": one.rating.labels is not None,
        "phrases": audit.canonical([phrase.model_dump(mode="json") for phrase in one.rating.phrases]),
        "comment": one.rating.comment,
        **one.values,
    }


def _diagnoses(rows: Rows) -> list[dict[str, Any]]:
    return [
        _reading(one.info)
        | {
            "labels": "; ".join(one.labels),
            "confidence": one.confidence,
            "reference_labels": None if one.reference is None else "; ".join(one.reference),
        }
        for one in rows.diagnoses
    ]


def _outputs(acting: Acting, study: Study) -> list[dict[str, Any]]:
    done, rows = settled(acting.session, study), []
    for one in acting.session.scalars(select(Output).where(Output.study_id == study.id).order_by(Output.key)):
        how = done.get(one.id)
        arm: Arm = one.arm
        row = {"output": one.key, "case": one.case.name, "arm": arm.name, "screening": one.screening}
        row |= {name: getattr(arm, name) for name in ("reader", "version", "modality", "precision", "prompt_sha256")}
        row |= {"written": one.written, "shown": one.shown}
        rows.append(row | ({} if how is None else {"settled": how.how, "settled_labels": "; ".join(how.labels)}))
    return rows


def _events(acting: Acting, study: Study) -> list[dict[str, Any]]:
    query = select(Event).where(Event.study == study.key).order_by(Event.sequence)
    names = [column for column, _, _ in _EVENT]
    return [
        {name: getattr(one, name) for name in names} | {"at": one.at.isoformat()}
        for one in acting.session.scalars(query)
    ]


def _imrmc(
    study: Study, key: str, label: str, cases: Sequence[str], positive: dict[str, bool], main: Sequence[RatingRow]
) -> str:
    own = [one for one in main if key in one.values]
    sick = sum(positive[case] for case in cases)
    arms, raters = sorted({one.arm for one in own}), sorted({one.info.rater for one in own})
    head = [
        f"Study {study.name}, criterion {key}, truth: {label}",
        f"N0: {len(cases) - sick}",
        f"N1: {sick}",
        f"NR: {len(raters)}",
        f"NM: {len(arms)}",
        "BEGIN DATA:",
    ]
    truth = [f"-1,{_cell(case)},0,{int(positive[case])}" for case in cases]
    seen: dict[tuple[str, str, str], float] = {}
    for one in own:
        seen.setdefault((one.info.rater, one.info.case, one.arm), one.values[key])
    scores = [f"{rater},{_cell(case)},{_cell(arm)},{value:g}" for (rater, case, arm), value in sorted(seen.items())]
    return "\n".join([*head, *truth, *scores]) + "\n"


def _cell(text: str) -> str:
    return text.replace(",", "_").replace("\n", " ")
