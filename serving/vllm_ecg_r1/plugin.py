"""What vLLM calls in each of its processes: it makes the model, its configuration and its attachments known.

Nothing that could touch a GPU is imported here: the model is named by a string and imported when it is served. Written
against vLLM 0.33.
"""

from __future__ import annotations

import importlib
from typing import Final

from vllm import ModelRegistry

ARCHITECTURE: Final = "EcgR1ForConditionalGeneration"
MODEL: Final = "vllm_ecg_r1.model:EcgR1ForConditionalGeneration"

# Importing them registers what they define: the model type of directories saved here, and the connector of attachments.
_REGISTERING: Final = ("ecgr1_core.model.config", "vllm_ecg_r1.media")


def register() -> None:
    """Register everything; calling it again changes nothing."""
    for module in _REGISTERING:
        importlib.import_module(module)
    ModelRegistry.register_model(ARCHITECTURE, MODEL)
