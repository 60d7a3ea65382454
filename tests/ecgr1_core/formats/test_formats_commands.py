"""`ecgr1 info` and `ecgr1 fetch-examples`, and the examples themselves."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import pytest

from ecgr1_core.cli import fetch_examples, info
from ecgr1_core.errors import InputError
from ecgr1_core.formats.examples import PTB_XL_EXAMPLES, bundled_examples, fetched_examples
from ecgr1_core.record import LEADS


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    info.register(commands)
    fetch_examples.register(commands)
    parsed = parser.parse_args(arguments)
    return int(parsed.run(parsed))


def test_info_of_a_real_recording(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = shared_data / "challenge2021" / "records" / "A0002.hea"
    assert run("info", str(path)) == 0
    assert json.loads(capsys.readouterr().out) == {
        "path": str(path), "name": "A0002", "format": "WFDB", "sampling_rate_hz": 500.0, "duration_s": 10.0,
        "samples": 5000, "leads": list(LEADS), "missing_leads": [], "flat_leads": [], "derived_leads": [],
        "patient": {"age_years": 49.0, "sex": "F", "pseudonym": None, "recorded_at_shifted": None}, "device": None,
        "warnings": [], "priors": [],
    }  # fmt: skip


def test_info_of_many_goes_on_after_a_bad_one(wfdb_record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", str(wfdb_record), str(wfdb_record.with_name("gone")), str(wfdb_record.with_suffix(".dat"))) == 2
    captured = capsys.readouterr()
    assert [json.loads(line)["samples"] for line in captured.out.splitlines()] == [2500, 2500]
    assert captured.err == "ecgr1: gone: there is no such file; check the path.\n"


def test_info_takes_what_the_file_does_not_say(wfdb_record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", "--start-s", "1", "--duration-s", "3", "--counts-per-mv", "1000", str(wfdb_record)) == 0
    assert json.loads(capsys.readouterr().out)["duration_s"] == 3.0


def test_info_is_quick(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    headers = [str(path) for path in sorted((shared_data / "ptbxl" / "records500").glob("*.hea"))[:20]]
    run("info", headers[0])
    started = time.perf_counter()
    assert run("info", *headers) == 0
    assert (time.perf_counter() - started) / len(headers) < 0.1


def test_the_bundled_example_is_a_whole_recording() -> None:
    (record,) = bundled_examples()
    assert record.missing_leads == ()
    assert record.duration_s == 10


def test_fetched_examples_are_those_in_the_folder(wfdb_record: Path, tmp_path: Path) -> None:
    assert [record.name for record in fetched_examples(wfdb_record.parent)] == ["made"]
    assert fetched_examples(tmp_path / "none") == []


def test_without_a_network_it_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wfdb.io.download

    monkeypatch.setattr(wfdb.io.download.config, "db_index_url", "http://127.0.0.1:9/")
    with pytest.raises(InputError, match=r"physionet\.org: the example 00001_hr could not be fetched"):
        run("fetch-examples", "--out", str(tmp_path / "examples"), "--count", "1")
    with pytest.raises(InputError, match="ask for 1 to"):
        run("fetch-examples", "--out", str(tmp_path / "examples"), "--count", "99")


def test_what_is_there_is_read_without_a_network(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number, about = PTB_XL_EXAMPLES[0]
    for suffix in (".hea", ".dat"):
        source = shared_data / "ptbxl" / "records500" / f"{number:05d}_hr{suffix}"
        (tmp_path / source.name).write_bytes(source.read_bytes())
    assert run("fetch-examples", "--out", str(tmp_path), "--count", "1") == 0
    assert json.loads(capsys.readouterr().out)["records"] == [{"name": "00001_hr", "about": about}]
