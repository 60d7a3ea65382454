"""Single sign-on by OpenID Connect: to the provider and back, to log in, to take up an invitation, or before signing.

What the provider says is judged by `ui.web.openid`, who may come in by `annotations.accounts_provider`; here a browser
is sent there, known again when it comes back, and led on within this site.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from annotations import accounts_provider
from annotations.accounts import LoginRefusedError
from annotations.policy import Acting
from ui import strings_web as words
from ui.web.guard import status_of
from ui.web.openid import Person, ProviderError
from ui.web.pages import own_path, page
from ui.web.sign_on import ATTEMPT_S, Attempt, SignOn
from ui.web.site import Site, site_of
from ui.web.visits import AVisit, Visit, set_login, utc_now, visit_of

router = APIRouter()
COOKIE_PATH = "/oidc"

logger = logging.getLogger(__name__)


def sign_on(request: Request) -> SignOn:
    """Return single sign-on; there is no such page where it is off. For `Depends`."""
    found = site_of(request).sign_on
    if found is None:
        raise HTTPException(404)
    return found


ASignOn = Annotated[SignOn, Depends(sign_on)]


@router.get("/oidc/start")
def start(request: Request, sso: ASignOn, next: str = "/rate", invitation: str = "") -> Response:
    """Send the browser to the provider to log in; who is logged in already goes on at once."""
    if not site_of(request).exists():
        return RedirectResponse("/login", status_code=303)  # which leads to making the first administrator
    if not invitation and visit_of(request) is not None:
        return RedirectResponse(own_path(next), status_code=303)
    return _to_provider(request, sso, next=next, invitation=invitation)


@router.get("/oidc/confirm")
def start_confirming(request: Request, sso: ASignOn, visit: AVisit, next: str = "/rate") -> Response:
    """Send somebody who is to sign to the provider, to prove there anew who they are."""
    return _to_provider(request, sso, next=next, confirms=visit.csrf)


@router.get("/oidc/back")
def come_back(request: Request, sso: ASignOn) -> Response:
    """Take in what the provider says of the person whose browser it sends back, and lead on, or say why not."""
    state, again, where = request.query_params.get("state", ""), words.LOG_IN, "/login"
    try:
        attempt = sso.attempts.take(state, request.cookies.get(_cookie(state), ""))
        if attempt.confirms:
            again, where = words.BACK, attempt.next
        else:
            where = f"/login?{urlencode({'next': attempt.next})}"
        response = _taken_in(request, sso, attempt)
    except (LoginRefusedError, ProviderError) as error:
        response = page(request, "message.html", visit=visit_of(request), status=status_of(error),
                        title=words.NOT_DONE, sentence=str(error), where=where, again=again)  # fmt: skip
    if _cookie(state) in request.cookies:
        response.delete_cookie(_cookie(state), path=COOKIE_PATH)
    return response


def _taken_in(request: Request, sso: SignOn, attempt: Attempt) -> Response:
    """Return the way on, once the provider's answer is believed and whom it names may come in or sign."""
    said, site = request.query_params, site_of(request)
    sso.openid.check_issuer(said.get("iss"))
    if "error" in said or not said.get("code"):
        logger.warning("the identity provider sends somebody back with the error %.80r", said.get("error"))
        raise LoginRefusedError(sso.name, words.PROVIDER_REFUSED, words.PROVIDER_REFUSED_REMEDY)
    person = sso.openid.person(
        said["code"],
        redirect=sso.redirect(str(request.base_url)),
        nonce=attempt.nonce,
        verifier=attempt.verifier,
        now=utc_now().timestamp(),
        proved_since=attempt.began_at if attempt.confirms else None,
    )
    response = RedirectResponse(attempt.next, status_code=303)
    if attempt.confirms:
        _confirm(request, attempt, person)
    else:
        set_login(response, site, _logged_in(site, attempt, person), site.rules)
    return response


def ways_to_log_in(site: Site, **query: str) -> tuple[tuple[str, str], ...]:
    """Return the ways other than a password, as the words on a button and where it leads."""
    if site.sign_on is None:
        return ()
    return ((words.LOG_IN_AT.format(name=site.sign_on.name), f"/oidc/start?{urlencode(query)}"),)


@dataclass(frozen=True)
class WaysToSign:
    """How somebody can prove who they are before signing: `provider` is its name, "" where it does not know them."""

    password: bool
    provider: str
    confirmed: bool


def ways_to_sign(acting: Acting, visit: Visit) -> WaysToSign:
    """Return the ways to sign of the person who is logged in."""
    sso = visit.site.sign_on
    known = sso is not None and accounts_provider.identity_of(acting.session, acting.user, sso.openid.client.issuer)
    return WaysToSign(
        password=acting.user.password_hash is not None,
        provider=sso.name if sso is not None and known else "",
        confirmed=accounts_provider.is_confirmed(acting, visit.token),
    )


def _to_provider(request: Request, sso: SignOn, **wanted: Any) -> Response:
    site, redirect = site_of(request), sso.redirect(str(request.base_url))
    wanted["next"] = own_path(wanted["next"])
    attempt, word = sso.attempts.begin(utc_now().timestamp(), **wanted)
    address = sso.openid.address(
        redirect=redirect,
        state=attempt.state,
        nonce=attempt.nonce,
        verifier=attempt.verifier,
        again=bool(attempt.confirms),
    )
    response = RedirectResponse(address, status_code=303)
    response.set_cookie(
        _cookie(attempt.state), word, max_age=int(ATTEMPT_S), path=COOKIE_PATH, httponly=True, samesite="lax",
        secure=site.secure,
    )  # fmt: skip
    return response


def _cookie(state: str) -> str:
    """Return the name of an attempt's cookie: each has its own, so that two tabs do not disturb each other."""
    return f"ecgr1_oidc_{state[:8]}"


def _logged_in(site: Site, attempt: Attempt, person: Person) -> str:
    with site.database.writing() as session:
        token = accounts_provider.log_in(
            session,
            issuer=person.issuer,
            subject=person.subject,
            email=person.email,
            now=utc_now(),
            rules=site.rules,
            invitation=attempt.invitation,
        )
    if isinstance(token, LoginRefusedError):
        raise token
    return token


def _confirm(request: Request, attempt: Attempt, person: Person) -> None:
    visit = visit_of(request)
    if visit is None or visit.csrf != attempt.confirms:
        raise LoginRefusedError(words.SIGNATURE, words.OTHER_LOGIN, words.OTHER_LOGIN_REMEDY)
    with visit.database.writing() as session:
        refused = accounts_provider.confirm(
            session, visit.token, issuer=person.issuer, subject=person.subject, now=utc_now(), rules=visit.site.rules
        )
    if refused is not None:
        raise refused
