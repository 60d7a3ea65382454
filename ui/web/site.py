"""The site that pages belong to: its settings, its study database, its rules for accounts.

The database is opened at the first request that needs it; a machine on which nobody runs a study has none.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import Request

from annotations import migrate
from annotations.accounts import AccountRules
from annotations.database import Database, open_database
from ecgr1_core.settings import Settings
from ui.web.jobs import Jobs
from ui.web.sign_on import SignOn, sign_on_of

STUDY_FILE = "study.sqlite"


@dataclass
class Site:
    """What every page can ask for; one for each running program.

    `setup_code` is told in the terminal of the server, and asked for before somebody becomes the first administrator.
    `jobs` is work in the background, `kept` what pages keep by name while the program runs, `sign_on` single sign-on,
    None where it is off; `InputError` where the settings say only half of it.
    """

    settings: Settings
    setup_code: str = field(default_factory=lambda: secrets.token_hex(4))
    jobs: Jobs = field(default_factory=Jobs)
    kept: dict[str, Any] = field(default_factory=dict)
    sign_on: SignOn | None = field(init=False)
    _database: Database | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.sign_on = sign_on_of(self.settings)

    @property
    def where(self) -> str:
        """Path or URL of the study database."""
        return self.settings.study_database or str(self.settings.data_dir / STUDY_FILE)

    @property
    def rules(self) -> AccountRules:
        """What is asked of passwords and log-ins."""
        return AccountRules(
            password_days=self.settings.password_days, idle=timedelta(minutes=self.settings.login_idle_minutes)
        )

    @property
    def secure(self) -> bool:
        """Whether browsers reach the site by https only, so that its cookie may never travel otherwise."""
        return (self.settings.public_url or "").startswith("https://")

    def exists(self) -> bool:
        """Whether there is a study database, so that somebody can log in."""
        return self._database is not None or "://" in self.where or Path(self.where).exists()

    @property
    def database(self) -> Database:
        """The study database; `StorageError` where it cannot be opened or is of another version."""
        with self._lock:
            if self._database is None:
                database = open_database(self.where)
                migrate.require_current(database)
                self._database = database
            return self._database

    def make_database(self) -> Database:
        """Make the study database where there is none, or bring an empty one to this version; return it."""
        with self._lock:
            if self._database is None:
                database = open_database(self.where)
                if migrate.current(database) is None:
                    migrate.upgrade(database)
                migrate.require_current(database)
                self._database = database
            return self._database

    def close(self) -> None:
        """Give back the connections."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def address(self, path: str, request: Request) -> str:
        """Return the full address of a page, for a link that is sent to somebody."""
        base: Any = self.settings.public_url or str(request.base_url)
        return f"{base.rstrip('/')}{path}"


def site_of(request: Request) -> Site:
    """Return the site that the request came to."""
    site = request.app.state.site
    assert isinstance(site, Site)
    return site
