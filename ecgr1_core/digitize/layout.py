"""Rows, columns, calibration pulse and lead names of a straightened page: which lead is looked for where.

Rows are lines along which much thin ink lies, the pulse is a rectangle standing on all of them at one x, the columns
follow from where the traces begin and end. Each layout of `render.layouts` with so many rows is held against the names
that were read; the standard order is the prior where none was. The module follows no trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from ecgr1_core.digitize.grid import Float32Array
from ecgr1_core.digitize.ink import PX_PER_MM
from ecgr1_core.digitize.labels import Word
from ecgr1_core.digitize.pieces import Order
from ecgr1_core.record import LEADS
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, LAYOUTS, ORDERS, PAGE_S, SPEEDS_MM_PER_S, Layout, find_layout

_ROW_COUNTS = (12, 6, 4, 3)
_LEAST_ROW_MM = 7.0
_LEAST_PEAK = 0.3  # of the third highest
_MOST_PEAKS = 14
_UNEVEN_COST = 1.5  # of the rows' distances, by their coefficient of variation
_OUTSIDE_COST = 0.6  # of a line of ink that is no row
_PULSE_S = 0.2
_PULSE_MV = 1.0
_PULSE_SEARCH_MM = 45.0
_SURE_PULSE = 0.65  # on average over the rows
_LEAST_PULSE = 0.5  # in a row
_LEAST_INKED = 0.15  # of a pulse: on bare paper likeness means nothing
_LABEL_AFTER_MM = (-2.0, 9.0)  # where a column's name begins, from the column's beginning
_RARE_COST = 0.3  # of the Cabrera order, which few print
_NAME_SURE = 0.62
_SPEED_NAMED = 0.8  # two good names in columns but the first
_LENGTH_SLACK_MM = 2.0
_BESIDE_MM = 0.6  # of a pulse's edges, where its own ink ends


@dataclass(frozen=True)
class Pulse:
    """A calibration pulse: its rising and falling edge in pixels, the scales it shows, and how sure it is (0 to 1)."""

    left: float
    right: float
    speed_mm_per_s: float
    gain_mm_per_mv: float
    likeness: float
    baselines: tuple[float, ...]  # the y of its foot in each row


@dataclass(frozen=True, eq=False)
class NamedCell:
    """A lead's place: `read` is how like the printed name is to the lead's (None: no name was seen there)."""

    row: int
    column: int
    lead: str
    inverted: bool
    read: float | None
    word: Word | None
    is_strip: bool


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A layout held against the names read: its cells and how well both agree (higher is better)."""

    layout: str
    order: Order
    cells: tuple[NamedCell, ...]
    score: float


def find_rows(flat: npt.NDArray[np.uint8]) -> list[float]:
    """Return the baselines of the rows from top to bottom, in pixels; empty where no layout has so many."""
    profile = gaussian_filter1d(flat.sum(axis=1).astype(np.float64), 1.0 * PX_PER_MM)
    if profile.max() <= 0:
        return []
    distance = max(1, round(_LEAST_ROW_MM * PX_PER_MM))
    peaks, shape = find_peaks(profile, height=0.1 * profile.max(), distance=distance, prominence=0.06 * profile.max())
    heights = shape["peak_heights"]
    if len(peaks) < min(_ROW_COUNTS):
        return []
    limit = _LEAST_PEAK * np.sort(heights)[::-1][min(2, len(heights) - 1)]
    peaks, heights = peaks[heights >= limit], heights[heights >= limit]
    strongest = np.sort(np.argsort(heights)[::-1][:_MOST_PEAKS])
    peaks, heights = peaks[strongest], heights[strongest]
    best: tuple[float, list[float]] = (-np.inf, [])
    for count in _ROW_COUNTS:
        for chosen in combinations(range(len(peaks)), count):
            some, high = peaks[list(chosen)], heights[list(chosen)]
            pitches = np.diff(some)
            uneven = float(pitches.std() / pitches.mean())
            outside = float(heights.sum() - high.sum()) / float(heights.max())
            score = float(high.mean() / heights.max()) - _UNEVEN_COST * uneven - _OUTSIDE_COST * outside
            if score > best[0]:
                best = (score, [float(peak) for peak in some])
    return best[1]


def long_rows(flat: npt.NDArray[np.uint8], paper_px: int) -> int:
    """Return how many lines along the paper hold ink over a third of its length, `paper_px`, or more."""
    near = round(_LEAST_ROW_MM * PX_PER_MM)
    held = cv2.dilate(flat, np.ones((near, 1), np.uint8)).sum(axis=1, dtype=np.float64)
    peaks, _ = find_peaks(
        gaussian_filter1d(held, near / 2), height=paper_px / 3, distance=near, prominence=paper_px / 6
    )
    return len(peaks)


def find_pulse(ink: Float32Array, rows: list[float], left: float, right: float) -> Pulse | None:
    """Return the calibration pulse near either end of the traces, which reach from `left` to `right`; None without."""
    reach = _PULSE_SEARCH_MM * PX_PER_MM
    best: Pulse | None = None
    blurred = cv2.GaussianBlur(ink, (0, 0), 1.5)
    soft = np.asarray(cv2.resize(blurred, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.float32)
    for low, high in ((left - 0.3 * reach, left + 0.7 * reach), (right - 0.7 * reach, right + 0.3 * reach)):
        columns = (max(0, int(low / 2)), min(soft.shape[1], int(high / 2)))
        for speed in SPEEDS_MM_PER_S:
            for gain in GAINS_MM_PER_MV:
                found = _pulse_in(soft, rows, columns, speed, gain)
                if found is not None and (best is None or found.likeness > best.likeness):
                    best = found
    return best


def _pulse_in(
    soft: Float32Array, rows: list[float], columns: tuple[int, int], speed: float, gain: float
) -> Pulse | None:
    half = PX_PER_MM / 2
    high, wide = round(gain * _PULSE_MV * half), round(speed * _PULSE_S * half)
    lead, spare = round(1.5 * half), round(1.0 * half)
    slack = round(2.5 * half)
    plate = np.zeros((high + 2 * spare, wide + 2 * lead), dtype=np.float32)
    foot, top = spare + high, spare
    points = np.array(((0, foot), (lead, foot), (lead, top), (lead + wide, top), (lead + wide, foot), (9999, foot)))
    cv2.polylines(plate, [points.astype(np.int32)], False, 1.0, 1, cv2.LINE_8)
    plate = np.asarray(cv2.GaussianBlur(plate, (0, 0), 0.8), dtype=np.float32)
    maps, offsets = [], []
    for row in rows:
        first = round(row / 2) - foot - slack
        part = soft[max(0, first) : first + plate.shape[0] + 2 * slack, columns[0] : columns[1]]
        if part.shape[0] < plate.shape[0] + slack or part.shape[1] < plate.shape[1]:
            continue
        likeness = cv2.matchTemplate(part, plate, cv2.TM_CCOEFF_NORMED)
        inked = cv2.matchTemplate(part, plate, cv2.TM_CCORR)
        likeness[~np.isfinite(likeness) | (inked < _LEAST_INKED * float((plate * plate).sum()))] = 0
        maps.append(likeness.max(axis=0))
        offsets.append((likeness, max(0, first)))
    if len(maps) < len(rows) - len(rows) // 4:
        return None
    swollen = [cv2.dilate(np.ascontiguousarray(m)[None, :], np.ones((1, 3), np.uint8))[0] for m in maps]
    together = np.mean(swollen, axis=0)
    column = int(together.argmax())
    if together[column] < _SURE_PULSE:
        return None
    feet = []
    for likeness, first in offsets:
        place = likeness[:, max(0, column - 1) : column + 2].max(axis=1)
        feet.append(2.0 * (first + int(place.argmax()) + foot) + 1.0 if place.max() > _LEAST_PULSE else np.nan)
    if np.isnan(feet).sum() > len(rows) // 4:
        return None
    rising = 2.0 * (columns[0] + column + lead) + 1.0
    baselines = tuple(feet) if len(feet) == len(rows) else (np.nan,) * len(rows)
    return Pulse(rising, rising + 2.0 * wide, speed, gain, float(together[column]), baselines)


def find_ends(flat: npt.NDArray[np.uint8], rows: list[float], pulse: Pulse | None) -> tuple[float, float, bool]:
    """Return where most rows' traces begin and end in pixels, without the pulse, and whether a gap lies between."""
    pitch = float(np.median(np.diff(rows)))
    starts, stops = [], []
    gap = True
    for row in rows:
        top, bottom = max(0, int(row - 0.45 * pitch)), int(row + 0.45 * pitch) + 1
        held: npt.NDArray[np.bool_] = np.asarray(flat[top:bottom].max(axis=0) > 0)
        if pulse is not None:
            after, before = int(pulse.right + _BESIDE_MM * PX_PER_MM), int(pulse.left - _BESIDE_MM * PX_PER_MM)
            if held[after:].sum() > held[:before].sum():  # the pulse stands on the left
                lead_out = _lead_out(held[after:])
                gap = gap and lead_out >= 0
                held[: after + max(0, lead_out)] = False
            else:
                lead_in = _lead_out(held[:before][::-1])
                held[before - max(0, lead_in) :] = False
        places = np.flatnonzero(held)
        if places.size > 20 * PX_PER_MM:
            starts.append(places[0])
            stops.append(places[-1] + 1)
    if not starts:
        return 0.0, 0.0, False
    return float(np.median(starts)), float(np.median(stops)), gap


def _lead_out(held: npt.NDArray[np.bool_]) -> int:
    """Return how long the line beside the pulse is where a gap follows within 6 mm (0: no line), otherwise -1."""
    near = held[: 6 * PX_PER_MM]
    inked = np.flatnonzero(near)
    if not inked.size or inked[0] > 2 * PX_PER_MM:
        return 0
    empty = np.flatnonzero(~near[inked[0] :])
    if not empty.size:
        return -1
    stop = int(inked[0] + empty[0])
    return stop if not held[stop : stop + PX_PER_MM // 2].any() else -1


def speed_by_length(length_px: float) -> float | None:
    """Return the paper speed at which the traces would last ten seconds, within 2.5 %, or None."""
    for speed in SPEEDS_MM_PER_S:
        if abs(length_px / PX_PER_MM / (speed * PAGE_S) - 1) < 0.025:
            return speed
    return None


def speed_by_names(
    words: list[Word], rows: list[float], left: float, right: float, has_gap: bool, paper_end: float
) -> float | None:
    """Return the paper speed at which lead names stand at the beginnings of their columns, or None where none is."""
    best, best_score = None, _SPEED_NAMED
    for speed in SPEEDS_MM_PER_S:
        start = page_start(left, right, speed, has_gap, paper_end)
        arranged = arrange(words, rows, start, speed)
        if arranged is None:
            continue
        placed = sum(max(0.0, cell.read - 0.4) for cell in arranged.cells if cell.column > 0 and cell.read is not None)
        if placed > best_score:
            best, best_score = speed, placed
    return best


def page_start(left: float, right: float, speed_mm_per_s: float, has_gap: bool, paper_end: float) -> float:
    """Return the x in pixels at which the page's first second begins, from where the traces begin and end.

    Traces that reach the end of the paper may be cut off there, which says nothing about where they begin.
    """
    length = PAGE_S * speed_mm_per_s * PX_PER_MM
    spare = (right - left) - length
    if spare < 0 and right > paper_end - _LENGTH_SLACK_MM * PX_PER_MM:
        return left
    if abs(spare) <= _LENGTH_SLACK_MM * PX_PER_MM:
        return left + spare / 2
    if 0 < spare < 12 * PX_PER_MM and not has_gap:
        return right - length
    return left


def arrange(words: list[Word], rows: list[float], start: float, speed_mm_per_s: float) -> Arrangement | None:
    """Return the layout with this many rows whose lead names are best found where they belong."""
    best: Arrangement | None = None
    for name in LAYOUTS:
        for order in ORDERS:
            layout = find_layout(name, order)
            if len(layout.all_rows) != len(rows):
                continue
            arranged = _held_against(layout, order, words, rows, start, speed_mm_per_s)
            if best is None or arranged.score > best.score + 1e-9:
                best = arranged
    return best


def _held_against(
    layout: Layout, order: Order, words: list[Word], rows: list[float], start: float, speed: float
) -> Arrangement:
    pitch = float(np.median(np.diff(rows)))
    cells: list[NamedCell] = []
    score = 0.0 if order == "standard" else -_RARE_COST
    wide = layout.seconds_per_column * speed * PX_PER_MM
    offset = _common_rise(layout, words, rows, start, wide)
    for row, leads in enumerate(layout.all_rows):
        is_strip = row >= len(layout.rows)
        for column, lead in enumerate(leads):
            inverted = lead in layout.inverted_leads
            at = start + (column * wide if not is_strip else 0.0)
            near = [
                word
                for word in words
                if _LABEL_AFTER_MM[0] * PX_PER_MM <= word.left - at <= _LABEL_AFTER_MM[1] * PX_PER_MM
                and abs(word.bottom - rows[row]) < 0.7 * pitch
                and (lead != "I" or offset is None or abs(word.bottom - rows[row] - offset) < 2.5 * PX_PER_MM)
            ]
            if is_strip:
                named = _strip_name(near, lead)
                cells.append(NamedCell(row, column, named[0], False, named[1], named[2], True))
                score += 0.5 * max(0.0, (named[1] or 0.0) - 0.4)
                continue
            expected = f"-{lead}" if inverted else lead
            best = max(near, key=lambda word: word.like(expected), default=None)
            read = best.like(expected) if best is not None else None
            cells.append(NamedCell(row, column, lead, inverted, read, best, False))
            if read is not None and best is not None:
                other = max(best.like(name) for name in (*LEADS, "-aVR") if name != expected)
                score += max(0.0, read - 0.4) - (0.6 if other > max(read, _NAME_SURE) + 0.05 else 0.0)
    return Arrangement(layout.name, order, tuple(cells), score)


def _strip_name(near: list[Word], usual: str) -> tuple[str, float | None, Word | None]:
    best: tuple[str, float | None, Word | None] = (usual, None, None)
    for word in near:
        for lead in LEADS:
            value = word.like(lead)
            if value > max(best[1] or 0.0, _NAME_SURE):
                best = (lead, value, word)
    return best


def _common_rise(layout: Layout, words: list[Word], rows: list[float], start: float, wide: float) -> float | None:
    """Return how far below its row's baseline most names of this layout stand, in pixels (above: negative)."""
    rises: list[float] = []
    weights: list[float] = []
    pitch = float(np.median(np.diff(rows)))
    for row, leads in enumerate(layout.rows):
        for column, lead in enumerate(leads):
            if lead == "I":
                continue
            expected = f"-{lead}" if lead in layout.inverted_leads else lead
            for word in words:
                after = word.left - start - column * wide
                if (
                    word.like(expected) > _NAME_SURE
                    and _LABEL_AFTER_MM[0] * PX_PER_MM <= after <= _LABEL_AFTER_MM[1] * PX_PER_MM
                    and abs(word.bottom - rows[row]) < 0.7 * pitch
                ):
                    rises.append(word.bottom - rows[row])
                    weights.append(word.like(expected))
    if len(rises) < 2:
        return None
    near = np.abs(np.subtract.outer(rises, rises)) < 2.5 * PX_PER_MM
    votes = near @ np.array(weights)
    best = int(votes.argmax())
    return float(np.median(np.array(rises)[near[best]]))
