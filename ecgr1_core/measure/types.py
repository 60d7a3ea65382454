"""`Measurements`: what was measured on one recording, with the reason wherever something was not.

Amplitudes are signed millivolts against the baseline just before the wave (Q and S are negative or zero-crossing
below), durations and intervals milliseconds, axes degrees in the frontal plane (-180, 180], times seconds from the
start of the recording. Unknown is None, and `reasons` says why under the same name.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

BeatKind = Literal["normal", "supraventricular_ectopic", "ventricular_ectopic", "paced"]


@dataclass(frozen=True)
class LeadMeasurements:
    """One lead, measured on its median beat inside the global wave limits.

    `p_amplitude_mv` and `t_amplitude_mv` are the largest deflection with its sign, the `negative` ones the depth of the
    negative part where there is one. A QRS without any positive deflection is a QS: its depth stands under Q.
    `morphology` spells the complex: "qRs", "rSr'", "QS"; capitals for deflections of at least 0.5 mV. `pr_segment_mv`
    is the PR level against the TP level, `r_peak_time_ms` runs from the global QRS onset to the tallest positive peak,
    `t_symmetry` is the rise of T over its fall between the half heights, `j_notch_mv` the height of a notch on the end
    of R.
    """

    morphology: str | None = None

    p_amplitude_mv: float | None = None
    p_negative_amplitude_mv: float | None = None
    q_amplitude_mv: float | None = None
    q_duration_ms: float | None = None
    r_amplitude_mv: float | None = None
    r_duration_ms: float | None = None
    s_amplitude_mv: float | None = None
    s_duration_ms: float | None = None
    r_prime_amplitude_mv: float | None = None
    s_prime_amplitude_mv: float | None = None
    qrs_peak_to_peak_mv: float | None = None
    st_j_mv: float | None = None
    st_j40_mv: float | None = None
    st_j60_mv: float | None = None
    st_j80_mv: float | None = None
    st_slope_mv_per_s: float | None = None
    st_slope: Literal["upsloping", "horizontal", "downsloping"] | None = None
    st_shape: Literal["concave", "convex", "straight"] | None = None
    t_amplitude_mv: float | None = None
    t_negative_amplitude_mv: float | None = None
    u_amplitude_mv: float | None = None
    p_duration_ms: float | None = None
    qrs_duration_ms: float | None = None
    t_duration_ms: float | None = None
    qrs_area_mv_ms: float | None = None
    qrs_notched: bool | None = None
    p_terminal_force_mv_ms: float | None = None
    pr_segment_mv: float | None = None
    r_peak_time_ms: float | None = None
    j_notch_mv: float | None = None
    t_half_width_ms: float | None = None
    t_symmetry: float | None = None
    t_phases: Literal["positive_negative", "negative_positive"] | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Beat:
    """One beat; times in seconds from the start of the recording, None where the wave was not found."""

    number: int
    r_s: float
    rr_ms: float | None = None
    p_onset_s: float | None = None
    p_peak_s: float | None = None
    p_offset_s: float | None = None
    qrs_onset_s: float | None = None
    qrs_offset_s: float | None = None
    t_peak_s: float | None = None
    t_offset_s: float | None = None
    pr_interval_ms: float | None = None
    qrs_duration_ms: float | None = None
    qt_interval_ms: float | None = None
    kind: BeatKind = "normal"


@dataclass(frozen=True)
class RhythmMeasurements:
    """What the beat times and the atrial activity say, without naming a rhythm.

    `p_times_s` are the peaks of all P waves that were found by their likeness, conducted or not, and `p_rate_per_min`
    their rate; `p_train_steady` says that they go their own steady way, without belonging to the QRS complexes.
    """

    beat_count: int = 0
    rr_min_ms: float | None = None
    rr_max_ms: float | None = None
    rr_sd_ms: float | None = None
    rr_irregularity: float | None = None
    p_per_qrs: float | None = None
    p_wave_present: bool | None = None
    ectopic_supraventricular_count: int = 0
    ectopic_ventricular_count: int = 0
    longest_pause_ms: float | None = None
    atrial_rate_per_min: float | None = None
    flutter_power: float | None = None
    fibrillation_power: float | None = None
    pacing_spike_count: int = 0
    atrial_spike_count: int = 0
    p_times_s: tuple[float, ...] = ()
    p_rate_per_min: float | None = None
    p_train_steady: bool = False


@dataclass(frozen=True)
class LeadQuality:
    """Quality of one lead: `problems` in words; empty when there is none.

    `shown_s` is from when to when a lead is shown that is not shown throughout, as on a page.
    """

    status: Literal["good", "noisy", "unusable", "flat", "missing"] = "good"
    problems: tuple[str, ...] = ()
    noise_mv: float | None = None
    wander_mv: float | None = None
    shown_s: tuple[float, float] | None = None


@dataclass(frozen=True)
class Quality:
    """Quality of the recording: the worst that matters for reading it, and each lead apart.

    `exchanged_precordial` names two precordial leads that look as if their electrodes were exchanged.
    """

    grade: Literal["good", "acceptable", "poor"] = "good"
    exchanged_precordial: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()
    leads: Mapping[str, LeadQuality] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurements:
    """Global measurements, the same per lead and per beat, rhythm and quality.

    Intervals and axes are those of the median beat of the dominant shape; `by_beat` holds PR, QRS and QT as medians
    over the beats measured one by one.
    """

    heart_rate_bpm: float | None = None
    rr_ms: float | None = None
    p_duration_ms: float | None = None
    pr_interval_ms: float | None = None
    qrs_duration_ms: float | None = None
    qt_interval_ms: float | None = None
    qtc_bazett_ms: float | None = None
    qtc_fridericia_ms: float | None = None
    qtc_framingham_ms: float | None = None
    qtc_hodges_ms: float | None = None
    p_axis_deg: float | None = None
    qrs_axis_deg: float | None = None
    t_axis_deg: float | None = None
    transition_zone: str | None = None
    delta_wave: bool | None = None
    st_segment_ms: float | None = None
    by_beat: Mapping[str, float | None] = field(default_factory=dict)
    rhythm: RhythmMeasurements = field(default_factory=RhythmMeasurements)
    quality: Quality = field(default_factory=Quality)
    leads: Mapping[str, LeadMeasurements] = field(default_factory=dict)
    beats: tuple[Beat, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data; floats rounded to 4 decimals, which is finer than any of them is known."""
        data: dict[str, Any] = _plain(dataclasses.asdict(self))
        return data


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value
