"""A finished reading as plain JSON data: the one form that the shell prints and the page hands out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecgr1_core import DISCLAIMER, interpretation, vocabulary
from ecgr1_core.modality import Modality
from ecgr1_core.readers.base import Reader, ReadingDetails, details_json, evidence_json
from ecgr1_core.record import EcgRecord
from ecgr1_core.verify import Claim, claims_json


def reading_document(
    *,
    path: str,
    reader: Reader,
    version: str,
    modality: Modality,
    page_origin: str | None,
    raw: str,
    details: ReadingDetails,
    claims: Sequence[Claim] | None,
    record: EcgRecord | None,
    read_s: float | None,
    interpret_s: float,
) -> dict[str, Any]:
    """Return the reading whose text is `raw`, with what is known of it beside.

    `claims` is None where there was no signal to check with; each label of the answer has its SCP-ECG code and, where
    the reader says it, how certain it is. Seconds are rounded to 0.1 ms.
    """
    reading, certainties = interpretation.parse(raw), details.certainties or {}
    known = [(label, vocabulary.lookup(label)) for label in reading.answer]
    return {
        "path": path,
        "reader": reader.name,
        "reader_version": version,
        "modality": modality,
        "page_origin": page_origin,
        "steps": [{"number": step.number, "title": step.title, "text": step.text} for step in reading.steps],
        "summary": reading.summary,
        "answer": [
            {"label": label, "scp": row.scp if row is not None else None, "certainty": certainties.get(label)}
            for label, row in known
        ],
        "claims": None if claims is None else claims_json(claims),
        "evidence": evidence_json(details)["evidence"],
        "raw": raw,
        "missing": list(reading.missing),
        "notes": list(details.notes),
        "generation": details_json(details) if reader.generative else None,
        "timing_s": {"read": None if read_s is None else round(read_s, 4), "interpret": round(interpret_s, 4)},
        "warnings": [] if record is None else list(record.warnings),
        "disclaimer": DISCLAIMER,
    }
