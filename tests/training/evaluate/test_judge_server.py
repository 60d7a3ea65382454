"""The judge behind a real HTTP server that answers well, badly, late or not at all; nothing is paid for twice."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from test_judge_criteria import whole
from werkzeug import Request, Response

from ecgr1_core.errors import InputError
from training.evaluate.cases import Case, cases_of_rows
from training.evaluate.config import JudgeConfig
from training.evaluate.judge import judge
from training.problems import Problems

GOOD = json.dumps(whole())


def answer(text: str, status: int = 200, **headers: str) -> Response:
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "judge-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
    }
    return Response(json.dumps(body), status, headers, content_type="application/json")


def refusing(status: int, **headers: str) -> Response:
    return Response(json.dumps({"error": {"message": "it is so"}}), status, headers, content_type="application/json")


class Server:
    """Answers in order, the last answer for ever; counts what it was asked."""

    def __init__(self, httpserver: HTTPServer, *answers: Response | Callable[[], Response]) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self._answers, self._lock = list(answers), threading.Lock()
        httpserver.expect_request("/v1/chat/completions").respond_with_handler(self._handle)
        self.url = httpserver.url_for("/v1")

    def _handle(self, request: Request) -> Response:
        with self._lock:
            self.asked.append(request.get_json())
            self.keys.append(request.headers.get("Authorization"))
            one = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return one() if callable(one) and not isinstance(one, Response) else one

    def config(self, **changes: Any) -> JudgeConfig:
        return JudgeConfig(**{"url": self.url, "model": "judge", "retries": 2, "first_wait_s": 0.01} | changes)


@pytest.fixture
def cases(rows_file: Path) -> list[Case]:
    return list(cases_of_rows(rows_file, Problems()))


def readings(cases: list[Case]) -> list[dict[str, Any]]:
    return [{"id": case.id, "reader": "r", "modality": "signal", "text": f"reading of {case.id}"} for case in cases]


def grade(config: JudgeConfig, cases: list[Case], folder: Path, problems: Problems | None = None) -> dict[str, Any]:
    return judge(config, cases, readings(cases), folder, 1, problems or Problems())


def test_every_reading_is_graded_and_costs_are_counted(
    httpserver: HTTPServer, cases: list[Case], tmp_path: Path
) -> None:
    server, problems = Server(httpserver, answer(GOOD)), Problems()
    (tmp_path / "key").write_text("secret-key\n")
    config = server.config(key_file=tmp_path / "key", price_in=2.0, price_out=10.0)
    found = grade(config, cases, tmp_path / "judge", problems)
    graded = len(server.asked)
    assert graded == 7  # "no-tag" has no reference
    assert problems.counts == {"no reference": 1}
    line = found["table"][0]
    assert (line["readings"], line["failed"]) == (7, 0)
    assert line["DiagnosisAccuracy"]["mean"] == 50.0
    assert found["usage"]["cost"] == pytest.approx(graded * (1000 * 2.0 + 500 * 10.0) / 1e6)
    assert set(server.keys) == {"Bearer secret-key"}
    asked = server.asked[0]["messages"][1]["content"]
    assert "reading of" in asked
    assert server.asked[0]["temperature"] == 0.0


def test_nothing_is_asked_twice(httpserver: HTTPServer, cases: list[Case], tmp_path: Path) -> None:
    server = Server(httpserver, answer(GOOD))
    first = grade(server.config(), cases, tmp_path)
    again = grade(server.config(), cases, tmp_path)
    assert len(server.asked) == 7
    assert again["table"] == first["table"]
    assert again["usage"]["from_disk"] == 7
    grade(server.config(model="another"), cases, tmp_path)
    assert len(server.asked) == 14


def test_what_fails_is_asked_again(httpserver: HTTPServer, cases: list[Case], tmp_path: Path) -> None:
    broken = answer(GOOD[: len(GOOD) - 1])
    server = Server(
        httpserver, refusing(500), answer("I cannot grade this."), broken, refusing(429, **{"Retry-After": "0"}),
        answer(GOOD),
    )  # fmt: skip
    found = grade(server.config(concurrency=1), cases[:2], tmp_path)
    assert found["table"][0]["failed"] == 0
    assert len(server.asked) == 5  # 500, nonsense, mended; 429, good


def test_failures_are_counted_and_shown(httpserver: HTTPServer, cases: list[Case], tmp_path: Path) -> None:
    server, problems = Server(httpserver, answer("nonsense")), Problems(path=tmp_path / "problems.jsonl")
    found = grade(server.config(), cases[:2], tmp_path, problems)
    line = found["table"][0]
    assert (line["readings"], line["failed"]) == (2, 2)
    assert line["DiagnosisAccuracy"]["mean"] is None
    assert problems.counts == {"judge failed": 2}
    assert len(server.asked) == 6
    told = (tmp_path / "problems.jsonl").read_text()
    assert "no JSON object" in told
    assert "also when asked 3 times" in told
    rows = [json.loads(one) for one in (tmp_path / "judged.jsonl").read_text().splitlines()]
    assert all("failed" in row and "scores" not in row for row in rows)


def test_a_judge_that_refuses_one_reading_goes_on(httpserver: HTTPServer, cases: list[Case], tmp_path: Path) -> None:
    server, problems = Server(httpserver, refusing(400), answer(GOOD)), Problems()
    found = grade(server.config(concurrency=1), cases[:3], tmp_path, problems)
    assert (found["table"][0]["failed"], len(server.asked)) == (1, 3)


def test_a_late_judge_is_a_failure(httpserver: HTTPServer, cases: list[Case], tmp_path: Path) -> None:
    def late() -> Response:
        time.sleep(0.6)
        return answer(GOOD)

    server, problems = Server(httpserver, late), Problems(path=tmp_path / "p.jsonl")
    found = grade(server.config(timeout_s=0.15, retries=1), cases[:1], tmp_path, problems)
    assert found["table"][0]["failed"] == 1
    assert "did not answer in 0.15 s" in (tmp_path / "p.jsonl").read_text()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_ends_the_run(httpserver: HTTPServer, cases: list[Case], tmp_path: Path, status: int) -> None:
    server = Server(httpserver, refusing(status))
    with pytest.raises(InputError, match=f"\\({status}\\).*(check judge.url|set judge.key_file)"):
        grade(server.config(), cases, tmp_path)


def test_a_server_that_is_not_there(cases: list[Case], tmp_path: Path) -> None:
    config = JudgeConfig(url="http://127.0.0.1:9/v1", model="judge", retries=0)
    problems = Problems(path=tmp_path / "p.jsonl")
    assert grade(config, cases[:1], tmp_path, problems)["table"][0]["failed"] == 1
    assert "cannot be reached" in (tmp_path / "p.jsonl").read_text()


def test_what_was_graded_before_the_end_is_kept(httpserver: HTTPServer, cases: list[Case], tmp_path: Path) -> None:
    server = Server(httpserver, answer(GOOD), answer(GOOD), refusing(402), answer(GOOD))
    with pytest.raises(InputError, match=r"refuses the questions \(402\).*check judge\.url"):
        grade(server.config(concurrency=1), cases, tmp_path)
    assert len(server.asked) == 3
    assert grade(server.config(), cases, tmp_path)["usage"]["from_disk"] == 2
    assert len(server.asked) == 3 + 5


def test_a_problem_that_ends_the_run_ends_the_asking(httpserver: HTTPServer, cases: list[Case], tmp_path: Path) -> None:
    server = Server(httpserver, answer(GOOD), refusing(400))
    graded = [case for case in cases if case.report]
    with pytest.raises(InputError, match="does not accept the question"):
        grade(server.config(concurrency=1), graded, tmp_path, Problems("stop"))
    assert len(server.asked) <= 3


def test_a_key_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    config = JudgeConfig(url="http://127.0.0.1:9/v1", model="judge", key_file=tmp_path / "nothing")
    with pytest.raises(InputError, match="the key cannot be read"):
        judge(config, [], [], tmp_path, 1, Problems())
