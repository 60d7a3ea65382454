"""Accounts: invitations, passwords, lock-out, expiry, log-ins, roles."""

from __future__ import annotations

from datetime import timedelta

import pytest
from conftest import NOW
from simulated_study import World
from sqlalchemy import select, text

from annotations import accounts
from annotations.accounts import AccountRules, LoginRefusedError, user_named
from annotations.database import Database
from annotations.policy import Acting, NotPermittedError, WrongStateError
from annotations.tables import Event
from ecgr1_core.errors import InputError

GOOD = "correct horse battery"


@pytest.fixture
def people(database: Database) -> Database:
    with database.writing() as session:
        accounts.first_administrator(session, name="Admin", full_name="Ada Min", password=GOOD, now=NOW)
    return database


def _invite(people: Database, name: str = "eva") -> str:
    with people.writing() as session:
        acting = Acting(session, user_named(session, "admin"), NOW)
        return accounts.invite(acting, name=name, full_name="Dr Eva Example")[1]


def test_there_is_one_first_administrator(people: Database) -> None:
    with pytest.raises(WrongStateError, match="first administrator already"), people.writing() as session:
        accounts.first_administrator(session, name="other", full_name="O", password=GOOD, now=NOW)


def test_an_invitation_works_once_and_for_a_week(people: Database) -> None:
    token = _invite(people)
    late = NOW + timedelta(days=8)
    with pytest.raises(LoginRefusedError, match="too old"), people.writing() as session:
        accounts.accept_invitation(session, token, GOOD, late)
    with people.writing() as session:
        assert accounts.accept_invitation(session, token, GOOD, NOW).name == "eva"
    with pytest.raises(LoginRefusedError, match="used up"), people.writing() as session:
        accounts.accept_invitation(session, token, GOOD, NOW)
    with people.reading() as session:
        kept = session.execute(text("SELECT * FROM users")).all()
    assert token not in str(kept)
    assert GOOD not in str(kept)


@pytest.mark.parametrize("bad", ["short", "aaaaaaaaaaaaaaaa", "Dr Eva Example"])
def test_weak_passwords_are_refused(people: Database, bad: str) -> None:
    token = _invite(people)
    with pytest.raises(InputError, match=r"shorter than 12|easily guessed"), people.writing() as session:
        accounts.accept_invitation(session, token, bad, NOW)


def _try(people: Database, name: str, password: str, now: object = NOW, **kw: object) -> str | LoginRefusedError:
    with people.writing() as session:
        return accounts.log_in(session, name, password, now, **kw)  # type: ignore[arg-type]


def test_five_wrong_passwords_lock_for_a_quarter_of_an_hour(people: Database) -> None:
    for _ in range(5):
        assert "do not go together" in str(_try(people, "admin", "wrong"))
    assert "too many wrong passwords; wait 15 min" in str(_try(people, "admin", GOOD, NOW + timedelta(seconds=30)))
    assert isinstance(_try(people, "admin", GOOD, NOW + timedelta(minutes=16)), str)
    with people.reading() as session:
        kinds = session.scalars(select(Event.kind).where(Event.subject == "admin")).all()
    assert kinds.count("login.failed") == 5
    assert kinds.count("login.refused") == 1


def test_an_unknown_name_gets_the_same_answer(people: Database) -> None:
    assert str(_try(people, "nobody", GOOD)) == str(_try(people, "admin", "wrong"))


def test_a_log_in_ends_when_idle_old_or_logged_out(people: Database) -> None:
    token = _try(people, "admin", GOOD)
    assert isinstance(token, str)
    with people.writing() as session:
        assert accounts.who(session, token, NOW + timedelta(minutes=5)) is not None
        assert accounts.who(session, token, NOW + timedelta(hours=3)) is None
        for hour in range(1, 12):
            login = accounts.holding(session, token, NOW + timedelta(hours=hour))
            assert login is not None
            login.last_seen_at = NOW + timedelta(hours=hour)
        assert accounts.who(session, token, NOW + timedelta(hours=11, minutes=30)) is not None
        assert accounts.who(session, token, NOW + timedelta(hours=12, minutes=1)) is None
        assert accounts.who(session, token + "x", NOW) is None
        accounts.log_out(session, token, NOW)
        assert accounts.who(session, token, NOW) is None


def test_an_old_password_must_be_changed(people: Database) -> None:
    rules = AccountRules(password_days=90)
    later = NOW + timedelta(days=91)
    assert "too old; change it" in str(_try(people, "admin", GOOD, later, rules=rules))
    with people.writing() as session:
        acting = Acting(session, user_named(session, "admin"), later)
        with pytest.raises(LoginRefusedError, match="not yours"):
            accounts.change_password(acting, "wrong", "another long one")
        with pytest.raises(InputError, match="new one is the old one"):
            accounts.change_password(acting, GOOD, GOOD)
        accounts.change_password(acting, GOOD, "another long one")
    assert isinstance(_try(people, "admin", "another long one", later, rules=rules), str)


def test_a_new_invitation_ends_log_ins(people: Database) -> None:
    with people.writing() as session:
        accounts.accept_invitation(
            session,
            (
                _token := accounts.invite(
                    Acting(session, user_named(session, "admin"), NOW), name="eva", full_name="Dr Eva Example"
                )[1]
            ),
            GOOD,
            NOW,
        )
    token = _try(people, "eva", GOOD)
    assert isinstance(token, str)
    with people.writing() as session:
        accounts.invite_again(Acting(session, user_named(session, "admin"), NOW), user_named(session, "eva"))
        assert accounts.who(session, token, NOW) is None
    assert isinstance(_try(people, "eva", GOOD), LoginRefusedError)


def test_only_administrators_manage_accounts(world: World) -> None:
    with world.acting("investigator") as acting, pytest.raises(NotPermittedError):
        accounts.invite(acting, name="friend", full_name="A Friend")
    with world.acting("admin") as acting:
        with pytest.raises(NotPermittedError):
            accounts.deactivate(acting, acting.user, "leaving")
        accounts.deactivate(acting, user_named(acting.session, "rater1"), "left the hospital")
        found = accounts.check_password(acting.session, "rater1", "a long enough password of rater1", world.now)
    assert isinstance(found, LoginRefusedError)


def test_roles_are_given_before_the_lock_by_the_investigator(world: World) -> None:
    with world.acting("rater1") as acting, pytest.raises(NotPermittedError):
        accounts.set_role(acting, world.study(acting), acting.user, "investigator")
    with world.acting("admin") as acting, pytest.raises(NotPermittedError):
        accounts.set_role(acting, world.study(acting), acting.user, "investigator")  # there is one already
    with world.acting("investigator") as acting, pytest.raises(InputError, match="must be as blind as a rater"):
        accounts.set_role(acting, world.study(acting), acting.user, "investigator", adjudicates=True)
