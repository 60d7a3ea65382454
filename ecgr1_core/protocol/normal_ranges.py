"""Which limits of the protocol bound the normal range of a measurement.

The limits are those of `ecgr1_core.protocol.limits`, where each is cited; here is only which of them belongs to which
measurement and sex. Where the table has no limit there is no range, and none is made up.
"""

from __future__ import annotations

from dataclasses import dataclass

from ecgr1_core.measure.types import Measurements
from ecgr1_core.protocol import wide_qrs_qt_factor
from ecgr1_core.protocol.limits import Limits, limits
from ecgr1_core.record import Patient

MINUS = "\u2212"
_MS_PER_MINUTE = 60_000.0


@dataclass(frozen=True)
class NormalRange:
    """A range in the unit of its measurement; None where it has no bound.

    A bound is normal itself, unless `low_excluded` or `high_excluded` says that abnormal begins there.
    """

    low: float | None = None
    high: float | None = None
    low_excluded: bool = False
    high_excluded: bool = False

    def side(self, value: float) -> int:
        """Return -1 for a value below the range, 1 above, 0 inside."""
        if self.low is not None and (value < self.low or (self.low_excluded and value == self.low)):
            return -1
        if self.high is not None and (value > self.high or (self.high_excluded and value == self.high)):
            return 1
        return 0

    def text(self, decimals: int = 0) -> str:
        """Return the range in words: "60–100", "−30 to 90", "< 120", "> 360, < 450"; "" without bounds."""
        low = None if self.low is None else number_text(self.low, decimals)
        high = None if self.high is None else number_text(self.high, decimals)
        if low is not None and high is not None and not (self.low_excluded or self.high_excluded):
            return f"{low} to {high}" if MINUS in low + high else f"{low}–{high}"
        parts = [f"{'>' if self.low_excluded else '≥'} {low}"] if low is not None else []
        parts += [f"{'<' if self.high_excluded else '≤'} {high}"] if high is not None else []
        return ", ".join(parts)


def number_text(value: float, decimals: int) -> str:
    """Return a number with a true minus sign; a negative number that rounds to zero has none."""
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def normal_range(name: str, patient: Patient, measurements: Measurements | None = None) -> NormalRange:
    """Return the normal range of the measurement `name` of `Measurements`, in its own unit.

    Adult limits are not applied to a patient known to be younger; where the sex is unknown, QTc takes the lower limit,
    that for men, as the protocol does. With `measurements` of a wide QRS QTc has no lower limit, and outside the rates
    at which Bazett's formula holds it has no range: the protocol does not judge these either.
    """
    table = limits()
    if patient.age_years is not None and patient.age_years < table.adult_age_years:
        return NormalRange()
    if name.startswith("qtc_"):
        return _qtc(table, patient, name, measurements)
    ranges = {
        "heart_rate_bpm": NormalRange(table.rate_low_bpm, table.rate_high_bpm),
        "rr_ms": NormalRange(_MS_PER_MINUTE / table.rate_high_bpm, _MS_PER_MINUTE / table.rate_low_bpm),
        "p_duration_ms": NormalRange(high=table.p_duration_ms, high_excluded=True),
        "pr_interval_ms": NormalRange(table.pr_short_ms, table.pr_long_ms),
        "qrs_duration_ms": NormalRange(high=table.qrs_normal_ms, high_excluded=True),
        "p_axis_deg": NormalRange(table.sinus_p_axis_low_deg, table.sinus_p_axis_high_deg),
        "qrs_axis_deg": NormalRange(table.axis_left_deg, table.axis_right_deg),
    }
    return ranges.get(name, NormalRange())


def judged_value(name: str, value: float, measurements: Measurements) -> tuple[float, str]:
    """Return the value of a measurement that is held against its range, and a remark where it is not the one shown.

    QTc of a wide QRS is judged with a share of the QRS taken off, as in step 5 of the protocol.
    """
    factor = wide_qrs_qt_factor(measurements, limits()) if name.startswith("qtc_") else 1.0
    if factor == 1.0:
        return value, ""
    value = float(round(value * factor))
    return value, f" for {number_text(value, 0)}, part of the wide QRS taken off"


def _qtc(table: Limits, patient: Patient, name: str, measurements: Measurements | None) -> NormalRange:
    rate = None if measurements is None else measurements.heart_rate_bpm
    holds = rate is None or table.bazett_rate_low_bpm <= rate <= table.bazett_rate_high_bpm
    if name == "qtc_bazett_ms" and not holds:
        return NormalRange()
    prolonged_from = table.qtc_female_ms if patient.sex == "F" else table.qtc_male_ms
    if measurements is not None and wide_qrs_qt_factor(measurements, table) != 1.0:
        return NormalRange(high=prolonged_from, high_excluded=True)
    return NormalRange(table.qtc_short_ms, prolonged_from, low_excluded=True, high_excluded=True)
