"""What can be configured of supervised fine-tuning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from training.freezing import Lora, Parts, Weights
from training.imd import RELEASED, Environments
from training.learning.config import LearningConfig
from training.run_config import FilePath


class SftConfig(LearningConfig):
    """Supervised fine-tuning; the defaults are the released recipe's but for batch and precision."""

    q: Environments = Field(
        RELEASED, description="share of each environment among rows with both modalities, or released, even, none"
    )
    draw_missing: bool = Field(False, description="draw a page for rows that have a recording and no page")
    ecg_tower: FilePath | None = Field(
        None, description="weights of a pre-trained ECG tower to start with (made by `tower`, or ECG-CoCa's .pt)"
    )
    vision_tower: FilePath | None = Field(
        None, description="weights of a pre-trained vision tower with its mergers to start with (made by `vision`)"
    )
    parts: Parts = Field(Parts(), description="how each part of the model learns")
    lora: Lora = Field(Lora(), description="the adapters of parts that learn by LoRA")
    weights: Weights = Field("fp32", description="how weights are held: fp32, bf16, or nf4 (QLoRA)")
    max_length: int = Field(4096, ge=128, description="tokens of a row at most; longer rows are problems")
    packing: bool = Field(False, description="put several rows into one sequence of at most max_length tokens")
    gradient_checkpointing: bool = Field(False, description="compute activations again instead of keeping them")
    save: Literal["whole", "adapter"] = Field(
        "whole", description="what is made: a whole checkpoint (adapters merged), or the adapter alone"
    )
    save_as: Literal["fp32", "bf16"] = Field("bf16", description="precision of the whole checkpoint's weights")
