"""What the wizard of a study does: recordings, arms, readings, rubric, people, design, power; until it is locked.

Every act is the one of the shell (`ecgr1 study`), with the same checks of the domain. Uploads are read from a temporary
folder and are gone when the request ends; a study takes all of them or none.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response

from annotations import accounts, cli_files, desk, power, studies
from annotations.database import Database
from annotations.design import Design, design_from_json
from annotations.generation import generate
from annotations.policy import THIS_STUDY, Acting, NotPermittedError, StudyPolicy, require
from annotations.rubric import read_rubric
from annotations.tables import Arm, Case, Output, Study, User
from ecgr1_core.errors import InputError
from ecgr1_core.readers import get_reader, known_readers
from ui import strings
from ui import strings_studies as words
from ui.web.pages import go_on
from ui.web.visits import APosted, AVisit, Posted, utc_now

router = APIRouter()
PARTNERS = (".dat", ".mat")  # belong to a .hea
POWER_REPEATS = 300


@contextmanager
def _building(posted: Posted, key: str) -> Iterator[tuple[Acting, Study]]:
    with posted.visit.writing() as acting:
        study = desk.study_by_key(acting.session, key)
        require(StudyPolicy.design(acting, study), THIS_STUDY)
        yield acting, study


@router.post("/studies/{key}/cases")
def add_cases(request: Request, posted: APosted, key: str) -> Response:
    """Put uploaded recordings into the study, all or none."""
    with tempfile.TemporaryDirectory() as folder:
        paths = saved(posted, "files", Path(folder))
        table = saved(posted, "table", Path(folder))
        if not paths:
            raise InputError(words.CASE_FILES, words.NO_FILES, words.NO_FILES_REMEDY)
        recordings = [path for path in paths if path.suffix.lower() not in PARTNERS]
        practice = posted.text("practice") == "yes"
        if table:
            rows = cli_files.case_rows([], table[0], practice=practice)
        else:
            rows = cli_files.case_rows(recordings, None, practice=practice)
        read = cli_files.read_cases(rows, posted.visit.site.settings.pseudonym_file)
    with _building(posted, key) as (acting, study):
        cli_files.add_cases(acting, study, read)
    return go_on(request, f"/studies/{key}?step=cases")


@router.post("/studies/{key}/cases/{case_key}/remove")
def remove_case(request: Request, posted: APosted, key: str, case_key: str) -> Response:
    """Take a case out."""
    with _building(posted, key) as (acting, study):
        case = acting.session.scalar(select(Case).where(Case.key == case_key))
        if case is None:
            raise NotPermittedError("this case")
        studies.remove_case(acting, study, case)
    return go_on(request, f"/studies/{key}?step=cases")


@router.post("/studies/{key}/arms")
def add_arm(request: Request, posted: APosted, key: str) -> Response:
    """Add a way of reading; version and precision of a reader that is here are its own where none are given."""
    settings = posted.visit.site.settings
    name, modality = posted.text("reader"), posted.text("modality")
    version: str | None = posted.text("version") or None
    if name == "elsewhere":
        name = posted.text("reader_name")
        if not name:
            raise InputError(words.READER_NAME, "it is missing", "name the reader whose readings you import")
    else:
        reader = get_reader(name, settings)
        if modality not in reader.modalities:
            seen = strings.SEES_SEPARATOR.join(strings.SEES[one] for one in reader.modalities)
            raise InputError(reader.title, f"it does not read {strings.SEES.get(modality, modality)}", f"choose {seen}")
        version = version or reader.version
    with _building(posted, key) as (acting, study):
        studies.add_arm(
            acting, study, posted.text("name"), reader=name, modality=modality, version=version,  # type: ignore[arg-type]  # checked there
            precision=posted.text("precision") or None,
        )  # fmt: skip
    return go_on(request, f"/studies/{key}?step=arms")


@router.post("/studies/{key}/arms/{arm_key}/remove")
def remove_arm(request: Request, posted: APosted, key: str, arm_key: str) -> Response:
    """Take an arm out."""
    with _building(posted, key) as (acting, study):
        arm = acting.session.scalar(select(Arm).where(Arm.key == arm_key))
        if arm is None:
            raise NotPermittedError("this arm")
        studies.remove_arm(acting, study, arm)
    return go_on(request, f"/studies/{key}?step=arms")


@router.post("/studies/{key}/generate")
def begin_generating(request: Request, posted: APosted, key: str) -> Response:
    """Let the arms whose reader is here read what they have not read, in the background; or stop that."""
    site = posted.visit.site
    if posted.text("act") == "stop":
        with _building(posted, key):
            site.jobs.stop(f"generate {key}")
        return go_on(request, f"/studies/{key}?step=outputs")
    here = {one.name for one in known_readers(site.settings)}
    with _building(posted, key) as (acting, study):
        sizes = studies.count(acting.session, study)
        arms = list(acting.session.scalars(select(Arm).where(Arm.study_id == study.id)))
        chosen = frozenset(one.name for one in arms if one.reader in here)
        own = [one.id for one in arms if one.reader in here]
        made = acting.session.scalars(select(Output.id).where(Output.arm_id.in_(own))).all()
        total = (sizes["cases"] + sizes["practice_cases"]) * len(chosen) - len(made)
        name = study.name
    database, user = posted.visit.database, posted.visit.user

    def work() -> Iterator[Any]:
        begin = lambda: acting_later(database, user)  # noqa: E731  (handed on as it is)
        yield from generate(begin, name, lambda reader: get_reader(reader, site.settings), only=chosen)

    site.jobs.start(f"generate {key}", total, work)
    return go_on(request, f"/studies/{key}?step=outputs")


@router.get("/studies/{key}/job/{what}")
def job_state(visit: AVisit, key: str, what: str) -> Response:
    """How far the work in the background is, for the page's script."""
    with visit.reading() as acting:
        study = desk.study_by_key(acting.session, key)
        require(StudyPolicy.design(acting, study), THIS_STUDY)
    job = visit.site.jobs.get(f"{what} {key}")
    if job is None:
        return JSONResponse({"ended": True, "told": ""})
    if not job.ended:
        told = words.GENERATING.format(done=job.done, total=job.total, rate=job.per_minute)
    elif job.error:
        told = words.FAILED.format(error=job.error)
    else:
        told = words.STOPPED.format(done=job.done) if job.stopped else words.GENERATED
    return JSONResponse({"ended": job.ended, "told": told, "done": job.done, "total": job.total})


@router.post("/studies/{key}/outputs")
def import_outputs(request: Request, posted: APosted, key: str) -> Response:
    """Import readings that were made elsewhere, all or none."""
    with tempfile.TemporaryDirectory() as folder:
        files = saved(posted, "file", Path(folder))
        if not files:
            raise InputError(words.IMPORT, words.NO_FILES, "choose a file")
        rows = [row for file in files for row in cli_files.output_rows(file, posted.text("arm") or None)]
    with _building(posted, key) as (acting, study):
        for row in rows:
            case, arm = cli_files.case_and_arm(acting.session, study, row)
            studies.add_output(acting, case, arm, row.text, row.phrases)
    return go_on(request, f"/studies/{key}?step=outputs")


@router.post("/studies/{key}/screen")
def decide(request: Request, posted: APosted, key: str) -> Response:
    """Decide about one reading with giveaway words, or about all of them."""
    which, masked = posted.text("output"), posted.text("act") == "mask"
    with _building(posted, key) as (acting, study):
        query = select(Output).where(Output.study_id == study.id, Output.screening == "flagged")
        found = [one for one in acting.session.scalars(query) if which in ("all", one.key)]
        if not found:
            raise NotPermittedError("this reading")
        for one in found:
            studies.decide(acting, one, masked=masked, reason=posted.text("reason"))
    return go_on(request, f"/studies/{key}?step=outputs")


@router.post("/studies/{key}/rubric")
def set_rubric(request: Request, posted: APosted, key: str) -> Response:
    """Use another rubric."""
    with tempfile.TemporaryDirectory() as folder:
        files = saved(posted, "file", Path(folder))
        if not files:
            raise InputError(words.RUBRIC_FILE, words.NO_FILES, "choose a file")
        rubric = read_rubric(files[0])
    with _building(posted, key) as (acting, study):
        studies.set_rubric(acting, study, rubric)
    return go_on(request, f"/studies/{key}?step=rubric")


@router.get("/studies/{key}/rubric.yaml")
def download_rubric(visit: AVisit, key: str) -> Response:
    """The rubric as YAML, to start an own one from."""
    with visit.reading() as acting:
        study = desk.study_by_key(acting.session, key)
        require(StudyPolicy.design(acting, study), THIS_STUDY)
        text = yaml.safe_dump(studies.rubric_of(study).to_json(), sort_keys=False, allow_unicode=True)
    disposition = {"Content-Disposition": "attachment; filename=rubric.yaml"}
    return Response(text, media_type="application/yaml", headers=disposition)


@router.post("/studies/{key}/people")
def give_role(request: Request, posted: APosted, key: str) -> Response:
    """Give somebody a role."""
    asked = posted.text("role")
    with _building(posted, key) as (acting, study):
        user = accounts.user_named(acting.session, posted.text("name"))
        role: Any = "rater" if asked == "adjudicator" else asked
        site = posted.text("site") or None
        accounts.set_role(acting, study, user, role, site_name=site, adjudicates=asked == "adjudicator")
    return go_on(request, f"/studies/{key}?step=people")


@router.post("/studies/{key}/design")
def set_design(request: Request, posted: APosted, key: str) -> Response:
    """Keep the design as the form has it."""
    may_be_empty = {name for name, field in Design.model_fields.items() if field.default is None} | {"sitting_cap"}
    data: dict[str, Any] = {}
    for name in Design.model_fields:
        text = posted.text(name)
        if text or name in may_be_empty:
            data[name] = text or None
    data["stages"] = int(data["stages"]) if data.get("stages") in ("1", "2") else data.get("stages")
    data["every_combination"] = posted.text("every_combination") == "yes"
    design = design_from_json(data, "design")
    with _building(posted, key) as (acting, study):
        studies.set_design(acting, study, design)
    return go_on(request, f"/studies/{key}?step=design")


@router.post("/studies/{key}/power")
def simulate_power(request: Request, posted: APosted, key: str) -> Response:
    """Simulate the power of a study of this size in the background."""
    names = ("difference", "sd_case", "sd_rater", "sd_rater_arm", "sd_case_arm", "sd_rest")
    usual: Any = power.Assumptions()
    assumed = replace(usual, **{name: _number(posted, name, getattr(usual, name)) for name in names})
    with _building(posted, key) as (acting, study):
        sizes, seed = studies.count(acting.session, study), studies.design_of(study).seed

    def work() -> Iterator[Any]:
        yield power.power(
            raters=sizes["raters"], cases=sizes["cases"], rng=np.random.default_rng(seed), assumed=assumed,
            repeats=POWER_REPEATS,
        )  # fmt: skip

    posted.visit.site.jobs.start(f"power {key}", 1, work)
    return go_on(request, f"/studies/{key}?step=lock")


@contextmanager
def acting_later(database: Database, user: User) -> Iterator[Acting]:
    """Yield an act of somebody whose request has ended, in a transaction of its own; the domain asks again."""
    with database.writing() as session:
        yield Acting(session, session.get_one(User, user.id), utc_now())


def saved(posted: Posted, field: str, folder: Path) -> Sequence[Path]:
    """Save the uploaded files of a field in a folder, under their own last names; `InputError` for one too large."""
    limit = posted.visit.site.settings.max_upload_mb * 2**20
    paths = []
    for upload in posted.form.getlist(field):
        if not isinstance(upload, UploadFile) or not upload.filename:
            continue
        name = Path(upload.filename.replace("\\", "/")).name
        if upload.size is not None and upload.size > limit:
            fault = strings.FILE_TOO_BIG.format(size_mb=upload.size / 2**20, limit_mb=limit // 2**20)
            raise InputError(name, fault, strings.FILE_TOO_BIG_REMEDY)
        path = folder / name
        path.write_bytes(upload.file.read())
        paths.append(path)
    return sorted(paths)


def _number(posted: Posted, name: str, default: float) -> float:
    text = posted.text(name)
    try:
        return float(text) if text else float(default)
    except ValueError as error:
        raise InputError(name, f"{text!r} is no number", "give a number such as 0.3") from error
