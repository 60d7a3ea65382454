"""Frontal axes from the net areas of a wave in leads I and aVF."""

from __future__ import annotations

import math

import numpy as np

from ecgr1_core.measure.conditioning import Array
from ecgr1_core.record import LEADS


def frontal_axis_deg(beat_mv: Array, onset: float | None, offset: float | None) -> float | None:
    """Return the axis of one wave in degrees, (-180, 180], 0° to the left arm and +90° to the feet; None if too small.

    `beat_mv` is [12, samples]. With Einthoven's 60° triangle I = x and aVF = (√3/2) y, so the axis is
    atan2(2 aVF / √3, I) of the net areas (Malmivuo and Plonsey, Bioelectromagnetism, ch. 15). Areas under 0.1 mV·ms per
    millisecond of the wave say nothing about a direction.
    """
    if onset is None or offset is None:
        return None
    first, last = round(onset), round(offset)
    lead_i, lead_avf = beat_mv[LEADS.index("I"), first : last + 1], beat_mv[LEADS.index("aVF"), first : last + 1]
    if len(lead_i) < 2 or not (np.isfinite(lead_i).all() and np.isfinite(lead_avf).all()):
        return None
    x, y = float(lead_i.mean()), 2.0 * float(lead_avf.mean()) / math.sqrt(3.0)
    if math.hypot(x, y) < 0.005:
        return None
    axis = math.degrees(math.atan2(y, x))
    return 180.0 if axis == -180.0 else axis
