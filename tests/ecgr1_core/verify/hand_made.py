"""Measurements made by hand for the tests of the claim checker, and the statuses of a sentence about them."""

from __future__ import annotations

import dataclasses
from typing import Any

from ecgr1_core.interpretation import Interpretation
from ecgr1_core.measure.types import LeadMeasurements, LeadQuality, Measurements, Quality, RhythmMeasurements
from ecgr1_core.record import LEADS, Patient
from ecgr1_core.verify import Claim, verify

MAN = Patient(58.0, "M")

# lead: q mV, q ms, r mV, s mV, ST mV, T mV
_WAVES: dict[str, tuple[float | None, float | None, float | None, float | None, float, float]] = {
    "I": (-0.04, 15.0, 0.75, -0.10, 0.01, 0.22),
    "II": (-0.05, 15.0, 0.95, -0.15, 0.02, 0.30),
    "III": (None, None, 0.30, -0.10, 0.01, 0.12),
    "aVR": (-0.85, 60.0, 0.08, None, -0.02, -0.26),
    "aVL": (-0.03, 14.0, 0.30, -0.12, 0.00, 0.08),
    "aVF": (-0.03, 14.0, 0.60, -0.10, 0.02, 0.20),
    "V1": (None, None, 0.20, -0.90, 0.02, 0.12),
    "V2": (None, None, 0.40, -1.30, 0.04, 0.40),
    "V3": (None, None, 0.80, -0.80, 0.04, 0.45),
    "V4": (-0.05, 15.0, 1.30, -0.50, 0.03, 0.45),
    "V5": (-0.08, 18.0, 1.50, -0.20, 0.02, 0.35),
    "V6": (-0.08, 18.0, 1.10, -0.10, 0.01, 0.30),
}


def _lead(name: str) -> LeadMeasurements:
    q, q_ms, r, s, st, t = _WAVES[name]
    p = -0.1 if name == "aVR" else 0.12
    sizes = [value for value in (q, r, s, 0.0) if value is not None]
    return LeadMeasurements(
        p_amplitude_mv=p,
        q_amplitude_mv=q,
        q_duration_ms=q_ms,
        r_amplitude_mv=r,
        r_duration_ms=45.0,
        s_amplitude_mv=s,
        s_duration_ms=None if s is None else 30.0,
        qrs_peak_to_peak_mv=max(sizes) - min(sizes),
        st_j_mv=st,
        st_j40_mv=st,
        st_j60_mv=st,
        st_j80_mv=st,
        t_amplitude_mv=t,
        u_amplitude_mv=0.01,
    )


def ecg(
    leads: dict[str, dict[str, Any]] | None = None, rhythm: dict[str, Any] | None = None, **changes: Any
) -> Measurements:
    """Return a normal ECG (72 bpm, PR 160, QRS 92, QT 380 ms, axis 45°) changed by lead, rhythm, global name."""
    found = {name: dataclasses.replace(_lead(name), **(leads or {}).get(name, {})) for name in LEADS}
    base = Measurements(
        heart_rate_bpm=72.0,
        rr_ms=833.0,
        p_duration_ms=104.0,
        pr_interval_ms=160.0,
        qrs_duration_ms=92.0,
        qt_interval_ms=380.0,
        qtc_bazett_ms=416.0,
        qtc_fridericia_ms=404.0,
        p_axis_deg=50.0,
        qrs_axis_deg=45.0,
        t_axis_deg=40.0,
        delta_wave=False,
        transition_zone="V4",
        rhythm=RhythmMeasurements(
            beat_count=12, rr_min_ms=815.0, rr_max_ms=850.0, rr_irregularity=0.01, p_per_qrs=1.0, p_wave_present=True
        ),
        quality=Quality(leads={name: LeadQuality() for name in LEADS}),
        leads=found,
    )
    return dataclasses.replace(base, rhythm=dataclasses.replace(base.rhythm, **(rhythm or {})), **changes)


def st(level: float) -> dict[str, float]:
    """Return the changes of a lead whose ST is at one level, in mV."""
    return {"st_j_mv": level, "st_j40_mv": level, "st_j60_mv": level, "st_j80_mv": level}


_NO_P: dict[str, Any] = {"pr_interval_ms": None, "p_duration_ms": None, "p_axis_deg": None}
ECGS: dict[str, Measurements] = {
    "normal": ecg(),
    "fibrillation": ecg(
        {name: {"p_amplitude_mv": None} for name in LEADS},
        {"p_wave_present": False, "rr_irregularity": 0.2, "rr_min_ms": 350.0, "rr_max_ms": 700.0, "p_per_qrs": 0.1},
        heart_rate_bpm=130.0,
        rr_ms=461.0,
        reasons={"pr_interval_ms": "no P wave belongs to the QRS complexes"},
        **_NO_P,
    ),
    "lbbb": ecg(
        {
            "V1": {
                "r_amplitude_mv": None,
                "s_amplitude_mv": None,
                "q_amplitude_mv": -1.8,
                "q_duration_ms": 140.0,
                "qrs_peak_to_peak_mv": 1.8,
            },
            "V2": {"r_amplitude_mv": 0.1, "s_amplitude_mv": -2.4, "qrs_peak_to_peak_mv": 2.5},
            **{
                name: {
                    "q_amplitude_mv": None,
                    "q_duration_ms": None,
                    "r_amplitude_mv": 1.3,
                    "r_duration_ms": 130.0,
                    "s_amplitude_mv": None,
                    "t_amplitude_mv": -0.3,
                    **st(-0.12),
                }
                for name in ("I", "aVL", "V5", "V6")
            },
        },
        qrs_duration_ms=152.0,
        qrs_axis_deg=-48.0,
    ),
    "inferior": ecg(
        {
            **{name: {"q_amplitude_mv": -0.35, "q_duration_ms": 50.0, **st(0.25)} for name in ("II", "III", "aVF")},
            **{name: st(-0.15) for name in ("I", "aVL")},
        },
        pr_interval_ms=240.0,
    ),
    "hypertrophy": ecg(
        {
            "V1": {"s_amplitude_mv": -2.0, "qrs_peak_to_peak_mv": 2.2},
            "V5": {"r_amplitude_mv": 3.1, "qrs_peak_to_peak_mv": 3.3, "t_amplitude_mv": -0.3, **st(-0.15)},
            "V6": {"r_amplitude_mv": 2.6, "t_amplitude_mv": -0.25, **st(-0.12)},
        },
        qt_interval_ms=470.0,
        qtc_bazett_ms=515.0,
        qtc_fridericia_ms=500.0,
    ),
    "slow": ecg(
        rhythm={"ectopic_ventricular_count": 2, "rr_min_ms": 700.0, "rr_max_ms": 1500.0},
        heart_rate_bpm=44.0,
        rr_ms=1360.0,
        qtc_bazett_ms=340.0,
    ),
}


def claims(text: str, case: str = "normal", patient: Patient = MAN) -> tuple[Claim, ...]:
    """Return the claims of a text taken as a summary."""
    return verify(Interpretation(summary=text), ECGS[case], patient)


def statuses(text: str, case: str = "normal") -> set[str]:
    """Return the statuses of the claims of a text."""
    return {claim.status for claim in claims(text, case)}
