"""Kinds of ECG by name: a typical specification of each, and how it varies from patient to patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ecgr1_core.errors import InputError
from training.synthesis.infarction import INFARCTIONS
from training.synthesis.spec import SyntheticSpec

_INFARCTIONS_WITH_A_RATE = (  # of their own, above
    "inferior_stemi",
    "anterior_stemi",
    "lateral_stemi",
    "old_inferior_infarction",
    "old_anterior_infarction",
)

KINDS: Mapping[str, SyntheticSpec] = {
    "sinus": SyntheticSpec(),
    "sinus_bradycardia": SyntheticSpec(heart_rate_bpm=48, rr_variability_ms=25),
    "sinus_tachycardia": SyntheticSpec(heart_rate_bpm=124, rr_variability_ms=6, pr_interval_ms=140),
    "sinus_arrhythmia": SyntheticSpec(heart_rate_bpm=68, rr_variability_ms=80, respiratory_rate_per_min=10),
    "atrial_fibrillation": SyntheticSpec(rhythm="af", heart_rate_bpm=92),
    "atrial_flutter": SyntheticSpec(rhythm="flutter", heart_rate_bpm=75, flutter_conduction=(4,)),
    "atrial_flutter_2_to_1": SyntheticSpec(rhythm="flutter", heart_rate_bpm=146, flutter_conduction=(2,)),
    "atrial_flutter_variable": SyntheticSpec(rhythm="flutter", heart_rate_bpm=96, flutter_conduction=(2, 4, 3)),
    "supraventricular_tachycardia": SyntheticSpec(rhythm="supraventricular_tachycardia", heart_rate_bpm=178),
    "av_block_1": SyntheticSpec(heart_rate_bpm=66, pr_interval_ms=252),
    "av_block_2_mobitz_1": SyntheticSpec(rhythm="mobitz_1", heart_rate_bpm=58, pr_interval_ms=184),
    "av_block_3": SyntheticSpec(rhythm="complete_block", heart_rate_bpm=38, atrial_rate_bpm=84),
    "pac": SyntheticSpec(rhythm="pac", heart_rate_bpm=70),
    "pvc": SyntheticSpec(rhythm="pvc", heart_rate_bpm=72),
    "pvc_bigeminy": SyntheticSpec(rhythm="pvc", heart_rate_bpm=76, ectopic_every=2),
    "ventricular_paced": SyntheticSpec(rhythm="ventricular_paced", heart_rate_bpm=70, rr_variability_ms=4),
    "rbbb": SyntheticSpec(morphology="rbbb"),
    "lbbb": SyntheticSpec(morphology="lbbb"),
    "lafb": SyntheticSpec(morphology="lafb"),
    "lvh_strain": SyntheticSpec(morphology="lvh_strain", heart_rate_bpm=76),
    "inferior_stemi": SyntheticSpec(morphology="inferior_stemi", heart_rate_bpm=64),
    "anterior_stemi": SyntheticSpec(morphology="anterior_stemi", heart_rate_bpm=92),
    "lateral_stemi": SyntheticSpec(morphology="lateral_stemi", heart_rate_bpm=82),
    "old_inferior_infarction": SyntheticSpec(morphology="old_inferior_infarction", heart_rate_bpm=68),
    "old_anterior_infarction": SyntheticSpec(morphology="old_anterior_infarction", heart_rate_bpm=74),
    "t_inversion": SyntheticSpec(morphology="t_inversion", heart_rate_bpm=74),
    "long_qt": SyntheticSpec(heart_rate_bpm=64, qtc_fridericia_ms=525),
    "wpw": SyntheticSpec(morphology="wpw", heart_rate_bpm=76, pr_interval_ms=104, p_duration_ms=96),
    "atrial_fibrillation_fast": SyntheticSpec(rhythm="af", heart_rate_bpm=138, af_rr_variation=0.18),
    "atrial_fibrillation_slow": SyntheticSpec(rhythm="af", heart_rate_bpm=52, af_rr_variation=0.24),
    "junctional_rhythm": SyntheticSpec(rhythm="junctional", heart_rate_bpm=46),
    "ventricular_tachycardia": SyntheticSpec(rhythm="ventricular_tachycardia", heart_rate_bpm=168),
    "ventricular_tachycardia_outflow": SyntheticSpec(
        rhythm="ventricular_tachycardia", morphology="ventricular_ectopic", heart_rate_bpm=156
    ),
    "pvc_trigeminy": SyntheticSpec(rhythm="pvc", heart_rate_bpm=74, ectopic_every=3),
    "av_block_2_mobitz_2": SyntheticSpec(rhythm="mobitz_2", heart_rate_bpm=56, morphology="rbbb", rr_variability_ms=8),
    "av_block_2_to_1": SyntheticSpec(rhythm="mobitz_2", heart_rate_bpm=42, mobitz_cycle=2, rr_variability_ms=8),
    "av_block_3_junctional": SyntheticSpec(rhythm="complete_block_junctional", heart_rate_bpm=46, atrial_rate_bpm=80),
    "atrial_paced": SyntheticSpec(rhythm="atrial_paced", heart_rate_bpm=70, pr_interval_ms=176),
    "dual_paced": SyntheticSpec(rhythm="dual_paced", heart_rate_bpm=66, pr_interval_ms=168),
    "irbbb": SyntheticSpec(morphology="irbbb"),
    "ivcd": SyntheticSpec(morphology="ivcd"),
    "lpfb": SyntheticSpec(morphology="lpfb"),
    "rbbb_lafb": SyntheticSpec(morphology="rbbb_lafb"),
    "left_axis": SyntheticSpec(qrs_axis_deg=-39),
    "right_axis": SyntheticSpec(morphology="right_axis"),
    "low_voltage": SyntheticSpec(qrs_gain=0.25, t_gain=0.6, p_gain=0.7),
    "left_atrial": SyntheticSpec(atria="left", p_duration_ms=132, pr_interval_ms=178),
    "right_atrial": SyntheticSpec(atria="right", p_duration_ms=100, heart_rate_bpm=84),
    "lvh": SyntheticSpec(morphology="lvh"),
    "rvh": SyntheticSpec(morphology="rvh", atria="right", heart_rate_bpm=84),
    **{
        name: SyntheticSpec(morphology=name, heart_rate_bpm=70 if name.startswith("old") else 82)
        for name in INFARCTIONS
        if name not in _INFARCTIONS_WITH_A_RATE
    },
    "st_depression": SyntheticSpec(morphology="st_depression", heart_rate_bpm=86),
    "t_inversion_inferior": SyntheticSpec(morphology="t_inversion_inferior"),
    "t_inversion_lateral": SyntheticSpec(morphology="t_inversion_lateral"),
    "low_t": SyntheticSpec(morphology="low_t"),
    "pericarditis": SyntheticSpec(morphology="pericarditis", heart_rate_bpm=92),
    "early_repolarization": SyntheticSpec(morphology="early_repolarization", heart_rate_bpm=60, rr_variability_ms=25),
    "short_qt": SyntheticSpec(qtc_fridericia_ms=325, heart_rate_bpm=66),
    "hyperkalemia": SyntheticSpec(morphology="hyperkalemia", p_gain=0.7, qtc_fridericia_ms=395),
    "hyperkalemia_severe": SyntheticSpec(
        morphology="hyperkalemia_severe", p_gain=0.35, p_duration_ms=124, pr_interval_ms=238, heart_rate_bpm=62
    ),
    "hypokalemia": SyntheticSpec(morphology="hypokalemia", heart_rate_bpm=66, qtc_fridericia_ms=425),
    "hypercalcemia": SyntheticSpec(morphology="hypercalcemia", qtc_fridericia_ms=330, heart_rate_bpm=68),
    "hypocalcemia": SyntheticSpec(morphology="hypocalcemia", qtc_fridericia_ms=515, heart_rate_bpm=66),
    "digitalis": SyntheticSpec(morphology="digitalis", qtc_fridericia_ms=375, heart_rate_bpm=66, pr_interval_ms=170),
    "arm_lead_reversal": SyntheticSpec(exchanged="RA-LA"),
    "precordial_lead_reversal": SyntheticSpec(exchanged="V2-V5"),
}
"""Typical specifications, 10 s at 500 Hz without noise."""


def kind_spec(kind: str) -> SyntheticSpec:
    """Return the typical specification of a kind, named after it; `InputError` for a kind that does not exist."""
    if kind not in KINDS:
        raise InputError(f"kind {kind!r}", "there is no such kind of synthetic ECG", f"give one of {', '.join(KINDS)}")
    return replace(KINDS[kind], name=kind)


def varied(spec: SyntheticSpec, rng: np.random.Generator) -> SyntheticSpec:
    """Return `spec` for another patient of the same kind: rate, intervals, amplitudes and electrode places drawn.

    Factors are log-normal (rate 6 %, durations 4 %, PR 6 %, P, QRS and T amplitudes 15 to 20 %), QTc normal (SD 10 ms);
    factors are kept within two standard deviations so that a kind stays what its labels say.
    """
    names = ("rate", "p", "pr", "qrs", "p_gain", "qrs_gain", "st_gain", "t_gain")
    spreads = np.array([0.06, 0.04, 0.06, 0.03, 0.15, 0.18, 0.12, 0.2])
    draws = np.clip(rng.standard_normal(len(names) + 1), -2, 2)
    factor = dict(zip(names, np.exp(spreads * draws[:-1]).tolist(), strict=True))
    rate_bpm = spec.heart_rate_bpm * factor["rate"]
    for low, high in ((20.0, 59.0), (60.0, 100.0), (101.0, 250.0)):
        if low <= spec.heart_rate_bpm <= high:
            rate_bpm = float(np.clip(rate_bpm, low, high))
    pr_ms = spec.pr_interval_ms * factor["pr"]
    return replace(
        spec,
        heart_rate_bpm=rate_bpm,
        p_duration_ms=min(spec.p_duration_ms * factor["p"], pr_ms - 10),
        pr_interval_ms=pr_ms,
        qrs_duration_ms=None if spec.qrs_duration_ms is None else spec.qrs_duration_ms * factor["qrs"],
        qtc_fridericia_ms=spec.qtc_fridericia_ms + 10 * float(draws[-1]),
        p_gain=spec.p_gain * factor["p_gain"],
        qrs_gain=spec.qrs_gain * factor["qrs_gain"],
        st_gain=spec.st_gain * factor["st_gain"],
        t_gain=spec.t_gain * factor["t_gain"],
        electrode_shift_sd=max(spec.electrode_shift_sd, 0.12),
    )
