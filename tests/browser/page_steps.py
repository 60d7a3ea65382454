"""What a user does on the Read page, for the tests of it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

FIGURE = "#trace.js-plotly-plot"


def upload(page: Page, files: list[Path]) -> None:
    page.locator("#upload input[type=file]").set_input_files(files)


def mark_status(page: Page) -> None:
    """Mark the sentence that stands in the status line now, so that the next can be told from it."""
    page.evaluate("document.querySelector('#status .status').dataset.before = 'yes'")


def open_files(page: Page, files: list[Path]) -> None:
    mark_status(page)
    upload(page, files)
    done = page.locator("#status .done:not([data-before])")
    expect(done).to_contain_text("is open and measured", timeout=30_000)
    expect(page.locator(f"{FIGURE} .annotation").first).to_be_visible()


def read(page: Page) -> None:
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator("#status .done")).to_contain_text("Reading finished", timeout=30_000)


def choose(page: Page, list_id: str, option: str) -> None:
    page.locator(f"#{list_id} input").click()
    page.get_by_role("option", name=option, exact=True).click()
