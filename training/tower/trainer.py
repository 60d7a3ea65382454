"""Examples of the pre-training of a tower, its trainer, and what is told of the held-out rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from ecgr1_core.errors import InputError
from training.batches import END_OF_TURN
from training.learning.rows import Told, told
from training.learning.trainer import RunTrainer
from training.page_traces import UNKNOWN_LEAD
from training.rows import Row
from training.targets import TARGETS, Facts, Taught, facts_of, label_row, label_values, text_of
from training.tower.fresh import Fresh
from training.tower.network import PADDING, TowerLearner
from training.tower.sights import Sight

_START: Final = "<|im_start|>"
_JOINED: Final = ("pixel_values", "image_grid_thw")  # of all pages one after the other
_PADDED: Final = {"ids": PADDING, "trace_leads": UNKNOWN_LEAD, "trace_mv": np.nan}
_TOLD: Final = ("heart_rate_bpm", "pr_interval_ms", "qrs_duration_ms", "qt_interval_ms")
Example = dict[str, np.ndarray]


@dataclass
class TowerRows:
    """Makes examples of rows: what the tower is shown of each, and all that it is to tell.

    The numbers of `taught` are told in standard deviations by `scale`, mean and spread, [targets] each. Where `fresh`
    has a recording for a place it is shown instead of the row's.
    """

    tokenizer: Any
    rows: Sequence[Row]
    sight: Sight
    taught: Taught
    scale: tuple[np.ndarray, np.ndarray]
    tokens: int
    needs_text: bool
    fresh: Fresh | None = None

    def load(self, epoch: int, index: int) -> Example:
        """Return a row as arrays; InputError where its recording or page cannot be used or nothing is said of it."""
        drawn = None if self.fresh is None else self.fresh(epoch, index)
        if drawn is not None:
            record, truth, rng = drawn
            seen, text = self.sight.of(record, rng), "; ".join(truth.names)
            return self._example(seen, facts_of(truth), label_values(truth.names), text)
        row = self.rows[index]
        text = text_of(row)
        if self.needs_text and not text:
            raise InputError(row.source, "has neither an answer nor labels", "give one, or leave the text losses out")
        facts = self.taught.numbers[index], self.taught.beats[index]
        return self._example(self.sight(row, epoch), facts, label_row(row), text)

    def _example(self, seen: Example, facts: Facts, labels: np.ndarray, text: str) -> Example:
        (values, beats), (mean, spread) = facts, self.scale
        start, end = (self.tokenizer.convert_tokens_to_ids(name) for name in (_START, END_OF_TURN))
        words = self.tokenizer(text, add_special_tokens=False)["input_ids"][: self.tokens - 2]
        ids = np.array([start, *words, end])
        taught = {"numbers": (values - mean) / spread, "label_values": labels, "beats": beats}
        return {**seen, **taught, "ids": ids}


def collate_rows(examples: Sequence[tuple[Example, list[Told]]]) -> dict[str, Any]:
    """Return examples as one batch of tensors; texts, and what is told of tokens, are padded at the right."""
    rows = [row for row, _ in examples]
    batch: dict[str, Any] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if name in _PADDED:
            longest = max(map(len, values))
            values = [_padded(value, longest, _PADDED[name]) for value in values]
        together = np.concatenate if name in _JOINED else np.stack
        batch[name] = torch.from_numpy(together(values))
    return batch | {"problems": [problem for _, problems in examples for problem in problems]}


def _padded(value: np.ndarray, length: int, filling: float) -> np.ndarray:
    rest = [(0, length - len(value)), *[(0, 0)] * (value.ndim - 1)]
    return np.pad(value, rest, constant_values=filling)


class TowerTrainer(RunTrainer):
    """Learns the weighted sum of the objectives and tells each apart.

    Means are over the rows of one pass of one process: where several processes share a batch, so is the contrast.
    """

    def __init__(self, *, test: TowerRows | None, spread: np.ndarray, **kwargs: Any) -> None:
        super().__init__(data_collator=collate_rows, eval_dataset=None if test is None else list(test.rows), **kwargs)
        self.test, self.spread = test, spread
        self._losses: dict[str, list[Tensor]] = {}
        self.held_out: tuple[int, dict[str, float]] = (-1, {})

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """Return the weighted sum of the objectives' losses of one pass."""
        self.note(inputs.pop("problems"))
        losses = model(**inputs)
        for name in self.learner.objectives:
            self._losses.setdefault(name, []).append(losses[name].detach())
        return self.learner.total(losses)

    @property
    def learner(self) -> TowerLearner:
        """The model itself, out of what wraps it."""
        learner: TowerLearner = self.model
        return learner

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with the mean of each objective since the last time."""
        if "loss" in logs:
            for name, losses in self._losses.items():
                mean = torch.stack(losses).mean()
                logs[f"loss/{name}"] = float(self.accelerator.reduce(mean, reduction="mean"))
            self._losses = {}
        super().log(logs, start_time)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Return and log what the held-out rows give; every process reads all of them.

        The loss of each objective; the mean absolute error of the main measurements in their units; the mean area under
        the ROC curve over the labels that some rows have and some have not; and how often the text most like a
        row, among those of its pass, is its own. Pages that are drawn look the same each time.
        """
        if self.held_out[0] == self.state.global_step or self.test is None:
            return self.held_out[1]
        self.model.eval()
        found = joined(self._told_of_test(self.test.rows))
        self.model.train()
        weights = self.learner.objectives
        metrics = {f"{metric_key_prefix}_loss/{name}": float(found[name].mean()) for name in weights if name in found}
        metrics[f"{metric_key_prefix}_loss"] = sum(
            weights[name] * float(found[name].mean()) for name in weights if name in found
        )
        metrics |= {f"{metric_key_prefix}_{name}": value for name, value in figures(found, self.spread).items()}
        self.log(metrics)
        self.held_out = self.state.global_step, metrics
        return metrics

    def _told_of_test(self, rows: Sequence[Row]) -> Iterator[dict[str, Tensor]]:
        """Yield what is said of the held-out rows of each pass, beside what is true of them."""
        count = self.args.per_device_train_batch_size
        for start in range(0, len(rows), count):
            batch = self._test_batch(rows[start : start + count], start)
            if batch is None:
                continue
            with torch.no_grad(), self.compute_loss_context_manager():
                told_of = self.model(**self._prepare_inputs(batch))
            if "alike" in told_of:
                best = told_of.pop("alike").argmax(dim=1).cpu()
                told_of["text_found"] = (batch["ids"] == batch["ids"][best]).all(dim=1).float()
            yield {**told_of, "numbers": batch["numbers"], "label_values": batch["label_values"]}

    def _test_batch(self, rows: Sequence[Row], start: int) -> dict[str, Any] | None:
        assert self.test is not None
        examples: list[tuple[Example, list[Told]]] = []
        for index in range(start, start + len(rows)):
            try:
                examples.append((self.test.load(0, index), []))
            except InputError as error:
                self.note([told(error)])
        batch = collate_rows(examples) if examples else {}
        return {name: value for name, value in batch.items() if name != "problems"} or None


def joined(told: Iterable[Mapping[str, Tensor]]) -> dict[str, np.ndarray]:
    """Return what was told of each of several batches one after the other; a loss is one value of each."""
    found: dict[str, list[np.ndarray]] = {}
    for batch in told:
        for name, value in batch.items():
            found.setdefault(name, []).append(np.atleast_1d(value.float().cpu().numpy()))
    return {name: np.concatenate(values) for name, values in found.items()}


def figures(found: dict[str, np.ndarray], spread: np.ndarray) -> dict[str, float]:
    """Return what held-out rows give beside losses, as `TowerTrainer.evaluate` tells it.

    `found` holds what was said, `told_numbers` and `told_labels`, beside what is true, `numbers` (both in units of
    `spread`) and `label_values`, and `text_found`; what an objective left out would have said is missing.
    """
    told_of: dict[str, float] = {}
    if "told_numbers" in found:
        errors = np.abs(found["told_numbers"] - found["numbers"]) * spread
        for name in _TOLD:
            column = errors[:, TARGETS.index(name)]
            if np.isfinite(column).any():
                told_of[f"error/{name}"] = float(np.nanmean(column))
    if "told_labels" in found and (area := mean_auroc(found["told_labels"], found["label_values"])) is not None:
        told_of["auroc"] = area
    if "text_found" in found:
        told_of["text_found"] = float(found["text_found"].mean())
    return told_of


def mean_auroc(said: np.ndarray, true: np.ndarray) -> float | None:
    """Return the mean area under the ROC curve over labels with both kinds of rows, [rows, labels] each; else None.

    The area is the share of pairs of a row with and a row without the label that are in the right order, ties half
    (Hanley and McNeil, Radiology 1982;143:29-36).
    """
    areas = []
    for scores, wanted in zip(said.T, true.T, strict=True):
        known = np.isfinite(wanted)
        scores, has = scores[known], wanted[known] > 0.5
        if has.any() and not has.all():
            positive, negative = int(has.sum()), int((~has).sum())
            ranks = rankdata(scores)
            areas.append((ranks[has].sum() - positive * (positive + 1) / 2) / (positive * negative))
    return float(np.mean(areas)) if areas else None
