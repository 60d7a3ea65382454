"""The answers of a study as plain rows: one for each rating of a reading, each preference, each own diagnosis.

Rows carry the arm, so they exist only for those whom the policy lets see results; raters appear under numbers. Whether
a row is practice or a hidden duplicate is in it, and what is done with that is left to the results.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations.adjudication import labels_of
from annotations.answers import OutputRating, StageOne, StageTwo
from annotations.blinding import shown_reading
from annotations.rubric import Rubric
from annotations.studies import rubric_of
from annotations.tables import Assignment, Membership, Revision, Study, Timing


@dataclass(frozen=True)
class ReadingInfo:
    """What all rows of one reading share; `duplicate_of` is the reading that it repeats. Unknown times are None."""

    reading: str
    rater: str
    site: str | None
    case: str
    patient: str
    place: int
    period: int
    practice: bool
    duplicate_of: str | None
    submitted_at: datetime
    stage_one_active_s: float | None
    stage_two_active_s: float | None
    display: dict[str, Any] | None
    revisions: int


@dataclass(frozen=True)
class RatingRow:
    """One reading by one arm as one rater rated it; `values` are numbers by criterion, `step_1` … among them."""

    info: ReadingInfo
    letter: str
    output: str
    arm: str
    values: dict[str, float]
    labels: tuple[str, ...]
    rating: OutputRating


@dataclass(frozen=True)
class PreferenceRow:
    """One comparison of two arms by one rater: `first` stood left of `second`."""

    info: ReadingInfo
    first: str
    second: str
    first_output: str
    second_output: str
    verdict: str


@dataclass(frozen=True)
class DiagnosisRow:
    """A rater's own diagnosis in stage one."""

    info: ReadingInfo
    labels: tuple[str, ...]
    confidence: int | None
    reference: tuple[str, ...] | None


@dataclass(frozen=True)
class Rows:
    """All submitted answers of a study; `not_rated` are the readings that could not be rated, with the reason."""

    ratings: tuple[RatingRow, ...]
    preferences: tuple[PreferenceRow, ...]
    diagnoses: tuple[DiagnosisRow, ...]
    not_rated: tuple[tuple[ReadingInfo, str], ...]


def rows_of(session: Session, study: Study) -> Rows:
    """Return the answers of record of a study, in the order of raters and their queues."""
    rubric = rubric_of(study)
    codes = rater_codes(session, study)
    timings: dict[tuple[int, int], Timing] = {
        (one.assignment_id, one.stage): one
        for one in session.scalars(select(Timing).join(Assignment).where(Assignment.study_id == study.id))
    }
    latest: dict[tuple[int, str], Revision] = {}
    query = select(Revision).where(Revision.study_id == study.id, Revision.assignment_id.is_not(None))
    for answer in session.scalars(query.order_by(Revision.number)):
        latest[answer.assignment_id or 0, answer.kind] = answer
    assignments = list(session.scalars(select(Assignment).where(Assignment.study_id == study.id)))
    keys = {one.id: one.key for one in assignments}
    ratings: list[RatingRow] = []
    preferences: list[PreferenceRow] = []
    diagnoses: list[DiagnosisRow] = []
    not_rated: list[tuple[ReadingInfo, str]] = []
    for one in sorted(assignments, key=lambda each: (codes[each.membership_id], each.place)):
        kinds = {kind: latest[one.id, kind] for kind in _KINDS if (one.id, kind) in latest}
        for kind, revision in kinds.items():
            info = _info(one, codes, keys, timings, revision)
            if kind == "stage_one":
                diagnoses.append(_diagnosis(one, info, revision))
            elif kind == "stage_two":
                two = StageTwo.model_validate_json(revision.content)
                ratings += _ratings(one, info, two, rubric)
                preferences += _preferences(one, info, two)
            else:
                not_rated.append((info, revision.reason or ""))
    return Rows(tuple(ratings), tuple(preferences), tuple(diagnoses), tuple(not_rated))


_KINDS = ("stage_one", "stage_two", "cannot_rate")


def rater_codes(session: Session, study: Study) -> dict[int, str]:
    """Return "R01", "R02", … for the raters of a study by membership, in an order that tells nothing (by key)."""
    query = select(Membership).where(
        Membership.study_id == study.id, Membership.role == "rater", Membership.adjudicates.is_(False)
    )
    members = sorted(session.scalars(query), key=lambda one: one.user.key)
    return {one.id: f"R{number:02d}" for number, one in enumerate(members, 1)}


def _info(
    one: Assignment,
    codes: dict[int, str],
    keys: dict[int, str],
    timings: dict[tuple[int, int], Timing],
    revision: Revision,
) -> ReadingInfo:
    first, second = timings.get((one.id, 1)), timings.get((one.id, 2))
    display = next((each.display for each in (second, first) if each is not None and each.display), None)
    done = None if second is None else second.submitted_at
    return ReadingInfo(
        reading=one.key,
        rater=codes[one.membership_id],
        site=None if one.membership.site is None else one.membership.site.name,
        case=one.case.name,
        patient=one.case.patient,
        place=one.place,
        period=one.period,
        practice=one.practice,
        duplicate_of=None if one.duplicate_of_id is None else keys[one.duplicate_of_id],
        submitted_at=done or revision.created_at,
        stage_one_active_s=None if first is None or first.submitted_at is None else first.active_s,
        stage_two_active_s=None if second is None or second.submitted_at is None else second.active_s,
        display=None if display is None else json.loads(display),
        revisions=revision.number,
    )


def _diagnosis(one: Assignment, info: ReadingInfo, revision: Revision) -> DiagnosisRow:
    answer = StageOne.model_validate_json(revision.content)
    known = one.case.reference_labels
    reference = None if known is None else tuple(json.loads(known))
    return DiagnosisRow(info, answer.labels, answer.confidence, reference)


def _ratings(one: Assignment, info: ReadingInfo, two: StageTwo, rubric: Rubric) -> list[RatingRow]:
    found = []
    for place in one.shown:
        rating = two.outputs[place.letter]
        values = {key: rubric.scale(key).value(answer) for key, answer in rating.scales.items()}
        values |= {f"step_{number}": float(score) for number, score in rating.steps.items()}
        labels = labels_of(rating, shown_reading(place.output))
        arm, output = place.output.arm.name, place.output.key
        found.append(RatingRow(info, place.letter, output, arm, values, labels, rating))
    return found


def _preferences(one: Assignment, info: ReadingInfo, two: StageTwo) -> list[PreferenceRow]:
    at = {place.letter: place.output for place in one.shown}
    return [
        PreferenceRow(
            info, at[each.left].arm.name, at[each.right].arm.name, at[each.left].key, at[each.right].key, each.verdict
        )
        for each in two.preferences
    ]
