"""`Case`: what every rule of the protocol is given, with the small questions that all of them ask.

It answers "which waves has this lead?" and "why was this not measured?"; it draws no conclusion.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ecgr1_core.measure.types import LeadMeasurements, Measurements
from ecgr1_core.protocol.limits import Limits
from ecgr1_core.record import Patient

# How a warning of the file says so; that the user set another calibration is none of these.
_NOT_CALIBRATED = ("not millivolts", "not calibrated", "no calibration", "check unit and calibration")


@dataclass(frozen=True)
class Complex:
    """The QRS waves of one lead, in mV; sizes are positive, and 0 is a wave that the lead does not have."""

    q: float
    r: float
    s: float
    r_prime: float
    s_prime: float
    q_ms: float | None
    r_ms: float | None
    s_ms: float | None

    @property
    def height(self) -> float:
        """The tallest positive wave."""
        return max(self.r, self.r_prime)

    @property
    def depth(self) -> float:
        """The deepest negative wave."""
        return max(self.q, self.s, self.s_prime)

    @property
    def s_depth(self) -> float:
        """The deepest S wave; a QS complex counts as S, as voltage criteria take it."""
        return max(self.s, self.s_prime, self.q if self.is_qs else 0.0)

    @property
    def is_qs(self) -> bool:
        """Whether there is no positive wave at all."""
        return self.height == 0.0 and self.depth > 0.0

    @property
    def upright(self) -> bool:
        """Whether the positive waves outweigh the negative ones."""
        return self.height > self.depth


@dataclass(frozen=True)
class Case:
    """One recording to be read: measurements, patient, limits, and why amplitudes cannot be trusted, if so."""

    measurements: Measurements
    patient: Patient
    limits: Limits
    uncalibrated: str | None = None

    def lead(self, name: str) -> LeadMeasurements | None:
        """Return the measurements of one lead, None where it is missing, flat or unusable."""
        quality = self.measurements.quality.leads.get(name)
        if quality is not None and quality.status in ("missing", "flat", "unusable"):
            return None
        return self.measurements.leads.get(name)

    def qrs(self, name: str) -> Complex | None:
        """Return the QRS waves of one lead, None where its QRS was not measured."""
        lead = self.lead(name)
        if lead is None or not lead.qrs_peak_to_peak_mv:
            return None
        waves = self._waves(lead)
        return Complex(
            q=max(0.0, -waves["q"]),
            r=max(0.0, waves["r"]),
            s=max(0.0, -waves["s"]),
            r_prime=max(0.0, waves["r_prime"]),
            s_prime=max(0.0, -waves["s_prime"]),
            q_ms=lead.q_duration_ms if waves["q"] else None,
            r_ms=lead.r_duration_ms if waves["r"] else None,
            s_ms=lead.s_duration_ms if waves["s"] else None,
        )

    def _waves(self, lead: LeadMeasurements) -> dict[str, float]:
        """Return the signed waves in order, 0 for those that are not there.

        A last wave that hardly exceeds the J point is the raised or depressed ST segment and does not count: the QS of
        left bundle branch block with ST elevation is not a Qr.
        """
        waves = {
            "q": lead.q_amplitude_mv or 0.0,
            "r": lead.r_amplitude_mv or 0.0,
            "s": lead.s_amplitude_mv or 0.0,
            "r_prime": lead.r_prime_amplitude_mv or 0.0,
            "s_prime": lead.s_prime_amplitude_mv or 0.0,
        }
        if 0.0 < waves["r"] < self.limits.visible_first_mv <= -waves["s"] and not waves["r_prime"]:
            # half a millimetre of r before a real S: on paper a QS
            waves |= {"q": min(waves["q"], waves["s"]), "r": 0.0, "s": 0.0}
        there = [name for name, value in waves.items() if value]
        if len(there) > 1 and lead.st_j_mv is not None:
            last, level = waves[there[-1]], lead.st_j_mv
            same_side = (last > 0) == (level > 0)
            if same_side and abs(last) - abs(level) < self.limits.terminal_wave_over_st_mv:
                waves[there[-1]] = 0.0
        return waves

    def complexes(self, names: Iterable[str]) -> dict[str, Complex]:
        """Return the QRS waves of those of the leads that have been measured."""
        return {name: qrs for name in names if (qrs := self.qrs(name)) is not None}

    def t_wave_mv(self, name: str) -> float | None:
        """Return the largest deflection of T in one lead, with its sign; None where it is unknown."""
        lead = self.lead(name)
        return None if lead is None else lead.t_amplitude_mv

    def reason(self, name: str) -> str:
        """Return why a global measurement is unknown."""
        return self.measurements.reasons.get(name, "no reliable value was found").rstrip(".")


def as_shown(measurements: Measurements) -> Measurements:
    """Return the measurements rounded as the text shows them, so that no value is judged by digits that nobody sees.

    Global values and durations to whole ms, bpm and degrees, amplitudes and ratios to 0.01, mV·ms and mV/s to 0.1.
    Whatever judges a measurement (the steps, the table on the page) judges these.
    """
    names = [field.name for field in dataclasses.fields(Measurements) if field.name.endswith(("_ms", "_bpm", "_deg"))]
    rounded: dict[str, Any] = {
        name: None if (value := getattr(measurements, name)) is None else float(round(value)) for name in names
    }
    leads = {name: _lead_as_shown(lead) for name, lead in measurements.leads.items()}
    return dataclasses.replace(measurements, leads=leads, **rounded)


def _lead_as_shown(lead: LeadMeasurements) -> LeadMeasurements:
    values: dict[str, Any] = {
        field.name: round(value, 1 if "_mv_" in field.name else 0 if field.name.endswith("_ms") else 2)
        for field in dataclasses.fields(lead)
        if isinstance(value := getattr(lead, field.name), float)
    }
    return dataclasses.replace(lead, **values)


def wide_qrs_qt_factor(measurements: Measurements, limits: Limits) -> float:
    """Return by what QTc is multiplied before it is judged: 1 for a narrow QRS, less for a wide one.

    Bogossian et al. 2014: 48.5 % of the QRS duration is taken off QT; the rate correction stays that of the formula.
    """
    qrs_ms, qt_ms = measurements.qrs_duration_ms, measurements.qt_interval_ms
    if qrs_ms is None or not qt_ms or qrs_ms < limits.qrs_wide_ms:
        return 1.0
    return 1.0 - limits.wide_qrs_qt_share * qrs_ms / qt_ms


def uncalibrated_reason(measurements: Measurements, limits: Limits, warnings: Iterable[str]) -> str | None:
    """Return why amplitudes are not millivolts that can be trusted, None where they are.

    A warning that the file has no calibration, or a wrong one, is one reason, a QRS larger than any heart's another.
    """
    for warning in warnings:
        if any(words in warning.casefold() for words in _NOT_CALIBRATED):
            return re.split(r"[:;]", warning)[0].rstrip(".")
    largest = max((lead.qrs_peak_to_peak_mv or 0.0 for lead in measurements.leads.values()), default=0.0)
    if largest > limits.plausible_qrs_mv:
        return f"a QRS of {largest:.0f} mV from peak to peak is larger than any heart's"
    return None
