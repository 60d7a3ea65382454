"""The reader remote against real servers on this machine: what it sends, how it reads, and whatever goes wrong."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

sys.path.insert(0, str(Path(__file__).parent))
from remote_kit import FORM, Handler, answering, chunk, event, raw, reading, refusing, usage

from annotations.generation import _read
from annotations.tables import Arm
from app import main
from ecgr1_core.errors import InputError, UnsupportedModalityError
from ecgr1_core.interpretation import STEP_TITLES, parse
from ecgr1_core.modality import MODALITIES, ModalityView
from ecgr1_core.readers import ProtocolReader, Reader, ReadingOptions, RemoteReader, get_reader, known_readers
from ecgr1_core.readers.base import ReadingStream, agreed, consent_needed, details_json
from ecgr1_core.readers.ecg_part import decode_part, encode_part
from ecgr1_core.readers.pace import Pace, asked_to_wait_s, wait_s
from ecgr1_core.record import LEADS, EcgRecord, Patient
from ecgr1_core.render.paper import render_page
from ecgr1_core.settings import Settings
from training.synthesis import kind_spec, synthesize
from ui.api.server import build_api
from ui.web.server import listen

KEY = "sk-a-key-for-the-tests"
NAME = "Mustermann_Erika_1931-04-05"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def record() -> EcgRecord:
    made = synthesize(kind_spec("sinus"), np.random.default_rng(3))[0]
    return EcgRecord(
        made.signal_mv,
        made.sampling_rate_hz,
        name=NAME,
        patient=Patient(95.0, "F"),
        warnings=(f"the header of {NAME} is odd",),
    )


@pytest.fixture(scope="module")
def drawn(record: EcgRecord) -> ModalityView:
    return ModalityView("image", record, render_page(record, dpi=50), "rendered")


class AgreedReader(RemoteReader):
    """The reader with the consent that a page or a command has asked for."""

    def read(self, view: ModalityView, options: ReadingOptions | None = None) -> ReadingStream:
        return super().read(view, agreed(self, options))


def remote(url: str, **more: Any) -> RemoteReader:
    return AgreedReader(
        Settings(**{"remote_url": url, "remote_model": "some-model", "remote_api_key": KEY, "remote_retries": 0} | more)
    )


def failing(reader: RemoteReader, view: ModalityView) -> tuple[str, str]:
    """Return the text that came before it failed, and the sentence."""
    stream, pieces = reader.read(view), list[str]()
    with pytest.raises(InputError) as caught:
        pieces += stream  # keeps what came
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert stream.details.phase == "done"
    return "".join(pieces), str(caught.value)


def test_it_is_off_until_it_is_configured(drawn: ModalityView) -> None:
    reader = get_reader("remote", Settings())
    assert isinstance(reader, Reader)
    assert (reader.embedded, reader.generative, reader.modalities) == (False, True, ("image",))
    assert reader.unavailable is not None
    assert reader.unavailable.startswith("No server is set: set ECGR1_REMOTE_URL to")
    assert "Sends nothing" in reader.privacy
    assert consent_needed(reader) is None
    with pytest.raises(InputError, match="set ECGR1_REMOTE_URL"):
        reader.read(drawn)
    without = get_reader("remote", Settings(remote_url="https://api.example.org/v1"))
    assert without.unavailable is not None
    assert "set ECGR1_REMOTE_MODEL" in without.unavailable


@pytest.mark.parametrize(
    "url",
    [
        "api.example.org/v1",
        "ftp://api.example.org",
        "https://me:secret@api.example.org/v1",
        "https://api.example.org/v1?key=secret",
        "https://[api/v1",
        "https://api.example.org:no/v1",
    ],
)
def test_what_is_no_address_is_a_sentence_without_it(url: str) -> None:
    reader = get_reader("remote", Settings(remote_url=url, remote_model="m"))
    assert reader.unavailable is not None
    assert reader.unavailable.startswith("ECGR1_REMOTE_URL is not the address of a server")
    assert "secret" not in reader.unavailable + reader.privacy + reader.version


def test_a_key_that_is_none_is_a_sentence_without_it() -> None:
    reader = get_reader(
        "remote", Settings(remote_url="https://a.org/v1", remote_model="m", remote_api_key="two\nlines")
    )
    assert reader.unavailable == (
        "ECGR1_REMOTE_API_KEY holds what no key can hold: set it to the key alone, without spaces."
    )


def test_it_says_what_goes_where() -> None:
    def privacy(**more: Any) -> str:
        reader = get_reader("remote", Settings(remote_model="m", **more))
        assert consent_needed(reader) == reader.privacy
        return reader.privacy

    assert privacy(remote_url="https://api.example.org/v1") == (
        "Sends the page image of this recording to api.example.org; no name, number, date or file name."
    )
    everything = privacy(remote_url="http://ecg.hospital:8000/v1", remote_measurements=True, remote_ecg=True)
    assert everything == (
        "Sends the page image, the measurements and the signal of this recording, with age and sex, to "
        "ecg.hospital:8000, without encryption; no name, number, date or file name."
    )
    assert "without encryption" not in privacy(remote_url="http://127.0.0.1:8000/v1")
    pages = privacy(remote_url="https://a.org", remote_uploaded_pages=True)
    assert pages.endswith("but all that is printed on a page that came as an image.")
    assert [
        reader.name for reader in known_readers(Settings(remote_url="https://a.org")) if consent_needed(reader)
    ] == ["remote"]


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys\n"
        "from ecgr1_core.readers import get_reader\n"
        "from ecgr1_core.settings import Settings\n"
        "reader = get_reader('remote', Settings(remote_url='https://a.org/v1', remote_model='m'))\n"
        "reader.version, reader.unavailable, reader.privacy\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'openai', 'httpx2', 'gradio')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_reads_a_page_and_tells_how(drawn: ModalityView) -> None:
    prices = {"remote_price_in": 2.0, "remote_price_out": 10.0, "remote_currency": "EUR"}
    with answering(reading(FORM, "stop", usage(1500, 200))) as server:
        stream = remote(server.url, **prices).read(drawn)
        pieces = [piece for piece in stream if piece]
    assert "".join(pieces) == FORM
    assert len(pieces) > 3
    details = stream.details
    assert (details.stop_reason, details.phase) == ("end", "done")
    assert (details.prompt_tokens, details.new_tokens) == (1500, 200)
    assert details.cost == pytest.approx(0.005)
    told = details_json(details)
    assert (told["cost"], told["currency"]) == (0.005, "EUR")
    assert details.seconds_to_first_token is not None
    assert details.version == f"some-model at {server.host}"  # as asked for, so that an arm of a study keeps to it
    assert details.notes == (
        f"sent to {server.host}",
        "the page image was drawn from the signal",
        "answered as some-model-2026",
    )
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    asked = request.asked
    assert (asked["model"], asked["stream"], asked["temperature"]) == ("some-model", True, 0)
    assert (asked["max_completion_tokens"], asked["stream_options"]) == (4096, {"include_usage": True})
    assert [part["type"] for part in request.parts] == ["text", "image_url"]
    assert all(title in request.parts[0]["text"] for title in STEP_TITLES)


def test_the_cost_is_unknown_without_prices_or_tokens(drawn: ModalityView) -> None:
    for settings, after in (({}, [usage(10, 20)]), ({"remote_price_in": 1, "remote_price_out": 1}, [])):
        with answering(reading(FORM, "stop", *after)) as server:
            stream = remote(server.url, **settings).read(drawn)
            list(stream)
        assert stream.details.cost is None
        told = details_json(stream.details)
        assert (told["cost"], told["currency"]) == (None, "USD")


def test_options_are_passed_on(drawn: ModalityView) -> None:
    options = ReadingOptions(max_new_tokens=77, temperature=0.6, top_p=0.9, seed=5)
    with answering(reading()) as server:
        list(remote(server.url).read(drawn, options))
    asked = server.requests[0].asked
    assert {name: asked[name] for name in ("max_completion_tokens", "temperature", "top_p", "seed")} == {
        "max_completion_tokens": 77,
        "temperature": 0.6,
        "top_p": 0.9,
        "seed": 5,
    }
    with pytest.raises(InputError, match="does not tell probabilities"):
        remote(server.url).read(drawn, ReadingOptions(log_probabilities=True))


def test_nothing_is_sent_before_somebody_agreed(drawn: ModalityView) -> None:
    with answering(reading()) as server:
        reader = RemoteReader(Settings(remote_url=server.url, remote_model="m"))
        for options in (None, ReadingOptions(), ReadingOptions(agreed_host="api.example.org")):
            with pytest.raises(InputError, match=f"it sends the recording to {server.host}; agree to that first"):
                reader.read(drawn, options)
        assert server.requests == []
        assert "".join(reader.read(drawn, agreed(reader))) == FORM
    assert agreed(ProtocolReader()) is None


def test_nothing_that_names_a_person_is_sent(record: EcgRecord) -> None:
    drawn = render_page(record, dpi=50)
    said = PngInfo()
    said.add_text("Patient", NAME)
    file = io.BytesIO()
    drawn.save(file, "PNG", pnginfo=said)
    named = Image.open(file)
    assert named.info["Patient"] == NAME
    everything = {"remote_measurements": True, "remote_ecg": True}
    with answering(reading()) as server:
        list(remote(server.url, **everything).read(ModalityView("swapped", record, named, "rendered")))
    (request,) = server.requests
    head = " ".join([request.path, *request.headers.values()])
    page = base64.b64decode(request.parts[1]["image_url"]["url"].removeprefix("data:image/png;base64,"))
    for word in (*NAME.split("_"), "1931", NAME):
        assert word.encode() not in request.body
        assert word not in head
        assert word.encode() not in page
    sent = Image.open(io.BytesIO(page))
    sent.load()
    assert sent.info == {}
    assert np.array_equal(np.asarray(sent.convert("RGB")), np.asarray(drawn.convert("RGB")))
    assert [part["type"] for part in request.parts] == ["text", "image_url", "input_ecg"]
    assert request.parts[2]["input_ecg"]["age_years"] == 90  # 95 would be rare enough to tell who it is
    assert "patient: 90 years, F" in request.parts[0]["text"]
    assert "/" + str(Path.home()).strip("/") not in request.body.decode()


def test_a_page_that_came_as_an_image_stays_here_unless_it_is_allowed(record: EcgRecord) -> None:
    came = ModalityView("image", None, Image.new("RGB", (64, 48), "white"), "upload")
    with answering(reading()) as server:
        with pytest.raises(InputError, match=r"a name may be printed on it; .* ECGR1_REMOTE_UPLOADED_PAGES"):
            remote(server.url).read(came)
        assert server.requests == []
        assert "".join(remote(server.url, remote_uploaded_pages=True).read(came)) == FORM
        measured = remote(server.url, remote_uploaded_pages=True, remote_measurements=True).read(came)
        list(measured)
    assert "there was no signal to measure" in measured.details.notes
    assert "lead |" not in server.requests[-1].parts[0]["text"]


def test_the_measurements_stand_in_the_prompt_where_asked_for(drawn: ModalityView) -> None:
    with answering(reading()) as server:
        list(remote(server.url).read(drawn))
        list(remote(server.url, remote_measurements=True).read(drawn))
    without, with_table = (request.parts[0]["text"] for request in server.requests)
    assert "ventricular rate" not in without
    assert "ventricular rate 72 bpm; P duration" in with_table
    assert len([line for line in with_table.splitlines() if line.count(" | ") == 8]) == 13
    assert len(with_table) < 3000


def test_the_signal_is_offered_only_to_servers_that_take_it(record: EcgRecord, drawn: ModalityView) -> None:
    with answering(reading()) as server:
        plain, taking = remote(server.url), remote(server.url, remote_ecg=True)
        assert (plain.modalities, taking.modalities) == (("image",), MODALITIES)
        with pytest.raises(UnsupportedModalityError, match="ECGR1_REMOTE_ECG"):
            plain.read(ModalityView("signal", record))
        for modality, kinds in (
            ("signal", ["input_ecg"]),
            ("image", ["image_url"]),
            ("both", ["input_ecg", "image_url"]),
            ("swapped", ["image_url", "input_ecg"]),
        ):
            list(taking.read(ModalityView(modality, record, drawn.page, "rendered")))
            assert [part["type"] for part in server.requests[-1].parts[1:]] == kinds


def test_our_own_server_gives_the_text_of_its_reader(record: EcgRecord, drawn: ModalityView) -> None:
    api = build_api([ProtocolReader()], key=KEY, waiting=1, largest_bytes=2**22)
    running = listen(api, "127.0.0.1", 0)
    try:
        url = f"{running.address.rstrip('/')}/v1"
        reader = remote(url, remote_model="protocol", remote_ecg=True)
        stream = reader.read(ModalityView("signal", record))
        text = "".join(stream)
        received = decode_part(encode_part(record))
        assert text == "".join(ProtocolReader().read(ModalityView("signal", received)))
        assert parse(text).complete
        assert stream.details.stop_reason == "end"
        assert stream.details.version == f"protocol at {reader.host}"
        assert f"protocol there is of version {ProtocolReader.version}" in stream.details.notes
        sentence = failing(reader, ModalityView("both", record, drawn.page, "rendered"))[1]
        assert "(400) (it says: messages: the reader 'protocol' cannot look at the modality 'both'" in sentence
        assert "(404)" in failing(remote(url, remote_ecg=True), ModalityView("signal", record))[1]
        wrong = remote(url, remote_api_key="sk-another", remote_model="protocol", remote_ecg=True)
        assert "does not accept the key" in failing(wrong, ModalityView("signal", record))[1]
    finally:
        running.stop()


@pytest.mark.parametrize(
    ("answer", "settings", "fault"),
    [
        (
            refusing(401, f"Incorrect API key provided: {KEY}"),
            {},
            r"does not accept the key, .*\(401\); set ECGR1_REMOTE_AP",
        ),
        (refusing(401), {"remote_api_key": None}, r"wants a key \(401\), and none is set; set ECGR1_REMOTE_API_KEY"),
        (refusing(403), {}, "does not accept the key"),
        (refusing(404, "no such model"), {}, r"knows no model 'some-model', .*\(it says: no such model\); check ECGR1"),
        (refusing(400, f"bad {KEY} here"), {}, r"does not accept the request \(400\) \(it says: bad … here\); check"),
        (refusing(400, "filtered", "content_filter"), {}, "refuses to read this content"),
        (refusing(413), {}, "too large"),
        (refusing(429, "spent", "insufficient_quota"), {"remote_retries": 3}, "no credit left"),
        (refusing(429, "slow down"), {}, r"no more requests now \(429\) \(it says: slow down\); wait and try again"),
        (
            refusing(302, location="http://elsewhere.example/"),
            {},
            "sends the request on .*, and nothing was sent there",
        ),
        (
            lambda handler: handler.whole(502, "text/html", b"<html>Bad gateway</html>"),
            {},
            r"it failed \(502\); try again later",
        ),
        (lambda handler: handler.whole(200, "text/html", b"<html>Hi</html>"), {}, "answers with a web page"),
        (lambda handler: handler.whole(200, "application/json", b"{}"), {}, r"does not stream .*application/json"),
        (lambda handler: handler.whole(200, "text/plain", b"hello\nyou"), {}, "its answer holds no text"),
        (reading("", "stop"), {}, "its answer holds no text"),
        (reading("", "content_filter"), {}, "refuses to read this content"),
        (reading("", "length"), {}, "limit of tokens before the first word .*; raise ECGR1_REMOTE_MAX_TOKENS"),
        (raw(chunk({"refusal": "I cannot help with that."})), {}, r"refuses .*it says: I cannot help with that\)"),
        (raw(event("not json"), "data: [DONE]\n\n"), {}, "a piece that cannot be read"),
        (raw(event([1, 2])), {}, "a piece that cannot be read"),
        (raw(event({"choices": 7})), {}, "a piece that cannot be read"),
        (raw(event({"choices": [{"delta": "x"}]})), {}, "a piece that cannot be read"),
        (raw(event({"error": {"message": f"overloaded {KEY}"}})), {}, r"with an error \(it says: overloaded …\); try"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    answer: Any, settings: dict[str, Any], fault: str, drawn: ModalityView
) -> None:
    with answering(answer) as server:
        text, sentence = failing(remote(server.url, **settings), drawn)
    assert text == ""
    assert sentence.startswith(f"{server.host}: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert re.search(fault, sentence), sentence
    assert len(server.requests) == 1


def test_a_line_that_is_cut_loses_nothing_that_had_come(drawn: ModalityView) -> None:
    begun = FORM[:60]
    for cut in (True, False):  # broken, and ended without a word
        with answering(raw(chunk({"content": begun}), cut=cut)) as server:
            text, sentence = failing(remote(server.url, remote_retries=3), drawn)
        assert text == begun
        assert "the line was lost in the middle of the reading; read again; what had come is incomplete" in sentence
        assert len(server.requests) == 1
    free = "**1. Rate**\nSinus.\n\n**2. Axis**\nNormal.\n\nA second paragraph"
    with answering(raw(chunk({"content": free}), event("{"))) as server:
        text, _ = failing(remote(server.url), drawn)
    assert parse(text).steps[1].text == "Normal.\n\nA second paragraph"


def test_content_refused_in_the_middle_leaves_what_had_come(drawn: ModalityView) -> None:
    with answering(reading(FORM[:50], "content_filter")) as server:
        text, sentence = failing(remote(server.url), drawn)
    assert text == FORM[:50]
    assert "refuses to read this content" in sentence


def test_a_token_limit_is_told(drawn: ModalityView) -> None:
    with answering(reading(FORM[:50], "length", usage(9, 8))) as server:
        stream = remote(server.url).read(drawn)
        assert "".join(stream) == FORM[:50]
    assert (stream.details.stop_reason, stream.details.new_tokens) == ("length", 8)


def test_a_busy_server_is_asked_again_when_it_says(drawn: ModalityView) -> None:
    busy = refusing(429, **{"retry_after": "1"})
    with answering(busy, refusing(503, retry_after="0"), reading()) as server:
        assert "".join(remote(server.url, remote_retries=2).read(drawn)) == FORM
    first, second, third = (request.at for request in server.requests)
    assert 1 <= second - first < 2.5
    assert third - second < 0.9


def test_a_server_that_fails_for_ever_is_given_up(drawn: ModalityView) -> None:
    with answering(refusing(500, "boom", retry_after="0")) as server:
        _, sentence = failing(remote(server.url, remote_retries=2), drawn)
    assert "it failed (500), also when asked 3 times (it says: boom); try again later, or ask who runs it." in sentence
    assert len(server.requests) == 3


def test_it_does_not_wait_longer_than_the_reading_may_take(drawn: ModalityView) -> None:
    started = time.monotonic()
    with answering(refusing(429, retry_after="3600")) as server:
        _, sentence = failing(remote(server.url, remote_retries=5, remote_timeout_s=5), drawn)
    assert "(429)" in sentence
    assert time.monotonic() - started < 3
    assert len(server.requests) == 1


def test_an_unreachable_server_is_asked_again_then_named(drawn: ModalityView) -> None:
    with answering(reading()) as server:
        pass
    _, sentence = failing(remote(server.url, remote_retries=1), drawn)
    assert f"{server.host}: it cannot be reached (" in sentence
    assert "also when asked 2 times; check ECGR1_REMOTE_URL and the network." in sentence
    with answering(lambda handler: handler.cut(), reading()) as server:
        assert "".join(remote(server.url, remote_retries=1).read(drawn)) == FORM


def hanging(handler: Handler) -> None:
    handler.begin()
    handler.send(chunk({"content": "So far. "}))
    handler.seen.let_go.wait(20)


def test_a_silent_server_is_left(drawn: ModalityView) -> None:
    def silent(handler: Handler) -> None:
        handler.seen.let_go.wait(20)

    for answer, came in ((silent, ""), (hanging, "So far. ")):
        with answering(answer) as server:
            started = time.monotonic()
            text, sentence = failing(remote(server.url, remote_silence_s=0.4, remote_retries=3), drawn)
            assert time.monotonic() - started < 3
        assert (text, len(server.requests)) == (came, 1)
        assert "it said nothing for 0.4 s; raise ECGR1_REMOTE_SILENCE_S" in sentence


def trickling(handler: Handler) -> None:
    handler.begin()
    for number in range(2000):
        handler.send(chunk({"content": f"word {number} "}))
        time.sleep(0.02)


def test_a_reading_without_end_is_left(drawn: ModalityView) -> None:
    with answering(trickling) as server:
        text, sentence = failing(remote(server.url, remote_timeout_s=0.8), drawn)
        assert server.hung_up.wait(5)
    assert text.startswith("word 0 word 1 ")
    assert "the reading was not done in 0.8 s; raise ECGR1_REMOTE_TIMEOUT_S" in sentence


def test_cancelling_from_another_thread_closes_the_line_at_once(drawn: ModalityView) -> None:
    with answering(trickling) as server:
        stream = remote(server.url).read(drawn)
        next(piece for piece in stream if piece)
        cancelled = list[float]()

        def cancel() -> None:
            cancelled.append(time.monotonic())
            stream.cancel()

        threading.Timer(0.3, cancel).start()
        text = "".join(stream)
        assert time.monotonic() - cancelled[0] < 0.5
        assert server.hung_up.wait(2)
    assert text
    assert (stream.details.stop_reason, stream.details.phase) == ("cancelled", "done")


def test_a_server_that_has_not_answered_yet_is_left_at_once(drawn: ModalityView) -> None:
    gone = threading.Event()

    def thinking(handler: Handler) -> None:
        handler.connection.settimeout(10)
        if handler.connection.recv(1) == b"":
            gone.set()

    for leave in ("cancel", "close"):
        gone.clear()
        with answering(thinking) as server:
            stream = remote(server.url).read(drawn)
            while not server.requests:
                next(stream)
            left = time.monotonic()
            getattr(stream, leave)()
            assert "".join(stream) == ""
            assert time.monotonic() - left < 1
            assert gone.wait(2)


def test_waiting_to_ask_again_is_left_at_once(drawn: ModalityView) -> None:
    with answering(refusing(429, retry_after="50")) as server:
        stream = remote(server.url, remote_retries=3).read(drawn)
        while stream.details.phase != "waiting" or not server.requests:
            next(stream)
        stream.cancel()
        left = time.monotonic()
        assert "".join(stream) == ""
    assert time.monotonic() - left < 1
    assert stream.details.stop_reason == "cancelled"


def test_fields_that_a_server_does_not_know_are_left_out(drawn: ModalityView) -> None:
    def strict(handler: Handler) -> None:
        asked = handler.seen.requests[-1].asked
        for name in ("max_completion_tokens", "stream_options", "temperature"):
            if name in asked:
                refusing(400, f"Unsupported parameter: '{name}' is not supported with this model.")(handler)
                return
        reading()(handler)

    with answering(strict) as server:
        reader = remote(server.url)
        assert "".join(reader.read(drawn)) == FORM
        assert len(server.requests) == 4
        assert server.requests[-1].asked["max_tokens"] == 4096
        assert "".join(reader.read(drawn)) == FORM
        assert len(server.requests) == 5  # it is remembered
        with pytest.raises(InputError, match=r"it says: Unsupported parameter: 'temperature'"):
            list(reader.read(drawn, ReadingOptions(temperature=0.5)))


def test_hidden_reasoning_is_no_reading(drawn: ModalityView) -> None:
    thinking = chunk({"reasoning_content": "Hm. "})
    with answering(raw(thinking, thinking, chunk({"content": FORM}), chunk({}, "stop"))) as server:
        assert "".join(remote(server.url).read(drawn)) == FORM
    with answering(raw(thinking, cut=True), reading()) as server:
        text, sentence = failing(remote(server.url, remote_retries=3), drawn)
    assert (text, len(server.requests)) == ("", 1)  # what was thought is paid for
    assert "the line was lost" in sentence


def test_readings_keep_to_the_pace(drawn: ModalityView) -> None:
    with answering(reading()) as server:
        reader = remote(server.url)
        reader._pace = Pace(2, window_s=0.8)
        threads = [threading.Thread(target=lambda: list(reader.read(drawn))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    times = sorted(request.at for request in server.requests)
    assert len(times) == 4
    assert times[1] - times[0] < 0.6
    assert times[2] - times[0] >= 0.7


def test_the_key_is_nowhere_to_be_read(
    drawn: ModalityView, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = {"remote_api_key": KEY}
    with caplog.at_level(logging.DEBUG), answering(refusing(401, KEY), reading()) as server:
        reader = remote(server.url, **settings)
        failing(reader, drawn)
        list(reader.read(drawn))
        said = "".join(map(repr, (reader, reader._settings, reader._server()))) + reader.version + reader.privacy
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    out, err = capfd.readouterr()
    for text in (caplog.text, said, out, err):
        assert KEY not in text


def test_without_a_key_none_is_sent(drawn: ModalityView, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "of-someone-else")
    with answering(reading()) as server:
        list(remote(server.url, remote_api_key=None).read(drawn))
    headers = server.requests[0].headers
    assert "authorization" not in headers
    assert "of-someone-else" not in str(headers)


def test_waits_are_those_of_the_server_within_reason() -> None:
    assert asked_to_wait_s({}) is None
    assert asked_to_wait_s({"retry-after": "7"}) == 7
    assert asked_to_wait_s({"retry-after": "-3"}) == 0
    assert asked_to_wait_s({"retry-after": "soon"}) is None
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    told = asked_to_wait_s({"retry-after": date})
    assert told is not None
    assert 27 < told <= 30
    assert wait_s(1, 7) == 7
    assert wait_s(1, 3600) == 60
    assert wait_s(1, float("nan")) < 2
    assert 0.75 <= wait_s(1, None) <= 1.25
    assert 3 <= wait_s(3, None) <= 5
    assert wait_s(10, None) == 60


def test_a_pace_counts_any_minute() -> None:
    pace = Pace(2, window_s=100)
    now = time.monotonic()
    turns = [pace.reserve() - now for _ in range(5)]
    assert [round(turn) for turn in turns] == [0, 0, 100, 100, 200]
    pace.give_back(turns[-1] + now)
    assert round(pace.reserve() - now) == 200
    assert Pace(None).reserve() <= time.monotonic()


@pytest.mark.parametrize("command", ["interpret", "compare"])
def test_commands_say_on_standard_error_where_recordings_go(
    command: str,
    record: EcgRecord,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    times = np.arange(record.samples) / record.sampling_rate_hz
    table = np.column_stack([times, record.signal_mv.T])
    head = ",".join(["time_s", *(f"{lead} (mV)" for lead in LEADS)])
    path = tmp_path / f"{NAME}.csv"
    np.savetxt(path, table, delimiter=",", header=head, comments="", fmt="%.4f")
    with answering(reading()) as server:
        monkeypatch.setenv("ECGR1_REMOTE_URL", server.url)
        monkeypatch.setenv("ECGR1_REMOTE_MODEL", "some-model")
        if command == "interpret":
            asked = ["interpret", str(path), "--reader", "remote", "--modality", "image"]
        else:
            asked = [
                "compare",
                str(path),
                "--readers",
                "protocol,remote",
                "--modalities",
                "signal,image",
                "--pairs",
                "all",
            ]
            asked += ["--out", str(tmp_path / "rows.jsonl"), "--no-sbert"]
        assert main(asked) == 0
        out, err = capsys.readouterr()
    assert err.count(f"ecgr1: Sends the page image of this recording to {server.host}; no name") == 1
    assert server.host not in err.replace(f"recording to {server.host}", "")
    (request,) = server.requests
    assert NAME.encode() not in request.body
    if command == "interpret":
        assert json.loads(out)["raw"] == FORM
        assert json.loads(out)["generation"]["currency"] == "USD"


def test_an_arm_of_a_study_reads_only_where_it_was_made_for(record: EcgRecord) -> None:
    with answering(reading()) as server:
        reader = RemoteReader(Settings(remote_url=server.url, remote_model="some-model"))
        other = Arm(name="far", reader="remote", modality="image", version="some-model at api.example.org")
        with pytest.raises(InputError, match=f"would go to 'some-model at {server.host}'; make the arm anew"):
            _read(reader, other, record)
        assert server.requests == []
        own = Arm(name="far", reader="remote", modality="image", version=reader.version)
        assert _read(reader, own, record) == FORM
