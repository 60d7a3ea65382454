"""Signing without a password: who one is, confirmed at the provider just before, for one signature."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from oidc_kit import CLIENT, SECRET, Provider, provider
from pydantic import SecretStr
from sqlalchemy import select
from study_kit import PASSWORD, World, logged_in, running_study, study_key
from web_kit import HOST, Person, study_app

from annotations import accounts
from annotations.tables import Event, Login, Signature, User

DESIGN = "design approved"


@pytest.fixture
def at() -> Iterator[Provider]:
    with provider() as made:
        made.redirect, made.person = f"{HOST}/oidc/back", {"sub": "ina"}
        yield made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A running study whose investigator has no password but an invitation."""
    made = running_study(tmp_path / "study.sqlite", raters=1, cases=1, duplicate_share=0)
    yield made
    made.database.close()


@pytest.fixture
def app(tmp_path: Path, world: World, at: Provider) -> Iterator[FastAPI]:
    settings = {"oidc_issuer": at.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SecretStr(SECRET)}
    made = study_app(tmp_path / "study.sqlite", tmp_path, public_url=HOST, oidc_name="North Clinic", **settings)
    yield made
    made.state.site.close()


def through(person: Person, path: str) -> Any:
    begun = person.get(path)
    assert begun.status_code == 303, begun.text
    back = httpx.get(begun.headers["location"]).headers["location"]
    return person.get(back.removeprefix(HOST))


def invited_again(app: FastAPI, name: str) -> str:
    """Take the password away; return where the new invitation leads to the provider."""
    admin = logged_in(app, "admin")
    with app.state.site.database.reading() as session:
        key = accounts.user_named(session, name).key
    page = admin.send(f"/people/{key}/again").text
    return f"/oidc/start?invitation={page.split('accept?token=')[1].split(chr(34))[0]}"


@pytest.fixture
def ina(app: FastAPI) -> Person:
    """The investigator, who has taken up a new invitation at the provider."""
    person = Person(app)
    assert through(person, invited_again(app, "investigator")).status_code == 303
    return person


@pytest.fixture
def study(world: World) -> str:
    return f"/studies/{study_key(world)}"


def signatures(app: FastAPI) -> list[str]:
    with app.state.site.database.reading() as session:
        return list(session.scalars(select(Signature.meaning).order_by(Signature.id)))


def refused(app: FastAPI, answer: Any) -> str:
    assert (answer.status_code, signatures(app)) == (403, [])
    return str(answer.json()["error"])


def test_without_a_password_one_signs_once_confirmed(app: FastAPI, at: Provider, ina: Person, study: str) -> None:
    page = ina.get(f"{study}?step=overview").text
    assert 'name="password"' not in page
    assert f'href="/oidc/confirm?next={study}%3Fstep%3Doverview"' in page
    assert "neither a password was given nor" in refused(app, ina.send(f"{study}/sign", meaning=DESIGN))

    answer = through(ina, f"/oidc/confirm?next={study}%3Fstep%3Doverview")
    assert (at.asked[-1]["prompt"], at.asked[-1]["max_age"]) == ("login", "0")
    assert answer.headers["location"] == f"{study}?step=overview"
    page = ina.get(f"{study}?step=overview").text
    assert "You have confirmed who you are" in page
    assert 'name="password"' not in page

    assert ina.send(f"{study}/sign", meaning=DESIGN).status_code == 200
    again = ina.send(f"{study}/sign", meaning="results approved")
    assert (again.status_code, signatures(app)) == (403, [DESIGN])
    with app.state.site.database.reading() as session:
        kinds = session.scalars(select(Event).order_by(Event.sequence.desc()).limit(2)).all()
    assert [one.kind for one in kinds] == ["study.signed", "login.confirmed"]
    assert json.loads(kinds[0].content)["proof"] == "identity provider"


@pytest.mark.parametrize("told", [{"auth_time": None}, {"auth_time": int(time.time()) - 300}, {"auth_time": "now"}])
def test_an_old_log_in_at_the_provider_confirms_nothing(
    app: FastAPI, at: Provider, ina: Person, study: str, told: dict[str, Any]
) -> None:
    at.changed = told
    answer = through(ina, "/oidc/confirm")
    assert (answer.status_code, "its answer cannot be used" in answer.text) == (503, True)
    refused(app, ina.send(f"{study}/sign", meaning=DESIGN))


@pytest.mark.parametrize("known_here", [False, True])
def test_somebody_else_at_the_provider_confirms_nothing(
    app: FastAPI, at: Provider, ina: Person, study: str, known_here: bool
) -> None:
    at.person = {"sub": "somebody else"}
    if known_here:
        assert through(Person(app), invited_again(app, "rater1")).status_code == 303
    answer = through(ina, "/oidc/confirm?next=https://evil.example")
    assert (answer.status_code, "somebody else is logged in there than here" in answer.text) == (403, True)
    assert "evil.example" not in answer.text
    refused(app, ina.send(f"{study}/sign", meaning=DESIGN))


def test_logging_in_is_no_confirmation(app: FastAPI, at: Provider, ina: Person, study: str) -> None:
    ina.send("/logout")
    assert through(ina, "/oidc/start").status_code == 303
    refused(app, ina.send(f"{study}/sign", meaning=DESIGN))


def test_a_confirmation_is_for_one_log_in_and_five_minutes(app: FastAPI, ina: Person, study: str) -> None:
    other = Person(app)
    assert through(other, "/oidc/start").status_code == 303
    assert through(ina, "/oidc/confirm").status_code == 303
    refused(app, other.send(f"{study}/sign", meaning=DESIGN))
    with app.state.site.database.writing() as session:
        login = session.scalars(select(Login).where(Login.confirmed_at.is_not(None))).one()
        login.confirmed_at -= timedelta(minutes=5, seconds=1)
    refused(app, ina.send(f"{study}/sign", meaning=DESIGN))
    assert "You have confirmed" not in ina.get(f"{study}?step=overview").text


def test_a_log_in_that_changed_in_between_is_not_confirmed(app: FastAPI, ina: Person, study: str) -> None:
    begun = ina.get("/oidc/confirm")
    back = httpx.get(begun.headers["location"]).headers["location"].removeprefix(HOST)
    ina.log_in("rater1", f"{PASSWORD} of rater1")
    answer = ina.get(back)
    assert (answer.status_code, "your log-in here has changed" in answer.text) == (403, True)
    with app.state.site.database.reading() as session:
        assert session.scalars(select(Login).where(Login.confirmed_at.is_not(None))).all() == []


def test_nobody_confirms_without_a_log_in(app: FastAPI) -> None:
    answer = Person(app).get("/oidc/confirm?next=/rate")
    assert answer.headers["location"] == "/login?next=%2Foidc%2Fconfirm%3Fnext%3D%2Frate"


def test_who_has_a_password_signs_with_it_or_either_way(app: FastAPI, at: Provider, world: World, study: str) -> None:
    with app.state.site.database.writing() as session:
        session.scalars(select(User).where(User.name == "investigator")).one().name = "ina@north.example"
    person = Person(app)
    person.log_in("ina@north.example", f"{PASSWORD} of investigator")
    page = person.get(f"{study}?step=overview").text
    assert ('name="password"' in page, "/oidc/confirm" in page) == (True, False)
    at.person = {"sub": "ina", "email": "ina@north.example", "email_verified": True}
    assert through(Person(app), "/oidc/start").status_code == 303  # which links the two
    page = person.get(f"{study}?step=overview").text
    assert ('name="password"' in page, "/oidc/confirm" in page) == (True, True)
    wrong = person.send(f"{study}/sign", meaning=DESIGN, password="not it")
    assert "it is not yours" in refused(app, wrong)
    signed = person.send(f"{study}/sign", meaning=DESIGN, password=f"{PASSWORD} of investigator")
    assert (signed.status_code, signatures(app)) == (200, [DESIGN])


def test_with_single_sign_on_turned_off_a_password_is_needed(
    tmp_path: Path, app: FastAPI, ina: Person, study: str
) -> None:
    app.state.site.sign_on = None
    page = ina.get(f"{study}?step=overview").text
    assert "You have no password to sign with" in page
    assert ">Sign<" not in page


def test_a_rater_signs_the_ratings_the_same_way(app: FastAPI, at: Provider, world: World, study: str) -> None:
    at.person = {"sub": "rita"}
    rita, queue = Person(app), f"/rate/study/{study_key(world)}"
    through(rita, invited_again(app, "rater1"))
    assert through(rita, f"/oidc/confirm?next={queue}").headers["location"] == queue
    assert rita.send(f"{queue}/sign").status_code == 200
    assert signatures(app) == ["ratings complete"]
