"""ECG-R1-nano on the Read and Compare pages: the model that comes along streams a reading of a real recording."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from page_recordings import ptbxl_pair
from page_steps import choose, open_files
from playwright.sync_api import Page, expect

from ecgr1_core.readers.nano import NanoReader
from ecgr1_core.settings import Settings
from ui.strings import MODALITY_NAMES

TITLE = NanoReader.title


@pytest.fixture(autouse=True)
def _weights() -> None:
    if NanoReader(Settings()).directory is None:
        pytest.skip("the program was installed without the weights of ECG-R1-nano")


def test_it_reads_a_real_recording_and_says_what_it_is(read_page: Page, shared_data: Path) -> None:
    page = read_page
    open_files(page, ptbxl_pair(shared_data))
    expect(page.locator("#reader input")).to_have_value("Protocol (embedded)")
    choose(page, "reader", TITLE)
    note = page.locator("#reader-note")
    expect(note).to_contain_text("14 million parameters")
    expect(note).to_contain_text("protocol reader")
    for modality in NanoReader(Settings()).modalities:
        choose(page, "modality", MODALITY_NAMES[modality])
        page.get_by_role("button", name="Read", exact=True).click()
        expect(page.locator("#status .done")).to_contain_text("Reading finished", timeout=60_000)
        expect(page.locator("#reading .reading")).to_contain_text("Final Medical Reasoning")
        expect(page.locator("#footer")).to_contain_text(re.compile(r"ECG-R1-nano .* in \d+\.\d s"))
    assert page.locator("#reading .claim").count() > 3


def test_it_is_compared_with_the_protocol_reader(compare_page: Page) -> None:
    page = compare_page
    page.get_by_role("button", name="Synthetic: atrial fibrillation").click()
    expect(page.locator("#status .done")).to_contain_text("is open and measured", timeout=30_000)
    choose(page, "view-B", f"{TITLE} · Signal")
    page.locator("#compare-now").click()
    expect(page.locator("#status .done")).to_contain_text("The readings are compared", timeout=60_000)
    assert page.locator(".compared .heads h3").all_inner_texts() == [
        "A Protocol (embedded) · Signal", f"B {TITLE} · Signal",
    ]  # fmt: skip
