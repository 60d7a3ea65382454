"""Signal quality: each lead apart, and what of it matters for reading the recording."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np

from ecgr1_core.measure.conditioning import (
    LEAST_SHOWN_S,
    Array,
    Conditioned,
    Mask,
    low_pass,
    samples,
    shown_span,
)
from ecgr1_core.measure.templates import BEFORE
from ecgr1_core.measure.types import LeadMeasurements, LeadQuality, Quality
from ecgr1_core.record import LEADS, PRECORDIAL_LEADS, EcgRecord

_NOISE_MV = 0.04  # muscle noise (rms above 35 Hz between the beats) from which small waves are not to be trusted
_HEAVY_NOISE_MV = 0.12
_WANDER_MV = 0.5  # span of what is slower than 0.6 Hz, within any 2.5 s
_SATURATED_SHARE = 0.002
_SMALL_GAP = 0.02  # share of samples without which a lead is as good as whole
_BASELINE_MV = 0.1  # from the middle value of a lead: a level this near is its baseline
_LONGEST_REST_S = 1.5
_DETOUR = 0.13  # by how much the way from V1 to V6 must be longer than with two leads exchanged
_QRS_T_MS = (80.0, 440.0)  # before and after the fiducial


def judge(record: EcgRecord, conditioned: Conditioned) -> Quality:
    """Return the quality of every lead and of the recording."""
    drift = conditioned.signal_mv - conditioned.detrended_mv
    fast = conditioned.signal_mv - low_pass(conditioned.signal_mv, 35.0)
    shown = conditioned.shown
    leads = {
        lead: _lead_quality(
            record.signal_mv[index].astype(np.float64),
            fast[index, shown[index]],
            drift[index, shown[index]],
            lead in record.missing_leads or not np.isfinite(record.signal_mv[index]).any(),
            (float(conditioned.mains_hz[index]), float(conditioned.mains_mv[index])),
            record.sampling_rate_hz,
        )
        for index, lead in enumerate(LEADS)
    }
    notes = [f"{lead}: {problem}" for lead, quality in leads.items() for problem in quality.problems]
    bad = sum(quality.status in ("missing", "flat", "unusable") for quality in leads.values())
    noisy = sum(quality.status == "noisy" for quality in leads.values())
    grade: Literal["good", "acceptable", "poor"] = (
        "poor" if bad >= 4 or bad + noisy >= 9 else "acceptable" if bad or noisy >= 3 else "good"
    )
    return Quality(grade=grade, notes=tuple(notes), leads=leads)


def _lead_quality(
    raw: Array, fast: Array, drift: Array, missing: bool, mains: tuple[float, float], sampling_rate_hz: float
) -> LeadQuality:
    if missing:
        return LeadQuality(status="missing", problems=("not recorded",))
    start, stop = shown_span(np.isfinite(raw), sampling_rate_hz)
    shown_s = None if (start, stop) == (0, len(raw)) else (start / sampling_rate_hz, stop / sampling_rate_hz)
    raw = raw[start:stop]
    known = raw[np.isfinite(raw)]
    if np.ptp(known) <= 1e-3:
        return LeadQuality(status="flat", problems=("flat, no signal (electrode off?)",), shown_s=shown_s)
    if shown_s is not None and shown_s[1] - shown_s[0] < LEAST_SHOWN_S:
        return LeadQuality(status="unusable", problems=("shown too briefly",), shown_s=shown_s)
    noise = _noise_mv(fast)
    wander = _span_within(drift, samples(2500.0))
    problems = []
    status: Literal["good", "noisy", "unusable"] = "good"
    between = np.trim_zeros(np.isfinite(raw).astype(int))  # what is missing at an end is no gap
    gap = 1.0 - len(known) / len(between)
    if gap > 0:
        problems.append(f"{gap:.1%} of the samples are missing")
        status = "good" if gap < _SMALL_GAP else "noisy" if gap < 0.5 else "unusable"
    saturated = _saturated_share(known, sampling_rate_hz)
    if saturated > _SATURATED_SHARE:
        problems.append(f"saturated in {saturated:.1%} of the samples")
        status = "unusable" if saturated > 0.05 else "noisy"
    if noise > _NOISE_MV:
        problems.append(f"muscle noise {noise:.2f} mV")
        status = "unusable" if noise > _HEAVY_NOISE_MV or status == "unusable" else "noisy"
    if mains[0]:
        problems.append(f"{mains[0]:.0f} Hz mains {mains[1]:.2f} mV (filtered for measuring)")
    if wander > _WANDER_MV:
        problems.append(f"baseline wander {wander:.1f} mV")
        status = "noisy" if status == "good" and wander > 2 * _WANDER_MV else status
    return LeadQuality(status=status, problems=tuple(problems), noise_mv=noise, wander_mv=wander, shown_s=shown_s)


def _noise_mv(fast: Array) -> float:
    """Rms of what is above 35 Hz, taken in the quieter 70 % of 40 ms pieces so that QRS complexes do not count."""
    length = samples(40.0)
    pieces = fast[: len(fast) // length * length].reshape(-1, length)
    power = np.sort((pieces**2).mean(axis=1))
    return float(np.sqrt(power[: max(1, int(0.7 * len(power)))].mean()))


def _span_within(drift: Array, length: int) -> float:
    """Largest span of the drift within any stretch of `length` samples."""
    if len(drift) <= length:
        return float(np.ptp(drift))
    views = np.lib.stride_tricks.sliding_window_view(drift[::25], max(2, length // 25))
    return float(np.ptp(views, axis=1).max())


def _saturated_share(known: Array, sampling_rate_hz: float) -> float:
    """Share of samples in runs of at least five equal values at the lead's own highest or lowest value.

    A noiseless baseline between waves that all point one way is such a value too, and no rail: the middle value of the
    lead, in runs no longer than the rest between two beats.
    """
    at_rail = np.zeros(len(known), dtype=bool)
    middle = float(np.median(known))
    for rail in (known.max(), known.min()):
        hit = known == rail
        edges = np.flatnonzero(np.diff(np.r_[False, hit, False].astype(int)))
        longest = int(np.max(edges[1::2] - edges[::2], initial=0))
        if abs(rail - middle) < _BASELINE_MV and longest < sampling_rate_hz * _LONGEST_REST_S:
            continue
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            if stop - start >= 5:
                at_rail[start:stop] = True
    return float(at_rail.mean())


def reversal_note(leads: dict[str, LeadMeasurements], p_present: bool) -> str | None:
    """Return a sentence where the limb leads look as if the arm electrodes were swapped.

    Swapped arms invert lead I and exchange aVR with aVL: the QRS is negative in I although V6, which looks the same
    way, is positive, and more negative in aVL than in aVR; a P wave is inverted in I and in aVL, most in aVL.
    """
    lead_i, lead_avr, lead_avl, lead_v6 = (leads.get(name) for name in ("I", "aVR", "aVL", "V6"))
    if lead_i is None or lead_avr is None or lead_avl is None or lead_v6 is None:
        return None
    net_i, net_avr, net_avl, net_v6 = (_net(lead) for lead in (lead_i, lead_avr, lead_avl, lead_v6))
    if net_i is None or net_avr is None or net_avl is None or net_v6 is None:
        return None
    if not (net_i < 0 < net_v6 and net_avl < net_avr):
        return None
    if p_present:
        p_i, p_avr, p_avl = lead_i.p_amplitude_mv, lead_avr.p_amplitude_mv, lead_avl.p_amplitude_mv
        if p_i is None or p_avr is None or p_avl is None or not (p_i < 0 and p_avl < p_avr and p_avl < 0):
            return None
    return "the arm electrodes may be swapped: P and QRS inverted in I and aVL, while V6 is upright"


def exchanged_precordial(beat_mv: Array, usable: Mask) -> tuple[str, str] | None:
    """Return the two precordial leads that look as if they were exchanged, None where the order of V1 to V6 is smooth.

    `beat_mv` is [12, samples] of the median beat, level before the QRS at zero. QRS and T change by degrees from V1 to
    V6, so the way through the six leads, as the sum of the differences between neighbours, is about the shortest there
    is; with two leads exchanged it is longer. The difference of two leads (x, y) is |x - y| / (|x| + |y|) plus the
    distance of their shapes |x/|x| - y/|y||. A pair is named where exchanging it back shortens the way by so much that
    the recorded one is 13 % longer; own rule, the limit set on PTB-XL records of even number (docs/measurements.md).
    """
    rows = [LEADS.index(lead) for lead in PRECORDIAL_LEADS]
    if not usable[rows].all():
        return None
    waves = beat_mv[rows, BEFORE - samples(_QRS_T_MS[0]) : BEFORE + samples(_QRS_T_MS[1])]
    waves = waves[:, np.isfinite(waves).all(axis=0)]
    size = np.linalg.norm(waves, axis=1)
    if waves.shape[1] == 0 or size.min() <= 0.0:
        return None
    apart = np.linalg.norm(waves[:, None] - waves[None], axis=2) / (size[:, None] + size[None])
    unit = waves / size[:, None]
    apart += np.linalg.norm(unit[:, None] - unit[None], axis=2)

    def way(order: list[int]) -> float:
        return float(apart[order[:-1], order[1:]].sum())

    ways = {}
    for first, second in combinations(range(len(rows)), 2):
        order = list(range(len(rows)))
        order[first], order[second] = second, first
        ways[first, second] = way(order)
    (first, second), shortest = min(ways.items(), key=lambda item: item[1])
    if way(list(range(len(rows)))) <= (1.0 + _DETOUR) * shortest:
        return None
    return PRECORDIAL_LEADS[first], PRECORDIAL_LEADS[second]


def precordial_note(exchanged: tuple[str, str] | None) -> str | None:
    """Return a sentence on the precordial leads that look exchanged, None where none do."""
    if exchanged is None:
        return None
    first, second = exchanged
    return f"{first} and {second} may be exchanged: QRS and T go from V1 to V6 more smoothly the other way round"


def _net(lead: LeadMeasurements) -> float | None:
    parts = [
        part
        for part in (lead.q_amplitude_mv, lead.r_amplitude_mv, lead.s_amplitude_mv, lead.r_prime_amplitude_mv)
        if part is not None
    ]
    return max(parts, default=0.0) + min(parts, default=0.0) if parts else None
