"""A page with a name printed on it: what is said, how boxes are drawn, and that it is blank there afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_app import ROOT, watched
from page_kept import PageRead, keep_page, know, read_page_file, reopen
from page_steps import mark_status, upload
from playwright.sync_api import Page, expect

sys.path.insert(0, str(ROOT / "tests" / "ui"))
from upload_kit import heart, saved

from ecgr1_core.render.page_style import PageStyle
from ecgr1_core.render.sheets import draw_sheet

SLOW_MS = 90_000
STATE = "window.ecgr1PageHiding.state()"


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    style = PageStyle(spacing="even", dpi=120, header=("Name: DOE, JANE MARIE", "ID: 4471920"))
    return saved(draw_sheet(heart(), style).image, tmp_path_factory.mktemp("named") / "named.png")


@pytest.fixture(scope="module")
def read_off_it(named: Path) -> PageRead:
    return read_page_file(named)


@pytest.fixture
def named_page(page: Page, app_address: str, data_dir: Path, read_off_it: PageRead) -> Iterator[Page]:
    """The Read page with that page open; watched as `read_page`."""
    know(page, keep_page(data_dir, read_off_it))
    with watched(page, app_address):
        reopen(page, "named")
        yield page


def open_named(page: Page, file: Path) -> None:
    mark_status(page)
    upload(page, [file])
    done = page.locator("#status .done:not([data-before])")
    expect(done).to_contain_text("is open and measured", timeout=SLOW_MS)
    page.wait_for_function("window.ecgr1Page.state().page")


def darkest(page: Page, box: list[float]) -> float:
    """Return the darkest grey, 0 to 255, of the picture that is shown within a box in pixels of the page."""
    grey: float = page.evaluate(
        """([x0, y0, x1, y1]) => {
          const img = document.querySelector("#p-stage img");
          const size = { width: img.naturalWidth, height: img.naturalHeight };
          const pen = Object.assign(document.createElement("canvas"), size).getContext("2d");
          pen.drawImage(img, 0, 0);
          const scale = img.naturalWidth / window.ecgr1Page.state().page.size[0];
          const [x, y, w, h] = [x0, y0, x1 - x0, y1 - y0].map((value) => Math.round(value * scale));
          const { data } = pen.getImageData(x, y, w, h);
          let least = 255;
          for (let at = 0; at < data.length; at += 4)
            least = Math.min(least, Math.max(data[at], data[at + 1], data[at + 2]));
          return least; }""",
        box,
    )
    return grey


def places(page: Page) -> Any:
    return page.evaluate(STATE)["places"]


def test_a_name_is_warned_of_hidden_and_gone_and_the_page_is_still_read(read_page: Page, named: Path) -> None:
    page = read_page
    open_named(page, named)
    boxes = places(page)
    expect(page.locator("#p-text")).to_have_text(
        f"Text is printed on this page ({len(boxes)} places); it may name the patient."
    )
    name = boxes[0]
    assert darkest(page, name) < 90
    mark_status(page)
    page.get_by_role("button", name="Hide it").click()
    expect(page.locator("#status .done:not([data-before])")).to_contain_text("places are hidden", timeout=SLOW_MS)
    expect(page.locator("#p-text")).to_contain_text(f"{len(boxes)} places are hidden on this page", timeout=SLOW_MS)
    page.wait_for_function("document.querySelector('#p-stage img').complete")
    for box in boxes:
        assert darkest(page, [box[0] + 8, box[1] + 8, box[2] - 8, box[3] - 8]) > 200  # JPEG blurs its rim
    assert places(page) == []
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator("#status .done")).to_contain_text("Reading finished", timeout=SLOW_MS)
    mark_status(page)
    page.locator("#p-leads select").first.select_option("V5")
    page.locator("#p-again").click()
    expect(page.locator("#status .done:not([data-before])")).to_contain_text("is open and measured", timeout=SLOW_MS)
    expect(page.locator("#case")).to_contain_text("not recorded: I")
    assert darkest(page, [name[0] + 8, name[1] + 8, name[2] - 8, name[3] - 8]) > 200, "still hidden, read again"
    expect(page.locator("#p-text")).to_contain_text("hidden on this page")


def test_boxes_are_drawn_moved_sized_and_taken_away(named_page: Page) -> None:
    page = named_page
    before = places(page)
    page.locator("#p-draw").click()
    stage = page.locator("#p-stage")
    stage.scroll_into_view_if_needed()
    at = stage.bounding_box()
    assert at is not None
    page.mouse.move(at["x"] + 0.6 * at["width"], at["y"] + 0.9 * at["height"])
    page.mouse.down()
    page.mouse.move(at["x"] + 0.7 * at["width"], at["y"] + 0.95 * at["height"], steps=4)
    page.mouse.up()
    drawn = places(page)
    assert drawn[:-1] == before
    scale = page.evaluate("window.ecgr1Page.state().page.size[0]") / at["width"]
    assert drawn[-1][2] - drawn[-1][0] == pytest.approx(0.1 * at["width"] * scale, abs=4)
    expect(page.locator("#p-hide")).to_have_text("Hide these places")
    page.locator("#p-draw").click()
    page.get_by_role("button", name="Add a box").click()
    number = len(drawn) + 1
    expect(page.get_by_role("button", name=f"Box {number} to hide")).to_be_focused()
    x0, y0, x1, y1 = places(page)[-1]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    moved = places(page)[-1]
    assert moved[0] > x0
    assert moved[1] - y0 > 5 * (moved[0] - x0)
    assert (moved[2] - moved[0], moved[3] - moved[1]) == pytest.approx((x1 - x0, y1 - y0), abs=2)
    page.get_by_role("button", name=f"Size of box {number}").focus()
    page.keyboard.press("Shift+ArrowRight")
    assert places(page)[-1][2] > moved[2]
    page.keyboard.press("Delete")
    assert places(page) == drawn
    page.get_by_role("button", name=f"Take box {number - 1} away").click()
    assert places(page) == before
    page.get_by_role("button", name="All but the traces").click()
    assert len(places(page)) > 3
    page.get_by_role("button", name="Take back").click()
    assert places(page) == before
    expect(page.locator("#p-hide")).to_have_text("Hide it")


def test_axe_finds_no_fault_while_boxes_are_changed(named_page: Page) -> None:
    from test_page_accessibility import faults

    named_page.get_by_role("button", name="Add a box").click()
    assert faults(named_page) == []
    named_page.set_viewport_size({"width": 820, "height": 1180})
    assert named_page.evaluate("document.documentElement.scrollWidth") <= 820
