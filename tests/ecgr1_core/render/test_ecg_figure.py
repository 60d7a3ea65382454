"""The figure: square squares, true samples, every lead named, a small payload."""

from __future__ import annotations

import base64
import itertools
import json
import time

import numpy as np
import pytest

from ecgr1_core.record import LEADS
from ecgr1_core.render.figure import ecg_figure
from ecgr1_core.render.geometry import lay_out
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, LAYOUTS, SPEEDS_MM_PER_S


def px_per_unit(figure, axis: str) -> float:
    """Pixels per second or per mV, as the figure's size and the axis' range make it."""
    low, high = figure.layout[axis].range
    return (figure.layout.width if axis.startswith("x") else figure.layout.height) / abs(high - low)


def words(figure) -> list[str]:
    return [note.text.replace("<b>", "").replace("</b>", "") for note in figure.layout.annotations]


@pytest.mark.parametrize(
    ("speed", "gain", "width_px"), [*itertools.product(SPEEDS_MM_PER_S, GAINS_MM_PER_MV, [1100]), (25.0, 10.0, 733)]
)
def test_a_millimetre_is_the_same_in_both_directions(noise, speed: float, gain: float, width_px: int) -> None:
    figure = ecg_figure(noise(10), speed_mm_per_s=speed, gain_mm_per_mv=gain, width_px=width_px)
    assert figure.layout.width == width_px
    assert set(figure.layout.margin.to_plotly_json().values()) == {0}
    px_per_mm = px_per_unit(figure, "xaxis") / speed
    assert px_per_unit(figure, "yaxis") == pytest.approx(px_per_mm)
    for row in range(4):
        axis = f"yaxis{row + 2}"
        assert px_per_unit(figure, axis) / gain == pytest.approx(px_per_mm)
        assert figure.layout[axis].scaleanchor == "x"
        assert figure.layout[axis].scaleratio == pytest.approx(gain / speed)
    assert figure.layout.xaxis.minor.dtick * speed == pytest.approx(1.0)
    assert figure.layout.xaxis.dtick * speed == pytest.approx(5.0)
    assert (figure.layout.yaxis.minor.dtick, figure.layout.yaxis.dtick) == (1.0, 5.0)


def test_calibration_pulse_is_1_mv_and_200_ms(noise) -> None:
    figure = ecg_figure(noise(10), speed_mm_per_s=50.0, gain_mm_per_mv=20.0)
    xs, ys = figure.data[0].x, figure.data[0].y
    assert xs[3] - xs[2] == pytest.approx(0.2)
    assert ys[1] - ys[2] == pytest.approx(20.0)  # millimetres from the top
    assert max(x for x in xs[:6]) < 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_payload_carries_the_samples_unchanged_and_small(ptbxl, layout: str) -> None:
    record = ptbxl("00009_hr")
    payload = ecg_figure(record, layout=layout).to_json()
    assert len(payload) < 500_000
    traces = json.loads(payload)["data"][1:]
    assert [trace["name"] for trace in traces] == [lead for row in LAYOUTS[layout].all_rows for lead in row]
    for trace in traces:
        assert trace["y"]["dtype"] == "f4"
        drawn = np.frombuffer(base64.b64decode(trace["y"]["bdata"]), dtype="<f4")
        first = round(trace["x0"] * 500)
        whole = record.lead(trace["name"])
        assert drawn.tobytes() == (whole - np.median(whole))[first : first + drawn.size].tobytes()
        assert trace["dx"] == 1 / 500


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_lead_is_named_where_the_geometry_puts_it(noise, layout: str) -> None:
    record = noise(10, missing_leads=("V4",))
    figure = ecg_figure(record, layout=layout)
    named = words(figure)
    assert {name for name in named if name in LEADS} == set(LEADS) - {"V4"}
    assert "V4 not recorded" in named
    assert "V4" not in [trace.name for trace in figure.data]
    sheet = lay_out(record, layout=layout, speed_mm_per_s=25.0, gain_mm_per_mv=10.0)
    assert figure.layout.height == pytest.approx(sheet.height_mm * 1100 / 270, abs=0.5)  # the whole page is in view
    for number, row in enumerate(sheet.rows):
        zero_px = figure.layout[f"yaxis{number + 2}"].range[1] * px_per_unit(figure, f"yaxis{number + 2}")
        assert zero_px == pytest.approx(row.baseline_mm * 1100 / 270)


def test_hover_gives_lead_time_and_millivolts(noise) -> None:
    trace = ecg_figure(noise(10)).data[1]
    assert trace.hovertemplate == "<b>I</b>  %{x:.3f} s  %{y:.3f} mV<extra></extra>"
    assert not trace.connectgaps


def test_later_page_keeps_the_time_of_the_recording(noise) -> None:
    figure = ecg_figure(noise(30), layout="6x2", start_s=15.0)
    assert [trace.x0 for trace in figure.data[1:3]] == [15.0, 20.0]
    assert figure.layout.xaxis.range[0] < 15.0 < 25.0 <= figure.layout.xaxis.range[1]


def test_words_are_not_read_as_markup(noise) -> None:
    named = ecg_figure(noise(10), title="<i>x</i>", filter_label="a<b").layout.annotations
    assert any("&lt;i&gt;x&lt;/i&gt;" in note.text for note in named)
    assert any("a&lt;b" in note.text for note in named)


def test_dark_page_is_legible(noise) -> None:
    def luminance(colour: str) -> float:  # WCAG 2.2, relative luminance
        parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for dark in (False, True):
        figure = ecg_figure(noise(10), dark=dark)
        background = luminance(figure.layout.plot_bgcolor)
        assert (background < 0.05) == dark
        for colour in (figure.data[1].line.color, figure.layout.annotations[0].font.color):
            low, high = sorted((luminance(colour), background))
            assert (high + 0.05) / (low + 0.05) > 10
    assert figure.layout.xaxis.gridcolor != figure.layout.xaxis.minor.gridcolor


def test_figure_is_made_in_a_moment(noise) -> None:
    record = noise(10)
    ecg_figure(record)  # imports
    started = time.perf_counter()
    ecg_figure(record, layout="12x1")
    assert time.perf_counter() - started < 1.0  # about 0.05 s on a quiet machine
