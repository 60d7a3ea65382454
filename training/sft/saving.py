"""From a model that has learned to what others load: a whole checkpoint in our layout, or a LoRA adapter."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from training.freezing import inner_of, load_for_training
from training.tower.weights import Tower, load_towers

if TYPE_CHECKING:
    from torch import Tensor

_PREFIX: Final = "base_model.model."


def save_adapter(model: Any, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Write the LoRA adapter of a model that PEFT wraps, in PEFT's own files."""
    from peft import get_peft_model_state_dict

    held = get_peft_model_state_dict(model, state_dict=dict(weights), save_embedding_layers=False)
    model.save_pretrained(str(folder), state_dict=held, save_embedding_layers=False)


def save_whole(
    model: Any,
    weights: Mapping[str, Tensor],
    processor: Any,
    base: Path,
    folder: Path,
    precision: str,
    towers: Mapping[Tower, Path | None] | None = None,
) -> None:
    """Write configuration, weights (in `precision`), tokenizer and processor, as `ecgr1_core.model.loading` reads them.

    `weights` is the state of the model. Where PEFT wraps it, its adapter is added in float32 to the weights of the
    checkpoint it started from, `base`, into which the files of `towers` were put before, and what learned in full is
    taken over.
    """
    from ecgr1_core.model.loading import DTYPES

    if hasattr(model, "peft_config"):
        model, weights = _merged(model, weights, base, folder, towers or {})
    dtype = DTYPES[precision]
    held = {
        name: (value.to(dtype) if value.is_floating_point() else value).contiguous() for name, value in weights.items()
    }
    for config in (model.config, model.config.text_config, model.config.vision_config):
        config.dtype = dtype
    model.save_pretrained(str(folder), state_dict=held)
    processor.save_pretrained(str(folder))


def _merged(
    model: Any, weights: Mapping[str, Tensor], base: Path, folder: Path, towers: Mapping[Tower, Path | None]
) -> tuple[Any, dict[str, Tensor]]:
    from peft import PeftModel

    adapter = folder / "adapter"
    save_adapter(model, weights, adapter)
    learned = {name for name, parameter in model.named_parameters() if parameter.requires_grad and ".lora_" not in name}
    begun = load_for_training(base)
    load_towers(inner_of(begun), towers)
    whole = PeftModel.from_pretrained(begun, str(adapter)).merge_and_unload()
    shutil.rmtree(adapter)
    held = whole.state_dict()
    for name in learned:
        plain = name.removeprefix(_PREFIX)
        held[plain] = weights[name].detach().cpu().to(held[plain].dtype)
    return whole, held
