"""The server: our own pages, the Gradio app behind them, and how both are listened for.

Our paths are guarded (`guard`); everything else is Gradio's. With `require_login` Gradio too is only for people who are
logged in and not raters of a running study.
"""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from annotations.ratings import rates_now
from ecgr1_core.errors import InputError
from ui import strings_web
from ui.quick_gradio import gr
from ui.web import assets, guard
from ui.web.pages import message
from ui.web.site import Site
from ui.web.visits import visit_of

START_S = 60.0
COMPARE_PATH = "/compare"
GRADIO_PAGES = ("/", COMPARE_PATH)


def build_server(site: Site, routers: Sequence[APIRouter], blocks: gr.Blocks, **options: Any) -> FastAPI:
    """Return the server with our pages and, behind them, the Gradio app; `options` are those of its mounting."""
    app = FastAPI(title=strings_web.READ, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.site = site
    for router in routers:
        app.include_router(router)
    assets.install(app)
    first = {route.path.split("/")[1] for router in routers for route in router.routes} | {"own"}  # type: ignore[attr-defined]
    guard.install(app, lambda path: path.split("/")[1] in first)
    if site.settings.require_login:
        app.add_middleware(_ReadersOnly, ours=first)
        options["auth_dependency"] = _reader_name
    with warnings.catch_warnings():  # it says that it turns off what `options` have turned off
        warnings.filterwarnings("ignore", message="SSR mode is not supported")
        gr.mount_gradio_app(app, blocks, path="/", **options)
    mounted: Any = app.routes[-1]
    mounted.app.state.site = site  # what Gradio asks `_reader_name` with is a request to its own app
    return app


def _reader_name(request: Request) -> str | None:
    """Return who may use the Gradio pages, None for nobody; asked by Gradio at every request."""
    visit = visit_of(request)
    if visit is None:
        return None
    with visit.reading() as acting:
        return None if rates_now(acting) else visit.user.name


class _ReadersOnly:
    """Leads who is not logged in from Gradio's pages to the log-in, and tells raters of a running study why not."""

    def __init__(self, app: ASGIApp, ours: set[str]) -> None:
        self.app = app
        self.ours = ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] not in GRADIO_PAGES:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        if await _in_thread(_reader_name, request) is not None:
            await self.app(scope, receive, send)
            return
        if await _in_thread(visit_of, request) is None:
            await RedirectResponse(f"/login?next={scope['path']}", status_code=303)(scope, receive, send)
            return
        response = await _in_thread(message, request, strings_web.READ, strings_web.NEED_LOGIN_TO_READ, status=403)
        await response(scope, receive, send)


async def _in_thread(function: Any, *args: Any, **kwargs: Any) -> Any:
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(function, *args, **kwargs)


@dataclass
class Running:
    """A server that is listening; `wait` returns when it has ended."""

    address: str
    server: uvicorn.Server
    thread: threading.Thread

    def wait(self) -> None:
        """Wait until the server ends; an interrupt ends it."""
        try:
            while self.thread.is_alive():
                self.thread.join(timeout=1.0)
        except KeyboardInterrupt:
            self.stop()

    def stop(self) -> None:
        """End the server, and wait for what is running."""
        self.server.should_exit = True
        self.thread.join(timeout=10.0)


def listen(app: FastAPI, host: str, port: int) -> Running:
    """Listen on host and port; `InputError` where the port is taken or the server does not come up."""
    try:
        listener = socket.create_server((host, port), backlog=256)
    except OSError as error:
        raise InputError(
            f"port {port} on {host}", f"cannot be listened on ({error.strerror or error})", "choose another with --port"
        ) from error
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, ws="none", timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(config)
    gc.collect()
    gc.freeze()  # what is there before the first request stays: looking it through again would halt all requests
    thread = threading.Thread(target=_serve, args=(server, listener), name="server", daemon=True)
    thread.start()
    end = time.monotonic() + START_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > end:
            raise InputError(f"port {port} on {host}", "the server did not come up", "see the log above")
        time.sleep(0.02)
    return Running(f"http://{host}:{listener.getsockname()[1]}/", server, thread)


def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    with contextlib.closing(listener), contextlib.suppress(SystemExit):
        server.run(sockets=[listener])
