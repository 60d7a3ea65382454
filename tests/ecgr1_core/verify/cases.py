"""Seven patients as measurements built by hand; the held-out sentences are true or false of these.

Levels of the limb leads (P, J point, T) are given for I and II only and follow Einthoven and Goldberger in the others;
QRS waves are given lead by lead. Nothing here is computed from a signal, and nothing knows how a claim is checked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ecgr1_core.measure import (
    Beat,
    LeadMeasurements,
    LeadQuality,
    Measurements,
    Quality,
    RhythmMeasurements,
    corrected_qt_ms,
)
from ecgr1_core.measure.amplitudes import morphology
from ecgr1_core.record import LEADS, PRECORDIAL_LEADS, Patient


@dataclass(frozen=True)
class HandMadeCase:
    """One patient: what was measured, and who it is."""

    measurements: Measurements
    patient: Patient


# QRS waves of one lead: (amplitude mV, duration ms) by name, in the order of the complex
Waves = dict[str, tuple[float, float]]


def _levels(limb_i: float, limb_ii: float, *precordial: float) -> dict[str, float]:
    """Return a level in every lead: the other limb leads from I and II, V1–V6 as given (mV)."""
    i, ii = limb_i, limb_ii
    limb = {"I": i, "II": ii, "III": ii - i, "aVR": -(i + ii) / 2, "aVL": i - ii / 2, "aVF": ii - i / 2}
    return limb | dict(zip(PRECORDIAL_LEADS, precordial, strict=True))


def _lead(waves: Waves, p_mv: float | None, j_mv: float, j80_mv: float, t_mv: float, qrs_ms: float) -> LeadMeasurements:
    peaks = [0.0, *(amplitude for amplitude, _ in waves.values())]
    change = j80_mv - j_mv
    direction = "horizontal" if abs(change) < 0.05 else "upsloping" if change > 0 else "downsloping"
    area = sum(0.5 * amplitude * duration for amplitude, duration in waves.values())
    named = {f"{name}_amplitude_mv": wave[0] for name, wave in waves.items()}
    named |= {f"{name}_duration_ms": wave[1] for name, wave in waves.items() if name in ("q", "r", "s")}
    missing = [name for name in ("q", "r", "s", "r_prime", "s_prime") if name not in waves]
    reasons = {f"{name}_amplitude_mv": f"no {name.upper()} wave in this lead" for name in missing}
    if p_mv is None:
        reasons["p_amplitude_mv"] = "no P wave stands before the QRS complexes"
    return LeadMeasurements(
        **named,
        morphology=morphology(waves),
        p_amplitude_mv=p_mv,
        p_negative_amplitude_mv=p_mv if p_mv is not None and p_mv <= -0.02 else None,
        p_duration_ms=None if p_mv is None else 94.0,
        p_terminal_force_mv_ms=None if p_mv is None else 0.0,
        qrs_peak_to_peak_mv=max(peaks) - min(peaks),
        qrs_duration_ms=qrs_ms - 6.0,
        qrs_area_mv_ms=area,
        qrs_notched=False,
        st_j_mv=j_mv,
        st_j40_mv=j_mv + 0.5 * change,
        st_j60_mv=j_mv + 0.75 * change,
        st_j80_mv=j80_mv,
        st_slope_mv_per_s=change / 0.08,
        st_slope=direction,
        st_shape="straight",
        t_amplitude_mv=t_mv,
        t_negative_amplitude_mv=t_mv if t_mv <= -0.02 else None,
        t_duration_ms=170.0,
        reasons=reasons,
    )


def _leads(
    qrs: Mapping[str, Waves],
    p: Mapping[str, float] | None,
    j: Mapping[str, float],
    t: Mapping[str, float],
    qrs_ms: float,
    st_change_mv: Mapping[str, float] | None = None,
) -> dict[str, LeadMeasurements]:
    change = st_change_mv or {}
    return {
        lead: _lead(
            qrs[lead], None if p is None else p[lead], j[lead], j[lead] + change.get(lead, 0.01), t[lead], qrs_ms
        )
        for lead in LEADS
    }


def _beats(
    rr_ms: Sequence[float],
    pr_ms: float | None,
    qrs_ms: float,
    qt_ms: float | None,
    p_ms: float = 100.0,
    ventricular: int | None = None,
) -> tuple[Beat, ...]:
    """Return one beat more than there are intervals; `ventricular` is the number of the premature one."""
    found, at = [], 0.52
    for number in range(1, len(rr_ms) + 2):
        wide = number == ventricular
        at += 0.0 if number == 1 else rr_ms[number - 2] / 1000.0
        onset = at - 0.42 * qrs_ms / 1000.0
        width = qrs_ms + (24.0 if wide else 0.0)
        p_onset = None if pr_ms is None or wide else onset - pr_ms / 1000.0
        t_end = None if qt_ms is None else onset + qt_ms / 1000.0
        found.append(
            Beat(
                number=number,
                r_s=at,
                rr_ms=None if number == 1 else rr_ms[number - 2],
                p_onset_s=p_onset,
                p_peak_s=None if p_onset is None else p_onset + p_ms / 2000.0,
                p_offset_s=None if p_onset is None else p_onset + p_ms / 1000.0,
                qrs_onset_s=onset,
                qrs_offset_s=onset + width / 1000.0,
                t_peak_s=None if t_end is None else t_end - 0.09,
                t_offset_s=t_end,
                pr_interval_ms=None if p_onset is None else pr_ms,
                qrs_duration_ms=width,
                qt_interval_ms=qt_ms,
                kind="ventricular_ectopic" if wide else "normal",
            )
        )
    return tuple(found)


def _measurements(
    leads: Mapping[str, LeadMeasurements],
    rr_ms: Sequence[float],
    *,
    pr_ms: float | None,
    qrs_ms: float,
    qt_ms: float | None,
    p_ms: float | None,
    axes_deg: tuple[float | None, float | None, float | None],
    transition: str | None,
    irregularity: float,
    p_wave_present: bool | None = True,
    ventricular: int | None = None,
    quality: Quality | None = None,
    reasons: Mapping[str, str] | None = None,
    fibrillation_power: float = 0.05,
) -> Measurements:
    mean_ms = sum(rr_ms) / len(rr_ms)
    centred = [interval - mean_ms for interval in rr_ms]
    return Measurements(
        heart_rate_bpm=60_000.0 / mean_ms,
        rr_ms=mean_ms,
        p_duration_ms=p_ms,
        pr_interval_ms=pr_ms,
        qrs_duration_ms=qrs_ms,
        qt_interval_ms=qt_ms,
        **corrected_qt_ms(qt_ms, mean_ms),
        p_axis_deg=axes_deg[0],
        qrs_axis_deg=axes_deg[1],
        t_axis_deg=axes_deg[2],
        transition_zone=transition,
        delta_wave=False if p_wave_present else None,
        by_beat={"pr_interval_ms": pr_ms, "qrs_duration_ms": qrs_ms, "qt_interval_ms": qt_ms},
        rhythm=RhythmMeasurements(
            beat_count=len(rr_ms) + 1,
            rr_min_ms=min(rr_ms),
            rr_max_ms=max(rr_ms),
            rr_sd_ms=(sum(x * x for x in centred) / (len(centred) - 1)) ** 0.5,
            rr_irregularity=irregularity,
            p_per_qrs=1.0 if p_wave_present else None,
            p_wave_present=p_wave_present,
            ectopic_ventricular_count=0 if ventricular is None else 1,
            flutter_power=0.08,
            fibrillation_power=fibrillation_power,
        ),
        quality=quality or Quality(leads={lead: LeadQuality(noise_mv=0.01, wander_mv=0.1) for lead in LEADS}),
        leads=leads,
        beats=_beats(rr_ms, pr_ms, qrs_ms, qt_ms, p_ms or 100.0, ventricular),
        reasons=reasons or {},
    )


def _normal() -> HandMadeCase:
    """Woman of 45: sinus rhythm 72/min, PR 158, QRS 88, QT 384, QTc 421 (Bazett), axis 48°."""
    qrs: dict[str, Waves] = {
        "I": {"q": (-0.06, 18), "r": (0.75, 42), "s": (-0.12, 28)},
        "II": {"q": (-0.07, 18), "r": (1.05, 44), "s": (-0.14, 26)},
        "III": {"r": (0.42, 40), "s": (-0.10, 24)},
        "aVR": {"q": (-0.88, 56), "r": (0.10, 22)},
        "aVL": {"q": (-0.05, 16), "r": (0.30, 40), "s": (-0.08, 22)},
        "aVF": {"q": (-0.05, 16), "r": (0.70, 42), "s": (-0.10, 24)},
        "V1": {"r": (0.18, 26), "s": (-0.92, 48)},
        "V2": {"r": (0.42, 32), "s": (-1.25, 48)},
        "V3": {"r": (0.70, 36), "s": (-0.95, 42)},
        "V4": {"q": (-0.04, 12), "r": (1.35, 42), "s": (-0.45, 30)},
        "V5": {"q": (-0.08, 18), "r": (1.45, 42), "s": (-0.20, 26)},
        "V6": {"q": (-0.08, 18), "r": (1.10, 42), "s": (-0.06, 22)},
    }
    leads = _leads(
        qrs,
        _levels(0.08, 0.13, 0.06, 0.07, 0.07, 0.07, 0.07, 0.06),
        _levels(0.01, 0.02, 0.02, 0.05, 0.05, 0.03, 0.02, 0.01),
        _levels(0.22, 0.34, 0.06, 0.45, 0.50, 0.48, 0.38, 0.30),
        88.0,
    )
    rr = (836, 828, 830, 838, 840, 834, 826, 832, 836, 830, 833)
    return HandMadeCase(
        _measurements(
            leads, rr, pr_ms=158.0, qrs_ms=88.0, qt_ms=384.0, p_ms=102.0, axes_deg=(52.0, 48.0, 42.0),
            transition="V4", irregularity=0.007,
        ),
        Patient(45.0, "F"),
    )  # fmt: skip


def _left_bundle_branch_block() -> HandMadeCase:
    """Man of 71: sinus rhythm 76/min, PR 178, complete left bundle branch block (QRS 152), axis −42°."""
    qrs: dict[str, Waves] = {
        "I": {"r": (1.20, 130)},
        "II": {"r": (0.35, 50), "s": (-0.55, 70)},
        "III": {"r": (0.10, 24), "s": (-1.50, 110)},
        "aVR": {"q": (-0.45, 90), "r": (0.12, 40)},
        "aVL": {"r": (1.30, 132)},
        "aVF": {"r": (0.12, 30), "s": (-1.00, 104)},
        "V1": {"r": (0.08, 20), "s": (-1.60, 118)},
        "V2": {"r": (0.12, 22), "s": (-2.40, 118)},
        "V3": {"r": (0.20, 26), "s": (-2.10, 112)},
        "V4": {"r": (0.50, 40), "s": (-1.40, 96)},
        "V5": {"r": (1.10, 96), "s": (-0.30, 40)},
        "V6": {"r": (1.50, 134)},
    }
    leads = _leads(
        qrs,
        _levels(0.08, 0.12, 0.05, 0.06, 0.06, 0.06, 0.06, 0.05),
        _levels(-0.12, 0.0, 0.18, 0.30, 0.28, 0.10, -0.10, -0.14),
        _levels(-0.28, 0.02, 0.45, 0.80, 0.70, 0.30, -0.20, -0.35),
        152.0,
        {"I": -0.06, "aVL": -0.06, "V5": -0.06, "V6": -0.08, "V2": 0.08, "V3": 0.08},
    )
    leads |= {name: dataclasses.replace(leads[name], qrs_notched=True) for name in ("I", "aVL", "V5", "V6")}
    rr = (790, 784, 792, 796, 788, 786, 792, 790, 786, 790, 794)
    return HandMadeCase(
        _measurements(
            leads, rr, pr_ms=178.0, qrs_ms=152.0, qt_ms=440.0, p_ms=108.0, axes_deg=(50.0, -42.0, 132.0),
            transition="V5", irregularity=0.008,
        ),
        Patient(71.0, "M"),
    )  # fmt: skip


def _atrial_fibrillation() -> HandMadeCase:
    """Woman of 78: atrial fibrillation about 132/min, no P waves, QRS 84, QT 300, axis 12°."""
    qrs: dict[str, Waves] = {
        "I": {"r": (0.85, 44), "s": (-0.06, 20)},
        "II": {"r": (0.62, 42), "s": (-0.10, 22)},
        "III": {"r": (0.12, 24), "s": (-0.32, 40)},
        "aVR": {"q": (-0.72, 54), "r": (0.06, 18)},
        "aVL": {"q": (-0.04, 12), "r": (0.55, 42)},
        "aVF": {"r": (0.28, 38), "s": (-0.14, 26)},
        "V1": {"r": (0.12, 22), "s": (-0.75, 48)},
        "V2": {"r": (0.25, 28), "s": (-1.00, 46)},
        "V3": {"r": (0.55, 34), "s": (-0.85, 42)},
        "V4": {"r": (1.05, 40), "s": (-0.50, 30)},
        "V5": {"q": (-0.05, 14), "r": (1.15, 42), "s": (-0.20, 24)},
        "V6": {"q": (-0.06, 14), "r": (0.95, 42), "s": (-0.06, 20)},
    }
    leads = _leads(
        qrs,
        None,
        _levels(-0.01, -0.02, 0.01, 0.02, 0.02, -0.01, -0.02, -0.02),
        _levels(0.14, 0.18, 0.04, 0.20, 0.22, 0.20, 0.17, 0.15),
        84.0,
    )
    rr = (412, 560, 388, 470, 344, 512, 436, 640, 372, 408, 548, 396, 486, 350, 455, 418, 590, 364, 440, 500, 462)
    no_p = "no P wave stands before the QRS complexes"
    return HandMadeCase(
        _measurements(
            leads, rr, pr_ms=None, qrs_ms=84.0, qt_ms=300.0, p_ms=None, axes_deg=(None, 12.0, 30.0),
            transition="V4", irregularity=0.24, p_wave_present=False, fibrillation_power=0.62,
            reasons=dict.fromkeys(("p_duration_ms", "pr_interval_ms", "p_axis_deg"), no_p),
        ),
        Patient(78.0, "F"),
    )  # fmt: skip


def _inferior_infarction() -> HandMadeCase:
    """Man of 63: acute inferior infarction, ST +0.25/+0.40/+0.325 mV in II, III, aVF; PR 236, rate 84/min, axis 72°."""
    qrs: dict[str, Waves] = {
        "I": {"r": (0.35, 40), "s": (-0.10, 26)},
        "II": {"q": (-0.06, 16), "r": (0.95, 44), "s": (-0.10, 22)},
        "III": {"q": (-0.08, 18), "r": (0.70, 44), "s": (-0.06, 20)},
        "aVR": {"q": (-0.65, 56), "r": (0.08, 20)},
        "aVL": {"r": (0.12, 26), "s": (-0.26, 36)},
        "aVF": {"q": (-0.07, 18), "r": (0.85, 44), "s": (-0.08, 20)},
        "V1": {"r": (0.20, 26), "s": (-0.90, 48)},
        "V2": {"r": (0.45, 34), "s": (-1.10, 46)},
        "V3": {"r": (0.80, 38), "s": (-0.75, 42)},
        "V4": {"r": (1.20, 42), "s": (-0.40, 30)},
        "V5": {"q": (-0.05, 14), "r": (1.15, 42), "s": (-0.20, 26)},
        "V6": {"q": (-0.06, 14), "r": (0.95, 42), "s": (-0.06, 20)},
    }
    leads = _leads(
        qrs,
        _levels(0.07, 0.14, 0.05, 0.06, 0.06, 0.06, 0.06, 0.06),
        _levels(-0.15, 0.25, 0.02, -0.04, -0.03, -0.02, 0.02, 0.03),
        _levels(-0.10, 0.42, 0.10, 0.25, 0.30, 0.32, 0.28, 0.24),
        94.0,
        {"II": 0.04, "III": 0.04, "aVF": 0.04, "I": -0.02, "aVL": -0.04},
    )
    leads |= {name: dataclasses.replace(leads[name], st_shape="convex") for name in ("II", "III", "aVF")}
    rr = (716, 712, 710, 718, 714, 716, 712, 710, 716, 718, 714, 712, 714)
    return HandMadeCase(
        _measurements(
            leads, rr, pr_ms=236.0, qrs_ms=94.0, qt_ms=356.0, p_ms=106.0, axes_deg=(62.0, 72.0, 98.0),
            transition="V3", irregularity=0.005,
        ),
        Patient(63.0, "M"),
    )  # fmt: skip


def _left_ventricular_hypertrophy() -> HandMadeCase:
    """Man of 58: left ventricular hypertrophy with strain, left atrial abnormality, QT 510, QTc 527, rate 64/min."""
    qrs: dict[str, Waves] = {
        "I": {"q": (-0.06, 14), "r": (1.60, 52), "s": (-0.10, 24)},
        "II": {"r": (0.75, 44), "s": (-0.30, 32)},
        "III": {"r": (0.15, 24), "s": (-1.00, 54)},
        "aVR": {"q": (-1.15, 62), "r": (0.10, 20)},
        "aVL": {"q": (-0.06, 14), "r": (1.35, 52)},
        "aVF": {"r": (0.22, 30), "s": (-0.52, 44)},
        "V1": {"r": (0.10, 20), "s": (-2.40, 60)},
        "V2": {"r": (0.25, 24), "s": (-3.00, 60)},
        "V3": {"r": (0.60, 30), "s": (-2.60, 56)},
        "V4": {"r": (1.90, 50), "s": (-1.40, 44)},
        "V5": {"q": (-0.10, 16), "r": (3.20, 56), "s": (-0.30, 28)},
        "V6": {"q": (-0.12, 16), "r": (2.70, 56)},
    }
    leads = _leads(
        qrs,
        _levels(0.09, 0.14, -0.12, 0.06, 0.06, 0.07, 0.07, 0.07),
        _levels(-0.14, -0.05, 0.12, 0.16, 0.10, 0.0, -0.18, -0.16),
        _levels(-0.22, -0.08, 0.30, 0.50, 0.45, 0.12, -0.35, -0.38),
        104.0,
        {"I": -0.06, "aVL": -0.06, "V5": -0.08, "V6": -0.08},
    )
    leads["V1"] = dataclasses.replace(leads["V1"], p_terminal_force_mv_ms=7.2)
    rr = (938, 932, 944, 940, 936, 930, 938, 942, 940)
    return HandMadeCase(
        _measurements(
            leads, rr, pr_ms=168.0, qrs_ms=104.0, qt_ms=510.0, p_ms=136.0, axes_deg=(50.0, -12.0, 150.0),
            transition="V4", irregularity=0.008,
        ),
        Patient(58.0, "M"),
    )  # fmt: skip


def _right_bundle_branch_block() -> HandMadeCase:
    """Woman of 68: sinus bradycardia 48/min, right bundle branch block (QRS 146), one ventricular premature beat."""
    qrs: dict[str, Waves] = {
        "I": {"q": (-0.03, 12), "r": (0.60, 42), "s": (-0.32, 64)},
        "II": {"q": (-0.05, 14), "r": (1.00, 46), "s": (-0.25, 56)},
        "III": {"r": (0.75, 46), "s": (-0.10, 28)},
        "aVR": {"q": (-0.75, 48), "r": (0.30, 64)},
        "aVL": {"r": (0.20, 30), "s": (-0.25, 56)},
        "aVF": {"q": (-0.04, 12), "r": (0.85, 46), "s": (-0.14, 44)},
        "V1": {"r": (0.25, 26), "s": (-0.18, 24), "r_prime": (0.95, 74)},
        "V2": {"r": (0.40, 30), "s": (-0.50, 36), "r_prime": (0.60, 64)},
        "V3": {"r": (0.60, 38), "s": (-0.70, 52)},
        "V4": {"r": (1.10, 46), "s": (-0.50, 64)},
        "V5": {"q": (-0.06, 14), "r": (1.20, 46), "s": (-0.40, 66)},
        "V6": {"q": (-0.06, 14), "r": (1.00, 46), "s": (-0.38, 70)},
    }
    leads = _leads(
        qrs,
        _levels(0.07, 0.11, 0.05, 0.06, 0.06, 0.06, 0.06, 0.05),
        _levels(0.01, 0.01, -0.03, -0.03, 0.01, 0.02, 0.01, 0.01),
        _levels(0.20, 0.28, -0.25, -0.14, 0.14, 0.30, 0.30, 0.26),
        146.0,
    )
    leads |= {name: dataclasses.replace(leads[name], qrs_notched=True) for name in ("V1", "V2")}
    return HandMadeCase(
        _measurements(
            leads, (1250, 1246, 1254, 820, 1680, 1250, 1250), pr_ms=172.0, qrs_ms=146.0, qt_ms=468.0, p_ms=104.0,
            axes_deg=(50.0, 68.0, 52.0), transition="V1", irregularity=0.005, ventricular=5,
        ),
        Patient(68.0, "F"),
    )  # fmt: skip


def _few_leads() -> HandMadeCase:
    """Man of 66: limb leads but II not recorded, V4 flat; no axis, no PR, no QT; regular 58/min, QRS 92."""
    base = _normal().measurements.leads
    lost = ("I", "III", "aVR", "aVL", "aVF")
    leads: dict[str, LeadMeasurements] = {}
    for name in LEADS:
        if name in lost or name == "V4":
            leads[name] = LeadMeasurements(reasons={"all": f"lead {name} carries no signal"})
        else:
            leads[name] = dataclasses.replace(
                base[name],
                **dict.fromkeys(
                    ("p_amplitude_mv", "p_negative_amplitude_mv", "p_duration_ms", "p_terminal_force_mv_ms")
                ),
                **dict.fromkeys(("t_amplitude_mv", "t_negative_amplitude_mv", "t_duration_ms", "st_shape")),
                reasons={"p_amplitude_mv": "the recording is too noisy", "t_amplitude_mv": "the T wave was not found"},
            )
    quality = Quality(
        grade="poor",
        notes=(*(f"{name}: not recorded" for name in lost), "V4: flat, no signal (electrode off?)"),
        leads={name: LeadQuality(noise_mv=0.09, wander_mv=0.3) for name in LEADS}
        | {name: LeadQuality(status="missing", problems=("not recorded",)) for name in lost}
        | {"V4": LeadQuality(status="flat", problems=("flat, no signal (electrode off?)",))},
    )
    reasons = dict.fromkeys(("p_duration_ms", "pr_interval_ms", "p_axis_deg"), "the recording is too noisy")
    corrected = ("qtc_bazett_ms", "qtc_fridericia_ms", "qtc_framingham_ms", "qtc_hodges_ms")
    reasons |= dict.fromkeys(("qt_interval_ms", *corrected), "the end of the T wave was not found")
    reasons |= {"qrs_axis_deg": "too small, or fewer than two limb leads", "t_axis_deg": "the T wave was not found"}
    return HandMadeCase(
        _measurements(
            leads, (1034, 1040, 1030, 1036, 1028, 1038, 1036, 1030), pr_ms=None, qrs_ms=92.0, qt_ms=None, p_ms=None,
            axes_deg=(None, None, None), transition="V5", irregularity=0.008, p_wave_present=None, quality=quality,
            reasons=reasons,
        ),
        Patient(66.0, "M"),
    )  # fmt: skip


CASES: dict[str, HandMadeCase] = {
    "normal": _normal(),
    "lbbb": _left_bundle_branch_block(),
    "af": _atrial_fibrillation(),
    "inferior": _inferior_infarction(),
    "lvh": _left_ventricular_hypertrophy(),
    "rbbb": _right_bundle_branch_block(),
    "few_leads": _few_leads(),
}
