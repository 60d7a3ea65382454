"""What a rater may do, and that nothing a rater is sent tells the arm."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import simulated_study
from simulated_study import PASSWORD, World, behind, stage_one, stage_two
from sqlalchemy import select

from annotations import lock, ratings, signatures, studies
from annotations.accounts import LoginRefusedError
from annotations.blinding import BlindReading
from annotations.design import Design
from annotations.policy import NotPermittedError, WrongStateError
from annotations.tables import Assignment, Draft, Event, Revision, Signature, Timing
from ecgr1_core.errors import InputError


def _running(path: Path, design: Design | None = None, **kw: Any) -> World:
    world = simulated_study.build(path / "r.sqlite", raters=2, cases=4, design=design or Design(), **kw)
    with world.acting("investigator") as acting:
        lock.lock(acting, world.study(acting))
        studies.start(acting, world.study(acting))
    return world


@pytest.fixture
def running(tmp_path: Path) -> World:
    return _running(tmp_path)


def _next(world: World, name: str = "rater1") -> str:
    with world.acting(name) as acting:
        key = ratings.queue(acting, world.study(acting)).next_key
    assert key is not None
    return key


def _open(world: World, key: str, stage: int, name: str = "rater1") -> BlindReading:
    with world.acting(name) as acting:
        return ratings.open_stage(acting, key, stage)


def _answer(world: World, key: str, shown: BlindReading, name: str = "rater1") -> dict[str, Any]:
    with world.acting(name) as acting:
        case, arms = behind(acting, key)
    return stage_one(world, case) if shown.stage == 1 else stage_two(world, name, case, arms, shown.outputs)


def _submit_one(world: World, key: str) -> None:
    shown = _open(world, key, 1)
    with world.acting("rater1") as acting:
        ratings.submit(acting, key, 1, _answer_for(world, acting, key, shown))


def _answer_for(world: World, acting: Any, key: str, shown: BlindReading) -> dict[str, Any]:
    case, arms = behind(acting, key)
    return stage_one(world, case) if shown.stage == 1 else stage_two(world, acting.user.name, case, arms, shown.outputs)


def _texts(data: object) -> str:
    """Everything that the form can hold, as one text."""
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        return " ".join(_texts(getattr(data, field.name)) for field in dataclasses.fields(data))
    if isinstance(data, dict):
        return " ".join(f"{_texts(key)} {_texts(value)}" for key, value in data.items())
    return " ".join(map(_texts, data)) if isinstance(data, (tuple, list)) else str(data)


def test_nothing_that_a_rater_is_sent_tells_the_arm(running: World) -> None:
    key = _next(running)
    first = _open(running, key, 1)
    assert first.outputs == ()
    _submit_one(running, key)
    second = _open(running, key, 2)
    assert len(second.outputs) == 3
    assert [one.letter for one in second.outputs] == ["A", "B", "C"]
    for sent in (first, second):
        everything = _texts(sent).casefold()
        for secret in ("signal-only", "image-only", "other", "reader of", "file0", "patient", "secret_file", "both"):
            assert secret not in everything, secret
    assert second.record.name == "Reading 1"
    assert second.own is not None
    names = {field.name for field in dataclasses.fields(BlindReading)}
    assert not names & {"arm", "reader", "modality", "case", "patient", "rater", "period", "duplicate_of"}


def test_stages_follow_and_the_first_stays(running: World) -> None:
    key = _next(running)
    with pytest.raises(WrongStateError, match="the own diagnosis comes first"):
        _open(running, key, 2)
    _submit_one(running, key)
    with pytest.raises(WrongStateError, match="stage one is submitted and stays as it is"):
        _open(running, key, 1)
    with running.acting("rater1") as acting, pytest.raises(WrongStateError, match="stage 1 is submitted"):
        ratings.submit(acting, key, 1, {"labels": ["ventricular tachycardia"], "confidence": 1})
    with running.acting("rater1") as acting, pytest.raises(WrongStateError, match="stage 1 is not open"):
        ratings.save_draft(acting, key, 1, {"labels": ["AF"]}, 9)


def test_readings_are_taken_in_their_order_and_by_their_rater_only(running: World) -> None:
    mine, theirs = _next(running, "rater1"), _next(running, "rater2")
    with running.acting("rater1") as acting:
        later = acting.session.scalars(
            select(Assignment.key).where(Assignment.place == 2, Assignment.membership.has(user_id=acting.user.id))
        ).one()
    with pytest.raises(WrongStateError, match="it is not the next one"):
        _open(running, later, 1)
    for name, key in (("rater2", mine), ("rater1", theirs), ("investigator", mine), ("admin", mine), ("judge", mine)):
        with running.acting(name) as acting, pytest.raises(NotPermittedError):
            ratings.open_stage(acting, key, 1)
        with running.acting(name) as acting, pytest.raises(NotPermittedError):
            ratings.save_draft(acting, key, 1, {}, 1)
        with running.acting(name) as acting, pytest.raises(NotPermittedError):
            ratings.submit(acting, key, 1, {"labels": ["AF"], "confidence": 1})
    with running.acting("rater1") as acting, pytest.raises(NotPermittedError):
        ratings.open_stage(acting, "guessed-key", 1)


def test_drafts_are_kept_and_a_late_one_changes_nothing(running: World) -> None:
    key = _next(running)
    _open(running, key, 1)
    with running.acting("rater1") as acting:
        assert ratings.save_draft(acting, key, 1, {"labels": ["AF"]}, 2) == 2
        assert ratings.save_draft(acting, key, 1, {"labels": []}, 1) == 2
        with pytest.raises(InputError, match="Extra inputs"):
            ratings.save_draft(acting, key, 1, {"arm": "x"}, 3)
    again = _open(running, key, 1)
    assert again.draft["labels"] == ["AF"]
    assert again.draft_number == 2
    with running.acting("rater1") as acting:
        ratings.submit(acting, key, 1, {"labels": ["AF"], "confidence": 3})
        assert acting.session.scalars(select(Draft)).all() == []


def test_a_double_click_submits_once(running: World) -> None:
    key = _next(running)
    _open(running, key, 1)
    answer = {"labels": ["AF"], "confidence": 3}
    with running.acting("rater1") as acting:
        first = ratings.submit(acting, key, 1, answer)
    with running.acting("rater1") as acting:
        assert ratings.submit(acting, key, 1, answer).key == first.key
        assert len(acting.session.scalars(select(Revision)).all()) == 1


def test_a_change_needs_a_reason_and_keeps_the_old_answer(running: World) -> None:
    key = _next(running)
    _submit_one(running, key)
    shown = _open(running, key, 2)
    with running.acting("rater1") as acting:
        answer = _answer_for(running, acting, key, shown)
        with pytest.raises(WrongStateError, match="it is not submitted yet"):
            ratings.revise(acting, key, answer, "too early")
        ratings.submit(acting, key, 2, answer)
        changed = {**answer, "comment": "on second thoughts"}
        with pytest.raises(InputError, match="reason: it is empty"):
            ratings.revise(acting, key, changed, "  ")
        assert ratings.revise(acting, key, changed, "overlooked the P wave").number == 2
        kept = acting.session.scalars(
            select(Revision).where(Revision.kind == "stage_two").order_by(Revision.number)
        ).all()
        assert [json.loads(one.content)["comment"] for one in kept] == ["", "on second thoughts"]
        assert kept[1].reason == "overlooked the P wave"
        assert ratings.submitted(acting, key)["comment"] == "on second thoughts"


def test_time_is_kept_without_idling(running: World) -> None:
    key = _next(running)
    _open(running, key, 1)
    for gap in (10, 20, 600):  # ten minutes away count as one
        running.pass_(gap)
        with running.acting("rater1") as acting:
            ratings.touch(acting, key, 1, {"low_pass_hz": 40.0})
    with running.acting("rater1") as acting:
        timing = acting.session.scalars(select(Timing)).one()
        assert timing.active_s == 90.0
        assert timing.first_interaction_at == timing.shown_at + timedelta(seconds=10)
        assert json.loads(timing.display or "")["low_pass_hz"] == 40.0
        assert timing.submitted_at is None


def test_a_sitting_is_capped_and_a_pause_begins_a_new_one(tmp_path: Path) -> None:
    world = _running(tmp_path, Design(sitting_cap=2, duplicate_share=0))
    assert simulated_study.read_all(world, "rater1", 2) == 2
    with world.acting("rater1") as acting:
        queue = ratings.queue(acting, world.study(acting))
    assert (queue.next_key, queue.because, queue.left_in_sitting, queue.done, queue.total) == (None, "sitting", 0, 2, 5)
    assert queue.not_before is not None
    world.now = queue.not_before
    with world.acting("rater1") as acting:
        queue = ratings.queue(acting, world.study(acting))
    assert queue.next_key is not None
    assert queue.left_in_sitting == 2


def test_the_wash_out_is_kept(tmp_path: Path) -> None:
    design = Design(shown_together=1, duplicate_share=0, sitting_cap=None)
    world = _running(tmp_path, design, arms=("signal-only", "other"), practice=0)
    assert simulated_study.read_all(world, "rater1", 4) == 4
    with world.acting("rater1") as acting:
        queue = ratings.queue(acting, world.study(acting))
    assert (queue.next_key, queue.because) == (None, "wash-out")
    assert queue.not_before is not None
    assert timedelta(days=27.9) < queue.not_before - world.now <= timedelta(days=28)
    assert simulated_study.read_all(world, "rater1") == 4  # the simulated rater waits
    with world.acting("rater1") as acting:
        done = ratings.queue(acting, world.study(acting))
    assert (done.done, done.total, done.next_key, done.not_before) == (8, 8, None, None)


def test_what_cannot_be_rated_is_done_with_a_reason(running: World) -> None:
    key = _next(running)
    with running.acting("rater1") as acting, pytest.raises(WrongStateError, match="it was not opened"):
        ratings.cannot_rate(acting, key, "no trace")
    _open(running, key, 1)
    with running.acting("rater1") as acting:
        ratings.flag(acting, key, "calibration looks odd")
        ratings.flag(acting, key, "leads too")
        assert ratings.cannot_rate(acting, key, "half of the leads are off").reason == "half of the leads are off"
        with pytest.raises(WrongStateError):
            ratings.submit(acting, key, 1, {"labels": ["AF"], "confidence": 3})
    assert _next(running) != key


def test_nothing_is_rated_before_the_start_or_after_the_close(running: World) -> None:
    key = _next(running)
    _open(running, key, 1)
    with running.acting("investigator") as acting:
        studies.close(acting, running.study(acting), "stopped")
    with running.acting("rater1") as acting, pytest.raises(WrongStateError, match="the study is closed"):
        ratings.submit(acting, key, 1, {"labels": ["AF"], "confidence": 3})


def test_who_was_withdrawn_rates_no_more(running: World) -> None:
    key = _next(running)
    with running.acting("investigator") as acting:
        member = acting.session.scalars(select(Assignment).where(Assignment.key == key)).one().membership
        studies.withdraw(acting, running.study(acting), member.user, "ill")
    with running.acting("rater1") as acting, pytest.raises(NotPermittedError):
        ratings.open_stage(acting, key, 1)


def test_signing_asks_for_the_password_and_ends_revising(running: World) -> None:
    key = _next(running)
    _submit_one(running, key)
    shown = _open(running, key, 2)
    with running.acting("rater1") as acting:
        answer = _answer_for(running, acting, key, shown)
        ratings.submit(acting, key, 2, answer)
        study = running.study(acting)
        with pytest.raises(LoginRefusedError):
            signatures.sign(acting, study, "ratings complete", "wrong")
        with pytest.raises(InputError, match="you can sign: ratings complete"):
            signatures.sign(acting, study, "results approved", PASSWORD)
        made = signatures.sign(acting, study, "ratings complete", f"{PASSWORD} of rater1")
        assert made.printed_name == "Dr Rater1"
        with pytest.raises(WrongStateError, match="you have signed"):
            ratings.revise(acting, key, answer, "late thought")
        assert len(acting.session.scalars(select(Signature)).all()) == 1
        assert acting.session.scalars(select(Event).where(Event.kind == "study.signed")).one().actor == acting.user.key
