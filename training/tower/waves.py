"""Where the waves of each beat are, told token by token along a recording: what is learned at every place of it.

A number for the whole recording is one example; the place of every wave is a hundred, and whoever knows all places
knows rate and intervals. It knows nothing of encoders.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from training.targets import BEAT

RECORDING_S: Final = 10.0
"""Seconds that the tokens of a recording stand for."""
WAVES: Final = 5
"""What is told of a token: its shares of P, QRS and ST-T, and the seconds since the last R and to the next one."""
_ENDS: Final = (("p_onset_s", "p_offset_s"), ("qrs_onset_s", "qrs_offset_s"), ("qrs_offset_s", "t_offset_s"))
_PER_S: Final = 4.0  # a quarter of a second, the scatter of distances to R, weighs like a unit of the other losses


def wave_targets(beats: Tensor, tokens: int) -> Tensor:
    """Return what is true of each of `tokens` equal parts of a recording, [batch, tokens, WAVES].

    `beats` [batch, beats, BEAT] are seconds, NaN where a wave was not found. Distances are NaN where no R comes before,
    or after, and all is NaN for a recording of which no beat is known.
    """
    edges = torch.linspace(0, RECORDING_S, tokens + 1, device=beats.device)
    begin, end = edges[:-1, None], edges[1:, None]

    def times(name: str) -> Tensor:
        return beats[:, None, :, BEAT.index(name)]

    shares = [
        (torch.minimum(times(off), end) - torch.maximum(times(on), begin)).nan_to_num(0.0).clamp(min=0).sum(dim=2)
        * (tokens / RECORDING_S)
        for on, off in _ENDS
    ]
    after = times("r_s") - (begin + end) / 2
    distances = [
        torch.where(distance >= 0, distance, torch.inf).nan_to_num(torch.inf, posinf=torch.inf).amin(dim=2)
        for distance in (-after, after)
    ]
    told = torch.stack([*(one.clamp(max=1) for one in shares), *distances], dim=2)
    known = torch.isfinite(beats[:, :, BEAT.index("r_s")]).any(dim=1)[:, None, None]
    return torch.where(known & torch.isfinite(told), told, torch.nan)


def wave_loss(said: Tensor, true: Tensor) -> Tensor:
    """Return the loss of what is said of tokens, shares as logits, against `wave_targets`, [batch, tokens, WAVES]."""
    shares = known_mean(functional.binary_cross_entropy_with_logits, said[..., :3], true[..., :3])
    return shares + known_mean(functional.smooth_l1_loss, _PER_S * said[..., 3:], _PER_S * true[..., 3:])


def known_mean(loss: Any, said: Tensor, true: Tensor) -> Tensor:
    """Return the mean of a loss over what is known; 0 where nothing is."""
    known = torch.isfinite(true)
    each = loss(said, torch.where(known, true, torch.zeros_like(true)), reduction="none")
    mean: Tensor = (each * known).sum() / known.sum().clamp(min=1)
    return mean
