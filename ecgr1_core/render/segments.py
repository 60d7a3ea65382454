"""The samples of a recording in small pieces, as the viewer on the screen wants them: counts, differenced and packed.

A recording is cut into segments that stand for themselves, so that its first page can be sent alone and the others when
they are asked for. The module knows nothing of geometry, filters or browsers.
"""

from __future__ import annotations

import base64
import math
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgr1_core.record import LEADS, EcgRecord, FloatArray
from ecgr1_core.render.layouts import PAGE_S

SEGMENT_SAMPLES = 10_000  # of each lead, or one page where that is more
FINE_STEP_MV = 0.0001  # where the recording has no steps of its own; no sample is off by more than half of it
LARGEST_COUNT = 2**29  # so that differences, with their sign, fit 32 bits
FAST = 1  # level of compression: higher ones gain 2 % and take eight times as long
ENVELOPE_BINS = 4096  # of the strip of the whole: more than it has pixels on most screens
FIRST_SHARE = 2000  # distinct levels from which a step is guessed before all samples are tried on it

Counts = npt.NDArray[np.int64]


def segment_samples(sampling_rate_hz: float) -> int:
    """Return how many samples of each lead a segment has; the last one has the rest."""
    return max(SEGMENT_SAMPLES, math.ceil(PAGE_S * sampling_rate_hz))


def segment_count(record: EcgRecord) -> int:
    """Return how many segments a recording has."""
    return math.ceil(record.samples / segment_samples(record.sampling_rate_hz))


def packed_segment(record: EcgRecord, number: int) -> dict[str, Any]:
    """Return segment `number` (from 0) of all leads as `packed` samples with its first sample, `first`."""
    length = segment_samples(record.sampling_rate_hz)
    first = number * length
    if not 0 <= first < record.samples:
        raise IndexError(f"no segment {number} in {record.samples} samples")
    return {"first": first, **packed(record.signal_mv[:, first : first + length])}


def packed(signal_mv: FloatArray) -> dict[str, Any]:
    """Return [rows, samples] in mV as plain data: `samples`, `planes`, `steps_mv`, `zeros_mv`, `data`.

    A row's millivolts are its zero + count × its step. Counts are the recording's own where it has steps of 0.1 µV or
    more (every sample to 1 nV or a millionth of itself), otherwise of 0.1 µV, so that no sample is off by more than
    0.05 µV: a two-thousandth of a millimetre at 10 mm/mV. Only a row that reaches 53 V has coarser ones, of 2⁻²⁹ of its
    reach.
    `data` is base64 of a zlib stream: of each count its difference from the one before in its row, sign in the lowest
    bit, as `planes` planes of bytes (the lowest bytes of all, then the next), and one bit for each sample, set where it
    is unknown (first sample in the highest bit).
    """
    known = np.isfinite(signal_mv)
    steps, zeros = [], []
    counts = np.zeros(signal_mv.shape, dtype=np.int64)
    for index, row in enumerate(signal_mv):
        values = row[known[index]].astype(np.float64)
        if not values.size:
            steps.append(1.0)
            zeros.append(0.0)
            continue
        found, step, zero = _counts(values)
        counts[index] = _held(found, known[index])
        steps.append(step)
        zeros.append(zero)
    differences = np.diff(counts, axis=1, prepend=0)
    signed = ((differences << 1) ^ (differences >> 63)).astype("<u4").ravel()
    planes = max(1, math.ceil(int(signed.max()).bit_length() / 8))
    raw = signed.view(np.uint8).reshape(-1, 4)[:, :planes].T.tobytes() + np.packbits(~known).tobytes()
    return {
        "samples": signal_mv.shape[1],
        "planes": planes,
        "steps_mv": steps,
        "zeros_mv": zeros,
        "data": base64.b64encode(zlib.compress(raw, FAST)).decode(),
    }


def envelope(record: EcgRecord) -> dict[str, Any]:
    """Return the strip of the whole: `lead` (II or the first there is) and its lowest and highest values, `packed`.

    Each of the bins holds as many samples as the others, to one.
    """
    lead = next((name for name in ("II", *LEADS) if name not in record.missing_leads), "II")
    row = record.lead(lead)
    bins = min(ENVELOPE_BINS, row.size)
    starts = np.arange(bins) * row.size // bins
    known = np.isfinite(row)
    low = np.minimum.reduceat(np.where(known, row, np.inf), starts)
    high = np.maximum.reduceat(np.where(known, row, -np.inf), starts)
    return {"lead": lead, **packed(np.stack([low, high]).astype(np.float32))}


def means_mv(record: EcgRecord) -> list[float]:
    """Return what the display filters take out of each lead: its mean, unknown samples bridged; 0 if all are."""
    means = []
    for row in record.signal_mv:
        known = np.isfinite(row)
        values = row.astype(np.float64)
        if not known.all():
            positions = np.arange(row.size)
            values = np.interp(positions, positions[known], values[known]) if known.any() else np.zeros(1)
        means.append(float(values.mean()))
    return means


def _counts(values: npt.NDArray[np.float64]) -> tuple[Counts, float, float]:
    """Return known values as counts of a step from a zero, with both."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.zeros(values.size, dtype=np.int64), 1.0, low
    zero = float(values[0])
    for part in (values[:FIRST_SHARE], values):
        step = _step(part)
        whole = np.rint((values - zero) / step) if step is not None else None
        if whole is not None and step is not None and np.abs(whole).max() <= LARGEST_COUNT:
            exact = np.clip(1e-6 * np.abs(values), 1e-6, FINE_STEP_MV / 2)
            if (np.abs(zero + whole * step - values) <= exact).all():
                return whole.astype(np.int64), step, zero
    step = max(FINE_STEP_MV, (high - low) / LARGEST_COUNT)
    return np.rint((values - zero) / step).astype(np.int64), step, zero


def _step(values: npt.NDArray[np.float64]) -> float | None:
    """Return the step of which all rises are multiples, if there is one: the smallest rise, averaged over all."""
    rises = np.diff(np.unique(values))
    if not rises.size or rises.min() < 0.99 * FINE_STEP_MV:
        return None
    return float(rises.sum() / np.rint(rises / rises.min()).sum())


def _held(counts: Counts, known: npt.NDArray[np.bool_]) -> Counts:
    """Return counts for all samples of a row: where one is unknown, that of the last one known, at first 0."""
    if known.all():
        return counts
    before = np.cumsum(known)
    return np.concatenate([np.zeros(1, dtype=np.int64), counts])[before]
