"""What the script of a rating page asks of the server: keep a draft, count activity, submit, flag, correct.

Each call does one act of the domain in one transaction and renders nothing, so that many raters can write at once. Only
the key of the reading is believed from the browser, and only as far as the policy lets the acting rater use it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from annotations import ratings
from ecgr1_core import vocabulary
from ecgr1_core.errors import InputError
from ui.web.visits import ACalled, AVisit, Called

router = APIRouter()


@router.get("/rate/word")
def tell_word(visit: AVisit) -> Response:
    """The word that what is sent must carry, for a page whose log-in was renewed in another tab."""
    return JSONResponse({"csrf": visit.csrf})


@router.get("/rate/vocabulary")
def tell_vocabulary(visit: AVisit) -> Response:
    """Every label with the words that stand for it."""
    return Response(_vocabulary(), media_type="application/json", headers={"Cache-Control": "private, max-age=3600"})


@router.post("/rate/draft")
def keep_draft(call: ACalled) -> Response:
    """Keep the answers so far."""
    number = _whole(call, "number")
    with call.visit.writing() as acting:
        kept = ratings.save_draft(
            acting, _text(call, "key"), _whole(call, "stage"), _form(call), number, call.data.get("display")
        )
    return JSONResponse({"number": kept})


@router.post("/rate/touch")
def touch(call: ACalled) -> Response:
    """Count a sign of activity."""
    with call.visit.writing() as acting:
        ratings.touch(acting, _text(call, "key"), _whole(call, "stage"), call.data.get("display"))
    return JSONResponse({})


@router.post("/rate/submit")
def submit(call: ACalled) -> Response:
    """Submit one stage."""
    key, stage = _text(call, "key"), _whole(call, "stage")
    with call.visit.writing() as acting:
        ratings.submit(acting, key, stage, _form(call), call.data.get("display"))
        _, study = ratings.own_reading(acting, key)
    return JSONResponse({"go": f"/rate/reading/{key}" if stage == 1 else f"/rate/study/{study.key}"})


@router.post("/rate/correct")
def correct(call: ACalled) -> Response:
    """Change a submitted reading, with a reason."""
    key = _text(call, "key")
    with call.visit.writing() as acting:
        ratings.revise(acting, key, _form(call), _text(call, "reason"))
        _, study = ratings.own_reading(acting, key)
    return JSONResponse({"go": f"/rate/study/{study.key}"})


@router.post("/rate/flag")
def flag(call: ACalled) -> Response:
    """Leave a note for the investigator."""
    with call.visit.writing() as acting:
        ratings.flag(acting, _text(call, "key"), _text(call, "note"))
    return JSONResponse({})


@router.post("/rate/cannot")
def cannot_rate(request: Request, call: ACalled) -> Response:
    """Say that a reading cannot be rated."""
    key = _text(call, "key")
    with call.visit.writing() as acting:
        ratings.cannot_rate(acting, key, _text(call, "note"))
        _, study = ratings.own_reading(acting, key)
    return JSONResponse({"go": f"/rate/study/{study.key}"})


@cache
def _vocabulary() -> bytes:
    rows = [
        {"name": one.name, "words": [*one.synonyms, *([one.scp] if one.scp else [])]} for one in vocabulary.labels()
    ]
    return JSONResponse(rows).body  # type: ignore[return-value]  # bytes, or a view of them


def _text(call: Called, name: str) -> str:
    value = call.data.get(name)
    if not isinstance(value, str) or len(value) > 10_000:
        raise InputError(name, "it is missing or no text", "load the page again")
    return value


def _whole(call: Called, name: str) -> int:
    value = call.data.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(name, "it is missing or no number", "load the page again")
    return value


def _form(call: Called) -> dict[str, Any]:
    content = call.data.get("content")
    if not isinstance(content, dict):
        raise InputError("answers", "they are missing", "load the page again")
    return content
