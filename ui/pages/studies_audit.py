"""The audit trail of a study: its events, the end of the chain, and the check of every hash.

The trail tells who did what and when; answers are in it only by their hashes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from starlette.responses import Response, StreamingResponse

from annotations import audit, desk
from annotations.database import utc_text
from annotations.lock import lock_fault
from annotations.policy import THIS_STUDY, Acting, StudyPolicy, require
from annotations.tables import Event, Study, User
from ui import strings_studies as words
from ui.web.pages import page
from ui.web.visits import APosted, AVisit, Visit

router = APIRouter()
ROWS = 100


@router.get("/studies/{key}/audit")
def show_audit(request: Request, visit: AVisit, key: str, before: int | None = None, kind: str = "") -> Response:
    """The events of a study, the newest first."""
    return _audit_page(request, visit, key, before, kind)


@router.post("/studies/{key}/audit")
def verify(request: Request, posted: APosted, key: str) -> Response:
    """Take every hash of the whole trail again, and that of the study's lock."""
    with posted.visit.reading() as acting:
        study = _study(acting, key)
        found = audit.verify(acting.session)
        fault = found.fault or lock_fault(acting.session, study)
    if fault is None:
        told = words.VERIFIED.format(events=found.events, revisions=found.revisions)
    else:
        told = words.BROKEN.format(fault=fault)
    return _audit_page(request, posted.visit, key, None, "", told=told, intact=fault is None)


@router.get("/studies/{key}/audit.jsonl")
def download(visit: AVisit, key: str) -> Response:
    """Every event of the study as JSON lines."""
    with visit.reading() as acting:
        study = _study(acting, key)
        events = list(acting.session.scalars(_events(study).order_by(Event.sequence)))
        people = _names(acting)

    def lines() -> Iterator[str]:
        for one in events:
            row = {
                "sequence": one.sequence, "at": utc_text(one.at), "actor": people.get(one.actor or "", one.actor),
                "kind": one.kind, "subject": one.subject, "content": json.loads(one.content),
                "previous_sha256": one.previous_sha256, "sha256": one.sha256,
            }  # fmt: skip
            yield json.dumps(row, ensure_ascii=False) + "\n"

    disposition = {"Content-Disposition": "attachment; filename=audit.jsonl"}
    return StreamingResponse(lines(), media_type="application/jsonl", headers=disposition)


def _study(acting: Acting, key: str) -> Study:
    study = desk.study_by_key(acting.session, key)
    require(StudyPolicy.audit(acting, study), THIS_STUDY)
    return study


def _events(study: Study):  # type: ignore[no-untyped-def]  # the type of a query is long and says nothing
    return select(Event).where(Event.study == study.key)


def _names(acting: Acting) -> dict[str, str]:
    return {one.key: one.name for one in acting.session.scalars(select(User))}


def _details(event: Event) -> str:
    told = json.loads(event.content)
    return "; ".join(f"{name}: {value}" for name, value in told.items() if value is not None)


def _audit_page(
    request: Request, visit: Visit, key: str, before: int | None, kind: str, *, told: str = "", intact: bool = True
) -> Response:
    with visit.reading() as acting:
        study = _study(acting, key)
        query = _events(study)
        if kind:
            query = query.where(Event.kind.startswith(kind, autoescape=True))
        count = acting.session.scalar(select(func.count()).select_from(query.subquery())) or 0
        if before is not None:
            query = query.where(Event.sequence < before)
        events = list(acting.session.scalars(query.order_by(Event.sequence.desc()).limit(ROWS)))
        head = audit.head(acting.session)
        people = _names(acting)
    rows = [
        {
            "event": one,
            "who": people.get(one.actor or "", ""),
            "more": _details(one),
        }
        for one in events
    ]
    return page(
        request, "studies_audit.html", visit=visit, here="studies", words=words, study=study, rows=rows, count=count,
        head=f"{head.sequence}:{head.sha256}", kind=kind, older=events[-1].sequence if len(events) == ROWS else None,
        told=told, intact=intact,
    )  # fmt: skip
