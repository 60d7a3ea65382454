"""What the tests of runs whose rows are held share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.corpus.config import CorpusConfig, Shares, SyntheticSource
from training.corpus.run import run_corpus
from training.held import HeldConfig, Stage


def signal_alone(model: Path, corpus: Path, out: Path, **changes: Any) -> HeldConfig:
    """Return a run of a few steps that needs no page."""
    few, none = Stage(steps=4, batch_rows=2, warmup_steps=1), Stage(steps=0)
    given: dict[str, Any] = {
        "bf16": False,
        "tower": few,
        "vision": none,
        "sft": few,
        "q": {"signal": 1.0},
        "log_every": 1,
        "save_every_s": 1e-6,
    }
    return HeldConfig(model=model, out=out, jobs=1, device="cpu", **(given | {"train": corpus} | changes))


def apart_rows(out: Path, count: int = 2, part: str = "rl") -> Path:
    """Write rows of some synthetic recordings that no other file of the tests has, and return their file."""
    shares = Shares(**{"sft": 0, "rl": 0, "test": 0, part: 1})
    sources = (SyntheticSource(count=count, kinds=("rbbb",)),)
    run_corpus(CorpusConfig(out=out, seed=4, sources=sources, shares=shares, jobs=1))
    return out / f"{part}.jsonl"
