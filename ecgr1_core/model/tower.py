"""The ECG tower, a one-dimensional vision transformer over the twelve leads, and the projector behind it.

Names of modules and parameters are those of the published weights (open_clip's). It knows nothing of tokens, prompts or
leads by name: rows come in the order that the weights were trained on, in millivolts.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgr1_core.model.config import EcgR1Config, projector_layers


class TowerAttention(nn.Module):
    """Multi-head self-attention with one joint input projection, as `nn.MultiheadAttention` names its weights."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return [batch, tokens, width]; `mask`, broadcast to [batch, heads, tokens, tokens], is true where seen."""
        batch, length, width = x.shape
        joint = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = joint.view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        projected: Tensor = self.out_proj(attended.transpose(1, 2).reshape(batch, length, width))
        return projected


class _Mlp(nn.Module):
    def __init__(self, width: int, ratio: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, width * ratio)
        self.c_proj = nn.Linear(width * ratio, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.c_proj(functional.gelu(self.c_fc(x)))
        return out


class _Block(nn.Module):
    """One pre-norm transformer block."""

    def __init__(self, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = TowerAttention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = _Mlp(width, ratio)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = x + self.attn(self.ln_1(x), mask)
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class _Transformer(nn.Module):
    def __init__(self, layers: int, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(_Block(width, heads, ratio) for _ in range(layers))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        for block in self.resblocks:
            x = block(x, mask)
        return x


class EcgTower(nn.Module):
    """One-dimensional ViT: patches of the twelve leads in, one vector per patch and a class vector out.

    `ln_post` and `proj` belong to the published weights and are kept with them; the language model is fed what comes
    before them, so they take no part in `forward`.
    """

    def __init__(
        self,
        *,
        layers: int = 12,
        width: int = 768,
        heads: int = 12,
        mlp_ratio: int = 4,
        patch_samples: int = 50,
        samples: int = 5000,
        leads: int = 12,
        output_size: int = 512,
    ) -> None:
        super().__init__()
        if samples % patch_samples or width % heads:
            raise ValueError("samples must be a multiple of patch_samples, and width of heads")
        self.leads, self.samples, self.patch_samples = leads, samples, patch_samples
        self.conv1 = nn.Conv1d(leads, width, kernel_size=patch_samples, stride=patch_samples, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(1 + samples // patch_samples, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = _Transformer(layers, width, heads, mlp_ratio)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.empty(width, output_size))

    @classmethod
    def from_config(cls, config: EcgR1Config) -> EcgTower:
        """Build the tower that the configuration describes; its own parameters are not initialised."""
        return cls(
            layers=config.ecg_num_hidden_layers,
            width=config.ecg_hidden_size,
            heads=config.ecg_num_attention_heads,
            mlp_ratio=config.ecg_mlp_ratio,
            patch_samples=config.ecg_patch_samples,
            samples=config.ecg_samples,
            leads=config.ecg_leads,
            output_size=config.ecg_output_size,
        )

    def forward(self, ecg: Tensor, time_mask: Tensor | None = None) -> Tensor:
        """Return the output of the last block, [batch, 1 + samples / patch, width], class vector first.

        `ecg` is [batch, leads, samples] in mV, cast to the type of the weights. `time_mask` [batch, samples] is true
        where time was recorded; a patch without any recorded sample is then not attended to. Raises ValueError for
        any other shape.
        """
        if ecg.ndim != 3 or tuple(ecg.shape[1:]) != (self.leads, self.samples):
            raise ValueError(f"ecg must be [batch, {self.leads}, {self.samples}], got {list(ecg.shape)}")
        x = self.conv1(ecg.to(self.conv1.weight.dtype)).transpose(1, 2)
        first = self.class_embedding.expand(x.shape[0], 1, -1)
        x = self.ln_pre(torch.cat([first, x], dim=1) + self.positional_embedding)
        out: Tensor = self.transformer(x, None if time_mask is None else self._attention_mask(time_mask))
        return out

    def _attention_mask(self, time_mask: Tensor) -> Tensor:
        """Return [batch, 1, 1, 1 + patches]: true for the class vector and for patches with any recorded sample."""
        if time_mask.ndim != 2 or time_mask.shape[1] != self.samples:
            raise ValueError(f"time_mask must be [batch, {self.samples}], got {list(time_mask.shape)}")
        patches = time_mask.bool().view(len(time_mask), -1, self.patch_samples).any(dim=2)
        return functional.pad(patches, (1, 0), value=True)[:, None, None, :]


def build_projector(kind: str, in_dim: int, out_dim: int) -> nn.Module:
    """Return the projector [..., in_dim] -> [..., out_dim] with the published names of its weights.

    `linear` is one layer; `mlpNx_gelu` is N layers with GELU between them, named 0, 2, 4, … Raises ValueError for
    another kind.
    """
    layers = projector_layers(kind)
    if layers is None:
        raise ValueError(f"unknown projector type {kind!r}")
    if kind == "linear":
        return nn.Linear(in_dim, out_dim)
    modules: list[nn.Module] = [nn.Linear(in_dim, out_dim)]
    for _ in range(layers - 1):
        modules += [nn.GELU(), nn.Linear(out_dim, out_dim)]
    return nn.Sequential(*modules)
