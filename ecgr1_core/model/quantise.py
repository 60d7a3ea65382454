"""From a checkpoint directory to a smaller one: 8 or 4 bits for the CPU, nf4 for GPUs, one tensor at a time.

The linear layers of the language model are quantised. Embedding, norms, both towers, projector and merger stay as they
are; the head stays too in nf4 and takes 8 bits in both forms for the CPU, where reading it is a tenth of a step.
Among 4-bit layers the projections to keys and values are left in 8 bits: they are 4 % of the weights and half of
the error (measured by `benchmarks/quantisation_fidelity.py`).
It knows nothing of running a model, and of adapters only that a weight may be changed before it is quantised.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ecgr1_core.errors import InputError
from ecgr1_core.model.checkpoint import CHECKSUMS, INDEX, CheckpointInfo, inspect
from ecgr1_core.model.config import EcgR1Config
from ecgr1_core.model.packed import (
    BLOCK,
    GROUP,
    Int4Weight,
    Int8Weight,
    check_int4,
    int4_layout,
    quantise_int4,
    quantise_int8,
)

QuantisedPrecision = Literal["int8", "int4", "nf4"]
QUANTISED_PRECISIONS: Final[tuple[QuantisedPrecision, ...]] = ("int8", "int4", "nf4")
EMBEDDING: Final = "model.language_model.embed_tokens.weight"
HEAD: Final = "lm_head"
KEPT_MODULES: Final = ("model.visual", "model.ecg_tower", "model.ecg_projector", HEAD)

EIGHT_BITS_AMONG_FOUR: Final = ("k_proj", "v_proj")
_LAYER = re.compile(r"(model\.language_model\.layers\.\d+\.(?:self_attn|mlp)\.\w+_proj)\.weight")
_SHARD_BYTES: Final = 1 << 30
_WEIGHTS: Final = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".h5", ".msgpack")
_NOT_COPIED: Final = ("config.json", INDEX, CHECKSUMS)

Progress = Callable[[int, int], None]
"""Called with the bytes of the source done and the bytes there are."""
Update = Callable[[str, Tensor], Tensor]
"""Given a module's name and its weight, returns the weight to use instead."""


@dataclass(frozen=True)
class QuantisedDirectory:
    """What `quantise` wrote: where, in what, and the sizes of the tensors before and after."""

    directory: Path
    precision: QuantisedPrecision
    source_bytes: int
    bytes_: int


def quantised_layer(name: str) -> str | None:
    """Return the module whose weight this is if it is a linear layer of the language model, else None."""
    match = _LAYER.fullmatch(name)
    return match[1] if match else None


def bits_of(module: str, precision: Literal["int8", "int4"]) -> Literal[8, 4]:
    """Return in how many bits a quantised layer, or the head, is held on the CPU."""
    eight = precision == "int8" or module == HEAD or module.endswith(EIGHT_BITS_AMONG_FOUR)
    return 8 if eight else 4


def stored_bytes(name: str, shape: tuple[int, ...], precision: QuantisedPrecision | None) -> int:
    """Return what one tensor of the model takes once quantised, in bytes; unquantised tensors count 2 an element."""
    count = 1
    for side in shape:
        count *= side
    layer = HEAD if name == f"{HEAD}.weight" and precision != "nf4" else quantised_layer(name)
    if precision is None or layer is None:
        return 2 * count
    if precision == "nf4":
        # Half a byte each; a byte of scale for each 64, a float32 for each 256 of those (double quantisation); tables.
        return count // 2 + count // 64 + 4 * (count // (64 * 256)) + 1536
    if bits_of(layer, precision) == 8:
        return count + 2 * shape[0]
    rows = -(-shape[0] // BLOCK) * BLOCK
    return rows * shape[1] // 2 + 4 * rows * shape[1] // GROUP


def quantise(
    source: Path, target: Path, precision: QuantisedPrecision, *, progress: Progress | None = None
) -> QuantisedDirectory:
    """Write a quantised copy of a checkpoint directory, which loads again without being quantised anew.

    The copy has weights in shards of about 1 GiB with their index, the configuration with an entry on the quantisation,
    all other files of the source, and SHA256SUMS. It is made beside `target` and renamed to it at the end, so that a
    broken run leaves nothing that looks whole. Raises a kind of InputError for a source that is not a whole,
    unquantised checkpoint, a target that is not empty, layers that the precision cannot hold, and too little disk.
    """
    info = inspect(source)
    info.require_whole()
    _check_source(info, precision)
    _check_target(target, _output_bytes(info, precision))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        bytes_ = _write_weights(info, precision, partial, progress)
        _write_config(source, partial, precision)
        for path in sorted(source.iterdir()):
            if path.is_file() and path.suffix not in _WEIGHTS and path.name not in _NOT_COPIED:
                shutil.copyfile(path, partial / path.name)
        _write_checksums(partial)
        partial.chmod(0o755)
        if target.is_dir():
            target.rmdir()
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return QuantisedDirectory(target, precision, info.bytes_, bytes_)


def packed_weights(
    info: CheckpointInfo,
    precision: Literal["int8", "int4"],
    *,
    update: Update | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[str, Tensor | Int8Weight | Int4Weight]]:
    """Yield an unquantised checkpoint's tensors by name, and under its module's name each quantised weight.

    Tensors may be views of the file and are to be copied by who keeps them. `update` is given every weight with the
    name of its module and may change it first (a merged adapter). One tensor at a time is held.
    """
    for name, tensor in _tensors(info, progress):
        if update and name.endswith(".weight"):
            tensor = update(name.removesuffix(".weight"), tensor)
        layer = quantised_layer(name)
        if layer:
            yield layer, quantise_int8(tensor) if bits_of(layer, precision) == 8 else quantise_int4(tensor)
        elif name == f"{HEAD}.weight":
            yield HEAD, quantise_int8(tensor)
        else:
            yield name, tensor
            if name == EMBEDDING and info.config.tie_word_embeddings:
                yield HEAD, quantise_int8(tensor)


def read_packed(info: CheckpointInfo) -> Iterator[tuple[str, Tensor | Int8Weight | Int4Weight]]:
    """Yield what `packed_weights` would, out of a directory that `quantise` wrote in 8 or 4 bits."""
    halves: dict[str, dict[str, Tensor]] = {}
    for name, tensor in _tensors(info, None):
        module, _, part = name.rpartition(".")
        if part not in ("codes", "scales"):
            yield name, tensor
            continue
        found = halves.setdefault(module, {})
        found[part] = tensor
        if len(found) == 2:
            del halves[module]
            kind = Int8Weight if found["codes"].dtype == torch.int8 else Int4Weight
            yield module, kind(found["codes"], found["scales"])
    if halves:
        raise InputError(info.directory, f"lacks codes or scales of {next(iter(halves))}", "quantise it again")


def map_tensor(info: CheckpointInfo, name: str) -> Tensor:
    """Return one tensor as a view of its file: only the pages that are looked at come into memory."""
    for shard in info.shards:
        with safe_open(info.directory / shard, framework="pt") as file:
            if name in file.keys():  # noqa: SIM118 (not a dict)
                tensor: Tensor = file.get_tensor(name)
                return tensor
    raise KeyError(name)


def own_quantisation(directory: Path) -> dict[str, Any] | None:
    """Return the entry that `quantise` writes into `config.json` for 8 and 4 bits, None where there is none."""
    entry = json.loads((directory / "config.json").read_text(encoding="utf-8")).get("quantization")
    return entry if isinstance(entry, dict) else None


def nf4_config() -> Any:
    """Return bitsandbytes' configuration for nf4: double quantisation, towers, projectors, merger and head kept."""
    from transformers import BitsAndBytesConfig

    options = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        llm_int8_skip_modules=list(KEPT_MODULES),
        **options,
    )


def int8_config() -> Any:
    """Return bitsandbytes' configuration for 8 bits on GPUs; the same parts are kept."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=list(KEPT_MODULES))


def check_layers(config: EcgR1Config, precision: QuantisedPrecision, directory: Path) -> None:
    """Raise InputError where a precision cannot hold the layers of this model on this machine."""
    text = config.text_config
    heads = text.num_attention_heads * (getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads)
    if precision == "int4":
        try:
            for in_features in (text.hidden_size, text.intermediate_size, heads):
                check_int4(in_features)
            int4_layout()
        except (ValueError, RuntimeError) as error:
            raise InputError(directory, f"cannot be held in 4 bits ({error})", "use int8") from error


def _tensors(info: CheckpointInfo, progress: Progress | None) -> Iterator[tuple[str, Tensor]]:
    """Yield every stored tensor; each file is closed after each tensor, so that its pages do not add up in memory."""
    done = 0
    for shard in info.shards:
        path = info.directory / shard
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
        for name in names:
            with safe_open(path, framework="pt") as file:
                tensor = file.get_tensor(name)
            yield name, tensor
            done += tensor.nbytes
            if progress:
                progress(done, info.bytes_)


def _nf4_weights(info: CheckpointInfo, progress: Progress | None) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    """Yield for each tensor what transformers stores for it in nf4."""
    from bitsandbytes.functional import quantize_4bit

    device = "cuda" if torch.cuda.is_available() else "cpu"
    for name, tensor in _tensors(info, progress):
        if not quantised_layer(name):
            yield name, {name: tensor.bfloat16()}
            continue
        codes, state = quantize_4bit(tensor.to(device, torch.bfloat16), compress_statistics=True, quant_type="nf4")
        parts = {name: codes.cpu()}
        parts |= {f"{name}.{key}": value.cpu() for key, value in state.as_dict(packed=True).items()}
        yield name, parts


def _packed_parts(
    info: CheckpointInfo, precision: Literal["int8", "int4"], progress: Progress | None
) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    for name, value in packed_weights(info, precision, progress=progress):
        if isinstance(value, Tensor):
            yield name, {name: value}
        else:
            yield name, {f"{name}.codes": value.codes, f"{name}.scales": value.scales}


def _write_weights(info: CheckpointInfo, precision: QuantisedPrecision, target: Path, progress: Progress | None) -> int:
    """Write all shards and the index; return the bytes of the tensors."""
    parts = _nf4_weights(info, progress) if precision == "nf4" else _packed_parts(info, precision, progress)
    shards: list[list[str]] = []
    waiting: dict[str, Tensor] = {}
    total = 0

    def write() -> None:
        save_file(waiting, target / f"{len(shards)}.safetensors", metadata={"format": "pt"})
        shards.append(list(waiting))
        waiting.clear()

    for _, tensors in parts:
        size = sum(tensor.nbytes for tensor in tensors.values())
        if waiting and size + sum(tensor.nbytes for tensor in waiting.values()) > _SHARD_BYTES:
            write()
        waiting |= {name: tensor.clone() for name, tensor in tensors.items()}
        total += size
    write()
    weight_map: dict[str, str] = {}
    for number, names in enumerate(shards):
        final = f"model-{number + 1:05d}-of-{len(shards):05d}.safetensors"
        (target / f"{number}.safetensors").rename(target / final)
        weight_map |= dict.fromkeys(names, final)
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (target / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return total


def _write_config(source: Path, target: Path, precision: QuantisedPrecision) -> None:
    """Write `config.json` with its entry: bitsandbytes' own for nf4, else ours, under a type that only we load."""
    values = json.loads((source / "config.json").read_text(encoding="utf-8"))
    if precision == "nf4":
        values["quantization_config"] = nf4_config().to_dict()
        values["dtype"] = "bfloat16"
    else:
        values["model_type"] = EcgR1Config.model_type
        values["architectures"] = ["EcgR1ForConditionalGeneration"]
        values["quantization"] = {"precision": precision, "head": "int8", "kept": list(KEPT_MODULES[:-1])}
        if precision == "int4":
            values["quantization"] |= {"group_size": GROUP, "int8": list(EIGHT_BITS_AMONG_FOUR)}
    (target / "config.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _write_checksums(directory: Path) -> None:
    lines = []
    for path in sorted(directory.iterdir()):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    (directory / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def _check_source(info: CheckpointInfo, precision: QuantisedPrecision) -> None:
    if info.quantisation is not None:
        raise InputError(
            info.directory, f"is quantised already ({info.quantisation})", "quantise the original checkpoint"
        )
    check_layers(info.config, precision, info.directory)
    if precision == "nf4":
        require_bitsandbytes("nf4")


def require_bitsandbytes(precision: str) -> None:
    """Raise InputError where bitsandbytes is not installed."""
    import importlib.util

    if importlib.util.find_spec("bitsandbytes") is None:
        raise InputError(precision, "needs bitsandbytes, which is not installed", "run: pip install bitsandbytes")


def _output_bytes(info: CheckpointInfo, precision: QuantisedPrecision) -> int:
    """Return about how many bytes the quantised weights take on disk."""
    from ecgr1_core.model.checkpoint import expected_tensors

    shapes = expected_tensors(info.config)
    kept = max(1.0, info.bytes_ / (2 * info.parameters))  # a float32 source keeps float32 where it is not quantised
    return sum(
        int(stored_bytes(name, shape, precision) * (1 if quantised_layer(name) else kept))
        for name, shape in shapes.items()
    )


def _check_target(target: Path, needed: int) -> None:
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError(target, "exists already and is not an empty directory", "choose another name or remove it")
    parent = next(path for path in target.absolute().parents if path.exists())
    if not parent.is_dir():
        raise InputError(parent, "is not a directory", "choose another place for the quantised model")
    free = shutil.disk_usage(parent).free
    if free < needed * 1.02:
        raise InputError(
            target,
            f"needs {needed / 1e9:.1f} GB of disk, but {free / 1e9:.1f} GB are free",
            "free some or choose a place on another disk",
        )
