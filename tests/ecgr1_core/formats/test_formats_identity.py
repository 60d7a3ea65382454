"""Who was recorded stays behind when a file is read: pseudonyms, shifted dates, grouped ages, names in texts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from clinical_kit import cardiosoft_xml, edf, ishne, mfer, mortara_xml, muse_xml, scp

from app import main
from ecgr1_core.errors import InputError
from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.formats.identity import Identity, names_patient, pseudonym_of, shifted, without_identity
from ecgr1_core.formats.priors import days_between, with_priors
from ecgr1_core.record import LEADS, EcgRecord, Patient

KEY = b"a key of the test, long enough"
RECORDED = datetime(2002, 11, 22, 9, 10)
OPTIONS = ReadOptions(pseudonym_key=KEY)
JANE = Identity("4711-0815", ("Doe", "Jane"), date(1943, 7, 24), RECORDED)


@pytest.mark.parametrize("write", [muse_xml, cardiosoft_xml, mortara_xml, edf, ishne, mfer, scp])
def test_a_file_that_names_its_patient_gives_a_pseudonym(
    write: Callable[..., bytes], counts: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "Doe_Jane_4711_24-JUL-1943.xml"
    path.write_bytes(write(counts, LEADS))
    plain, known = read(path), read(path, OPTIONS)
    assert plain.patient.pseudonym is None
    assert plain.patient.recorded_at is None
    assert plain.name == "recording"
    assert known.patient.pseudonym is not None
    assert known.patient.pseudonym.startswith("P-")
    assert known.name.startswith("R-")
    assert [word for word in ("Doe", "Jane", "4711", "1943", "2002") if word in repr((plain, known))] == []


def test_the_same_patient_has_the_same_pseudonym_and_the_same_days() -> None:
    later = replace(JANE, recorded_at=RECORDED + timedelta(days=40), names=("DOE",))
    assert pseudonym_of(JANE, KEY) == pseudonym_of(later, KEY) != pseudonym_of(JANE, b"another key, as long as that")
    assert pseudonym_of(replace(JANE, patient_id="4711-0816"), KEY) != pseudonym_of(JANE, KEY)
    first, second = shifted(JANE, KEY), shifted(later, KEY)
    assert first is not None
    assert second == first + timedelta(days=40)
    assert timedelta(days=1) <= RECORDED - first <= timedelta(days=3650)
    assert KEY.decode() not in repr(OPTIONS)


@pytest.mark.parametrize(
    ("identity", "known"),
    [
        (Identity(names=("Doe", "Jane"), birth_date=date(1943, 7, 24)), True),
        (Identity(names=("Doe", "Jane")), False),
        (Identity(patient_id=" 000 "), False),
        (Identity(patient_id="Anonymous", names=("X",), birth_date=date(1943, 7, 24)), False),
        (Identity(recorded_at=datetime(2002, 11, 22)), False),
    ],
)
def test_who_is_not_told_apart_has_no_pseudonym(identity: Identity, known: bool) -> None:
    assert (pseudonym_of(identity, KEY) is not None) == known
    assert shifted(identity, KEY) is None


def test_names_numbers_and_dates_of_birth_are_taken_out_of_texts() -> None:
    staff = replace(JANE, staff=("Dr^Ada^Block",))
    text = "JANE  Doe, born 24.07.1943 (4711-0815): left bundle branch block, confirmed by Dr Ada Block"
    assert without_identity(text, staff) == ("[…]  […], born […] ([…]): left bundle branch block, confirmed by […]")
    assert without_identity("does sinus rhythm", JANE) == "does sinus rhythm"
    for name, found in (
        ("DOE^JANE", True), ("ecg-47110815", True), ("19430724_1", True), ("doé", True), ("A0001", False), ("", False),
        ("doe2", False), ("adoe", False), ("jane.1", True),
    ):  # fmt: skip
        assert names_patient(name, JANE) == found, name


def test_statements_of_the_device_name_nobody(counts: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(muse_xml(counts, LEADS).replace(b"Normal sinus rhythm", b"Normal sinus rhythm, Mrs Doe"))
    record = read(path)
    assert record.device is not None
    assert record.device.statements == ("Normal sinus rhythm, Mrs […]",)


def test_ages_above_89_are_one(counts: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for age, grouped, text in ((89, 89.0, "89"), (90, 90.0, "over 89"), (104, 90.0, "over 89")):
        path.write_bytes(muse_xml(counts, LEADS).replace(b">59<", f">{age}<".encode()))
        patient = read(path).patient
        assert (patient.age_years, patient.age_text) == (grouped, text)
    assert (Patient(0.5).age_text, Patient(61).age_text, Patient().age_text) == ("0.5", "61", None)


def test_a_dicom_file_gives_a_pseudonym(tmp_path: Path) -> None:
    import pydicom
    from pydicom.data import get_testdata_file

    dataset = pydicom.dcmread(str(get_testdata_file("waveform_ecg.dcm")))
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Doe^Jane", "4711-0815", "19100724"
    dataset.AcquisitionDateTime, dataset.PatientAge = "20021122091000.000", ""
    if "PatientIdentityRemoved" in dataset:
        del dataset.PatientIdentityRemoved
    dataset.save_as(tmp_path / "file.dcm")
    patient = read(tmp_path / "file.dcm", OPTIONS).patient
    assert patient.pseudonym == pseudonym_of(JANE, KEY)
    assert patient.recorded_at == shifted(JANE, KEY)


def test_the_key_is_made_when_a_patient_is_first_named(counts: np.ndarray, tmp_path: Path) -> None:
    path, named, nobody = tmp_path / "data" / "pseudonyms.key", tmp_path / "named", tmp_path / "nobody"
    named.write_bytes(muse_xml(counts, LEADS))
    nobody.write_bytes(muse_xml(counts, LEADS).replace(b"4711", b"").replace(b"Doe", b""))
    options = ReadOptions(pseudonym_key=path)
    assert read(nobody, options).patient.pseudonym is None
    assert not path.exists()
    assert read(named, options).patient.pseudonym == read(named, options).patient.pseudonym
    assert path.stat().st_mode & 0o077 == 0
    (tmp_path / "file").touch()
    assert read(named, ReadOptions(pseudonym_key=tmp_path / "file" / "key")).patient.pseudonym is None
    path.write_bytes(b"short")
    with pytest.raises(InputError, match="fewer than 16"):
        read(named, options)


def of(name: str, pseudonym: str | None = None, day: int | None = None) -> EcgRecord:
    moment = None if day is None else datetime(2001, 1, day)
    return EcgRecord(
        np.ones((12, 5), dtype=np.float32), 500.0, name, patient=Patient(pseudonym=pseudonym, recorded_at=moment)
    )


def test_a_recording_holds_earlier_ones_the_latest_first() -> None:
    last = of("last", "P-1", 20)
    held = with_priors(last, [of("none"), with_priors(of("a", "P-1", 2), [of("b")]), of("c", "P-1", 10)])
    assert [prior.name for prior in held.priors] == ["c", "a", "none"]
    assert [days_between(prior, held) for prior in held.priors] == [10.0, 18.0, None]
    assert all(prior.priors == () for prior in held.priors)
    with pytest.raises(InputError, match="not of the patient of last"):
        with_priors(last, [of("other", "P-2", 2)])
    with pytest.raises(InputError, match="not made before last"):
        with_priors(last, [of("later", "P-1", 21)])


def test_info_tells_of_earlier_recordings(
    counts: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ECGR1_DATA_DIR", str(tmp_path / "data"))
    first, second, other = (tmp_path / name for name in ("first.xml", "second.xml", "other.xml"))
    whole = mortara_xml(counts, LEADS)
    first.write_bytes(whole)
    second.write_bytes(whole.replace(b"20021122091000", b"20030101211000"))
    other.write_bytes(whole.replace(b"4711", b"4712"))
    assert main(["info", str(second), "--prior", str(first)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [(prior["name"], prior["days_before"]) for prior in said["priors"]] == [("first", 40.5)]
    assert said["patient"]["pseudonym"] == said["priors"][0]["patient"]["pseudonym"]
    assert main(["info", str(second), "--prior", str(other)]) == 2
    assert "it is not of the patient of second; give recordings of one patient" in capsys.readouterr().err
