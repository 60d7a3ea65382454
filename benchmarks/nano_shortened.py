"""The nano run shortened to some minutes and made several times over: the same seed, then others.

    .venv/bin/python benchmarks/nano_shortened.py ../shared/data --out runs/shortened

Every stage of `training/configs/nano.yaml` for the signal alone, in an empty folder for each run, on two cores: what
two runs of one seed tell must be the same to the last digit, and what other seeds tell shows how much of a figure is
chance. A run that is there already is not made again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from training.nano import NanoConfig, run_nano
from training.run_config import load_config

_ROOT = Path(__file__).parents[1]
_CONFIG = _ROOT / "training" / "configs" / "nano.yaml"


def main() -> None:
    """Print a line for each run, and whether those of one seed are the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with ptbxl, ludb and challenge2021")
    parser.add_argument("--out", type=Path, required=True, help="a folder for each run is made there")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 0, 1])
    given = parser.parse_args()
    torch.set_num_threads(2)
    print("| run | seed | corpus | tower, last loss | SFT, last loss | apart | micro-F1 | EDER | readings |")
    print("|---|---|---|---|---|---|---|---|---|")
    told: dict[int, list[tuple[Any, ...]]] = {}
    for number, seed in enumerate(given.seeds):
        out = given.out / f"{number}_seed_{seed}"
        stages = run_nano(_config(given.data, out, seed))["stages"]
        figures = _figures(out, stages)
        told.setdefault(seed, []).append(figures)
        print(f"| {number} | {seed} | " + " | ".join(map(str, figures)) + " |", flush=True)
    for seed, runs in told.items():
        if len(runs) > 1:
            print(f"seed {seed}, {len(runs)} runs: {'the same' if len(set(runs)) == 1 else 'NOT the same'}")


def _config(data: Path, out: Path, seed: int) -> NanoConfig:
    table = "{from: folder, table: nano_recordings.csv, record_column: record, patient_column: patient_id, "
    table += "part_column: part, counts_column: counts_per_mv, hash_column: sha256, limit: 40}"
    synthetic = "{from: synthetic, count: 90, devices: true, real_beats: 0.3}"
    return load_config(
        NanoConfig,
        _CONFIG,
        [
            f"data={data.resolve()}",
            f"out={out.resolve()}",
            f"corpus.sources=[{synthetic}, {table}]",
            "corpus.pages=none",
            "held.device=cpu",
            f"held.seed={seed}",
            f"dapo.seed={seed}",
            "held.fresh=200",
            "held.check_rows=32",
            "held.q={signal: 1}",
            "held.tower={steps: 40, batch_rows: 32, learning_rate: 1.2e-3}",
            "held.vision={steps: 0}",
            "held.without_imd={steps: 0}",
            "held.sft={steps: 40, batch_rows: 16, learning_rate: 1.0e-3}",
            "dapo.imd={signal: 1}",
            "dapo.cpu=true",
            "dapo.max_steps=2",
            "dapo.max_new_tokens=96",
            "evaluate.modalities=[signal]",
            "evaluate.max_new_tokens=96",
            "evaluate.consistency=false",
        ],
    )


def _figures(out: Path, stages: dict[str, Any]) -> tuple[Any, ...]:
    """Return what a run tells; files are told by the beginning of their SHA-256."""
    held = stages["held"]["summary"]
    read = json.loads((out / "read_dapo" / "report.json").read_text(encoding="utf-8"))["scores"][0]
    lines = (out / "read_dapo" / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    losses = [sum(held["tower"][name] for name in ("measurements", "labels", "waves")), held["sft"]["loss"]]
    told = [f"{loss:.6f}" for loss in (*losses, held["sft"]["check/signal"])]
    said = "\0".join(json.loads(line)["text"] for line in lines)
    return (
        _hash((out / "corpus" / "sft.jsonl").read_bytes()),
        *told,
        read["labels"]["micro_f1"]["value"],
        read["eder"]["mean"],
        _hash(said.encode()),
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


if __name__ == "__main__":
    main()
