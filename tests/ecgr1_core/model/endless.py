"""A tiny checkpoint that never ends its turn: what it writes is cut only by a limit or by whoever stops it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tiny import build_checkpoint
from transformers import AutoTokenizer


def build_endless_checkpoint(directory: Path, **sizes: Any) -> Path:
    """Write a tiny checkpoint as `tiny.build_checkpoint`, in which the tokens that end a turn have the logit 0.

    The logits of the 400 others are random, so that the largest is never that low.
    """
    build_checkpoint(directory, **sizes)
    ends = AutoTokenizer.from_pretrained(directory).convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    for path in directory.glob("*.safetensors"):
        tensors = load_file(path)
        if "lm_head.weight" in tensors:
            tensors["lm_head.weight"][torch.tensor(ends)] = 0.0
            save_file(tensors, path, metadata={"format": "pt"})
    return directory
