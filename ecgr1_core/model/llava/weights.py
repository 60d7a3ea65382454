"""LLaVA's names of weights and those of transformers; what a checkpoint may hold beside them, and why.

    model.layers.N.…, model.embed_tokens, model.norm    model.language_model.…
    model.vision_tower.vision_tower.vision_model.…      model.vision_tower.…
    model.mm_projector.0, .2                            model.multi_modal_projector.linear_1, linear_2
    model.image_newline                                 the same, in models that cut pages into tiles
    model.ecg_tower.ecg_tower.… (GEM)                   model.ecg_tower.…
    model.ecg_projector.… (GEM)                         the same

GEM's tower may also lie in the training checkpoint that the authors build it from (`cpt_wfep_epoch_20.pt`): there it is
the entries that begin with `module.ecg.`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from torch import nn
from transformers import LlavaForConditionalGeneration, LlavaNextForConditionalGeneration

from ecgr1_core.errors import MissingPartnerError
from ecgr1_core.model.checkpoint import StoredTensor
from ecgr1_core.model.guests import Guest, match
from ecgr1_core.model.llava.config import LlavaLayout
from ecgr1_core.model.llava.modeling import GemForConditionalGeneration, GemNextForConditionalGeneration
from ecgr1_core.model.weightfiles import Source, read_bin_header, stored_tensors

_PREFIXES: Final = (
    ("model.vision_tower.vision_tower.vision_model.", "model.vision_tower."),
    ("model.mm_projector.0.", "model.multi_modal_projector.linear_1."),
    ("model.mm_projector.2.", "model.multi_modal_projector.linear_2."),
    ("model.ecg_tower.ecg_tower.", "model.ecg_tower."),
    ("model.layers.", "model.language_model.layers."),
    ("model.embed_tokens.", "model.language_model.embed_tokens."),
    ("model.norm.", "model.language_model.norm."),
)
_COUNTED: Final = re.compile(r".*\.(?:rotary_emb\.inv_freq|embeddings\.position_ids)")
_COCA: Final = "module.ecg."
_NEWLINE: Final = "model.image_newline"
WORDS: Final = 512  # tokens of a question and its template, at most


def open_llava(directory: Path, layout: LlavaLayout) -> Guest:
    """Match the weights of a directory with the model that its configuration describes.

    Raises a kind of InputError for what `weightfiles.stored_tensors` and `guests.match` find, and, in one sentence of
    their own, for a vision tower or an ECG tower that was left out of the weights.
    """
    stored = stored_tensors(directory)
    if not any(name.startswith("model.vision_tower.") for name in stored):
        raise MissingPartnerError(
            directory,
            "its weights hold no vision tower (model.vision_tower)",
            "use a checkpoint that was saved with its vision tower",
        )
    others = _tower_beside(directory, layout, stored)
    newline = hasattr(layout.config, "image_grid_pinpoints")
    return match(
        directory,
        layout.config,
        builder(layout),
        stored,
        renamed,
        lambda name: _ignored(name, newline),
        prompt_tokens=page_tokens(layout) + (layout.ecg.tokens if layout.ecg else 0) + WORDS,
        others=others,
    )


def builder(layout: LlavaLayout) -> Callable[[], nn.Module]:
    """Return what makes the model that a configuration describes."""
    config, ecg = layout.config, layout.ecg
    tiles = layout.tiles == "tiles"
    if ecg is not None:
        kind = GemNextForConditionalGeneration if tiles else GemForConditionalGeneration
        return lambda: kind(config, ecg)
    return lambda: (LlavaNextForConditionalGeneration if tiles else LlavaForConditionalGeneration)(config)


def renamed(name: str) -> str:
    """Return the name in transformers of a tensor in LLaVA's layout; the same where there is no other."""
    for old, new in _PREFIXES:
        if name.startswith(old):
            return new + name[len(old) :]
    return name


def page_tokens(layout: LlavaLayout) -> int:
    """Return how many tokens a page takes at most."""
    vision = layout.config.vision_config
    side = int(vision.image_size // vision.patch_size)
    if layout.tiles != "tiles":
        return side * side + 1
    largest = max((h * w, h, w) for h, w in layout.config.image_grid_pinpoints)
    rows, columns = (int(pixels // vision.patch_size) for pixels in largest[1:])
    return side * side + rows * (columns + 1)


def _ignored(name: str, newline: bool) -> str | None:
    """Return why a stored tensor is not used, None where it is."""
    if _COUNTED.fullmatch(name):
        return "it is counted anew: older programs saved it with the weights"
    if name == _NEWLINE and not newline:
        return "it parts the rows of tiles, and this model's images are not cut into tiles"
    return None


def _tower_beside(
    directory: Path, layout: LlavaLayout, stored: Mapping[str, StoredTensor]
) -> dict[str, tuple[Source, tuple[int, ...]]]:
    """Return the tensors of GEM's tower in the file it was trained from, where the weights do not hold the tower."""
    if layout.ecg is None or any(name.startswith("model.ecg_tower.") for name in stored):
        return {}
    name = layout.ecg_file or "cpt_wfep_epoch_20.pt"
    path = directory / name
    if not path.is_file():
        raise MissingPartnerError(
            directory,
            "its weights hold no ECG tower (model.ecg_tower)",
            f"put the ECG-CoCa checkpoint {name}, from which it was built, into the directory",
        )
    return {
        f"model.ecg_tower.{stored_name[len(_COCA) :]}": (Source(path, stored_name), tensor.shape)
        for stored_name, tensor in read_bin_header(path).items()
        if stored_name.startswith(_COCA)
    }
