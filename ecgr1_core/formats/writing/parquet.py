"""Writes Parquet: a column of millivolts for each lead; rate, unit, age and sex in the metadata of the table."""

from __future__ import annotations

from pathlib import Path

from ecgr1_core.formats.writing.facts import facts_of
from ecgr1_core.record import EcgRecord


def write(record: EcgRecord, folder: Path, name: str) -> tuple[Path, ...]:
    """Write `name.parquet`, of 32-bit floating-point numbers; unknown samples are null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / f"{name}.parquet"
    columns = {lead: pa.array(record.lead(lead), from_pandas=True) for lead in record.available_leads}
    pq.write_table(pa.table(columns).replace_schema_metadata(facts_of(record)), path)
    return (path,)
