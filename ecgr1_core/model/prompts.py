"""Reads prompts into a cache of keys and values: each by itself, parts that two have in common only once.

A prompt is read alone, whatever else is in the batch, so that no padding is computed and its text does not depend on
its neighbours; the caches are then put side by side, shorter ones padded at the left. Prompts of one call that begin
with the same tokens of the same recording and page share the reading of that beginning, and a page that several prompts
hold goes through the vision tower once. Nothing is kept from one call to the next: a reading must not depend on what
was read before it. The module knows nothing of choosing tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from transformers import Cache
from transformers.cache_utils import DynamicLayer

from ecgr1_core.modality import ModalityView
from ecgr1_core.model.processing import EcgR1Processor
from ecgr1_core.model.views import inputs_for

ROOM_TOKENS: Final = 256
SHORTEST_SHARED: Final = 256  # tokens: the words before an ECG and the ECG are not worth another rounding, a page is


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer, [rows, heads, tokens, head size], with room to grow.

    A step is written into the room; the stock layer copies the whole cache at each step instead.
    """

    _layer_type = None  # not to be taken for transformers' own layers

    def __init__(self) -> None:
        super().__init__()
        self._store: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Add keys and values of new tokens and return all there are."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        used = self.get_seq_length()
        total = used + key_states.shape[-2]
        if self._store is None or total > self._store[0].shape[-2]:
            self._grow(key_states, value_states, used, total + ROOM_TOKENS)
        assert self._store is not None
        keys, values = self._store
        keys[..., used:total, :] = key_states
        values[..., used:total, :] = value_states
        self.keys, self.values = keys[..., :total, :], values[..., :total, :]
        return self.keys, self.values

    def _grow(self, key_states: Tensor, value_states: Tensor, used: int, capacity: int) -> None:
        rows, heads = key_states.shape[:2]
        store = tuple(like.new_empty(rows, heads, capacity, like.shape[-1]) for like in (key_states, value_states))
        if used:
            assert self.keys is not None
            assert self.values is not None
            store[0][..., :used, :] = self.keys
            store[1][..., :used, :] = self.values
        self._store = store[0], store[1]

    def put(self, keys: Tensor, values: Tensor) -> None:
        """Take these keys and values for all there are; room is made at the next update."""
        self.lazy_initialization(keys, values)
        self.keys, self.values, self._store = keys, values, None


@dataclass
class ReadPrompt:
    """A prompt that was read: its tokens [tokens], the next position, its cache of one row, and the logits after it.

    `logits` [vocabulary] are float32; `shared_tokens` of it were taken from another prompt of the same call.
    """

    token_ids: Tensor
    next_position: int
    cache: Cache
    logits: Tensor
    shared_tokens: int


def new_cache(model: Any) -> Cache:
    """Return an empty cache for the layers of a model's language model."""
    return Cache(layers=[RoomyLayer() for _ in range(model.config.text_config.num_hidden_layers)])


def read_prompts(
    model: Any,
    inner: Any,
    processor: EcgR1Processor,
    views: Sequence[ModalityView],
    question: str | None = None,
    system: str | None = None,
) -> Iterator[ReadPrompt]:
    """Yield the prompts of `views` as they are read, in order.

    `inner` is the model that holds towers and language model. Raises InputError for a recording or page that cannot be
    prepared, before any prompt is read.
    """
    device = model.get_input_embeddings().weight.device
    batches = [inputs_for(processor, [view], question, system).to(device) for view in views]
    keys = [
        _content(processor, batch["input_ids"][0].tolist(), view) for batch, view in zip(batches, views, strict=True)
    ]
    pages: dict[int, Any] = {}
    read: list[ReadPrompt] = []
    for number, (batch, view) in enumerate(zip(batches, views, strict=True)):
        shared, source = max(((_common(keys[number], keys[n]), n) for n in range(number)), default=(0, 0))
        cache = new_cache(model)
        if shared >= SHORTEST_SHARED:
            _copy(read[source].cache, cache, shared)
        else:
            shared = 0
        prompt = _read(model, inner, processor, batch, cache, shared, pages, id(view.page))
        read.append(prompt)
        yield prompt


def side_by_side(caches: Sequence[Cache]) -> tuple[Cache, list[int]]:
    """Return one cache of all rows, padded with zeros at the left, and how many tokens of padding each row has."""
    lengths = [cache.get_seq_length() for cache in caches]
    longest = max(lengths)
    padding = [longest - length for length in lengths]
    return Cache(
        layers=[_stacked(layers, padding) for layers in zip(*(c.layers for c in caches), strict=True)]
    ), padding


@torch.inference_mode()
def keep_rows(cache: Cache, rows: Sequence[int], cut: int) -> None:
    """Keep only these rows of a cache, without the first `cut` tokens, which are padding in all of them."""
    for layer in cache.layers:
        index = torch.tensor(rows, device=layer.keys.device)
        layer.put(*(part.index_select(0, index)[..., cut:, :] for part in (layer.keys, layer.values)))


@torch.inference_mode()
def _read(
    model: Any,
    inner: Any,
    processor: EcgR1Processor,
    batch: Any,
    cache: Cache,
    shared: int,
    pages: dict[int, Any],
    page: int,
) -> ReadPrompt:
    ids = batch["input_ids"]
    grid = batch.get("image_grid_thw")
    positions, _ = inner.get_rope_index(ids, mm_token_type_ids=batch["mm_token_type_ids"], image_grid_thw=grid)
    rest = ids[:, shared:]
    given: dict[str, Any] = {}
    if bool((rest == processor.ecg_token_id).any()):
        given |= {name: batch[name] for name in ("ecg_values", "ecg_lengths")}
    if bool((rest == processor.image_token_id).any()):
        if page not in pages:
            pages[page] = inner.get_image_features(batch["pixel_values"], grid, return_dict=True)
        given["mm_encoder_outputs"] = {"image": pages[page]}
    output = model(
        input_ids=rest,
        position_ids=positions[:, :, shared:],
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
        **given,
    )
    return ReadPrompt(ids[0], int(positions.max()) + 1, cache, output.logits[0, -1].float(), shared)


def _content(processor: EcgR1Processor, ids: list[int], view: ModalityView) -> list[tuple[int, int]]:
    """Return a prompt as its tokens, each with the recording or page that it stands for, so that contents compare."""
    owner = {processor.ecg_token_id: id(view.record), processor.image_token_id: id(view.page)}
    return [(token, owner.get(token, 0)) for token in ids]


def _common(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Return how many leading entries are equal, at most all of `one` but its last, which must be read for logits."""
    limit = min(len(one) - 1, len(other))
    return next((n for n in range(limit) if one[n] != other[n]), limit)


@torch.inference_mode()
def _copy(source: Cache, target: Cache, tokens: int) -> None:
    for old, new in zip(source.layers, target.layers, strict=True):
        new.put(old.keys[..., :tokens, :], old.values[..., :tokens, :])


@torch.inference_mode()
def _stacked(layers: Sequence[RoomyLayer], padding: Sequence[int]) -> RoomyLayer:
    stacked = RoomyLayer()
    parts = []
    for name in ("keys", "values"):
        rows = [
            torch.nn.functional.pad(getattr(layer, name), (0, 0, pad, 0))
            for layer, pad in zip(layers, padding, strict=True)
        ]
        parts.append(torch.cat(rows))
    stacked.put(*parts)
    return stacked
