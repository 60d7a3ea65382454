"""The database: engines that keep their word, and sessions that either read or write.

SQLite is opened with a write-ahead log, foreign keys, a busy time-out, and what is removed is overwritten. A study's
database is synchronised at every commit (what was acknowledged survives a power cut), and a transaction that writes
takes the write lock when it begins, so that what it has read cannot change before it writes. PostgreSQL is opened by
its URL as it is. This module knows no table.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Connection, Dialect, Engine, String, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from ecgr1_core.errors import InputError

BUSY_TIMEOUT_MS = 5000
LONGEST_WAIT_S = 30.0
THREADS = 40  # of a web server: as many connections are kept open
WRITES = "ecgr1_writes"
"""Execution option of an engine whose transactions take the write lock at once."""


class StorageError(InputError):
    """The database cannot be used now: locked by another program, the disk full, read-only, or not a database."""


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC with microseconds, kept as ISO 8601 text, so that every database and every hash sees the same."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Return the text that is kept; ValueError for a moment without a time zone."""
        return None if value is None else utc_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Return the moment."""
        return None if value is None else datetime.fromisoformat(value)


def utc_text(moment: datetime) -> str:
    """Return `moment` as ISO 8601 in UTC with microseconds and a Z; ValueError where it has no time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class Database:
    """An open database; `name` is what messages call it.

    `reading()` and `writing()` give a session inside one transaction, which is committed at the end of the block and
    rolled back where the block raises. Both raise `StorageError` where the database refuses for a reason outside the
    program. Objects stay readable after the block (they do not expire). Writers of one process to an SQLite file queue
    up here, because SQLite itself lets those who wait starve.
    """

    engine: Engine
    name: str
    _gate: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite file."""
        return self.engine.dialect.name == "sqlite"

    @property
    def path(self) -> Path | None:
        """The SQLite file; None for a server."""
        file = self.engine.url.database
        return Path(file) if self.is_sqlite and file else None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that sees one state of the database and is rolled back at the end."""
        with said_plainly(self.name), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session that holds the write lock from its first statement and is committed at the end."""
        writer = self.engine.execution_options(**{WRITES: True})
        with (
            self._turn(),
            said_plainly(self.name),
            Session(writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        if not self._gate.acquire(timeout=LONGEST_WAIT_S):
            raise StorageError(self.name, "too many write to it at once", "try again in a moment")
        try:
            yield
        finally:
            self._gate.release()

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def sqlite_engine(path: Path, *, synchronous: Literal["NORMAL", "FULL"] = "NORMAL") -> Engine:
    """Return an engine on the file `path`, which is made where it is missing, readable by its owner alone.

    What is deleted is overwritten in the file. Raises OSError where the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _make_file(path)
    engine = create_engine(URL.create("sqlite", database=str(path.absolute())), pool_size=THREADS, max_overflow=THREADS)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        for pragma in ("journal_mode = WAL", f"synchronous = {synchronous}", "foreign_keys = ON", "secure_delete = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _make_file(path: Path) -> None:
    """Make the file where it is missing; OSError where it cannot be made or written.

    A file that is there is not opened: closing it would end all locks that this process holds on it (POSIX advisory
    locks), and another program could take away the write-ahead log that open connections still use.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from None
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)) from None


def open_database(where: str | Path) -> Database:
    """Open the SQLite file `where`, or the database of the URL `where`; an SQLite file is made if missing.

    Raises `StorageError` for a URL that is none, a folder that cannot be made and a file that is no SQLite database.
    """
    engine, name = _engine(where)
    if engine.dialect.name == "sqlite":
        _begin_ourselves(engine)
    database = Database(engine, name)
    with said_plainly(name), engine.connect():
        return database


def _engine(where: str | Path) -> tuple[Engine, str]:
    text = str(where)
    if "://" not in text or text.startswith("sqlite:///"):
        path = Path(text.removeprefix("sqlite:///"))
        try:
            return sqlite_engine(path, synchronous="FULL"), path.name
        except OSError as error:
            fault = f"it cannot be made or written ({(error.strerror or str(error)).lower()})"
            raise StorageError(path, fault, "give another place for the database") from error
    try:
        url = make_url(text)
        return create_engine(url, pool_pre_ping=True, pool_size=20, max_overflow=40), url.database or "database"
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        shown = text.rpartition("@")[2]  # without the password
        fault = "it is no address of a database that can be opened here"
        raise StorageError(shown, fault, "give a file, or postgresql+pg8000://user:password@host/name") from error


def _begin_ourselves(engine: Engine) -> None:
    """Let our BEGIN say at once whether the transaction writes; the driver's own comes too late for that."""

    @event.listens_for(engine, "connect")
    def leave_begin_to_us(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_REASONS = (
    ("database is locked", "another program is writing to it", "try again in a moment"),
    ("disk is full", "the disk is full", "free some space and save again"),
    ("readonly database", "it may not be written", "give it write permission"),
    ("not a database", "it is no SQLite database", "give the file that `ecgr1 study create` made, or a backup"),
    ("image is malformed", "it is damaged", "restore a backup with `ecgr1 study restore`"),
    ("no such table", "it holds no tables of this program", "make them with `ecgr1 study create`"),
    ("unable to open", "it cannot be opened", "check that the folder exists and may be written"),
    ("disk i/o error", "the disk cannot be read or written", "check the disk, then try again"),
)


@contextmanager
def said_plainly(name: str) -> Iterator[None]:
    """Turn what a database refuses for reasons outside the program into a `StorageError`; anything else passes."""
    try:
        yield
    except IntegrityError:
        raise  # a rule of ours was broken, not the storage
    except DBAPIError as error:
        text = str(error.orig).lower()
        for word, fault, remedy in _REASONS:
            if word in text:
                raise StorageError(name, fault, f"{remedy}; what was saved before is kept") from error
        if isinstance(error.orig, OSError) or "can't create a connection" in text:
            raise StorageError(
                name, "the database server does not answer", "check its address and that it runs"
            ) from error
        raise
