"""What the Read page puts on paper: the PDF report as the trace is looked at, and the browser's own print."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from page_kept import reopen
from page_recordings import ptbxl_pair
from page_steps import footer, open_files, read, shown, view
from playwright.sync_api import Page, expect


def words_of(page: pypdfium2.PdfPage) -> str:
    return " ".join(page.get_textpage().get_text_range().split())


def test_the_report_has_order_filter_and_speed_of_the_screen(read_page: Page, shared_data: Path) -> None:
    page = read_page
    open_files(page, ptbxl_pair(shared_data))
    view(page, order="cabrera", band="monitor", speed="50")
    assert footer(page).startswith("50 mm/s    10 mm/mV    0.5–40 Hz")
    read(page)
    with page.expect_download() as saving:
        page.locator("#pdf").click()
    with pypdfium2.PdfDocument(Path(saving.value.path()).read_bytes()) as pdf:
        first = words_of(pdf[0])
    assert "−aVR" in first
    assert "50 mm/s 10 mm/mV 0.5–40 Hz" in first
    assert "measured unfiltered" in first
    assert "Read by (name)" in first


@pytest.mark.parametrize("dark", [False, True])
def test_the_browsers_print_has_the_reading_in_light_colours_and_no_controls(
    read_page: Page, shared_data: Path, dark: bool
) -> None:
    page = read_page
    open_files(page, ptbxl_pair(shared_data))
    read(page)
    if dark:
        page.locator("#dark-switch").click()
        expect(page.locator("body.dark")).to_have_count(1)
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    with pypdfium2.PdfDocument(printed) as pdf:
        words = " ".join(words_of(sheet) for sheet in pdf)
        pictures = [sheet.render(scale=1).to_numpy() for sheet in pdf]
    for told in ("Research use. Not a diagnosis.", "12 leads · 500 Hz", "QTc", "Rhythm", "Answer", "Read by Protocol"):
        assert told in words
    for control in ("Cancel", "Copy", "Layout", "Dark", "Compare", "Drop"):
        assert control not in words
    assert all(np.median(picture) > 240 for picture in pictures)
    assert len(pictures) == 2


def test_a_print_shows_the_whole_sheet_and_leaves_the_screen_as_it_was(read_page: Page, shared_data: Path) -> None:
    page = read_page
    open_files(page, ptbxl_pair(shared_data))
    page.locator("#dark-switch").click()
    view(page, speed="50")
    page.locator("#v-zoom-in").click()
    page.locator("#v-scroll").evaluate("box => box.scrollTo(120, 0)")
    page.wait_for_function("window.ecgr1Viewer.state().scroll[0] === 120")
    before = shown(page)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    printed = shown(page)
    width = page.evaluate("document.querySelector('#viewer').clientWidth")
    assert printed["sheet"]["width"] * printed["px_per_mm"] <= 1.02 * width
    assert width > 2000
    expect(page.locator("body.dark")).to_have_count(0)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    expect(page.locator("body.dark")).to_have_count(1)
    after = shown(page)
    assert after["view"] == before["view"]
    assert after["px_per_mm"] == pytest.approx(before["px_per_mm"])
    assert after["scroll"] == before["scroll"]


def test_a_print_gives_the_reason_of_every_contradicted_claim(known_page: Page) -> None:
    reopen(known_page, "read one")
    with pypdfium2.PdfDocument(known_page.pdf(prefer_css_page_size=True)) as pdf:
        words = " ".join(words_of(sheet) for sheet in pdf)
    reasons = known_page.locator("#reading .why li:has(.verdict.contradicted)")
    assert reasons.count() >= 5
    assert words.count("contradicted") > reasons.count()  # and the sentence that counts them
    assert "measured 75 bpm" in words
