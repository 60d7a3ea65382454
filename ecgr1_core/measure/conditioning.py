"""Conditioning: the recording at one working rate, gaps bridged, mains removed where there is any, drift taken out.

The working rate is 500 Hz whatever the file has, so that every constant of the later stages is in one unit. Nothing
here moves a wave in time: every filter runs forwards and backwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import signal as dsp
from scipy.ndimage import uniform_filter1d

from ecgr1_core.record import EcgRecord

WORKING_RATE_HZ = 500.0
Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_MAINS_HZ = (50.0, 60.0)
_MAINS_RATIO = 8.0  # power in the mains bin over the power beside it, from which mains is taken out
_AT_END_S = 0.3  # without samples at an end of the recording, from which a lead counts as shown in part
LEAST_SHOWN_S = 1.5  # of a lead shown in part
_THROUGHOUT = 0.95  # of the recording
_MAINS_FLOOR_MV = 0.004  # below this amplitude mains cannot disturb a measurement


@dataclass(frozen=True)
class Conditioned:
    """The recording as the later stages use it.

    `signal_mv` is [12, samples] float64 at `WORKING_RATE_HZ`, gaps bridged linearly, mains subtracted where there is
    any; `detrended_mv` is the same without drift below 0.6 Hz (for timing, not for amplitudes); `usable` is
    [12], leads that carry a signal at all; `mains_hz` and `mains_mv` are [12], 0 where no mains was found. `shown` is
    [12, samples]: False before a lead begins and after it ends, where its signal is held level, as on a page that shows
    2.5 s of each lead.
    """

    signal_mv: Array
    detrended_mv: Array
    usable: Mask
    mains_hz: Array
    mains_mv: Array
    shown: Mask

    @property
    def throughout(self) -> Mask:
        """Usable leads that are shown from the beginning to the end, [12]."""
        whole: Mask = self.usable & (self.shown.mean(axis=1) >= _THROUGHOUT)
        return whole

    @property
    def in_parts(self) -> bool:
        """Whether some usable lead is not shown throughout."""
        return bool((self.usable & ~self.throughout).any())

    @property
    def shown_mv(self) -> Array:
        """`signal_mv` with NaN where a lead is not shown, [12, samples]."""
        return np.where(self.shown, self.signal_mv, np.nan) if self.in_parts else self.signal_mv


def condition(record: EcgRecord) -> Conditioned:
    """Return the conditioned signals of a recording of any sampling rate and any set of leads."""
    raw = record.signal_mv.astype(np.float64)
    known = np.isfinite(raw)
    spans = [shown_span(ok, record.sampling_rate_hz) for ok in known]
    usable = np.array([_mostly(ok, span, record.sampling_rate_hz) for ok, span in zip(known, spans, strict=True)])
    filled = np.array([_bridge(row, ok) for row, ok in zip(raw, known, strict=True)])
    filled = _to_working_rate(filled, record.sampling_rate_hz)
    usable &= np.ptp(filled, axis=1) > 1e-3
    shown = np.zeros(filled.shape, dtype=bool)
    ratio = filled.shape[1] / raw.shape[1]
    for row, (start, stop) in zip(shown, spans, strict=True):
        row[int(np.ceil(start * ratio)) : round(stop * ratio)] = True
    mains_hz = np.zeros(len(filled))
    mains_mv = np.zeros(len(filled))
    for index in np.flatnonzero(usable):
        mains_hz[index], mains_mv[index] = _find_mains(filled[index, shown[index]])
    if mains_hz.any():  # found in one lead it is in all, more or less
        frequency = mains_hz[int(np.argmax(mains_mv))]
        for index in np.flatnonzero(usable):
            filled[index, shown[index]] = _without_mains(filled[index, shown[index]], frequency)
    return Conditioned(
        signal_mv=filled,
        detrended_mv=remove_drift(filled, 0.6),
        usable=usable,
        mains_hz=mains_hz,
        mains_mv=mains_mv,
        shown=shown,
    )


def shown_span(known: Mask, rate_hz: float) -> tuple[int, int]:
    """Return the first sample at which a lead is shown and the one after the last, `known` being [samples].

    Up to 0.3 s without samples at either end are a gap like any other, and the lead is shown throughout.
    """
    found = np.flatnonzero(known)
    if len(found) == 0:
        return 0, len(known)
    least = _AT_END_S * rate_hz
    start, stop = int(found[0]), int(found[-1]) + 1
    return start if start > least else 0, stop if len(known) - stop > least else len(known)


def _mostly(known: Mask, span: tuple[int, int], rate_hz: float) -> bool:
    """Whether a lead is known for half of the time that it is shown, and shown for long enough to hold a beat."""
    enough = span == (0, len(known)) or span[1] - span[0] >= LEAST_SHOWN_S * rate_hz
    return enough and bool(known[span[0] : span[1]].mean() >= 0.5)


def remove_drift(signal_mv: Array, cutoff_hz: float) -> Array:
    """Take out what is slower than `cutoff_hz`: second-order Butterworth, zero phase."""
    return _zero_phase(_design("highpass", cutoff_hz), signal_mv)


def low_pass(signal_mv: Array, cutoff_hz: float) -> Array:
    """Take out what is faster than `cutoff_hz`: second-order Butterworth, zero phase."""
    return _zero_phase(_design("lowpass", cutoff_hz), signal_mv)


def band_pass(signal_mv: Array, low_hz: float, high_hz: float) -> Array:
    """Keep what lies between the two frequencies: second-order Butterworth, zero phase."""
    return _zero_phase(_design("bandpass", low_hz, high_hz), signal_mv)


def samples(duration_ms: float) -> int:
    """Return a duration as a number of samples at the working rate."""
    return round(duration_ms * WORKING_RATE_HZ / 1000.0)


@cache
def _design(kind: str, *cutoff_hz: float) -> tuple[Array, Array]:
    """Return the sections of a filter and their state in answer to a steady 1."""
    corner = cutoff_hz[0] if len(cutoff_hz) == 1 else cutoff_hz
    sos = dsp.butter(2, corner, kind, fs=WORKING_RATE_HZ, output="sos")
    return sos, dsp.sosfilt_zi(sos)


def _zero_phase(design: tuple[Array, Array], signal_mv: Array) -> Array:
    """Filter [leads, samples] forwards and backwards, the ends continued by their point reflection for up to a second.

    As `scipy.signal.sosfiltfilt`, which works out the steady state of the filter anew in every call.
    """
    sos, steady = design
    pad = min(signal_mv.shape[1] - 1, samples(1000.0))
    before = 2.0 * signal_mv[:, :1] - signal_mv[:, pad:0:-1]
    after = 2.0 * signal_mv[:, -1:] - signal_mv[:, -2 : -2 - pad : -1]
    out = np.concatenate([before, signal_mv, after], axis=1)
    for _ in range(2):
        out, _ = dsp.sosfilt(sos, out, axis=1, zi=steady[:, None, :] * out[None, :, :1])
        out = out[:, ::-1]
    result: Array = out[:, pad : out.shape[1] - pad]
    return result


def _bridge(row: Array, known: Mask) -> Array:
    if known.all():
        return row
    if not known.any():
        return np.zeros_like(row)
    positions = np.arange(len(row))
    return np.interp(positions, positions[known], row[known])


def _to_working_rate(signal_mv: Array, rate_hz: float) -> Array:
    """Resample by a polyphase filter; ends are held level so that the filter does not ring against zero."""
    if rate_hz == WORKING_RATE_HZ:
        return signal_mv
    ratio = WORKING_RATE_HZ / rate_hz
    up, down = _as_fraction(ratio)
    out: Array = dsp.resample_poly(signal_mv, up, down, axis=-1, padtype="line")
    return out


def _as_fraction(ratio: float) -> tuple[int, int]:
    fraction = Fraction(ratio).limit_denominator(1000)
    return fraction.numerator, fraction.denominator


def _find_mains(row: Array) -> tuple[float, float]:
    """Return the mains frequency in one lead and its amplitude in mV, or zeros.

    The power in the bin of 50 or 60 Hz is compared with the median power in the 4 Hz on either side.
    """
    length = min(len(row), samples(10_000.0))
    segment = row[:length] - row[:length].mean()
    spectrum = np.abs(np.fft.rfft(segment * np.hanning(length))) * 4.0 / length
    frequency = np.fft.rfftfreq(length, 1.0 / WORKING_RATE_HZ)
    best = (0.0, 0.0)
    for mains in _MAINS_HZ:
        near = np.abs(frequency - mains) <= 0.6
        beside = (np.abs(frequency - mains) > 1.5) & (np.abs(frequency - mains) <= 5.5)
        peak = float(spectrum[near].max(initial=0.0))
        floor = float(np.median(spectrum[beside])) if beside.any() else 0.0
        if peak > _MAINS_FLOOR_MV and peak**2 > _MAINS_RATIO**2 * floor**2 and peak > best[1]:
            best = (mains, peak)
    return best


def _without_mains(row: Array, mains_hz: float) -> Array:
    """Subtract the mains from one lead.

    Its amplitude and phase are followed by demodulation over a second, leaving out where the lead is steep: a notch
    filter would ring at every QRS complex and soften its corners.
    """
    steep = np.abs(np.gradient(low_pass(row[np.newaxis, :], 30.0)[0]))
    weight = (steep < 3.0 * np.median(steep) + 1e-9).astype(np.float64)
    carrier = np.exp(-2j * np.pi * mains_hz * np.arange(len(row)) / WORKING_RATE_HZ)
    product = (row - low_pass(row[np.newaxis, :], 20.0)[0]) * carrier * weight
    window = min(len(row), samples(1000.0))
    kept = np.maximum(uniform_filter1d(weight, window, mode="nearest"), 1e-3)
    envelope = (
        uniform_filter1d(product.real, window, mode="nearest")
        + 1j * uniform_filter1d(product.imag, window, mode="nearest")
    ) / kept
    clean: Array = row - 2.0 * (envelope * np.conj(carrier)).real
    return clean
