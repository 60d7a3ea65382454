"""Which kind of checkpoint a directory holds, by its `config.json` alone: a wrong one is told in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal

from ecgr1_core.errors import DamagedFileError, InputError

Kind = Literal["ecg-r1", "gem", "llava", "gemma3"]
_WORDS: Final[dict[Kind, str]] = {
    "ecg-r1": "an ECG-R1",
    "gem": "a GEM (a LLaVA with an ECG tower)",
    "llava": "a LLaVA that reads images only, as PULSE",
    "gemma3": "a Gemma 3 that reads images, as MedGemma",
}
_SETTINGS: Final[dict[Kind, str]] = {
    "ecg-r1": "ECGR1_MODEL",
    "gem": "ECGR1_GEM",
    "llava": "ECGR1_PULSE",
    "gemma3": "ECGR1_MEDGEMMA",
}
_LLAVA_TYPES: Final = ("llava_llama", "llava")


def read_raw(path: Path) -> dict[str, Any]:
    """Return a `config.json` as an object; DamagedFileError where it is none."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DamagedFileError(path, f"cannot be read ({error.strerror})", "fetch the checkpoint again") from error
    except ValueError as error:
        raise DamagedFileError(path, f"is not JSON ({error})", "fetch the checkpoint again") from error
    if not isinstance(raw, dict):
        raise DamagedFileError(path, "is not a JSON object", "fetch the checkpoint again")
    return raw


def kind_of(raw: dict[str, Any]) -> Kind | None:
    """Return the kind of checkpoint that a configuration describes, None for one that no reader here can read."""
    model_type = raw.get("model_type")
    if "ecg_token_id" in raw:
        return "ecg-r1"
    if model_type == "gemma3" and "vision_config" in raw:
        return "gemma3"
    if model_type in _LLAVA_TYPES and "mm_vision_tower" in raw:
        return "gem" if raw.get("mm_ecg_tower") else "llava"
    return None


def require_kind(directory: Path, wanted: Kind) -> None:
    """Raise InputError where a directory holds another kind of checkpoint, or one that was quantised already."""
    path = directory / "config.json"
    raw = read_raw(path)
    kind = kind_of(raw)
    if kind is None:
        hint = ""
        if raw.get("model_type") in ("llava", "llava_next"):
            hint = " in the layout of transformers instead of LLaVA's own"
        raise InputError(
            path,
            f"describes a model of type {raw.get('model_type')!r}{hint}, not {_WORDS[wanted]}",
            f"set {_SETTINGS[wanted]} to the directory of one",
        )
    if kind != wanted:
        raise InputError(
            path,
            f"describes {_WORDS[kind]}, not {_WORDS[wanted]}",
            f"set {_SETTINGS[kind]} to it, and {_SETTINGS[wanted]} to another directory",
        )
    if "quantization_config" in raw:
        raise InputError(
            path, "describes weights that were quantised already", "use the original checkpoint; it is quantised here"
        )
