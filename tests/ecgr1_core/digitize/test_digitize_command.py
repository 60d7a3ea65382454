"""`ecgr1 digitize`: a recording for each page that the program reads again, JSON out, one sentence for each fault."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ecgr1_core.cli import digitize
from ecgr1_core.errors import InputError
from ecgr1_core.formats import read
from ecgr1_core.record import EcgRecord
from ecgr1_core.render.page_style import PageStyle
from ecgr1_core.render.sheets import draw_sheet


def heart() -> EcgRecord:
    times = np.arange(5000) / 500
    beat = np.exp(-0.5 * (((times % 0.9) - 0.4) / 0.012) ** 2) + 0.2 * np.exp(
        -0.5 * (((times % 0.9) - 0.65) / 0.05) ** 2
    )
    scales = np.array((0.6, 1.0, 0.4, -0.8, 0.1, 0.7, -0.7, -1.1, 0.5, 1.3, 1.2, 0.9))
    return EcgRecord((scales[:, None] * beat).astype(np.float32), 500.0)


RECORD = heart()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "case one.png"
    image = draw_sheet(RECORD, PageStyle(dpi=120)).image
    image.save(path, dpi=(120, 120))
    return path


def command(*words: object) -> int:
    parser = argparse.ArgumentParser()
    digitize.register(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["digitize", *map(str, words)])
    return int(arguments.run(arguments))


def test_the_recording_is_written_where_the_program_reads_it(page: Path, tmp_path: Path, capsys) -> None:
    assert command(page, "--out", tmp_path, "--report") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["out"] == str(tmp_path / "case one.csv")
    assert said["speed_mm_per_s"] == 25
    assert said["layout"] == "3x4+1"
    record = read(tmp_path / "case one.csv")
    assert record.sampling_rate_hz == 500
    assert record.missing_leads == ()
    assert np.nanmax(record.lead("V4")) - np.nanmedian(record.lead("V4")) == pytest.approx(1.3, abs=0.08)
    assert np.isnan(record.lead("V4")[:3600]).all()
    report = json.loads((tmp_path / "case one.report.json").read_text(encoding="utf-8"))
    assert report["leads"].keys() == said["leads"].keys()


def test_bad_pages_are_one_line_each_and_the_others_are_done(page: Path, tmp_path: Path, capsys) -> None:
    blank = tmp_path / "blank.png"
    Image.new("RGB", (1600, 1200), "white").save(blank)
    text = tmp_path / "notes.txt"
    text.write_text("not a page", encoding="utf-8")
    assert command(blank, text, page, "--out", tmp_path) == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert (tmp_path / "case one.csv").exists()
    assert [line.split(":")[1].strip() for line in err.splitlines()] == ["blank.png", "notes.txt"]


def test_what_the_page_does_not_show_names_its_option(tmp_path: Path, capsys) -> None:
    bare = tmp_path / "bare.png"
    sheet = draw_sheet(RECORD, PageStyle(minor_lines="none", major_line_mm=0.0)).image
    Image.fromarray(np.asarray(sheet)).save(bare)  # without the resolution
    assert command(bare, "--out", tmp_path) == 2
    assert "--px-per-mm" in capsys.readouterr().err


def test_wrong_arguments(page: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        command(page, "--out", tmp_path / "nowhere")
    with pytest.raises(InputError, match="out of range"):
        command(page, "--out", tmp_path, "--px-per-mm", "0")
