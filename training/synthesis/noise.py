"""Noise and faults of recording, made at the electrodes and led to the leads like the heart's own potentials.

Because wander, muscle and mains arise at nine electrodes, the noisy leads obey Einthoven's law as real ones do. Nothing
here changes the truth, and nothing here knows what was recorded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgr1_core.record import LEADS, FloatArray
from training.synthesis.leads import ELECTRODES, ELECTRODES_TO_LEADS, Float64
from training.synthesis.spec import Exchange, NoiseSpec

WANDER_HZ = (0.05, 0.7)
_MUSCLE_HZ = (20.0, 150.0)
WANDER_SINES = 4
_BLOCK = 64
_SQRT_2 = math.sqrt(2)
# Each lead after an exchange: the lead it then shows and its sign, from the definitions of Einthoven and Goldberger.
_SHOWN: dict[Exchange, dict[str, tuple[str, int]]] = {
    "RA-LA": {"I": ("I", -1), "II": ("III", 1), "III": ("II", 1), "aVR": ("aVL", 1), "aVL": ("aVR", 1)},
    "RA-LL": {"I": ("III", -1), "II": ("II", -1), "III": ("I", -1), "aVR": ("aVF", 1), "aVF": ("aVR", 1)},
    "LA-LL": {"I": ("II", 1), "II": ("I", 1), "III": ("III", -1), "aVL": ("aVF", 1), "aVF": ("aVL", 1)},
}


def noise_mv(spec: NoiseSpec, samples: int, sampling_rate_hz: float, rng: np.random.Generator) -> FloatArray:
    """Return [12, samples] of noise in mV; the amplitudes of `spec` are met in lead I on average over seeds.

    Lead I is the difference of two electrodes whose noise is independent, hence the factor 1/sqrt(2).
    """
    noise = np.zeros((len(LEADS), samples), dtype=np.float32)
    sines: list[_Sines] = []
    if spec.baseline_wander_mv > 0:
        sines.append(_wander(spec.baseline_wander_mv / _SQRT_2, rng))
    if spec.muscle_rms_mv > 0:
        potentials = _band_limited(spec.muscle_rms_mv / _SQRT_2, samples, sampling_rate_hz, rng)
        noise += ELECTRODES_TO_LEADS.astype(np.float32) @ potentials
    if spec.mains_mv > 0:
        sines.append(_mains(spec.mains_mv / _SQRT_2, spec.mains_hz, sampling_rate_hz, rng))
    if sines:
        frequencies_hz = np.concatenate([one.frequencies_hz for one in sines])
        amplitudes = ELECTRODES_TO_LEADS @ np.concatenate([one.amplitudes for one in sines], axis=1)
        noise += _sampled(_Sines(frequencies_hz, amplitudes), samples, sampling_rate_hz)
    return noise


def exchanged(signal_mv: FloatArray, exchange: Exchange) -> FloatArray:
    """Return the [12, samples] that are recorded with two electrodes exchanged; exact, noise included."""
    one, other = exchange.split("-")
    shown = _SHOWN.get(exchange) or {one: (other, 1), other: (one, 1)}
    found = signal_mv.copy()
    for lead, (source, sign) in shown.items():
        found[LEADS.index(lead)] = sign * signal_mv[LEADS.index(source)]
    return found


def with_faults(signal_mv: FloatArray, spec: NoiseSpec) -> FloatArray:
    """Return the [12, samples] recording as swapped arm electrodes and leads off make it; a lead off is a row of 0."""
    faulty = exchanged(signal_mv, "RA-LA") if spec.arm_leads_swapped else signal_mv
    if spec.leads_off:
        faulty = faulty.copy()
        faulty[[LEADS.index(lead) for lead in spec.leads_off]] = 0.0
    return faulty


@dataclass(frozen=True)
class _Sines:
    """Sines shared by several channels: [f] in Hz and their complex amplitudes [channels, f] (size and phase)."""

    frequencies_hz: Float64
    amplitudes: npt.NDArray[np.complex128]


def _wander(rms_mv: float, rng: np.random.Generator) -> _Sines:
    """Return slow sines at the electrodes, the slower the larger, of root mean square `rms_mv` each electrode."""
    frequencies = rng.uniform(*WANDER_HZ, size=WANDER_SINES)  # the same at all electrodes, which move together
    weights = rng.uniform(0.3, 1.0, size=(len(ELECTRODES), WANDER_SINES)) / np.sqrt(frequencies)
    weights *= rms_mv * np.sqrt(2 / np.sum(weights**2, axis=1, keepdims=True))
    phases = rng.uniform(0, 2 * np.pi, size=weights.shape)
    return _Sines(frequencies, weights * np.exp(1j * phases))


def _mains(peak_mv: float, mains_hz: float, sampling_rate_hz: float, rng: np.random.Generator) -> _Sines:
    """Return one frequency at the electrodes with a third harmonic of 5 %, amplitude and phase by electrode."""
    amplitudes = peak_mv * rng.uniform(0.7, 1.3, size=(len(ELECTRODES), 1))
    phases = rng.uniform(0, 2 * np.pi, size=(len(ELECTRODES), 1))
    order = np.array([1.0, 3.0] if 3 * mains_hz < sampling_rate_hz / 2 else [1.0])
    weights = amplitudes * np.where(order == 1, 1.0, 0.05)
    return _Sines(mains_hz * order, weights * np.exp(1j * phases * order))


def _sampled(sines: _Sines, samples: int, sampling_rate_hz: float) -> FloatArray:
    """Return [channels, samples]: Re(amplitude exp(i 2 pi f t)) summed over f.

    exp(i 2 pi f t) at the samples is the outer product of its values at every 64th sample and at the first 64.
    """
    turn = 2j * np.pi * sines.frequencies_hz[:, None] / sampling_rate_hz
    coarse = np.exp(turn * (_BLOCK * np.arange(-(-samples // _BLOCK))))
    fine = np.exp(turn * np.arange(_BLOCK)).astype(np.complex64)
    amplitudes = (sines.amplitudes[:, :, None] * coarse).astype(np.complex64)  # [channels, f, blocks]
    real = np.concatenate([amplitudes.real, -amplitudes.imag], axis=1).transpose(0, 2, 1)
    parts = real @ np.concatenate([fine.real, fine.imag])  # [channels, blocks, 64]
    return np.asarray(parts.reshape(len(parts), -1)[:, :samples])


def _band_limited(rms_mv: float, samples: int, sampling_rate_hz: float, rng: np.random.Generator) -> FloatArray:
    """Return [electrodes, samples]: Gaussian noise between the limits of the muscle band, root mean square `rms_mv`."""
    frequencies = np.fft.rfftfreq(samples, 1 / sampling_rate_hz)
    kept = np.flatnonzero((frequencies >= _MUSCLE_HZ[0]) & (frequencies <= min(_MUSCLE_HZ[1], 0.45 * sampling_rate_hz)))
    parts = rng.standard_normal((2, len(ELECTRODES), len(kept)), dtype=np.float32)
    spectrum = np.zeros((len(ELECTRODES), len(frequencies)), dtype=np.complex64)
    power = np.sum(parts**2, axis=(0, 2))  # of one side; by Parseval's theorem the variance is 2 power / samples^2
    scale = rms_mv * samples / np.sqrt(2 * power)
    spectrum[:, kept[0] : kept[-1] + 1] = (parts[0] + 1j * parts[1]) * scale[:, None]
    return np.asarray(np.fft.irfft(spectrum, samples), dtype=np.float32)
