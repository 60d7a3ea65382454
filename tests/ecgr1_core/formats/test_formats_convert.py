"""What is written is what was read, to the quantum of the target; nobody is named in it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from app import main
from ecgr1_core.errors import DamagedFileError, InputError, MissingInformationError
from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.formats.writing import WRITERS
from ecgr1_core.record import LEADS, EcgRecord, Patient

EXACT = {"wfdb": 0.0005, "dicom": 0.0005, "csv": 0.0, "parquet": 0.0}  # mV: half a quantum


@pytest.fixture
def record(counts: np.ndarray) -> EcgRecord:
    """Twelve leads finer than a microvolt, with samples that are not known, of an old woman."""
    signal = (counts + np.random.default_rng(1).uniform(-0.5, 0.5, counts.shape)) / 1000
    signal[7, 100:130] = np.nan
    return EcgRecord(signal.astype(np.float32), 500.0, "Doe, Jane (24.7.1943)", patient=Patient(93.0, "F"))


def only(folder: Path) -> Path:
    return next(path for path in sorted(folder.iterdir()) if path.suffix != ".dat")


@pytest.mark.parametrize("target", WRITERS)
def test_what_is_written_is_read_again(target: str, record: EcgRecord, tmp_path: Path) -> None:
    files = WRITERS[target](record, tmp_path, "out")
    assert set(files) == set(tmp_path.iterdir())
    again = read(only(tmp_path))
    assert (again.sampling_rate_hz, again.available_leads) == (500.0, record.available_leads)
    np.testing.assert_array_equal(np.isnan(again.signal_mv), np.isnan(record.signal_mv))
    np.testing.assert_allclose(again.signal_mv, record.signal_mv, atol=EXACT[target] + 1e-7, rtol=0)
    assert again.patient == Patient(90.0, "F")


@pytest.mark.parametrize("target", WRITERS)
def test_odd_recordings_are_written_too(target: str, record: EcgRecord, tmp_path: Path) -> None:
    """An odd rate, leads that lack, an amplitude beyond sixteen bits of a microvolt, nothing known of the patient."""
    signal = record.signal_mv.copy()
    signal[[1, 4]] = np.nan
    signal[0, 50] = 100.0
    odd = EcgRecord(signal, 1000 / 3, missing_leads=("II", "aVL"))
    WRITERS[target](odd, tmp_path, "odd")
    again = read(only(tmp_path))
    assert again.sampling_rate_hz == pytest.approx(1000 / 3, rel=1e-6)
    assert again.patient == Patient()
    known = [0, 2, 3, *range(5, 12)]
    np.testing.assert_allclose(again.signal_mv[known], signal[known], atol=4 * EXACT[target] + 1e-6, rtol=0)


def test_pydicom_opens_what_is_written_and_finds_nobody(record: EcgRecord, tmp_path: Path) -> None:
    import pydicom
    from pydicom.waveforms import multiplex_array

    (path,) = WRITERS["dicom"](record, tmp_path, "out")
    dataset = pydicom.dcmread(path)
    assert dataset.SOPClassUID.name == "12-lead ECG Waveform Storage"
    millivolts = multiplex_array(dataset, 0, as_raw=False) / 1000
    known = ~np.isnan(record.signal_mv.T)
    np.testing.assert_allclose(millivolts[known], record.signal_mv.T[known], atol=0.00051)
    assert dataset.PatientIdentityRemoved == "YES"
    assert written_of(dataset) == NOT_IDENTIFYING | set(PROTECTED)
    for name, value in PROTECTED.items():
        assert value is FRESH or str(dataset.get(name)) == value, name
    (other,) = WRITERS["dicom"](record, tmp_path, "other")
    again = pydicom.dcmread(other)
    assert all(dataset.get(name) != again.get(name) for name, value in PROTECTED.items() if value is FRESH)


def written_of(dataset: Dataset) -> set[str]:
    """Return the keywords of all elements of a data set, of those in its sequences too."""
    inner = (item for element in dataset if element.VR == "SQ" for item in element.value)
    return {element.keyword for element in dataset}.union(*map(written_of, inner))


FRESH = "another one for every file"
PROTECTED = {  # of all that is written, what PS3.15 table E.1-1 (2024b) lists, and what stands there
    "SOPInstanceUID": FRESH, "StudyInstanceUID": FRESH, "SeriesInstanceUID": FRESH,
    "PatientName": "ANONYMOUS", "PatientID": "ANONYMOUS", "PatientBirthDate": "",
    "PatientSex": "F", "PatientAge": "090Y",  # Retain Patient Characteristics Option
    "StudyDate": "", "StudyTime": "", "StudyID": "", "AccessionNumber": "", "ReferringPhysicianName": "",
    "ContentDate": "19000101", "ContentTime": "000000", "AcquisitionDateTime": "19000101000000",
    "AcquisitionContextSequence": "[]",
}  # fmt: skip
NOT_IDENTIFYING = {  # the rest of what is written, none of it in that table
    "SOPClassUID", "Modality", "Manufacturer", "SeriesNumber", "InstanceNumber", "Laterality", "PatientIdentityRemoved",
    "DeidentificationMethod", "DeidentificationMethodCodeSequence", "CodeValue", "CodingSchemeDesignator",
    "CodeMeaning", "WaveformSequence", "MultiplexGroupTimeOffset", "WaveformOriginality", "NumberOfWaveformChannels",
    "NumberOfWaveformSamples", "SamplingFrequency", "MultiplexGroupLabel", "ChannelDefinitionSequence", "ChannelLabel",
    "ChannelSourceSequence", "ChannelSensitivity", "ChannelSensitivityUnitsSequence", "ChannelBaseline",
    "ChannelSensitivityCorrectionFactor", "ChannelSampleSkew", "WaveformBitsStored", "WaveformBitsAllocated",
    "WaveformSampleInterpretation", "WaveformPaddingValue", "WaveformData",
}  # fmt: skip


def test_a_pseudonym_and_a_shifted_date_are_written_where_there_are_some(record: EcgRecord, tmp_path: Path) -> None:
    import pydicom

    known = replace(record, patient=replace(record.patient, pseudonym="P-1", recorded_at=datetime(2001, 2, 3, 4, 5)))
    (path,) = WRITERS["dicom"](known, tmp_path, "out")
    dataset = pydicom.dcmread(path)
    assert (dataset.PatientID, dataset.PatientName) == ("P-1", "P-1")
    assert (dataset.StudyDate, dataset.StudyTime) == ("20010203", "040500")
    assert dataset.AcquisitionDateTime == "20010203040500"
    assert dataset.LongitudinalTemporalInformationModified == "MODIFIED"


@pytest.mark.parametrize(
    ("rate_hz", "samples", "name"),
    [(500.0, 2500, "12-lead"), (500.0, 20_000, "General"), (100.0, 1000, "General"), (2000.0, 9000, "General")],
)
def test_a_recording_beyond_the_limits_of_twelve_leads_is_a_general_one(
    rate_hz: float, samples: int, name: str, tmp_path: Path
) -> None:
    import pydicom

    record = EcgRecord(np.tile(np.sin(np.arange(samples) / 20), (12, 1)).astype(np.float32), rate_hz)
    (path,) = WRITERS["dicom"](record, tmp_path, "out")
    assert pydicom.dcmread(path).SOPClassUID.name == f"{name} ECG Waveform Storage"
    assert read(path).samples == samples


def test_the_command_writes_and_says_where(
    wfdb_record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert main(["convert", str(wfdb_record), "--to", "csv", "--out", str(out)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"path": str(wfdb_record), "format": "WFDB", "out": [str(out / "made.csv")]}
    np.testing.assert_array_equal(read(out / "made.csv").signal_mv, read(wfdb_record).signal_mv)
    assert main(["convert", str(wfdb_record), str(wfdb_record), "--to", "csv", "--out", str(out)]) == 2
    assert "would replace those of made.hea" in capsys.readouterr().err
    assert main(["convert", str(wfdb_record), "--to", "csv", "--out", str(tmp_path / "none")]) == 2
    assert "it is not a folder" in capsys.readouterr().err


def test_pseudonyms_are_of_the_samples_and_the_key(
    record: EcgRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    WRITERS["csv"](record, tmp_path, "Jane_Doe")
    WRITERS["csv"](replace(record, patient=Patient(40.0, "M")), tmp_path, "John_Doe")
    key = tmp_path / "key"
    key.write_bytes(os.urandom(32))
    jane = str(tmp_path / "Jane_Doe.csv")
    for folder, more in (("a", ["--key", str(key)]), ("b", ["--key", str(key)]), ("c", [])):
        assert main(["convert", jane, "--to", "csv", "--anonymize", "--out", str(tmp_path / folder), *more]) == 0
    a, b, c = (only(tmp_path / name) for name in ("a", "b", "c"))
    assert a.name == b.name != c.name
    assert list((tmp_path / "a").iterdir()) == [a]
    assert a.name.startswith("ecg_")
    assert "Doe" not in a.read_text(encoding="utf-8")
    assert read(a).patient.age_years == 90.0
    assert main(["convert", jane, "--to", "csv", "--out", str(tmp_path / "a"), "--key", str(key)]) == 2
    assert "none were asked for" in capsys.readouterr().err
    key.write_bytes(b"short")
    assert main(["convert", jane, "--to", "csv", "--anonymize", "--key", str(key), "--out", str(tmp_path)]) == 2
    assert "fewer than 16" in capsys.readouterr().err


def test_a_parquet_table_without_rate_or_unit_asks_for_them(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {lead: np.arange(2000.0) % 50 for lead in LEADS}
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(MissingInformationError, match="sampling rate"):
        read(path)
    with pytest.raises(MissingInformationError, match="unit"):
        read(path, ReadOptions(sampling_rate_hz=500))
    told = read(path, ReadOptions(sampling_rate_hz=500, unit="uV"))
    assert told.lead("V6")[49] == pytest.approx(0.049)
    pq.write_table(pa.table(columns | {"V6": ["a"] * 2000}), path)
    with pytest.raises(DamagedFileError, match="cannot be read as numbers"):
        read(path, ReadOptions(sampling_rate_hz=500, unit="uV"))
    path.write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(DamagedFileError, match="cannot be read as numbers"):
        read(path)


@pytest.mark.parametrize("turned", [False, True])
def test_an_array_of_twelve_leads_is_read_once_rate_and_unit_are_told(
    turned: bool, counts: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "array.npy"
    np.save(path, counts.T if turned else counts)
    with pytest.raises(MissingInformationError, match="sampling rate"):
        read(path)
    with pytest.raises(MissingInformationError, match="unit"):
        read(path, ReadOptions(sampling_rate_hz=500))
    for told in (ReadOptions(sampling_rate_hz=500, unit="uV"), ReadOptions(sampling_rate_hz=500, counts_per_mv=1000)):
        np.testing.assert_allclose(read(path, told).signal_mv, counts / 1000, atol=1e-6)


def test_other_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    for array, words in (
        (np.zeros((3, 5000)), "3 × 5000 array of float64, not twelve leads"),
        (np.zeros(12), "12 array of float64"),
        (np.zeros((12, 5000), dtype=complex), "complex128"),
        (np.array([{"a": 1}], dtype=object), "no array of numbers"),
    ):
        np.save(path, array, allow_pickle=True)
        with pytest.raises(InputError, match=words):
            read(path, ReadOptions(sampling_rate_hz=500, unit="mV"))
    whole = tmp_path / "whole.npy"
    np.save(whole, np.zeros((12, 5000)))
    content = whole.read_bytes()
    for damaged in (content[:5000], content.replace(b"}", b"{", 1), content.replace(b"'descr'", b"('descr'", 1)):
        path.write_bytes(damaged)
        with pytest.raises(DamagedFileError, match="no array of numbers"):
            read(path, ReadOptions(sampling_rate_hz=500, unit="mV"))


@pytest.mark.parametrize(
    ("syntax", "words"),
    [("1.2.840.10008.1.2.1.99", "is deflated"), ("1.2.840.113619.5.2", "1.2.840.113619.5.2 is no plain one")],
)
def test_dicom_in_a_transfer_syntax_that_may_mean_anything_is_refused(
    syntax: str, words: str, record: EcgRecord, tmp_path: Path
) -> None:
    import pydicom

    (path,) = WRITERS["dicom"](record, tmp_path, "out")
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=True)
    with pytest.raises(InputError, match=f"{words}; save it uncompressed"):
        read(path)
