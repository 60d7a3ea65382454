"""WCAG 2.2 AA as far as axe-core finds faults, in every state of the page, light and dark; focus order; width."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_kept import reopen
from page_steps import choose
from playwright.sync_api import Page, expect

axe_playwright = pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python: make install")
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

# Only what is told of it crosses to this process: the whole of what axe-core finds takes longer than finding it.
LOOK = """async (rules) => {
  const { violations, passes } = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  const shown = ({ nodes }) => nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" ");
  return { passes: passes.length, faults: violations.map((rule) => `${rule.impact} ${rule.id}: ${shown(rule)}`) };
}"""


def faults(page: Page, *, colours_only: bool = False) -> list[str]:
    """Return what axe-core finds, worst kinds first named, as one line for each rule.

    With `colours_only` contrast alone is looked at: of the same page in the other theme nothing else is different.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate((Path(axe_playwright.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    page.wait_for_timeout(250)  # colours fade in Gradio's buttons
    rules = ["color-contrast"] if colours_only else list(RULES)
    found = page.evaluate(LOOK, rules)
    assert found["passes"] > (0 if colours_only else 15), "axe-core has looked at the page"
    return list(found["faults"])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_fault_in_any_state(known_page: Page, dark: bool) -> None:
    page = known_page
    found: dict[str, list[str]] = {}
    if dark:
        page.get_by_role("button", name="Light / dark").click()
    found["empty"] = faults(page)
    page.locator("#recordings-switch").click()
    page.get_by_role("button", name="Remove all", exact=True).click()
    found["list of recordings"] = faults(page)
    page.keyboard.press("Escape")
    reopen(page, "read one")
    found["reading"] = faults(page)
    page.locator("#reading .claim.contradicted").nth(1).click()
    page.evaluate("document.dispatchEvent(new CustomEvent('ecgr1:lead', { detail: { lead: 'V5' } }))")
    found["claim and lead"] = faults(page)
    page.locator("#v-keys").click()
    found["keys"] = faults(page)
    page.keyboard.press("Escape")
    choose(page, "reader", "ECG-R1 (not available)")
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator("#status .error")).to_be_visible()
    found["error"] = faults(page)
    assert {state: lines for state, lines in found.items() if lines} == {}


def test_the_page_is_walked_in_the_order_in_which_it_is_read(known_page: Page) -> None:
    reopen(known_page, "read one")
    known_page.locator("#recordings-switch").focus()
    areas: list[str] = []
    for _ in range(60):
        area = known_page.evaluate(
            """() => { const e = document.activeElement;
                return ["head", "controls", "viewer", "reading"].find((id) => e.closest(`#${id}`)) ?? ""; }"""
        )
        areas += [area] if area and area not in areas[-1:] else []
        if area == "reading":
            break
        known_page.keyboard.press("Tab")
    assert areas == ["head", "controls", "viewer", "reading"]


@pytest.mark.parametrize(("width", "height"), [(820, 1180), (1440, 900), (3840, 2160)])
def test_long_texts_and_many_labels_fit(known_page: Page, width: int, height: int) -> None:
    known_page.set_viewport_size({"width": width, "height": height})
    reopen(known_page, "read one")
    assert known_page.locator("#reading ul.answer li").count() == 40
    assert known_page.evaluate("document.documentElement.scrollWidth") <= width
    inside = known_page.locator("#reading .reading").evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    assert inside, "nothing in the panel is wider than the panel"
    trace, reading = (known_page.locator(name).bounding_box() for name in ("#viewer", "#reading"))
    assert trace is not None
    assert reading is not None
    assert trace["width"] > reading["width"] or width < 900, "the trace is the largest thing on the page"
    small = known_page.locator("#reading p").first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    assert small >= (19 if width > 3400 else 13)
