"""Resampling by a polyphase filter that leaves unknown samples unknown and adds no ringing at the ends."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np

from ecgr1_core.formats.leads import Float64Array
from ecgr1_core.record import EcgRecord

_WINDOW = ("kaiser", 8.0)


def resample(record: EcgRecord, sampling_rate_hz: float) -> EcgRecord:
    """Return the recording at another sampling rate in Hz; the same object where it has that rate already.

    [12, samples] becomes [12, ceil(samples x new / old)]; sample 0 stays at time 0. Missing leads stay NaN, flat leads
    flat. Raises ValueError for a rate that is not positive.
    """
    if not (np.isfinite(sampling_rate_hz) and sampling_rate_hz > 0):
        raise ValueError(f"sampling_rate_hz must be positive, got {sampling_rate_hz}")
    if sampling_rate_hz == record.sampling_rate_hz:
        return record
    rows = resample_rows(record.signal_mv.astype(np.float64), record.sampling_rate_hz, sampling_rate_hz)
    return dataclasses.replace(record, signal_mv=rows.astype(np.float32), sampling_rate_hz=float(sampling_rate_hz))


def resample_rows(rows: Float64Array, from_hz: float, to_hz: float) -> Float64Array:
    """Resample [leads, samples] from one rate to another by `scipy.signal.resample_poly`.

    The line from first to last sample is taken out before and put back after, and beyond the ends the trace goes on as
    its point reflection, so that neither offset nor slope rings there; the Kaiser window of beta 8 keeps images of a
    slow wave below -80 dB. Gaps are bridged
    by a straight line for the filter and are NaN again in the result wherever either neighbouring input was NaN.
    """
    from scipy.signal import resample_poly

    ratio = Fraction(to_hz / from_hz).limit_denominator(10_000)
    up, down = ratio.numerator, ratio.denominator
    if up == 0:
        raise ValueError(f"cannot resample from {from_hz} Hz to {to_hz} Hz")
    samples = rows.shape[1]
    unknown = np.isnan(rows)
    bridged = rows.copy()
    positions = np.arange(samples)
    for row, gaps in zip(bridged, unknown, strict=True):
        if gaps.all():
            row[:] = 0.0
        elif gaps.any():
            row[gaps] = np.interp(positions[gaps], positions[~gaps], row[~gaps])
    start = bridged[:, :1]
    slope = (bridged[:, -1:] - start) / max(samples - 1, 1)
    level = bridged - (start + slope * positions)
    result: Float64Array = resample_poly(level, up, down, axis=1, window=_WINDOW, padtype="antireflect")
    result += start + slope * (np.arange(result.shape[1]) * (down / up))
    if unknown.any():
        source = np.arange(result.shape[1]) * (down / up)
        before = np.minimum(np.floor(source + 1e-9).astype(np.int64), samples - 1)
        after = np.minimum(np.ceil(source - 1e-9).astype(np.int64), samples - 1)
        result[unknown[:, before] | unknown[:, after]] = np.nan
    return result
