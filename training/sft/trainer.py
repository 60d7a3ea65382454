"""The trainer of supervised fine-tuning: what is learned of a batch, and what is told of each environment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ecgr1_core.errors import InputError
from ecgr1_core.modality import MODALITIES, Modality
from training.batches import IGNORED
from training.imd import Distribution, risks
from training.learning.rows import told
from training.learning.trainer import RunTrainer
from training.rows import Row
from training.sft.data import SftRows


class SftTrainer(RunTrainer):
    """Learns the answers: cross entropy averaged over answer tokens, told for each environment apart."""

    def __init__(self, *, test: SftRows | None, q: Distribution, collator: Any, **kwargs: Any) -> None:
        held_out = [] if test is None else [(row, one) for row in test.rows for one in test.environments(row)]
        super().__init__(data_collator=collator, eval_dataset=held_out or None, **kwargs)
        self.test, self.q, self.collator, self.examples = test, q, collator, held_out
        self._sums = self._nothing()
        self.held_out: tuple[int, dict[str, float]] = (-1, {})

    def _nothing(self) -> Tensor:
        return torch.zeros(3, len(MODALITIES), device=self.args.device)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """Return the loss of one pass, the sum over its answer tokens over the number of those in the whole step."""
        self.note(inputs.pop("problems"))
        for environment in inputs.pop("seen"):
            self._sums[2, environment] += 1
        losses, environments = token_losses(model, inputs)
        self._sums[:2] += _by_environment(losses, environments)
        loss: Tensor = losses.sum() / num_items_in_batch * self.accelerator.num_processes
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with the mean loss and the share of rows of each environment since the last time, and the bound."""
        if "loss" in logs:
            sums, tokens, seen = self.accelerator.reduce(self._sums).cpu()
            self._sums = self._nothing()
            logs |= self._told("", sums, tokens)
            logs |= {f"q/{one}": float(seen[n] / seen.sum()) for n, one in enumerate(MODALITIES)}
        super().log(logs, start_time)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Return and log the mean loss over the held-out rows, each in every environment it can be seen in."""
        if self.held_out[0] == self.state.global_step:
            return self.held_out[1]
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        own = self.examples[rank::processes]
        sums = self._nothing()[:2]
        model = self.model_wrapped if self.is_deepspeed_enabled else self.model
        model.eval()
        with torch.no_grad(), self.compute_loss_context_manager():
            for start in range(0, math.ceil(len(self.examples) / processes), self.args.per_device_train_batch_size):
                batch = self._test_batch(own[start : start + self.args.per_device_train_batch_size])
                sums += _by_environment(*token_losses(model, self._prepare_inputs(batch)))
        model.train()
        total, tokens = self.accelerator.reduce(sums).cpu()
        metrics = {f"{metric_key_prefix}_loss": float(total.sum() / tokens.sum().clamp(min=1))}
        metrics |= self._told(f"{metric_key_prefix}_", total, tokens)
        self.log(metrics)
        self.held_out = self.state.global_step, metrics
        return metrics

    def _test_batch(self, examples: Sequence[tuple[Row, Modality]]) -> dict[str, Any]:
        assert self.test is not None
        encoded: list[Any] = []
        for row, modality in examples:
            try:
                encoded.append((self.test.encoded(row, modality), []))
            except InputError as error:
                self.note([told(error)])
        if not encoded:  # a process with nothing left still takes part in the pass, for sharded weights
            filling = self.train_dataset[0][0]
            encoded = [(filling | {"labels": torch.full_like(filling["labels"], IGNORED)}, [])]
        batch: dict[str, Any] = self.collator(encoded)
        return {name: value for name, value in batch.items() if name not in ("seen", "problems")}

    def _told(self, prefix: str, sums: Tensor, tokens: Tensor) -> dict[str, float]:
        losses: dict[Modality, float] = {
            one: float(sums[n] / tokens[n]) for n, one in enumerate(MODALITIES) if tokens[n] > 0
        }
        logs = {f"{prefix}loss/{one}": loss for one, loss in losses.items()}
        bound = {f"{prefix}risk/{name}": value for name, value in risks(losses, self.q).items() if value is not None}
        return logs | bound


def token_losses(model: Any, inputs: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Return the cross entropy of every answer token of a batch and the environment it was read in, [answer tokens].

    Logits are computed only where some row has an answer token to predict.
    """
    given = {name: value for name, value in inputs.items() if name not in ("labels", "environments")}
    targets, environments = inputs["labels"][:, 1:], inputs["environments"][:, 1:]
    columns = (targets != IGNORED).any(dim=0).nonzero().squeeze(1)
    targets, environments = targets[:, columns], environments[:, columns]
    logits = model(**given, logits_to_keep=columns, use_cache=False).logits
    learned = targets != IGNORED
    return functional.cross_entropy(logits[learned].float(), targets[learned], reduction="none"), environments[learned]


def _by_environment(losses: Tensor, environments: Tensor) -> Tensor:
    """Return the sum of the losses and the number of tokens of each environment, [2, environments]."""
    both = torch.stack([losses.detach(), torch.ones_like(losses)])
    return torch.zeros(2, len(MODALITIES), device=losses.device).index_add_(1, environments, both)
