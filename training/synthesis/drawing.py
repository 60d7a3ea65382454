"""One recording of a kind, varied and with some noise, as corpora and towers are given it; and one recorded anew."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ecgr1_core.record import LEADS, EcgRecord
from training.synthesis.devices import drawn_device, recorded_by
from training.synthesis.generate import synthesize
from training.synthesis.kinds import kind_spec, varied
from training.synthesis.noise import noise_mv
from training.synthesis.spec import NoiseSpec
from training.synthesis.truth import Truth


@dataclass(frozen=True)
class Disturbance:
    """The most baseline wander and muscle noise, RMS in lead I, and whether devices of all sorts recorded it."""

    wander_mv: float = 0.0
    muscle_mv: float = 0.0
    devices: bool = False

    def noise(self, rng: np.random.Generator) -> NoiseSpec:
        """Return noise between none and the most."""
        return NoiseSpec(
            baseline_wander_mv=float(rng.uniform(0, self.wander_mv)),
            muscle_rms_mv=float(rng.uniform(0, self.muscle_mv)),
        )

    def of(self, record: EcgRecord, rng: np.random.Generator) -> EcgRecord:
        """Return a recording that is there already with more noise, by another device; it says the same."""
        noise = noise_mv(self.noise(rng), record.samples, record.sampling_rate_hz, rng)
        noise[[LEADS.index(lead) for lead in record.flat_leads]] = 0.0
        return self._by_device(replace(record, signal_mv=record.signal_mv + noise), rng)

    def drawn(self, kind: str, name: str, rng: np.random.Generator) -> tuple[EcgRecord, Truth]:
        """Return a recording of the kind with its truth; the same state of `rng` gives the same.

        Raises InputError for a kind that there is not.
        """
        spec = replace(varied(kind_spec(kind), rng), name=name, noise=self.noise(rng))
        record, truth = synthesize(spec, rng)
        return self._by_device(record, rng), truth

    def _by_device(self, record: EcgRecord, rng: np.random.Generator) -> EcgRecord:
        return recorded_by(drawn_device(rng), record, rng) if self.devices else record
