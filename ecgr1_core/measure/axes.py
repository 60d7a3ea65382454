"""Frontal axes from the net areas of a wave in the limb leads."""

from __future__ import annotations

import math

import numpy as np

from ecgr1_core.measure.conditioning import Array, Mask
from ecgr1_core.record import LIMB_LEADS

_HALF, _ROOT = 0.5, math.sqrt(3.0) / 2.0
_VIEWS = np.array(
    [[1.0, 0.0], [_HALF, _ROOT], [-_HALF, _ROOT], [-0.75, -_ROOT / 2.0], [0.75, -_ROOT / 2.0], [0.0, _ROOT]]
)
"""What I, II, III, aVR, aVL and aVF show of a frontal heart vector (x to the left arm, y to the feet): Einthoven's
triangle of 60° with Goldberger's augmented leads (Malmivuo and Plonsey, Bioelectromagnetism, 1995, ch. 15)."""
_SMALLEST_MV = 0.005


def frontal_axis_deg(beat_mv: Array, usable: Mask, onset: float | None, offset: float | None) -> float | None:
    """Return the axis of one wave in degrees, (-180, 180], 0° to the left arm and +90° to the feet; None if unknown.

    `beat_mv` is [12, samples], `usable` [12]. The vector is the least-squares fit to the mean deflections of the usable
    limb leads (two at least); with all six this is the same as from I and aVF. A wave whose mean is under 5 µV has no
    direction.
    """
    limb = np.flatnonzero(usable[: len(LIMB_LEADS)])
    if onset is None or offset is None or len(limb) < 2:
        return None
    part = beat_mv[limb, round(onset) : round(offset) + 1]
    if part.shape[1] < 2 or not np.isfinite(part).all():
        return None
    x, y = np.linalg.lstsq(_VIEWS[limb], part.mean(axis=1), rcond=None)[0]
    if math.hypot(x, y) < _SMALLEST_MV:
        return None
    axis = math.degrees(math.atan2(y, x))
    return 180.0 if axis == -180.0 else axis
