"""What every answer carries and which requests are refused; and how errors are told.

An `InputError` becomes its own sentence with a status that fits; any other error one sentence and a line in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from annotations.accounts import LoginRefusedError
from annotations.database import StorageError
from annotations.policy import NotPermittedError, WrongStateError
from ecgr1_core.errors import InputError
from ui import strings, strings_web
from ui.web.openid import ProviderError
from ui.web.pages import message, wants_json
from ui.web.visits import ForgedRequestError, NotLoggedInError

STATUS: tuple[tuple[type[InputError], int], ...] = (
    (StorageError, 503),
    (ProviderError, 503),
    (NotPermittedError, 404),
    (ForgedRequestError, 403),
    (LoginRefusedError, 403),
    (WrongStateError, 409),
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

logger = logging.getLogger(__name__)


class Guard:
    """Refuses what another site sends to our own paths, and puts our headers on their answers; the rest passes."""

    def __init__(self, app: ASGIApp, ours: Callable[[str], bool]) -> None:
        self.app = app
        self.ours = ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not self.ours(scope["path"]):
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope)
        if request.method not in ("GET", "HEAD") and not _from_here(request):
            await _told(request, ForgedRequestError(), 403)(scope, receive, with_headers)
            return
        await self.app(scope, receive, with_headers)


def install(app: FastAPI, ours: Callable[[str], bool]) -> None:
    """Guard the paths for which `ours` says yes, and tell errors in one sentence."""
    app.add_middleware(Guard, ours=ours)
    app.add_exception_handler(NotLoggedInError, _ask_to_log_in)
    app.add_exception_handler(InputError, _input_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _fault)


def status_of(error: InputError) -> int:
    """Return the HTTP status for an error."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 400)


def _from_here(request: Request) -> bool:
    """Whether the browser says that a page of this site sent it; one that says nothing is asked for its word later."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin in (None, "null") or urlsplit(str(origin)).netloc == request.headers.get("host")


def _ask_to_log_in(request: Request, _: Exception) -> Response:
    if wants_json(request):
        return JSONResponse({"error": strings_web.LOGGED_OUT, "login": True}, status_code=401)
    query = f"?{request.url.query}" if request.url.query else ""
    wanted = request.url.path + query if request.method == "GET" else "/"
    return RedirectResponse(f"/login?next={quote(wanted, safe='')}", status_code=303)


def _input_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, InputError)
    return _told(request, error, status_of(error))


def _told(request: Request, error: InputError, status: int) -> Response:
    if wants_json(request):
        return JSONResponse({"error": str(error)}, status_code=status, headers=HEADERS)
    return message(request, strings_web.NOT_DONE, str(error), status=status)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = strings_web.NO_PAGE if error.status_code == 404 else strings_web.NOT_UNDERSTOOD
    if wants_json(request):
        return JSONResponse({"error": sentence}, status_code=error.status_code)
    return message(request, strings_web.NOT_DONE, sentence, status=error.status_code)


def _fault(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    if wants_json(request):
        return JSONResponse({"error": strings.FAULT}, status_code=500)
    return message(request, strings_web.NOT_DONE, strings.FAULT, status=500)
