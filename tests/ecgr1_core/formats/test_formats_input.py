"""What is handed to `read`: files that are no recordings, zips, several files, DICOM, limits."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ecgr1_core.errors import DamagedFileError, InputError, UnknownFormatError, UnsuitableRecordingError
from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.record import LEADS


def zip_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def pair(header: Path) -> dict[str, bytes]:
    return {header.name: header.read_bytes(), header.with_suffix(".dat").name: header.with_suffix(".dat").read_bytes()}


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG image, not a recording"),
        (b"\x89PNG\r\n\x1a\n\x00", "a PNG image, not a recording"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document, not a recording"),
        (b"<?xml version='1.0'?><note/>", "an XML file"),
        (b"\x1f\x8b\x08\x00", "a gzip archive"),
        (b"\x80\x04\x95\x10\x00\x00\x00", "pickle, which is never opened"),
        (bytes(range(256)) * 8, "no known recording format"),
        (b"Dear colleague,\nthank you for the patient.\n", "text, but not a table"),
    ],
)
@pytest.mark.parametrize("name", ["recording.csv", "recording.dcm", "recording"])
def test_other_files_are_named_for_what_they_are(tmp_path: Path, head: bytes, words: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(head)
    with pytest.raises(UnknownFormatError, match=words):
        read(path)


def test_an_image_called_dat_is_an_image(tmp_path: Path) -> None:
    (tmp_path / "x.dat").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(200))
    with pytest.raises(UnknownFormatError, match="a JPEG image"):
        read(tmp_path / "x.dat")


def test_paths_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "empty.hea").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    for path, words in [
        (tmp_path / "gone.hea", "there is no such file"),
        (tmp_path / "empty.hea", "0 bytes"),
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path / ("x" * 300), "no such file|cannot be opened"),
        (Path("bad\0name"), "no such file|cannot be opened"),
    ]:
        with pytest.raises(InputError, match=words):
            read(path)
    with pytest.raises(InputError, match="no file was given"):
        read([])


def test_a_file_of_five_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge.dcm").open("wb") as stream:
        stream.truncate(5 * 1024**3)
    with pytest.raises(UnsuitableRecordingError, match=r"5\.0 GiB, over the limit of 2048 MiB"):
        read(tmp_path / "huge.dcm")


def test_a_zip_of_a_pair_is_the_recording(wfdb_record: Path, counts: np.ndarray, tmp_path: Path) -> None:
    members = {f"folder/{name}": data for name, data in pair(wfdb_record).items()}
    members |= {"README.txt": b"Some words, and others.\n", "__MACOSX/._made.hea": b"\0\1\2"}
    record = read(zip_of(tmp_path / "z.bin", members))
    np.testing.assert_allclose(record.signal_mv, counts / 1000, atol=1e-6)
    assert (record.name, record.warnings) == ("made", ())


def test_bad_zips(wfdb_record: Path, tmp_path: Path) -> None:
    files = pair(wfdb_record)
    other = {name.replace("made", "other"): data.replace(b"made", b"other") for name, data in files.items()}
    inner = zip_of(tmp_path / "inner.zip", files).read_bytes()
    cases = [
        ({"../made.hea": b"x"}, InputError, "points outside"),
        ({"/etc/made.hea": b"x"}, InputError, "points outside"),
        ({"C:\\made.hea": b"x"}, InputError, "points outside"),
        ({**files, **other}, InputError, r"2 recordings \(made.hea, other.hea\)"),
        ({"inner.zip": inner}, InputError, "another zip"),
        ({"made.hea": files["made.hea"]}, InputError, r"made\.dat"),
        ({"a.txt": b"words"}, UnknownFormatError, "holds no recording"),
        ({}, InputError, "no files"),
        ({"[Content_Types].xml": b"<x/>"}, UnknownFormatError, "Office document"),
        ({"a/made.hea": b"x", "b/made.hea": b"y"}, InputError, "two files called made.hea"),
        ({"zeros.dcm": bytes(3 * 1024**2)}, UnsuitableRecordingError, "expands to more than 1 MiB"),
    ]
    for members, error, words in cases:
        with pytest.raises(error, match=words):
            read(zip_of(tmp_path / "z.zip", members), ReadOptions(max_file_mb=1))
    whole = zip_of(tmp_path / "z.zip", files).read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:200] + bytes(100) + whole[300:]):
        (tmp_path / "z.zip").write_bytes(damaged)
        with pytest.raises(DamagedFileError, match="zip cannot be unpacked"):
            read(tmp_path / "z.zip")


def test_several_files_that_are_several_recordings(wfdb_record: Path, tmp_path: Path, counts: np.ndarray) -> None:
    table = tmp_path / "t.csv"
    table.write_text(",".join(LEADS) + "\n" + "\n".join(",".join(map(str, row)) for row in counts.T))
    with pytest.raises(InputError, match="2 recordings"):
        read([wfdb_record, wfdb_record.with_suffix(".dat"), table])
    folder = tmp_path / "b"
    folder.mkdir()
    with pytest.raises(InputError, match="two different files"):
        read([wfdb_record, Path(shutil.copy(wfdb_record, folder))])
    note = tmp_path / "note.bin"
    note.write_bytes(bytes(range(256)))
    record = read([wfdb_record, wfdb_record.with_suffix(".dat"), note])
    assert record.warnings == ("files not used: note.bin",)


def test_options_that_cannot_be_meant() -> None:
    with pytest.raises(InputError, match="--counts-per-mv: 0 cannot be used"):
        ReadOptions(counts_per_mv=0)
    with pytest.raises(InputError, match="--start-s"):
        ReadOptions(start_s=-1)
    with pytest.raises(InputError, match="--sampling-rate-hz"):
        ReadOptions(sampling_rate_hz=float("nan"))


def test_parts(wfdb_record: Path, counts: np.ndarray) -> None:
    part = read(wfdb_record, ReadOptions(start_s=2, duration_s=100))
    np.testing.assert_allclose(part.signal_mv, counts[:, 1000:] / 1000, atol=1e-6)
    with pytest.raises(InputError, match=r"ends after 5\.0 s"):
        read(wfdb_record, ReadOptions(start_s=5))
    with pytest.raises(UnsuitableRecordingError, match=r"part asked for is 1\.00 s"):
        read(wfdb_record, ReadOptions(duration_s=1))


def test_saturated_leads_are_named_and_whole_ones_are_not(tmp_path: Path, counts: np.ndarray) -> None:
    clipped = counts.copy()
    clipped[7] = np.minimum(clipped[7], int(0.7 * clipped[7].max()))
    path = tmp_path / "t.csv"
    path.write_text(",".join(LEADS) + "\n" + "\n".join(",".join(map(str, row)) for row in clipped.T))
    record = read(path, ReadOptions(sampling_rate_hz=500, unit="uV"))
    assert record.warnings == ("saturated (clipped) leads: V2; their amplitudes are cut off",)


class TestDicom:
    """DICOM waveforms against pydicom's own arithmetic, and altered copies of a real file."""

    @pytest.fixture
    def path(self) -> Path:
        import pydicom.data

        return Path(pydicom.data.__file__).parent / "test_files" / "waveform_ecg.dcm"

    def test_a_real_file(self, path: Path) -> None:
        import pydicom

        record = read(path)
        expected = pydicom.dcmread(path).waveform_array(0).T / 1000  # the file's sensitivity is in uV
        np.testing.assert_allclose(record.signal_mv, expected, atol=1e-5)
        assert (record.sampling_rate_hz, record.samples, record.source_format) == (1000.0, 10000, "DICOM")
        assert (record.patient.age_years, record.patient.sex) == (42, "F")
        assert 0.5 < np.ptp(record.lead("II")) < 5

    def test_the_teaching_file(self, shared_data: Path) -> None:
        record = read(shared_data / "formats" / "dicom" / "guangxi_teaching_sinus_rhythm.dcm")
        assert (record.sampling_rate_hz, record.samples, record.missing_leads) == (500.0, 5000, ())
        np.testing.assert_allclose(record.lead("I") + record.lead("III"), record.lead("II"), atol=0.006)

    def altered(self, path: Path, tmp_path: Path, change) -> Path:  # type: ignore[no-untyped-def]
        import pydicom

        dataset = pydicom.dcmread(path)
        change(dataset, dataset.WaveformSequence[0])
        dataset.save_as(tmp_path / "x.dcm")
        return tmp_path / "x.dcm"

    def test_sensitivity_correction_baseline_and_unit(self, path: Path, tmp_path: Path) -> None:
        def change(dataset, group) -> None:  # type: ignore[no-untyped-def]
            channel = group.ChannelDefinitionSequence[1]
            channel.ChannelSensitivity = "0.002"
            channel.ChannelSensitivityCorrectionFactor = "1.5"
            channel.ChannelBaseline = "0.25"
            channel.ChannelSensitivityUnitsSequence[0].CodeValue = "mV"

        import pydicom

        record = read(self.altered(path, tmp_path, change))
        from pydicom.waveforms import multiplex_array

        raw = multiplex_array(pydicom.dcmread(path), 0, as_raw=True)[:, 1]
        np.testing.assert_allclose(record.lead("II"), raw * 0.003 + 0.25, atol=1e-5)

    def test_an_unknown_unit_is_named(self, path: Path, tmp_path: Path) -> None:
        def change(dataset, group) -> None:  # type: ignore[no-untyped-def]
            group.ChannelDefinitionSequence[2].ChannelSensitivityUnitsSequence[0].CodeValue = "mm[Hg]"

        with pytest.raises(InputError, match=r"lead III is in 'mm\[Hg\]'"):
            read(self.altered(path, tmp_path, change))

    def test_padding_is_unknown(self, path: Path, tmp_path: Path) -> None:
        def change(dataset, group) -> None:  # type: ignore[no-untyped-def]
            data = np.frombuffer(group.WaveformData, "<i2").reshape(-1, 12).copy()
            data[:1000, 3] = -32768
            group.WaveformData = data.tobytes()
            group.add_new(0x5400100A, "OW", b"\x00\x80")

        record = read(self.altered(path, tmp_path, change))
        assert np.isnan(record.lead("aVR")).sum() == 1000

    def test_files_without_a_waveform_or_with_half_of_one(self, path: Path, tmp_path: Path) -> None:
        def none(dataset, group) -> None:  # type: ignore[no-untyped-def]
            del dataset.WaveformSequence

        def half(dataset, group) -> None:  # type: ignore[no-untyped-def]
            group.WaveformData = group.WaveformData[: len(group.WaveformData) // 2]

        def nameless(dataset, group) -> None:  # type: ignore[no-untyped-def]
            del group.ChannelDefinitionSequence

        with pytest.raises(UnknownFormatError, match="12-lead ECG Waveform Storage, no waveform in it"):
            read(self.altered(path, tmp_path, none))
        with pytest.raises(DamagedFileError, match="10000 samples per lead expected, 5000 found"):
            read(self.altered(path, tmp_path, half))
        with pytest.raises(DamagedFileError):
            read(self.altered(path, tmp_path, nameless))
        data = path.read_bytes()
        for share in (0.01, 0.3, 0.6):
            (tmp_path / "cut.dcm").write_bytes(data[: int(share * len(data))])
            with pytest.raises(InputError):
                read(tmp_path / "cut.dcm")


def test_a_folder_is_the_recording_in_it(wfdb_record: Path, tmp_path: Path) -> None:
    folder = tmp_path / "case 7"
    folder.mkdir()
    with pytest.raises(InputError, match="case 7: the folder holds no files; give the folder that holds the files"):
        read(folder)
    for path in (wfdb_record, wfdb_record.with_suffix(".dat")):
        path.rename(folder / path.name)
    (folder / ".hidden").write_text("x")
    (folder / "notes.txt").write_text("seen by nobody")
    (folder / "empty.hea").touch()
    record = read(folder)
    assert (record.name, record.samples, record.warnings) == ("made", 2500, ())
    (folder / "second.hea").write_bytes((folder / "made.hea").read_bytes())
    with pytest.raises(InputError, match=r"case 7: these are 2 recordings \(made.hea, second.hea\)"):
        read(folder)
    with pytest.raises(InputError, match="it is a folder"):
        read([folder, folder / "made.dat"])
    for path in sorted(folder.iterdir())[1:]:
        if path.name != "notes.txt":
            path.unlink()
    with pytest.raises(UnknownFormatError, match="case 7: it holds no recording that is read; put one into it"):
        read(folder)
