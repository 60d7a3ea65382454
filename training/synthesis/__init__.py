"""Synthetic 12-lead ECGs whose truth is known: a moving heart vector, a schedule of beats, noise at the electrodes."""

from training.synthesis.calibration import CALIBRATION_FACTORS, calibration_ecg
from training.synthesis.generate import synthesize
from training.synthesis.kinds import KINDS, kind_spec, varied
from training.synthesis.lead_truth import VISIBLE_MV
from training.synthesis.mixtures import DEFAULT_WEIGHTS, draw_specs
from training.synthesis.morphology import ATRIA, MORPHOLOGIES
from training.synthesis.spec import EXCHANGES, RHYTHMS, NoiseSpec, SyntheticSpec
from training.synthesis.truth import TrueBeat, TrueP, Truth

__all__ = [
    "ATRIA",
    "CALIBRATION_FACTORS",
    "DEFAULT_WEIGHTS",
    "EXCHANGES",
    "KINDS",
    "MORPHOLOGIES",
    "RHYTHMS",
    "VISIBLE_MV",
    "NoiseSpec",
    "SyntheticSpec",
    "TrueBeat",
    "TrueP",
    "Truth",
    "calibration_ecg",
    "draw_specs",
    "kind_spec",
    "synthesize",
    "varied",
]
