"""`ecgr1 render`: files in true scale, JSON out, one sentence for each fault."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from ecgr1_core.cli import render
from ecgr1_core.errors import InputError
from ecgr1_core.record import LEADS
from ecgr1_core.render.page_truth import PageTruth


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


@pytest.mark.parametrize("options", [[], ["--degrade", "medium"], ["--style", "random"]])
def test_truth_is_written_beside_the_image(recording: Path, tmp_path: Path, capsys, options: list[str]) -> None:
    out = tmp_path / "page.png"
    assert command(recording, "--out", out, "--truth", "--dpi", "80", "--seed", "3", *options) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["truth"] == str(tmp_path / "page.truth.json")
    truth = PageTruth.from_json(json.loads(Path(printed["truth"]).read_text()))
    with Image.open(out) as page:
        assert page.size == (truth.width_px, truth.height_px) == (printed["width_px"], printed["height_px"])
    assert (truth.degradation is None) == ("--degrade" not in options)
    assert truth.seed == printed.get("seed") == (3 if options else None)
    assert truth.style.dpi == 80
    assert truth.style.layout == printed["layout"]


def test_without_style_and_wear_the_page_is_as_ever(recording: Path, tmp_path: Path) -> None:
    for name, options in (("plain", []), ("known", ["--truth"]), ("seeded", ["--seed", "9"])):
        assert command(recording, "--out", tmp_path / f"{name}.png", "--dpi", "80", *options) == 0
    assert len({(tmp_path / f"{name}.png").read_bytes() for name in ("plain", "known", "seeded")}) == 1


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".pdf"])
def test_worn_pages_are_valid_files_without_metadata(recording: Path, tmp_path: Path, suffix: str) -> None:
    out, small = tmp_path / f"page{suffix}", ("--dpi", "80")
    for seed in range(3):
        assert command(recording, "--out", out, "--style", "random", "--degrade", "heavy", "--seed", seed, *small) == 0
        assert recording.stem.encode() not in out.read_bytes()
        if suffix == ".pdf":
            assert len(PdfReader(out).pages) == 1
            continue
        with Image.open(out) as page:
            page.load()
            assert set(page.info) <= {"dpi", "jfif", "jfif_version", "jfif_unit", "jfif_density"}
            assert len(page.getexif()) == 0


def test_seeds_count_up_over_several_recordings_and_give_each_page_again(
    recording: Path, tmp_path: Path, capsys
) -> None:
    second = recording.with_name("two.csv")
    second.write_bytes(recording.read_bytes())
    pages = tmp_path / "pages"
    pages.mkdir()
    options = ("--style", "random", "--degrade", "light", "--dpi", "80", "--truth")
    assert command(recording, second, "--out", pages, "--seed", "5", *options) == 0
    assert [json.loads(line)["seed"] for line in capsys.readouterr().out.splitlines()] == [5, 6]
    assert command(second, "--out", tmp_path / "again.png", "--seed", "6", *options) == 0
    assert (tmp_path / "again.png").read_bytes() == (pages / "two.png").read_bytes()
    assert (pages / "case one.png").read_bytes() != (pages / "two.png").read_bytes()
    assert (tmp_path / "again.truth.json").read_bytes() == (pages / "two.truth.json").read_bytes()


def test_style_file_is_drawn_and_options_replace_its_fields(recording: Path, tmp_path: Path) -> None:
    style = tmp_path / "style.json"
    style.write_text(json.dumps({"layout": "3x4+1", "rhythm_leads": ["V1"], "ink": "blue", "dpi": 80}))
    for number, options in enumerate(([], ["--layout", "6x2"], ["--gain-mm-per-mv", "20"], ["--monochrome"])):
        out = tmp_path / f"{number}.png"
        assert command(recording, "--out", out, "--style", style, "--truth", *options) == 0
    styles = [json.loads((tmp_path / f"{number}.truth.json").read_text())["style"] for number in range(4)]
    assert [style["layout"] for style in styles] == ["3x4+1", "6x2", "3x4+1", "3x4+1"]
    assert [style["rhythm_leads"] for style in styles] == [["V1"], None, ["V1"], ["V1"]]
    assert [style["gain_mm_per_mv"] for style in styles] == [10, 10, 20, 10]
    with Image.open(tmp_path / "3.png") as page:
        assert page.mode == "L"
    # the style of a truth is a style file
    again = tmp_path / "again.json"
    again.write_text(json.dumps(styles[2]))
    assert command(recording, "--out", tmp_path / "again.png", "--style", again) == 0
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "2.png").read_bytes()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"layout": "8x3"}', "style.json: it is not the style of a page (layout must be one of"),
        ("{", "style.json: it is not the style of a page ("),
        (None, "style.json: it cannot be read (No such file or directory)"),
    ],
)
def test_bad_style_file_is_one_sentence(recording: Path, tmp_path: Path, text: str | None, sentence: str) -> None:
    style = tmp_path / "style.json"
    if text is not None:
        style.write_text(text)
    with pytest.raises(InputError, match=re.escape(sentence)):
        command(recording, "--out", tmp_path / "page.png", "--style", style)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--seed", "-1"], "--seed: -1 is below zero"),
        (["--style", "random", "--print-name"], "--print-name: a sheet of --style never shows a name"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    recording: Path, tmp_path: Path, options: list[str], sentence: str
) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        command(recording, "--out", tmp_path / "page.png", *options)


def test_failure_while_writing_is_one_sentence(tmp_path: Path) -> None:
    taken = tmp_path / "page.png"
    taken.mkdir()
    page = Image.new("RGB", (10, 10))
    page.info["dpi"] = (150, 150)
    with pytest.raises(InputError, match=r"page.png: it cannot be written \(Is a directory\)"):
        render.save_page(page, taken)
