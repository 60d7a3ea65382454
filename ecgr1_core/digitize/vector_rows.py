"""Rows and columns out of traces, and the lead names that belong to them, in mm of the grid.

Columns are equally wide; how many there are is told by the printed names, else by where traces begin. A name belongs to
the trace that stands from it as most others stand from theirs. The module knows neither files nor paper speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

from ecgr1_core.digitize.vector_traces import Line
from ecgr1_core.pdf.drawing import Float64Array

_LONG_MM = 15.0
_CHUNK_GAP_MM = 1.0
_CHUNK_STEP_MM = 3.0
_SAME_X_MM = 6.0  # of names above each other
_SEVERAL = 3  # so many names tell how many columns there are
_LEAST_COLUMN_MM = 20.0
_ROW_SHARE = 0.5  # of the usual distance of rows
_OVERLAP = 0.2  # of the shorter of two traces
_OFF_NOMINAL = 0.2  # of a column's width, where columns stand apart
_SAME_START_MM = 2.0
_NAME_REACH_MM = (40.0, 25.0)  # how far a name may stand from the beginning of its trace, across and down
_NAME_OFF_MM = (9.0, 8.0)  # how much farther or nearer than the others
_COLUMN_COUNTS = (4, 2, 3, 6, 5)


@dataclass(frozen=True)
class Name:
    """A printed lead name: where it begins and the y of its foot."""

    lead: str
    inverted: bool
    x: float
    y: float


@dataclass(eq=False)
class Placed:
    """One lead's lines in one row and column; `name` is the printed name that belongs to it.

    `goes_on` is whether it begins with the rest of a line that the column to its left begins.
    """

    row: int
    column: int
    lines: list[Line]
    whole_row: bool = False
    goes_on: bool = False
    name: Name | None = None

    @property
    def median(self) -> float:
        """The y that most of the trace lies at."""
        return float(np.median(np.concatenate([line.points[:, 1] for line in self.lines])))


@dataclass(frozen=True, eq=False)
class Rows:
    """The placed traces, where each column begins and the last one ends, and the rows' median y."""

    placed: tuple[Placed, ...]
    columns: tuple[float, ...]
    levels: tuple[float, ...]


def in_rows(lines: Sequence[Line], names: Sequence[Name], marks: Sequence[float]) -> Rows:
    """Return traces in rows and columns with their names; `marks` are the x of upright marks between columns."""
    long = [line for line in lines if line.length >= _LONG_MM] or list(lines)
    left, right = min(line.left for line in long), max(line.right for line in long)
    named = _columns_by_names(names)
    told = len(named) if named is not None else None
    nominal = _evenly(left, right, told or 1)
    whole = _merged(lines, nominal[1:-1])
    rows = _rows(whole)
    left, right = _ends(rows, left, right)
    borders = _borders(rows, left, right, told, marks)
    cells = [_cells(number, row, borders) for number, row in enumerate(rows)]
    levels = tuple(_level(row) for row in rows)
    _give_names(cells, names, _name_places(named, borders), levels)
    placed = [one for row in cells for one in _settled(row, len(borders) - 1)]
    return Rows(tuple(placed), tuple(_begun(placed, borders)), levels)


def _columns_by_names(names: Sequence[Name]) -> list[float] | None:
    """Return the x at which the lead names of each column begin, None where too few are printed."""
    if len(names) < _SEVERAL:
        return None
    xs = sorted(name.x for name in names)
    groups: list[list[float]] = [[xs[0]]]
    for x in xs[1:]:
        if x - groups[-1][0] <= _SAME_X_MM:
            groups[-1].append(x)
        else:
            groups.append([x])
    most = max(len(group) for group in groups)
    several = [group[0] for group in groups if len(group) > 1 or most == 1]
    columns = [group for group in groups if len(group) > 1 or most == 1 or _in_step(group[0], several)]
    apart = all(second[0] - first[0] >= _LEAST_COLUMN_MM for first, second in pairwise(columns))
    return [group[0] for group in columns] if apart else None


def _in_step(x: float, places: Sequence[float]) -> bool:
    """Whether x stands as far from evenly spaced places as these do from each other."""
    if len(places) < 2:
        return False
    pitch = (places[-1] - places[0]) / (len(places) - 1)
    steps = round((x - places[0]) / pitch)
    return abs(x - places[0] - steps * pitch) <= _SAME_X_MM


def _name_places(named: Sequence[float] | None, borders: Sequence[float]) -> Sequence[float]:
    """Return the x from which names of each column are measured.

    That is where the names themselves stand, if each of their columns lies over the traces of its own: programs space
    the names evenly over the paper, and the traces by their length. Else it is where the traces begin.
    """
    if named is None or len(named) != len(borders) - 1:
        return borders
    over = all(
        left - _NAME_REACH_MM[0] <= place < right for place, (left, right) in zip(named, pairwise(borders), strict=True)
    )
    return named if over else borders


def _evenly(left: float, right: float, columns: int) -> list[float]:
    return [left + (right - left) * border / columns for border in range(columns + 1)]


def _merged(lines: Sequence[Line], borders: Sequence[float]) -> list[Line]:
    """Put pieces together that go on where another one ends, but not at a border of columns."""
    merged: list[Line] = []
    for line in sorted(lines, key=lambda each: each.left):
        best: int | None = None
        for index, other in enumerate(merged):
            gap, step = line.left - other.right, abs(line.points[0, 1] - other.points[-1, 1])
            at_border = any(abs(border - line.left) <= _SAME_START_MM for border in borders)
            fits = -0.05 <= gap <= _CHUNK_GAP_MM and step <= _CHUNK_STEP_MM and not at_border
            if fits and (best is None or step < abs(line.points[0, 1] - merged[best].points[-1, 1])):
                best = index
        if best is None:
            merged.append(line)
        else:
            points = np.concatenate((merged[best].points, line.points))
            points[:, 0] = np.maximum.accumulate(points[:, 0])
            merged[best] = replace(merged[best], points=points)
    return merged


def _rows(lines: Sequence[Line]) -> list[list[Line]]:
    """Return lines in rows from top to bottom: those of one row do not overlap and stand at about one height."""
    long = sorted((line for line in lines if line.length >= _LONG_MM), key=_middle) or sorted(lines, key=_middle)
    below = [
        min((_middle(other) - _middle(line) for other in long[index + 1 :] if _overlap(line, other)), default=np.inf)
        for index, line in enumerate(long)
    ]
    finite = [distance for distance in below if np.isfinite(distance)]
    reach = _ROW_SHARE * float(np.median(finite)) if finite else np.inf
    rows: list[list[Line]] = []
    for line in long:
        row = rows[-1] if rows else None
        level = float(np.mean([_middle(other) for other in row])) if row else 0.0
        if row is None or _middle(line) - level > reach or any(_overlap(line, other) for other in row):
            rows.append([line])
        else:
            row.append(line)
    for line in lines:
        if all(line is not other for other in long):
            ends = (line.points[0, 1] + line.points[-1, 1]) / 2
            min(rows, key=lambda row: abs(_level(row) - ends)).append(line)
    return [sorted(row, key=lambda line: line.left) for row in rows]


def _middle(line: Line) -> float:
    return float(np.median(line.points[:, 1]))


def _level(row: Sequence[Line]) -> float:
    return float(np.median([_middle(line) for line in row if line.length >= _LONG_MM] or [_middle(row[0])]))


def _overlap(one: Line, other: Line) -> bool:
    common = min(one.right, other.right) - max(one.left, other.left)
    return common > _OVERLAP * min(one.length, other.length)


def _ends(rows: Sequence[Sequence[Line]], left: float, right: float) -> tuple[float, float]:
    """Return where rows usually begin and end."""
    lefts, rights = [row[0].left for row in rows], [max(line.right for line in row) for row in rows]
    usual_left = float(np.median(lefts))
    usual_right = float(np.median(rights))
    return (usual_left, usual_right) if usual_right - usual_left > 0.5 * (right - left) else (left, right)


def _borders(
    rows: Sequence[Sequence[Line]], left: float, right: float, told: int | None, marks: Sequence[float]
) -> list[float]:
    """Return where columns begin and the last one ends."""
    starts = [line.left for row in rows for line in row[1:] if line.length >= _LONG_MM]
    least = max(1, round(0.3 * len(rows)))
    for count in (told,) if told is not None else _COLUMN_COUNTS:
        nominal = _evenly(left, right, count)
        reach = _OFF_NOMINAL * (right - left) / count
        found = [_voted(starts, place, reach, least) for place in nominal[1:-1]]
        if told is None and (None in found or nominal[1] - left < _LEAST_COLUMN_MM):
            continue
        inner = [
            vote if vote is not None else _nearest(marks, place, reach)
            for vote, place in zip(found, nominal[1:-1], strict=True)
        ]
        return [left, *inner, right]
    return [left, right]


def _voted(starts: Sequence[float], place: float, reach: float, least: int) -> float | None:
    """Return the x near `place` at which most traces begin, None where fewer than `least` do."""
    near = np.array([start for start in starts if abs(start - place) <= reach])
    if near.size == 0:
        return None
    votes = [(near[np.abs(near - start) <= _SAME_START_MM]) for start in near]
    most = max(votes, key=len)
    return float(most.min()) if len(most) >= least else None


def _nearest(marks: Sequence[float], place: float, reach: float) -> float:
    near = [mark for mark in marks if abs(mark - place) <= reach]
    return min(near, key=lambda mark: abs(mark - place)) if near else place


def _cells(row: int, lines: Sequence[Line], borders: Sequence[float]) -> list[Placed]:
    """Return one row's lines cut at the borders of columns."""
    cells = [Placed(row, column, []) for column in range(len(borders) - 1)]
    for line in lines:
        x = line.points[:, 0]
        column_of = np.searchsorted(np.array(borders[1:-1]) - 1e-6, x, side="right")
        uncut = len(np.unique(column_of)) == 1
        if not uncut and _falls_in_one(line, borders):
            column_of[:] = np.bincount(column_of).argmax()
        for number, column in enumerate(np.unique(column_of)):
            cells[column].goes_on |= number > 0
            part = line.points[column_of == column]
            if len(part) > 1:
                cells[column].lines.append(Line(part, line.style))
    return [cell for cell in cells if cell.lines]


def _falls_in_one(line: Line, borders: Sequence[float]) -> bool:
    """Whether a line crosses borders by so little that it belongs to one column."""
    shares = [
        max(0.0, min(line.right, second) - max(line.left, first)) / max(line.length, 1e-9)
        for first, second in pairwise((-np.inf, *borders[1:-1], np.inf))
    ]
    return max(shares) > 1 - 1e-9 or (max(shares) * line.length > line.length - _SAME_START_MM)


def _settled(row: list[Placed], columns: int) -> list[Placed]:
    """Return a row as it is, or as one strip of the whole length where one line crosses all columns with one name."""
    if columns == 1:
        return row
    crossing = sum(
        second.goes_on
        or (
            first.lines[-1].right + _CHUNK_GAP_MM >= second.lines[0].left
            and abs(first.lines[-1].points[-1, 1] - second.lines[0].points[0, 1]) <= _CHUNK_STEP_MM
        )
        for first, second in pairwise(row)
    )
    unnamed = all(cell.name is None for cell in row if cell.column > 0)
    if len(row) < columns or crossing < columns - 1 or not unnamed:
        return row
    whole = _merged([line for cell in row for line in cell.lines], ())
    return [Placed(row[0].row, 0, whole, whole_row=True, name=row[0].name)]


def _begun(placed: Sequence[Placed], borders: Sequence[float]) -> list[float]:
    """Return borders moved to where the traces cut at them usually begin."""
    exact = list(borders)
    for column in range(len(borders) - 1):
        begun = [min(line.left for line in one.lines) for one in placed if one.column == column]
        usual = float(np.median(begun)) if begun else borders[column]
        if abs(usual - borders[column]) <= _SAME_START_MM:
            exact[column] = usual
    return exact


def _give_names(
    cells: Sequence[Sequence[Placed]], names: Sequence[Name], begins: Sequence[float], levels: Sequence[float]
) -> None:
    """Give each cell the name that stands from it as the other names stand from theirs."""
    flat = [cell for row in cells for cell in row]
    if not (flat and names):
        return
    anchors = np.array([(begins[cell.column], levels[cell.row]) for cell in flat])
    places = np.array([(name.x, name.y) for name in names])
    offsets = places[None, :, :] - anchors[:, None, :]
    reachable = (np.abs(offsets) <= np.array(_NAME_REACH_MM)).all(axis=2)
    best: tuple[int, float, list[tuple[int, int]]] = (0, 0.0, [])
    for usual in offsets[reachable]:
        pairs, spread = _paired(offsets, reachable, usual)
        rank = (len(pairs), -spread - 0.05 * float(np.abs(usual).sum()))
        if rank > best[:2]:
            best = (*rank, pairs)
    for cell, name in best[2]:
        flat[cell].name = names[name]


def _paired(offsets: Float64Array, reachable: object, usual: Float64Array) -> tuple[list[tuple[int, int]], float]:
    """Return which cell has which name if names usually stand `usual` from the beginning, and how far they are off."""
    off = np.abs(offsets - usual) / np.array(_NAME_OFF_MM)
    cost = np.where((off <= 1).all(axis=2) & np.asarray(reachable), off.sum(axis=2), 1000.0)
    chosen = [(int(cell), int(name)) for cell, name in zip(*linear_sum_assignment(cost), strict=True)]
    pairs = [(cell, name) for cell, name in chosen if cost[cell, name] < 1000.0]
    return pairs, float(sum(cost[cell, name] for cell, name in pairs)) / max(len(pairs), 1)
