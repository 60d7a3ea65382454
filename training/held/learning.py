"""The stages of a run whose rows are held: each loss as the stage that reads its rows has it, and one loop for all."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgr1_core.errors import InputError
from ecgr1_core.modality import Modality
from training.batches import IGNORED
from training.held.config import Stage
from training.held.rows import HeldRows
from training.targets import LABELS, TARGETS
from training.tower.encoders import EcgEncoder, VisionEncoder
from training.tower.network import TextTower, TowerLearner

Losses = tuple[Tensor, dict[str, Tensor]]
_BETAS = (0.9, 0.98)
_CLIP = 1.0


def optimise(
    model: nn.Module, step: Callable[[], Losses], stage: Stage, *, device: str, bf16: bool, every: int
) -> Iterator[dict[str, float]]:
    """Learn, and yield the mean of each loss over those of the last `every` steps that told it, with step and seconds.

    The learning rate rises over the first steps and falls as a cosine to 0 where steps or seconds end. Raises
    InputError where the loss is no number any more.
    """
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [one for one in learned if one.ndim > 1], "weight_decay": stage.weight_decay},
        {"params": [one for one in learned if one.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=stage.learning_rate, betas=_BETAS, fused=device == "cuda")
    model.train()
    began, done, since = time.monotonic(), 0, 0
    sums: dict[str, Tensor] = {}
    counts: Counter[str] = Counter()
    while True:
        passed = time.monotonic() - began
        at = done / stage.steps if stage.seconds is None else passed / stage.seconds
        if since and (since == every or at >= 1):
            means = {name: float(value) / counts[name] for name, value in sums.items()}
            if not all(map(math.isfinite, means.values())):
                raise InputError(f"step {done}", "the loss is no longer a finite number", "lower learning_rate")
            yield {"step": done, "seconds": round(passed, 1)} | means
            sums, counts, since = {}, Counter(), 0
        if at >= 1:
            return
        rate = stage.learning_rate * min(1.0, (done + 1) / stage.warmup_steps) * 0.5 * (1 + math.cos(math.pi * at))
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            loss, told = step()
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(learned, _CLIP)
        optimiser.step()
        for name, value in told.items():
            sums[name] = sums.get(name, torch.zeros((), device=device)) + value.detach()
            counts[name] += 1
        done, since = done + 1, since + 1


def tower_learner(inner: Any, which: str, device: str, seed: int) -> TowerLearner:
    """Return the ECG tower ("tower") or the vision tower ("vision") of the inner model with its heads."""
    torch.manual_seed(seed)
    objectives = {"measurements": 1.0, "labels": 1.0, "traces": float(which == "vision")}
    encoder = EcgEncoder(inner.ecg_tower) if which == "tower" else VisionEncoder(inner.visual, 8)
    unused = TextTower(1, 8, 1, 1, 1)
    return TowerLearner(encoder, unused, objectives, len(TARGETS), len(LABELS)).to(device)


def tower_step(learner: TowerLearner, rows: HeldRows, count: int, *, mask_padding: bool) -> Losses:
    """Return the loss of the ECG tower on some rows."""
    places = rows.rng.integers(len(rows), size=count)
    seen = rows.recordings(places)
    lengths = seen.pop("ecg_lengths")
    if mask_padding:
        seen["time_mask"] = torch.arange(seen["ecg_values"].shape[2], device=rows.device) < lengths[:, None]
    return _objectives(learner, rows.taught(places) | seen)


def vision_step(learner: TowerLearner, rows: HeldRows, count: int) -> Losses:
    """Return the loss of the vision tower on some pages of one size."""
    places = rows.some(count)
    return _objectives(learner, rows.taught(places) | rows.traced(places) | rows.pages(places))


def sft_step(model: Any, rows: HeldRows, count: int, q: dict[Modality, float], pad_id: int) -> Losses:
    """Return the mean cross entropy over the answer tokens of some rows.

    All rows of a step are seen in one environment, drawn anew for each step: their sequences are about as long as each
    other, and nothing is spent on padding.
    """
    places, seen = rows.some(count), rows.environment(q)
    inputs, columns, wanted = rows.texts(places, seen, pad_id)
    logits = model(**inputs, logits_to_keep=columns, use_cache=False).logits
    learned = wanted != IGNORED
    loss = functional.cross_entropy(logits[learned].float(), wanted[learned])
    return loss, {"loss": loss, seen: loss}


def _objectives(learner: TowerLearner, given: dict[str, Tensor]) -> Losses:
    no_text = torch.zeros(len(given["numbers"]), 1, dtype=torch.long, device=given["numbers"].device)
    told = learner(ids=no_text, **given)
    return learner.total(told), {name: told[name] for name in learner.objectives}
