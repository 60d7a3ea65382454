"""Strokes of a known curve are drawn with a round pen and read back: tips, noise, the pen, the fineness of pixels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ecgr1_core.digitize.courses import Span, find_courses, ridges
from ecgr1_core.digitize.curve import as_fine_as_pixels
from ecgr1_core.digitize.trace import Edges, Way, drawn, edges_of, exchanged, pen_of

WIDTH, HEIGHT, BASELINE = 600, 240, 150.0
SPAN = Span(left=0, right=WIDTH, top=0, bottom=HEIGHT, baseline=BASELINE, pitch=240.0)
NOBODY = np.zeros((HEIGHT, WIDTH), dtype=bool)
PEN_PX = 2.5


def beats(high_px: float, wide_px: float) -> np.ndarray:
    """Return the y of a curve with five narrow waves, [WIDTH × 8]."""
    x = np.arange(WIDTH * 8) / 8
    return BASELINE - sum(high_px * np.exp(-0.5 * ((x - at) / wide_px) ** 2) for at in (80, 190, 300, 410, 520))


def stroke(y: np.ndarray) -> np.ndarray:
    """Return ink, [HEIGHT, WIDTH], 0 to 1: the curve drawn eight times as large and averaged down."""
    points = np.stack((np.arange(y.size), y * 8), axis=1).round().astype(np.int32)
    large = np.zeros((HEIGHT * 8, WIDTH * 8), dtype=np.uint8)
    cv2.polylines(large, [points], False, 255, round(PEN_PX * 8), cv2.LINE_8)
    small = cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def edges(y: np.ndarray) -> Edges:
    ink = stroke(y)
    return edges_of(ink, find_courses(ridges(ink, PEN_PX), [SPAN])[0], NOBODY)


def error_px(way: Way, y: np.ndarray) -> np.ndarray:
    return np.asarray(way.y - np.interp(way.x, np.arange(y.size) / 8, y))[40:-40]


@pytest.mark.parametrize("high_px", [80.0, -60.0])
def test_a_narrow_wave_keeps_its_tip(high_px: float) -> None:
    y = beats(high_px, 3.5)
    found = edges(y)
    way = drawn(found, pen_of([found], PEN_PX), 1.0)
    for at in (80, 190, 300, 410, 520):
        near = np.abs(way.x - at) < 4
        tip = BASELINE - way.y[near].min() if high_px > 0 else BASELINE - way.y[near].max()
        assert tip == pytest.approx(high_px, rel=0.01)
    assert np.sqrt(np.mean(error_px(way, y) ** 2)) < 0.025 * abs(high_px)


def test_the_pen_is_that_of_the_quiet_traces_and_sharpens_the_noisy_ones() -> None:
    rng = np.random.default_rng(5)
    noise = np.interp(np.arange(WIDTH * 8), np.arange(0, WIDTH * 8, 16), rng.normal(0, 5, WIDTH // 2))
    noisy = beats(60.0, 6.0) + noise
    loud, quiet = edges(noisy), edges(beats(60.0, 6.0))
    alone, together = pen_of([loud], PEN_PX), pen_of([loud, quiet, quiet], PEN_PX)
    assert together.height_px == pytest.approx(PEN_PX, abs=0.4)
    assert alone.height_px > 1.5 * together.height_px
    worse, better = (np.std(error_px(drawn(loud, pen, 1.0), noisy)) for pen in (alone, together))
    assert better < 0.8 * worse


def test_without_any_ink_the_pen_is_the_usual_one() -> None:
    nothing = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
    found = edges_of(nothing, find_courses(nothing, [SPAN])[0], NOBODY)
    pen = pen_of([found], 3.0)
    assert (pen.height_px, pen.soft_height_px) == (3.0, 3.0)
    assert np.isnan(drawn(found, pen, 1.0).y).all()


@pytest.mark.parametrize(("waves_to_a_pixel", "low", "high"), [(0.0, 1.0, 1.0), (0.2, 1.05, 1.09), (0.8, 0.0, 0.1)])
def test_pixels_are_sharpened_up_to_what_they_can_show(waves_to_a_pixel: float, low: float, high: float) -> None:
    step, pixel = 0.25, 1.35
    values = np.cos(2 * np.pi * waves_to_a_pixel / pixel * (np.arange(1200) + 0.5) * step)
    gain = float(np.vdot(as_fine_as_pixels(values, step, pixel)[100:-100], values[100:-100]))
    assert low - 1e-9 <= gain / float(np.vdot(values[100:-100], values[100:-100])) <= high + 1e-9


@pytest.mark.parametrize(("high_px", "rise_px"), [(60.0, 3.0), (60.0, 8.0), (120.0, 4.0)])
def test_an_r_and_an_s_wave_side_by_side_end_where_their_ink_does(high_px: float, rise_px: float) -> None:
    knots = [(0.0, 0.0)]
    for at in (80, 190, 300, 410, 520):
        knots += [(at - rise_px, 0.0), (at, high_px), (at + rise_px, -0.6 * high_px), (at + 2 * rise_px, 0.0)]
    x, high = np.array([*knots, (WIDTH, 0.0)]).T
    y = BASELINE - np.interp(np.arange(WIDTH * 8) / 8, x, high)
    found = edges(y)
    way = drawn(found, pen_of([found], PEN_PX), 1.0)
    assert np.nanmin(way.y) == pytest.approx(y.min(), abs=0.8)
    assert np.nanmax(way.y) == pytest.approx(y.max(), abs=0.8)


def test_strokes_along_each_others_baselines_are_exchanged() -> None:
    upper = edges(beats(60.0, 4.0))
    lower = replace(upper, span=replace(SPAN, top=200, bottom=200 + HEIGHT, baseline=200 + BASELINE))
    assert not exchanged(upper, lower)
    assert exchanged(
        *(replace(each, span=replace(each.span, baseline=of)) for each, of in ((upper, 350.0), (lower, 150.0)))
    )
