"""LoRA adapters on layers that PEFT does not know: beside a packed weight, or added to a weight before it is packed.

An adapter changes a layer's weight W to W + s · B A (Hu et al., LoRA, arXiv 2106.09685, section 4.1), s being
alpha / r, or alpha / sqrt(r) where it says rank-stabilised. Plain LoRA in PEFT's own files is read; more is refused.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ecgr1_core.errors import DamagedFileError, InputError, MissingPartnerError
from ecgr1_core.model.checkpoint import CheckpointInfo, expected_tensors, read_header

_WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."
_PLAIN = {
    "use_dora": (None, False),
    "bias": (None, "none"),
    "modules_to_save": (None, []),
    "rank_pattern": (None, {}),
    "alpha_pattern": (None, {}),
    "fan_in_fan_out": (None, False),
    "trainable_token_indices": (None, []),
}


@dataclass(frozen=True)
class Lora:
    """What one layer gets: `a` [rank, in], `b` [out, rank], float32, `b` already scaled."""

    a: Tensor
    b: Tensor

    def merged(self, weight: Tensor) -> Tensor:
        """Return the weight [out, in] with the adapter added, float32."""
        return torch.addmm(weight.float(), self.b, self.a)


class LoraLinear(nn.Module):
    """A layer and the adapter beside it: the layer's own output plus `x Aᵀ Bᵀ`."""

    def __init__(self, base: nn.Module, lora: Lora, dtype: torch.dtype) -> None:
        super().__init__()
        self.base = base
        self.register_buffer("a", lora.a.to(dtype))
        self.register_buffer("b", lora.b.to(dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Return [..., out] of [..., in]."""
        a, b = self.get_buffer("a"), self.get_buffer("b")
        out: Tensor = self.base(x) + ((x.to(a.dtype) @ a.T) @ b.T).to(x.dtype)
        return out


def check_adapter(directory: Path, info: CheckpointInfo) -> None:
    """Check an adapter against the model it is for, without reading weights.

    Raises a kind of InputError where the directory holds no LoRA adapter of PEFT's, or one whose layers the model lacks
    or has in another size.
    """
    _read_config(directory)
    shapes = expected_tensors(info.config)
    tensors = read_header(directory / _WEIGHTS)
    for name, tensor in tensors.items():
        layer, _, part = name.removeprefix(_PREFIX).rpartition(".lora_")
        shape = shapes.get(f"{layer}.weight")
        if not layer or part not in ("A.weight", "B.weight"):
            continue  # what is not plain LoRA is PEFT's to judge, or is refused by read_lora
        if shape is None:
            raise InputError(
                directory, f"belongs to another model: there is no layer {layer}", "give the adapter of this model"
            )
        if len(shape) != 2 or len(tensor.shape) != 2 or tensor.shape[part == "A.weight"] != shape[part == "A.weight"]:
            raise InputError(
                directory, f"belongs to a model of another size ({layer})", "give the adapter of this model"
            )


def read_lora(directory: Path) -> dict[str, Lora]:
    """Return a plain LoRA adapter by the names of the layers it changes.

    Raises a kind of InputError where files are missing or damaged, and where the adapter is more than plain LoRA (DoRA,
    trained biases or whole modules, ranks of their own): such a one has to be merged with PEFT first.
    """
    values = _read_config(directory)
    path = directory / _WEIGHTS
    beyond = [name for name, plain in _PLAIN.items() if values.get(name) not in plain]
    if beyond:
        raise InputError(
            directory,
            f"is more than a plain LoRA adapter ({', '.join(beyond)})",
            "merge it into the bf16 checkpoint with PEFT, save that, and quantise it",
        )
    # Where the head is adapted, PEFT also saves the head itself, unchanged.
    tensors = {name: tensor for name, tensor in load_file(path).items() if not name.endswith(".base_layer.weight")}
    layers: dict[str, Lora] = {}
    for name, a in tensors.items():
        if not name.endswith(".lora_A.weight"):
            continue
        stem = name.removesuffix("lora_A.weight")
        b = tensors.get(f"{stem}lora_B.weight")
        if b is None or a.ndim != 2 or b.ndim != 2 or len(a) != b.shape[1]:
            raise DamagedFileError(path, f"{name} has no fitting lora_B", "save the adapter again")
        rank = len(a)
        scaling = values["lora_alpha"] / (math.sqrt(rank) if values.get("use_rslora") else rank)
        layers[stem.removeprefix(_PREFIX).rstrip(".")] = Lora(a.float(), b.float() * scaling)
    if not layers or 2 * len(layers) != len(tensors):
        raise InputError(
            directory, "holds other tensors than the two of each LoRA layer", "merge it into the checkpoint with PEFT"
        )
    return layers


def attach(model: nn.Module, layers: dict[str, Lora], dtype: torch.dtype) -> None:
    """Put an adapter, checked by `check_adapter`, beside the layers it names; it computes in `dtype`."""
    for name, lora in layers.items():
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, LoraLinear(model.get_submodule(name), lora, dtype))


def _read_config(directory: Path) -> dict[str, Any]:
    path = directory / "adapter_config.json"
    if not path.is_file() or not (directory / _WEIGHTS).is_file():
        raise MissingPartnerError(
            directory,
            f"does not hold both adapter_config.json and {_WEIGHTS}",
            "give the directory that PEFT saved a LoRA adapter in",
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedFileError(path, f"cannot be read as JSON ({error})", "save the adapter again") from error
    if not isinstance(values, dict) or values.get("peft_type") != "LORA":
        raise InputError(path, "does not describe a LoRA adapter", "give a LoRA adapter")
    return values
