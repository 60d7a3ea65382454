"""Display filters: what is taken out of a trace for looking at it, and how that is printed beside it.

They shape the picture only; measurements are made on the recording as it is. Every filter runs forwards and backwards
over the whole recording, so that it moves no wave in time, and its edges are those of both passes together. The module
draws nothing: the screen applies the same sections in the browser.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecgr1_core.record import FloatArray

Band = Literal["diagnostic", "monitor", "off"]
BANDS_HZ: dict[Band, tuple[float, float] | None] = {"diagnostic": (0.05, 150.0), "monitor": (0.5, 40.0), "off": None}
DEFAULT_BAND: Band = "diagnostic"
NOTCHES_HZ: tuple[float, ...] = (50.0, 60.0)
NOTCH_QUALITY = 30.0
HIGHEST_SHARE = 0.45  # of the sampling rate: an edge above this is not drawn into the filter
PAD_S = 20.0
UNFILTERED = "unfiltered"

Sections = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DisplayFilter:
    """A filter for looking: its name, what is printed for it, and its second-order sections.

    `sections` is [n, 6] (b0 b1 b2 a0 a1 a2).
    """

    name: str
    label: str
    sections: Sections


@lru_cache(maxsize=32)
def band_filter(band: Band, sampling_rate_hz: float) -> DisplayFilter | None:
    """Return the filter of a band at a sampling rate, None for "off".

    Second-order Butterworth at each edge, passed twice; |H| = 1/√2 at the edges after both passes. Where the sampling
    rate is too low for the upper edge there is only the lower one, and the label says so. 0.05 to 150 Hz is the
    bandwidth that the AHA/ACCF/HRS recommendations ask of a diagnostic ECG (Kligfield et al., Circulation
    2007;115:1306-1324).
    """
    from scipy import signal as dsp

    edges = BANDS_HZ[band]
    if edges is None:
        return None
    low, high = edges
    parts = [dsp.butter(2, _edge_hz(low, sampling_rate_hz, -1), "highpass", fs=sampling_rate_hz, output="sos")]
    label = f"{low:g} Hz high-pass (sampled at {sampling_rate_hz:g} Hz)"
    if high < HIGHEST_SHARE * sampling_rate_hz:
        parts.append(dsp.butter(2, _edge_hz(high, sampling_rate_hz, 1), "lowpass", fs=sampling_rate_hz, output="sos"))
        label = f"{low:g}–{high:g} Hz"
    return DisplayFilter(band, label, np.vstack(parts))


@lru_cache(maxsize=32)
def notch_filter(mains_hz: float, sampling_rate_hz: float) -> DisplayFilter | None:
    """Return the notch at a mains frequency (quality 30 in each of two passes); None where the rate is too low."""
    from scipy import signal as dsp

    if mains_hz >= HIGHEST_SHARE * sampling_rate_hz:
        return None
    sections = dsp.tf2sos(*dsp.iirnotch(mains_hz, NOTCH_QUALITY, fs=sampling_rate_hz))
    return DisplayFilter(f"{mains_hz:g}", f"{mains_hz:g} Hz notch", sections)


def label_of(*filters: DisplayFilter | None) -> str:
    """Return what is printed for the filters that are on: "0.05–150 Hz, 50 Hz notch" or "unfiltered"."""
    return ", ".join(item.label for item in filters if item is not None) or UNFILTERED


def filtered(signal_mv: FloatArray, sampling_rate_hz: float, *filters: DisplayFilter | None) -> FloatArray:
    """Return [leads, samples] as it is looked at through the filters, one after the other; float32, NaN stays NaN.

    Unknown samples are bridged by a line before and unknown again after. The lead's mean is taken out first, both ends
    are continued by their mirror image for up to 20 s, and the filters begin at rest; so none begins with a step,
    whatever wave the recording begins in.
    """
    chosen = [item for item in filters if item is not None]
    out = np.array(signal_mv, dtype=np.float32)
    for row in out if chosen else ():
        known = np.isfinite(row)
        if known.any():
            row[known] = _filtered_lead(row, known, sampling_rate_hz, chosen)[known]
    return out


def _filtered_lead(
    row: FloatArray, known: npt.NDArray[np.bool_], sampling_rate_hz: float, filters: list[DisplayFilter]
) -> npt.NDArray[np.float64]:
    from scipy import signal as dsp

    positions = np.arange(row.size)
    values = np.interp(positions, positions[known], row[known].astype(np.float64))
    values -= values.mean()
    pad = min(row.size - 1, round(PAD_S * sampling_rate_hz))
    values = np.pad(values, pad, mode="reflect") if pad else values
    for item in filters:
        for _ in range(2):
            values = dsp.sosfilt(item.sections, values)[::-1]
    result: npt.NDArray[np.float64] = values[pad : pad + row.size]
    return result


def _edge_hz(edge_hz: float, sampling_rate_hz: float, side: Literal[-1, 1]) -> float:
    """Return the corner of one pass for which two passes together are 3 dB down at `edge_hz`.

    One pass of a digital second-order Butterworth low-pass has |H|² = 1 / (1 + r⁴), r = tan(πf/fs) / tan(πfc/fs); two
    passes are at 1/√2 where r⁴ = √2 − 1. A high-pass (`side` −1) is its mirror image.
    """
    ratio: float = (math.sqrt(2.0) - 1.0) ** (-side / 4.0)
    return sampling_rate_hz / math.pi * math.atan(math.tan(math.pi * edge_hz / sampling_rate_hz) * ratio)
