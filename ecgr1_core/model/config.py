"""Configuration of ECG-R1: Qwen3-VL's own, the published ECG fields, and the geometry of the ECG tower.

A published directory says `model_type: qwen3_vl` and names its tower (`coca_ViT-B-32`); one saved here says `ecg_r1`
and also states every measure of the tower. Both are understood. `ecg_tower_path`, a path on the disk of whoever
trained the model, is kept and never opened. This module knows nothing of weights, tokens or files other than
`config.json`.
"""

# No `from __future__ import annotations` here: the types of a configuration are checked only where they are not text.

import json
import re
from pathlib import Path
from typing import Any, Final

from huggingface_hub.dataclasses import strict
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, Qwen3VLConfig

from ecgr1_core.errors import DamagedFileError, InputError, MissingPartnerError

PUBLISHED_TYPE: Final = "qwen3_vl"
PUBLISHED_ARCHITECTURE: Final = "Qwen3VLForConditionalGeneration"

# Measures of the towers that `ecg_model_config` can name. The tower of ECG-CoCa ViT-B/32 is a 1-D ViT-B over patches of
# 50 samples (0.1 s at 500 Hz).
TOWERS: Final[dict[str, dict[str, int]]] = {
    "coca_ViT-B-32": {
        "ecg_hidden_size": 768,
        "ecg_num_hidden_layers": 12,
        "ecg_num_attention_heads": 12,
        "ecg_mlp_ratio": 4,
        "ecg_patch_samples": 50,
        "ecg_samples": 5000,
        "ecg_leads": 12,
        "ecg_output_size": 512,
    }
}
CUSTOM_TOWER: Final = "custom"  # `ecg_model_config` of a tower whose measures stand in the configuration itself

_PUBLISHED_FIELDS = ("ecg_token_id", "ecg_projector_type", "ecg_model_config", "ecg_hidden_size")
_MLP = re.compile(r"mlp([1-9]\d*)x_gelu")


@strict
class EcgR1Config(Qwen3VLConfig):  # type: ignore[misc]
    """Everything that says how an ECG-R1 is built; the defaults are the published model's.

    `ecg_token_id` is the id of `<|ecg_pad|>`; `ecg_projector_type` is `linear` or `mlpNx_gelu`; the measures of the
    tower are `ecg_hidden_size` (its width), `ecg_num_hidden_layers`, `ecg_num_attention_heads`, `ecg_mlp_ratio`,
    `ecg_patch_samples`, `ecg_samples`, `ecg_leads` and `ecg_output_size` (columns of `proj`, which the language model
    is not fed). With `ecg_mask_padding` the tower does not attend to zero-padded time; the published model does.
    `trained_modalities` are those that it was taught to read, where it was not taught all; other programs ignore it.
    """

    model_type = "ecg_r1"

    text_config: Any = None  # transformers leaves open whether these are dicts; once built they are not
    vision_config: Any = None
    ecg_token_id: int = 151669
    ecg_tower_path: str | None = None
    ecg_projector_type: str = "mlp2x_gelu"
    ecg_model_config: str = "coca_ViT-B-32"
    ecg_hidden_size: int = 768
    ecg_num_hidden_layers: int = 12
    ecg_num_attention_heads: int = 12
    ecg_mlp_ratio: int = 4
    ecg_patch_samples: int = 50
    ecg_samples: int = 5000
    ecg_leads: int = 12
    ecg_output_size: int = 512
    ecg_mask_padding: bool = False
    trained_modalities: list[str] | None = None

    @property
    def ecg_tokens(self) -> int:
        """Tokens that one ECG takes in the language model: the class token and one for each patch."""
        return 1 + int(self.ecg_samples) // int(self.ecg_patch_samples)

    @classmethod
    def get_config_dict(cls, *args: Any, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read `config.json` as transformers does; a published one is taken for what it is, an ECG-R1."""
        values, rest = super().get_config_dict(*args, **kwargs)
        if values.get("model_type") == PUBLISHED_TYPE and "ecg_token_id" in values:
            values = {**values, "model_type": cls.model_type}
        return values, rest


AutoConfig.register(EcgR1Config.model_type, EcgR1Config, exist_ok=True)


def published_dict(config: EcgR1Config) -> dict[str, Any]:
    """Return the configuration as the published layout writes it, for programs that know only that one.

    The measures of the tower stay in it, so that a tower of any size can be told from it; other programs ignore them.
    """
    values: dict[str, Any] = config.to_dict()
    return {**values, "model_type": PUBLISHED_TYPE, "architectures": [PUBLISHED_ARCHITECTURE]}


def projector_layers(kind: str) -> int | None:
    """Return how many linear layers a projector of this type has: 1 for `linear`, N for `mlpNx_gelu`, else None."""
    if kind == "linear":
        return 1
    match = _MLP.fullmatch(kind)
    return int(match[1]) if match else None


def read_config(directory: Path) -> EcgR1Config:
    """Read and check the configuration of a model directory without opening any weights.

    Raises a kind of InputError for a path that is no directory, a missing or damaged `config.json`, a model without
    ECG fields (a stock Qwen3-VL), an unknown projector type, and a tower that is unknown or contradicts its measures.
    """
    path = directory / "config.json"
    return config_of(path, _read_json_object(directory, path))


def config_of(path: Path, values: dict[str, Any]) -> EcgR1Config:
    """Check the content of a `config.json` and return it as a configuration; `path` is only named in errors.

    Raises a kind of InputError as `read_config` does.
    """
    if values.get("model_type") not in (PUBLISHED_TYPE, EcgR1Config.model_type):
        raise InputError(
            path,
            f"describes a model of type {values.get('model_type')!r}, not an ECG-R1",
            "give the directory of an ECG-R1 checkpoint",
        )
    missing = [name for name in _PUBLISHED_FIELDS if values.get(name) is None]
    if len(missing) == len(_PUBLISHED_FIELDS):
        raise InputError(
            path,
            "describes a stock Qwen3-VL, which cannot read the ECG signal (no ecg_ fields)",
            "give the directory of an ECG-R1 checkpoint",
        )
    if missing:
        raise DamagedFileError(path, f"lacks {', '.join(missing)}", "fetch the file again")
    for part in ("text_config", "vision_config"):
        if not isinstance(values.get(part), dict):
            raise DamagedFileError(path, f"lacks {part}", "fetch the file again")
    _check_projector(path, values["ecg_projector_type"])
    _check_tower(path, values)
    try:
        config = EcgR1Config.from_dict({**values, "model_type": EcgR1Config.model_type})
    except (StrictDataclassError, TypeError, ValueError, KeyError) as error:
        why = " ".join(str(error).split())
        raise DamagedFileError(path, f"is not valid ({why})", "fetch the file again") from error
    assert isinstance(config, EcgR1Config)
    vocabulary = config.text_config.vocab_size
    if not 0 <= config.ecg_token_id < vocabulary:
        raise DamagedFileError(
            path,
            f"ecg_token_id {config.ecg_token_id} lies outside the vocabulary of {vocabulary}",
            "fetch the file again",
        )
    return config


def _read_json_object(directory: Path, path: Path) -> dict[str, Any]:
    if not directory.is_dir():
        raise InputError(directory, "is not a directory", "give the directory that holds config.json and the weights")
    if not path.is_file():
        raise MissingPartnerError(
            directory, "has no config.json", "give the directory of a whole checkpoint, or fetch it again"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DamagedFileError(path, f"cannot be read as JSON ({error})", "fetch the file again") from error
    if not isinstance(values, dict):
        raise DamagedFileError(path, "is not a JSON object", "fetch the file again")
    return values


def _check_projector(path: Path, kind: object) -> None:
    if not isinstance(kind, str) or projector_layers(kind) is None:
        raise InputError(
            path,
            f"ecg_projector_type {kind!r} is unknown",
            "use a checkpoint whose projector is linear or mlpNx_gelu (such as mlp2x_gelu)",
        )


def _check_tower(path: Path, values: dict[str, Any]) -> None:
    """Check that the tower is known, or custom with every measure stated, and that the measures go together."""
    name = values["ecg_model_config"]
    measures = TOWERS["coca_ViT-B-32"].keys()
    if name == CUSTOM_TOWER:
        unstated = [field for field in measures if values.get(field) is None]
        if unstated:
            raise DamagedFileError(
                path, f"has a custom ECG tower but lacks {', '.join(unstated)}", "state its measures"
            )
        tower = {field: values[field] for field in measures}
    elif name in TOWERS:
        tower = TOWERS[name]
        for field, expected in tower.items():
            if values.get(field, expected) != expected:
                raise InputError(
                    path,
                    f"the ECG tower is of another size: {field} is {values[field]}, but {name} has {expected}",
                    f"use a checkpoint of {name}, or name the tower {CUSTOM_TOWER!r} and state all its measures",
                )
    else:
        known = ", ".join([*TOWERS, CUSTOM_TOWER])
        raise InputError(path, f"ecg_model_config {name!r} is an unknown ECG tower", f"use one of: {known}")
    if any(not isinstance(value, int) or isinstance(value, bool) or value <= 0 for value in tower.values()):
        raise DamagedFileError(path, "the measures of the ECG tower are not positive whole numbers", "correct them")
    if tower["ecg_hidden_size"] % tower["ecg_num_attention_heads"]:
        raise DamagedFileError(path, "ecg_hidden_size is no multiple of ecg_num_attention_heads", "correct them")
    if tower["ecg_samples"] % tower["ecg_patch_samples"]:
        raise DamagedFileError(path, "ecg_samples is no multiple of ecg_patch_samples", "correct them")
