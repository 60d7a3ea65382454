"""A recording of many pages in a real browser: its first page comes first, the rest after; every page is right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from page_recordings import ptbxl_pair, real_signal, write_wfdb
from page_steps import footer, lead_names, open_files, shown, view, wait_until_whole
from playwright.sync_api import Page, Route, expect

from ecgr1_core.formats import read as read_record
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.filters import band_filter, filtered, notch_filter

MICROVOLT = 0.001
VALUES = """(lead) => {
    const cells = window.ecgr1Viewer.state().sheet.rows.flatMap((row) => row.cells);
    const {values, first, stop} = cells.find((cell) => cell.lead === lead);
    return values && {first, values: [...values.subarray(first, stop)]};
}"""


class Rest:
    """Holds back what the page asks for after the first segment, until it is let go."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.held: list[Route] = []
        self.gone = False
        page.route("**/queue/join*", self._hold)

    def _hold(self, route: Route) -> None:
        if not self.gone and '\\"numbers\\"' in (route.request.post_data or ""):
            self.held.append(route)
        else:
            route.continue_()

    def let_go(self) -> None:
        self.gone = True
        for route in self.held:
            route.continue_()


@pytest.fixture
def rest(read_page: Page) -> Iterator[Rest]:
    rest = Rest(read_page)
    yield rest
    rest.page.unroute_all(behavior="ignoreErrors")


def three_minutes(shared_data: Path, folder: Path) -> tuple[list[Path], EcgRecord]:
    """A real recording again and again on a baseline that wanders by 2 mV, so that the filters have work to do."""
    signal = np.tile(real_signal(shared_data), (1, 18))
    times_s = np.arange(signal.shape[1]) / 500
    signal += np.sin(2 * np.pi * times_s / 47)[None] * np.linspace(0.5, 2.0, 12)[:, None] + times_s / 100
    files = write_wfdb(folder, "three_minutes", signal)
    return files, read_record(files)


def right_page(page: Page, record: EcgRecord, start_s: float, band: str, notch: str = "off") -> None:
    """Assert that what stands on the sheet is what the filter of the whole recording gives there, to 1 µV."""
    rate = record.sampling_rate_hz
    chosen = [band_filter(band, rate), notch_filter(float(notch), rate) if notch != "off" else None]  # type: ignore[arg-type]
    expected = filtered(record.signal_mv, rate, *chosen)
    for lead in ("I", "V6", "II"):
        found = page.evaluate(VALUES, lead)
        assert found is not None, lead
        first, values = found["first"], np.array(found["values"])
        assert start_s * rate <= first < (start_s + 10) * rate
        row = expected[LEADS.index(lead)][first : first + values.size]
        np.testing.assert_allclose(values, row, rtol=0, atol=MICROVOLT, err_msg=f"{lead} at {start_s} s, {band}")


def test_a_long_recording_is_right_before_and_after_all_of_it_has_come(
    read_page: Page, shared_data: Path, tmp_path: Path, rest: Rest
) -> None:
    files, record = three_minutes(shared_data, tmp_path)
    open_files(read_page, files)
    state = shown(read_page)
    assert state["arrived"] == [True, *[False] * 8]
    assert "0.05–150 Hz    0–10 s / 180 s    loading" in footer(read_page), "the slow filter needs more than has come"
    view(read_page, band="off")
    assert "loading" not in footer(read_page)
    right_page(read_page, record, 0, "off")
    view(read_page, band="monitor")
    assert "loading" not in footer(read_page)
    right_page(read_page, record, 0, "monitor")

    strip = read_page.locator("#v-overview canvas")
    strip.focus()
    read_page.keyboard.press("End")
    expect(strip).to_have_attribute("aria-valuenow", "170")
    assert read_page.evaluate(VALUES, "II") is None
    assert "170–180 s / 180 s    loading" in footer(read_page)
    assert lead_names(read_page)[0] == "I loading", "what has not come is not called a lead without signal"
    view(read_page, view="medians")
    assert shown(read_page)["sheet"]["kind"] == "page"

    rest.let_go()
    wait_until_whole(read_page)
    read_page.wait_for_function("window.ecgr1Viewer.state().sheet.kind === 'median'")
    view(read_page, view="page")
    for band, notch in (("monitor", "off"), ("diagnostic", "off"), ("diagnostic", "50"), ("off", "60"), ("off", "off")):
        view(read_page, band=band, notch=notch)
        right_page(read_page, record, 170, band, notch)
    view(read_page, band="diagnostic", notch="off")
    for start_s in (80, 83, 90, 0, 120):
        read_page.evaluate("(start) => window.ecgr1Viewer.change({start})", start_s)
        right_page(read_page, record, start_s, "diagnostic")
        assert "loading" not in footer(read_page)
    for lead in ("I", "V6"):
        whole = np.array(read_page.evaluate("(lead) => [...window.ecgr1Viewer.signal(lead)]", lead))
        expected = filtered(record.signal_mv, 500.0, band_filter("diagnostic", 500.0))[LEADS.index(lead)]
        np.testing.assert_allclose(whole, expected, rtol=0, atol=2e-6)


def test_the_page_that_is_looked_at_comes_first(read_page: Page, shared_data: Path, tmp_path: Path, rest: Rest) -> None:
    files, record = three_minutes(shared_data, tmp_path)
    open_files(read_page, files)
    read_page.evaluate("window.ecgr1Viewer.change({start: 150})")
    wanted = read_page.evaluate("JSON.parse(window.ecgr1Viewer.wanted()).numbers")
    assert wanted[:2] == [7, 8] or wanted[:2] == [7, 6]
    rest.let_go()
    wait_until_whole(read_page)
    right_page(read_page, record, 150, "diagnostic")


def test_what_was_held_back_for_another_recording_is_not_taken(
    read_page: Page, shared_data: Path, tmp_path: Path, rest: Rest
) -> None:
    files, _ = three_minutes(shared_data, tmp_path)
    open_files(read_page, files)
    open_files(read_page, ptbxl_pair(shared_data))
    rest.let_go()
    read_page.wait_for_timeout(500)
    record = read_record(ptbxl_pair(shared_data))
    assert shown(read_page)["arrived"] == [True]
    view(read_page, band="off")
    right_page(read_page, record, 0, "off")


def test_a_session_without_an_open_recording_is_given_no_samples(read_page: Page) -> None:
    told = read_page.evaluate(
        """async () => {
            window.ecgr1Viewer.wanted = () => JSON.stringify({id: '', numbers: [0, 1]});
            document.querySelector('#trace-more').click();
            for (let i = 0; i < 100; i += 1) {
                const data = document.querySelector('#trace-segments .data')?.textContent;
                if (data) return JSON.parse(data);
                await new Promise((done) => setTimeout(done, 50));
            }
            return null;
        }"""
    )
    assert told == {"id": "", "segments": []}
