"""The page of accounts, for administrators: who there is, inviting, inviting again, closing.

An invitation is shown once, as a link; neither it nor a password is kept anywhere in the open.
"""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from annotations import accounts, accounts_provider
from annotations.policy import AccountPolicy, require
from annotations.tables import User
from ui import strings_studies as words
from ui.web.pages import go_on, page
from ui.web.visits import APosted, AVisit, Visit, utc_now

router = APIRouter()


@router.get("/people")
def show_people(request: Request, visit: AVisit) -> Response:
    """All accounts."""
    return _people_page(request, visit)


@router.post("/people/invite")
def invite(request: Request, posted: APosted) -> Response:
    """Make an account and show its invitation."""
    with posted.visit.writing() as acting:
        user, token = accounts.invite(
            acting,
            name=posted.text("name"),
            full_name=posted.text("full_name"),
            administrator=posted.text("administrator") == "yes",
            rules=posted.visit.site.rules,
        )
    return _with_link(request, posted.visit, user, token)


@router.post("/people/{key}/again")
def invite_again(request: Request, posted: APosted, key: str) -> Response:
    """Make a new invitation for somebody and show it."""
    with posted.visit.writing() as acting:
        require(AccountPolicy.manage(acting), "this account")
        user = accounts.user_by_key(acting.session, key)
        token = accounts.invite_again(acting, user, rules=posted.visit.site.rules)
    return _with_link(request, posted.visit, user, token)


@router.post("/people/{key}/close")
def close(request: Request, posted: APosted, key: str) -> Response:
    """Close an account."""
    with posted.visit.writing() as acting:
        require(AccountPolicy.manage(acting), "this account")
        accounts.deactivate(acting, accounts.user_by_key(acting.session, key), posted.text("reason"))
    return go_on(request, "/people")


def state_of(user: User, now: datetime, *, linked: bool = False) -> str:
    """Return the state of an account: "closed", "locked", "invited", "expired" (its invitation) or "active".

    `linked` says that an identity provider knows the person, who then needs no password.
    """
    if not user.active:
        return "closed"
    if user.password_hash is None and linked:
        return "active"
    if user.password_hash is None:
        open_until = user.invitation_expires_at
        return "invited" if open_until is not None and open_until > now else "expired"
    return "locked" if user.locked_until is not None and user.locked_until > now else "active"


def _with_link(request: Request, visit: Visit, user: User, token: str) -> Response:
    return _people_page(
        request, visit, invited=user, link=visit.site.address(f"/accept?token={token}", request),
        days=visit.site.rules.invitation.days,
    )  # fmt: skip


def _people_page(
    request: Request, visit: Visit, invited: User | None = None, link: str = "", days: float = 0
) -> Response:
    with visit.reading() as acting:
        require(AccountPolicy.manage(acting), "this page")
        people = accounts.everybody(acting)
        linked = accounts_provider.linked(acting.session)
    now = utc_now()
    rows = [
        {"user": user, "state": state_of(user, now, linked=user.id in linked), "own": user.id == visit.user.id}
        for user in people
    ]
    return page(
        request,
        "people.html",
        visit=visit,
        here="people",
        words=words,
        rows=rows,
        invited=invited,
        link=link,
        days=days,
    )
