"""The results of unblinded studies: tables, figures, automatic scores beside them, exports.

Numbers are those of `annotations.results`, computed once in the background criterion by criterion, since each takes
seconds, and kept while the program runs; figures are drawn from the same numbers. Only investigators and auditors of a
study see them, and only after unblinding; the domain decides that at every request.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from annotations import automatic, cli_files, desk, export, feedback, plots, results
from annotations.policy import THIS_STUDY, Acting, NotPermittedError, StudyPolicy, require
from annotations.tables import Study
from ecgr1_core.errors import InputError
from ui import strings_results as words
from ui.pages.studies_build import saved
from ui.web.jobs import Job
from ui.web.pages import go_on, page
from ui.web.visits import APosted, AVisit, Visit

router = APIRouter()
Automatic = Mapping[str, Mapping[tuple[str, str], float]]
PARTS = ("arms", "differences", "agreement", "intra_rater")
TYPES = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}


@router.get("/results")
def show_studies(request: Request, visit: AVisit) -> Response:
    """The studies of which one is investigator or auditor, and what is still to be done before results."""
    with visit.reading() as acting:
        rows = [
            {"study": part.study, "open": StudyPolicy.see_results(acting, part.study)}
            for part in desk.taking_part(acting)
            if acting.is_(part.study, "investigator", "auditor")
        ]
    return page(request, "results_list.html", visit=visit, here="results", words=words, rows=rows)


@router.get("/results/{key}")
def show_results(request: Request, visit: AVisit, key: str, criterion: str = "") -> Response:
    """All results of one study, those of one criterion in tables."""
    with visit.writing() as acting:
        study = desk.study_by_key(acting.session, key)
        results.seen(acting, study)
        progress = results.progress(acting, study)
    job = _job(visit, study)
    found = _found(job)
    keys = results.criteria_of(study)
    chosen = criterion if criterion in keys else next(iter(found.get("arms", {})), keys[0])
    return page(
        request,
        "results_study.html",
        visit=visit,
        here="results",
        words=words,
        study=study,
        progress=progress,
        job=job,
        found=found,
        titles=results.criterion_titles(study),
        keys=keys,
        chosen=chosen,
        figures=words.FIGURE_NAMES if job.ended and not job.error else {},
    )


@router.get("/results/{key}/job")
def job_state(visit: AVisit, key: str) -> dict[str, Any]:
    """How far the computing is, for the page's script."""
    job = _job(visit, _study(visit, key))
    return {"ended": job.ended, "told": words.COMPUTING.format(done=job.done, total=job.total)}


@router.get("/results/{key}/figures/{name}.{form}")
def figure(visit: AVisit, key: str, name: str, form: str) -> Response:
    """One figure as SVG, PDF or PNG."""
    study = _study(visit, key)
    job = _job(visit, study)
    if name not in plots.FIGURES or form not in TYPES or not job.ended or job.error:
        raise NotPermittedError("this figure")
    content = plots.draw(name, _found(job), results.criterion_titles(study), form)  # type: ignore[arg-type]  # one of TYPES
    return Response(content, media_type=TYPES[form])


@router.post("/results/{key}/automatic")
def set_automatic(request: Request, posted: APosted, key: str) -> Response:
    """Set automatic scores beside the ratings: everything is computed again with them."""
    with tempfile.TemporaryDirectory() as folder:
        files = saved(posted, "file", Path(folder))
        if not files:
            raise InputError(words.AUTOMATIC_FILE, "there is no file", "choose one")
        scores = cli_files.automatic_scores(files[0])
    study = _study(posted.visit, key)
    posted.visit.site.kept[_automatic_name(study)] = scores
    return go_on(request, f"/results/{key}")


@router.post("/results/{key}/export")
def export_files(posted: APosted, key: str) -> Response:
    """Write an export and send it as one zip file."""
    kind = posted.text("kind")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        barred = saved(posted, "without", folder)
        without = feedback.read_patients(barred[0]) if barred else frozenset[str]()
        out = folder / "export"
        with posted.visit.writing() as acting:
            study = desk.study_by_key(acting.session, key)
            require(StudyPolicy.see_results(acting, study), THIS_STUDY)
            _write(acting, study, out, kind, posted.text, without, _automatic(posted.visit, study))
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in sorted(out.rglob("*")):
                if file.is_file():
                    packed.write(file, str(file.relative_to(out)))
    disposition = {"Content-Disposition": f'attachment; filename="{study.name}-{kind}.zip"'}
    return Response(buffer.getvalue(), media_type="application/zip", headers=disposition)


def _write(
    acting: Acting, study: Study, out: Path, kind: str, text: Any, without: frozenset[str], scores: Automatic
) -> None:
    criterion = text("criterion") or "reliability"
    if kind == "everything":
        export.export_study(acting, study, out)
    elif kind == "imrmc":
        if not text("truth"):
            raise InputError(words.EXPORT_TRUTH, "it is missing", "give a label of the references")
        export.export_imrmc(acting, study, out, truth=text("truth"), criteria=[criterion])
    elif kind == "evaluation":
        feedback.export_evaluation(acting, study, out, without=without, automatic=scores)
    elif kind == "rl":
        quotas = cli_files.quotas([line.strip() for line in text("quotas").splitlines() if line.strip()])
        selection = feedback.Selection(criterion, _number(text("low") or "3"), quotas)
        feedback.export_rl(acting, study, out, selection=selection, without=without)
    elif kind == "preferences":
        feedback.export_preferences(acting, study, out, without=without)
    else:
        raise InputError(kind or words.EXPORT_KIND, "it is nothing that can be exported", "choose from the list")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(words.EXPORT_LOW, f"{text!r} is no number", "give a number such as 3") from error


def _study(visit: Visit, key: str) -> Study:
    with visit.reading() as acting:
        study = desk.study_by_key(acting.session, key)
        require(StudyPolicy.see_results(acting, study), THIS_STUDY)
        return study


def _automatic_name(study: Study) -> str:
    return f"automatic {study.key}"


def _automatic(visit: Visit, study: Study) -> dict[str, Mapping[tuple[str, str], float]]:
    """Return the automatic scores: EDER, which the study computes itself, and those that were uploaded."""
    with visit.database.reading() as session:
        eder = automatic.eder_scores(session, study)
    own = {automatic.EDER: eder} if eder else {}
    return own | dict(visit.site.kept.get(_automatic_name(study), {}))


def _job(visit: Visit, study: Study) -> Job:
    """Return the computing of a study's results, begun where it has not been yet."""
    scores = _automatic(visit, study)
    told = sha256(repr(sorted((name, sorted(by.items())) for name, by in scores.items())).encode()).hexdigest()[:12]
    keys = results.criteria_of(study)
    database = visit.database

    def work() -> Iterator[dict[str, Any]]:
        with database.reading() as session:
            found: dict[str, Any] = results.overall(session, study)
        found |= {name: {} for name in (*PARTS, "automatic")}
        yield found
        for key in keys:
            with database.reading() as session:
                part = results.of_criterion(session, study, key, automatic=scores)
            found = {**found, **{name: {**found[name], key: part[name]} for name in (*PARTS, "automatic")}}
            yield found

    return visit.site.jobs.start_once(f"results {study.key} {told}", len(keys) + 1, work)


def _found(job: Job) -> dict[str, Any]:
    return dict(job.result) if job.result is not None else {}
