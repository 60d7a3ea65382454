"""The pages of a rater: the studies, the queue, one reading in its stages, and a submitted one to be corrected.

What is shown of a reading comes from `annotations.blinding` and from nowhere else. The answers are collected and saved
by the page's script (`ui/static/rate.js`) through the calls of `ui.pages.rate_calls`.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from annotations import adjudication, desk, ratings, signatures
from annotations.blinding import BlindReading
from annotations.policy import StudyPolicy
from annotations.rubric import Rubric
from annotations.studies import rubric_of
from ecgr1_core.record import Patient
from ecgr1_core.render.filters import BANDS_HZ
from ui import strings_rate as words
from ui.components.viewer import recording_html, viewer_html
from ui.pages.oidc import ways_to_sign
from ui.web.pages import go_on, page
from ui.web.visits import APosted, AVisit, Visit, text_of

router = APIRouter()
LETTERS = "ABCDEF"


@router.get("/rate")
def show_studies(request: Request, visit: AVisit) -> Response:
    """The studies in which one is a rater."""
    rows = []
    with visit.reading() as acting:
        for part in desk.taking_part(acting):
            if part.membership is None or part.membership.role != "rater":
                continue
            done = None
            if part.study.state == "running" and not part.membership.adjudicates:
                done = ratings.queue(acting, part.study)
            settles = part.study.state == "closed" and StudyPolicy.adjudicate(acting, part.study)
            waiting = len(adjudication.disputes(acting, part.study)) if settles else None
            rows.append({"study": part.study, "queue": done, "waiting": waiting})
    return page(request, "rate_studies.html", visit=visit, here="rate", words=words, rows=rows)


@router.get("/rate/study/{key}")
def show_queue(request: Request, visit: AVisit, key: str) -> Response:
    """The rater's own queue in one study."""
    with visit.reading() as acting:
        study = desk.study_by_key(acting.session, key)
        queue = ratings.queue(acting, study)
        done = desk.done_readings(acting, study)
        signed = desk.has_signed(acting, study)
        signing = ways_to_sign(acting, visit)
    return page(
        request, "rate_queue.html", visit=visit, here="rate", words=words, study=study, queue=queue, done=done,
        signed=signed, signing=signing,
    )  # fmt: skip


@router.post("/rate/study/{key}/sign")
def sign(request: Request, posted: APosted, key: str) -> Response:
    """Sign one's own ratings."""
    with posted.visit.writing() as acting:
        study = desk.study_by_key(acting.session, key)
        password = text_of(posted.form, "password")
        signatures.sign(acting, study, "ratings complete", password, login=posted.visit.token)
    return go_on(request, f"/rate/study/{key}")


@router.get("/rate/reading/{key}")
def show_reading(request: Request, visit: AVisit, key: str) -> Response:
    """The next reading, at the stage it is at."""
    with visit.writing() as acting:
        stage = desk.stage_of(acting, key)
        reading = ratings.open_stage(acting, key, stage)
        _, study = ratings.own_reading(acting, key)
        left = ratings.queue(acting, study).left_in_sitting
    return _reading_page(request, visit, reading, rubric_of(study), study.key, left=left)


@router.get("/rate/reading/{key}/change")
def show_submitted(request: Request, visit: AVisit, key: str) -> Response:
    """A submitted reading, to be corrected with a reason."""
    with visit.writing() as acting:
        reading = desk.open_submitted(acting, key)
        _, study = ratings.own_reading(acting, key)
    return _reading_page(request, visit, reading, rubric_of(study), study.key, correcting=True)


def _reading_page(
    request: Request,
    visit: Visit,
    reading: BlindReading,
    rubric: Rubric,
    study_key: str,
    *,
    left: int | None = None,
    correcting: bool = False,
) -> Response:
    data = {
        "key": reading.key,
        "stage": reading.stage,
        "draft": reading.draft,
        "number": reading.draft_number,
        "correcting": correcting,
        "queue": f"/rate/study/{study_key}",
        "letters": [one.letter for one in reading.outputs],
        "phrases": {one.letter: {step.number: step.phrases for step in one.steps} for one in reading.outputs},
        "answers": {one.letter: one.answer for one in reading.outputs},
        "max_words": rubric.phrases.max_words,
        "bands": dict(BANDS_HZ),
        "words": words.WORDS_FOR_SCRIPT,
    }
    return page(
        request,
        "rate_reading.html",
        visit=visit,
        here="rate",
        words=words,
        reading=reading,
        rubric=rubric,
        study_key=study_key,
        left=left,
        correcting=correcting,
        patient=patient_words(reading.record.patient),
        pairs=[(a.letter, b.letter) for n, a in enumerate(reading.outputs) for b in reading.outputs[n + 1 :]],
        viewer=viewer_html(),
        trace=recording_html(reading.record, reading.key),
        data=script_data(data),
    )


def patient_words(patient: Patient) -> str:
    """Return age and sex, which a reader of ECGs needs: "61 years, female"."""
    age = words.UNKNOWN_AGE if patient.age_text is None else words.YEARS.format(value=patient.age_text)
    return f"{age}, {words.UNKNOWN_SEX if patient.sex is None else words.SEXES[patient.sex]}"


def script_data(data: dict[str, Any]) -> str:
    """Return plain data as JSON that can stand inside a script element."""
    return json.dumps(data, ensure_ascii=True).replace("<", "\\u003c")
