"""Reads GE CardioSoft XML (root `CardiologyXML`): the strip of ten seconds, what the device measured and concluded.

Source: files of CardioSoft 6.73. Samples stand in `StripData/WaveformData`, whole counts separated by commas, of which
`Resolution` says the size; medians and full disclosure are left alone.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

import numpy as np

from ecgr1_core.errors import DamagedFileError, InputError, MissingInformationError
from ecgr1_core.formats.bundle import Bundle
from ecgr1_core.formats.clinical import MAX_XML_MB, root_of
from ecgr1_core.formats.identity import Identity
from ecgr1_core.formats.leads import Float64Array, match_channels
from ecgr1_core.formats.options import ReadOptions
from ecgr1_core.formats.raw import RawRecording, age_from_text, settle_sampling_rate, sex_from_text, window
from ecgr1_core.formats.units import millivolts_per
from ecgr1_core.record import DeviceReading, Patient

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_PER_COUNT = "perlsb"  # at the end of the unit of a resolution: "uVperLsb"
_IN_YEARS = ("years", "year", "")


def recognises(head: bytes, name: str) -> bool:
    """Whether the first element is that of CardioSoft."""
    return root_of(head) == "cardiologyxml"


def read(bundle: Bundle, file_name: str, options: ReadOptions) -> RawRecording:
    """Read the strip of a CardioSoft file.

    Raises `DamagedFileError` where it is no XML, has no strip, or a lead that is not numbers or too short.
    """
    path = bundle.path_of(file_name, MAX_XML_MB)
    from defusedxml import DefusedXmlException
    from defusedxml import ElementTree as SafeElementTree

    try:
        root: Element = SafeElementTree.fromstring(path.read_bytes())
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise DamagedFileError(file_name, "its XML cannot be read", "export the recording again") from error
    strip = root.find("StripData")
    if strip is None:
        raise DamagedFileError(file_name, "it is CardioSoft XML without a strip", "export it with its samples")
    return _recording(root, strip, file_name, options)


def _recording(root: Element, strip: Element, file_name: str, options: ReadOptions) -> RawRecording:
    waves = strip.findall("WaveformData")
    names = [wave.get("lead", "") for wave in waves]
    leads, others = match_channels(names, file_name)
    rate_hz, warnings = settle_sampling_rate(file_name, _number(strip.find("SampleRate")), options)
    counts = {names[index]: _counts(waves[index], names[index], file_name) for index in leads.values()}
    lengths = {samples.size for samples in counts.values()}
    stated = _number(strip.find("ChannelSampleCountTotal"))
    if len(lengths) > 1 or (stated is not None and lengths and lengths != {int(stated)}):
        found = " and ".join(map(str, sorted(lengths)))
        raise DamagedFileError(
            file_name,
            f"its leads have {found} samples" + (f" instead of {stated:.0f}" if stated is not None else ""),
            "export the recording again",
        )
    first, last = window(file_name, rate_hz, lengths.pop() if lengths else 0, options)
    per_count = _millivolts_per_count(strip, file_name, options)
    return RawRecording(
        subject=file_name,
        name=PurePosixPath(file_name).stem,
        source_format="GE CardioSoft XML",
        sampling_rate_hz=rate_hz,
        channels_mv={name: samples[first:last] * per_count for name, samples in counts.items()},
        left_out=others,
        patient=_patient(root),
        warnings=warnings,
        device=_device(root),
        identity=_identity(root),
    )


def _counts(wave: Element, name: str, file_name: str) -> Float64Array:
    try:
        return np.array([float(each) for each in (wave.text or "").replace("\n", " ").split(",") if each.strip()])
    except ValueError as error:
        raise DamagedFileError(
            file_name, f"lead {name} holds what is no number", "export the recording again"
        ) from error


def _millivolts_per_count(strip: Element, file_name: str, options: ReadOptions) -> float:
    if options.counts_per_mv is not None:
        return 1 / options.counts_per_mv
    stated = strip.find("Resolution")
    size = _number(stated)
    if stated is None or size is None:
        per_count = None if options.unit is None else millivolts_per(options.unit)
        if per_count is not None:
            return per_count
        raise MissingInformationError(
            file_name,
            "the file does not say what a count means",
            "give the unit of the samples (--unit on the command line)",
            field="unit",
        )
    unit = stated.get("units", "")
    per_unit = millivolts_per(unit.casefold().removesuffix(_PER_COUNT))
    if per_unit is None or size <= 0:
        raise InputError(file_name, f"a count is {size:g} {unit}, which is no voltage", "export the recording again")
    return size * per_unit


def _patient(root: Element) -> Patient:
    age = root.find("PatientInfo/Age")
    in_years = age is not None and age.get("units", "").casefold() in _IN_YEARS
    return Patient(
        age_years=age_from_text(_text(age)) if in_years else None,
        sex=sex_from_text(_text(root.find("PatientInfo/Gender"))),
    )


def _identity(root: Element) -> Identity:
    born = _moment(root.find("PatientInfo/BirthDateTime"))
    people = root.findall("PatientInfo/Name/FamilyName") + root.findall("PatientInfo/Name/GivenName")
    staff = [each for each in (*root.iter("FamilyName"), *root.iter("GivenName")) if each not in people]
    return Identity(
        patient_id=_text(root.find("PatientInfo/PID")),
        names=tuple(_text(each) for each in people),
        birth_date=born and born.date(),
        recorded_at=_moment(root.find("ObservationDateTime")),
        staff=tuple(_text(each) for each in staff),
    )


def _moment(element: Element | None) -> datetime | None:
    """Return the moment of an element with a day and, where it has one, a time of day."""
    if element is None:
        return None
    numbers = [_number(element.find(name)) for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")]
    try:
        return datetime(*(int(each or 0) for each in numbers))  # type: ignore[arg-type]  # six whole numbers
    except (ValueError, OverflowError):
        return None


def _device(root: Element) -> DeviceReading | None:
    measured = root.find("RestingECGMeasurements")

    def number(name: str) -> float | None:
        return None if measured is None else _number(measured.find(name))

    said = root.findall("Interpretation/Conclusion/ConclusionText") or root.findall(
        "Interpretation/Diagnosis/DiagnosisText"
    )
    reading = DeviceReading(
        heart_rate_bpm=number("VentricularRate"),
        pr_interval_ms=number("PQInterval"),
        qrs_duration_ms=number("QRSDuration"),
        qt_interval_ms=number("QTInterval"),
        qtc_ms=number("QTCInterval"),
        p_axis_deg=number("PAxis"),
        qrs_axis_deg=number("RAxis"),
        t_axis_deg=number("TAxis"),
        statements=tuple(text for each in said if (text := " ".join(_text(each).split())).strip("- ")),
    )
    return None if reading == DeviceReading() else reading


def _text(element: Element | None) -> str:
    return "" if element is None or element.text is None else element.text.strip()


def _number(element: Element | None) -> float | None:
    try:
        value = float(_text(element))
    except ValueError:
        return None
    return value if np.isfinite(value) else None
