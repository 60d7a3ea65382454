"""Marks between columns are found wherever most rows have them, and complexes of a steady rhythm are none."""

from __future__ import annotations

import numpy as np
import pytest

from ecgr1_core.digitize.dividers import find_dividers

ROWS = (100.0, 250.0, 400.0)
BORDERS = (500.3, 1000.3, 1500.3)
SHAPE = (520, 2020)


def paper() -> np.ndarray:
    """Flat traces, three pixels wide, with upright bits of noise."""
    ink = np.zeros(SHAPE, dtype=np.float32)
    for row in ROWS:
        ink[int(row) - 1 : int(row) + 2] = 1.0
    rng = np.random.default_rng(1)
    for x in rng.integers(20, 2000, 60):
        ink[int(rng.choice(ROWS)) - 12 : int(rng.choice(ROWS)), x] = 1.0
    return ink


def mark(ink: np.ndarray, x: int, row: float, half_high: int = 30, wide: int = 4) -> None:
    ink[int(row) - half_high : int(row) + half_high, x : x + wide] = 1.0


@pytest.mark.parametrize("shift", [-25, -3, 0, 18])
def test_marks_tell_how_far_the_columns_are_off(shift: int) -> None:
    ink = paper()
    for row in ROWS:
        for border in BORDERS:
            mark(ink, round(border) + shift - 2, row)
    found = find_dividers(ink, ROWS, BORDERS)
    assert found is not None
    assert found.shift == pytest.approx(shift - 0.3, abs=0.6)
    assert found.half_width == pytest.approx(2.0, abs=0.6)


def test_a_mark_here_and_there_may_lack_and_lie_a_little_off() -> None:
    ink = paper()
    for number, (row, border) in enumerate((row, border) for row in ROWS for border in BORDERS):
        if number not in (2, 7):
            mark(ink, round(border) + 10 + number % 3 - 1 - 2, row + 5)
    found = find_dividers(ink, ROWS, BORDERS)
    assert found is not None
    assert found.shift == pytest.approx(9.7, abs=1.0)


def test_marks_in_half_of_the_rows_are_not_believed() -> None:
    ink = paper()
    for border in BORDERS:
        mark(ink, round(border) + 6, ROWS[0])
    assert find_dividers(ink, ROWS, BORDERS) is None


def test_complexes_of_a_steady_rhythm_are_no_marks() -> None:
    """Tall in every row and as far from every border, but as wide as a complex is."""
    ink = paper()
    for row in ROWS:
        for border in BORDERS:
            for step in range(-14, 15):
                top = int(row) - (80 - 5 * abs(step))
                ink[top : top + 20, round(border) + 8 + step] = 1.0
    assert find_dividers(ink, ROWS, BORDERS) is None


def test_a_blot_is_no_mark() -> None:
    ink = paper()
    for row in ROWS:
        for border in BORDERS:
            mark(ink, round(border) - 10, row, wide=16)
    assert find_dividers(ink, ROWS, BORDERS) is None


def test_borders_beyond_the_page_and_no_borders_have_no_marks() -> None:
    assert find_dividers(paper(), ROWS, (5.0, 2015.0)) is None
    assert find_dividers(paper(), ROWS, ()) is None
