"""Pacing spikes: jumps far too sharp for the heart, in several leads at once."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from ecgr1_core.measure.beats import Indices
from ecgr1_core.measure.conditioning import Conditioned, samples

_SHARPNESS = 0.7
_SIZE = 0.12
_BEFORE_QRS_MS = 120.0


def find_spikes(conditioned: Conditioned) -> Indices:
    """Return the positions of pacing spikes, [spikes], in samples at the working rate.

    A spike bends within one sample: its second difference is compared with the span of the lead within 24 ms of it
    (at least 70 %) and with the usual size of the lead's complexes (at least 12 %), at the upper quarter of the leads.
    The R wave of a narrow complex bends by less than a fifth of its height from one sample to the next.
    """
    signal = conditioned.signal_mv[conditioned.usable]
    if len(signal) == 0 or signal.shape[1] < samples(200.0):
        return np.empty(0, dtype=np.intp)
    bend = np.zeros_like(signal)
    bend[:, 1:-1] = np.abs(signal[:, 2:] - 2.0 * signal[:, 1:-1] + signal[:, :-2])
    width = 2 * samples(24.0) + 1
    near = maximum_filter1d(signal, width, axis=1) - minimum_filter1d(signal, width, axis=1)
    usual = np.quantile(near, 0.97, axis=1, keepdims=True)
    share = np.minimum(bend / np.maximum(near, 1e-6) / _SHARPNESS, bend / np.maximum(usual, 1e-6) / _SIZE)
    rank = math.ceil(len(share) / 4)
    ranked = np.partition(share, len(share) - rank, axis=0)[len(share) - rank]
    hits = np.flatnonzero(ranked >= 1.0)
    if len(hits) == 0:
        return hits
    groups = np.split(hits, np.flatnonzero(np.diff(hits) > samples(40.0)) + 1)
    return np.asarray([int(group[0]) for group in groups], dtype=np.intp)


def spike_before(spikes: Indices, fiducials: Indices) -> float | None:
    """Return how far before the QRS the pacing spike stands, in samples, or None where the beats are not paced.

    Noise can look like a spike once; a pacemaker's stands at the same distance every time: at least 60 % of the beats
    must have one within 120 ms before the fiducial, at distances that agree within 4 ms (median absolute deviation).
    """
    distances = []
    for position in fiducials:
        before = spikes[(spikes <= position) & (spikes >= position - samples(_BEFORE_QRS_MS))]
        if len(before):
            distances.append(float(position - before[-1]))
    if len(fiducials) == 0 or len(distances) < 0.6 * len(fiducials):
        return None
    usual = float(np.median(distances))
    spread = float(np.median(np.abs(np.asarray(distances) - usual)))
    return usual if spread <= samples(4.0) else None
