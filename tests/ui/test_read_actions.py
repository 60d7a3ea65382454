"""The actions of the Read page without a browser: what is sent, in which order, and what an error leaves as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecgr1_core.errors import UnsuitableRecordingError
from ecgr1_core.interpretation import STEP_TITLES, Step, write
from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.readers import ReadingDetails, ReadingOptions, ReadingStream, get_reader, known_readers
from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings
from ui.pages import read_actions
from ui.pages.case import Case
from ui.pages.read_actions import ReadActions, reader_choices, reader_note_html, waiting_for
from ui.pages.updates import Update, joined
from ui.quick_gradio import gr

READING = write(
    [Step(number, title, f"Finding {number}.") for number, title in enumerate(STEP_TITLES, start=1)],
    "All in all.",
    ["sinus rhythm"],
)


class ScriptedReader:
    """A reader that says what it was told to say, piece by piece, and then perhaps fails."""

    name = "scripted"
    title = "Scripted <reader>"
    version = "9.1"
    modalities: tuple[Modality, ...] = ("signal", "image", "both", "swapped")
    embedded = True
    generative = True
    privacy = "Sends nothing."
    unavailable: str | None = None

    def __init__(
        self, text: str = READING, error: Exception | None = None, details: ReadingDetails | None = None
    ) -> None:
        self.text, self.error = text, error
        self.details = details or ReadingDetails()
        self.views: list[ModalityView] = []
        self.closed = 0

    def read(self, view: ModalityView, options: ReadingOptions | None = None) -> ReadingStream:
        self.views.append(view)
        return ReadingStream(self._pieces(), self.details)

    def _pieces(self) -> Generator[str, None, None]:
        try:
            yield from self._written()
        finally:
            self.closed += 1

    def _written(self) -> Iterator[str]:
        for start in range(0, len(self.text), 7):
            yield self.text[start : start + 7]
        if self.error is not None:
            raise self.error


@pytest.fixture
def record() -> EcgRecord:
    return EcgRecord(np.zeros((12, 5000), dtype=np.float32), 500.0, name="quiet")


@pytest.fixture
def actions(record: EcgRecord) -> ReadActions:
    return ReadActions(Settings(max_upload_mb=7), [record])


@pytest.fixture
def use_reader(monkeypatch: pytest.MonkeyPatch) -> Callable[[ScriptedReader], None]:
    def use(reader: ScriptedReader) -> None:
        monkeypatch.setattr(read_actions, "get_reader", lambda name, settings: reader)
        monkeypatch.setattr(read_actions, "SECONDS_BETWEEN_UPDATES", 0.0)

    return use


def whole(updates: Iterator[Update]) -> Update:
    result: Update = {}
    for update in updates:
        result = joined(result, update)
    return result


def test_a_reading_appears_step_by_step(actions: ReadActions, record: EcgRecord, use_reader: Any) -> None:
    use_reader(ScriptedReader())
    updates = list(actions.read(Case(record), "scripted", "signal"))
    begun = [update["reading"].count("Finding") for update in updates if "reading" in update]
    assert begun == sorted(begun)
    assert set(begun) >= {1, 2, 3, 4, 5, 6}
    statuses = [update["status"] for update in updates if "status" in update]
    assert any("step 3 of 6" in status for status in statuses)
    assert "Reading finished" in statuses[-1]
    last = updates[-1]
    assert "Read by Scripted &lt;reader&gt; 9.1 from the signal" in last["footer"]
    assert "Research use. Not a diagnosis." in last["footer"]
    assert last["read"]["interactive"] is True
    assert last["cancel"]["interactive"] is False
    offered = [update["reading_tools"]["visible"] for update in updates if "reading_tools" in update]
    assert offered == [False] * (len(offered) - 1) + [True], "what is done with a reading waits for its end"


@pytest.mark.parametrize("modality", ["signal", "image", "both", "swapped"])
def test_the_reader_gets_the_page_image_where_the_modality_has_one(
    actions: ReadActions, record: EcgRecord, use_reader: Any, modality: Modality
) -> None:
    reader = ScriptedReader()
    use_reader(reader)
    whole(actions.read(Case(record), "scripted", modality))
    view = reader.views[0]
    assert view.modality == modality
    assert (view.page is None) == (modality == "signal")


def test_a_reader_that_fails_before_its_first_word_leaves_the_last_reading(
    actions: ReadActions, record: EcgRecord, use_reader: Any
) -> None:
    use_reader(ScriptedReader("", UnsuitableRecordingError("quiet", "there is no beat", "use another recording")))
    result = whole(actions.read(Case(record), "scripted", "signal"))
    assert "quiet: there is no beat; use another recording." in result["status"]
    assert "reading" not in result
    assert "footer" not in result
    assert result["read"]["interactive"] is True


def test_a_reader_that_fails_half_way_is_said_to_be_incomplete(
    actions: ReadActions, record: EcgRecord, use_reader: Any, caplog: pytest.LogCaptureFixture
) -> None:
    use_reader(ScriptedReader(READING[:200], RuntimeError("secret detail")))
    result = whole(actions.read(Case(record), "scripted", "signal"))
    assert "internal fault" in result["status"]
    assert "secret detail" not in str(result)
    assert "secret detail" in caplog.text
    assert "stopped early: incomplete" in result["footer"]


def test_a_reading_that_ends_early_says_what_is_missing(
    actions: ReadActions, record: EcgRecord, use_reader: Any
) -> None:
    use_reader(ScriptedReader(READING[: READING.index("Step 5") - 4]))
    result = whole(actions.read(Case(record), "scripted", "signal"))
    assert "step 5, step 6, summary, answer missing" in result["status"]
    assert "Finding 4." in result["reading"]


def test_a_reading_that_lacks_only_a_tag_is_told_in_words(
    actions: ReadActions, record: EcgRecord, use_reader: Any
) -> None:
    use_reader(ScriptedReader(READING.removesuffix("</answer>")))
    status = whole(actions.read(Case(record), "scripted", "signal"))["status"]
    assert "the close of its answer missing" in status
    assert "answer&gt;" not in status


def test_nothing_is_read_without_a_recording(actions: ReadActions) -> None:
    result = whole(actions.read(None, "protocol", "signal"))
    assert "no recording is open" in result["status"]
    assert result["read"]["interactive"] is False


def test_cancelling_stops_the_reading_which_says_so_itself(
    actions: ReadActions, record: EcgRecord, use_reader: Any
) -> None:
    reader = ScriptedReader()
    use_reader(reader)
    case = Case(record)
    updates = actions.read(case, "scripted", "image")
    while "Finding 2." not in (latest := next(updates)).get("reading", ""):
        pass
    assert latest["status"].count("is writing")
    assert whole(actions.cancelled(case)) == {}
    rest = whole(updates)
    assert "Cancelled" in rest["status"]
    assert "from the page image, stopped early: incomplete" in rest["footer"]
    assert "Finding 2." in rest["reading"]
    assert "Finding 4." not in rest["reading"]
    assert rest["read"]["interactive"] is True
    assert reader.closed == 1
    assert not case.stop(), "nothing is left to be stopped"


def test_a_reading_cancelled_before_its_first_word_leaves_the_one_before(
    actions: ReadActions, record: EcgRecord, use_reader: Any
) -> None:
    use_reader(ScriptedReader())
    case = Case(record)
    updates = actions.read(case, "scripted", "image")
    next(updates)
    whole(actions.cancelled(case))
    rest = whole(updates)
    assert "Cancelled" in rest["status"]
    assert not {"reading", "footer"} & set(rest)


def test_cancelling_something_else_says_so(actions: ReadActions, record: EcgRecord) -> None:
    result = whole(actions.cancelled(Case(record)))
    assert "Cancelled" in result["status"]
    assert "measuring was stopped" in result["measurements"]
    assert "footer" not in whole(actions.cancelled(None))


def test_a_reading_never_writes_on_the_page_of_another_recording(
    actions: ReadActions, record: EcgRecord, use_reader: Any
) -> None:
    reader = ScriptedReader()
    use_reader(reader)
    case = Case(record)
    updates = actions.read(case, "scripted", "signal")
    for _ in range(4):
        next(updates)
    opened = whole(actions.open_example(case, "quiet"))
    assert "No reading yet" in opened["reading"]
    assert list(updates) == []
    assert reader.closed == 1
    failing = ScriptedReader(READING[:200], RuntimeError("too late"))
    use_reader(failing)
    updates = actions.read(case, "scripted", "signal")
    next(updates)
    case.leave()
    assert list(updates) == []


def test_a_recording_that_cannot_be_measured_is_shown_all_the_same(
    actions: ReadActions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(record: EcgRecord) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(read_actions, "measure", fail)
    result = whole(actions.open_example(None, "quiet"))
    assert '"segments":[{"first":0' in result["trace"]
    assert result["trace_marks"] == ""
    assert "internal fault" in result["status"]
    assert "measuring was stopped" in result["measurements"]
    assert result["read"]["interactive"] is True


def test_a_bad_file_changes_nothing_but_the_status_and_is_not_kept(
    actions: ReadActions, record: EcgRecord, tmp_path: Path
) -> None:
    bad = tmp_path / "letter.csv"
    bad.write_text("Dear colleague,\nthank you for the referral.\n")
    result = whole(actions.open_upload(Case(record), [str(bad)]))
    assert "letter.csv" in result["status"]
    assert str(tmp_path) not in result["status"]
    assert not {"case", "case_line", "trace", "reading", "measurements", "footer"} & set(result)
    assert not bad.exists()


def test_an_upload_is_opened_measured_and_deleted(actions: ReadActions, shared_data: Path, tmp_path: Path) -> None:
    header = sorted((shared_data / "ptbxl" / "records500").rglob("*.hea"))[0]
    files = [Path(shutil.copy(path, tmp_path)) for path in (header, header.with_suffix(".dat"))]
    updates = list(actions.open_upload(None, [str(path) for path in files]))
    first_trace = next(index for index, update in enumerate(updates) if "trace" in update)
    first_table = next(index for index, update in enumerate(updates) if "<table" in update.get("measurements", ""))
    assert first_trace < first_table, "the waveform is sent before it is measured"
    assert updates[first_trace]["trace_marks"] == ""
    assert '"beats":[[1,' in updates[-1]["trace_marks"]
    assert header.stem in updates[-1]["status"]
    assert not any(path.exists() for path in files)


def test_a_file_over_the_limit_is_refused_by_name(actions: ReadActions) -> None:
    result = whole(actions.refuse_too_big(None, '{"name": "../long.csv", "size_bytes": 9437184}'))
    assert "long.csv: the file is 9 MB, and at most 7 MB are accepted" in result["status"]


def test_updates_are_joined_and_the_later_wins() -> None:
    assert joined({"a": 1, "b": 2}, {"b": 3}) == {"a": 1, "b": 3}
    both = joined({"a": gr.update(value=None, visible=False)}, {"a": gr.update(visible=True)})
    assert both == {"a": gr.update(value=None, visible=True)}
    assert joined({"a": 1}, {"a": gr.update(visible=True)}) == {"a": gr.update(value=1, visible=True)}


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (ReadingDetails(phase="waiting"), "is at another reading; this one waits"),
        (ReadingDetails(phase="loading", expected_load_s=61.6), "Loading the model, about 62 s; this is done once"),
        (ReadingDetails(phase="looking"), "is looking at the signal; no words yet"),
    ],
)
def test_what_is_waited_for_is_said_before_the_first_words(details: ReadingDetails, expected: str) -> None:
    assert expected in waiting_for(ScriptedReader(), "signal", details, 3.0)


def test_a_generative_reading_tells_its_times_and_what_the_reader_was_given(
    actions: ReadActions, record: EcgRecord, use_reader: Any
) -> None:
    details = ReadingDetails(
        version="9.1 int4", notes=("padded <with> zeros",), seconds_to_first_token=4.06, tokens_per_s=2.34
    )
    use_reader(ScriptedReader(details=details))
    footer = whole(actions.read(Case(record), "scripted", "both"))["footer"]
    assert "9.1 int4 from signal and page image in" in footer
    assert "first words after 4.1 s, 2.3 tokens/s" in footer
    assert "was given: padded &lt;with&gt; zeros." in footer


@pytest.mark.parametrize(("reason", "expected"), [("length", "limit of 2048 tokens"), ("time", "limit of 1800 s")])
def test_a_reading_cut_by_a_limit_names_the_limit_and_what_is_missing(
    actions: ReadActions, record: EcgRecord, use_reader: Any, reason: str, expected: str
) -> None:
    use_reader(ScriptedReader(READING[:200], details=ReadingDetails(stop_reason=reason)))
    status = whole(actions.read(Case(record), "scripted", "signal"))["status"]
    assert expected in status
    assert "summary, answer" in status


class AwayReader(ScriptedReader):
    """One that sends the recording away."""

    host = "ecg.example.org"
    privacy = "Sends the page image of this recording to ecg.example.org."

    def read(self, view: ModalityView, options: ReadingOptions | None = None) -> ReadingStream:
        self.options = options
        return super().read(view, options)


def test_a_reader_that_sends_the_recording_away_needs_a_tick(
    actions: ReadActions, record: EcgRecord, use_reader: Any
) -> None:
    reader = AwayReader(details=ReadingDetails(currency="EUR", cost=0.01234))
    use_reader(reader)
    chosen = whole(actions.choose_reader(Case(record), "scripted"))
    assert "to ecg.example.org." in chosen["reader_note"]
    assert chosen["consent"]["visible"] is True
    assert "ecg.example.org" in chosen["consent"]["label"]
    assert "value" not in chosen["consent"], "a tick that was set stays"
    refused = whole(actions.read(Case(record), "scripted", "image", False))
    assert "you have not agreed to that; read what it sends where and tick the box" in refused["status"]
    assert reader.views == []
    done = whole(actions.read(Case(record), "scripted", "image", True))
    assert "Reading finished" in done["status"]
    assert "; 0.01234 EUR" in done["footer"]
    assert reader.options is not None
    assert reader.options.agreed_host == "ecg.example.org"
    use_reader(ScriptedReader())
    assert whole(actions.choose_reader(Case(record), "scripted"))["consent"]["visible"] is False


def test_its_limit_is_named_by_its_own_setting(actions: ReadActions, record: EcgRecord, use_reader: Any) -> None:
    use_reader(AwayReader(READING[:200], details=ReadingDetails(stop_reason="length", currency="EUR")))
    update = whole(actions.read(Case(record), "scripted", "image", True))
    assert "ECGR1_REMOTE_MAX_TOKENS" in update["status"]
    assert "; cost unknown" in update["footer"]


def test_a_reading_that_breaks_off_leaves_every_word_on_the_page(
    actions: ReadActions, record: EcgRecord, use_reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_reader(ScriptedReader(READING[:300], UnsuitableRecordingError("x", "the line was lost", "read again")))
    monkeypatch.setattr(read_actions, "SECONDS_BETWEEN_UPDATES", 60.0)  # so that most words wait
    update = whole(actions.read(Case(record), "scripted", "signal"))
    assert "the line was lost" in update["status"]
    assert "Finding 4." in update["reading"]
    assert "stopped early" in update["footer"]


def test_leaving_a_reading_half_way_closes_the_reader(actions: ReadActions, record: EcgRecord, use_reader: Any) -> None:
    reader = ScriptedReader()
    use_reader(reader)
    updates = actions.read(Case(record), "scripted", "signal")
    for _ in range(4):
        next(updates)
    assert reader.closed == 0
    updates.close()
    assert reader.closed == 1


def test_a_reader_that_cannot_be_used_is_listed_and_says_what_to_do(record: EcgRecord, tmp_path: Path) -> None:
    settings = Settings(model=None)
    readers = known_readers(settings)
    assert ("ECG-R1 (not available)", "ecg-r1") in reader_choices(readers)
    note = reader_note_html(get_reader("ecg-r1", settings))
    assert 'class="away"' in note
    assert "ecgr1 model fetch" in note
    result = whole(ReadActions(settings, []).read(Case(record), "ecg-r1", "signal"))
    assert "ECG-R1: No model is set; fetch one" in result["status"]
    assert result["read"]["interactive"] is True
    elsewhere = get_reader("ecg-r1", Settings(model=tmp_path / "absent")).unavailable
    assert elsewhere is not None
    assert "absent" in elsewhere
    assert str(tmp_path) not in elsewhere
