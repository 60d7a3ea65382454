"""Tables: separators, headers, times, units, what is asked for, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgr1_core.errors import (
    DamagedFileError,
    InputError,
    MissingInformationError,
    UnknownFormatError,
    UnsuitableRecordingError,
)
from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.formats.csv_time import rate_from_times
from ecgr1_core.record import LEADS

KNOWN = ReadOptions(sampling_rate_hz=500, unit="uV")


def write(path: Path, counts: np.ndarray, header: str | None, separator: str = ",", form: str = "%d") -> Path:
    lines = [] if header is None else [header]
    lines += [separator.join(form % value for value in row) for row in counts.T]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_real_table_equals_its_wfdb_twin(shared_data: Path) -> None:
    table = shared_data / "formats" / "csv" / "A0002.csv"
    with pytest.raises(MissingInformationError) as caught:
        read(table)
    assert caught.value.field == "unit"
    record = read(table, ReadOptions(unit="mV"))
    twin = read(shared_data / "challenge2021" / "records" / "A0002.hea")
    assert (record.sampling_rate_hz, record.source_format, record.name) == (500.0, "CSV", "A0002")
    np.testing.assert_allclose(record.signal_mv, twin.signal_mv, atol=1e-6)


def test_a_real_table_without_rate_asks_for_it(shared_data: Path) -> None:
    table = shared_data / "formats" / "csv" / "ecg_plot_example.csv"
    with pytest.raises(MissingInformationError) as caught:
        read(table, ReadOptions(unit="mV"))
    assert caught.value.field == "sampling_rate_hz"
    assert read(table, ReadOptions(sampling_rate_hz=500, unit="mV")).samples == 5000


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_separators(tmp_path: Path, counts: np.ndarray, separator: str) -> None:
    record = read(write(tmp_path / "t.txt", counts, separator.join(LEADS), separator), KNOWN)
    np.testing.assert_allclose(record.signal_mv, counts / 1000, atol=1e-6)


def test_twelve_columns_without_header_are_the_standard_order(tmp_path: Path, counts: np.ndarray) -> None:
    record = read(write(tmp_path / "t.csv", counts, None), KNOWN)
    np.testing.assert_allclose(record.signal_mv, counts / 1000, atol=1e-6)


def test_eight_columns_without_header_are_refused(tmp_path: Path, counts: np.ndarray) -> None:
    with pytest.raises(DamagedFileError, match="8 columns and no header row"):
        read(write(tmp_path / "t.csv", counts[:8], None), KNOWN)


def test_order_inversion_units_comments_and_decimal_commas(tmp_path: Path, counts: np.ndarray) -> None:
    shuffled = np.roll(np.arange(12), 5)
    names = [f"{'-' if lead == 'aVR' else ''}{lead} (mV)" for lead in LEADS]
    sign = np.array([-1 if lead == "aVR" else 1 for lead in LEADS])[:, np.newaxis]
    rows = [";".join(f"{value:.3f}".replace(".", ",") for value in row) for row in (counts * sign / 1000)[shuffled].T]
    comments = ["# Sampling rate (Hz): 500", "# age: 61", "# sex: male"]
    path = tmp_path / "t.csv"
    path.write_text("\r\n".join([*comments, ";".join(names[row] for row in shuffled), *rows]), encoding="utf-16")
    record = read(path)
    np.testing.assert_allclose(record.signal_mv, counts / 1000, atol=1e-6)
    assert (record.sampling_rate_hz, record.patient.age_years, record.patient.sex) == (500.0, 61, "M")
    assert record.warnings == ()


def test_a_row_of_units_below_the_names(tmp_path: Path, counts: np.ndarray) -> None:
    header = "time," + ",".join(LEADS) + "\nms," + ",".join(["uV"] * 12)
    record = read(write(tmp_path / "t.csv", np.vstack([np.arange(2500) * 2, counts]), header))
    assert record.sampling_rate_hz == 500
    np.testing.assert_allclose(record.signal_mv, counts / 1000, atol=1e-6)


def test_empty_cells_are_unknown_and_other_columns_are_named(tmp_path: Path, counts: np.ndarray) -> None:
    path = write(tmp_path / "t.csv", np.vstack([np.arange(2500), counts, counts[:1]]), ",".join(["", *LEADS, "resp"]))
    lines = path.read_text().splitlines()
    cells = lines[10].split(",")
    lines[10] = ",".join([*cells[:3], "", *cells[4:]])
    path.write_text("\n".join(lines))
    record = read(path, KNOWN)
    assert np.isnan(record.lead("III")[9])
    assert "channels left out: resp" in record.warnings
    assert any(warning.startswith("lead III: less than 0.1 %") for warning in record.warnings)


def test_a_column_without_any_value_is_a_missing_lead(tmp_path: Path, counts: np.ndarray) -> None:
    path = tmp_path / "t.csv"
    path.write_text(",".join(LEADS) + "\n" + "\n".join(",".join([*map(str, row[:11]), ""]) for row in counts.T))
    record = read(path, KNOWN)
    assert record.missing_leads == ("V6",)
    assert np.isnan(record.lead("V6")).all()


def test_the_file_wins_over_a_unit_that_was_given(tmp_path: Path, counts: np.ndarray) -> None:
    path = write(tmp_path / "t.csv", counts, ",".join(f"{lead} [µV]" for lead in LEADS))
    record = read(path, ReadOptions(sampling_rate_hz=500, unit="mV"))
    np.testing.assert_allclose(record.signal_mv, counts / 1000, atol=1e-6)
    assert any("mV, was not used" in warning for warning in record.warnings)


def test_the_wrong_unit_is_noticed_by_the_size_of_the_waves(tmp_path: Path, counts: np.ndarray) -> None:
    record = read(write(tmp_path / "t.csv", counts, None), ReadOptions(sampling_rate_hz=500, unit="mV"))
    assert any("as no ECG does" in warning for warning in record.warnings)


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        ("\n", "\n1,2,3\n", DamagedFileError, "line 2 has 3 columns where 12"),
        (",V1,", ",V2,", DamagedFileError, "lead V2 is there twice"),
        ("I,II,III,", "a,b,c,", UnsuitableRecordingError, "only 1 of the 12.*found: aVR"),
    ],
)
def test_bad_tables(
    tmp_path: Path, counts: np.ndarray, old: str, new: str, error: type[InputError], words: str
) -> None:
    names = list(LEADS) if error is not UnsuitableRecordingError else [*LEADS[:4], *"defghjkl"]
    path = write(tmp_path / "t.csv", counts, ",".join(names))
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(error, match=words):
        read(path, KNOWN)


def test_a_word_among_the_numbers_is_named_with_line_and_column(tmp_path: Path, counts: np.ndarray) -> None:
    path = write(tmp_path / "t.csv", counts, ",".join(LEADS))
    lines = path.read_text().splitlines()
    lines[99] = lines[99].replace(",", ",x", 1)
    path.write_text("\n".join(lines))
    with pytest.raises(DamagedFileError, match="line 100, column 'II'"):
        read(path, KNOWN)


def test_prose_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "letter.csv"
    path.write_text("Dear colleague, thank you, for the patient.\nShe was seen, today.\n")
    with pytest.raises(UnknownFormatError, match="text, but not a table"):
        read(path)


def test_rates_that_times_imply() -> None:
    rounded = np.round(np.arange(4000) / 400, 3)
    assert rate_from_times(rounded, "s", "t") == 400
    assert rate_from_times(np.round(np.arange(3000) / 300, 2), "s", "t") == pytest.approx(300, rel=1e-3)
    assert rate_from_times(np.arange(0, 5000, 2.0), "ms", "t") == 500
    assert rate_from_times(np.arange(5000) * 0.002, None, "t") == 500
    assert rate_from_times(np.arange(0, 5000, 2.0), None, "t") is None
    with pytest.raises(DamagedFileError, match=r"jumps from 0\.198 to 0\.202"):
        rate_from_times(np.delete(np.arange(5000) * 0.002, 100), "s", "t")
    with pytest.raises(DamagedFileError, match="goes back at row 4"):
        rate_from_times(np.array([0.0, 0.002, 0.004, 0.002]), "s", "t")


def test_a_comment_that_contradicts_the_times_is_refused(tmp_path: Path, counts: np.ndarray) -> None:
    rows = np.vstack([np.arange(2500) * 2, counts])
    header = "# sampling_rate_hz: 1000\ntime_ms," + ",".join(LEADS)
    with pytest.raises(DamagedFileError, match="comment says 1000 Hz and its time column 500 Hz"):
        read(write(tmp_path / "t.csv", rows, header), KNOWN)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_table_is_read_or_refused_in_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    rows = np.arange(12 * 60).reshape(12, 60) % 17
    path = write(tmp_path / "t.csv", rows, "# fs: 20\n" + ",".join(LEADS))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    message = ""
    try:
        record = read(path, ReadOptions(unit="mV", min_sampling_rate_hz=1))
    except InputError as error:
        message = str(error)
    else:
        assert record.available_leads
    assert "\n" not in message
