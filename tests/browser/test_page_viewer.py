"""The viewer of the trace in a real browser: scale, samples, filters, layouts, keys, median beats, linking."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from page_app import one_page
from page_recordings import ptbxl_pair, real_signal, write_wfdb
from page_steps import footer, lead_names, open_files, shown, view
from playwright.sync_api import Browser, Page, expect

from ecgr1_core.formats import read as read_record
from ecgr1_core.record import LEADS
from ecgr1_core.render.filters import band_filter, filtered, notch_filter
from ecgr1_core.render.geometry import lay_out
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, SPEEDS_MM_PER_S

# Columns (or rows) of a strip of the canvas whose colour is the trace's: where it was really drawn.
DARK = """([x, y, width, height]) => {
    const {data} = document.querySelector('#trace').getContext('2d').getImageData(x, y, width, height);
    const rows = [], columns = [];
    for (let row = 0; row < height; row += 1) for (let column = 0; column < width; column += 1) {
        const at = 4 * (row * width + column);
        if (data[at] < 110 && data[at + 1] < 110 && data[at + 2] < 110) {
            rows.push(row + y);
            columns.push(column + x);
        }
    }
    return {rows, columns};
}"""
LINES = """([horizontal, at, colour]) => {
    const canvas = document.querySelector('#trace');
    const length = horizontal ? canvas.width : canvas.height;
    const {data} = horizontal ? canvas.getContext('2d').getImageData(0, at, length, 1)
        : canvas.getContext('2d').getImageData(at, 0, 1, length);
    const found = [];
    for (let i = 0; i < length; i += 1) if (data.slice(4 * i, 4 * i + 3).join() === colour) found.push(i);
    return found;
}"""
MAJOR = "235,169,171"


def signal_of(page: Page, lead: str) -> np.ndarray:
    return np.array(page.evaluate("(lead) => [...window.ecgr1Viewer.signal(lead)]", lead), dtype=np.float64)


def flat_with_pulse(folder: Path, height_mv: float = 1.0) -> list[Path]:
    """Twelve leads at 0 with one rectangle in each: 1 s long, from 1 s on, in every ten seconds of 2.5 s columns."""
    signal = np.zeros((12, 5000))
    for start in range(0, 5000, 1250):
        signal[:, start + 500 : start + 1000] = height_mv
    return write_wfdb(folder, "rectangles", signal)


@pytest.mark.parametrize("zoom", [1.0, 3.0])
def test_a_millivolt_and_a_second_have_their_millimetres_on_the_screen(
    read_page: Page, tmp_path: Path, zoom: float
) -> None:
    open_files(read_page, flat_with_pulse(tmp_path))
    view(read_page, layout="II", band="off")
    for speed, gain in itertools.product(SPEEDS_MM_PER_S, GAINS_MM_PER_MV):
        view(read_page, speed=f"{speed:g}", gain=f"{gain:g}")
        read_page.evaluate("(zoom) => window.ecgr1Viewer.change({zoom})", zoom)
        state = shown(read_page)
        px_per_mm = state["px_per_mm"]
        row, left = state["sheet"]["rows"][0], state["sheet"]["left"]
        high = round((row["baseline"] - gain) * px_per_mm)
        low = round(row["baseline"] * px_per_mm)
        middle = round((left + 1.5 * speed) * px_per_mm)
        if middle + 20 < read_page.evaluate("document.querySelector('#trace').width"):
            top = np.mean(read_page.evaluate(DARK, [middle, max(0, high - 8), 12, 15])["rows"])
            width_px = round(1.4 * speed * px_per_mm)
            across = read_page.evaluate(
                DARK, [round((left + speed * 0.8) * px_per_mm), (high + low) // 2, width_px, 1]
            )["columns"]
            edges = np.array(across)
            rise, fall = edges[edges < middle].mean(), edges[edges > middle].mean()
            assert (fall - rise) / px_per_mm == pytest.approx(speed, abs=1.0 / px_per_mm + 0.004 * speed)
            rest = round((left + 2.2 * speed) * px_per_mm)
            base = np.mean(read_page.evaluate(DARK, [rest, low - 8, 6, 17])["rows"])
            assert (base - top) / px_per_mm == pytest.approx(gain, abs=1.0 / px_per_mm)
        for horizontal in (True, False):
            found = np.array(read_page.evaluate(LINES, [horizontal, round(2.5 * px_per_mm), MAJOR]))
            lines = found[np.insert(np.diff(found) > 1, 0, True)]
            assert len(lines) > 3
            steps = np.rint((lines - lines[0]) / (5 * px_per_mm))  # a line behind a name is not seen
            assert len(lines) > 0.7 * steps.max()
            np.testing.assert_allclose(lines - lines[0], steps * 5 * px_per_mm, atol=1.01)


@pytest.fixture(scope="module")
def laid_out(
    browser: Browser, app_address: str, browser_context_args: dict[str, object], shared_data: Path
) -> Iterator[Page]:
    """The Read page with a recording that is looked at in one layout after the other."""
    with one_page(browser, app_address, browser_context_args) as page:
        open_files(page, ptbxl_pair(shared_data))
        yield page


@pytest.mark.parametrize("order", ["standard", "cabrera"])
@pytest.mark.parametrize("layout", ["3x4+1", "3x4+3", "3x4", "6x2", "12x1", "V2"])
def test_the_screen_stands_where_the_paper_does(laid_out: Page, shared_data: Path, layout: str, order: str) -> None:
    files = ptbxl_pair(shared_data)
    view(laid_out, layout=layout, order=order, speed="50", gain="20", band="off")
    sheet = lay_out(read_record(files), layout=layout, order=order, speed_mm_per_s=50, gain_mm_per_mv=20)  # type: ignore[arg-type]
    drawn = shown(laid_out)["sheet"]
    assert (drawn["width"], drawn["height"], drawn["left"]) == (sheet.width_mm, sheet.height_mm, sheet.trace_left_mm)
    for row, paper in zip(drawn["rows"], sheet.rows, strict=True):
        assert row["baseline"] == paper.baseline_mm
        for cell, printed in zip(row["cells"], paper.cells, strict=True):
            assert cell["label"] == printed.label
            assert cell["x"] == pytest.approx(sheet.x_mm(printed.start_s))
            assert (cell["first"], cell["stop"]) == (
                printed.first_sample,
                printed.first_sample + printed.signal_mv.size,
            )
    for lead in ("I", "V6"):
        np.testing.assert_allclose(signal_of(laid_out, lead), read_record(files).lead(lead), atol=2e-6)


def test_filters_are_those_of_scipy_and_printed_on_the_trace(read_page: Page, shared_data: Path) -> None:
    files = ptbxl_pair(shared_data, 3)
    record = read_record(files)
    open_files(read_page, files)
    assert "0.05–150 Hz" in footer(read_page)
    labels = {"diagnostic": "0.05–150 Hz", "monitor": "0.5–40 Hz", "off": ""}
    for band, notch in (("diagnostic", "off"), ("monitor", "50"), ("off", "60"), ("off", "off")):
        view(read_page, band=band, notch=notch)
        chosen = [band_filter(band, 500.0), notch_filter(float(notch), 500.0) if notch != "off" else None]  # type: ignore[arg-type]
        expected = filtered(record.signal_mv, 500.0, *chosen)
        for lead in ("II", "V1"):
            np.testing.assert_allclose(signal_of(read_page, lead), expected[LEADS.index(lead)], atol=2e-6)
        words = ", ".join([labels[band]] * (band != "off") + [f"{notch} Hz notch"] * (notch != "off")) or "unfiltered"
        assert footer(read_page) == f"25 mm/s    10 mm/mV    {words}"
    expect(read_page.locator("#viewer")).to_contain_text("Measurements are made on the unfiltered recording.")


def test_a_notch_that_the_sampling_rate_does_not_allow_cannot_be_chosen(
    read_page: Page, shared_data: Path, tmp_path: Path
) -> None:
    open_files(read_page, write_wfdb(tmp_path, "hundred", real_signal(shared_data)[:, ::5], rate_hz=100))
    assert "0.05 Hz high-pass (sampled at 100 Hz)" in footer(read_page)
    expect(read_page.locator("#v-notch option[value='50']")).to_be_disabled()


def test_cabrera_turns_avr_round_and_says_so(read_page: Page, shared_data: Path) -> None:
    open_files(read_page, ptbxl_pair(shared_data))
    view(read_page, layout="12x1", order="cabrera")
    assert lead_names(read_page)[:6] == ["aVL", "I", "−aVR", "II", "aVF", "III"]
    cells = [row["cells"][0] for row in shown(read_page)["sheet"]["rows"]]
    assert [cell["sign"] for cell in cells] == [1, 1, -1, *[1] * 9]


def test_no_sample_is_lost_where_a_pixel_holds_several(read_page: Page, tmp_path: Path) -> None:
    from training.synthesis import calibration_ecg

    signal = calibration_ecg(sampling_rate_hz=1000)[0].signal_mv.copy()
    before_p = int(np.flatnonzero(signal[1, 4000:5000] == 0.0)[0]) + 4000 + 100
    signal[1, before_p] = 0.9  # one sample at 1000 Hz, of which a pixel holds eleven
    open_files(read_page, write_wfdb(tmp_path, "spike", signal, rate_hz=1000))
    view(read_page, layout="II", band="off")
    state = shown(read_page)
    row, px_per_mm = state["sheet"]["rows"][0], state["px_per_mm"]
    x = round((state["sheet"]["left"] + before_p / 1000 * 25) * px_per_mm)
    y = round((row["baseline"] - 9.0) * px_per_mm)
    assert 1000 / (25 * px_per_mm) > 8
    dark = read_page.evaluate(DARK, [x - 4, y - 3, 9, 12])
    assert dark["columns"]
    assert abs(np.mean(dark["columns"]) - x) <= 1.5


def test_missing_leads_and_gaps_are_named_and_left_open(read_page: Page, shared_data: Path, tmp_path: Path) -> None:
    leads = [lead for lead in LEADS if lead != "V4"]
    signal = real_signal(shared_data)[[LEADS.index(lead) for lead in leads]]
    open_files(read_page, write_wfdb(tmp_path, "eleven", signal, leads=tuple(leads)))
    assert "V4 not recorded" in lead_names(read_page)
    expect(read_page.locator("#v-text")).to_contain_text("not recorded: V4")
    view(read_page, view="medians")
    assert "V4 not recorded" in lead_names(read_page)


def test_keys_switch_what_the_lists_switch(read_page: Page, shared_data: Path) -> None:
    open_files(read_page, ptbxl_pair(shared_data))
    read_page.locator("#v-stage").focus()
    before = shown(read_page)["view"]
    pressed = {"l": "layout", "r": "order", "s": "speed", "g": "gain", "f": "band", "h": "notch", "o": "marks",
               "c": "caliper", "n": "snap", "b": "view"}  # fmt: skip
    for key, name in pressed.items():
        read_page.keyboard.press(key)
        state = shown(read_page)["view"]
        assert state[name] != before[name], key
        control = read_page.locator(f"#v-{name}")
        if isinstance(state[name], bool):
            expect(control).to_have_attribute("aria-pressed", str(state[name]).lower())
        else:
            assert control.input_value() == (f"{state[name]:g}" if name in ("speed", "gain") else state[name])
    px_per_mm = shown(read_page)["px_per_mm"]
    read_page.keyboard.press("+")
    assert shown(read_page)["px_per_mm"] == pytest.approx(1.25 * px_per_mm)
    read_page.keyboard.press("0")
    assert shown(read_page)["px_per_mm"] == pytest.approx(px_per_mm)
    read_page.keyboard.press("?")
    expect(read_page.locator("#v-keys-sheet")).to_be_visible()
    read_page.keyboard.press("l")
    assert shown(read_page)["view"]["layout"] == "3x4+3", "the sheet takes the keys"
    read_page.keyboard.press("Escape")
    expect(read_page.locator("#v-keys-sheet")).to_be_hidden()
    read_page.locator("#example input").focus()
    read_page.keyboard.press("l")
    assert shown(read_page)["view"]["layout"] == "3x4+3", "a field that takes text keeps its keys"


def test_single_keys_can_be_kept_to_the_trace(read_page: Page, shared_data: Path) -> None:
    open_files(read_page, ptbxl_pair(shared_data))
    read_page.evaluate("document.activeElement.blur()")
    read_page.keyboard.press("g")
    assert shown(read_page)["view"]["gain"] == 20
    read_page.locator("#v-keys").click()
    read_page.locator("#v-keys-sheet input").uncheck()
    read_page.get_by_role("button", name="Close").click()
    read_page.evaluate("document.activeElement.blur()")
    read_page.keyboard.press("g")
    assert shown(read_page)["view"]["gain"] == 20
    read_page.locator("#v-stage").focus()
    read_page.keyboard.press("g")
    assert shown(read_page)["view"]["gain"] == 5


def test_true_size_is_what_the_bank_card_says_and_is_remembered(read_page: Page, shared_data: Path) -> None:
    open_files(read_page, ptbxl_pair(shared_data))
    read_page.locator("#v-true").click()
    read_page.locator("#v-card input").fill("428")
    expect(read_page.locator("#v-card .card")).to_have_css("width", "428px")
    read_page.get_by_role("button", name="Save").click()
    assert shown(read_page)["px_per_mm"] == pytest.approx(428 / 85.6)
    view(read_page, speed="50", gain="5")
    assert shown(read_page)["px_per_mm"] == pytest.approx(5.0)
    kept = read_page.evaluate("({...localStorage})")
    assert float(kept["ecgr1-px-per-mm"]) == pytest.approx(5.0)


def test_the_pointer_reads_lead_time_and_voltage(read_page: Page, tmp_path: Path) -> None:
    open_files(read_page, flat_with_pulse(tmp_path, 0.5))
    view(read_page, band="off")
    state = shown(read_page)
    cell, row = state["sheet"]["rows"][0]["cells"][2], state["sheet"]["rows"][0]
    box = read_page.locator("#trace").bounding_box()
    assert box is not None
    assert cell["lead"] == "V1"
    px_per_mm = state["px_per_mm"]
    read_page.mouse.move(box["x"] + (cell["x"] + 1.5 * 25) * px_per_mm, box["y"] + row["baseline"] * px_per_mm)
    expect(read_page.locator("#v-hover")).to_contain_text("V1")
    words = read_page.locator("#v-hover").inner_text().split()
    assert float(words[1]) == pytest.approx(6.5, abs=0.02)
    assert words[3] == "+0.500"
    assert words[2::2] == ["s", "mV"]


def test_a_click_on_the_name_of_a_lead_is_told_to_the_page(read_page: Page, shared_data: Path) -> None:
    open_files(read_page, ptbxl_pair(shared_data))
    read_page.evaluate(
        "window.told = []; document.addEventListener('ecgr1:lead', (event) => window.told.push(event.detail.lead))"
    )
    label = next(item for item in shown(read_page)["labels"] if item["lead"] == "aVF")
    box = read_page.locator("#trace").bounding_box()
    assert box is not None
    read_page.mouse.click(box["x"] + label["x"] + 5, box["y"] + label["y"] + label["height"] / 2)
    assert read_page.evaluate("window.told") == ["aVF"]
    read_page.locator("#v-stage").focus()
    read_page.keyboard.press("]")
    assert read_page.evaluate("window.told") == ["aVF", "V3"]


def test_highlights_light_leads_and_spans_and_go_again(read_page: Page, shared_data: Path, tmp_path: Path) -> None:
    open_files(read_page, write_wfdb(tmp_path, "minute", np.tile(real_signal(shared_data), (1, 6))))
    pixel = "([x, y]) => [...document.querySelector('#trace').getContext('2d').getImageData(x, y, 1, 1).data]"

    def colour(lead: str, time_s: float) -> list[int]:
        state = shown(read_page)
        for row in state["sheet"]["rows"]:
            for cell in row["cells"]:
                if cell["lead"] == lead and cell["start"] <= time_s < cell["end"]:
                    x = (cell["x"] + (time_s - cell["start"]) * 25) * state["px_per_mm"]
                    return list(read_page.evaluate(pixel, [round(x), round((row["top"] + 1.5) * state["px_per_mm"])]))
        raise AssertionError(lead)

    view(read_page, layout="12x1")
    light = "window.ecgr1Viewer.highlight({leads: ['V2', 'V3'], intervals: [{start_s: 2, end_s: 3}]})"
    plain = colour("V2", 2.42)
    assert read_page.evaluate(light) == ["V2", "V3"]
    assert colour("V2", 2.42) != plain
    assert colour("V5", 2.42)[2] > 150
    assert colour("V2", 2.42)[2] < 220
    read_page.evaluate("window.ecgr1Viewer.highlight({leads: ['II'], intervals: [{start_s: 41, end_s: 42}]})")
    assert 31 < shown(read_page)["view"]["start"] <= 41
    read_page.evaluate("window.ecgr1Viewer.highlight({beats: [2]})")
    assert shown(read_page)["view"]["start"] < 3
    read_page.evaluate("window.ecgr1Viewer.clear()")
    assert shown(read_page)["highlighted"] is None


def test_the_window_of_a_long_recording_is_moved_by_mouse_and_keys(
    read_page: Page, shared_data: Path, tmp_path: Path
) -> None:
    open_files(read_page, write_wfdb(tmp_path, "two_minutes", np.tile(real_signal(shared_data), (1, 12))))
    strip = read_page.locator("#v-overview canvas")
    box = strip.bounding_box()
    assert box is not None
    read_page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    expect(strip).to_have_attribute("aria-valuetext", "55 to 65 s, lead II")
    strip.focus()
    read_page.keyboard.press("End")
    expect(strip).to_have_attribute("aria-valuenow", "110")
    read_page.locator("#v-back").click()
    expect(strip).to_have_attribute("aria-valuenow", "100")
    read_page.locator("#v-stage").focus()
    read_page.keyboard.press("ArrowLeft")
    read_page.wait_for_function("window.ecgr1Viewer.state().sheet.footer.includes('90–100 s / 120 s')")
    trace = read_page.locator("#trace").bounding_box()
    assert trace is not None
    px_per_mm = shown(read_page)["px_per_mm"]
    read_page.mouse.move(trace["x"] + 600, trace["y"] + 200)
    read_page.mouse.down()
    read_page.mouse.move(trace["x"] + 600 - 50 * px_per_mm, trace["y"] + 200, steps=3)
    read_page.mouse.up()
    read_page.wait_for_function("Math.abs(window.ecgr1Viewer.state().view.start - 92) < 0.1")


def test_median_beats_show_what_all_beats_share(read_page: Page, tmp_path: Path) -> None:
    from training.synthesis import NoiseSpec, calibration_ecg

    rng = np.random.default_rng(4)
    record, _ = calibration_ecg(noise=NoiseSpec(muscle_rms_mv=0.05), rng=rng)
    open_files(read_page, write_wfdb(tmp_path, "noisy", record.signal_mv))
    view(read_page, view="medians", band="off")
    state = shown(read_page)
    assert len([cell for row in state["sheet"]["rows"] for cell in row["cells"]]) == 12
    assert "50 mm/s    10 mm/mV    unfiltered    median of" in footer(read_page)
    lead_two = "window.ecgr1Viewer.state().sheet.rows.flatMap((row) => row.cells).find((cell) => cell.lead === 'II')"
    values = np.array(read_page.evaluate(f"[...{lead_two}.values]"))
    assert values.max() == pytest.approx(1.0, abs=0.08)
    single = signal_of(read_page, "II")
    quiet = slice(-25, None)  # after T
    assert values[quiet].std() < 0.6 * single[4000:4060].std() or values[quiet].std() < 0.03
    view(read_page, view="superimposed")
    assert footer(read_page).startswith("100 mm/s    20 mm/mV")
    assert len(shown(read_page)["sheet"]["rows"][0]["cells"]) == 12


def test_a_prior_recording_is_laid_under_the_current_one_at_r(
    read_page: Page, shared_data: Path, tmp_path: Path
) -> None:
    signal = real_signal(shared_data)
    open_files(read_page, write_wfdb(tmp_path, "earlier", np.roll(signal, 150, axis=1)))
    expect(read_page.locator("#v-prior")).to_be_hidden()
    read_page.locator("#v-keep").click()
    expect(read_page.locator("#v-prior-note")).to_contain_text("Kept as prior: earlier")
    open_files(read_page, write_wfdb(tmp_path, "later", signal))
    expect(read_page.locator("#v-prior")).to_be_visible()
    expect(read_page.locator("#v-prior-note")).to_contain_text("Prior (blue): earlier")
    rhythm = shown(read_page)["sheet"]["rows"][-1]["cells"][0]["prior"]
    assert rhythm["aligned"]
    assert rhythm["shift"] == pytest.approx(-0.3, abs=0.01) or abs(rhythm["shift"] + 0.3) > 0.4  # one beat apart
    height = shown(read_page)["sheet"]["height"]
    view(read_page, prior="below")
    assert shown(read_page)["sheet"]["height"] > 1.8 * height
    row = shown(read_page)["sheet"]["rows"][0]
    assert row["priorBaseline"] > row["baseline"] + 20
    view(read_page, prior="off")
    assert shown(read_page)["sheet"]["height"] == height
