"""The language model as author, against a server of this machine: rows, the second try, what is left out, and cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from author_server import answer_to, phrases_from
from chat_server import completion, refusal, serve
from corpus_kit import llm, synthetic
from pytest_httpserver import HTTPServer
from werkzeug import Response

from ecgr1_core.errors import InputError
from training.corpus import run_corpus
from training.corpus.config import Shares

KEY = "sk-known-to-nobody-42"


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
    assert "it answered with status 500" in (tmp_path / "out" / "problems.jsonl").read_text(encoding="utf-8")
    again = run_corpus(config)
    assert again["left_out"] == {"cut at the limit of tokens": 1}
    assert again["author"]["requests"] == 1


def test_the_stand_in_for_a_model_answers_by_the_question() -> None:
    found = json.loads(phrases_from("Step 1, Title\nOne two three four.\n\nStep 6, Title\nFive.").split("```")[1][4:])
    assert found == {"1": ["One two three"], "6": ["Five", "stands nowhere"]}
