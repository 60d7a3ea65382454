"""Hand-made ten-row files in the published layout, one of each kind, load, train one step and are evaluated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecgr1_core.measure import measure
from ecgr1_core.protocol import assess, compose
from ecgr1_core.render.paper import render_page
from training.dapo.config import DapoConfig
from training.dapo.loop import run_dapo
from training.evaluate.config import EvaluateConfig
from training.evaluate.run import run_evaluate
from training.run_config import checked
from training.sft import SftConfig, run_sft
from training.start import StartConfig, run_start
from training.synthesis import kind_spec, synthesize
from training.wfdb_files import write_wfdb

KINDS = ("sinus", "atrial_fibrillation", "lbbb", "av_block_1", "pvc") * 2
# As the files with missing modalities have it: the tag is gone, the path may still be there.
TAGS = ("<ecg><image>",) * 4 + ("<ecg>",) * 3 + ("<image>",) * 3
EVIDENCE = (
    "<|key_diagnostic_evidence|>\nstep_1_technical_rate_rhythm: rhythm; bpm\nstep_2_conduction_axis_intervals: QRS\n"
    "<|\\key_diagnostic_evidence|>\n<|answer|>sinus rhythm; PVC<|/answer|>"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sft.jsonl, rl.jsonl and test.jsonl, their recordings and pages, and a fresh checkpoint `start`."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "mimic_gen").mkdir()
    rows: dict[str, list[dict[str, Any]]] = {"sft": [], "rl": [], "test": []}
    for number, (kind, tags) in enumerate(zip(KINDS, TAGS, strict=True)):
        for part, found in rows.items():
            name = f"{part}{number}"
            record, _ = synthesize(replace(kind_spec(kind), name=name), np.random.default_rng(number))
            write_wfdb(folder / "files", record)
            render_page(record).resize((320, 224)).save(folder / "mimic_gen" / f"{name}.png")
            answer = compose(assess(measure(record), record.patient), seed=number).raw
            turns = [
                {"role": "system", "content": "You are an ECG expert."},
                {"role": "user", "content": f"{tags}Interpret the ECG."},
            ]
            row: dict[str, Any] = {
                "messages": turns if part == "rl" else [*turns, {"role": "assistant", "content": answer}],
                "images": [{"path": f"mimic_gen/{name}.png"}],
                "objects": {"ecg": [f"files/{name}"]},
            }
            found.append({**row, "solution": EVIDENCE} if part == "rl" else row)
    for part, found in rows.items():
        (folder / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found))
    sizes = {"text_layers": 4, "hidden": 32, "intermediate": 48, "heads": 2, "key_value_heads": 1, "tower_layers": 1}
    start = {"out": "start", "rows": ["sft.jsonl"], "vocabulary": 600, "max_image_tokens": 70, "sizes": sizes}
    run_start(checked(StartConfig, start, folder, "start"))
    return folder


def test_the_file_of_readings_trains_a_step(files: Path, tmp_path: Path) -> None:
    given = {
        **{"model": files / "start", "train": files / "sft.jsonl", "test": files / "test.jsonl", "out": tmp_path},
        **{"max_steps": 1, "batch_rows": 10, "log_every": 1, "cpu": True},
    }
    found = run_sft(checked(SftConfig, given, files, "sft"))
    assert (found["rows"], found["test_rows"], found["problems"]) == (10, 10, {})
    assert found["q_drawn"]["signal"] >= 0.3  # rows whose tags show one modality keep it
    assert found["losses"]["first"] == pytest.approx(np.log(640), rel=0.1)  # nothing is known yet of 640 tokens


def test_the_file_for_reinforcement_trains_a_step(files: Path, tmp_path: Path) -> None:
    given = {
        **{"model": files / "start", "rows": files / "rl.jsonl", "test_rows": [files / "test.jsonl"], "out": tmp_path},
        **{"max_steps": 1, "prompts_per_step": 2, "group_size": 2, "max_refills": 0, "precision": "fp32"},
        **{"max_new_tokens": 12, "overlong_buffer": 8, "overlong_filter": False},
    }
    found = run_dapo(checked(DapoConfig, given, files, "dapo"))
    assert (found["steps"], found["rows"], found["problems"]) == (1, 10, {})
    assert set(found["rewards"]) == {"format", "accuracy", "evidence", "penalty", "total"}


def test_the_test_file_is_evaluated_as_its_tags_say(files: Path, tmp_path: Path) -> None:
    given = {"rows": files / "test.jsonl", "out": tmp_path, "readers": ["protocol"], "limit": 6, "consistency": False}
    found = run_evaluate(checked(EvaluateConfig, given, files, "evaluate"))
    seen = {line["modality"]: line["cases"] for line in found["scores"]}
    assert seen.get("signal") == 2  # rows 5 and 6; the protocol reads no two modalities at once
    assert found["problems"] == {"modality of the reader": 4}
    signal = next(line for line in found["scores"] if line["modality"] == "signal")
    assert signal["complete"]["mean"] == 1.0
