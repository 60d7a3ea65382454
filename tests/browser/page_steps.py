"""What a user does on the Read page, for the tests of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

FIGURE = "#trace"


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
    expect(page.locator(FIGURE)).to_be_visible()
    page.wait_for_function("window.ecgr1Viewer.state().draws > 0")


def read(page: Page) -> None:
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator("#status .done")).to_contain_text("Reading finished", timeout=30_000)


def choose(page: Page, list_id: str, option: str) -> None:
    page.locator(f"#{list_id} input").click()
    page.locator(f"#{list_id}").get_by_role("option", name=option, exact=True).click()


def view(page: Page, **choices: str) -> None:
    """Choose from the lists above the trace: view, layout, order, speed, gain, band, notch, prior."""
    for name, value in choices.items():
        page.locator(f"#v-{name}").select_option(value)


def shown(page: Page) -> dict[str, Any]:
    """Return the viewer's state, less the samples themselves."""
    state: dict[str, Any] = page.evaluate(
        """() => JSON.parse(JSON.stringify(window.ecgr1Viewer.state(),
            (key, value) => value?.BYTES_PER_ELEMENT ? value.length : value))"""
    )
    return state


def lead_names(page: Page) -> list[str]:
    """Return the labels on the sheet, row by row."""
    return [cell["label"] for row in shown(page)["sheet"]["rows"] for cell in row["cells"]]


def footer(page: Page) -> str:
    return str(shown(page)["sheet"]["footer"])


def wait_until_whole(page: Page) -> None:
    """Wait until the last segment of a long recording has arrived."""
    page.wait_for_function("window.ecgr1Viewer.state().whole", timeout=30_000)
