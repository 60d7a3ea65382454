"""A site with single sign-on for tests: its people, and a browser's way to the provider and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from oidc_kit import CLIENT, Provider
from pydantic import SecretStr
from sqlalchemy import select
from web_kit import HOST, Person

from annotations import accounts
from annotations.database import Database
from annotations.policy import Acting
from annotations.tables import Event
from ecgr1_core.settings import Settings
from ui.web.site import Site
from ui.web.visits import COOKIE

WORD = "a long enough password"
MAIL = "rita@north.example"
RITA = {"sub": "248289761001", "email": MAIL, "email_verified": True}


@contextmanager
def opened(built: FastAPI, tmp_path: Path, at: Provider) -> Iterator[FastAPI]:
    """A site with the administrator ada and the invited rita, whose log-in name is her e-mail address."""
    made = site(built, tmp_path, at)
    Person(made).client.post(
        "/setup", data={"code": "c0de", "name": "ada", "full_name": "Ada Min", "new": WORD, "again": WORD}
    )
    invite(made, MAIL)
    yield made
    made.state.site.close()


def site(made: FastAPI, tmp_path: Path, at: Provider, **settings: Any) -> FastAPI:
    """Give the server a site with single sign-on, and the database of this test."""
    given = {"oidc_issuer": at.issuer, "oidc_client_id": CLIENT, "oidc_name": "North Clinic", "public_url": HOST}
    secret = {} if at.secret is None else {"oidc_client_secret": SecretStr(at.secret)}
    database = {"data_dir": tmp_path, "study_database": str(tmp_path / "study.sqlite")}
    made.state.site = Site(Settings(**(database | given | secret | settings)), setup_code="c0de")
    return made


def database_of(app: FastAPI) -> Database:
    found = app.state.site.database
    assert isinstance(found, Database)
    return found


def invite(app: FastAPI, name: str) -> str:
    with database_of(app).writing() as session:
        acting = Acting(session, accounts.user_named(session, "ada"), datetime.now(UTC))
        return accounts.invite(acting, name=name, full_name=f"Dr {name.title()}")[1]


def close_account(app: FastAPI, name: str) -> None:
    with database_of(app).writing() as session:
        acting = Acting(session, accounts.user_named(session, "ada"), datetime.now(UTC))
        accounts.deactivate(acting, accounts.user_named(session, name), "moved away")


def to_provider(person: Person, path: str = "/oidc/start") -> str:
    """Begin, let the provider agree, and return the path by which the browser comes back."""
    begun = person.get(path)
    assert begun.status_code == 303, begun.text
    agreed = httpx.get(begun.headers["location"], follow_redirects=False)
    assert agreed.status_code == 302
    location = agreed.headers["location"]
    assert location.startswith(f"{HOST}/oidc/back?")
    return str(location.removeprefix(HOST))


def through(person: Person, path: str = "/oidc/start") -> Any:
    return person.get(to_provider(person, path))


def is_in(person: Person) -> bool:
    return bool(person.get("/account").status_code == 200)


def events(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    with database_of(app).reading() as session:
        found = session.scalars(select(Event).order_by(Event.sequence)).all()
        return [(one.kind, one.subject, json.loads(one.content)) for one in found]


def refused(answer: Any, person: Person, *, status: int, words: str) -> None:
    """One sentence, no log-in, and nothing of what the provider said."""
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert COOKIE not in answer.cookies
    assert not is_in(person)
