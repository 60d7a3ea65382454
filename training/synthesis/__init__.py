"""Synthetic 12-lead ECGs whose truth is known: a moving heart vector, a schedule of beats, noise at the electrodes."""

from training.synthesis.calibration import CALIBRATION_FACTORS, calibration_ecg
from training.synthesis.generate import synthesize
from training.synthesis.kinds import KINDS, kind_spec, varied
from training.synthesis.morphology import MORPHOLOGIES
from training.synthesis.spec import RHYTHMS, NoiseSpec, SyntheticSpec
from training.synthesis.truth import VISIBLE_MV, TrueBeat, TrueP, Truth

__all__ = [
    "CALIBRATION_FACTORS",
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
    "kind_spec",
    "synthesize",
    "varied",
]
