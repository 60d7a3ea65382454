"""A page of an ECG dropped on the Read page: what is seen of it, how it is corrected, what is asked, what stays."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_app import ROOT, watched
from page_kept import PageRead, keep_page, know, read_page_file, reopen
from page_steps import mark_status, read, shown, upload, view
from playwright.sync_api import Page, expect

sys.path.insert(0, str(ROOT / "tests" / "ui"))
from upload_kit import WITHOUT_SCALES, drawn, saved, tilted

SLOW_MS = 90_000


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page that shows everything, one without scales, and a photograph."""
    folder = tmp_path_factory.mktemp("pages")
    saved(drawn(), folder / "cart.png")
    saved(drawn(WITHOUT_SCALES), folder / "bare.png")
    saved(tilted(drawn())[0], folder / "photo.jpg")
    (folder / "cut.jpg").write_bytes((folder / "photo.jpg").read_bytes()[:5000])
    return folder


@pytest.fixture(scope="module")
def cart(pages: Path) -> PageRead:
    """What is read off `cart.png`: once, and not in every test that corrects or looks at it."""
    return read_page_file(pages / "cart.png")


@pytest.fixture
def known(page: Page, data_dir: Path, cart: PageRead) -> Page:
    """A page of a visitor of whom `cart.png` is kept."""
    know(page, keep_page(data_dir, cart))
    return page


@pytest.fixture
def cart_page(known: Page, app_address: str) -> Iterator[Page]:
    """The Read page with `cart.png` open; watched as `read_page`."""
    with watched(known, app_address):
        reopen(known, "cart")
        yield known


@pytest.fixture
def at_820(known: Page, app_address: str) -> Iterator[Page]:
    known.set_viewport_size({"width": 820, "height": 1180})
    with watched(known, app_address):
        yield known


def wait_until_open(page: Page) -> None:
    expect(page.locator("#status .done:not([data-before])")).to_contain_text("is open and measured", timeout=SLOW_MS)
    page.wait_for_function("window.ecgr1Page.state().page && window.ecgr1Viewer.state().draws > 0")


def open_page(page: Page, file: Path) -> None:
    """Drop a page; where its gain is not read, give it."""
    mark_status(page)
    upload(page, [file])
    said = page.locator("#status :is(.done, .error):not([data-before])")
    expect(said).to_be_visible(timeout=SLOW_MS)
    if page.locator("#ask-gain").is_visible():
        give_gain(page)
    wait_until_open(page)


def give_gain(page: Page) -> None:
    mark_status(page)
    page.locator("#ask-gain input").click()
    page.locator("#ask-gain").get_by_role("option", name="10", exact=True).click()
    page.get_by_role("button", name="Read file").click()


def settle(page: Page) -> None:
    """Wait until the viewer has taken the look of the page, which it does a moment after the page was told of it."""
    page.locator("#view-kept .data").wait_for(state="attached")
    page.evaluate("new Promise((done) => setTimeout(done, 200))")


def panel(page: Page) -> dict[str, Any]:
    state: dict[str, Any] = page.evaluate("window.ecgr1Page.state().page")
    return state


def dark_in_box(page: Page, name: str) -> float:
    """Return the share of the columns of a box on the picture, as it stands on the screen, that hold ink."""
    share: float = page.evaluate(
        """(name) => {
          const img = document.querySelector("#p-stage img");
          const size = { width: img.naturalWidth, height: img.naturalHeight };
          const pen = Object.assign(document.createElement("canvas"), size).getContext("2d");
          pen.drawImage(img, 0, 0);
          const area = img.getBoundingClientRect();
          const texts = [...document.querySelectorAll("#p-stage .box")];
          const own = texts.find((one) => one.querySelector(".name").textContent === name);
          const box = own.querySelector("rect").getBoundingClientRect();
          const scale = img.naturalWidth / area.width;
          const sides = [box.x - area.x, box.y - area.y, box.width, box.height];
          const [x, y, w, h] = sides.map((value) => Math.round(value * scale));
          const { data } = pen.getImageData(x, y, w, h);
          let inked = 0;
          for (let column = 0; column < w; column += 1) {
            for (let row = 0; row < h; row += 1) {
              const at = 4 * (row * w + column);
              if (data[at] < 100 && data[at + 1] < 100 && data[at + 2] < 100) { inked += 1; break; }
            }
          }
          return inked / w;
        }""",
        name,
    )
    return share


def test_the_page_stands_below_its_trace_with_what_was_found_drawn_over_it(read_page: Page, pages: Path) -> None:
    page = read_page
    expect(page.locator("#page-panel")).to_be_hidden()
    upload(page, [pages / "cart.png"])
    expect(page.locator("#status .busy")).to_contain_text("off the page", timeout=5_000)
    expect(page.get_by_role("button", name="Cancel")).to_be_enabled()
    said = page.locator("#status :is(.done, .error)")
    expect(said).to_be_visible(timeout=SLOW_MS)
    if page.locator("#ask-gain").is_visible():
        give_gain(page)
    wait_until_open(page)
    expect(page.locator("#case")).to_contain_text("read off the page cart.png")
    expect(page.get_by_role("region", name="Page")).to_be_visible()
    assert page.locator("#p-stage img").evaluate("e => e.naturalWidth") > 1000
    boxes = page.locator("#p-stage .box")
    assert boxes.count() == len(panel(page)["pieces"]) == 13
    for lead in ("I", "aVF", "V6"):
        assert dark_in_box(page, lead) > 0.9, f"{lead}: the trace runs all along its box on the screen"
    page.locator("#p-boxes").click()
    assert boxes.count() == 0
    page.locator("#p-leads select").nth(2).focus()
    assert boxes.count() == 1, "the place whose list has the focus is shown"
    assert boxes.locator(".name").text_content() == panel(page)["pieces"][2]["lead"]


def test_seconds_that_the_page_does_not_show_are_gaps_on_the_trace(cart_page: Page) -> None:
    assert shown(cart_page)["view"]["layout"] == "3x4+1", "as on the page"
    settle(cart_page)
    view(cart_page, layout="12x1", band="off")
    dark = cart_page.evaluate(
        """() => { const { sheet, px_per_mm: scale } = window.ecgr1Viewer.state();
          const canvas = document.querySelector("#trace");
          const ratio = canvas.width / canvas.getBoundingClientRect().width;
          return sheet.rows.map((row) => { const cell = row.cells[0];
            const at = (mm) => Math.round(mm * scale * ratio);
            const [x, y] = [at(cell.x + 2), at(row.baseline - 4)];
            const [w, h] = [at(238), at(8)];
            const { data } = canvas.getContext("2d").getImageData(x, y, w, h);
            const columns = Array.from({ length: w }, (_, column) => {
              for (let line = 0; line < h; line += 1) {
                const i = 4 * (line * w + column);
                if (data[i] < 140 && data[i + 1] < 140 && data[i + 2] < 140) return 1;
              }
              return 0; });
            return [0, 1, 2, 3].map((part) => {
              const at = (second) => Math.round((part * 2.5 + second) / 10 * w);
              const some = columns.slice(at(0.6), at(2.0));
              return some.reduce((sum, value) => sum + value, 0) / some.length; }); }); }"""
    )
    for row, shares in enumerate(np.array(dark)):
        if row == 1:
            assert (shares > 0.5).all(), "the rhythm strip gives II throughout"
            continue
        own = row // 3
        assert shares[own] > 0.5, (row, shares)
        assert np.delete(shares, own).max() < 0.05, f"row {row} has a line where the page shows nothing: {shares}"


def test_a_layout_that_was_chosen_stays_while_other_things_run(cart_page: Page) -> None:
    settle(cart_page)
    view(cart_page, layout="6x2")
    read(cart_page)
    settle(cart_page)
    assert shown(cart_page)["view"]["layout"] == "6x2", "as chosen, not as on the page"


def test_it_is_corrected_and_taken_back(cart_page: Page) -> None:
    page = cart_page
    again, sheet = page.locator("#p-again"), "window.ecgr1Page.state().sheet"
    expect(again).to_be_disabled()
    page.locator("#p-corners").click()
    corner = page.get_by_role("button", name="Upper left corner")
    corner.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    x, y = page.evaluate(sheet)[0]
    assert 0 < x < y < 40, "by arrow keys, ten times as far with Shift"
    expect(corner).to_have_accessible_name(f"Upper left corner, {round(x)} from the left, {round(y)} from the top")
    other = page.locator(".corner").nth(1)
    other.scroll_into_view_if_needed()
    box = other.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 13, box["y"] + 13)
    page.mouse.down()
    page.mouse.move(box["x"] + 3, box["y"] + 33, steps=4)
    page.mouse.up()
    width = panel(page)["size"][0]
    moved = page.evaluate(sheet)[1]
    assert width - 60 < moved[0] < width - 5, "by dragging"
    assert 5 < moved[1] < 100
    expect(again).to_be_enabled()
    first = page.locator("#p-leads select").first
    first.select_option("V5")
    expect(page.locator("#p-twice")).to_contain_text("V5 stands in more than one place")
    page.locator("#p-leads select").nth(7).select_option("")
    expect(page.locator("#p-twice")).to_be_empty()
    page.locator("#p-gain").select_option("5")
    mark_status(page)
    again.click()
    expect(page.locator("#status .busy")).to_contain_text("Reading cart.png off the page", timeout=5_000)
    wait_until_open(page)
    expect(page.locator("#p-caption")).to_contain_text("5 mm/mV (as you said)")
    expect(page.locator("#case")).to_contain_text("not recorded: I")
    assert page.evaluate(sheet)[0] == [x, y], "the corners stay where they were put"
    label = page.locator("#p-stage .box", has=page.get_by_text("V5", exact=True))
    expect(label.locator("text")).to_contain_text("as you said")
    assert page.locator("#recordings-switch").inner_text().endswith("(1)"), "it replaces what was read before"
    mark_status(page)
    page.locator("#p-as-found").click()
    wait_until_open(page)
    assert page.evaluate(sheet) is None
    expect(page.locator("#p-caption")).to_contain_text("10 mm/mV")
    expect(page.locator("#case")).not_to_contain_text("not recorded")


def test_a_missing_gain_is_asked_for_and_the_file_is_kept_until_then(read_page: Page, pages: Path) -> None:
    upload(read_page, [pages / "bare.png"])
    expect(read_page.locator("#status .error")).to_contain_text(
        "bare.png: the page shows neither its gain nor a calibration pulse", timeout=SLOW_MS
    )
    expect(read_page.get_by_label("Gain (mm/mV)")).to_be_visible()
    expect(read_page.get_by_label("Sampling rate (Hz)")).to_be_hidden()
    give_gain(read_page)
    wait_until_open(read_page)
    expect(read_page.locator("#ask")).to_be_hidden()


def test_a_bad_page_leaves_the_last_one_open_and_reading_one_can_be_cancelled(cart_page: Page, pages: Path) -> None:
    page = cart_page
    case, caption = page.locator("#case .prose").inner_text(), page.locator("#p-caption").inner_text()
    mark_status(page)
    upload(page, [pages / "cut.jpg"])
    expect(page.locator("#status .error:not([data-before])")).to_contain_text("cut.jpg: ", timeout=SLOW_MS)
    upload(page, [pages / "photo.jpg"])
    expect(page.locator("#status .busy")).to_contain_text("Reading photo.jpg off the page", timeout=SLOW_MS)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#status")).to_contain_text("Cancelled")
    page.wait_for_timeout(6_000)
    expect(page.locator("#status")).to_contain_text("Cancelled")
    assert (page.locator("#case .prose").inner_text(), page.locator("#p-caption").inner_text()) == (case, caption)


def test_it_opens_again_with_its_page_and_a_recording_of_samples_hides_it(read_page: Page, pages: Path) -> None:
    page = read_page
    open_page(page, pages / "photo.jpg")
    found = panel(page)
    page.locator("#example input").click()
    mark_status(page)
    page.locator("#example").get_by_role("option").first.click()
    expect(page.locator("#status .done:not([data-before])")).to_contain_text("is open and measured", timeout=SLOW_MS)
    expect(page.locator("#page-panel")).to_be_hidden()
    expect(page.locator("#recordings-switch")).to_contain_text("(2)")  # it is kept
    page.locator("#recordings-switch").click()
    page.locator("#recordings button.open", has_text="photo").click()
    expect(page.locator("#status .done")).to_contain_text("as you left it", timeout=SLOW_MS)
    expect(page.locator("#page-panel")).to_be_visible()
    assert panel(page)["pieces"] == found["pieces"]
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator("#status .done")).to_contain_text("Reading finished", timeout=SLOW_MS)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_fault_in_the_panel_at_820_px(at_820: Page, dark: bool) -> None:
    from test_page_accessibility import faults

    page = at_820
    if dark:
        page.get_by_role("button", name="Light / dark").click()
    reopen(page, "cart")
    page.locator("#p-corners").click()
    page.locator("#p-leads select").first.select_option("V5")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    reached = []
    page.locator("#p-boxes").focus()
    for _ in range(45):
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        page.keyboard.press("Tab")
    wanted = ["p-corners", "p-zoom-in", "p-scroll", "corner", "p-speed", "p-gain", "p-again", "p-as-found"]
    assert [name for name in wanted if name not in reached] == []


def test_beside_the_trace_both_are_seen_at_once(cart_page: Page) -> None:
    cart_page.locator("#p-beside").click()
    trace, picture = (cart_page.locator(name).bounding_box() for name in ("#v-scroll", "#p-scroll"))
    assert trace is not None
    assert picture is not None
    assert trace["x"] + trace["width"] <= picture["x"], "side by side"
    assert picture["width"] > 550
    assert abs(trace["y"] - picture["y"]) < 120
    assert cart_page.evaluate("document.documentElement.scrollWidth") <= 1440
