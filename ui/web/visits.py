"""Who asks: the log-in that the browser's cookie names, looked up in the database at every request.

Nothing that a browser sends is believed but the token of its log-in: the acting user comes from it, inside the very
transaction of the act. What is sent must carry a word that only a page of this program, read by the same log-in, can
know (`csrf`), so that no other site can act through a browser that is logged in.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from annotations import accounts
from annotations.accounts import AccountRules
from annotations.database import Database, StorageError
from annotations.policy import Acting
from annotations.tables import Login, User
from ecgr1_core.errors import InputError
from ui.web.site import Site, site_of

COOKIE = "ecgr1_login"
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-ecgr1-csrf"
LARGEST_JSON_BYTES = 1_000_000
SEEN_EVERY = timedelta(seconds=60)


class NotLoggedInError(Exception):
    """The request needs a log-in and has none that holds."""


class ForgedRequestError(InputError):
    """What was sent does not come from a page of this program that the same person has open."""

    def __init__(self) -> None:
        super().__init__("this page", "it is too old, or what was sent came from elsewhere", "load the page again")


@dataclass(frozen=True)
class Visit:
    """One request of somebody who is logged in. `user` is for showing; acts look the user up again."""

    site: Site
    user: User
    token: str

    @property
    def database(self) -> Database:
        """The study database."""
        return self.site.database

    @property
    def csrf(self) -> str:
        """The word that what is sent must carry; it tells nothing of the token."""
        return hmac.new(self.token.encode(), b"csrf", hashlib.sha256).hexdigest()

    @contextmanager
    def writing(self) -> Iterator[Acting]:
        """Yield the act, inside a transaction that writes; `NotLoggedInError` where the log-in has ended meanwhile."""
        now = utc_now()
        with self.database.writing() as session:
            login = accounts.holding(session, self.token, now, self.site.rules)
            if login is None:
                raise NotLoggedInError
            _note(login, now)
            yield Acting(session, login.user, now)

    @contextmanager
    def reading(self) -> Iterator[Acting]:
        """Yield the act, inside a transaction that reads; `NotLoggedInError` where the log-in has ended meanwhile."""
        now = utc_now()
        with self.database.reading() as session:
            user = accounts.who(session, self.token, now, self.site.rules)
            if user is None:
                raise NotLoggedInError
            yield Acting(session, user, now)


def utc_now() -> datetime:
    """Return the time of the request."""
    return datetime.now(UTC)


def visit_of(request: Request) -> Visit | None:
    """Return whose request it is, None without a log-in that holds; a log-in that is used does not go idle."""
    site = site_of(request)
    token = request.cookies.get(COOKIE, "")
    if not token or not site.exists():
        return None
    now = utc_now()
    with site.database.reading() as session:
        login = accounts.holding(session, token, now, site.rules)
    if login is None:
        return None
    if now - login.last_seen_at > SEEN_EVERY:
        with suppress(StorageError), site.database.writing() as session:  # what can still be read is shown
            still = accounts.holding(session, token, now, site.rules)
            if still is not None:
                _note(still, now)
    return Visit(site, login.user, token)


def _note(login: Login, now: datetime) -> None:
    """Keep a log-in from going idle; not at every request, for each is a write."""
    if now - login.last_seen_at > SEEN_EVERY:
        login.last_seen_at = now


def visit(request: Request) -> Visit:
    """Return whose request it is; `NotLoggedInError` without a log-in that holds. For `Depends`."""
    found = visit_of(request)
    if found is None:
        raise NotLoggedInError
    return found


async def sent_form(request: Request) -> FormData:
    """Return the form that was sent. For `Depends`."""
    return await request.form(max_files=5000, max_fields=5000)


async def sent_json(request: Request) -> dict[str, Any]:
    """Return the JSON object that was sent; `InputError` for anything else, and for more than 1 MB. For `Depends`."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_JSON_BYTES:
            raise InputError("what was sent", "it is larger than 1 MB", "shorten the comments")
    try:
        data = json.loads(body or b"null")
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise InputError("what was sent", "it is no JSON object", "load the page again")
    return data


def text_of(form: FormData, name: str) -> str:
    """Return a field of a form as text, "" where it is missing or a file."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class Posted:
    """A form that somebody who is logged in has sent from a page of this program."""

    visit: Visit
    form: FormData

    def text(self, name: str) -> str:
        """Return a field without white space at its ends, "" where it is missing."""
        return text_of(self.form, name).strip()

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all values of a field."""
        return tuple(value for value in self.form.getlist(name) if isinstance(value, str))


@dataclass(frozen=True)
class Called:
    """JSON that somebody who is logged in has sent from a page of this program."""

    visit: Visit
    data: dict[str, Any]


AVisit = Annotated[Visit, Depends(visit)]
AForm = Annotated[FormData, Depends(sent_form)]


def posted(visiting: AVisit, form: AForm) -> Posted:
    """Return a form with who sent it; `ForgedRequestError` without the word of the page. For `Depends`."""
    require_csrf(visiting, text_of(form, CSRF_FIELD))
    return Posted(visiting, form)


def called(request: Request, visiting: AVisit, data: Annotated[dict[str, Any], Depends(sent_json)]) -> Called:
    """Return JSON with who sent it; `ForgedRequestError` without the word of the page. For `Depends`."""
    require_csrf(visiting, request.headers.get(CSRF_HEADER, ""))
    return Called(visiting, data)


APosted = Annotated[Posted, Depends(posted)]
ACalled = Annotated[Called, Depends(called)]


def require_csrf(visiting: Visit, given: str) -> None:
    """Raise `ForgedRequestError` where `given` is not the word of this log-in."""
    if not hmac.compare_digest(visiting.csrf.encode(), given.encode()):
        raise ForgedRequestError


def set_login(response: Response, site: Site, token: str, rules: AccountRules) -> None:
    """Give the browser the token of its log-in, in a cookie that no script can read and no other site can send."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(rules.longest_login.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=site.secure,
    )


def forget_login(response: Response) -> None:
    """Take the token of the log-in from the browser."""
    response.delete_cookie(COOKIE, path="/")
