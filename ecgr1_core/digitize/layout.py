"""Rows, columns and calibration pulse of a straightened page; `naming` says which lead is looked for where.

Rows are lines along which much thin ink lies, the pulse is a rectangle standing on all of them at one x, the columns
follow from where the traces begin and end. The module follows no trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from ecgr1_core.digitize.grid import Float32Array, Float64Array
from ecgr1_core.digitize.ink import PX_PER_MM
from ecgr1_core.digitize.labels import Word
from ecgr1_core.digitize.naming import Arrangement as Arrangement
from ecgr1_core.digitize.naming import NamedCell as NamedCell
from ecgr1_core.digitize.naming import arrange as arrange
from ecgr1_core.digitize.naming import is_clear_name as is_clear_name
from ecgr1_core.digitize.naming import starts_by_names as starts_by_names
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, PAGE_S, SPEEDS_MM_PER_S

_ROW_COUNTS = (12, 6, 4, 3)
_LEAST_ROW_MM = 7.0
_LEAST_PEAK = 0.3  # of the third highest
_MOST_PEAKS = 14
_UNEVEN_COST = 1.5  # of the rows' distances, by their coefficient of variation
_OUTSIDE_COST = 0.6  # of a line of ink that is no row
_MOST_SETS = 3
_NAMED = 0.5  # what a row with names speaks for a set, and one without against it
_NAMED_MM = 1.5  # how far from where it should stand a name does
_UNEVEN_ROW = 0.15  # of the rows' distance: how far a row may lie from halfway between its neighbours
_CLOSE = 0.5  # a set of rows less likely by more than this is none
_PULSE_S = 0.2
_PULSE_MV = 1.0
_PULSE_SEARCH_MM = 45.0
_SURE_PULSE = 0.65  # on average over the rows
_LEAST_PULSE = 0.5  # in a row
_LEAST_INKED = 0.15  # of a pulse: on bare paper likeness means nothing
_SPEED_NAMED = 0.8  # two good names in columns but the first
_STEP_S = 1 / 500  # of the recordings that are drawn; the half of it is all that is left to chance
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


def find_rows(flat: npt.NDArray[np.uint8]) -> list[float]:
    """Return the baselines of the rows from top to bottom, in pixels; empty where no layout has so many."""
    return next(iter(likely_rows(flat)), [])


def likely_rows(flat: npt.NDArray[np.uint8]) -> list[list[float]]:
    """Return the sets of baselines that the ink allows, the likeliest first, in pixels: names and pulses may tell more.

    An edge of the paper is straighter than a trace: no line of ink counts more than the third strongest.
    """
    sets = _sets_of_rows(flat)
    return [rows.tolist() for score, rows in sets[:_MOST_SETS] if score > sets[0][0] - _CLOSE]


def rows_by_names(flat: npt.NDArray[np.uint8], feet: list[float]) -> list[list[float]]:
    """Return the sets of baselines for which clear names speak, whose `feet` stand equally far from their own ones.

    Those that the ink alone makes likely may have lines of other ink among them, or want a row.
    """
    near = _NAMED_MM * PX_PER_MM
    ordered = np.sort(feet)
    lines = ordered[np.diff(ordered, prepend=-np.inf) > near]
    if len(lines) < min(_ROW_COUNTS) - 1:
        return []
    scored = []
    for score, rows in _sets_of_rows(flat):
        off = rows[:, None] - lines[None, :]
        reach = 0.75 * float(np.median(np.diff(rows)))
        rises = off[np.abs(off) < reach]
        named = max((int((np.abs(off - rise) < near).any(axis=1).sum()) for rise in rises), default=0)
        scored.append((score + _NAMED * (2 * named - len(rows)), rows))
    scored.sort(key=lambda one: -one[0])
    return [rows.tolist() for _, rows in scored[:_MOST_SETS]]


def _sets_of_rows(flat: npt.NDArray[np.uint8]) -> list[tuple[float, Float64Array]]:
    """Return all sets of lines of ink that may be the rows of a layout, and how likely: the likeliest first."""
    profile = gaussian_filter1d(flat.sum(axis=1).astype(np.float64), 1.0 * PX_PER_MM)
    if profile.max() <= 0:
        return []
    distance = max(1, round(_LEAST_ROW_MM * PX_PER_MM))
    peaks, shape = find_peaks(profile, height=0.1 * profile.max(), distance=distance, prominence=0.06 * profile.max())
    heights = shape["peak_heights"]
    if len(peaks) < min(_ROW_COUNTS):
        return []
    third = float(np.sort(heights)[-3])
    peaks, heights = peaks[heights >= _LEAST_PEAK * third], heights[heights >= _LEAST_PEAK * third]
    strongest = np.sort(np.argsort(heights)[::-1][:_MOST_PEAKS])
    peaks, heights = _with_those_between(profile, peaks[strongest], heights[strongest])
    heights = np.minimum(heights / third, 1.0)
    sets: list[tuple[float, npt.NDArray[np.intp]]] = []
    for count in _ROW_COUNTS:
        chosen = np.array(list(combinations(range(len(peaks)), count)), dtype=np.intp).reshape(-1, count)
        high, pitches = heights[chosen], np.diff(peaks[chosen], axis=1)
        uneven = pitches.std(axis=1) / pitches.mean(axis=1)
        scores = high.mean(axis=1) - _UNEVEN_COST * uneven - _OUTSIDE_COST * (heights.sum() - high.sum(axis=1))
        sets += zip(scores.tolist(), chosen, strict=True)
    sets.sort(key=lambda scored: -scored[0])
    places = peaks.astype(np.float64)
    return [(score, places[rows]) for score, rows in sets]


def _with_those_between(
    profile: Float64Array, peaks: npt.NDArray[np.intp], heights: Float64Array
) -> tuple[npt.NDArray[np.intp], Float64Array]:
    """Return the lines of ink, and how strong they are, with a faint one halfway between two where a row lacks.

    A trace of much noise or wander, or one that is all waves, lies along no one line.
    """
    steps = np.diff(peaks)
    pitch = float(np.quantile(steps, 0.25)) if steps.size else 0.0
    lacking = np.flatnonzero(np.abs(steps - 2 * pitch) < 2 * _UNEVEN_ROW * pitch)
    if not lacking.size or len(peaks) + len(lacking) > _MOST_PEAKS:
        return peaks, heights
    found = []
    for number in lacking.tolist():
        middle, near = (peaks[number] + peaks[number + 1]) / 2, _UNEVEN_ROW * pitch
        first = round(middle - near)
        found.append(first + int(profile[first : round(middle + near) + 1].argmax()))
    found = [place for place in found if profile[place] > 0]
    every = np.concatenate((peaks, np.array(found, dtype=peaks.dtype)))
    order = np.argsort(every)
    return every[order], np.concatenate((heights, profile[found]))[order]


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

    Ten seconds of samples span one step of sampling less than ten seconds. Traces that reach the end of the paper may
    be cut off there, which says nothing about where they begin.
    """
    length = PAGE_S * speed_mm_per_s * PX_PER_MM
    spare = (right - left) - length
    if spare < 0 and right > paper_end - _LENGTH_SLACK_MM * PX_PER_MM:
        return left
    if abs(spare) <= _LENGTH_SLACK_MM * PX_PER_MM:
        return left + spare / 2 + _STEP_S / 2 * speed_mm_per_s * PX_PER_MM
    if 0 < spare < 12 * PX_PER_MM and not has_gap:
        return right - length
    return left
