"""Which lines of a drawing are traces: long lines that run one way, and which ends of them are calibration pulses.

Lines are [n, 2] points, x to the right and y downwards. The module knows neither grid nor lead names, nor what stands
in which row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ecgr1_core.pdf.drawing import Drawing, Float64Array, Stroke, Style

PULSE_HEIGHTS_MM = (2.5, 5.0, 10.0, 20.0, 40.0)
_LEAST_POINTS = 12
_LEAST_RUN_MM = 12.0
_LEAST_SPREAD_MM = 0.2
_BACKWARDS_MM = 0.02  # as much as rounding in the file moves a point
_ONE_WAY = 0.99
_JOINED_MM = 0.02
_PALE = 235
_STYLE_SHARE = 0.2  # of the length drawn in the commonest style of traces
_PULSE_WIDTHS_MM = (2.2, 13.0)
_PULSE_EDGE_MM = 0.7
_PULSE_FLAT_MM = 0.04
_PULSE_OFF = 0.06
_PULSE_NEAR_END_MM = 8.0
_FOOT_MM = 6.0


@dataclass(frozen=True, eq=False)
class Line:
    """One line after its strokes were joined."""

    points: Float64Array
    style: Style

    @property
    def left(self) -> float:
        """The least x."""
        return float(self.points[0, 0])

    @property
    def right(self) -> float:
        """The greatest x."""
        return float(self.points[-1, 0])

    @property
    def length(self) -> float:
        """How far it runs along x."""
        return self.right - self.left


@dataclass(frozen=True)
class Pulse:
    """A calibration pulse of 1 mV: where it stands, the y of its foot and its height (all mm)."""

    left: float
    right: float
    foot: float
    height: float


def quarters_turned(drawing: Drawing) -> int:
    """Return how many quarters clockwise the page lies turned, by the way its traces run and its letters stand."""
    runs = [(line, axis) for line in _joined(_unfilled(drawing)) for axis in (0, 1) if _runs(line.points, axis)]
    lengths = [0.0, 0.0]
    forward = 0.0
    for line, axis in runs:
        lengths[axis] += float(np.ptp(line.points[:, axis]))
    if max(lengths) == 0:
        return 0
    along = int(lengths[1] > lengths[0])
    for line, axis in runs:
        if axis == along:
            forward += float(line.points[-1, axis] - line.points[0, axis])
    if len(drawing.letter_turns):
        turns = np.bincount(drawing.letter_turns, minlength=4)
        if turns[along] + turns[along + 2] > 0:
            return along if turns[along] >= turns[along + 2] else along + 2
    return along if forward >= 0 else along + 2


def trace_lines(drawing: Drawing) -> tuple[list[Line], list[Stroke]]:
    """Return the lines that are traces or calibration pulses of an upright page, x ascending, and all other strokes."""
    strokes = _unfilled(drawing)
    lines = _joined(strokes)
    lengths: dict[Style, float] = {}
    for line in lines:
        if _runs(line.points, 0):
            lengths[line.style] = lengths.get(line.style, 0.0) + float(np.ptp(line.points[:, 0]))
    most = max(lengths.values(), default=0.0)
    styles = {style for style, length in lengths.items() if length >= _STYLE_SHARE * most}
    traces = [one for line in lines if line.style in styles and (one := _one_way(line)) is not None]
    straight = [line for line in traces if len(line.points) == 2]
    if len(straight) > _LEAST_POINTS:  # the grid is drawn as the traces are
        traces = [line for line in traces if len(line.points) > 2]
    others = [stroke for stroke in drawing.strokes if stroke.filled or stroke.style not in styles or _is_bar(stroke)]
    return traces, others


def _unfilled(drawing: Drawing) -> list[Stroke]:
    return [each for each in drawing.strokes if not each.filled and min(each.style[:3]) <= _PALE]


def _is_bar(stroke: Stroke) -> bool:
    """Whether a stroke consists of upright and level lines only."""
    steps = np.abs(np.diff(stroke.points_mm, axis=0))
    return bool((steps.min(axis=1) <= _BACKWARDS_MM).all())


def _joined(strokes: Sequence[Stroke]) -> list[Line]:
    """Return lines of strokes that follow each other in the file, each beginning where the last one ended."""
    lines: list[Line] = []
    parts: list[Float64Array] = []
    style: Style | None = None
    for stroke in strokes:
        for points in _seen(stroke):
            if parts and stroke.style == style and np.abs(points[0] - parts[-1][-1]).max() <= _JOINED_MM:
                parts.append(points[1:])
                continue
            if parts and style is not None:
                lines.append(Line(np.concatenate(parts), style))
            parts, style = [points], stroke.style
    if parts and style is not None:
        lines.append(Line(np.concatenate(parts), style))
    return lines


def _seen(stroke: Stroke) -> list[Float64Array]:
    """Return the parts of a stroke that its clip box shows, as far as left and right go."""
    x0, y0, x1, y1 = stroke.clip_mm
    points = stroke.points_mm
    low, high = points.min(axis=0), points.max(axis=0)
    if low[0] >= x0 and high[0] <= x1 and low[1] >= y0 and high[1] <= y1:
        return [points]
    if high[0] < x0 or low[0] > x1 or high[1] < y0 or low[1] > y1:
        return []
    if not (np.diff(points[:, 0]) >= 0).all():
        return [points]
    inside = points[(points[:, 0] > x0) & (points[:, 0] < x1)]
    ends = [
        np.array([[edge, np.interp(edge, points[:, 0], points[:, 1])]]) if low[0] < edge < high[0] else np.zeros((0, 2))
        for edge in (x0, x1)
    ]
    cut = np.concatenate((ends[0], inside, ends[1]))
    return [cut] if len(cut) > 1 else []


def _runs(points: Float64Array, axis: int) -> bool:
    """Whether a line runs one way along an axis for long, with some movement across it."""
    if len(points) < _LEAST_POINTS or np.ptp(points[:, axis]) < _LEAST_RUN_MM:
        return False
    if np.ptp(points[:, 1 - axis]) < _LEAST_SPREAD_MM:
        return False
    return _direction(points, axis) != 0


def _direction(points: Float64Array, axis: int) -> int:
    steps = np.diff(points[:, axis])
    if (steps >= -_BACKWARDS_MM).mean() >= _ONE_WAY:
        return 1
    return -1 if (steps <= _BACKWARDS_MM).mean() >= _ONE_WAY else 0


def _one_way(line: Line) -> Line | None:
    """Return a line with x ascending, None where it does not run one way or only up and down."""
    points = line.points
    steps = np.diff(points, axis=0)
    level = np.abs(steps[:, 0]) > _BACKWARDS_MM
    if not level.any():
        return None
    if len(points) == 2 and abs(steps[0, 1]) > abs(steps[0, 0]):
        return None
    direction = _direction(points, 0)
    if direction == 0:
        return None
    points = points[::direction].copy()
    points[:, 0] = np.maximum.accumulate(points[:, 0])
    return Line(points, line.style)


def without_pulses(lines: Iterable[Line]) -> tuple[list[Line], list[Pulse]]:
    """Return lines (mm of the grid) without the calibration pulses at their ends, and the pulses."""
    kept: list[Line] = []
    pulses: list[Pulse] = []
    waiting: list[Line] = []
    for line in lines:
        found = _pulse(line)
        if found is None:
            kept.append(line)
        elif found[0].right + _FOOT_MM >= line.right and found[0].left - _FOOT_MM <= line.left:
            pulses.append(found[0])
        else:
            waiting.append(line)
    stand_alone = bool(pulses)
    for line in waiting:
        found = None if stand_alone else _pulse(line)
        if found is None:
            kept.append(line)
            continue
        pulse, first, last = found
        pulses.append(pulse)
        ahead = pulse.left - line.left < line.right - pulse.right
        rest = line.points[last:] if ahead else line.points[: first + 1]
        if len(rest) > 1:
            kept.append(Line(rest, line.style))
    return kept, pulses


def _pulse(line: Line) -> tuple[Pulse, int, int] | None:
    """Return a pulse near an end of a line, with the indices of its first and last points, feet included."""
    x, y = line.points[:, 0], line.points[:, 1]
    for start, stop in _flat_parts(y):
        width = x[stop] - x[start]
        near = min(x[start] - x[0], x[-1] - x[stop])
        if not (_PULSE_WIDTHS_MM[0] <= width <= _PULSE_WIDTHS_MM[1] and near <= _PULSE_NEAR_END_MM):
            continue
        before = y[:start][x[:start] >= x[start] - _PULSE_EDGE_MM]
        after = y[stop + 1 :][x[stop + 1 :] <= x[stop] + _PULSE_EDGE_MM]
        if not (before.size and after.size):
            continue
        top = float(y[start : stop + 1].mean())
        feet = float(before.max()), float(after.max())
        height = sum(feet) / 2 - top
        usual = min(PULSE_HEIGHTS_MM, key=lambda each: abs(each - height))
        if abs(height - usual) > _PULSE_OFF * usual or abs(feet[0] - feet[1]) > _PULSE_OFF * usual:
            continue
        first, last = start, stop
        while first > 0 and x[first - 1] >= x[start] - _PULSE_EDGE_MM and y[first] < feet[0] - _PULSE_FLAT_MM:
            first -= 1
        while last < len(y) - 1 and x[last + 1] <= x[stop] + _PULSE_EDGE_MM and y[last] < feet[1] - _PULSE_FLAT_MM:
            last += 1
        left, right = float(x[first]), float(x[last])
        while first > 0 and abs(y[first - 1] - feet[0]) <= _PULSE_FLAT_MM and x[first - 1] >= left - _FOOT_MM:
            first -= 1
        while last < len(y) - 1 and abs(y[last + 1] - feet[1]) <= _PULSE_FLAT_MM and x[last + 1] <= right + _FOOT_MM:
            last += 1
        return Pulse(left, right, sum(feet) / 2, height), first, last
    return None


def _flat_parts(y: Float64Array) -> list[tuple[int, int]]:
    """Return the first and last index of each stretch of points on one level."""
    level = np.abs(np.diff(y)) <= _PULSE_FLAT_MM
    edges = np.flatnonzero(np.diff(np.concatenate(([0], level.astype(np.int8), [0]))))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]
