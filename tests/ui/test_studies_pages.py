"""The pages of studies and people over HTTP: the whole way to a running study, and everything that is refused."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb
from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).parents[1]))

from study_kit import cheap_hashes, logged_in, running_study, study_key
from web_kit import Person, study_app

import simulated_study  # isort: skip
from ecgr1_core.record import LEADS
from training.cli import example_recordings

WORD = "a long enough password"
JSON = {"accept": "application/json"}


@pytest.fixture(autouse=True)
def _cheap() -> Iterator[None]:
    with cheap_hashes():
        yield


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    made = study_app(tmp_path / "study.sqlite", tmp_path)
    fields = {"code": "c0de", "name": "ada", "full_name": "Ada Min", "new": WORD, "again": WORD}
    assert Person(made).client.post("/setup", data=fields, headers=JSON).status_code == 200
    yield made
    made.state.site.close()


@pytest.fixture
def ada(app: FastAPI) -> Person:
    person = Person(app)
    person.log_in("ada", WORD)
    return person


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two recordings as WFDB files, header and samples."""
    folder = tmp_path_factory.mktemp("records")
    for number, record in enumerate(example_recordings()[:2]):
        signal = np.asarray(record.signal_mv, dtype=float).T
        wfdb.wrsamp(f"r{number}", 500, ["mV"] * 12, list(LEADS), signal, fmt=["16"] * 12, write_dir=str(folder))
    return sorted(folder.iterdir())


def uploads(paths: list[Path], field: str = "files") -> list[tuple[str, tuple[str, bytes]]]:
    return [(field, (path.name, path.read_bytes())) for path in paths]


def invited(app: FastAPI, ada: Person, name: str) -> Person:
    page = unescape(ada.send("/people/invite", name=name, full_name=f"Dr {name.title()}").text)
    token = re.search(r"/accept\?token=([\w-]+)", page)
    assert token, page
    person = Person(app)
    person.client.post("/accept", data={"token": token.group(1), "new": WORD + name, "again": WORD + name})
    assert person.log_in(name, WORD + name).status_code == 200
    return person


def new_study(ada: Person, name: str = "blind1") -> str:
    path = ada.send("/studies", name=name, title="T", investigator="ada").json()["go"]
    return str(path)


def test_from_nothing_to_a_running_study(app: FastAPI, ada: Person, recordings: list[Path]) -> None:
    rita = invited(app, ada, "rita")
    path = new_study(ada)
    assert ada.send(f"{path}/cases", files=uploads(recordings)).json() == {"go": f"{path}?step=cases"}
    assert "10 s · 500 Hz" in ada.get(f"{path}?step=cases").text
    assert ada.send(f"{path}/arms", name="rules", reader="protocol", modality="signal").status_code == 200
    wrong = ada.send(f"{path}/arms", name="pictures", reader="protocol", modality="both")
    assert (wrong.status_code, "does not read signal and page image" in wrong.json()["error"]) == (400, True)
    missing = ada.send(f"{path}/move", act="lock", name="blind1")
    assert missing.status_code == 400
    assert ada.send(f"{path}/generate", act="start").status_code == 200
    end = time.monotonic() + 60
    while not (state := ada.get(f"{path}/job/generate", headers=JSON).json())["ended"]:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert "All readings are made" in state["told"]
    assert "2 of 2 readings are there" in ada.get(f"{path}?step=outputs").text
    assert ada.send(f"{path}/people", name="rita", role="rater", site="North").status_code == 200
    design = {
        "stages": "2",
        "allocation": "fully_crossed",
        "screening": "mask",
        "seed": "7",
        "every_combination": "yes",
    }
    assert ada.send(f"{path}/design", **design, washout_days="0", sitting_cap="").status_code == 200
    shown = ada.get(f"{path}?step=lock").text
    assert "rules@A" in shown
    refused = ada.send(f"{path}/move", act="lock", name="blind")
    assert (refused.status_code, "not the name" in refused.json()["error"]) == (400, True)
    assert ada.send(f"{path}/move", act="lock", name="blind1").status_code == 200
    assert re.search(r"<code>[0-9a-f]{64}</code>", ada.get(f"{path}?step=lock").text)
    late = ada.send(f"{path}/arms", name="late", reader="protocol", modality="signal")
    assert (late.status_code, "it is locked" in late.json()["error"]) == (409, True)
    assert ada.send(f"{path}/sign", meaning="design approved", password=WORD).status_code == 200
    assert "Ada Min: design approved" in ada.get(f"{path}?step=overview").text
    assert ada.send(f"{path}/move", act="start").status_code == 200
    assert "0 of 2" in rita.get("/rate").text


def test_recordings_are_taken_all_or_none(ada: Person, recordings: list[Path]) -> None:
    path = new_study(ada)
    bad = [*uploads(recordings), ("files", ("photo.csv", b"\x00\x01 no recording"))]
    answer = ada.send(f"{path}/cases", files=bad)
    assert (answer.status_code, "photo.csv" in answer.json()["error"]) == (400, True)
    assert "0 cases" in ada.get(path).text
    table = "path,name,patient,practice,labels\nr0.hea,one,p1,no,LBBB\nr1.hea,two,p1,yes,\n"
    files = [*uploads(recordings), ("table", ("cases.csv", table.encode()))]
    assert ada.send(f"{path}/cases", files=files).status_code == 200
    page = ada.get(f"{path}?step=cases").text
    assert "1 cases, 1 practice" in page
    assert "complete left bundle branch block" in page
    key = re.search(rf"{path}/cases/([\w-]+)/remove", page)
    assert key
    assert ada.send(f"{path}/cases/{key.group(1)}/remove").status_code == 200
    assert ada.send(f"{path}/cases/{key.group(1)}/remove").status_code == 404
    assert ada.send(f"{path}/cases").json()["error"].startswith("Files of recordings: there are no files")


def test_readings_from_elsewhere_are_imported_and_screened(ada: Person, recordings: list[Path]) -> None:
    path = new_study(ada)
    ada.send(f"{path}/cases", files=uploads(recordings))
    ada.send(f"{path}/arms", name="other", reader="elsewhere", reader_name="gem", modality="image")
    ada.send(f"{path}/design", stages="2", allocation="fully_crossed", screening="flag")
    text = "<think>**Step 1: Technical, Rate & Rhythm**\nThe image shows a regular rhythm, says GEM.</think>In sum."
    rows = "".join(json.dumps({"case": f"r{n}", "text": text}) + "\n" for n in (0, 1))
    nameless = ada.send(f"{path}/outputs", files=[("file", ("r.jsonl", rows.encode()))])
    assert (nameless.status_code, "names no arm" in nameless.json()["error"]) == (400, True)
    named = ada.send(f"{path}/outputs", files=[("file", ("r.jsonl", rows.encode()))], arm="other")
    assert named.status_code == 200
    page = ada.get(f"{path}?step=outputs").text
    assert "2 of 2 readings are there" in page
    assert "<mark" in page
    assert ada.send(f"{path}/screen", output="all", act="mask", reason="").status_code == 400
    assert ada.send(f"{path}/screen", output="all", act="mask", reason="says picture").status_code == 200
    assert "No reading waits" in ada.get(f"{path}?step=outputs").text


def test_a_rubric_of_ones_own_is_used(ada: Person) -> None:
    path = new_study(ada)
    text = ada.get(f"{path}/rubric.yaml").text
    assert "diagnosis_accuracy" in text
    own = text.replace("Diagnosis accuracy", "How right it is")
    assert ada.send(f"{path}/rubric", files=[("file", ("own.yaml", own.encode()))]).status_code == 200
    assert "How right it is" in ada.get(f"{path}?step=rubric").text
    broken = ada.send(f"{path}/rubric", files=[("file", ("own.yaml", b"scales: 3"))])
    assert (broken.status_code, "own.yaml" in broken.json()["error"]) == (400, True)


@pytest.mark.parametrize("change", [{"stages": "3"}, {"duplicate_share": "2"}, {"allocation": "blocks"}, {"seed": "x"}])
def test_a_design_that_cannot_be_is_one_sentence(ada: Person, change: dict[str, str]) -> None:
    path = new_study(ada)
    usual = {"stages": "2", "allocation": "fully_crossed", "screening": "mask", "seed": "7"}
    answer = ada.send(f"{path}/design", **(usual | change))
    assert (answer.status_code, answer.json()["error"].startswith("design: ")) == (400, True)


def test_power_is_simulated(tmp_path: Path) -> None:
    world = simulated_study.build(tmp_path / "s.sqlite", raters=2, cases=4)
    app = study_app(tmp_path / "s.sqlite", tmp_path)
    investigator = logged_in(app, "investigator")
    path = f"/studies/{study_key(world)}"
    assert investigator.send(f"{path}/power", difference="0.5").status_code == 200
    end = time.monotonic() + 60
    while not investigator.get(f"{path}/job/power", headers=JSON).json()["ended"]:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert re.search(
        r"Power \d+% \(± [\d.]+% of simulation\) with 2 raters and 4 cases", investigator.get(f"{path}?step=lock").text
    )
    odd = investigator.send(f"{path}/power", difference="much")
    assert odd.status_code == 400
    app.state.site.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[FastAPI, simulated_study.World]]:
    world = running_study(tmp_path / "run.sqlite")
    made = study_app(tmp_path / "run.sqlite", tmp_path)
    yield made, world
    made.state.site.close()


def test_raters_and_strangers_find_no_study(running: tuple[FastAPI, simulated_study.World]) -> None:
    app, world = running
    path = f"/studies/{study_key(world)}"
    gets = (
        path,
        f"{path}?step=arms",
        f"{path}/audit",
        f"{path}/audit.jsonl",
        f"{path}/rubric.yaml",
        f"{path}/job/generate",
    )
    acts: dict[str, dict[str, Any]] = {
        "cases": {}, "arms": {"name": "x", "reader": "protocol", "modality": "signal"}, "generate": {"act": "start"},
        "screen": {"output": "all", "act": "mask", "reason": "x"}, "people": {"name": "rater1", "role": "auditor"},
        "design": {"stages": "2", "allocation": "fully_crossed", "screening": "mask"}, "power": {},
        "move": {"act": "close", "reason": "x"}, "withdraw": {"user": "x", "reason": "x"},
    }  # fmt: skip
    for name in ("rater1", "judge"):
        person = logged_in(app, name)
        nothing = person.get("/studies/AAAA", headers=JSON)
        for one in gets:
            answer = person.get(one, headers=JSON)
            assert (answer.status_code, answer.json()) == (nothing.status_code, nothing.json()), one
        for act, fields in acts.items():
            files = [("files", ("a.csv", b"x"))] if act == "cases" else None
            assert person.send(f"{path}/{act}", files=files, **fields).status_code in (400, 404), act
        assert "simulated" not in person.get("/studies").text
        assert person.get("/people").status_code == 404
        assert person.send("/people/invite", name="eve", full_name="Eve").status_code == 404
    with world.database.reading() as session:
        from annotations.tables import Study

        assert session.query(Study).one().state == "running"


def test_an_auditor_sees_progress_and_trail_and_changes_nothing(running: tuple[FastAPI, simulated_study.World]) -> None:
    app, world = running
    auditor = logged_in(app, "auditor")
    path = f"/studies/{study_key(world)}"
    page = auditor.get(path).text
    assert "rater1" in page
    assert "zanzibar-arm" not in page
    assert auditor.send(f"{path}/move", act="close", reason="x").status_code == 404
    told = auditor.client.post(f"{path}/audit", data={"csrf": auditor.csrf}).text
    assert "Intact:" in told
    lines = [json.loads(line) for line in auditor.get(f"{path}/audit.jsonl").text.splitlines()]
    assert lines[-1]["kind"] == "study.running"
    assert {"sequence", "sha256", "previous_sha256", "actor"} <= set(lines[0])


def test_a_broken_trail_is_named(running: tuple[FastAPI, simulated_study.World]) -> None:
    app, world = running
    with world.database.engine.connect() as connection:
        for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='trigger'").all():
            connection.exec_driver_sql(f'DROP TRIGGER "{row[0]}"')
        connection.exec_driver_sql("UPDATE events SET subject = 'x' WHERE sequence = 9")
        connection.commit()
    auditor = logged_in(app, "auditor")
    told = auditor.client.post(f"/studies/{study_key(world)}/audit", data={"csrf": auditor.csrf}).text
    assert "Not intact: event 9" in told


def test_a_rater_is_withdrawn_and_the_study_closed_and_unblinded(
    running: tuple[FastAPI, simulated_study.World],
) -> None:
    app, world = running
    investigator = logged_in(app, "investigator")
    path = f"/studies/{study_key(world)}"
    page = investigator.get(f"{path}?step=overview").text
    user = re.search(r'name="user" value="([\w-]+)"', page)
    assert user
    assert investigator.send(f"{path}/withdraw", user=user.group(1), reason="").status_code == 400
    assert investigator.send(f"{path}/withdraw", user=user.group(1), reason="moved away").status_code == 200
    assert "withdrawn" in investigator.get(f"{path}?step=overview").text
    early = investigator.send(f"{path}/move", act="unblind", name="simulated", reason="now")
    assert early.status_code == 409
    assert investigator.send(f"{path}/move", act="close", reason="all done").status_code == 200
    assert investigator.send(f"{path}/move", act="unblind", name="simulated", reason="now").status_code == 200
    assert f"/results/{study_key(world)}" in investigator.get(f"{path}?step=overview").text


def test_people_are_invited_again_and_closed(app: FastAPI, ada: Person) -> None:
    rita = invited(app, ada, "rita")
    page = ada.get("/people").text
    key = re.search(r"/people/([\w-]+)/again", page)
    assert key
    twice = ada.send("/people/invite", name="rita", full_name="Other")
    assert (twice.status_code, "account of this name" in twice.json()["error"]) == (400, True)
    again = ada.send(f"/people/{key.group(1)}/again")
    assert "/accept?token=" in again.text
    assert rita.get("/account").status_code == 303
    assert ada.send(f"/people/{key.group(1)}/close", reason="").status_code == 400
    assert ada.send(f"/people/{key.group(1)}/close", reason="left").status_code == 200
    assert "closed" in ada.get("/people").text
