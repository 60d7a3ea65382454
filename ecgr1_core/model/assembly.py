"""Puts weights one by one into a model that was built without memory, so that they are never there twice.

A tensor is taken as it is, or packed in 8 or 4 bits in the place of its linear layer. It knows nothing of files or of
which model it is.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ecgr1_core.errors import DamagedFileError
from ecgr1_core.model.packed import Int4Linear, Int4Weight, Int8Linear, Int8Weight


class MappedEmbedding(nn.Embedding):
    """An embedding whose table stays in its file; the rows come out in the format the model computes in."""

    def __init__(self, table: Tensor, dtype: torch.dtype) -> None:
        super().__init__(len(table), table.shape[1], _weight=table, _freeze=True)
        self.output_dtype = dtype

    def forward(self, input: Tensor) -> Tensor:
        """Return [..., width] for ids [...]."""
        return super().forward(input).to(self.output_dtype)


def put_tensor(model: nn.Module, name: str, tensor: Tensor) -> None:
    """Take a tensor for the parameter or buffer of that name; RuntimeError where the model has none."""
    path, _, last = name.rpartition(".")
    module = model.get_submodule(path)
    if last in module._parameters:
        module._parameters[last] = nn.Parameter(tensor, requires_grad=False)
    elif last in module._buffers:
        module._buffers[last] = tensor
    else:
        raise RuntimeError(f"the model has no tensor {name}")


def put_layer(model: nn.Module, directory: Path, name: str, weight: Int8Weight | Int4Weight, *, copy: bool) -> None:
    """Replace a linear layer by its packed kind; `copy` where the codes are still a view of the file.

    Raises DamagedFileError, which names `directory`, for codes of another shape.
    """
    old = model.get_submodule(name)
    if not isinstance(old, nn.Linear) or not weight.fits(old.in_features, old.out_features):
        raise DamagedFileError(directory, f"holds packed weights of another shape for {name}", "quantise it again")
    bias = None if old.bias is None else old.bias.detach()
    if copy:
        weight = type(weight)(weight.codes.clone(), weight.scales.clone())
    new = Int8Linear(weight, bias) if isinstance(weight, Int8Weight) else Int4Linear(weight, old.out_features, bias)
    path, _, last = name.rpartition(".")
    setattr(model.get_submodule(path), last, new)


def require_filled(model: nn.Module) -> None:
    """Raise RuntimeError where a tensor of the model still has no memory."""
    empty = [name for name, tensor in (*model.named_parameters(), *model.named_buffers()) if tensor.is_meta]
    if empty:
        raise RuntimeError(f"{len(empty)} tensors were not filled, such as {empty[0]}")


def footprint(model: nn.Module) -> tuple[int, int]:
    """Return the bytes of weights in memory and of those left in their file, shared tensors once."""
    mapped = {
        module.weight.data_ptr(): module.weight.nbytes
        for module in model.modules()
        if isinstance(module, MappedEmbedding)
    }
    tensors = {tensor.data_ptr(): tensor.nbytes for tensor in (*model.parameters(), *model.buffers())}
    kept = sum(size for place, size in tensors.items() if place not in mapped)
    states = [parameter.quant_state for parameter in model.parameters() if hasattr(parameter, "quant_state")]
    kept += sum(tensor.nbytes for state in states for tensor in state.as_dict(packed=True).values())
    return kept, sum(mapped.values())
