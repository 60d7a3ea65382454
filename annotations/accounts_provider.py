"""Accounts whose people an identity provider vouches for: who may come in that way, and confirming a signature there.

Only somebody who has an account comes in. The first time they are known by the token of their invitation, or by an
e-mail address that the provider has verified and that is the log-in name of the account; from then on by the
provider's own name for them (issuer and subject), whatever becomes of the address. What the provider says has been
checked before it comes here; this module knows no tokens of a provider, no cookies and no pages.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations import audit
from annotations.accounts import RULES, AccountRules, LoginRefusedError, begin_login, holding, invited
from annotations.policy import Acting
from annotations.tables import Identity, User

CONFIRMATION_HOLDS = timedelta(minutes=5)

_TOPIC = "single sign-on"


def log_in(
    session: Session,
    *,
    issuer: str,
    subject: str,
    email: str | None,
    now: datetime,
    rules: AccountRules = RULES,
    invitation: str = "",
) -> str | LoginRefusedError:
    """Return the token of a new log-in for whom the provider vouches, or why not.

    `email` is an address that the provider has verified, None without one; `invitation` the token of an invitation
    that the person has opened. The refusal is returned, not raised, so that its event is kept; it is the same whether
    there is no account, a closed one, or one that belongs to somebody else at the provider.
    """
    identity = _identity(session, issuer, subject)
    if invitation:
        user = invited(session, invitation, now)
        if user is None:
            return _refused(session, subject, now, issuer, "the invitation does not hold")
        if identity is not None and identity.user_id != user.id:
            return _refused(session, user.name, now, issuer, "this person has another account")
    elif identity is not None:
        user = identity.user
    elif email is None:
        _refused(session, subject, now, issuer, "no verified e-mail address")
        fault = "you are not known here yet, and it does not vouch for your e-mail address"
        return LoginRefusedError(_TOPIC, fault, "open your invitation and go on from there, or ask for one")
    else:
        user = _with_address(session, email)
        if user is None:
            return _refused(session, email, now, issuer, "no account")
    if not user.active:
        return _refused(session, user.name, now, issuer, "the account is closed")
    if identity is None:
        if identity_of(session, user, issuer) is not None:
            return _refused(session, user.name, now, issuer, "the account is another person's")
        _link(session, user, issuer, subject, now)
    return begin_login(session, user, now, rules, by=issuer)


def confirm(
    session: Session, token: str, *, issuer: str, subject: str, now: datetime, rules: AccountRules = RULES
) -> LoginRefusedError | None:
    """Note that the provider has just confirmed whose log-in `token` is, or return why not.

    The confirmation stands for the password at one signature within the next five minutes.
    """
    login, identity = holding(session, token, now, rules), _identity(session, issuer, subject)
    if login is None or identity is None or identity.user_id != login.user_id:
        name = subject if login is None else login.user.name
        _refused(session, name, now, issuer, "the signature is another person's")
        return LoginRefusedError(_TOPIC, "somebody else is logged in there than here", "log out there and try again")
    login.confirmed_at = now
    audit.record(
        session, at=now, kind="login.confirmed", subject=login.user.name, actor=login.user, content={"by": issuer}
    )
    return None


def is_confirmed(acting: Acting, token: str) -> bool:
    """Whether the log-in was confirmed at the provider so lately that it may sign."""
    login = holding(acting.session, token, acting.now)
    if login is None or login.user_id != acting.user.id or login.confirmed_at is None:
        return False
    return timedelta() <= acting.now - login.confirmed_at <= CONFIRMATION_HOLDS


def use_confirmation(acting: Acting, token: str) -> None:
    """Use up the confirmation of a log-in for a signature; `LoginRefusedError` where there is none that holds."""
    if not is_confirmed(acting, token):
        fault = f"neither a password was given nor who you are confirmed within {CONFIRMATION_HOLDS.seconds // 60} min"
        raise LoginRefusedError("signature", fault, "load the page again and do one of them")
    login = holding(acting.session, token, acting.now)
    assert login is not None  # it is confirmed
    login.confirmed_at = None


def identity_of(session: Session, user: User, issuer: str) -> Identity | None:
    """Return as whom the provider knows a user, None where they are not linked."""
    return session.scalar(select(Identity).where(Identity.user_id == user.id, Identity.issuer == issuer))


def linked(session: Session) -> frozenset[int]:
    """Return the row numbers of the users who are linked with any provider."""
    return frozenset(session.scalars(select(Identity.user_id)))


def _identity(session: Session, issuer: str, subject: str) -> Identity | None:
    return session.scalar(select(Identity).where(Identity.issuer == issuer, Identity.subject == subject))


def _with_address(session: Session, email: str) -> User | None:
    """Return the account whose name is the address; letters beyond ASCII are never taken for those that look alike."""
    return session.scalar(select(User).where(User.name == email.lower())) if email.isascii() else None


def _link(session: Session, user: User, issuer: str, subject: str, now: datetime) -> None:
    session.add(Identity(user_id=user.id, issuer=issuer, subject=subject, linked_at=now))
    user.invitation_sha256 = user.invitation_expires_at = None
    content = {"issuer": issuer, "subject": subject}
    audit.record(session, at=now, kind="account.linked", subject=user.name, actor=user, content=content)


def _refused(session: Session, name: str, now: datetime, issuer: str, because: str) -> LoginRefusedError:
    audit.record(session, at=now, kind="login.refused", subject=name[:200], content={"because": because, "by": issuer})
    remedy = "go on from your invitation, or ask for one; if you were taken for somebody else, log out there first"
    return LoginRefusedError(_TOPIC, "there is no account here that you can use this way", remedy)
