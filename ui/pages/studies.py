"""The pages of studies: the list, one study as a wizard while it is built, and as an overview while it runs.

Who may see what is decided by `annotations.policy`: raters of a study, who would learn its arms, get the same answer as
for a study that does not exist. What the wizard's forms do is in `ui.pages.studies_build`.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from starlette.responses import Response

from annotations import accounts, adjudication, allocation, desk, lock, progress, signatures, studies
from annotations.design import Design
from annotations.policy import THIS_STUDY, Acting, StudyPolicy, require
from annotations.power import Assumptions
from annotations.results import progress as progress_of
from annotations.tables import Arm, Case, CaseTrace, Output, Study
from ecgr1_core.errors import InputError
from ecgr1_core.readers import known_readers
from ecgr1_core.readers.base import consent_needed
from ui import strings
from ui import strings_studies as words
from ui.pages.oidc import ways_to_sign
from ui.web.pages import go_on, page
from ui.web.visits import APosted, AVisit, Visit, text_of

router = APIRouter()
STEP_NAMES = tuple(name for name, _ in words.STEPS)


@router.get("/studies")
def show_studies(request: Request, visit: AVisit) -> Response:
    """The studies that one builds, audits or administers."""
    rows = []
    with visit.reading() as acting:
        for part in desk.taking_part(acting):
            if StudyPolicy.see_progress(acting, part.study) and not acting.is_(part.study, "rater"):
                rows.append({"part": part, "sizes": studies.count(acting.session, part.study)})
    return page(request, "studies_list.html", visit=visit, here="studies", words=words, rows=rows)


@router.post("/studies")
def make_study(request: Request, posted: APosted) -> Response:
    """Make a study and name its investigator."""
    with posted.visit.writing() as acting:
        study = studies.create(acting, posted.text("name"), title=posted.text("title"))
        investigator = accounts.user_named(acting.session, posted.text("investigator"))
        accounts.set_role(acting, study, investigator, "investigator")
    own = investigator.id == posted.visit.user.id
    return go_on(request, f"/studies/{study.key}" if own else "/studies")


@router.get("/studies/{key}")
def show_study(request: Request, visit: AVisit, key: str, step: str = "") -> Response:
    """One study: the step of the wizard that is asked for, or the overview."""
    with visit.reading() as acting:
        study = desk.study_by_key(acting.session, key)
        require(StudyPolicy.see_progress(acting, study) and not acting.is_(study, "rater"), THIS_STUDY)
        designs = StudyPolicy.design(acting, study)
        done = _done(acting, study)
        if not step:
            step = next((name for name in STEP_NAMES if not done[name]), "") if study.state == "draft" else "overview"
        if not designs or step not in STEP_NAMES:
            step = "overview"
        shown = _overview(acting, study, visit) if step == "overview" else _SHOW[step](acting, study, visit)
        sizes = studies.count(acting.session, study)
    return page(
        request, f"studies_{step}.html", visit=visit, here="studies", words=words, study=study, step=step,
        steps_done=done, designs=designs, is_draft=study.state == "draft", sizes=sizes, **shown,
    )  # fmt: skip


@router.post("/studies/{key}/move")
def move(request: Request, posted: APosted, key: str) -> Response:
    """Lock, start, close or unblind a study."""
    act, reason = posted.text("act"), posted.text("reason")
    with posted.visit.writing() as acting:
        study = desk.study_by_key(acting.session, key)
        require(StudyPolicy.design(acting, study), THIS_STUDY)
        if act in ("lock", "unblind") and posted.text("name") != study.name:
            raise InputError(posted.text("name") or words.STUDY_NAME, words.LOCK_WRONG, words.LOCK_WRONG_REMEDY)
        if act == "lock":
            lock.lock(acting, study)
        elif act == "start":
            studies.start(acting, study)
        elif act == "close":
            studies.close(acting, study, reason)
        elif act == "unblind":
            studies.unblind(acting, study, reason, unsettled_ok=posted.text("unsettled_ok") == "yes")
        else:
            raise InputError(act or "act", "it is nothing that can be done with a study", "load the page again")
    return go_on(request, f"/studies/{key}?step=overview")


@router.post("/studies/{key}/sign")
def sign(request: Request, posted: APosted, key: str) -> Response:
    """Sign, with the password or once confirmed by the identity provider."""
    with posted.visit.writing() as acting:
        study = desk.study_by_key(acting.session, key)
        password = text_of(posted.form, "password")
        signatures.sign(acting, study, posted.text("meaning"), password, login=posted.visit.token)
    return go_on(request, f"/studies/{key}?step=overview")


@router.post("/studies/{key}/withdraw")
def withdraw(request: Request, posted: APosted, key: str) -> Response:
    """Take somebody out of a study."""
    with posted.visit.writing() as acting:
        study = desk.study_by_key(acting.session, key)
        require(StudyPolicy.design(acting, study), THIS_STUDY)
        user = accounts.user_by_key(acting.session, posted.text("user"))
        studies.withdraw(acting, study, user, posted.text("reason"))
    return go_on(request, f"/studies/{key}?step=overview")


def _done(acting: Acting, study: Study) -> dict[str, bool]:
    sizes = studies.count(acting.session, study)
    wanted = (sizes["cases"] + sizes["practice_cases"]) * sizes["arms"]
    return {
        "cases": sizes["cases"] > 0,
        "arms": sizes["arms"] > 0,
        "outputs": wanted > 0 and sizes["outputs"] == wanted and sizes["flagged_outputs"] == 0,
        "rubric": True,
        "people": sizes["raters"] > 0,
        "design": True,
        "lock": study.state != "draft",
    }


def _overview(acting: Acting, study: Study, visit: Visit) -> dict[str, Any]:
    designs = StudyPolicy.design(acting, study)
    member = acting.membership(study)
    role = None if member is None else member.role
    waiting = 0
    if designs and study.state == "closed":
        waiting = len(adjudication.unsettled(acting.session, study))
    return {
        "rows": progress_of(acting, study),
        "matrix": progress.matrix(acting, study),
        "notes": progress.notes(acting, study) if designs else (),
        "signed": progress.signatures_of(acting, study),
        "members": progress.members(acting, study),
        "signing": ways_to_sign(acting, visit),
        "meanings": [(one, text) for one, text in signatures.MEANINGS.items() if text.startswith(f"{role}:")],
        "waiting": waiting,
        "may_see_results": StudyPolicy.see_results(acting, study),
        "may_audit": StudyPolicy.audit(acting, study),
    }


def _cases(acting: Acting, study: Study, _: Visit) -> dict[str, Any]:
    query = (
        select(Case, CaseTrace.samples)
        .join(CaseTrace, CaseTrace.case_id == Case.id)
        .where(Case.study_id == study.id)
        .order_by(Case.practice.desc(), Case.name)
    )
    rows = [
        {
            "case": case,
            "seconds": samples / case.sampling_rate_hz,
            "labels": "; ".join(json.loads(case.reference_labels)) if case.reference_labels else "",
        }
        for case, samples in acting.session.execute(query)
    ]
    return {"cases": rows}


def _arms(acting: Acting, study: Study, visit: Visit) -> dict[str, Any]:
    readers = known_readers(visit.site.settings)
    return {
        "arms": list(acting.session.scalars(select(Arm).where(Arm.study_id == study.id).order_by(Arm.name))),
        "readers": [(one.name, one.title) for one in readers],
        "sent": [f"{one.title}: {sentence}" for one in readers if (sentence := consent_needed(one)) is not None],
        "modalities": list(strings.MODALITY_NAMES.items()),
    }


def _outputs(acting: Acting, study: Study, visit: Visit) -> dict[str, Any]:
    session = acting.session
    sizes = studies.count(session, study)
    flagged = session.scalars(select(Output).where(Output.study_id == study.id, Output.screening == "flagged"))
    made = dict(
        session.execute(
            select(Arm.name, func.count(Output.id))
            .outerjoin(Output, Output.arm_id == Arm.id)
            .where(Arm.study_id == study.id)
            .group_by(Arm.name)
        )
        .tuples()
        .all()
    )
    rows = [{"output": one, "pieces": giveaway_pieces(one)} for one in flagged]
    cases = sizes["cases"] + sizes["practice_cases"]
    job = visit.site.jobs.get(f"generate {study.key}")
    return {"flagged": rows, "made": made, "wanted": cases, "job": job, "all": cases * sizes["arms"]}


def giveaway_pieces(output: Output) -> list[tuple[str, str]]:
    """Return the text around each giveaway word as pairs of text and rule ("" where it gives nothing away)."""
    pieces: list[tuple[str, str]] = []
    end = 0
    for found in json.loads(output.findings):
        start = max(end, found["start"] - 60)
        pieces += [(("… " if start > end else "") + output.written[start : found["start"]], "")]
        pieces += [(output.written[found["start"] : found["end"]], found["rule"])]
        end = found["end"]
    return [*pieces, (output.written[end : end + 60] + " …", "")]


def _rubric(acting: Acting, study: Study, _: Visit) -> dict[str, Any]:
    return {"rubric": studies.rubric_of(study)}


def _people(acting: Acting, study: Study, _: Visit) -> dict[str, Any]:
    return {"members": progress.members(acting, study)}


def _design(acting: Acting, study: Study, _: Visit) -> dict[str, Any]:
    found = studies.design_of(study)
    fields = [
        {"name": name, "value": getattr(found, name), "kind": type(field.default).__name__}
        for name, field in Design.model_fields.items()
    ]
    return {"fields": fields}


def _lock(acting: Acting, study: Study, visit: Visit) -> dict[str, Any]:
    rows: list[dict[str, int | str]] = []
    why = ""
    if study.state == "draft":
        try:
            rows = allocation.balance(lock.dry_run(acting, study))
        except InputError as error:
            why = str(error)
    job = visit.site.jobs.get(f"power {study.key}")
    return {"balance": rows, "columns": list(rows[0]) if rows else [], "why": why, "job": job, "assumed": Assumptions()}


_SHOW = {
    "cases": _cases,
    "arms": _arms,
    "outputs": _outputs,
    "rubric": _rubric,
    "people": _people,
    "design": _design,
    "lock": _lock,
}
