"""What makes steps on a CPU faster: attention of a few hundred tokens, and freed memory that is kept.

It knows nothing of rows or models.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor
from torch.nn import functional

_MALLOC = {-3: 32 << 20, -1: (1 << 31) - 1, -2: 256 << 20}  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD of malloc.h


@contextmanager
def quick_attention(device: str) -> Iterator[None]:
    """While it lasts, attention on a CPU is two products and a softmax in the precision of what it is given.

    Of a few hundred tokens PyTorch's own takes up to twice as long: the fused one backwards, the other in float32. A
    mask must leave every query something to see, as it does where rows are padded at the right.
    """
    stock = functional.scaled_dot_product_attention
    if device == "cpu":
        functional.scaled_dot_product_attention = _attended
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = stock


def _attended(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return what `scaled_dot_product_attention` returns of the same; dropout is none."""
    assert not dropout_p
    if enable_gqa:
        groups = query.shape[-3] // key.shape[-3]
        key, value = (one.repeat_interleave(groups, dim=-3) for one in (key, value))
    alike = (query * (query.shape[-1] ** -0.5 if scale is None else scale)) @ key.transpose(-1, -2)
    if is_causal:
        alike = alike + torch.full(alike.shape[-2:], -torch.inf, dtype=alike.dtype, device=alike.device).triu(1)
    if attn_mask is not None:
        alike = alike.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else alike + attn_mask
    attended: Tensor = alike.softmax(dim=-1).to(value.dtype) @ value
    return attended


def keep_freed_memory() -> None:
    """Let the C library keep the memory of freed tensors for the next ones, where it is glibc.

    Otherwise it is given back to the system and got anew, page by page, in every step: two fifths of a step's time.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in _MALLOC.items():
            mallopt(option, value)
