"""Studies while they are built, and their life: draft, locked, running, closed, unblinded.

Every change of state and of what is in a study is an event. Drawing and freezing the plan is `lock`.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from annotations import audit
from annotations.accounts import required_reason
from annotations.answers import canonical_labels
from annotations.design import Design, design_from_json
from annotations.policy import THIS_STUDY, Acting, NotPermittedError, StudyPolicy, WrongStateError, require
from annotations.rubric import Rubric, default_rubric, rubric_from_json
from annotations.screening import Giveaway, mask, screen
from annotations.tables import Arm, Case, CaseTrace, Membership, Output, Study, StudyState, User
from ecgr1_core import interpretation
from ecgr1_core.errors import InputError, UnsuitableRecordingError
from ecgr1_core.modality import MODALITIES, Modality
from ecgr1_core.record import LEADS, EcgRecord, Patient

LONGEST_CASE_S = 600.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,79}")


def create(
    acting: Acting,
    name: str,
    *,
    title: str = "",
    design: Design | None = None,
    rubric: Rubric | None = None,
) -> Study:
    """Make a study in the state draft; `InputError` for a name that is taken or cannot be one."""
    require(StudyPolicy.create(acting), name)
    if not _NAME.fullmatch(name):
        raise InputError(name or "name", "a study's name has letters, digits, spaces and . _ -", "give another name")
    if acting.session.scalar(select(Study.id).where(Study.name == name)) is not None:
        raise InputError(name, "there is a study of this name already", "give another name")
    study = Study(
        name=name,
        title=title or name,
        design=audit.canonical((design or Design()).to_json()),
        rubric=audit.canonical((rubric or default_rubric()).to_json()),
        created_at=acting.now,
    )
    acting.session.add(study)
    acting.session.flush()
    acting.record("study.made", name, study, title=study.title)
    return study


def study_named(session: Session, name: str) -> Study:
    """Return the study of that name; `NotPermittedError` where there is none."""
    found = session.scalar(select(Study).where(Study.name == name))
    if found is None:
        raise NotPermittedError(name)
    return found


def design_of(study: Study) -> Design:
    """Return the study's design."""
    return _design(study.design, study.name)


def rubric_of(study: Study) -> Rubric:
    """Return the study's rubric."""
    return _rubric(study.rubric, study.name)


@lru_cache(maxsize=32)  # read at every change of every draft
def _design(text: str, name: str) -> Design:
    return design_from_json(json.loads(text), name)


@lru_cache(maxsize=32)
def _rubric(text: str, name: str) -> Rubric:
    return rubric_from_json(json.loads(text), name)


def set_design(acting: Acting, study: Study, design: Design) -> None:
    """Replace the design of a study that is not locked."""
    _require_draft(acting, study)
    study.design = audit.canonical(design.to_json())
    acting.record("study.designed", study.name, study, design=design.to_json())


def set_rubric(acting: Acting, study: Study, rubric: Rubric) -> None:
    """Replace the rubric of a study that is not locked."""
    _require_draft(acting, study)
    study.rubric = audit.canonical(rubric.to_json())
    acting.record("study.rubric_set", study.name, study, rubric=f"{rubric.name} {rubric.version}")


def add_case(
    acting: Acting,
    study: Study,
    record: EcgRecord,
    *,
    name: str,
    patient: str,
    practice: bool = False,
    reference_labels: Iterable[str] | None = None,
) -> Case:
    """Put a recording into the study, samples and all; `patient` is a pseudonym that is the same for one patient.

    Raises `InputError` for a name that is taken, `UnsuitableRecordingError` for more than ten minutes.
    """
    _require_draft(acting, study)
    if record.duration_s > LONGEST_CASE_S:
        fault = f"it lasts {record.duration_s:.0f} s, and a case at most {LONGEST_CASE_S:.0f} s"
        raise UnsuitableRecordingError(name, fault, "read a part of it")
    if not patient.strip():
        raise InputError(name, "the patient is not named", "give a pseudonym, so that patients can be kept apart")
    if acting.session.scalar(select(Case.id).where(Case.study_id == study.id, Case.name == name)) is not None:
        raise InputError(name, "the study has a case of this name already", "give another name")
    raw = np.ascontiguousarray(record.signal_mv, dtype="<f4").tobytes()
    labels = None if reference_labels is None else list(canonical_labels(reference_labels))
    case = Case(
        study_id=study.id,
        name=name,
        patient=patient.strip(),
        practice=practice,
        sampling_rate_hz=record.sampling_rate_hz,
        age_years=record.patient.age_years,
        sex=record.patient.sex,
        trace_sha256=hashlib.sha256(raw).hexdigest(),
        reference_labels=None if labels is None else audit.canonical(labels),
    )
    acting.session.add(case)
    acting.session.flush()
    acting.session.add(CaseTrace(case_id=case.id, samples=record.samples, data=zlib.compress(raw)))
    acting.record("case.added", name, study, trace_sha256=case.trace_sha256, practice=practice)
    return case


def trace(session: Session, case: Case, shown_name: str) -> EcgRecord:
    """Return the recording of a case under the name that may be shown; ValueError where it is not what was put in."""
    kept = session.get_one(CaseTrace, case.id)
    raw = zlib.decompress(kept.data)
    if hashlib.sha256(raw).hexdigest() != case.trace_sha256:
        raise ValueError(f"the samples of case {case.key} were changed")
    signal = np.frombuffer(raw, dtype="<f4").reshape(len(LEADS), kept.samples)
    sex = case.sex if case.sex in ("F", "M") else None
    unknown = np.isnan(signal).all(axis=1)
    return EcgRecord(
        signal_mv=signal,
        sampling_rate_hz=case.sampling_rate_hz,
        name=shown_name,
        source_format="study",
        patient=Patient(case.age_years, sex),  # type: ignore[arg-type]  # narrowed above
        missing_leads=tuple(lead for lead, gone in zip(LEADS, unknown, strict=True) if gone),
        flat_leads=tuple(
            lead for lead, row, gone in zip(LEADS, signal, unknown, strict=True) if not gone and np.ptp(row) == 0
        ),
    )


def add_arm(
    acting: Acting,
    study: Study,
    name: str,
    *,
    reader: str,
    modality: Modality,
    version: str | None = None,
    precision: str | None = None,
    prompt_sha256: str | None = None,
) -> Arm:
    """Add one way of reading to the study; `InputError` for a name that is taken and a modality that is none."""
    _require_draft(acting, study)
    if not _NAME.fullmatch(name):
        raise InputError(name or "arm", "an arm's name has letters, digits, spaces and . _ -", "give another name")
    if modality not in MODALITIES:
        raise InputError(modality, "it is no modality", f"give one of: {', '.join(MODALITIES)}")
    if acting.session.scalar(select(Arm.id).where(Arm.study_id == study.id, Arm.name == name)) is not None:
        raise InputError(name, "the study has an arm of this name already", "give another name")
    arm = Arm(
        study_id=study.id,
        name=name,
        reader=reader,
        modality=modality,
        version=version,
        precision=precision,
        prompt_sha256=prompt_sha256,
    )
    acting.session.add(arm)
    acting.session.flush()
    acting.record("arm.added", name, study, reader=reader, modality=modality, version=version, precision=precision)
    return arm


def add_output(
    acting: Acting, case: Case, arm: Arm, text: str, phrases: Mapping[int, Sequence[str]] | None = None
) -> Output:
    """Add the reading that an arm wrote of a case, screened; it replaces an earlier one of the same arm and case.

    `phrases` are evidence phrases proposed to raters, by step. `InputError` for an empty text.
    """
    study = acting.session.get_one(Study, case.study_id)
    _require_draft(acting, study)
    if arm.study_id != study.id:
        raise NotPermittedError(arm.name)
    if not interpretation.parse(text).steps and not interpretation.parse(text).summary:
        raise InputError(
            f"{case.name}, {arm.name}", "the reading is empty", "have it read again, or leave the case out"
        )
    acting.session.execute(delete(Output).where(Output.case_id == case.id, Output.arm_id == arm.id))
    found = screen(text, _names(acting.session, study))
    masked = design_of(study).screening == "mask"
    to_mask = [one for one in found if masked and one.neutral is not None]
    undecided = [one for one in found if one not in to_mask]
    output = Output(
        study_id=study.id,
        case_id=case.id,
        arm_id=arm.id,
        written=text,
        shown=mask(text, to_mask),
        screening="flagged" if undecided else "masked" if to_mask else "clean",
        findings=audit.canonical([one.to_json() for one in found]),
        phrases=audit.canonical({str(step): list(words) for step, words in (phrases or {}).items()}),
        created_at=acting.now,
    )
    acting.session.add(output)
    acting.session.flush()
    acting.record("output.added", output.key, study, sha256=audit.sha256(text), screening=output.screening)
    return output


def remove_case(acting: Acting, study: Study, case: Case) -> None:
    """Take a case and its readings out of a study that is not locked."""
    _require_draft(acting, study)
    if case.study_id != study.id:
        raise NotPermittedError("this case")
    acting.session.execute(delete(Output).where(Output.case_id == case.id))
    acting.session.execute(delete(CaseTrace).where(CaseTrace.case_id == case.id))
    acting.record("case.removed", case.name, study, trace_sha256=case.trace_sha256)
    acting.session.delete(case)


def remove_arm(acting: Acting, study: Study, arm: Arm) -> None:
    """Take an arm and its readings out of a study that is not locked."""
    _require_draft(acting, study)
    if arm.study_id != study.id:
        raise NotPermittedError("this arm")
    acting.session.execute(delete(Output).where(Output.arm_id == arm.id))
    acting.record("arm.removed", arm.name, study)
    acting.session.delete(arm)


def decide(acting: Acting, output: Output, *, masked: bool, reason: str) -> None:
    """Decide about a reading with giveaway words: mask all that were found, or leave it as it stands and say why."""
    study = acting.session.get_one(Study, output.study_id)
    _require_draft(acting, study)
    why = required_reason(reason)
    found = [Giveaway(**one) for one in json.loads(output.findings)]
    if masked:
        output.shown = mask(output.written, found)
    output.screening = "masked" if masked else "accepted"
    acting.record("output.screened", output.key, study, decision=output.screening, reason=why)


def withdraw(acting: Acting, study: Study, user: User, reason: str) -> None:
    """Take somebody out of a study; what they have answered stays."""
    require(StudyPolicy.design(acting, study), THIS_STUDY)
    member = acting.session.scalar(
        select(Membership).where(Membership.study_id == study.id, Membership.user_id == user.id)
    )
    if member is None or member.withdrawn_at is not None or member.user_id == acting.user.id:
        raise NotPermittedError(user.name)
    member.withdrawn_at = acting.now
    acting.record("role.withdrawn", user.name, study, reason=required_reason(reason))


def start(acting: Acting, study: Study) -> None:
    """Let raters begin: locked to running."""
    _move(acting, study, "locked", "running")


def close(acting: Acting, study: Study, reason: str) -> None:
    """End the reading: running to closed; what is not submitted by now stays unsubmitted."""
    _move(acting, study, "running", "closed", reason=required_reason(reason))


def unblind(acting: Acting, study: Study, reason: str, *, unsettled_ok: bool = False) -> None:
    """Show which arm wrote what: closed to unblinded, for good.

    Raises `WrongStateError` while readings wait for adjudication, unless they may stay unsettled; these then leave the
    study in no export for training.
    """
    from annotations.adjudication import unsettled

    require(StudyPolicy.unblind(acting, study), THIS_STUDY)
    waiting = len(unsettled(acting.session, study)) if study.state == "closed" else 0
    if waiting and not unsettled_ok:
        fault = f"{waiting} readings wait for adjudication, which must be blind"
        raise WrongStateError(study.name, fault, "settle them first, or say that they may stay unsettled")
    _move(acting, study, "closed", "unblinded", reason=required_reason(reason), unsettled=waiting)


def count(session: Session, study: Study) -> dict[str, int]:
    """Return how many cases, practice cases, arms, readings, undecided readings and raters the study has."""

    def number(query: object) -> int:
        return session.scalar(query) or 0  # type: ignore[call-overload]

    cases = select(func.count(Case.id)).where(Case.study_id == study.id)
    outputs = select(func.count(Output.id)).where(Output.study_id == study.id)
    members = select(func.count(Membership.id)).where(Membership.study_id == study.id)
    return {
        "cases": number(cases.where(Case.practice.is_(False))),
        "practice_cases": number(cases.where(Case.practice.is_(True))),
        "arms": number(select(func.count(Arm.id)).where(Arm.study_id == study.id)),
        "outputs": number(outputs),
        "flagged_outputs": number(outputs.where(Output.screening == "flagged")),
        "raters": number(members.where(Membership.role == "rater", Membership.adjudicates.is_(False))),
    }


def _move(acting: Acting, study: Study, before: StudyState, after: StudyState, **content: object) -> None:
    require(StudyPolicy.design(acting, study), THIS_STUDY)
    if study.state != before:
        raise WrongStateError(study.name, f"it is {study.state}, not {before}", f"only a study that is {before} can be")
    study.state = after
    acting.record(f"study.{after}", study.name, study, **content)


def _require_draft(acting: Acting, study: Study) -> None:
    require(StudyPolicy.design(acting, study), THIS_STUDY)
    if study.state != "draft":
        raise WrongStateError(study.name, "it is locked", "make a new study for another design")


def _names(session: Session, study: Study) -> set[str]:
    arms = session.scalars(select(Arm).where(Arm.study_id == study.id))
    return {name for arm in arms for name in (arm.name, arm.reader, arm.version, arm.precision) if name}
