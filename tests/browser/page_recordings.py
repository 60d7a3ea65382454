"""Recordings for the browser tests: real ones found, and faulty ones made out of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgr1_core.record import LEADS


def ptbxl_pair(shared_data: Path, number: int = 0) -> list[Path]:
    headers = sorted((shared_data / "ptbxl" / "records500").rglob("*.hea"))
    if not headers:
        pytest.skip("the data pack has no PTB-XL recordings")
    return [headers[number], headers[number].with_suffix(".dat")]


def write_wfdb(
    folder: Path,
    name: str,
    signal_mv: np.ndarray,
    *,
    rate_hz: float = 500.0,
    leads: tuple[str, ...] = LEADS,
    file_name: str | None = None,
    samples: int | None = None,
) -> list[Path]:
    """Write [leads, samples] in mV as format 16 at 1 µV per count; `samples` and `file_name` may tell lies."""
    counts = np.rint(signal_mv * 1000).astype("<i2")
    data = folder / f"{name}.dat"
    data.write_bytes(counts.T.tobytes())
    length = counts.shape[1] if samples is None else samples
    lines = [f"{name} {len(leads)} {rate_hz:g} {length}"]
    for lead, row in zip(leads, counts, strict=True):
        checksum = int(row.astype(np.int64).sum()) & 0xFFFF
        first = int(row[0]) if row.size else 0
        lines.append(f"{file_name or data.name} 16 1000(0)/mV 16 0 {first} {checksum} 0 {lead}")
    header = folder / f"{name}.hea"
    header.write_text("\n".join(lines) + "\n")
    return [header, data]


def real_signal(shared_data: Path, number: int = 0) -> np.ndarray:
    """Return a real recording, [12, samples] in mV at 500 Hz, as it was written."""
    from ecgr1_core.formats import read

    return np.nan_to_num(read(ptbxl_pair(shared_data, number)).signal_mv)
