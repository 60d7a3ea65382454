"""Reads Parquet: a column of samples for each lead, rate and unit from the table's metadata or as the user says."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np

from ecgr1_core.errors import DamagedFileError, InputError
from ecgr1_core.formats.bundle import Bundle
from ecgr1_core.formats.leads import match_channels, split_unit
from ecgr1_core.formats.options import ReadOptions
from ecgr1_core.formats.raw import (
    RawRecording,
    age_from_text,
    settle_sampling_rate,
    sex_from_text,
    unit_is_missing,
    window,
)
from ecgr1_core.formats.units import millivolts_per
from ecgr1_core.record import Patient

_MAX_FILE_MB = 256


def recognises(head: bytes, name: str) -> bool:
    """Whether the first bytes are Parquet's."""
    return head.startswith(b"PAR1")


def read(bundle: Bundle, file_name: str, options: ReadOptions) -> RawRecording:
    """Read a table whose columns are named for the leads; metadata `sampling_rate_hz`, `unit`, `age` and `sex`.

    Raises `DamagedFileError` for a table that cannot be read or a lead that is not of numbers.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = bundle.path_of(file_name, _MAX_FILE_MB)
    try:
        file = pq.ParquetFile(path)
        facts = {key.decode(): value.decode() for key, value in (file.schema_arrow.metadata or {}).items()}
        names = list(file.schema_arrow.names)
        leads, others = match_channels(names, file_name)
        rate_hz, warnings = settle_sampling_rate(file_name, _rate(facts), options)
        first, last = window(file_name, rate_hz, file.metadata.num_rows, options)
        table = file.read(columns=[names[index] for index in leads.values()])
        columns = {name: table[name].to_numpy().astype(np.float64)[first:last] for name in table.column_names}
    except (pa.ArrowException, OSError, TypeError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise DamagedFileError(
            file_name, "the table cannot be read as numbers", "export the recording again"
        ) from error
    return RawRecording(
        subject=file_name,
        name=PurePosixPath(file_name).stem,
        source_format="Parquet",
        sampling_rate_hz=rate_hz,
        channels_mv={name: column * _scale(name, facts, file_name, options) for name, column in columns.items()},
        left_out=others,
        patient=Patient(age_years=age_from_text(facts.get("age", "")), sex=sex_from_text(facts.get("sex", ""))),
        warnings=warnings,
    )


def _rate(facts: dict[str, str]) -> float | None:
    try:
        rate_hz = float(facts.get("sampling_rate_hz", ""))
    except ValueError:
        return None
    return rate_hz if np.isfinite(rate_hz) and rate_hz > 0 else None


def _scale(name: str, facts: dict[str, str], file_name: str, options: ReadOptions) -> float:
    unit = split_unit(name)[1] or facts.get("unit") or options.unit
    if unit is None:
        raise unit_is_missing(file_name)
    per_unit = millivolts_per(unit)
    if per_unit is None:
        raise InputError(file_name, f"column {name} is in {unit!r}, which is no voltage", "export it in uV or mV")
    return per_unit
