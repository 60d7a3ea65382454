"""The program as a user starts it, and a page that is watched for faults and for requests to other machines."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

ROOT = Path(__file__).parents[2]
START_S = 90.0


@contextmanager
def served(data_dir: Path, **settings: str) -> Iterator[str]:
    """Serve the real app with its data in `data_dir`, and give its address; models are loaded when they are needed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (data_dir / "serve.log").open("w")
    command = [sys.executable, str(ROOT / "app.py"), "serve", "--port", str(port), "--no-browser"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("ECGR1_MODEL")}
    environment = own | {"ECGR1_DATA_DIR": str(data_dir), "ECGR1_LOAD_AT_START": "false", **settings}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}/"
    try:
        _wait_until_ready(address, server, data_dir / "serve.log")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)
        log.close()


def _wait_until_ready(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail(f"the app ended with {server.returncode}: {log.read_text()}")
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the app did not answer within {START_S:.0f} s: {log.read_text()}")


@contextmanager
def watched(page: Page, address: str) -> Iterator[None]:
    """Open an address; afterwards no error may be on the console and no request may have left this machine."""
    faults: list[str] = []
    hosts: set[str | None] = set()

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            faults.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.goto(address)
    page.locator("#reader-note p").first.wait_for()
    yield
    assert faults == []
    assert hosts - {None} == {"127.0.0.1"}, "a request left this machine"  # None: data: and blob: addresses


@contextmanager
def one_page(
    browser: Browser, address: str, options: Mapping[str, Any], prepare: Callable[[Page], None] = lambda page: None
) -> Iterator[Page]:
    """Open an address, watched, in a page for several tests that leave it as it was; `prepare` it before."""
    with browser.new_context(**options) as context:
        page = context.new_page()
        prepare(page)
        with watched(page, address):
            yield page
