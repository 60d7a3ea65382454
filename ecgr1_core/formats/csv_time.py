"""The sampling rate that a column of times implies, with rounding of the times allowed for and gaps refused."""

from __future__ import annotations

import numpy as np

from ecgr1_core.errors import DamagedFileError
from ecgr1_core.formats.leads import Float64Array

_SECONDS_PER_UNIT = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0,
    "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3,
    "us": 1e-6, "µs": 1e-6, "min": 60.0,
}  # fmt: skip
_LONGEST_STEP_S = 0.05


def seconds_per_unit(unit: str) -> float | None:
    """Return how many seconds one `unit` of time is, None where it is no unit of time."""
    return _SECONDS_PER_UNIT.get(unit.strip().casefold())


def rate_from_times(times: Float64Array, unit: str | None, subject: str) -> float | None:
    """Return the sampling rate in Hz of evenly spaced `times` ([rows]).

    Without a unit the times are seconds where the step is below 50 ms, for no other unit would make an ECG of it; a
    longer step (2, 4: milliseconds or sample numbers) says nothing and gives None. A rate within 0.02 % of a whole
    number is that number. Raises `DamagedFileError` for times that go back or leave a gap, and for an unknown unit.
    """
    steps = np.diff(times)
    if (steps < 0).any() or times[-1] <= times[0]:
        row = int(np.argmax(steps < 0)) + 2
        raise DamagedFileError(
            subject, f"the time column goes back at row {row} of the samples", "sort or export it again"
        )
    mean_step = float(times[-1] - times[0]) / (len(times) - 1)
    if unit is None:
        if mean_step > _LONGEST_STEP_S:
            return None
        unit = "s"
    scale = seconds_per_unit(unit)
    if scale is None:
        raise DamagedFileError(subject, f"the unit of the time column, {unit!r}, is not known", "write s or ms")
    typical = float(np.median(steps)) or mean_step
    # Rounded times step unevenly by one unit of their last place: 2, 3, 2, 3 ms at 400 Hz; 0, 0, 10 ms at 250 Hz.
    jitter = float(steps[steps > 0].min()) if (steps < 0.75 * typical).mean() > 0.05 else 0.0
    gaps = steps > 1.6 * typical + jitter
    if gaps.any():
        row = int(np.argmax(gaps))
        raise DamagedFileError(
            subject,
            f"the time column jumps from {times[row]:g} to {times[row + 1]:g} {unit} in steps of {typical:g} {unit}",
            "export the recording without gaps",
        )
    rate_hz = 1.0 / (mean_step * scale)
    whole = round(rate_hz)
    return float(whole) if whole and abs(rate_hz - whole) <= 2e-4 * whole else rate_hz
