"""`ecgr1 measure` as it is called from a shell: tables, plots, many files, errors among them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import app
from training.cli import write_record
from training.synthesis import kind_spec, synthesize

GLOBAL = (
    "heart_rate_bpm",
    "rr_ms",
    "p_duration_ms",
    "pr_interval_ms",
    "qrs_duration_ms",
    "qt_interval_ms",
    "qtc_bazett_ms",
    "qtc_fridericia_ms",
    "p_axis_deg",
    "qrs_axis_deg",
    "t_axis_deg",
)
LEAD = (
    "p_amplitude_mv",
    "q_amplitude_mv",
    "q_duration_ms",
    "r_amplitude_mv",
    "s_amplitude_mv",
    "st_j_mv",
    "st_j60_mv",
    "t_amplitude_mv",
)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("recordings")
    paths = []
    for number, kind in enumerate(("sinus", "lbbb", "atrial_fibrillation")):
        record, truth = synthesize(kind_spec(kind), np.random.default_rng(number))
        write_record(folder, record, truth, kind=kind)
    paths = sorted(folder.glob("*.hea"))
    assert len(paths) == 3
    return paths


def test_contract_of_the_json(recordings: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["measure", str(recordings[0])]) == 0
    data = json.loads(capsys.readouterr().out)
    for name in (*GLOBAL, "quality", "leads", "beats", "reasons"):
        assert name in data
    assert set(data["leads"]) == {"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"}
    for name in LEAD:
        assert name in data["leads"]["II"]


def test_many_files_give_lines_in_order_and_an_error_does_not_stop_them(
    recordings: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.hea"
    bad.write_text("nonsense")
    paths = [recordings[0], bad, *recordings[1:], *recordings * 2]
    assert app.main(["measure", "--jobs", "2", *map(str, paths)]) == 2
    out, err = capsys.readouterr()
    names = [json.loads(line)["path"] for line in out.splitlines()]
    assert names == [str(path) for path in paths if path != bad]
    assert len([line for line in err.splitlines() if "bad.hea" in line]) == 1


def test_table_has_a_row_per_beat_and_lead(
    recordings: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "table.parquet"
    assert app.main(["measure", "--table", str(out), str(recordings[2])]) == 0
    beats = json.loads(capsys.readouterr().out)["beats"]
    table = pd.read_parquet(out)
    assert len(table) == 12 * len(beats)
    whole = table[(table.lead == "V5") & table.qrs_duration_ms.notna()]
    assert len(whole) >= len(beats) - 2
    assert whole.r_amplitude_mv.std() < 0.1 * whole.r_amplitude_mv.mean()
    assert app.main(["measure", "--table", str(tmp_path / "table.xlsx"), str(recordings[0])]) == 2
    assert ".parquet" in capsys.readouterr().err


def test_plot_shows_the_waves(recordings: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "marked.png"
    assert app.main(["measure", "--plot", str(out), str(recordings[0])]) == 0
    capsys.readouterr()
    pixels = np.asarray(Image.open(out).convert("RGB")).astype(int)
    bluish = (pixels[..., 2] > pixels[..., 0] + 20).mean()
    greenish = ((pixels[..., 1] > pixels[..., 0] + 20) & (pixels[..., 1] > pixels[..., 2])).mean()
    assert bluish > 0.005
    assert greenish > 0.005
    assert app.main(["measure", "--plot", str(out), *map(str, recordings)]) == 2
    assert "folder" in capsys.readouterr().err
