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
from training.synthesis.leads import HEART_VECTOR_TO_LEADS, Float64, shifted_precordial_electrodes
from training.synthesis.morphology import (
    ECTOPIC_P,
    MORPHOLOGIES,
    SINUS_P,
    BeatTemplate,
    Morphology,
    atrial_components,
    beat_template,
)
from training.synthesis.noise import noise_mv, with_faults
from training.synthesis.rhythm import AtrialKind, BeatKind, Schedule, schedule
from training.synthesis.spec import NoiseSpec, SyntheticSpec
from training.synthesis.truth import Truth, describe
from training.synthesis.waves import Component, Rounded, activity

SPIKE_BEFORE_QRS_S = 0.004
_SPIKE_WIDTH_S = 0.001
_SPIKE_VECTOR = (0.5, -1.0, 0.4)
_FLUTTER_VECTOR = (-0.03, -0.24, -0.06)
_FLUTTER_SHAPE = Rounded(0.7, 1.2, 1.2)
_FIBRILLATION_VECTORS = ((0.01, 0.03, -0.055), (0.03, -0.025, 0.02))
_LONG_QTC_MS = 480.0
_DOMINANT: dict[str, BeatKind] = {"complete_block": "ventricular_escape", "ventricular_paced": "paced"}
_MORPHOLOGY_OF_KIND: dict[BeatKind, str] = {
    "ventricular_ectopic": "ventricular_ectopic",
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
    labels: tuple[str, ...]


def synthesize(spec: SyntheticSpec, rng: np.random.Generator) -> tuple[EcgRecord, Truth]:
    """Return one recording ([12, samples], mV) and its truth; `InputError` for a specification that cannot be drawn."""
    plan = _plan(spec)
    events = schedule(spec, plan.qt_s, rng)
    matrix = HEART_VECTOR_TO_LEADS
    if spec.electrode_shift_sd > 0:
        matrix = shifted_precordial_electrodes(spec.electrode_shift_sd, rng)
    samples = round(spec.duration_s * spec.sampling_rate_hz)
    signal = matrix @ heart_vector(events, plan.beats, plan.atrial, samples, spec.sampling_rate_hz)
    if spec.rhythm == "flutter":
        wave_s = events.flutter_onsets_s[1] - events.flutter_onsets_s[0]
        flutter = Component(0.0, wave_s, _FLUTTER_SHAPE, _FLUTTER_VECTOR)
        pulse = activity(flutter, np.array(events.flutter_onsets_s), spec.sampling_rate_hz, samples)
        signal += spec.p_gain * np.outer(matrix @ _FLUTTER_VECTOR, pulse)
    if spec.rhythm == "af":
        signal += spec.p_gain * matrix @ _fibrillation(np.arange(samples) / spec.sampling_rate_hz, rng)
    spikes = SPIKE_BEFORE_QRS_S if spec.rhythm == "ventricular_paced" else None
    if spikes is not None:
        starts = [event.onset_s - spikes for event in events.ventricular]
        signal += np.outer(matrix @ _SPIKE_VECTOR, _sampled_spikes(starts, samples, spec.sampling_rate_hz))
    truth = describe(events, plan.beats, plan.atrial, plan.dominant, matrix, samples / spec.sampling_rate_hz, spikes)
    truth = replace(truth, labels=_labels(spec, truth, plan.labels))
    if spec.noise != NoiseSpec():
        signal = with_faults(signal + noise_mv(spec.noise, samples, spec.sampling_rate_hz, rng), spec.noise)
    record = EcgRecord(
        signal.astype(np.float32),
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
    groups: list[tuple[Sequence[Component], Float64]] = []
    for kind, template in beats.items():
        onsets = np.array([event.onset_s for event in events.ventricular if event.kind == kind])
        groups.append((template.components, onsets))
    for atrial_kind, components in atrial.items():
        onsets = np.array([event.onset_s for event in events.atrial if event.kind == atrial_kind])
        groups.append((components, onsets))
    drawn = [(component, onsets) for components, onsets in groups if len(onsets) for component in components]
    vectors = np.array([component.vector for component, _ in drawn]).T
    return np.asarray(
        vectors @ np.stack([activity(component, onsets, sampling_rate_hz, samples) for component, onsets in drawn])
    )


def _plan(spec: SyntheticSpec) -> _Plan:
    if spec.morphology not in MORPHOLOGIES:
        choices = ", ".join(MORPHOLOGIES)
        raise InputError("synthetic ECG", f"there is no morphology {spec.morphology!r}", f"give one of {choices}")
    dominant = _DOMINANT.get(spec.rhythm, "normal")
    morphology = MORPHOLOGIES[_MORPHOLOGY_OF_KIND.get(dominant, spec.morphology)]
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
    atrial: dict[AtrialKind, tuple[Component, ...]] = {
        "sinus": atrial_components(SINUS_P, spec.p_duration_ms, spec.p_axis_deg, spec.p_gain)
    }
    if spec.rhythm == "pac":
        atrial["ectopic"] = atrial_components(ECTOPIC_P, 0.85 * spec.p_duration_ms, None, spec.p_gain)
    return _Plan(dominant, beats, atrial, qt_ms / 1000, morphology.labels)


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


def _sampled_spikes(starts_s: Sequence[float], samples: int, sampling_rate_hz: float) -> Float64:
    """Return [samples]: rectangles of 1 ms averaged over each sampling interval; slow sampling flattens them."""
    edges_s = (np.arange(samples + 1) - 0.5) / sampling_rate_hz
    covered = np.zeros(samples)
    for start_s in starts_s:
        covered += np.diff(np.clip(edges_s, start_s, start_s + _SPIKE_WIDTH_S))
    return covered * sampling_rate_hz


def _labels(spec: SyntheticSpec, truth: Truth, morphology_labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return SCP-ECG codes: rhythm, conduction, morphology; NORM where a sinus rhythm has nothing else."""
    labels: list[str] = []
    sinus = spec.rhythm in ("sinus", "pac", "pvc", "mobitz_1")
    if sinus and spec.rhythm != "mobitz_1":
        rate = spec.heart_rate_bpm
        labels.append("SBRAD" if rate < 60 else "STACH" if rate > 100 else "SR")
        if spec.rhythm == "sinus" and spec.rr_variability_ms >= 60:
            labels = ["SARRH"]
    labels += {
        "af": ["AFIB"],
        "flutter": ["AFLT"],
        "mobitz_1": ["SR", "2AVB"],
        "complete_block": ["3AVB"],
        "pac": ["PAC"],
        "pvc": ["PVC", "BIGU"] if spec.ectopic_every == 2 else ["PVC"],
        "ventricular_paced": ["PACE"],
        "supraventricular_tachycardia": ["SVTAC"],
        "sinus": [],
    }[spec.rhythm]
    if spec.rhythm in ("sinus", "pac", "pvc") and truth.pr_interval_ms is not None and truth.pr_interval_ms > 200:
        labels.append("1AVB")
    labels += morphology_labels
    narrow = truth.qrs_duration_ms is not None and truth.qrs_duration_ms < 120
    if narrow and spec.rhythm == "sinus" and _qtc_ms(spec, truth) > _LONG_QTC_MS:
        labels.append("LNGQT")
    if labels == ["SR"]:
        labels.insert(0, "NORM")
    return tuple(labels)


def _qtc_ms(spec: SyntheticSpec, truth: Truth) -> float:
    """Return the QTc by Fridericia at the mean rate aimed at; 0 where no T wave is visible."""
    return float((truth.qt_interval_ms or 0.0) / spec.ventricular_cycle_s ** (1 / 3))
