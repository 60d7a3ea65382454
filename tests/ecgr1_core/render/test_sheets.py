"""Sheets in many looks: their ink lies where their truth says, and nothing else of the recording is on them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from page_kit import grid_pitch, heart, ink_found
from PIL import Image

from ecgr1_core.errors import UnsuitableRecordingError
from ecgr1_core.record import LEADS, Patient
from ecgr1_core.render.layouts import LAYOUTS
from ecgr1_core.render.page_style import GRIDS, PageStyle, random_style, style_from_json, style_to_json
from ecgr1_core.render.page_truth import PageTruth
from ecgr1_core.render.paper import MONOCHROME, render_page
from ecgr1_core.render.sheets import DrawnPage, draw_sheet

EVEN = PageStyle(spacing="even", dpi=120)
LOOKS = {
    "fitted": PageStyle(dpi=120),
    "even": EVEN,
    "simultaneous, right pulse, to the edge": replace(
        EVEN, columns="simultaneous", pulse="right", paper="Letter", margin_mm=0.0, label_place="below"
    ),
    "blue dots at 50 mm/s": replace(
        EVEN, ink=style_from_json({"ink": "blue"}).ink, minor_lines="dots", speed_mm_per_s=50.0, pulse="none"
    ),
    "Cabrera": replace(EVEN, order="cabrera", paper="square", header=("ID: 1", "Age: 40 yrs"), header_on_grid=False),
}


def seen(page: DrawnPage, box: np.ndarray) -> np.ndarray:
    """The grey pixels inside four corners."""
    left, top = np.floor(box.min(axis=0)).astype(int)
    right, bottom = np.ceil(box.max(axis=0)).astype(int)
    return np.asarray(page.image.convert("L"))[top:bottom, left:right]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("look", LOOKS)
def test_ink_lies_within_a_pixel_of_the_truth(layout: str, look: str) -> None:
    page = draw_sheet(heart(), replace(LOOKS[look], layout=layout))
    assert ink_found(page.image, page.truth, 1.0) > 0.999
    assert ink_found(page.image, page.truth, 1.0, shift=(0.0, 5.0)) < 0.25  # elsewhere there is none
    assert [lead.row for lead in page.truth.leads] == sorted(lead.row for lead in page.truth.leads)
    assert {lead.lead for lead in page.truth.leads} == set(LEADS)


@pytest.mark.parametrize("seed", range(12))
def test_random_sheets_have_their_ink_and_their_grid_where_the_truth_says(seed: int) -> None:
    style = random_style(np.random.default_rng(seed))
    page = draw_sheet(heart(), replace(style, dpi=min(style.dpi, 150)), seed=seed)
    assert ink_found(page.image, page.truth, 1.0) > 0.998
    if style.major_line_mm > 0:
        assert grid_pitch(page.image) == pytest.approx(page.truth.grid_pitch_px(), abs=0.004)
    assert page.truth.seed == seed
    assert page.image.size == (page.truth.width_px, page.truth.height_px)


def test_truth_is_the_middle_of_the_line_to_a_tenth_of_a_pixel() -> None:
    flat = replace(heart(), signal_mv=np.repeat(np.linspace(-0.8, 0.8, 12)[:, None], 5000, axis=1).astype(np.float32))
    ramp = flat.signal_mv + np.linspace(-0.7, 0.7, 5000, dtype=np.float32)  # the median is the middle
    style = replace(EVEN, layout="12x1", major_line_mm=0.0, minor_lines="none", label_place="none", dpi=150)
    page = draw_sheet(replace(flat, signal_mv=ramp), style)
    grey = 255.0 - np.asarray(page.image.convert("L"), dtype=float)
    errors = []
    for lead in page.truth.leads:
        for x, y in lead.trace_px[200:-200:37]:
            column = grey[round(y) - 6 : round(y) + 7, int(x)]
            column = column - column.min()
            middle = (column * (np.arange(column.size) + round(y) - 6 + 0.5)).sum() / column.sum()
            errors.append(middle - np.interp(int(x) + 0.5, lead.trace_px[:, 0], lead.trace_px[:, 1]))
    assert abs(np.mean(errors)) < 0.1
    assert np.abs(errors).max() < 0.35


def test_default_style_is_the_page_of_render_page(ptbxl) -> None:
    record = ptbxl("00009_hr")
    for layout in ("3x4+1", "12x1"):
        page = draw_sheet(record, PageStyle(layout=layout, ink=MONOCHROME, dpi=100), title="case 7")
        plain = render_page(record, layout=layout, colour=False, dpi=100, title="case 7")
        assert page.image.convert("L").tobytes() == plain.tobytes()


def test_samples_on_the_page_are_those_of_the_recording() -> None:
    record = heart()
    page = draw_sheet(record, replace(EVEN, layout="3x4+1", rhythm_leads=("V1",)))
    truth = page.truth
    assert [lead.lead for lead in truth.leads[-1:]] == ["V1"]
    for lead in truth.leads:
        expected = record.lead(lead.lead) - np.median(record.lead(lead.lead))
        count = len(lead.trace_px)
        millivolts = (lead.baseline_px[0, 1] - lead.trace_px[:, 1]) / truth.px_per_mm / 10
        assert millivolts == pytest.approx(expected[lead.first_sample : lead.first_sample + count], abs=1e-4)
        seconds = (lead.trace_px[:, 0] - lead.baseline_px[0, 0]) / truth.px_per_mm / 25
        assert seconds == pytest.approx(np.arange(count) / 500.0, abs=1e-6)


def test_simultaneous_columns_begin_at_the_same_sample() -> None:
    consecutive = draw_sheet(heart(), replace(EVEN, layout="3x4")).truth.leads
    simultaneous = draw_sheet(heart(), replace(EVEN, layout="3x4", columns="simultaneous")).truth.leads
    assert [lead.first_sample for lead in consecutive[:4]] == [0, 1250, 2500, 3750]
    assert [lead.first_sample for lead in simultaneous[:4]] == [0, 0, 0, 0]
    for one, other in zip(consecutive, simultaneous, strict=True):
        assert one.trace_px[0, 0] == pytest.approx(other.trace_px[0, 0])


def test_names_pulses_and_words_are_in_their_boxes() -> None:
    style = replace(EVEN, header=("ID: 123456", "Age: 61 yrs"), scales_place="bottom right", dpi=150)
    page = draw_sheet(heart(), style)
    for box in [lead.label_px for lead in page.truth.leads] + [text.box_px for text in page.truth.texts]:
        assert box is not None
        assert seen(page, box).min() < 90
        left, top = box.min(axis=0)
        beside = np.asarray(page.image.convert("L"))[int(top) : int(box[:, 1].max()), int(left) - 6 : int(left) - 1]
        assert beside.min() > 90  # the words begin where the box does
    assert len(page.truth.pulses_px) == 4
    for box in page.truth.pulses_px:
        height_mm = np.ptp(box[:, 1]) / page.truth.px_per_mm
        assert height_mm == pytest.approx(10.0)
        assert seen(page, box)[: round(2 * page.truth.px_per_mm)].min() < 60  # its plateau
    assert [text.words for text in page.truth.texts] == ["ID: 123456", "Age: 61 yrs", "25 mm/s   10 mm/mV   unfiltered"]


def test_hidden_names_and_pulses_have_no_boxes() -> None:
    truth = draw_sheet(heart(), replace(EVEN, label_place="none", pulse="none", scales_place="none")).truth
    assert {lead.label_px for lead in truth.leads} == {None}
    assert truth.pulses_px == () == truth.texts


def test_gaps_and_missing_leads() -> None:
    signal = heart().signal_mv.copy()
    signal[0, 100:400] = np.nan
    signal[11] = np.nan
    page = draw_sheet(replace(heart(), signal_mv=signal, missing_leads=("V6",)), EVEN)
    first, last = page.truth.leads[0], next(lead for lead in page.truth.leads if lead.lead == "V6")
    assert np.isnan(first.trace_px[100:400]).all()
    assert np.isfinite(np.delete(first.trace_px, np.s_[100:400], axis=0)).all()
    assert last.trace_px.shape == (0, 2)
    assert last.box_px is None
    assert ink_found(page.image, page.truth, 1.0) > 0.999
    again = PageTruth.from_json(json.loads(json.dumps(page.truth.to_json(), allow_nan=False)))
    assert np.isnan(again.leads[0].trace_px[100:400]).all()


def test_truth_survives_json() -> None:
    style = random_style(np.random.default_rng(5))
    truth = draw_sheet(heart(), style, seed=5).truth
    again = PageTruth.from_json(json.loads(json.dumps(truth.to_json(), allow_nan=False)))
    assert again.style == style
    assert again.seed == 5
    for one, other in zip(truth.leads, again.leads, strict=True):
        assert np.abs(one.trace_px - other.trace_px).max() <= 0.0051
    assert again.grid_pitch_px() == pytest.approx(truth.grid_pitch_px())


def test_same_seed_same_bytes_and_other_seeds_other_bytes() -> None:
    pages = [draw_sheet(heart(), random_style(np.random.default_rng(seed))).image for seed in (1, 1, 2, 3)]
    assert pages[0].tobytes() == pages[1].tobytes()
    assert len({page.tobytes() for page in pages}) == 3


def test_nothing_of_the_patient_is_on_the_page() -> None:
    named = replace(heart(), name="Jane Roe 1950-02-01", patient=Patient(77, "F"), source_format="private")
    for style in (PageStyle(), random_style(np.random.default_rng(0))):
        page, anonymous = draw_sheet(named, style), draw_sheet(heart(), style)
        assert page.image.tobytes() == anonymous.image.tobytes()
        assert set(page.image.info) == {"dpi"}
        assert "Roe" not in json.dumps(page.truth.to_json())


def test_made_up_patient_blocks_have_no_name() -> None:
    lines = [line for seed in range(60) for line in random_style(np.random.default_rng(seed)).header]
    assert len(lines) > 100
    assert {line for line in lines if line.startswith("Name")} == {"Name:"}


def test_random_styles_differ_and_reach_every_layout_and_grid() -> None:
    styles = [random_style(np.random.default_rng(seed)) for seed in range(120)]
    assert len(set(styles)) == 120
    assert {style.layout for style in styles} == set(LAYOUTS)
    assert {style.paper for style in styles} == {"A4", "Letter", "square"}
    assert {style.pulse for style in styles} == {"left", "right", "none"}
    assert any(style.major_line_mm == 0 for style in styles)
    assert any(style.rhythm_leads and style.rhythm_leads[0] != "II" for style in styles)
    assert all(72 <= style.dpi <= 300 for style in styles)
    for style in styles:
        assert style_from_json(json.loads(json.dumps(style_to_json(style)))) == style


@pytest.mark.parametrize("grid", GRIDS)
def test_grid_can_be_named(grid: str) -> None:
    ink = style_from_json({"ink": grid}).ink
    page = draw_sheet(heart(), PageStyle(ink=ink, dpi=72))
    colours = {colour for _, colour in page.image.getcolors(maxcolors=100_000)}
    assert {ink.paper, ink.minor_grid, ink.major_grid, ink.trace} <= colours


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"layout": "8x3"}, "layout must be one of"),
        ({"layot": "3x4"}, "layot"),
        ({"dpi": 9000}, "dpi must lie between 50 and 600"),
        ({"rhythm_leads": ["II", "V1"]}, "has 1 rhythm leads, got 2"),
        ({"rhythm_leads": ["V9"]}, "rhythm_leads must be one of"),
        ({"pulse": "right"}, 'pulse belongs to a sheet with spacing "even"'),
        ({"ink": "mauve"}, "ink"),
        ({"trace_width_mm": 0}, "trace_width_mm must lie between"),
        ({"spacing": "even", "header": ["x"] * 10}, "at most 9 lines"),
        ([], "PageStyle"),
    ],
)
def test_style_that_cannot_be_drawn_is_refused_in_one_line(fields: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        style_from_json(fields)
    assert "\n" not in str(caught.value)


def test_page_beyond_the_end_is_refused() -> None:
    with pytest.raises(UnsuitableRecordingError, match="cannot begin at 60 s"):
        draw_sheet(heart(), EVEN, start_s=60.0)


def test_later_seconds_of_a_long_recording() -> None:
    long = heart(beats=33, seconds=30.0)
    page = draw_sheet(long, EVEN, start_s=15.0)
    assert page.truth.leads[0].first_sample == 7500
    assert ink_found(page.image, page.truth, 1.0) > 0.999


def test_page_is_of_the_paper_that_was_asked_for() -> None:
    for paper, size_mm in (("A4", (297, 210)), ("Letter", (279.4, 215.9)), ("square", (282, 260))):
        image: Image.Image = draw_sheet(heart(), replace(EVEN, paper=paper, dpi=100)).image
        assert image.size == tuple(round(side * 100 / 25.4) for side in size_mm)
        assert image.info["dpi"] == (100, 100)
