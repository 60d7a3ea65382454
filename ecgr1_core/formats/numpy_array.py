"""Reads a NumPy array (.npy) of twelve leads in the standard order, [12, samples] or [samples, 12].

It states neither rate nor unit, so both are asked for. Arrays of objects are pickles, which are never opened.
"""

from __future__ import annotations

import warnings as python_warnings
from pathlib import PurePosixPath
from tokenize import TokenError

import numpy as np

from ecgr1_core.errors import DamagedFileError, UnsuitableRecordingError
from ecgr1_core.formats.bundle import Bundle
from ecgr1_core.formats.options import ReadOptions
from ecgr1_core.formats.raw import RawRecording, settle_sampling_rate, unit_is_missing, window
from ecgr1_core.formats.units import millivolts_per
from ecgr1_core.record import LEADS

_MAX_FILE_MB = 256
_FAULTS = (
    ValueError,
    TypeError,
    OSError,
    EOFError,
    SyntaxError,
    TokenError,
    ArithmeticError,
    MemoryError,
    RecursionError,
)


def recognises(head: bytes, name: str) -> bool:
    """Whether the first bytes are those of an array file."""
    return head.startswith(b"\x93NUMPY")


def read(bundle: Bundle, file_name: str, options: ReadOptions) -> RawRecording:
    """Read an array of numbers; `UnsuitableRecordingError` where it is not of twelve leads."""
    path = bundle.path_of(file_name, _MAX_FILE_MB)
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")  # of headers that Python 2 wrote, which are read nevertheless
            values = np.load(path, mmap_mode="r", allow_pickle=False)
    except _FAULTS as error:
        raise DamagedFileError(file_name, "it is no array of numbers", "save the array again") from error
    if values.ndim != 2 or len(LEADS) not in values.shape or values.dtype.kind not in "fiu":
        shape = " × ".join(map(str, values.shape)) or "single"
        raise UnsuitableRecordingError(
            file_name,
            f"it is a {shape} array of {values.dtype}, not twelve leads",
            "save [12, samples], in the usual order",
        )
    leads = values if values.shape[0] == len(LEADS) else values.T
    rate_hz, warnings = settle_sampling_rate(file_name, None, options)
    per_unit = None if options.unit is None else millivolts_per(options.unit)
    if options.counts_per_mv is not None:
        per_unit = 1 / options.counts_per_mv
    if per_unit is None:
        raise unit_is_missing(file_name)
    first, last = window(file_name, rate_hz, leads.shape[1], options)
    with np.errstate(all="ignore"):  # what is no number then is an unknown sample
        channels = {
            lead: np.asarray(row[first:last], dtype=np.float64) * per_unit
            for lead, row in zip(LEADS, leads, strict=True)
        }
    return RawRecording(
        subject=file_name,
        name=PurePosixPath(file_name).stem,
        source_format="NumPy",
        sampling_rate_hz=rate_hz,
        channels_mv=channels,
        warnings=warnings,
    )
