"""The trace on the report, measured on the PDF itself: 1 mV, 1 s and the grid at every speed and gain."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from ecgr1_core.render.layouts import GAINS_MM_PER_MV, LAYOUTS, SPEEDS_MM_PER_S

DPI = 400
MM = DPI / 25.4
LEFT_MM, TOP_MM = 13.5, 15.0  # of the grid on the page
INK, MAJOR = 90, 190  # the green channel below which a pixel is trace, or at least a major grid line


def centres(dark) -> list[float]:
    """Return the middle of each run of dark pixels, in mm."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], dark.astype(int), [0]))))
    return [(start + stop) / 2 / MM for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def column(page, x_mm: float):
    return page[:, round(x_mm * MM)]


@pytest.mark.parametrize("band", ["off", "diagnostic"])  # a pulse through the monitor band is no longer 1 mV high
@pytest.mark.parametrize("speed", SPEEDS_MM_PER_S)
@pytest.mark.parametrize("gain", GAINS_MM_PER_MV)
def test_a_millivolt_and_a_second_have_their_length_on_the_page(pulses, report, speed, gain, band) -> None:
    pdf = report(pulses, speed_mm_per_s=speed, gain_mm_per_mv=gain, band=band)
    bottom_mm = TOP_MM + pdf.grid_mm()[3] - 7  # speed and gain are printed below
    page = pdf.grey(DPI)[: round(bottom_mm * MM)]
    page[: round(TOP_MM * MM)] = 255
    baselines = centres(column(page, LEFT_MM + 3.5) < INK)
    tops = centres(column(page, LEFT_MM + 5 + 0.1 * speed) < INK)
    assert len(baselines) == 4
    calibration = [base - top for base, top in zip(baselines, tops, strict=True)]
    assert calibration == pytest.approx([gain] * 4, abs=0.1)

    row = page[round((baselines[-1] - gain / 2) * MM), :] < INK
    edges = centres(row)
    assert len(edges) == 2 * 10  # the calibration pulse and those at 1 to 9 s, each rising and falling
    assert edges[1] - edges[0] == pytest.approx(0.2 * speed, abs=0.1)
    assert np.diff(edges[2::2]) == pytest.approx([speed] * 8, abs=0.1)
    middle_of_a_pulse = (edges[2] + edges[3]) / 2
    drawn = centres(column(page, middle_of_a_pulse)[: round((baselines[-1] + 2) * MM)] < INK)
    assert baselines[-1] - drawn[-1] == pytest.approx(gain, abs=0.1)


def test_filter_and_order_leave_the_scale_as_it_is(noise, report) -> None:
    record = noise()
    times_s = np.arange(record.signal_mv.shape[1]) / record.sampling_rate_hz
    waves = replace(record, signal_mv=np.tile(0.5 * np.sin(2 * np.pi * 5 * times_s), (12, 1)).astype(np.float32))
    content = report(waves, layout="12x1", band="monitor", notch_hz=50.0, order="cabrera").content()
    lines = re.findall(r"n ([\d.-]+ [\d.-]+ m(?: [\d.-]+ [\d.-]+ l){1000,})\s+S", content)
    assert len(lines) == 12
    traces = [np.array(re.findall(r"([\d.-]+) ([\d.-]+) [ml]", line), dtype=float) for line in lines]
    for trace in traces:
        assert np.ptp(trace[:, 0]) == pytest.approx(25 * times_s[-1], abs=0.01)
        assert np.ptp(trace[1000:-1000, 1]) == pytest.approx(10.0, abs=0.1)  # 5 Hz passes the band as it is
    turned = traces[2][1000:-1000, 1] - traces[2][:, 1].mean()  # −aVR stands third
    upright = traces[0][1000:-1000, 1] - traces[0][:, 1].mean()
    assert turned == pytest.approx(-upright, abs=0.1)


def test_the_grid_is_square(pulses, report) -> None:
    pdf = report(pulses)
    left, top, width, height = pdf.grid_mm()
    assert (left, top, width) == (LEFT_MM, TOP_MM, 270.0)
    page = pdf.grey(DPI)
    across = np.array(centres(page[round((TOP_MM + 0.5) * MM), :] < MAJOR))
    down = np.array(centres(column(page, LEFT_MM + 0.5) < MAJOR))
    down = down[(down > top - 0.3) & (down < top + height + 0.3)]
    assert len(across) == 270 // 5 + 1
    assert len(down) == height // 5 + 1
    assert np.diff(across) == pytest.approx(np.full(len(across) - 1, 5.0), abs=0.07)
    assert np.diff(down) == pytest.approx(np.full(len(down) - 1, 5.0), abs=0.07)
    assert across[-1] - across[0] == pytest.approx(270.0, abs=0.1)


def test_the_file_holds_millimetres_and_every_sample(noise, report) -> None:
    content = report(noise(), layout="12x1").content()
    scale = re.search(r"([\d.]+) 0 0 -([\d.]+) 0 [\d.]+ cm", content)
    assert scale is not None
    assert [float(part) for part in scale.groups()] == pytest.approx([72 / 25.4] * 2, rel=1e-6)
    lines = re.findall(r"n [\d.-]+ [\d.-]+ m((?: [\d.-]+ [\d.-]+ l)+)\s+S", content)
    traces = [line for line in lines if line.count("l") > 1000]
    assert [line.count("l") + 1 for line in traces] == [5000] * 12
    xs = np.array([float(pair.split()[0]) for pair in re.findall(r"[\d.-]+ [\d.-]+(?= l)", traces[0])])
    assert np.diff(xs) == pytest.approx(np.full(len(xs) - 1, 25 / 500), abs=0.0011)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_page_is_a4_or_says_that_it_is_larger(pulses, report, layout) -> None:
    pdf = report(pulses, layout=layout)
    width, height = pdf.size_mm()
    assert width == pytest.approx(297, abs=0.01)
    assert height >= 209.99
    larger = height > 210.01
    assert larger == (layout == "12x1")
    assert ("larger than A4" in pdf.text) == larger
    assert "print at 100 %" in pdf.text


def test_a_fast_page_is_as_wide_as_it_must_be(pulses, report) -> None:
    pdf = report(pulses, speed_mm_per_s=50.0)
    assert pdf.size_mm() == pytest.approx((552.0, 210.0), abs=0.01)
    assert "page 552 × 210 mm, larger than A4" in pdf.text
    assert "50 mm/s" in pdf.text
