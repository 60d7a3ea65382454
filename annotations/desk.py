"""What somebody finds on coming back: the studies they take part in, their submitted readings, one of these to correct.

It only looks; what a rater does is in `ratings`. Everything is asked in the name of the acting user, and a rater's
readings are shown by their number in the own queue.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotations import ratings
from annotations.blinding import BlindReading, blind_reading, blind_trace
from annotations.policy import THIS_STUDY, Acting, AssignmentPolicy, NotPermittedError, WrongStateError, require
from annotations.tables import Assignment, Membership, Revision, Signature, Study


@dataclass(frozen=True)
class Part:
    """One study and what the acting user is in it; None for an administrator who is nothing in it."""

    study: Study
    membership: Membership | None


@dataclass(frozen=True)
class DoneReading:
    """One reading that its rater has submitted; `rated` is False where it could not be rated."""

    key: str
    number: int
    practice: bool
    rated: bool
    changes: int
    at: datetime


def taking_part(acting: Acting) -> tuple[Part, ...]:
    """Return the studies that the acting user takes part in, the newest first; administrators get all."""
    own = {
        one.study_id: one
        for one in acting.session.scalars(
            select(Membership).where(Membership.user_id == acting.user.id, Membership.withdrawn_at.is_(None))
        )
    }
    studies = acting.session.scalars(select(Study).order_by(Study.id.desc()))
    return tuple(Part(one, own.get(one.id)) for one in studies if one.id in own or acting.user.administrator)


def study_by_key(session: Session, key: str) -> Study:
    """Return the study of that key; `NotPermittedError` where there is none."""
    found = session.scalar(select(Study).where(Study.key == key))
    if found is None:
        raise NotPermittedError(THIS_STUDY)
    return found


def done_readings(acting: Acting, study: Study) -> tuple[DoneReading, ...]:
    """Return the acting rater's submitted readings of a study in the order of the queue."""
    member = acting.membership(study)
    if member is None or member.role != "rater":
        raise NotPermittedError(THIS_STUDY)
    query = (
        select(Assignment, Revision.kind, func.count(Revision.id), func.min(Revision.created_at))
        .join(Revision, Revision.assignment_id == Assignment.id)
        .where(Assignment.membership_id == member.id, Revision.kind.in_(ratings.FINAL))
        .group_by(Assignment.id, Revision.kind)
        .order_by(Assignment.place)
    )
    return tuple(
        DoneReading(one.key, one.place + 1, one.practice, kind == "stage_two", number - 1, at)
        for one, kind, number, at in acting.session.execute(query)
    )


def has_signed(acting: Acting, study: Study, meaning: str = "ratings complete") -> bool:
    """Whether the acting user has given that signature in the study."""
    query = select(Signature.id).where(
        Signature.study_id == study.id, Signature.user_id == acting.user.id, Signature.meaning == meaning
    )
    return acting.session.scalar(query) is not None


def stage_of(acting: Acting, key: str) -> int:
    """Return the stage at which one's own reading is: 1, or 2 once the own diagnosis is given or not asked for."""
    assignment, study = ratings.own_reading(acting, key)
    return ratings.stage_now(acting.session, assignment, study)


def open_submitted(acting: Acting, key: str) -> BlindReading:
    """Show one's own submitted reading again, with its answers as the draft, so that it can be corrected."""
    assignment = acting.session.scalar(select(Assignment).where(Assignment.key == key))
    require(assignment is not None and AssignmentPolicy.rate(acting, assignment), "this reading")
    assert assignment is not None  # required above
    study = acting.session.get_one(Study, assignment.study_id)
    answers = ratings.submitted(acting, key)
    if has_signed(acting, study):
        raise WrongStateError(study.name, "you have signed your ratings", "ask the investigator")
    acting.record("reading.shown", key, study, stage="correction")
    first = ratings.latest(acting.session, assignment, "stage_one")
    return blind_reading(
        assignment,
        stage=2,
        total=total_of(acting.session, assignment),
        record=blind_trace(assignment, acting.session),
        draft=None,
        own=None if first is None else json.loads(first.content),
        answers=answers,
    )


def total_of(session: Session, assignment: Assignment) -> int:
    """Return how many readings the rater of a reading has in all."""
    query = select(func.count(Assignment.id)).where(Assignment.membership_id == assignment.membership_id)
    return session.scalar(query) or 0
