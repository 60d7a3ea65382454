"""ECG-R1 in vLLM: its Qwen3-VL with the ECG tower and projector of `ecgr1_core` beside the vision tower.

The ECG's vectors go where `<|ecg_pad|>` tokens stand and count as text for position ids; the levels of DeepStack, which
a page adds to the first layers, are zeros for an ECG. Tower and projector are small (86 and 20 million parameters in
the published model) and whole on every GPU. Written against vLLM 0.33.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from vllm.config import VllmConfig
from vllm.model_executor.models.qwen3_vl import Qwen3VLForConditionalGeneration
from vllm.model_executor.models.utils import AutoWeightsLoader, WeightsMapper
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import MultiModalFeatureSpec

from ecgr1_core.model.tower import EcgTower, build_projector
from vllm_ecg_r1.inputs import MODALITY, ecg_config
from vllm_ecg_r1.processing import EcgR1DummyInputsBuilder, EcgR1MultiModalProcessor, EcgR1ProcessingInfo
from vllm_ecg_r1.weight_names import PREFIXES, checked


@MULTIMODAL_REGISTRY.register_processor(
    EcgR1MultiModalProcessor,
    info=EcgR1ProcessingInfo,
    dummy_inputs=EcgR1DummyInputsBuilder,
)
class EcgR1ForConditionalGeneration(Qwen3VLForConditionalGeneration):
    """The model that vLLM builds for the architecture `EcgR1ForConditionalGeneration`."""

    hf_to_vllm_mapper = WeightsMapper(orig_to_new_prefix=PREFIXES)
    supports_tower_connector_lora = False  # adapters of the language model only

    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        """Return what stands for an attachment in a prompt that no chat template puts it into."""
        if modality == MODALITY:
            return "<|ecg_start|><|ecg_pad|><|ecg_end|>"
        if modality.startswith("image"):
            placeholder: str | None = super().get_placeholder_str(modality, i)
            return placeholder
        raise ValueError("ECG-R1 reads ECGs (as audio_url) and images only")

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "model") -> None:
        super().__init__(vllm_config=vllm_config, prefix=prefix)
        if self.is_multimodal_pruning_enabled:
            raise ValueError("ECG-R1 reads no videos, so there is none to prune; start without video pruning")
        config = ecg_config(self.config, vllm_config.model_config.model)
        self.ecg_mask_padding = bool(config.ecg_mask_padding)
        self._has_weights = False
        with self._mark_tower_model(vllm_config, MODALITY):
            self.ecg_tower = EcgTower.from_config(config)
            self.ecg_projector = build_projector(
                config.ecg_projector_type, config.ecg_hidden_size, config.text_config.hidden_size
            )

    def embed_multimodal(self, **kwargs: object) -> Any:
        """Return the vectors of each attachment, [tokens, hidden and levels of DeepStack]; all are of one kind."""
        values = kwargs.pop("ecg_values", None)
        lengths = kwargs.pop("ecg_lengths", None)
        if values is None:
            return super().embed_multimodal(**kwargs)
        if not isinstance(values, Tensor) or not isinstance(lengths, Tensor):
            raise TypeError("ECGs of one batch come as one tensor, as all have the same shape")
        features = self._ecg_features(values, lengths)
        levels = self.multiscale_dim if self.use_deepstack else 0
        return tuple(functional.pad(features, (0, levels)))

    def _ecg_features(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Return [ecgs, tokens, hidden] of ECGs [ecgs, 12, 5000] in mV, as our own model does."""
        time_mask = None
        if self.ecg_mask_padding:
            time = torch.arange(values.shape[-1], device=values.device)
            time_mask = time[None, :] < lengths.to(values.device)[:, None]
        features: Tensor = self.ecg_projector(self.ecg_tower(values, time_mask))
        return features

    def get_mrope_input_positions(
        self, input_tokens: list[int], mm_features: list[MultiModalFeatureSpec]
    ) -> tuple[Tensor, int]:
        """Return position ids [3, tokens] and their offset; an ECG counts as text, as in training."""
        pages = [feature for feature in mm_features if feature.modality != MODALITY]
        positions: tuple[Tensor, int] = super().get_mrope_input_positions(input_tokens, pages)
        return positions

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> set[str]:
        """Take the weights of a checkpoint, or portions of new ones later; DamagedFileError for unknown names."""
        known = checked(weights, whole=not self._has_weights)
        loaded: set[str] = AutoWeightsLoader(self).load_weights(known, mapper=self.hf_to_vllm_mapper)
        self._has_weights = True
        return loaded
