"""A study is built, locked, run, closed and unblinded in this order, by whom it is allowed."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import simulated_study
from simulated_study import NAME, World
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from annotations import adjudication, audit, lock, studies
from annotations.database import StorageError
from annotations.design import Design
from annotations.policy import Acting, NotPermittedError, WrongStateError
from annotations.tables import Arm, Assignment, Case, Event, Output, Study
from ecgr1_core.errors import InputError, UnsuitableRecordingError
from ecgr1_core.record import EcgRecord


def _lock(world: World) -> str:
    with world.acting("investigator") as acting:
        return lock.lock(acting, world.study(acting))


def test_the_dry_run_is_what_the_lock_draws(world: World) -> None:
    with world.acting("investigator") as acting:
        plan = lock.dry_run(acting, world.study(acting))
    _lock(world)
    with world.acting("investigator") as acting:
        kept = {
            (one.membership.user.name, one.place): (one.case.name, tuple(each.output.arm.name for each in one.shown))
            for one in acting.session.scalars(select(Assignment))
        }
    assert kept == {(one.rater, one.place): (one.case, one.arms) for one in plan}


def test_the_lock_hashes_all_and_can_be_checked(world: World) -> None:
    sha256 = _lock(world)
    with world.database.reading() as session:
        study = studies.study_named(session, NAME)
        assert lock.lock_fault(session, study) is None
        assert lock.content_hash(session, study) == study.lock_sha256 == sha256
        event = session.scalars(select(Event).where(Event.kind == "study.locked")).one()
        assert json.loads(event.content)["sha256"] == sha256


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cases SET patient = 'other'",
        "UPDATE outputs SET shown = 'other'",
        "UPDATE case_traces SET data = zeroblob(10)",
        "UPDATE assignment_outputs SET letter = 'Z'",
        "DELETE FROM assignments",
        "DELETE FROM arms",
        "UPDATE studies SET design = '{}'",
        "UPDATE studies SET state = 'draft'",
        "UPDATE studies SET lock_sha256 = NULL",
        "INSERT INTO arms (key, study_id, name, reader, modality) VALUES ('k', 1, 'new', 'r', 'both')",
    ],
)
def test_what_is_locked_cannot_be_changed(world: World, statement: str) -> None:
    _lock(world)
    with pytest.raises(DatabaseError, match="the study is locked"), world.database.writing() as session:
        session.execute(text(statement))


def test_a_change_without_the_triggers_is_found(world: World) -> None:
    _lock(world)
    with world.database.writing() as session:
        session.execute(text("DROP TRIGGER outputs_locked_update"))
        session.execute(text("UPDATE outputs SET shown = shown || ' ' WHERE id = 1"))
    with world.database.reading() as session:
        fault = lock.lock_fault(session, studies.study_named(session, NAME))
    assert fault == f"study {NAME}: design, cases, readings or plan are not what was locked"


def test_a_missing_reading_and_an_undecided_one_stop_the_lock(world: World) -> None:
    with world.acting("investigator") as acting:
        output = acting.session.scalars(select(Output)).first()
        assert output is not None
        case, arm = output.case, output.arm
        acting.session.delete(output)
    with pytest.raises(InputError, match=f"case {case.name}, arm {arm.name}: there is no reading"):
        _lock(world)
    with world.acting("investigator") as acting:
        text_ = "<think>\n**Step 1: Technical, Rate & Rhythm**\nOn this page the image is clear.\n</think>\nAF."
        made = studies.add_output(
            acting, acting.session.get_one(Case, case.id), acting.session.get_one(Arm, arm.id), text_
        )
        assert made.screening == "flagged"
        assert "the recording is clear" in made.shown
    with pytest.raises(InputError, match="words that may give the arm away"):
        _lock(world)
    with world.acting("investigator") as acting:
        made = acting.session.get_one(Output, made.id)
        with pytest.raises(InputError, match="reason: it is empty"):
            studies.decide(acting, made, masked=True, reason=" ")
        studies.decide(acting, made, masked=True, reason="says page")
        assert "On this […] the recording is clear" in made.shown
        assert "page" in made.written
    assert len(_lock(world)) == 64


def test_an_arm_added_later_is_screened_for(world: World) -> None:
    with world.acting("investigator") as acting:
        study = world.study(acting)
        studies.add_arm(acting, study, "regular", reader="plain", modality="both")
        arm = acting.session.scalars(select(Arm).where(Arm.name == "regular")).one()
        for case in acting.session.scalars(select(Case)):
            studies.add_output(acting, case, arm, "<think>\nStep 1:\nFine.\n</think>\nFine.\n<answer>AF</answer>")
    with pytest.raises(InputError, match="“regular”, which gives an arm away that was added later"):
        _lock(world)


Act = Callable[[Acting, Study], object]


@pytest.mark.parametrize(
    ("act", "fault"),
    [
        (lambda acting, study: studies.start(acting, study), "it is draft, not locked"),
        (lambda acting, study: studies.close(acting, study, "why"), "it is draft, not running"),
        (lambda acting, study: studies.unblind(acting, study, "why"), "it is draft, not closed"),
    ],
)
def test_states_follow_in_their_order(world: World, act: Act, fault: str) -> None:
    with world.acting("investigator") as acting, pytest.raises(WrongStateError, match=fault):
        act(acting, world.study(acting))


@pytest.mark.parametrize("name", ["rater1", "auditor", "judge", "admin"])
def test_only_the_investigator_builds_and_moves_a_study(world: World, name: str) -> None:
    acts: list[Act] = [
        lambda acting, study: studies.set_design(acting, study, Design()),
        lambda acting, study: lock.lock(acting, study),
        lambda acting, study: lock.dry_run(acting, study),
        lambda acting, study: studies.start(acting, study),
        lambda acting, study: studies.unblind(acting, study, "curious"),
        lambda acting, study: studies.withdraw(acting, study, acting.user, "why"),
    ]
    for act in acts:
        with world.acting(name) as acting, pytest.raises(NotPermittedError):
            act(acting, world.study(acting))


def test_a_locked_study_takes_no_new_design_people_or_cases(world: World) -> None:
    _lock(world)
    record = EcgRecord(np.zeros((12, 100), np.float32), 50.0)
    acts: list[Act] = [
        lambda acting, study: studies.set_design(acting, study, Design()),
        lambda acting, study: studies.add_case(acting, study, record, name="new", patient="p"),
        lambda acting, study: lock.lock(acting, study),
    ]
    for act in acts:
        with world.acting("investigator") as acting, pytest.raises(WrongStateError, match="it is locked"):
            act(acting, world.study(acting))


def test_cases_need_a_name_a_patient_and_a_length(world: World) -> None:
    with world.acting("investigator") as acting:
        study, short = world.study(acting), EcgRecord(np.zeros((12, 100), np.float32), 50.0)
        with pytest.raises(InputError, match="a case of this name already"):
            studies.add_case(acting, study, short, name="file000", patient="p")
        with pytest.raises(InputError, match="the patient is not named"):
            studies.add_case(acting, study, short, name="new", patient=" ")
        long = EcgRecord(np.zeros((12, 700), np.float32), 1.0)
        with pytest.raises(UnsuitableRecordingError, match="it lasts 700 s"):
            studies.add_case(acting, study, long, name="new", patient="p")


def test_a_trace_comes_back_as_it_was_and_a_changed_one_does_not(world: World) -> None:
    signal = np.random.default_rng(0).normal(0, 1, (12, 300)).astype(np.float32)
    signal[3], signal[5] = np.nan, 0.0
    with world.acting("investigator") as acting:
        case = studies.add_case(acting, world.study(acting), EcgRecord(signal, 250.0), name="new", patient="p")
        record = studies.trace(acting.session, case, "Reading 3")
        np.testing.assert_array_equal(record.signal_mv, signal)
        assert (record.name, record.missing_leads, record.flat_leads) == ("Reading 3", ("aVR",), ("aVF",))
        case.trace_sha256 = "0" * 64
        with pytest.raises(ValueError, match="were changed"):
            studies.trace(acting.session, case, "Reading 3")


def test_closing_settling_unblinding(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = simulated_study.build(
        tmp_path_factory.mktemp("s") / "s.sqlite", raters=2, cases=4, arms=("signal-only", "other")
    )
    _lock(world)
    with world.acting("investigator") as acting:
        studies.start(acting, world.study(acting))
    for name in ("rater1", "rater2"):
        simulated_study.read_all(world, name)
    with world.acting("judge") as acting, pytest.raises(WrongStateError, match="settled after closing"):
        adjudication.disputes(acting, world.study(acting))
    with world.acting("investigator") as acting:
        studies.close(acting, world.study(acting), "done")
    with world.acting("rater1") as acting, pytest.raises(NotPermittedError):
        adjudication.disputes(acting, world.study(acting))
    with world.database.reading() as session:
        waiting = len(adjudication.unsettled(session, studies.study_named(session, NAME)))
    if waiting:
        with world.acting("investigator") as acting, pytest.raises(WrongStateError, match="wait for adjudication"):
            studies.unblind(acting, world.study(acting), "done")
    assert simulated_study.settle_all(world) == waiting
    with world.acting("investigator") as acting:
        studies.unblind(acting, world.study(acting), "data base closed")
    with world.database.reading() as session:
        assert audit.verify(session).intact
        kinds = session.scalars(select(Event.kind).where(Event.kind.startswith("study."))).all()
    assert kinds == ["study.made", "study.locked", "study.running", "study.closed", "study.unblinded"]


def test_a_database_that_is_none_of_ours_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    from annotations.database import open_database

    other = open_database(tmp_path_factory.mktemp("o") / "other.sqlite")
    with pytest.raises(StorageError, match="it holds no tables of this program"), other.reading() as session:
        studies.study_named(session, NAME)
