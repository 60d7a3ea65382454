"""A recording as one part of a chat message, `input_ecg`: what our remote reader sends and our own endpoint takes.

    {"type": "input_ecg", "input_ecg": {"format": "float32le-base64", "unit": "mV", "sampling_rate_hz": 500.0,
     "leads": ["I", …], "samples": 5000, "data": "…", "age_years": 61.0, "sex": "F"}}

`data` is [lead, sample] float32, little-endian, row by row, in base64; NaN is an unknown sample, a lead that was not
recorded is left out. Age and sex may be missing. There is no place for a name, a number or a date.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecgr1_core.errors import DamagedFileError
from ecgr1_core.formats.assemble import assemble
from ecgr1_core.formats.options import ReadOptions
from ecgr1_core.formats.raw import RawRecording, window
from ecgr1_core.record import LEADS, EcgRecord, Patient

KIND = "input_ecg"
FORMAT = "float32le-base64"
SUBJECT = "input_ecg"
REMEDY = 'send {"format": "float32le-base64", "unit": "mV", "sampling_rate_hz", "leads", "samples", "data"}'


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal["float32le-base64"]
    unit: Literal["mV"]
    sampling_rate_hz: float = Field(gt=0, le=100_000, allow_inf_nan=False)
    leads: list[str] = Field(min_length=1, max_length=len(LEADS))
    samples: int = Field(ge=1)
    data: str
    age_years: float | None = Field(None, ge=0, le=150, allow_inf_nan=False)
    sex: Literal["F", "M"] | None = None


def encode_part(record: EcgRecord) -> dict[str, Any]:
    """Return the recording as a part of a chat message; its name stays here."""
    leads = list(record.available_leads)
    rows = np.stack([record.lead(lead) for lead in leads]).astype("<f4")
    content: dict[str, Any] = {
        "format": FORMAT,
        "unit": "mV",
        "sampling_rate_hz": float(record.sampling_rate_hz),
        "leads": leads,
        "samples": record.samples,
        "data": base64.b64encode(rows.tobytes()).decode("ascii"),
    }
    patient = {"age_years": record.patient.age_years, "sex": record.patient.sex}
    return {"type": KIND, KIND: content | {name: value for name, value in patient.items() if value is not None}}


def decode_part(part: Mapping[str, Any], options: ReadOptions | None = None) -> EcgRecord:
    """Return the recording of a part.

    Raises DamagedFileError for a part that is not of this form or whose data do not fit it, UnsuitableRecordingError
    where length, rate or leads are outside the limits of `options`.
    """
    try:
        content = _Content.model_validate(part.get(KIND))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        fault = f"{place}: {first['msg']}" if place else "it holds no object"
        raise DamagedFileError(SUBJECT, fault, REMEDY) from error
    options = options or ReadOptions()
    unknown = [lead for lead in content.leads if lead not in LEADS]
    if unknown or len(set(content.leads)) != len(content.leads):
        raise DamagedFileError(
            SUBJECT, f"its leads are {', '.join(content.leads)}", f"name each at most once, out of {', '.join(LEADS)}"
        )
    needed = 4 * len(content.leads) * content.samples
    if len(content.data) != 4 * math.ceil(needed / 3):
        raise DamagedFileError(
            SUBJECT,
            f"its data are not {len(content.leads)} leads × {content.samples} samples × 4 bytes in base64",
            "send float32, little-endian, row by row",
        )
    try:
        rows = np.frombuffer(base64.b64decode(content.data, validate=True), dtype="<f4")
        rows = rows.reshape(len(content.leads), content.samples)
    except (binascii.Error, ValueError) as error:
        raise DamagedFileError(SUBJECT, "its data are no base64", "send float32, little-endian, row by row") from error
    first_sample, last_sample = window(SUBJECT, content.sampling_rate_hz, content.samples, options)
    raw = RawRecording(
        subject=SUBJECT,
        name=SUBJECT,
        source_format="ECG attachment",
        sampling_rate_hz=content.sampling_rate_hz,
        channels_mv={
            lead: row[first_sample:last_sample].astype(np.float64)
            for lead, row in zip(content.leads, rows, strict=True)
        },
        patient=Patient(content.age_years, content.sex),
    )
    return assemble(raw, options)
