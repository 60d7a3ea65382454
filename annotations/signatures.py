"""Signatures: who, when, what it means, under which state of the audit trail; who signs proves anew who they are.

By the password, or by a log-in at the identity provider that was asked for just before. Designed after 21 CFR Part 11,
11.50 (printed name, date and time, meaning) and 11.200 (proof at each signing).
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from annotations import audit
from annotations.accounts import confirm_password
from annotations.accounts_provider import use_confirmation
from annotations.lock import content_hash
from annotations.policy import THIS_STUDY, Acting, StudyPolicy, WrongStateError, require
from annotations.tables import Revision, Signature, Study
from ecgr1_core.errors import InputError

MEANINGS: Mapping[str, str] = {
    "ratings complete": "rater: my ratings are complete and my own",
    "design approved": "investigator: the locked design is the one of the protocol",
    "results approved": "investigator: the results are complete",
    "audit done": "auditor: the audit trail was verified",
}
_ROLES = {
    "ratings complete": "rater",
    "design approved": "investigator",
    "results approved": "investigator",
    "audit done": "auditor",
}


def sign(acting: Acting, study: Study, meaning: str, password: str, *, login: str = "") -> Signature:
    """Sign; `LoginRefusedError` for a wrong password, `InputError` for a meaning that is not the signer's to give.

    Without a password, `login` is the token of a log-in that the identity provider has just confirmed.

    What is signed is a hash: for a rater of their own answers, for others of what the lock froze.
    """
    require(StudyPolicy.sign(acting, study), THIS_STUDY)
    member = acting.membership(study)
    if meaning not in MEANINGS or member is None or _ROLES[meaning] != member.role:
        own = ", ".join(one for one, role in _ROLES.items() if member is not None and role == member.role)
        raise InputError(meaning, "you cannot sign that", f"you can sign: {own}")
    if study.state == "draft":
        raise WrongStateError(study.name, "it is not locked yet", "sign after the lock")
    if login and not password:
        use_confirmation(acting, login)
    else:
        confirm_password(acting.user, password)
    content = content_hash(acting.session, study)
    if meaning == "ratings complete":
        own_answers = acting.session.scalars(
            select(Revision.sha256)
            .where(Revision.study_id == study.id, Revision.author_id == acting.user.id)
            .order_by(Revision.id)
        )
        content = audit.sha256("".join(own_answers))
    head = audit.head(acting.session)
    signature = Signature(
        study_id=study.id,
        user_id=acting.user.id,
        meaning=meaning,
        printed_name=acting.user.full_name,
        signed_at=acting.now,
        content_sha256=content,
        chain_sequence=head.sequence,
        chain_sha256=head.sha256,
    )
    acting.session.add(signature)
    acting.session.flush()
    acting.record("study.signed", signature.key, study, meaning=meaning, content_sha256=content, name=acting.user.name,
                  proof="identity provider" if login and not password else "password")  # fmt: skip
    return signature
