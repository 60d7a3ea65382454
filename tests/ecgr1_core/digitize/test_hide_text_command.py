"""`ecgr1 digitize` and `interpret` with `--hide-text`, `--hide` and `--hide-all-but-traces`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_digitize_command import command, heart
from test_printed_text import NAMED

from ecgr1_core.cli import interpret
from ecgr1_core.modality import ModalityView
from ecgr1_core.render.page_style import PageStyle
from ecgr1_core.render.sheets import draw_sheet


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("named") / "named.png"
    draw_sheet(heart(), PageStyle(spacing="even", dpi=110, header=NAMED)).image.save(path, dpi=(110, 110))
    return path


def test_digitize_tells_the_text_and_writes_the_page_without_it(page: Path, tmp_path: Path, capsys: Any) -> None:
    assert command(page, "--out", tmp_path) == 0
    plain = json.loads(capsys.readouterr().out)
    assert len(plain["text_px"]) >= 2, "what was found is told, though nothing is hidden"
    assert plain["hidden_px"] == []
    assert "picture" not in plain
    table = (tmp_path / "named.csv").read_bytes()
    assert command(page, "--out", tmp_path, "--report", "--hide-text", "--hide", "5,600,40,30") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["text_px"] == plain["text_px"]
    assert said["hidden_px"] == [[5, 600, 45, 630], *plain["text_px"]]
    assert (tmp_path / "named.csv").read_bytes() == table, "the recording is the same"
    assert json.loads((tmp_path / "named.report.json").read_text())["text_px"] == plain["text_px"]
    picture = np.asarray(Image.open(said["picture"]))
    before = np.asarray(Image.open(page).convert("RGB"))
    for x0, y0, x1, y1 in (map(int, box) for box in said["hidden_px"]):
        assert np.ptp(picture[y0:y1, x0:x1], axis=(0, 1)).max() == 0
    assert (picture[700:] == before[700:]).mean() > 0.95


def test_interpret_shows_the_reader_the_page_without_its_text(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    seen: list[ModalityView] = []
    asking = interpret.ask

    def noting(reader: Any, view: ModalityView, options: Any) -> Any:
        seen.append(view)
        return asking(reader, view, options)

    monkeypatch.setattr(interpret, "ask", noting)
    parser = argparse.ArgumentParser()
    interpret.register(parser.add_subparsers(required=True))

    def run(*words: object) -> np.ndarray:
        arguments = parser.parse_args(["interpret", *map(str, words), "--modality", "image"])
        assert arguments.run(arguments) == 0
        assert json.loads(capsys.readouterr().out)["page_origin"] == "upload"
        return np.asarray(seen[-1].page)

    before = np.asarray(Image.open(page).convert("RGB"))
    assert (before[:90] < 90).any(), "the name"
    hidden = run(page, "--hide-text")
    assert hidden.shape == before.shape
    assert not (hidden[:90] < 90).any()
    given = run(page, "--page", page, "--hide", "0,0,5000,90")
    assert not (given[:90] < 90).any()


@pytest.mark.parametrize("place", ["1,2,3", "a,b,c,d", "1,2,0,4", "1,2,nan,4"])
def test_a_place_is_four_numbers(page: Path, tmp_path: Path, place: str, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        command(page, "--out", tmp_path, "--hide", place)
    assert "--hide" in capsys.readouterr().err


def test_a_place_outside_the_page_is_one_sentence(page: Path, tmp_path: Path, capsys: Any) -> None:
    assert command(page, "--out", tmp_path, "--hide", "9000,10,20,20") == 2
    assert "named.png: a place to hide lies outside the page; give" in capsys.readouterr().err
