"""Reads the `config.json` of a checkpoint in LLaVA's own layout and says which model of transformers it is.

PULSE, LLaVA 1.5, LLaVA 1.6 and GEM write one flat object: the language model's measures, and `mm_…` fields on vision
tower, projector and images. The vision tower is only named there, so the measures of the two CLIP towers that are used
are kept here. This module knows nothing of weights or tokens.

Facts: haotian-liu/LLaVA (`llava/model/llava_arch.py`, `llava/mm_utils.py`), AIMedLab/PULSE, lanxiang1017/GEM and
copies of it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaNextConfig

from ecgr1_core.errors import DamagedFileError, InputError
from ecgr1_core.model.config import CUSTOM_TOWER, TOWERS, projector_layers
from ecgr1_core.model.kinds import read_raw
from ecgr1_core.model.tower import EcgTower

IMAGE_PLACEHOLDER_ID: Final = 0  # `<unk>`, which no text of a vocabulary with byte pieces gives
_CLIP_L: Final = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "patch_size": 14,
    "projection_dim": 768,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}
VISION_TOWERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "clip-vit-large-patch14-336": {**_CLIP_L, "image_size": 336},
    "clip-vit-large-patch14": {**_CLIP_L, "image_size": 224},
}
_TEXT_FIELDS: Final = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    *("num_key_value_heads", "head_dim", "hidden_act", "max_position_embeddings", "rms_norm_eps", "attention_bias"),
    *("bos_token_id", "eos_token_id", "initializer_range", "mlp_bias"),
)
_NEEDED: Final = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
_PROJECTOR: Final = "mlp2x_gelu"
_FETCH: Final = "fetch the checkpoint again"


@dataclass(frozen=True)
class EcgPart:
    """How GEM's ECG tower and the projector behind it are built: the tower's name, its measures, the projector."""

    tower: str
    measures: Mapping[str, int]
    projector_type: str

    @property
    def width(self) -> int:
        """Width of the tower's vectors."""
        return self.measures["ecg_hidden_size"]

    @property
    def tokens(self) -> int:
        """Tokens that one ECG takes: the class vector and one for each patch."""
        return 1 + self.measures["ecg_samples"] // self.measures["ecg_patch_samples"]

    def build_tower(self) -> EcgTower:
        """Build the tower; its parameters are not initialised."""
        size = self.measures
        return EcgTower(
            layers=size["ecg_num_hidden_layers"],
            width=size["ecg_hidden_size"],
            heads=size["ecg_num_attention_heads"],
            mlp_ratio=size["ecg_mlp_ratio"],
            patch_samples=size["ecg_patch_samples"],
            samples=size["ecg_samples"],
            leads=size["ecg_leads"],
            output_size=size["ecg_output_size"],
        )


@dataclass(frozen=True)
class LlavaLayout:
    """What a `config.json` describes.

    `config` is transformers'; `tiles` says how a page becomes squares: "tiles" of the resolution that fits best and the
    whole page (`anyres`), the whole page with margins ("pad"), or its middle square ("crop"). `ecg` is None in models
    that read images only; `ecg_file` the name of the file that the tower was built from where it was trained.
    """

    config: Any
    tiles: Literal["tiles", "pad", "crop"]
    ecg: EcgPart | None
    ecg_file: str | None

    @property
    def image_size(self) -> int:
        """Pixels of one square's side."""
        return int(self.config.vision_config.image_size)


def read_layout(directory: Path) -> LlavaLayout:
    """Read and check the configuration of a directory in LLaVA's layout, without opening weights.

    Raises a kind of InputError for a damaged file, a vision tower or ECG tower that is not known, another projector
    than two layers with GELU, and ways of feeding images that were never published for these models.
    """
    path = directory / "config.json"
    raw = read_raw(path)
    lacking = [name for name in _NEEDED if not isinstance(raw.get(name), int)]
    if lacking or not raw.get("mm_vision_tower"):
        raise DamagedFileError(path, f"lacks {', '.join(lacking or ['mm_vision_tower'])}", _FETCH)
    if raw.get("mm_projector_type", "linear") != _PROJECTOR:
        raise InputError(
            path,
            f"has a projector of the type {raw.get('mm_projector_type', 'linear')!r}",
            f"use a checkpoint whose mm_projector_type is {_PROJECTOR}",
        )
    if raw.get("mm_use_im_start_end"):
        raise InputError(path, "puts marks around images (mm_use_im_start_end)", "use a checkpoint without them")
    text = LlamaConfig(
        **{name: raw[name] for name in _TEXT_FIELDS if raw.get(name) is not None},
        rope_parameters=_rope(raw),
        tie_word_embeddings=bool(raw.get("tie_word_embeddings", False)),
    )
    shared = {
        "text_config": text,
        "vision_config": _vision_config(directory, path, str(raw["mm_vision_tower"])),
        "image_token_index": IMAGE_PLACEHOLDER_ID,
        "vision_feature_layer": int(raw.get("mm_vision_select_layer", -2)),
        "vision_feature_select_strategy": _strategy(path, raw.get("mm_vision_select_feature", "patch")),
        "tie_word_embeddings": text.tie_word_embeddings,
    }
    aspect = raw.get("image_aspect_ratio") or "square"
    if aspect == "anyres":
        if raw.get("mm_patch_merge_type", "flat") != "spatial_unpad":
            raise InputError(
                path,
                f"cuts images into tiles but puts them together as {raw.get('mm_patch_merge_type', 'flat')!r}",
                "use a checkpoint whose mm_patch_merge_type is spatial_unpad",
            )
        config: Any = LlavaNextConfig(**shared, image_grid_pinpoints=_resolutions(path, raw))
    else:
        config = LlavaConfig(**shared)
    ecg_file = raw.get("mm_ecg_tower")
    return LlavaLayout(
        config=config,
        tiles="tiles" if aspect == "anyres" else "pad" if aspect == "pad" else "crop",
        ecg=_ecg_part(path, raw) if ecg_file else None,
        ecg_file=Path(str(ecg_file)).name if ecg_file else None,
    )


def _rope(raw: Mapping[str, Any]) -> dict[str, Any]:
    scaling = dict(raw.get("rope_scaling") or {})
    kind = scaling.pop("type", scaling.pop("rope_type", "default"))
    return {"rope_type": kind, "rope_theta": float(raw.get("rope_theta", 10000.0)), **scaling}


def _vision_config(directory: Path, path: Path, tower: str) -> CLIPVisionConfig:
    """Return the tower's measures: of a directory of its name beside the weights, else of the known towers."""
    name = Path(tower).name
    beside = directory / name / "config.json"
    if beside.is_file():
        raw = read_raw(beside)
        known = {field: value for field, value in raw.get("vision_config", raw).items() if field != "model_type"}
        return CLIPVisionConfig(**known)
    if name not in VISION_TOWERS:
        raise InputError(
            path,
            f"names the vision tower {name!r}, whose measures are not known",
            f"put its config.json into a folder {name} beside the weights; known are {', '.join(VISION_TOWERS)}",
        )
    return CLIPVisionConfig(**VISION_TOWERS[name])


def _strategy(path: Path, feature: str) -> str:
    if feature not in ("patch", "cls_patch"):
        raise InputError(path, f"has the unknown mm_vision_select_feature {feature!r}", "use patch or cls_patch")
    return "default" if feature == "patch" else "full"


def _resolutions(path: Path, raw: Mapping[str, Any]) -> list[list[int]]:
    """Return the resolutions of tiles as [height, width], in the order in which LLaVA, which writes [width, height],
    tries them: of two that fit equally well the first one is taken.
    """
    given = raw.get("image_grid_pinpoints")
    try:
        pairs: Any = ast.literal_eval(given) if isinstance(given, str) else given
        return [[int(height), int(width)] for width, height in pairs]
    except (ValueError, TypeError, SyntaxError) as error:
        raise DamagedFileError(path, f"has image_grid_pinpoints that cannot be read ({error})", _FETCH) from error


def _ecg_part(path: Path, raw: Mapping[str, Any]) -> EcgPart:
    name = str(raw.get("open_clip_config", "coca_ViT-B-32"))
    measures = TOWERS.get(name)
    if name == CUSTOM_TOWER:
        measures = {field: int(raw.get(field) or 0) for field in TOWERS["coca_ViT-B-32"]}
    if measures is None or min(measures.values()) <= 0:
        known = ", ".join([*TOWERS, CUSTOM_TOWER])
        raise InputError(
            path,
            f"describes an ECG tower {name!r} whose measures are not known",
            f"use one of {known}, the last with all its measures",
        )
    projector = str(raw.get("ecg_projector_type", "linear"))
    if projector_layers(projector) is None:
        raise InputError(path, f"has an ECG projector of the unknown type {projector!r}", "use linear or mlpNx_gelu")
    return EcgPart(name, measures, projector)
