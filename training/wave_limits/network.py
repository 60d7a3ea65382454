"""The network in PyTorch, for training; `ecgr1_core.measure.wave_net` runs the same in NumPy."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ecgr1_core.measure.wave_net import FOLD, GROUPS, KERNEL, LEAD_DILATIONS, LIMITS, POOLED_DILATIONS


class Block(nn.Module):
    """A residual block: a wide convolution, group normalisation, GELU, a convolution of width one."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        reach = dilation * (KERNEL // 2)
        self.wide = nn.Conv2d(channels, channels, (1, KERNEL), padding=(0, reach), dilation=(1, dilation))
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.narrow = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape [rows, channels, 1, steps]."""
        out: Tensor = x + self.narrow(F.gelu(self.norm(self.wide(x)), approximate="tanh"))
        return out


class WaveNet(nn.Module):
    """Limits of the waves of a median beat from its leads; `lead_head` says them for every lead, to learn more from."""

    def __init__(self, channels: int = 40) -> None:
        super().__init__()
        outputs = len(LIMITS) * FOLD
        self.stem = nn.Conv2d(3 * FOLD, channels, (1, 3), padding=(0, 1))
        self.lead_blocks = nn.ModuleList(Block(channels, dilation) for dilation in LEAD_DILATIONS)
        self.lead_head = nn.Conv2d(channels, outputs, 1)
        self.merge = nn.Conv2d(3 * channels, channels, 1)
        self.pooled_blocks = nn.ModuleList(Block(channels, dilation) for dilation in POOLED_DILATIONS)
        self.head = nn.Conv2d(channels, outputs, 1)

    def forward(self, seen: Tensor, used: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits over the columns: for every lead [batch, leads, 5, columns], for the beat [batch, 5, columns].

        `seen` is [batch, leads, 3, columns], `used` [batch, leads], 1 for the leads that count and 0 for the others.
        """
        batch, leads, channels, columns = seen.shape
        steps = columns // FOLD
        x = seen.reshape(batch * leads, channels, steps, FOLD).transpose(2, 3)
        x = x.reshape(batch * leads, channels * FOLD, 1, steps).contiguous(memory_format=torch.channels_last)
        x = self.stem(x)
        for block in self.lead_blocks:
            x = block(x)
        by_lead = _unfold(self.lead_head(x)).view(batch, leads, len(LIMITS), columns)
        x = x.reshape(batch, leads, -1, 1, steps)
        weight = used[:, :, None, None, None]
        count = weight.sum(1)
        mean = (x * weight).sum(1) / count
        largest = x.masked_fill(weight == 0, -1e4).amax(1)
        spread = (((x - mean[:, None]) ** 2 * weight).sum(1) / count + 1e-6).sqrt()
        x = self.merge(torch.cat([mean, largest, spread], 1))
        for block in self.pooled_blocks:
            x = block(x)
        return by_lead, _unfold(self.head(x))


def _unfold(x: Tensor) -> Tensor:
    rows, _, _, steps = x.shape
    return x.reshape(rows, len(LIMITS), FOLD, steps).transpose(2, 3).reshape(rows, len(LIMITS), steps * FOLD)
