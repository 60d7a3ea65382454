"""Who may do what: one policy for each kind of thing, asked with the acting user, who comes from the log-in.

Nothing here trusts a name or key that a browser sends: the acting user is looked up from the session, and the thing
from the database. What somebody may not touch and what does not exist give the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations import audit
from annotations.tables import Assignment, Event, Membership, Role, Study, User
from ecgr1_core.errors import InputError

THIS_STUDY = "this study"  # what a refusal calls a study, so that it does not tell whether there is one of that name


class NotPermittedError(InputError):
    """The acting user may not do this, or what it is to be done to does not exist."""

    def __init__(self, subject: str) -> None:
        super().__init__(subject, "it does not exist, or you may not do this with it", "ask the investigator")


class WrongStateError(InputError):
    """The study or reading is not at the stage that the act belongs to."""


@dataclass(frozen=True)
class Acting:
    """One act: the transaction it happens in, who acts, and when (UTC)."""

    session: Session
    user: User
    now: datetime

    def record(self, kind: str, subject: str, study: Study | None = None, **content: object) -> Event:
        """Add the act to the audit trail."""
        return audit.record(
            self.session, at=self.now, kind=kind, subject=subject, content=content, actor=self.user, study=study
        )

    def membership(self, study: Study) -> Membership | None:
        """Return what the acting user is in the study, None where they are nothing in it."""
        return self.session.scalar(
            select(Membership).where(Membership.study_id == study.id, Membership.user_id == self.user.id)
        )

    def is_(self, study: Study, *roles: Role) -> bool:
        """Whether the acting user has one of the roles in the study and has not been withdrawn from it."""
        member = self.membership(study)
        return self.user.active and member is not None and member.withdrawn_at is None and member.role in roles


def require(allowed: bool, subject: str) -> None:
    """Raise `NotPermittedError` about `subject` where it is not allowed."""
    if not allowed:
        raise NotPermittedError(subject)


class AccountPolicy:
    """Accounts and sites."""

    @staticmethod
    def manage(acting: Acting) -> bool:
        """Invite, unlock and deactivate people: administrators."""
        return acting.user.active and acting.user.administrator

    @staticmethod
    def change_password(acting: Acting, user: User) -> bool:
        """One's own only; an administrator sends a new invitation instead."""
        return acting.user.active and acting.user.id == user.id


class StudyPolicy:
    """A study as a whole."""

    @staticmethod
    def create(acting: Acting) -> bool:
        """Make a study: administrators; whoever makes it names its investigator."""
        return acting.user.active and acting.user.administrator

    @staticmethod
    def design(acting: Acting, study: Study) -> bool:
        """Change cases, arms, outputs, people and design, lock, start, close: investigators of the study."""
        return acting.is_(study, "investigator")

    @staticmethod
    def see_progress(acting: Acting, study: Study) -> bool:
        """How far each rater is, without any answer: investigators and auditors of the study, and administrators."""
        return acting.is_(study, "investigator", "auditor") or AccountPolicy.manage(acting)

    @staticmethod
    def audit(acting: Acting, study: Study) -> bool:
        """Read the audit trail, which tells no answer: auditors and investigators of the study."""
        return acting.is_(study, "auditor", "investigator")

    @staticmethod
    def see_results(acting: Acting, study: Study) -> bool:
        """Answers by arm: investigators and auditors, and only after unblinding."""
        return acting.is_(study, "investigator", "auditor") and study.state == "unblinded"

    @staticmethod
    def unblind(acting: Acting, study: Study) -> bool:
        """Unblind: investigators of the study."""
        return acting.is_(study, "investigator")

    @staticmethod
    def adjudicate(acting: Acting, study: Study) -> bool:
        """Settle where raters differ: members who were named for it, and who see outputs as blind as raters do."""
        member = acting.membership(study)
        return (
            acting.user.active
            and member is not None
            and member.adjudicates
            and member.role == "rater"
            and member.withdrawn_at is None
        )

    @staticmethod
    def sign(acting: Acting, study: Study) -> bool:
        """Sign: whoever takes part in the study."""
        return acting.is_(study, "investigator", "rater", "auditor")


class AssignmentPolicy:
    """One reading."""

    @staticmethod
    def rate(acting: Acting, assignment: Assignment) -> bool:
        """Open, draft, submit and revise: the rater it was drawn for, and nobody else."""
        member = assignment.membership
        return acting.user.active and member.user_id == acting.user.id and member.withdrawn_at is None
