"""Which lead stands where: each layout of `render.layouts` with so many rows is held against the names that were read.

All names of a page are set in one size and stand equally far above or below their baselines; a word that does not is
no name. What a layout expects and is not there, and names that it has no place for, speak against it; the standard
order is the prior where little was read. The module finds no rows and follows no trace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ecgr1_core.digitize.ink import PX_PER_MM
from ecgr1_core.digitize.labels import NAMES, Word
from ecgr1_core.digitize.pieces import Order
from ecgr1_core.record import LEADS
from ecgr1_core.render.layouts import LAYOUTS, ORDERS, Layout, find_layout

_AHEAD_MM = 2.0  # a column's name begins so far before the column, at most
_AFTER_MM = (9.0, 31.0)  # or so far after it: the first always, up to the second in this part of the column
_AFTER_SHARE = 0.5
_ABOVE = 0.75  # of the rows' distance, at most, from a name's foot to its baseline
_BELOW = 0.45  # a name still lower is that of the next row
_OFF_PRINT_MM = 2.5  # from where the other names stand, up or down
_IN_SIZE = (0.65, 1.5)  # of the other names' height
_CLEAR = 0.62  # likeness of a name that is taken for one
_SURE = 0.75  # and of one that stands where no name is expected
_NOTHING = 0.4  # likeness that means nothing
_AHEAD = 0.05
_WRONG_COST = 0.6  # of another lead's name in a cell
_STRAY_COST = 0.4  # of a name for which there is no cell
_MISSING_COST = 0.15  # of a cell without its name, on a page with names
_STRIP = 0.5  # the weight of a rhythm strip's name, which may be any
_ODD_STRIP = 0.25  # and of one that few print
_RARE_COST = 0.3  # of the Cabrera order, which few print
_LEAST_RARE = 1.0  # its score where it is believed: of about three clear names
_LEAST_PLACED = 5  # names, that tell where columns begin
_NAMES_ALIKE_MM = 1.5  # as far from the beginnings of their columns are
_MOST_ALIKE = 0.7  # of them
_NAME_AFTER_MM = 1.0  # so far after it, as most print them
_STRIP_LEADS = ("II", "V1", "V2", "V5")


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


@dataclass(frozen=True)
class _Print:
    """How most names of a page are set: how far their feet lie below the baselines, and their height, in pixels.

    `feet` are where those of the clear names of each row lie: rows of unequal height have their names where they fit.
    """

    rise: float
    height: float
    feet: dict[int, list[float]]

    def has(self, word: Word, row: int, baseline: float) -> bool:
        """Return whether a word is set like the names of the row with this number and baseline."""
        in_size = _IN_SIZE[0] * self.height <= word.height <= _IN_SIZE[1] * self.height
        feet = (baseline + self.rise, *self.feet.get(row, ()))
        return in_size and min(abs(word.bottom - foot) for foot in feet) < _OFF_PRINT_MM * PX_PER_MM


def arrange(
    words: list[Word],
    rows: list[float],
    start: float,
    speed_mm_per_s: float,
    speaks_for: Callable[[Layout], float] = lambda _: 0.0,
) -> Arrangement | None:
    """Return the layout with this many rows whose lead names are best found where they belong.

    `rows` are baselines and `start` is the x of the first second, in straightened pixels. `speaks_for` returns what
    else there is in favour of a layout, besides its score. None: no layout has so many rows.
    """
    best: Arrangement | None = None
    best_worth = -np.inf
    for order in ORDERS:
        for name in LAYOUTS:
            layout = find_layout(name, order)
            if len(layout.all_rows) != len(rows):
                continue
            arranged = _held_against(layout, order, words, rows, start, speed_mm_per_s)
            worth = arranged.score + speaks_for(layout)
            least = _LEAST_RARE if order != "standard" else -np.inf
            if arranged.score > least and worth > best_worth + 1e-9:
                best, best_worth = arranged, worth
    return best


def is_clear_name(word: Word) -> bool:
    """Return whether a word is surely a lead's name; any upright bar of ink is like I."""
    return word.text in NAMES and word.text != "I" and word.like(word.text) > _SURE


def starts_by_names(words: list[Word], rows: list[float], speed_mm_per_s: float) -> list[float]:
    """Return where the first second would begin if clear names stood at the beginnings of their columns, by layout."""
    starts = []
    names = [word for word in words if is_clear_name(word)]
    for layout in (find_layout(name, "standard") for name in LAYOUTS):
        if len(layout.all_rows) != len(rows):
            continue
        wide = layout.seconds_per_column * speed_mm_per_s * PX_PER_MM
        column_of = {lead: column for leads in layout.rows for column, lead in enumerate(leads)}
        places = [word.left - column_of[str(word.text)] * wide for word in names if word.text in column_of]
        if len(places) >= _LEAST_PLACED:
            middle = float(np.median(places))
            if np.mean(np.abs(np.array(places) - middle) < _NAMES_ALIKE_MM * PX_PER_MM) >= _MOST_ALIKE:
                starts.append(middle - _NAME_AFTER_MM * PX_PER_MM)
    return starts


def _held_against(
    layout: Layout, order: Order, words: list[Word], rows: list[float], start: float, speed: float
) -> Arrangement:
    wide = layout.seconds_per_column * speed * PX_PER_MM
    pitch = float(np.median(np.diff(rows)))
    reach = float(np.clip(_AFTER_SHARE * wide / PX_PER_MM, *_AFTER_MM))

    over = [[word for word in words if -_ABOVE <= (word.bottom - row) / pitch <= _BELOW] for row in rows]

    def near(row: int, column: int) -> list[Word]:
        """Return the words that stand where the name of a cell may stand."""
        at = start + column * wide
        return [word for word in over[row] if -_AHEAD_MM <= (word.left - at) / PX_PER_MM <= reach]

    look = _print_of(layout, rows, near)
    cells: list[NamedCell] = []
    score = 0.0 if order == "standard" else -_RARE_COST
    for row, leads in enumerate(layout.all_rows):
        is_strip = row >= len(layout.rows)
        for column, lead in enumerate(leads):
            # without other names to go by, any upright bar of ink would be a name
            seen = [
                word
                for word in near(row, column)
                if (look.has(word, row, rows[row]) if look is not None else word.like("I") < _other(word, "I"))
            ]
            inverted = lead in layout.inverted_leads
            cell = _strip(row, lead, seen) if is_strip else _cell(row, column, lead, inverted, seen)
            cells.append(cell)
            score += _worth(cell, look is not None)
    used = {id(cell.word) for cell in cells}
    if look is not None:
        score -= _STRAY_COST * sum(_stray(word, start, rows, pitch, look) for word in words if id(word) not in used)
    return Arrangement(layout.name, order, tuple(cells), score)


def _print_of(layout: Layout, rows: list[float], near: Callable[[int, int], list[Word]]) -> _Print | None:
    """Return how most names that this layout expects, and that were read, are set; None for fewer than two alike."""
    seen: list[tuple[float, float, float]] = []
    feet: dict[int, list[float]] = {}
    for row, leads in enumerate(layout.all_rows):
        for column, lead in enumerate(leads):
            for word in near(row, column):
                likeness = word.like(_printed(lead, lead in layout.inverted_leads))
                if row >= len(layout.rows):
                    if _other(word, "I") > _SURE:
                        feet.setdefault(row, []).append(word.bottom)
                elif lead != "I" and likeness > _CLEAR:
                    seen.append((word.bottom - rows[row], word.height, likeness))
                    feet.setdefault(row, []).append(word.bottom)
    if len(seen) < 2:
        return None
    rises, heights, weights = np.array(seen).T
    alike = (np.abs(rises[:, None] - rises) < _OFF_PRINT_MM * PX_PER_MM) & (heights[:, None] / heights < _IN_SIZE[1])
    alike &= alike.T
    votes = alike @ weights
    most = alike[int(votes.argmax())]
    if most.sum() < 2:
        return None
    return _Print(float(np.median(rises[most])), float(np.median(heights[most])), feet)


def _printed(lead: str, inverted: bool) -> str:
    return f"-{lead}" if inverted else lead


def _other(word: Word, expected: str) -> float:
    """Return how like a word is to the likest of the other names; a bar of ink is like I whatever it is."""
    return max(word.like(name) for name in NAMES if name not in (expected, "I"))


def _cell(row: int, column: int, lead: str, inverted: bool, seen: list[Word]) -> NamedCell:
    expected = _printed(lead, inverted)
    best = max(seen, key=lambda word: word.like(expected), default=None)
    return NamedCell(row, column, lead, inverted, None if best is None else best.like(expected), best, False)


def _strip(row: int, usual: str, seen: list[Word]) -> NamedCell:
    """Return a rhythm strip under the name that is clearly read beside it, or else the usual one."""
    read = max(((word.like(lead), lead, word) for word in seen for lead in LEADS), default=None, key=lambda one: one[0])
    if read is None or read[0] < _CLEAR:
        return NamedCell(row, 0, usual, False, None, None, True)
    return NamedCell(row, 0, read[1], False, read[0], read[2], True)


def _worth(cell: NamedCell, names_are_read: bool) -> float:
    """Return how much a cell speaks for its layout, or against it."""
    weight = 1.0 if not cell.is_strip else _STRIP if cell.lead in _STRIP_LEADS else _ODD_STRIP
    if cell.read is None or cell.word is None:
        return -_MISSING_COST if names_are_read else 0.0
    wrong = (
        not cell.is_strip and _other(cell.word, _printed(cell.lead, cell.inverted)) > max(cell.read, _CLEAR) + _AHEAD
    )
    return weight * max(0.0, cell.read - _NOTHING) - (_WRONG_COST if wrong else 0.0)


def _stray(word: Word, start: float, rows: list[float], pitch: float, look: _Print) -> bool:
    """Return whether a word among the rows is clearly a lead's name, set as the others are."""
    among = word.left > start - _AHEAD_MM * PX_PER_MM and rows[0] - pitch < word.bottom < rows[-1] + pitch
    in_size = _IN_SIZE[0] * look.height <= word.height <= _IN_SIZE[1] * look.height
    return among and in_size and _other(word, "I") > _SURE
