"""Brings a database to the tables of this version, or back to those of an earlier one.

Each migration is one file in `migrations/versions`, named after what it adds; all run inside one transaction, so a
database is never left between two of them.
"""

from __future__ import annotations

from collections.abc import Callable

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from annotations.database import WRITES, Database, StorageError, said_plainly


def versions() -> tuple[str, ...]:
    """Return the names of all migrations, the oldest first."""
    script = ScriptDirectory.from_config(_config())
    return tuple(reversed([one.revision for one in script.walk_revisions()]))


def current(database: Database) -> str | None:
    """Return the name of the migration the database is at, None where it has none of the tables."""
    with said_plainly(database.name), database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(database: Database, version: str = "head") -> None:
    """Bring the database up to `version`; a no-op where it is there already."""
    _check_known(database)
    _run(database, lambda config: command.upgrade(config, version))


def downgrade(database: Database, version: str) -> None:
    """Bring the database back to `version` ("base": no tables); what the later migrations added is lost."""
    _check_known(database)
    _run(database, lambda config: command.downgrade(config, version))


def require_current(database: Database) -> None:
    """Raise `StorageError` where the database is not at this program's version."""
    _check_known(database)
    found = current(database)
    if found != versions()[-1]:
        fault = "it holds no study yet" if found is None else f"it was made by an earlier version ({found})"
        raise StorageError(database.name, fault, "run `ecgr1 study upgrade`; take a backup first")


def _check_known(database: Database) -> None:
    found = current(database)
    if found is not None and found not in versions():
        raise StorageError(database.name, f"it was made by a later version ({found})", "update the program")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "annotations:migrations")
    return config


def _run(database: Database, work: Callable[[Config], None]) -> None:
    engine = database.engine.execution_options(**{WRITES: True})
    with said_plainly(database.name), engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        work(config)
