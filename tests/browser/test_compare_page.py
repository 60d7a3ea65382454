"""The Compare page: columns that stream at once, one of them stopped, the comparison, and what is taken along."""

from __future__ import annotations

import json
from pathlib import Path

import pypdfium2
from page_steps import choose
from playwright.sync_api import Page, expect
from test_page_accessibility import faults


def _column(page: Page, number: int) -> str:
    return page.locator(".side > .column").nth(number).inner_text()


def _ask_for_three(page: Page) -> None:
    page.get_by_role("button", name="Synthetic: atrial fibrillation").click()
    expect(page.locator("#status .done")).to_contain_text("is open and measured", timeout=30_000)
    page.locator("#more").click()
    choose(page, "view-B", "ECG-R1 · Signal")
    choose(page, "view-C", "ECG-R1 · Image")
    page.locator("#compare-now").click()
    expect(page.locator(".side > .column")).to_have_count(3, timeout=30_000)
    page.wait_for_function(
        "[1, 2].every((at) => document.querySelectorAll('.side > .column')[at]?.innerText.length > 200)", timeout=60_000
    )


def test_two_columns_stream_one_is_stopped_and_all_are_compared(compare_page: Page) -> None:
    page = compare_page
    _ask_for_three(page)
    before = [len(_column(page, number)) for number in (1, 2)]
    page.wait_for_timeout(1500)
    both = [len(_column(page, number)) for number in (1, 2)]
    assert all(now > then for now, then in zip(both, before, strict=True)), "both grow at the same time"

    page.locator("#stop-C").click()
    expect(page.locator(".side .state").nth(2)).to_have_text("stopped", timeout=10_000)
    stopped, running = _column(page, 2), len(_column(page, 1))
    page.wait_for_timeout(1200)
    assert _column(page, 2) == stopped
    assert len(_column(page, 1)) > running, "the other one goes on"

    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#status .done")).to_contain_text("The readings are compared", timeout=30_000)
    assert page.locator(".compared .heads h3").all_inner_texts() == [
        "A Protocol (embedded) · Signal", "B ECG-R1 · Signal", "C ECG-R1 · Image",
    ]  # fmt: skip
    assert page.locator(".compared .parts > section").count() == 8
    expect(page.locator(".compared .labels")).to_contain_text("atrial fibrillation")
    assert faults(page) == []

    page.locator("#reading .claim.supported").first.click()
    assert page.evaluate("window.ecgr1Reading.lit()").startswith("claim-A-")
    page.get_by_role("button", name="In the order of the steps").click()
    titles = [text.split("\n")[0] for text in page.locator(".compared .part > h3").all_inner_texts()]
    assert [title[:1] for title in titles] == ["1", "2", "3", "4", "5", "6", "S", "A"]
    page.locator("#fold").click()
    expect(page.locator("#viewer")).to_be_hidden()


def test_the_comparison_is_taken_along_and_kept(compare_page: Page) -> None:
    page = compare_page
    _ask_for_three(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#status .done")).to_contain_text("The readings are compared", timeout=30_000)
    with page.expect_download() as saving:
        page.locator("#json").click()
    told = json.loads(Path(saving.value.path()).read_text())
    assert [one["reader"] for one in told["readings"]] == ["protocol", "ecg-r1", "ecg-r1"]
    assert [(one["reference"], one["compared"]) for one in told["pairs"]] == [("A", "B"), ("A", "C")]
    assert told["pairs"][0]["consistency"]["labels"]["only_reference"] == ["atrial fibrillation"]
    with page.expect_download() as saving:
        page.locator("#pdf").click()
    with pypdfium2.PdfDocument(Path(saving.value.path()).read_bytes()) as pdf:
        words = " ".join(page.get_textpage().get_text_range() for page in pdf)
    assert "Readings compared" in words
    assert "atrial fibrillation" not in saving.value.suggested_filename
    assert "Synthetic" not in words, "the recording is named by a pseudonym"
    assert "Research use. Not a diagnosis." in words

    page.get_by_role("link", name="Read", exact=True).click()
    page.locator("#recordings-switch").click()
    expect(page.locator("#recordings button.open").first).to_contain_text("atrial fibrillation")
    page.locator("#recordings button.open").first.click()
    expect(page.locator("#footer")).to_contain_text("ECG-R1", timeout=30_000)
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(page.locator("#case .name")).to_contain_text("Synthetic: atrial fibrillation", timeout=30_000)
