"""Files of carts and archives: a millivolt is a millivolt, the device's word is kept apart, and nobody's name is."""

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from clinical_kit import CARTS, aecg_xml, cardiosoft_xml, muse_xml, scp

from ecgr1_core.cli.info import describe
from ecgr1_core.errors import DamagedFileError, InputError, MissingInformationError, UnsuitableRecordingError
from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.record import LEADS, DeviceReading, EcgRecord, Patient

CLINICAL = Path(__file__).parents[4] / "shared" / "data" / "formats"
needs_files = pytest.mark.skipif(not CLINICAL.is_dir(), reason="needs the clinical files of shared/data/formats")


@pytest.fixture
def steps() -> np.ndarray:
    """[12, 2500] counts of 5 µV, 5 s at 500 Hz: each lead its own level, and a step of 1 mV in each."""
    counts = np.tile(10 * np.arange(12)[:, None], (1, 2500))
    counts[:, 1000:1500] += 200
    return counts


def written(folder: Path, data: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", CARTS)
def test_one_millivolt_in_the_file_is_one_millivolt(name: str, steps: np.ndarray, tmp_path: Path) -> None:
    record = read(written(tmp_path, CARTS[name](steps, LEADS)))
    assert (record.source_format, record.sampling_rate_hz, record.samples) == (name, 500.0, 2500)
    assert record.available_leads == LEADS
    np.testing.assert_allclose(record.signal_mv, steps * 0.005, atol=1e-6)
    assert record.lead("V3")[1200] - record.lead("V3")[500] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("name", CARTS)
def test_a_part_is_read_and_eight_leads_give_twelve(name: str, counts: np.ndarray, tmp_path: Path) -> None:
    stored = [LEADS.index(lead) for lead in ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")]
    path = written(tmp_path, CARTS[name](counts[stored], [LEADS[index] for index in stored]))
    record = read(path, ReadOptions(start_s=1.0, duration_s=3.0))
    assert record.derived_leads == ("III", "aVR", "aVL", "aVF")
    np.testing.assert_allclose(record.signal_mv, counts[:, 500:2000] * 0.005, atol=2e-6)


@pytest.mark.parametrize("unit", ["MILLIVOLTS", "mV", "mVperLsb"])
def test_the_unit_of_the_file_counts(unit: str, steps: np.ndarray, tmp_path: Path) -> None:
    write = {"MILLIVOLTS": muse_xml, "mV": aecg_xml, "mVperLsb": cardiosoft_xml}[unit]
    record = read(written(tmp_path, write(steps, LEADS, unit=unit)))
    assert record.lead("II")[1200] - record.lead("II")[0] == pytest.approx(1000.0, rel=1e-6)
    assert any("as no ECG does" in warning for warning in record.warnings)


def test_counts_are_never_taken_for_millivolts(steps: np.ndarray, tmp_path: Path) -> None:
    path = written(tmp_path, muse_xml(steps, LEADS, unit=None))
    with pytest.raises(MissingInformationError, match="what a count of lead I means") as caught:
        read(path)
    assert caught.value.field == "unit"
    told = read(path, ReadOptions(counts_per_mv=200.0))
    np.testing.assert_allclose(told.signal_mv, steps * 0.005, atol=1e-6)
    with pytest.raises(InputError, match="no voltage"):
        read(written(tmp_path, cardiosoft_xml(steps, LEADS, unit="pTperLsb")))


@pytest.mark.parametrize("name", ["GE MUSE XML", "GE CardioSoft XML", "Mortara XML", "SCP-ECG"])
def test_the_device_speaks_for_itself_and_no_name_is_taken_over(name: str, steps: np.ndarray, tmp_path: Path) -> None:
    record = read(written(tmp_path, CARTS[name](steps, LEADS)))
    assert record.patient == Patient(age_years=59.0, sex="F")
    assert record.device == DeviceReading(
        heart_rate_bpm=75.0, pr_interval_ms=160.0, qrs_duration_ms=90.0, qt_interval_ms=400.0, qtc_ms=447.0,
        p_axis_deg=50.0, qrs_axis_deg=40.0, t_axis_deg=None if name == "GE CardioSoft XML" else 30.0,
        statements=("Normal sinus rhythm",),
    )  # fmt: skip
    shown = str(describe(record))
    assert "'qtc_ms': 447.0" in shown
    assert [word for word in ("Doe", "Jane", "4711", "1943", "2002") if word in shown + repr(record)] == []


@pytest.mark.parametrize("name", ["EDF", "ISHNE", "MFER", "HL7 aECG"])
def test_files_without_a_word_of_the_device_have_none(name: str, steps: np.ndarray, tmp_path: Path) -> None:
    record = read(written(tmp_path, CARTS[name](steps, LEADS)))
    assert record.device is None
    assert "Doe" not in str(describe(record))


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE bomb [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<ROOT>&c;</ROOT>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><ROOT>&e;</ROOT>"""


@pytest.mark.parametrize("root", [b"RestingECG", b"restingecgdata", b"AnnotatedECG", b"CardiologyXML", b"ECG><SUBJECT"])
@pytest.mark.parametrize("document", [BOMB, OUTSIDE])
def test_entities_are_not_expanded(root: bytes, document: bytes, tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="cannot be read; export"):
        read(written(tmp_path, document.replace(b"ROOT", root)))


@pytest.mark.parametrize("name", ["GE MUSE XML", "GE CardioSoft XML", "HL7 aECG", "Mortara XML"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_xml_cut_off_is_one_sentence(name: str, share: float, steps: np.ndarray, tmp_path: Path) -> None:
    data = CARTS[name](steps, LEADS)
    with pytest.raises(DamagedFileError, match=f"its (XML|{name} content) cannot be read; export"):
        read(written(tmp_path, data[: round(share * len(data))]))


@pytest.mark.parametrize("name", ["GE MUSE XML", "GE CardioSoft XML", "HL7 aECG"])
def test_an_encoding_that_there_is_none_of_is_one_sentence(name: str, steps: np.ndarray, tmp_path: Path) -> None:
    data = CARTS[name](steps, LEADS).replace(b"UTF-8", b"UTF-9").replace(b"ISO-8859-1", b"ISO-8859-0")
    with pytest.raises(DamagedFileError, match="cannot be read; export"):
        read(written(tmp_path, data))


@pytest.mark.parametrize("name", ["EDF", "ISHNE"])
@pytest.mark.parametrize("share", [0.1, 0.7, 0.9])
def test_samples_cut_off_leave_those_before_or_one_sentence(
    name: str, share: float, steps: np.ndarray, tmp_path: Path
) -> None:
    data = CARTS[name](steps, LEADS)
    path = written(tmp_path, data[: round(share * len(data))])
    if share < 0.5:
        with pytest.raises(InputError, match=r"too short to read|cannot be read"):
            read(path)
    else:
        record = read(path)
        assert 1500 <= record.samples < 2500
        np.testing.assert_allclose(record.signal_mv, steps[:, : record.samples] * 0.005, atol=1e-6)


def test_a_calibration_pulse_in_all_leads_is_left_out(counts: np.ndarray, tmp_path: Path) -> None:
    pulse = np.zeros((12, 500), dtype=np.int64)
    pulse[:, 200:300] = 200
    for stored, part in (((counts, pulse), slice(None)), ((pulse, counts), slice(None, None, -1))):
        record = read(written(tmp_path, muse_xml(np.concatenate(stored, axis=1), LEADS)))
        assert record.warnings == ("a calibration pulse of 1 mV, the same in all leads, was left out",)
        assert 2490 < record.samples <= 2500
        recorded, kept = counts[:, part] * 0.005, record.signal_mv[:, part]
        np.testing.assert_allclose(kept, recorded[:, : record.samples], atol=2e-6)
    flat = np.concatenate((counts, np.zeros_like(pulse)), axis=1)
    assert read(written(tmp_path, muse_xml(flat, LEADS))).samples == 3000


def test_cardiosoft_without_its_samples_or_with_words_among_them(steps: np.ndarray, tmp_path: Path) -> None:
    whole = cardiosoft_xml(steps, LEADS)
    for changed, words in (
        (whole.replace(b"StripData", b"Medians"), "without a strip"),
        (whole.replace(b"\t\t0,0,", b"\t\t0,zero,", 1), "lead I holds what is no number"),
        (whole.replace(b"\t\t0,0,", b"\t\t0,", 1), "2499 and 2500 samples instead of 2500"),
    ):
        with pytest.raises(InputError, match=words):
            read(written(tmp_path, changed))
    without = written(tmp_path, whole.replace(b"<Resolution", b"<Rest").replace(b"Resolution>", b"Rest>"))
    with pytest.raises(MissingInformationError, match="does not say what a count means") as caught:
        read(without)
    assert caught.value.field == "unit"  # which the page asks for
    assert read(without, ReadOptions(unit="uV")).lead("I")[1200] == pytest.approx(0.2)


def handheld(leads: int, *, from_zero: bool) -> bytes:
    """The pointers of an SCP-ECG record and its section 3, which announces `leads` leads of one kind; no samples."""
    section = b"\0\0" + struct.pack("<HI", 3, 16 + 2 + 9 * leads) + bytes(8) + bytes([leads, 4])
    section += b"".join(struct.pack("<IIB", 1, 5000, 1 + number) for number in range(leads))
    at = 6 + 16 + 20
    pointers = struct.pack("<HII", 0, 36, 7) + struct.pack("<HII", 3, len(section), at + (0 if from_zero else 1))
    head = b"\0\0" + struct.pack("<HI", 0, 36) + bytes(8) + pointers
    body = head + section
    return b"\0\0" + struct.pack("<I", 6 + len(body)) + body


def test_scp_is_read_plain_too_and_a_wrong_checksum_is_told(counts: np.ndarray, tmp_path: Path) -> None:
    whole = scp(counts, LEADS, packed=False)
    altered = whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:]
    for data, warnings in ((whole, ()), (altered, ("a checksum in the file is wrong: it was altered or damaged",))):
        record = read(written(tmp_path, data))
        np.testing.assert_allclose(record.signal_mv, counts * 0.005, atol=2e-6)
        assert record.warnings == warnings


@pytest.mark.parametrize("from_zero", [False, True])
def test_the_leads_of_a_handheld_are_named(from_zero: bool, tmp_path: Path) -> None:
    with pytest.raises(UnsuitableRecordingError, match=r"SCP-ECG of 2 leads \(I, II\); give a recording"):
        read(written(tmp_path, handheld(2, from_zero=from_zero)))
    with pytest.raises(DamagedFileError, match="SCP-ECG content cannot be read"):
        read(written(tmp_path, handheld(12, from_zero=from_zero)))


@needs_files
def test_every_clinical_file_is_read_or_politely_refused() -> None:
    refused = {}
    for path in sorted(CLINICAL.glob("*/*")):
        if path.suffix == ".csv":
            continue
        try:
            record = read(path)
        except InputError as error:
            refused[path.name] = str(error)
        else:
            assert record.available_leads == LEADS
            assert 0.3 < np.nanmedian(np.nanmax(record.signal_mv, axis=1) - np.nanmin(record.signal_mv, axis=1)) < 5
    assert {name: text.split(": ")[1].split(";")[0] for name, text in refused.items()} == {
        "empty.xml": "its HL7 aECG content cannot be read",
        "minimum_aecg.xml": "it is 0.03 s long, too short to read",
        "healforce_62.SCP": "it is SCP-ECG of one lead (without a name)",
    }


def apart_mv(one: EcgRecord, other: EcgRecord) -> float:
    assert one.signal_mv.shape == other.signal_mv.shape
    return float(np.abs(one.signal_mv - other.signal_mv).max())


@needs_files
def test_one_recording_in_two_formats_is_one_recording() -> None:
    philips = read(CLINICAL / "philips_sierra_xml" / "ad4d3d80_1-04.xml")
    aecg = read(CLINICAL / "hl7_aecg" / "ad4d3d80_aecg.xml")
    # the cart took 60 Hz out of what it exported as aECG: apart from that hum both are the same
    assert apart_mv(philips, aecg) <= 0.0201
    difference = np.abs(np.fft.rfft(philips.signal_mv[:, :5000] - aecg.signal_mv[:, :5000], axis=1)).mean(axis=0)
    assert difference[1:].argmax() + 1 == 600
    muse = read(CLINICAL / "ge_muse_xml" / "guangxi_teaching_sinus_rhythm.xml")
    dicom = read(CLINICAL / "dicom" / "guangxi_teaching_sinus_rhythm.dcm")
    assert apart_mv(muse, dicom) <= 0.00488


def test_the_annotations_of_a_dicom_waveform_are_the_devices() -> None:
    from pydicom.data import get_testdata_file

    record = read(Path(str(get_testdata_file("waveform_ecg.dcm"))))
    assert record.device == DeviceReading(
        pr_interval_ms=161.0, qrs_duration_ms=75.0, qt_interval_ms=368.0, qtc_ms=370.0,
        p_axis_deg=74.0, qrs_axis_deg=52.0, t_axis_deg=57.0, statements=("RITMO SINUSALE", "ECG NORMALE"),
    )  # fmt: skip


@needs_files
def test_one_cart_says_the_same_in_two_formats() -> None:
    muse = read(CLINICAL / "ge_muse_xml" / "guangxi_teaching_sinus_rhythm.xml").device
    dicom = read(CLINICAL / "dicom" / "guangxi_teaching_sinus_rhythm.dcm").device
    assert muse is not None
    assert dicom == replace(muse, statements=(), confirmed=False)
