"""Checkpoints of other models: every weight accounted for, then loaded one tensor at a time in the precision asked for.

A kind of checkpoint (LLaVA's layout, Gemma 3) says how its model is built and what its tensors are called; the rest is
here: what is missing, unexpected or of another shape, how much memory it takes, and filling the model so that no weight
is in memory twice. It knows nothing of prompts or generation.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from ecgr1_core.errors import DamagedFileError, InputError
from ecgr1_core.model.assembly import MappedEmbedding, footprint, put_layer, put_tensor, require_filled
from ecgr1_core.model.checkpoint import StoredTensor
from ecgr1_core.model.kinds import read_raw
from ecgr1_core.model.loading import (
    DEVICES,
    DTYPES,
    LoadedModel,
    auto_precision,
    check_choice,
    check_possible,
    choose_attention,
    choose_device,
    release_memory,
    smaller_precision,
)
from ecgr1_core.model.memory import (
    LIBRARIES_BYTES,
    NEW_TOKENS,
    PRECISIONS,
    Device,
    MemoryNeed,
    Precision,
    memory_available,
    number_bytes,
    weight_bytes,
)
from ecgr1_core.model.packed import matmul_dtype, quantise_int4, quantise_int8
from ecgr1_core.model.quantise import EMBEDDING, HEAD, bits_of, quantised_layer
from ecgr1_core.model.weightfiles import Source, tensors

_NAMED: Final = 3  # tensors that a sentence names before it counts the others
_HEAD_WEIGHT: Final = f"{HEAD}.weight"


@dataclass(frozen=True)
class Guest:
    """A foreign checkpoint whose tensors were matched with those of its model, no weight read yet.

    `build` makes the model, `sources` say where each of its tensors lies, `ignored` why a stored tensor is not used.
    `prompt_tokens` are those of a page and a question, at most.
    """

    directory: Path
    config: Any
    build: Callable[[], nn.Module]
    shapes: Mapping[str, tuple[int, ...]]
    sources: Mapping[str, Source]
    ignored: Mapping[str, str]
    prompt_tokens: int

    @property
    def tied(self) -> bool:
        """Whether the head is the embedding."""
        return bool(self.config.tie_word_embeddings)


def match(
    directory: Path,
    config: Any,
    build: Callable[[], nn.Module],
    stored: Mapping[str, StoredTensor],
    rename: Callable[[str], str],
    ignored: Callable[[str], str | None],
    *,
    prompt_tokens: int,
    others: Mapping[str, tuple[Source, tuple[int, ...]]] | None = None,
) -> Guest:
    """Match stored tensors with those of the model and return the checkpoint.

    `rename` turns a stored name into the model's, `ignored` says why a tensor is left out, None where it is not, and
    `others` are tensors of other files, by the model's names. Raises DamagedFileError, which names them, for tensors
    that are missing, unexpected or of another shape.
    """
    shapes = expected_shapes(build)
    tied = bool(config.tie_word_embeddings)
    left_out: dict[str, str] = {}
    twice: list[str] = []
    found: dict[str, tuple[Source, tuple[int, ...], str]] = {}
    for name, tensor in stored.items():
        target, why = rename(name), ignored(name)
        if tied and target == _HEAD_WEIGHT:
            why = "the head is the embedding"
        if why is not None:
            left_out[name] = why
        elif target in found:
            twice.append(name)
        else:
            found[target] = Source(directory / tensor.shard, name), tensor.shape, name
    for target, (source, shape) in (others or {}).items():
        found[target] = source, shape, source.name
    missing = [name for name in shapes if name not in found and not (tied and name == _HEAD_WEIGHT)]
    unexpected = twice + [stored_name for target, (_, _, stored_name) in found.items() if target not in shapes]
    wrong = [stored_name for target, (_, shape, stored_name) in found.items() if shapes.get(target, shape) != shape]
    for names, fault in (
        (missing, "lacks {} of the model's tensors: {}"),
        (wrong, "holds {} tensors in another shape than config.json says: {}"),
        (unexpected, "holds {} tensors that do not belong to the model: {}"),
    ):
        if names:
            raise DamagedFileError(
                directory,
                fault.format(len(names), _few(names)),
                "fetch the checkpoint again, with the config.json that belongs to it",
            )
    sources = {target: source for target, (source, _, _) in found.items()}
    return Guest(directory, config, build, shapes, sources, left_out, prompt_tokens)


def expected_shapes(build: Callable[[], nn.Module]) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the model's tensors, from the model built without memory."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in build().state_dict().items()}


def guest_memory(
    shapes: Mapping[str, tuple[int, ...]], config: Any, precision: Precision, device: Device, prompt_tokens: int
) -> MemoryNeed:
    """Return the bytes that a foreign model takes while it writes one reading of 2048 tokens.

    Weights from shapes; the cache is 2 x layers x key-value heads x head size x tokens numbers; the widest moment of a
    prompt is one layer's gate, up and product.
    """
    text = config.text_config
    size = number_bytes(precision, device)
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    cache = 2 * text.num_hidden_layers * text.num_key_value_heads * head * size * (prompt_tokens + NEW_TOKENS)
    working = 4 * size * prompt_tokens * (text.intermediate_size + text.hidden_size) + LIBRARIES_BYTES
    weights = weight_bytes(shapes, precision, device, tied=bool(config.tie_word_embeddings))
    return MemoryNeed(weights, cache, working)


def load_guest(
    guest: Guest,
    processor: Any,
    *,
    precision: Precision | Literal["auto"] = "auto",
    device: Device | Literal["auto"] = "auto",
) -> LoadedModel:
    """Load a matched checkpoint: bf16, fp16 or fp32 as it is, 8 and 4 bits packed on the CPU, nf4 and int8 on GPUs.

    `precision` "auto" is on a GPU bf16 if it fits and nf4 if not, on the CPU int8 if it fits and int4 if not. Every
    tensor is converted and put into the model as it is read. Raises InputError, before weights are read, for a
    precision or device that does not go with the model or this machine, and for too little memory.
    """
    started = time.perf_counter()
    check_choice("precision", precision, ("auto", *PRECISIONS))
    check_choice("device", device, DEVICES)
    place = choose_device(device, packed=False)

    def need(candidate: Precision) -> int:
        return guest_memory(guest.shapes, guest.config, candidate, place, guest.prompt_tokens).total

    # Such a model lies on one GPU, whatever others there are.
    available = torch.cuda.mem_get_info(0)[0] if place == "cuda" else memory_available(place)
    chosen: Precision
    if precision == "auto":
        chosen = auto_precision(place, guest.config, lambda candidate: need(candidate) <= available)
    else:
        chosen = precision
    check_possible(chosen, place, guest.config, guest.directory)
    if need(chosen) > available:
        raise InputError(
            guest.directory,
            f"needs {need(chosen) / 1e9:.1f} GB of {'GPU ' if place == 'cuda' else ''}memory in {chosen}, "
            f"but {available / 1e9:.1f} GB are available",
            smaller_precision(chosen, place),
        )
    attention = choose_attention("sdpa", place, chosen)
    model = _filled(guest, chosen, place, attention)
    release_memory()
    kept, mapped = footprint(model)
    return LoadedModel(
        model=model,
        processor=processor,
        precision=chosen,
        device=place,
        directory=guest.directory,
        load_seconds=time.perf_counter() - started,
        model_bytes=kept,
        mapped_bytes=mapped,
        attention=attention,
    )


def end_tokens(directory: Path, config: Any) -> list[int]:
    """Return the tokens that end a turn by the files of a directory: generation_config.json, else the configuration."""
    path = directory / "generation_config.json"
    named = read_raw(path).get("eos_token_id") if path.is_file() else None
    if named is None:
        named = getattr(config, "eos_token_id", None) or config.text_config.eos_token_id
    return [named] if isinstance(named, int) else list(named or [])


def _filled(guest: Guest, precision: Precision, device: Device, attention: str) -> Any:
    from accelerate import init_empty_weights

    packed = device == "cpu" and precision in ("int8", "int4")
    dtype = matmul_dtype() if packed else DTYPES.get(precision, torch.bfloat16)
    guest.config._attn_implementation = attention
    with init_empty_weights(include_buffers=False):
        model: Any = guest.build()
    for name, tensor in tensors(guest.sources.items()):
        layer = quantised_layer(name)
        if packed and name == EMBEDDING:
            model.set_input_embeddings(_mapped(model.get_input_embeddings(), tensor, dtype))
            if guest.tied:
                put_layer(model, guest.directory, HEAD, quantise_int8(tensor), copy=False)
        elif packed and (layer or name == _HEAD_WEIGHT):
            put_layer(model, guest.directory, layer or HEAD, _quantised(layer or HEAD, tensor, precision), copy=False)
        elif layer and precision in ("nf4", "int8"):
            _put_bitsandbytes(model, layer, tensor, precision, device)
            if layer.endswith("down_proj"):
                release_memory()  # else the allocator keeps more than the model takes in the end
        else:
            put_tensor(model, name, tensor.to(device, dtype, copy=True))
    if guest.tied and not packed:
        model.lm_head.weight = model.get_input_embeddings().weight
    model.to(device)  # what is no weight: frequencies of positions, scales
    require_filled(model)
    model.requires_grad_(False)
    return model.eval()


def _quantised(layer: str, weight: Tensor, precision: Precision) -> Any:
    eight = bits_of(layer, "int8" if precision == "int8" else "int4") == 8
    return quantise_int8(weight) if eight else quantise_int4(weight)


class _MappedScaledEmbedding(MappedEmbedding):
    """A mapped embedding whose rows are multiplied by a number, as Gemma's are."""

    def __init__(self, table: Tensor, dtype: torch.dtype, scale: float) -> None:
        super().__init__(table, dtype)
        self.scale = scale

    def forward(self, input: Tensor) -> Tensor:
        rows = super().forward(input)
        return rows * torch.tensor(self.scale).to(rows.dtype)


def _mapped(old: nn.Module, table: Tensor, dtype: torch.dtype) -> MappedEmbedding:
    scale = getattr(old, "scalar_embed_scale", None)
    return MappedEmbedding(table, dtype) if scale is None else _MappedScaledEmbedding(table, dtype, float(scale))


def _put_bitsandbytes(model: nn.Module, layer: str, weight: Tensor, precision: Precision, device: Device) -> None:
    """Replace a linear layer by bitsandbytes' own, its weight quantised on the device."""
    import bitsandbytes as bnb

    old = model.get_submodule(layer)
    rows, columns = weight.shape
    value = weight.to(torch.bfloat16 if precision == "nf4" else torch.float16, copy=True)
    new: Any
    if precision == "nf4":
        options: dict[str, Any] = {"quant_type": "nf4", "compress_statistics": True}
        new = bnb.nn.Linear4bit(columns, rows, bias=False, compute_dtype=torch.bfloat16, device="meta", **options)
        new.weight = bnb.nn.Params4bit(value, requires_grad=False, module=new, **options).to(device)
    else:
        warnings.filterwarnings("ignore", message="MatMul8bitLt", category=UserWarning)
        new = bnb.nn.Linear8bitLt(columns, rows, bias=False, has_fp16_weights=False, threshold=6.0, device="meta")
        new.weight = bnb.nn.Int8Params(value, requires_grad=False, has_fp16_weights=False).to(device)
    new.bias = old.bias
    path, _, last = layer.rpartition(".")
    setattr(model.get_submodule(path), last, new)


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
