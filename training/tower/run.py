"""Pre-training of a tower from configuration to a file of weights: `run_tower` and `run_vision`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgr1_core.errors import InputError
from training.learning.rows import Need, Plan
from training.learning.run import close_run, learning_rows, losses_of, open_run, problem_counts, steps_of
from training.media import Media, media_beside
from training.problems import Problems
from training.rows import Row
from training.tower.config import PretrainingConfig, TowerConfig, VisionConfig
from training.tower.weights import save_tower

if TYPE_CHECKING:
    from training.tower.encoders import Encoder
    from training.tower.sights import Sight

_log = logging.getLogger(__name__)


def run_tower(config: TowerConfig) -> dict[str, Any]:
    """Train the ECG tower of `model`, and return a summary: steps, rows, problems, losses, held-out figures, its file.

    The file, tower.safetensors in `out`, is what `ecg_tower` of fine-tuning takes. Under `accelerate launch` every
    process runs it. Raises InputError for everything in configuration, rows or model that a user can mend.
    """
    from training.tower.encoders import EcgEncoder
    from training.tower.sights import Recordings

    return _pretrain(
        config,
        lambda inner: EcgEncoder(inner.ecg_tower),
        lambda settings, _processor, media, learned: Recordings(
            media, settings.ecg_mask_padding, config.disturbed if learned else 0.0, config.disturbance, config.seed
        ),
        need="recording",
        made="tower",
    )


def run_vision(config: VisionConfig) -> dict[str, Any]:
    """Train the vision tower of `model` with its mergers, and return a summary as `run_tower`.

    The file, vision.safetensors in `out`, is what `vision_tower` of fine-tuning takes. Measurements are known of rows
    that have a recording. Raises InputError as `run_tower`.
    """
    from training.tower.encoders import VisionEncoder
    from training.tower.sights import Pages

    def encoder(inner: Any) -> VisionEncoder:
        if config.gradient_checkpointing:
            inner.visual.activation_checkpointing_enable()
        return VisionEncoder(inner.visual, config.text_width)

    return _pretrain(
        config,
        encoder,
        lambda _settings, processor, media, _learned: Pages(
            media, processor, config.looks, config.seed, config.traces > 0
        ),
        need="page",
        draw_missing=config.draw_missing,
        made="vision",
    )


def _pretrain(
    config: PretrainingConfig,
    encoder_of: Callable[[Any], Encoder],
    sight_of: Callable[[Any, Any, Media, bool], Sight],
    *,
    need: Need,
    made: str,
    draw_missing: bool = False,
) -> dict[str, Any]:
    """Train the encoder that `encoder_of` makes of the inner model, and return the summary.

    `sight_of` makes of configuration, processor and media, and of whether they are learned from, what shows rows to the
    encoder. `made` is the name of the file of weights and of its entry in the summary.
    """
    import torch
    from accelerate import PartialState

    from ecgr1_core.model.processing import EcgR1Processor
    from training.freezing import load_for_training
    from training.learning.trainer import arguments_of
    from training.targets import LABELS, TARGETS, Taught, beside_rows, facts_of, measured_rows, scales
    from training.tower.fresh import Fresh
    from training.tower.network import TextTower, TowerLearner
    from training.tower.trainer import TowerRows, TowerTrainer

    objectives = config.objectives
    if not any(objectives.values()):
        raise InputError("objectives", "are all of weight 0", "give at least one of them a weight")
    if config.text_width % config.text_heads:
        raise InputError("text_width", "is no multiple of text_heads", "change one of them")
    state = PartialState(cpu=config.cpu)
    start = open_run(config, main=state.is_main_process)
    rows, test, problems = learning_rows(config, need=need, draw_missing=draw_missing, main=state.is_main_process)
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
    learner = TowerLearner(encoder_of(model.model), text, objectives, len(TARGETS), len(LABELS))
    settings = model.config
    del model  # only its tower is needed from here on

    measured = []
    for path, members in ((config.train, rows), (config.test, test)):
        if path is None or not (config.measurements or objectives.get("waves")):
            measured.append(Taught.of([facts_of(None)] * len(members)))
            continue
        _log.info("measurements of %d recordings of %s", len(members), path.name)
        media = media_beside(path, config.ecg_root)
        with state.main_process_first():
            kept = (config.measured or config.out) / f"measured-{path.stem}.npz"
            measured.append(measured_rows(members, media, kept, config.workers, beside_rows(path)))
    scale = scales(measured[0].numbers)
    fresh = Fresh(config.fresh, config.seed, config.disturbance) if config.fresh else None

    def maker(path: Path, members: list[Row], taught: Taught, *, learned: bool) -> TowerRows:
        media = media_beside(path, config.ecg_root, config.image_root, draw_missing=draw_missing)
        return TowerRows(
            processor.tokenizer,
            members,
            sight_of(settings, processor, media, learned),
            taught,
            scale,
            config.text_tokens,
            needs_text=learner.text is not None,
            fresh=fresh if learned else None,
        )

    each_step = config.batch_rows * config.accumulate * state.num_processes
    plan = Plan(len(rows), steps * each_step, config.seed, maker(config.train, rows, measured[0], learned=True).load)
    _ = plan[0]  # rows of which none can be read are told before the model learns
    _log.info("%d rows, %d steps; %s", len(rows), steps, problems.sentence())
    found = Problems(config.on_problem, config.out / "problems.jsonl")
    trainer = TowerTrainer(
        config=config,
        rows=len(rows),
        problems=found,
        test=None if config.test is None else maker(config.test, test, measured[1], learned=False),
        spread=scale[1],
        model=learner,
        args=arguments_of(config, steps, test=bool(test), gradient_checkpointing=False),
        train_dataset=plan,
    )
    trainer.train(resume_from_checkpoint=None if start is None else str(start))
    held_out = trainer.evaluate() if test else None
    path = config.out / f"{made}.safetensors"
    if state.is_main_process:
        save_tower(learner.encoder.tower, path)
    state.wait_for_everyone()
    summary = {
        "steps": steps,
        "rows": len(rows),
        "test_rows": len(test),
        "objectives": objectives,
        "losses": losses_of(config.out / "metrics.jsonl") if state.is_main_process else {},
        "test": held_out,
        "problems": problem_counts(problems, found),
        made: str(path),
    }
    return close_run(config, summary, main=state.is_main_process)
