"""The endpoint: `/v1/chat/completions`, `/v1/models`, `/health`; with a key, a queue, streams, one form of errors.

Answers have OpenAI's form; what a reader tells beside its text (notes, precision, why it ended) stands under `ecgr1`.
Nothing of a request is kept or logged. The module knows how a reading is asked for and sent, not how it is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import FastAPI, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from ecgr1_core.errors import InputError
from ecgr1_core.readers import Reader, ReadingStream
from ecgr1_core.readers.base import ReadingDetails, details_json
from ui.api.asked import Asked, ChatRequest, asked_of, model_entry
from ui.api.places import Places

FINISH = {"end": "stop", "answer": "stop", "length": "length", "time": "length", "cancelled": "stop"}
FAULT = "something went wrong here; the log of the server says what"
RETRY_AFTER_S = 10
BEAT_S = 5.0
_BEARER = "Bearer "
_DONE = object()

logger = logging.getLogger(__name__)


class RefusedError(Exception):
    """A request that is not served, with its status and OpenAI's kind of error."""

    def __init__(self, status: int, kind: str, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.kind, self.headers = status, kind, headers


def build_api(readers: Sequence[Reader], *, key: str | None, waiting: int, largest_bytes: int) -> FastAPI:
    """Return the server of `readers`, which are told apart by their names.

    `key` is what callers must send as a bearer token, None lets everybody in. `waiting` is how many requests may wait
    for one that is read, `largest_bytes` the largest request.
    """
    app = FastAPI(title="ECG-R1 Review", docs_url=None, redoc_url=None, openapi_url=None)
    by_name = {reader.name: reader for reader in readers}
    places = {reader.name: Places(1 if reader.generative else 2, waiting) for reader in readers}

    @app.exception_handler(RefusedError)
    async def refuse(_: Request, error: RefusedError) -> Response:
        return JSONResponse(_error(error.kind, str(error)), status_code=error.status, headers=error.headers)

    @app.exception_handler(Exception)
    async def fault(_: Request, error: Exception) -> Response:
        logger.error("a request failed", exc_info=error)
        return JSONResponse(_error("server_error", FAULT), status_code=500)

    @app.get("/health")
    async def health() -> Response:
        told = {
            reader.name: {
                "ready": reader.unavailable is None,
                "version": reader.version,
                "reading": places[reader.name].reading,
                "waiting": places[reader.name].waiting,
            }
            for reader in readers
        }
        ready = any(one["ready"] for one in told.values())
        return JSONResponse(
            {"status": "ok" if ready else "no reader is ready", "readers": told}, status_code=200 if ready else 503
        )

    @app.get("/v1/models")
    async def models(request: Request) -> Response:
        _check_key(request, key)
        return JSONResponse({"object": "list", "data": [model_entry(reader) for reader in readers]})

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        _check_key(request, key)
        asked_for = _parsed(await _body(request, largest_bytes))
        reader = by_name.get(asked_for.model)
        if reader is None:
            raise RefusedError(
                404,
                "not_found_error",
                f"there is no model {asked_for.model!r} here; choose one of: {', '.join(by_name)}.",
            )
        if reader.unavailable is not None:
            raise RefusedError(503, "server_error", reader.unavailable)
        try:
            asked = await run_in_threadpool(asked_of, asked_for, reader)
        except InputError as error:
            raise RefusedError(400, "invalid_request_error", str(error)) from error
        place = places[reader.name]
        if place.full:
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            raise RefusedError(429, "rate_limit_error", "too many readings wait here; ask again in a moment.", headers)
        if asked_for.stream:
            usage = asked_for.stream_options is not None and asked_for.stream_options.include_usage
            return StreamingResponse(
                _events(asked, place, usage), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
            )
        async with place.taken():
            return await _whole(request, asked)

    return app


def _error(kind: str, sentence: str) -> dict[str, Any]:
    return {"error": {"message": sentence, "type": kind, "param": None, "code": None}}


def _check_key(request: Request, key: str | None) -> None:
    if key is None:
        return
    given = request.headers.get("authorization", "")
    if not given.startswith(_BEARER) or not hmac.compare_digest(given[len(_BEARER) :].encode(), key.encode()):
        raise RefusedError(401, "authentication_error", "the key is missing or wrong; send it as a bearer token.")


async def _body(request: Request, largest_bytes: int) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest_bytes:
            raise RefusedError(
                413, "invalid_request_error", f"the request is larger than {largest_bytes // 2**20} MiB; send less."
            )
    return body


def _parsed(body: bytes) -> ChatRequest:
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the request"
        raise RefusedError(400, "invalid_request_error", f"{place}: {first['msg']}.") from error


def _next(stream: ReadingStream) -> Any:
    return next(stream, _DONE)


async def _pieces(stream: ReadingStream) -> AsyncIterator[str]:
    while (piece := await run_in_threadpool(_next, stream)) is not _DONE:
        yield piece


async def _whole(request: Request, asked: Asked) -> Response:
    """Return the reading in one answer; a caller who has gone away stops it."""
    pieces: list[str] = []
    stream = asked.reader.read(asked.view, asked.options)
    try:
        async for piece in _pieces(stream):
            pieces.append(piece)
            if not piece and await request.is_disconnected():
                stream.cancel()
    except InputError as error:
        raise RefusedError(400, "invalid_request_error", str(error)) from error
    finally:
        stream.close()
    message = {"role": "assistant", "content": "".join(pieces)}
    choice = {"index": 0, "message": message, "finish_reason": _finish(stream.details)}
    return JSONResponse(
        _head(asked.reader, "chat.completion")
        | {"choices": [choice], "usage": _usage(stream.details), "ecgr1": _beside(stream.details)}
    )


async def _events(asked: Asked, place: Places, usage: bool) -> AsyncIterator[str]:
    """Yield the reading as server-sent events; a caller who has gone away closes this, and so the reading."""
    head = _head(asked.reader, "chat.completion.chunk")

    def event(delta: dict[str, str], finish: str | None = None, **more: Any) -> str:
        chunk = head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}
        return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"

    async with contextlib.AsyncExitStack() as held:
        waiting = asyncio.ensure_future(held.enter_async_context(place.taken()))
        held.callback(waiting.cancel)
        while not (await asyncio.wait({waiting}, timeout=BEAT_S))[0]:
            yield ": waiting\n\n"
        stream = asked.reader.read(asked.view, asked.options)
        try:
            yield event({"role": "assistant", "content": ""})
            async for piece in _pieces(stream):
                yield event({"content": piece}) if piece else f": {stream.details.phase}\n\n"
            yield event({}, _finish(stream.details), ecgr1=_beside(stream.details))
            if usage:
                told = head | {"choices": [], "usage": _usage(stream.details)}
                yield f"data: {json.dumps(told)}\n\n"
            yield "data: [DONE]\n\n"
        except InputError as error:
            yield f"data: {json.dumps(_error('invalid_request_error', str(error)), ensure_ascii=False)}\n\n"
        except Exception:
            logger.exception("a reading failed")
            yield f"data: {json.dumps(_error('server_error', FAULT))}\n\n"
        finally:
            stream.close()


def _head(reader: Reader, kind: str) -> dict[str, Any]:
    number = f"chatcmpl-{secrets.token_hex(12)}"
    return {"id": number, "object": kind, "created": int(time.time()), "model": reader.name}


def _finish(details: ReadingDetails) -> str:
    return FINISH.get(details.stop_reason or "end", "stop")


def _usage(details: ReadingDetails) -> dict[str, int]:
    """Return the tokens that were counted; a reader without tokens has none."""
    prompt, new = details.prompt_tokens or 0, details.new_tokens or 0
    return {"prompt_tokens": prompt, "completion_tokens": new, "total_tokens": prompt + new}


def _beside(details: ReadingDetails) -> dict[str, Any]:
    return {"version": details.version, "notes": list(details.notes), **details_json(details)}
