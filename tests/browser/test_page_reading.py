"""The Read page as a clinician uses it: open, look, change the view, read, cancel."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from page_recordings import ptbxl_pair, real_signal, write_wfdb
from page_steps import FIGURE, footer, lead_names, open_files, read, shown, upload, view
from playwright.sync_api import Page, expect

from ecgr1_core.interpretation import STEP_TITLES
from ecgr1_core.record import LEADS


def test_a_real_recording_is_read_in_six_steps(read_page: Page, shared_data: Path) -> None:
    open_files(read_page, ptbxl_pair(shared_data))
    assert set(lead_names(read_page)) == set(LEADS)
    expect(read_page.locator("#case")).to_contain_text("12 leads · 500 Hz · 10.0 s")
    expect(read_page.locator("#measurements tbody tr")).to_have_count(13)
    assert re.search(r"\d+", read_page.locator("#measurements tr", has_text="QRS").first.inner_text())

    read(read_page)
    steps = read_page.locator("#reading section.step")
    expect(steps).to_have_count(6)
    for number, title in enumerate(STEP_TITLES):
        expect(steps.nth(number).locator("h3")).to_contain_text(title)
        assert len(steps.nth(number).locator("p").inner_text()) > 20
    assert len(read_page.locator("#reading .summary p").inner_text()) > 10
    assert read_page.locator("#reading ul.answer li").count() >= 1
    expect(read_page.locator("#footer")).to_contain_text(
        re.compile(r"Read by Protocol.* \d+\.\d+\.\d+ from the signal")
    )
    expect(read_page.locator("#footer")).to_contain_text("Research use. Not a diagnosis.")


def test_layout_speed_and_gain_redraw_without_reading_again(read_page: Page, shared_data: Path) -> None:
    open_files(read_page, ptbxl_pair(shared_data))
    read(read_page)
    reading = read_page.locator("#reading .reading").inner_text()
    assert len(lead_names(read_page)) == 13  # twelve and the rhythm strip
    before = read_page.locator(FIGURE).bounding_box()
    assert before is not None

    view(read_page, layout="12x1")
    after = read_page.locator(FIGURE).bounding_box()
    assert after is not None
    assert after["height"] > before["height"] * 1.5
    assert sorted(lead_names(read_page)) == sorted(LEADS)

    width = read_page.evaluate("document.querySelector('#v-scroll').scrollWidth")
    view(read_page, layout="3x4+1", speed="50", gain="20")
    assert read_page.evaluate("document.querySelector('#v-scroll').scrollWidth") > width * 1.5
    assert footer(read_page).startswith("50 mm/s    20 mm/mV    0.05–150 Hz")
    assert read_page.locator("#reading .reading").inner_text() == reading


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (820, 1180), (600, 900)])
def test_the_page_does_not_overflow_at_any_width(read_page: Page, shared_data: Path, width: int, height: int) -> None:
    read_page.set_viewport_size({"width": width, "height": height})
    open_files(read_page, ptbxl_pair(shared_data))
    for speed, gain in (("25", "10"), ("50", "5"), ("12.5", "20")):
        view(read_page, speed=speed, gain=gain)
        assert footer(read_page).startswith(f"{speed} mm/s    {gain} mm/mV")
        assert read_page.evaluate("document.documentElement.scrollWidth") <= width
    box, figure = (read_page.locator(name).bounding_box() for name in ("#trace-box", FIGURE))
    assert box is not None
    assert figure is not None
    assert figure["width"] <= box["width"] + 1


def test_the_trace_follows_the_width_of_the_window(read_page: Page, shared_data: Path) -> None:
    open_files(read_page, ptbxl_pair(shared_data))
    read_page.set_viewport_size({"width": 820, "height": 1180})
    read_page.wait_for_function(f"document.querySelector('{FIGURE}').getBoundingClientRect().width < 810")
    trace, reading = (read_page.locator(name).bounding_box() for name in ("#trace-box", "#reading"))
    assert trace is not None
    assert reading is not None
    assert reading["y"] > trace["y"] + trace["height"], "the reading goes below the trace"


def test_a_dark_page_is_drawn_dark_and_stays_dark(read_page: Page, shared_data: Path) -> None:
    background = "getComputedStyle(document.querySelector('.gradio-container')).backgroundColor"
    light = read_page.evaluate(background)
    open_files(read_page, ptbxl_pair(shared_data))
    corner = "[...document.querySelector('#trace').getContext('2d').getImageData(3, 2, 1, 1).data].slice(0, 3)"
    assert min(read_page.evaluate(corner)) > 200
    read_page.get_by_role("button", name="Light / dark").click()
    read_page.wait_for_function(f"Math.max(...{corner}) < 110")
    assert read_page.evaluate(background) != light
    expect(read_page.locator("#kept [aria-current]")).to_have_count(1)  # nothing is under way any more
    read_page.goto(read_page.url.split("?")[0])
    read_page.locator("#reader-note p").wait_for()
    read_page.wait_for_function("document.body.classList.contains('dark')")
    assert read_page.evaluate(background) != light


def test_examples_open_with_one_click(read_page: Page) -> None:
    first = read_page.locator("#empty button").first
    name = first.inner_text()
    first.click()
    expect(read_page.locator("#status .done")).to_contain_text(name, timeout=30_000)
    expect(read_page.locator("#case .name")).to_have_text(name)
    expect(read_page.locator("#empty")).to_be_hidden()
    read(read_page)

    read_page.locator("#example input").click()
    read_page.locator("li[role=option]").last.click()
    expect(read_page.locator("#case")).to_contain_text("DICOM", timeout=30_000)
    expect(read_page.locator("#reading")).to_contain_text("No reading yet")


def test_only_what_the_reader_can_see_is_offered(read_page: Page) -> None:
    read_page.locator("#modality input").click()
    expect(read_page.get_by_role("option")).to_contain_text(["Signal", "Image"])
    expect(read_page.locator("#reader-note")).to_contain_text("can read: the signal; the page image.")
    expect(read_page.locator("#reader-note")).to_contain_text("sent nowhere")


def test_a_long_recording_shows_its_pages_and_can_be_cancelled(
    read_page: Page, shared_data: Path, tmp_path: Path
) -> None:
    open_files(read_page, ptbxl_pair(shared_data))
    expect(read_page.locator("#v-pages")).to_be_hidden()
    expect(read_page.locator("#v-overview")).to_be_hidden()
    signal = np.tile(real_signal(shared_data), (1, 55))
    upload(read_page, write_wfdb(tmp_path, "nine_minutes", signal))
    expect(read_page.locator("#case")).to_contain_text("9 min 10 s", timeout=30_000)
    expect(read_page.locator("#status .busy")).to_contain_text("Measuring nine_minutes")
    read_page.get_by_role("button", name="Cancel").click()
    expect(read_page.locator("#status")).to_contain_text("Cancelled")
    expect(read_page.locator("#measurements")).to_contain_text("measuring was stopped")
    expect(read_page.get_by_role("button", name="Cancel")).to_be_disabled()
    expect(read_page.get_by_role("button", name="Read", exact=True)).to_be_enabled()

    expect(read_page.locator("#v-overview")).to_be_visible()
    page_start = read_page.locator("#v-start")
    page_start.fill("540")
    page_start.press("Enter")
    read_page.wait_for_function("window.ecgr1Viewer.state().sheet.footer.includes('540–550 s / 550 s')")
    assert shown(read_page)["view"]["start"] == 540


def test_uploads_are_deleted_once_read(read_page: Page, shared_data: Path, data_dir: Path) -> None:
    open_files(read_page, ptbxl_pair(shared_data, 1))
    kept = [path for path in (data_dir / "uploads").rglob("*") if path.suffix in (".hea", ".dat")]
    assert kept == []


def test_nothing_private_is_offered_by_the_server(read_page: Page, app_address: str) -> None:
    config = read_page.request.get(f"{app_address}config").json()
    assert config["analytics_enabled"] is False
    assert config["footer_links"] == []
    assert config["show_error"] is False
    api = read_page.request.get(f"{app_address}gradio_api/info").json()
    assert api["named_endpoints"] == {}
    assert read_page.request.get(f"{app_address}gradio_api/file=/etc/hostname").status in (403, 404)
    assert not read_page.request.get(f"{app_address}monitoring").ok
