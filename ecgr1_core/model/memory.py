"""How much memory a model takes in each precision, and how much this machine can give, before anything is loaded.

The need is counted from shapes: weights as they lie in memory, the cache of keys and values for a reading of the
published length, and working space. It knows nothing of how weights are read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ecgr1_core.model.checkpoint import CheckpointInfo, expected_tensors

Precision = Literal["bf16", "fp16", "fp32", "int8", "int4", "nf4"]
PRECISIONS: Final[tuple[Precision, ...]] = ("bf16", "fp16", "fp32", "int8", "int4", "nf4")
Device = Literal["cpu", "cuda", "mps"]

PROMPT_TOKENS: Final = 1024  # 768 of the image at most, 101 of the ECG, the rest words
NEW_TOKENS: Final = 2048  # the published limit of an answer
_IMAGE_PATCHES: Final = 4 * 768
LIBRARIES_BYTES: Final = 600_000_000  # PyTorch, transformers and Python themselves
_CGROUP: Final = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes of main memory, or of the GPU's where the model lies there."""

    weights: int
    cache: int
    working: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.working


def memory_needed(
    info: CheckpointInfo, precision: Precision, device: Device = "cpu", *, readings: int = 1
) -> MemoryNeed:
    """Return the bytes that a model takes while it writes `readings` readings of the published length at once.

    On the CPU, 8 and 4 bits keep the embedding in its file, and everything else that is not quantised in the number
    format this CPU multiplies fastest in. The cache is 2 x layers x key-value heads x head size x tokens numbers.
    """
    text, vision = info.config.text_config, info.config.vision_config
    size = number_bytes(precision, device)
    weights = weight_bytes(expected_tensors(info.config), precision, device, tied=info.config.tie_word_embeddings)
    head_size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    per_token = 2 * text.num_hidden_layers * text.num_key_value_heads * head_size * size
    cache = readings * (PROMPT_TOKENS + NEW_TOKENS) * per_token
    # The widest moments: gate, up and their product of one layer, or one block of the vision tower; the logits.
    activations = readings * 4 * size * PROMPT_TOKENS * (text.intermediate_size + text.hidden_size)
    image = readings * 4 * size * _IMAGE_PATCHES * (vision.intermediate_size + vision.hidden_size)
    working = max(activations, image) + readings * 4 * text.vocab_size + LIBRARIES_BYTES
    return MemoryNeed(weights, cache, working)


def number_bytes(precision: Precision, device: Device = "cpu") -> int:
    """Return the bytes of a number that is not quantised: of an activation, the cache, or a weight left as it is."""
    from ecgr1_core.model.packed import matmul_dtype

    packed = precision in ("int8", "int4") and device == "cpu"
    return matmul_dtype().itemsize if packed else 4 if precision == "fp32" else 2


def weight_bytes(shapes: Mapping[str, tuple[int, ...]], precision: Precision, device: Device, *, tied: bool) -> int:
    """Return the bytes that weights take in memory, by their names in a model of transformers and their shapes.

    `tied` says that the head is the embedding; packed for the CPU it takes its bytes all the same.
    """
    from ecgr1_core.model.quantise import EMBEDDING, HEAD, quantised_layer, stored_bytes

    packed = precision in ("int8", "int4") and device == "cpu"
    size = number_bytes(precision, device)
    weights = 0
    for name, shape in shapes.items():
        layer = quantised_layer(name) is not None
        if packed and (layer or name == f"{HEAD}.weight"):
            weights += stored_bytes(name, shape, "int8" if precision == "int8" else "int4")
        elif packed and name == EMBEDDING:
            continue
        elif precision == "nf4" and layer:
            weights += stored_bytes(name, shape, "nf4")
        elif precision == "int8" and layer:
            weights += stored_bytes(name, shape, "int8")
        elif not (name == f"{HEAD}.weight" and tied):
            weights += size * math.prod(shape)
    return weights


def memory_available(device: Device = "cpu") -> int:
    """Return the bytes that may still be taken: of main memory, within the limits of the container; or of the GPU's.

    With several GPUs it is the sum over them.
    """
    if device == "cuda":
        import torch

        return sum(torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count()))
    import psutil  # type: ignore[import-untyped]

    available = int(psutil.virtual_memory().available)
    room = _cgroup_room()
    return available if room is None else min(available, room)


def fits(info: CheckpointInfo, precision: Precision, device: Device = "cpu") -> bool:
    """Return whether a model of this precision can be held and run now."""
    return memory_needed(info, precision, device).total <= memory_available(device)


def _cgroup_room(root: Path = _CGROUP) -> int | None:
    """Return what a container's limit leaves, version 2 or 1; cache of files that can be dropped counts as free."""
    for limit, usage, stat, word in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "total_inactive_file",
        ),
    ):
        try:
            most = (root / limit).read_text().strip()
            used = int((root / usage).read_text())
            lines = (root / stat).read_text().splitlines()
        except OSError:
            continue
        if most == "max" or int(most) >= 1 << 60:
            return None
        droppable = sum(int(line.split()[1]) for line in lines if line.split()[0] == word)
        return max(0, int(most) - used + droppable)
    return None
