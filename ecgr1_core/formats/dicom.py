"""Reads DICOM ECG waveforms (12-Lead, General and Ambulatory ECG Storage) with pydicom.

Source: DICOM PS3.3 C.10.9 (Waveform Module) and PS3.16 CID 3001 (ECG leads). It reads the multiplex group with the most
of the twelve leads, the first of equals; medians are left alone. Who the patient is goes into the
`Identity` that `assemble` takes off.
"""

from __future__ import annotations

import itertools
import struct
import warnings as python_warnings
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ecgr1_core.errors import DamagedFileError, InputError, MissingInformationError, UnknownFormatError
from ecgr1_core.formats.bundle import Bundle
from ecgr1_core.formats.dicom_annotations import device_reading
from ecgr1_core.formats.identity import Identity
from ecgr1_core.formats.leads import LEAD_NUMBERS, Float64Array, match_channels
from ecgr1_core.formats.options import ReadOptions
from ecgr1_core.formats.raw import RawRecording, settle_sampling_rate, sex_from_text, window
from ecgr1_core.formats.units import millivolts_per
from ecgr1_core.record import Patient

_DEFLATED = "1.2.840.10008.1.2.1.99"
_READ = ("", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")  # little endian twice, and big endian
_AGE_UNITS_PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 52.1775, "D": 365.2425}
# The number after the last "-" (SCPECG 5.6.3-9-n) or ":" (MDC 2:n) is the same lead code in both schemes.
_LEAD_CODES = {str(number): lead for number, lead in LEAD_NUMBERS.items()} | {"65": "-aVR"}
_FAULTS = (AttributeError, KeyError, ValueError, TypeError, IndexError, EOFError, NotImplementedError, OSError,
           ArithmeticError, RecursionError, struct.error)  # fmt: skip


def recognises(head: bytes, name: str) -> bool:
    """Whether the first bytes are a DICOM preamble (PS3.10 7.1)."""
    return head[128:132] == b"DICM"


def read(bundle: Bundle, file_name: str, options: ReadOptions) -> RawRecording:
    """Read the ECG of a DICOM file.

    Raises `UnknownFormatError` where it holds no waveform, `DamagedFileError` where the waveform is truncated or its
    description contradicts itself.
    """
    from pydicom.errors import BytesLengthException, InvalidDicomError

    path = bundle.path_of(file_name)
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")  # pydicom warns, with the bytes, of values it can nevertheless read
            return _read(path, file_name, options)
    except (
        InvalidDicomError,
        BytesLengthException,
        *_FAULTS,
    ) as error:  # what pydicom raises for elements that are absent or cannot be read
        raise DamagedFileError(file_name, "the DICOM waveform cannot be read", "export the recording again") from error


def _read(path: Path, file_name: str, options: ReadOptions) -> RawRecording:
    import pydicom

    meta = pydicom.filereader.read_file_meta_info(path)
    syntax = str(getattr(meta, "TransferSyntaxUID", ""))
    if syntax not in _READ:
        how = "the DICOM file is deflated" if syntax == _DEFLATED else f"its transfer syntax {syntax} is no plain one"
        raise InputError(file_name, how, "save it uncompressed (Explicit VR Little Endian)")
    dataset = pydicom.dcmread(path)
    groups = list(dataset.get("WaveformSequence") or [])
    if not groups:
        kind = pydicom.uid.UID(str(dataset.get("SOPClassUID") or ""))
        what = f"{kind.name}, " if kind.name != kind else ""
        raise UnknownFormatError(
            file_name, f"it is a DICOM file ({what}no waveform in it)", "give a DICOM ECG waveform file"
        )
    return _recording(dataset, groups, file_name, options)


def _recording(dataset: Any, groups: list[Any], file_name: str, options: ReadOptions) -> RawRecording:
    names_by_group = [[_channel_name(channel) for channel in group.ChannelDefinitionSequence] for group in groups]
    found = [len(match_channels(names, file_name)[0]) for names in names_by_group]
    index = found.index(max(found))
    group, names = groups[index], names_by_group[index]
    leads, others = match_channels(names, file_name)
    stated_hz = float(group.SamplingFrequency) if group.get("SamplingFrequency") else None
    sampling_rate_hz, warnings = settle_sampling_rate(file_name, stated_hz, options)
    first, last = window(file_name, sampling_rate_hz, int(group.NumberOfWaveformSamples), options)
    counts = _counts(dataset, index, group, len(names), file_name)[first:last]
    padding = _padding_value(group)
    channels: dict[str, Float64Array] = {}
    sizes: dict[str, float] = {}
    for column in leads.values():
        name, channel = names[column], group.ChannelDefinitionSequence[column]
        sizes[name], level_mv = _calibration(channel, name, file_name, options)
        millivolts = counts[:, column].astype(np.float64) * sizes[name] + level_mv
        channels[name] = np.where(counts[:, column] == padding, np.nan, millivolts)
    return RawRecording(
        subject=file_name,
        name=PurePosixPath(file_name).stem,
        source_format="DICOM",
        sampling_rate_hz=sampling_rate_hz,
        channels_mv=channels,
        left_out=others,
        patient=_patient(dataset),
        warnings=warnings,
        device=device_reading(dataset),
        identity=_identity(dataset),
        millivolts_per_count=sizes,
    )


def _channel_name(channel: Any) -> str:
    """Return the lead of a channel: by its source code, else the meaning of the code, else its label."""
    sources = channel.get("ChannelSourceSequence") or []
    if sources:
        source = sources[0]
        code = str(source.get("CodeValue", ""))
        scheme = str(source.get("CodingSchemeDesignator", "")).upper()
        number = code.replace(":", "-").rsplit("-", 1)[-1]
        is_lead_code = (scheme == "MDC" and code.startswith("2:")) or code.startswith("5.6.3-9-")
        if is_lead_code and number in _LEAD_CODES:
            return _LEAD_CODES[number]
        if meaning := str(source.get("CodeMeaning", "")):
            return meaning
        if code:
            return code
    return str(channel.get("ChannelLabel", ""))


def _counts(dataset: Any, index: int, group: Any, channels: int, file_name: str) -> Any:
    """Return the stored samples of a group, [samples, channels]; `DamagedFileError` where some are missing."""
    if channels != int(group.NumberOfWaveformChannels):
        raise DamagedFileError(
            file_name,
            f"it announces {group.NumberOfWaveformChannels} channels and describes {channels}",
            "export the recording again",
        )
    per_sample = channels * int(group.WaveformBitsAllocated) // 8
    expected, held = int(group.NumberOfWaveformSamples), len(group.WaveformData) // per_sample
    if held < expected:
        raise DamagedFileError(
            file_name,
            f"the waveform is truncated: {expected} samples per lead expected, {held} found",
            "copy or export it again",
        )
    from pydicom.waveforms import multiplex_array

    return multiplex_array(dataset, index, as_raw=True)


def _padding_value(group: Any) -> int | None:
    """Return the count that stands for no sample (5400,100A), decoded like the samples; None where there is none."""
    raw = group.get("WaveformPaddingValue")
    if raw is None:
        return None
    if not isinstance(raw, bytes):
        return int(raw)
    signed = str(group.get("WaveformSampleInterpretation", "SS")).startswith("S")
    size = int(group.WaveformBitsAllocated) // 8
    return int.from_bytes(raw[:size], "little", signed=signed)


def _calibration(channel: Any, name: str, file_name: str, options: ReadOptions) -> tuple[float, float]:
    """Return sensitivity x correction and the baseline of a channel, both in mV (PS3.3 C.10.9.1.4)."""
    if options.counts_per_mv is not None:
        return 1 / options.counts_per_mv, 0.0
    if channel.get("ChannelSensitivity") is None:
        if options.unit is None:
            raise MissingInformationError(
                file_name,
                f"the file does not say what a count of lead {name} means",
                "give the unit of the samples (--unit on the command line)",
                field="unit",
            )
        unit, sensitivity, correction = str(options.unit), 1.0, 1.0
    else:
        codes = channel.get("ChannelSensitivityUnitsSequence") or []
        unit = str(codes[0].get("CodeValue", "")) if codes else str(options.unit or "")
        sensitivity = float(channel.ChannelSensitivity)
        correction = float(channel.get("ChannelSensitivityCorrectionFactor") or 1.0)
    per_unit = millivolts_per(unit)
    if per_unit is None:
        raise InputError(file_name, f"lead {name} is in {unit!r}, which is no unit of voltage", "export it in uV or mV")
    return sensitivity * correction * per_unit, float(channel.get("ChannelBaseline") or 0.0) * per_unit


def _identity(dataset: Any) -> Identity:
    """Return who the patient is and when the recording was made; what another program has taken off is empty."""
    removed = str(dataset.get("PatientIdentityRemoved") or "").upper() == "YES"
    born = _moment(str(dataset.get("PatientBirthDate") or ""))
    days = (str(dataset.get(name) or "") for name in ("AcquisitionDateTime", "ContentDate", "StudyDate"))
    staff = ("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "NameOfPhysiciansReadingStudy")
    return Identity(
        patient_id=str(dataset.get("PatientID") or ""),
        names=() if removed else tuple(str(dataset.get("PatientName") or "").split("^")),
        birth_date=born and born.date(),
        recorded_at=next((moment for each in days if (moment := _moment(each)) is not None), None),
        staff=tuple(str(dataset.get(name) or "") for name in staff),
    )


def _moment(text: str) -> datetime | None:
    """Return the moment of a DA or DT (PS3.5 6.2), to the second and without its zone."""
    digits = "".join(itertools.takewhile(str.isdigit, text.strip()))
    for length, form in ((14, "%Y%m%d%H%M%S"), (12, "%Y%m%d%H%M"), (8, "%Y%m%d")):
        if len(digits) >= length:
            try:
                return datetime.strptime(digits[:length], form)
            except ValueError:
                return None
    return None


def _patient(dataset: Any) -> Patient:
    """Return age from Patient's Age (PS3.5 AS, "042Y"), else from birth and study date, and sex."""
    text = str(dataset.get("PatientAge") or "")
    age: float | None = None
    if len(text) == 4 and text[:3].isdigit() and text[3] in _AGE_UNITS_PER_YEAR:
        age = int(text[:3]) / _AGE_UNITS_PER_YEAR[text[3]]
    else:
        born, done = str(dataset.get("PatientBirthDate") or ""), str(dataset.get("StudyDate") or "")
        if len(born) == 8 and len(done) == 8 and (born + done).isdigit():
            age = float(int(done[:4]) - int(born[:4]) - (done[4:] < born[4:]))
    if age is not None and not 0 <= age <= 130:
        age = None
    return Patient(age_years=age, sex=sex_from_text(str(dataset.get("PatientSex") or "")))
