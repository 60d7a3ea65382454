"""The pages of an adjudicator: the readings that wait in a closed study, and one of them to settle.

Raters have no names here and readings no arms, as `annotations.adjudication` gives them.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from annotations import adjudication, desk
from annotations.studies import rubric_of
from ecgr1_core.interpretation import STEP_NUMBERS
from ui import strings_rate as words
from ui.components.viewer import recording_html, viewer_html
from ui.pages.rate import patient_words, script_data
from ui.web.pages import go_on, page
from ui.web.visits import APosted, AVisit

router = APIRouter()


@router.get("/adjudicate/{key}")
def show_disputes(request: Request, visit: AVisit, key: str) -> Response:
    """The readings that wait, without saying anything of them."""
    with visit.reading() as acting:
        study = desk.study_by_key(acting.session, key)
        waiting = adjudication.disputes(acting, study)
    return page(request, "rate_disputes.html", visit=visit, here="rate", words=words, study=study, waiting=waiting)


@router.get("/adjudicate/{key}/{output_key}")
def show_dispute(request: Request, visit: AVisit, key: str, output_key: str) -> Response:
    """One reading with its ratings, to be settled."""
    with visit.writing() as acting:
        study = desk.study_by_key(acting.session, key)
        waiting = adjudication.disputes(acting, study)
        dispute = adjudication.open_dispute(acting, study, output_key)
    number = waiting.index(output_key) + 1 if output_key in waiting else 1
    held: dict[int, list[str]] = {}
    for rating in dispute.ratings:
        for phrase in rating.phrases:
            text = phrase.corrected or phrase.text
            if phrase.verdict != "rejected" and text not in held.setdefault(phrase.step, []):
                held[phrase.step].append(text)
    return page(
        request,
        "rate_dispute.html",
        visit=visit,
        here="rate",
        words=words,
        study=study,
        dispute=dispute,
        number=number,
        total=max(len(waiting), 1),
        rubric=rubric_of(study),
        held=held,
        patient=patient_words(dispute.record.patient),
        viewer=viewer_html(),
        trace=recording_html(dispute.record, dispute.key),
        data=script_data({"labels": dispute.output.answer, "words": words.WORDS_FOR_SCRIPT}),
    )


@router.post("/adjudicate/{key}/{output_key}")
def settle(request: Request, posted: APosted, key: str, output_key: str) -> Response:
    """Settle one reading, and go on with the next."""
    phrases = {
        number: [text.strip() for text in posted.text(f"phrases-{number}").split(";") if text.strip()]
        for number in STEP_NUMBERS
    }
    content = {
        "labels": list(posted.texts("labels")),
        "phrases": {number: texts for number, texts in phrases.items() if texts},
        "comment": posted.text("comment"),
    }
    with posted.visit.writing() as acting:
        study = desk.study_by_key(acting.session, key)
        adjudication.adjudicate(acting, study, output_key, content, posted.text("reason") or None)
        waiting = adjudication.disputes(acting, study)
    return go_on(request, f"/adjudicate/{key}/{waiting[0]}" if waiting else f"/adjudicate/{key}")
