"""The list of recordings and its actions, and what can be taken along of a reading."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest

from annotations.recordings import Entry, RecordingStore
from ecgr1_core.errors import InputError
from ecgr1_core.interpretation import STEP_TITLES, Step, parse, write
from ecgr1_core.measure.types import Measurements
from ecgr1_core.record import EcgRecord, Patient
from ecgr1_core.settings import Settings
from training.cli import example_recordings
from ui.components.sessions import patient_text, sessions_html, state_text, time_text
from ui.pages.case import Case
from ui.pages.finished import tools_of
from ui.pages.kept_actions import KeptActions
from ui.pages.kept_view import view_of
from ui.pages.read_actions import ReadActions
from ui.pages.reading_actions import ReadingActions, read_reference
from ui.pages.updates import Update, joined

ANNA, BORIS = "a" * 32, "b" * 32
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=timezone(timedelta(hours=1)))


def whole(updates: Iterator[Update]) -> Update:
    result: Update = {}
    for update in updates:
        result = joined(result, update)
    return result


@pytest.fixture(scope="module")
def record() -> EcgRecord:
    return example_recordings()[0]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def kept(settings: Settings) -> Iterator[KeptActions]:
    store = RecordingStore(settings.data_dir / "recordings.sqlite", 30)
    yield KeptActions(settings, store)
    store.close()


@pytest.fixture
def read_case(settings: Settings, record: EcgRecord) -> Case:
    """An example, opened, measured and read by the protocol."""
    actions = ReadActions(settings, [record])
    opened: Case = whole(actions.open_example(None, record.name))["case"]
    case = whole(actions.read(opened, "protocol", "signal"))["case"]
    assert isinstance(case, Case)
    return case


def downloaded(update: Update) -> tuple[dict[str, Any], bytes]:
    data = json.loads(unescape(update["download"]).removeprefix('<div class="data">').removesuffix("</div>"))
    return data, base64.b64decode(data["base64"])


def test_what_was_read_is_listed_and_reopens_as_it_was(kept: KeptActions, read_case: Case) -> None:
    listed = whole(kept.keep(read_case, ANNA))["kept"]
    assert "read by Protocol" in listed
    assert 'aria-current="true"' in listed
    assert read_case.reading is not None
    key = kept.store.entries(ANNA)[0].key if kept.store else ""
    whole(kept.keep_view(read_case, ANNA, '{"layout": "6x2", "speed": 50, "evil": 1}'))
    again = whole(kept.reopen(None, ANNA, key))
    assert again["case"].measurements == read_case.measurements
    assert again["case"].reading == read_case.reading
    assert '{"layout": "6x2", "speed": 50, "at":' in unescape(again["view_kept"])
    assert whole(kept.reopen(None, ANNA, key))["view_kept"] != again["view_kept"], "each is taken once"
    assert "as you left it" in again["status"]
    assert "claims supported" in again["reading"]
    assert "Read by Protocol" in again["footer"]
    assert again["reading_tools"]["visible"] is True
    assert again["read"]["interactive"] is True
    assert again["reader"] == "protocol"
    assert again["modality"]["value"] == "signal"


def test_a_reading_whose_reader_is_gone_reopens_and_says_so(kept: KeptActions, read_case: Case) -> None:
    assert read_case.reading is not None
    gone = replace(read_case, reading=replace(read_case.reading, reader="ecg-r1", title="ECG-R1"))
    whole(kept.keep(gone, ANNA))
    key = kept.store.entries(ANNA)[0].key if kept.store else ""
    again = whole(kept.reopen(None, ANNA, key))
    assert "is open as you left it. ECG-R1, which read it, cannot be chosen now." in again["status"]
    assert "reader" not in again
    assert "modality" not in again


def test_the_report_is_drawn_as_the_trace_is_looked_at(settings: Settings, read_case: Case) -> None:
    view = {"layout": "6x2", "order": "cabrera", "band": "monitor", "notch": "50", "speed": 25}
    saved = whole(ReadingActions(settings).save_pdf(read_case, json.dumps(view)))
    data = json.loads(unescape(saved["download"]).removeprefix('<div class="data">').removesuffix("</div>"))
    text = "".join(
        page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(base64.b64decode(data["base64"]))
    )
    assert "−aVR" in text
    assert "0.5–40 Hz, 50 Hz notch" in text


def test_another_browser_sees_and_reaches_nothing(kept: KeptActions, read_case: Case) -> None:
    whole(kept.keep(read_case, ANNA))
    assert "None yet" in whole(kept.show(None, BORIS))["kept"]
    key = kept.store.entries(ANNA)[0].key if kept.store else ""
    refused = whole(kept.reopen(None, BORIS, key))
    assert "no longer kept here" in refused["status"]
    assert "case" not in refused
    whole(kept.remove(None, BORIS, key))
    assert "None yet" not in whole(kept.show(None, ANNA))["kept"]


@pytest.mark.parametrize("visitor", ["", ANNA])
def test_nothing_is_kept_where_keeping_is_off_or_nobody_is_known(
    settings: Settings, kept: KeptActions, read_case: Case, visitor: str
) -> None:
    off = KeptActions(settings, None) if visitor else kept
    assert whole(off.keep(read_case, visitor)) == {}
    assert kept.store is not None
    assert kept.store.entries(ANNA) == ()
    shown = whole(off.show(None, visitor))["kept"]
    assert ("not kept" in shown) == bool(visitor)


def test_a_removed_recording_is_not_kept_again_while_it_is_open(kept: KeptActions, read_case: Case) -> None:
    whole(kept.keep(read_case, ANNA))
    assert kept.store is not None
    key = kept.store.entries(ANNA)[0].key
    assert "Removed from this machine" in whole(kept.remove(read_case, ANNA, key))["status"]
    assert whole(kept.keep(replace(read_case, comparison=None), ANNA)) == {}
    assert kept.store.entries(ANNA) == ()


def test_all_are_removed_at_once(kept: KeptActions, record: EcgRecord) -> None:
    for name in ("one", "two"):
        whole(kept.keep(Case(replace(record, name=name)), ANNA))
    assert 'data-count="2"' in whole(kept.show(None, ANNA))["kept"]
    assert "None yet" in whole(kept.remove_all(None, ANNA))["kept"]


def test_a_store_that_cannot_be_written_is_said_and_the_page_stays(
    kept: KeptActions, read_case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise InputError("recordings.sqlite", "it cannot be used (disk full)", "free some space")

    monkeypatch.setattr(kept.store, "keep", fail)
    update = whole(kept.keep(read_case, ANNA))
    assert "could not be kept for later" in update["status"]
    assert set(update) == {"status"}


def test_the_list_is_text_and_says_where_it_is_kept() -> None:
    entry = Entry("k", "<b>תרשים</b>", Patient(61, "F"), NOW - timedelta(hours=1), True, "ECG-R1", 2)
    page = sessions_html([entry], keep_days=30, now=NOW, open_key="other")
    assert '<bdi class="name">&lt;b&gt;תרשים&lt;/b&gt;</bdi>' in page
    assert "61 y · F · 14:00" in page
    assert "read by ECG-R1, 2 contradicted" in page
    assert "Kept on this machine only, in recordings.sqlite" in page
    assert "for 30 days" in page
    assert "aria-current" not in page
    assert page.count("hidden") == 2, "removing asks again"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 22, 13, 5, tzinfo=UTC), "14:05"),
        (datetime(2026, 11, 2, 13, 5, tzinfo=UTC), "2 Nov 14:05"),
        (datetime(2025, 12, 31, 23, 30, tzinfo=UTC), "00:30"),
    ],
)
def test_times_are_short_and_in_the_zone_of_the_page(moment: datetime, text: str) -> None:
    now = NOW if moment.year == 2026 else datetime(2026, 1, 1, 9, 0, tzinfo=NOW.tzinfo)
    assert time_text(moment, now) == text
    assert time_text(datetime(2024, 5, 6, 7, 8, tzinfo=UTC), NOW) == "6 May 2024 08:08"


def test_how_far_a_recording_came_is_said() -> None:
    entry = Entry("k", "n", Patient(), NOW, False, None, None)
    assert state_text(entry) == "opened"
    assert state_text(replace(entry, measured=True)) == "measured"
    assert state_text(replace(entry, read_by="X", contradicted=None)) == "read by X, not checked"
    assert patient_text(Patient()) == ""


@pytest.mark.parametrize("told", ["", "nonsense", "[1]", "x" * 3000, '{"evil": 1}', '{"layout": ["6x2"]}'])
def test_nonsense_of_a_browser_is_no_view(told: str) -> None:
    assert view_of(told) == {}


def test_the_json_has_the_form_of_the_command(
    settings: Settings, read_case: Case, capsys: pytest.CaptureFixture[str], shared_data: Path
) -> None:
    import app

    file, content = downloaded(whole(ReadingActions(settings).save_json(read_case)))
    document = json.loads(content)
    assert file["type"] == "application/json"
    header = sorted((shared_data / "ptbxl" / "records500").rglob("*.hea"))[0]
    assert app.main(["interpret", str(header)]) == 0
    command = json.loads(capsys.readouterr().out)
    assert list(document) == list(command)
    for name in ("claims", "answer", "steps", "evidence", "timing_s"):
        own, other = document[name], command[name]
        first, second = (own[0], other[0]) if isinstance(own, list) else (own, other)
        assert list(first) == list(second), name
    assert document["raw"] == read_case.reading.raw if read_case.reading else False


def test_the_plain_text_holds_every_word_and_the_contradicted_claims(settings: Settings, read_case: Case) -> None:
    assert read_case.reading is not None
    assert read_case.reading.claims is not None
    wrong = replace(read_case.reading.claims[0], status="contradicted", why="measured otherwise")
    case = replace(read_case, reading=replace(read_case.reading, claims=(wrong, *read_case.reading.claims[1:])))
    _, content = downloaded(whole(ReadingActions(settings).copy(case)))
    text, reading = content.decode(), parse(read_case.reading.raw)
    assert case.record.name in text
    for part in (*(step.text for step in reading.steps), reading.summary, *reading.answer):
        assert part in text
    assert "contradicted: " in text
    assert "measured otherwise" in text
    assert "Research use. Not a diagnosis." in text


def test_the_report_names_no_patient(settings: Settings, read_case: Case) -> None:
    import io

    from pypdf import PdfReader

    updates = list(ReadingActions(settings).save_pdf(read_case, '{"speed": 50}'))
    file, content = downloaded(updates[-1])
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    assert file["name"].startswith("ECG-R-")
    assert read_case.record.name not in text
    assert "50 mm/s" in text
    assert "Making the report" in updates[0]["status"]


def test_without_a_reading_or_measurements_there_is_one_sentence(settings: Settings, read_case: Case) -> None:
    actions = ReadingActions(settings)
    assert "no finished reading" in whole(actions.copy(None))["status"]
    assert "no finished reading" in whole(actions.save_json(Case(read_case.record)))["status"]
    assert "not measured" in whole(actions.save_pdf(replace(read_case, measurements=None), ""))["status"]


def test_a_reference_is_compared_and_taken_away(settings: Settings, read_case: Case, tmp_path: Path) -> None:
    actions = ReadingActions(settings)
    file = tmp_path / "reference.json"
    file.write_text(json.dumps({"evidence": {"1": ["sinus rhythm", "Wellens"]}, "answer": ["SR"]}))
    update = whole(actions.compare(read_case, str(file), "strict"))
    assert "EDER 1/2" in update["reading"]
    assert "Compared with reference.json" in update["status"]
    assert not file.exists(), "the upload is not kept"
    compared = update["case"]
    assert "as published" in whole(actions.compare_again(compared, "published"))["reading"]
    off = whole(actions.compare_off(compared))
    assert "EDER" not in off["reading"]
    assert off["compare_mode"]["visible"] is False


def test_the_findings_of_the_protocol_are_a_reference_for_another_reader_only(
    settings: Settings, read_case: Case
) -> None:
    assert read_case.reading is not None
    assert tools_of(read_case)["compare_protocol"]["visible"] is False
    other = replace(read_case, reading=replace(read_case.reading, reader="ecg-r1", title="ECG-R1"))
    assert tools_of(other)["compare_protocol"]["visible"] is True
    assert tools_of(replace(other, measurements=None))["compare_protocol"]["visible"] is False
    actions = ReadingActions(settings)
    update = whole(actions.compare_protocol(other, "strict"))
    assert "EDER 1.00 against Protocol findings (a reading too) (strict)" in update["reading"]
    assert "Compared with Protocol findings (a reading too)" in update["status"]
    assert update["compare_mode"]["visible"] is True
    unmeasured = whole(actions.compare_protocol(replace(other, measurements=None), "strict"))
    assert "it was not measured" in unmeasured["status"]


def test_a_trace_and_a_yaml_file_are_references(tmp_path: Path, read_case: Case) -> None:
    assert read_case.reading is not None
    trace, listed = tmp_path / "trace.txt", tmp_path / "by-hand.yaml"
    trace.write_text(read_case.reading.raw)
    assert "sinus rhythm" in read_reference(trace).phrases[1]
    listed.write_text("1: [sinus rhythm]\n2: no LBBB; PR 160 ms\n")
    assert dict(read_reference(listed).phrases) == {1: ("sinus rhythm",), 2: ("no LBBB", "PR 160 ms")}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"\xff\xfe\x00", "it is no text"),
        (b"Dear colleague", "neither evidence tags nor a step key"),
        (b"[1, 2]", "neither a string nor an object"),
        (b"x" * (2**20 + 1), "larger than 1 MB"),
    ],
)
def test_what_is_no_reference_is_refused_in_one_sentence(tmp_path: Path, content: bytes, fault: str) -> None:
    file = tmp_path / "reference.txt"
    file.write_bytes(content)
    with pytest.raises(InputError, match=fault) as caught:
        read_reference(file)
    assert str(caught.value).startswith("reference.txt: ")


def test_a_reading_cut_off_is_kept_as_stopped(settings: Settings) -> None:
    raw = write([Step(1, STEP_TITLES[0], "One.")], "S", ["x"])
    quiet = Case(EcgRecord(np.zeros((12, 5000), dtype=np.float32), 500.0), Measurements())
    from ecgr1_core.readers import ReadingDetails, get_reader
    from ui.components.checked import Checked
    from ui.pages.finished import ended, kept_footer

    reading = ended(
        get_reader("protocol", settings), "signal", parse(raw), Checked(), ReadingDetails(),
        seconds=1.0, stopped=True, page_origin=None,
    )  # fmt: skip
    assert "stopped early: incomplete" in kept_footer(reading)
    _, content = downloaded(whole(ReadingActions(settings).copy(replace(quiet, reading=reading))))
    assert "stopped early: incomplete" in content.decode()
