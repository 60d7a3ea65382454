"""Writes CSV: a column of millivolts for each lead; rate, unit, age and sex stand in comments above."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ecgr1_core.formats.writing.facts import facts_of
from ecgr1_core.record import EcgRecord


def write(record: EcgRecord, folder: Path, name: str) -> tuple[Path, ...]:
    """Write `name.csv`: every sample in as many digits as tell it from all other ones, unknown ones empty."""
    path = folder / f"{name}.csv"
    facts = [f"# {name}: {value}" for name, value in facts_of(record).items()]
    leads = record.available_leads
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join((*facts, ",".join(leads))) + "\n")
        for row in np.stack([record.lead(lead) for lead in leads], axis=1):
            file.write(",".join("" if np.isnan(value) else str(value) for value in row) + "\n")
    return (path,)
