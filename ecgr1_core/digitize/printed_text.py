"""Printed and written text on a page, beside its traces: names, numbers and dates that may say who the patient is.

The page is put on its own grid, so that lines of text run across; the grid is taken off as it is before traces are
followed, and of the ink that is left what belongs to the traces, to their calibration pulses and lead names is no text.
Recall goes first: a name left standing is worse than a box too many. Nothing is read but speed and gain, which are left
standing. All rules and limits here are our own, chosen on drawn pages (`benchmarks/hide_names.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ecgr1_core.digitize.free_boxes import Mask, Part, free_boxes, in_pixels, merged
from ecgr1_core.digitize.ink import PX_PER_MM, ink_of
from ecgr1_core.digitize.labels import NAMES, Word, find_words, scales_of
from ecgr1_core.digitize.page_on_grid import Float64Array, Sheet, on_grid, points_of
from ecgr1_core.digitize.pieces import BoxPx, Pixels
from ecgr1_core.digitize.report import DigitizeReport, PieceReport
from ecgr1_core.render.page_truth import corners, mapped

_COARSE_PX_PER_MM = 4.0  # boxes lie on this raster
_INK = 0.3  # of the darkness of the traces, in every colour, and darker than
_PEN_INK = 0.25  # likewise, of what an eye sees that tells no colours: pens and stamps are lighter
_GREY = np.array((0.3, 0.5, 0.2), dtype=np.float32)
_RULE_MM = 7.0  # longer straight lines are no letters
_TRACE_MM = 0.9  # to either side of the line that was followed is trace
_LETTER_MM = (0.7, 16.0)  # heights of letters and of written words
_LONGEST_INK_MM = 75.0  # longer than this is an edge of the paper, or a rule
_GAP_MM = (4.5, 0.9)  # between letters of a line, and between the parts of a letter
_LEAST_GROUP_MM = (1.6, 1.1)  # width and height
_LEAST_INKED = 0.05  # of a group's box
_NAME_MM = 13.0  # what is not wider may be a lead's name, if it stands where they do
_NAME_RISE_MM = 11.0  # above a row's middle
_NAME_DROP_MM = 9.0  # below it
_TIP_MM = 7.0  # what is narrower, and higher than wide, may be the tip of a wave
_WAVE_MM = 25.0  # so far above and below the rows waves may reach that were not followed to their tips
_ROW_MM = 12.0  # so far above and below the rows,
_LINE_MM = 20.0  # between the rows what is higher than this is no line of text
_HEART_MM = 9.0  # of a lead's box, above and below the middle of its trace, nothing is hidden
_MOST_IN_ROWS = 12  # more than so many groups of letters are none
_PULSE_REACH_MM = 16.0  # to the left and right of a row
_BESIDE_PX = 5  # ink as near to the traces as this, and
_REST_MM = 6.0  # not wider than this, is a rest of them
_MERGE_MM = 3.0  # boxes nearer than this become one where nothing between them has to stay
_PAD_MM = 0.8  # of a box around its ink


def printed_text(
    pixels: Pixels, report: DigitizeReport, *, text_px: Sequence[BoxPx] = (), harmless_px: Sequence[BoxPx] = ()
) -> tuple[BoxPx, ...]:
    """Return boxes around the text that is printed or written on a page outside its traces.

    `pixels` is [height, width, 3], RGB, of the page as it was opened, and `report` what was read off it: its traces and
    grid lie in the same pixels. `text_px` and `harmless_px` are boxes of text that is known already, as in a PDF: to be
    found whatever it looks like, and to be left standing. The boxes are x0, y0, x1, y1 in pixels of the page, whole
    numbers within it, from top to bottom; none of them covers a trace that was followed, a calibration pulse that is
    known as one, or printed speed and gain. Without traces there is no outside: (). Raises nothing. Rules: our own.
    """
    if not report.pieces:
        return ()
    sheet = on_grid(pixels, report)
    mask = _text_on(sheet, report)
    height, width = pixels.shape[:2]
    factor = min(1.0, _COARSE_PX_PER_MM * sheet.mm_per_px)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    scaled = np.diag((size[0] / width, size[1] / height, 1.0))
    wanted = _warped(mask.text, scaled @ sheet.to_image, size)
    barred = _warped(mask.barred, scaled @ sheet.to_image, size)
    _draw_traces(barred, report.pieces, scaled, _TRACE_MM / sheet.mm_per_px * factor)
    pad = max(1, round(_PAD_MM / sheet.mm_per_px * factor))
    wanted = np.asarray(cv2.dilate(wanted, np.ones((2 * pad + 1, 2 * pad + 1), np.uint8)), dtype=np.uint8)
    wanted |= _filled(text_px, scaled, size)
    around = np.ones((4 * pad + 1, 4 * pad + 1), np.uint8)
    barred |= np.asarray(cv2.dilate(_filled(harmless_px, scaled, size), around), dtype=np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(wanted, connectivity=8)
    parts: list[Part] = []
    for number in range(1, count):
        x, y, across, down = stats[number, :4].tolist()
        own = np.asarray(labels[y : y + down, x : x + across] == number, dtype=np.uint8)
        free = 1 - barred[y : y + down, x : x + across]
        parts += [(x + a, y + b, x + c, y + d) for a, b, c, d in free_boxes(own & free, free)]
    parts = merged(parts, barred, round(_MERGE_MM / sheet.mm_per_px * factor))
    return in_pixels(parts, (width / size[0], height / size[1]), (width, height))


@dataclass(frozen=True, eq=False)
class _Found:
    text: Mask
    barred: Mask  # what is neither text nor trace, and stays: pulses, speed and gain, lead names


def _text_on(sheet: Sheet, report: DigitizeReport) -> _Found:
    """Return where text lies on the sheet, and what stays there."""
    to_sheet = np.asarray(np.linalg.inv(sheet.to_image), dtype=np.float64)
    lanes = [mapped(points_of([piece]), to_sheet) for piece in report.pieces]
    boxes = np.array([(*np.nanmin(lane, axis=0), *np.nanmax(lane, axis=0)) for lane in lanes])
    middles = np.array([float(np.nanmedian(lane[:, 1])) for lane in lanes])
    shape = sheet.seen.shape
    inside = np.zeros(shape, dtype=bool)
    left, top = np.maximum(boxes[:, :2].min(axis=0), 0).astype(int)
    right, bottom = boxes[:, 2:].max(axis=0).astype(int)
    inside[top:bottom, left:right] = True
    traces = np.zeros(shape, dtype=np.uint8)
    _draw_traces(traces, report.pieces, to_sheet, _TRACE_MM * PX_PER_MM)
    area = _area(shape, boxes, middles)
    black = ink_of(sheet.even, inside & sheet.seen, sheet.seen)
    grey = np.repeat((sheet.even @ _GREY)[..., None], 3, axis=2)
    pen = ink_of(grey, inside & sheet.seen, sheet.seen)
    field = _field(shape, boxes, middles, _WAVE_MM)
    rows = _field(shape, boxes, middles, _ROW_MM)
    dark = _without_rules(np.asarray((black > _INK) & (traces == 0), dtype=np.uint8))
    dark, barred = _without_pulses(dark, boxes, middles, report.gain_mm_per_mv)
    words = find_words(np.where(dark > 0, black, np.float32(0)))
    _, _, scales = scales_of(words)
    names = [word for word in words if word.text in NAMES and area[int(word.bottom) - 1, int(word.left)]]
    for x0, y0, x1, y1 in _hearts(boxes, middles):
        barred[y0:y1, x0:x1] = 1
    for word in (*scales, *names):
        barred[int(word.top) - 2 : int(word.bottom) + 2, int(word.left) - 2 : int(word.right) + 2] = 1
    named = _named(shape, words, boxes, middles, report.pieces)
    drawn = _without_rules(np.asarray((pen > _PEN_INK) & (area == 0) & (traces == 0), dtype=np.uint8))
    text = np.zeros(shape, dtype=np.uint8)
    for ink in (dark, drawn):  # each by itself: of a strong grid so much is left in one that all of it hangs together
        ink[barred > 0] = 0
        text |= _lines(ink, area, field, rows, named, traces)
    return _Found(text, barred)


def _without_rules(dark: Mask) -> Mask:
    """Return the ink without long straight lines along or across: of the grid, of frames, of the edge of the sheet."""
    long = round(_RULE_MM * PX_PER_MM)
    thick = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    rules = np.zeros_like(dark)
    for kernel in (np.ones((1, long), np.uint8), np.ones((long, 1), np.uint8)):
        rules |= np.asarray(cv2.morphologyEx(thick, cv2.MORPH_OPEN, kernel), dtype=np.uint8)
    return np.where(cv2.dilate(rules, np.ones((3, 3), np.uint8)) > 0, np.uint8(0), dark)


def _area(shape: tuple[int, ...], boxes: Float64Array, middles: Float64Array) -> Mask:
    """Return where names of leads stand: around each trace, as far above and below its middle as they are printed."""
    area = np.zeros(shape, dtype=np.uint8)
    for (left, _, right, _), middle in zip(boxes, middles, strict=True):
        top, bottom = middle - _NAME_RISE_MM * PX_PER_MM, middle + _NAME_DROP_MM * PX_PER_MM
        x0, x1 = max(0, int(left - _PULSE_REACH_MM * PX_PER_MM)), max(0, int(right + 4 * PX_PER_MM))
        area[max(0, int(top)) : max(0, int(bottom)), x0:x1] = 1
    return area


def _named(
    shape: tuple[int, ...],
    words: Sequence[Word],
    boxes: Float64Array,
    middles: Float64Array,
    pieces: Sequence[PieceReport],
) -> Mask:
    """Return where words stand that are read as the name of the lead whose trace they stand over or under."""
    named = np.zeros(shape, dtype=np.uint8)
    reach = _WAVE_MM * PX_PER_MM
    for word in words:
        across, down = (word.left + word.right) / 2, (word.top + word.bottom) / 2
        for (left, _, right, _), middle, piece in zip(boxes, middles, pieces, strict=True):
            begins = left - _PULSE_REACH_MM * PX_PER_MM <= across <= (left + right) / 2
            if begins and abs(down - middle) < reach and (word.text or "").removeprefix("-") == piece.lead:
                named[int(word.top) : int(word.bottom), int(word.left) : int(word.right)] = 1
    return named


def _hearts(boxes: Float64Array, middles: Float64Array) -> list[Part]:
    """Return the part of each lead's box around the middle of its trace: it may not have been followed all along."""
    reach = _HEART_MM * PX_PER_MM
    low, high = np.maximum(boxes[:, 1], middles - reach), np.minimum(boxes[:, 3], middles + reach)
    found = np.column_stack((boxes[:, 0], low, boxes[:, 2], high))
    return [(int(x0), int(y0), int(x1), int(y1)) for x0, y0, x1, y1 in np.maximum(found, 0).tolist()]


def _field(shape: tuple[int, ...], boxes: Float64Array, middles: Float64Array, beyond_mm: float) -> Mask:
    """Return the part of the sheet between the rows and so far above the first and below the last."""
    field = np.zeros(shape, dtype=np.uint8)
    top, bottom = middles.min() - beyond_mm * PX_PER_MM, middles.max() + beyond_mm * PX_PER_MM
    reach = _PULSE_REACH_MM * PX_PER_MM
    left, right = boxes[:, 0].min() - reach, boxes[:, 2].max() + reach
    field[max(0, int(top)) : max(0, int(bottom)), max(0, int(left)) : max(0, int(right))] = 1
    return field


def _without_pulses(dark: Mask, boxes: Float64Array, middles: Float64Array, gain_mm_per_mv: float) -> tuple[Mask, Mask]:
    """Return the ink without the calibration pulses beside the rows, and where these are."""
    barred = np.zeros_like(dark)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    pulse = gain_mm_per_mv * PX_PER_MM
    reach = _PULSE_REACH_MM * PX_PER_MM
    first, last = float(boxes[:, 0].min()), float(boxes[:, 2].max())
    for number, (x, y, across, down, _) in enumerate(stats[1:].tolist(), start=1):
        if not 0.6 * pulse <= down <= 1.3 * pulse + 4 or across > 18 * PX_PER_MM:
            continue
        foot = y + down
        on_row = bool((np.abs(middles - foot) < 4 * PX_PER_MM).any())
        if on_row and (
            first - reach <= x + across / 2 <= first + reach or last - reach <= x + across / 2 <= last + reach
        ):
            part = labels[y : y + down, x : x + across] == number
            dark[y : y + down, x : x + across][part] = 0
            barred[y : y + down, x : x + across] = 1
    return dark, barred


def _lines(dark: Mask, area: Mask, field: Mask, rows: Mask, named: Mask, traces: Mask) -> Mask:
    """Return the lines of text: letters that stand together, filled; what may be the name of a lead is left out."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    wide, high = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    longest = np.maximum(wide, high)
    keep = (longest >= _LETTER_MM[0] * PX_PER_MM) & (longest <= _LONGEST_INK_MM * PX_PER_MM)
    keep &= high <= _LETTER_MM[1] * PX_PER_MM
    beside = labels[(cv2.dilate(traces, np.ones((_BESIDE_PX, _BESIDE_PX), np.uint8)) > 0) & (dark > 0)]
    keep &= (np.bincount(beside, minlength=count) == 0) | (wide > _REST_MM * PX_PER_MM)
    keep[0] = False
    letters = np.asarray(keep[labels], dtype=np.uint8)
    across, down = (round(gap * PX_PER_MM / 2) * 2 + 1 for gap in _GAP_MM)
    joined = cv2.morphologyEx(letters, cv2.MORPH_CLOSE, np.ones((down, across), np.uint8), borderValue=0)
    _, groups, sizes, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    group_of = groups[letters > 0]
    inked = np.bincount(group_of, minlength=len(sizes))
    in_area = np.bincount(group_of, area[letters > 0], len(sizes))
    wide, high = sizes[:, cv2.CC_STAT_WIDTH], sizes[:, cv2.CC_STAT_HEIGHT]
    good = (wide >= _LEAST_GROUP_MM[0] * PX_PER_MM) & (high >= _LEAST_GROUP_MM[1] * PX_PER_MM)
    good &= inked >= _LEAST_INKED * wide * high
    good &= (wide > _NAME_MM * PX_PER_MM) | (in_area < 0.5 * inked)
    holds_name = np.bincount(groups[named > 0], minlength=len(sizes)) > 0
    good &= (wide > _NAME_MM * PX_PER_MM) | ~holds_name
    in_field = np.bincount(group_of, field[letters > 0], len(sizes))
    is_wave = ((high >= wide) & (wide <= _TIP_MM * PX_PER_MM)) | (high > _LINE_MM * PX_PER_MM)
    good &= ~is_wave | (in_field < 0.5 * inked)
    good[0] = False
    in_rows = good & (np.bincount(group_of, rows[letters > 0], len(sizes)) > 0.5 * inked)
    if in_rows.sum() > _MOST_IN_ROWS:  # a grid, or traces that were not followed
        good &= ~in_rows
    return np.asarray(good[groups], dtype=np.uint8)


def _draw_traces(mask: Mask, pieces: Sequence[PieceReport], to_mask: Float64Array, reach_px: float) -> None:
    """Draw the traces, with so many pixels to either side, in place; of those that are not known the box."""
    thickness = max(1, round(2 * reach_px))
    for piece in pieces:
        if piece.trace_px is None:
            cv2.fillPoly(mask, [np.round(mapped(corners(*piece.box_px), to_mask)).astype(np.int32)], 1)
            continue
        points = mapped(piece.trace_px, to_mask)
        known = ~np.isnan(points).any(axis=1)
        cuts = np.flatnonzero(np.diff(known.astype(np.int8))) + 1
        for part in np.split(points, cuts):
            if not np.isnan(part).any() and len(part):
                cv2.polylines(mask, [np.round(part).astype(np.int32)], False, 1, thickness)


def _filled(boxes: Sequence[BoxPx], scaled: Float64Array, size: tuple[int, int]) -> Mask:
    """Return boxes of the page drawn on the coarse raster of (width, height) pixels."""
    mask = np.zeros((size[1], size[0]), dtype=np.uint8)
    for box in boxes:
        (x0, y0), (x1, y1) = np.maximum(mapped(np.array((box[:2], box[2:]), dtype=np.float64), scaled), 0)
        mask[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = 1
    return mask


def _warped(mask: Mask, matrix: Float64Array, size: tuple[int, int]) -> Mask:
    """Return a mask after a homography, a pixel that holds any of it counted: thin lines are not lost."""
    thick = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    half = np.array(((1, 0, 0.5), (0, 1, 0.5), (0, 0, 1.0)))
    moved = cv2.warpPerspective(thick, np.linalg.inv(half) @ matrix @ half, size, flags=cv2.INTER_NEAREST)
    return np.asarray(moved, dtype=np.uint8)
