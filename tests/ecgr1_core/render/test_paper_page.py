"""The paper page, measured on its pixels."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ecgr1_core.errors import UnsuitableRecordingError
from ecgr1_core.record import LEADS
from ecgr1_core.render import paper
from ecgr1_core.render.geometry import lay_out
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, LAYOUTS, SPEEDS_MM_PER_S
from ecgr1_core.render.paper import MARGIN_X_MM, MARGIN_Y_MM, render_page


def ink(image: Image.Image) -> np.ndarray:
    """Where the page is darker than any grid line: [height, width] bool."""
    return np.asarray(image.convert("L")) < 100


def row_band(record, number: int, dpi: int, layout: str, speed: float, gain: float) -> tuple[float, int, int]:
    """The y of a row's baseline in pixels, and the band of the page that belongs to the row alone."""
    sheet = lay_out(
        record, layout=layout, speed_mm_per_s=speed, gain_mm_per_mv=gain, least_height_mm=paper.LEAST_GRID_HEIGHT_MM
    )
    px = dpi / 25.4
    baseline = (sheet.rows[number].baseline_mm + MARGIN_Y_MM) * px
    return baseline, round(baseline - (2 * gain + 1) * px), round(baseline + 3 * px)


@pytest.mark.parametrize(("speed", "gain"), itertools.product(SPEEDS_MM_PER_S, GAINS_MM_PER_MV))
@pytest.mark.parametrize("antialias", [True, False])
def test_seconds_and_millivolts_measured_on_the_pixels(spikes, speed: float, gain: float, antialias: bool) -> None:
    dpi = 200
    px = dpi / 25.4
    record = spikes(2.0, 1.0, 9.0)
    image = render_page(record, layout="12x1", speed_mm_per_s=speed, gain_mm_per_mv=gain, dpi=dpi, antialias=antialias)
    baseline, top, bottom = row_band(record, 5, dpi, "12x1", speed, gain)
    dark = ink(image)[top:bottom]
    trace_left = {12.5: 15.0, 25.0: 15.0, 50.0: 20.0}[speed]
    past_name = round((MARGIN_X_MM + trace_left + 10.5) * px)
    high = past_name + np.flatnonzero(
        dark[: round(baseline - 1.5 * gain * px) - top, past_name:].any(axis=0)
    )  # only spikes reach 1.5 mV
    first, last = high[high < high.mean()], high[high > high.mean()]
    assert last.mean() - first.mean() == pytest.approx(8 * speed * px, abs=1.0)
    assert first.mean() + 0.5 == pytest.approx((MARGIN_X_MM + trace_left + speed) * px, abs=1.0)
    rows_of_spike = np.flatnonzero(dark[:, first].any(axis=1))
    assert baseline - (rows_of_spike[0] + top) == pytest.approx(2 * gain * px, abs=0.15 * px + 1.5)  # half a line

    pulse = dark[:, round((MARGIN_X_MM + 2) * px) : round((MARGIN_X_MM + trace_left - 1) * px)]
    edges = np.flatnonzero(pulse[round(baseline - 0.5 * gain * px) - top])
    rise, fall = edges[edges < edges.mean()], edges[edges > edges.mean()]
    assert fall.mean() - rise.mean() == pytest.approx(0.2 * speed * px, abs=1.0)
    plateau = np.flatnonzero(pulse[:, round((rise.mean() + fall.mean()) / 2)])
    assert baseline - (plateau.mean() + 0.5 + top) == pytest.approx(gain * px, abs=1.0)


@pytest.mark.parametrize("dpi", [96, 150, 237])
def test_grid_lines_stand_where_they_belong_across_the_whole_page(spikes, dpi: int) -> None:
    image = render_page(spikes(0.1, 5.0), dpi=dpi)
    pixels = np.asarray(image).astype(int)
    px = dpi / 25.4
    corner = pixels[: round((MARGIN_Y_MM + 3.4) * px), : round((MARGIN_X_MM + 3.4) * px)]
    major = np.array(paper.COLOUR.major_grid)
    along_x = pixels[round((MARGIN_Y_MM + 2.5) * px)]  # between two horizontal lines, above every trace
    along_y = pixels[:, round((MARGIN_X_MM + 2.0) * px)]  # left of every pulse
    for line_of_pixels, margin, lines in ((along_x, MARGIN_X_MM, 55), (along_y, MARGIN_Y_MM, 39)):
        hits = np.flatnonzero((line_of_pixels == major).all(axis=1))
        groups = np.split(hits, np.flatnonzero(np.diff(hits) > 1) + 1)
        centres = np.array([group.mean() + 0.5 for group in groups])
        assert len(centres) == lines
        assert np.abs(centres - (margin + 5 * np.arange(lines)) * px).max() <= 0.51
    assert (corner[0, 0] == 255).all()  # white margin


def test_minor_grid_has_a_line_each_millimetre(spikes) -> None:
    pixels = np.asarray(render_page(spikes(0.1, 5.0), dpi=300)).astype(int)
    px = 300 / 25.4
    along_x = pixels[round((MARGIN_Y_MM + 2.5) * px)]
    lines = (along_x.sum(axis=1) < sum(paper.COLOUR.paper)).astype(int)
    assert (np.diff(lines) == 1).sum() == 271


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("speed", SPEEDS_MM_PER_S)
def test_page_is_a4_or_larger(noise, layout: str, speed: float) -> None:
    image = render_page(noise(10), layout=layout, speed_mm_per_s=speed, dpi=100)
    width_mm, height_mm = (length * 25.4 / 100 for length in image.size)
    assert width_mm == pytest.approx({12.5: 297, 25.0: 297, 50.0: 552}[speed], abs=0.2)
    assert height_mm >= 209.9
    if layout == "3x4+1":
        assert height_mm == pytest.approx(210, abs=0.2)
    assert image.info["dpi"] == (100, 100)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_lead_name_is_on_the_page(spikes, layout: str) -> None:
    flat = spikes(0.0)
    dpi = 150
    sheet = lay_out(
        flat, layout=layout, speed_mm_per_s=25.0, gain_mm_per_mv=10.0, least_height_mm=paper.LEAST_GRID_HEIGHT_MM
    )
    dark = ink(render_page(flat, layout=layout, dpi=dpi))
    px = dpi / 25.4
    for row in sheet.rows:
        for cell in row.cells:
            left, bottom = (sheet.label_x_mm(cell) + MARGIN_X_MM) * px, (row.label_mm + MARGIN_Y_MM) * px
            box = dark[round(bottom - 3 * px) : round(bottom), round(left) : round(left + 9 * px)]
            columns = np.flatnonzero(box.any(axis=0))
            width_mm = (columns[-1] - columns[0] + 1) / px
            assert width_mm == pytest.approx({"I": 0.5, "II": 1.4, "III": 2.4}.get(cell.lead, width_mm), abs=0.4)
            assert width_mm > (3.5 if cell.lead[0] in "aV" else 0.2)


def test_gaps_missing_and_flat_leads(spikes) -> None:
    signal = spikes(0.0).signal_mv.copy()
    signal[0, 1000:4000] = np.nan
    signal[1] = np.nan
    record = replace(spikes(0.0), signal_mv=signal, missing_leads=("II",), flat_leads=LEADS[2:])
    dark = ink(render_page(record, layout="12x1"))
    px = 150 / 25.4

    def ink_at(number: int, start_s: float, end_s: float) -> np.ndarray:
        baseline, _, _ = row_band(record, number, 150, "12x1", 25.0, 10.0)
        columns = slice(
            round((MARGIN_X_MM + 15 + start_s * 25) * px) + 2, round((MARGIN_X_MM + 15 + end_s * 25) * px) - 2
        )
        return dark[round(baseline) - 3 : round(baseline) + 3, columns].any(axis=0)

    assert ink_at(0, 0, 2).all()
    assert not ink_at(0, 2, 8).any()
    assert ink_at(0, 8, 10).all()
    assert not ink_at(1, 0, 10).any()
    assert ink_at(2, 0, 10).all()


def test_wild_samples_are_drawn_to_the_edge_of_the_grid_and_not_beyond(noise) -> None:
    signal = noise(10).signal_mv.copy()
    signal[0, 500], signal[7, 3000] = 1e30, -1e30
    image = render_page(replace(noise(10), signal_mv=signal))
    dark = ink(image)
    px = 150 / 25.4
    assert dark[round(MARGIN_Y_MM * px) + 2].any()
    assert not dark[: round(MARGIN_Y_MM * px) - 1].any()
    assert not dark[image.height - round(MARGIN_Y_MM * px) + 1 :].any()


def test_monochrome_is_grey_and_antialiasing_makes_greys(ptbxl) -> None:
    record = ptbxl("00009_hr")
    grey = render_page(record, colour=False)
    assert grey.mode == "L"
    plain = render_page(record, colour=False, antialias=False)
    # text is always smooth; without antialiasing the traces add no shades between ink and grid
    shades = [np.isin(np.asarray(image), range(40, 140)).sum() for image in (grey, plain)]
    assert shades[0] > 4 * shades[1] > 0
    colour = np.asarray(render_page(record)).astype(int)
    assert (colour.max(axis=2) - colour.min(axis=2)).max() > 50


def test_letters_that_the_typeface_lacks_are_spelled_out(noise) -> None:
    plain = render_page(noise(10), filter_label="0.05-150 Hz", title="Jose ?")
    assert render_page(noise(10), filter_label="0.05–150 Hz", title="José 心").tobytes() == plain.tobytes()


def test_same_record_gives_the_same_page(ptbxl) -> None:
    record = ptbxl("00009_hr")
    assert render_page(record).tobytes() == render_page(record).tobytes()


def test_page_that_would_be_too_large_is_refused(noise) -> None:
    signal = noise(10).signal_mv.copy()
    signal[:, 1000], signal[:, 2000] = 10.0, -10.0
    record = replace(noise(10), signal_mv=signal)
    with pytest.raises(UnsuitableRecordingError, match="megapixels; choose a smaller dpi or gain"):
        render_page(record, layout="12x1", gain_mm_per_mv=20.0, dpi=600)
    with pytest.raises(ValueError, match="dpi must lie between 50 and 600"):
        render_page(record, dpi=20)
