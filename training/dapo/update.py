"""One step of learning from a batch of groups: log-probabilities, the clipped loss, gradients over all processes.

Every process works on its share of the completions and the gradients are summed, so that a step is the same however
many there are. They are summed here and not by DDP: under modality dropout a part may have a gradient on one process
and none on another. The module knows nothing of rewards beyond the advantages, and nothing of files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ecgr1_core.errors import InputError
from training.batches import IGNORED, collate
from training.dapo.config import DapoConfig
from training.dapo.loss import clipped_loss, token_log_probs
from training.dapo.rollouts import Completion, Group, Rollouts
from training.dapo.state import learning

Answered = tuple[Group, Completion]


@dataclass(frozen=True)
class Scored:
    """Some completions under the weights as they are, each [rows, tokens]: log-probabilities (with gradient), entropy
    in nats, the log-probabilities when sampled, and which places are tokens of a completion."""

    log_probs: Tensor
    entropy: Tensor
    sampled: Tensor
    counted: Tensor


def score_tokens(model: Any, rollouts: Rollouts, answers: Sequence[Answered]) -> Scored:
    """Return what the model now makes of completions, in one forward pass with the ECGs and pages they answered."""
    pad, config = rollouts.processor.tokenizer.pad_token_id, rollouts.config
    device = model.get_input_embeddings().weight.device
    rows = [_continued(rollouts.prompt(group), one.sampled.token_ids) for group, one in answers]
    longest = max(len(one.sampled.token_ids) for _, one in answers)
    batch = {name: value.to(device) for name, value in collate(rows, pad, "left").items() if name != "environments"}
    labels = batch.pop("labels")[:, -longest:]
    counted = labels != IGNORED
    with rollouts.autocast():
        logits = model(**batch, use_cache=False, logits_to_keep=longest + 1).logits[:, :-1]
    new, entropy = token_log_probs(
        logits, labels.clamp(min=0), temperature=config.temperature, forbidden=rollouts.forbidden
    )
    sampled = torch.zeros_like(new)
    for line, (_, one) in zip(sampled, answers, strict=True):
        line[longest - len(one.sampled.log_probs) :] = torch.tensor(one.sampled.log_probs, device=device)
    return Scored(new, entropy, sampled, counted)


def learn(
    model: Any, optimizer: torch.optim.Optimizer, rollouts: Rollouts, kept: Sequence[Group], learning_rate: float
) -> dict[str, float]:
    """Update the weights on the completions of a step, as often as configured, and return the figures of that.

    The old log-probabilities are those of the first pass, which the weights that sampled make. `loss` is that of the
    last update; `grad_norm` (before it is scaled down), `clip/low` and `clip/high` (share of tokens) are means over the
    updates; `entropy` is the mean of a token in nats; `sampling_gap/mean` and `/max` say how far the log-probabilities
    of sampling and of training are apart. Raises InputError where a gradient is not finite; no weight is changed then.
    """
    config = rollouts.config
    answers = [(group, one) for group in kept for one in group.completions if one.counted]
    tokens = sum(len(one.sampled.token_ids) for _, one in answers)
    own = answers[rollouts.accelerator.process_index :: rollouts.accelerator.num_processes]
    chunks = [own[begin : begin + config.rows_at_once] for begin in range(0, len(own), config.rows_at_once)]
    old: list[Tensor] = []
    low = high = entropy = gap = loss = norms = 0.0
    widest = 0.0
    model.train()
    for part in optimizer.param_groups:
        part["lr"] = learning_rate
    for update in range(config.updates_per_step):
        optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        for number, chunk in enumerate(chunks):
            scored = score_tokens(model, rollouts, chunk)
            if update == 0:
                old.append(scored.log_probs.detach())
                entropy += float(scored.entropy[scored.counted].sum())
                apart = (scored.log_probs.detach() - scored.sampled)[scored.counted].abs()
                gap, widest = gap + float(apart.sum()), max(widest, float(apart.max()))
            clipped = clipped_loss(
                scored.log_probs,
                old[number],
                scored.log_probs.new_tensor([one.advantage for _, one in chunk]),
                scored.counted,
                eps_low=config.eps_low,
                eps_high=config.eps_high,
                batch_tokens=tokens,
            )
            clipped.loss.backward()  # type: ignore[no-untyped-call]
            loss, low, high = loss + clipped.loss.item(), low + clipped.low, high + clipped.high
        norms += _step(model, optimizer, rollouts, config)
    model.eval()
    device = model.get_input_embeddings().weight.device
    sums = torch.tensor([loss, low, high, entropy, gap], dtype=torch.float32, device=device)
    loss, low, high, entropy, gap = rollouts.accelerator.reduce(sums, "sum").tolist()
    widest = float(rollouts.accelerator.gather(torch.tensor([widest], device=device)).max())
    updates = config.updates_per_step
    return {
        "loss": loss,
        "grad_norm": norms / updates,
        "clip/low": low / (tokens * updates),
        "clip/high": high / (tokens * updates),
        "entropy": entropy / tokens,
        "sampling_gap/mean": gap / tokens,
        "sampling_gap/max": widest,
        "tokens": tokens,
        "learning_rate": learning_rate,
    }


def _step(model: Any, optimizer: torch.optim.Optimizer, rollouts: Rollouts, config: DapoConfig) -> float:
    """Sum the gradients of all processes, scale them down and update; return their norm before that."""
    parameters = list(learning(model).values())
    for parameter in parameters:
        # A part that no completion went through has gradient 0 on however many processes, not none on some.
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        parameter.grad = rollouts.accelerator.reduce(gradient, "sum")
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm))
    if norm != norm or norm == float("inf"):
        raise InputError(
            "training", "the gradient of a step is not finite", "lower the learning rate, or compute in fp32"
        )
    optimizer.step()
    return norm


def _continued(prompt: dict[str, Tensor], token_ids: Sequence[int]) -> dict[str, Tensor]:
    """Return an encoded prompt with a completion behind it, whose tokens are the only labels."""
    written = torch.tensor(token_ids, dtype=prompt["input_ids"].dtype)
    after = {
        "input_ids": written,
        "attention_mask": torch.ones_like(written),
        "mm_token_type_ids": torch.zeros_like(written),
        "labels": written,
        "environments": prompt["environments"][:1].expand(len(written)),
    }
    return {**prompt, **{name: torch.cat([prompt[name], value]) for name, value in after.items()}}
