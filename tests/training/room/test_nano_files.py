"""The files of ECG-R1-nano: the pipeline they make, and the table of its real recordings."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from ecgr1_core.errors import InputError
from training.corpus.sources import content_hash
from training.nano import NanoConfig, pipeline_of
from training.pipeline import planned
from training.run_config import load_config
from training.stages import STAGES

CONFIG = STAGES["nano"].file


def config(*changes: str) -> NanoConfig:
    assert CONFIG is not None
    return load_config(NanoConfig, CONFIG, changes)


def test_without_recordings_the_sources_are_synthetic_alone() -> None:
    sources = pipeline_of(config()).corpus["sources"]
    assert {source["from"] for source in sources} == {"synthetic"}


def test_the_folder_of_recordings_is_filled_in_and_every_stage_can_be_planned(tmp_path: Path) -> None:
    pipeline = pipeline_of(config(f"data={tmp_path}", f"out={tmp_path / 'run'}"))
    source = pipeline.corpus["sources"][-1]
    assert source["folder"] == str(tmp_path.resolve())
    assert Path(source["table"]).is_file()
    stages = {name: ready for name, _, ready in planned(pipeline)}
    assert list(stages)[:4] == ["corpus", "start", "held", "dapo"]
    assert stages["dapo"].model == stages["held"].out / "model"  # type: ignore[attr-defined]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone: there is no such folder"):
        pipeline_of(config(f"data={tmp_path / 'gone'}"))


def lines() -> list[dict[str, str]]:
    assert CONFIG is not None
    with (CONFIG.parent / "nano_recordings.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_no_patient_is_for_training_and_for_tests() -> None:
    parts: dict[str, set[str]] = defaultdict(set)
    for line in lines():
        parts[line["patient_id"]].add(line["part"])
    assert {len(found) for found in parts.values()} == {1}
    assert set.union(*parts.values()) == {"sft", "rl", "test"}


def test_the_table_is_of_these_recordings(shared_data: Path) -> None:
    for line in lines()[::40]:
        assert content_hash(shared_data / f"{line['record']}.hea") == line["sha256"], line["record"]
