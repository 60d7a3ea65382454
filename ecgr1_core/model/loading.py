"""One call from a directory to a model that reads ECGs, in the precision and on the device that this machine allows.

8 and 4 bits on the CPU are our own packed layers, filled tensor by tensor so that the unquantised model is never whole
in memory; everything else goes through transformers, bitsandbytes and PEFT. Errors that a user can mend are raised
before weights are read. It knows nothing of prompts or generation, and fetches nothing.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor

from ecgr1_core.errors import InputError
from ecgr1_core.model.adapters import attach, check_adapter, read_lora
from ecgr1_core.model.assembly import MappedEmbedding, footprint, put_layer, put_tensor, require_filled
from ecgr1_core.model.checkpoint import CheckpointInfo, inspect
from ecgr1_core.model.memory import PRECISIONS, Device, Precision, fits, memory_available, memory_needed
from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration
from ecgr1_core.model.packed import matmul_dtype
from ecgr1_core.model.processing import EcgR1Processor
from ecgr1_core.model.quantise import (
    EMBEDDING,
    check_layers,
    int8_config,
    map_tensor,
    nf4_config,
    own_quantisation,
    packed_weights,
    read_packed,
    require_bitsandbytes,
)

DEVICES: Final = ("auto", "cpu", "cuda", "mps")
ATTENTIONS: Final = ("auto", "sdpa", "eager", "flash_attention_2")
DTYPES: Final = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


@dataclass
class LoadedModel:
    """A model ready to read, and what is worth knowing about it.

    `model_bytes` is what its weights take in memory; `mapped_bytes` of weights stay in their file, from which only the
    rows that are used are read. After `unload` the model is gone.
    """

    model: Any
    processor: Any
    precision: Precision
    device: Device
    directory: Path
    load_seconds: float
    model_bytes: int
    mapped_bytes: int
    attention: str
    adapter: Path | None = None

    def unload(self) -> None:
        """Drop the model and give its memory back to the system; who holds other references to it keeps it alive."""
        self.model = self.processor = None
        release_memory()


def load(
    directory: Path,
    *,
    precision: Precision | Literal["auto"] = "auto",
    device: Device | Literal["auto"] = "auto",
    adapter: Path | None = None,
    merge_adapter: bool = False,
    attention: str = "auto",
) -> LoadedModel:
    """Load a checkpoint directory, published or saved by this program, whole or quantised.

    `precision` "auto" takes what the directory is quantised to; else on a GPU bf16 if it fits and nf4 if not, on the
    CPU int8 if it fits and int4 if not, quantising layer by layer. A LoRA `adapter` is kept beside its layers, or with
    `merge_adapter` added to them before they are quantised. `attention` "auto" is flash_attention_2 on a GPU that has
    it, else sdpa. Raises a kind of InputError, before weights are read, for everything `checkpoint.inspect` finds, a
    precision or device that does not go with the directory or this machine, too little memory, and an adapter that does
    not fit.
    """
    started = time.perf_counter()
    info = inspect(directory)
    info.require_whole()
    own = own_quantisation(directory)
    check_choice("precision", precision, ("auto", *PRECISIONS))
    check_choice("device", device, DEVICES)
    check_choice("attention", attention, ATTENTIONS)
    place = choose_device(device, packed=own is not None)
    chosen = _choose_precision(info, precision, place)
    _check_precision(info, chosen, place, packed=own is not None)
    packed = place == "cpu" and chosen in ("int8", "int4")
    if adapter is not None:
        _check_adapter(info, adapter, chosen, merge=merge_adapter)
    kind = choose_attention(attention, place, chosen)
    need, available = memory_needed(info, chosen, place).total, memory_available(place)
    if need > available:
        raise InputError(
            directory,
            f"needs {need / 1e9:.1f} GB of {'GPU ' if place == 'cuda' else ''}memory in {chosen}, "
            f"but {available / 1e9:.1f} GB are available",
            smaller_precision(chosen, place),
        )
    if packed:
        model = _load_packed(info, chosen, own is not None, adapter, merge_adapter, kind)
    else:
        model = _load_with_transformers(info, chosen, place, adapter, merge_adapter, kind)
    processor = EcgR1Processor.from_pretrained(directory)
    release_memory()
    kept, mapped = footprint(model)
    return LoadedModel(
        model=model.eval(),
        processor=processor,
        precision=chosen,
        device=place,
        directory=directory,
        load_seconds=time.perf_counter() - started,
        model_bytes=kept,
        mapped_bytes=mapped,
        attention=kind,
        adapter=adapter,
    )


def release_memory() -> None:
    """Collect what nothing refers to, and have the allocators give free pages back."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
        if trim is not None:
            trim(0)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def _load_packed(
    info: CheckpointInfo, precision: Precision, stored: bool, adapter: Path | None, merge: bool, attention: str
) -> Any:
    """Build the model without memory, then put its tensors in one by one, each quantised layer packed."""
    from accelerate import init_empty_weights
    from transformers import GenerationConfig

    dtype = matmul_dtype()
    lora = read_lora(adapter) if adapter is not None else {}
    info.config._attn_implementation = attention
    with init_empty_weights(include_buffers=False):
        model = EcgR1ForConditionalGeneration(info.config)
    model.set_input_embeddings(MappedEmbedding(map_tensor(info, EMBEDDING), dtype))

    def update(layer: str, weight: Tensor) -> Tensor:
        return lora[layer].merged(weight) if merge and layer in lora else weight

    assert precision in ("int8", "int4")
    bits: Literal["int8", "int4"] = "int8" if precision == "int8" else "int4"
    weights = read_packed(info) if stored else packed_weights(info, bits, update=update)
    for name, value in weights:
        if name == EMBEDDING:
            continue
        if isinstance(value, Tensor):
            put_tensor(model, name, value.to(dtype, copy=True) if value.is_floating_point() else value.clone())
        else:
            put_layer(model, info.directory, name, value, copy=stored)
    if lora and not merge:
        attach(model, lora, dtype)
    require_filled(model)
    if (info.directory / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(info.directory)
    model.requires_grad_(False)
    return model


def _load_with_transformers(
    info: CheckpointInfo, precision: Precision, device: Device, adapter: Path | None, merge: bool, attention: str
) -> Any:
    """Load by `from_pretrained`, quantising with bitsandbytes where it was asked for."""
    options: dict[str, Any] = {"attn_implementation": attention, "dtype": DTYPES.get(precision, torch.bfloat16)}
    if info.quantisation is None and precision == "nf4":
        options["quantization_config"] = nf4_config()
    elif info.quantisation is None and precision == "int8":
        options["quantization_config"] = int8_config()
    if precision == "int8":
        warnings.filterwarnings("ignore", message="MatMul8bitLt", category=UserWarning)
    several = device == "cuda" and torch.cuda.device_count() > 1
    options["device_map"] = "auto" if several else {"": 0 if device == "cuda" else device}
    model: Any = EcgR1ForConditionalGeneration.from_pretrained(info.directory, config=info.config, **options)
    if adapter is not None:
        from peft import PeftModel

        wrapped = PeftModel.from_pretrained(model, str(adapter))
        model = wrapped.merge_and_unload() if merge else wrapped
    return model


def check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raise InputError where a choice is not one of the known ones."""
    if value not in known:
        raise InputError(name, f"{value!r} is unknown", f"use one of {', '.join(known)}")


def choose_device(device: str, *, packed: bool) -> Device:
    """Return where to compute, "auto" resolved; `packed` weights are for the CPU. InputError for a device not here."""
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("cuda", "PyTorch finds no NVIDIA GPU here", "use the device cpu, or install PyTorch for CUDA")
    if device == "mps" and not torch.backends.mps.is_available():
        raise InputError("mps", "PyTorch finds no Apple GPU here", "use the device cpu")
    if device == "cuda" or (device == "auto" and torch.cuda.is_available() and not packed):
        return "cuda"
    if device == "mps" or (device == "auto" and torch.backends.mps.is_available() and not packed):
        return "mps"
    return "cpu"


def _choose_precision(info: CheckpointInfo, precision: str, device: Device) -> Precision:
    if precision != "auto":
        return next(known for known in PRECISIONS if known == precision)
    if info.quantisation is not None:
        known = [one for one in PRECISIONS if one == info.quantisation]
        if not known:
            raise InputError(
                info.directory, f"is quantised in an unknown way ({info.quantisation})", "use the original checkpoint"
            )
        return known[0]
    return auto_precision(device, info.config, lambda candidate: fits(info, candidate, device))


def auto_precision(device: Device, config: Any, fits_in: Callable[[Precision], bool]) -> Precision:
    """Return the precision for unquantised weights: on a GPU bf16 or else nf4, on the CPU int8 or else int4."""
    if device == "mps":
        return "bf16"
    if device == "cuda":
        return "bf16" if fits_in("bf16") or importlib.util.find_spec("bitsandbytes") is None else "nf4"
    return "int8" if fits_in("int8") or config.text_config.hidden_size % 64 else "int4"


def _check_precision(info: CheckpointInfo, precision: Precision, device: Device, *, packed: bool) -> None:
    stored = info.quantisation
    if stored is not None and stored != precision:
        raise InputError(
            info.directory,
            f"is quantised to {stored} and cannot be loaded in {precision}",
            "use the original checkpoint",
        )
    if packed and device != "cpu":
        raise InputError(
            info.directory,
            f"is packed in {precision} for the CPU",
            f"use the device cpu, or the original checkpoint on {device}",
        )
    if stored == "int8" and not packed and device == "cpu":
        raise InputError(
            info.directory, "is quantised to int8 by bitsandbytes, for GPUs", "use the original checkpoint on the CPU"
        )
    check_possible(precision, device, info.config, info.directory)


def check_possible(precision: Precision, device: Device, config: Any, directory: Path) -> None:
    """Raise InputError where a precision does not go with a device, or with the sizes of the model's layers."""
    if precision in ("int8", "int4") and device == "cpu":
        check_layers(config, "int8" if precision == "int8" else "int4", directory)
    elif precision == "int4":
        raise InputError("int4", f"is for the CPU, not for {device}", "use nf4, which is 4 bits on GPUs")
    elif precision in ("nf4", "int8"):
        if device == "mps":
            raise InputError(precision, "is not available on Apple GPUs", "use bf16 there, or int8 on the device cpu")
        require_bitsandbytes(precision)


def _check_adapter(info: CheckpointInfo, adapter: Path, precision: Precision, *, merge: bool) -> None:
    check_adapter(adapter, info)
    if merge and (info.quantisation is not None or precision == "nf4"):
        raise InputError(
            adapter,
            f"cannot be merged into weights in {precision}",
            "attach it instead, or merge it into the bf16 checkpoint, save that, and quantise it",
        )


def choose_attention(attention: str, device: Device, precision: Precision) -> str:
    """Return the implementation of attention, "auto" resolved; InputError for flash attention where it cannot run."""
    there = device == "cuda" and importlib.util.find_spec("flash_attn") is not None and precision != "fp32"
    if attention == "flash_attention_2" and not there:
        raise InputError(
            attention, "needs an NVIDIA GPU, the package flash-attn and half precision", "use the attention sdpa"
        )
    return attention if attention != "auto" else "flash_attention_2" if there else "sdpa"


def smaller_precision(precision: Precision, device: Device) -> str:
    """Return what to do where this precision takes too much memory."""
    if device == "cuda":
        return "use nf4" if precision != "nf4" else "free memory of the GPU, or use the device cpu"
    if precision == "int4":
        return "close other programs or use a machine with more memory"
    return "use int4" if precision == "int8" else "use int8 or int4"
