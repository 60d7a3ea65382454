"""Text hidden on an open page: what readers see, what is shown, what is kept, and what is left of the file."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from test_page_upload import ANNA, data_of
from test_read_actions import whole
from upload_kit import heart, png

from ecgr1_core.digitize import Asked
from ecgr1_core.record import EcgRecord
from ecgr1_core.render.page_style import PageStyle
from ecgr1_core.render.sheets import draw_sheet
from ecgr1_core.settings import Settings
from ui import strings_page as words
from ui.pages import case_page
from ui.pages.case import Case
from ui.pages.case_page import CasePage, panel_data_html, read_off
from ui.pages.compare_actions import CompareActions
from ui.pages.compare_case import CompareCase
from ui.pages.kept_actions import KeptActions
from ui.pages.read_actions import ReadActions

NAMED = PageStyle(spacing="even", dpi=110, header=("Name: DOE, JANE MARIE", "ID: 4471920"))


@pytest.fixture(scope="module")
def read() -> tuple[EcgRecord, CasePage]:
    return read_off("named.png", png(draw_sheet(heart(), NAMED).image), Asked(gain_mm_per_mv=10))


def marked(page: CasePage) -> str:
    return json.dumps({"hide": page.shown["text"]})


def ink_in(page: CasePage, boxes: Any) -> int:
    pixels = np.asarray(page.picture())
    return sum(int((pixels[int(y0) : int(y1), int(x0) : int(x1)] < 100).sum()) for x0, y0, x1, y1 in boxes)


def hidden_case(actions: ReadActions, read: tuple[EcgRecord, CasePage]) -> Any:
    return whole(actions.hide_text(Case(read[0], page=read[1]), marked(read[1])))


def test_the_panel_says_that_text_is_printed(read: tuple[EcgRecord, CasePage]) -> None:
    data = data_of(panel_data_html(read[1], keeping=True))
    assert data["said"] == f"Text is printed on this page ({len(data['text'])} places); it may name the patient."
    assert len(data["text"]) >= 2
    assert data["around"]
    assert words.text_sentence(1, 0).count("(1 place)") == 1
    assert words.text_sentence(0, 0) == words.TEXT_NONE
    assert words.text_sentence(None, 0) == words.TEXT_UNKNOWN
    assert words.text_sentence(2, 1) == "1 place is hidden on this page. Text is left on it (2 places)."


def test_what_is_hidden_is_nowhere_in_the_case_any_more(actions: ReadActions, read: tuple[EcgRecord, CasePage]) -> None:
    record, page = read
    boxes = page.shown["text"]
    assert ink_in(page, boxes) > 500
    update = hidden_case(actions, read)
    assert f"{len(boxes)} places are hidden" in update["status"]
    case = update["case"]
    assert ink_in(case.page, boxes) == 0
    assert case.record is record, "what was read off the page stays"
    assert case.page.has_hidden
    assert page.content[1000:1200] not in case.page.content
    data = data_of(update["page_data"])
    assert data["text"] == []
    assert f"{len(boxes)} places are hidden on this page" in data["said"]
    more = whole(actions.hide_text(case, json.dumps({"hide": [[10, 600, 60, 640]]})))["case"].page
    assert more.shown["hidden"] == len(boxes) + 1
    assert ink_in(more, boxes) == 0


def test_it_is_read_again_with_what_was_hidden_still_hidden(
    actions: ReadActions, read: tuple[EcgRecord, CasePage]
) -> None:
    page = read[1]
    height = page.shown["size"][1]
    everything = [*page.shown["text"], [0, height - 60, page.shown["size"][0], height]]  # speed and gain too
    case = whole(actions.hide_text(Case(read[0], page=page), json.dumps({"hide": everything})))["case"]
    told = json.dumps({"page": 1, "leads": [[0, 3, "V5"]]})
    again = whole(actions.read_page_again(case, told))["case"]
    assert again.page.shown["speed"] == page.shown["speed"], "as it was read before it was hidden"
    assert ink_in(again.page, everything) == 0
    assert again.page.shown["hidden"] == len(everything)
    assert "V4" in again.record.missing_leads
    lead, before = again.record.lead("II"), read[0].lead("II")
    known = np.isfinite(lead) & np.isfinite(before)
    assert known.mean() > 0.9
    assert np.corrcoef(lead[known], before[known])[0, 1] > 0.99


def test_a_kept_page_takes_the_place_of_its_file(
    actions: ReadActions, kept: KeptActions, read: tuple[EcgRecord, CasePage], settings: Settings
) -> None:
    assert kept.pages is not None
    case = Case(read[0], page=read[1])
    whole(kept.keep(case, ANNA))
    after = hidden_case(actions, read)["case"]
    assert after.key == case.key
    whole(kept.keep(after, ANNA))
    opened = whole(kept.reopen(None, ANNA, case.key))["case"].page
    assert opened.content == after.page.content
    assert opened.shown["hidden"] == after.page.shown["hidden"]
    kept.pages.close()
    content = b"".join(file.read_bytes() for file in settings.data_dir.glob("pages.sqlite*"))
    assert read[1].content[2000:2100] not in content, "the file as uploaded is overwritten"


def test_a_page_that_has_become_large_is_not_kept_in_place_of_its_file(
    actions: ReadActions, kept: KeptActions, read: tuple[EcgRecord, CasePage], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept.pages is not None
    case = Case(read[0], page=read[1])
    whole(kept.keep(case, ANNA))
    after = hidden_case(actions, read)["case"]
    monkeypatch.setattr(case_page, "LARGEST_KEPT_BYTES", 1000)
    whole(kept.keep(after, ANNA))
    assert kept.pages.open(ANNA, case.key) is None


@pytest.mark.parametrize("told", ["", "[]", '{"hide": [[1, 2]]}', '{"hide": 3}', '{"hide": [["a", 1, 2, 3]]}'])
def test_nonsense_is_one_sentence(actions: ReadActions, read: tuple[EcgRecord, CasePage], told: str) -> None:
    update = whole(actions.hide_text(Case(read[0], page=read[1]), told))
    assert "could not be understood" in update["status"]
    assert "case" not in update


def test_nothing_to_hide_and_no_page_are_one_sentence(actions: ReadActions, read: tuple[EcgRecord, CasePage]) -> None:
    nothing = whole(actions.hide_text(Case(read[0], page=read[1]), '{"hide": []}'))
    assert "no place is marked" in nothing["status"]
    assert "no page is open" in whole(actions.hide_text(Case(read[0]), "{}"))["status"]


def test_compare_says_it_too_and_shows_readers_the_hidden_page(
    settings: Settings, read: tuple[EcgRecord, CasePage]
) -> None:
    compare = CompareActions(settings, [], None)
    opened = whole(compare._open(None, *read))
    assert "it may name the patient" in opened["page_text_says"]
    assert opened["page_text"]["visible"] is True
    update = whole(compare.hide_text(opened["case"]))
    assert ink_in(update["case"].page, read[1].shown["text"]) == 0
    assert update["page_hide"]["visible"] is False
    assert whole(compare._open(None, heart()))["page_text"]["visible"] is False
    busy = CompareCase(read[0], page=read[1])
    busy.running.append(object())  # type: ignore[arg-type]
    assert "readings are being written" in whole(compare.hide_text(busy))["status"]
