"""The readers of this machine behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from ecgr1_core.modality import ModalityView
from ecgr1_core.readers import ProtocolReader
from ecgr1_core.readers.ecg_part import decode_part, encode_part
from ecgr1_core.record import EcgRecord

PATH = "v1/chat/completions"
Part = dict[str, Any]


def picture(width: int = 64, height: int = 48) -> Part:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": url}}


def request(*parts: Part, model: str = "protocol", **more: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": "Read this ECG."}, *parts]
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


def events(answer: httpx.Response) -> list[Any]:
    found = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    assert found.pop() == "[DONE]"
    return [json.loads(text) for text in found]


def refused(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["type"]
    return str(error["message"])


def written(record: EcgRecord) -> str:
    return "".join(ProtocolReader().read(ModalityView("signal", decode_part(encode_part(record)))))


def test_it_says_who_reads_here_and_that_it_is_well(api: httpx.Client) -> None:
    health = httpx.get(f"{api.base_url}health", trust_env=False).json()  # without the key: for a load balancer
    assert health["status"] == "ok"
    assert health["readers"]["protocol"] | {"version": ""} == {"ready": True, "version": "", "reading": 0, "waiting": 0}
    models = {one["id"]: one for one in api.get("v1/models").json()["data"]}
    assert models["protocol"]["modalities"][0] == "signal"
    assert models["ecg-r1"]["unavailable"] is None


def test_a_recording_is_read_in_one_answer(api: httpx.Client, sinus: EcgRecord) -> None:
    answer = api.post(PATH, json=request(encode_part(sinus), temperature=0.2)).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == written(sinus)
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["ecgr1"]["notes"] == []


def test_a_recording_is_read_as_a_stream(api: httpx.Client, sinus: EcgRecord) -> None:
    asked = request(encode_part(sinus), stream=True, stream_options={"include_usage": True})
    with api.stream("POST", PATH, json=asked) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        chunks = events(answer)
    assert chunks.pop()["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == written(sinus)
    assert len(chunks) > 3


@pytest.mark.parametrize("order", ["signal", "image", "both", "swapped"])
def test_the_attachments_and_their_order_are_the_modality(api: httpx.Client, sinus: EcgRecord, order: str) -> None:
    ecg, page = encode_part(sinus), picture()
    parts = {"signal": [ecg], "image": [page], "both": [ecg, page], "swapped": [page, ecg]}[order]
    answer = api.post(PATH, json=request(*parts, model="ecg-r1", max_tokens=5)).json()
    assert answer["usage"]["completion_tokens"] == 5
    assert answer["choices"][0]["finish_reason"] == "length"


def test_seed_and_temperature_are_heeded(api: httpx.Client, sinus: EcgRecord) -> None:
    def text(seed: int) -> str:
        asked = request(encode_part(sinus), model="ecg-r1", max_tokens=12, temperature=1.0, seed=seed)
        return str(api.post(PATH, json=asked).json()["choices"][0]["message"]["content"])

    assert text(1) == text(1)
    assert text(1) != text(2)


def test_what_cannot_be_read_is_said_in_one_sentence(api: httpx.Client, sinus: EcgRecord) -> None:
    ecg = encode_part(sinus)
    far = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/page.png"}}
    broken = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    cut = json.loads(json.dumps(ecg))
    cut["input_ecg"]["data"] = cut["input_ecg"]["data"][:-4]
    short = encode_part(EcgRecord(np.asarray(sinus.signal_mv[:, :500]), sinus.sampling_rate_hz))
    for parts, model, words in (
        ([], "protocol", "hold these attachments: none"),
        ([ecg, ecg], "protocol", "attach one input_ecg"),
        ([far], "ecg-r1", "it is no data URL"),
        ([broken], "ecg-r1", "cannot be read as a picture"),
        ([cut], "protocol", "its data are not 12 leads"),
        ([short], "protocol", "too short to read"),
        ([{"type": "input_ecg", "input_ecg": {"format": "mp3"}}], "protocol", "input_ecg: format"),
    ):
        sentence = refused(api.post(PATH, json=request(*parts, model=model)), 400)
        assert words in sentence
        assert "\n" not in sentence
    assert "no model 'gpt'" in refused(api.post(PATH, json=request(ecg, model="gpt")), 404)
    assert "messages" in refused(api.post(PATH, json={"model": "protocol", "messages": []}), 400)
    refused(api.post(PATH, content=b"{not json"), 400)
    assert "larger than 2 MiB" in refused(api.post(PATH, content=b" " * (2 * 2**20 + 1)), 413)


def test_nobody_reads_without_the_key(api: httpx.Client, sinus: EcgRecord) -> None:
    for header in ({"authorization": ""}, {"authorization": "Bearer wrong"}, {"authorization": "Basic YTpi"}):
        assert "key" in refused(api.post(PATH, json=request(encode_part(sinus)), headers=header), 401)
        refused(api.get("v1/models", headers=header), 401)


def test_who_comes_when_all_places_are_taken_is_told_when_to_come_again(api: httpx.Client, sinus: EcgRecord) -> None:
    """One reads, one waits, the third is sent away; when the first goes, the second reads."""
    asked = request(encode_part(sinus), model="ecg-r1", stream=True, max_tokens=100_000)
    second: list[list[str]] = []

    def wait_and_read() -> None:
        with api.stream("POST", PATH, json=asked | {"max_tokens": 3}) as answer:
            second.append([line for line in answer.iter_lines() if line])

    with api.stream("POST", PATH, json=asked) as first:
        lines = first.iter_lines()
        while '"content":' not in next(lines):
            pass
        waiting = threading.Thread(target=wait_and_read)
        waiting.start()
        places = _places(api, "waiting", 1)
        assert places["reading"] == 1
        answer = api.post(PATH, json=asked)
        assert "too many readings wait" in refused(answer, 429)
        assert answer.headers["retry-after"] == "10"
    waiting.join(timeout=60)
    assert second[0][-1] == "data: [DONE]"
    assert _places(api, "reading", 0)["waiting"] == 0


def _places(api: httpx.Client, name: str, wanted: int) -> dict[str, Any]:
    """Return what `/health` says of the model, once `name` is as wanted."""
    for _ in range(300):
        told: dict[str, Any] = api.get("health").json()["readers"]["ecg-r1"]
        if told[name] == wanted:
            return told
        time.sleep(0.05)
    raise AssertionError(f"{name} is {told[name]}")
