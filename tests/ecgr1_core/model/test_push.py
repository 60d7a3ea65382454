"""Pushing a model: what a hub that takes every file in its commit holds afterwards is a directory that loads."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ecgr1_core.model.checkpoint import inspect

PAGE = "https://huggingface.co/somebody/tiny"
COMMIT = "1" * 40

PUSH = """
import sys
from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration
from ecgr1_core.model.processing import EcgR1Processor

EcgR1ForConditionalGeneration.from_pretrained(sys.argv[1]).push_to_hub("somebody/tiny", token="hf_none")
EcgR1Processor.from_pretrained(sys.argv[1]).push_to_hub("somebody/tiny", token="hf_none")
"""


class Handler(BaseHTTPRequestHandler):
    """Answers as a hub to which everything is committed inline."""

    protocol_version = "HTTP/1.1"

    def __init__(self, files: dict[str, bytes], *args: object) -> None:
        self.files = files
        super().__init__(*args)  # type: ignore[arg-type]

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if "/resolve/" in self.path:
            return self._json({}, 404, {"X-Error-Code": "EntryNotFound"})
        return self._json({"id": "somebody/tiny", "sha": "0" * 40, "siblings": []})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/repos/create"):
            return self._json({"url": PAGE, "name": "somebody/tiny"})
        if "/preupload/" in self.path:
            asked = [one["path"] for one in json.loads(body)["files"]]
            return self._json({"files": [{"path": p, "uploadMode": "regular", "shouldIgnore": False} for p in asked]})
        if "/commit/" in self.path:
            for line in body.splitlines():
                row = json.loads(line)
                if row["key"] == "file":
                    self.files[row["value"]["path"]] = base64.b64decode(row["value"]["content"])
            return self._json(
                {
                    "commitUrl": f"{PAGE}/commit/{COMMIT}",
                    "commitOid": COMMIT,
                    "hookOutput": "",
                }
            )
        return self._json({"valid": True})

    def _json(self, data: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(data).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@pytest.fixture
def hub() -> Iterator[tuple[str, dict[str, bytes]]]:
    files: dict[str, bytes] = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, files))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", files
    server.shutdown()
    server.server_close()


def test_what_is_pushed_is_a_whole_directory(
    hub: tuple[str, dict[str, bytes]], tiny_checkpoint: Path, tmp_path: Path
) -> None:
    address, files = hub
    environment = {**os.environ, "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PUSH, str(tiny_checkpoint)],
        env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    pushed = tmp_path / "pushed"
    for name, content in files.items():
        (pushed / name).parent.mkdir(parents=True, exist_ok=True)
        (pushed / name).write_bytes(content)
    before, after = inspect(tiny_checkpoint), inspect(pushed)
    after.require_whole()
    assert after.parameters == before.parameters
    assert json.loads(files["config.json"])["model_type"] == "ecg_r1"
