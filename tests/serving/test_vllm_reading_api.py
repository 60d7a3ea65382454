"""The middleware before vLLM's server: our own requests become ECG-R1's, bad ones are told in one sentence."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI, Request
from PIL import Image
from starlette.testclient import TestClient

from ecgr1_core.modality import MODALITIES, Modality, ModalityView
from ecgr1_core.model.processing import DEFAULT_QUESTION, SYSTEM_PROMPT, prepare_signal
from ecgr1_core.readers.ecg_part import encode_part
from ecgr1_core.readers.remote_prompt import messages_of
from ecgr1_core.record import EcgRecord
from vllm_ecg_r1.inputs import ecg_item, record_of_url
from vllm_ecg_r1.reading_api import PATH, ReadingApi

KINDS: dict[Modality, list[str]] = {
    "signal": ["audio_url", "text"],
    "image": ["image_url", "text"],
    "both": ["audio_url", "image_url", "text"],
    "swapped": ["image_url", "audio_url", "text"],
}


@pytest.fixture
def client() -> TestClient:
    """A server that answers with what it was asked, behind the middleware."""
    app = FastAPI()

    @app.post(PATH)
    async def asked(request: Request) -> Any:
        body = await request.body()
        assert int(request.headers["content-length"]) == len(body)
        return json.loads(body)

    @app.post("/v1/completions")
    async def other(request: Request) -> Any:
        return {"bytes": len(await request.body())}

    app.add_middleware(ReadingApi)
    return TestClient(app)


def told(answer: Any, status: int = 400) -> str:
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] == status
    return str(error["message"])


@pytest.mark.parametrize("modality", MODALITIES)
def test_what_our_remote_reader_sends_becomes_the_trained_prompt(
    client: TestClient, drawn_record: EcgRecord, drawn_page: Image.Image, modality: Modality
) -> None:
    messages = messages_of(ModalityView(modality, drawn_record, drawn_page, "upload"), None)
    asked = client.post(
        PATH, json={"model": "ecg-r1", "messages": messages, "stream": True, "temperature": None}
    ).json()
    system, user = asked["messages"]
    assert system == {"role": "system", "content": SYSTEM_PROMPT}
    assert [part["type"] for part in user["content"]] == KINDS[modality]
    assert user["content"][-1] == {"type": "text", "text": DEFAULT_QUESTION}
    for part, kind in zip(user["content"], KINDS[modality], strict=True):
        if kind == "audio_url":
            item = ecg_item(record_of_url(part["audio_url"]["url"]))
            assert np.array_equal(item["ecg_values"], prepare_signal(drawn_record)[0])
        if kind == "image_url":
            assert part in messages[1]["content"]
    assert {name: value for name, value in asked.items() if name != "messages"} == {
        "model": "ecg-r1",
        "stream": True,
        "temperature": 0.0,
        "repetition_penalty": 1.0,
        "stop": ["</answer>"],
        "include_stop_str_in_output": True,
        "max_completion_tokens": 2048,
    }


def test_what_a_request_says_is_kept(client: TestClient, drawn_record: EcgRecord) -> None:
    content = [encode_part(drawn_record)]
    asked = client.post(
        PATH, json={"messages": [{"role": "user", "content": content}], "temperature": 0.7, "max_tokens": 5, "seed": 3}
    ).json()
    assert (asked["temperature"], asked["max_tokens"], asked["seed"]) == (0.7, 5, 3)
    assert "max_completion_tokens" not in asked


def test_bad_requests_are_one_sentence(client: TestClient, drawn_record: EcgRecord) -> None:
    def ask(*parts: Any) -> str:
        return told(client.post(PATH, json={"messages": [{"role": "user", "content": list(parts)}]}))

    ecg = encode_part(drawn_record)
    assert (
        told(client.post(PATH, content=b"{")) == "the request: it is no JSON; send a chat completion in OpenAI's form."
    )
    assert "it is no JSON object" in told(client.post(PATH, content=b"[]"))
    for nothing in ({}, {"messages": None}, {"messages": ["x"]}, {"messages": [{"role": "user", "content": "words"}]}):
        assert "they hold these attachments: none; attach one input_ecg" in told(client.post(PATH, json=nothing))
    assert "these attachments: input_ecg, input_ecg;" in ask(ecg, ecg)
    assert "these attachments: audio_url;" in ask({"type": "audio_url", "audio_url": {"url": "file:///etc/passwd"}})
    assert "these attachments: []" in ask({"type": []})
    assert "image_url: it is no data URL" in ask({"type": "image_url", "image_url": {"url": "http://127.0.0.1/a.png"}})
    assert "image_url: it is no data URL" in ask({"type": "image_url", "image_url": "data:image/png;base64,"})
    assert "input_ecg: sampling_rate_hz" in ask(
        {"type": "input_ecg", "input_ecg": {**ecg["input_ecg"], "sampling_rate_hz": 0}}
    )
    assert "input_ecg: it holds no object" in ask({"type": "input_ecg"})


def test_a_body_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECGR1_MAX_UPLOAD_MB", "1")
    app = FastAPI()
    app.add_middleware(ReadingApi)
    assert "it is larger than 1 MiB" in told(TestClient(app).post(PATH, content=b" " * (2**20 + 1)), 413)


def test_other_paths_pass_untouched(client: TestClient) -> None:
    assert client.post("/v1/completions", content=b"{not json").json() == {"bytes": 9}
    assert client.get(PATH).status_code == 405
