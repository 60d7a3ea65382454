"""Writes a DICOM ECG waveform: 12-Lead ECG Storage where its limits allow, General ECG Storage otherwise.

Source: DICOM PS3.3 A.34.3 and A.34.4 (the objects), C.10.9 (the waveform), PS3.16 CID 3001 (leads, in the MDC scheme).
Nobody is named: Patient's Name and ID are the record's pseudonym or say that the patient is anonymous, dates are the
record's shifted ones or empty, and Patient Identity Removed is YES (PS3.15 Annex E, with modified dates). The
acquisition date, which must not be empty, is 1900-01-01 where there is none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ecgr1_core.formats.identity import grouped_age
from ecgr1_core.formats.leads import LEAD_NUMBERS
from ecgr1_core.formats.writing.quanta import UNKNOWN, Counts, counts_of
from ecgr1_core.record import EcgRecord

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_TWELVE_LEAD = "1.2.840.10008.5.1.4.1.1.9.1.1"
_GENERAL = "1.2.840.10008.5.1.4.1.1.9.1.2"
_MOST_SAMPLES = 16384  # of 12-Lead ECG Storage, A.34.3.4.4
_RATES_HZ = (200.0, 1000.0)  # likewise, A.34.3.4.5
_CODES = {lead: f"2:{number}" for number, lead in LEAD_NUMBERS.items()}  # in the MDC scheme
_AUGMENTED = {"aVR": "right", "aVL": "left", "aVF": "foot"}
_NO_DATE_TIME = "19000101000000"
_DEIDENTIFICATION = (  # PS3.16 CID 7050
    ("113100", "Basic Application Confidentiality Profile"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    ("113108", "Retain Patient Characteristics Option"),
)


def write(record: EcgRecord, folder: Path, name: str) -> tuple[Path, ...]:
    """Write `name.dcm` (Explicit VR Little Endian), in counts of a microvolt or of 2, 4, 8 … where they need it."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    twelve = record.samples <= _MOST_SAMPLES and _RATES_HZ[0] <= record.sampling_rate_hz <= _RATES_HZ[1]
    dataset = Dataset()
    dataset.SOPClassUID = _TWELVE_LEAD if twelve else _GENERAL
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    _patient(dataset, record)
    for empty in ("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber", "Laterality"):
        setattr(dataset, empty, "")
    moment = _NO_DATE_TIME
    if record.patient.recorded_at is not None:
        moment = record.patient.recorded_at.strftime("%Y%m%d%H%M%S")
        dataset.StudyDate, dataset.StudyTime = moment[:8], moment[8:]
        dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "ECG", 1, 1
    dataset.Manufacturer = ""
    dataset.ContentDate, dataset.ContentTime = moment[:8], moment[8:]
    dataset.AcquisitionDateTime = moment
    dataset.AcquisitionContextSequence = []
    dataset.WaveformSequence = [_waveform(record, counts_of(record))]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    path = folder / f"{name}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return (path,)


def _patient(dataset: Dataset, record: EcgRecord) -> None:
    name = record.patient.pseudonym or "ANONYMOUS"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = name, name, ""
    dataset.PatientSex = record.patient.sex or ""
    age_years = grouped_age(record.patient.age_years)
    if age_years is not None:
        dataset.PatientAge = f"{int(age_years):03d}Y"
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "ECG-R1 Review: samples, leads, age, sex, pseudonym, shifted date"
    dataset.DeidentificationMethodCodeSequence = [_coded(code, meaning, "DCM") for code, meaning in _DEIDENTIFICATION]


def _waveform(record: EcgRecord, found: Counts) -> Dataset:
    from pydicom.dataset import Dataset

    group = Dataset()
    group.MultiplexGroupTimeOffset = 0
    group.WaveformOriginality = "DERIVED" if record.derived_leads else "ORIGINAL"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = found.counts.shape
    group.SamplingFrequency = f"{record.sampling_rate_hz:.10g}"
    group.MultiplexGroupLabel = "RHYTHM"
    group.ChannelDefinitionSequence = [_channel(lead, found.quantum_uv) for lead in found.leads]
    group.WaveformBitsAllocated = 16
    group.WaveformSampleInterpretation = "SS"
    group.add_new(0x5400100A, "OW", UNKNOWN.to_bytes(2, "little", signed=True))  # Waveform Padding Value
    group.add_new(0x54001010, "OW", found.counts.T.astype("<i2").tobytes())  # Waveform Data
    return group


def _channel(lead: str, quantum_uv: float) -> Dataset:
    from pydicom.dataset import Dataset

    channel = Dataset()
    side = _AUGMENTED.get(lead)
    meaning = f"Lead {lead}" if side is None else f"{lead}, augmented voltage, {side}"
    channel.ChannelLabel = lead
    channel.ChannelSourceSequence = [_coded(_CODES[lead], meaning, "MDC")]
    channel.ChannelSensitivity = quantum_uv
    channel.ChannelSensitivityUnitsSequence = [_coded("uV", "microvolt", "UCUM")]
    channel.ChannelSensitivityCorrectionFactor = 1
    channel.ChannelBaseline = 0
    channel.ChannelSampleSkew = 0
    channel.WaveformBitsStored = 16
    return channel


def _coded(code: str, meaning: str, scheme: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, scheme, meaning
    return item
