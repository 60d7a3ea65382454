"""The weights of any checkpoint directory, safetensors or files of PyTorch: what they hold, and one tensor at a time.

What a file holds is told without reading the weights. Files of PyTorch are opened with `weights_only`, so that nothing
in them is run, and mapped, so that a tensor comes into memory when it is used. The module knows nothing of models.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from torch import Tensor

from ecgr1_core.errors import DamagedFileError
from ecgr1_core.model.checkpoint import INDEX, SINGLE, StoredTensor, read_headers

BIN_INDEX: Final = "pytorch_model.bin.index.json"
BIN_SINGLE: Final = "pytorch_model.bin"
_TYPES: Final = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64"}


@dataclass(frozen=True)
class Source:
    """Where one tensor lies: its file, and its name in it."""

    path: Path
    name: str


def stored_tensors(directory: Path) -> dict[str, StoredTensor]:
    """Return what the weight files of a directory hold, by name; safetensors where there are both kinds.

    Raises MissingPartnerError for absent files, DamagedFileError for truncated or damaged ones.
    """
    safe = (directory / INDEX).is_file() or (directory / SINGLE).is_file()
    if safe or not any((directory / name).is_file() for name in (BIN_INDEX, BIN_SINGLE)):
        return read_headers(directory)
    return read_headers(directory, BIN_INDEX, BIN_SINGLE, read_bin_header)


def read_bin_header(path: Path) -> dict[str, StoredTensor]:
    """Return the tensors of one file of PyTorch, of its `state_dict` where it is a training checkpoint."""
    return {
        name: StoredTensor(tuple(tensor.shape), _TYPES.get(tensor.dtype, str(tensor.dtype)), tensor.nbytes, path.name)
        for name, tensor in _bin_tensors(path).items()
    }


def tensors(sources: Iterable[tuple[str, Source]]) -> Iterator[tuple[str, Tensor]]:
    """Yield each source's tensor under its given name, file by file; a view of the file, to be copied by who keeps it.

    A safetensors file is closed after each tensor, so that its pages do not add up in memory.
    """
    by_file: dict[Path, list[tuple[str, str]]] = {}
    for name, source in sources:
        by_file.setdefault(source.path, []).append((name, source.name))
    for path, wanted in by_file.items():
        if path.suffix == ".safetensors":
            for name, stored in wanted:
                with safe_open(path, framework="pt") as file:
                    tensor = file.get_tensor(stored)
                yield name, tensor
        else:
            held = _bin_tensors(path)
            for name, stored in wanted:
                yield name, held[stored]


def _bin_tensors(path: Path) -> dict[str, Tensor]:
    try:
        loaded: Any = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except (RuntimeError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise DamagedFileError(path, "is truncated, damaged or no file of weights", "fetch it again") from error
    loaded = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else loaded
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise DamagedFileError(path, "holds something else than weights", "fetch it again")
    return {str(name): tensor for name, tensor in loaded.items()}
