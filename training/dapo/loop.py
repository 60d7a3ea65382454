"""Reinforcement learning of ECG-R1 by DAPO: sample, reward, learn, log, save, and go on where a killed run stood.

The released trainer's algorithm (DAPO, arXiv 2503.14476) in a loop of our own, because the ECG has to be in the passes
that train as well as in those that sample. Models that are split over processes (ZeRO, FSDP) are refused.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ecgr1_core.errors import InputError
from training.dapo import browse, state
from training.dapo.config import DapoConfig
from training.sft.saving import save_whole

log = logging.getLogger(__name__)

# What may differ from the run that is gone on with: how long it is, and what only memory asks for.
_MAY_CHANGE = frozenset(
    {
        *("out", "epochs", "max_steps", "save_every", "on_problem"),
        *("prompts_at_once", "rows_at_once", "gradient_checkpointing", "cpu"),
    }
)


def run_dapo(config: DapoConfig) -> dict[str, Any]:
    """Train as configured, or go on with the run in `config.out`, and return what came of it.

    Writes there `config.json`, `metrics.jsonl`, `tensorboard/`, `completions/` and `completions.html`,
    `problems.jsonl`, `state.pt` (what a killed run goes on from), and at the end `model/`, a whole checkpoint. Raises
    InputError for a configuration, rows or a checkpoint that cannot be used, and for a disk that is full.
    """
    import torch

    from ecgr1_core.model.processing import EcgR1Processor
    from training.dapo.inputs import learning_model, read_rl_rows
    from training.dapo.metrics import MetricsLog, lines, of_rollout, trends
    from training.dapo.rollouts import Rollouts
    from training.dapo.update import learn
    from training.media import media_beside
    from training.problems import Problems

    accelerator = _processes(config)
    main = accelerator.is_main_process
    if main:
        told = json.loads(json.dumps(config.model_dump(), default=lambda path: str(path.resolve())))
        state.begin(config.out, told, _MAY_CHANGE)
    accelerator.wait_for_everyone()
    media = media_beside(config.rows, config.ecg_root, config.image_root, draw_missing=config.draw_missing)
    fresh = not (config.out / state.STATE).is_file()
    problems = Problems(config.on_problem, config.out / "problems.jsonl" if main and fresh else None)
    rows = read_rl_rows(config, media, problems)
    problems.path = config.out / "problems.jsonl" if main else None
    model = learning_model(config, accelerator.device)
    optimizer = torch.optim.AdamW(
        state.learning(model).values(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    position = state.resume(config.out, model, optimizer)
    processor = EcgR1Processor.from_pretrained(config.model)
    rollouts = Rollouts(config, rows, media, model, processor, accelerator, problems)
    names = [row.id or row.source for row in rows]
    metrics = MetricsLog(config.out, position.step) if main else None
    if position.step:
        log.info("going on after step %d", position.step)
    while not _done(config, position, len(rows)):
        began = time.monotonic()
        step = position.step + 1
        rollout = rollouts.next(step, position.place)
        sampled = time.monotonic()
        figures: dict[str, float | None] = dict(of_rollout(rollout, config.prompts_per_step))
        if rollout.kept:
            rate = config.learning_rate * min(1.0, step / (config.warmup_steps + 1))
            figures |= learn(model, optimizer, rollouts, rollout.kept, rate)
        figures |= {"seconds/sampling": sampled - began, "seconds/learning": time.monotonic() - sampled}
        figures |= {"epoch": rollout.place / len(rows), "place": rollout.place}
        position = state.Position(step, rollout.place)
        if metrics is not None:
            reward = figures.get("reward/total/mean", math.nan)
            log.info("step %d: mean reward %.3f, %d groups to learn from", step, reward, len(rollout.kept))
            with _room_in(config.out):
                metrics.write(step, figures)
                browse.write_step(config.out, step, lines(rollout.sampled, names, rollout.kept))
                if step % config.save_every == 0 or _done(config, position, len(rows)):
                    state.save(config.out, model, optimizer, position)
                    browse.write_page(config.out, step)
    accelerator.wait_for_everyone()
    if metrics is not None:
        metrics.close()
        _write_model(config, model, processor)
        log.info(problems.sentence())
    accelerator.wait_for_everyone()
    return {
        "out": str(config.out),
        "model": str(config.out / "model"),
        "seed": config.seed,
        "processes": accelerator.num_processes,
        "steps": position.step,
        "rows": len(rows),
        "rows_looked_at": position.place,
        "rewards": trends(config.out),
        "problems": dict(problems.counts),
    }


def _processes(config: DapoConfig) -> Any:
    """Return the processes of the run as accelerate knows them; InputError where they share one model out."""
    from accelerate import Accelerator, DistributedType

    accelerator = Accelerator(cpu=config.cpu)
    whole = (DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU)
    if accelerator.distributed_type not in whole:
        raise InputError(
            "accelerate",
            f"{accelerator.distributed_type.value} splits the model over processes, which this stage cannot",
            "launch it with a whole model in every process",
        )
    return accelerator


def _done(config: DapoConfig, position: state.Position, rows: int) -> bool:
    return position.place >= config.epochs * rows or (config.max_steps or math.inf) <= position.step


def _write_model(config: DapoConfig, model: Any, processor: Any) -> None:
    """Write the trained model as a whole checkpoint, adapters merged; it takes its place when it is whole."""
    folder = config.out / "model"
    part = folder.with_name(folder.name + ".part")
    with _room_in(config.out):
        shutil.rmtree(part, ignore_errors=True)
        save_whole(model, model.state_dict(), processor, config.model, part, config.saved_as)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)


@contextmanager
def _room_in(folder: Path) -> Iterator[None]:
    """Tell in one sentence that something could not be written, as on a full disk."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise InputError(
            folder,
            f"cannot be written to ({getattr(error, 'strerror', None) or error})",
            "make room and start the same command again: it goes on from the last state",
        ) from error
