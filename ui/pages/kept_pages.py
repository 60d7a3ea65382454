"""The files of pages that recordings were read off, kept beside the recordings for the visitor who opened them.

One SQLite file of its own. A page belongs to its recording: to the same owner, of whom only a digest is kept, and to
the recording's digest; it is opened, removed and expires with it. Files that are not small are not kept.
"""

from __future__ import annotations

import json
import zlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import LargeBinary, delete, select, text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from annotations.database import Database, UtcTime, sqlite_engine
from annotations.recordings import owner_digest
from ecgr1_core.digitize import Asked
from ecgr1_core.errors import InputError
from ui.pages.case_page import CasePage, asked_json, asked_of

PAGES_FILE = "pages.sqlite"


class _Table(DeclarativeBase):
    pass


class _Page(_Table):
    __tablename__ = "page"

    owner: Mapped[str] = mapped_column(primary_key=True)
    recording: Mapped[str] = mapped_column(primary_key=True)
    opened_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    name: Mapped[str]
    number: Mapped[int]
    pages: Mapped[int]
    first: Mapped[str]
    asked: Mapped[str]
    shown: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class PageFiles:
    """The pages of all owners in one SQLite file; may be used from several threads."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; InputError where that cannot be."""
        try:
            self._database = Database(sqlite_engine(path), path.name)
        except OSError as error:
            remedy = "give a folder that can be written with ECGR1_DATA_DIR, or set ECGR1_KEEP_RECORDINGS=false"
            raise InputError(path, f"it cannot be made ({error.strerror or error})", remedy) from error
        with self._database.writing() as session:
            _Table.metadata.create_all(session.connection())

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def keep(self, owner: str, recording: str, page: CasePage, now: datetime) -> None:
        """Keep the page of a recording of `owner`; one that is not small is left out.

        Where something of it was hidden, it takes the place of the file that was kept before, which is overwritten.
        """
        if not page.is_small:
            if page.has_hidden:
                self.remove(owner, recording)
            return
        place = {"owner": owner_digest(owner), "recording": recording}
        values: dict[str, Any] = {
            "opened_at": now,
            "first": json.dumps(asked_json(page.first)),
            "asked": json.dumps(asked_json(page.asked)),
            "shown": zlib.compress(json.dumps(dict(page.shown)).encode()),
        }
        file = {"name": page.name, "number": page.number, "pages": page.pages, "content": page.content}
        if page.has_hidden:
            values |= file
        with self._database.writing() as session:
            known = session.execute(update(_Page).filter_by(**place).values(**values))
            if not getattr(known, "rowcount", 0):
                session.add(_Page(**place, **(values | file)))
        if page.has_hidden:
            self._empty_log()

    def open(self, owner: str, recording: str) -> CasePage | None:
        """Return the page of a recording of `owner`, None where none is kept."""
        with self._database.reading() as session:
            row = session.scalar(select(_Page).filter_by(owner=owner_digest(owner), recording=recording))
            if row is None:
                return None
            first, asked = (_asked(document) for document in (row.first, row.asked))
            shown = json.loads(zlib.decompress(row.shown))
            return CasePage(row.name, row.content, row.number, row.pages, first, asked, shown)

    def remove(self, owner: str, recording: str) -> None:
        """Delete the page of a recording of `owner`, if one is kept."""
        self._delete(delete(_Page).filter_by(owner=owner_digest(owner), recording=recording))

    def remove_all(self, owner: str) -> None:
        """Delete every page of `owner`."""
        self._delete(delete(_Page).filter_by(owner=owner_digest(owner)))

    def expire(self, now: datetime, keep_days: float) -> None:
        """Delete what nobody has opened for `keep_days`."""
        self._delete(delete(_Page).where(_Page.opened_at < now - timedelta(days=keep_days)))

    def _delete(self, statement: Any) -> None:
        with self._database.writing() as session:
            count = getattr(session.execute(statement), "rowcount", 0)
        if count:
            self._empty_log()

    def _empty_log(self) -> None:
        """Empty the write-ahead log, which still holds the pages as they were."""
        with self._database.engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))


def _asked(document: str) -> Asked:
    return asked_of(json.loads(document))
