"""A run that is killed goes on where it was: each question is paid for once, but for those under way at the kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from chat_server import Asked, completion
from pytest_httpserver import HTTPServer
from werkzeug import Response

QUESTIONS = 1000
AT_ONCE = 8


@pytest.mark.slow
def test_a_killed_run_pays_nothing_twice_but_what_was_under_way(tmp_path: Path) -> None:
    def answering(body: dict[str, Any], number: int) -> Response:
        return completion(f"answer to {body['messages'][0]['content']}")

    asked = Asked(answering)
    with HTTPServer(threaded=True) as server:
        server.expect_request("/v1/chat/completions").respond_with_handler(asked)
        root = Path(__file__).parents[2]
        command = [
            sys.executable, str(Path(__file__).with_name("killed_chat.py")),
            server.url_for("/v1"), str(tmp_path), str(QUESTIONS),
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(root)}
        first = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        try:
            while len(asked.bodies) < QUESTIONS // 2:
                assert first.poll() is None, first.stderr and first.stderr.read()
                time.sleep(0.005)
        finally:
            first.send_signal(signal.SIGKILL)
            first.communicate()
        kept = len(list(tmp_path.rglob("*.json")))
        assert QUESTIONS // 2 - AT_ONCE <= kept < QUESTIONS
        second = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert second.stdout.split() == [str(QUESTIONS - kept), str(kept)]
    times = Counter(body["messages"][0]["content"] for body in asked.bodies)
    assert len(times) == QUESTIONS
    assert QUESTIONS <= len(asked.bodies) <= QUESTIONS + AT_ONCE
