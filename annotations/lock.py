"""The lock: draws the plan, freezes design, cases, arms, readings and plan, and hashes all of it.

Until the lock a dry run shows the same plan, because both draw with the seed of the design. After it, triggers of the
database refuse changes, and the hash, which is in the audit trail, shows them.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations import audit, screening
from annotations.allocation import PlannedReading, draw
from annotations.policy import THIS_STUDY, Acting, StudyPolicy, WrongStateError, require
from annotations.studies import count, design_of
from annotations.tables import Arm, Assignment, AssignmentOutput, Case, Event, Membership, Output, Study
from ecgr1_core.errors import InputError


def dry_run(acting: Acting, study: Study) -> tuple[PlannedReading, ...]:
    """Return the plan that the lock would draw now; names of cases and arms, log-in names of raters."""
    require(StudyPolicy.design(acting, study), THIS_STUDY)
    session = acting.session
    cases = list(session.scalars(select(Case).where(Case.study_id == study.id).order_by(Case.name)))
    arms = session.scalars(select(Arm.name).where(Arm.study_id == study.id).order_by(Arm.name))
    design = design_of(study)
    return draw(
        design,
        cases=[one.name for one in cases if not one.practice],
        practice=[one.name for one in cases if one.practice],
        arms=list(arms),
        raters=sorted(member.user.name for member in _raters(session, study)),
        rng=np.random.default_rng(design.seed),
    )


def lock(acting: Acting, study: Study) -> str:
    """Draw and keep the plan, freeze the study, and return the hash of all that is frozen.

    Raises `WrongStateError` where it is locked already, and `InputError` for a missing reading, one whose giveaway
    words nobody has decided about, and a plan that cannot be drawn.
    """
    require(StudyPolicy.design(acting, study), THIS_STUDY)
    if study.state != "draft":
        raise WrongStateError(study.name, "it is locked already", "make a new study for another design")
    session = acting.session
    plan = dry_run(acting, study)
    outputs = _outputs(session, study)
    _check(session, study, outputs)
    cases = {one.name: one for one in session.scalars(select(Case).where(Case.study_id == study.id))}
    members = {one.user.name: one for one in _raters(session, study)}
    drawn: dict[tuple[str, int], Assignment] = {}
    for one in plan:
        assignment = Assignment(
            study_id=study.id,
            membership_id=members[one.rater].id,
            case_id=cases[one.case].id,
            place=one.place,
            period=one.period,
            practice=one.practice,
        )
        if one.duplicate_of is not None:
            assignment.duplicate_of_id = drawn[one.rater, one.duplicate_of].id
        session.add(assignment)
        session.flush()
        drawn[one.rater, one.place] = assignment
        session.add_all(
            AssignmentOutput(assignment_id=assignment.id, letter="ABCDEF"[place], output_id=outputs[one.case, arm].id)
            for place, arm in enumerate(one.arms)
        )
    session.flush()
    study.lock_sha256 = content_hash(session, study)
    study.state, study.locked_at = "locked", acting.now
    acting.record("study.locked", study.name, study, sha256=study.lock_sha256, **count(session, study))
    return study.lock_sha256


def content_hash(session: Session, study: Study) -> str:
    """Return the SHA-256 of everything that the lock freezes, from the database as it is now."""
    return audit.sha256(audit.canonical(_content(session, study)))


def lock_fault(session: Session, study: Study) -> str | None:
    """Return what is wrong with a locked study, None where it is as it was locked."""
    if study.state == "draft":
        return None
    event = session.scalar(select(Event).where(Event.study == study.key, Event.kind == "study.locked"))
    if event is None:
        return f"study {study.name}: it is {study.state}, but nobody locked it"
    told = json.loads(event.content)["sha256"]
    if told != study.lock_sha256 or told != content_hash(session, study):
        return f"study {study.name}: design, cases, readings or plan are not what was locked"
    return None


def _content(session: Session, study: Study) -> dict[str, Any]:
    cases = {one.id: one for one in session.scalars(select(Case).where(Case.study_id == study.id))}
    arms = {one.id: one for one in session.scalars(select(Arm).where(Arm.study_id == study.id))}
    outputs = {one.id: one for one in session.scalars(select(Output).where(Output.study_id == study.id))}
    plan = list(session.scalars(select(Assignment).where(Assignment.study_id == study.id)))
    keys = {one.id: one.key for one in plan}
    letters: dict[int, list[list[str]]] = {one.id: [] for one in plan}
    for row in session.scalars(select(AssignmentOutput).join(Assignment).where(Assignment.study_id == study.id)):
        letters[row.assignment_id].append([row.letter, outputs[row.output_id].key])
    members = session.scalars(select(Membership).where(Membership.study_id == study.id, Membership.role == "rater"))
    raters = {one.id: one.user.key for one in members}
    return {
        "study": [study.key, study.name],
        "design": json.loads(study.design),
        "rubric": json.loads(study.rubric),
        "raters": sorted(raters.values()),
        "cases": sorted(
            [c.key, c.name, c.patient, c.practice, c.sampling_rate_hz, c.age_years, c.sex, c.trace_sha256,
             c.reference_labels]
            for c in cases.values()
        ),
        "arms": sorted(
            [a.key, a.name, a.reader, a.version, a.modality, a.precision, a.prompt_sha256] for a in arms.values()
        ),
        "outputs": sorted(
            [o.key, cases[o.case_id].key, arms[o.arm_id].key, audit.sha256(o.written), audit.sha256(o.shown), o.phrases]
            for o in outputs.values()
        ),
        "plan": sorted(
            [a.key, raters[a.membership_id], cases[a.case_id].key, a.place, a.period, a.practice,
             None if a.duplicate_of_id is None else keys[a.duplicate_of_id], sorted(letters[a.id])]
            for a in plan
        ),
    }  # fmt: skip


def _check(session: Session, study: Study, outputs: dict[tuple[str, str], Output]) -> None:
    cases = session.scalars(select(Case.name).where(Case.study_id == study.id).order_by(Case.name)).all()
    arms = session.scalars(select(Arm).where(Arm.study_id == study.id).order_by(Arm.name)).all()
    names = {name for arm in arms for name in (arm.name, arm.reader, arm.version, arm.precision) if name}
    for case in cases:
        for arm in arms:
            output = outputs.get((case, arm.name))
            where = f"case {case}, arm {arm.name}"
            if output is None:
                raise InputError(where, "there is no reading", "add it before the lock")
            if output.screening == "flagged":
                fault = "its reading has words that may give the arm away"
                raise InputError(where, fault, "have them masked or accepted: `ecgr1 study screen`")
            left = screening.screen(output.shown, names) if output.screening != "accepted" else ()
            if left:
                fault = f"its reading says “{left[0].text}”, which gives an arm away that was added later"
                raise InputError(where, fault, "add the reading again, so that it is screened again")


def _outputs(session: Session, study: Study) -> dict[tuple[str, str], Output]:
    found = session.scalars(select(Output).where(Output.study_id == study.id))
    return {(one.case.name, one.arm.name): one for one in found}


def _raters(session: Session, study: Study) -> list[Membership]:
    query = select(Membership).where(
        Membership.study_id == study.id,
        Membership.role == "rater",
        Membership.adjudicates.is_(False),  # who settles a reading has not rated it
        Membership.withdrawn_at.is_(None),
    )
    return [one for one in session.scalars(query) if one.user.active]
