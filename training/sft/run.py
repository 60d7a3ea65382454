"""Supervised fine-tuning from configuration to checkpoint: `run_sft`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ecgr1_core.errors import InputError
from training.freezing import apply_parts, inner_of, keep_parts_together, load_for_training
from training.imd import frequencies
from training.learning.checkpoints import written_whole
from training.learning.rows import Plan
from training.learning.run import close_run, learning_rows, losses_of, open_run, problem_counts, steps_of
from training.media import media_beside
from training.problems import Problems
from training.rows import Row
from training.sft.config import SftConfig
from training.sft.data import Collator, SftRows
from training.sft.saving import save_adapter, save_whole
from training.tower.weights import Tower, load_towers

_log = logging.getLogger(__name__)


def run_sft(config: SftConfig) -> dict[str, Any]:
    """Train, and return a summary: steps, rows, problems, empirical q, losses, and where the result is.

    Under `accelerate launch` every process runs it; they share the batches, and the first of them writes. Raises
    InputError for everything in configuration, rows or model that a user can mend, and for a full disk.
    """
    from accelerate import PartialState

    from ecgr1_core.model.processing import EcgR1Processor
    from training.learning.trainer import arguments_of
    from training.sft.trainer import SftTrainer

    _check(config)
    state = PartialState(cpu=config.cpu)
    start = open_run(config, main=state.is_main_process)
    rows, test, problems = learning_rows(config, draw_missing=config.draw_missing, main=state.is_main_process)
    steps = steps_of(config, len(rows), state.num_processes)
    arguments = arguments_of(config, steps, test=bool(test), gradient_checkpointing=config.gradient_checkpointing)

    on_gpu = state.device.type == "cuda"
    model = load_for_training(config.model, config.weights, state.local_process_index if on_gpu else "cpu")
    processor = EcgR1Processor.from_pretrained(config.model)
    towers: dict[Tower, Path | None] = {"ecg_tower": config.ecg_tower, "vision_tower": config.vision_tower}
    load_towers(inner_of(model), towers)
    model = apply_parts(model, config.parts, config.lora, seed=config.seed)
    keep_parts_together(model)

    def maker_of(path: Path, members: list[Row]) -> SftRows:
        media = media_beside(path, config.ecg_root, config.image_root, draw_missing=config.draw_missing)
        return SftRows(processor, members, media, config.q, config.seed, config.max_length)

    maker = maker_of(config.train, rows)
    each_step = config.batch_rows * config.accumulate * state.num_processes
    plan = Plan(len(rows), steps * each_step, config.seed, maker.load)
    _ = plan[0]  # rows of which none can be read are told before the model learns
    drawn = frequencies(maker.modality(*plan.place(number)) for number in range(len(plan)))
    _log.info("%d rows, %d steps; %s; q as drawn %s", len(rows), steps, problems.sentence(), drawn)

    found = Problems(config.on_problem, config.out / "problems.jsonl")
    trainer = SftTrainer(
        config=config,
        rows=len(rows),
        problems=found,
        test=None if config.test is None else maker_of(config.test, test),
        q=config.q,
        collator=Collator(
            processor.tokenizer.pad_token_id,
            config.max_length,
            config.packing,
            processor.image_processor.merge_size,
        ),
        model=model,
        args=arguments,
        train_dataset=plan,
    )
    trainer.train(resume_from_checkpoint=None if start is None else str(start))
    held_out = trainer.evaluate() if test else None

    made = config.out / ("model" if config.save == "whole" else "adapter")
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    if state.is_main_process:
        with written_whole(made) as beside:
            if config.save == "whole":
                save_whole(trainer.model, weights, processor, config.model, beside, config.save_as, towers)
            else:
                save_adapter(trainer.model, weights, beside)
    state.wait_for_everyone()
    summary = {
        "steps": steps,
        "rows": len(rows),
        "test_rows": len(test),
        "parameters_learned": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "q_drawn": drawn,
        "losses": losses_of(config.out / "metrics.jsonl") if state.is_main_process else {},
        "test": held_out,
        "problems": problem_counts(problems, found),
        made.name: str(made),
    }
    return close_run(config, summary, main=state.is_main_process)


def _check(config: SftConfig) -> None:
    ways = {config.parts.language, config.parts.vision_tower, config.parts.ecg_tower, config.parts.projectors}
    other_towers = config.ecg_tower is not None or config.vision_tower is not None
    if config.save == "adapter" and ("full" in ways or "lora" not in ways or other_towers):
        raise InputError(
            "save", "an adapter alone cannot hold a part that learns in full or another tower", 'use save "whole"'
        )
