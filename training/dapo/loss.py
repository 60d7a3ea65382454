"""DAPO as functions of tensors: advantages within a group, token probabilities, the clipped loss.

Sources: DAPO, arXiv 2503.14476 (decoupled clip, equation 8; loss over the tokens of the whole batch, equation 8; no
divergence from a reference model, section 2.3), and GRPO, arXiv 2402.03300, section 4.1.2, for the advantages. Nothing
here knows of models, texts or rewards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

STD_FLOOR: Final = 1e-4  # keeps the advantages of a group finite whose rewards hardly differ
SAME_REWARD: Final = 1e-8  # rewards that differ by less are equal: all of the difference is rounding


def group_advantages(rewards: Tensor) -> Tensor:
    """Return how much better each completion is than its group, [groups, completions] for the same of rewards.

    (reward - mean of the group) / (standard deviation of the group + 1e-4), the deviation with n - 1; 0 throughout a
    group of equal rewards. Source: GRPO, arXiv 2402.03300, section 4.1.2.
    """
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    spread = rewards.amax(dim=1, keepdim=True) - rewards.amin(dim=1, keepdim=True)
    advantages = centred / (rewards.std(dim=1, keepdim=True) + STD_FLOOR)
    return torch.where(spread < SAME_REWARD, torch.zeros_like(advantages), advantages)


def token_log_probs(
    logits: Tensor, tokens: Tensor, *, temperature: float, forbidden: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Return the log-probability of each token and, without gradient, the entropy of its place, both [rows, tokens].

    `logits` is [rows, tokens, vocabulary]; they are divided by `temperature`, and `forbidden` ids have probability 0,
    so that what is trained is the distribution that was sampled from. Computed in float32, in nats, a row at a time:
    the probabilities of a whole vocabulary are large.
    """
    chosen, entropies = [], []
    for row, ids in zip(logits, tokens, strict=True):
        log_probs = distribution(row, temperature=temperature, forbidden=forbidden)
        chosen.append(log_probs.gather(1, ids[:, None])[:, 0])
        entropies.append(torch.special.entr(log_probs.detach().exp()).sum(dim=-1))
    return torch.stack(chosen), torch.stack(entropies)


def distribution(logits: Tensor, *, temperature: float, forbidden: Sequence[int]) -> Tensor:
    """Return the log-probabilities that tokens are drawn with, float32, [..., vocabulary] as `logits`."""
    scaled = logits.float() / temperature
    if forbidden:
        scaled = scaled.index_fill(-1, torch.tensor(forbidden, device=logits.device), float("-inf"))
    return torch.log_softmax(scaled, dim=-1)


@dataclass(frozen=True)
class Clipped:
    """The loss of some rows, and how many of their tokens the clip took out of the gradient at either end."""

    loss: Tensor
    low: int
    high: int


def clipped_loss(
    new: Tensor,
    old: Tensor,
    advantages: Tensor,
    counted: Tensor,
    *,
    eps_low: float,
    eps_high: float,
    batch_tokens: int,
) -> Clipped:
    """Return the share of these rows in the loss of a batch.

    `new` and `old` [rows, tokens] are log-probabilities now and when sampled, `advantages` [rows], `counted` [rows,
    tokens] is true where a token is learned from. With r = exp(new - old) the loss of a token is
    -min(r A, clip(r, 1 - eps_low, 1 + eps_high) A); the sum is divided by `batch_tokens`, the counted tokens of the
    whole batch, so that the losses of its parts add up. Source: DAPO, arXiv 2503.14476, equation 8.
    """
    ratio = torch.exp(torch.where(counted, new - old, torch.zeros_like(new)))
    gain = advantages[:, None].expand_as(ratio)
    kept = ratio.clamp(1 - eps_low, 1 + eps_high)
    loss = -torch.minimum(ratio * gain, kept * gain)
    low = counted & (gain < 0) & (ratio < 1 - eps_low)
    high = counted & (gain > 0) & (ratio > 1 + eps_high)
    return Clipped((loss * counted).sum() / batch_tokens, int(low.sum()), int(high.sum()))
