"""Packed samples as numbers again, as the browser does it (`ui/viewer/unpack.js`)."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np


def unpacked(data: dict[str, Any]) -> np.ndarray:
    rows, samples, planes = len(data["steps_mv"]), data["samples"], data["planes"]
    raw = np.frombuffer(zlib.decompress(base64.b64decode(data["data"])), np.uint8)
    size = rows * samples
    signed = sum(raw[plane * size : (plane + 1) * size].astype(np.int64) << (8 * plane) for plane in range(planes))
    differences = ((signed >> 1) ^ -(signed & 1)).reshape(rows, samples)
    values = np.array(data["zeros_mv"])[:, None] + np.cumsum(differences, axis=1) * np.array(data["steps_mv"])[:, None]
    unknown = np.unpackbits(raw[planes * size :])[:size].astype(bool).reshape(rows, samples)
    return np.where(unknown, np.nan, values)
