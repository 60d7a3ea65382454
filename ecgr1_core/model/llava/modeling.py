"""GEM on transformers: LLaVA whose image placeholder holds the ECG's vectors first and the image's after them.

The ECG's vectors go through two projectors, their own into the width of the vision tower and then the image's. It knows
nothing of prompts, recordings or files.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaModel,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextModel,
)
from transformers.modeling_outputs import BaseModelOutputWithPooling

from ecgr1_core.model.llava.config import EcgPart
from ecgr1_core.model.tower import EcgTower, build_projector


class _EcgBeforeImage:
    """The inner model's part: tower, projector, and the order ECG, image within a placeholder."""

    ecg_tower: EcgTower
    ecg_projector: nn.Module
    multi_modal_projector: nn.Module

    def get_ecg_features(self, ecg_values: Tensor) -> Tensor:
        """Return what the language model is fed of each ECG, [ecgs, tokens, hidden]; `ecg_values` as the tower's."""
        ecg_values = ecg_values.to(self.ecg_tower.conv1.weight.device)
        features: Tensor = self.multi_modal_projector(self.ecg_projector(self.ecg_tower(ecg_values)))
        return features

    def get_image_features(
        self, pixel_values: Tensor, image_sizes: Tensor | None = None, ecg_values: Tensor | None = None, **kwargs: Any
    ) -> BaseModelOutputWithPooling:
        """Return the image's features with, in `pooler_output`, the ECG's before each; one ECG for each image.

        Raises ValueError without the ECGs: GEM has never seen an image alone.
        """
        if image_sizes is not None:
            kwargs["image_sizes"] = image_sizes
        output: BaseModelOutputWithPooling = super().get_image_features(pixel_values, **kwargs)  # type: ignore[misc]
        images = list(output.pooler_output)
        if ecg_values is None or len(ecg_values) != len(images):
            raise ValueError(f"GEM reads an ECG with each image: {len(images)} images need as many ECGs")
        ecgs = self.get_ecg_features(ecg_values)
        output.pooler_output = [
            torch.cat([ecg.to(image.device, image.dtype), image]) for ecg, image in zip(ecgs, images, strict=True)
        ]
        return output

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        image_sizes: Tensor | None = None,
        ecg_values: Tensor | None = None,
        mm_encoder_outputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return the last hidden states as LLaVA does, ECGs and images fused where the placeholders stand."""
        if pixel_values is not None and not (mm_encoder_outputs or {}).get("image"):
            image = self.get_image_features(pixel_values, image_sizes, ecg_values, return_dict=True)
            mm_encoder_outputs = {"image": image}
        return super().forward(input_ids=input_ids, mm_encoder_outputs=mm_encoder_outputs, **kwargs)  # type: ignore[misc]


class GemModel(_EcgBeforeImage, LlavaModel):  # type: ignore[misc]
    """The inner model over images of one square, as the published GEM."""

    def __init__(self, config: LlavaConfig, ecg: EcgPart) -> None:
        super().__init__(config)
        self.ecg_tower, self.ecg_projector = _ecg_modules(config, ecg)


class GemNextModel(_EcgBeforeImage, LlavaNextModel):  # type: ignore[misc]
    """The inner model over images in several tiles (LLaVA 1.6)."""

    def __init__(self, config: LlavaNextConfig, ecg: EcgPart) -> None:
        super().__init__(config)
        self.ecg_tower, self.ecg_projector = _ecg_modules(config, ecg)


class GemForConditionalGeneration(LlavaForConditionalGeneration):  # type: ignore[misc]
    """GEM with its language-model head."""

    def __init__(self, config: LlavaConfig, ecg: EcgPart) -> None:
        # Past LLaVA's own __init__, which would build a whole inner model only for it to be replaced.
        super(LlavaForConditionalGeneration, self).__init__(config)
        self.model = GemModel(config, ecg)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        ecg_values: Tensor | None = None,
        mm_encoder_outputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return logits as LLaVA does; `ecg_values` [images, leads, samples] in mV, leads in the tower's order."""
        return super().forward(
            input_ids=input_ids,
            pixel_values=pixel_values,
            ecg_values=ecg_values,
            mm_encoder_outputs=mm_encoder_outputs,
            **kwargs,
        )


class GemNextForConditionalGeneration(LlavaNextForConditionalGeneration):  # type: ignore[misc]
    """GEM over images in several tiles, with its language-model head."""

    def __init__(self, config: LlavaNextConfig, ecg: EcgPart) -> None:
        super(LlavaNextForConditionalGeneration, self).__init__(config)
        self.model = GemNextModel(config, ecg)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        image_sizes: Tensor | None = None,
        ecg_values: Tensor | None = None,
        mm_encoder_outputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return logits as LLaVA 1.6 does; `ecg_values` [images, leads, samples] in mV, leads in the tower's order."""
        return super().forward(
            input_ids=input_ids,
            pixel_values=pixel_values,
            image_sizes=image_sizes,
            ecg_values=ecg_values,
            mm_encoder_outputs=mm_encoder_outputs,
            **kwargs,
        )


def _ecg_modules(config: Any, ecg: EcgPart) -> tuple[EcgTower, nn.Module]:
    projector = build_projector(ecg.projector_type, ecg.width, config.vision_config.hidden_size)
    return ecg.build_tower(), projector
