"""Looks at a checkpoint directory before anything large is read: is it whole, and is it an ECG-R1?

It reads `config.json`, the index, the tokenizer's files and the headers of the safetensors shards (a few hundred
kilobytes), and compares names and shapes with those of the model built on the meta device. It loads no weights; only
`verify=True` reads whole files, to compare them with the directory's SHA256SUMS.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from ecgr1_core.errors import DamagedFileError, InputError, MissingPartnerError
from ecgr1_core.model.config import PUBLISHED_TYPE, EcgR1Config, read_config

INDEX: Final = "model.safetensors.index.json"
SINGLE: Final = "model.safetensors"
CHECKSUMS: Final = "SHA256SUMS"
ECG_TOKENS: Final = ("<|ecg_start|>", "<|ecg_pad|>", "<|ecg_end|>")

_FETCH_AGAIN: Final = "fetch it again"
_HEADER_LIMIT_BYTES: Final = 100_000_000  # the limit of the safetensors format itself
_BITS: Final = {
    **{"F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "BF16": 16, "F16": 16, "I16": 16, "U16": 16},
    **{"F8_E4M3": 8, "F8_E5M2": 8, "I8": 8, "U8": 8, "BOOL": 8},
}
_FLOATS: Final = ("F64", "F32", "BF16", "F16")

Shape = tuple[int, ...]


@dataclass(frozen=True)
class StoredTensor:
    """One tensor as a shard's header describes it."""

    shape: Shape
    dtype: str
    bytes_: int
    shard: str


@dataclass(frozen=True)
class CheckpointInfo:
    """What a directory holds, known without reading the weights.

    `parameters` counts the model's parameters whatever they are stored in; `bytes_` is what the tensors take in the
    files, `dtypes` how many bytes of each type. `missing`, `unexpected` and `wrong_shape` name tensors against
    `expected_tensors`; `quantisation` is None or such as "nf4". `verified` says that SHA256SUMS was compared.
    """

    directory: Path
    config: EcgR1Config
    layout: Literal["published", "ecgr1"]
    parameters: int
    bytes_: int
    dtypes: dict[str, int]
    shards: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: tuple[str, ...]
    quantisation: str | None
    verified: bool = False

    @property
    def whole(self) -> bool:
        """Whether every tensor of the model is there in its shape, and no other."""
        return not (self.missing or self.unexpected or self.wrong_shape)

    @property
    def summary(self) -> dict[str, Any]:
        """The measures of the model that people ask for, by name."""
        text, vision = self.config.text_config, self.config.vision_config
        return {
            "text_layers": text.num_hidden_layers,
            "text_hidden_size": text.hidden_size,
            "vocabulary": text.vocab_size,
            "vision_layers": vision.depth,
            "ecg_tower": self.config.ecg_model_config,
            "ecg_tower_layers": self.config.ecg_num_hidden_layers,
            "ecg_tower_width": self.config.ecg_hidden_size,
            "ecg_tokens": self.config.ecg_tokens,
            "ecg_projector": self.config.ecg_projector_type,
        }

    def require_whole(self) -> None:
        """Raise DamagedFileError with the first of the tensors that are missing, of wrong shape or unexpected."""
        for names, fault in (
            (self.missing, "lacks {} of the model's tensors, such as {}"),
            (self.wrong_shape, "holds {} of its tensors in another shape than config.json says, such as {}"),
            (self.unexpected, "holds tensors that do not belong to the model ({}), such as {}"),
        ):
            if names:
                raise DamagedFileError(
                    self.directory,
                    fault.format(len(names), names[0]),
                    "fetch the checkpoint again, with the config.json that belongs to it",
                )


def expected_tensors(config: EcgR1Config) -> dict[str, Shape]:
    """Return names and shapes of the unquantised model's tensors, from the model built without memory."""
    import torch

    from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration

    with torch.device("meta"):
        model = EcgR1ForConditionalGeneration(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def inspect(directory: Path, *, verify: bool = False, progress: Callable[[int], None] | None = None) -> CheckpointInfo:
    """Check a checkpoint directory and say what it holds, from configuration, index and headers alone.

    `verify` also compares every file named in SHA256SUMS, where the directory has one, and calls `progress` with the
    bytes read since its last call. Tensors that are missing or of another shape are reported, not raised: see
    `require_whole`. Raises a kind of InputError, before any weights are read, for a directory that is not an ECG-R1's
    (see `read_config`), a missing, truncated or damaged shard, an index that names absent tensors, weights or a
    tokenizer without the ECG's part, and a wrong checksum.
    """
    config = read_config(directory)
    raw = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    stored = read_headers(directory)
    if not any(name.startswith("model.ecg_tower.") for name in stored):
        raise InputError(
            directory,
            "its weights hold no ECG tower, so they are a stock Qwen3-VL's, which cannot read the signal",
            "fetch the weights of an ECG-R1 checkpoint",
        )
    _check_tokenizer(directory, config)
    if not any((directory / name).is_file() for name in ("preprocessor_config.json", "processor_config.json")):
        raise MissingPartnerError(directory, "has no preprocessor_config.json", _FETCH_AGAIN)
    expected = expected_tensors(config)
    quantisation = _quantisation(raw)
    missing, unexpected, wrong_shape = _compare(expected, stored, quantised=quantisation is not None)
    if config.tie_word_embeddings:
        missing = tuple(name for name in missing if name != "lm_head.weight")
    dtypes: dict[str, int] = {}
    for tensor in stored.values():
        dtypes[tensor.dtype] = dtypes.get(tensor.dtype, 0) + tensor.bytes_
    return CheckpointInfo(
        directory=directory,
        config=config,
        layout="published" if raw.get("model_type") == PUBLISHED_TYPE else "ecgr1",
        parameters=sum(
            math.prod(shape)
            for name, shape in expected.items()
            if not (config.tie_word_embeddings and name == "lm_head.weight")
        ),
        bytes_=sum(dtypes.values()),
        dtypes=dtypes,
        shards=tuple(sorted({tensor.shard for tensor in stored.values()})),
        missing=missing,
        unexpected=unexpected,
        wrong_shape=wrong_shape,
        quantisation=quantisation,
        verified=verify and verify_checksums(directory, progress),
    )


def read_header(path: Path) -> dict[str, StoredTensor]:
    """Return the tensors that one safetensors file describes, after checking its size against them.

    The file is 8 bytes of header length, a JSON header with name, type, shape and offsets, and the tensors
    (safetensors format, section "Format"). Raises DamagedFileError.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _HEADER_LIMIT_BYTES):
            raise DamagedFileError(path, "has a damaged or truncated header", _FETCH_AGAIN)
        header = file.read(length)
    try:
        entries = json.loads(header)
        entries.pop("__metadata__", None)
        found, ends = {}, [0]
        for name, entry in entries.items():
            begin, end = (int(offset) for offset in entry["data_offsets"])
            shape = tuple(int(side) for side in entry["shape"])
            found[str(name)] = StoredTensor(shape, str(entry["dtype"]), end - begin, path.name)
            ends.append(end)
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # UnicodeDecodeError and JSON's are ValueErrors
        raise DamagedFileError(path, f"has a damaged header ({error})", _FETCH_AGAIN) from error
    for name, tensor in found.items():
        bits = _BITS.get(tensor.dtype)
        if bits is not None and tensor.bytes_ * 8 != math.prod(tensor.shape) * bits:
            raise DamagedFileError(path, f"has a damaged header (shape and size of {name} disagree)", _FETCH_AGAIN)
    promised = 8 + length + max(ends)
    if size != promised:
        word = "truncated" if size < promised else "longer than its header says"
        raise DamagedFileError(path, f"is {word} ({size:,} bytes instead of {promised:,})", _FETCH_AGAIN)
    return found


def verify_checksums(directory: Path, progress: Callable[[int], None] | None = None) -> bool:
    """Compare the files of a directory with its SHA256SUMS (lines of `sha256sum`); False where it has none.

    `progress` is called with the bytes read since its last call. Raises DamagedFileError or MissingPartnerError for the
    first file that differs or is absent.
    """
    sums = directory / CHECKSUMS
    if not sums.is_file():
        return False
    for line in sums.read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line)
        if match is None:
            raise DamagedFileError(sums, f"has a line that is not a checksum ({line[:40]!r})", _FETCH_AGAIN)
        path = directory / match[2]
        if not path.resolve().is_relative_to(directory.resolve()):
            raise DamagedFileError(sums, f"names a file outside the directory ({match[2]})", _FETCH_AGAIN)
        if not path.is_file():
            raise MissingPartnerError(directory, f"{match[2]} is missing, which {CHECKSUMS} names", _FETCH_AGAIN)
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
                if progress is not None:
                    progress(len(block))
        if digest.hexdigest() != match[1]:
            raise DamagedFileError(path, f"differs from its checksum in {CHECKSUMS}", _FETCH_AGAIN)
    return True


def read_headers(
    directory: Path,
    index_name: str = INDEX,
    single: str = SINGLE,
    read: Callable[[Path], dict[str, StoredTensor]] = read_header,
) -> dict[str, StoredTensor]:
    """Return every stored tensor by name, from the shards that the index names or from the single file.

    `read` tells what one file holds. Raises MissingPartnerError for absent files and DamagedFileError for an index that
    cannot be read or names tensors that are not there.
    """
    index = directory / index_name
    if not index.is_file():
        if not (directory / single).is_file():
            raise MissingPartnerError(
                directory, f"has neither {index_name} nor {single}", "fetch the weights of the checkpoint"
            )
        return read(directory / single)
    try:
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        located = {str(name): str(shard) for name, shard in weight_map.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFileError(index, f"is damaged ({error})", _FETCH_AGAIN) from error
    shards = sorted(set(located.values()))
    for shard in shards:
        if Path(shard).name != shard:
            raise DamagedFileError(index, f"names a shard outside the directory ({shard})", _FETCH_AGAIN)
        if not (directory / shard).is_file():
            raise MissingPartnerError(
                directory, f"the shard {shard} is missing, which {index_name} names", _FETCH_AGAIN
            )
    stored: dict[str, StoredTensor] = {}
    for shard in shards:
        for name, tensor in read(directory / shard).items():
            if located.get(name) == shard:
                stored[name] = tensor
    absent = [name for name in located if name not in stored]
    if absent:
        raise DamagedFileError(
            index, f"names tensors that the shards do not hold ({len(absent)}, such as {absent[0]})", _FETCH_AGAIN
        )
    return stored


def _check_tokenizer(directory: Path, config: EcgR1Config) -> None:
    """Check that the tokenizer has the ECG tokens, and `<|ecg_pad|>` under the id that the configuration says."""
    path = directory / "tokenizer.json"
    try:
        if path.is_file():
            added = json.loads(path.read_text(encoding="utf-8"))["added_tokens"]
            tokens = {str(entry["content"]): int(entry["id"]) for entry in added}
        else:
            path = directory / "tokenizer_config.json"
            if not path.is_file():
                raise MissingPartnerError(directory, "has no tokenizer.json", _FETCH_AGAIN)
            decoder = json.loads(path.read_text(encoding="utf-8")).get("added_tokens_decoder", {})
            tokens = {str(entry["content"]): int(key) for key, entry in decoder.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFileError(path, f"is damaged ({error})", _FETCH_AGAIN) from error
    absent = [token for token in ECG_TOKENS if token not in tokens]
    if absent:
        raise InputError(
            path,
            f"the tokenizer has no {', '.join(absent)}",
            "use the tokenizer files of an ECG-R1 checkpoint, not those of a stock Qwen3-VL",
        )
    if tokens["<|ecg_pad|>"] != config.ecg_token_id:
        raise DamagedFileError(
            path,
            f"gives <|ecg_pad|> the id {tokens['<|ecg_pad|>']}, but config.json says {config.ecg_token_id}",
            "use tokenizer and configuration of the same checkpoint",
        )


def _quantisation(raw: dict[str, Any]) -> str | None:
    """Return how the weights are quantised: our own entry `quantization`, or bitsandbytes' in `quantization_config`."""
    own = raw.get("quantization")
    if isinstance(own, dict):
        return str(own.get("precision", "unknown"))
    entry = raw.get("quantization_config")
    if not isinstance(entry, dict):
        return None
    if entry.get("load_in_4bit"):
        return str(entry.get("bnb_4bit_quant_type", "int4"))
    return "int8" if entry.get("load_in_8bit") else str(entry.get("quant_method", "unknown"))


def _compare(
    expected: dict[str, Shape], stored: dict[str, StoredTensor], *, quantised: bool
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the names that are missing, unexpected and of wrong shape.

    A quantised layer keeps its weight packed and beside it scales and the like, under names of the same module; there
    the module has to be one of the model's, and only floating-point tensors are compared by shape.
    """
    if not quantised:
        missing = tuple(name for name in expected if name not in stored)
        unexpected = tuple(name for name in stored if name not in expected)
        wrong = tuple(name for name in expected if name in stored and stored[name].shape != expected[name])
        return missing, unexpected, wrong
    modules = {name.rpartition(".")[0] for name in expected}
    packed_modules: set[str] = set()
    unexpected_names = []
    for name in stored:
        if name in expected:
            continue
        module = next((m for m in _parents(name) if m in modules), None)
        if module is None:
            unexpected_names.append(name)
        else:
            packed_modules.add(module)
    missing = tuple(name for name in expected if name not in stored and name.rpartition(".")[0] not in packed_modules)
    wrong = tuple(
        name
        for name, shape in expected.items()
        if name in stored and stored[name].dtype in _FLOATS and stored[name].shape != shape
    )
    return missing, tuple(unexpected_names), wrong


def _parents(name: str) -> list[str]:
    """Return the modules that a tensor's name lies in, the innermost first."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]
