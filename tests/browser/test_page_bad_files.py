"""Faulty files on the Read page: one clear sentence each, and the last result stays where it was."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from page_recordings import ptbxl_pair, real_signal, write_wfdb
from page_steps import FIGURE, mark_status, open_files, read, upload
from PIL import Image
from playwright.sync_api import Page, expect

from ecgr1_core.record import LEADS

Made = list[Path]
Maker = Callable[[Path, Path], Made]


def _one_of_the_pair(suffix: str) -> Maker:
    def make(shared_data: Path, folder: Path) -> Made:
        return [path for path in ptbxl_pair(shared_data) if path.suffix == suffix]

    return make


def _truncated(shared_data: Path, folder: Path) -> Made:
    header, data = write_wfdb(folder, "cut", real_signal(shared_data))
    data.write_bytes(data.read_bytes()[:-4000])
    return [header, data]


def _altered(shared_data: Path, folder: Path) -> Made:
    header, data = write_wfdb(folder, "altered", real_signal(shared_data))
    content = bytearray(data.read_bytes())
    content[5000] ^= 0x55
    data.write_bytes(bytes(content))
    return [header, data]


def _empty(shared_data: Path, folder: Path) -> Made:
    return write_wfdb(folder, "empty", np.zeros((12, 0)))


def _three_leads(shared_data: Path, folder: Path) -> Made:
    return write_wfdb(folder, "three", real_signal(shared_data)[[0, 1, 6]], leads=("I", "II", "V1"))


def _one_second(shared_data: Path, folder: Path) -> Made:
    return write_wfdb(folder, "second", real_signal(shared_data)[:, :500])


def _fifty_hertz(shared_data: Path, folder: Path) -> Made:
    return write_wfdb(folder, "coarse", real_signal(shared_data)[:, ::10], rate_hz=50)


def _one_day(shared_data: Path, folder: Path) -> Made:
    """Twenty-four hours at 100 Hz in 8 bits: 99 MiB of nothing, below the limit on the size of a file."""
    samples = 24 * 3600 * 100
    (folder / "day.dat").write_bytes(b"")
    with (folder / "day.dat").open("r+b") as data:
        data.truncate(samples * len(LEADS))
    lines = [f"day {len(LEADS)} 100 {samples}", *(f"day.dat 80 100/mV 8 0 -128 0 0 {lead}" for lead in LEADS)]
    (folder / "day.hea").write_text("\n".join(lines) + "\n")
    return [folder / "day.hea", folder / "day.dat"]


def _too_big(shared_data: Path, folder: Path) -> Made:
    with (folder / "huge.csv").open("wb") as file:
        file.truncate(150 * 2**20)
    return [folder / "huge.csv"]


def _renamed_jpeg(shared_data: Path, folder: Path) -> Made:
    content = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(content, "JPEG")
    (folder / "scan.csv").write_bytes(content.getvalue())
    return [folder / "scan.csv"]


def _path_upwards(shared_data: Path, folder: Path) -> Made:
    return write_wfdb(folder, "upwards", real_signal(shared_data), file_name="../../secret.dat")


def _noise(shared_data: Path, folder: Path) -> Made:
    (folder / "junk.zip").write_bytes(b"PK\x03\x04" + struct.pack("<64I", *range(64)))
    return [folder / "junk.zip"]


BAD: dict[str, tuple[Maker, str]] = {
    "header without data": (_one_of_the_pair(".hea"), ".dat"),
    "data without header": (_one_of_the_pair(".dat"), ".hea"),
    "truncated": (_truncated, "cut.dat"),
    "wrong checksum": (_altered, "checksum"),
    "no samples": (_empty, "empty"),
    "three leads": (_three_leads, "of the 12 leads"),
    "one second": (_one_second, "too short"),
    "fifty hertz": (_fifty_hertz, "50 Hz"),
    "one day": (_one_day, "day"),
    "too big": (_too_big, "150 MB"),
    "renamed JPEG": (_renamed_jpeg, "scan.csv"),
    "path with ..": (_path_upwards, "upwards"),
    "broken zip": (_noise, "junk.zip"),
}


def test_each_bad_file_gets_one_sentence_and_the_last_result_stays(
    read_page: Page, shared_data: Path, tmp_path: Path
) -> None:
    open_files(read_page, ptbxl_pair(shared_data))
    read(read_page)
    reading, case = read_page.locator("#reading .prose").inner_text(), read_page.locator("#case .prose").inner_text()
    table = read_page.locator("#measurements .prose").inner_text()
    said: dict[str, str] = {}
    for number, (kind, (make, expected)) in enumerate(BAD.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        mark_status(read_page)
        upload(read_page, make(shared_data, folder))
        error = read_page.locator("#status .error:not([data-before])")
        expect(error, f"{kind}: no message; the page says {read_page.locator('#status').inner_text()!r}").to_be_visible(
            timeout=60_000
        )
        sentence = error.inner_text().replace("\n", " ")
        said[kind] = sentence
        assert expected in sentence, (kind, sentence)
        assert sentence.count(";") >= 1, f"{kind}: no remedy in {sentence!r}"
        assert sentence.endswith("."), f"{kind}: {sentence!r}"
        for word in ("Traceback", "Error(", str(tmp_path), "internal fault"):
            assert word not in sentence, (kind, sentence)
        assert read_page.locator("#reading .prose").inner_text() == reading, kind
        assert read_page.locator("#case .prose").inner_text() == case, kind
        assert read_page.locator("#measurements .prose").inner_text() == table, kind
        expect(read_page.locator(FIGURE)).to_be_visible()
    assert len(set(said.values())) == len(BAD), "every fault has a sentence of its own"


@pytest.mark.parametrize(("fault", "warning"), [("unknown samples", "V3"), ("saturated", "V2")])
def test_a_usable_recording_with_a_fault_is_read_with_a_warning(
    read_page: Page, shared_data: Path, tmp_path: Path, fault: str, warning: str
) -> None:
    signal = real_signal(shared_data).copy()
    if fault == "saturated":
        signal[7] = np.clip(4 * signal[7], -0.6, 0.6)
        files = write_wfdb(tmp_path, "clipped", signal)
    else:
        header, data = write_wfdb(tmp_path, "gaps", signal)
        counts = np.frombuffer(data.read_bytes(), dtype="<i2").reshape(-1, 12).copy()
        counts[1000:2000, 8] = -32768  # how format 16 writes an unknown sample
        data.write_bytes(counts.tobytes())
        lines = header.read_text().splitlines()
        fields = lines[9].split()
        fields[6] = str(int(counts[:, 8].astype(np.int64).sum()) & 0xFFFF)
        header.write_text("\n".join([*lines[:9], " ".join(fields), *lines[10:]]) + "\n")
        files = [header, data]
    open_files(read_page, files)
    expect(read_page.locator("#case li", has_text=warning).first).to_be_visible()
    read(read_page)


def test_a_csv_without_rate_is_asked_for_and_then_read(read_page: Page, shared_data: Path, tmp_path: Path) -> None:
    table = tmp_path / "plain.csv"
    rows = [",".join(LEADS), *(",".join(f"{value:.3f}" for value in row) for row in real_signal(shared_data).T)]
    table.write_text("\n".join(rows) + "\n")
    upload(read_page, [table])
    expect(read_page.locator("#status .error")).to_contain_text("plain.csv", timeout=30_000)
    expect(read_page.locator("#ask")).to_be_visible()
    rate = read_page.get_by_label("Sampling rate (Hz)")
    rate.fill("500")
    read_page.get_by_role("button", name="Read file").click()
    unit = read_page.locator("#ask-unit input")
    done, asked = read_page.locator("#status .done"), read_page.locator("#ask-unit")
    expect(done.or_(asked).first).to_be_visible(timeout=30_000)
    if asked.is_visible():
        unit.click()
        read_page.get_by_role("option", name="mV", exact=True).click()
        read_page.get_by_role("button", name="Read file").click()
    expect(done).to_contain_text("is open and measured", timeout=30_000)
    expect(read_page.locator("#case")).to_contain_text("500 Hz · 10.0 s")
    expect(read_page.locator("#ask")).to_be_hidden()
    read(read_page)


def test_counts_of_a_millivolt_are_asked_for_where_the_calibration_cannot_be_right(
    read_page: Page, shared_data: Path
) -> None:
    header = shared_data / "ludb" / "data" / "1.hea"
    open_files(read_page, [header, header.with_suffix(".dat")])
    warning = read_page.locator("#case li", has_text="scales each lead by itself")
    expect(warning).to_be_visible()
    read_page.get_by_label("Stored counts per millivolt").fill("1000")
    mark_status(read_page)
    read_page.get_by_role("button", name="Read file").click()
    expect(read_page.locator("#status .done:not([data-before])")).to_contain_text("is open", timeout=30_000)
    expect(read_page.locator("#case li", has_text="1000 stored counts taken for 1 mV")).to_be_visible()
    expect(warning).to_be_hidden()
    expect(read_page.locator("#ask")).to_be_hidden()
