"""Towers and model taught from configuration to checkpoint, with all rows on the accelerator: `run_held`."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgr1_core.errors import InputError
from training.held.config import HeldConfig, Stage
from training.imd import PRESETS
from training.learning.checkpoints import written_whole
from training.learning.rows import usable_rows
from training.media import media_beside
from training.problems import Problems
from training.rows import Row

if TYPE_CHECKING:
    from training.tower.weights import Tower

_log = logging.getLogger(__name__)


def run_held(config: HeldConfig) -> dict[str, Any]:
    """Teach both towers and then the model, and return a summary: rows, steps, seconds and last losses of each stage.

    The folder `out` gets tower.safetensors, vision.safetensors, the models, metrics.jsonl and curves.json. Raises
    InputError for rows, a model or a device that cannot be used.
    """
    import torch

    from ecgr1_core.model.processing import EcgR1Processor
    from training.freezing import load_for_training
    from training.held.examples import Example, examples
    from training.held.learning import optimise, sft_step, tower_learner, tower_step, vision_step
    from training.held.rows import HeldRows, pages_of_one_size
    from training.sft.saving import save_whole
    from training.targets import beside_rows, label_row, measured_rows, scales
    from training.tower.weights import load_towers, save_tower

    if config.device == "cuda" and not torch.cuda.is_available():
        raise InputError("device", "there is no GPU that torch can use", "give device cpu, or train stage by stage")
    began = time.monotonic()
    out = config.out
    out.mkdir(parents=True, exist_ok=True)
    problems = Problems("skip", out / "problems.jsonl")
    media = media_beside(config.train)
    held: list[tuple[Row, Example]] = []
    for row, made in examples(usable_rows(config.train, media, problems), config.model, media, config.jobs):
        if isinstance(made, tuple):
            problems.note(made[0], InputError(*made[1:]))
        else:
            held.append((row, made))
    if not held:
        raise InputError(config.train, "holds no row that can be used", f"mend its rows: {problems.sentence()}")
    used = [row for row, _ in held]
    numbers = measured_rows(used, media, out / "measured.npz", config.jobs, beside_rows(config.train))
    mean, spread = scales(numbers)
    data = HeldRows(
        [one for _, one in held],
        (numbers - mean) / spread,
        np.stack([label_row(row) for row in used]),
        device=config.device,
        seed=config.seed,
        disturbance=config.disturbance,
        share=config.disturbed,
    )
    ready_s = time.monotonic() - began
    _log.info("%d rows held after %.0f s; %s", len(data), ready_s, problems.sentence())

    model, processor = load_for_training(config.model), EcgR1Processor.from_pretrained(config.model)
    pad_id, masks = processor.tokenizer.pad_token_id, model.config.ecg_mask_padding
    summary: dict[str, Any] = {"rows": len(data), "problems": dict(problems.counts), "ready_s": round(ready_s, 1)}
    towers: dict[Tower, str] = {"ecg_tower": "tower.safetensors", "vision_tower": "vision.safetensors"}
    curves: dict[str, list[dict[str, float]]] = {}

    def learn(name: str, one: Any, step: Callable[[], Any]) -> None:
        lines = curves[name] = []
        stage = getattr(config, name)
        if stage.runs:
            for line in optimise(one, step, stage, device=config.device, bf16=config.bf16, every=config.log_every):
                lines.append(line)
                _log.info("%s: %s", name, ", ".join(f"{key} {value:.4g}" for key, value in line.items()))
        summary[name] = lines[-1] if lines else None
        _written(out / "curves.json", curves)
        _written(out / "summary.json", summary)
        if name == "sft":
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (out / "metrics.jsonl").write_text(text, encoding="utf-8")

    with pages_of_one_size():
        tower = tower_learner(model.model, "tower", config.device, config.seed)
        learn("tower", tower, partial(tower_step, tower, data, config.tower.batch_rows, mask_padding=masks))
        save_tower(tower.encoder.tower, out / towers["ecg_tower"])
        vision = tower_learner(model.model, "vision", config.device, config.seed)
        learn("vision", vision, partial(vision_step, vision, data, config.vision.batch_rows))
        save_tower(vision.encoder.tower, out / towers["vision_tower"])
        del tower, vision, model
        for name, folder, q in (("sft", "model", config.q), ("without_imd", "model_without_imd", PRESETS["none"])):
            stage: Stage = getattr(config, name)
            if not stage.runs:
                continue
            model = load_for_training(config.model)
            load_towers(model.model, {which: out / file for which, file in towers.items()})
            model.to(config.device)
            learn(name, model, partial(sft_step, model, data, stage.batch_rows, q, pad_id))
            model.to("cpu")
            with written_whole(out / folder) as beside:
                save_whole(model, model.state_dict(), processor, config.model, beside, "bf16")
            summary[folder] = str(out / folder)
    return summary


def _written(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
