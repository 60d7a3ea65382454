"""Samples several completions of each prompt, all at once over one cache of keys and values, on the weights that learn.

Every completion draws from a generator of its own, so what it becomes depends on its seed and the weights and, but for
rounding, on nothing that is sampled beside it. Prompts are read once and alone. The module knows nothing of rewards.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import Qwen3VLModel

from ecgr1_core.model.decoding import step
from ecgr1_core.model.prompts import keep_rows, new_cache, side_by_side
from training.dapo.loss import distribution

_MEDIA = ("ecg_values", "ecg_lengths", "pixel_values", "image_grid_thw")


@dataclass
class Sampled:
    """One completion: its tokens, the one that ends the turn included, and the log-probability each was drawn with.

    `ended` is false where it was cut off at the limit of tokens.
    """

    token_ids: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    ended: bool = False


@torch.inference_mode()
def sample(
    model: Any,
    prompts: Sequence[Mapping[str, Tensor]],
    seeds: Sequence[Sequence[Sequence[int]]],
    *,
    max_new_tokens: int,
    temperature: float,
    ends: Collection[int],
    forbidden: Sequence[int],
) -> list[list[Sampled]]:
    """Return the completions of each prompt, as many as it has seeds.

    `prompts` are rows as `training.batches.encode` gives them; a seed is a list of whole numbers. Tokens are drawn at
    `temperature` from the whole distribution but for the `forbidden` ones, until one of `ends`.
    """
    inner = next(module for module in model.modules() if isinstance(module, Qwen3VLModel))
    attention = inner.language_model.config._attn_implementation
    read = [_read(model, inner, prompt) for prompt in prompts]
    owners = [number for number, own in enumerate(seeds) for _ in own]
    generators = [np.random.default_rng(list(seed)) for own in seeds for seed in own]
    completions = [Sampled() for _ in owners]

    cache, padding = side_by_side([read[owner][0] for owner in owners])
    logits = torch.stack([read[owner][1] for owner in owners])
    going = list(range(len(owners)))
    for written in range(max_new_tokens):
        log_probs = distribution(logits, temperature=temperature, forbidden=forbidden)
        drawn = _draw(log_probs, [generators[row].random() for row in going])
        for row, token, log_prob in zip(going, drawn, log_probs.gather(1, drawn[:, None])[:, 0].tolist(), strict=True):
            completions[row].token_ids.append(int(token))
            completions[row].log_probs.append(log_prob)
            completions[row].ended = int(token) in ends
        places = [place for place, row in enumerate(going) if not completions[row].ended]
        if not places or written + 1 == max_new_tokens:
            break
        if len(places) < len(going):
            cut = min(padding[place] for place in places)
            keep_rows(cache, places, cut)
            padding = [padding[place] - cut for place in places]
            going = [going[place] for place in places]
        logits = step(
            model,
            inner,
            cache,
            tokens=[completions[row].token_ids[-1] for row in going],
            positions=[read[owners[row]][2] + written for row in going],
            padding=padding,
            attention=attention,
        )
    groups: list[list[Sampled]] = [[] for _ in prompts]
    for owner, completion in zip(owners, completions, strict=True):
        groups[owner].append(completion)
    return groups


def _read(model: Any, inner: Any, prompt: Mapping[str, Tensor]) -> tuple[Any, Tensor, int]:
    """Return the cache of one prompt, the logits [vocabulary] after it, and the position of the next token."""
    device = model.get_input_embeddings().weight.device
    given = {name: prompt[name].to(device) for name in _MEDIA if name in prompt}
    ids, types = (prompt[name][None].to(device) for name in ("input_ids", "mm_token_type_ids"))
    positions, _ = inner.get_rope_index(ids, mm_token_type_ids=types, image_grid_thw=given.get("image_grid_thw"))
    cache = new_cache(model)
    output = model(
        input_ids=ids, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1, **given
    )
    return cache, output.logits[0, -1].float(), int(positions.max()) + 1


def _draw(log_probs: Tensor, marks: Sequence[float]) -> Tensor:
    """Return the token [rows] at which the summed probabilities of each row pass its mark in [0, 1)."""
    reached = log_probs.double().exp().cumsum(dim=-1)
    wanted = torch.tensor(marks, dtype=reached.dtype, device=reached.device)[:, None] * reached[:, -1:]
    return torch.searchsorted(reached, wanted, right=True)[:, 0]
