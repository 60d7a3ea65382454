"""The audit trail: a hash chain of events that also covers every submitted answer, and its verification.

Each event carries the hash of the one before it and of all its own fields; the event of an answer carries the hash of
the answer. Whoever changes one byte of either breaks the chain at a place that `verify` names. A person who may write
the file could compute the whole chain anew; what shows that is a hash of its head kept elsewhere: signatures, backups,
exports and `ecgr1 study status` give it out, `verify` takes it. Designed after 21 CFR Part 11, 11.10(e), and ICH
E6(R3); nothing here claims to comply with either.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations.database import utc_text
from annotations.tables import ChainHead, Event, Revision, Signature, Study, User

FIRST_HASH = "0" * 64


def canonical(data: Any) -> str:
    """Return `data` as JSON with sorted keys and no spaces, always the same for equal data; ValueError for NaN."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(text: str) -> str:
    """Return the SHA-256 of the text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Head:
    """The end of the chain: how many events, and the hash of the last."""

    sequence: int
    sha256: str


@dataclass(frozen=True)
class Verification:
    """What `verify` found: `fault` names the first broken link, None where all are whole."""

    events: int
    revisions: int
    head: Head
    fault: str | None

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return self.fault is None


def record(
    session: Session,
    *,
    at: datetime,
    kind: str,
    subject: str,
    content: Mapping[str, Any] | None = None,
    actor: User | None = None,
    study: Study | None = None,
) -> Event:
    """Add an event to the end of the chain and return it; the caller's transaction decides whether it stays.

    `kind` is "thing.act", `subject` a key or name, `content` JSON data. Other writers wait until the transaction ends.
    """
    session.flush()
    head = session.execute(select(ChainHead).with_for_update().execution_options(populate_existing=True)).scalar_one()
    event = Event(
        sequence=head.sequence + 1,
        at=at,
        actor=None if actor is None else actor.key,
        study=None if study is None else study.key,
        kind=kind,
        subject=subject,
        content=canonical(dict(content or {})),
        previous_sha256=head.sha256,
    )
    event.sha256 = event_hash(event)
    session.add(event)
    head.sequence, head.sha256 = event.sequence, event.sha256
    session.flush()
    return event


def event_hash(event: Event) -> str:
    """Return the SHA-256 over all fields of the event but its own hash."""
    fields = [event.sequence, utc_text(event.at), event.actor, event.study, event.kind, event.subject]
    return sha256(canonical([*fields, event.content, event.previous_sha256]))


def revision_hash(revision: Revision) -> str:
    """Return the SHA-256 over all that a submitted answer says, by keys, so that it does not depend on row numbers."""
    subject = revision.assignment if revision.assignment is not None else revision.output
    assert subject is not None  # a check of the table
    fields = [revision.key, revision.study.key, revision.author.key, revision.kind, subject.key, revision.number]
    return sha256(canonical([*fields, revision.content, revision.reason, utc_text(revision.created_at)]))


def head(session: Session) -> Head:
    """Return the end of the chain as it stands."""
    row = session.execute(select(ChainHead)).scalar_one()
    return Head(row.sequence, row.sha256)


def verify(session: Session, known: Head | None = None) -> Verification:
    """Take every hash again and return the first thing that does not agree.

    `known` is a head that was given out earlier: it must still be in the chain, which shows a chain computed anew and
    one whose end was cut off.
    """
    end = head(session)
    revisions = {one.key: one for one in session.scalars(select(Revision))}
    count, fault = 0, None
    previous, covered = FIRST_HASH, set[str]()
    for event in session.scalars(select(Event).order_by(Event.sequence).execution_options(yield_per=500)):
        count += 1
        fault = _fault_of(event, count, previous) or _fault_of_revision(event, revisions, covered)
        if known is not None and event.sequence == known.sequence and event.sha256 != known.sha256 and fault is None:
            fault = f"event {event.sequence} is not the one whose hash was given out earlier"
        if fault is not None:
            break
        previous = event.sha256
    if fault is None:
        fault = _fault_of_the_rest(session, end, known, count, previous, revisions, covered)
    return Verification(count, len(revisions), end, fault)


def _fault_of(event: Event, expected: int, previous: str) -> str | None:
    what = f"event {event.sequence} ({event.kind}, {utc_text(event.at)})"
    if event.sequence != expected:
        return f"event {expected} is missing: the next is {event.sequence} ({event.kind})"
    if event.previous_sha256 != previous:
        return f"{what} does not follow from the event before it"
    if event.sha256 != event_hash(event):
        return f"{what} was changed"
    return None


def _fault_of_revision(event: Event, revisions: Mapping[str, Revision], covered: set[str]) -> str | None:
    told = json.loads(event.content)
    if "revision" not in told:
        return None
    revision = revisions.get(told["revision"])
    covered.add(told["revision"])
    if revision is None:
        return f"answer {told['revision']} of event {event.sequence} is missing"
    if revision.sha256 != told["sha256"] or revision_hash(revision) != told["sha256"]:
        return f"answer {revision.key} ({revision.kind} number {revision.number}) of event {event.sequence} was changed"
    return None


def _fault_of_the_rest(
    session: Session,
    end: Head,
    known: Head | None,
    count: int,
    last: str,
    revisions: Mapping[str, Revision],
    covered: set[str],
) -> str | None:
    if (end.sequence, end.sha256) != (count, last):
        return f"the chain ends at event {count}, but its head says {end.sequence}"
    if known is not None and known.sequence > count:
        return f"the chain ends at event {count}, but event {known.sequence} was given out earlier"
    for key, revision in sorted(revisions.items()):
        if key not in covered:
            return f"answer {key} ({revision.kind} number {revision.number}) has no event"
    for signature in session.scalars(select(Signature).order_by(Signature.id)):
        event = session.get(Event, signature.chain_sequence)
        if signature.chain_sequence and (event is None or event.sha256 != signature.chain_sha256):
            return f"signature {signature.key} stands under an end of the chain that never was"
    return None
