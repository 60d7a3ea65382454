"""Synthetic recordings that a tower meets once: drawn for one place of a run, told by their truth, kept nowhere.

A tower that sees the same few thousand recordings again and again learns them by heart. These cost a few milliseconds
each, and nothing of them has to be measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgr1_core.record import EcgRecord
from training.synthesis import KINDS, Truth
from training.synthesis.drawing import Disturbance


@dataclass(frozen=True)
class Fresh:
    """Draws a recording for a `share` of the places, of any kind; the same for the same seed, epoch and index."""

    share: float
    seed: int
    disturbance: Disturbance

    def __call__(self, epoch: int, index: int) -> tuple[EcgRecord, Truth, np.random.Generator] | None:
        """Return the recording of a place, its truth, and what is left to draw from; None where the row has it."""
        rng = np.random.default_rng([self.seed, 2, epoch, index])
        if rng.random() >= self.share:
            return None
        kind = list(KINDS)[rng.integers(len(KINDS))]
        name = f"fresh_{epoch}_{index}"
        return *self.disturbance.drawn(kind, name, rng), rng
