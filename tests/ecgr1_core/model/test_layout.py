"""Names and shapes of the weights are the published ones, for a tiny model and for the true size."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import build_checkpoint
from transformers import AutoModel, AutoModelForImageTextToText, Qwen3VLForConditionalGeneration

from ecgr1_core.model.checkpoint import expected_tensors, read_header
from ecgr1_core.model.config import EcgR1Config, read_config
from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration, EcgR1Model

Shapes = dict[str, tuple[int, ...]]


def _linear(name: str, rows: int, columns: int) -> Shapes:
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def published_tower(width: int, layers: int, output: int) -> Shapes:
    """The 8 + 12 x layers tensors of the ECG tower, as listed in the published checkpoint."""
    root = "model.ecg_tower"
    names: Shapes = {
        f"{root}.conv1.weight": (width, 12, 50),
        f"{root}.class_embedding": (width,),
        f"{root}.positional_embedding": (101, width),
        f"{root}.proj": (width, output),
        **_norm(f"{root}.ln_pre", width),
        **_norm(f"{root}.ln_post", width),
    }
    for layer in range(layers):
        block = f"{root}.transformer.resblocks.{layer}"
        names |= _norm(f"{block}.ln_1", width) | _norm(f"{block}.ln_2", width)
        names |= {f"{block}.attn.in_proj_weight": (3 * width, width), f"{block}.attn.in_proj_bias": (3 * width,)}
        names |= _linear(f"{block}.attn.out_proj", width, width)
        names |= _linear(f"{block}.mlp.c_fc", 4 * width, width) | _linear(f"{block}.mlp.c_proj", width, 4 * width)
    return names


def published_vision(width: int, depth: int, inner: int, positions: int, out: int) -> Shapes:
    root = "model.visual"
    names: Shapes = {
        f"{root}.patch_embed.proj.weight": (width, 3, 2, 16, 16),
        f"{root}.patch_embed.proj.bias": (width,),
        f"{root}.pos_embed.weight": (positions, width),
    }
    for layer in range(depth):
        block = f"{root}.blocks.{layer}"
        names |= _norm(f"{block}.norm1", width) | _norm(f"{block}.norm2", width)
        names |= _linear(f"{block}.attn.qkv", 3 * width, width) | _linear(f"{block}.attn.proj", width, width)
        names |= _linear(f"{block}.mlp.linear_fc1", inner, width) | _linear(f"{block}.mlp.linear_fc2", width, inner)
    mergers = {f"{root}.merger": width} | {f"{root}.deepstack_merger_list.{n}": 4 * width for n in range(3)}
    for merger, norm in mergers.items():
        names |= _norm(f"{merger}.norm", norm)
        names |= _linear(f"{merger}.linear_fc1", 4 * width, 4 * width)
        names |= _linear(f"{merger}.linear_fc2", out, 4 * width)
    return names


def published_language_model(
    hidden: int, layers: int, heads: int, key_value_heads: int, head: int, inner: int, vocabulary: int
) -> Shapes:
    root = "model.language_model"
    names: Shapes = {
        f"{root}.embed_tokens.weight": (vocabulary, hidden),
        f"{root}.norm.weight": (hidden,),
        "lm_head.weight": (vocabulary, hidden),
    }
    for layer in range(layers):
        block = f"{root}.layers.{layer}"
        names |= {
            f"{block}.input_layernorm.weight": (hidden,),
            f"{block}.post_attention_layernorm.weight": (hidden,),
            f"{block}.self_attn.q_proj.weight": (heads * head, hidden),
            f"{block}.self_attn.k_proj.weight": (key_value_heads * head, hidden),
            f"{block}.self_attn.v_proj.weight": (key_value_heads * head, hidden),
            f"{block}.self_attn.o_proj.weight": (hidden, heads * head),
            f"{block}.self_attn.q_norm.weight": (head,),
            f"{block}.self_attn.k_norm.weight": (head,),
            f"{block}.mlp.gate_proj.weight": (inner, hidden),
            f"{block}.mlp.up_proj.weight": (inner, hidden),
            f"{block}.mlp.down_proj.weight": (hidden, inner),
        }
    return names


def published_projector(width: int, hidden: int) -> Shapes:
    root = "model.ecg_projector"
    return _linear(f"{root}.0", hidden, width) | _linear(f"{root}.2", hidden, hidden)


TRUE_SIZE: dict[str, Any] = {
    "text_config": {
        "vocab_size": 151936,
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "rope_parameters": {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20]},
    },
    "vision_config": {
        "depth": 27,
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_heads": 16,
        "out_hidden_size": 4096,
        "num_position_embeddings": 2304,
        "deepstack_visual_indexes": [8, 16, 24],
    },
}


def test_the_true_size_has_the_published_names_shapes_and_bytes() -> None:
    qwen = published_vision(1152, 27, 4304, 2304, 4096)
    qwen |= published_language_model(4096, 36, 32, 8, 128, 12288, 151936)
    tower, projector = published_tower(768, 12, 512), published_projector(768, 4096)
    assert (len(tower), len(projector), len(qwen)) == (152, 4, 750)
    found = expected_tensors(EcgR1Config(**TRUE_SIZE))
    assert found == tower | projector | qwen
    bytes_at_bf16 = 2 * sum(math.prod(shape) for shape in found.values())
    assert 17.74e9 <= bytes_at_bf16 < 17.75e9


def test_a_tiny_checkpoint_has_the_published_names_and_shapes(tiny_checkpoint: Path) -> None:
    stored: Shapes = {}
    shards = sorted(tiny_checkpoint.glob("*.safetensors"))
    assert len(shards) > 1
    for shard in shards:
        stored |= {name: tensor.shape for name, tensor in read_header(shard).items()}
    vocabulary = read_config(tiny_checkpoint).text_config.vocab_size
    assert stored == (
        published_tower(32, 2, 16)
        | published_projector(32, 64)
        | published_vision(32, 4, 64, 64, 64)
        | published_language_model(64, 3, 4, 2, 16, 128, vocabulary)
    )


def test_the_published_layout_loads_whole(tiny_checkpoint: Path) -> None:
    _, report = EcgR1ForConditionalGeneration.from_pretrained(tiny_checkpoint, output_loading_info=True)
    assert not any(report.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_saving_and_loading_gives_the_same_model(tmp_path: Path, tiny_checkpoint: Path, dtype: torch.dtype) -> None:
    model = EcgR1ForConditionalGeneration.from_pretrained(tiny_checkpoint, dtype=dtype)
    model.save_pretrained(tmp_path, max_shard_size="400KB")
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "ecg_r1"
    again, report = AutoModelForImageTextToText.from_pretrained(tmp_path, output_loading_info=True)
    assert type(again) is EcgR1ForConditionalGeneration
    assert not any(report.values())
    assert again.dtype is dtype
    mine, theirs = model.state_dict(), again.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert type(AutoModel.from_pretrained(tmp_path)) is EcgR1Model


def test_both_layouts_hold_the_same_weights_under_the_same_names(tmp_path: Path, tiny_checkpoint: Path) -> None:
    ours = build_checkpoint(tmp_path / "ours", layout="ecgr1")
    assert json.loads((ours / "config.json").read_text())["model_type"] == "ecg_r1"
    assert json.loads((tiny_checkpoint / "config.json").read_text())["model_type"] == "qwen3_vl"
    for shard in ours.glob("*.safetensors"):
        assert shard.read_bytes() == (tiny_checkpoint / shard.name).read_bytes()


def test_stock_qwen3_vl_reads_the_published_layout_but_not_the_tower(tiny_checkpoint: Path) -> None:
    _, report = Qwen3VLForConditionalGeneration.from_pretrained(tiny_checkpoint, output_loading_info=True)
    assert not report["missing_keys"]
    assert report["unexpected_keys"] == (published_tower(32, 2, 16) | published_projector(32, 64)).keys()
