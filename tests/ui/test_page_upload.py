"""A page dropped on the Read page: what is asked, shown, corrected, kept, and given to readers."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_read_actions import ScriptedReader, whole
from upload_kit import WITHOUT_SCALES, drawn, heart, png, saved

from annotations.recordings import RecordingStore
from ecgr1_core.digitize import Asked
from ecgr1_core.digitize.report import DigitizeReport, PieceReport
from ecgr1_core.errors import InputError
from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings
from ui.components.case_line import case_html
from ui.components.page_panel import page_data_html, page_panel_html, path_of, shown_of
from ui.pages import case_page, compare_actions, read_actions
from ui.pages.case import Case
from ui.pages.case_page import CasePage, asked_json, corrections_of, panel_data_html, read_off
from ui.pages.compare_actions import CompareActions
from ui.pages.compare_case import CompareCase
from ui.pages.kept_actions import KeptActions
from ui.pages.kept_pages import PageFiles
from ui.pages.read_actions import ReadActions
from ui.pages.updates import ASKED, Update
from ui.quick_gradio import gr

ANNA, BORIS = "a" * 32, "b" * 32


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(drawn(), tmp_path_factory.mktemp("pages") / "cart print.png")


@pytest.fixture(scope="module")
def read(page_file: Path) -> tuple[EcgRecord, CasePage]:
    return read_off(page_file.name, page_file.read_bytes(), Asked(gain_mm_per_mv=10))


def copied(file: Path, folder: Path) -> str:
    return str(shutil.copy(file, folder / file.name))


def data_of(html: str) -> dict[str, Any]:
    """Return the data of the panel as its script gets it."""
    from html import unescape

    found: dict[str, Any] = json.loads(unescape(html.split('<div class="data">')[1].split("</div>")[0]))
    return found


def test_a_page_is_read_and_shown_beside_its_recording(actions: ReadActions, page_file: Path, tmp_path: Path) -> None:
    path = copied(page_file, tmp_path)
    updates = list(actions.open_again(None, [path], None, None, None, None, 10.0, None, None))
    said = [update["status"] for update in updates if "status" in update]
    assert any("off the page" in one and "busy" in one for one in said), "what is waited for is said"
    last = whole(iter(updates))
    case = last["case"]
    assert "is open and measured" in last["status"]
    assert case.record.source_format == "page"
    assert case.measurements is not None
    assert case.page.name == "cart print.png"
    assert "read off the page cart print.png" in last["case_line"]
    assert not Path(path).exists(), "the upload is deleted once it was read"
    data = data_of(last["page_data"])
    assert [len([one for one in data["pieces"] if one["row"] == row]) for row in range(4)] == [4, 4, 4, 1]
    assert {one["lead"] for one in data["pieces"]} == set(case.record.available_leads)
    assert data["size"] == list(drawn().size)
    assert "data:image/jpeg;base64," in last["page_data"]
    assert '"layout": "3x4+1"' in last["view_kept"], "the viewer shows it as the page does"
    for lead, (start, stop) in {"I": (0, 2.5), "aVL": (2.5, 5), "V6": (7.5, 10)}.items():
        known = np.flatnonzero(np.isfinite(case.record.lead(lead))) / 500
        assert start - 0.1 < known.min() < known.max() < stop + 0.1, "each lead for its seconds only"
        assert (known.max() - known.min()) > 2.2


def test_what_a_page_does_not_show_is_asked_for_and_the_file_is_kept(actions: ReadActions, tmp_path: Path) -> None:
    path = str(saved(drawn(WITHOUT_SCALES), tmp_path / "bare.png"))
    asked = whole(actions.open_upload(None, [path]))
    assert "error" in asked["status"]
    assert "bare.png: the page shows neither its gain" in asked["status"]
    assert asked["ask"]["visible"] is True
    assert asked["gain_mm_per_mv"]["visible"] is True
    assert asked["pending"] == [path]
    assert Path(path).exists()
    assert "case" not in asked
    given = [10.0 if name == "gain_mm_per_mv" else None for name in ASKED]
    opened = whole(actions.open_again(None, [path], *given))
    assert opened["case"].record.source_format == "page"
    assert opened["ask"]["visible"] is False
    assert opened["case"].page.asked.gain_mm_per_mv == 10.0
    assert not Path(path).exists()


def test_a_page_of_several_is_chosen_and_asked_for_where_the_first_shows_no_ecg(
    actions: ReadActions, tmp_path: Path
) -> None:
    text = Image.new("RGB", (1600, 1100), "white")
    path = str(saved(text, tmp_path / "letter.pdf", drawn()))
    asked = whole(actions.open_upload(None, [path]))
    assert "page 1 of 2 cannot be read" in asked["status"]
    assert asked["page_number"]["visible"] is True
    opened = whole(actions.open_again(None, [path], None, None, None, None, 10.0, None, 2))
    assert (opened["case"].page.number, opened["case"].page.pages) == (2, 2)
    data = data_of(opened["page_data"])
    assert (data["number"], data["pages"]) == (2, 2)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.png", b"", "empty"),
        ("cut.png", png(drawn())[:3000], "damaged or cut off"),
        ("photo.heic", b"\0\0\0\x18ftypheic" + bytes(64), "save the photograph as JPEG"),
        ("cat.png", png(Image.effect_noise((1400, 1000), 60)), "cat.png"),
        ("dot.bmp", png(Image.new("RGB", (40, 40))), "too coarse"),
    ],
)
def test_a_bad_page_is_one_sentence_and_the_case_stays(
    actions: ReadActions, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    update = whole(actions.open_upload(Case(heart()), [str(path)]))
    assert says in update["status"]
    assert name in update["status"]
    assert "internal fault" not in update["status"]
    assert not {"case", "trace", "page_data", "case_line"} & set(update)
    assert update["read"]["interactive"] is True


def test_a_page_is_opened_by_itself(actions: ReadActions, page_file: Path, tmp_path: Path) -> None:
    paths = [copied(page_file, tmp_path), str(saved(drawn(), tmp_path / "other.jpg"))]
    update = whole(actions.open_upload(None, paths))
    assert "cart print.png, other.jpg: a page is opened by itself, and 2 files were dropped" in update["status"]


def test_corrections_are_applied_and_taken_back(actions: ReadActions, read: tuple[EcgRecord, CasePage]) -> None:
    case = Case(read[0], page=read[1])
    told = json.dumps({"page": 1, "speed": "25", "gain": "5", "corners": None, "leads": [[0, 2, "V6"], [2, 3, None]]})
    corrected = whole(actions.read_page_again(case, told))["case"]
    assert corrected.page.asked == Asked(25.0, 5.0, leads={(0, 2): "V6", (2, 3): None})
    assert corrected.page.first == Asked(gain_mm_per_mv=10)
    assert corrected.page.replaces == case.key
    assert "V1" in corrected.record.missing_leads
    ratio = np.nanstd(corrected.record.lead("II")) / np.nanstd(read[0].lead("II"))
    assert 1.95 < ratio < 2.05, "half the gain makes twice the millivolts"
    pieces = data_of(panel_data_html(corrected.page, keeping=True))["pieces"]
    assert [one["lead"] for one in pieces if (one["row"], one["column"]) in ((0, 2), (2, 3))] == ["V6", None]
    back = whole(actions.read_page_again(corrected, '{"as_found": true}'))["case"]
    assert back.page.asked == back.page.first == Asked(gain_mm_per_mv=10)
    assert np.array_equal(back.record.signal_mv, read[0].signal_mv, equal_nan=True)


@pytest.mark.parametrize(
    "told",
    ["", "[]", "{", '{"corners": [[1, 2], 3]}', '{"gain": "wide"}', '{"leads": [[0, 0]]}', '{"page": "x"}',
     '{"corners": [[0, 0], [100, 100], [100, 0], [0, 100]]}', '{"speed": "1e999"}', '{"leads": [[0, 0, "<b>"]]}'],
)  # fmt: skip
def test_corrections_that_are_nonsense_are_one_sentence(
    actions: ReadActions, read: tuple[EcgRecord, CasePage], told: str
) -> None:
    update = whole(actions.read_page_again(Case(read[0], page=read[1]), told))
    assert "cart print.png: " in update["status"]
    assert "internal fault" not in update["status"]
    assert "<b>" not in update["status"]
    assert "case" not in update
    assert "no page is open" in whole(actions.read_page_again(Case(heart()), "{}"))["status"]


def test_another_page_of_the_file_begins_with_nothing_said(read: tuple[EcgRecord, CasePage]) -> None:
    page = replace(read[1], pages=3)
    told = json.dumps({"page": 2, "gain": "5", "leads": [[0, 0, "V1"]], "corners": [[0, 0]]})
    assert corrections_of(told, page) == (Asked(), 2)


@pytest.mark.parametrize("modality", ["signal", "image"])
def test_readers_see_the_uploaded_page_and_the_signal_read_off_it(
    actions: ReadActions, read: tuple[EcgRecord, CasePage], monkeypatch: pytest.MonkeyPatch, modality: Any
) -> None:
    reader = ScriptedReader()
    monkeypatch.setattr(read_actions, "get_reader", lambda name, settings: reader)
    case = Case(read[0], page=read[1])
    update = whole(actions.read(case, "scripted", modality))
    view = reader.views[0]
    assert view.record is read[0]
    if modality == "signal":
        assert (view.page, view.page_origin, view.page_record) == (None, None, None)
        assert update["case"].reading.page_origin is None
        return
    assert view.page is not None
    assert np.array_equal(np.asarray(view.page), np.asarray(drawn().convert("RGB"))), "the page, as it was uploaded"
    assert (view.page_origin, view.page_record) == ("upload", read[0])
    assert update["case"].reading.page_origin == "upload"


def test_a_recording_of_samples_takes_the_page_off_the_screen(actions: ReadActions) -> None:
    actions.examples["plain"] = heart()
    update = whole(actions.open_example(None, "plain"))
    assert update["page_data"] == ""
    assert update["case"].page is None
    assert "view_kept" not in update


def test_a_kept_page_opens_again_as_it_was_left(kept: KeptActions, read: tuple[EcgRecord, CasePage]) -> None:
    page = replace(read[1], asked=Asked(25.0, 10.0, leads={(3, 0): "II"}))
    case = Case(read[0], page=page)
    whole(kept.keep(case, ANNA))
    opened = whole(kept.reopen(None, ANNA, case.key))
    back = opened["case"].page
    assert (back.name, back.content, back.number, back.pages) == (page.name, page.content, 1, 1)
    assert (back.first, back.asked) == (page.first, page.asked)
    assert json.loads(json.dumps(back.shown)) == json.loads(json.dumps(page.shown))
    assert opened["page_data"] == panel_data_html(page, keeping=True)
    assert "read off the page cart print.png" in opened["case_line"]
    assert kept.pages is not None
    assert kept.pages.open(BORIS, case.key) is None, "nobody else gets it"


def test_a_page_read_again_replaces_what_was_kept_of_it(kept: KeptActions, read: tuple[EcgRecord, CasePage]) -> None:
    assert kept.pages is not None
    assert kept.store is not None
    before = Case(read[0], page=read[1])
    whole(kept.keep(before, ANNA))
    record = replace(read[0], signal_mv=2 * read[0].signal_mv)
    after = Case(record, page=replace(read[1], replaces=before.key))
    whole(kept.keep(after, ANNA))
    assert [entry.key for entry in kept.store.entries(ANNA)] == [after.key]
    assert kept.pages.open(ANNA, before.key) is None
    assert kept.pages.open(ANNA, after.key) is not None


@pytest.mark.parametrize("way", ["remove", "remove_all", "expire"])
def test_a_removed_page_is_gone_from_the_disk(
    kept: KeptActions, read: tuple[EcgRecord, CasePage], settings: Settings, way: str
) -> None:
    assert kept.pages is not None
    case = Case(read[0], page=read[1])
    whole(kept.keep(case, ANNA))
    if way == "remove":
        whole(kept.remove(None, ANNA, case.key))
    elif way == "remove_all":
        whole(kept.remove_all(None, ANNA))
    else:
        kept.settings = settings.model_copy(update={"keep_recordings_days": 0.0})
        whole(kept.show(None, ANNA))
    assert kept.pages.open(ANNA, case.key) is None
    kept.pages.close()
    content = b"".join(file.read_bytes() for file in settings.data_dir.glob("pages.sqlite*"))
    assert b"cart print" not in content
    assert read[1].content[2000:2100] not in content


def test_a_large_page_is_not_kept_and_says_so(
    kept: KeptActions, read: tuple[EcgRecord, CasePage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_page, "LARGEST_KEPT_BYTES", len(read[1].content) - 1)
    case = Case(read[0], page=read[1])
    whole(kept.keep(case, ANNA))
    assert whole(kept.reopen(None, ANNA, case.key))["page_data"] == ""
    assert "is not kept" in data_of(panel_data_html(case.page, keeping=True))["unsure"][0]
    assert "is not kept" not in panel_data_html(case.page, keeping=False)


def report(**changes: Any) -> DigitizeReport:
    trace = np.array([(100.0, 200.0), (110.26, 195.0), (np.nan, np.nan), (130.0, 200.0), (140.0, 201.0)])
    piece = PieceReport(0, 0, "aVR", True, True, 0.42, (100, 150, 300, 250), trace)
    grid = np.array([[6.0, 0.2, 10], [-0.2, 6.0, 20], [1e-5, 0, 1]])
    known = DigitizeReport(
        "pixels", "3x4", "cabrera", "consecutive", 25.0, "printed", 10.0, "pulse", (1 / 6, 1 / 6), 90, {},
        ("no <grid> here", "no <grid> here"), (), (piece,), grid,
    )  # fmt: skip
    return replace(known, **changes)


def test_what_was_found_is_told_to_the_panel() -> None:
    shown = shown_of(report(), Asked(leads={(1, 1): None}), (1200, 900))
    piece, left_out = shown["pieces"]
    assert piece["lead"] == "-aVR"
    assert piece["trace"] == "M100 200L110.3 195M130 200L140 201"
    assert (left_out["row"], left_out["lead"], left_out["box"]) == (1, None, None)
    assert "3 × 4, Cabrera order, 25 mm/s (as printed), 10 mm/mV (from the calibration pulse)" in shown["caption"]
    assert "turned back by 90°" in shown["caption"]
    assert shown["unsure"] == ["No <grid> here."]
    html = page_data_html(shown, Image.new("RGB", (1200, 900)), asked_json(Asked()), number=1, pages=1)
    assert "<grid>" not in html
    assert data_of(html)["unsure"] == ["No <grid> here."]
    starts = [tuple(map(float, line.split("L")[0].split())) for line in shown["grid"].split("M")[1:]]
    assert len(starts) > 10
    to_mm = np.linalg.inv(np.asarray(report().grid_to_px))
    for x, y in starts:
        flat = to_mm @ (x, y, 1)
        mm = flat[:2] / flat[2]
        assert np.allclose(mm, 5 * np.rint(mm / 5), atol=0.05), "lines of 5 mm at whole fives"


def test_a_page_without_grid_or_curves_is_shown_all_the_same() -> None:
    bare = report(grid_to_px=None, pieces=(replace(report().pieces[0], trace_px=None),), layout=None, mm_per_px=None)
    shown = shown_of(bare, Asked(), (1200, 900))
    assert (shown["grid"], shown["pieces"][0]["trace"]) == ("", "")
    assert shown["caption"].startswith("No known layout")
    assert shown["view"]["layout"] == "12x1"
    assert path_of(np.empty((0, 2))) == ""


def test_the_viewer_shows_columns_that_begin_together_one_below_the_other() -> None:
    assert shown_of(report(columns="simultaneous"), Asked(), (9, 9))["view"]["layout"] == "12x1"
    assert shown_of(report(gain_mm_per_mv=7.0), Asked(), (9, 9))["view"] == {
        "layout": "3x4", "order": "cabrera", "speed": 25.0,
    }  # fmt: skip


def test_the_case_line_counts_what_the_page_lists() -> None:
    record = replace(heart(), source_format="page", warnings=("one <b>", "two"), missing_leads=("V4",))
    line = case_html(record, "scan <1>.png")
    assert "read off the page scan &lt;1&gt;.png" in line
    assert "not recorded: V4" in line
    assert line.count("<li>") == 2
    assert "2 not shown by the page, or not sure" in line
    assert "one &lt;b&gt;" in case_html(record), "without a page every warning is there"


def test_every_control_of_the_panel_has_a_name() -> None:
    html = page_panel_html()
    assert html.count('class="corner"') == 4
    assert html.count("aria-label=") >= 8
    assert "None" not in html


def test_compare_shows_readers_the_page_and_asks_on_the_read_page(
    settings: Settings, read: tuple[EcgRecord, CasePage], page_file: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    reader = ScriptedReader()
    monkeypatch.setattr(compare_actions, "get_reader", lambda name, settings: reader)
    pages = PageFiles(settings.data_dir / "pages.sqlite")
    store = RecordingStore(settings.data_dir / "recordings.sqlite", 30)
    compare = CompareActions(settings, [], store, pages)
    case = CompareCase(read[0], page=read[1])
    whole(compare.keep(case, json.dumps({"visitor": ANNA})))
    key = Case(read[0]).key
    opened = whole(compare.open_chosen(None, f"kept:{key}", json.dumps({"visitor": ANNA})))
    assert opened["case"].page.name == "cart print.png"
    assert "read off the page cart print.png" in opened["case_line"]
    running = compare._asked(opened["case"], ["a/signal", "b/image"], None, True)
    assert [one.page_origin for one in running] == [None, "upload"]
    assert reader.views[1].page_record is opened["case"].record
    bare = str(saved(drawn(WITHOUT_SCALES), tmp_path / "bare.png"))
    said = whole(compare.open_upload(None, [bare]))["status"]
    assert "bare.png: " in said
    assert "open it on the Read page" in said
    store.close()
    pages.close()


def test_a_folder_for_pages_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match=r"pages\.sqlite: it cannot be made .*ECGR1_DATA_DIR"):
        PageFiles(tmp_path / "file" / "pages.sqlite")


def test_nothing_that_is_asked_of_a_page_stays_after_it_was_opened(actions: ReadActions) -> None:
    actions.examples["plain"] = heart()
    update: Update = whole(actions.open_example(None, "plain"))
    assert {name: update[name] for name in ASKED} == {name: gr.update(value=None, visible=False) for name in ASKED}
