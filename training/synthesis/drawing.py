"""One recording of a kind, varied and with some noise, as corpora and towers are given it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecgr1_core.record import EcgRecord
from training.synthesis.generate import synthesize
from training.synthesis.kinds import kind_spec, varied
from training.synthesis.spec import NoiseSpec
from training.synthesis.truth import Truth


def drawn_ecg(
    kind: str, name: str, rng: np.random.Generator, *, wander_mv: float, muscle_mv: float
) -> tuple[EcgRecord, Truth]:
    """Return a recording of the kind with its truth; the same state of `rng` gives the same.

    Baseline wander and muscle noise are drawn between 0 and what is given, RMS in lead I. Raises InputError for a kind
    that there is not.
    """
    noise = NoiseSpec(
        baseline_wander_mv=float(rng.uniform(0, wander_mv)), muscle_rms_mv=float(rng.uniform(0, muscle_mv))
    )
    return synthesize(replace(varied(kind_spec(kind), rng), name=name, noise=noise), rng)
