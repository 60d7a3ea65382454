"""What a table says beside its samples, by the names under which it is read again."""

from __future__ import annotations

from ecgr1_core.formats.identity import grouped_age
from ecgr1_core.record import EcgRecord


def facts_of(record: EcgRecord) -> dict[str, str]:
    """Return sampling rate and unit, and age and sex where they are known."""
    patient = record.patient
    facts = {"sampling_rate_hz": repr(record.sampling_rate_hz), "unit": "mV"}
    age_years = grouped_age(patient.age_years)
    if age_years is not None:
        facts["age"] = f"{age_years:g}"
    if patient.sex is not None:
        facts["sex"] = patient.sex
    return facts
