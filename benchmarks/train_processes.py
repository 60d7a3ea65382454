"""Two processes learn what one does: the same losses with the same global batch, and how long each takes.

    .venv/bin/python -m benchmarks.train_processes            # a minute or two on two cores

A tiny ECG-R1 is fine-tuned on synthetic recordings with modality dropout, held-out rows and whole checkpoints, once by
one process with batches of 4, once by `accelerate launch` with two processes (gloo) and batches of 2 each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests" / "training" / "sft")]

from sft_kit import checkpoint, corpus, metrics  # noqa: E402

from training.sft import SftConfig  # noqa: E402

CHILD = """
import json
import sys
import time
from pathlib import Path
import torch
torch.set_num_threads(1)
from training.sft import SftConfig, run_sft
config = SftConfig.model_validate_json(Path(sys.argv[1]).read_text())
started = time.perf_counter()
run_sft(config)
(config.out / "seconds.json").write_text(json.dumps(time.perf_counter() - started))
"""


def launched(config: SftConfig, folder: Path, processes: int) -> float:
    """Run in processes of its own and return the seconds that the run took in them, imports left out."""
    name = config.out.name
    (folder / "child.py").write_text(CHILD)
    (folder / f"{name}.json").write_text(config.model_dump_json())
    command = [sys.executable, str(folder / "child.py"), str(folder / f"{name}.json")]
    if processes > 1:
        setup = REPOSITORY / "training" / "configs" / "accelerate" / f"cpu{processes}.yaml"
        command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(setup), *command[1:]]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)
    return float(json.loads((config.out / "seconds.json").read_text()))


def compare(folder: Path, steps: int, rows: int) -> dict[str, Any]:
    """Train both ways and return the largest differences, the mean step of each and whole times in seconds."""
    model = checkpoint(folder / "model", text_layers=6, hidden=128, intermediate=384, heads=4, key_value_heads=2)
    test = corpus(folder / "rows", range(rows, rows + 2), "test.jsonl")
    shared: dict[str, Any] = {
        **{"model": model, "train": corpus(folder / "rows", range(rows)), "test": test, "cpu": True, "seed": 3},
        **{"max_steps": steps, "learning_rate": 1e-3, "log_every": 1, "test_every": steps // 2, "save_as": "fp32"},
        "parts": {"vision_tower": "full", "ecg_tower": "full"},
    }
    one = SftConfig(out=folder / "one", batch_rows=4, **shared)
    two = SftConfig(out=folder / "two", batch_rows=2, **shared)
    seconds = {"one process": launched(one, folder, 1), "two processes": launched(two, folder, 2)}
    found: dict[str, Any] = {"steps": steps, "seconds": seconds}
    for key in ("loss", "eval_loss", "loss/both", "q/signal", "grad_norm"):
        pairs = list(zip(metrics(one.out, key), metrics(two.out, key), strict=True))
        found[f"largest difference of {key}"] = max(abs(first - second) for (_, first), (_, second) in pairs)
    weights = [load_file(config.out / "model" / "model.safetensors") for config in (one, two)]
    found["largest difference of a weight"] = max(
        float((value - weights[1][name]).abs().max()) for name, value in weights[0].items()
    )
    found["losses"] = [loss for _, loss in metrics(one.out)]
    return found


def main() -> int:
    """Print the comparison as JSON; exit with 1 where the loss curves differ by 1e-5 or more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rows", type=int, default=16)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = compare(Path(folder), arguments.steps, arguments.rows)
    print(json.dumps(found, indent=2))
    return 0 if found["largest difference of loss"] < 1e-5 else 1


if __name__ == "__main__":
    raise SystemExit(main())
