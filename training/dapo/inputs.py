"""The rows and the model that a run begins with, checked: what cannot be used is named before anything is sampled."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ecgr1_core.errors import InputError
from ecgr1_core.evidence import reference_from_text
from training.dapo.config import DapoConfig
from training.dapo.rewards import NEED_SOLUTION
from training.freezing import apply_parts, load_for_training
from training.media import Media
from training.problems import Problems
from training.rows import Row, leaking, read_rows


def read_rl_rows(config: DapoConfig, media: Media, problems: Problems) -> list[Row]:
    """Return the rows of a run that can be used as far as their text tells; the others are noted.

    Raises InputError where none is left, and where a patient of the rows is also in a test file.
    """
    rows: list[Row] = []
    for one in read_rows(config.rows):
        if isinstance(one, InputError):
            problems.note("damaged", one)
            continue
        try:
            _check(one, media, rewarded_by_solution=not NEED_SOLUTION.isdisjoint(config.rewards))
        except InputError as error:
            problems.note("unusable", error)
        else:
            rows.append(one)
    if not rows:
        raise InputError(config.rows, f"has no row to learn from ({problems.sentence()})", "give another file of rows")
    for path in config.test_rows:
        shared = leaking(rows, [one for one in read_rows(path) if isinstance(one, Row)])
        if shared:
            raise InputError(
                config.rows,
                f"shares {len(shared)} patients with the test file {path.name}, such as {shared[0]}",
                "take the rows of these patients out",
            )
    return rows


def _check(row: Row, media: Media, *, rewarded_by_solution: bool) -> None:
    if not any(media.modalities(row)):
        raise InputError(row.source, "has neither an ECG nor an image", "give the path of one")
    if row.answer is not None:
        raise InputError(row.source, "ends with an answer", "end it with the question; the answer is the solution")
    if rewarded_by_solution:
        if row.solution is None:
            raise InputError(row.source, "has no solution to be rewarded by", "give its phrases and labels")
        reference_from_text(row.solution, row.source)


def learning_model(config: DapoConfig, device: torch.device | str = "cpu") -> Any:
    """Return the model of a run on its device: what learns is held in float32, and nothing is dropped out.

    Small learning rates are lost in 16 bits; and with dropout the ratio of new and old probabilities would be noise.
    Raises a kind of InputError for a checkpoint that cannot be trained.
    """
    loaded = load_for_training(config.model, config.weights, str(device))
    model = apply_parts(loaded, config.parts, config.lora, seed=config.seed)
    if config.weights != "nf4":
        model.to(device)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    model.eval()
    if config.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model
