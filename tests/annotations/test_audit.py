"""The audit trail: nothing can be changed, and what was changed all the same is found and named; backups verify."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from simulated_study import NAME, World
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from annotations import audit
from annotations.audit import Head
from annotations.backup import backup, restore
from annotations.database import Database, StorageError, open_database
from annotations.tables import Revision


@pytest.fixture
def copy(finished: World, tmp_path: Path) -> Database:
    """A copy of the finished study that may be damaged."""
    backup(finished.database, tmp_path / "copy.sqlite")
    return open_database(tmp_path / "copy.sqlite")


def _verify(made: Database, known: Head | None = None) -> audit.Verification:
    with made.reading() as session:
        return audit.verify(session, known)


@pytest.mark.parametrize("table", ["revisions", "events", "signatures"])
@pytest.mark.parametrize("act", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_triggers_refuse_every_change(copy: Database, table: str, act: str) -> None:
    with copy.writing() as session:
        session.execute(
            text(
                "INSERT INTO signatures SELECT 1, 'k', 1, 1, 'm', 'n', 't', 'c', 1, sha256 "
                "FROM events WHERE sequence = 1"
            )
        )
    statement = act.format(table).replace("SET id = id", "SET sha256 = ''" if table != "signatures" else "SET key = ''")
    with pytest.raises(DatabaseError, match=f"{table} can only be added to"), copy.writing() as session:
        session.execute(text(statement))


def _tamper(made: Database, *statements: str) -> str | None:
    with made.writing() as session:
        for one in session.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            session.execute(text(f"DROP TRIGGER {one}"))
        session.execute(text("PRAGMA defer_foreign_keys = ON"))
        for statement in statements:
            session.execute(text(statement))
    return _verify(made).fault


def test_an_untouched_trail_verifies(finished: World) -> None:
    found = _verify(finished.database)
    assert found.intact
    assert found.events == found.head.sequence > 200
    with finished.database.reading() as session:
        assert found.revisions == len(session.scalars(select(Revision.id)).all())


def test_one_byte_of_an_old_rating_is_found_and_named(copy: Database) -> None:
    with copy.reading() as session:
        old = session.scalars(select(Revision).where(Revision.kind == "stage_two").order_by(Revision.id)).first()
        assert old is not None
    fault = _tamper(copy, f"UPDATE revisions SET content = replace(content, '4', '5') WHERE id = {old.id}")
    assert fault is not None
    assert fault.startswith(f"answer {old.key} (stage_two number 1) of event ")
    assert fault.endswith("was changed")


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE events SET actor = 'somebody' WHERE sequence = 20", r"event 20 \(.*\) was changed"),
        ("UPDATE events SET at = '2020-01-01T00:00:00.000000Z' WHERE sequence = 7", r"event 7 \(.*\) was changed"),
        ("DELETE FROM events WHERE sequence = 31", r"event 31 is missing: the next is 32"),
        ("UPDATE revisions SET reason = 'because' WHERE id = 3", r"answer .* of event \d+ was changed"),
        ("UPDATE revisions SET author_id = 1 WHERE id = 3", r"answer .* of event \d+ was changed"),
        ("UPDATE chain_head SET sequence = sequence + 1", r"the chain ends at event \d+, but its head says \d+"),
    ],
)
def test_each_kind_of_tampering_is_named(copy: Database, statement: str, fault: str) -> None:
    import re

    found = _tamper(copy, statement)
    assert found is not None
    assert re.search(fault, found), found


def test_an_answer_that_was_slipped_in_is_found(copy: Database) -> None:
    fault = _tamper(
        copy,
        "INSERT INTO revisions (key, study_id, author_id, kind, assignment_id, number, content, created_at, sha256) "
        "SELECT 'slipped', study_id, author_id, kind, assignment_id, 99, content, created_at, sha256 "
        "FROM revisions WHERE id = 2",
    )
    assert fault is not None
    assert "answer slipped (" in fault
    assert fault.endswith("has no event")


def test_a_chain_computed_anew_is_shown_by_a_head_that_was_given_out(copy: Database) -> None:
    known = _verify(copy).head
    cut = known.sequence - 1  # the unblinding
    fault = _tamper(
        copy,
        f"DELETE FROM events WHERE sequence > {cut}",
        f"UPDATE chain_head SET sequence = {cut}, sha256 = (SELECT sha256 FROM events WHERE sequence = {cut})",
    )
    assert fault is None  # by itself the shorter chain is whole
    found = _verify(copy, known).fault
    assert found == f"the chain ends at event {cut}, but event {known.sequence} was given out earlier"
    assert _verify(copy, Head(10, "f" * 64)).fault == "event 10 is not the one whose hash was given out earlier"


def test_a_backup_restores_to_the_same(finished: World, tmp_path: Path) -> None:
    told = backup(finished.database, tmp_path / "b" / "study.backup")
    assert restore(tmp_path / "b" / "study.backup", tmp_path / "new" / "study.sqlite") == told
    made = open_database(tmp_path / "new" / "study.sqlite")
    assert _verify(made).head.sha256 == told["head_sha256"]
    with made.reading() as session, finished.database.reading() as first:
        for table in ("revisions", "events", "outputs", "timings"):
            query = text(f"SELECT * FROM {table}")
            assert session.execute(query).all() == first.execute(query).all()
    made.close()
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["study.backup", "study.backup.json"]


def test_a_damaged_backup_is_refused_and_nothing_is_overwritten(finished: World, tmp_path: Path) -> None:
    file = tmp_path / "study.backup"
    backup(finished.database, file)
    with pytest.raises(StorageError, match="the file exists already"):
        backup(finished.database, file)
    with pytest.raises(StorageError, match="the file exists already"):
        restore(file, file)
    other = tmp_path / "other.backup"
    shutil.copy(file, other)
    with pytest.raises(StorageError, match="both files that the backup wrote are needed"):
        restore(other, tmp_path / "x.sqlite")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(StorageError, match="it is not the file that was written"):
        restore(file, tmp_path / "x.sqlite")
    assert not (tmp_path / "x.sqlite").exists()


def test_a_tampered_database_gives_no_backup(copy: Database, tmp_path: Path) -> None:
    assert _tamper(copy, "UPDATE revisions SET reason = 'x' WHERE id = 1") is not None
    with pytest.raises(StorageError, match="the audit trail does not verify: answer"):
        backup(copy, tmp_path / "out.backup")
    assert not (tmp_path / "out.backup").exists()
    assert NAME  # the study of the copy
