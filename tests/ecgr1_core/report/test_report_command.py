"""`ecgr1 report`: a PDF, JSON out, a pseudonym by default, one sentence for each fault."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pypdf
import pytest

from ecgr1_core.cli import report
from ecgr1_core.errors import InputError
from ecgr1_core.record import LEADS

TIME = ("--made-at", "2026-11-22T22:40+00:00")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "jane doe.csv"
    times_s = np.arange(5000) / 500
    beat = 0.9 * np.exp(-(((times_s % 0.8) - 0.4) ** 2) / 0.0002)
    np.savetxt(path, np.tile(beat[:, None], 12), delimiter=",", header=",".join(LEADS), comments="", fmt="%.4f")
    return path


@pytest.fixture
def command(tmp_path: Path):
    def run(*words: object) -> int:
        parser = argparse.ArgumentParser()
        report.register(parser.add_subparsers(required=True))
        fixed = ["--sampling-rate-hz", "500", "--unit", "mV", "--pseudonym-key", str(tmp_path / "key")]
        arguments = parser.parse_args(["report", *fixed, *map(str, words)])
        return int(arguments.run(arguments))

    return run


def text_of(path: Path) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


def test_a_report_is_written_under_a_pseudonym(recording, command, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert command(recording, "--out", out, "--reader", "none", *TIME) == 0
    told = json.loads(capsys.readouterr().out)
    written = Path(told["out"])
    assert written == out / f"{told['case']}.pdf"
    assert told["made_at"] == "2026-11-22T22:40:00+00:00"
    assert told["bytes"] == written.stat().st_size
    assert (told["reader"], told["claims"]) == (None, None)
    text = text_of(written)
    assert f"Case {told['case']}" in text
    assert "jane" not in text
    assert "No reading" in text


def test_names_are_printed_where_they_are_asked_for(recording, command, tmp_path, capsys) -> None:
    out = tmp_path / "page.pdf"
    assert command(recording, "--out", out, "--reader", "none", "--show-name", "--identity", "MRN 7", *TIME) == 0
    assert "Recording jane doe · MRN 7" in text_of(out)
    assert command(recording, "--out", out, "--reader", "none", "--case", "A-1", *TIME) == 0
    assert "Case A-1" in text_of(out)
    assert "jane" not in text_of(out)


def test_the_trace_is_drawn_as_the_options_say(recording, command, tmp_path) -> None:
    out = tmp_path / "a.pdf"
    chosen = ("--filter", "monitor", "--notch", "50", "--order", "cabrera", "--reader", "none")
    assert command(recording, "--out", out, *TIME, *chosen) == 0
    text = " ".join(text_of(out).split())
    assert "0.5–40 Hz, 50 Hz notch" in text
    assert "−aVR" in text
    assert "measured unfiltered" in text
    assert command(recording, "--out", out, *TIME, "--filter", "off", "--reader", "none") == 0
    assert "unfiltered" in text_of(out)
    assert "−aVR" not in text_of(out)


def test_a_notch_that_the_sampling_rate_does_not_allow_is_one_sentence(recording, command, tmp_path, capsys) -> None:
    words = ("--sampling-rate-hz", "100", "--reader", "none", "--notch", "50")
    assert command(recording, "--out", tmp_path / "a.pdf", *words) == 2
    assert "a notch at 50 Hz cannot be made at 100 Hz" in capsys.readouterr().err


def test_the_same_command_writes_the_same_bytes(recording, command, tmp_path) -> None:
    files = [tmp_path / f"{number}.pdf" for number in (1, 2)]
    for file in files:
        assert command(recording, "--out", file, *TIME) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    text = " ".join(text_of(files[0]).split())
    assert "by Protocol (embedded)" in text
    assert "claims checked against the measurements" in text


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("--out", "page.png"), "a report is a PDF"),
        (("--out", "nowhere/page.pdf"), "its folder does not exist"),
        (("--out", "page.pdf", "--case", "x", "--show-name"), "--show-name is given too"),
        (("--out", "page.pdf", "--made-at", "noon"), "is not a time"),
        (("--out", "page.pdf", "--modality", "both"), "reads only: signal, image"),
        (("--out", "page.pdf", "--max-new-tokens", "5"), "does not draw tokens"),
    ],
)
def test_faults_of_the_command_are_one_sentence(recording, command, tmp_path, words, fault, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=fault):
        command(recording, *words)


def test_a_fault_of_one_recording_leaves_the_others(recording, command, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    out.mkdir()
    broken = tmp_path / "broken.csv"
    broken.write_text("nothing\n")
    assert command(broken, recording, "--out", out, "--reader", "none", *TIME) == 2
    told = capsys.readouterr()
    assert told.err.startswith("ecgr1: broken.csv: ")
    assert len(told.out.splitlines()) == 1
    assert len(list(out.iterdir())) == 1
    assert command(recording, "--out", tmp_path / "x.pdf", "--reader", "none", "--page-start-s", "60") == 2
    assert "cannot begin at 60 s" in capsys.readouterr().err


def test_real_recordings_with_the_protocol_reading(shared_data, command, tmp_path, capsys) -> None:
    record = shared_data / "ptbxl" / "records500" / "00001_hr.hea"
    out = tmp_path / "page.pdf"
    assert command(record, "--out", out, *TIME) == 0
    told = json.loads(capsys.readouterr().out)
    text = " ".join(text_of(out).split())
    assert "00001_hr" not in text
    assert "1 Technical, Rate & Rhythm" in text
    assert "6 Final Medical Reasoning" in text
    assert f"{told['claims']['supported']} supported" in text
    assert pypdf.PdfReader(out).pages[0].mediabox.width == pytest.approx(297 * 72 / 25.4, abs=0.01)
