"""A corpus by a language model is killed at half: it is gone on with, and no question is paid for twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from author_server import answer_to
from chat_server import Asked, completion, refusal
from pytest_httpserver import HTTPServer
from werkzeug import Response

QUESTIONS = 1000
AT_ONCE = 8


@pytest.mark.slow
def test_a_killed_corpus_of_a_thousand_rows_goes_on_though_its_server_has_faults(tmp_path: Path) -> None:
    paid: Counter[str] = Counter()

    def answering(body: dict[str, Any], number: int) -> Response:
        if number % 40 == 0:
            return refusal(429 if number % 80 else 503)
        paid[json.dumps(body["messages"])] += 1
        return completion(answer_to(body))

    asked = Asked(answering)
    with HTTPServer(threaded=True) as server:
        server.expect_request("/v1/chat/completions").respond_with_handler(asked)
        author = {"by": "llm", "url": server.url_for("/v1"), "model": "m", "at_once": AT_ONCE}
        sources = [{"from": "synthetic", "count": QUESTIONS}]
        config = tmp_path / "corpus.yaml"
        config.write_text(yaml.safe_dump({"out": "corpus", "sources": sources, "author": author, "jobs": 2}))
        command = [sys.executable, "-m", "app", "train", "corpus", "--config", str(config)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "ECGR1_AUTHOR_API_KEY": "k"}
        first = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, cwd=tmp_path, start_new_session=True)
        try:
            while len(asked.bodies) < QUESTIONS:
                assert first.poll() is None, first.stderr and first.stderr.read()
                time.sleep(0.02)
        finally:
            os.killpg(first.pid, signal.SIGKILL)
            first.communicate()
        before = len(asked.bodies)
        subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    summary = json.loads((tmp_path / "corpus" / "summary.json").read_text(encoding="utf-8"))
    assert before < len(asked.bodies)
    assert sum(summary["rows"].values()) + summary["rejected"] == QUESTIONS
    assert sum(summary["rows"].values()) > 0.5 * QUESTIONS
    assert paid.total() - len(paid) <= AT_ONCE
