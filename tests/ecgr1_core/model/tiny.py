"""A tiny ECG-R1 checkpoint with random weights in the published layout, so that tests run the code the 8B model runs.

Everything that a published directory holds is there: configuration, several shards with an index, tokenizer with the
ECG tokens, chat template, image processor and generation configuration.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import Qwen2Tokenizer

from ecgr1_core.model.config import EcgR1Config, published_dict
from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration
from ecgr1_core.model.processing import CHAT_TEMPLATE
from training import start

_PROSE = """
<think> **Step 1: Technical, Rate & Rhythm** Sinus rhythm at 75 bpm with regular RR intervals of 800 ms.
**Step 2: Conduction, Axis & Intervals** The PR interval of 160 ms and the QRS duration of 92 ms are normal.
**Step 3: Chamber Hypertrophy & Voltage** No voltage criteria for left or right ventricular hypertrophy.
**Step 4: Ischemia, Infarction & Mimics** ST elevation in leads V1, V2, V3 and V4 with ST depression in II and aVF.
**Step 5: Electrolytes & QT** The corrected QT interval is 410 ms. **Step 6: Final Medical Reasoning** </think>
Anterior ST elevation myocardial infarction. <answer>sinus rhythm; anterior myocardial infarction</answer>
Read this electrocardiogram step by step and give the interpretation. You are a cardiologist.
"""


def build_tokenizer(*, ecg_tokens: bool = True, texts: Sequence[str] = ()) -> Qwen2Tokenizer:
    """A byte-level BPE with Qwen3-VL's special tokens and, unless told otherwise, the ECG's.

    It has about 400 tokens, or some 1,500 where `texts` are given, which it then writes with few.
    """
    size = 1500 if texts else 400
    tokenizer: Qwen2Tokenizer = start.build_tokenizer([_PROSE, *texts], size, ecg_tokens=ecg_tokens)
    return tokenizer


def build_config(
    tokenizer: Qwen2Tokenizer,
    *,
    text_layers: int = 3,
    hidden: int = 64,
    intermediate: int = 128,
    heads: int = 4,
    key_value_heads: int = 2,
    vision_depth: int = 4,
    vision_width: int = 32,
    tower_layers: int = 2,
    tower_width: int = 32,
    projector: str = "mlp2x_gelu",
) -> EcgR1Config:
    """The configuration of a tiny ECG-R1; tower over 12 x 5000 samples with patches of 50, as published."""

    def token(name: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(name))

    head_dim = hidden // heads
    sections = [head_dim // 2 - 2 * (head_dim // 6), head_dim // 6, head_dim // 6]
    return EcgR1Config(
        text_config={
            "vocab_size": 64 * math.ceil(len(tokenizer) / 64),
            "hidden_size": hidden,
            "intermediate_size": intermediate,
            "num_hidden_layers": text_layers,
            "num_attention_heads": heads,
            "num_key_value_heads": key_value_heads,
            "head_dim": head_dim,
            "max_position_embeddings": 4096,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 5_000_000.0,
                "mrope_section": sections,
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": vision_depth,
            "hidden_size": vision_width,
            "num_heads": 2,
            "intermediate_size": 2 * vision_width,
            "out_hidden_size": hidden,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0, 1, 2],
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        ecg_token_id=token("<|ecg_pad|>"),
        ecg_tower_path="/nowhere/cpt_wfep_epoch_20.pt",
        ecg_projector_type=projector,
        ecg_model_config="custom",
        ecg_hidden_size=tower_width,
        ecg_num_hidden_layers=tower_layers,
        ecg_num_attention_heads=2,
        ecg_output_size=16,
    )


def build_model(config: EcgR1Config, *, seed: int = 0) -> EcgR1ForConditionalGeneration:
    """A model of random weights large enough that every input moves the logits; fp32, in evaluation mode."""
    model = EcgR1ForConditionalGeneration(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.normal_(1.0 if "norm" in name or "ln_" in name else 0.0, 0.1, generator=generator)
                if name.endswith("bias"):
                    parameter.sub_(parameter.mean())
            elif "embed" in name:
                parameter.normal_(0.0, 0.5, generator=generator)
            else:
                parameter.normal_(0.0, parameter[0].numel() ** -0.5, generator=generator)
    return model


def build_checkpoint(
    directory: Path,
    *,
    seed: int = 0,
    layout: Literal["published", "ecgr1"] = "published",
    dtype: torch.dtype = torch.float32,
    ecg_tokens: bool = True,
    shard_size: str = "400KB",
    texts: Sequence[str] = (),
    **sizes: Any,
) -> Path:
    """Write a tiny checkpoint and return its directory; `texts` as of `build_tokenizer`, `sizes` as of `build_config`.

    `layout` "published" has the configuration that the authors' programs read, "ecgr1" the one that this program saves.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer(ecg_tokens=ecg_tokens, texts=texts)
    config = build_config(tokenizer if ecg_tokens else build_tokenizer(texts=texts), **sizes)
    model = build_model(config, seed=seed).to(dtype)
    model.config.dtype = dtype
    end, pad = (tokenizer.convert_tokens_to_ids(name) for name in ("<|im_end|>", "<|endoftext|>"))
    model.generation_config.update(
        **{"do_sample": True, "top_k": 20, "top_p": 0.8, "temperature": 0.7, "repetition_penalty": 1.0},
        **{"eos_token_id": [end, pad], "pad_token_id": pad, "bos_token_id": pad},
    )
    model.save_pretrained(directory, max_shard_size=shard_size)
    tokenizer.save_pretrained(directory)
    (directory / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    image_processor = {
        "image_processor_type": "Qwen2VLImageProcessorFast",
        "size": {"shortest_edge": 65_536, "longest_edge": 16_777_216},  # as Qwen3-VL's: no cap of 768 tokens
        "patch_size": 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    (directory / "preprocessor_config.json").write_text(json.dumps(image_processor, indent=2))
    if layout == "published":
        (directory / "config.json").write_text(json.dumps(published_dict(model.config), indent=2))
    return directory
