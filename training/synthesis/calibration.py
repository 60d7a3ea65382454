"""Calibration ECGs: straight-edged waves whose amplitude and duration are known exactly, in every lead.

They are made in the manner of the CAL signals of IEC 60601-2-25 (isolated triangles for Q, R and S, half sines for P
and T, a level ST segment) but are a construction of our own, not the standard's files. Onsets and peaks fall on
multiples of 4 ms, so that a sampling rate of 250, 500 or 1000 Hz meets every peak.
"""

from __future__ import annotations

import numpy as np

from ecgr1_core.errors import InputError
from ecgr1_core.record import EcgRecord
from training.synthesis.beats import BeatTemplate
from training.synthesis.generate import heart_vector
from training.synthesis.noise import noise_mv, with_faults
from training.synthesis.rhythm import AtrialEvent, AtrialKind, Schedule, VentricularEvent
from training.synthesis.spec import NoiseSpec
from training.synthesis.truth import Truth, describe
from training.synthesis.waves import Component, Level, Rounded, Triangle

CALIBRATION_FACTORS: dict[str, float] = {
    "I": 0.6,
    "II": 1.0,
    "III": 0.4,
    "aVR": -0.8,
    "aVL": 0.1,
    "aVF": 0.7,
    "V1": 1.0,
    "V2": 1.0,
    "V3": 1.0,
    "V4": 1.0,
    "V5": 1.0,
    "V6": 1.0,
}
"""What each lead shows of the amplitudes given; II = I + III and Goldberger's relations hold."""

_GRID_MS = 4.0


def calibration_ecg(
    *,
    p_mv: float = 0.15,
    q_mv: float = -0.1,
    r_mv: float = 1.0,
    s_mv: float = -0.3,
    st_mv: float = 0.0,
    t_mv: float = 0.3,
    p_duration_ms: float = 104.0,
    pr_interval_ms: float = 160.0,
    q_duration_ms: float = 24.0,
    r_duration_ms: float = 48.0,
    s_duration_ms: float = 24.0,
    st_duration_ms: float = 100.0,
    t_duration_ms: float = 180.0,
    rr_ms: float = 1000.0,
    duration_s: float = 10.0,
    sampling_rate_hz: float = 500.0,
    noise: NoiseSpec | None = None,
    rng: np.random.Generator | None = None,
    name: str = "calibration",
) -> tuple[EcgRecord, Truth]:
    """Return a calibration ECG ([12, samples], mV) and its truth; amplitudes are those of lead II and V1 to V6.

    A duration of 0 leaves Q or S out, an amplitude of 0 leaves any wave but R and T out. P, Q, R, S, RR and PR must be
    multiples of 4 ms (8 ms for P, Q, R and S, whose peaks are in their middle). Noise needs a generator. The J point is
    the end of S (or R); the ST level is a step from there to the onset of T. `InputError` for values that cannot be
    drawn.
    """
    widths_ms = {"p": p_duration_ms, "q": q_duration_ms, "r": r_duration_ms, "s": s_duration_ms}
    for key, value, grid_ms in [
        *((f"{wave}_duration_ms", width, 2 * _GRID_MS) for wave, width in widths_ms.items()),
        ("pr_interval_ms", pr_interval_ms, _GRID_MS),
        ("rr_ms", rr_ms, _GRID_MS),
    ]:
        if value < 0 or value % grid_ms:
            raise InputError("calibration ECG", f"{key} is {value:g}", f"give a multiple of {grid_ms:g} ms")
    qrs_ms = q_duration_ms + r_duration_ms + s_duration_ms
    qt_ms = qrs_ms + st_duration_ms + t_duration_ms
    if r_duration_ms == 0 or r_mv == 0 or t_mv == 0 or t_duration_ms <= 0 or pr_interval_ms + qt_ms > rr_ms:
        raise InputError("calibration ECG", "R or T is empty, or PR and QT exceed RR", "give waves that fit into RR")
    beat = BeatTemplate(
        qrs=_in_turn(
            [(q_duration_ms, q_mv), (r_duration_ms, r_mv), (s_duration_ms, s_mv)],
        ),
        st=(_component(qrs_ms, st_duration_ms, Level(0.0, 1.0), st_mv),) if st_mv and st_duration_ms > 0 else (),
        t=(_component(qrs_ms + st_duration_ms, t_duration_ms, Rounded(0.5, 1.0, 1.0), t_mv),),
    )
    p = (_component(0.0, p_duration_ms, Rounded(0.5, 1.0, 1.0), p_mv),) if p_mv and p_duration_ms else None
    events = _regular(duration_s, rr_ms / 1000, pr_interval_ms / 1000, with_p=p is not None)
    matrix = np.array([[factor] for factor in CALIBRATION_FACTORS.values()])
    samples = round(duration_s * sampling_rate_hz)
    atrial: dict[AtrialKind, tuple[Component, ...]] = {"sinus": p} if p is not None else {}
    vector = heart_vector(events, {"normal": beat}, atrial, samples, sampling_rate_hz)
    signal = (matrix @ vector).astype(np.float32)
    truth = describe(events, {"normal": beat}, atrial, "normal", matrix, samples / sampling_rate_hz)
    disturbance = noise or NoiseSpec()
    if disturbance != NoiseSpec():
        if rng is None:
            raise ValueError("noise needs a random generator")
        signal = with_faults(signal + noise_mv(disturbance, samples, sampling_rate_hz, rng), disturbance)
    record = EcgRecord(
        signal,
        sampling_rate_hz,
        name=name,
        source_format="synthetic",
        flat_leads=disturbance.leads_off,
    )
    return record, truth


def _component(
    start_ms: float, duration_ms: float, shape: Triangle | Rounded | Level, amplitude_mv: float
) -> Component:
    return Component(start_ms / 1000, duration_ms / 1000, shape, (amplitude_mv,))


def _in_turn(waves: list[tuple[float, float]]) -> tuple[Component, ...]:
    """Return triangles one after the other, (duration in ms, amplitude in mV) each."""
    components: list[Component] = []
    start_ms = 0.0
    for duration_ms, amplitude_mv in waves:
        if duration_ms > 0 and amplitude_mv != 0:
            components.append(_component(start_ms, duration_ms, Triangle(), amplitude_mv))
        start_ms += duration_ms
    return tuple(components)


def _regular(duration_s: float, rr_s: float, pr_s: float, *, with_p: bool) -> Schedule:
    """Return beats whose QRS begin 400 ms into the recording and every RR before and after."""
    beats = []
    for number in range(-2, int(duration_s / rr_s) + 2):
        onset_s = 0.4 + number * rr_s
        beats.append(VentricularEvent(onset_s, "normal", AtrialEvent(onset_s - pr_s) if with_p else None))
    return Schedule(tuple(beat.atrial for beat in beats if beat.atrial), tuple(beats))
