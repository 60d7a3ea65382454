"""Pacing spikes: jumps far too sharp for the heart, out of quiet, in several independent leads at once.

It says where spikes stand and which beats follow one; whether a beat is paced also asks for its width, which the engine
knows. A single spike that no QRS follows within 180 ms is of no beat; atrial spikes are those that stand 90 to 350 ms
before most QRS complexes at a steady distance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.ndimage import binary_erosion, maximum_filter1d, minimum_filter1d

from ecgr1_core.measure.beats import Indices
from ecgr1_core.measure.conditioning import Array, Conditioned, Mask, samples
from ecgr1_core.measure.types import BeatKind
from ecgr1_core.record import LEADS

PACED_QRS_MS = 110.0
"""A spike before a narrower complex is noise, or paces the atria."""
PACED_WITHIN_MS = 80.0
"""A QRS that begins later than this after the spike is conducted, from an atrial spike."""

_INDEPENDENT = tuple(LEADS.index(lead) for lead in ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"))
_SHARPNESS = 0.6  # of the span of the lead around it
_SIZE = 0.12  # of the span of the lead's usual complexes
_OUT_OF_QUIET = 3.6  # times what bends before it
_LEADS_SHARE = 3 / 8
_SHOWN_SHARE, _LEAST_SHOWN = 3 / 4, 3
_QUIET_MV = 0.002
_AROUND_MS, _QUIET_FROM_MS, _QUIET_TO_MS, _END_MS = 24.0, 48.0, 8.0, 20.0
_BEFORE_QRS_MS, _AFTER_FIDUCIAL_MS = 180.0, 10.0
_ATRIAL_MS = (90.0, 350.0)
_SPREAD_MS = 8.0
_LEAST_BEATS = 2


def find_spikes(conditioned: Conditioned) -> Indices:
    """Return the positions of pacing spikes, [spikes], in samples at the working rate.

    A spike bends within one sample. Its second difference is held against the span of the lead within 24 ms (at least
    60 %), the usual size of the lead's complexes (at least 12 %) and the largest second difference of the 48 to 8 ms
    before it (3.6 times), and this in three of the eight independent leads (I, II, V1 to V6; the same share of those
    that are there): noise on one limb electrode shows in six leads but in two independent ones. Where leads are
    shown in part, three quarters of all leads that are shown at the moment, and at least three, must show it.
    """
    independent = [index for index in _INDEPENDENT if conditioned.usable[index] and not conditioned.in_parts]
    chosen = independent or list(np.flatnonzero(conditioned.usable))
    signal = conditioned.signal_mv[chosen]
    if len(signal) == 0 or signal.shape[1] < samples(200.0):
        return np.empty(0, dtype=np.intp)
    bend = np.zeros_like(signal)
    bend[:, 1:-1] = np.abs(signal[:, 2:] - 2.0 * signal[:, 1:-1] + signal[:, :-2])
    width = 2 * samples(_AROUND_MS) + 1
    near = maximum_filter1d(signal, width, axis=1) - minimum_filter1d(signal, width, axis=1)
    usual = np.quantile(near, 0.97, axis=1, keepdims=True)
    scores = np.minimum.reduce(
        [
            bend / np.maximum(near, 1e-6) / _SHARPNESS,
            bend / np.maximum(usual, 1e-6) / _SIZE,
            bend / np.maximum(_largest_before(bend), _QUIET_MV) / _OUT_OF_QUIET,
        ]
    )
    end = samples(_END_MS)  # where resampling and filters bend the trace themselves
    if conditioned.in_parts:
        score = _in_parts(scores, binary_erosion(conditioned.shown[chosen], np.ones((1, 2 * end + 1))))
    else:
        rank = math.ceil(_LEADS_SHARE * len(scores))
        score = np.partition(scores, len(scores) - rank, axis=0)[len(scores) - rank]
    score[:end] = score[-end:] = 0.0
    hits = np.flatnonzero(score >= 1.0)
    if len(hits) == 0:
        return hits
    groups = np.split(hits, np.flatnonzero(np.diff(hits) > samples(40.0)) + 1)
    return np.asarray([int(group[0]) for group in groups], dtype=np.intp)


def _in_parts(scores: Array, shown: Mask) -> Array:
    """Return the score that three quarters of the leads shown at a moment reach, [samples]; 0 for fewer than three."""
    needed = np.ceil(_SHOWN_SHARE * shown.sum(axis=0)).astype(int)
    ranked = -np.sort(-np.where(shown, scores, 0.0), axis=0)
    reached: Array = np.take_along_axis(ranked, np.maximum(needed - 1, 0)[np.newaxis], axis=0)[0]
    return np.where(needed >= _LEAST_SHOWN, reached, 0.0)


def spike_before(spikes: Indices, fiducials: Indices) -> float | None:
    """Return how far before the fiducial the pacing spike stands, in samples, or None where the beats are not paced.

    Noise can look like a spike once; a pacemaker's stands at the same distance every time: at least 60 % of the beats
    must have one within 180 ms before the fiducial, at distances that agree within 8 ms (median absolute deviation).
    """
    distance = _distances(spikes, fiducials)
    known = distance[np.isfinite(distance)]
    if len(fiducials) == 0 or len(known) < 0.6 * len(fiducials):
        return None
    usual = float(np.median(known))
    return usual if float(np.median(np.abs(known - usual))) <= samples(_SPREAD_MS) else None


def atrial_spike_count(spikes: Indices, fiducials: Indices, ventricular: float | None) -> int:
    """Return how many of the beats follow an atrial spike, 0 unless most do at one distance.

    An atrial spike stands 90 to 350 ms before the fiducial, and at least 60 ms before the ventricular spike where there
    is one (`ventricular`, its usual distance before the fiducial in samples). As for `spike_before`, at least 60 % of
    the beats must have one, at distances that agree within 8 ms (median absolute deviation).
    """
    found = []
    nearest = samples(_ATRIAL_MS[0]) if ventricular is None else max(ventricular, 0.0) + samples(60.0)
    for position in fiducials:
        distance = position - spikes[(spikes >= position - samples(_ATRIAL_MS[1])) & (spikes <= position - nearest)]
        if len(distance):
            found.append(float(distance[-1]))
    if len(found) < max(_LEAST_BEATS, 0.6 * len(fiducials)):
        return 0
    usual = float(np.median(found))
    spread = float(np.median(np.abs(np.asarray(found) - usual)))
    return len(found) if spread <= samples(_SPREAD_MS) else 0


def beats_with_spike(spikes: Indices, fiducials: Indices) -> Mask:
    """Return which beats follow a pacing spike, [beats]; none where fewer than two do: one may be an artefact.

    Unlike `spike_before` this does not ask most beats to have one: a demand pacemaker paces only some.
    """
    near: Mask = np.isfinite(_distances(spikes, fiducials))
    return near if near.sum() >= _LEAST_BEATS else np.zeros_like(near)


def _distances(spikes: Indices, fiducials: Indices) -> Array:
    """Return how far before each fiducial its spike stands, [beats] in samples, NaN for none.

    A spike as large as the QRS can be the fiducial itself, hence the few ms after it.
    """
    out = np.full(len(fiducials), np.nan)
    for index, position in enumerate(fiducials):
        reach = (position - samples(_BEFORE_QRS_MS), position + samples(_AFTER_FIDUCIAL_MS))
        before = spikes[(spikes >= reach[0]) & (spikes <= reach[1])]
        if len(before):
            out[index] = max(0.0, float(position - before[-1]))
    return out


def _largest_before(bend: Array) -> Array:
    """Return the largest value of the stretch that begins 48 and ends 8 ms before each sample, [leads, samples]."""
    first, last = samples(_QUIET_FROM_MS), samples(_QUIET_TO_MS)
    length = first - last + 1
    trailing = maximum_filter1d(bend, length, axis=1, origin=(length - 1) // 2)  # of the samples up to each
    out = np.empty_like(bend)
    out[:, last:] = trailing[:, :-last]
    out[:, :last] = trailing[:, :1]
    return out


def with_paced(
    kinds: list[BeatKind], spiked: Mask, class_of: Mapping[int, int], durations_ms: Mapping[int, float], *, paced: bool
) -> list[BeatKind]:
    """Return the kinds of the beats with those paced now and then marked, as by a demand pacemaker.

    A beat after a spike (`spiked`, [beats]) is paced where its shape (`class_of` by beat, 0 the dominant one) lasts at
    least 110 ms; the dominant shape only where `paced` says so, for one of many beats alike is not paced by itself.
    """
    return [
        "paced"
        if spiked[index]
        and (number := class_of.get(index, 0)) in durations_ms
        and durations_ms[number] >= PACED_QRS_MS
        and (number > 0 or paced)
        else kind
        for index, kind in enumerate(kinds)
    ]
