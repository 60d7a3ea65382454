"""Rows, and a tiny model that thinks before it answers in about half of its answers, for tests of DAPO."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ecgr1_core.model.processing import EcgR1Processor
from training.cli import write_record
from training.dapo.config import DapoConfig
from training.dapo.inputs import learning_model, read_rl_rows
from training.dapo.rollouts import Rollouts
from training.freezing import Parts
from training.media import media_beside
from training.problems import Problems
from training.synthesis import kind_spec, synthesize

sys.path.insert(0, str(Path(__file__).parents[2] / "ecgr1_core" / "model"))  # tiny: how a small checkpoint is built

THOUGHT = "<think>**Step 1:** s</think>"
PLAIN = "s e"
SIZES: dict[str, Any] = {
    **{"text_layers": 2, "hidden": 32, "intermediate": 48, "heads": 2, "key_value_heads": 1},
    **{"vision_depth": 3, "vision_width": 16, "tower_layers": 1, "tower_width": 16},
}


def solution(phrase: str) -> str:
    """Return the solution of a row with one evidence phrase in step 1."""
    return (
        f"<|key_diagnostic_evidence|>step_1_technical_rate_rhythm: {phrase}<|/key_diagnostic_evidence|>"
        "<|answer|>sinus rhythm<|/answer|>"
    )


def row(number: int, phrase: str = "s", **fields: Any) -> dict[str, Any]:
    """Return a row of a patient of its own; thoughts of the taught model hold "s" and never "zzz"."""
    return {
        "id": f"case {number}",
        "patient": f"patient {number}",
        "messages": [{"role": "user", "content": "<ecg><image>Read this."}],
        "images": [f"ecg{number}.png"],
        "objects": {"ecg": [f"ecg{number}"]},
        "solution": solution(phrase),
        **fields,
    }


def corpus(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Path:
    """Write a file of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(one) + "\n" for one in rows))
    return folder / name


def recordings(folder: Path, count: int) -> None:
    """Write recordings and pages of 70 image tokens."""
    from ecgr1_core.render.paper import render_page

    for number in range(count):
        record, truth = synthesize(replace(kind_spec("sinus"), name=f"ecg{number}"), np.random.default_rng(number))
        write_record(folder, record, truth, kind="sinus")
        render_page(record).resize((320, 224)).save(folder / f"ecg{number}.png")


def taught_checkpoint(folder: Path, rows: Path) -> Path:
    """Write a checkpoint that answers the signals of these rows with `THOUGHT` or `PLAIN`, as often as not."""
    import torch
    from tiny import build_checkpoint

    from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration
    from training.batches import collate, encode
    from training.rows import Row, read_rows

    torch.set_num_threads(1)
    build_checkpoint(folder, **SIZES)
    model = EcgR1ForConditionalGeneration.from_pretrained(folder)
    processor = EcgR1Processor.from_pretrained(folder)
    given = [one for one in read_rows(rows) if isinstance(one, Row)]
    media = media_beside(rows)
    encoded = [encode(processor, one, media, "signal", answer) for one in given for answer in (THOUGHT, PLAIN)]
    batch = collate(encoded, processor.tokenizer.pad_token_id)
    del batch["environments"]
    optimizer = torch.optim.Adam([*model.model.language_model.parameters(), *model.lm_head.parameters()], lr=5e-3)
    for _ in range(120):
        optimizer.zero_grad()
        model(**batch).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    for shard in folder.glob("model-*.safetensors*"):
        shard.unlink()
    (folder / "model.safetensors.index.json").unlink(missing_ok=True)
    return folder


def config(out: Path, model: Path, rows: Path, **fields: Any) -> DapoConfig:
    """Return the configuration of a quick run that sees signals only."""
    given: dict[str, Any] = {
        **{"imd": {"signal": 1.0}, "precision": "fp32", "parts": Parts(), "epochs": 1000.0, "max_steps": 2},
        **{"prompts_per_step": 2, "group_size": 6, "max_new_tokens": 16, "overlong_buffer": 4, "rows_at_once": 6},
        **{"learning_rate": 1e-3, "warmup_steps": 0, "rewards": {"format": 1.0}},
        **fields,
    }
    return DapoConfig(out=out, model=model, rows=rows, **given)


def rollouts(given: DapoConfig, problems: Problems | None = None) -> Rollouts:
    """Return what samples for a run of this configuration, on one process."""
    from accelerate import Accelerator

    media = media_beside(given.rows, draw_missing=given.draw_missing)
    problems = problems or Problems()
    processor = EcgR1Processor.from_pretrained(given.model)
    rows = read_rl_rows(given, media, problems)
    return Rollouts(given, rows, media, learning_model(given), processor, Accelerator(), problems)
