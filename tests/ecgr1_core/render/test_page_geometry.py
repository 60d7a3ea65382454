"""The page in millimetres: which samples stand where, how high rows grow, what the page says in words."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from ecgr1_core.errors import UnsuitableRecordingError
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.geometry import (
    LEAST_ROW_HEIGHT_MM,
    MAJOR_GRID_MM,
    TEXT_INSET_MM,
    TEXT_SIZE_MM,
    TITLE_BAND_MM,
    Sheet,
    lay_out,
)
from ecgr1_core.render.layouts import CABRERA_LIMB_LEADS, GAINS_MM_PER_MV, LAYOUTS, SPEEDS_MM_PER_S, find_layout


def page(record: EcgRecord, layout: str = "3x4+1", **options) -> Sheet:
    return lay_out(record, **({"layout": layout, "speed_mm_per_s": 25.0, "gain_mm_per_mv": 10.0} | options))


def with_signal(record: EcgRecord, lead: str, values: np.ndarray | float) -> EcgRecord:
    signal = record.signal_mv.copy()
    signal[LEADS.index(lead)] = values
    return replace(record, signal_mv=signal)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_has_every_lead_once_and_the_rhythm_strips_below(name: str) -> None:
    layout = LAYOUTS[name]
    assert sorted(lead for row in layout.rows for lead in row) == sorted(LEADS)
    assert layout.rhythm_leads == {"3x4+1": ("II",), "3x4+3": ("II", "V1", "V5")}.get(name, ())
    assert layout.seconds_per_column == {"3x4+1": 2.5, "3x4+3": 2.5, "3x4": 2.5, "6x2": 5.0, "12x1": 10.0}[name]


def test_columns_follow_each_other_in_time(noise) -> None:
    first_row = page(noise(10)).rows[0]
    assert [cell.lead for cell in first_row.cells] == ["I", "aVR", "V1", "V4"]
    assert [cell.start_s for cell in first_row.cells] == [0.0, 2.5, 5.0, 7.5]
    assert [cell.first_sample for cell in first_row.cells] == [0, 1250, 2500, 3750]
    assert [cell.signal_mv.size for cell in first_row.cells] == [1250] * 4


@pytest.mark.parametrize("name", LAYOUTS)
def test_cells_hold_the_samples_less_the_median_bit_for_bit(ptbxl, name: str) -> None:
    record = ptbxl("00009_hr")
    for row in page(record, name).rows:
        for cell in row.cells:
            whole = record.lead(cell.lead)
            expected = (whole - np.median(whole))[cell.first_sample : cell.first_sample + cell.signal_mv.size]
            assert cell.signal_mv.dtype == np.float32
            assert cell.signal_mv.tobytes() == expected.tobytes()


def test_offset_does_not_move_the_trace(noise) -> None:
    record = noise(10)
    shifted = with_signal(record, "V2", record.lead("V2") + 300)
    assert page(shifted).height_mm == page(record).height_mm


def test_long_record_shows_the_ten_seconds_asked_for(noise) -> None:
    record = noise(30)
    sheet = page(record, "12x1", start_s=12.5)
    cell = sheet.rows[3].cells[0]
    assert (cell.lead, cell.first_sample, cell.signal_mv.size) == ("aVR", 6250, 5000)
    part = record.lead("aVR")[6250:11250]
    assert np.array_equal(cell.signal_mv, part - np.median(part))
    assert sheet.x_mm(12.5) == sheet.trace_left_mm
    assert sheet.footer.endswith("12.5-22.5 s of 30 s")


def test_short_record_leaves_the_rest_empty_and_says_so(noise) -> None:
    cells = [cell for row in page(noise(6), "3x4").rows for cell in row.cells]
    assert {cell.lead: cell.signal_mv.size for cell in cells if cell.lead in ("I", "aVR", "V1", "V4")} == {
        "I": 1250,
        "aVR": 1250,
        "V1": 500,
        "V4": 0,
    }
    assert [cell.label for cell in cells if not cell.signal_mv.size] == ["V4 no signal", "V5 no signal", "V6 no signal"]


def test_missing_lead_is_named_and_flat_lead_is_a_flat_line(noise) -> None:
    record = with_signal(noise(10, missing_leads=("aVL",)), "V1", 0.25)
    cells = {cell.lead: cell for row in page(record, "12x1").rows for cell in row.cells}
    assert cells["aVL"].label == "aVL not recorded"
    assert cells["aVL"].signal_mv.size == 0
    assert cells["V1"].label == "V1"
    assert np.array_equal(cells["V1"].signal_mv, np.zeros(5000, dtype=np.float32))


def test_nan_stays_a_gap_and_infinity_becomes_one(noise) -> None:
    record = noise(10)
    signal = record.lead("V3").copy()
    signal[100:200], signal[300] = np.nan, np.inf
    drawn = page(with_signal(record, "V3", signal), "12x1").rows[LEADS.index("V3")].cells[0].signal_mv
    assert np.flatnonzero(np.isnan(drawn)).tolist() == [*range(100, 200), 300]


def test_rows_grow_with_the_signal_and_are_never_lower_than_25_mm(spikes) -> None:
    calm, tall = page(spikes(0.2, 5.0), "12x1"), page(spikes(6.0, 5.0), "12x1")
    assert np.diff([row.baseline_mm for row in calm.rows]).min() >= LEAST_ROW_HEIGHT_MM - 1  # whole millimetres
    assert np.diff([row.baseline_mm for row in tall.rows]).min() >= 60.0
    assert tall.rows[0].baseline_mm >= 60.0
    assert all(row.baseline_mm == int(row.baseline_mm) for row in calm.rows + tall.rows)


def test_footer_names_leads_that_leave_the_page(spikes, noise) -> None:
    assert "off the page" not in page(spikes(9.9, 5.0)).footer
    wild = with_signal(noise(10), "V3", np.where(np.arange(5000) == 3000, np.float32(-1e7), np.float32(0)))
    assert page(wild).footer.endswith("off the page in part: V3")
    assert page(wild).height_mm < 300


def test_scale_and_filter_stand_in_the_footer(noise) -> None:
    sheet = page(noise(10), speed_mm_per_s=50.0, gain_mm_per_mv=5.0, filter_label="0.05-150 Hz")
    assert sheet.footer == "50 mm/s    5 mm/mV    0.05-150 Hz"
    assert page(noise(10)).footer.endswith("unfiltered")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("speed", SPEEDS_MM_PER_S)
@pytest.mark.parametrize("gain", GAINS_MM_PER_MV)
def test_no_text_stands_over_another_text_or_off_the_page(noise, layout: str, speed: float, gain: float) -> None:
    record = noise(10, missing_leads=("I", "II", "aVR", "aVL", "aVF", "V1", "V2", "V5"))
    sheet = page(record, layout, speed_mm_per_s=speed, gain_mm_per_mv=gain, title="long name " * 40)
    advance_mm = 0.53 * TEXT_SIZE_MM  # mean advance of the letters, measured as 0.49 on paper and 0.52 on screen
    texts = [
        (sheet.label_x_mm(cell), row.label_mm, len(cell.label) * advance_mm) for row in sheet.rows for cell in row.cells
    ]
    texts.append((MAJOR_GRID_MM, sheet.height_mm - TEXT_INSET_MM, len(sheet.footer) * advance_mm))
    texts.append((MAJOR_GRID_MM, TITLE_BAND_MM - TEXT_INSET_MM, len(sheet.title) * advance_mm))
    assert sheet.title.endswith("...")
    for (x1, y1, width1), (x2, y2, width2) in itertools.combinations(texts, 2):
        apart = x1 + width1 < x2 or x2 + width2 < x1 or abs(y1 - y2) > TEXT_SIZE_MM
        assert apart, ((x1, y1, width1), (x2, y2, width2))
    for x, y, width in texts:
        assert x >= 0
        assert x + width <= sheet.width_mm
        assert TEXT_SIZE_MM <= y <= sheet.height_mm


@pytest.mark.parametrize("layout", LAYOUTS)
def test_lead_names_stand_clear_of_the_trace_below_them(ptbxl, layout: str) -> None:
    sheet = page(ptbxl("00009_hr"), layout)
    for row in sheet.rows:
        for cell in row.cells:
            under_name = cell.signal_mv[: round(9.0 / 25.0 * 500)]
            assert row.label_mm < row.baseline_mm - under_name.max() * 10.0


def test_page_beyond_the_end_is_refused(noise) -> None:
    with pytest.raises(
        UnsuitableRecordingError, match=r"noise: a page cannot begin at 10 s, the recording is 10 s long"
    ):
        page(noise(10), start_s=10.0)
    with pytest.raises(UnsuitableRecordingError):
        page(noise(10), start_s=-1.0)
    with pytest.raises(UnsuitableRecordingError):
        page(noise(10), start_s=float("nan"))


@pytest.mark.parametrize(
    "wrong", [{"layout": "4x3"}, {"order": "alphabet"}, {"speed_mm_per_s": 30.0}, {"gain_mm_per_mv": 0.0}]
)
def test_unknown_layout_speed_or_gain_is_a_value_error(noise, wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        page(noise(10), **wrong)


def test_the_cabrera_order_follows_the_frontal_plane_with_avr_upside_down(noise) -> None:
    record = noise(10)
    sheet = page(record, "12x1", order="cabrera")
    cells = [row.cells[0] for row in sheet.rows]
    assert [cell.lead for cell in cells] == [*CABRERA_LIMB_LEADS, *LEADS[6:]]
    assert [cell.label for cell in cells[:6]] == ["aVL", "I", "−aVR", "II", "aVF", "III"]
    upright = page(record, "12x1").rows[3].cells[0]
    assert upright.label == "aVR"
    assert np.array_equal(cells[2].signal_mv, -upright.signal_mv)
    columns = [[cell.label for cell in row.cells] for row in page(record, "3x4+1", order="cabrera").rows]
    assert columns == [["aVL", "II", "V1", "V4"], ["I", "aVF", "V2", "V5"], ["−aVR", "III", "V3", "V6"], ["II"]]


def test_a_lead_that_is_not_there_keeps_its_sign_in_the_label(noise) -> None:
    sheet = page(noise(10, missing_leads=("aVR",)), "6x2", order="cabrera")
    assert sheet.rows[2].cells[0].label == "−aVR not recorded"


def test_the_name_of_a_lead_is_the_layout_of_that_lead_alone(noise) -> None:
    sheet = page(noise(10), "V3")
    assert [[cell.lead for cell in row.cells] for row in sheet.rows] == [["V3"]]
    assert sheet.rows[0].cells[0].signal_mv.size == 5000
    assert find_layout("aVR", "cabrera").inverted_leads == ()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_bands_of_the_rows_follow_each_other_and_hold_their_baselines(noise, layout: str) -> None:
    rows = page(noise(10), layout).rows
    assert rows[0].top_mm == 0.0
    for row, below in itertools.pairwise(rows):
        assert row.bottom_mm == below.top_mm
    assert all(row.top_mm < row.label_mm < row.baseline_mm < row.bottom_mm for row in rows)
