"""The reader remote on the Read page: it names the host and reads nothing before the visitor has agreed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_app import served, watched
from page_steps import mark_status, read
from playwright.sync_api import Page, expect

sys.path.insert(0, str(Path(__file__).parents[1] / "ecgr1_core" / "readers"))
from remote_kit import FORM, Seen, answering, reading, usage


@pytest.fixture(scope="module")
def remote_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Seen]]:
    whole = FORM.replace(
        "Sinus rhythm.\n", "Sinus rhythm.\n\n" + "\n\n".join(f"**Step {n}: x**\nNo." for n in range(2, 7)) + "\n"
    )
    with answering(reading(whole, "stop", usage(1500, 200))) as server:
        settings = {
            "ECGR1_REMOTE_URL": server.url,
            "ECGR1_REMOTE_MODEL": "some-model",
            "ECGR1_REMOTE_NAME": "Far model",
        }
        with served(tmp_path_factory.mktemp("var"), **settings, ECGR1_REMOTE_MEASUREMENTS="true") as address:
            yield address, server


def test_nothing_is_sent_before_the_box_is_ticked(page: Page, remote_app: tuple[str, Seen]) -> None:
    address, server = remote_app
    with watched(page, address):
        expect(page.locator("#consent")).to_be_hidden()
        page.locator("#empty-buttons button").first.click()
        expect(page.locator("#status .done")).to_contain_text("is open and measured", timeout=30_000)
        page.locator("#reader input").click()
        page.locator("#reader").get_by_role("option", name="Far model", exact=True).click()
        expect(page.locator("#reader-note")).to_contain_text(
            f"Sends the page image and the measurements of this recording, with age and sex, to {server.host};"
        )
        box = page.get_by_role("checkbox", name=f"I agree that this goes to {server.host}")
        expect(box).to_be_visible()
        expect(box).not_to_be_checked()
        mark_status(page)
        page.get_by_role("button", name="Read", exact=True).click()
        expect(page.locator("#status .error")).to_contain_text("you have not agreed to that")
        assert server.requests == []
        box.check()
        mark_status(page)
        read(page)
        expect(page.locator("#reading")).to_contain_text("Sinus rhythm")
        expect(page.locator("#footer")).to_contain_text("cost unknown")
        assert len(server.requests) == 1
        mark_status(page)
        page.get_by_role("button", name="Read", exact=True).click()  # one tick is enough for a visit
        expect(page.locator("#status .done:not([data-before])")).to_contain_text("Reading finished", timeout=30_000)
        assert len(server.requests) == 2
