"""Writing recordings: an `EcgRecord` to WFDB, DICOM, CSV or Parquet, exact to the quantum of the target.

A record holds nobody's name, identifier or date, and so does what is written. One file per format; each `write` gives
the paths that it has written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ecgr1_core.formats.writing import dicom, parquet, table, wfdb
from ecgr1_core.record import EcgRecord

__all__ = ["WRITERS", "Writer"]

Writer = Callable[[EcgRecord, Path, str], tuple[Path, ...]]
WRITERS: Mapping[str, Writer] = {
    "wfdb": wfdb.write,
    "dicom": dicom.write,
    "csv": table.write,
    "parquet": parquet.write,
}
