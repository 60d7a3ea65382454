"""One set of limits from two: what the rules of `delineate` found and where the network of `wave_net` expects a mark.

They err in different places, so their weighted mean is nearer to the cardiologists' marks than either. Where they are
far apart, `disagreements` says so rather than hide it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, Array, Mask, samples
from ecgr1_core.measure.delineate import WaveLimits
from ecgr1_core.measure.wave_net import LIMITS, limit_distributions

_MS = 1000.0 / WORKING_RATE_HZ
_REACH_MS = {"p_onset": 80.0, "p_offset": 60.0, "qrs_onset": 60.0, "qrs_offset": 60.0, "t_offset": 100.0}
_RULE_SD_MS = {"p_onset": 10.0, "p_offset": 10.0, "qrs_onset": 14.0, "qrs_offset": 14.0, "t_offset": 20.0}
_LEAST_MASS = 0.2
_P_UNCLEAR_MS = 40.0
_FAR_MS = {"p_onset": 30.0, "p_offset": 30.0, "qrs_onset": 24.0, "qrs_offset": 24.0, "t_offset": 50.0}


@dataclasses.dataclass(frozen=True)
class Consensus:
    """The limits agreed on for a median beat.

    `moved` says by how many samples each of them lies from where the rules put it; `far_ms` holds the limits about
    which the two were far apart, as expected minus ruled in ms. `p_unclear` says that the network, asked for the onset
    of a P wave, could not decide on a place.
    """

    limits: WaveLimits
    moved: Mapping[str, float]
    far_ms: Mapping[str, float]
    p_unclear: bool


def agree(ruled: WaveLimits, beat_mv: Array, usable: Mask, *, keep: tuple[str, ...] = ()) -> Consensus:
    """Return the limits of a median beat, weighing the rules and the network by how sure they are.

    `beat_mv` is [12, BEFORE + AFTER] in mV, level before the QRS at zero; limits named in `keep` stay the rules'. The
    network is asked about the stretch around the ruled limit (60 to 100 ms to either side: other beats are in the
    window too); where less than a fifth of its answer lies there, the rules alone count. Weights are inverse variances:
    the network's own, and for the rules P 10, QRS 14 and T 20 ms squared, set on a fifth of the learned half of LUDB
    that was held back from the network. Where the two are further apart than that about P or T, the rules
    count as unsure as they are far off: a network that is sure of itself then wins (as where T runs into P), one that
    is not changes little.
    """
    answers = limit_distributions(beat_mv, usable)
    place = np.arange(answers.shape[1], dtype=np.float64)
    moved: dict[str, float] = {}
    far_ms: dict[str, float] = {}
    for name, answer in zip(LIMITS, answers, strict=True):
        limit = getattr(ruled, name)
        if limit is None or name in keep:
            continue
        near = np.where(np.abs(place - limit) <= samples(_REACH_MS[name]), answer, 0.0)
        mass = float(near.sum())
        if mass < _LEAST_MASS:
            continue
        mean = float(near @ place) / mass
        variance = float(near @ (place - mean) ** 2) / mass
        rule_variance = (_RULE_SD_MS[name] / _MS) ** 2
        if not name.startswith("qrs"):
            rule_variance = max(rule_variance, (mean - limit) ** 2)
        moved[name] = (mean - limit) * rule_variance / (rule_variance + variance)
        if abs(mean - limit) * _MS > _FAR_MS[name]:
            far_ms[name] = (mean - limit) * _MS
    onset = answers[LIMITS.index("p_onset")]
    p_spread = float(np.sqrt(max(onset @ place**2 - (onset @ place) ** 2, 0.0)))
    return Consensus(shifted(ruled, moved), moved, far_ms, p_unclear=p_spread * _MS > _P_UNCLEAR_MS)


def disagreements(agreed: Consensus, limits: WaveLimits) -> list[str]:
    """Say which of the limits (None where the beat has no such wave) the two put far apart."""
    return [
        f"{name.replace('_', ' ').replace('qrs', 'QRS').replace('p o', 'P o').replace('t o', 'T o')} uncertain: "
        f"two methods put it {abs(by):.0f} ms apart"
        for name, by in agreed.far_ms.items()
        if getattr(limits, name) is not None
    ]


def shifted(limits: WaveLimits, moved: Mapping[str, float]) -> WaveLimits:
    """Return the limits of another beat of the same shape, moved as those of the median beat were, kept in order."""
    changes = {name: value + by for name, by in moved.items() if (value := getattr(limits, name)) is not None}
    out = dataclasses.replace(limits, **changes)
    if out.p_offset is not None:
        out = dataclasses.replace(out, p_offset=min(out.p_offset, out.qrs_onset))
    if out.p_onset is not None and out.p_offset is not None and out.p_peak is not None:
        out = dataclasses.replace(
            out, p_onset=min(out.p_onset, out.p_peak - 1.0), p_offset=max(out.p_offset, out.p_peak + 1.0)
        )
    if out.t_offset is not None and out.t_peak is not None:
        out = dataclasses.replace(out, t_offset=max(out.t_offset, out.t_peak + 1.0))
    return out
