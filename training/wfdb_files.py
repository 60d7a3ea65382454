"""Writes a recording as WFDB files, a header and one signal file, many times faster than the `wfdb` package does.

Format 16 of the signal specification (physionet.org/physiotools/wag, signal-5 and header-5): little-endian 16-bit
counts, sample by sample; the checksum is the sum of a lead's counts in 16 bits. It reads nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from ecgr1_core.record import LEADS, EcgRecord

COUNTS_PER_MV: Final = 1000
_INVALID: Final = -32768  # what the format has for an unknown sample


def write_wfdb(folder: Path, record: EcgRecord, comments: Sequence[str] = ()) -> tuple[Path, EcgRecord]:
    """Write NAME.hea and NAME.dat (1 µV a count), and return the header's path and the recording as they hold it.

    The name of the recording must be fit for file names. Files of the same name are replaced. Raises OSError where the
    folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = np.isfinite(record.signal_mv)
    counts = np.clip(
        np.rint(np.where(known, record.signal_mv, 0) * np.float32(COUNTS_PER_MV)), _INVALID + 1, -_INVALID - 1
    )
    stored = np.where(known, counts, _INVALID).astype("<i2")
    (folder / f"{record.name}.dat").write_bytes(np.ascontiguousarray(stored.T).tobytes())
    checksums = stored.sum(axis=1, dtype=np.int64).astype(np.int16)  # wraps, as the format has it
    lines = [f"{record.name} {len(LEADS)} {record.sampling_rate_hz:.12g} {record.samples}"]
    for lead, row, checksum in zip(LEADS, stored, checksums, strict=True):
        lines.append(f"{record.name}.dat 16 {COUNTS_PER_MV}(0)/mV 16 0 {row[0]} {checksum} 0 {lead}")
    lines += [f"# {comment}" for comment in comments]
    path = folder / f"{record.name}.hea"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    held = np.where(known, stored.astype(np.float64) / COUNTS_PER_MV, np.nan).astype(np.float32)
    return path, replace(record, signal_mv=held)
