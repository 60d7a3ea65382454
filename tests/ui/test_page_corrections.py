"""What a visitor says about a page: corners put it straight, leads get other names, and nonsense is one sentence."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from upload_kit import drawn, heart, png, tilted

from ecgr1_core.digitize import Asked, digitize
from ecgr1_core.digitize.corrections import check_asked, in_picture, put_straight, with_leads
from ecgr1_core.digitize.pieces import FoundPage, RasterPage, TracePiece
from ecgr1_core.errors import InputError
from ecgr1_core.render.page_truth import mapped

SIZE = (1000, 800)
SHEET = ((100.0, 50.0), (900.0, 80.0), (880.0, 700.0), (90.0, 720.0))


def piece(row: int, column: int, lead: str | None, box: tuple[float, float, float, float]) -> TracePiece:
    x = np.linspace(0, 60, 7)
    trace = np.column_stack([np.linspace(box[0], box[2], 7), np.full(7, (box[1] + box[3]) / 2)])
    return TracePiece(row, column, lead, x, np.zeros(7), box, 0.9, trace_px=trace)


def found_page() -> FoundPage:
    pieces = (piece(0, 0, "I", (10, 10, 110, 60)), piece(0, 1, "aVR", (110, 10, 210, 60)))
    grid = np.array([[6.0, 0, 10], [0, 6.0, 20], [0, 0, 1]])
    return FoundPage(pieces, (), (1 / 6, 1 / 6), 25.0, 10.0, "pixels", grid_to_px=grid)


def test_the_sheet_between_the_corners_becomes_the_whole_picture() -> None:
    pixels = np.zeros((800, 1000, 3), dtype=np.uint8)
    for number, (x, y) in enumerate(SHEET):  # a mark of its own colour well inside each corner
        inward = np.array([1 if x < 500 else -1, 1 if y < 400 else -1])
        column, row = (np.array([x, y]) + 30 * inward).round().astype(int)
        pixels[row - 8 : row + 8, column - 8 : column + 8] = 60 * (number + 1)
    sheet, to_picture = put_straight(RasterPage(pixels, 200.0, "p"), SHEET)
    height, width = sheet.pixels.shape[:2]
    assert (width, height) == (801, 670), "the longer of the sides that lie opposite"
    assert np.allclose(mapped(np.array([(0, 0), (width, 0), (width, height), (0, height)], float), to_picture), SHEET)
    marks = [
        sheet.pixels[y, x, 0] for x, y in ((30, 32), (width - 30, 32), (width - 30, height - 30), (30, height - 30))
    ]
    assert marks == [60, 120, 180, 240]


def test_what_was_found_is_brought_back_to_the_picture() -> None:
    _, to_picture = put_straight(RasterPage(np.zeros((800, 1000, 3), np.uint8)), SHEET)
    found, back = found_page(), in_picture(found_page(), to_picture)
    for before, after in zip(found.pieces, back.pieces, strict=True):
        assert before.trace_px is not None
        assert after.trace_px is not None
        assert np.allclose(after.trace_px, mapped(before.trace_px, to_picture))
        left, top, right, bottom = after.box_px
        assert left <= after.trace_px[:, 0].min() <= after.trace_px[:, 0].max() <= right
        assert top <= after.trace_px[:, 1].min() <= after.trace_px[:, 1].max() <= bottom
    assert back.grid_to_px is not None
    assert found.grid_to_px is not None
    corner = np.array([(5.0, 10.0)])
    assert np.allclose(mapped(corner, back.grid_to_px), mapped(mapped(corner, found.grid_to_px), to_picture))


def test_leads_are_renamed_turned_over_and_left_out() -> None:
    found = found_page()
    pieces = with_leads(found, {(0, 0): "V1", (0, 1): "-aVR"}).pieces
    assert [(one.lead, one.inverted) for one in pieces] == [("V1", False), ("aVR", True)]
    upside_down = replace(found, pieces=(replace(found.pieces[1], inverted=True),))
    assert [one.inverted for one in with_leads(upside_down, {(0, 1): "aVR"}).pieces] == [False]
    assert [one.lead for one in with_leads(found, {(0, 0): None}).pieces] == ["aVR"]
    assert with_leads(found, {}).pieces == found.pieces


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked(corners_px=SHEET[:3]), "four corners"),
        (Asked(corners_px=((float("nan"), 0), *SHEET[1:])), "four corners"),
        (Asked(corners_px=((-5, 50), *SHEET[1:])), "outside the picture"),
        (Asked(corners_px=(SHEET[0], SHEET[2], SHEET[1], SHEET[3])), "cross"),
        (Asked(corners_px=(SHEET[0], SHEET[1], (250, 200), SHEET[3])), "cross, or make no sheet"),
        (Asked(corners_px=SHEET[::-1]), "wrong way round"),
        (Asked(corners_px=(SHEET[0], (150, 60), *SHEET[2:])), "too close"),
        (Asked(gain_mm_per_mv=0), "gain of 0 mm/mV"),
        (Asked(speed_mm_per_s=-25), "speed of -25 mm/s"),
        (Asked(px_per_mm=float("inf")), "scale of inf"),
        (Asked(leads={(0, 0): "V9"}), "'V9' is no lead"),
    ],
)
def test_nonsense_is_one_sentence(asked: Asked, says: str) -> None:
    with pytest.raises(InputError) as caught:
        check_asked(asked, "page.png", SIZE)
    sentence = str(caught.value)
    assert says in sentence
    assert sentence.startswith("page.png: ")
    assert "; " in sentence
    assert sentence.endswith(".")


def test_a_page_seen_from_one_side_is_read_by_its_corners() -> None:
    image, corners = tilted(drawn())
    asked = Asked(gain_mm_per_mv=10, corners_px=tuple(corners), leads={(0, 3): None, (1, 0): "V6"})
    record, report = digitize(png(image), asked=asked, name="tilted.png")
    assert "V4" in record.missing_leads, "left out, as was asked"
    assert report.leads["V6"].start_s < 0.1, "the trace in the second row is called V6, as was asked"
    lead, truth = record.lead("I"), heart().lead("I")
    known = np.flatnonzero(np.isfinite(lead))
    alike = np.corrcoef(lead[known], truth[known])[0, 1]
    assert alike > 0.97, alike
    outline = np.array(corners)
    for one in report.pieces:
        left, top, right, bottom = one.box_px
        assert outline[:, 0].min() <= left < right <= outline[:, 0].max()
        assert outline[:, 1].min() <= top < bottom <= outline[:, 1].max()
    lowest = max(report.pieces, key=lambda one: one.row)
    tilt = (corners[2][1] - corners[3][1]) / (corners[2][0] - corners[3][0])
    strip = lowest.box_px
    assert strip[3] - strip[1] > 0.7 * tilt * (strip[2] - strip[0]), "the box lies as the sheet does in the picture"
    data = json.loads(json.dumps(report.to_json()))
    assert {(one["row"], one["column"]) for one in data["pieces"]} == {(one.row, one.column) for one in report.pieces}
    assert "trace_px" not in json.dumps(data)
