"""Pre-training of an ECG tower from configuration to a file of weights: `run_tower`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from ecgr1_core.errors import InputError
from training.learning.rows import Plan
from training.learning.run import close_run, learning_rows, losses_of, open_run, problem_counts, steps_of
from training.media import media_beside
from training.problems import Problems
from training.rows import Row
from training.tower.config import TowerConfig
from training.tower.weights import save_tower

_log = logging.getLogger(__name__)


def run_tower(config: TowerConfig) -> dict[str, Any]:
    """Train the tower of `model`, and return a summary: steps, rows, problems, losses, held-out figures, its file.

    The file, tower.safetensors in `out`, is what `ecg_tower` of fine-tuning takes. Under `accelerate launch` every
    process runs it. Raises InputError for everything in configuration, rows or model that a user can mend.
    """
    import torch
    from accelerate import PartialState

    from ecgr1_core.model.processing import EcgR1Processor
    from training.freezing import load_for_training
    from training.learning.trainer import arguments_of
    from training.tower.network import TextTower, TowerLearner
    from training.tower.targets import LABELS, TARGETS, measured_rows, scales
    from training.tower.trainer import TowerRows, TowerTrainer

    objectives = {name: getattr(config, name) for name in ("measurements", "labels", "contrastive", "captioning")}
    if not any(objectives.values()):
        raise InputError("objectives", "are all of weight 0", "give at least one of them a weight")
    if config.text_width % config.text_heads:
        raise InputError("text_width", "is no multiple of text_heads", "change one of them")
    state = PartialState(cpu=config.cpu)
    start = open_run(config, main=state.is_main_process)
    rows, test, problems = learning_rows(config, need="recording", main=state.is_main_process)
    steps = steps_of(config, len(rows), state.num_processes)

    model = load_for_training(config.model)
    processor = EcgR1Processor.from_pretrained(config.model)
    torch.manual_seed(config.seed)
    text = TextTower(
        model.config.text_config.vocab_size,
        config.text_width,
        config.text_layers,
        config.text_heads,
        config.text_tokens,
    )
    learner = TowerLearner(model.model.ecg_tower, text, objectives, len(TARGETS), len(LABELS))

    measured = []
    for number, (path, members) in enumerate(((config.train, rows), (config.test, test))):
        if path is None or not config.measurements:
            measured.append(np.full((len(members), len(TARGETS)), np.nan, dtype=np.float32))
            continue
        _log.info("measuring %d recordings of %s", len(members), path.name)
        media = media_beside(path, config.ecg_root)
        with state.main_process_first():
            measured.append(measured_rows(members, media, config.out / f"measured-{number}.npz", config.workers))
    mean, spread = scales(measured[0])

    def maker(path: Path, members: list[Row], values: np.ndarray) -> TowerRows:
        return TowerRows(
            processor.tokenizer,
            members,
            media_beside(path, config.ecg_root),
            (values - mean) / spread,
            config.text_tokens,
            needs_text=learner.text is not None,
            mask_padding=model.config.ecg_mask_padding,
        )

    each_step = config.batch_rows * config.accumulate * state.num_processes
    plan = Plan(len(rows), steps * each_step, config.seed, maker(config.train, rows, measured[0]).load)
    _ = plan[0]  # rows of which none can be read are told before the model learns
    _log.info("%d rows, %d steps; %s", len(rows), steps, problems.sentence())
    found = Problems(config.on_problem, config.out / "problems.jsonl")
    trainer = TowerTrainer(
        config=config,
        rows=len(rows),
        problems=found,
        test=None if config.test is None else maker(config.test, test, measured[1]),
        spread=spread,
        model=learner,
        args=arguments_of(config, steps, test=bool(test), gradient_checkpointing=False),
        train_dataset=plan,
    )
    trainer.train(resume_from_checkpoint=None if start is None else str(start))
    held_out = trainer.evaluate() if test else None
    made = config.out / "tower.safetensors"
    if state.is_main_process:
        save_tower(learner.tower, made)
    state.wait_for_everyone()
    summary = {
        "steps": steps,
        "rows": len(rows),
        "test_rows": len(test),
        "objectives": objectives,
        "losses": losses_of(config.out / "metrics.jsonl") if state.is_main_process else {},
        "test": held_out,
        "problems": problem_counts(problems, found),
        "tower": str(made),
    }
    return close_run(config, summary, main=state.is_main_process)
