"""`ecgr1 serve`: the pages for browsers, or with `--api` the readers for programs.

Gradio is imported only when the command runs, so that the other commands start quickly.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from ecgr1_core.errors import InputError
from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
Examples = Callable[[], Sequence[EcgRecord]]


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser], examples: Examples) -> None:
    """Add `serve`; `examples` gives the recordings the page offers and is called when the command runs."""
    parser = commands.add_parser(
        "serve",
        help="serve the pages on this machine, or its readers as an API",
        description="Serve the pages on this machine until interrupted. Nothing is sent to other machines unless a "
        "reader says so. With --api no pages are served but the readers of this machine, at an endpoint in the form of "
        "OpenAI's chat completions.",
    )
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (default: ECGR1_HOST or 127.0.0.1)")
    parser.add_argument("--port", type=int, metavar="PORT", help="port to listen on (default: ECGR1_PORT or 7860)")
    parser.add_argument(
        "--no-browser",
        action="store_true",
        help="do not open a browser window",
    )
    parser.add_argument(
        "--api", action="store_true", help="serve the readers to programs instead of the pages (see ECGR1_API_KEY)"
    )
    parser.set_defaults(run=lambda arguments: _serve(arguments, examples))


def _serve(arguments: argparse.Namespace, examples: Examples) -> int:
    given = {name: getattr(arguments, name) for name in ("host", "port") if getattr(arguments, name) is not None}
    settings = Settings(**given)
    print(f"Starting on http://{settings.host}:{settings.port} …", flush=True)
    if arguments.api:
        return _serve_api(settings)

    from ui.app import build_app, launch

    launch(build_app(settings, examples), settings, open_browser=sys.stdout.isatty() and not arguments.no_browser)
    return 0


def _serve_api(settings: Settings) -> int:
    from ecgr1_core.readers import known_readers
    from ecgr1_core.readers.base import SendsAway
    from ui.api.server import build_api
    from ui.web.server import listen

    key = None if settings.api_key is None else settings.api_key.get_secret_value()
    if not key and settings.host not in _THIS_MACHINE:
        raise InputError(
            "--api", f"other machines can reach {settings.host}, and no key is set", "set ECGR1_API_KEY to a secret"
        )
    readers = [reader for reader in known_readers(settings) if not isinstance(reader, SendsAway)]
    api = build_api(
        readers, key=key or None, waiting=settings.api_waiting, largest_bytes=settings.max_upload_mb * 2**20
    )
    running = listen(api, settings.host, settings.port)
    ready = ", ".join(reader.name for reader in readers if reader.unavailable is None)
    print(f"The API is ready on {running.address}v1 with: {ready} (Ctrl-C ends it).", flush=True)
    running.wait()
    return 0
