"""`synthesize`: from a specification to a recording and its truth.

The clean signal is a sum of pulses of the heart vector, evaluated at the sampling instants and projected on the leads;
noise is added last, so that one seed gives the same clean ECG at every sampling rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecgr1_core.errors import InputError
from ecgr1_core.record import EcgRecord
from training.synthesis.beats import BeatTemplate, Morphology, atrial_components, beat_template
from training.synthesis.labels import codes_of, names_of
from training.synthesis.leads import (
    HEART_VECTOR_TO_LEADS,
    Float64,
    heart_position,
    shifted_precordial_electrodes,
)
from training.synthesis.morphology import ATRIA, ECTOPIC_P, MORPHOLOGIES, VENTRICULAR
from training.synthesis.noise import exchanged, noise_mv, with_faults
from training.synthesis.rhythm import AtrialKind, BeatKind, Schedule, schedule
from training.synthesis.spec import NoiseSpec, SyntheticSpec
from training.synthesis.truth import Truth, describe
from training.synthesis.waves import Component, Rounded, activity

_SPIKE_BEFORE_S = 0.004
_SPIKE_WIDTH_S = 0.001
_VENTRICULAR_SPIKE = (0.5, -1.0, 0.4)
_ATRIAL_SPIKE = (0.25, 0.45, 0.1)
_FLUTTER_VECTOR = (-0.03, -0.24, -0.06)
_FLUTTER_SHAPE = Rounded(0.7, 1.2, 1.2)
_FIBRILLATION_VECTORS = ((0.01, 0.03, -0.055), (0.03, -0.025, 0.02))
_DOMINANT: dict[str, BeatKind] = {
    "complete_block": "ventricular_escape",
    "ventricular_paced": "paced",
    "dual_paced": "paced",
    "ventricular_tachycardia": "ventricular_ectopic",
}
_ATRIA_PACED = ("atrial_paced", "dual_paced")
_MORPHOLOGY_OF_KIND: dict[BeatKind, str] = {
    "ventricular_ectopic": "ventricular_tachycardia",
    "ventricular_escape": "ventricular_escape",
    "paced": "ventricular_paced",
}


@dataclass(frozen=True)
class _Plan:
    """What a specification resolves to before any time is drawn."""

    dominant: BeatKind
    beats: Mapping[BeatKind, BeatTemplate]
    atrial: Mapping[AtrialKind, tuple[Component, ...]]
    qt_s: float
    names: tuple[str, ...]


def synthesize(spec: SyntheticSpec, rng: np.random.Generator) -> tuple[EcgRecord, Truth]:
    """Return one recording ([12, samples], mV) and its truth; `InputError` for a specification that cannot be drawn."""
    plan = _plan(spec)
    events = schedule(spec, plan.qt_s, rng)
    matrix = HEART_VECTOR_TO_LEADS
    if spec.electrode_shift_sd > 0:
        matrix = shifted_precordial_electrodes(spec.electrode_shift_sd, rng)
    if spec.frontal_turn_deg or spec.rotation_deg:
        matrix = matrix @ heart_position(spec.frontal_turn_deg, spec.rotation_deg)
    samples = round(spec.duration_s * spec.sampling_rate_hz)
    vector = heart_vector(events, plan.beats, plan.atrial, samples, spec.sampling_rate_hz)
    if spec.rhythm == "flutter":
        wave_s = events.flutter_onsets_s[1] - events.flutter_onsets_s[0]
        flutter = Component(0.0, wave_s, _FLUTTER_SHAPE, _FLUTTER_VECTOR)
        onsets_s = np.array(events.flutter_onsets_s)
        vector += spec.p_gain * activity([(flutter, onsets_s)], spec.sampling_rate_hz, samples, len(vector))
    if spec.rhythm == "af":
        vector += spec.p_gain * _fibrillation(np.arange(samples) / spec.sampling_rate_hz, rng)
    for direction, starts_s in (
        (_VENTRICULAR_SPIKE, [event.onset_s for event in events.ventricular if event.kind == "paced"]),
        (_ATRIAL_SPIKE, [event.onset_s for event in events.atrial if event.kind == "paced"]),
    ):
        if starts_s:
            spikes = _sampled_spikes(np.array(starts_s) - _SPIKE_BEFORE_S, samples, spec.sampling_rate_hz)
            vector += np.outer(direction, spikes)
    signal = (matrix @ vector).astype(np.float32)
    duration_s = samples / spec.sampling_rate_hz
    truth = describe(events, plan.beats, plan.atrial, plan.dominant, matrix, duration_s, _SPIKE_BEFORE_S)
    names = names_of(spec, truth, plan.names)
    truth = replace(truth, names=names, labels=codes_of(names))
    if spec.noise != NoiseSpec():
        signal += noise_mv(spec.noise, samples, spec.sampling_rate_hz, rng)
        signal = with_faults(signal, spec.noise)
    if spec.exchanged is not None:
        signal = exchanged(signal, spec.exchanged)
    record = EcgRecord(
        signal,
        spec.sampling_rate_hz,
        name=spec.name,
        source_format="synthetic",
        flat_leads=spec.noise.leads_off,
    )
    return record, truth


def heart_vector(
    events: Schedule,
    beats: Mapping[BeatKind, BeatTemplate],
    atrial: Mapping[AtrialKind, Sequence[Component]],
    samples: int,
    sampling_rate_hz: float,
) -> Float64:
    """Return [channels, samples] in mV: all beats and P waves of a schedule, without noise."""
    drawn: list[tuple[Component, Float64]] = []
    for kind, template in beats.items():
        onsets = np.array([event.onset_s for event in events.ventricular if event.kind == kind])
        drawn += [(component, onsets) for component in template.components] if len(onsets) else []
    for atrial_kind, components in atrial.items():
        onsets = np.array([event.onset_s for event in events.atrial if event.kind == atrial_kind])
        drawn += [(component, onsets) for component in components] if len(onsets) else []
    return activity(drawn, sampling_rate_hz, samples, len(drawn[0][0].vector))


def _plan(spec: SyntheticSpec) -> _Plan:
    for name, table, what in (
        (spec.morphology, MORPHOLOGIES, "morphology"),
        (spec.repolarization or spec.morphology, MORPHOLOGIES, "repolarization"),
        (spec.atria, ATRIA, "state of the atria"),
    ):
        if name not in table:
            raise InputError("synthetic ECG", f"there is no {what} {name!r}", f"give one of {', '.join(table)}")
    dominant = _DOMINANT.get(spec.rhythm, "normal")
    morphology = _morphology(spec, dominant)
    qrs_ms = spec.qrs_duration_ms or morphology.qrs_duration_ms
    qt_ms = spec.qt_interval_ms or _qt_ms(spec, qrs_ms)
    if qt_ms - qrs_ms < 120:
        raise InputError(
            "synthetic ECG",
            f"a QT of {qt_ms:.0f} ms leaves no room for ST and T after a QRS of {qrs_ms:.0f} ms",
            "give a longer qt_interval_ms or a shorter qrs_duration_ms",
        )
    beats = {dominant: _template(spec, morphology, qrs_ms, qt_ms)}
    if spec.rhythm == "pac":
        beats["supraventricular_ectopic"] = beats[dominant]
    if spec.rhythm == "pvc":
        ectopic = MORPHOLOGIES["ventricular_ectopic"]
        width_ms = max(ectopic.qrs_duration_ms, qrs_ms)
        beats["ventricular_ectopic"] = beat_template(
            ectopic, width_ms, qt_ms + width_ms - qrs_ms, qrs_gain=spec.qrs_gain, t_gain=spec.t_gain
        )
    p = atrial_components(ATRIA[spec.atria].lobes, spec.p_duration_ms, spec.p_axis_deg, spec.p_gain)
    atrial: dict[AtrialKind, tuple[Component, ...]] = {"paced" if spec.rhythm in _ATRIA_PACED else "sinus": p}
    if spec.rhythm == "pac":
        atrial["ectopic"] = atrial_components(ECTOPIC_P, 0.85 * spec.p_duration_ms, None, spec.p_gain)
    return _Plan(dominant, beats, atrial, qt_ms / 1000, morphology.labels)


def _morphology(spec: SyntheticSpec, dominant: BeatKind) -> Morphology:
    """Return the complex of the usual beats; ventricular beats have their own, whatever conduction was asked for."""
    if dominant == "normal" or (dominant == "ventricular_ectopic" and spec.morphology in VENTRICULAR):
        morphology = MORPHOLOGIES[spec.morphology]
        return morphology.with_repolarization(MORPHOLOGIES[spec.repolarization]) if spec.repolarization else morphology
    return MORPHOLOGIES[_MORPHOLOGY_OF_KIND[dominant]]


def _qt_ms(spec: SyntheticSpec, qrs_ms: float) -> float:
    """Fridericia: QT = QTc (RR / 1 s)^(1/3) (Acta Med Scand 1920;53:469-486), plus what a wide QRS has over 100 ms."""
    return float(spec.qtc_fridericia_ms * spec.ventricular_cycle_s ** (1 / 3) + max(0.0, qrs_ms - 100))


def _template(spec: SyntheticSpec, morphology: Morphology, qrs_ms: float, qt_ms: float) -> BeatTemplate:
    return beat_template(
        morphology,
        qrs_ms,
        qt_ms,
        qrs_axis_deg=spec.qrs_axis_deg,
        t_axis_deg=spec.t_axis_deg,
        qrs_gain=spec.qrs_gain,
        st_gain=spec.st_gain,
        t_gain=spec.t_gain,
    )


def _fibrillation(times_s: Float64, rng: np.random.Generator) -> Float64:
    """Return [3, samples]: two directions, each two waves of 5 to 8 Hz whose rate and size drift; largest in V1."""
    total = np.zeros((3, len(times_s)))
    for vector in _FIBRILLATION_VECTORS:
        for _ in range(2):
            rate_hz, drift_hz, swell_hz = rng.uniform((5.2, 0.15, 0.3), (7.6, 0.5, 0.9))
            phase, drift_phase, swell_phase = rng.uniform(0, 2 * np.pi, 3)
            angle = 2 * np.pi * rate_hz * times_s + phase + 1.4 * np.sin(2 * np.pi * drift_hz * times_s + drift_phase)
            swell = 0.65 + 0.35 * np.sin(2 * np.pi * swell_hz * times_s + swell_phase)
            total += np.outer(vector, 0.6 * swell * (np.sin(angle) + 0.25 * np.sin(2 * angle)))
    return total


def _sampled_spikes(starts_s: Float64, samples: int, sampling_rate_hz: float) -> Float64:
    """Return [samples]: rectangles of 1 ms averaged over each sampling interval; slow sampling flattens them."""
    edges_s = (np.arange(samples + 1) - 0.5) / sampling_rate_hz
    covered = np.zeros(samples)
    for start_s in starts_s:
        covered += np.diff(np.clip(edges_s, start_s, start_s + _SPIKE_WIDTH_S))
    return covered * sampling_rate_hz
