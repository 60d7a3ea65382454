"""The database keeps its word, and says plainly what it cannot do."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import NOW
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from annotations import audit
from annotations.database import Database, StorageError, open_database, sqlite_engine, utc_text
from annotations.tables import Draft, Site

OTHER_PROGRAM = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("INSERT INTO told VALUES ('other')")
connection.commit()
connection.close()
"""


def _scalar(made: Database, sql: str) -> object:
    with made.reading() as session:
        return session.execute(text(sql)).scalar()


def _add_site(made: Database, name: str) -> None:
    with made.writing() as session:
        session.add(Site(name=name))


def test_sqlite_is_set_up_to_last(database: Database) -> None:
    assert _scalar(database, "PRAGMA journal_mode") == "wal"
    assert _scalar(database, "PRAGMA foreign_keys") == 1
    assert _scalar(database, "PRAGMA synchronous") == 2  # FULL
    assert database.path is not None
    assert database.path.stat().st_mode & 0o077 == 0


def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    def write_and_stop() -> None:
        with database.writing() as session:
            session.add(Site(name="lost"))
            session.flush()
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_stop()
    assert _scalar(database, "SELECT count(*) FROM sites") == 0


def test_foreign_keys_hold(database: Database) -> None:
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(Draft(assignment_id=99, stage=1, number=1, content="{}", saved_at=NOW))


def test_a_second_writer_waits_and_then_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotations.database.BUSY_TIMEOUT_MS", 50)
    assert database.path is not None
    other = open_database(database.path)
    with database.writing() as session:
        session.add(Site(name="first"))
        session.flush()
        with pytest.raises(StorageError, match="another program is writing to it; try again"):
            _add_site(other, "second")
    assert _scalar(database, "SELECT group_concat(name) FROM sites") == "first"
    other.close()


def test_writers_at_once_lose_nothing(database: Database) -> None:
    def write(number: int) -> None:
        for turn in range(10):
            with database.writing() as session:
                audit.record(session, at=NOW, kind="test.made", subject=f"{number}.{turn}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    with database.reading() as session:
        found = audit.verify(session)
    assert found.intact
    assert found.events == 60


def test_a_full_disk_is_told_and_earlier_answers_stay(database: Database) -> None:
    with database.writing() as session:
        session.add(Site(name="kept"))

    def fill() -> None:
        with database.writing() as session:
            session.execute(text("PRAGMA max_page_count = 1"))  # SQLite's own way of a disk without room
            session.execute(text("CREATE TABLE filler (data BLOB)"))
            session.execute(text("INSERT INTO filler VALUES (zeroblob(1000000))"))

    with pytest.raises(StorageError, match=r"the disk is full; .*; what was saved before is kept"):
        fill()
    assert _scalar(database, "SELECT name FROM sites") == "kept"


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    path.write_text("these are notes and no database at all, but long enough to be looked at " * 20)
    with pytest.raises(StorageError, match=r"notes.sqlite: it is no SQLite database; give the file"):
        open_database(path)
    with pytest.raises(StorageError, match="it is no address of a database"):
        open_database("nonsense://user:secret@host/name")
    with pytest.raises(StorageError) as told:
        open_database("postgresql+pg8000://user:secret@127.0.0.1:1/name")
    assert "does not answer" in str(told.value)
    assert "secret" not in str(told.value)


def test_another_fault_is_not_swallowed(database: Database) -> None:
    with pytest.raises(Exception, match="no such column"), database.reading() as session:
        session.execute(text("SELECT nonsense FROM sites"))


def test_times_are_text_in_utc() -> None:
    assert utc_text(NOW) == "2026-03-01T09:00:00.000000Z"
    with pytest.raises(ValueError, match="time zone"):
        utc_text(NOW.replace(tzinfo=None))


def test_the_recordings_engine_is_still_there(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "folder" / "other.sqlite")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    assert sqlite3.connect(tmp_path / "folder" / "other.sqlite").execute("SELECT 1").fetchone() == (1,)


def test_opening_a_file_again_leaves_the_locks_of_those_who_have_it_open(tmp_path: Path) -> None:
    path = tmp_path / "recordings.sqlite"
    first = sqlite_engine(path)
    with first.connect() as connection:
        connection.execute(text("CREATE TABLE told (word TEXT)"))
        connection.commit()
        second = sqlite_engine(path)  # of the same process, as two pages of one server
        subprocess.run([sys.executable, "-c", OTHER_PROGRAM, str(path)], check=True)
        assert path.with_name(f"{path.name}-wal").exists(), "the other program was not the last to close it"
        assert connection.execute(text("SELECT word FROM told")).scalars().all() == ["other"]
        assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
    second.dispose()
    first.dispose()
