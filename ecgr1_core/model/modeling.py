"""ECG-R1 on transformers: Qwen3-VL whose inner model also puts the ECG's vectors where `<|ecg_pad|>` tokens stand.

The ECG is fused in the inner model, so that generation, the Trainer, PEFT and heads that call the inner model directly
all see it. For position ids an ECG counts as text. It knows nothing of prompts, recordings or files; videos, which
Qwen3-VL also reads, are refused.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    AutoModel,
    AutoModelForImageTextToText,
    Qwen3VLForConditionalGeneration,
    Qwen3VLModel,
    Qwen3VLPreTrainedModel,
)
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionPatchEmbed

from ecgr1_core.model.config import EcgR1Config
from ecgr1_core.model.tower import EcgTower, TowerAttention, build_projector

_ECG_INPUTS = ("ecg_values", "ecg_lengths")


class EcgR1PreTrainedModel(Qwen3VLPreTrainedModel):  # type: ignore[misc]
    """What both classes share: the configuration, and how weights that no checkpoint gave are initialised."""

    config_class = EcgR1Config
    config: EcgR1Config
    _no_split_modules = [*Qwen3VLPreTrainedModel._no_split_modules, "EcgTower"]  # noqa: RUF012

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        std = self.config.text_config.initializer_range
        if isinstance(module, EcgTower):
            for parameter in (module.class_embedding, module.positional_embedding, module.proj):
                init.normal_(parameter, mean=0.0, std=std)
        elif isinstance(module, TowerAttention):
            init.normal_(module.in_proj_weight, mean=0.0, std=std)
            init.zeros_(module.in_proj_bias)


class PatchEmbed(Qwen3VLVisionPatchEmbed):  # type: ignore[misc]
    """Qwen3-VL's, in training computed as the matrix product that it is: its kernel is a whole patch, met once.

    The convolution takes several times as long on a CPU, backwards most of all. The two sum in different orders; where
    the model reads it is the convolution, so that it reads to the last bit as Qwen3-VL does.
    """

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Return [patches, width] of pixels [patches, values]."""
        if not self.training:
            embedded: Tensor = super().forward(hidden_states)
            return embedded
        weight = self.proj.weight.flatten(1)
        return functional.linear(hidden_states.reshape(-1, weight.shape[1]).to(weight.dtype), weight, self.proj.bias)


class EcgR1Model(EcgR1PreTrainedModel, Qwen3VLModel):  # type: ignore[misc]
    """The inner model: vision tower, ECG tower with its projector, and language model."""

    config_class = EcgR1Config
    config: EcgR1Config

    def __init__(self, config: EcgR1Config) -> None:
        super().__init__(config)
        self.visual.patch_embed = PatchEmbed(config.vision_config)
        self.ecg_tower = EcgTower.from_config(config)
        self.ecg_projector = build_projector(
            config.ecg_projector_type, config.ecg_hidden_size, config.text_config.hidden_size
        )
        self.post_init()

    def get_ecg_features(self, ecg_values: Tensor, ecg_lengths: Tensor | None = None) -> Tensor:
        """Return what the language model is fed of each ECG, [ecgs, tokens, hidden].

        `ecg_values` is [ecgs, leads, samples] in mV, leads in the tower's order; `ecg_lengths` [ecgs] is the number of
        recorded samples before the zero padding, used only where the configuration says `ecg_mask_padding`.
        """
        ecg_values = ecg_values.to(self.ecg_tower.conv1.weight.device)
        time_mask = None
        if self.config.ecg_mask_padding and ecg_lengths is not None:
            time = torch.arange(ecg_values.shape[-1], device=ecg_values.device)
            time_mask = time[None, :] < ecg_lengths.to(ecg_values.device)[:, None]
        features: Tensor = self.ecg_projector(self.ecg_tower(ecg_values, time_mask))
        return features

    def compute_3d_position_ids(self, *args: Any, **kwargs: Any) -> Tensor | None:
        """Return position ids as Qwen3-VL does, without any memory of the prompt before this one.

        The stock method keeps the offset of the last prompt with an image, and would use it again while decoding a
        later prompt without one.
        """
        past = kwargs.get("past_key_values")
        if kwargs.get("input_ids") is not None and (past is None or past.get_seq_length() == 0):
            self.rope_deltas = None
        positions: Tensor | None = super().compute_3d_position_ids(*args, **kwargs)
        return positions

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        pixel_values: Tensor | None = None,
        image_grid_thw: Tensor | None = None,
        mm_token_type_ids: Tensor | None = None,
        ecg_values: Tensor | None = None,
        ecg_lengths: Tensor | None = None,
        mm_encoder_outputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> BaseModelOutputWithPast:
        """Return the last hidden states, [batch, tokens, hidden], of text with images and ECGs fused into it.

        `ecg_values` [ecgs, leads, samples] fills the `<|ecg_pad|>` tokens of the rows in order, `pixel_values` the
        image tokens; other arguments as Qwen3-VL's. Raises ValueError where the tokens do not take exactly what was
        given, and for videos.
        """
        given = mm_encoder_outputs or {}
        videos = (kwargs.pop("pixel_values_videos", None), kwargs.pop("video_grid_thw", None), given.get("video"))
        if any(video is not None for video in videos):
            raise ValueError("ECG-R1 reads no videos")
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give exactly one of input_ids and inputs_embeds")
        has_images = pixel_values is not None or given.get("image") is not None
        if input_ids is None and (ecg_values is not None or has_images):
            # Which places are placeholders could only be told by comparing embeddings, and rows of the embedding that
            # were never trained may be equal.
            raise ValueError("ECGs and images need input_ids, which say where they belong")
        embeds = self.get_input_embeddings()(input_ids) if inputs_embeds is None else inputs_embeds

        if input_ids is not None:
            past_length = 0 if past_key_values is None else past_key_values.get_seq_length()
            if ecg_values is not None:
                features = self.get_ecg_features(ecg_values, ecg_lengths)
                places = self._ecg_places(input_ids, len(features))
                embeds = embeds.masked_scatter(
                    places.unsqueeze(-1).to(embeds.device), features.to(embeds.device, embeds.dtype)
                )
            elif past_length == 0:
                self._ecg_places(input_ids, 0)

        image = given.get("image")
        if image is None and pixel_values is not None:
            image = self.get_image_features(pixel_values, image_grid_thw, return_dict=True)
        visual_places, deepstack = None, None
        if image is not None and input_ids is not None:
            image_embeds = torch.cat(tuple(image.pooler_output)).to(embeds.device, embeds.dtype)
            visual_places = (input_ids == self.config.image_token_id).to(embeds.device)
            if int(visual_places.sum()) != len(image_embeds):
                raise ValueError(
                    f"image tokens and images disagree: the images take {len(image_embeds)} tokens, "
                    f"but the rows hold {visual_places.sum(dim=1).tolist()}"
                )
            embeds = embeds.masked_scatter(visual_places.unsqueeze(-1), image_embeds)
            deepstack = [torch.cat(tuple(level)) for level in image.deepstack_features]

        if position_ids is None:
            position_ids = self.compute_3d_position_ids(
                input_ids=input_ids,
                inputs_embeds=embeds,
                image_grid_thw=image_grid_thw,
                attention_mask=attention_mask,
                past_key_values=past_key_values,
                mm_token_type_ids=mm_token_type_ids,
            )
        output: BaseModelOutputWithPast = self.language_model(
            input_ids=None,
            inputs_embeds=embeds,
            position_ids=position_ids,
            attention_mask=attention_mask,
            past_key_values=past_key_values,
            visual_pos_masks=visual_places,
            deepstack_visual_embeds=deepstack,
            **kwargs,
        )
        return output

    def _ecg_places(self, input_ids: Tensor, ecgs: int) -> Tensor:
        """Return [batch, tokens], true at `<|ecg_pad|>`; ValueError where the rows do not hold `ecgs` whole ECGs."""
        places: Tensor = input_ids == self.config.ecg_token_id
        per_row = places.sum(dim=1).tolist()
        tokens = self.config.ecg_tokens
        if sum(per_row) != ecgs * tokens or any(count % tokens for count in per_row):
            raise ValueError(
                f"ECG tokens and ECGs disagree: {ecgs} ECGs of {tokens} tokens each were given, "
                f"but the rows hold {per_row} ECG tokens"
            )
        return places


class EcgR1ForConditionalGeneration(EcgR1PreTrainedModel, Qwen3VLForConditionalGeneration):  # type: ignore[misc]
    """ECG-R1 with its language-model head: what generates and what is trained."""

    config_class = EcgR1Config
    config: EcgR1Config

    def __init__(self, config: EcgR1Config) -> None:
        # Past Qwen3-VL's own __init__, which would build a whole inner model only for it to be replaced.
        super(Qwen3VLForConditionalGeneration, self).__init__(config)
        self.model = EcgR1Model(config)
        text = config.text_config
        self.lm_head = nn.Linear(text.hidden_size, text.vocab_size, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        pixel_values: Tensor | None = None,
        image_grid_thw: Tensor | None = None,
        mm_token_type_ids: Tensor | None = None,
        ecg_values: Tensor | None = None,
        ecg_lengths: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        mm_encoder_outputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Return logits [batch, tokens, vocabulary], and with `labels` the loss; arguments as of `EcgR1Model.forward`.

        `logits_to_keep` of n computes only the last n of the tokens' logits. Raises ValueError as the inner model.
        """
        output: CausalLMOutputWithPast = super().forward(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            labels=labels,
            pixel_values=pixel_values,
            image_grid_thw=image_grid_thw,
            mm_token_type_ids=mm_token_type_ids,
            logits_to_keep=logits_to_keep,
            mm_encoder_outputs=mm_encoder_outputs,
            ecg_values=ecg_values,
            ecg_lengths=ecg_lengths,
            **kwargs,
        )
        return output

    def prepare_inputs_for_generation(
        self, input_ids: Any, is_first_iteration: bool = False, **kwargs: Any
    ) -> dict[str, Any]:
        """Return what one step of `generate` feeds `forward`: the ECG only where its tokens are fed too."""
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(
            input_ids, is_first_iteration=is_first_iteration, **kwargs
        )
        if not is_first_iteration and kwargs.get("use_cache", True):
            for name in _ECG_INPUTS:
                inputs.pop(name, None)
        return inputs

    def _expand_inputs_for_generation(
        self, expand_size: int = 1, is_encoder_decoder: bool = False, input_ids: Any = None, **model_kwargs: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Repeat a prompt `expand_size` times with all its ECGs in order: of rows [A B] [C] comes A B A B C C."""
        held = {name: model_kwargs.pop(name) for name in _ECG_INPUTS if model_kwargs.get(name) is not None}
        if held and expand_size > 1:
            tokens = (input_ids == self.config.ecg_token_id).sum(dim=1)
            per_row = (tokens // self.config.ecg_tokens).tolist()
            for name, value in held.items():
                groups = torch.split(value, per_row)
                held[name] = torch.cat([group for group in groups for _ in range(expand_size)])
        input_ids, model_kwargs = super()._expand_inputs_for_generation(
            expand_size=expand_size, is_encoder_decoder=is_encoder_decoder, input_ids=input_ids, **model_kwargs
        )
        return input_ids, {**model_kwargs, **held}


AutoModel.register(EcgR1Config, EcgR1Model, exist_ok=True)
AutoModelForImageTextToText.register(EcgR1Config, EcgR1ForConditionalGeneration, exist_ok=True)
