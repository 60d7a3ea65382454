"""The style sheets and scripts of the pages outside Gradio: the files of `ui/static`, and what is put together.

All come from this machine; browsers ask each time whether they have changed.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from ui import strings_web
from ui.components.viewer import STYLES, viewer_script

STATIC = Path(__file__).parents[1] / "static"
TOKENS = STATIC / "tokens.css"
REVALIDATE = "no-cache"


class _Files(StaticFiles):
    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they are
        response.headers["Cache-Control"] = REVALIDATE
        return response


def install(app: FastAPI) -> None:
    """Serve the files below `/own`; Gradio has `/assets` for its own."""
    made = {
        "viewer.js": (viewer_script(), "text/javascript"),
        "viewer.css": (STYLES.read_text(encoding="utf-8"), "text/css"),
        "words.js": (f"window.ecgr1Words = {json.dumps(strings_web.WORDS_FOR_SCRIPTS)};\n", "text/javascript"),
    }

    def serve(name: str, content: str, kind: str) -> None:
        etag = f'"{sha256(content.encode()).hexdigest()[:24]}"'
        headers = {"ETag": etag, "Cache-Control": REVALIDATE}

        @app.get(f"/own/{name}")
        def asset(request: Request) -> Response:
            if request.headers.get("if-none-match") == etag:
                return Response(status_code=304, headers=headers)
            return Response(content, media_type=kind, headers=headers)

    for name, (content, kind) in made.items():
        serve(name, content, kind)
    app.mount("/own", _Files(directory=STATIC), name="own")
