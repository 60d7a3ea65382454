"""`ReadOptions`: what the user says about a file that does not say it itself, the part to read, and the limits."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ecgr1_core.errors import InputError

Unit = Literal["mV", "uV", "V", "nV"]


@dataclass(frozen=True)
class ReadOptions:
    """Options of `read`; every length in seconds, every rate in Hz.

    `sampling_rate_hz` and `unit` are for files that state none; where the file does, the file wins with a warning.
    `counts_per_mv` sets the file's own calibration of its stored counts aside. `max_file_mb` is in MiB, for one file
    and for all that a zip expands to. `pseudonym_key` is what pseudonyms and shifted dates are made with, or the
    file that it is kept in and put into when first needed; without it there are none. Raises `InputError` for a value
    that cannot be meant.
    """

    sampling_rate_hz: float | None = None
    unit: Unit | None = None
    counts_per_mv: float | None = None
    start_s: float = 0.0
    duration_s: float | None = None
    max_duration_s: float = 600.0
    min_duration_s: float = 2.5
    min_sampling_rate_hz: float = 100.0
    min_leads: int = 8
    max_file_mb: int = 2048
    pseudonym_key: bytes | Path | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if not isinstance(value, (int, float)):
                continue
            may_be_zero = each.name in ("start_s", "min_duration_s", "min_sampling_rate_hz", "min_leads")
            if not math.isfinite(value) or value < 0 or (value == 0 and not may_be_zero):
                option = "--" + each.name.replace("_", "-")
                raise InputError(option, f"{value} cannot be used", "give a number above 0")
