"""Each migration goes up and down on real files, keeps what is there, and ends at the tables of the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from annotations import migrate
from annotations.database import Database, StorageError, open_database
from annotations.tables import Base


def _shape(made: Database) -> dict[str, object]:
    look = inspect(made.engine)
    names = [name for name in look.get_table_names() if name != "alembic_version"]
    with made.reading() as session:
        triggers = session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    columns = {name: [(one["name"], str(one["type"])) for one in look.get_columns(name)] for name in names}
    return {**columns, "triggers": sorted(tuple(one) for one in triggers)}


def test_the_newest_version_has_the_tables_of_the_program(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    assert migrate.current(database) == migrate.versions()[-1]


@pytest.mark.parametrize("number", range(8))
def test_each_version_goes_to_the_newest_and_back(tmp_path: Path, number: int) -> None:
    version = migrate.versions()[number]
    made = open_database(tmp_path / "old.sqlite")
    migrate.upgrade(made, version)
    before = _shape(made)
    with made.writing() as session:
        session.execute(text("INSERT INTO sites (key, name) VALUES ('k', 'Hospital')"))
    migrate.upgrade(made)
    assert migrate.current(made) == migrate.versions()[-1]
    migrate.downgrade(made, version)
    assert _shape(made) == before
    with made.reading() as session:
        assert session.execute(text("SELECT name FROM sites")).scalar() == "Hospital"
    made.close()


def test_everything_can_be_taken_back(database: Database) -> None:
    migrate.downgrade(database, "base")
    assert _shape(database) == {"triggers": []}


def test_a_database_of_another_version_is_told(tmp_path: Path) -> None:
    made = open_database(tmp_path / "old.sqlite")
    with pytest.raises(StorageError, match="it holds no study yet; run `ecgr1 study upgrade`"):
        migrate.require_current(made)
    migrate.upgrade(made, "0003_assignments")
    with pytest.raises(StorageError, match=r"made by an earlier version \(0003_assignments\)"):
        migrate.require_current(made)
    migrate.upgrade(made)
    migrate.require_current(made)
    with made.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999_future'"))
    with pytest.raises(StorageError, match=r"made by a later version \(9999_future\); update the program"):
        migrate.upgrade(made)
