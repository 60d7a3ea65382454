"""A study's pages for tests: the real server in this process, and people who use it as a browser does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from ecgr1_core.settings import Settings
from ui.app import ROUTERS
from ui.quick_gradio import gr
from ui.web.server import build_server
from ui.web.site import Site

HOST = "http://testserver"


def study_app(database: Path | str, data_dir: Path, **settings: Any) -> FastAPI:
    """The server with a study database; the Gradio app behind it is empty."""
    with gr.Blocks() as empty:
        pass
    site = Site(Settings(data_dir=data_dir, study_database=str(database), **settings), setup_code="c0de")
    return build_server(site, ROUTERS, empty)


class Person:
    """Somebody with a browser: keeps cookies, and sends the word of the page with what is sent."""

    def __init__(self, app: FastAPI) -> None:
        self.client = TestClient(app, base_url=HOST, follow_redirects=False)

    def log_in(self, name: str, password: str) -> Any:
        return self.client.post("/login", data={"name": name, "password": password}, headers=_JSON)

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, **options)

    @property
    def csrf(self) -> str:
        found = re.search(r'data-csrf="([0-9a-f]{64})"', self.get("/account").text)
        assert found, "nobody is logged in"
        return found.group(1)

    def send(self, path: str, files: Any = None, **fields: Any) -> Any:
        """Send a form."""
        return self.client.post(path, data={"csrf": self.csrf, **fields}, files=files, headers=_JSON)

    def call(self, path: str, data: dict[str, Any]) -> Any:
        """Send JSON."""
        return self.client.post(path, json=data, headers=_JSON | {"x-ecgr1-csrf": self.csrf})


_JSON = {"accept": "application/json"}
