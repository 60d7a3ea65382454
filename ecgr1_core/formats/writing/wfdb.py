"""Writes WFDB: a header and its signal file of format 16, with age and sex as PhysioNet's comments have them."""

from __future__ import annotations

from pathlib import Path

from ecgr1_core.formats.identity import grouped_age
from ecgr1_core.formats.writing.quanta import counts_of
from ecgr1_core.record import EcgRecord

_SEXES = {"F": "Female", "M": "Male"}


def write(record: EcgRecord, folder: Path, name: str) -> tuple[Path, ...]:
    """Write `name.hea` and `name.dat`; the name may hold letters, digits, `_` and `-`."""
    import wfdb

    found = counts_of(record)
    patient = record.patient
    age_years = grouped_age(patient.age_years)
    comments = [] if age_years is None else [f"Age: {age_years:g}"]
    comments += [] if patient.sex is None else [f"Sex: {_SEXES[patient.sex]}"]
    many = len(found.leads)
    wfdb.wrsamp(
        name,
        fs=record.sampling_rate_hz,
        units=["mV"] * many,
        sig_name=list(found.leads),
        d_signal=found.counts.T.astype("int64"),
        fmt=["16"] * many,
        adc_gain=[1000 / found.quantum_uv] * many,
        baseline=[0] * many,
        comments=comments,
        write_dir=str(folder),
    )
    return folder / f"{name}.hea", folder / f"{name}.dat"
