"""The same study on a real PostgreSQL server, which the test starts where Debian's is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import simulated_study
from conftest import NOW
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from annotations import audit, lock, migrate, studies
from annotations.database import open_database
from annotations.design import Design

_BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@pytest.fixture
def url() -> Iterator[str]:
    """Start a server in an empty folder, as the user postgres where we are root, and stop it at the end."""
    pytest.importorskip("pg8000", reason="needs the driver pg8000")
    if _BIN is None:
        pytest.skip("needs Debian's postgresql")
    folder = Path(tempfile.mkdtemp(prefix="ecgr1-pg-"))  # not under the folder of the tests: postgres must reach it
    before = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        before = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    control = [*before, str(_BIN / "pg_ctl"), "-D", str(data), "-w"]
    run = {"check": True, "capture_output": True, "cwd": "/"}
    try:
        subprocess.run([*before, str(_BIN / "initdb"), "-D", str(data), "-A", "trust", "-U", "study"], **run)  # type: ignore[call-overload]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
        subprocess.run([*control, "-o", options, "-l", str(folder / "log"), "start"], **run)  # type: ignore[call-overload]
        yield f"postgresql+pg8000://study@127.0.0.1:{port}/postgres"
        subprocess.run([*control, "-m", "immediate", "stop"], **run)  # type: ignore[call-overload]
    finally:
        shutil.rmtree(folder)


def test_a_study_on_postgresql(url: str) -> None:
    world = simulated_study.build(url, raters=2, cases=3, design=Design(duplicate_share=0, sitting_cap=None))
    simulated_study.run(world)
    with world.database.reading() as session:
        study = studies.study_named(session, simulated_study.NAME)
        assert audit.verify(session).intact
        assert lock.lock_fault(session, study) is None
    refused = (
        ("UPDATE revisions SET reason = 'x'", "revisions can only be added to"),
        ("DELETE FROM events", "events can only be added to"),
        ("TRUNCATE signatures", "signatures can only be added to"),
        ("UPDATE outputs SET shown = 'x'", "the study is locked"),
        ("UPDATE studies SET state = 'draft'", "the study is locked"),
    )
    for statement, fault in refused:
        with pytest.raises(DatabaseError, match=fault), world.database.writing() as session:
            session.execute(text(statement))

    def write(number: int) -> None:
        for turn in range(5):
            with world.database.writing() as session:
                audit.record(session, at=NOW, kind="test.made", subject=f"{number}.{turn}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    with world.database.reading() as session:
        before = audit.verify(session)
    assert before.intact
    world.database.close()
    again = open_database(url)
    migrate.downgrade(again, "base")
    migrate.upgrade(again)
    assert migrate.current(again) == migrate.versions()[-1]
    again.close()
