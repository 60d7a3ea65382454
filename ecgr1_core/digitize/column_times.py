"""When the columns of a page really begin, held against its rhythm strip.

Some carts and programs print each column a little earlier or later than the strip below it, by the same step from
column to column. How fast the traces of a column move is compared with how fast the strip does at that moment: both
are fast where the QRS complexes are. A column alone says little, since complexes peak at other moments in other leads;
only a step that all columns share is believed. Own rule.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import uniform_filter1d

from ecgr1_core.digitize.pieces import Float64Array

_SMOOTH = 21  # samples
_LARGEST = 75  # samples that a column may be off
_LEAST_STEP = 6.0  # samples from one column to the next, below which they are left where they stand
_OFF_LINE = 5.0  # samples that a column may be off the common step
_LEAST_ALIKE = 0.5
_LEAST_COLUMNS = 3


def step_between_columns(columns: Sequence[Sequence[Float64Array]], strip: Float64Array) -> float:
    """Return by how many samples each column is later than the one before it, against the strip; 0 where none is sure.

    `columns` are, from left to right, the leads of each column on the clock of the page, [samples] with NaN where they
    are not shown, and `strip` is the rhythm strip on the same clock.
    """
    moving = _moving([strip])
    late = []
    for number, leads in enumerate(columns):
        found = _late(_moving(leads), moving)
        if found is not None:
            late.append((number, found))
    if len(late) < max(_LEAST_COLUMNS, len(columns) - 1):
        return 0.0
    at, by = (np.array(values, dtype=np.float64) for values in zip(*late, strict=True))
    step, first = np.polyfit(at, by, 1)
    if abs(step) < _LEAST_STEP or np.abs(by - (first + step * at)).max() > _OFF_LINE:
        return 0.0
    return float(step)


def _moving(leads: Sequence[Float64Array]) -> Float64Array:
    """Return how fast leads move, each by its own measure, [samples], NaN where none is shown."""
    speeds = []
    for lead in leads:
        speed = np.abs(np.gradient(lead))
        known = np.isfinite(speed)
        if known.any():
            speeds.append(np.minimum(speed / max(float(np.quantile(speed[known], 0.98)), 1e-6), 1.5))
    if not speeds:
        return np.full(0, np.nan)
    stacked = np.stack(speeds)
    count = np.isfinite(stacked).sum(axis=0)
    mean = uniform_filter1d(np.nansum(stacked, axis=0) / np.maximum(count, 1), _SMOOTH)
    return np.where(count > 0, mean, np.nan)


def _late(column: Float64Array, strip: Float64Array) -> float | None:
    """Return by how many samples a column moves later than the strip, None where they are not alike."""
    known = np.flatnonzero(np.isfinite(column))
    known = known[(known >= _LARGEST) & (known < strip.size - _LARGEST)]
    if known.size < 4 * _LARGEST:
        return None
    mine = column[known]
    alike = []
    for late in range(-_LARGEST, _LARGEST + 1):
        theirs = strip[known - late]
        both = np.isfinite(theirs)
        alike.append(float(np.corrcoef(mine[both], theirs[both])[0, 1]) if both.sum() > 2 * _LARGEST else -1.0)
    best = int(np.argmax(alike))
    return float(best - _LARGEST) if alike[best] >= _LEAST_ALIKE else None
