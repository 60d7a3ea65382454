"""The grid of a page is found at its true scale: lines all alike, lines of 5 mm darker or alone, a sheet on a table."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from ecgr1_core.digitize import grid, open_page
from ecgr1_core.digitize.ink import PX_PER_MM
from ecgr1_core.digitize.straighten import Straight, straighten
from ecgr1_core.record import EcgRecord
from ecgr1_core.render.degrade import Degradation, degrade
from ecgr1_core.render.page_style import PageStyle
from ecgr1_core.render.paper import Ink, Rgb
from ecgr1_core.render.sheets import DrawnPage, draw_sheet

PAPER: Rgb = (255, 252, 248)
A4_MM = (297.0, 210.0)


def sheet(dpi: int, minor: Rgb, major: Rgb, minor_mm: float, major_mm: float, lines: str = "lines") -> DrawnPage:
    """Draw a page of smooth waves whose grid has these colours and widths."""
    waves = np.sin(np.arange(5000) / 60.0 + np.arange(12)[:, None]).astype(np.float32)
    style = PageStyle(
        dpi=dpi,
        ink=Ink(PAPER, minor, major, (0, 0, 0)),
        minor_lines="none" if lines == "none" else "lines",
        minor_line_mm=minor_mm,
        major_line_mm=major_mm,
    )
    return draw_sheet(EcgRecord(0.5 * waves, 500.0), style)


def put_straight(page: DrawnPage) -> Straight | None:
    """Return the page put straight as it would be from a file that says no resolution."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(page.image)).save(file, "PNG")
    return straighten(open_page(file.getvalue(), name="page.png").raster)


def assert_to_scale(page: DrawnPage) -> Straight:
    found = put_straight(page)
    assert found is not None
    assert found.grid is not None
    along, down = (1 / mm for mm in found.mm_per_px)
    true_along, true_down = page.truth.grid_pitch_px()
    assert along == pytest.approx(true_along, rel=0.01)
    assert down == pytest.approx(true_down, rel=0.01)
    return found


@pytest.mark.parametrize(
    ("dpi", "colour", "line_mm"), [(90, (120, 90, 160), 0.2), (150, (60, 80, 110), 0.17), (260, (230, 150, 140), 0.1)]
)
def test_a_grid_of_lines_all_alike_is_found_at_its_scale(dpi: int, colour: Rgb, line_mm: float) -> None:
    assert_to_scale(sheet(dpi, colour, colour, line_mm, line_mm))


def test_lines_of_5_mm_as_dark_as_the_others_but_of_another_colour_are_found_to_scale() -> None:
    assert_to_scale(sheet(200, (40, 50, 140), (30, 130, 60), 0.13, 0.13))


def test_a_grid_of_lines_all_alike_is_found_on_a_worn_photograph() -> None:
    worn = Degradation(
        seed=2,
        rotation_deg=-3.0,
        corner_shifts=((0.02, 0.01), (-0.02, 0.02), (-0.01, -0.02), (0.02, -0.01)),
        surround=0.03,
        background=(78, 68, 62),
        creases=3,
        unevenness=0.25,
        blur_mm=0.08,
        noise=4.0,
        jpeg_quality=70,
    )
    assert_to_scale(degrade(sheet(140, (110, 120, 150), (110, 120, 150), 0.18, 0.18), worn))


@pytest.mark.parametrize("lines", ["lines", "none"])
def test_a_grid_with_darker_or_only_lines_of_5_mm_is_found_to_scale(lines: str) -> None:
    assert_to_scale(sheet(130, (248, 218, 218), (232, 160, 163), 0.12, 0.25, lines))


def test_only_the_sheet_of_a_wide_photograph_is_put_straight() -> None:
    around = Degradation(seed=4, rotation_deg=4.0, surround=0.4, background=(122, 88, 60), texture=0.5, noise=3.0)
    page = degrade(sheet(120, (249, 196, 190), (226, 104, 98), 0.12, 0.25), around)
    found = assert_to_scale(page)
    high, wide = (side / PX_PER_MM for side in found.ink.shape)
    assert wide < A4_MM[0] + 20
    assert high < A4_MM[1] + 20
    corners = page.truth.grid_px
    assert found.x_px.min() < corners[:, 0].min() + 20  # nothing of it is cut off
    assert found.x_px.max() > corners[:, 0].max() - 20
    assert found.y_px.min() < corners[:, 1].min() + 20
    assert found.y_px.max() > corners[:, 1].max() - 20


def test_a_page_without_a_grid_has_none() -> None:
    bare = sheet(130, PAPER, PAPER, 0.0, 0.0, "none")
    assert put_straight(bare) is None
    assert put_straight(degrade(bare, Degradation(seed=1, noise=4.0, jpeg_quality=90))) is None


def test_a_tile_that_speaks_against_the_grid_has_no_say() -> None:
    """Of real pages a tile's height above chance can be below it; the fit once broke off there."""
    places = np.array([(x, y) for x in range(100, 900, 200) for y in range(100, 700, 200)], dtype=np.float64)
    rows = np.column_stack((places, np.tile((0.02, 0.0, 0.0, 0.02), (len(places), 1)), np.ones(len(places))))
    fitted = grid._fitted(rows, (700, 900))
    rows[3, 2:6] *= 1.3
    rows[3, 6] = -0.07
    np.testing.assert_allclose(grid._fitted(rows, (700, 900)), fitted, atol=1e-6)
