"""The list of recordings: kept for one browser, reopened as they were also after a restart, removed for good."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

from page_app import served
from page_kept import LONG_NAME, RIGHT_TO_LEFT_NAME, come_as, keep_recordings, reopen
from page_recordings import ptbxl_pair
from page_steps import open_files, read, shown, view
from playwright.sync_api import Browser, Page, expect

from annotations.recordings import FILE_NAME, RecordingStore


def listed(page: Page) -> list[str]:
    return page.locator("#recordings button.open .name").all_text_contents()


def wait_until_kept(page: Page, data_dir: Path, visitor: str, **wanted: Any) -> None:
    """Wait until the visitor's only recording is kept as it is looked at."""
    with closing(RecordingStore(data_dir / FILE_NAME, keep_days=30)) as store:
        (entry,) = store.entries(visitor)
        until = time.monotonic() + 30
        while not wanted.items() <= store.open(visitor, entry.key).view.items():
            assert time.monotonic() < until, f"kept so far: {store.open(visitor, entry.key).view}"
            page.wait_for_timeout(100)


def test_a_recording_reopens_as_it_was_left_after_a_restart(page: Page, tmp_path: Path, shared_data: Path) -> None:
    pair = ptbxl_pair(shared_data)
    with served(tmp_path) as address:
        page.goto(address)
        page.locator("#reader-note p").wait_for()
        open_files(page, pair)
        read(page)
        reading = page.locator("#reading .reading").inner_text()
        table = page.locator("#measurements .tables").inner_text()
        view(page, layout="6x2", gain="20")
        secret = page.evaluate("localStorage.getItem('ecgr1-visitor')")
        wait_until_kept(page, tmp_path, secret, layout="6x2", gain=20)  # it is told a moment after it was changed
    with served(tmp_path) as address:
        come_as(page, address, secret)  # the port is another one, and with it the storage of the browser
        expect(page.locator("#recordings-switch")).to_have_text("Recordings (1)")
        reopen(page, pair[0].stem)
        assert page.locator("#reading .reading").inner_text() == reading
        assert page.locator("#measurements .tables").inner_text() == table
        page.wait_for_function("window.ecgr1Viewer.state().view.layout === '6x2'")
        assert shown(page)["view"]["gain"] == 20
        expect(page.locator("#v-layout")).to_have_value("6x2")
        expect(page.locator("#footer")).to_contain_text("Read by Protocol")


def test_each_browser_sees_its_own_recordings(
    page: Page, browser: Browser, app_address: str, data_dir: Path, shared_data: Path
) -> None:
    keep_recordings(data_dir, shared_data, "a" * 32)
    come_as(page, app_address, "a" * 32)
    expect(page.locator("#recordings-switch")).to_have_text("Recordings (3)")
    page.locator("#recordings-switch").click()
    assert listed(page) == ["read one", RIGHT_TO_LEFT_NAME, LONG_NAME]
    expect(page.locator("#recordings li").first).to_contain_text("read by ECG-R1")
    box = page.locator("#recordings").bounding_box()
    assert box is not None
    assert box["width"] <= 400, "a long name does not widen the list"
    other = browser.new_context().new_page()
    other.goto(app_address)
    other.locator("#reader-note p").wait_for()
    expect(other.locator("#recordings-switch")).to_have_text("Recordings")
    other.locator("#recordings-switch").click()
    expect(other.locator("#kept")).to_contain_text("None yet")
    other.context.close()


def test_removing_asks_again_and_then_removes(page: Page, app_address: str, data_dir: Path, shared_data: Path) -> None:
    keep_recordings(data_dir, shared_data, "c" * 32)
    come_as(page, app_address, "c" * 32)
    switch = page.locator("#recordings-switch")
    switch.click()
    expect(switch).to_have_attribute("aria-expanded", "true")
    page.get_by_role("button", name="Remove read one").click()
    page.get_by_role("button", name="Keep").click()
    assert len(listed(page)) == 3
    page.get_by_role("button", name="Remove read one").click()
    page.get_by_role("button", name="Remove for good").click()
    expect(page.locator("#recordings li")).to_have_count(2)
    expect(page.locator("#status")).to_contain_text("Removed from this machine")
    page.get_by_role("button", name="Remove all", exact=True).click()
    page.get_by_role("button", name="Remove all 2 for good").click()
    expect(page.locator("#kept")).to_contain_text("None yet")
    page.keyboard.press("Escape")
    expect(page.locator("#recordings")).to_be_hidden()
    expect(switch).to_be_focused()


def test_nothing_is_kept_where_that_is_turned_off(page: Page, tmp_path: Path, shared_data: Path) -> None:
    with served(tmp_path, ECGR1_KEEP_RECORDINGS="false") as address:
        page.goto(address)
        page.locator("#reader-note p").wait_for()
        open_files(page, ptbxl_pair(shared_data))
        page.locator("#recordings-switch").click()
        expect(page.locator("#kept")).to_contain_text("Recordings are not kept")
    assert list(tmp_path.rglob("*.sqlite*")) == []
