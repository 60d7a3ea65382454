"""From a directory in LLaVA's layout to a model that reads: PULSE, GEM and their like."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ecgr1_core.model.guests import load_guest
from ecgr1_core.model.llava.config import read_layout
from ecgr1_core.model.llava.processing import LlavaProcessor
from ecgr1_core.model.llava.weights import open_llava
from ecgr1_core.model.loading import LoadedModel
from ecgr1_core.model.memory import Device, Precision


def load_llava(
    directory: Path, *, precision: Precision | Literal["auto"] = "auto", device: Device | Literal["auto"] = "auto"
) -> LoadedModel:
    """Load a checkpoint in LLaVA's layout; `processor` of what comes back is a `LlavaProcessor`.

    Raises a kind of InputError, before weights are read, for a directory that is not whole (`read_layout`,
    `open_llava`), a tokenizer that does not belong to it, and what `load_guest` cannot do on this machine.
    """
    layout = read_layout(directory)
    processor = LlavaProcessor(directory, layout)
    loaded = load_guest(open_llava(directory, layout), processor, precision=precision, device=device)
    loaded.model.generation_config.eos_token_id = list(processor.end_tokens)
    return loaded
