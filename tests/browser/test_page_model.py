"""ECG-R1 on the Read page: what it can see, loading, streaming, cancelling; and the page without a model."""

from __future__ import annotations

import re
import time
from pathlib import Path

from page_recordings import real_signal, write_wfdb
from page_steps import choose, open_files, read
from playwright.sync_api import Page, expect


def begin(page: Page) -> None:
    """Press Read and wait until words arrive."""
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator("#status .busy")).to_contain_text("ECG-R1 is writing", timeout=60_000)


def test_it_loads_streams_and_is_cancelled_at_once(model_page: Page, shared_data: Path, tmp_path: Path) -> None:
    page = model_page
    open_files(page, write_wfdb(tmp_path, "three_seconds", real_signal(shared_data)[:, :1500]))
    choose(page, "reader", "ECG-R1")
    expect(page.locator("#reader-note")).to_contain_text("ECG-R1 tiny-endless int8")
    expect(page.locator("#reader-note")).to_contain_text("sent nowhere")
    page.locator("#modality input").click()
    expect(page.locator("[role=listbox] [role=option]")).to_have_count(4)
    page.get_by_role("option", name="Image, signal", exact=True).click()

    begin(page)
    footer, reading = page.locator("#footer"), page.locator("#reading .reading")
    expect(footer).to_contain_text(
        re.compile(r"ECG-R1 tiny-endless int8 \w{8} is reading from page image and signal"), timeout=20_000
    )
    lengths, until = {len(reading.inner_text())}, time.monotonic() + 5
    while len(lengths) < 3 and time.monotonic() < until:  # not longer: a quick machine soon reaches the limit
        page.wait_for_timeout(50)
        lengths.add(len(reading.inner_text()))
    assert len(lengths) >= 3, "the text grows while it is written"

    started = time.monotonic()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#status")).to_contain_text("Cancelled")
    assert time.monotonic() - started < 4
    expect(footer).to_contain_text("stopped early: incomplete")
    expect(page.get_by_role("button", name="Read", exact=True)).to_be_enabled()
    left = reading.inner_text()
    page.wait_for_timeout(800)
    assert reading.inner_text() == left, "nothing is added after it was cancelled"

    choose(page, "modality", "Signal")  # the model is free again at once, and loaded already
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator("#status .busy")).to_contain_text("ECG-R1 is writing", timeout=20_000)
    expect(page.locator("#status .error")).to_contain_text("reached its limit of 1500 tokens", timeout=300_000)
    expect(footer).to_contain_text(
        re.compile(r"from the signal in \d+\.\d s \(first words after \d+\.\d s, \d+\.\d tokens/s\)")
    )
    expect(footer).to_contain_text("What ECG-R1 was given: padded with zeros from 3 s to 10 s")


def test_loading_is_said_and_can_be_cancelled(model_page: Page) -> None:
    """The first reading of an app loads the model, whichever test comes first; one or the other sentence is seen."""
    page = model_page
    page.locator("#empty button").first.click()
    expect(page.locator("#status .done")).to_contain_text("is open and measured", timeout=30_000)
    choose(page, "reader", "ECG-R1")
    page.get_by_role("button", name="Read", exact=True).click()
    busy = page.locator("#status .busy", has_text=re.compile("Loading the model, about|is looking at|is writing"))
    expect(busy).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#status")).to_contain_text("Cancelled")
    choose(page, "reader", "Protocol (embedded)")
    read(page)


def test_two_visitors_take_turns(model_page: Page, model_app_address: str) -> None:
    first, second = model_page, model_page.context.new_page()
    second.goto(model_app_address)
    for page in (first, second):
        page.locator("#reader-note p").wait_for()
        page.locator("#empty button").first.click()
        expect(page.locator("#status .done")).to_contain_text("is open and measured", timeout=30_000)
        choose(page, "reader", "ECG-R1")
    begin(first)
    second.get_by_role("button", name="Read", exact=True).click()
    expect(second.locator("#status .busy")).to_contain_text("is at another reading; this one waits")
    first.get_by_role("button", name="Cancel").click()
    expect(first.locator("#status")).to_contain_text("Cancelled")
    expect(second.locator("#status .busy")).to_contain_text("ECG-R1 is writing", timeout=20_000)
    second.get_by_role("button", name="Cancel").click()
    expect(second.locator("#status")).to_contain_text("Cancelled")


def test_opening_another_recording_ends_the_reading_of_the_one_before(model_page: Page) -> None:
    page = model_page
    page.locator("#empty button").first.click()
    expect(page.locator("#status .done")).to_contain_text("is open and measured", timeout=30_000)
    choose(page, "reader", "ECG-R1")
    begin(page)
    page.locator("#example input").click()
    page.locator("[role=listbox] [role=option]").nth(1).click()
    expect(page.locator("#status .done")).to_contain_text("is open and measured", timeout=30_000)
    page.wait_for_timeout(1500)
    expect(page.locator("#reading")).to_contain_text("No reading yet")
    expect(page.locator("#status .done")).to_contain_text("is open and measured")
    expect(page.get_by_role("button", name="Read", exact=True)).to_be_enabled()


def test_without_a_model_the_page_says_what_to_do(read_page: Page) -> None:
    read_page.locator("#empty button").first.click()
    expect(read_page.locator("#status .done")).to_contain_text("is open and measured", timeout=30_000)
    read(read_page)
    reading = read_page.locator("#reading .reading").inner_text()
    read_page.locator("#reader input").click()
    option = read_page.get_by_role("option", name="ECG-R1 (not available)")
    assert float(option.evaluate("option => getComputedStyle(option).opacity")) < 1, "it is greyed"
    option.click()
    expect(read_page.locator("#reader-note .away")).to_contain_text("set ECGR1_MODEL")
    read_page.get_by_role("button", name="Read", exact=True).click()
    expect(read_page.locator("#status .error")).to_contain_text("No model is set")
    assert read_page.locator("#reading .reading").inner_text() == reading
