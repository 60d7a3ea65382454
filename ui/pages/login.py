"""Logging in and out, taking up an invitation, changing one's password, and making the first administrator.

Passwords and tokens are judged by `annotations.accounts`; here they are only carried, and shown nowhere.
"""

from __future__ import annotations

import hmac
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from annotations import accounts
from annotations.accounts import LoginRefusedError, PasswordExpiredError
from annotations.policy import Acting
from ecgr1_core.errors import InputError
from ui import strings_web as words
from ui.pages.oidc import ways_to_log_in
from ui.web.pages import go_on, message, own_path, page
from ui.web.site import Site, site_of
from ui.web.visits import AForm, APosted, AVisit, forget_login, set_login, text_of, utc_now, visit_of

router = APIRouter()
TOLD = {"changed": words.PASSWORD_CHANGED, "accepted": words.ACCEPTED, "out": words.LOGGED_OUT_NOW,
        "setup": words.SETUP_DONE}  # fmt: skip


@router.get("/login")
def show_login(request: Request, next: str = "/rate", told: str = "") -> Response:
    """The log-in page; who is logged in goes on at once, and without any account the first one is made."""
    site = site_of(request)
    if visit_of(request) is not None:
        return go_on(request, own_path(next))
    if needs_setup(site):
        return go_on(request, "/setup")
    note = words.LOG_IN_NOTE_ALL if site.settings.require_login else words.LOG_IN_NOTE
    return page(request, "login.html", title=words.LOG_IN, note=note, told=_told(site, told), action="/login",
                next=own_path(next), other_ways=ways_to_log_in(site, next=own_path(next)))  # fmt: skip


@router.post("/login")
def log_in(request: Request, form: AForm) -> Response:
    """Log in; a password that is too old leads to the page where it is changed."""
    site, now = site_of(request), utc_now()
    name, password = text_of(form, "name"), text_of(form, "password")
    with site.database.writing() as session:
        token = accounts.log_in(session, name, password, now, site.rules)
    if isinstance(token, PasswordExpiredError):
        return go_on(request, "/password")
    if isinstance(token, LoginRefusedError):
        raise token
    response = go_on(request, own_path(text_of(form, "next")))
    set_login(response, site, token, site.rules)
    return response


@router.post("/logout")
def log_out(request: Request, posted: APosted) -> Response:
    """End the log-in."""
    site = site_of(request)
    with site.database.writing() as session:
        accounts.log_out(session, posted.visit.token, utc_now())
    response = go_on(request, "/login?told=out")
    forget_login(response)
    return response


@router.get("/account")
def show_account(request: Request, visit: AVisit) -> Response:
    """The page on which one changes one's own password."""
    has_one = visit.user.password_hash is not None
    note = "" if has_one else words.NO_PASSWORD
    return _password_page(
        request, visit=visit, title=visit.user.full_name, note=note, action="/account", has_password=has_one
    )


@router.post("/account")
def change_password(request: Request, posted: APosted) -> Response:
    """Change one's own password; every log-in of the account ends."""
    new = _alike(posted.form)
    with posted.visit.writing() as acting:
        accounts.change_password(acting, text_of(posted.form, "old"), new, rules=posted.visit.site.rules)
    response = go_on(request, "/login?told=changed")
    forget_login(response)
    return response


@router.get("/password")
def show_old_password(request: Request) -> Response:
    """The page on which a password that is too old is changed, by somebody who cannot log in with it."""
    return _password_page(request, visit=None, title=words.CHANGE_PASSWORD, note=words.PASSWORD_OLD, action="/password",
                          has_password=True)  # fmt: skip


@router.post("/password")
def change_old_password(request: Request, form: AForm) -> Response:
    """Change a password that is too old."""
    site, now = site_of(request), utc_now()
    new, old = _alike(form), text_of(form, "old")
    with site.database.writing() as session:
        user = accounts.check_password(session, text_of(form, "name"), old, now, site.rules, expired_ok=True)
    if isinstance(user, LoginRefusedError):
        raise user
    with site.database.writing() as session:
        acting = Acting(session, accounts.user_named(session, user.name), now)
        accounts.change_password(acting, old, new, rules=site.rules)
    return go_on(request, "/login?told=changed")


@router.get("/accept")
def show_invitation(request: Request, token: str = "") -> Response:
    """The page of an invitation."""
    site = site_of(request)
    user = None
    if site.exists():
        with site.database.reading() as session:
            user = accounts.invited(session, token, utc_now())
    if user is None:
        return message(request, words.ACCEPT, words.ACCEPT_LOST, status=404)
    note = words.ACCEPT_NOTE.format(name=user.name, full_name=user.full_name)
    return page(request, "accept.html", title=words.ACCEPT, note=note, told="", action="/accept", token=token,
                name=user.name, shortest=site.rules.shortest_password,
                other_ways=ways_to_log_in(site, invitation=token))  # fmt: skip


@router.post("/accept")
def accept(request: Request, form: AForm) -> Response:
    """Take up an invitation."""
    site, new = site_of(request), _alike(form)
    with site.database.writing() as session:
        accounts.accept_invitation(session, text_of(form, "token"), new, utc_now(), site.rules)
    return go_on(request, "/login?told=accepted")


@router.get("/setup")
def show_setup(request: Request) -> Response:
    """The page that makes the first administrator; there is none once there is an account."""
    site = site_of(request)
    if not needs_setup(site):
        return go_on(request, "/login")
    return page(request, "setup.html", title=words.SETUP, note=words.SETUP_NOTE, told="", action="/setup",
                shortest=site.rules.shortest_password)  # fmt: skip


@router.post("/setup")
def set_up(request: Request, form: AForm) -> Response:
    """Make the database and its first administrator, for somebody who can read the terminal of the server."""
    site = site_of(request)
    if not hmac.compare_digest(site.setup_code.encode(), text_of(form, "code").encode()):
        raise LoginRefusedError(words.SETUP_CODE.lower(), words.SETUP_WRONG, words.SETUP_WRONG_REMEDY)
    new = _alike(form)
    with site.make_database().writing() as session:
        accounts.first_administrator(
            session, name=text_of(form, "name"), full_name=text_of(form, "full_name"), password=new, now=utc_now()
        )
    return go_on(request, "/login?told=setup")


def needs_setup(site: Site) -> bool:
    """Whether there is no account at all."""
    if not site.exists():
        return True
    with site.database.reading() as session:
        return not accounts.any_account(session)


def _told(site: Site, what: str) -> str:
    """Return the sentence above the log-in; logging out here leaves a log-in at the provider as it is."""
    if what == "out" and site.sign_on is not None:
        return words.LOGGED_OUT_HERE.format(name=site.sign_on.name)
    return TOLD.get(what, "")


def _password_page(request: Request, **values: Any) -> Response:
    return page(request, "account.html", shortest=site_of(request).rules.shortest_password, **values)


def _alike(form: FormData) -> str:
    """Return the new password, typed alike twice; `InputError` where it is not."""
    new = text_of(form, "new")
    if new != text_of(form, "again"):
        raise InputError(words.NEW_PASSWORD.lower(), words.NOT_ALIKE, words.NOT_ALIKE_REMEDY)
    return new
