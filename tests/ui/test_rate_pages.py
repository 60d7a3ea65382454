"""The rating pages over HTTP: order of stages, drafts, double sending, corrections, and everything that is refused."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).parents[1]))

from study_kit import cheap_hashes, logged_in, running_study, study_key, whole_stage_two
from web_kit import Person, study_app

import simulated_study  # isort: skip
from sqlalchemy import func, select

from annotations import audit, studies
from annotations.accounts import user_named
from annotations.tables import Draft, Revision, Timing

STAGE_ONE = {"labels": ["LBBB"], "confidence": 4, "comment": ""}
DISPLAY = {"speed_mm_s": 50, "gain_mm_mv": 10, "high_pass_hz": 0.5, "low_pass_hz": 40, "layout": "12x1 cabrera"}


@pytest.fixture(autouse=True)
def _cheap() -> Iterator[None]:
    with cheap_hashes():
        yield


@pytest.fixture
def world(tmp_path: Path) -> simulated_study.World:
    return running_study(tmp_path / "study.sqlite")


@pytest.fixture
def app(world: simulated_study.World, tmp_path: Path) -> Iterator[FastAPI]:
    made = study_app(tmp_path / "study.sqlite", tmp_path)
    yield made
    made.state.site.close()


def next_key(person: Person, world: simulated_study.World) -> str:
    found = re.search(
        r'id="continue" href="/rate/reading/([\w-]+)"', person.get(f"/rate/study/{study_key(world)}").text
    )
    assert found, "nothing to read"
    return found.group(1)


def data_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="reading-data">(.*?)</script>', text)
    assert found
    return dict(json.loads(found.group(1)))


def count(world: simulated_study.World, table: Any, **where: Any) -> int:
    with world.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table).filter_by(**where)) or 0


def read(person: Person, world: simulated_study.World) -> str:
    """Go through both stages of the next reading."""
    key = next_key(person, world)
    person.get(f"/rate/reading/{key}")
    assert person.call("/rate/submit", {"key": key, "stage": 1, "content": STAGE_ONE}).status_code == 200
    person.get(f"/rate/reading/{key}")
    done = person.call("/rate/submit", {"key": key, "stage": 2, "content": whole_stage_two()})
    assert done.json() == {"go": f"/rate/study/{study_key(world)}"}
    return key


def test_a_rater_sees_their_study_and_queue(app: FastAPI, world: simulated_study.World) -> None:
    rita = logged_in(app, "rater1")
    assert "0 of 5" in rita.get("/rate").text
    assert "Continue" in rita.get(f"/rate/study/{study_key(world)}").text


@pytest.mark.parametrize("body", [b"{", b"[1]", b'{"a":' * 100_000, b"\xff"])
def test_what_is_no_json_object_is_told_in_one_sentence(
    app: FastAPI, world: simulated_study.World, body: bytes
) -> None:
    rita = logged_in(app, "rater1")
    headers = {"accept": "application/json", "content-type": "application/json", "x-ecgr1-csrf": rita.csrf}
    answer = rita.client.post("/rate/draft", content=body, headers=headers)
    assert answer.status_code == 400
    assert "it is no JSON object" in answer.json()["error"]


def test_stage_two_opens_only_after_stage_one_which_then_stays(app: FastAPI, world: simulated_study.World) -> None:
    rita = logged_in(app, "rater1")
    key = next_key(rita, world)
    first = rita.get(f"/rate/reading/{key}").text
    assert data_of(first)["stage"] == 1
    assert "The heart rate is regular" not in first
    early = rita.call("/rate/submit", {"key": key, "stage": 2, "content": whole_stage_two()})
    assert (early.status_code, "own diagnosis comes first" in early.json()["error"]) == (409, True)
    rita.call("/rate/submit", {"key": key, "stage": 1, "content": STAGE_ONE})
    second = rita.get(f"/rate/reading/{key}").text
    assert data_of(second)["stage"] == 2
    assert "complete left bundle branch block" in unescape(second)
    assert "The heart rate is regular" in second
    again = rita.call("/rate/submit", {"key": key, "stage": 1, "content": STAGE_ONE | {"confidence": 1}})
    assert again.status_code == 409


def test_a_draft_is_resumed_and_a_late_one_changes_nothing(app: FastAPI, world: simulated_study.World) -> None:
    rita = logged_in(app, "rater1")
    key = next_key(rita, world)
    rita.get(f"/rate/reading/{key}")
    newer = rita.call("/rate/draft", {"key": key, "stage": 1, "number": 5, "content": STAGE_ONE, "display": DISPLAY})
    late = rita.call("/rate/draft", {"key": key, "stage": 1, "number": 4, "content": {"labels": []}})
    assert (newer.json(), late.json()) == ({"number": 5}, {"number": 5})
    resumed = data_of(logged_in(app, "rater1").get(f"/rate/reading/{key}").text)
    assert resumed["draft"]["labels"] == ["LBBB"]
    assert resumed["number"] == 5
    with world.database.reading() as session:
        kept = json.loads(session.scalars(select(Timing)).one().display or "null")
    assert (kept["low_pass_hz"], kept["layout"]) == (40.0, "12x1 cabrera")


def test_sending_twice_gives_one_answer(app: FastAPI, world: simulated_study.World) -> None:
    rita = logged_in(app, "rater1")
    key = next_key(rita, world)
    rita.get(f"/rate/reading/{key}")
    call = {"key": key, "stage": 1, "content": STAGE_ONE}
    assert [rita.call("/rate/submit", call).status_code for _ in range(3)] == [200, 200, 200]
    assert count(world, Revision, kind="stage_one") == 1
    assert count(world, Draft) == 0


def test_an_unfinished_answer_is_one_sentence(app: FastAPI, world: simulated_study.World) -> None:
    rita = logged_in(app, "rater1")
    key = next_key(rita, world)
    rita.get(f"/rate/reading/{key}")
    empty = rita.call("/rate/submit", {"key": key, "stage": 1, "content": {"labels": [], "confidence": 3}})
    assert (empty.status_code, "no label" in empty.json()["error"]) == (400, True)
    odd = rita.call("/rate/draft", {"key": key, "stage": 1, "number": 1, "content": {"labels": 3}})
    assert odd.status_code == 400
    for broken in ({"key": 3}, {"key": key, "stage": "1"}, {"key": key, "stage": 1, "number": 1, "content": []}):
        assert rita.call("/rate/draft", broken).status_code == 400


def test_a_submitted_reading_is_changed_with_a_reason_until_signed(app: FastAPI, world: simulated_study.World) -> None:
    rita = logged_in(app, "rater1")
    key = read(rita, world)
    page = data_of(rita.get(f"/rate/reading/{key}/change").text)
    assert page["correcting"]
    assert page["draft"]["outputs"]["A"]["scales"]["reliability"] == 4
    changed = whole_stage_two(value=2)
    without = rita.call("/rate/correct", {"key": key, "content": changed, "reason": " "})
    assert (without.status_code, "reason" in without.json()["error"]) == (400, True)
    assert rita.call("/rate/correct", {"key": key, "content": changed, "reason": "mixed up"}).status_code == 200
    assert count(world, Revision, kind="stage_two") == 2
    while "Continue" in rita.get(f"/rate/study/{study_key(world)}").text:
        read(rita, world)
    wrong = rita.send(f"/rate/study/{study_key(world)}/sign", password="not it")
    assert wrong.status_code == 403
    word = f"{simulated_study.PASSWORD} of rater1"
    assert rita.send(f"/rate/study/{study_key(world)}/sign", password=word).status_code == 200
    assert "You have signed" in rita.get(f"/rate/study/{study_key(world)}").text
    late = rita.call("/rate/correct", {"key": key, "content": changed, "reason": "again"})
    assert (late.status_code, "signed" in late.json()["error"]) == (409, True)
    assert rita.get(f"/rate/reading/{key}/change").status_code == 409


def test_flag_and_cannot_rate(app: FastAPI, world: simulated_study.World) -> None:
    rita = logged_in(app, "rater1")
    key = next_key(rita, world)
    unopened = rita.call("/rate/cannot", {"key": key, "note": "noise"})
    assert unopened.status_code == 409
    rita.get(f"/rate/reading/{key}")
    assert rita.call("/rate/flag", {"key": key, "note": "V2 looks odd"}).status_code == 200
    assert rita.call("/rate/cannot", {"key": key, "note": ""}).status_code == 400
    assert rita.call("/rate/cannot", {"key": key, "note": "lead off"}).json() == {
        "go": f"/rate/study/{study_key(world)}"
    }
    assert "not rated" in rita.get(f"/rate/study/{study_key(world)}").text
    assert next_key(rita, world) != key


def test_readings_of_others_and_out_of_turn_do_not_exist(app: FastAPI, world: simulated_study.World) -> None:
    rita, bob = logged_in(app, "rater1"), logged_in(app, "rater2")
    key = next_key(bob, world)
    bob.get(f"/rate/reading/{key}")
    nothing = rita.get("/rate/reading/AAAAAAAAAAAAAAAAAAAAAA", headers={"accept": "application/json"})
    foreign = rita.get(f"/rate/reading/{key}", headers={"accept": "application/json"})
    assert (foreign.status_code, foreign.json()) == (nothing.status_code, nothing.json())
    for path in ("/rate/draft", "/rate/touch", "/rate/submit", "/rate/correct", "/rate/flag", "/rate/cannot"):
        call = {"key": key, "stage": 1, "number": 1, "content": STAGE_ONE, "reason": "x", "note": "x"}
        assert rita.call(path, call).status_code == 404
    assert logged_in(app, "investigator").get(f"/rate/study/{study_key(world)}").status_code == 404
    assert logged_in(app, "admin").get(f"/rate/study/{study_key(world)}").status_code == 404


def test_what_does_not_come_from_the_page_is_refused(app: FastAPI, world: simulated_study.World) -> None:
    rita = logged_in(app, "rater1")
    key = next_key(rita, world)
    rita.get(f"/rate/reading/{key}")
    call = {"key": key, "stage": 1, "content": STAGE_ONE}
    json_only = {"accept": "application/json"}
    bob_word = logged_in(app, "rater2").csrf
    for headers in (json_only, json_only | {"x-ecgr1-csrf": bob_word}, json_only | {"x-ecgr1-csrf": ""}):
        assert rita.client.post("/rate/submit", json=call, headers=headers).status_code == 403
    assert count(world, Revision) == 0
    assert Person(app).client.post("/rate/submit", json=call, headers=json_only).status_code == 401
    huge = rita.client.post("/rate/draft", content=b"[" * 2_000_000, headers=json_only | {"x-ecgr1-csrf": rita.csrf})
    assert huge.status_code == 400


def test_a_withdrawn_rater_and_a_closed_study_stop(app: FastAPI, world: simulated_study.World) -> None:
    rita, bob = logged_in(app, "rater1"), logged_in(app, "rater2")
    key = next_key(rita, world)
    rita.get(f"/rate/reading/{key}")
    with world.acting("investigator") as acting:
        studies.withdraw(acting, world.study(acting), user_named(acting.session, "rater1"), "moved away")
    assert rita.call("/rate/submit", {"key": key, "stage": 1, "content": STAGE_ONE}).status_code == 404
    other = next_key(bob, world)
    bob.get(f"/rate/reading/{other}")
    with world.acting("investigator") as acting:
        studies.close(acting, world.study(acting), "enough")
    late = bob.call("/rate/submit", {"key": other, "stage": 1, "content": STAGE_ONE})
    assert (late.status_code, "closed" in late.json()["error"]) == (409, True)


def test_an_adjudicator_settles_what_waits(app: FastAPI, world: simulated_study.World) -> None:
    for name in ("rater1", "rater2"):
        person = logged_in(app, name)
        while "Continue" in person.get(f"/rate/study/{study_key(world)}").text:
            key = next_key(person, world)
            person.get(f"/rate/reading/{key}")
            person.call("/rate/submit", {"key": key, "stage": 1, "content": STAGE_ONE})
            person.get(f"/rate/reading/{key}")
            answer = whole_stage_two()
            if name == "rater2":
                answer["outputs"] = {k: v | {"labels": ["sinus bradycardia"]} for k, v in answer["outputs"].items()}
            assert person.call("/rate/submit", {"key": key, "stage": 2, "content": answer}).status_code == 200
    with world.acting("investigator") as acting:
        studies.close(acting, world.study(acting), "done")
    judge = logged_in(app, "judge")
    assert "Settle readings" in judge.get("/rate").text
    path = f"/adjudicate/{study_key(world)}"
    waiting = 0
    found = re.search(rf'href="({path}/[\w-]+)"', judge.get(path).text)
    while found:
        shown = judge.get(found.group(1)).text
        assert "Raters differ: labels differ" in shown
        assert "rater1" not in shown
        answer = judge.send(found.group(1), labels=["sinus rhythm"], **{"phrases-1": "heart rate; regular"})
        assert answer.status_code == 200
        waiting += 1
        found = re.search(r"/adjudicate/([\w-]+)/([\w-]+)$", answer.json()["go"])
        found = re.match(r"(.*)", answer.json()["go"]) if found else None
    assert waiting == 6
    assert "No reading waits" in judge.get(path).text
    assert logged_in(app, "rater1").get(path).status_code == 404
    with world.database.reading() as session:
        assert audit.verify(session).fault is None
