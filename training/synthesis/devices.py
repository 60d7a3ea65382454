"""How an electrocardiograph shows what lies at the electrodes: offset, mains, its filters, its gain, its counts.

Recordings of many devices differ in these and not in what they mean. What is drawn here leaves every label and interval
as it was, to within what filters of a usual band do to them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ecgr1_core.record import LEADS, EcgRecord, FloatArray
from training.synthesis.leads import ELECTRODES, ELECTRODES_TO_LEADS
from training.synthesis.noise import noise_mv
from training.synthesis.spec import NoiseSpec

HIGH_PASS_HZ: Final = (0.0, 0.05, 0.15, 0.5, 0.67)  # none, the diagnostic, and those of monitors and exercise
LOW_PASS_HZ: Final = (0.0, 150.0, 100.0, 40.0, 35.0)
_COUNTS_PER_MV: Final = (200.0, 204.8, 400.0, 1000.0)
MAINS_HZ: Final = (50.0, 60.0)
MOST_MAINS_MV: Final = 0.02
MOST_OFFSET_MV: Final = 0.15
GAIN_SD: Final = 0.03
_EDGE_S: Final = 1.0  # mirrored at both ends, so that filters find no step there


@dataclass(frozen=True)
class Device:
    """One way of recording. Corner frequencies of 0 are no filter; `offsets_mv` are of the nine electrodes."""

    high_pass_hz: float
    low_pass_hz: float
    mains: NoiseSpec
    offsets_mv: tuple[float, ...]
    gain: float
    counts_per_mv: float


def drawn_device(rng: np.random.Generator) -> Device:
    """Return some device; most have little mains and offset, a few have much."""
    mains_mv, offset_mv = np.array([MOST_MAINS_MV, MOST_OFFSET_MV]) * rng.random(2) ** 3
    return Device(
        high_pass_hz=float(rng.choice(HIGH_PASS_HZ)),
        low_pass_hz=float(rng.choice(LOW_PASS_HZ)),
        mains=NoiseSpec(mains_mv=float(mains_mv), mains_hz=float(rng.choice(MAINS_HZ))),
        offsets_mv=tuple((offset_mv * rng.standard_normal(len(ELECTRODES))).tolist()),
        gain=float(np.exp(GAIN_SD * rng.standard_normal())),
        counts_per_mv=float(rng.choice(_COUNTS_PER_MV)),
    )


def recorded_by(device: Device, record: EcgRecord, rng: np.random.Generator) -> EcgRecord:
    """Return the recording as the device shows it; flat and missing leads stay so, and `rng` gives the mains' phases.

    The filters are Butterworth's of second order in magnitude and shift no phase. One with gaps is not filtered.
    """
    signal = record.signal_mv + noise_mv(device.mains, record.samples, record.sampling_rate_hz, rng)
    signal += (ELECTRODES_TO_LEADS @ np.array(device.offsets_mv))[:, None].astype(np.float32)
    if np.isfinite(signal).all():
        signal = _filtered(signal, record.sampling_rate_hz, device)
    signal = np.round(signal * (device.gain * device.counts_per_mv)) / device.counts_per_mv
    signal[[LEADS.index(lead) for lead in record.flat_leads]] = 0.0
    return replace(record, signal_mv=signal.astype(np.float32))


def _filtered(signal: FloatArray, sampling_rate_hz: float, device: Device) -> FloatArray:
    edge = min(round(_EDGE_S * sampling_rate_hz), signal.shape[1] - 1)
    padded = np.pad(signal, ((0, 0), (edge, edge)), mode="reflect")
    frequencies = np.fft.rfftfreq(padded.shape[1], 1 / sampling_rate_hz)
    passed = np.ones(len(frequencies))
    if device.low_pass_hz:
        passed /= np.sqrt(1 + (frequencies / device.low_pass_hz) ** 4)
    if device.high_pass_hz:
        passed *= frequencies**2 / np.sqrt(device.high_pass_hz**4 + frequencies**4)
    filtered = np.fft.irfft(np.fft.rfft(padded) * passed, padded.shape[1])[:, edge : edge + signal.shape[1]]
    return np.asarray(filtered, dtype=np.float32)
