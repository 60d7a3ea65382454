"""What the study commands share: which database, who acts, and in which study.

A password is checked in a transaction of its own, so that a wrong one is counted; the act follows in a second.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ecgr1_core.errors import InputError
from ecgr1_core.settings import Settings

if TYPE_CHECKING:
    from annotations.database import Database
    from annotations.policy import Acting
    from annotations.tables import Study

Arguments = argparse.Namespace


@contextmanager
def in_study(arguments: Arguments, secret: str | None = None) -> Iterator[tuple[Acting, Study]]:
    """Yield who acts and the study that the arguments name; `secret` is the password where it is known already."""
    from annotations.studies import study_named

    with acting_as(arguments, secret) as acting:
        yield acting, study_named(acting.session, arguments.study)


@contextmanager
def acting_as(arguments: Arguments, secret: str | None = None, *, expired_ok: bool = False) -> Iterator[Acting]:
    """Yield who acts, inside a transaction that writes; `LoginRefusedError` for a wrong password."""
    from annotations import accounts
    from annotations.policy import Acting

    database = study_database(arguments)
    given = secret if secret is not None else password_from(arguments.password_file, "Password: ")
    with database.writing() as session:
        found = accounts.check_password(session, arguments.actor, given, utc_now(), expired_ok=expired_ok)
    if isinstance(found, accounts.LoginRefusedError):
        raise found
    with database.writing() as session:
        yield Acting(session, accounts.user_named(session, found.name), utc_now())


def study_database(arguments: Arguments) -> Database:
    """Return the database of the arguments, which must exist and have this version's tables."""
    from annotations import migrate
    from annotations.database import StorageError, open_database

    where = where_it_is(arguments)
    if "://" not in where and not Path(where).exists():
        raise StorageError(Path(where), "there is no such database", "make one: `ecgr1 study user NAME --first`")
    database = open_database(where)
    migrate.require_current(database)
    return database


def where_it_is(arguments: Arguments) -> str:
    """Return the path or URL of the database."""
    settings = Settings()
    return str(arguments.database or settings.study_database or settings.data_dir / "study.sqlite")


def password_from(path: Path | None, prompt: str) -> str:
    """Return the password of a file, or ask for it; `InputError` for a file that cannot be read."""
    import getpass

    if path is None:
        return getpass.getpass(prompt)
    try:
        return path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "it cannot be read", "give a file that holds only the password") from error


def utc_now() -> datetime:
    """Return the time of the act."""
    return datetime.now(UTC)
