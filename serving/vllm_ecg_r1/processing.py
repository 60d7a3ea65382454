"""How vLLM is told of ECGs: what an item is, which tensors it becomes, and which tokens stand for it in the prompt.

Pages are Qwen3-VL's, with the cap of 768 tokens that the model was trained with; videos are refused. Written against
vLLM 0.33; the ECG itself is prepared in `inputs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from vllm.model_executor.models.qwen3_vl import (
    Qwen3VLDummyInputsBuilder,
    Qwen3VLMultiModalDataParser,
    Qwen3VLMultiModalProcessor,
    Qwen3VLProcessingInfo,
)
from vllm.multimodal.inputs import MultiModalFieldConfig, MultiModalKwargsItems
from vllm.multimodal.parse import MultiModalDataItems, ProcessorBatchItems
from vllm.multimodal.processing import PromptReplacement, PromptUpdate

from ecgr1_core.model.config import EcgR1Config
from ecgr1_core.model.processing import SAMPLES, TOWER_LEADS
from vllm_ecg_r1.inputs import MODALITY, ecg_config, ecg_item, placeholder

MAX_IMAGE_TOKENS: Final = 768
MIN_IMAGE_TOKENS: Final = 4


class EcgItems(ProcessorBatchItems):
    """The prepared ECGs of one prompt, each as `ecg_item` returns it."""

    def __init__(self, data: Sequence[dict[str, np.ndarray] | None]) -> None:
        super().__init__(data, MODALITY)


class EcgR1DataParser(Qwen3VLMultiModalDataParser):
    """Takes recordings and prepared ECGs where other models take audio."""

    def _parse_audio_data(self, data: Any) -> EcgItems | None:
        """Return the items; None stands for one that the server has kept from an earlier request."""
        if data is None:
            return None
        ecgs = data if isinstance(data, list | tuple) else [data]
        return EcgItems([None if ecg is None else ecg_item(ecg) for ecg in ecgs])


class EcgR1ProcessingInfo(Qwen3VLProcessingInfo):
    """What vLLM asks about the model before it reads any weights."""

    def get_ecg_config(self) -> EcgR1Config:
        """Return the checked configuration of tower, projector and tokens."""
        return ecg_config(self.get_hf_config(), self.model_id)

    def get_hf_processor(self, **kwargs: object) -> Any:
        """Return Qwen3-VL's processor with the cap on image tokens, which published directories do not hold."""
        processor = super().get_hf_processor(**kwargs)
        images = processor.image_processor
        pixels = (images.patch_size * images.merge_size) ** 2
        images.size = type(images.size)(shortest_edge=MIN_IMAGE_TOKENS * pixels, longest_edge=MAX_IMAGE_TOKENS * pixels)
        return processor

    def get_data_parser(self) -> EcgR1DataParser:
        """Return what takes the attachments of a prompt."""
        return EcgR1DataParser(
            self.get_hf_config().vision_config.spatial_merge_size,
            expected_hidden_size=self._get_expected_hidden_size(),
            allow_missing_mm_embeddings=self.allow_missing_mm_embeddings,
        )

    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        """Return how many attachments of each kind a prompt may hold; None is any number."""
        return {"image": None, "video": 0, MODALITY: None}

    def get_mm_max_tokens_per_item(self, seq_len: int, mm_counts: Mapping[str, int]) -> Mapping[str, int]:
        """Return how many tokens the largest attachment of each kind takes."""
        return {"image": self.get_max_image_tokens(), MODALITY: self.get_ecg_config().ecg_tokens}


class EcgR1DummyInputsBuilder(Qwen3VLDummyInputsBuilder):
    """The prompts with which vLLM measures its memory."""

    def get_dummy_text(self, mm_counts: Mapping[str, int]) -> str:
        """Return a prompt with places for so many attachments."""
        ecgs = "<|ecg_start|><|ecg_pad|><|ecg_end|>" * mm_counts.get(MODALITY, 0)
        return str(super().get_dummy_text(mm_counts)) + ecgs

    def get_dummy_mm_data(self, seq_len: int, mm_counts: Mapping[str, int], mm_options: Any) -> dict[str, Any]:
        """Return so many attachments, the largest there are."""
        flat = np.zeros((len(TOWER_LEADS), SAMPLES), dtype=np.float32)
        return {
            **super().get_dummy_mm_data(seq_len, mm_counts, mm_options),
            MODALITY: [flat] * mm_counts.get(MODALITY, 0),
        }


class EcgR1MultiModalProcessor(Qwen3VLMultiModalProcessor):
    """Makes a prompt with its attachments into tokens and tensors."""

    info: EcgR1ProcessingInfo

    def _apply_hf_processor_main(self, mm_items: MultiModalDataItems, hf_kwargs: Mapping[str, object]) -> Any:
        """Return the tensors: those of pages from Qwen3-VL's processor, which does not see the ECGs, and the ECGs'."""
        pages = mm_items.select(mm_items.keys() - {MODALITY})
        processed = super()._apply_hf_processor_main(pages, hf_kwargs)
        if mm_items.get_count(MODALITY, strict=False):
            ecgs = mm_items[MODALITY].get_all()
            for name in ("ecg_values", "ecg_lengths"):
                processed[name] = torch.from_numpy(np.stack([ecg[name] for ecg in ecgs]))
        return processed

    def _get_mm_fields_config(
        self, hf_inputs: Any, hf_processor_mm_kwargs: Mapping[str, object]
    ) -> Mapping[str, MultiModalFieldConfig]:
        """Return how each tensor is cut into items: those of ECGs have one row for each."""
        ecg_fields = {name: MultiModalFieldConfig.batched(MODALITY) for name in ("ecg_values", "ecg_lengths")}
        return {**super()._get_mm_fields_config(hf_inputs, hf_processor_mm_kwargs), **ecg_fields}

    def _get_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, Any],
        out_mm_kwargs: MultiModalKwargsItems,
    ) -> Sequence[PromptUpdate]:
        """Return what replaces the single placeholders: Qwen3-VL's for pages, `placeholder` for each ECG."""
        config = self.info.get_ecg_config()
        ecg = PromptReplacement(modality=MODALITY, target=[int(config.ecg_token_id)], replacement=placeholder(config))
        return [*super()._get_prompt_updates(mm_items, hf_processor_mm_kwargs, out_mm_kwargs), ecg]
