"""Reads what carts and archives export, with ecgdatakit: XML of several makers, SCP-ECG, EDF, MFER, ISHNE.

ecgdatakit decodes the file; here its leads become millivolts, its faults sentences. What says who the patient is goes
into the `Identity` that `assemble` takes off. XML with entities or a DTD that expands is refused by defusedxml.
"""

from __future__ import annotations

import importlib
import re
import struct
import warnings as python_warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import numpy as np

from ecgr1_core.errors import DamagedFileError, InputError, MissingInformationError, UnsuitableRecordingError
from ecgr1_core.formats import scp_leads
from ecgr1_core.formats.bundle import Bundle, read_bytes
from ecgr1_core.formats.identity import Identity
from ecgr1_core.formats.kinds import decode_text
from ecgr1_core.formats.leads import Float64Array, match_channels
from ecgr1_core.formats.options import ReadOptions
from ecgr1_core.formats.raw import RawRecording, settle_sampling_rate, sex_from_text, window
from ecgr1_core.formats.units import millivolts_per
from ecgr1_core.record import DeviceReading, Patient

if TYPE_CHECKING:
    from ecgdatakit.models import ECGRecord, Lead

MAX_XML_MB = 64  # these files are decoded whole: XML takes some ten times its size
_MAX_BINARY_MB = 256
_FAULTS = (AttributeError, LookupError, ValueError, TypeError, EOFError, NotImplementedError, OSError,
           ArithmeticError, RecursionError, MemoryError, struct.error, zlib.error, ParseError)  # fmt: skip


@dataclass(frozen=True)
class ClinicalFormat:
    """One of ecgdatakit's formats: its name, the module and class that parse it, and how its first bytes look."""

    name: str
    parser: str
    recognises: Callable[[bytes, str], bool]
    max_file_mb: int = MAX_XML_MB

    def read(self, bundle: Bundle, file_name: str, options: ReadOptions) -> RawRecording:
        """Read the recording of a file; other files of the bundle are not looked at."""
        path = bundle.path_of(file_name, self.max_file_mb)
        try:
            parsed = _parsed(path, file_name, self)
        except DamagedFileError:
            if self is SCP:
                _refuse_few_leads(path, file_name, options)
            raise
        return _recording(parsed, file_name, self.name, options)


def _root(*names: str) -> Callable[[bytes, str], bool]:
    """Return what tells XML whose first element is one of these, in any case and with any prefix."""

    def recognises(head: bytes, _: str) -> bool:
        return root_of(head) in names

    return recognises


def root_of(head: bytes) -> str | None:
    """Return the name of the first element of XML, lower case and without prefix, or None where it is none."""
    text = decode_text(head)
    if text is None or not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return None
    rest = text
    while (start := rest.find("<")) >= 0:
        rest = rest[start + 1 :]
        if rest.startswith("!--"):
            _, _, rest = rest.partition("-->")
        elif not rest.startswith(("?", "!")):
            name = rest.split(maxsplit=1)[0] if rest.split() else ""
            return name.split(">")[0].split("/")[0].split(":")[-1].casefold()
    return None


def _signature(offset: int, *signatures: bytes) -> Callable[[bytes, str], bool]:
    def recognises(head: bytes, _: str) -> bool:
        return any(head[offset : offset + len(each)] == each for each in signatures)

    return recognises


def _is_mortara(head: bytes, _: str) -> bool:
    """Whether it is the XML of Mortara's (now Welch Allyn's) ELI carts, whose root is a mere `ECG`."""
    words = head.upper().replace(b"\x00", b"")
    return root_of(head) == "ecg" and any(
        word in words for word in (b"MORTARA", b"WELCH ALLYN", b"ELI LINK", b"<TYPICAL_CYCLE", b"<SUBJECT")
    )


def _is_mfer(head: bytes, _: str) -> bool:
    """Whether the first definition is MFER's preamble (ISO 22077-1, MWF_PRE), which files may lack by the standard."""
    return head[:1] == b"\x40" and head[2:6] == b"MFR "


SCP = ClinicalFormat("SCP-ECG", "scp_ecg.SCPECGParser", scp_leads.recognises, _MAX_BINARY_MB)
CLINICAL_FORMATS: tuple[ClinicalFormat, ...] = (
    ClinicalFormat("GE MUSE XML", "ge_muse_xml.GEMuseXMLParser", _root("restingecg")),
    ClinicalFormat("Philips XML", "sierra_xml.SierraXMLParser", _root("restingecgdata")),
    ClinicalFormat("HL7 aECG", "hl7_aecg.HL7aECGParser", _root("annotatedecg")),
    ClinicalFormat("Mortara XML", "mortara_el250.MortaraEL250Parser", _is_mortara),
    SCP,
    ClinicalFormat("EDF", "edf.EDFParser", _signature(0, b"0       "), _MAX_BINARY_MB),
    ClinicalFormat("MFER", "mfer.MFERParser", _is_mfer, _MAX_BINARY_MB),
    ClinicalFormat("ISHNE", "ishne_holter.ISHNEHolterParser", _signature(0, b"ISHNE1.0"), _MAX_BINARY_MB),
)


def _refuse_few_leads(path: Path, file_name: str, options: ReadOptions) -> None:
    """Raise `UnsuitableRecordingError` where an SCP-ECG file that cannot be decoded says that it has too few leads."""
    leads = scp_leads.leads_of(read_bytes(path))
    if leads is not None and len(leads) < options.min_leads:
        count = f"{len(leads)} leads" if len(leads) > 1 else "one lead"
        raise UnsuitableRecordingError(
            file_name, f"it is SCP-ECG of {count} ({', '.join(leads)})", "give a recording with all twelve leads"
        )


def _parsed(path: Path, file_name: str, known: ClinicalFormat) -> ECGRecord:
    from ecgdatakit.exceptions import ECGDataKitError

    module, name = known.parser.split(".")
    parser = getattr(importlib.import_module(f"ecgdatakit.parsing.parsers.{module}"), name)
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")  # it warns of what it leaves out, with the patient's data
            record: ECGRecord = parser().parse(path)
    except (ECGDataKitError, *_FAULTS) as error:
        raise DamagedFileError(
            file_name, f"its {known.name} content cannot be read", "export the recording again"
        ) from error
    if not any(lead.samples.size for lead in record.leads):
        raise DamagedFileError(file_name, f"it is {known.name} without a recording in it", "export it with its samples")
    return record


def _recording(record: ECGRecord, file_name: str, format_name: str, options: ReadOptions) -> RawRecording:
    every = [lead for lead in record.leads if lead.samples.size]
    leads, others = match_channels([lead.label for lead in every], file_name)
    chosen = [every[index] for index in leads.values()] or every[:1]
    rates, lengths = {lead.sampling_rate for lead in chosen}, {lead.samples.size for lead in chosen}
    if len(rates) > 1 or len(lengths) > 1:
        raise UnsuitableRecordingError(
            file_name, "its leads differ in sampling rate or length", "export all leads at one rate"
        )
    stated = _exact_rate(record, rates.pop())
    rate_hz, warnings = settle_sampling_rate(file_name, stated if stated > 0 else None, options)
    if record.raw_metadata.get("checksum_valid") is False:
        warnings = (*warnings, "a checksum in the file is wrong: it was altered or damaged")
    first, last = window(file_name, rate_hz, lengths.pop(), options)
    channels: dict[str, Float64Array] = {}
    sizes: dict[str, float] = {}
    for lead in chosen if leads else ():
        size_mv, level_mv = _calibration(lead, file_name, options)
        with np.errstate(all="ignore"):  # what is no number then is an unknown sample
            channels[lead.label] = np.asarray(lead.samples[first:last] * size_mv + level_mv, dtype=np.float64)
        if lead.is_raw:
            sizes[lead.label] = size_mv
    return RawRecording(
        subject=file_name,
        name=PurePosixPath(file_name).stem,
        source_format=format_name,
        sampling_rate_hz=rate_hz,
        channels_mv=channels,
        left_out=others,
        patient=_patient(record),
        warnings=warnings,
        device=_device(record),
        identity=_identity(record),
        millivolts_per_count=sizes,
    )


def _exact_rate(record: ECGRecord, rounded_hz: float) -> float:
    """Return the sampling rate in Hz; ecgdatakit rounds that of an EDF to whole Hz and keeps the exact one aside."""
    exact = record.raw_metadata.get("exact_sampling_rates") or {}
    rates = {float(rate) for rate in exact.values() if round(float(rate)) == rounded_hz}
    return rates.pop() if len(rates) == 1 else float(rounded_hz)


def _calibration(lead: Lead, file_name: str, options: ReadOptions) -> tuple[float, float]:
    """Return what one of a lead's numbers is in mV, and what to add; counts are never taken for millivolts."""
    if options.counts_per_mv is not None and lead.is_raw:
        return 1 / options.counts_per_mv, 0.0
    unit = (lead.resolution_unit if lead.is_raw else lead.units) or options.unit
    if unit is None:
        raise MissingInformationError(
            file_name,
            f"the file does not say what a count of lead {lead.label} means",
            "give the unit of the samples (--unit on the command line)",
            field="unit",
        )
    per_unit = millivolts_per(unit)
    if per_unit is None or (lead.is_raw and lead.resolution == 0):
        raise InputError(
            file_name, f"lead {lead.label} is in {unit!r} × {lead.resolution:g}, which is no voltage", "export it in uV"
        )
    return (lead.resolution * per_unit, lead.offset * per_unit) if lead.is_raw else (per_unit, 0.0)


def _identity(record: ECGRecord) -> Identity:
    patient, recording = record.patient, record.recording
    born = patient.birth_date
    return Identity(
        patient_id=patient.patient_id or "",
        names=(patient.last_name or "", patient.first_name or ""),
        birth_date=born and born.date(),
        recorded_at=recording.date,
        staff=(recording.technician or "", recording.referring_physician or ""),
    )


def _patient(record: ECGRecord) -> Patient:
    """Return age, as stated or from birth to recording, and sex."""
    age: float | None = record.patient.age
    born, done = record.patient.birth_date, record.recording.date
    if age is None and born is not None and done is not None:
        age = done.year - born.year - ((done.month, done.day) < (born.month, born.day))
    if age is not None and not 0 <= age <= 130:
        age = None
    return Patient(age_years=None if age is None else float(age), sex=sex_from_text(record.patient.sex))


def _device(record: ECGRecord) -> DeviceReading | None:
    """Return what the device measured and said, None where it did neither."""
    measured, said = record.measurements, record.interpretation

    def number(value: Any) -> float | None:
        return None if value is None else float(value)

    def between(first: str, last: str) -> float | None:
        """Return the time between two of the boundaries that SCP-ECG has in place of intervals (EN 1064, section 7)."""
        begin, end = (record.annotations.get(f"median_{boundary}_ms") for boundary in (first, last))
        if record.source_format != "scp_ecg" or begin is None or end is None:
            return None
        return float(end) - float(begin)

    reading = DeviceReading(
        heart_rate_bpm=number(measured.heart_rate),
        pr_interval_ms=number(measured.pr_interval) or between("p_onset", "qrs_onset"),
        qrs_duration_ms=number(measured.qrs_duration) or between("qrs_onset", "qrs_offset"),
        qt_interval_ms=number(measured.qt_interval) or between("qrs_onset", "t_offset"),
        qtc_ms=_qtc_ms(record),
        p_axis_deg=number(measured.p_axis),
        qrs_axis_deg=number(measured.qrs_axis),
        t_axis_deg=number(measured.t_axis),
        statements=_statements(said.statements),
        confirmed=said.source in ("overread", "confirmed"),
    )
    return None if reading == DeviceReading() else reading


def _qtc_ms(record: ECGRecord) -> float | None:
    """Return the QTc that the device gives, whatever its formula, before those of a named one."""
    texts = (record.annotations.get(key, "") for key in ("QTCorrected", "qtc"))
    found = next((match for text in texts if (match := re.match(r"\s*(\d{2,4})\b", text))), None)
    stated = record.raw_metadata.get("qtc")  # of Mortara
    known = (stated, record.measurements.qtc_bazett, record.measurements.qtc_fridericia)
    return float(found[1]) if found is not None else next((float(each) for each in known if each is not None), None)


def _statements(pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    texts = (" – ".join(part.strip() for part in pair if part and part.strip()) for pair in pairs)
    return tuple(" ".join(text.split()) for text in texts if text)
