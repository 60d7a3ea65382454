"""Names set in type are found as words, and the layout whose names stand where it expects them is taken."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ecgr1_core.digitize.ink import PX_PER_MM
from ecgr1_core.digitize.labels import Word, find_words
from ecgr1_core.digitize.layout import likely_rows, rows_by_names
from ecgr1_core.digitize.naming import Arrangement, arrange, is_clear_name, starts_by_names
from ecgr1_core.render.layouts import LAYOUTS, Layout, Order, find_layout
from ecgr1_core.render.paper import typeface

START = 160.0
SPEED_MM_PER_S = 25.0
RISE_PX = 60  # of the names above their baselines


def baselines(count: int) -> list[float]:
    return [200.0 + 1400 / count * row for row in range(count)]


def sheet(
    layout: str, order: Order = "standard", without: tuple[tuple[int, int], ...] = (), lift: int = 0
) -> Image.Image:
    """A sheet of ink with the names of a layout's leads alone, less some cells'; each row's stand higher by `lift`."""
    page = Image.new("L", (2300, 1700))
    found = find_layout(layout, order)
    wide = found.seconds_per_column * SPEED_MM_PER_S * PX_PER_MM
    for row, (leads, baseline) in enumerate(zip(found.all_rows, baselines(len(found.all_rows)), strict=True)):
        for column, lead in enumerate(leads):
            if (row, column) not in without:
                name = f"-{lead}" if lead in found.inverted_leads else lead
                place = (START + column * wide + 16, baseline - RISE_PX - lift * row)
                ImageDraw.Draw(page).text(place, name, fill=255, font=typeface(28, "DejaVuSans"), anchor="ls")
    return page


def words_of(page: Image.Image) -> list[Word]:
    return find_words(np.asarray(page, dtype=np.float32) / np.float32(255))


def arranged(words: list[Word], rows: list[float], start: float = START) -> Arrangement:
    found = arrange(words, rows, start, SPEED_MM_PER_S)
    assert found is not None
    return found


@pytest.mark.parametrize("order", ["standard", "cabrera"])
@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_the_layout_is_that_of_the_names(layout: str, order: Order) -> None:
    found = arranged(words_of(sheet(layout, order)), baselines(len(LAYOUTS[layout].all_rows)))
    assert (found.layout, found.order) == (layout, order)
    assert all(cell.read is not None and cell.read > 0.7 for cell in found.cells)


@pytest.mark.parametrize("layout", ["3x4", "6x2"])
def test_rows_may_have_their_names_at_different_heights(layout: str) -> None:
    found = arranged(words_of(sheet(layout, lift=12)), baselines(len(LAYOUTS[layout].all_rows)))
    assert found.layout == layout
    assert all(cell.read is not None and cell.read > 0.7 for cell in found.cells)


@pytest.mark.parametrize("layout", ["6x2", "3x4+3"])
def test_half_of_the_names_tell_six_rows_apart(layout: str) -> None:
    lost = tuple((row, column) for row in range(6) for column in range(4) if (row + column) % 2)
    assert arranged(words_of(sheet(layout, without=lost)), baselines(6)).layout == layout


@pytest.mark.parametrize("layout", ["6x2", "12x1"])
@pytest.mark.parametrize("rows_off", [-1, 1])
def test_rows_that_are_one_off_are_clearly_worse(layout: str, rows_off: int) -> None:
    words, rows = words_of(sheet(layout)), baselines(len(LAYOUTS[layout].all_rows))
    moved = [row + rows_off * (rows[1] - rows[0]) for row in rows]
    assert arranged(words, rows).score > arranged(words, moved).score + 1


def test_a_bar_of_ink_is_no_name_of_a_strip() -> None:
    page = sheet("3x4+1", without=((3, 0),))
    baseline = baselines(4)[3]
    ImageDraw.Draw(page).rectangle((START + 20, baseline - 200, START + 23, baseline - 172), fill=255)
    strip = arranged(words_of(page), baselines(4)).cells[-1]
    assert (strip.lead, strip.read) == ("II", None)


def test_without_names_the_order_is_the_standard_one_and_nothing_is_read() -> None:
    page = Image.new("L", (2300, 1700))
    for baseline in baselines(4):  # upright strokes where names would stand
        ImageDraw.Draw(page).rectangle((START + 16, baseline - RISE_PX - 28, START + 19, baseline - RISE_PX), fill=255)
    found = arranged(words_of(page), baselines(4))
    assert found.order == "standard"
    assert [cell.read for cell in found.cells] == [None] * 13


def test_specks_beside_a_name_do_not_swallow_it() -> None:
    page = sheet("6x2")
    ink = np.asarray(page, dtype=np.float32) / np.float32(255)
    ink[::6, :150:6] = 1.0
    ink[1::6, :150:6] = ink[::6, 1:151:6] = ink[1::6, 1:151:6] = 1.0
    found = arranged(find_words(ink), baselines(6))
    assert found.layout == "6x2"
    assert sum(cell.read is not None and cell.read > 0.7 for cell in found.cells) == 12


def lines_of_ink(lengths: list[int], rows: list[float]) -> np.ndarray:
    """Wavering lines of ink along the paper, and the straight edge of it above them."""
    flat = np.zeros((1800, 2300), dtype=np.uint8)
    rng = np.random.default_rng(1)
    for length, row in zip(lengths, rows, strict=True):
        flat[int(row) + rng.integers(-6, 7, length), np.arange(200, 200 + length)] = 1
    flat[158:161, 100:2290] = 1
    return flat


def test_an_edge_of_the_paper_above_the_rows_is_no_row() -> None:
    rows = [300.0 + 120 * row for row in range(12)]
    assert likely_rows(lines_of_ink(12 * [2000], rows))[0] == pytest.approx(rows, abs=8)


def test_rows_of_which_one_is_faint_are_among_the_likely_ones() -> None:
    rows = [300.0 + 120 * row for row in range(12)]
    likely = likely_rows(lines_of_ink([*11 * [2000], 1200], rows))
    assert sum(each == pytest.approx(rows, abs=8) for each in likely if len(each) == 12) == 1


def test_a_row_that_is_all_waves_is_found_between_its_neighbours() -> None:
    rows = [300.0 + 240 * row for row in range(6)]
    flat = lines_of_ink([2000, 2000, 2000, 0, 2000, 2000], rows)
    rng = np.random.default_rng(2)
    flat[int(rows[3]) + rng.integers(-40, 41, 2000), np.arange(200, 2200)] = 1
    flat[158:161] = 0
    assert likely_rows(flat)[0] == pytest.approx(rows, abs=36)


def test_names_tell_which_lines_of_ink_are_rows() -> None:
    rows = baselines(4)
    flat = lines_of_ink(4 * [2000], rows)
    flat[158:161] = 0
    for line in (70, 1400):  # the edges of a stamp or of the paper
        flat[line : line + 3, 100:2200] = 1
    assert len(likely_rows(flat)[0]) == 6
    feet = [word.bottom for word in words_of(sheet("3x4+1")) if is_clear_name(word)]
    assert rows_by_names(flat, feet)[0] == pytest.approx(rows, abs=8)
    assert rows_by_names(flat, feet[:1]) == []


@pytest.mark.parametrize("layout", ["3x4+1", "6x2"])
def test_names_tell_where_the_page_begins(layout: str) -> None:
    words, rows = words_of(sheet(layout)), baselines(len(LAYOUTS[layout].all_rows))
    starts = starts_by_names(words, rows, SPEED_MM_PER_S)
    assert min(abs(start - START) for start in starts) < 1.5 * PX_PER_MM
    near = max((arranged(words, rows, start) for start in starts), key=lambda found: found.score)
    assert near.score > arranged(words, rows, START + 6 * PX_PER_MM).score + 1
    assert near.layout == layout
    assert starts_by_names(words[:3], rows, SPEED_MM_PER_S) == []


def test_where_no_name_is_read_something_else_may_speak_for_a_layout() -> None:
    def marks_of(layout: Layout) -> float:
        return 0.8 if layout.columns == 2 else 0.0

    found = arrange([], baselines(6), START, SPEED_MM_PER_S, marks_of)
    assert found is not None
    assert (found.layout, found.score) == ("6x2", 0.0)
