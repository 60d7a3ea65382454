"""Weights before and after fine-tuning and the mean of both: what reads rows apart best is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

Source = Literal["before", "mean", "learned"]
"""Where weights come from: those that fine-tuning began with, their mean with what it learned, what it learned."""


class Choice(NamedTuple):
    """Which weights a model was left with, and the loss of each."""

    kept: Source
    losses: dict[Source, float]


@torch.no_grad()
def keep_best(model: nn.Module, before: Mapping[str, Tensor], loss: Callable[[], float]) -> Choice:
    """Leave a model with the weights of the least loss: those of `before`, its own, or the mean of both.

    `before` has every name of the model's state. The mean of weights that one training has led from one to the other
    often carries over better than either (Wortsman et al., Robust fine-tuning of zero-shot models, arXiv 2109.01903,
    with equal shares). `loss` is called while the model has each of them, and must not remember any, as an autocast
    context does that lasts from one call to the next. Of equal losses the first of `Source` wins.
    """
    learned = {name: value.clone() for name, value in model.state_dict().items()}
    begun = {name: before[name].to(value) for name, value in learned.items()}
    mean = {
        name: torch.lerp(begun[name], value, 0.5) if value.is_floating_point() else value
        for name, value in learned.items()
    }
    weights: dict[Source, dict[str, Tensor]] = {"before": begun, "mean": mean, "learned": learned}
    losses: dict[Source, float] = {}
    for source in get_args(Source):
        model.load_state_dict(weights[source])
        losses[source] = loss()
    kept = min(losses, key=lambda source: losses[source])
    model.load_state_dict(weights[kept])
    return Choice(kept, losses)
