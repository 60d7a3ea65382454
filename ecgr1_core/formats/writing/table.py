"""Writes CSV: seconds and a column of millivolts for each lead; age and sex stand in comments above."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ecgr1_core.record import EcgRecord


def write(record: EcgRecord, folder: Path, name: str) -> tuple[Path, ...]:
    """Write `name.csv`: every sample in as many digits as tell it from all other ones, unknown ones empty."""
    path = folder / f"{name}.csv"
    patient = record.patient
    facts = [f"# sampling_rate_hz: {record.sampling_rate_hz!r}", "# unit: mV"]
    facts += [] if patient.age_years is None else [f"# age: {patient.age_years:g}"]
    facts += [] if patient.sex is None else [f"# sex: {patient.sex}"]
    leads = record.available_leads
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join((*facts, ",".join(leads))) + "\n")
        for row in np.stack([record.lead(lead) for lead in leads], axis=1):
            file.write(",".join("" if np.isnan(value) else str(value) for value in row) + "\n")
    return (path,)
