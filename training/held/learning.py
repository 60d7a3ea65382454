"""The stages of a run whose rows are held: each loss as the stage that reads its rows has it, and one loop for all."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgr1_core.errors import InputError
from ecgr1_core.modality import Modality
from training.batches import IGNORED
from training.held.config import Stage
from training.held.rows import Change, HeldRows
from training.targets import LABELS, TARGETS
from training.tower.encoders import EcgEncoder, VisionEncoder
from training.tower.network import TextTower, TowerLearner
from training.tower.trainer import figures, joined

Losses = tuple[Tensor, dict[str, Tensor]]
_BETAS = (0.9, 0.98)
_CLIP = 1.0
_CHECKED_AT_ONCE = 64
_MOST_RARE = 4.0  # how much more than a token of every answer one of hardly any weighs at most


class Kept:
    """Where a stage is kept every so many seconds, to be gone on with: model, optimiser, draws, time and steps.

    `rows` are all that the stage draws from.
    """

    def __init__(self, path: Path, every_s: float, rows: Sequence[HeldRows]) -> None:
        self.path, self.every_s, self.rows, self._last = path, every_s, rows, time.monotonic()

    def keep(self, model: nn.Module, optimiser: Any, done: int, passed: float) -> None:
        """Write all, unless it was written less than `every_s` seconds ago."""
        if time.monotonic() - self._last < self.every_s:
            return
        held = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "done": done, "passed": passed}
        beside = self.path.with_suffix(".part")
        torch.save(held | {"rows": [one.state() for one in self.rows]}, beside)
        beside.replace(self.path)
        self._last = time.monotonic()

    def restore(self, model: nn.Module, optimiser: Any, device: str) -> tuple[int, float]:
        """Return steps and seconds of a stage that was kept, with all as it was then; 0 and 0 where none was."""
        if not self.path.exists():
            return 0, 0.0
        held = torch.load(self.path, map_location=device, weights_only=True)
        model.load_state_dict(held["model"])
        optimiser.load_state_dict(held["optimiser"])
        for one, state in zip(self.rows, held["rows"], strict=True):
            one.restore(state | {"generator": state["generator"].cpu()})
        return int(held["done"]), float(held["passed"])


def optimise(
    model: nn.Module,
    step: Callable[[], Losses],
    stage: Stage,
    *,
    device: str,
    bf16: bool,
    every: int,
    kept: Kept,
) -> Iterator[dict[str, float]]:
    """Learn, and yield the mean of each loss over those of the last `every` steps that told it, with step and seconds.

    The learning rate rises over the first steps and falls as a cosine to 0 where steps or seconds end. What `kept` has
    is gone on with. Raises InputError where the loss is no number any more.
    """
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [one for one in learned if one.ndim > 1], "weight_decay": stage.weight_decay},
        {"params": [one for one in learned if one.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=stage.learning_rate, betas=_BETAS, fused=device == "cuda")
    done, before = kept.restore(model, optimiser, device)
    model.train()
    began, since = time.monotonic() - before, 0
    sums: dict[str, Tensor] = {}
    counts: Counter[str] = Counter()
    while True:
        passed = time.monotonic() - began
        at = done / stage.steps if stage.seconds is None else passed / stage.seconds
        if since:
            kept.keep(model, optimiser, done, passed)
        if since and (since == every or at >= 1):
            means = {name: float(value) / counts[name] for name, value in sums.items()}
            if not all(map(math.isfinite, means.values())):
                raise InputError(f"step {done}", "the loss is no longer a finite number", "lower learning_rate")
            yield {"step": done, "seconds": round(passed, 1)} | means
            model.train()
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
    own = "waves" if which == "tower" else "traces"
    objectives = {"measurements": 1.0, "labels": 1.0, own: 1.0}
    encoder = EcgEncoder(inner.ecg_tower) if which == "tower" else VisionEncoder(inner.visual, 8)
    unused = TextTower(1, 8, 1, 1, 1)
    return TowerLearner(encoder, unused, objectives, len(TARGETS), len(LABELS)).to(device)


def tower_step(
    learner: TowerLearner, parts: Sequence[tuple[HeldRows, int]], *, mask_padding: bool, stretched: float, hidden: float
) -> Losses:
    """Return the loss of the ECG tower on so many rows of each part, shares in another time and without some leads."""
    seen = []
    for rows, count in parts:
        places = rows.rng.integers(len(rows), size=count)
        seen.append(_shown(rows, places, rows.change(count, stretched, hidden), mask_padding))
    return _objectives(learner, {name: torch.cat([one[name] for one in seen]) for name in seen[0]})


def vision_step(learner: TowerLearner, rows: HeldRows, count: int) -> Losses:
    """Return the loss of the vision tower on some pages of one size."""
    places = rows.some(count)
    return _objectives(learner, rows.taught(places) | rows.traced(places) | rows.pages(places))


def token_weights(
    tokenizer: Any, size: int, answers: Sequence[np.ndarray], *, digits: float, rare: float, device: str
) -> Tensor:
    """Return what each of `size` tokens weighs in the loss, [size].

    A token that a share s of the answers have, each [tokens], weighs s ** -rare, at most `_MOST_RARE`, and one that
    none has 1; of tokens that are a digit this is multiplied by `digits`.
    """
    found = np.zeros(size)
    for ids in answers:
        found[np.unique(ids)] += 1
    seen = found > 0
    weights = np.ones(size)
    weights[seen] = np.minimum((found[seen] / len(answers)) ** -rare, _MOST_RARE)
    weights[[place for token, place in tokenizer.get_vocab().items() if token.isdecimal()]] *= digits
    return torch.from_numpy(weights.astype(np.float32)).to(device)


def sft_step(model: Any, rows: HeldRows, count: int, q: dict[Modality, float], pad_id: int, weights: Tensor) -> Losses:
    """Return the mean cross entropy over the answer tokens of some rows, each weighing as `weights` [tokens] says.

    All rows of a step are seen in one environment, drawn anew for each step, and are about as long as each other, so
    that little is spent on padding.
    """
    seen = rows.environment(q)
    each, wanted = _answer_losses(model, rows, rows.alike(count, seen), seen, pad_id)
    loss = _weighted(each, weights[wanted])
    return loss, {"loss": loss, seen: loss}


def _answer_losses(
    model: Any, rows: HeldRows, places: np.ndarray, seen: Modality, pad_id: int
) -> tuple[Tensor, Tensor]:
    """Return the cross entropy of each answer token of rows seen in one environment, and the tokens."""
    inputs, columns, wanted = rows.texts(places, seen, pad_id)
    logits = model(**inputs, logits_to_keep=columns, use_cache=False).logits
    learned = wanted != IGNORED
    return functional.cross_entropy(logits[learned].float(), wanted[learned], reduction="none"), wanted[learned]


def _weighted(each: Tensor, weights: Tensor) -> Tensor:
    mean: Tensor = (each * weights).sum() / weights.sum().clamp(min=1e-9)
    return mean


@torch.no_grad()
def tower_check(learner: TowerLearner, rows: HeldRows, spread: np.ndarray, *, mask_padding: bool) -> dict[str, float]:
    """Return what the ECG tower makes of rows that it does not learn from: losses, and its `figures`."""
    learner.eval()

    def told_of(places: np.ndarray) -> dict[str, Tensor]:
        given = _shown(rows, places, rows.change(len(places)), mask_padding)
        said: dict[str, Tensor] = learner(ids=_no_text(given), **given)
        return said | {name: given[name] for name in ("numbers", "label_values")}

    told = joined(told_of(places) for places in _portions(len(rows)))
    losses = {f"check/{name}": float(told[name].mean()) for name in learner.objectives}
    return losses | {f"check/{name}": value for name, value in figures(told, spread).items()}


@torch.no_grad()
def sft_check(model: Any, rows: HeldRows, q: dict[Modality, float], pad_id: int, weights: Tensor) -> dict[str, float]:
    """Return the loss of rows that are not learned from in each environment that `q` has.

    Every token weighs 1, and once more (`check/SEEN/weighted`) as in what is learned, where that is something else.
    """
    model.eval()
    told: dict[str, float] = {}
    for seen in (one for one, share in q.items() if share > 0):
        parts = [
            _answer_losses(model, rows, group[some], seen, pad_id)
            for group in rows.groups.values()
            for some in _portions(len(group))
        ]
        each, wanted = (torch.cat(one) for one in zip(*parts, strict=True))
        told[f"check/{seen}"] = float(each.mean())
        if bool((weights != 1).any()):
            told[f"check/{seen}/weighted"] = float(_weighted(each, weights[wanted]))
    return told


def mean_loss(told: dict[str, float], q: dict[Modality, float]) -> float:
    """Return the mean over environments that `q` has of what `sft_check` told, every token weighing 1."""
    return float(np.mean([told[f"check/{seen}"] for seen, share in q.items() if share > 0]))


def _portions(count: int) -> list[np.ndarray]:
    return np.array_split(np.arange(count), max(1, count // _CHECKED_AT_ONCE))


def _shown(rows: HeldRows, places: np.ndarray, change: Change, mask_padding: bool) -> dict[str, Tensor]:
    """Return recordings, and what is taught of them, as the learner of the ECG tower takes them."""
    seen = rows.recordings(places, change)
    lengths = seen.pop("ecg_lengths")
    if mask_padding:
        seen["time_mask"] = torch.arange(seen["ecg_values"].shape[2], device=rows.device) < lengths[:, None]
    return seen | rows.taught(places, change)


def _no_text(given: dict[str, Tensor]) -> Tensor:
    return torch.zeros(len(given["numbers"]), 1, dtype=torch.long, device=given["numbers"].device)


def _objectives(learner: TowerLearner, given: dict[str, Tensor]) -> Losses:
    told = learner(ids=_no_text(given), **given)
    return learner.total(told), {name: told[name] for name in learner.objectives}
