"""Single sign-on against a real provider on this machine: who comes in, and who does not."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from oidc_kit import Provider
from oidc_site import (
    MAIL,
    RITA,
    WORD,
    close_account,
    database_of,
    events,
    invite,
    is_in,
    refused,
    site,
    through,
    to_provider,
)
from sqlalchemy import select
from web_kit import Person

from annotations import accounts
from annotations.policy import Acting
from annotations.tables import Identity, Login
from ecgr1_core.errors import InputError
from ecgr1_core.settings import Settings
from ui.web.sign_on import sign_on_of
from ui.web.site import Site
from ui.web.visits import COOKIE


def test_without_its_settings_there_is_no_single_sign_on(tmp_path: Path, app: FastAPI, at: Provider) -> None:
    assert "Log in with North Clinic" in Person(app).get("/login").text
    without = Person(app)
    app.state.site = Site(Settings(data_dir=tmp_path))  # whose database has the same place
    assert "/oidc/" not in without.get("/login").text
    assert [without.get(f"/oidc/{path}").status_code for path in ("start", "confirm", "back")] == [404] * 3
    assert at.paths == [], "the provider is asked only when somebody wants to log in"


def test_a_verified_address_that_is_the_name_of_an_account_lets_in(app: FastAPI, at: Provider) -> None:
    at.person["email"] = MAIL.upper()
    rita = Person(app)
    begun = rita.get("/oidc/start?next=/account")
    cookie = begun.headers["set-cookie"].lower()
    assert all(each in cookie for each in ("httponly", "samesite=lax", "path=/oidc", "max-age=600"))
    answer = through(rita, "/oidc/start?next=/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert "Dr Rita@North.Example" in rita.get("/account").text
    assert "prompt" not in at.asked[0]
    assert [(kind, subject) for kind, subject, _ in events(app)][-2:] == [
        ("account.linked", MAIL),
        ("login.made", MAIL),
    ]
    assert events(app)[-1][2] == {"by": at.issuer}


def test_once_linked_the_subject_counts_and_the_address_does_not(app: FastAPI, at: Provider) -> None:
    assert through(Person(app)).status_code == 303
    at.person.update(email="rita.two@south.example", email_verified=False)
    later = Person(app)
    assert through(later).status_code == 303
    assert is_in(later)
    at.person = {"sub": "another", "email": MAIL, "email_verified": True}
    stranger = Person(app)
    refused(through(stranger), stranger, status=403, words="no account here that you can use this way")


def test_an_invitation_is_taken_up_whatever_the_address(app: FastAPI, at: Provider) -> None:
    at.person = {"sub": "77"}
    token = invite(app, "ina")
    ina = Person(app)
    link = f"/oidc/start?invitation={token}"
    assert link in ina.get(f"/accept?token={token}").text
    assert through(ina, link).status_code == 303
    assert "Dr Ina" in ina.get("/account").text
    assert ina.get(f"/accept?token={token}").status_code == 404
    at.person = {"sub": "78"}
    thief = Person(app)
    refused(through(thief, link), thief, status=403, words="no account here that you can use this way")
    again = Person(app)
    at.person = {"sub": "77"}
    assert through(again).status_code == 303


def test_a_new_invitation_unlinks(app: FastAPI, at: Provider) -> None:
    at.person = {"sub": "77"}
    through(Person(app), f"/oidc/start?invitation={invite(app, 'ina')}")
    with database_of(app).writing() as session:
        acting = Acting(session, accounts.user_named(session, "ada"), datetime.now(UTC))
        accounts.invite_again(acting, accounts.user_named(session, "ina"))
    ina = Person(app)
    refused(through(ina), ina, status=403, words="does not vouch for your e-mail")
    with database_of(app).reading() as session:
        assert session.scalars(select(Identity)).all() == []


def test_somebody_who_has_an_account_cannot_take_up_the_invitation_of_another(app: FastAPI, at: Provider) -> None:
    through(Person(app))
    rita = Person(app)
    answer = through(rita, f"/oidc/start?invitation={invite(app, 'ina')}")
    refused(answer, rita, status=403, words="no account here that you can use this way")


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_that_is_not_verified_is_none(app: FastAPI, at: Provider, verified: object) -> None:
    at.person["email_verified"] = verified
    rita = Person(app)
    refused(through(rita), rita, status=403, words="does not vouch for your e-mail address")


def test_a_letter_that_looks_alike_is_another_address(app: FastAPI, at: Provider) -> None:
    invite(app, "karl@north.example")
    at.person["email"] = "\u212aarl@north.example"  # the Kelvin sign, whose lower case is k
    eve = Person(app)
    refused(through(eve), eve, status=403, words="no account here")


def test_unknown_and_closed_accounts_get_the_same_sentence(app: FastAPI, at: Provider) -> None:
    at.person = {"sub": "9", "email": "nobody@north.example", "email_verified": True}
    unknown = through(Person(app))
    at.person = dict(RITA)
    close_account(app, MAIL)
    closed = Person(app)
    answer = through(closed)
    refused(answer, closed, status=403, words="no account here that you can use this way")
    assert answer.text == unknown.text
    told = [(subject, content["because"]) for kind, subject, content in events(app) if kind == "login.refused"]
    assert told == [("nobody@north.example", "no account"), (MAIL, "the account is closed")]


def test_an_account_that_is_closed_after_linking_is_refused(app: FastAPI, at: Provider) -> None:
    inside = Person(app)
    through(inside)
    close_account(app, MAIL)
    assert not is_in(inside)
    rita = Person(app)
    refused(through(rita), rita, status=403, words="no account here that you can use this way")


def test_an_answer_is_used_once(app: FastAPI, at: Provider) -> None:
    rita = Person(app)
    back = to_provider(rita)
    assert rita.get(back).status_code == 303
    rita.client.cookies.delete(COOKIE)
    refused(rita.get(back), rita, status=403, words="is used up")


def test_an_answer_is_good_in_the_browser_that_asked_only(app: FastAPI, at: Provider) -> None:
    rita, eve = Person(app), Person(app)
    back = to_provider(rita)
    refused(eve.get(back), eve, status=403, words="in another browser")
    refused(rita.get(back), rita, status=403, words="is used up")
    eve.get("/oidc/start")  # a cookie of one's own for another attempt helps no more
    refused(eve.get(to_provider(rita)), eve, status=403, words="in another browser")


@pytest.mark.parametrize("query", ["", "?code=x", "?code=x&state=", "?code=x&state=guessed", "?error=x&state=%00"])
def test_an_answer_that_nobody_asked_for_is_refused(app: FastAPI, at: Provider, query: str) -> None:
    eve = Person(app)
    refused(eve.get(f"/oidc/back{query}"), eve, status=403, words="start again from the log-in page")
    assert at.paths == []


def test_an_attempt_ends_after_ten_minutes(app: FastAPI, at: Provider) -> None:
    rita = Person(app)
    back = to_provider(rita)
    attempts = app.state.site.sign_on.attempts
    attempts.clock = lambda: time.monotonic() + 601
    refused(rita.get(back), rita, status=403, words="begun too long ago")
    assert through(rita).status_code == 303
    assert attempts._open == {}


def test_attempts_that_nobody_ends_do_not_pile_up(app: FastAPI, at: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.web.sign_on.MOST_ATTEMPTS", 3)
    people = [Person(app) for _ in range(5)]
    backs = [to_provider(person) for person in people]
    assert len(app.state.site.sign_on.attempts._open) == 3
    assert [person.get(back).status_code for person, back in zip(people, backs, strict=True)] == [
        403,
        403,
        303,
        303,
        303,
    ]


def test_two_tabs_do_not_disturb_each_other(app: FastAPI, at: Provider) -> None:
    rita = Person(app)
    first, second = to_provider(rita, "/oidc/start?next=/rate"), to_provider(rita, "/oidc/start?next=/account")
    assert rita.get(first).headers["location"] == "/rate"
    assert rita.get(second).headers["location"] == "/account"


@pytest.mark.parametrize(
    "next_page", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/%0d%0aX: y", "%09//x"]
)
def test_it_never_leads_to_another_site(app: FastAPI, at: Provider, next_page: str) -> None:
    rita = Person(app)
    answer = through(rita, f"/oidc/start?next={next_page}")
    assert answer.headers["location"] == "/"
    assert rita.get(f"/oidc/start?next={next_page}").headers["location"] == "/"


def test_somebody_who_goes_back_at_the_provider_is_told(app: FastAPI, at: Provider) -> None:
    rita = Person(app)
    state = to_provider(rita).split("state=")[1].split("&")[0]
    answer = rita.get(f"/oidc/back?error=access_denied&error_description=<script>&state={state}")
    refused(answer, rita, status=403, words="North Clinic: it did not let you in, or you went back")
    assert "<script>" not in answer.text.split("<main")[1]


def test_over_https_its_cookie_never_travels_otherwise(tmp_path: Path, app: FastAPI, at: Provider) -> None:
    made = site(app, tmp_path, at, public_url="https://ecg.example.org/")
    begun = Person(made).get("/oidc/start")
    assert "secure" in begun.headers["set-cookie"].lower()
    assert "redirect_uri=https%3A%2F%2Fecg.example.org%2Foidc%2Fback&" in begun.headers["location"]


def test_without_a_public_address_only_this_machine_is_believed(tmp_path: Path, app: FastAPI, at: Provider) -> None:
    made = site(app, tmp_path, at, public_url=None)
    assert Person(made).get("/oidc/start", headers={"host": "evil.example"}).status_code == 400
    here = Person(made).get("/oidc/start", headers={"host": "127.0.0.1:7860"})
    assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A7860%2Foidc%2Fback&" in here.headers["location"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"oidc_issuer": "https://a.example"}, "ECGR1_OIDC_CLIENT_ID is not set"),
        ({"oidc_client_id": "x"}, "ECGR1_OIDC_ISSUER is not set"),
        ({"oidc_client_secret": "x"}, "ECGR1_OIDC_ISSUER is not set"),
        ({"oidc_issuer": "http://a.example", "oidc_client_id": "x"}, "http://a.example is no https address"),
        ({"oidc_issuer": "a.example", "oidc_client_id": "x"}, "a.example is no https address"),
        ({"oidc_issuer": "https://a.example", "oidc_client_id": "x", "host": "0.0.0.0"}, "ECGR1_PUBLIC_URL is not set"),
    ],
)
def test_incomplete_settings_are_one_sentence_at_the_start(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as told:
        sign_on_of(Settings(**given))
    assert str(told.value).count(". ") == 0


def test_a_person_who_signs_on_is_active_and_has_no_form_for_a_password(app: FastAPI, at: Provider) -> None:
    rita = Person(app)
    through(rita)
    assert "Present password" not in rita.get("/account").text
    ada = Person(app)
    ada.log_in("ada", WORD)
    assert "Present password" in ada.get("/account").text
    row = ada.get("/people").text.split(MAIL)[1].split("</tr>")[0]
    assert "active" in row
    ada.send("/logout")
    assert "At North Clinic you may still be logged in" in ada.get("/login?told=out").text


def test_an_idle_log_in_by_the_provider_ends_too(app: FastAPI, at: Provider) -> None:
    rita = Person(app)
    through(rita)
    with database_of(app).writing() as session:
        session.scalars(select(Login)).one().last_seen_at -= timedelta(minutes=121)
    assert not is_in(rita)
