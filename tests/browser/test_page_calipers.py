"""Calipers on an ECG whose every interval is known, set with the mouse on what is seen, and with the keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from page_app import one_page
from page_recordings import write_wfdb
from page_steps import open_files, shown, view
from playwright.sync_api import Browser, Page, expect

from ecgr1_core.record import EcgRecord
from training.synthesis import Truth, calibration_ecg

R_MV = 1.2
RR_MS = 840.0

DARKEST = """([x, y, width, height]) => {
    const {data} = document.querySelector('#trace').getContext('2d').getImageData(x, y, width, height);
    let best = null;
    for (let row = 0; row < height; row += 1) for (let column = 0; column < width; column += 1) {
        const at = 4 * (row * width + column);
        if (data[at] < 70 && data[at + 1] < 70 && data[at + 2] < 70 && best === null) best = row;
        if (best === row && data[at] < 70) return [x + column, y + row];
    }
    return null;
}"""


@pytest.fixture(scope="module")
def known() -> tuple[EcgRecord, Truth]:
    return calibration_ecg(r_mv=R_MV, rr_ms=RR_MS)


@pytest.fixture(scope="module")
def opened(
    browser: Browser,
    app_address: str,
    browser_context_args: dict[str, object],
    known: tuple[EcgRecord, Truth],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Page, dict[str, Any]]]:
    """The Read page with that ECG, and how it is looked at, for all the tests below."""
    with one_page(browser, app_address, browser_context_args) as page:
        open_files(page, write_wfdb(tmp_path_factory.mktemp("known"), "known", known[0].signal_mv))
        view(page, layout="II", band="off")
        yield page, shown(page)["view"]


@pytest.fixture
def read_page(opened: tuple[Page, dict[str, Any]]) -> Page:
    """That page without a caliper, looked at as at first."""
    page, first = opened
    page.keyboard.press("Escape")
    page.evaluate("(view) => window.ecgr1Viewer.change(view)", first)
    page.locator("#v-scroll").evaluate("box => box.scrollTo(0, 0)")
    assert shown(page)["calipers"] == []
    assert shown(page)["view"] == first
    return page


def place(page: Page, time_s: float, mv: float) -> tuple[float, float]:
    """Return where a time and a voltage of the single lead stand on the screen now."""
    state = shown(page)
    box = page.locator("#trace").bounding_box()
    assert box is not None
    row = state["sheet"]["rows"][0]
    cell, px_per_mm, scroll = row["cells"][0], state["px_per_mm"], state["scroll"]
    x = (cell["x"] + time_s * cell["speed"]) * px_per_mm - scroll[0]
    return box["x"] + x, box["y"] + (row["baseline"] - mv * state["sheet"]["gain"]) * px_per_mm - scroll[1]


def peak_seen(page: Page, time_s: float, mv: float) -> tuple[float, float]:
    """Return the topmost pixel of the trace near a place, as an eye would find it."""
    box = page.locator("#trace").bounding_box()
    assert box is not None
    x, y = place(page, time_s, mv)
    found = page.evaluate(DARKEST, [round(x - box["x"]) - 12, max(0, round(y - box["y"]) - 12), 25, 60])
    assert found is not None, "no trace is drawn where it should be"
    return box["x"] + found[0] + 0.5, box["y"] + found[1] + 1.5


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def test_an_interval_and_an_amplitude_are_measured_with_the_mouse(
    read_page: Page, known: tuple[EcgRecord, Truth]
) -> None:
    _, truth = known
    first, second = truth.beats[3].r_s, truth.beats[4].r_s
    assert (second - first) * 1000 == pytest.approx(RR_MS)
    x, y = place(read_page, (first + second) / 2, 0.5)
    read_page.mouse.move(x, y)
    read_page.keyboard.down("Control")
    for _ in range(4):
        read_page.mouse.wheel(0, -120)
    read_page.keyboard.up("Control")
    assert shown(read_page)["px_per_mm"] > 12
    read_page.locator("#v-caliper").click()

    drag(read_page, peak_seen(read_page, first, R_MV), peak_seen(read_page, second, R_MV))
    read = shown(read_page)["calipers"][0]["read"]
    assert read["ms"] == pytest.approx(RR_MS, abs=4)
    assert read["bpm"] == pytest.approx(60_000 / RR_MS, abs=0.5)
    assert read["mv"] == pytest.approx(0.0, abs=0.02)
    assert read["across_mm"] == pytest.approx(RR_MS / 40, abs=0.1)

    top = peak_seen(read_page, first, R_MV)
    base = place(read_page, first + 0.6, 0.0)[1]
    drag(read_page, (top[0], base), top)
    read = shown(read_page)["calipers"][1]["read"]
    assert read["mv"] == pytest.approx(R_MV, abs=0.02)
    assert read["up_mm"] == pytest.approx(10 * R_MV, abs=0.2)
    expect(read_page.locator("#v-list li")).to_have_count(2)
    expect(read_page.locator("#v-list li").nth(0)).to_contain_text("II   840 ms" if round(read["ms"]) == 840 else "II")


def test_two_clicks_measure_too_and_an_end_can_be_moved(read_page: Page, known: tuple[EcgRecord, Truth]) -> None:
    view(read_page, speed="50")
    read_page.locator("#v-caliper").click()
    read_page.mouse.click(*place(read_page, 1.0, 0.5))
    read_page.mouse.move(*place(read_page, 1.4, 0.8))
    read_page.mouse.click(*place(read_page, 1.5, 0.9))
    caliper = shown(read_page)["calipers"][0]
    assert caliper["read"]["ms"] == pytest.approx(500, abs=6)
    assert caliper["read"]["mv"] == pytest.approx(0.4, abs=0.03)
    read_page.mouse.move(*place(read_page, 2.0, 0.2))
    assert shown(read_page)["calipers"][0]["read"]["ms"] == pytest.approx(500, abs=6), "it stays where it was put"
    drag(read_page, place(read_page, 1.5, 0.9), place(read_page, 1.8, 0.5))
    assert len(shown(read_page)["calipers"]) == 1
    assert shown(read_page)["calipers"][0]["read"]["ms"] == pytest.approx(800, abs=6)
    for choice in ({"speed": "25"}, {"gain": "20"}, {"band": "monitor"}):
        view(read_page, **choice)
        assert shown(read_page)["calipers"][0]["read"]["ms"] == pytest.approx(800, abs=6)
    assert shown(read_page)["calipers"][0]["read"]["across_mm"] == pytest.approx(20, abs=0.2)
    read_page.keyboard.press("Escape")
    assert shown(read_page)["calipers"] == []
    expect(read_page.locator("#v-list")).to_be_hidden()


def test_snapping_puts_the_ends_on_measured_limits_at_ordinary_size(
    read_page: Page, known: tuple[EcgRecord, Truth]
) -> None:
    _, truth = known
    first, second = truth.beats[3].r_s, truth.beats[4].r_s
    for name in ("caliper", "snap"):
        read_page.locator(f"#v-{name}").click()
    drag(read_page, place(read_page, first + 0.01, 0.6), place(read_page, second - 0.01, 0.4))
    read = shown(read_page)["calipers"][0]["read"]
    assert read["ms"] == pytest.approx(RR_MS, abs=4)
    assert read["mv"] == pytest.approx(0.0, abs=0.02)


def test_marching_repeats_the_interval_along_the_strip(read_page: Page, known: tuple[EcgRecord, Truth]) -> None:
    over = """([x, y]) => document.querySelectorAll('#v-stage canvas')[1].getContext('2d')
        .getImageData(x, y, 13, 12).data.some(Boolean)"""
    read_page.locator("#v-march").click()
    expect(read_page.locator("#v-caliper")).to_have_attribute("aria-pressed", "true")
    drag(read_page, place(read_page, 2.0, 0.5), place(read_page, 3.0, 0.5))
    box = read_page.locator("#trace").bounding_box()
    assert box is not None

    def marked(time_s: float) -> bool:
        x, y = place(read_page, time_s, -0.3)
        return bool(read_page.evaluate(over, [round(x - box["x"]) - 6, round(y - box["y"])]))

    assert all(marked(time_s) for time_s in (0.0, 1.0, 2.0, 3.0, 4.0, 9.0))
    assert not any(marked(time_s) for time_s in (0.5, 4.5, 8.5))
    read_page.locator("#v-march").click()
    assert not marked(5.0)


def test_qtc_from_a_caliper_names_formula_and_rr(read_page: Page, known: tuple[EcgRecord, Truth]) -> None:
    view(read_page, speed="50")
    read_page.locator("#v-caliper").click()
    drag(read_page, place(read_page, 1.0, 0.4), place(read_page, 1.4, 0.4))
    drag(read_page, place(read_page, 2.0, 0.6), place(read_page, 3.0, 0.6))
    expect(read_page.locator("#v-qtc")).to_be_hidden()
    read_page.get_by_label("Caliper 1 is").select_option("qt")
    sentence = read_page.locator("#v-qtc")
    qt_ms = shown(read_page)["calipers"][0]["read"]["ms"]

    def figures() -> list[int]:
        return [int(number) for number in re.findall(r"(\d+) ms", sentence.inner_text())]

    expect(sentence).to_contain_text("Bazett, QT/√RR")
    expect(sentence).to_contain_text("(measured)")
    expected = [qt_ms / np.sqrt(RR_MS / 1000), qt_ms / np.cbrt(RR_MS / 1000), qt_ms, RR_MS]
    np.testing.assert_allclose(figures(), expected, atol=2)
    read_page.get_by_label("Caliper 2 is").select_option("rr")
    expect(sentence).to_contain_text("(caliper)")
    rr_ms = shown(read_page)["calipers"][1]["read"]["ms"]
    assert rr_ms == pytest.approx(1000, abs=6)
    np.testing.assert_allclose(
        figures(), [qt_ms / np.sqrt(rr_ms / 1000), qt_ms / np.cbrt(rr_ms / 1000), qt_ms, rr_ms], atol=1
    )


def test_calipers_are_set_and_moved_by_keys_alone(read_page: Page, known: tuple[EcgRecord, Truth]) -> None:
    read_page.locator("#v-stage").focus()
    for key in ("c", "Enter"):
        read_page.keyboard.press(key)
    assert shown(read_page)["calipers"][0]["read"]["ms"] == pytest.approx(200)
    for key, times in (("Shift+ArrowRight", 3), ("ArrowRight", 5), ("ArrowUp", 7)):
        for _ in range(times):
            read_page.keyboard.press(key)
    before = shown(read_page)["calipers"][0]["read"]
    assert before["ms"] == pytest.approx(200 + 70)
    read_page.keyboard.press(" ")
    for _ in range(5):
        read_page.keyboard.press("ArrowRight")
    assert shown(read_page)["calipers"][0]["read"]["ms"] == pytest.approx(260)
    read_page.keyboard.press("Delete")
    assert shown(read_page)["calipers"] == []


def test_no_voltage_is_told_between_two_leads(read_page: Page, known: tuple[EcgRecord, Truth]) -> None:
    view(read_page, layout="3x4+1")
    read_page.locator("#v-caliper").click()
    drag(read_page, place(read_page, 2.0, 0.2), place(read_page, 3.0, 0.4))
    read = shown(read_page)["calipers"][0]["read"]
    assert read["ms"] == pytest.approx(1000, abs=12)
    assert read["mv"] is None
    expect(read_page.locator("#v-list li")).not_to_contain_text("mV")


def test_calipers_on_the_median_beat_count_from_r(read_page: Page, known: tuple[EcgRecord, Truth]) -> None:
    view(read_page, view="medians")
    state = shown(read_page)
    row = state["sheet"]["rows"][1]
    cell = next(cell for cell in row["cells"] if cell["lead"] == "II")
    box = read_page.locator("#trace").bounding_box()
    assert box is not None

    def at(time_s: float, mv: float) -> tuple[float, float]:
        x = (cell["x"] + (time_s - cell["start"]) * cell["speed"]) * state["px_per_mm"]
        return box["x"] + x, box["y"] + (row["baseline"] - mv * state["sheet"]["gain"]) * state["px_per_mm"]

    for name in ("caliper", "snap"):
        read_page.locator(f"#v-{name}").click()
    limits = read_page.evaluate("JSON.parse(document.querySelector('#trace-marks .data').textContent).median.limits_s")
    drag(read_page, at(limits["qrs_onset"] + 0.004, 0.1), at(limits["t_offset"] - 0.01, 0.1))
    qt_ms = (limits["t_offset"] - limits["qrs_onset"]) * 1000
    assert shown(read_page)["calipers"][0]["read"]["ms"] == pytest.approx(qt_ms, abs=0.5)
