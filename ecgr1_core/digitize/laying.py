"""A straightened page laid out: which way up it stands, its words, pulse and scales, its rows, columns and leads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ecgr1_core.digitize import layout as places
from ecgr1_core.digitize.dividers import Dividers, find_dividers
from ecgr1_core.digitize.grid import Float32Array
from ecgr1_core.digitize.ink import PX_PER_MM, flat_ink, thin_ink
from ecgr1_core.digitize.labels import Word, find_words, scales_of
from ecgr1_core.digitize.pieces import ScaleSource
from ecgr1_core.digitize.straighten import RIM_PX, Straight
from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.render.layouts import PAGE_S, Layout, find_layout

CLEAR_PULSE = 0.8  # likeness
_LEAST_COVERED = 0.25  # of the paper's length, by traces, on average over the rows
_DIVIDED = 0.8  # what marks between the columns of a layout speak for it, in clear names
_SHARP_MM = 0.5  # marks that stand farther off tell that the ends of traces were not seen
_BETTER_START = 0.5  # the names' by so much, than that of the traces' ends
_LEAST_NAMES = 1.2  # the score of an arrangement below which the page is also tried upside down


@dataclass(frozen=True, eq=False)
class _Lined:
    """A straightened page with its thin ink, what of it runs along the paper, and its rows (none: an empty list)."""

    page: Straight
    thin: npt.NDArray[np.uint8]
    flat: npt.NDArray[np.uint8]
    rows: list[float]


@dataclass(frozen=True, eq=False)
class Laid(_Lined):
    """A page with its pulse, words, arrangement and marks between columns too; `start` is the x of its first second."""

    pulse: places.Pulse | None
    words: list[Word]
    start: float
    speed: float
    speed_source: ScaleSource
    gain: float | None
    gain_source: ScaleSource | None
    arrangement: places.Arrangement
    dividers: Dividers | None


def lay(straight: Straight, name: str, speed: float | None, gain: float | None) -> Laid:
    """Return the page laid out the right way up."""
    if not straight.inside.any() or not (straight.ink > 0.5).any():
        raise _no_ecg(name)
    upright, covered = _along(straight)
    if covered < _LEAST_COVERED:
        raise _too_few_rows(upright.page, name) or _no_ecg(name)
    best: Laid | None = None
    problem: InputError | None = None
    for quarters in (0, 2, 1, 3):
        turned = upright if not quarters else _lined(upright.page.turned(quarters))
        words = find_words(_print(turned.page.ink, turned.thin))
        likely = places.likely_rows(turned.flat)
        for rows in likely:
            try:
                laid = _laid_out(replace(turned, rows=rows), words, name, speed, gain)
            except InputError as error:
                problem = problem or error
                continue
            if quarters % 2 and laid.arrangement.score < _LEAST_NAMES:
                continue  # only names tell that a page lies on its side after all
            if best is None or _evidence(laid) > _evidence(best) + 0.3:
                best = laid
        if best is None or _evidence(best) < _LEAST_NAMES:
            best = _named_rows(turned, likely, words, name, speed, gain) or best
        if best is not None and _evidence(best) >= _LEAST_NAMES:
            break
    if best is None:
        raise problem or _no_ecg(name)
    return best


def _named_rows(
    lined: _Lined, tried: list[list[float]], words: list[Word], name: str, speed: float | None, gain: float | None
) -> Laid | None:
    """Return the page laid out on rows, not `tried` yet, for which its lead names speak more than its ink, if any."""
    best: Laid | None = None
    feet = [word.bottom for word in words if places.is_clear_name(word)]
    for rows in places.rows_by_names(lined.flat, feet):
        if rows in tried:
            continue
        try:
            laid = _laid_out(replace(lined, rows=rows), words, name, speed, gain)
        except InputError:
            continue
        if laid.arrangement.score > max(_LEAST_NAMES, -np.inf if best is None else best.arrangement.score):
            best = laid
    return best


def _evidence(laid: Laid) -> float:
    """Names where they belong and a pulse; names elsewhere speak among layouts, not for another page without any."""
    return max(laid.arrangement.score, 0.0) + (2 * laid.pulse.likeness - 1 if laid.pulse is not None else 0.0)


def _along(straight: Straight) -> tuple[_Lined, float]:
    """Return the page turned so that ink lies all along the rows that are found then, and how far it does (0 to 1)."""
    as_it_is, on_its_side = (_lined(straight.turned(quarters)) for quarters in (0, 3))
    covered, turned = _covered(as_it_is), _covered(on_its_side)
    return (as_it_is, covered) if covered >= turned else (on_its_side, turned)


def _lined(page: Straight) -> _Lined:
    thin = thin_ink(page.without_rim())
    flat = flat_ink(thin)
    return _Lined(page, thin, flat, places.find_rows(flat))


def _covered(lined: _Lined) -> float:
    """Return along which share of the paper there is ink near each row, on average; 0 where no rows are found."""
    if not lined.rows:
        return 0.0
    near = 4 * PX_PER_MM
    held = [lined.thin[max(0, int(row) - near) : int(row) + near].any(axis=0).sum() for row in lined.rows]
    return float(np.mean(held) / lined.page.inside.any(axis=0).sum())


def _laid_out(lined: _Lined, words: list[Word], name: str, speed: float | None, gain: float | None) -> Laid:
    page, thin, flat, rows = lined.page, lined.thin, lined.flat, lined.rows
    if not rows:
        raise _no_ecg(name)
    columns = np.flatnonzero(flat.any(axis=0))
    pulse = places.find_pulse(page.ink, rows, float(columns[0]), float(columns[-1]))
    left, right, gap = places.find_ends(flat, rows, pulse)
    if right - left < 40 * PX_PER_MM:
        raise _no_ecg(name)
    paper_end = float(np.flatnonzero(page.inside.any(axis=0))[-1]) - RIM_PX
    printed_speed, printed_gain, _ = scales_of(words)
    if pulse is not None and pulse.likeness > CLEAR_PULSE and printed_gain != pulse.gain_mm_per_mv:
        printed_gain = None  # one digit is misread sooner than a clear pulse
    speeds: tuple[tuple[Callable[[], float | None], ScaleSource], ...] = (
        (lambda: speed, "asked"),
        (lambda: printed_speed, "printed"),
        (lambda: pulse.speed_mm_per_s if pulse is not None else None, "pulse"),
        (lambda: places.speed_by_length(right - left), "geometry"),
        (lambda: places.speed_by_names(words, rows, left, right, gap, paper_end), "geometry"),
    )
    gains: tuple[tuple[float | None, ScaleSource], ...] = (
        (gain, "asked"),
        (printed_gain, "printed"),
        (pulse.gain_mm_per_mv if pulse is not None else None, "pulse"),
    )
    known_speed = next(((value, source) for find, source in speeds if (value := find()) is not None), None)
    if known_speed is None:
        raise MissingInformationError(
            name, "the page does not show its paper speed", "give the speed in mm/s", "speed_mm_per_s"
        )
    no_gain: tuple[float | None, ScaleSource | None] = (None, None)
    known_gain = next(((value, source) for value, source in gains if value is not None), no_gain)
    ends = places.page_start(left, right, known_speed[0], gap, paper_end)
    best: tuple[places.Arrangement, float, Dividers | None] | None = None
    for start in (ends, *places.starts_by_names(words, rows, known_speed[0])):
        found = _arranged(page.ink, words, rows, start, known_speed[0])
        if best is None or (found is not None and found[0].score > best[0].score + _BETTER_START):
            best = found
    if best is None:
        raise _no_ecg(name)
    arrangement, start, dividers = best
    # the ends of traces, if they are seen, are sharper than marks
    shift = dividers.shift if dividers is not None and abs(dividers.shift) > _SHARP_MM * PX_PER_MM else 0.0
    return Laid(
        page=page,
        thin=thin,
        flat=flat,
        rows=rows,
        pulse=pulse,
        words=words,
        start=start + shift,
        speed=known_speed[0],
        speed_source=known_speed[1],
        gain=known_gain[0],
        gain_source=known_gain[1],
        arrangement=arrangement,
        dividers=None if dividers is None else replace(dividers, shift=dividers.shift - shift),
    )


def _arranged(
    ink: Float32Array, words: list[Word], rows: list[float], start: float, speed: float
) -> tuple[places.Arrangement, float, Dividers | None] | None:
    """Return the leads' places where the page begins at the x `start`, that x, and the marks between its columns."""
    marks: dict[int, Dividers | None] = {}  # by the columns' number, of which each has rows of its own

    def speaks_for(layout: Layout) -> float:
        if layout.columns not in marks:
            wide = PAGE_S * speed * PX_PER_MM / layout.columns
            borders = [start + column * wide for column in range(1, layout.columns)]
            marks[layout.columns] = find_dividers(ink, rows[: len(layout.rows)], borders)
        return _DIVIDED if marks[layout.columns] is not None else 0.0

    arrangement = places.arrange(words, rows, start, speed, speaks_for)
    if arrangement is None:
        return None
    return arrangement, start, marks[find_layout(arrangement.layout, arrangement.order).columns]


def _print(ink: Float32Array, thin: npt.NDArray[np.uint8]) -> Float32Array:
    return np.where(near(thin) > 0, np.float32(0), ink)


def near(thin: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return thin ink and two pixels around it."""
    return np.asarray(cv2.dilate(thin, np.ones((5, 5), np.uint8)), dtype=np.uint8)


def _too_few_rows(page: Straight, name: str) -> InputError | None:
    """Return what to say of a strip of one or two rows on a grid; None for what is none."""
    if page.grid is None:
        return None
    paper = int(page.inside.any(axis=0).sum())
    count = max(places.long_rows(flat_ink(thin_ink(each.without_rim())), paper) for each in (page, page.turned(1)))
    if count not in (1, 2):
        return None
    seen = "one row of traces is" if count == 1 else "two rows of traces are"
    return InputError(name, f"only {seen} seen on it", "give a page with all twelve leads")


def _no_ecg(name: str) -> InputError:
    return InputError(
        name,
        "no ECG is seen on it: not three, four, six or twelve rows of traces on a grid of millimetres",
        "give a page with all twelve leads, upright or on its side, sharp and evenly lit",
    )
