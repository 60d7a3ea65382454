"""The recordings that a visitor has opened, kept in one SQLite file: samples, measurements, readings, view settings.

Everything belongs to one owner, a secret of the visitor's browser of which only a digest is kept, and nothing of one
owner is ever given to another. The store reads no clock, draws nothing, and does not know what a reading means.
"""

from __future__ import annotations

import hashlib
import json
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint, delete, select, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from annotations.database import sqlite_engine
from annotations.plain import from_plain, to_plain
from ecgr1_core.errors import DamagedFileError, InputError
from ecgr1_core.measure.types import Measurements
from ecgr1_core.modality import Modality
from ecgr1_core.readers.base import ReadingDetails
from ecgr1_core.record import LEADS, DeviceReading, EcgRecord, FloatArray, Patient
from ecgr1_core.verify import Claim

SCHEMA_VERSION = 1
FILE_NAME = "recordings.sqlite"
LONGEST_OWNER = 200

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class KeptReading:
    """One reading as it stood on the page.

    `reader` is the short name of the reader, `title` its name for people; `raw` the text as it was written; `claims`
    what the measurements said of it, None where nothing was checked; `stopped` that it was cancelled.
    """

    reader: str
    title: str
    version: str
    modality: Modality
    raw: str
    seconds: float
    made_at: str
    page_origin: str | None = None
    stopped: bool = False
    details: ReadingDetails = field(default_factory=ReadingDetails)
    claims: tuple[Claim, ...] | None = None


@dataclass(frozen=True)
class Entry:
    """One line of the list of recordings; `read_by` and `contradicted` are those of the last reading, None without."""

    key: str
    name: str
    patient: Patient
    opened_at: datetime
    measured: bool
    read_by: str | None
    contradicted: int | None


@dataclass(frozen=True, eq=False)
class KeptRecording:
    """A recording as it was left; `lost` names what another version kept in a form not read here."""

    key: str
    record: EcgRecord
    measurements: Measurements | None
    reading: KeptReading | None
    view: Mapping[str, Any]
    lost: tuple[str, ...] = ()


class _Table(DeclarativeBase):
    pass


class _Recording(_Table):
    __tablename__ = "recording"
    __table_args__ = (UniqueConstraint("owner", "digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    digest: Mapped[str]
    opened_at: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    sampling_rate_hz: Mapped[float]
    facts: Mapped[str]
    signal: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    measurements: Mapped[str | None] = mapped_column(deferred=True)
    measured: Mapped[bool]
    view: Mapped[str] = mapped_column(default="{}")
    readings: Mapped[list[_Reading]] = relationship(
        back_populates="recording", cascade="all, delete-orphan", passive_deletes=True
    )


class _Reading(_Table):
    __tablename__ = "reading"
    __table_args__ = (UniqueConstraint("recording_id", "reader", "modality"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    recording_id: Mapped[int] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), index=True)
    reader: Mapped[str]
    modality: Mapped[str]
    made_at: Mapped[str]
    title: Mapped[str]
    contradicted: Mapped[int | None]
    document: Mapped[str] = mapped_column(deferred=True)
    recording: Mapped[_Recording] = relationship(back_populates="readings")


class RecordingStore:
    """The recordings of all owners in one SQLite file; may be used from several threads."""

    def __init__(self, path: Path, keep_days: float) -> None:
        """Open or make the file; InputError where that cannot be, or it is another file or of a later version."""
        self.path = path
        self.keep_days = keep_days
        try:
            self._engine = sqlite_engine(path)
        except OSError as error:
            remedy = "give a folder that can be written with ECGR1_DATA_DIR, or set ECGR1_KEEP_RECORDINGS=false"
            raise InputError(path, f"it cannot be made ({error.strerror or error})", remedy) from error
        self._writing = threading.Lock()
        with self._told():
            self._prepare()

    def _prepare(self) -> None:
        with self._engine.begin() as connection:
            found = connection.execute(text("PRAGMA user_version")).scalar_one()
            if found > SCHEMA_VERSION:
                raise InputError(
                    self.path, "it was written by a later version of the program", "use that version, or move it away"
                )
            _Table.metadata.create_all(connection)
            connection.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what is wrong with the file or the disk into one sentence."""
        try:
            yield
        except OperationalError as error:
            remedy = "look for a full disk or another program that holds it"
            raise InputError(self.path, f"it cannot be used ({error.orig})", remedy) from error
        except DatabaseError as error:
            raise DamagedFileError(
                self.path, "it is no SQLite database", "move it away; a new one is then made"
            ) from error

    @contextmanager
    def _session(self, *, writing: bool = False) -> Iterator[Session]:
        with (
            self._told(),
            self._writing if writing else nullcontext(),
            Session(self._engine) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def keep(
        self,
        owner: str,
        record: EcgRecord,
        *,
        now: datetime,
        measurements: Measurements | None = None,
        reading: KeptReading | None = None,
        view: Mapping[str, Any] | None = None,
    ) -> str:
        """Keep a recording of `owner` and what is known of it, and return its key.

        The same samples under the same name are one recording, which is brought to the front. What is None leaves what
        was kept before. Of one reader and modality the last reading is kept. `now` must have a time zone.
        """
        digest = recording_digest(record)
        with self._session(writing=True) as session:
            row = session.scalar(_of(owner).where(_Recording.digest == digest))
            if row is None:
                row = _Recording(
                    owner=owner_digest(owner),
                    digest=digest,
                    name=record.name,
                    sampling_rate_hz=record.sampling_rate_hz,
                    facts=json.dumps(_facts(record)),
                    signal=packed_signal(record.signal_mv),
                    measured=False,
                )
                session.add(row)
            row.opened_at = _stamp(now)
            if measurements is not None:
                row.measurements = json.dumps(to_plain(measurements))
                row.measured = True
            if view is not None:
                row.view = json.dumps(dict(view))
            if reading is not None:
                _put_reading(row, reading)
            return digest

    def keep_view(self, owner: str, key: str, view: Mapping[str, Any]) -> None:
        """Keep how a recording of `owner` is looked at; nothing happens where there is none of that key."""
        with self._session(writing=True) as session:
            row = session.scalar(_of(owner).where(_Recording.digest == key))
            if row is not None:
                row.view = json.dumps(dict(view))

    def entries(self, owner: str) -> tuple[Entry, ...]:
        """Return what is kept of `owner`, the last opened first."""
        with self._session() as session:
            rows = session.scalars(_of(owner).order_by(_Recording.opened_at.desc(), _Recording.id.desc())).all()
            return tuple(_entry(row) for row in rows)

    def open(self, owner: str, key: str) -> KeptRecording:
        """Return a recording of `owner` as it was left; InputError where there is none of that key."""
        with self._session() as session:
            row = session.scalar(_of(owner).where(_Recording.digest == key))
            if row is None:
                raise InputError("the recording", "it is no longer kept here", "open its file again")
            lost: list[str] = []
            last = _last(row)
            measurements = _known(Measurements, row.measurements, "measurements", lost)
            reading = _known(KeptReading, last.document if last is not None else None, "reading", lost)
            return KeptRecording(key, _record(row), measurements, reading, json.loads(row.view), tuple(lost))

    def remove(self, owner: str, key: str) -> None:
        """Delete a recording of `owner` and all that was kept of it; nothing happens where there is none."""
        self._delete(delete(_Recording).where(_Recording.owner == owner_digest(owner), _Recording.digest == key))

    def remove_all(self, owner: str) -> None:
        """Delete every recording of `owner`."""
        self._delete(delete(_Recording).where(_Recording.owner == owner_digest(owner)))

    def expire(self, now: datetime) -> int:
        """Delete what nobody has opened for `keep_days`, and return how many recordings that were."""
        oldest = _stamp(now - timedelta(days=self.keep_days))
        return self._delete(delete(_Recording).where(_Recording.opened_at < oldest))

    def _delete(self, statement: Any) -> int:
        with self._session(writing=True) as session:
            count = int(session.connection().execute(statement).rowcount)
        if count:  # the write-ahead log still holds the pages as they were
            with self._told(), self._writing, self._engine.connect() as connection:
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        return count


def recording_digest(record: EcgRecord) -> str:
    """Return 32 digits that are the same for the same samples, sampling rate and name."""
    digest = hashlib.blake2b(record.signal_mv.tobytes(), digest_size=16)
    digest.update(json.dumps([record.sampling_rate_hz, record.name]).encode())
    return digest.hexdigest()


def owner_digest(owner: str) -> str:
    """Return what is kept of the secret of an owner; ValueError for none or one too long to be a secret of ours."""
    if not 0 < len(owner) <= LONGEST_OWNER:
        raise ValueError(f"an owner is named by 1 to {LONGEST_OWNER} characters")
    return hashlib.blake2b(owner.encode(), digest_size=16, person=b"ecgr1-owner").hexdigest()


def packed_signal(signal_mv: FloatArray) -> bytes:
    """Return [12, samples] float32 as compressed bytes, first the lowest byte of every sample, then the next."""
    planes = signal_mv.astype("<f4").reshape(-1).view(np.uint8).reshape(-1, 4).T
    return zlib.compress(np.ascontiguousarray(planes).tobytes(), level=6)


def unpacked_signal(content: bytes) -> FloatArray:
    """Return the [12, samples] float32 that `packed_signal` packed, bit for bit."""
    planes = np.frombuffer(zlib.decompress(content), dtype=np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<f4").reshape(len(LEADS), -1).astype(np.float32, copy=False)


def _of(owner: str) -> Any:
    return select(_Recording).where(_Recording.owner == owner_digest(owner))


def _stamp(moment: datetime) -> str:
    if moment.utcoffset() is None:
        raise ValueError("a moment must have a time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _facts(record: EcgRecord) -> dict[str, Any]:
    names = ("source_format", "missing_leads", "flat_leads", "derived_leads", "warnings", "patient", "device")
    return {name: to_plain(getattr(record, name)) for name in names}


def _record(row: _Recording) -> EcgRecord:
    facts = json.loads(row.facts)
    patient, source_format = from_plain(Patient, facts.pop("patient")), facts.pop("source_format")
    device = facts.pop("device", None)
    others: dict[str, Any] = {name: tuple(value) for name, value in facts.items()}
    others["device"] = device and from_plain(DeviceReading, device)
    return EcgRecord(unpacked_signal(row.signal), row.sampling_rate_hz, row.name, source_format, patient, **others)


def _put_reading(row: _Recording, reading: KeptReading) -> None:
    same = [one for one in row.readings if (one.reader, one.modality) == (reading.reader, reading.modality)]
    kept = same[0] if same else _Reading(reader=reading.reader, modality=reading.modality)
    kept.made_at, kept.title = reading.made_at, reading.title
    kept.contradicted = (
        None if reading.claims is None else sum(claim.status == "contradicted" for claim in reading.claims)
    )
    kept.document = json.dumps(to_plain(reading))
    if not same:
        row.readings.append(kept)


def _last(row: _Recording) -> _Reading | None:
    return max(row.readings, key=lambda reading: (reading.made_at, reading.id), default=None)


def _entry(row: _Recording) -> Entry:
    last = _last(row)
    return Entry(
        key=row.digest,
        name=row.name,
        patient=from_plain(Patient, json.loads(row.facts)["patient"]),
        opened_at=datetime.fromisoformat(row.opened_at),
        measured=row.measured,
        read_by=last.title if last is not None else None,
        contradicted=last.contradicted if last is not None else None,
    )


def _known(kind: type[Kind], document: str | None, name: str, lost: list[str]) -> Kind | None:
    if document is None:
        return None
    try:
        return from_plain(kind, json.loads(document))
    except ValueError:
        lost.append(name)
        return None
