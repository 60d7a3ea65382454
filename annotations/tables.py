"""The tables of reader studies: who reads, what is read, by whom it was written, and what was answered.

Rows refer to each other by integers inside the database; what leaves it is `key`, a random word that tells nothing.
`revisions`, `events` and `signatures` are only ever added to: triggers (made by the migrations) refuse any other
statement. What a draft, rating or event says is canonical JSON text, so that its hash can be taken again. This module
holds no rule: who may do what is in `policy`, what follows what in the modules named after the act.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Literal

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from annotations.database import UtcTime

Role = Literal["investigator", "rater", "auditor"]
ROLES: tuple[Role, ...] = ("investigator", "rater", "auditor")
StudyState = Literal["draft", "locked", "running", "closed", "unblinded"]
STUDY_STATES: tuple[StudyState, ...] = ("draft", "locked", "running", "closed", "unblinded")
RevisionKind = Literal["stage_one", "stage_two", "cannot_rate", "flag", "adjudication"]

_NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def new_key() -> str:
    """Return 128 random bits as 22 letters that a URL can carry, from the system's source: nobody may guess it."""
    return secrets.token_urlsafe(16)


class Base(DeclarativeBase):
    """What the tables share."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {datetime: UtcTime}  # noqa: RUF012  (read by SQLAlchemy, never changed)


class User(Base):
    """Someone who can log in. `password_hash` is None until a password is set, if ever: see `Identity`."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True, default=new_key)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    full_name: Mapped[str] = mapped_column(String(200))
    administrator: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    password_changed_at: Mapped[datetime | None]
    failed_attempts: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    invitation_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)
    invitation_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Identity(Base):
    """As whom an identity provider knows a user: its own name for them, which it gives to nobody else."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), UniqueConstraint("user_id", "issuer"))
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    linked_at: Mapped[datetime]
    user: Mapped[User] = relationship()


class Login(Base):
    """One browser's log-in; only the hash of its token is kept.

    `confirmed_at` is when an identity provider last confirmed whose it is, None once a signature has used that up.
    """

    __tablename__ = "logins"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    user: Mapped[User] = relationship()


class Site(Base):
    """A hospital or group that raters belong to."""

    __tablename__ = "sites"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True, default=new_key)
    name: Mapped[str] = mapped_column(String(200), unique=True)


class Study(Base):
    """One reader study; `design` and `rubric` are canonical JSON, `lock_sha256` the hash of all that the lock froze."""

    __tablename__ = "studies"
    __table_args__ = (CheckConstraint("state IN ('draft','locked','running','closed','unblinded')", name="state"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True, default=new_key)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(16), default="draft")
    design: Mapped[str] = mapped_column(Text)
    rubric: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    locked_at: Mapped[datetime | None]
    lock_sha256: Mapped[str | None] = mapped_column(String(64))


class Membership(Base):
    """What one user is in one study; exactly one role, so that nobody rates what they can unblind."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("study_id", "user_id"),
        CheckConstraint("role IN ('investigator','rater','auditor')", name="role"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("sites.id"))
    role: Mapped[str] = mapped_column(String(16))
    adjudicates: Mapped[bool] = mapped_column(default=False)
    withdrawn_at: Mapped[datetime | None]
    user: Mapped[User] = relationship()
    site: Mapped[Site | None] = relationship()
    study: Mapped[Study] = relationship()


class Case(Base):
    """One recording of the study; `patient` is a pseudonym, needed to keep patients apart between data sets.

    `reference_labels` (JSON list) is a known truth, None where there is none.
    """

    __tablename__ = "cases"
    __table_args__ = (UniqueConstraint("study_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True, default=new_key)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"))
    name: Mapped[str] = mapped_column(String(200))
    patient: Mapped[str] = mapped_column(String(200))
    practice: Mapped[bool] = mapped_column(default=False)
    sampling_rate_hz: Mapped[float]
    age_years: Mapped[float | None]
    sex: Mapped[str | None] = mapped_column(String(1))
    trace_sha256: Mapped[str] = mapped_column(String(64))
    reference_labels: Mapped[str | None] = mapped_column(Text)


class CaseTrace(Base):
    """The samples of a case: float32 millivolts, little-endian, [12, samples] by rows, compressed by zlib."""

    __tablename__ = "case_traces"
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    samples: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Arm(Base):
    """One way in which readings were made: reader, version, modality, precision of the weights, hash of the prompt."""

    __tablename__ = "arms"
    __table_args__ = (UniqueConstraint("study_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True, default=new_key)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"))
    name: Mapped[str] = mapped_column(String(80))
    reader: Mapped[str] = mapped_column(String(80))
    version: Mapped[str | None] = mapped_column(String(200))
    modality: Mapped[str] = mapped_column(String(16))
    precision: Mapped[str | None] = mapped_column(String(16))
    prompt_sha256: Mapped[str | None] = mapped_column(String(64))


class Output(Base):
    """One reading of one case by one arm: as written, as shown, and what the screening found.

    `screening` is "clean", "masked", "flagged" (nobody has decided yet) or "accepted" (looked at and left as it is);
    `findings` is the JSON list of what was found, `phrases` a JSON object step number -> proposed evidence phrases.
    """

    __tablename__ = "outputs"
    __table_args__ = (UniqueConstraint("case_id", "arm_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True, default=new_key)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    arm_id: Mapped[int] = mapped_column(ForeignKey("arms.id"))
    written: Mapped[str] = mapped_column(Text)
    shown: Mapped[str] = mapped_column(Text)
    screening: Mapped[str] = mapped_column(String(16))
    findings: Mapped[str] = mapped_column(Text)
    phrases: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    case: Mapped[Case] = relationship()
    arm: Mapped[Arm] = relationship()


class Assignment(Base):
    """One reading that one rater is to do: which case, in which place of the queue, drawn when the study was locked."""

    __tablename__ = "assignments"
    __table_args__ = (UniqueConstraint("membership_id", "place"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True, default=new_key)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    membership_id: Mapped[int] = mapped_column(ForeignKey("memberships.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    place: Mapped[int]
    period: Mapped[int]
    practice: Mapped[bool]
    duplicate_of_id: Mapped[int | None] = mapped_column(ForeignKey("assignments.id"))
    membership: Mapped[Membership] = relationship()
    case: Mapped[Case] = relationship()
    shown: Mapped[list[AssignmentOutput]] = relationship(order_by="AssignmentOutput.letter")


class AssignmentOutput(Base):
    """Which output stands under which letter in one reading; letters from A, left to right."""

    __tablename__ = "assignment_outputs"
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), primary_key=True)
    letter: Mapped[str] = mapped_column(String(1), primary_key=True)
    output_id: Mapped[int] = mapped_column(ForeignKey("outputs.id"), index=True)
    output: Mapped[Output] = relationship()


class Timing(Base):
    """When one stage of one reading was shown, first touched and submitted, and how long it was worked at.

    `active_s` leaves out idle time: it is the sum of the gaps between signs of activity, each counted up to the idle
    limit of the design. `display` is the display in force at the last sign (JSON), None where the page told none.
    """

    __tablename__ = "timings"
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), primary_key=True)
    stage: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    shown_at: Mapped[datetime]
    first_interaction_at: Mapped[datetime | None]
    last_activity_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    active_s: Mapped[float] = mapped_column(default=0.0)
    display: Mapped[str | None] = mapped_column(Text)


class Draft(Base):
    """The unsubmitted answers of one stage; `number` grows with each change, so that a late message does no harm."""

    __tablename__ = "drafts"
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), primary_key=True)
    stage: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    content: Mapped[str] = mapped_column(Text)
    saved_at: Mapped[datetime]


class Revision(Base):
    """One submitted answer; a change is a further row with a higher `number` and a reason."""

    __tablename__ = "revisions"
    __table_args__ = (
        UniqueConstraint("assignment_id", "kind", "number"),
        UniqueConstraint("output_id", "kind", "number"),
        CheckConstraint("(assignment_id IS NULL) <> (output_id IS NULL)", name="subject"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True, default=new_key)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(String(16))
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignments.id"))
    output_id: Mapped[int | None] = mapped_column(ForeignKey("outputs.id"))
    number: Mapped[int]
    content: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    sha256: Mapped[str] = mapped_column(String(64))
    author: Mapped[User] = relationship()
    study: Mapped[Study] = relationship()
    assignment: Mapped[Assignment | None] = relationship()
    output: Mapped[Output | None] = relationship()


class Event(Base):
    """One link of the hash chain: who did what to what, when; keys, not integers, so that it can be read alone."""

    __tablename__ = "events"
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str | None] = mapped_column(String(32))
    study: Mapped[str | None] = mapped_column(String(32), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(Text)
    previous_sha256: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))


class ChainHead(Base):
    """The last link of the chain (one row): writers hold it while they add the next."""

    __tablename__ = "chain_head"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))


class Signature(Base):
    """A person's signature, given with the password: what it means, and the end of the chain that it stands under."""

    __tablename__ = "signatures"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True, default=new_key)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    meaning: Mapped[str] = mapped_column(String(40))
    printed_name: Mapped[str] = mapped_column(String(200))
    signed_at: Mapped[datetime]
    content_sha256: Mapped[str] = mapped_column(String(64))
    chain_sequence: Mapped[int]
    chain_sha256: Mapped[str] = mapped_column(String(64))
