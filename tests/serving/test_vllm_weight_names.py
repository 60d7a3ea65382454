"""Every tensor of the published layout lies in exactly one place of vLLM's model, in a shape that fits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ecgr1_core.errors import DamagedFileError
from ecgr1_core.model.checkpoint import expected_tensors, read_headers
from ecgr1_core.model.config import EcgR1Config
from vllm_ecg_r1.weight_names import (
    JOINED,
    PREFIXES,
    Place,
    checked,
    name_of,
    parameters_of,
    place_of,
)

Shapes = dict[str, tuple[int, ...]]
LAYER = "model.language_model.layers.0"


def linear(name: str, rows: int, columns: int) -> Shapes:
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def vllm_language_model(
    hidden: int, layers: int, heads: int, key_value: int, head: int, inner: int, words: int
) -> Shapes:
    """Parameters of vLLM 0.33's Qwen3 inside its Qwen3-VL (`qwen3.py`, `qwen2.py`), on one GPU."""
    root = "language_model.model"
    found: Shapes = {
        "language_model.lm_head.weight": (words, hidden),
        f"{root}.embed_tokens.weight": (words, hidden),
        f"{root}.norm.weight": (hidden,),
    }
    for n in range(layers):
        layer = f"{root}.layers.{n}"
        found |= {
            f"{layer}.input_layernorm.weight": (hidden,),
            f"{layer}.post_attention_layernorm.weight": (hidden,),
            f"{layer}.self_attn.qkv_proj.weight": ((heads + 2 * key_value) * head, hidden),
            f"{layer}.self_attn.o_proj.weight": (hidden, heads * head),
            f"{layer}.self_attn.q_norm.weight": (head,),
            f"{layer}.self_attn.k_norm.weight": (head,),
            f"{layer}.mlp.gate_up_proj.weight": (2 * inner, hidden),
            f"{layer}.mlp.down_proj.weight": (hidden, inner),
        }
    return found


def vllm_visual(width: int, depth: int, inner: int, positions: int, out: int) -> Shapes:
    """Parameters of vLLM 0.33's vision tower of Qwen3-VL (`qwen3_vl.py`)."""
    found: Shapes = {
        "visual.patch_embed.proj.weight": (width, 3, 2, 16, 16),
        "visual.patch_embed.proj.bias": (width,),
        "visual.pos_embed.weight": (positions, width),
    }
    for n in range(depth):
        block = f"visual.blocks.{n}"
        found |= norm(f"{block}.norm1", width) | norm(f"{block}.norm2", width)
        found |= linear(f"{block}.attn.qkv", 3 * width, width) | linear(f"{block}.attn.proj", width, width)
        found |= linear(f"{block}.mlp.linear_fc1", inner, width) | linear(f"{block}.mlp.linear_fc2", width, inner)
    for merger, wide in {"merger": width, **{f"deepstack_merger_list.{n}": 4 * width for n in range(3)}}.items():
        found |= norm(f"visual.{merger}.norm", wide)
        found |= linear(f"visual.{merger}.linear_fc1", 4 * width, 4 * width)
        found |= linear(f"visual.{merger}.linear_fc2", out, 4 * width)
    return found


def own_part(tower_config: dict[str, Any], hidden: int) -> Shapes:
    """Parameters of tower and projector, told by the modules that the plug-in puts into its model."""
    from ecgr1_core.model.tower import EcgTower, build_projector

    with torch.device("meta"):
        parts = {
            "ecg_tower": EcgTower(**tower_config),
            "ecg_projector": build_projector("mlp2x_gelu", tower_config["width"], hidden),
        }
    return {
        f"{part}.{name}": tuple(parameter.shape)
        for part, module in parts.items()
        for name, parameter in module.named_parameters()
    }


@pytest.fixture(scope="module")
def tiny_shapes(published_checkpoint: Path) -> Shapes:
    return {name: tensor.shape for name, tensor in read_headers(published_checkpoint).items()}


@pytest.fixture(scope="module")
def true_shapes() -> Shapes:
    """Names and shapes of the published index, which the tests of the layout compare with what its authors saved."""
    from test_layout import TRUE_SIZE

    return expected_tensors(EcgR1Config(**TRUE_SIZE))


def test_a_tiny_checkpoint_fills_exactly_the_parameters_of_vllm(tiny_shapes: Shapes) -> None:
    words = tiny_shapes["lm_head.weight"][0]
    tower = {"layers": 2, "width": 32, "heads": 2, "output_size": 16}
    assert parameters_of(tiny_shapes) == (
        vllm_language_model(64, 3, 4, 2, 16, 128, words) | vllm_visual(32, 4, 64, 64, 64) | own_part(tower, 64)
    )


def test_the_published_index_fills_exactly_the_parameters_of_vllm(true_shapes: Shapes) -> None:
    assert len(true_shapes) == 906
    found = parameters_of(true_shapes)
    assert found == (
        vllm_language_model(4096, 36, 32, 8, 128, 12288, 151936)
        | vllm_visual(1152, 27, 4304, 2304, 4096)
        | own_part({"width": 768}, 4096)
    )
    assert len(found) == 906 - 36 * (2 + 1)
    assert sum(map(math.prod, found.values())) == sum(map(math.prod, true_shapes.values())) == 8_873_044_720


def test_names_go_there_and_back(true_shapes: Shapes) -> None:
    places = {name: place_of(name) for name in true_shapes}
    assert len(set(places.values())) == len(places)
    assert {name_of(place) for place in places.values()} == true_shapes.keys()
    assert all(name_of(place) == name for name, place in places.items())


def test_no_number_is_lost_or_there_twice(published_checkpoint: Path) -> None:
    stored: dict[str, torch.Tensor] = {}
    for shard in published_checkpoint.glob("*.safetensors"):
        stored |= load_file(shard)
    shards: dict[str, dict[Any, torch.Tensor]] = {}
    for name, tensor in checked(stored.items()):
        place = place_of(name)
        assert place.shard not in shards.setdefault(place.parameter, {})
        shards[place.parameter][place.shard] = tensor
    orders = {tuple(shard for _, shard in parts) for parts in JOINED.values()}
    assert {tuple(held) for held in map(sorted_shards, shards.values())} == orders | {(None,)}
    for parameter, held in shards.items():
        whole = torch.cat([held[shard] for shard in sorted_shards(held)])
        start = 0
        for shard in sorted_shards(held):
            original = stored[name_of(Place(parameter, shard))]
            assert torch.equal(whole[start : start + len(original)], original)
            start += len(original)
        assert start == len(whole)


def sorted_shards(held: dict[Any, torch.Tensor]) -> list[Any]:
    return sorted(held, key=lambda shard: ["q", "k", "v", 0, 1, None].index(shard))


def test_beginnings_replaced_one_after_the_other_as_vllm_does_give_the_same(true_shapes: Shapes) -> None:
    for name in true_shapes:
        mapped = name
        for published, ours in PREFIXES.items():
            if mapped.startswith(published):
                mapped = mapped.replace(published, ours, 1)
        place = place_of(name)
        for joined, parts in JOINED.items():
            for layer, shard in parts:
                if place.shard == shard:
                    mapped = mapped.replace(layer, joined)
        assert mapped == place.parameter


@pytest.mark.parametrize(
    "name",
    [
        "model.embed_tokens.weight",  # a text model's
        "model.ecg_tower.transformer.resblocks.0.attn.q_proj.weight",
        "model.visual.blocks.0.attn.qkv.weight_scale",
        f"{LAYER}.self_attn.q_proj.bias",
        f"{LAYER}.self_attn.qkv_proj.weight",
        "module.ecg.conv1.weight",  # ECG-CoCa's
        "lm_head.bias",
        "",
    ],
)
def test_an_unknown_name_is_one_clear_error(name: str) -> None:
    with pytest.raises(DamagedFileError) as told:
        list(checked([("lm_head.weight", None), (name, None)]))
    assert str(told.value) == (
        f"the checkpoint: it holds a tensor {name!r} that no ECG-R1 has; serve a checkpoint in the published layout."
    )


def test_a_tensor_that_comes_twice_is_told() -> None:
    with pytest.raises(DamagedFileError, match=r"it holds lm_head\.weight twice"):
        list(checked([("lm_head.weight", None), ("lm_head.weight", None)]))


@pytest.mark.parametrize(
    "layer", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj"]
)
def test_a_missing_part_of_a_joined_parameter_is_told(tiny_shapes: Shapes, layer: str) -> None:
    name = f"model.language_model.layers.1.{layer}.weight"
    partly = {other: shape for other, shape in tiny_shapes.items() if other != name}
    with pytest.raises(DamagedFileError, match=f"it lacks {name}"):
        parameters_of(partly)
    assert len(list(checked(partly.items(), whole=False))) == len(partly)  # a portion of new weights


def test_parts_that_do_not_fit_on_each_other_are_told(tiny_shapes: Shapes) -> None:
    with pytest.raises(DamagedFileError, match="does not fit what it is joined with"):
        parameters_of({**tiny_shapes, f"{LAYER}.mlp.up_proj.weight": (128, 65)})


@pytest.mark.parametrize(
    "place",
    [
        Place("language_model.model.layers.0.self_attn.qkv_proj.weight"),
        Place("language_model.model.layers.0.self_attn.qkv_proj.weight", 0),
        Place("language_model.model.layers.0.mlp.gate_up_proj.weight", "q"),
        Place("language_model.model.layers.0.self_attn.o_proj.weight", "q"),
        Place("visual.blocks.0.attn.q.weight"),
        Place("model.visual.pos_embed.weight"),
    ],
)
def test_a_place_that_no_tensor_has_is_an_error(place: Place) -> None:
    with pytest.raises(ValueError, match="no published tensor lies at"):
        name_of(place)
