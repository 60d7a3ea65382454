"""What the Read page keeps for one visitor between two actions."""

from __future__ import annotations

from dataclasses import dataclass

from ecgr1_core.measure.types import Measurements
from ecgr1_core.modality import Modality
from ecgr1_core.record import EcgRecord


@dataclass(frozen=True, eq=False)
class Case:
    """The open recording, and its measurements once they are there."""

    record: EcgRecord
    measurements: Measurements | None = None


@dataclass(frozen=True)
class Running:
    """The reading that is being written: the name of its reader and what that sees."""

    reader: str
    modality: Modality
