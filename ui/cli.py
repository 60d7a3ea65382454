"""`ecgr1 serve`: open the pages in a browser on this machine.

Gradio is imported only when the command runs, so that the other commands start quickly.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings

Examples = Callable[[], Sequence[EcgRecord]]


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser], examples: Examples) -> None:
    """Add `serve`; `examples` gives the recordings the page offers and is called when the command runs."""
    parser = commands.add_parser(
        "serve",
        help="serve the pages on this machine",
        description="Serve the pages on this machine until interrupted. Nothing is sent to other machines unless a "
        "reader says so.",
    )
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (default: ECGR1_HOST or 127.0.0.1)")
    parser.add_argument("--port", type=int, metavar="PORT", help="port to listen on (default: ECGR1_PORT or 7860)")
    parser.add_argument(
        "--no-browser",
        action="store_true",
        help="do not open a browser window",
    )
    parser.set_defaults(run=lambda arguments: _serve(arguments, examples))


def _serve(arguments: argparse.Namespace, examples: Examples) -> int:
    given = {name: getattr(arguments, name) for name in ("host", "port") if getattr(arguments, name) is not None}
    settings = Settings(**given)
    print(f"Starting on http://{settings.host}:{settings.port} …", flush=True)

    from ui.app import build_app, launch

    launch(build_app(settings, examples), settings, open_browser=sys.stdout.isatty() and not arguments.no_browser)
    return 0
