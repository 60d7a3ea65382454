"""The Compare page without a browser: what is asked for, shown and kept, and what is said when it cannot be done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_read_actions import READING, ScriptedReader, whole

from annotations.recordings import RecordingStore
from ecgr1_core.errors import InputError
from ecgr1_core.modality import ModalityView
from ecgr1_core.readers import ReadingOptions, ReadingStream
from ecgr1_core.settings import Settings
from training.cli import example_recordings
from ui.components.comparison import compare, compared_html
from ui.pages import compare_actions, compare_choices
from ui.pages.compare_actions import CompareActions
from ui.pages.compare_case import CompareCase
from ui.pages.compare_choices import first_views, view_choices
from ui.pages.compare_saving import CompareSaving
from ui.pages.updates import Update

VISITOR = '{"visitor": "0123456789abcdef0123456789abcdef", "recording": ""}'
OTHER = READING.replace("Finding 2.", "The PR interval is 240 ms.").replace("sinus rhythm", "atrial fibrillation")


class OptionsReader(ScriptedReader):
    """A scripted reader that remembers how it was to write."""

    asked: list[ReadingOptions | None]

    def read(self, view: ModalityView, options: ReadingOptions | None = None) -> ReadingStream:
        self.asked = [*getattr(self, "asked", []), options]
        return super().read(view, options)


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The readers "one" and "two", which write different things; the page knows no others."""
    made = {"one": OptionsReader(READING), "two": OptionsReader(OTHER)}

    def get(name: str, settings: Settings) -> Any:
        return made[name]

    for name, reader in made.items():
        reader.name = name
        reader.title = name.title()
    monkeypatch.setattr(compare_actions, "get_reader", get)
    monkeypatch.setattr(compare_choices, "get_reader", get)
    monkeypatch.setattr(compare_actions, "LOOK_EVERY_S", 0.01)
    return made


@pytest.fixture
def actions(tmp_path: Path) -> CompareActions:
    settings = Settings(data_dir=tmp_path)
    return CompareActions(
        settings, list(example_recordings())[:2], RecordingStore(tmp_path / "recordings.sqlite", 30.0)
    )


def opened(actions: CompareActions) -> CompareCase:
    name = next(iter(actions.examples))
    case: CompareCase = whole(actions.open_chosen(None, f"example:{name}", VISITOR))["case"]
    assert case.measurements is not None
    return case


def compared(
    actions: CompareActions, case: CompareCase, *views: str, seed: str = "", consented: bool = False
) -> Update:
    return whole(actions.compare(case, len(views), seed, consented, *views))


def test_two_readings_are_compared(actions: CompareActions, readers: dict[str, Any]) -> None:
    done = compared(actions, opened(actions), "one/signal", "two/image")
    assert "The readings are compared" in done["status"]
    html = done["comparison"]
    assert html.index("2 Conduction") < html.index("1 Technical"), "what differs comes first"
    assert "sinus rhythm" in html
    assert "atrial fibrillation" in html
    assert [view.modality for view in readers["two"].views] == ["image"]
    assert readers["two"].views[0].page is not None
    assert readers["one"].asked == [None]
    assert [one.reader for one in done["case"].readings] == ["one", "two"]


def test_a_seed_is_for_generative_readers_and_must_be_a_number(
    actions: CompareActions, readers: dict[str, Any]
) -> None:
    readers["one"].generative = False
    case = opened(actions)
    compared(actions, case, "one/signal", "two/signal", seed=" 7 ")
    assert readers["one"].asked == [None]
    assert readers["two"].asked[0].seed == 7
    assert readers["two"].asked[0].temperature > 0
    for wrong in ("seven", "-1", "1.5", str(2**32)):
        assert "is no whole number" in compared(actions, case, "one/signal", "two/signal", seed=wrong)["status"]


def test_what_cannot_be_compared_is_said_in_one_sentence(actions: CompareActions, readers: dict[str, Any]) -> None:
    assert "no recording is open" in whole(actions.compare(None, 2, "", False, "one/signal", "two/signal"))["status"]
    case = opened(actions)
    assert "A and B are the same reading" in compared(actions, case, "one/signal", "one/signal")["status"]
    assert "nothing has been compared yet" in whole(CompareSaving(actions.settings).save_json(case))["status"]
    assert "no recording is open" in whole(actions.open_chosen(None, "example:nothing", VISITOR))["status"]
    assert "no longer kept" in whole(actions.open_chosen(None, "kept:nothing", VISITOR))["status"]


def test_a_reader_that_fails_leaves_the_others(actions: CompareActions, readers: dict[str, Any]) -> None:
    case = opened(actions)
    readers["two"].error = InputError("two", "it broke", "mend it")
    readers["two"].text = ""
    done = compared(actions, case, "one/signal", "two/signal")
    assert "two: it broke; mend it" in done["status"].replace("&#x27;", "'")
    assert "Finding 1." in done["comparison"], "what the other one wrote stays on the page"
    three = compared(actions, case, "one/signal", "two/signal", "one/image")
    assert "The readings are compared" in three["status"]
    assert len(three["case"].readings) == 2


def test_a_reader_that_sends_the_recording_away_waits_for_consent(
    actions: CompareActions, readers: dict[str, Any]
) -> None:
    case = opened(actions)
    readers["two"].host = "api.example.org"
    shown = whole(actions.chosen(case, 2, "one/signal", "two/signal"))
    assert shown["consent"]["visible"] is True
    assert "api.example.org" in shown["consent"]["label"]
    refused = compared(actions, case, "one/signal", "two/signal")
    assert 'class="status error"' in refused["status"]
    assert readers["two"].views == [], "it was asked nothing"
    done = compared(actions, case, "one/signal", "two/signal", consented=True)
    assert "The readings are compared" in done["status"]
    assert readers["two"].asked[0].agreed_host == "api.example.org"
    assert readers["one"].asked[-1] is None
    assert whole(actions.chosen(case, 2, "one/signal", "one/image"))["consent"]["visible"] is False


def test_readings_change_places(actions: CompareActions, readers: dict[str, Any]) -> None:
    done = compared(actions, opened(actions), "one/signal", "two/signal")
    swapped = whole(actions.swap(done["case"], "one/signal", "two/signal"))
    assert (swapped["view_A"], swapped["view_B"]) == ("two/signal", "one/signal")
    assert [one.reader for one in swapped["case"].readings] == ["two", "one"]
    assert swapped["comparison"].index("A</b> Two") < swapped["comparison"].index("B</b> One")


def test_columns_are_two_to_four(actions: CompareActions, readers: dict[str, Any]) -> None:
    views = ("one/signal", "two/signal", "one/image", "two/image")
    update = whole(actions.columns(None, True, 2, *views))
    assert update["number"] == 3
    assert [update[f"column_{letter}"]["visible"] for letter in "CD"] == [True, False]
    assert whole(actions.columns(None, True, 4, *views))["number"] == 4
    assert whole(actions.columns(None, False, 2, *views))["number"] == 2


def test_it_is_kept_for_the_visitor_alone(actions: CompareActions, readers: dict[str, Any]) -> None:
    done = compared(actions, opened(actions), "one/signal", "two/signal")
    whole(actions.keep(done["case"], VISITOR))
    (name, key) = actions.choices("0123456789abcdef0123456789abcdef")[0]
    assert (name, key[:5]) == (done["case"].record.name, "kept:")
    assert whole(actions.open_chosen(None, key, VISITOR))["case"].record.name == name
    assert all(not other.startswith("kept:") for _, other in actions.choices("f" * 32))
    assert "no longer kept" in whole(actions.open_chosen(None, key, VISITOR.replace("0123", "ffff")))["status"]


def test_every_reader_is_offered_with_what_it_can_see(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    names = dict(view_choices(settings))
    assert names["Protocol (embedded) · Signal"] == "protocol/signal"
    assert any(name.startswith("ECG-R1 · Image") and "not available" in name for name in names)
    assert first_views(settings)[0] == "protocol/signal"
    assert len(set(first_views(settings))) == 4


def test_what_readers_write_is_text_on_the_page(actions: CompareActions, readers: dict[str, Any]) -> None:
    readers["two"].text = READING.replace("Finding 1.", "<script>alert(1)</script> & more.")
    done = compared(actions, opened(actions), "one/signal", "two/signal")
    assert "<script>" not in done["comparison"]
    assert "&lt;script&gt;" in done["comparison"]


def test_four_readings_stand_in_four_columns(actions: CompareActions, readers: dict[str, Any]) -> None:
    done = compared(actions, opened(actions), "one/signal", "two/signal", "one/image", "two/image")
    found = done["case"].found
    assert len(found.consistencies) == 3
    assert found.consistencies[1].whole.bleu4 == pytest.approx(1.0)
    assert done["comparison"].count('class="head"') == 4
    again = compare(found.kept, done["case"].record, None, None)
    assert again.found == (None,) * 4, "without measurements nothing is said against the trace"
    assert "SBERT –" in compared_html((), again)
