"""Earlier recordings of the same patient, held by the recording that they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ecgr1_core.errors import InputError
from ecgr1_core.record import EcgRecord


def with_priors(record: EcgRecord, earlier: Sequence[EcgRecord]) -> EcgRecord:
    """Return the record with its earlier recordings, the latest first; those without a date last, as they were given.

    Raises `InputError` where one is of another patient, as far as pseudonyms tell, or was not made before.
    """
    own = record.patient
    for each in earlier:
        other = each.patient
        if own.pseudonym is not None and other.pseudonym is not None and own.pseudonym != other.pseudonym:
            raise InputError(each.name, f"it is not of the patient of {record.name}", "give recordings of one patient")
        if own.recorded_at is not None and other.recorded_at is not None and other.recorded_at >= own.recorded_at:
            raise InputError(each.name, f"it was not made before {record.name}", "give the later one as the recording")
    known = sorted((each for each in earlier if each.patient.recorded_at is not None), key=_moment, reverse=True)
    unknown = [each for each in earlier if each.patient.recorded_at is None]
    return replace(record, priors=tuple(replace(each, priors=()) for each in (*known, *unknown)))


def days_between(prior: EcgRecord, record: EcgRecord) -> float | None:
    """Return how many days a recording was made before another one of the patient, None where that is not known."""
    first, last = prior.patient, record.patient
    if first.pseudonym != last.pseudonym or first.recorded_at is None or last.recorded_at is None:
        return None
    return (last.recorded_at - first.recorded_at).total_seconds() / 86400


def _moment(record: EcgRecord) -> datetime:
    return record.patient.recorded_at or datetime.min
