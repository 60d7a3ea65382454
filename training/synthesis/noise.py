"""Noise and faults of recording, made at the electrodes and led to the leads like the heart's own potentials.

Because wander, muscle and mains arise at nine electrodes, the noisy leads obey Einthoven's law as real ones do. Nothing
here changes the truth, and nothing here knows what was recorded.
"""

from __future__ import annotations

import math

import numpy as np

from ecgr1_core.record import LEADS, FloatArray
from training.synthesis.leads import ELECTRODES, ELECTRODES_TO_LEADS, Float64
from training.synthesis.spec import NoiseSpec

_WANDER_HZ = (0.05, 0.7)
_MUSCLE_HZ = (20.0, 150.0)
_WANDER_SINES = 4
_BLOCK = 64
_SQRT_2 = math.sqrt(2)
# aVR of the swapped recording is aVL, II is III: LA and RA exchanged in the definitions of the leads.
_SWAPPED_FROM = {"II": "III", "III": "II", "aVR": "aVL", "aVL": "aVR"}


def noise_mv(spec: NoiseSpec, samples: int, sampling_rate_hz: float, rng: np.random.Generator) -> FloatArray:
    """Return [12, samples] of noise in mV; the amplitudes of `spec` are met in lead I on average over seeds.

    Lead I is the difference of two electrodes whose noise is independent, hence the factor 1/sqrt(2).
    """
    potentials = np.zeros((len(ELECTRODES), samples), dtype=np.float32)
    if spec.baseline_wander_mv > 0:
        potentials += _wander(spec.baseline_wander_mv / _SQRT_2, samples, sampling_rate_hz, rng)
    if spec.muscle_rms_mv > 0:
        potentials += _band_limited(spec.muscle_rms_mv / _SQRT_2, samples, sampling_rate_hz, rng)
    if spec.mains_mv > 0:
        potentials += _mains(spec.mains_mv / _SQRT_2, spec.mains_hz, samples, sampling_rate_hz, rng)
    return np.asarray(ELECTRODES_TO_LEADS.astype(np.float32) @ potentials)


def with_faults(signal_mv: Float64, spec: NoiseSpec) -> Float64:
    """Return the [12, samples] recording as swapped arm electrodes and leads off make it; a lead off is a row of 0."""
    if not spec.arm_leads_swapped and not spec.leads_off:
        return signal_mv
    faulty = signal_mv.copy()
    if spec.arm_leads_swapped:
        faulty[LEADS.index("I")] = -signal_mv[LEADS.index("I")]
        for lead, source in _SWAPPED_FROM.items():
            faulty[LEADS.index(lead)] = signal_mv[LEADS.index(source)]
    for lead in spec.leads_off:
        faulty[LEADS.index(lead)] = 0.0
    return faulty


def _wander(rms_mv: float, samples: int, sampling_rate_hz: float, rng: np.random.Generator) -> FloatArray:
    """Return [electrodes, samples]: slow sines, the slower the larger, of root mean square `rms_mv` each electrode."""
    frequencies = rng.uniform(*_WANDER_HZ, size=_WANDER_SINES)  # the same at all electrodes, which move together
    weights = rng.uniform(0.3, 1.0, size=(len(ELECTRODES), _WANDER_SINES)) / np.sqrt(frequencies)
    weights *= rms_mv * np.sqrt(2 / np.sum(weights**2, axis=1, keepdims=True))
    phases = rng.uniform(0, 2 * np.pi, size=weights.shape)
    return _cosines(frequencies, weights, phases, samples, sampling_rate_hz)


def _mains(
    peak_mv: float, mains_hz: float, samples: int, sampling_rate_hz: float, rng: np.random.Generator
) -> FloatArray:
    """Return [electrodes, samples]: one frequency with a third harmonic of 5 %, amplitude and phase by electrode."""
    amplitudes = peak_mv * rng.uniform(0.7, 1.3, size=(len(ELECTRODES), 1))
    phases = rng.uniform(0, 2 * np.pi, size=(len(ELECTRODES), 1))
    order = np.array([1.0, 3.0] if 3 * mains_hz < sampling_rate_hz / 2 else [1.0])
    weights = amplitudes * np.where(order == 1, 1.0, 0.05)
    return _cosines(mains_hz * order, weights, phases * order, samples, sampling_rate_hz)


def _cosines(
    frequencies_hz: Float64, amplitudes: Float64, phases: Float64, samples: int, sampling_rate_hz: float
) -> FloatArray:
    """Return [electrodes, samples]: a cos(2 pi f t + phase) summed over f; amplitudes and phases are [electrodes, f].

    exp(i 2 pi f t) at the samples is the outer product of its values at every 64th sample and at the first 64.
    """
    turn = 2j * np.pi * frequencies_hz[:, None] / sampling_rate_hz
    coarse = np.exp(turn * (_BLOCK * np.arange(-(-samples // _BLOCK)))).astype(np.complex64)
    fine = np.exp(turn * np.arange(_BLOCK)).astype(np.complex64)
    phasors = (coarse[:, :, None] * fine[:, None, :]).reshape(len(frequencies_hz), -1)[:, :samples]
    return np.asarray(((amplitudes * np.exp(1j * phases)).astype(np.complex64) @ phasors).real)


def _band_limited(rms_mv: float, samples: int, sampling_rate_hz: float, rng: np.random.Generator) -> FloatArray:
    """Return [electrodes, samples]: Gaussian noise between the limits of the muscle band, root mean square `rms_mv`."""
    frequencies = np.fft.rfftfreq(samples, 1 / sampling_rate_hz)
    kept = np.flatnonzero((frequencies >= _MUSCLE_HZ[0]) & (frequencies <= min(_MUSCLE_HZ[1], 0.45 * sampling_rate_hz)))
    parts = rng.standard_normal((2, len(ELECTRODES), len(kept)), dtype=np.float32)
    spectrum = np.zeros((len(ELECTRODES), len(frequencies)), dtype=np.complex64)
    spectrum[:, kept] = parts[0] + 1j * parts[1]
    noise = np.fft.irfft(spectrum, samples)
    return np.asarray(noise * (rms_mv / np.std(noise, axis=1, keepdims=True)), dtype=np.float32)
