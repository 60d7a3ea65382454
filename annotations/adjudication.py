"""Settles each reading that was rated: where its raters agree by themselves, otherwise by a blind adjudicator.

A reading is settled by agreement where two raters or more rated it, name the same labels and lie closer together than
the rubric's limits; its phrases are then those that more than half of them accept or add. Everything else waits for an
adjudicator, who sees the reading and the ratings without names of raters or arms.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations import audit
from annotations.accounts import required_reason
from annotations.answers import OutputRating, Phrase, StageTwo, canonical_labels, check_phrase_text, parse
from annotations.blinding import BlindOutput, blind_output, shown_reading
from annotations.policy import THIS_STUDY, Acting, NotPermittedError, StudyPolicy, WrongStateError, require
from annotations.ratings import store_revision
from annotations.rubric import Rubric
from annotations.studies import rubric_of, trace
from annotations.tables import Assignment, AssignmentOutput, Output, Revision, Study
from ecgr1_core import vocabulary
from ecgr1_core.interpretation import STEP_NUMBERS, Interpretation
from ecgr1_core.record import EcgRecord

StepPhrases = dict[int, tuple[str, ...]]


class Decision(BaseModel):
    """What an adjudicator settles: the right labels, and the evidence phrases of each step that hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: tuple[str, ...] = Field(min_length=1)
    phrases: dict[int, tuple[str, ...]] = Field(default_factory=dict)
    comment: str = Field("", max_length=10_000)


@dataclass(frozen=True)
class Settled:
    """The settled outcome of one reading: `how` it came about, and how many raters it rests on."""

    labels: tuple[str, ...]
    phrases: StepPhrases
    how: Literal["agreed", "adjudicated"]
    raters: int


@dataclass(frozen=True, eq=False)
class BlindDispute:
    """What an adjudicator sees: the trace, the reading, each rating without its rater, and why it waits."""

    key: str
    record: EcgRecord
    output: BlindOutput
    ratings: tuple[OutputRating, ...]
    because: tuple[str, ...]


def latest_ratings(session: Session, study: Study) -> dict[int, list[OutputRating]]:
    """Return the ratings of record of each reading by its row number; practice and hidden duplicates are left out."""
    query = (
        select(Revision)
        .join(Assignment, Assignment.id == Revision.assignment_id)
        .where(
            Revision.study_id == study.id,
            Revision.kind == "stage_two",
            Assignment.practice.is_(False),
            Assignment.duplicate_of_id.is_(None),
        )
        .order_by(Revision.assignment_id, Revision.number)
    )
    latest = {one.assignment_id: one for one in session.scalars(query)}
    letters = {
        (row.assignment_id, row.letter): row.output_id
        for row in session.scalars(select(AssignmentOutput).join(Assignment).where(Assignment.study_id == study.id))
    }
    found: dict[int, list[OutputRating]] = {}
    for assignment_id, revision in latest.items():
        assert assignment_id is not None  # stage two always has one
        for letter, rating in StageTwo.model_validate_json(revision.content).outputs.items():
            found.setdefault(letters[assignment_id, letter], []).append(rating)
    return found


def labels_of(rating: OutputRating, shown: Interpretation) -> tuple[str, ...]:
    """Return the labels that a rater holds right: the corrected ones, or those of the reading.

    A label of the reading that the vocabulary does not know stays as it was written.
    """
    if rating.labels is not None:
        return rating.labels
    known = [(vocabulary.lookup(label), label) for label in shown.answer]
    return tuple(dict.fromkeys(label if row is None else row.name for row, label in known))


def differences(rubric: Rubric, ratings: Sequence[OutputRating], shown: Interpretation) -> tuple[str, ...]:
    """Return why a reading must be adjudicated, nothing where its raters agree."""
    reasons: list[str] = []
    if len(ratings) < 2:
        reasons.append("only one rater")
    if rubric.adjudicate.labels_differ and len({frozenset(labels_of(one, shown)) for one in ratings}) > 1:
        reasons.append("labels differ")
    for key, limit in rubric.adjudicate.range_at_least.items():
        scale = rubric.scale(key)
        values = [scale.value(one.scales[key]) for one in ratings if key in one.scales]
        if values and max(values) - min(values) >= limit:
            reasons.append(f"{scale.title.lower()}: {min(values):g} to {max(values):g}")
    return tuple(reasons)


def settled(session: Session, study: Study) -> dict[int, Settled]:
    """Return the settled outcome of each reading by its row number; those that wait are not in it."""
    rubric, decisions = rubric_of(study), _decisions(session, study)
    found: dict[int, Settled] = {}
    for output_id, ratings in latest_ratings(session, study).items():
        decision = decisions.get(output_id)
        if decision is not None:
            found[output_id] = Settled(decision.labels, decision.phrases, "adjudicated", len(ratings))
            continue
        shown = shown_reading(session.get_one(Output, output_id))
        if not differences(rubric, ratings, shown):
            labels = labels_of(ratings[0], shown)
            found[output_id] = Settled(labels, _majority_phrases(ratings), "agreed", len(ratings))
    return found


def unsettled(session: Session, study: Study) -> tuple[Output, ...]:
    """Return the rated readings that wait for an adjudicator, in an order that tells nothing (by key)."""
    done = settled(session, study)
    waiting = [session.get_one(Output, one) for one in latest_ratings(session, study) if one not in done]
    return tuple(sorted(waiting, key=lambda output: output.key))


def disputes(acting: Acting, study: Study) -> tuple[str, ...]:
    """Return the keys of the readings that wait, for an adjudicator of a closed study."""
    _require_adjudicator(acting, study)
    return tuple(output.key for output in unsettled(acting.session, study))


def open_dispute(acting: Acting, study: Study, key: str) -> BlindDispute:
    """Return one reading that waits, with its ratings in an order that does not follow the raters."""
    output = _output(acting, study, key)
    ratings = latest_ratings(acting.session, study).get(output.id, [])
    because = differences(rubric_of(study), ratings, shown_reading(output))
    acting.record("reading.shown", key, study, stage="adjudication")
    shuffled = sorted(ratings, key=lambda one: audit.sha256(key + one.model_dump_json()))
    record = trace(acting.session, output.case, "Reading")
    return BlindDispute(key, record, blind_output("A", output), tuple(shuffled), because)


def adjudicate(
    acting: Acting, study: Study, key: str, content: Mapping[str, Any], reason: str | None = None
) -> Revision:
    """Settle one reading; a second decision about it needs a reason."""
    output = _output(acting, study, key)
    decision = parse(Decision, dict(content))
    rubric = rubric_of(study)
    _check_phrases(decision, rubric)
    decision = decision.model_copy(update={"labels": canonical_labels(decision.labels)})
    query = select(Revision).where(Revision.output_id == output.id, Revision.kind == "adjudication")
    latest = acting.session.scalars(query.order_by(Revision.number.desc()).limit(1)).first()
    why = None if latest is None else required_reason(reason or "")
    revision = Revision(
        study_id=study.id,
        study=study,
        author=acting.user,
        author_id=acting.user.id,
        kind="adjudication",
        output=output,
        output_id=output.id,
        number=1 if latest is None else latest.number + 1,
        content=audit.canonical(decision.model_dump(mode="json")),
        reason=why,
        created_at=acting.now,
    )
    return store_revision(acting, revision, study, key)


def _check_phrases(decision: Decision, rubric: Rubric) -> None:
    for step, phrases in decision.phrases.items():
        if step not in STEP_NUMBERS:
            raise NotPermittedError(f"step {step}")
        for text in phrases:
            check_phrase_text(f"step {step}, “{text}”", text, rubric)


def _decisions(session: Session, study: Study) -> dict[int, Decision]:
    query = select(Revision).where(Revision.study_id == study.id, Revision.kind == "adjudication")
    found: dict[int, Decision] = {}
    for one in session.scalars(query.order_by(Revision.number)):
        assert one.output_id is not None  # adjudications have one
        found[one.output_id] = Decision.model_validate(json.loads(one.content))
    return found


def _majority_phrases(ratings: Sequence[OutputRating]) -> StepPhrases:
    votes: Counter[tuple[int, str]] = Counter()
    spelled: dict[tuple[int, str], str] = {}
    for rating in ratings:
        for step, text in {(phrase.step, _holds(phrase)) for phrase in rating.phrases if _holds(phrase)}:
            votes[step, text.casefold()] += 1
            spelled.setdefault((step, text.casefold()), text)
    kept: dict[int, list[str]] = {}
    for (step, text), count in sorted(votes.items(), key=lambda item: (item[0][0], -item[1], item[0][1])):
        if count * 2 > len(ratings):
            kept.setdefault(step, []).append(spelled[step, text])
    return {step: tuple(texts) for step, texts in kept.items()}


def _holds(phrase: Phrase) -> str:
    """Return the words that the rater holds right, "" for a rejected phrase."""
    return "" if phrase.verdict == "rejected" else (phrase.corrected or phrase.text)


def _require_adjudicator(acting: Acting, study: Study) -> None:
    require(StudyPolicy.adjudicate(acting, study), THIS_STUDY)
    if study.state != "closed":
        raise WrongStateError(
            study.name, f"it is {study.state}", "readings are settled after closing, before unblinding"
        )


def _output(acting: Acting, study: Study, key: str) -> Output:
    _require_adjudicator(acting, study)
    output = acting.session.scalar(select(Output).where(Output.key == key, Output.study_id == study.id))
    require(output is not None, "this reading")
    assert output is not None  # required above
    return output
