"""A normal ECG as measurements, built by hand, and the ways to change it."""

from __future__ import annotations

import dataclasses
from typing import Any

from ecgr1_core.measure import Beat, LeadMeasurements, LeadQuality, Measurements, Quality, RhythmMeasurements
from ecgr1_core.protocol import Findings, assess
from ecgr1_core.record import LEADS, Patient

# lead: q mV, q ms, r mV, s mV, st j mV, t mV
NORMAL: dict[str, tuple[float | None, float | None, float | None, float | None, float, float]] = {
    "I": (-0.05, 16, 0.70, -0.10, 0.02, 0.20),
    "II": (-0.05, 16, 0.90, -0.15, 0.03, 0.30),
    "III": (None, None, 0.30, -0.10, 0.01, 0.10),
    "aVR": (-0.80, 60, 0.10, None, -0.02, -0.25),
    "aVL": (-0.04, 14, 0.35, -0.10, 0.01, 0.06),
    "aVF": (-0.03, 14, 0.60, -0.10, 0.02, 0.20),
    "V1": (None, None, 0.20, -0.90, 0.03, 0.10),
    "V2": (None, None, 0.40, -1.20, 0.08, 0.40),
    "V3": (None, None, 0.80, -0.80, 0.08, 0.45),
    "V4": (-0.05, 16, 1.30, -0.50, 0.04, 0.45),
    "V5": (-0.08, 18, 1.40, -0.20, 0.03, 0.35),
    "V6": (-0.08, 18, 1.10, -0.10, 0.02, 0.30),
}


def lead(
    q: float | None, q_ms: float | None, r: float | None, s: float | None, j: float, t: float, **more: Any
) -> LeadMeasurements:
    waves = [value for value in (q, r, s, 0.0) if value is not None]
    values: dict[str, Any] = {
        "p_amplitude_mv": 0.10,
        "q_amplitude_mv": q,
        "q_duration_ms": q_ms,
        "r_amplitude_mv": r,
        "r_duration_ms": None if r is None else 45.0,
        "s_amplitude_mv": s,
        "s_duration_ms": None if s is None else 30.0,
        "qrs_peak_to_peak_mv": max(waves) - min(waves),
        "st_j_mv": j,
        "st_j40_mv": j,
        "st_j60_mv": j,
        "st_j80_mv": j,
        "t_amplitude_mv": t,
        "t_negative_amplitude_mv": t if t < 0 else None,
    }
    return LeadMeasurements(**(values | more))


def normal_ecg() -> Measurements:
    leads = {name: lead(*values) for name, values in NORMAL.items()}
    leads["aVR"] = dataclasses.replace(leads["aVR"], p_amplitude_mv=-0.10, p_negative_amplitude_mv=-0.10)
    return Measurements(
        heart_rate_bpm=72.0,
        rr_ms=833.0,
        p_duration_ms=104.0,
        pr_interval_ms=160.0,
        qrs_duration_ms=92.0,
        qt_interval_ms=380.0,
        qtc_bazett_ms=416.0,
        qtc_fridericia_ms=404.0,
        p_axis_deg=48.0,
        qrs_axis_deg=45.0,
        t_axis_deg=40.0,
        rhythm=RhythmMeasurements(
            beat_count=12,
            rr_min_ms=815.0,
            rr_max_ms=850.0,
            rr_irregularity=0.01,
            p_per_qrs=1.0,
            p_wave_present=True,
        ),
        quality=Quality(leads={name: LeadQuality() for name in LEADS}),
        leads=leads,
        beats=tuple(Beat(n, n * 0.833, rr_ms=None if n == 1 else 815.0 + 3 * n) for n in range(1, 13)),
    )


def read(
    patient: Patient = Patient(50.0, "M"),  # noqa: B008
    warnings: tuple[str, ...] = (),
    leads: dict[str, dict[str, Any]] | None = None,
    rhythm: dict[str, Any] | None = None,
    **changes: Any,
) -> Findings:
    """Assess the normal ECG with changes: `leads` {name: {field: value}}, `rhythm` {field: value}, globals by name."""
    return assess(changed(leads, rhythm, **changes), patient, warnings)


def changed(
    leads: dict[str, dict[str, Any]] | None = None, rhythm: dict[str, Any] | None = None, **changes: Any
) -> Measurements:
    """Return the normal ECG with changes; QRS, peak to peak, follows the waves."""
    base = normal_ecg()
    new = dict(base.leads)
    for name, values in (leads or {}).items():
        one = dataclasses.replace(new[name], **values)
        waves = [one.q_amplitude_mv, one.r_amplitude_mv, one.s_amplitude_mv, one.r_prime_amplitude_mv, 0.0]
        known = [value for value in waves if value is not None]
        new[name] = dataclasses.replace(one, qrs_peak_to_peak_mv=max(known) - min(known))
    return dataclasses.replace(base, leads=new, rhythm=dataclasses.replace(base.rhythm, **(rhythm or {})), **changes)


LBBB_LEADS: dict[str, dict[str, Any]] = {
    "V1": {
        "q_amplitude_mv": -1.8,
        "q_duration_ms": 140.0,
        "r_amplitude_mv": None,
        "s_amplitude_mv": None,
        "st_j_mv": 0.2,
    },
    "V2": {"r_amplitude_mv": 0.1, "s_amplitude_mv": -2.4, "st_j_mv": 0.3},
    "V3": {"r_amplitude_mv": 0.2, "s_amplitude_mv": -2.2, "st_j_mv": 0.3},
    **{
        name: {
            "q_amplitude_mv": None,
            "q_duration_ms": None,
            "r_amplitude_mv": 1.3,
            "r_duration_ms": 130.0,
            "s_amplitude_mv": None,
            "st_j_mv": -0.1,
            "st_j60_mv": -0.12,
            "t_amplitude_mv": -0.3,
        }
        for name in ("I", "aVL", "V5", "V6")
    },
}
