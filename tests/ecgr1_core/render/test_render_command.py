"""`ecgr1 render`: files in true scale, JSON out, one sentence for each fault."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ecgr1_core.cli import render
from ecgr1_core.errors import InputError
from ecgr1_core.record import LEADS


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "case one.csv"
    signal = np.random.default_rng(1).normal(0, 0.2, (5000, 12))
    np.savetxt(path, signal, delimiter=",", header=",".join(LEADS), comments="", fmt="%.4f")
    return path


def command(*words: object) -> int:
    parser = argparse.ArgumentParser()
    render.register(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["render", "--sampling-rate-hz", "500", "--unit", "mV", *map(str, words)])
    return int(arguments.run(arguments))


def test_png_has_its_resolution_and_the_json_says_what_was_written(recording: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "page.png"
    assert command(recording, "--out", out, "--layout", "6x2", "--dpi", "200") == 0
    with Image.open(out) as page:
        size, dpi = page.size, page.info["dpi"]
    assert dpi == pytest.approx((200, 200), abs=0.01)
    assert json.loads(capsys.readouterr().out) == {
        "path": str(recording),
        "out": str(out),
        "layout": "6x2",
        "width_px": size[0],
        "height_px": size[1],
        "dpi": 200,
    }


def test_jpeg_and_monochrome(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.JPG"
    assert command(recording, "--out", out, "--monochrome") == 0
    with Image.open(out) as page:
        assert (page.format, page.mode, page.info["dpi"]) == ("JPEG", "L", (150, 150))


@pytest.mark.parametrize("colour", [[], ["--monochrome"]])
def test_pdf_page_is_in_true_scale_and_always_the_same(recording: Path, tmp_path: Path, colour: list[str]) -> None:
    out = tmp_path / "page.pdf"
    assert command(recording, "--out", out, *colour) == 0
    first = out.read_bytes()
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", first)
    assert box is not None
    width_mm, height_mm = (float(points) * 25.4 / 72 for points in box.groups())
    assert width_mm == pytest.approx(297, abs=0.2)
    assert height_mm == pytest.approx(210, abs=0.2)
    assert command(recording, "--out", out, *colour) == 0
    assert out.read_bytes() == first


def test_several_recordings_go_into_a_folder(recording: Path, tmp_path: Path, capsys) -> None:
    second = recording.with_name("two.csv")
    second.write_bytes(recording.read_bytes())
    pages = tmp_path / "pages"
    pages.mkdir()
    assert command(recording, second, "--out", pages) == 0
    assert sorted(page.name for page in pages.iterdir()) == ["case one.png", "two.png"]
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["out"] for line in lines] == [str(pages / "case one.png"), str(pages / "two.png")]


def test_two_recordings_of_one_name_do_not_replace_each_other(recording: Path, tmp_path: Path, capsys) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    twin = elsewhere / recording.name
    twin.write_bytes(recording.read_bytes())
    assert command(recording, twin, "--out", tmp_path) == 2
    assert "would replace that of case one.csv" in capsys.readouterr().err


def test_later_part_and_printed_name_change_the_page(recording: Path, tmp_path: Path) -> None:
    pages = []
    for options in ([], ["--page-start-s", "3"], ["--print-name"]):
        assert command(recording, "--out", tmp_path / "page.png", *options) == 0
        pages.append((tmp_path / "page.png").read_bytes())
    assert len(set(pages)) == 3


def test_page_beyond_the_end_is_one_sentence(recording: Path, tmp_path: Path, capsys) -> None:
    assert command(recording, "--out", tmp_path / "page.png", "--page-start-s", "60") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "cannot begin at 60 s" in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "page.png").exists()


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("page.gif", "page.gif: the kind of image is unknown; end --out in .png, .jpg, .jpeg, .pdf."),
        ("page", "page: the kind of image is unknown"),
        ("nowhere/page.png", "page.png: its folder does not exist; make the folder first."),
    ],
)
def test_out_that_cannot_be_written_is_refused_before_reading(
    recording: Path, tmp_path: Path, out: str, sentence: str
) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        command(recording, "--out", tmp_path / out)


def test_one_file_for_several_recordings_is_refused(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="several recordings need one"):
        command(recording, recording, "--out", tmp_path / "page.png")


def test_resolution_out_of_range_is_refused(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--dpi: 9000 is out of range; choose 50 to 600"):
        command(recording, "--out", tmp_path / "page.png", "--dpi", "9000")


def test_recording_is_never_replaced_by_its_page(recording: Path, capsys) -> None:
    scan = recording.rename(recording.with_suffix(".png"))
    before = scan.read_bytes()
    assert command(scan, "--out", scan) == 2
    assert "would replace the recording itself" in capsys.readouterr().err
    assert scan.read_bytes() == before


def test_failure_while_writing_is_one_sentence(tmp_path: Path) -> None:
    taken = tmp_path / "page.png"
    taken.mkdir()
    page = Image.new("RGB", (10, 10))
    page.info["dpi"] = (150, 150)
    with pytest.raises(InputError, match=r"page.png: it cannot be written \(Is a directory\)"):
        render.save_page(page, taken)
