"""The reasoning panel: claims and the trace light each other, evidence phrases, what can be taken along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_app import one_page
from page_kept import SUMMARY, keep_recordings, kept_claims, know, reopen
from page_recordings import ptbxl_pair
from page_steps import lead_names, open_files, read, shown, view
from playwright.sync_api import Browser, Locator, Page, expect

from ecgr1_core.verify import counts


@pytest.fixture(scope="module")
def opened(
    browser: Browser, app_address: str, browser_context_args: dict[str, object], data_dir: Path, shared_data: Path
) -> Iterator[tuple[Page, dict[str, Any]]]:
    """The Read page with a kept reading that has claims of every status, and how its trace is looked at."""
    keep_recordings(data_dir, shared_data)
    with one_page(browser, app_address, browser_context_args, know) as page:
        reopen(page, "read one")
        yield page, shown(page)["view"]


@pytest.fixture
def kept_page(opened: tuple[Page, dict[str, Any]]) -> Page:
    """That page with nothing chosen, looked at as at first."""
    page, first = opened
    page.keyboard.press("Escape")
    page.evaluate("(view) => window.ecgr1Viewer.change(view)", first)
    assert shown(page)["view"] == first
    assert shown(page)["highlighted"] is None
    return page


def lit(page: Page) -> dict[str, Any] | None:
    found: dict[str, Any] | None = shown(page)["highlighted"]
    return found


def claim(page: Page, words: str) -> Locator:
    return page.locator("#reading .claim", has_text=words).first


def test_the_panel_tells_claims_apart_by_line_sign_and_words(kept_page: Page, shared_data: Path) -> None:
    number = counts(kept_claims(shared_data))
    sentence = (
        f"{number['supported']} claims supported, {number['contradicted']} contradicted, "
        f"{number['not_measurable']} not measurable."
    )
    expect(kept_page.locator("#reading .counts")).to_have_text(sentence)
    assert number["contradicted"] >= 5
    lines = {
        status: kept_page.locator(f"#reading .u.{status}").first.evaluate(
            "element => getComputedStyle(element).textDecorationStyle"
        )
        for status in ("supported", "contradicted", "not_measurable")
    }
    assert lines == {"supported": "solid", "contradicted": "wavy", "not_measurable": "dotted"}
    rate = claim(kept_page, "Ventricular rate is 150 bpm")
    expect(rate).to_have_attribute("aria-label", "Ventricular rate is 150 bpm: contradicted: measured 75 bpm")
    expect(rate.locator("xpath=following-sibling::span[1]")).to_have_text("✕\u00a0measured 75 bpm")
    expect(kept_page.locator("#reading .summary p").first).to_contain_text(SUMMARY.split("; ")[1][:40])
    text = kept_page.locator("#reading .step[data-step='5'] p").evaluate(
        "p => [...p.childNodes].filter(n => !n.classList?.contains('sign')).map(n => n.textContent).join('')"
    )
    assert text == "QTc is 410 ms. Hypokalemia is possible."


def test_a_claim_lights_its_waves_and_escape_clears(kept_page: Page) -> None:
    page = kept_page
    wide = claim(page, "QRS is wide at 180 ms")
    wide.click()
    expect(wide).to_have_attribute("aria-expanded", "true")
    reason = page.locator(f"#{wide.get_attribute('aria-controls')}")
    expect(reason).to_contain_text("wide means from 120 ms")
    found = lit(page)
    assert found is not None
    beats = json.loads(page.locator("#trace-marks .data").text_content() or "")["beats"]
    assert found["intervals"] == [{"start_s": beat[5], "end_s": beat[6]} for beat in beats if beat[5] is not None]
    page.keyboard.press("Escape")
    assert lit(page) is None
    expect(reason).to_be_hidden()
    expect(wide).to_have_attribute("aria-expanded", "false")


def test_claims_are_reached_by_keys_alone(kept_page: Page) -> None:
    page = kept_page
    claim(page, "Ventricular rate is 150 bpm").focus()
    page.keyboard.press("Enter")
    found = lit(page)
    assert found is not None
    assert found["leads"] == ["II"]
    page.keyboard.press("j")
    focused = "document.activeElement.textContent"
    assert page.evaluate(focused) == "rhythm is regular"
    page.keyboard.press("x")
    assert page.evaluate(focused) == "QRS is wide at 180 ms"
    page.keyboard.press("k")
    assert page.evaluate(focused) == "Sinus rhythm"
    page.keyboard.press("Escape")
    assert lit(page) is None


def test_a_lead_that_is_not_on_the_page_is_brought_there(kept_page: Page) -> None:
    page = kept_page
    view(page, layout="II")
    assert lead_names(page) == ["II"]
    claim(page, "R in V5 is 9.1 mV").click()
    assert "V5" in lead_names(page)
    found = lit(page)
    assert found is not None
    assert found["leads"] == ["V5"]


def test_a_lead_chosen_on_the_trace_picks_the_claims_about_it(kept_page: Page) -> None:
    page = kept_page
    page.locator("#v-stage").focus()
    for _ in range(12):
        page.keyboard.press("]")
        bar = page.locator("#reading .about")
        if "V5" in bar.inner_text():
            break
    expect(bar).to_contain_text("Showing claims about V5: 2.")
    expect(page.locator("#reading .claim:not(.off)")).to_have_count(2)
    bar.get_by_role("button", name="Show all claims").click()
    expect(bar).to_be_hidden()
    expect(page.locator("#reading .claim.off")).to_have_count(0)


def test_phrases_of_a_reference_are_marked_and_taken_away(kept_page: Page, tmp_path: Path) -> None:
    page = kept_page
    reference = tmp_path / "reference.json"
    reference.write_text(json.dumps({"evidence": {"1": ["sinus rhythm", "Wellens"], "3": ["low voltage"]}}))
    with page.expect_file_chooser() as chooser:
        page.locator("#compare").click()
    chooser.value.set_files(reference)
    expect(page.locator("#reading .eder-total")).to_contain_text("EDER 0.25 against reference.json (strict)")
    expect(page.locator("#reading mark.hit")).to_have_text("Sinus rhythm")
    expect(page.locator("#reading mark.negated")).to_have_text("low voltage")
    expect(page.locator("#reading li.missed")).to_have_text("Wellens")
    page.locator("#compare-mode input").click()
    page.get_by_role("option", name="as published").click()
    expect(page.locator("#reading .eder-total")).to_contain_text("EDER 0.75")
    page.locator("#compare-off").click()
    expect(page.locator("#reading mark")).to_have_count(0)


def test_a_reading_is_copied_and_saved(read_page: Page, shared_data: Path) -> None:
    page = read_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_files(page, ptbxl_pair(shared_data))
    expect(page.locator("#reading-tools")).to_be_hidden()
    read(page)
    page.locator("#copy").click()
    expect(page.locator("#status .done")).to_contain_text("on the clipboard")
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.includes('Not a diagnosis.'))")
    with page.expect_download() as saving:
        page.locator("#json").click()
    document = json.loads(Path(saving.value.path()).read_text())
    assert document["raw"].startswith("<think>")
    assert len(document["claims"]) > 20
    with page.expect_download() as saving:
        page.locator("#pdf").click()
    assert Path(saving.value.path()).read_bytes().startswith(b"%PDF-")
    assert saving.value.suggested_filename.startswith("ECG-R-")
    expect(page.locator("#status .done")).to_contain_text("in your downloads")
