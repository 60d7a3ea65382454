"""How a study stands, without any answer: the matrix of raters and cases, what raters have noted, who has signed.

For investigators, auditors and administrators; nothing here tells which arm wrote what.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from annotations.policy import THIS_STUDY, Acting, StudyPolicy, require
from annotations.tables import Assignment, Case, Membership, Revision, Signature, Study, Timing

CellState = Literal["todo", "open", "done", "cannot"]


@dataclass(frozen=True)
class Cell:
    """One reading of one rater: how far it is, and whether the rater has flagged it."""

    state: CellState
    flagged: bool


@dataclass(frozen=True)
class Matrix:
    """Readings by rater and case; a case that a rater reads more than once has several cells, in queue order."""

    raters: tuple[str, ...]
    cases: tuple[str, ...]
    cells: dict[tuple[str, str], tuple[Cell, ...]]


@dataclass(frozen=True)
class Note:
    """What a rater noted about a reading, for the investigator: a flag, or why it could not be rated."""

    rater: str
    case: str
    kind: str
    text: str
    at: datetime


def matrix(acting: Acting, study: Study) -> Matrix:
    """Return how far each reading is."""
    require(StudyPolicy.see_progress(acting, study), THIS_STUDY)
    session = acting.session
    kinds: dict[int, set[str]] = {}
    for assignment_id, kind in session.execute(
        select(Revision.assignment_id, Revision.kind).where(Revision.study_id == study.id)
    ):
        if assignment_id is not None:
            kinds.setdefault(assignment_id, set()).add(kind)
    opened = set(session.scalars(select(Timing.assignment_id).join(Assignment).where(Assignment.study_id == study.id)))
    cells: dict[tuple[str, str], tuple[Cell, ...]] = {}
    raters: dict[str, None] = {}
    cases: dict[str, None] = {}
    query = (
        select(Assignment)
        .join(Case, Case.id == Assignment.case_id)
        .where(Assignment.study_id == study.id)
        .order_by(Case.practice.desc(), Case.name, Assignment.place)
    )
    for one in session.scalars(query):
        name, own = one.membership.user.name, kinds.get(one.id, set())
        state: CellState = "open" if one.id in opened else "todo"
        if "cannot_rate" in own:
            state = "cannot"
        elif "stage_two" in own:
            state = "done"
        raters[name] = cases[one.case.name] = None
        cells[name, one.case.name] = (*cells.get((name, one.case.name), ()), Cell(state, "flag" in own))
    return Matrix(tuple(sorted(raters)), tuple(cases), cells)


def notes(acting: Acting, study: Study) -> tuple[Note, ...]:
    """Return what raters noted, the newest first; for those who design the study."""
    require(StudyPolicy.design(acting, study), THIS_STUDY)
    query = (
        select(Revision)
        .where(Revision.study_id == study.id, Revision.kind.in_(("flag", "cannot_rate")))
        .order_by(Revision.id.desc())
    )
    return tuple(
        Note(
            one.author.name,
            one.assignment.case.name if one.assignment is not None else "",
            one.kind,
            one.reason or json.loads(one.content).get("note", ""),
            one.created_at,
        )
        for one in acting.session.scalars(query)
    )


def signatures_of(acting: Acting, study: Study) -> tuple[Signature, ...]:
    """Return who has signed what, in order."""
    require(StudyPolicy.see_progress(acting, study), THIS_STUDY)
    query = select(Signature).where(Signature.study_id == study.id).order_by(Signature.id)
    return tuple(acting.session.scalars(query))


def members(acting: Acting, study: Study) -> tuple[Membership, ...]:
    """Return who takes part, by role and name."""
    require(StudyPolicy.see_progress(acting, study), THIS_STUDY)
    query = select(Membership).options(joinedload(Membership.user), joinedload(Membership.site))
    found = acting.session.scalars(query.where(Membership.study_id == study.id))
    return tuple(sorted(found, key=lambda one: (one.role, one.adjudicates, one.user.name)))
