"""Plausible mixtures of kinds, drawn by seed: rhythm, conduction, repolarization, atria, position, noise, electrodes.

What is drawn is a list of specifications; what is true of each is told by `synthesize`. The shares are our own choice:
they make a varied corpus and are no prevalences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ecgr1_core.errors import InputError
from ecgr1_core.record import PRECORDIAL_LEADS
from training.synthesis.infarction import INFARCTIONS
from training.synthesis.kinds import KINDS, kind_spec, varied
from training.synthesis.morphology import CONDUCTION
from training.synthesis.spec import EXCHANGES, NoiseSpec, SyntheticSpec

_FASCICULAR = ("lafb", "lpfb", "rbbb_lafb")
_OVERLAID = ("normal", "rbbb", "irbbb", "lafb", "lpfb", "rbbb_lafb")
_OVERLAYS = (
    *("t_inversion", "t_inversion_inferior", "t_inversion_lateral", "low_t", "st_depression", "digitalis"),
    *("hyperkalemia", "hypokalemia", "inferior_stemi", "anterior_stemi", "lateral_stemi"),
)
_THROUGH_HIS = (
    *("sinus", "af", "flutter", "mobitz_1", "mobitz_2", "complete_block_junctional", "junctional", "pac", "pvc"),
    "atrial_paced",
)
_CONDUCTION_SHARE, _OVERLAY_SHARE, _RHYTHM_SHARE, _ATRIA_SHARE = 0.2, 0.15, 0.3, 0.06
_EXCHANGE_SHARE, _LEAD_OFF_SHARE, _CLEAN_SHARE, _MAINS_SHARE = 0.015, 0.02, 0.1, 0.25

DEFAULT_WEIGHTS: Mapping[str, float] = {
    kind: 12.0 if kind == "sinus" else 0.4 if spec.morphology in INFARCTIONS else 1.0 for kind, spec in KINDS.items()
}
"""How often a kind is drawn where nothing else is said: a normal ECG every seventh time, an infarction as often."""

_OTHER_RHYTHMS: tuple[Callable[[SyntheticSpec, np.random.Generator], SyntheticSpec], ...] = (
    lambda spec, rng: replace(spec, rhythm="af", heart_rate_bpm=float(rng.uniform(58, 125))),
    lambda spec, rng: replace(spec, rhythm="pac", ectopic_every=int(rng.integers(3, 9))),
    lambda spec, rng: replace(spec, rhythm="pvc", ectopic_every=int(rng.integers(2, 9))),
    lambda spec, rng: replace(spec, pr_interval_ms=float(rng.uniform(222, 290))),
    lambda spec, rng: replace(spec, heart_rate_bpm=float(rng.uniform(42, 57)), rr_variability_ms=25),
    lambda spec, rng: replace(spec, heart_rate_bpm=float(rng.uniform(103, 126)), pr_interval_ms=140),
)


def draw_specs(count: int, seed: int, kinds: Mapping[str, float] | None = None) -> list[tuple[str, SyntheticSpec]]:
    """Return `count` specifications, each with the kind it began as; number n of a seed is always the same.

    `kinds` are weights by kind (default `DEFAULT_WEIGHTS`). Every one is another patient of its kind (`varied`) in
    another position of the heart; a part of them, never a plain "sinus", gets a second finding: a conduction disorder
    or hypertrophy, another rhythm, another ST-T, or an abnormal P. `InputError` for kinds that do not exist or weights
    that cannot be drawn from.
    """
    weights = DEFAULT_WEIGHTS if kinds is None else kinds
    shares = np.array(list(weights.values()), dtype=np.float64)
    if not weights or not np.all(np.isfinite(shares)) or shares.min() < 0 or shares.sum() <= 0:
        raise InputError("kinds", "have no weights to draw from", "give each a weight of 0 or more, one above 0")
    specs = {kind: kind_spec(kind) for kind in weights}
    names, shares = list(weights), shares / shares.sum()
    drawn: list[tuple[str, SyntheticSpec]] = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        kind = names[int(rng.choice(len(names), p=shares))]
        spec = varied(specs[kind], rng)
        spec = spec if kind == "sinus" else _with_a_second_finding(spec, rng)
        spec = _positioned(spec, rng)
        drawn.append((kind, replace(_disturbed(spec, rng), name=f"{kind}_{seed}_{number:06d}")))
    return drawn


def _some(share: float, rng: np.random.Generator) -> bool:
    return bool(rng.random() < share)


def _with_a_second_finding(spec: SyntheticSpec, rng: np.random.Generator) -> SyntheticSpec:
    through_his = spec.rhythm in _THROUGH_HIS and spec.morphology != "wpw"
    plain = spec.morphology == "normal" and spec.qrs_axis_deg is None and spec.qrs_gain > 0.5
    if through_his and plain and _some(_CONDUCTION_SHARE, rng):
        spec = replace(spec, morphology=str(rng.choice(CONDUCTION)))
    elif through_his and not plain and spec.rhythm == "sinus" and _some(_RHYTHM_SHARE, rng):
        spec = _OTHER_RHYTHMS[int(rng.integers(len(_OTHER_RHYTHMS)))](spec, rng)
    ordinary_qt = 390 <= spec.qtc_fridericia_ms <= 440
    if through_his and ordinary_qt and spec.morphology in _OVERLAID and _some(_OVERLAY_SHARE, rng):
        spec = replace(spec, repolarization=str(rng.choice(_OVERLAYS)))
    if spec.atria == "normal" and through_his and _some(_ATRIA_SHARE, rng):
        side = str(rng.choice(["left", "right"]))
        wide_ms = min(130.0, spec.pr_interval_ms - 10) if side == "left" else spec.p_duration_ms
        spec = replace(spec, atria=side, p_duration_ms=max(wide_ms, spec.p_duration_ms))
    return spec


def _positioned(spec: SyntheticSpec, rng: np.random.Generator) -> SyntheticSpec:
    """Turn the heart; less where the axis or the place of an injury is what the kind is about."""
    if spec.morphology in _FASCICULAR:
        sd_deg = 2.5
    else:
        sd_deg = 5.0 if spec.morphology in INFARCTIONS or spec.repolarization in INFARCTIONS else 11.0
    frontal, rotation = sd_deg * np.clip(rng.standard_normal(2), -2, 2)
    return replace(spec, frontal_turn_deg=float(frontal), rotation_deg=float(rotation))


def _disturbed(spec: SyntheticSpec, rng: np.random.Generator) -> SyntheticSpec:
    """Add noise (medians 0.03 mV of wander, 7 µV of muscle), rarely a lead off or two electrodes exchanged."""
    wander_mv, muscle_mv = np.array([0.03, 0.007]) * np.exp(0.7 * np.clip(rng.standard_normal(2), -2, 2))
    clean = _some(_CLEAN_SHARE, rng)
    noise = NoiseSpec(
        baseline_wander_mv=0.0 if clean else float(wander_mv),
        muscle_rms_mv=0.0 if clean else float(muscle_mv),
        mains_mv=float(rng.uniform(0.003, 0.02)) if _some(_MAINS_SHARE, rng) else 0.0,
        mains_hz=float(rng.choice([50.0, 60.0])),
        leads_off=(str(rng.choice(PRECORDIAL_LEADS)),) if _some(_LEAD_OFF_SHARE, rng) else (),
    )
    exchange = EXCHANGES[int(rng.integers(len(EXCHANGES)))]
    swapped = exchange if spec.exchanged is None and _some(_EXCHANGE_SHARE, rng) else spec.exchanged
    return replace(spec, noise=noise, exchanged=swapped)
