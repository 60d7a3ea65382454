"""What a table says beside its samples, by the names under which it is read again; and the oldest age that is told."""

from __future__ import annotations

from ecgr1_core.record import EcgRecord

OLDEST_YEARS = 89  # ages above are one group (45 CFR 164.514(b)(2)(i)(C))


def facts_of(record: EcgRecord) -> dict[str, str]:
    """Return sampling rate and unit, and age and sex where they are known."""
    patient = record.patient
    facts = {"sampling_rate_hz": repr(record.sampling_rate_hz), "unit": "mV"}
    if patient.age_years is not None:
        facts["age"] = f"{patient.age_years:g}"
    if patient.sex is not None:
        facts["sex"] = patient.sex
    return facts
