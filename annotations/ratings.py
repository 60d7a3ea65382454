"""What a rater does: take the next reading, keep drafts, submit, revise with a reason, flag, or say it cannot be rated.

Every function looks up the reading by its key and asks whether it is the acting rater's own. Stage two opens only after
stage one is submitted, and stage one then stays as it is. Times are taken from the clock of the server.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotations import audit
from annotations.accounts import required_reason
from annotations.answers import Display, StageOne, StageTwo, check_stage_one, check_stage_two, parse
from annotations.blinding import BlindReading, blind_reading, blind_trace, shown_reading
from annotations.design import Design
from annotations.policy import THIS_STUDY, Acting, AssignmentPolicy, NotPermittedError, WrongStateError, require
from annotations.studies import design_of, rubric_of
from annotations.tables import (
    Assignment,
    Draft,
    Membership,
    Revision,
    RevisionKind,
    Signature,
    Study,
    Timing,
    new_key,
)

FINAL: tuple[RevisionKind, ...] = ("stage_two", "cannot_rate")
_KIND: dict[int, RevisionKind] = {1: "stage_one", 2: "stage_two"}


@dataclass(frozen=True)
class Queue:
    """How far a rater is: readings done of all, what comes next, and how many are left in this sitting.

    `next_key` is None where nothing can be read now; `not_before` then says when (None: all is done), and `because`
    why: "wash-out" or "sitting". `left_in_sitting` is None without a cap.
    """

    done: int
    total: int
    next_key: str | None
    left_in_sitting: int | None
    not_before: datetime | None = None
    because: str | None = None


def queue(acting: Acting, study: Study) -> Queue:
    """Return how far the acting rater is and which reading comes next.

    A reading that was opened stays the next one until it is submitted. One whose case the rater read less than the
    wash-out ago with other arms is passed over until then.
    """
    member = acting.membership(study)
    if member is None or member.role != "rater" or member.withdrawn_at is not None:
        raise NotPermittedError(THIS_STUDY)
    _require_running(study)
    design = design_of(study)
    rows = _own(acting.session, member)
    finished = _finished(acting.session, member)
    todo = [one for one in rows if one.id not in finished]
    done = len(rows) - len(todo)
    left = _left_in_sitting(design, sorted(finished.values()), acting.now)
    if not todo:
        return Queue(done, len(rows), None, left)
    opened = set(
        acting.session.scalars(select(Timing.assignment_id).where(Timing.assignment_id.in_([one.id for one in todo])))
    )
    for one in todo:
        if one.id in opened:
            return Queue(done, len(rows), one.key, left)
    if left == 0:
        pause = timedelta(minutes=design.sitting_pause_minutes)
        return Queue(done, len(rows), None, 0, max(finished.values()) + pause, "sitting")
    free = {one.id: _free_from(one, rows, finished, design) for one in todo}
    for one in todo:
        at = free[one.id]
        if at is None or at <= acting.now:
            return Queue(done, len(rows), one.key, left)
    return Queue(done, len(rows), None, left, min(at for at in free.values() if at is not None), "wash-out")


def rates_now(acting: Acting) -> bool:
    """Whether the acting user is a rater of a running study, and so must stay blind."""
    query = (
        select(func.count(Membership.id))
        .join(Study)
        .where(
            Membership.user_id == acting.user.id,
            Membership.role == "rater",
            Membership.withdrawn_at.is_(None),
            Study.state == "running",
        )
    )
    return bool(acting.session.scalar(query))


def open_stage(acting: Acting, key: str, stage: int) -> BlindReading:
    """Show one stage of the reading that is next, and keep when it was first shown.

    Raises `NotPermittedError` for a reading that is not the acting rater's, `WrongStateError` for one that is not next,
    and for stage two before stage one is submitted.
    """
    assignment, study = own_reading(acting, key)
    if latest(acting.session, assignment, "cannot_rate") or latest(acting.session, assignment, "stage_two"):
        raise WrongStateError("this reading", "it is submitted", "revise it with a reason")
    if queue(acting, study).next_key != key:
        raise WrongStateError("this reading", "it is not the next one", "take the readings in their order")
    first = _require_stage(acting.session, assignment, study, stage)
    timing = acting.session.get(Timing, (assignment.id, stage))
    if timing is None:
        acting.session.add(
            Timing(assignment_id=assignment.id, stage=stage, shown_at=acting.now, last_activity_at=acting.now)
        )
    else:
        timing.last_activity_at = acting.now  # time away from the page does not count
    acting.record("reading.shown", key, study, stage=stage)
    total = acting.session.scalar(
        select(func.count(Assignment.id)).where(Assignment.membership_id == assignment.membership_id)
    )
    return blind_reading(
        assignment,
        stage=stage,
        total=total or 0,
        record=blind_trace(assignment, acting.session),
        draft=acting.session.get(Draft, (assignment.id, stage)),
        own=None if first is None else json.loads(first.content),
    )


def touch(acting: Acting, key: str, stage: int, display: dict[str, Any] | None = None) -> None:
    """Count a sign of activity, such as a click or a changed filter, and keep the display in force."""
    assignment, study = own_reading(acting, key)
    _touch(acting, assignment, study, stage, display)


def _touch(acting: Acting, assignment: Assignment, study: Study, stage: int, display: dict[str, Any] | None) -> Timing:
    timing = acting.session.get(Timing, (assignment.id, stage))
    if timing is None or timing.submitted_at is not None:
        raise WrongStateError("this reading", f"stage {stage} is not open", "open it first")
    limit = design_of(study).idle_limit_s
    gap = max(0.0, (acting.now - timing.last_activity_at).total_seconds())
    timing.active_s += min(gap, limit)
    timing.last_activity_at = acting.now
    if timing.first_interaction_at is None:
        timing.first_interaction_at = acting.now
    if display is not None:
        timing.display = audit.canonical(parse(Display, display).model_dump(mode="json"))
    return timing


def save_draft(
    acting: Acting, key: str, stage: int, content: dict[str, Any], number: int, display: dict[str, Any] | None = None
) -> int:
    """Keep the answers so far and return the number of the draft that is kept.

    `number` grows with every change on the page; a message that comes late, with a smaller number, changes nothing.
    Raises `InputError` for what is no answer at all; unfinished is fine.
    """
    form = parse(StageOne, content) if stage == 1 else parse(StageTwo, content)
    assignment, study = own_reading(acting, key)
    _touch(acting, assignment, study, stage, display)
    text = audit.canonical(form.model_dump(mode="json"))
    draft = acting.session.get(Draft, (assignment.id, stage))
    if draft is not None and number <= draft.number:
        return draft.number
    if draft is None:
        draft = Draft(assignment_id=assignment.id, stage=stage)
        acting.session.add(draft)
    draft.number, draft.content, draft.saved_at = number, text, acting.now
    acting.record("draft.saved", key, study, stage=stage, number=number, sha256=audit.sha256(text))
    return number


def submit(
    acting: Acting, key: str, stage: int, content: dict[str, Any], display: dict[str, Any] | None = None
) -> Revision:
    """Submit one stage, for good; the draft is done with.

    A second message with the same answers (a double click, a lost reply) returns the revision that is there.
    """
    assignment, study = own_reading(acting, key)
    answer = _checked(assignment, study, stage, content)
    text = audit.canonical(answer.model_dump(mode="json"))
    there = latest(acting.session, assignment, _KIND[stage])
    if there is not None and there.content == text:
        return there
    if there is not None or latest(acting.session, assignment, "cannot_rate"):
        raise WrongStateError("this reading", f"stage {stage} is submitted", "revise it with a reason")
    _require_stage(acting.session, assignment, study, stage)
    timing = _touch(acting, assignment, study, stage, display)
    timing.submitted_at = acting.now
    draft = acting.session.get(Draft, (assignment.id, stage))
    if draft is not None:
        acting.session.delete(draft)
    return _add(acting, assignment, study, _KIND[stage], text, None, active_s=round(timing.active_s, 3))


def revise(acting: Acting, key: str, content: dict[str, Any], reason: str) -> Revision:
    """Change a submitted stage two while the study runs and the rater has not signed; the old answer is kept."""
    assignment, study = own_reading(acting, key)
    why = required_reason(reason)
    if latest(acting.session, assignment, "stage_two") is None:
        raise WrongStateError("this reading", "it is not submitted yet", "submit it first")
    _require_unsigned(acting, study)
    answer = _checked(assignment, study, 2, content)
    return _add(acting, assignment, study, "stage_two", audit.canonical(answer.model_dump(mode="json")), why)


def cannot_rate(acting: Acting, key: str, reason: str) -> Revision:
    """Say that the reading cannot be rated and why; it is then done."""
    assignment, study = own_reading(acting, key)
    why = required_reason(reason)
    there = latest(acting.session, assignment, "cannot_rate")
    if there is not None:
        return there
    if latest(acting.session, assignment, "stage_two"):
        raise WrongStateError("this reading", "it is submitted", "revise it with a reason")
    if acting.session.scalar(select(Timing).where(Timing.assignment_id == assignment.id)) is None:
        raise WrongStateError("this reading", "it was not opened", "open it first")
    return _add(acting, assignment, study, "cannot_rate", audit.canonical({}), why)


def flag(acting: Acting, key: str, note: str) -> Revision:
    """Leave a note for the investigator about a reading that was opened; it changes no answer."""
    assignment, study = own_reading(acting, key)
    if acting.session.scalar(select(Timing).where(Timing.assignment_id == assignment.id)) is None:
        raise WrongStateError("this reading", "it was not opened", "open it first")
    return _add(acting, assignment, study, "flag", audit.canonical({"note": required_reason(note)}), None)


def submitted(acting: Acting, key: str) -> dict[str, Any]:
    """Return one's own submitted stage two as plain data, for revising it."""
    assignment, _ = own_reading(acting, key)
    there = latest(acting.session, assignment, "stage_two")
    if there is None:
        raise WrongStateError("this reading", "it is not submitted yet", "submit it first")
    return dict(json.loads(there.content))


def own_reading(acting: Acting, key: str) -> tuple[Assignment, Study]:
    """Return one's own reading of a running study; `NotPermittedError` for any other, `WrongStateError` otherwise."""
    assignment = acting.session.scalar(select(Assignment).where(Assignment.key == key))
    require(assignment is not None and AssignmentPolicy.rate(acting, assignment), "this reading")
    assert assignment is not None  # required above
    study = acting.session.get_one(Study, assignment.study_id)
    _require_running(study)
    return assignment, study


def _require_running(study: Study) -> None:
    if study.state != "running":
        raise WrongStateError(study.name, f"the study is {study.state}", "ask the investigator")


def stage_now(session: Session, assignment: Assignment, study: Study) -> int:
    """Return the stage at which a reading is: 1, or 2 once the own diagnosis is given or not asked for."""
    return 1 if design_of(study).stages == 2 and latest(session, assignment, "stage_one") is None else 2


def _require_stage(session: Session, assignment: Assignment, study: Study, stage: int) -> Revision | None:
    """Return the submitted stage one where stage two may begin; raise where `stage` may not."""
    stages = (1, 2) if design_of(study).stages == 2 else (2,)
    if stage not in stages:
        raise WrongStateError("this reading", f"the study has no stage {stage}", "open the stage it has")
    first = latest(session, assignment, "stage_one")
    if stage == 1 and first is not None:
        raise WrongStateError("this reading", "stage one is submitted and stays as it is", "go on with stage two")
    if stage == 2 and 1 in stages and first is None:
        raise WrongStateError("this reading", "the own diagnosis comes first", "submit stage one")
    return first


def _require_unsigned(acting: Acting, study: Study) -> None:
    signed = select(Signature.id).where(
        Signature.study_id == study.id, Signature.user_id == acting.user.id, Signature.meaning == "ratings complete"
    )
    if acting.session.scalar(signed) is not None:
        raise WrongStateError(study.name, "you have signed your ratings", "ask the investigator")


def _checked(assignment: Assignment, study: Study, stage: int, content: dict[str, Any]) -> StageOne | StageTwo:
    rubric = rubric_of(study)
    if stage == 1:
        return check_stage_one(parse(StageOne, content), rubric)
    shown = {one.letter: shown_reading(one.output) for one in assignment.shown}
    return check_stage_two(parse(StageTwo, content), rubric, shown)


def latest(session: Session, assignment: Assignment, kind: RevisionKind) -> Revision | None:
    """Return the answer of record of one kind, None where there is none."""
    query = select(Revision).where(Revision.assignment_id == assignment.id, Revision.kind == kind)
    return session.scalars(query.order_by(Revision.number.desc()).limit(1)).first()


def _add(
    acting: Acting,
    assignment: Assignment,
    study: Study,
    kind: RevisionKind,
    content: str,
    reason: str | None,
    **told: object,
) -> Revision:
    there = latest(acting.session, assignment, kind)
    revision = Revision(
        study_id=study.id,
        study=study,
        author=acting.user,
        author_id=acting.user.id,
        kind=kind,
        assignment=assignment,
        assignment_id=assignment.id,
        number=1 if there is None else there.number + 1,
        content=content,
        reason=reason,
        created_at=acting.now,
    )
    return store_revision(acting, revision, study, assignment.key, **told)


def store_revision(acting: Acting, revision: Revision, study: Study, subject: str, **told: object) -> Revision:
    """Hash a new revision, add it, and add the event that covers it."""
    revision.key = new_key()
    revision.sha256 = audit.revision_hash(revision)
    acting.session.add(revision)
    acting.session.flush()
    act = {"cannot_rate": "cannot_rate", "flag": "flagged", "adjudication": "adjudicated"}.get(revision.kind)
    kind = f"rating.{act or ('submitted' if revision.number == 1 else 'revised')}"
    content = {"revision": revision.key, "sha256": revision.sha256, "number": revision.number, **told}
    acting.record(kind, subject, study, what=revision.kind, reason=revision.reason, **content)
    return revision


def _own(session: Session, member: Membership) -> list[Assignment]:
    query = select(Assignment).where(Assignment.membership_id == member.id).order_by(Assignment.place)
    return list(session.scalars(query))


def _finished(session: Session, member: Membership) -> dict[int, datetime]:
    """Return the assignments of a rater that are done, with the time at which each was first done."""
    query = (
        select(Revision.assignment_id, func.min(Revision.created_at))
        .join(Assignment, Assignment.id == Revision.assignment_id)
        .where(Assignment.membership_id == member.id, Revision.kind.in_(FINAL))
        .group_by(Revision.assignment_id)
    )
    return {row[0]: row[1] for row in session.execute(query) if row[0] is not None}


def _left_in_sitting(design: Design, times: list[datetime], now: datetime) -> int | None:
    """Return how many readings the sitting still allows: a pause long enough begins a new one."""
    if design.sitting_cap is None:
        return None
    pause, read, last = timedelta(minutes=design.sitting_pause_minutes), 0, now
    for at in reversed(times):
        if last - at >= pause:
            break
        read, last = read + 1, at
    return max(0, design.sitting_cap - read)


def _free_from(
    one: Assignment, rows: list[Assignment], finished: dict[int, datetime], design: Design
) -> datetime | None:
    """Return when the wash-out of a reading ends, None where there is none: it counts from other arms of its case."""
    times = [
        finished[other.id]
        for other in rows
        if other.case_id == one.case_id and other.id in finished and other.period != one.period
    ]
    return max(times) + timedelta(days=design.washout_days) if times else None
