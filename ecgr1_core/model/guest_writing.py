"""Other models as what `generation.generate_with` writes with: one view at a time, positions counted 0, 1, 2, ….

It knows nothing of how a prompt is made (the processor does) or of choosing tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache

from ecgr1_core.modality import ModalityView
from ecgr1_core.model.loading import LoadedModel
from ecgr1_core.model.prompts import ReadPrompt, new_cache
from ecgr1_core.model.streaming import PieceBytes


class GuestProcessor(Protocol):
    """What makes the prompt of a foreign model."""

    tokenizer: Any
    strip_first: bool
    end_tokens: Sequence[int]

    def inputs(self, view: ModalityView, question: str, system: str | None = None) -> dict[str, Tensor]:
        """Return what the model is fed of one view; InputError for what cannot be prepared."""


class GuestEngine:
    """A foreign model as what writes; `view` by `view`, so that a batch is one row."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._model = loaded.model
        self._processor: GuestProcessor = loaded.processor
        self.ends = frozenset(self._processor.end_tokens)
        self.layers = list(_layers(self._model))

    def token_bytes(self) -> Callable[[int], bytes]:
        """Return what spells the tokens of one text."""
        return PieceBytes(self._processor.tokenizer, strip_first=self._processor.strip_first)

    def prompts(self, views: Sequence[ModalityView], question: str | None, system: str | None) -> Iterator[ReadPrompt]:
        """Read the prompt of the only view; ValueError for several views, or without a question."""
        if len(views) != 1 or question is None:
            raise ValueError("a foreign model reads one view, and is told the question")
        yield self._read(views[0], question, system)

    @torch.inference_mode()
    def step(self, cache: Cache, tokens: Sequence[int], positions: Sequence[int], padding: Sequence[int]) -> Tensor:
        """Feed one token and return the logits after it, [1, vocabulary] float32."""
        output = self._model(
            input_ids=torch.tensor([tokens], device=self._model.device),
            position_ids=torch.tensor([positions], device=self._model.device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits[:, -1].float()
        return logits

    @torch.inference_mode()
    def _read(self, view: ModalityView, question: str, system: str | None) -> ReadPrompt:
        device = self._model.device
        inputs = {name: value.to(device) for name, value in self._processor.inputs(view, question, system).items()}
        cache = _cache(self._model)
        output = self._model(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)
        ids = inputs["input_ids"][0]
        return ReadPrompt(ids, len(ids), cache, output.logits[0, -1].float(), 0)


def _cache(model: Any) -> Cache:
    """Return an empty cache: transformers' own for layers that look back only so far, else one with room to grow."""
    text = model.config.text_config
    sliding = any("sliding" in kind for kind in getattr(text, "layer_types", None) or ())
    return DynamicCache(config=text) if sliding else new_cache(model)


def _layers(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers of every tower and of the language model: the members of their longest lists of modules."""
    for module in model.modules():
        if isinstance(module, nn.ModuleList):
            yield from module
