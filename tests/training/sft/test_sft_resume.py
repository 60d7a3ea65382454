"""A run that is killed and started again ends with the very weights of a run that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sft_kit import metrics

from training.sft import SftConfig, run_sft

STEPS = 16
CHILD = """
import sys
import torch
torch.set_num_threads(1)
from pathlib import Path
from training.sft import SftConfig, run_sft
run_sft(SftConfig.model_validate_json(Path(sys.argv[1]).read_text()))
"""
# Everything that a checkpoint must hold: parts in full, adapters, and dropout, which draws random numbers.
LEARNING: dict[str, Any] = {
    "parts": {"language": "lora", "ecg_tower": "full"},
    "lora": {"rank": 2, "dropout": 0.2},
}


@pytest.mark.slow
def test_killed_and_resumed_is_bit_identical(sft_model: Path, sft_rows: Path, tmp_path: Path) -> None:
    shared: dict[str, Any] = {
        **{"model": sft_model, "train": sft_rows, "max_steps": STEPS, "batch_rows": 1, "accumulate": 2, "cpu": True},
        **{"learning_rate": 1e-3, "log_every": 1, "save_every": 4, "save_as": "fp32", "seed": 4, **LEARNING},
    }
    unbroken = SftConfig(out=tmp_path / "unbroken", **shared)
    broken = SftConfig(out=tmp_path / "broken", **shared)
    (tmp_path / "child.json").write_text(broken.model_dump_json())
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "child.json")],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )
    log = broken.out / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not log.exists() or len(log.read_text().splitlines()) < 6:
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    reached = len(log.read_text().splitlines())
    assert 6 <= reached < STEPS
    run_sft(unbroken)
    run_sft(broken)

    assert metrics(broken.out) == metrics(unbroken.out)
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == list(range(1, STEPS + 1))
    one, two = (path.out / "model" / "model.safetensors" for path in (unbroken, broken))
    assert one.read_bytes() == two.read_bytes()
