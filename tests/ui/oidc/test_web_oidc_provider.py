"""What an identity provider may do wrong: answers that are not believed, not waited for, and not shown."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from oidc_kit import CLIENT, SECRET, Provider, new_key
from oidc_site import (
    MAIL,
    WORD,
    events,
    refused,
    site,
    through,
    to_provider,
)
from web_kit import Person

from ui.web import server

OTHER_KEY = new_key()


NOT_BELIEVED: dict[str, dict[str, Any]] = {
    "another nonce": {"changed": {"nonce": "replayed"}},
    "no nonce": {"changed": {"nonce": None}},
    "another audience": {"changed": {"aud": "another-program"}},
    "several audiences without a party": {"changed": {"aud": [CLIENT, "another-program"]}},
    "another party": {"changed": {"aud": [CLIENT, "another-program"], "azp": "another-program"}},
    "another party of ours": {"changed": {"azp": "another-program"}},
    "another issuer": {"changed": {"iss": "https://evil.example"}},
    "expired": {"changed": {"exp": int(time.time()) - 3600}},
    "no expiry": {"changed": {"exp": None}},
    "an expiry that is no time": {"changed": {"exp": "tomorrow"}},
    "of the future": {"changed": {"iat": int(time.time()) + 3600}},
    "no subject": {"changed": {"sub": None}},
    "a subject that is no text": {"changed": {"sub": 248289761001}},
    "an endless subject": {"changed": {"sub": "x" * 256}},
    "unsigned": {"header": {"alg": "none"}},
    "signed with the public key": {"header": {"alg": "HS256"}},
    "another key": {"signs_with": OTHER_KEY},
    "an unknown key": {"signs_with": OTHER_KEY, "header": {"kid": "two"}},
    "its own key": {"signs_with": OTHER_KEY, "header": {"jwk": {"kty": "RSA"}, "kid": None}},
    "something critical": {"header": {"crit": ["b64"], "b64": False}},
}


@pytest.mark.parametrize("how", NOT_BELIEVED)
def test_an_id_token_that_is_not_right_is_not_believed(app: FastAPI, at: Provider, how: str) -> None:
    for name, value in NOT_BELIEVED[how].items():
        setattr(at, name, value)
    rita = Person(app)
    refused(through(rita), rita, status=503, words="North Clinic: its answer cannot be used")
    assert [kind for kind, _, _ in events(app)] == ["account.made", "account.invited"]
    at.changed, at.header, at.signs_with = {}, {}, None
    assert through(rita).status_code == 303, "what is right is believed right after"


def test_several_audiences_with_our_party_are_believed(app: FastAPI, at: Provider) -> None:
    at.changed = {"aud": ["another-program", CLIENT], "azp": CLIENT}
    assert through(Person(app)).status_code == 303


def test_keys_that_the_provider_has_changed_are_read_anew(app: FastAPI, at: Provider) -> None:
    assert through(Person(app)).status_code == 303
    at.key, at.kid = OTHER_KEY, "two"
    assert through(Person(app)).status_code == 303
    at.key = new_key()  # under the same name
    assert through(Person(app)).status_code == 303
    assert at.paths.count("/jwks") == 3
    assert at.paths.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize("query", ["iss=https://evil.example", ""])
def test_an_answer_of_another_provider_is_refused(app: FastAPI, at: Provider, query: str) -> None:
    at.metadata["authorization_response_iss_parameter_supported"] = True
    rita = Person(app)
    back = to_provider(rita).split("&iss=")[0]
    refused(rita.get(f"{back}&{query}"), rita, status=503, words="cannot be used")
    assert "/token" not in at.paths


def test_the_address_may_stand_in_the_user_information(app: FastAPI, at: Provider) -> None:
    at.person = {"sub": "5"}
    at.userinfo = {"sub": "6", "email": MAIL, "email_verified": True}
    eve = Person(app)
    refused(through(eve), eve, status=503, words="cannot be used")
    at.userinfo["sub"] = "5"
    app.state.site.sign_on.openid._kept_until = 0.0
    assert through(Person(app)).status_code == 303


@pytest.mark.parametrize(
    ("secret", "methods"),
    [(SECRET, None), (SECRET, ["client_secret_basic"]), (SECRET, ["client_secret_post"]), (None, ["none"])],
)
def test_it_proves_itself_as_the_provider_wants(
    tmp_path: Path, app: FastAPI, at: Provider, secret: str | None, methods: list[str] | None
) -> None:
    at.secret, at.auth_methods = secret, methods
    assert through(Person(site(app, tmp_path, at))).status_code == 303


def test_a_provider_that_is_down_is_one_sentence(app: FastAPI, at: Provider) -> None:
    sso = app.state.site.sign_on
    sso.openid.client = type(sso.openid.client)("http://127.0.0.1:9", CLIENT, None, "North Clinic")
    rita = Person(app)
    refused(rita.get("/oidc/start"), rita, status=503, words="North Clinic: it does not answer; try again")
    assert Person(app).log_in("ada", WORD).status_code == 200, "passwords work on"


NONSENSE = {
    "no JSON": b"<html>Welcome to the hotel's network</html>",
    "a list": b"[]",
    "nothing": b"",
    "deep": b"[" * 100_000,
    "large": b'{"a":"' + b"x" * 1_100_000 + b'"}',
    "another issuer": b'{"issuer": "https://evil.example"}',
}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks"])
@pytest.mark.parametrize("what", NONSENSE)
def test_a_provider_that_answers_nonsense_is_one_sentence(app: FastAPI, at: Provider, path: str, what: str) -> None:
    at.says[path] = NONSENSE[what]
    rita = Person(app)
    begun = rita.get("/oidc/start")
    answer = begun if path.startswith("/.well") else through(rita)
    refused(answer, rita, status=503, words="North Clinic: its answer cannot be used")


@pytest.mark.parametrize(
    "changed",
    [{"token_endpoint": "http://evil.example/token"}, {"jwks_uri": None}, {"authorization_endpoint": "javascript:x"}],
)
def test_nothing_is_sent_in_the_clear(app: FastAPI, at: Provider, changed: dict[str, Any]) -> None:
    at.metadata |= changed
    rita = Person(app)
    refused(rita.get("/oidc/start"), rita, status=503, words="cannot be used")


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks"])
def test_a_slow_provider_is_not_waited_for(app: FastAPI, at: Provider, path: str) -> None:
    at.hangs[path] = 20.0
    app.state.site.sign_on.openid.timeout_s = 1.0
    rita, began = Person(app), time.monotonic()
    answer = rita.get("/oidc/start") if path.startswith("/.well") else through(rita)
    assert time.monotonic() - began < 10
    refused(answer, rita, status=503, words="North Clinic: it does not answer")


def test_a_provider_that_hangs_leaves_the_pages_of_others_alone(app: FastAPI, tmp_path: Path, at: Provider) -> None:
    """Sixty people come back at once while it hangs; who is logged in gets their page all the same."""
    running = server.listen(app, "127.0.0.1", 0)
    try:
        at.redirect = f"{running.address}oidc/back"
        site(app, tmp_path, at, public_url=running.address)
        app.state.site.sign_on.openid.timeout_s = 3.0
        with httpx.Client(base_url=running.address) as ada, ThreadPoolExecutor(60) as people:
            ada.post("/login", data={"name": "ada", "password": WORD})
            jars = [httpx.Client(base_url=running.address) for _ in range(60)]
            backs = [httpx.get(jar.get("/oidc/start").headers["location"]).headers["location"] for jar in jars]
            at.hangs["/token"] = 4.0
            coming = [people.submit(jar.get, back, timeout=30) for jar, back in zip(jars, backs, strict=True)]
            time.sleep(0.5)
            began = time.monotonic()
            assert ada.get("/account", timeout=30).status_code == 200
            assert time.monotonic() - began < 2.5
            assert at.paths.count("/token") == 0, "they are still waiting"
            told = [each.result() for each in coming]
            for jar in jars:
                jar.close()
    finally:
        running.stop()
    assert {answer.status_code for answer in told} == {503}
    assert sum("it does not answer" in answer.text for answer in told) == 20
    assert sum("too many people log in this way" in answer.text for answer in told) == 40


def test_after_a_fault_the_provider_is_left_in_peace_for_a_moment(app: FastAPI, at: Provider) -> None:
    at.says["/.well-known/openid-configuration"] = b"nonsense"
    people = [Person(app) for _ in range(4)]
    assert [person.get("/oidc/start").status_code for person in people] == [503] * 4
    assert at.paths == ["/.well-known/openid-configuration"]
    at.says.clear()
    app.state.site.sign_on.openid.clock = lambda: time.monotonic() + 6
    assert through(people[0]).status_code == 303


def test_the_log_tells_why_and_no_secret(app: FastAPI, at: Provider, caplog: pytest.LogCaptureFixture) -> None:
    at.changed["nonce"] = "replayed"
    with caplog.at_level(logging.DEBUG):
        through(Person(app))
    assert "the id token has another nonce" in caplog.text
    ours = "\n".join(each.getMessage() for each in caplog.records if not each.name.startswith(("httpcore", "asyncio")))
    verifier_like = [at.tokens[0], SECRET, "the-access-token"]
    assert [each for each in verifier_like if each in ours] == []
    assert SECRET not in repr(app.state.site)
