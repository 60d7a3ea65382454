"""WFDB: real recordings against wfdb's own reading, the storage formats, and all that can be wrong with a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgr1_core.errors import (
    DamagedFileError,
    InputError,
    MissingInformationError,
    MissingPartnerError,
    UnsuitableRecordingError,
)
from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.formats.wfdb_header import parse
from ecgr1_core.record import LEADS


def assert_read_or_refused(path: Path, options: ReadOptions) -> None:
    """Anything but an `InputError` of one line goes through to pytest."""
    message = ""
    try:
        record = read(path, options)
    except InputError as error:
        message = str(error)
    else:
        assert np.isfinite(record.signal_mv).any()
    assert "\n" not in message


def edit(header: Path, old: str, new: str, count: int = -1) -> None:
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new, count))


@pytest.mark.parametrize(
    ("folder", "number"),
    [("ptbxl/records500", 217), ("ptbxl/records100", 20), ("challenge2021/records", 61), ("code15/records", 6)],
)
def test_every_real_recording_is_read_as_wfdb_reads_it(shared_data: Path, folder: str, number: int) -> None:
    import wfdb

    headers = sorted((shared_data / folder).glob("*.hea"))
    assert len(headers) >= number
    for position, header in enumerate(headers):
        record = read(header)  # the checksum of every lead is verified here
        assert record.missing_leads == record.derived_leads == ()
        assert not any("calibration" in warning for warning in record.warnings)
        if position % 10 == 0:
            expected = wfdb.rdrecord(str(header.with_suffix("")))
            names = [name.casefold() for name in expected.sig_name]
            rows = [names.index(lead.casefold()) for lead in LEADS]
            np.testing.assert_allclose(record.signal_mv, expected.p_signal.T[rows], atol=1e-6)
            assert record.sampling_rate_hz == expected.fs


def test_ludb_warns_that_its_amplitudes_are_not_millivolts_and_stored_counts_can_be_read(shared_data: Path) -> None:
    headers = sorted((shared_data / "ludb" / "data").glob("*.hea"))
    assert len(headers) >= 110
    for header in headers:
        assert any("--counts-per-mv" in warning for warning in read(header).warnings), header.name
    record = read(headers[0], ReadOptions(counts_per_mv=1000))
    assert not any("--counts-per-mv" in warning for warning in record.warnings)
    np.testing.assert_allclose(record.lead("I") + record.lead("III"), record.lead("II"), atol=1.5e-3)
    assert record.patient.age_years == 51
    assert record.patient.sex == "F"


def test_constant_leads_are_kept_and_named(shared_data: Path) -> None:
    import csv

    with (shared_data / "challenge2021" / "labels.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["flat_leads"]]
    assert rows
    for row in rows:
        name = row.get("record") or next(iter(row.values()))
        record = read(shared_data / "challenge2021" / "records" / f"{Path(name).name}.hea")
        expected = set(row["flat_leads"].replace(";", " ").replace(",", " ").split())
        assert set(record.flat_leads) == expected


def test_one_recording_by_every_way_of_naming_it(wfdb_record: Path, counts: np.ndarray, tmp_path: Path) -> None:
    elsewhere = tmp_path / "upload"
    elsewhere.mkdir()
    moved = Path(shutil.copy(wfdb_record.with_suffix(".dat"), elsewhere / "made.dat"))
    by_header = read(wfdb_record)
    np.testing.assert_allclose(by_header.signal_mv, counts / 1000, atol=1e-6)
    assert (by_header.name, by_header.source_format) == ("made", "WFDB")
    assert (by_header.patient.age_years, by_header.patient.sex) == (59, "F")
    assert by_header.warnings == ()
    for paths in (wfdb_record.with_suffix(""), wfdb_record.with_suffix(".dat"), [moved, wfdb_record]):
        np.testing.assert_array_equal(read(paths).signal_mv, by_header.signal_mv)


def encode(samples: np.ndarray, storage: str) -> bytes:
    """The bytes of [frames, signals] whole numbers in a storage format, written from signal(5) of the WFDB guide."""
    flat = samples.reshape(-1).astype(np.int64)
    if storage == "8":
        return np.diff(samples, axis=0, prepend=samples[:1]).astype("<i1").tobytes()
    if storage in ("16", "32", "61"):
        return flat.astype({"16": "<i2", "32": "<i4", "61": ">i2"}[storage]).tobytes()
    if storage in ("80", "160"):
        return (flat + (128 if storage == "80" else 32768)).astype({"80": "u1", "160": "<u2"}[storage]).tobytes()
    if storage == "24":
        return (flat % 2**24).astype("<u4").view("u1").reshape(-1, 4)[:, :3].tobytes()
    if storage == "212":
        first, second = (flat % 4096).reshape(-1, 2).T
        return np.stack([first & 255, first >> 8 | (second >> 8) << 4, second & 255], axis=1).astype("u1").tobytes()
    first, second, third = (flat % 1024).reshape(-1, 3).T
    if storage == "310":
        words = np.stack([first << 1 | (third & 31) << 11, second << 1 | (third >> 5) << 11], axis=1)
        return words.astype("<u2").tobytes()
    assert storage == "311"
    return (first | second << 10 | third << 20).astype("<u4").tobytes()


@pytest.mark.parametrize("storage", ["8", "16", "24", "32", "61", "80", "160", "212", "310", "311"])
def test_storage_formats(tmp_path: Path, counts: np.ndarray, storage: str) -> None:
    small = counts // {"8": 40, "80": 32, "310": 8, "311": 8, "212": 2}.get(storage, 1)
    small = np.clip(small, -120, 120) if storage == "80" else small
    sums = small.sum(axis=1) % 65536
    lines = [f"s.x {storage} 100(3)/uV 12 0 {small[row, 0]} {sums[row]} 0 {LEADS[row]}" for row in range(12)]
    (tmp_path / "s.hea").write_text("\n".join(["s 12 500 2500", *lines]) + "\n")
    (tmp_path / "s.x").write_bytes(encode(small.T, storage))
    record = read(tmp_path / "s.hea")
    np.testing.assert_allclose(record.signal_mv, (small - 3) / 100 / 1000, atol=1e-7)
    part = read(tmp_path / "s.hea", ReadOptions(start_s=1.002, duration_s=3))
    np.testing.assert_array_equal(part.signal_mv, record.signal_mv[:, 501:2001])


def test_flac_compressed_samples(tmp_path: Path, counts: np.ndarray) -> None:
    import wfdb

    wfdb.wrsamp(
        "f", fs=500, units=["mV"] * 8, sig_name=list(LEADS[:2] + LEADS[6:]), d_signal=counts[[0, 1, *range(6, 12)]].T,
        fmt=["516"] * 8, adc_gain=[1000.0] * 8, baseline=[0] * 8, write_dir=str(tmp_path),
    )  # fmt: skip
    np.testing.assert_allclose(read(tmp_path / "f.hea").signal_mv, counts / 1000, atol=1e-6)
    data = (tmp_path / "f.dat").read_bytes()
    (tmp_path / "f.dat").write_bytes(data[: len(data) // 2])
    with pytest.raises(DamagedFileError):
        read(tmp_path / "f.hea")


def test_a_stored_unknown_value_is_nan_and_named(wfdb_record: Path, counts: np.ndarray) -> None:
    data = counts.T.astype("<i2")
    data[100:350, 8] = -32768
    wfdb_record.with_suffix(".dat").write_bytes(data.tobytes())
    fields = next(line for line in wfdb_record.read_text().splitlines() if line.endswith(" V3")).split()
    edit(
        wfdb_record, " ".join(fields), " ".join([*fields[:6], str(int(data[:, 8].sum(dtype=int)) % 65536), *fields[7:]])
    )
    record = read(wfdb_record)
    assert np.isnan(record.lead("V3")).sum() == 250
    assert "lead V3: 10.0 % of the samples are unknown" in record.warnings
    assert record.missing_leads == ()


def test_eight_leads_become_twelve(tmp_path: Path, counts: np.ndarray) -> None:
    import wfdb

    rows = [7, 0, 6, 1, 8, 9, 10, 11]
    wfdb.wrsamp(
        "eight", fs=500, units=["mV"] * 8, sig_name=[LEADS[row].lower() for row in rows], d_signal=counts[rows].T,
        fmt=["16"] * 8, adc_gain=[1000.0] * 8, baseline=[0] * 8, write_dir=str(tmp_path),
    )  # fmt: skip
    record = read(tmp_path / "eight.hea")
    assert record.derived_leads == ("III", "aVR", "aVL", "aVF")
    np.testing.assert_allclose(record.signal_mv, counts / 1000, atol=1e-6)


def test_other_channels_are_left_out_and_their_file_is_not_needed(wfdb_record: Path) -> None:
    edit(wfdb_record, "made 12 ", "made 13 ")
    text = wfdb_record.read_text().splitlines()
    text.insert(13, "made.xyz 16 1000/mV 16 0 0 0 0 vx")
    wfdb_record.write_text("\n".join(text) + "\n")
    assert read(wfdb_record).warnings == ("channels left out: vx",)


def test_segments_are_joined_and_a_null_segment_is_a_gap(tmp_path: Path, counts: np.ndarray) -> None:
    import wfdb

    for name, part in (("a", counts[:, :1000]), ("b", counts[:, 1500:])):
        wfdb.wrsamp(
            name, fs=500, units=["mV"] * 12, sig_name=list(LEADS), d_signal=part.T, fmt=["16"] * 12,
            adc_gain=[1000.0] * 12, baseline=[0] * 12, write_dir=str(tmp_path),
        )  # fmt: skip
    master = tmp_path / "whole.hea"
    master.write_text("whole/3 12 500 2500\na 1000\n~ 500\nb 1000\n# Age: 40\n")
    record = read(master)
    np.testing.assert_allclose(record.signal_mv[:, :1000], counts[:, :1000] / 1000, atol=1e-6)
    np.testing.assert_allclose(record.signal_mv[:, 1500:], counts[:, 1500:] / 1000, atol=1e-6)
    assert np.isnan(record.signal_mv[:, 1000:1500]).all()
    assert record.patient.age_years == 40
    part = read(master, ReadOptions(start_s=1.0, duration_s=3.0))
    np.testing.assert_array_equal(part.signal_mv, record.signal_mv[:, 500:2000])
    assert read(sorted(tmp_path.iterdir())).samples == 2500
    (tmp_path / "b.dat").unlink()
    with pytest.raises(MissingPartnerError, match=r"b\.dat"):
        read(master)
    (tmp_path / "b.hea").unlink()
    with pytest.raises(MissingPartnerError, match=r"b\.hea"):
        read(master)


def test_leads_at_twice_the_rate_of_others(tmp_path: Path, counts: np.ndarray) -> None:
    import wfdb

    wfdb.wrsamp(
        "two", fs=250, units=["mV"] * 12, sig_name=list(LEADS), fmt=["16"] * 12, adc_gain=[1000.0] * 12,
        baseline=[0] * 12, samps_per_frame=[2] * 6 + [1] * 6, write_dir=str(tmp_path),
        e_d_signal=[counts[row] if row < 6 else counts[row, ::2] for row in range(12)],
    )  # fmt: skip
    record = read(tmp_path / "two.hea")
    assert (record.sampling_rate_hz, record.samples) == (500.0, 2500)
    np.testing.assert_allclose(record.signal_mv[:6], counts[:6] / 1000, atol=1e-6)
    beats = record.lead("V2")[250:-250] - counts[7, 250:-250] / 1000
    assert np.sqrt(np.mean(beats**2)) < 0.02  # the noise above 125 Hz, 15 µV, is lost


def test_uncalibrated_leads_are_read_with_a_warning(wfdb_record: Path, counts: np.ndarray) -> None:
    edit(wfdb_record, "1000.0(0)/mV", "0(0)/mV")
    record = read(wfdb_record)
    np.testing.assert_allclose(record.signal_mv, counts / 200, atol=1e-5)
    assert any("no calibration for I, II" in warning for warning in record.warnings)


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        (" 500 2500", " 500 0", DamagedFileError, "0 samples"),
        ("made 12", "made 0", DamagedFileError, "0 signals"),
        ("made 12", "made 14", DamagedFileError, "announces 14 signals"),
        (" 500 2500", " 500 9999", DamagedFileError, "9999 samples per lead expected, 2500 found"),
        (" 500 2500", " 50 2500", UnsuitableRecordingError, "50 Hz"),
        (" 500 2500", " 2500 2500", UnsuitableRecordingError, "1.00 s long"),
        (" 500 2500", "", MissingInformationError, "sampling rate"),
        ("made.dat", "../made.dat", InputError, "path"),
        ("made.dat", "/etc/passwd", InputError, "path"),
        ("made.dat", "C:made.dat", InputError, "path"),
        ("made.dat", "gone.dat", MissingPartnerError, r"gone\.dat"),
        ("made.dat 16", "made.dat 999", DamagedFileError, "format 999"),
        ("1000.0(0)/mV", "1000.0(0)/mmHg", InputError, "lead I is in 'mmHg'"),
        ("1000.0(0)/mV", "1.2.3(0)/mV", DamagedFileError, "gain"),
        ("made 12", "what is this", DamagedFileError, "not a readable WFDB header"),
        ("aVL", "aVR", DamagedFileError, "lead aVR is there twice"),
    ],
)
def test_bad_headers(wfdb_record: Path, old: str, new: str, error: type[InputError], words: str) -> None:
    edit(wfdb_record, old, new)
    with pytest.raises(error, match=words) as caught:
        read(wfdb_record)
    assert str(wfdb_record.parent) not in str(caught.value)


def test_a_rate_given_for_a_header_without_one(wfdb_record: Path) -> None:
    edit(wfdb_record, " 500 2500", "")
    record = read(wfdb_record, ReadOptions(sampling_rate_hz=500))
    assert (record.sampling_rate_hz, record.samples) == (500.0, 2500)


def test_the_file_wins_over_a_rate_that_was_given(wfdb_record: Path) -> None:
    record = read(wfdb_record, ReadOptions(sampling_rate_hz=250))
    assert record.sampling_rate_hz == 500
    assert any("250 Hz" in warning for warning in record.warnings)


def test_missing_partners_and_truncated_or_altered_samples(wfdb_record: Path, tmp_path: Path) -> None:
    samples = wfdb_record.with_suffix(".dat")
    data = bytearray(samples.read_bytes())
    samples.write_bytes(data[:-24])
    with pytest.raises(DamagedFileError, match="2500 samples per lead expected, 2499 found"):
        read(wfdb_record)
    data[1000] ^= 1
    samples.write_bytes(data)
    with pytest.raises(DamagedFileError, match="checksum of lead V3 is wrong"):
        read(wfdb_record)
    samples.write_bytes(b"")
    with pytest.raises(DamagedFileError, match="0 bytes"):
        read(wfdb_record)
    samples.unlink()
    with pytest.raises(MissingPartnerError, match=r"made\.dat"):
        read(wfdb_record)
    samples.write_bytes(data)
    wfdb_record.unlink()
    with pytest.raises(MissingPartnerError, match=r"made\.hea"):
        read(samples)


def test_three_leads_are_too_few(tmp_path: Path, counts: np.ndarray) -> None:
    import wfdb

    wfdb.wrsamp("three", fs=500, units=["mV"] * 3, sig_name=["I", "V1", "V5"], d_signal=counts[[0, 6, 10]].T,
                fmt=["16"] * 3, adc_gain=[1000.0] * 3, baseline=[0] * 3, write_dir=str(tmp_path))  # fmt: skip
    with pytest.raises(UnsuitableRecordingError, match=r"only 3 of the 12.*found: I, V1, V5"):
        read(tmp_path / "three.hea")


def test_a_day_is_refused_whole_and_read_in_part_quickly(tmp_path: Path, counts: np.ndarray) -> None:
    import time

    frames = 24 * 3600 * 500
    lines = [f"day.dat 16 1000/mV 16 0 0 0 0 {lead}" for lead in LEADS]
    (tmp_path / "day.hea").write_text("\n".join([f"day 12 500 {frames}", *lines]) + "\n")
    with (tmp_path / "day.dat").open("wb") as stream:
        stream.truncate(frames * 24)  # a sparse file of 1 GB
        stream.seek(3600 * 500 * 24)
        stream.write(counts.T.astype("<i2").tobytes())
    with pytest.raises(UnsuitableRecordingError, match=r"24\.0 h long.*--start-s and --duration-s"):
        read(tmp_path / "day.hea")
    started = time.perf_counter()
    record = read(tmp_path / "day.hea", ReadOptions(start_s=3600, duration_s=5))
    assert time.perf_counter() - started < 2
    np.testing.assert_allclose(record.signal_mv, counts / 1000, atol=1e-6)
    with pytest.raises(UnsuitableRecordingError, match=r"1\.0 GiB, over the limit of 512 MiB"):
        read(tmp_path / "day.hea", ReadOptions(start_s=3600, duration_s=5, max_file_mb=512))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_header_is_read_or_refused_in_a_sentence(wfdb_record: Path, data: st.DataObject) -> None:
    original = wfdb_record.read_text()
    mutated = wfdb_record.with_name("mutated.hea")
    text = list(original[:200])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(st.sampled_from(list("0123456789 -/().:x+~\n#\teEmVI\x00é")) | st.just(""))
    mutated.write_text("".join(text) + original[200:], encoding="utf-8")
    assert_read_or_refused(mutated, ReadOptions())


def test_ages_and_sexes_in_comments() -> None:
    def patient(comment: str) -> tuple[float | None, str | None]:
        found = parse(f"r 1 500 10\nr.dat 16 200 16 0 0 0 0 I\n{comment}\n", "r.hea").patient
        return found.age_years, found.sex

    assert patient("# age: 81\n# sex: female") == (81, "F")
    assert patient("#<age>: 51\n#<sex>: M") == (51, "M")
    assert patient("# 69 M 1085 1629 x1") == (69, "M")
    assert patient("#Age: NaN\n#Sex: Unknown") == (None, None)
    assert patient("#Age: 300") == (None, None)
    assert patient("#Dx: 426783006\n#Stage: 3") == (None, None)
