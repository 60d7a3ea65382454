"""Logging in over HTTP: accounts, cookies, forged requests, and what every page carries."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1]))

from web_kit import Person, study_app

from annotations import accounts
from annotations.database import Database, open_database
from annotations.policy import Acting
from annotations.tables import Event, Login
from ui.web.visits import COOKIE

WORD = "a long enough password"
NEW = "another long password"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    """A site with the administrator ada and the invited rita."""
    made = study_app(tmp_path / "study.sqlite", tmp_path)
    answer = Person(made).client.post(
        "/setup",
        data={"code": "c0de", "name": "ada", "full_name": "Ada Min", "new": WORD, "again": WORD},
        headers={"accept": "application/json"},
    )
    assert answer.json() == {"go": "/login?told=setup"}
    yield made
    made.state.site.close()


@pytest.fixture
def database(app: FastAPI) -> Database:
    found = app.state.site.database
    assert isinstance(found, Database)
    return found


def invitation(database: Database, name: str = "rita") -> str:
    with database.writing() as session:
        acting = Acting(session, accounts.user_named(session, "ada"), datetime.now(UTC))
        return accounts.invite(acting, name=name, full_name="Dr Rita Two")[1]


def test_before_there_is_an_account_every_way_leads_to_the_setup(tmp_path: Path) -> None:
    nobody = Person(study_app(tmp_path / "none.sqlite", tmp_path))
    assert nobody.get("/login").headers["location"] == "/setup"
    wrong = nobody.client.post(
        "/setup",
        data={"code": "guess", "name": "eve", "full_name": "Eve", "new": WORD, "again": WORD},
        headers={"accept": "application/json"},
    )
    assert (wrong.status_code, "terminal" in wrong.json()["error"]) == (403, True)
    assert not (tmp_path / "none.sqlite").exists()


def test_the_setup_is_closed_once_there_is_an_account(app: FastAPI) -> None:
    nobody = Person(app)
    assert nobody.get("/setup").headers["location"] == "/login"
    again = nobody.client.post(
        "/setup",
        data={"code": "c0de", "name": "eve", "full_name": "Eve", "new": WORD, "again": WORD},
        headers={"accept": "application/json"},
    )
    assert again.status_code == 409


def test_logging_in_gives_a_cookie_that_scripts_and_other_sites_cannot_use(app: FastAPI) -> None:
    ada = Person(app)
    answer = ada.log_in("ada", WORD)
    cookie = answer.headers["set-cookie"].lower()
    assert answer.json() == {"go": "/rate"} or answer.json()["go"].startswith("/")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert ada.get("/account").status_code == 200


def test_over_https_the_cookie_never_travels_otherwise(tmp_path: Path, app: FastAPI) -> None:
    made = study_app(tmp_path / "study.sqlite", tmp_path, public_url="https://ecg.example.org")
    assert "secure" in Person(made).log_in("ada", WORD).headers["set-cookie"].lower()


def test_a_wrong_password_is_one_sentence_and_locks_after_five(app: FastAPI) -> None:
    eve = Person(app)
    answers = [eve.log_in("ada", "wrong word") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [403] * 6
    assert "do not go together" in answers[0].json()["error"]
    assert "too many wrong passwords" in answers[5].json()["error"]
    assert "too many" in Person(app).log_in("ada", WORD).json()["error"]


def test_a_page_that_needs_a_log_in_leads_there_and_back(app: FastAPI) -> None:
    nobody = Person(app)
    answer = nobody.get("/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Faccount")
    script = nobody.get("/account", headers={"accept": "application/json"})
    assert (script.status_code, script.json()["login"]) == (401, True)


@pytest.mark.parametrize("next_page", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"])
def test_logging_in_never_leads_to_another_site(app: FastAPI, next_page: str) -> None:
    answer = Person(app).client.post(
        "/login", data={"name": "ada", "password": WORD, "next": next_page}, headers={"accept": "application/json"}
    )
    assert answer.json() == {"go": "/"}


def test_an_invitation_is_taken_up_once(app: FastAPI, database: Database) -> None:
    token = invitation(database)
    rita = Person(app)
    assert "Dr Rita Two" in rita.get(f"/accept?token={token}").text
    fields = {"token": token, "new": NEW, "again": NEW}
    unlike = rita.client.post("/accept", data=fields | {"again": "x"}, headers={"accept": "application/json"})
    assert "not alike" in unlike.json()["error"]
    assert rita.client.post("/accept", data=fields).status_code == 303
    assert rita.get(f"/accept?token={token}").status_code == 404
    assert rita.log_in("rita", NEW).status_code == 200


def test_a_changed_password_ends_every_log_in(app: FastAPI) -> None:
    here, there = Person(app), Person(app)
    here.log_in("ada", WORD)
    there.log_in("ada", WORD)
    refused = here.send("/account", old="not it", new=NEW, again=NEW)
    assert refused.status_code == 403
    assert here.send("/account", old=WORD, new=NEW, again=NEW).json() == {"go": "/login?told=changed"}
    assert there.get("/account").status_code == 303
    assert Person(app).log_in("ada", NEW).status_code == 200


def test_a_password_that_is_too_old_must_be_changed(tmp_path: Path, app: FastAPI) -> None:
    database = app.state.site.database
    with database.writing() as session:
        user = accounts.user_named(session, "ada")
        assert user.password_changed_at is not None
        user.password_changed_at -= timedelta(days=91)
    strict = study_app(tmp_path / "study.sqlite", tmp_path, password_days=90)
    ada = Person(strict)
    assert ada.log_in("ada", WORD).json() == {"go": "/password"}
    assert ada.get("/account").status_code == 303
    answer = ada.client.post("/password", data={"name": "ada", "old": WORD, "new": NEW, "again": NEW})
    assert answer.headers["location"] == "/login?told=changed"
    assert ada.log_in("ada", NEW).json()["go"] != "/password"


def test_logging_out_ends_the_log_in_on_the_server_too(app: FastAPI) -> None:
    ada = Person(app)
    ada.log_in("ada", WORD)
    token = ada.client.cookies[COOKIE]
    ada.send("/logout")
    thief = Person(app)
    thief.client.cookies.set(COOKIE, token)
    assert thief.get("/account").status_code == 303


def test_an_idle_log_in_ends_and_a_used_one_does_not(app: FastAPI, database: Database) -> None:
    ada = Person(app)
    ada.log_in("ada", WORD)
    with database.writing() as session:
        login = session.scalars(select(Login)).one()
        login.last_seen_at -= timedelta(minutes=119)
    assert ada.get("/account").status_code == 200
    with database.writing() as session:
        login = session.scalars(select(Login)).one()
        assert datetime.now(UTC) - login.last_seen_at < timedelta(minutes=1)
        login.last_seen_at -= timedelta(minutes=121)
    assert ada.get("/account").status_code == 303


def test_what_another_site_sends_is_refused(app: FastAPI) -> None:
    ada = Person(app)
    ada.log_in("ada", WORD)
    json = {"accept": "application/json"}
    without_word = ada.client.post("/logout", headers=json)
    elsewhere = ada.client.post("/logout", data={"csrf": ada.csrf}, headers=json | {"origin": "https://evil.example"})
    cross = ada.client.post("/logout", data={"csrf": ada.csrf}, headers=json | {"sec-fetch-site": "cross-site"})
    assert [answer.status_code for answer in (without_word, elsewhere, cross)] == [403] * 3
    assert ada.get("/account").status_code == 200


def test_every_page_forbids_frames_other_scripts_and_caches(app: FastAPI) -> None:
    headers = Person(app).get("/login").headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_the_audit_trail_has_the_log_ins(app: FastAPI, database: Database) -> None:
    ada = Person(app)
    ada.log_in("ada", "wrong word")
    ada.log_in("ada", WORD)
    ada.send("/logout")
    with database.reading() as session:
        kinds = session.scalars(select(Event.kind).order_by(Event.sequence)).all()
    assert list(kinds) == ["account.made", "login.failed", "login.made", "login.ended"]


def test_an_older_database_is_one_sentence(tmp_path: Path) -> None:
    from annotations import migrate

    old = open_database(tmp_path / "old.sqlite")
    migrate.upgrade(old, migrate.versions()[0])
    old.close()
    answer = Person(study_app(tmp_path / "old.sqlite", tmp_path)).get("/login")
    assert answer.status_code == 503
    assert "ecgr1 study upgrade" in answer.text


def test_an_unknown_name_in_a_page_is_a_fault_of_ours() -> None:
    from jinja2 import UndefinedError

    from ui.web.pages import environment

    with pytest.raises(UndefinedError):
        environment().from_string("{{ nothing.here }}").render()
