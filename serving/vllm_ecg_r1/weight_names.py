"""Where each tensor of the published checkpoint lies in vLLM's model, and back again.

vLLM names the inner modules without `model.`, and keeps the projections of queries, keys and values of one layer of the
language model in one parameter, gate and up projection in another. The vision tower's are joined in the checkpoint
already. This module knows the names of the layout and nothing of tensors, files or vLLM; a name that is not of the
layout is an error, never left out.

    >>> place_of("model.language_model.layers.3.self_attn.k_proj.weight")
    Place(parameter='language_model.model.layers.3.self_attn.qkv_proj.weight', shard='k')
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from ecgr1_core.errors import DamagedFileError

Shape = tuple[int, ...]
Shard = str | int  # as vLLM's weight loaders call the parts of a joined parameter
T = TypeVar("T")

# Beginnings of names: published, vLLM's. The first three are those of vLLM's Qwen3-VL, the last two this plug-in's.
PREFIXES: Final[dict[str, str]] = {
    "model.visual.": "visual.",
    "model.language_model.": "language_model.model.",
    "lm_head.": "language_model.lm_head.",
    "model.ecg_tower.": "ecg_tower.",
    "model.ecg_projector.": "ecg_projector.",
}

# Layers that vLLM joins along their rows, in this order: joined layer, then published layer and name of the shard.
JOINED: Final[dict[str, tuple[tuple[str, Shard], ...]]] = {
    "self_attn.qkv_proj": (("self_attn.q_proj", "q"), ("self_attn.k_proj", "k"), ("self_attn.v_proj", "v")),
    "mlp.gate_up_proj": (("mlp.gate_proj", 0), ("mlp.up_proj", 1)),
}

_LINEAR: Final = r"\.(?:weight|bias)"
# The layout behind each beginning.
_LAYOUT: Final[dict[str, re.Pattern[str]]] = {
    "model.visual.": re.compile(
        rf"patch_embed\.proj{_LINEAR}|pos_embed\.weight"
        rf"|blocks\.\d+\.(?:norm1|norm2|attn\.qkv|attn\.proj|mlp\.linear_fc1|mlp\.linear_fc2){_LINEAR}"
        rf"|(?:merger|deepstack_merger_list\.\d+)\.(?:norm|linear_fc1|linear_fc2){_LINEAR}"
    ),
    "model.language_model.": re.compile(
        r"embed_tokens\.weight|norm\.weight"
        r"|layers\.\d+\.(?:input_layernorm|post_attention_layernorm)\.weight"
        r"|layers\.\d+\.self_attn\.(?:q_proj|k_proj|v_proj|o_proj|q_norm|k_norm)\.weight"
        r"|layers\.\d+\.mlp\.(?:gate_proj|up_proj|down_proj)\.weight"
    ),
    "lm_head.": re.compile(r"weight"),
    "model.ecg_tower.": re.compile(
        rf"conv1\.weight|class_embedding|positional_embedding|proj|ln_pre{_LINEAR}|ln_post{_LINEAR}"
        rf"|transformer\.resblocks\.\d+\.(?:ln_1|ln_2|attn\.out_proj|mlp\.c_fc|mlp\.c_proj){_LINEAR}"
        r"|transformer\.resblocks\.\d+\.attn\.in_proj_(?:weight|bias)"
    ),
    "model.ecg_projector.": re.compile(r"(?:\d+\.)?(?:weight|bias)"),
}
_LANGUAGE_MODEL: Final = "language_model.model."
_SUBJECT: Final = "the checkpoint"


@dataclass(frozen=True)
class Place:
    """A parameter of vLLM's model, and which shard of it where it is joined; `shard` is None for a whole one."""

    parameter: str
    shard: Shard | None = None


def place_of(name: str) -> Place:
    """Return where the published tensor of that name lies; DamagedFileError for a name that is not of the layout."""
    for published, ours in PREFIXES.items():
        rest = name.removeprefix(published)
        if rest == name or not _LAYOUT[published].fullmatch(rest):
            continue
        if ours == _LANGUAGE_MODEL:
            for joined, parts in JOINED.items():
                for layer, shard in parts:
                    if f".{layer}." in rest:
                        return Place(ours + rest.replace(layer, joined), shard)
        return Place(ours + rest)
    raise DamagedFileError(
        _SUBJECT, f"it holds a tensor {name!r} that no ECG-R1 has", "serve a checkpoint in the published layout"
    )


def name_of(place: Place) -> str:
    """Return the published name of what lies there, the inverse of `place_of`.

    Raises ValueError for a place that no published tensor has, as for a joined parameter without its shard.
    """
    for published, ours in PREFIXES.items():
        rest = place.parameter.removeprefix(ours)
        if rest == place.parameter:
            continue
        if place.shard is not None:
            layers = {
                joined: layer
                for joined, parts in JOINED.items()
                for layer, shard in parts
                if f".{joined}." in rest and shard == place.shard
            }
            for joined, layer in layers.items():
                rest = rest.replace(joined, layer)
        if _LAYOUT[published].fullmatch(rest) and place_of(published + rest) == place:
            return published + rest
    raise ValueError(f"no published tensor lies at {place}")


def parameters_of(shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return the parameters of vLLM's model with their shapes (unsplit: on one GPU), from those of a checkpoint.

    Raises DamagedFileError for an unknown name, for shards that do not fit on each other, and for a joined parameter of
    which a shard is missing.
    """
    parameters: dict[str, Shape] = {}
    for name, shape in checked(shapes.items()):
        place = place_of(name)
        before = parameters.get(place.parameter)
        if before is None:
            parameters[place.parameter] = shape
            continue
        if before[1:] != shape[1:]:
            raise DamagedFileError(
                _SUBJECT,
                f"{name} has the shape {list(shape)}, which does not fit what it is joined with",
                "fetch it again",
            )
        parameters[place.parameter] = (before[0] + shape[0], *before[1:])
    return parameters


def checked(weights: Iterable[tuple[str, T]], *, whole: bool = True) -> Iterator[tuple[str, T]]:
    """Yield the weights as they come, and see that each is known, comes once, and no shard is missing.

    Raises DamagedFileError: for a name that is unknown or comes twice before it is yielded, for a missing shard at the
    end. What else is missing is found by vLLM, which knows its parameters. Without `whole` shards may be missing, as
    where a trainer sends new weights in portions.
    """
    filled: set[Place] = set()
    for name, weight in weights:
        place = place_of(name)
        if place in filled:
            raise DamagedFileError(_SUBJECT, f"it holds {name} twice", "fetch it again")
        filled.add(place)
        yield name, weight
    for place in filled if whole else ():
        missing = [shard for shard in _shards_beside(place) if Place(place.parameter, shard) not in filled]
        if missing:
            name = name_of(Place(place.parameter, missing[0]))
            raise DamagedFileError(_SUBJECT, f"it lacks {name}", "fetch it again")


def _shards_beside(place: Place) -> tuple[Shard, ...]:
    """Return all shards of the parameter in which a shard lies; none for a whole parameter."""
    if place.shard is None:
        return ()
    return next(
        tuple(shard for _, shard in parts) for joined, parts in JOINED.items() if f".{joined}." in place.parameter
    )
