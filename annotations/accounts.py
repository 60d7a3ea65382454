"""Accounts: invitations, passwords (argon2id), lock-out, expiry, log-in tokens, and roles in studies.

Invitation and log-in tokens are given out once and kept only as hashes. It knows no cookies and no pages.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, joinedload

from annotations import audit
from annotations.policy import (
    THIS_STUDY,
    AccountPolicy,
    Acting,
    NotPermittedError,
    StudyPolicy,
    WrongStateError,
    require,
)
from annotations.tables import ROLES, Identity, Login, Membership, Role, Site, Study, User
from ecgr1_core.errors import InputError

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,79}")
_HASHER = PasswordHasher()  # argon2id with the library's defaults, which follow RFC 9106, section 4


class LoginRefusedError(InputError):
    """Name and password do not go together, or the account cannot be used now."""


class PasswordExpiredError(LoginRefusedError):
    """Name and password go together, but the password must be changed first."""

    def __init__(self) -> None:
        super().__init__("log-in", "the password is too old", "change it")


@dataclass(frozen=True)
class AccountRules:
    """What is asked of passwords and log-ins.

    `password_days` None means that passwords do not expire (NIST SP 800-63B, 5.1.1.2, advises against expiry; some
    sponsors ask for it).
    """

    shortest_password: int = 12
    attempts: int = 5
    lockout: timedelta = timedelta(minutes=15)
    password_days: int | None = None
    invitation: timedelta = timedelta(days=7)
    idle: timedelta = timedelta(hours=2)
    longest_login: timedelta = timedelta(hours=12)


RULES = AccountRules()


def first_administrator(session: Session, *, name: str, full_name: str, password: str, now: datetime) -> User:
    """Make the administrator of an empty database; `WrongStateError` where there is any account."""
    if any_account(session):
        raise WrongStateError(name, "the database has its first administrator already", "ask them for an invitation")
    user = _new_user(session, name, full_name, now)
    user.administrator = True
    _set_password(user, password, now, RULES)
    session.flush()
    audit.record(session, at=now, kind="account.made", subject=user.name, actor=user, content={"administrator": True})
    return user


def invite(
    acting: Acting, *, name: str, full_name: str, administrator: bool = False, rules: AccountRules = RULES
) -> tuple[User, str]:
    """Make an account without a password and return it with the token of its invitation, which is told only here."""
    require(AccountPolicy.manage(acting), name)
    user = _new_user(acting.session, name, full_name, acting.now)
    user.administrator = administrator
    token = _new_invitation(user, acting.now, rules)
    acting.session.flush()
    acting.record("account.invited", user.name, administrator=administrator)
    return user, token


def invite_again(acting: Acting, user: User, *, rules: AccountRules = RULES) -> str:
    """Return a new invitation for somebody who lost the old one or the password; ends log-ins and lifts a lock-out.

    The person begins anew: the old password and the link with an identity provider are gone.
    """
    require(AccountPolicy.manage(acting), user.name)
    token = _new_invitation(user, acting.now, rules)
    user.password_hash, user.failed_attempts, user.locked_until = None, 0, None
    acting.session.execute(delete(Identity).where(Identity.user_id == user.id))
    _end_logins(acting.session, user, acting.now)
    acting.record("account.invited", user.name, administrator=user.administrator)
    return token


def accept_invitation(session: Session, token: str, password: str, now: datetime, rules: AccountRules = RULES) -> User:
    """Set the password of the account the invitation is for; the invitation is used up."""
    user = invited(session, token, now)
    if user is None:
        raise LoginRefusedError("invitation", "it is unknown, used up or too old", "ask for a new one")
    _set_password(user, password, now, rules)
    user.invitation_sha256 = user.invitation_expires_at = None
    audit.record(session, at=now, kind="account.accepted", subject=user.name, actor=user)
    return user


def change_password(acting: Acting, old: str, new: str, *, rules: AccountRules = RULES) -> None:
    """Change one's own password; `LoginRefusedError` where the old one is wrong. Other log-ins end."""
    require(AccountPolicy.change_password(acting, acting.user), acting.user.name)
    confirm_password(acting.user, old)
    if old == new:
        raise InputError("password", "the new one is the old one", "choose another")
    _set_password(acting.user, new, acting.now, rules)
    _end_logins(acting.session, acting.user, acting.now)
    acting.record("account.password_changed", acting.user.name)


def check_password(
    session: Session, name: str, password: str, now: datetime, rules: AccountRules = RULES, *, expired_ok: bool = False
) -> User | LoginRefusedError:
    """Return the user, or why not, having counted the attempt.

    The refusal is returned, not raised, because the caller's transaction must be committed for the count to stay.
    """
    wrong = LoginRefusedError("log-in", "name and password do not go together", "try again or ask for a new invitation")
    user = session.scalar(select(User).where(User.name == name.strip().casefold()))
    if user is None or not user.active or user.password_hash is None:
        _matches(_hash_of_nobody(), password)  # an unknown name takes as long as a known one
        audit.record(session, at=now, kind="login.failed", subject=name.strip().casefold()[:200])
        return wrong
    if user.locked_until is not None and user.locked_until > now:
        minutes = int((user.locked_until - now).total_seconds() // 60) + 1
        audit.record(session, at=now, kind="login.refused", subject=user.name, content={"because": "locked"})
        return LoginRefusedError("log-in", "there were too many wrong passwords", f"wait {minutes} min")
    if not _matches(user.password_hash, password):
        user.failed_attempts += 1
        locked = user.failed_attempts >= rules.attempts
        if locked:
            user.failed_attempts, user.locked_until = 0, now + rules.lockout
        audit.record(session, at=now, kind="login.failed", subject=user.name, content={"locked": locked})
        return wrong
    user.failed_attempts, user.locked_until = 0, None
    if _HASHER.check_needs_rehash(user.password_hash):
        user.password_hash = _HASHER.hash(password)
    if not expired_ok and password_expired(user, now, rules):
        return PasswordExpiredError()
    return user


def password_expired(user: User, now: datetime, rules: AccountRules = RULES) -> bool:
    """Whether the password is older than the rules allow."""
    if rules.password_days is None or user.password_changed_at is None:
        return False
    return user.password_changed_at + timedelta(days=rules.password_days) < now


def log_in(
    session: Session, name: str, password: str, now: datetime, rules: AccountRules = RULES
) -> str | LoginRefusedError:
    """Return the token of a new log-in, or why not; see `check_password` for why it is returned."""
    user = check_password(session, name, password, now, rules)
    if isinstance(user, LoginRefusedError):
        return user
    return begin_login(session, user, now, rules)


def begin_login(session: Session, user: User, now: datetime, rules: AccountRules, *, by: str | None = None) -> str:
    """Return the token of a new log-in of somebody who has proved who they are, `by` whom unless with a password."""
    token = secrets.token_urlsafe(32)
    session.add(
        Login(
            user_id=user.id,
            token_sha256=_token_hash(token),
            created_at=now,
            last_seen_at=now,
            expires_at=now + rules.longest_login,
        )
    )
    content = {} if by is None else {"by": by}
    audit.record(session, at=now, kind="login.made", subject=user.name, actor=user, content=content)
    return token


def holding(session: Session, token: str, now: datetime, rules: AccountRules = RULES) -> Login | None:
    """Return the log-in of a token with its user, None where it has ended, expired, been idle too long, or never was.

    Who writes `last_seen_at` keeps it from going idle.
    """
    query = select(Login).where(Login.token_sha256 == _token_hash(token)).options(joinedload(Login.user))
    login = session.scalar(query)
    if login is None or login.ended_at is not None or login.expires_at <= now or not login.user.active:
        return None
    return login if login.last_seen_at + rules.idle > now else None


def who(session: Session, token: str, now: datetime, rules: AccountRules = RULES) -> User | None:
    """Return whose log-in the token is, None where it does not hold."""
    login = holding(session, token, now, rules)
    return None if login is None else login.user


def any_account(session: Session) -> bool:
    """Whether the database has any account."""
    return bool(session.scalar(select(func.count(User.id))))


def invited(session: Session, token: str, now: datetime) -> User | None:
    """Return whom an invitation is for, None where it is unknown, used up or too old."""
    user = session.scalar(select(User).where(User.invitation_sha256 == _token_hash(token)))
    if user is None or not user.active or user.invitation_expires_at is None or user.invitation_expires_at < now:
        return None
    return user


def log_out(session: Session, token: str, now: datetime) -> None:
    """End the log-in; a token that is none changes nothing."""
    login = session.scalar(select(Login).where(Login.token_sha256 == _token_hash(token), Login.ended_at.is_(None)))
    if login is not None:
        login.ended_at = now
        audit.record(session, at=now, kind="login.ended", subject=login.user.name, actor=login.user)


def confirm_password(user: User, password: str) -> None:
    """Raise `LoginRefusedError` where it is not the user's password; asked again before signing."""
    if user.password_hash is None or not _matches(user.password_hash, password):
        raise LoginRefusedError("password", "it is not yours", "type it again")


def deactivate(acting: Acting, user: User, reason: str) -> None:
    """Close an account; what it did stays. An administrator cannot close their own."""
    require(AccountPolicy.manage(acting) and acting.user.id != user.id, user.name)
    user.active = False
    _end_logins(acting.session, user, acting.now)
    acting.record("account.deactivated", user.name, reason=required_reason(reason))


def site(acting: Acting, name: str) -> Site:
    """Return the site of that name, made where it is missing."""
    found = acting.session.scalar(select(Site).where(Site.name == name))
    if found is None:
        found = Site(name=name)
        acting.session.add(found)
        acting.session.flush()
        acting.record("site.made", name)
    return found


def set_role(
    acting: Acting, study: Study, user: User, role: Role, *, site_name: str | None = None, adjudicates: bool = False
) -> Membership:
    """Give somebody a role in a study that is not locked yet; investigators do, and administrators name the first."""
    names_first = AccountPolicy.manage(acting) and role == "investigator" and not _investigators(acting.session, study)
    require(StudyPolicy.design(acting, study) or names_first, THIS_STUDY)
    if study.state != "draft" and role != "auditor":
        raise WrongStateError(study.name, "it is locked, so who takes part is fixed", "name people before the lock")
    if role not in ROLES:
        raise InputError(role, "it is no role", f"give one of: {', '.join(ROLES)}")
    if adjudicates and role != "rater":
        raise InputError(user.name, "an adjudicator must be as blind as a rater", "give the role rater")
    member = acting.session.scalar(
        select(Membership).where(Membership.study_id == study.id, Membership.user_id == user.id)
    )
    if member is not None and study.state != "draft":
        raise WrongStateError(user.name, "they take part in the locked study already", "name somebody else")
    if member is None:
        member = Membership(study_id=study.id, user_id=user.id)
        acting.session.add(member)
    member.role, member.adjudicates = role, adjudicates
    member.site = site(acting, site_name) if site_name else None
    acting.session.flush()
    acting.record("role.given", user.name, study, role=role, adjudicates=adjudicates, site=site_name)
    return member


def user_named(session: Session, name: str) -> User:
    """Return the account of that name; `NotPermittedError` where there is none."""
    found = session.scalar(select(User).where(User.name == name.strip().casefold()))
    if found is None:
        raise NotPermittedError(name)
    return found


def user_by_key(session: Session, key: str) -> User:
    """Return the account of that key; `NotPermittedError` where there is none."""
    found = session.scalar(select(User).where(User.key == key))
    if found is None:
        raise NotPermittedError("this account")
    return found


def everybody(acting: Acting) -> tuple[User, ...]:
    """Return all accounts by name, for administrators."""
    require(AccountPolicy.manage(acting), "accounts")
    return tuple(acting.session.scalars(select(User).order_by(User.name)))


def required_reason(reason: str) -> str:
    """Return the reason without white space at its ends; `InputError` where nothing is left."""
    text = reason.strip()
    if not text:
        raise InputError("reason", "it is empty", "say why in a few words; it is kept in the audit trail")
    return text


def _investigators(session: Session, study: Study) -> int:
    query = select(func.count(Membership.id)).where(Membership.study_id == study.id, Membership.role == "investigator")
    return session.scalar(query) or 0


def _new_user(session: Session, name: str, full_name: str, now: datetime) -> User:
    name, full_name = name.strip().casefold(), full_name.strip()
    if not _NAME.fullmatch(name):
        fault = "a log-in name has 2 to 80 letters, digits and . _ @ + -"
        raise InputError(name or "name", fault, "give another name")
    if not full_name:
        raise InputError(name, "the full name is missing", "give the name that a signature is to show")
    if session.scalar(select(User.id).where(User.name == name)) is not None:
        raise InputError(name, "there is an account of this name already", "give another name")
    user = User(name=name, full_name=full_name, created_at=now)
    session.add(user)
    return user


def _set_password(user: User, password: str, now: datetime, rules: AccountRules) -> None:
    if len(password) < rules.shortest_password:
        raise InputError("password", f"it is shorter than {rules.shortest_password} characters", "choose a longer one")
    if password.casefold() in (user.name, user.full_name.casefold()) or len(set(password)) < 5:
        raise InputError("password", "it is easily guessed", "choose another")
    user.password_hash, user.password_changed_at = _HASHER.hash(password), now


def _new_invitation(user: User, now: datetime, rules: AccountRules) -> str:
    token = secrets.token_urlsafe(24)
    user.invitation_sha256, user.invitation_expires_at = _token_hash(token), now + rules.invitation
    return token


def _end_logins(session: Session, user: User, now: datetime) -> None:
    for login in session.scalars(select(Login).where(Login.user_id == user.id, Login.ended_at.is_(None))):
        login.ended_at = now


@cache
def _hash_of_nobody() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _matches(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
