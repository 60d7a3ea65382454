"""One step of writing: a token of every row in, the logits after it out.

On a CPU each row attends by itself to its own keys, in the very numbers and order as if it were alone; only the linear
layers, whose weights are what takes the time, see all rows at once. So in 8 and 4 bits too, whose kernels take rows one
by one, a text does not depend on what else is in the batch. The module knows nothing of choosing tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.functional import linear, pad, scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from transformers import AttentionInterface, Cache

BY_ROW: Final = "ecgr1_by_row"
_FEW_ROWS: Final = range(2, 9)  # where float32 products are turned round (measured on AVX2)


@torch.inference_mode()
def step(
    model: Any,
    inner: Any,
    cache: Cache,
    tokens: Sequence[int],
    positions: Sequence[int],
    padding: Sequence[int],
    attention: str,
) -> Tensor:
    """Feed one token of each row and return the logits after it, [rows, vocabulary] float32.

    `positions` are those of the tokens, `padding` the entries at the left of each row of `cache` that are not its own;
    `attention` is the implementation that the model was loaded with.
    """
    device = model.get_input_embeddings().weight.device
    given: dict[str, Any] = {"attention_mask": None}
    by_row = device.type == "cpu" and attention == "sdpa"
    if by_row:
        # Of four dimensions, a mask is taken as it is; this one stands for none at all.
        given = {"attention_mask": torch.ones(1, 1, 1, 1, dtype=torch.bool), "row_starts": tuple(padding)}
    elif any(padding):
        places = torch.arange(cache.get_seq_length() + 1, device=device)
        mask = places >= torch.tensor(padding, device=device)[:, None]  # [rows, tokens]
        given["attention_mask"] = mask[:, None, None] if attention == "sdpa" else mask
    turned = _TurnedProducts() if device.type == "cpu" and len(tokens) in _FEW_ROWS else nullcontext()
    with _attention(inner, BY_ROW if by_row else attention), turned:
        output = model(
            input_ids=torch.tensor(tokens, device=device)[:, None],
            position_ids=torch.tensor(positions, device=device)[None, :, None].expand(3, -1, -1),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            **given,
        )
    logits: Tensor = output.logits[:, -1].float()
    return logits


@contextmanager
def _attention(inner: Any, name: str) -> Iterator[None]:
    """Let the language model attend in another way for a while."""
    config = inner.language_model.config
    before = config._attn_implementation
    config._attn_implementation = name
    try:
        yield
    finally:
        config._attn_implementation = before


class _TurnedProducts(TorchFunctionMode):
    """Multiplies a few float32 rows by a layer's weight as `weight @ rows.T` and not as `rows @ weight.T`.

    The two are the same product, but PyTorch's CPU library reads the weight once for all rows only in the first form:
    for 4096 inputs and 12288 outputs two rows take 11 ms instead of 18, four 10 instead of 37 (two AVX2 cores; one row
    8). Three rows are slower than four and are filled up.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is not linear or kwargs or args[1].dtype != torch.float32 or args[0].dtype != torch.float32:
            return func(*args, **(kwargs or {}))
        x, weight, *bias = args
        flat = x.reshape(-1, x.shape[-1])
        rows = len(flat)
        if rows == 3:
            flat = pad(flat, (0, 0, 0, 1))
        y = torch.mm(weight, flat.T)[:, :rows].T.reshape(*x.shape[:-1], len(weight))
        return y if not bias or bias[0] is None else y + bias[0]


def attend_by_row(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    row_starts: Sequence[int],
    **_: Any,
) -> tuple[Tensor, None]:
    """Attend from one token of each row to the row's own entries: [rows, heads, 1, size] to [rows, 1, heads, size].

    `key` and `value` are [rows, key-value heads, tokens, size]; row r owns the entries from `row_starts[r]` on. The
    query heads that share a key-value head are rows of one product, which PyTorch's grouped attention does not do on
    CPUs: so it is twice as fast in float32 and twelve times in bfloat16.
    """
    groups, size = module.num_key_value_groups, query.shape[-1]
    attended = []
    for row, start in enumerate(row_starts):
        heads = query[row, :, 0].reshape(1, -1, groups, size)
        own_keys, own_values = (part[row : row + 1, :, start:] for part in (key, value))
        out = scaled_dot_product_attention(heads, own_keys, own_values, scale=scaling)
        attended.append(out.reshape(1, 1, -1, size))
    return torch.cat(attended), None


AttentionInterface.register(BY_ROW, attend_by_row)
