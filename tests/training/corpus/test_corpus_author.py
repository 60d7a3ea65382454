"""The language model as author, against a server of this machine: rows, faults, the second try, cost, and the key."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from author_server import Asked, answer_to, completion, phrases_from, refusal
from corpus_kit import llm, synthetic
from pytest_httpserver import HTTPServer
from werkzeug import Response

from ecgr1_core.errors import InputError
from training.corpus import run_corpus
from training.corpus.answers import Answer, Answers
from training.corpus.asking import MOST_FAILURES, Chat, NoAnswerError
from training.corpus.config import LlmAuthoring, Shares

KEY = "sk-known-to-nobody-42"


def serve(server: HTTPServer, answering: Any) -> Asked:
    asked = Asked(answering)
    server.expect_request("/v1/chat/completions").respond_with_handler(asked)
    return asked


def ask(config: LlmAuthoring, folder: Path, *questions: str, key: str | None = None) -> tuple[list[Any], Chat]:
    """Ask all questions at once; what went wrong with one stands in its place."""

    async def all_of_them() -> tuple[list[Any], Chat]:
        async with Chat(config, key, folder) as chat:
            asked = (chat.ask([{"role": "user", "content": question}], 0.0) for question in questions)
            return await asyncio.gather(*asked, return_exceptions=True), chat

    return asyncio.run(all_of_them())


def test_rows_by_a_model_with_tokens_and_cost_and_nothing_is_paid_twice(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ECGR1_AUTHOR_API_KEY", KEY)
    asked = serve(httpserver, lambda body, number: completion(answer_to(body)))
    author = llm(httpserver.url_for("/v1"), evidence="llm", price_in=1.0, price_out=2.0, currency="EUR")
    config = synthetic(tmp_path / "out", 4, author=author, shares=Shares(sft=1, rl=1, test=0), require_known=True)
    with caplog.at_level("INFO", logger="training"):
        summary = run_corpus(config)
    assert summary["rows"] == {"sft": 2, "rl": 2, "test": 0}
    assert summary["phrases_unusable"] == 4
    assert summary["author"] == {
        "requests": 8,
        "answered": 8,
        "from_disk": 0,
        "prompt_tokens": 16000,
        "new_tokens": 4000,
        "answers_without_counts": 0,
        "cost": 0.024,
        "currency": "EUR",
        "faults": {},
    }
    assert "8 requests, 16000 + 4000 tokens, cost 0.0240 EUR" in caplog.text
    assert set(asked.keys) == {f"Bearer {KEY}"}
    assert all(body["model"] == "m" for body in asked.bodies)
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len([path for path in written if path.parent.parent.name == "answers"]) == 8
    assert not [path for path in written if KEY.encode() in path.read_bytes()]
    rows = (tmp_path / "out" / "sft.jsonl").read_bytes()
    again = run_corpus(config)
    assert len(asked.bodies) == 8
    assert (again["author"]["requests"], again["author"]["from_disk"], again["author"]["cost"]) == (0, 8, 0.0)
    assert (tmp_path / "out" / "sft.jsonl").read_bytes() == rows


def test_a_model_is_told_what_was_wrong_and_rejected_texts_are_kept(httpserver: HTTPServer, tmp_path: Path) -> None:
    def answering(body: dict[str, Any], number: int) -> Response:
        text = answer_to(body)
        if len(body["messages"]) == 2:  # the first try
            return completion(text.replace("</answer>", "; a broken heart</answer>"))
        return completion(text if "PR 2" in body["messages"][1]["content"] else "I cannot.")

    asked = serve(httpserver, answering)
    author = llm(httpserver.url_for("/v1"), attempts=2)
    shares = Shares(rl=0, test=0)
    summary = run_corpus(synthetic(tmp_path / "out", 2, "av_block_1", "sinus", author=author, shares=shares))
    assert (summary["rows"]["sft"], summary["rejected"], summary["texts"]) == (1, 1, 4)
    assert (summary["rejected_for"], summary["rejected_of_kind"]) == ({"form": 1}, {"sinus": 1})
    told = [body["messages"][-1]["content"] for body in asked.bodies if len(body["messages"]) == 4]
    assert len(told) == 2
    assert all("'a broken heart' in the answer is no label of the vocabulary" in one for one in told)
    (line,) = (tmp_path / "out" / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    rejected = json.loads(line)
    assert (rejected["kind"], rejected["reason"], rejected["text"]) == ("sinus", "form", "I cannot.")
    assert "step 1 is missing" in rejected["complaints"]


def test_numbers_that_the_recording_does_not_have_are_rejected(httpserver: HTTPServer, tmp_path: Path) -> None:
    def wrong(body: dict[str, Any], number: int) -> Response:
        return completion(answer_to(body).replace("Nothing contradicts", "The QRS lasts 190 ms. Nothing contradicts"))

    serve(httpserver, wrong)
    summary = run_corpus(synthetic(tmp_path / "out", 1, "sinus", author=llm(httpserver.url_for("/v1"))))
    assert summary["rejected_for"] == {"contradicted": 1}
    assert "190 ms" in (tmp_path / "out" / "rejected.jsonl").read_text(encoding="utf-8")


def test_no_usable_phrase_rejects_a_text(httpserver: HTTPServer, tmp_path: Path) -> None:
    def answering(body: dict[str, Any], number: int) -> Response:
        text = answer_to(body)
        return completion(text if text.startswith("<think>") else "none")

    serve(httpserver, answering)
    author = llm(httpserver.url_for("/v1"), evidence="llm")
    assert run_corpus(synthetic(tmp_path / "out", 1, "sinus", author=author))["rejected_for"] == {"no phrase": 1}


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
        (lambda body, number: Response("[1]", content_type="application/json"), "unreadable answer"),
    ],
)
def test_a_fault_is_named_counted_and_not_kept(
    httpserver: HTTPServer, tmp_path: Path, answering: Any, kind: str
) -> None:
    serve(httpserver, answering)
    (error,), chat = ask(llm(httpserver.url_for("/v1")), tmp_path, "?")
    assert isinstance(error, NoAnswerError)
    assert (error.kind, chat.usage.faults, chat.usage.answered) == (kind, {kind: 1}, 0)
    assert not list(tmp_path.rglob("*.json"))


def test_silence_and_a_server_that_is_not_there(httpserver: HTTPServer, tmp_path: Path) -> None:
    serve(httpserver, lambda body, number: time.sleep(1) or completion("late"))  # type: ignore[func-returns-value]
    (error,), _ = ask(llm(httpserver.url_for("/v1"), timeout_s=0.3), tmp_path, "?")
    assert isinstance(error, NoAnswerError)
    assert error.kind == "timeout"
    (error,), _ = ask(llm("http://127.0.0.1:9/v1"), tmp_path, "?")
    assert isinstance(error, NoAnswerError)
    assert error.kind == "no connection"


def test_what_passes_is_asked_again(httpserver: HTTPServer, tmp_path: Path) -> None:
    answers = [refusal(429), refusal(502), completion("so")]
    asked = serve(httpserver, lambda body, number: answers[number - 1])
    (answer,), chat = ask(llm(httpserver.url_for("/v1"), retries=2), tmp_path, "?")
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
    ],
)
def test_what_no_question_will_pass_is_an_error_of_all(
    httpserver: HTTPServer, tmp_path: Path, answer: Response, said: str
) -> None:
    serve(httpserver, lambda body, number: answer)
    (error,), chat = ask(llm(httpserver.url_for("/v1"), retries=6), tmp_path, "?", key=KEY)
    assert isinstance(error, InputError)
    assert not isinstance(error, NoAnswerError)
    assert re.search(said, str(error))
    assert KEY not in str(error)
    assert chat.usage.requests == 1


def test_a_refused_key_ends_the_run(httpserver: HTTPServer, tmp_path: Path) -> None:
    asked = serve(httpserver, lambda body, number: refusal(401))
    with pytest.raises(InputError, match="does not accept the key"):
        run_corpus(synthetic(tmp_path / "out", 8, "sinus", author=llm(httpserver.url_for("/v1"), at_once=1)))
    assert len(asked.bodies) == 1


def test_recordings_without_an_answer_are_left_out_and_counted(httpserver: HTTPServer, tmp_path: Path) -> None:
    def answering(body: dict[str, Any], number: int) -> Response:
        return refusal(500) if number == 2 else completion(answer_to(body), "length" if number == 1 else "stop")

    serve(httpserver, answering)
    config = synthetic(tmp_path / "out", 3, "sinus", author=llm(httpserver.url_for("/v1"), at_once=1))
    summary = run_corpus(config)
    assert summary["left_out"] == {"cut at the limit of tokens": 1, "status 500": 1}
    assert sum(summary["rows"].values()) == 1
    assert "gave no answer, status 500" in (tmp_path / "out" / "problems.jsonl").read_text(encoding="utf-8")
    again = run_corpus(config)
    assert again["left_out"] == {"cut at the limit of tokens": 1}
    assert again["author"]["requests"] == 1


def test_a_server_that_never_answers_ends_the_run(httpserver: HTTPServer, tmp_path: Path) -> None:
    asked = serve(httpserver, lambda body, number: refusal(500))
    results, _ = ask(llm(httpserver.url_for("/v1"), at_once=1), tmp_path, *map(str, range(MOST_FAILURES + 2)))
    assert [isinstance(one, NoAnswerError) for one in results] == [True] * (MOST_FAILURES - 1) + [False] * 3
    assert f"as for {MOST_FAILURES} questions in a row" in str(results[MOST_FAILURES - 1])
    assert len(asked.bodies) == MOST_FAILURES + 2


def test_a_server_that_counts_nothing_leaves_the_cost_unknown(httpserver: HTTPServer, tmp_path: Path) -> None:
    serve(httpserver, lambda body, number: completion("so", counted=False))
    config = llm(httpserver.url_for("/v1"), price_in=1.0, price_out=1.0)
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
        ask(llm(server.url_for("/v1"), at_once=3), tmp_path, *map(str, range(12)))
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
        Chat(llm(url), None, tmp_path)


def test_the_stand_in_for_a_model_answers_by_the_question() -> None:
    found = json.loads(phrases_from("Step 1, Title\nOne two three four.\n\nStep 6, Title\nFive.").split("```")[1][4:])
    assert found == {"1": ["One two three"], "6": ["Five", "stands nowhere"]}
