"""`EcgRecord`: twelve leads in millivolts in one fixed order, whatever file they came from.

It knows nothing of files, pages or measurements. What a file could not give is kept and named: a lead that was not
recorded is a row of NaN listed in `missing_leads`, a lead without any deflection is listed in `flat_leads`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

LEADS: tuple[str, ...] = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
LIMB_LEADS: tuple[str, ...] = LEADS[:6]
PRECORDIAL_LEADS: tuple[str, ...] = LEADS[6:]

OLDEST_YEARS = 89  # ages above are one group (45 CFR 164.514(b)(2)(i)(C)), and 90 here

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Patient:
    """What a reading needs to know of the patient; no identity.

    `pseudonym` is the same for the recordings of one patient and tells nobody who that is. `recorded_at` is when it was
    recorded, moved into the past by some days, as many for all recordings of the patient: only differences mean
    something.
    """

    age_years: float | None = None
    sex: Literal["F", "M"] | None = None
    pseudonym: str | None = None
    recorded_at: datetime | None = None

    @property
    def age_text(self) -> str | None:
        """The age in years as people say it: "61", "0.5", "over 89"; None where it is not known."""
        if self.age_years is None:
            return None
        return f"over {OLDEST_YEARS}" if self.age_years > OLDEST_YEARS else f"{self.age_years:.2g}"


@dataclass(frozen=True)
class DeviceReading:
    """What the cart or archive measured and said, as the file has it: neither ours nor a reader's.

    `qtc_ms` is by the device's own formula. `statements` are its words; `confirmed` where a physician has signed them.
    """

    heart_rate_bpm: float | None = None
    pr_interval_ms: float | None = None
    qrs_duration_ms: float | None = None
    qt_interval_ms: float | None = None
    qtc_ms: float | None = None
    p_axis_deg: float | None = None
    qrs_axis_deg: float | None = None
    t_axis_deg: float | None = None
    statements: tuple[str, ...] = ()
    confirmed: bool = False

    @property
    def measured(self) -> tuple[str, ...]:
        """What the device measured as short texts with names and units, "QRS 90 ms", without what it did not."""
        values = (
            ("Heart rate", self.heart_rate_bpm, "/min"),
            ("PR", self.pr_interval_ms, " ms"),
            ("QRS", self.qrs_duration_ms, " ms"),
            ("QT", self.qt_interval_ms, " ms"),
            ("QTc", self.qtc_ms, " ms"),
            ("P axis", self.p_axis_deg, "°"),
            ("QRS axis", self.qrs_axis_deg, "°"),
            ("T axis", self.t_axis_deg, "°"),
        )
        return tuple(f"{name} {value:g}{unit}".replace("-", "−") for name, value, unit in values if value is not None)


@dataclass(frozen=True, eq=False)
class EcgRecord:
    """One 12-lead recording.

    `signal_mv` is [12, samples] float32 in millivolts, rows in the order of `LEADS`; NaN where a sample or a whole lead
    is unknown. The array is made read-only. `priors` are earlier recordings of the same patient, the latest first. Two
    records are equal only when they are the same object.
    """

    signal_mv: FloatArray
    sampling_rate_hz: float
    name: str = "recording"
    source_format: str = "memory"
    patient: Patient = field(default_factory=Patient)
    missing_leads: tuple[str, ...] = ()
    flat_leads: tuple[str, ...] = ()
    derived_leads: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    device: DeviceReading | None = None
    priors: tuple[EcgRecord, ...] = ()

    def __post_init__(self) -> None:
        signal = np.ascontiguousarray(self.signal_mv, dtype=np.float32)
        if signal.ndim != 2 or signal.shape[0] != len(LEADS) or signal.shape[1] == 0:
            raise ValueError(f"signal_mv must be [12, samples > 0], got {signal.shape}")
        if not (np.isfinite(self.sampling_rate_hz) and self.sampling_rate_hz > 0):
            raise ValueError(f"sampling_rate_hz must be positive, got {self.sampling_rate_hz}")
        signal.flags.writeable = False
        object.__setattr__(self, "signal_mv", signal)

    @property
    def samples(self) -> int:
        """Samples per lead."""
        return int(self.signal_mv.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / self.sampling_rate_hz

    @property
    def available_leads(self) -> tuple[str, ...]:
        """Leads that were recorded or derived, flat ones included."""
        return tuple(lead for lead in LEADS if lead not in self.missing_leads)

    def lead(self, name: str) -> FloatArray:
        """Return one lead, [samples] in mV; KeyError for a name outside `LEADS`."""
        if name not in LEADS:
            raise KeyError(name)
        row: FloatArray = self.signal_mv[LEADS.index(name)]
        return row
