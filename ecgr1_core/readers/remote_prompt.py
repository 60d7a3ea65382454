"""What a server is sent of one recording: the question, the page, and where asked for the measurements and the signal.

Nothing that names a person is in it: no name, number, date or file name, and ages above 89 as 90. A page that came as
an image bears what was printed on it; whether such a page may be sent is decided elsewhere.
"""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import Any, Final

from PIL import Image

from ecgr1_core.measure.types import LeadMeasurements, Measurements
from ecgr1_core.modality import ModalityView
from ecgr1_core.protocol import as_shown
from ecgr1_core.protocol.normal_ranges import number_text
from ecgr1_core.readers.ecg_part import encode_part
from ecgr1_core.readers.local_model import CARDIOLOGIST, SIX_STEPS
from ecgr1_core.record import EcgRecord, Patient

OLDEST_AGE_YEARS: Final = 90.0
_GLOBAL: Final = (
    ("heart_rate_bpm", "ventricular rate", "bpm"),
    ("p_duration_ms", "P duration", "ms"),
    ("pr_interval_ms", "PR", "ms"),
    ("qrs_duration_ms", "QRS", "ms"),
    ("qt_interval_ms", "QT", "ms"),
    ("qtc_bazett_ms", "QTc Bazett", "ms"),
    ("qtc_fridericia_ms", "QTc Fridericia", "ms"),
    ("p_axis_deg", "P axis", "°"),
    ("qrs_axis_deg", "QRS axis", "°"),
    ("t_axis_deg", "T axis", "°"),
)
_LEAD: Final = (
    ("p_amplitude_mv", "P"),
    ("q_amplitude_mv", "Q"),
    ("r_amplitude_mv", "R"),
    ("s_amplitude_mv", "S"),
    ("st_j_mv", "J"),
    ("st_j60_mv", "J+60"),
    ("t_amplitude_mv", "T"),
)
_INTRODUCTION: Final = (
    "A program measured this on the same recording (amplitudes in mV against the baseline, – is not measured). "
    "It may err: where the tracing shows otherwise, say so."
)


def messages_of(view: ModalityView, measured: Measurements | None) -> list[dict[str, Any]]:
    """Return the messages that ask for a reading of `view`, its attachments in the order of its modality."""
    question = SIX_STEPS
    if measured is not None:
        patient = view.record.patient if view.record is not None else Patient()
        question += f"\n\n{_INTRODUCTION}\n{measurements_table(measured, patient)}"
    page = [_page_part(view.page)] if view.sees_image and view.page is not None else []
    signal = [encode_part(_unnamed(view.record))] if view.sees_signal and view.record is not None else []
    parts = [{"type": "text", "text": question}, *(page + signal if view.modality == "swapped" else signal + page)]
    return [{"role": "system", "content": CARDIOLOGIST}, {"role": "user", "content": parts}]


def measurements_table(measurements: Measurements, patient: Patient) -> str:
    """Return the measurements as a compact table: one line of global values, then one line a lead."""
    shown, patient = as_shown(measurements), _coarse(patient)
    known = [f"{patient.age_years:.0f} years" if patient.age_years is not None else "", patient.sex or ""]
    lines = [f"patient: {', '.join(word for word in known if word)}"] if any(known) else []
    lines.append("; ".join(f"{label} {_value(getattr(shown, name), unit)}" for name, label, unit in _GLOBAL))
    rhythm = shown.rhythm
    if rhythm.rr_min_ms is not None and rhythm.rr_max_ms is not None:
        lines.append(f"{rhythm.beat_count} beats; RR {rhythm.rr_min_ms:.0f} to {rhythm.rr_max_ms:.0f} ms")
    lines.append(" | ".join(("lead", "QRS", *(label for _, label in _LEAD))))
    lines += [_lead_line(name, lead) for name, lead in shown.leads.items()]
    return "\n".join(lines)


def _lead_line(name: str, lead: LeadMeasurements) -> str:
    values = (getattr(lead, field) for field, _ in _LEAD)
    cells = ("–" if value is None else number_text(value, 2) for value in values)
    return " | ".join((name, lead.morphology or "–", *cells))


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{number_text(value, 0)}{'' if unit == '°' else ' '}{unit}"


def _unnamed(record: EcgRecord) -> EcgRecord:
    return replace(record, name="recording", patient=_coarse(record.patient), warnings=())


def _coarse(patient: Patient) -> Patient:
    """Return the patient with an age above 89 as 90, since higher ages are rare enough to tell who it is."""
    age = patient.age_years
    return replace(patient, age_years=None if age is None else min(age, OLDEST_AGE_YEARS))


def _page_part(page: Image.Image) -> dict[str, Any]:
    """Return the page as a PNG without anything that its file said beside the picture."""
    bare = page.copy() if page.mode in ("L", "RGB") else page.convert("RGB")
    bare.info = {}
    file = io.BytesIO()
    bare.save(file, "PNG", exif=b"")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    return {"type": "image_url", "image_url": {"url": url}}
