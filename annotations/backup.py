"""Backup and restore of an SQLite study database, each with a check that nothing was lost.

The backup is made by SQLite's own online backup while raters go on; beside it stands a small JSON file with the hash of
the file and the end of the audit trail. A PostgreSQL database is backed up with its own tools.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import select

from annotations import audit, migrate
from annotations.audit import Head
from annotations.database import Database, StorageError, open_database
from annotations.lock import lock_fault
from annotations.tables import Study


def backup(database: Database, to: Path) -> dict[str, Any]:
    """Write a verified copy to `to` and its description to `to`.json, and return the description.

    Raises `StorageError` where `to` exists, cannot be written, or the copy does not verify.
    """
    source = _path(database)
    if to.exists():
        raise StorageError(to, "the file exists already", "give another name; backups are never overwritten")
    part = to.with_name(to.name + ".part")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_RDWR, 0o600))
        with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(part)) as writing:
            reading.backup(writing)
            writing.execute("PRAGMA journal_mode = DELETE")  # one file, no write-ahead log beside it
        described = _verified(part, None)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        _describe(to).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
        part.rename(to)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(to, f"the backup could not be written ({error})", "give another place") from error
    finally:
        part.unlink(missing_ok=True)
    return described


def restore(backup_file: Path, to: Path) -> dict[str, Any]:
    """Check a backup against its description, copy it to `to`, verify the copy, and return the description.

    Raises `StorageError` where `to` exists, the description is missing, or anything does not agree.
    """
    if to.exists():
        raise StorageError(to, "the file exists already", "move it away first, so that nothing is overwritten")
    try:
        described = json.loads(_describe(backup_file).read_text(encoding="utf-8"))
        found = _file_hash(backup_file)
    except (OSError, ValueError) as error:
        fault = "the backup or its description cannot be read"
        raise StorageError(backup_file, fault, "both files that the backup wrote are needed") from error
    if found != described.get("file_sha256"):
        raise StorageError(backup_file, "it is not the file that was written", "use another backup")
    part = to.with_name(to.name + ".part")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(backup_file.read_bytes())
        part.chmod(0o600)
        _verified(part, Head(int(described["events"]), str(described["head_sha256"])))
        part.rename(to)
    except OSError as error:
        raise StorageError(to, f"it could not be written ({error})", "give another place") from error
    finally:
        part.unlink(missing_ok=True)
    return dict(described)


def _verified(path: Path, known: Head | None) -> dict[str, Any]:
    file_sha256 = _file_hash(path)
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        told = connection.execute("PRAGMA integrity_check").fetchone()[0]
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    if told != "ok" or broken is not None:
        raise StorageError(path, "the copy is damaged", "check the disk, then try again")
    copy = path.with_name(path.name + ".check")  # opening writes a log beside the file, so a second copy is opened
    try:
        copy.write_bytes(path.read_bytes())
        database = open_database(copy)
        with database.reading() as session:
            result = audit.verify(session, known)
            faults = [fault for study in session.scalars(select(Study)) if (fault := lock_fault(session, study))]
        version = migrate.current(database)
        database.close()
    finally:
        for suffix in ("", "-wal", "-shm"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)
    if result.fault or faults:
        raise StorageError(path, f"the audit trail does not verify: {result.fault or faults[0]}", "use another backup")
    return {
        "file_sha256": file_sha256,
        "version": version,
        "events": result.head.sequence,
        "revisions": result.revisions,
        "head_sha256": result.head.sha256,
    }


def _path(database: Database) -> Path:
    if database.path is None:
        raise StorageError(database.name, "it is not an SQLite file", "use pg_dump and pg_restore")
    return database.path


def _describe(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
