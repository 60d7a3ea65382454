"""The client of a chat server: faults and their kinds, asking again, what ends all, cost, and what is kept."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chat_server import NEW_TOKENS, PROMPT_TOKENS, completion, refusal, serve
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from ecgr1_core.errors import InputError
from training.chat import MOST_FAILURES, Answer, Answers, Chat, NoAnswerError
from training.corpus.config import LlmAuthoring

KEY = "sk-known-to-nobody-42"


def server_of(url: str, **more: Any) -> LlmAuthoring:
    """A model at a server of this machine; nothing is asked again unless told."""
    return LlmAuthoring(**{"url": url, "model": "m", "retries": 0, **more})


def ask(
    config: LlmAuthoring,
    folder: Path,
    *questions: str,
    key: str | None = None,
    accept: Callable[[str], object] | None = None,
    steadfast: bool = False,
) -> tuple[list[Any], Chat]:
    """Ask all questions at once; what went wrong with one stands in its place."""

    async def all_of_them() -> tuple[list[Any], Chat]:
        async with Chat(config, key, folder, steadfast=steadfast) as chat:
            asked = (chat.ask([{"role": "user", "content": question}], 0.0, accept) for question in questions)
            return await asyncio.gather(*asked, return_exceptions=True), chat

    return asyncio.run(all_of_them())


@pytest.mark.parametrize(
    ("answering", "kind"),
    [
        (lambda body, number: refusal(429), "status 429"),
        (lambda body, number: refusal(500), "status 500"),
        (lambda body, number: refusal(503), "status 503"),
        (lambda body, number: completion("  "), "empty answer"),
        (lambda body, number: Response("<html>hello</html>", content_type="text/html"), "unreadable answer"),
        (lambda body, number: Response('{"choices": []}', content_type="application/json"), "unreadable answer"),
        (lambda body, number: Response('{"cho', content_type="application/json"), "unreadable answer"),
        (lambda body, number: Response('{"choices": [{}]}', content_type="application/json"), "unreadable answer"),
        (lambda body, number: Response("[1]", content_type="application/json"), "unreadable answer"),
    ],
)
def test_a_fault_is_named_counted_and_not_kept(
    httpserver: HTTPServer, tmp_path: Path, answering: Any, kind: str
) -> None:
    serve(httpserver, answering)
    (error,), chat = ask(server_of(httpserver.url_for("/v1")), tmp_path, "?")
    assert isinstance(error, NoAnswerError)
    assert (error.kind, chat.usage.faults, chat.usage.answered) == (kind, {kind: 1}, 0)
    assert not list(tmp_path.rglob("*.json"))


def test_silence_and_a_server_that_is_not_there(httpserver: HTTPServer, tmp_path: Path) -> None:
    serve(httpserver, lambda body, number: time.sleep(1) or completion("late"))  # type: ignore[func-returns-value]
    (error,), _ = ask(server_of(httpserver.url_for("/v1"), timeout_s=0.3), tmp_path, "?")
    assert isinstance(error, NoAnswerError)
    assert error.kind == "timeout"
    (error,), _ = ask(server_of("http://127.0.0.1:9/v1"), tmp_path, "?")
    assert isinstance(error, NoAnswerError)
    assert error.kind == "no connection"


def test_what_passes_is_asked_again(httpserver: HTTPServer, tmp_path: Path) -> None:
    answers = [refusal(429), refusal(502), completion("so")]
    asked = serve(httpserver, lambda body, number: answers[number - 1])
    (answer,), chat = ask(server_of(httpserver.url_for("/v1"), retries=2), tmp_path, "?")
    assert answer.text == "so"
    assert (chat.usage.requests, chat.usage.answered) == (3, 1)
    assert chat.usage.faults == {"status 429": 1, "status 502": 1}
    assert asked.keys == [None] * 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(401, f"bad key {KEY}"), r"does not accept the key \(401\); set ECGR1_AUTHOR_API_KEY"),
        (refusal(402, "no money"), r"refuses the questions \(402\) \(it says: no money\)"),
        (refusal(429, "quota", "insufficient_quota"), r"refuses the questions \(429\)"),
        (refusal(404, "no such model"), "no such model"),
        (refusal(400, "temperature"), "temperature"),
        (Response(status=307, headers={"Location": "/elsewhere"}), r"refuses the questions \(307\)"),
    ],
)
def test_what_no_question_will_pass_is_an_error_of_all(
    httpserver: HTTPServer, tmp_path: Path, answer: Response, said: str
) -> None:
    serve(httpserver, lambda body, number: answer)
    (error,), chat = ask(server_of(httpserver.url_for("/v1"), retries=6), tmp_path, "?", key=KEY)
    assert isinstance(error, InputError)
    assert not isinstance(error, NoAnswerError)
    assert re.search(said, str(error))
    assert KEY not in str(error)
    assert chat.usage.requests == 1


def test_a_server_that_never_answers_ends_the_run(httpserver: HTTPServer, tmp_path: Path) -> None:
    asked = serve(httpserver, lambda body, number: refusal(500))
    results, _ = ask(server_of(httpserver.url_for("/v1"), at_once=1), tmp_path, *map(str, range(MOST_FAILURES + 2)))
    assert [isinstance(one, NoAnswerError) for one in results] == [True] * (MOST_FAILURES - 1) + [False] * 3
    assert f"as for {MOST_FAILURES} questions in a row" in str(results[MOST_FAILURES - 1])
    assert len(asked.bodies) == MOST_FAILURES + 2


def test_a_server_that_counts_nothing_leaves_the_cost_unknown(httpserver: HTTPServer, tmp_path: Path) -> None:
    serve(httpserver, lambda body, number: completion("so", counted=False))
    config = server_of(httpserver.url_for("/v1"), price_in=1.0, price_out=1.0)
    _, chat = ask(config, tmp_path, "?")
    told = chat.usage.to_json(config)
    assert (told["cost"], told["answers_without_counts"]) == (None, 1)


def test_no_more_are_asked_at_once_than_configured(httpserver: HTTPServer, tmp_path: Path) -> None:
    busy: list[int] = [0, 0]

    def slow(body: dict[str, Any], number: int) -> Response:
        busy[0] += 1
        busy[1] = max(busy)
        time.sleep(0.05)
        busy[0] -= 1
        return completion("so")

    with HTTPServer(threaded=True) as server:
        serve(server, slow)
        ask(server_of(server.url_for("/v1"), at_once=3), tmp_path, *map(str, range(12)))
    assert busy[1] == 3


def test_answers_are_kept_by_content_and_a_damaged_file_is_no_answer(tmp_path: Path) -> None:
    answers, question = Answers(tmp_path / "kept"), {"model": "m", "messages": [{"role": "user", "content": "?"}]}
    assert answers.get(question) is None
    answers.keep(question, Answer("so", prompt_tokens=3))
    assert answers.get(question) == Answer("so", prompt_tokens=3)
    assert answers.get(question | {"model": "n"}) is None
    (path,) = (tmp_path / "kept").rglob("*.json")
    path.write_text(path.read_text(encoding="utf-8")[:20], encoding="utf-8")
    assert answers.get(question) is None
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="taken: an answer cannot be kept"):
        Answers(tmp_path / "taken").keep(question, Answer("so"))


@pytest.mark.parametrize("url", ["", "api.deepseek.com", "ftp://host/v1", "https://name:word@host/v1"])
def test_an_address_that_is_none(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"author\.url: it is not the address"):
        Chat(server_of(url), None, tmp_path)


def test_nobody_else_is_told_the_question_or_the_key(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_KEY", "ORG_ID", "PROJECT_ID"):
        monkeypatch.setenv(f"OPENAI_{name}", "of-another-account")
    told: list[str] = []

    def elsewhere(request: Request) -> Response:
        told.append(f"{request.path} {request.headers}")
        return Response(status=308, headers={"Location": httpserver.url_for("/elsewhere")})

    httpserver.expect_request(re.compile(".*")).respond_with_handler(elsewhere)
    (error,), _ = ask(server_of(httpserver.url_for("/v1")), tmp_path, "?")
    assert "(308)" in str(error)
    assert len(told) == 1
    assert "of-another-account" not in told[0]
    assert "Authorization" not in told[0]


def test_an_answer_of_no_use_is_paid_for_asked_again_and_not_kept(httpserver: HTTPServer, tmp_path: Path) -> None:
    answers = [completion("no number"), completion("7")]
    serve(httpserver, lambda body, number: answers[number - 1])
    config = server_of(httpserver.url_for("/v1"), retries=1, first_wait_s=0, price_in=1.0, price_out=1.0)
    (answer,), chat = ask(config, tmp_path, "?", accept=int)
    assert answer.text == "7"
    assert (chat.usage.requests, chat.usage.answered, chat.usage.faults) == (2, 1, {"useless answer": 1})
    assert chat.usage.to_json(config)["cost"] == 2 * (PROMPT_TOKENS + NEW_TOKENS) / 1e6
    assert [json.loads(path.read_text())["answer"]["text"] for path in tmp_path.rglob("*.json")] == ["7"]


def test_a_server_that_says_when_is_not_asked_before(httpserver: HTTPServer, tmp_path: Path) -> None:
    busy = refusal(503)
    busy.headers["Retry-After"] = "0.4"
    answers, times = [busy, completion("so")], []

    def answering(body: dict[str, Any], number: int) -> Response:
        times.append(time.monotonic())
        return answers[number - 1]

    serve(httpserver, answering)
    ask(server_of(httpserver.url_for("/v1"), retries=1, first_wait_s=0), tmp_path, "?")
    assert times[1] - times[0] >= 0.4


def test_a_steadfast_chat_ends_at_no_single_question(httpserver: HTTPServer, tmp_path: Path) -> None:
    asked = serve(httpserver, lambda body, number: refusal(400) if number % 2 else refusal(500))
    config = server_of(httpserver.url_for("/v1"), at_once=1)
    results, _ = ask(config, tmp_path, *map(str, range(MOST_FAILURES + 2)), steadfast=True)
    assert all(isinstance(one, NoAnswerError) for one in results)
    assert len(asked.bodies) == MOST_FAILURES + 2
    (error,), chat = ask(server_of(httpserver.url_for("/v1"), retries=3), tmp_path, "?", steadfast=True)
    assert "does not accept the question (400)" in str(error)
    assert chat.usage.requests == 1  # it would be refused again


def test_answers_of_a_judge_that_an_older_run_kept_are_found(httpserver: HTTPServer, tmp_path: Path) -> None:
    asked = serve(httpserver, lambda body, number: completion("new"))
    question = {"model": "m", "messages": [{"role": "user", "content": "?"}], "temperature": 0.0, "max_tokens": 4096}
    name = hashlib.sha256(json.dumps(question, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    (tmp_path / name[:2]).mkdir()
    (tmp_path / name[:2] / f"{name}.json").write_text(json.dumps({"model": "m", "answer": "old"}))
    (answer,), _ = ask(server_of(httpserver.url_for("/v1")), tmp_path, "?")
    assert (answer.text, len(asked.bodies)) == ("old", 0)
