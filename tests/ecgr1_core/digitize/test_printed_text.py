"""Names on pages are found and hidden, traces are left alone, and nothing that was hidden can be got back."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from test_digitize_command import heart
from test_digitize_vector import HEIGHT_MM, WIDTH_MM, Sheet

from ecgr1_core.digitize import DigitizeReport, digitize_image, digitize_opened, open_page
from ecgr1_core.digitize.free_boxes import free_boxes, merged
from ecgr1_core.digitize.hiding import all_but_traces, check_boxes, masked, printed_without, text_on, with_hidden
from ecgr1_core.digitize.packed_page import is_packed, packed, unpacked
from ecgr1_core.digitize.printed_text import printed_text
from ecgr1_core.errors import InputError
from ecgr1_core.render.degrade import Degradation, degrade
from ecgr1_core.render.page_style import PageStyle
from ecgr1_core.render.sheets import DrawnPage, draw_sheet

NAMED = ("Name: DOE, JANE MARIE", "ID: 4471920", "Born: 14.03.1951", "Anna-Lena Weber")


def page_with(header: tuple[str, ...], *, on_grid: bool, wear: Degradation | None = None) -> DrawnPage:
    style = PageStyle(spacing="even", dpi=110, header=header, header_on_grid=on_grid)
    page = draw_sheet(heart(), style)
    return page if wear is None else degrade(page, wear)


Boxes = tuple[tuple[float, float, float, float], ...]
Read = tuple[DrawnPage, DigitizeReport, np.ndarray, Boxes]


@pytest.fixture(scope="module", params=["on the grid", "above it, worn"])
def read(request: pytest.FixtureRequest) -> Read:
    on_grid = request.param == "on the grid"
    worn = Degradation(seed=4, rotation_deg=3.0, noise=4.0, unevenness=0.3, blur_mm=0.08, jpeg_quality=70)
    page = page_with(NAMED, on_grid=on_grid, wear=None if on_grid else worn)
    pixels = np.asarray(page.image.convert("RGB"))
    _, report = digitize_image(page.image)
    before = pixels.copy()
    boxes = printed_text(pixels, report)
    assert (pixels == before).all()
    return page, report, pixels, boxes


def covered(boxes: Boxes, shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape[:2], dtype=bool)
    for x0, y0, x1, y1 in boxes:
        mask[int(y0) : int(y1), int(x0) : int(x1)] = True
    return mask


def hit(page: DrawnPage, mask: np.ndarray) -> int:
    """Return how many samples of the traces lie under a mask."""
    points = np.concatenate([lead.trace_px for lead in page.truth.leads])
    x, y = points[~np.isnan(points).any(axis=1)].astype(int).T
    return int(mask[np.clip(y, 0, mask.shape[0] - 1), np.clip(x, 0, mask.shape[1] - 1)].sum())


def test_what_is_printed_beside_the_traces_is_found_and_no_trace_is_covered(read: Read) -> None:
    page, _, pixels, boxes = read
    mask = covered(boxes, pixels.shape)
    for text in page.truth.texts:
        if text.words in NAMED:
            x0, y0 = text.box_px.min(axis=0).astype(int)
            x1, y1 = text.box_px.max(axis=0).astype(int)
            dark = pixels[y0:y1, x0:x1].max(axis=2) < 110
            assert dark.sum() > 50
            assert mask[y0:y1, x0:x1][dark].mean() > 0.99, text.words
    assert hit(page, mask) == 0
    assert 1 <= len(boxes) <= 8
    assert all(side == int(side) for box in boxes for side in box)


def test_printed_speed_and_gain_are_left_standing(read: Read) -> None:
    page, _, pixels, boxes = read
    mask = covered(boxes, pixels.shape)
    (scales,) = [text for text in page.truth.texts if "mm/s" in text.words]
    x0, y0 = scales.box_px.min(axis=0).astype(int)
    x1, y1 = scales.box_px.max(axis=0).astype(int)
    words = mask[y0:y1, x0 : x0 + (x1 - x0) // 3]
    assert words.mean() < 0.2, "25 mm/s"


def test_all_but_the_traces_leaves_them_and_nothing_of_the_header(read: Read) -> None:
    page, report, pixels, _ = read
    mask = covered(all_but_traces((pixels.shape[1], pixels.shape[0]), report), pixels.shape)
    assert hit(page, mask) == 0
    for text in page.truth.texts:
        if text.words in NAMED:
            x, y = text.box_px.mean(axis=0).astype(int)
            assert mask[y, x], text.words


def test_without_traces_there_is_no_outside(read: Read) -> None:
    _, report, pixels, _ = read
    assert printed_text(pixels, replace(report, pieces=())) == ()
    assert covered(all_but_traces((300, 200), replace(report, pieces=())), (200, 300)).all()


def test_what_is_filled_depends_on_nothing_that_stood_there() -> None:
    rng = np.random.default_rng(5)
    pixels = np.full((200, 300, 3), (250, 240, 230), dtype=np.uint8)
    pixels[::10] = (230, 160, 160)
    boxes = ((20.0, 30.0, 120.0, 60.0), (118.0, 50.0, 180.5, 80.2), (290.0, 190.0, 400.0, 400.0))
    one = masked(pixels, boxes)
    inside = covered(((20, 30, 120, 60), (118, 50, 181, 81), (290, 190, 300, 200)), pixels.shape)
    other = pixels.copy()
    other[inside] = rng.integers(0, 255, (int(inside.sum()), 3))
    before = other.copy()
    assert (masked(other, boxes) == one).all()
    assert (other == before).all(), "the pixels that come in stay as they are"
    assert (one[inside] == (250, 240, 230)).all(), "the paper around, not its lines"
    assert (one[~inside] == pixels[~inside]).all()
    assert (masked(pixels, ((0, 0, 300, 200),)) == 255).all(), "without paper around it is white"


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        ([(10, 10, 10, 40)], "has no size"),
        ([(10, 10, float("nan"), 40)], "has no size"),
        ([(400, 10, 500, 40)], "outside the page"),
        ([(n, 0, n + 1, 1) for n in range(501)], "too many"),
    ],
)
def test_a_place_that_cannot_be_is_one_sentence(boxes: list[tuple[float, float, float, float]], says: str) -> None:
    with pytest.raises(InputError, match=f"page.png: .*{says}.*; give"):
        check_boxes(boxes, "page.png", (300, 200))


def test_places_are_whole_pixels_within_the_page() -> None:
    assert check_boxes([(-3.2, 4.6, 20.1, 900)] * 2, "p", (300, 200)) == ((0.0, 4.0, 21.0, 200.0),)


def test_boxes_are_halved_until_nothing_that_stays_lies_in_them() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        wanted = (rng.random((25, 40)) < 0.2).astype(np.uint8)
        free = (rng.random((25, 40)) < 0.95).astype(np.uint8)
        parts = free_boxes(wanted & free, free)
        mask = covered(tuple(parts), wanted.shape)
        assert mask[(wanted & free) > 0].all()
        assert not mask[free == 0].any()
        together = covered(tuple(merged(parts, 1 - free, 3)), wanted.shape)
        assert together[mask].all()
        assert not together[free == 0].any()


@pytest.fixture(scope="module")
def named_pdf() -> bytes:
    over = io.BytesIO()
    canvas = Canvas(over, pagesize=(WIDTH_MM * mm, HEIGHT_MM * mm))
    canvas.setFont("Helvetica", 11)
    canvas.drawString(30 * mm, (HEIGHT_MM - 12) * mm, "Jane Doe, 14.03.1951")
    canvas.save()
    writer = PdfWriter(clone_from=io.BytesIO(Sheet().pdf()))
    writer.pages[0].merge_page(PdfReader(over).pages[0])
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_pdf_is_read_from_its_lines_after_its_text_was_hidden(named_pdf: bytes) -> None:
    opened = open_page(named_pdf, name="named.pdf")
    record, report = digitize_opened(opened)
    assert report.source == "vector"
    assert any("Jane Doe" in text for text in report.printed)
    boxes = text_on(opened, report)
    assert len(boxes) == 1, "the letters of leads, speed and gain are harmless"
    hidden = with_hidden(opened, boxes)
    content = packed(hidden, 2**20)
    assert is_packed(content)
    again = unpacked(content, "named.pdf")
    assert (again.raster.pixels == hidden.raster.pixels).all()
    assert (again.page, again.pages, again.raster.dpi) == (1, 1, opened.raster.dpi)
    assert again.drawing is not None
    assert "Jane" not in again.drawing.letters
    other, other_report = digitize_opened(again)
    assert other_report.source == "vector"
    assert np.array_equal(other.signal_mv, record.signal_mv, equal_nan=True)
    assert other_report.printed == printed_without(report.printed, hidden, report.turned_deg)
    assert not any("Doe" in text for text in other_report.printed)
    x0, y0, x1, y1 = (int(side) for side in boxes[0])
    assert opened.raster.pixels[y0:y1, x0:x1].min() < 60
    assert np.ptp(again.raster.pixels[y0:y1, x0:x1], axis=(0, 1)).max() == 0


def test_a_large_picture_is_packed_as_a_jpeg(read: Read) -> None:
    page, _, pixels, _ = read
    from ecgr1_core.digitize.intake import opened_image

    opened = opened_image(page.image.convert("RGB"), "p")
    small = unpacked(packed(opened, 1000), "p").raster.pixels
    assert small.shape == pixels.shape
    assert np.abs(small.astype(int) - pixels).mean() < 3
    with pytest.raises(ValueError, match="no packed page"):
        unpacked(b"%PDF-1.4", "p")
