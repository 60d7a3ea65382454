"""Millivolts to whole counts of a file: one quantum for all leads, a microvolt where sixteen bits hold it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgr1_core.record import EcgRecord

UNKNOWN = -32768  # the count of a sample that is not known
_MOST = 32767
_FINEST_UV = 1.0


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts [leads, samples] of `quantum_uv` microvolts each; `UNKNOWN` where a sample is not known."""

    leads: tuple[str, ...]
    counts: npt.NDArray[np.int16]
    quantum_uv: float


def counts_of(record: EcgRecord) -> Counts:
    """Return the leads that are there as counts of 1 µV, or of 2, 4, 8 … µV where they are larger than ±32.767 mV."""
    leads = record.available_leads
    microvolts = 1000 * np.stack([record.lead(lead).astype(np.float64) for lead in leads])
    known = np.isfinite(microvolts)
    highest = float(np.abs(microvolts[known]).max()) if known.any() else 0.0
    quantum_uv = _FINEST_UV
    while highest / quantum_uv > _MOST:
        quantum_uv *= 2
    counts = np.where(known, np.rint(np.where(known, microvolts, 0) / quantum_uv), UNKNOWN)
    return Counts(leads, counts.astype(np.int16), quantum_uv)
