"""`ecgr1 synthesize`: what it writes and prints, and what it says of bad input."""

import argparse
import json

import numpy as np
import pytest
import wfdb

import training.cli
from ecgr1_core.errors import InputError
from ecgr1_core.record import LEADS


def run(*words):
    parser = argparse.ArgumentParser()
    training.cli.register(parser.add_subparsers())
    arguments = parser.parse_args(["synthesize", *map(str, words)])
    return arguments.run(arguments)


def test_writes_wfdb_and_truth_and_prints_both(tmp_path, capsys):
    assert run("--kind", "rbbb", "--out", tmp_path / "new", "--seed", 4, "--muscle-mv", 0.01) == 0
    printed = json.loads(capsys.readouterr().out)
    record = wfdb.rdrecord(printed["path"].removesuffix(".hea"), physical=False)
    assert tuple(record.sig_name) == LEADS
    assert record.adc_gain == [1000.0] * 12
    assert record.fs == 500
    assert record.d_signal.shape == (5000, 12)
    assert np.abs(record.d_signal[:, 0] + record.d_signal[:, 2] - record.d_signal[:, 1]).max() <= 2
    beside = json.loads((tmp_path / "new" / "rbbb_seed4_0000.truth.json").read_text())
    assert beside == printed["truth"]
    assert "CRBBB" in beside["labels"]
    beat = beside["beats"][2]
    shown = record.d_signal[round(500 * beat["qrs_onset_s"]) : round(500 * beat["qrs_offset_s"]), LEADS.index("V1")]
    told_mv = beside["leads"]["V1"]["r_prime_amplitude_mv"]
    assert shown.max() / 1000 == pytest.approx(told_mv, abs=0.06)


def test_same_seed_same_bytes_and_several_records_are_json_lines(tmp_path, capsys):
    for folder in ("one", "two"):
        run("--kind", "sinus", "--out", tmp_path / folder, "--count", 2, "--sampling-rate-hz", 250)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["number"] for line in lines] == [0, 1, 0, 1]
    assert lines[0]["truth"] == lines[2]["truth"] != lines[1]["truth"]
    for name in ("sinus_seed0_0000.dat", "sinus_seed0_0001.dat", "sinus_seed0_0001.hea"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_rate_and_typical_values(tmp_path, capsys):
    run("--kind", "sinus", "--out", tmp_path, "--heart-rate-bpm", 80, "--typical")
    truth = json.loads(capsys.readouterr().out)["truth"]
    assert truth["heart_rate_bpm"] == pytest.approx(80, rel=0.03)
    assert truth["support"]["pr_interval_ms"] == pytest.approx(160)


@pytest.mark.parametrize(
    "words",
    [
        ["--kind", "sirius"],
        ["--kind", "sinus", "--count", "0"],
        ["--kind", "sinus", "--seed", "-1"],
        ["--kind", "sinus", "--heart-rate-bpm", "900"],
        ["--kind", "sinus", "--duration-s", "nan"],
        ["--kind", "sinus", "--wander-mv", "-1"],
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(words, tmp_path):
    with pytest.raises(InputError):
        run(*words, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="taken: cannot be written to"):
        run("--kind", "sinus", "--out", tmp_path / "taken")


def test_examples_are_named_as_synthetic_and_the_same_each_time():
    first, again = training.cli.example_recordings(), training.cli.example_recordings()
    assert len(first) == 5
    assert len({record.name for record in first}) == 5
    for record, twin in zip(first, again, strict=True):
        assert record.name.startswith("Synthetic: ")
        assert record.source_format == "synthetic"
        assert np.array_equal(record.signal_mv, twin.signal_mv)
