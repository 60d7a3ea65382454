"""What the user says about a page, checked, and put into effect: the corners of the sheet, and the names of leads.

A picture is put straight by four corners before it is read, and what was found is brought back to the picture after.
The module finds nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from ecgr1_core.digitize.pieces import BoxPx, Float64Array, FoundPage, PageText, RasterPage, TracePiece
from ecgr1_core.errors import InputError
from ecgr1_core.record import LEADS
from ecgr1_core.render.page_truth import corners, mapped

UPSIDE_DOWN_AVR = "-aVR"
LEAD_NAMES = (*LEADS, UPSIDE_DOWN_AVR)
LEAST_SIDE_PX = 100  # of the sheet in the picture: less holds no ECG
_OUTSIDE_PX = 1.0  # a corner may lie so far outside, by rounding
_LEAST_SIN = 0.1  # of the angle at a corner: 6 degrees from a straight line
_CORNERS_REMEDY = "move the corners of the sheet, clockwise from its upper left, or take them back"

Corners = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Asked:
    """What the user says about a page; None: the page is to show it.

    `px_per_mm` is the pixels of one millimetre of paper, for a page without a grid. `corners_px` are the four corners
    of the sheet in the picture, x and y in pixels, clockwise from the upper left one: the picture is put straight by
    them before it is read (a PDF then is read as a picture). `leads` gives traces, by row and column from 0, the name
    of a lead, "-aVR" for one that is printed upside down, or None: it is left out.
    """

    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    px_per_mm: float | None = None
    corners_px: Corners | None = None
    leads: Mapping[tuple[int, int], str | None] = field(default_factory=dict)


def check_asked(asked: Asked, name: str, size_px: tuple[int, int]) -> None:
    """Raise InputError, about the page `name` of width and height `size_px`, for what cannot be."""
    scales = (
        ("speed", asked.speed_mm_per_s, "mm/s"),
        ("gain", asked.gain_mm_per_mv, "mm/mV"),
        ("scale", asked.px_per_mm, "pixels per millimetre"),
    )
    for what, value, unit in scales:
        if value is not None and not (np.isfinite(value) and 0 < value < 1000):
            raise InputError(name, f"a {what} of {value:g} {unit} cannot be", f"give the {what} in {unit}")
    for lead in asked.leads.values():
        if lead is not None and lead not in LEAD_NAMES:
            raise InputError(name, f"{lead[:20]!r} is no lead", f"give one of {', '.join(LEAD_NAMES)}")
    if asked.corners_px is not None:
        _check_corners(asked.corners_px, name, size_px)


def _check_corners(corners_px: Corners, name: str, size_px: tuple[int, int]) -> None:
    """Raise InputError for corners that are not four, lie outside, cross, or enclose next to nothing."""
    given = np.asarray(corners_px, dtype=np.float64)
    if given.shape != (4, 2) or not np.isfinite(given).all():
        raise InputError(name, "a sheet has four corners", _CORNERS_REMEDY)
    if (given < -_OUTSIDE_PX).any() or (given > np.array(size_px) + _OUTSIDE_PX).any():
        raise InputError(name, "a corner of the sheet lies outside the picture", _CORNERS_REMEDY)
    sides = np.roll(given, -1, axis=0) - given
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    if lengths.min() < LEAST_SIDE_PX:
        raise InputError(name, "two corners of the sheet lie too close to each other", _CORNERS_REMEDY)
    after, long_after = np.roll(sides, -1, axis=0), np.roll(lengths, -1)
    turns = (sides[:, 0] * after[:, 1] - sides[:, 1] * after[:, 0]) / (lengths * long_after)
    if (turns < -_LEAST_SIN).all():
        raise InputError(name, "the corners of the sheet are given the wrong way round", _CORNERS_REMEDY)
    if (turns < _LEAST_SIN).any():
        raise InputError(name, "the lines between the corners cross, or make no sheet of four corners", _CORNERS_REMEDY)


def put_straight(raster: RasterPage, corners_px: Corners) -> tuple[RasterPage, Float64Array]:
    """Return the sheet between the corners as a picture of its own, and the homography [3, 3] from it to the picture.

    Its sides are as long as the longer of the two that lie opposite. Corners of pixels are at whole numbers.
    """
    given = np.asarray(corners_px, dtype=np.float32)
    top, right, bottom, left = np.linalg.norm(np.roll(given, -1, axis=0) - given, axis=1)
    width, height = round(float(max(top, bottom))), round(float(max(left, right)))
    sheet = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    to_picture: Float64Array = np.asarray(cv2.getPerspectiveTransform(sheet, given), dtype=np.float64)
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    centres = np.linalg.inv(half) @ to_picture @ half
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpPerspective(raster.pixels, centres, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return replace(raster, pixels=np.asarray(pixels, dtype=np.uint8)), to_picture


def in_picture(found: FoundPage, to_picture: Float64Array) -> FoundPage:
    """Return what was found on a sheet with its boxes, traces and grid where they lie in the picture."""
    return replace(
        found,
        pieces=tuple(_piece_in_picture(piece, to_picture) for piece in found.pieces),
        texts=tuple(PageText(text.text, _box(text.box_px, to_picture)) for text in found.texts),
        grid_to_px=None if found.grid_to_px is None else to_picture @ found.grid_to_px,
    )


def _piece_in_picture(piece: TracePiece, to_picture: Float64Array) -> TracePiece:
    trace = None if piece.trace_px is None else mapped(piece.trace_px, to_picture)
    return replace(piece, box_px=_box(piece.box_px, to_picture), trace_px=trace)


def _box(box: BoxPx, homography: Float64Array) -> BoxPx:
    there = mapped(corners(*box), homography)
    (x0, y0), (x1, y1) = there.min(axis=0), there.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def with_leads(found: FoundPage, leads: Mapping[tuple[int, int], str | None]) -> FoundPage:
    """Return the page with the traces at these rows and columns called by these names, or left out."""
    pieces = []
    for piece in found.pieces:
        place = (piece.row, piece.column)
        if place not in leads:
            pieces.append(piece)
        elif (lead := leads[place]) is not None:
            upside_down = lead == UPSIDE_DOWN_AVR
            pieces.append(replace(piece, lead="aVR" if upside_down else lead, inverted=upside_down))
    return replace(found, pieces=tuple(pieces))
