"""Turns a view and a question into what a model in LLaVA's layout is fed: Vicuna's turns, squares of the page, the ECG.

The wording around the question is the template `llava_v1` that PULSE and GEM were trained with. The text before and
after the image is made into tokens separately, as LLaVA does, so that the tokens around the image are the same. Pages
are prepared with Pillow, without torchvision. It knows nothing of weights.

Sources: haotian-liu/LLaVA, `llava/conversation.py` and `llava/mm_utils.py`; lanxiang1017/GEM (copies of it),
`llava_arch.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from transformers import LlamaTokenizer
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.llava_next.modeling_llava_next import get_anyres_image_grid_shape, unpad_image

from ecgr1_core.errors import DamagedFileError, InputError, MissingPartnerError
from ecgr1_core.modality import ModalityView
from ecgr1_core.model.kinds import read_raw
from ecgr1_core.model.llava.config import IMAGE_PLACEHOLDER_ID, LlavaLayout
from ecgr1_core.model.processing import SAMPLES, TOWER_LEADS, on_white, prepare_signal
from ecgr1_core.model.streaming import control_tokens
from ecgr1_core.model.views import notes_for

SYSTEM: Final = (
    "A chat between a curious human and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the human's questions."
)
_LONGEST_PAGE: Final = 200  # times as long as wide


class LlavaProcessor:
    """Tokenizer and image processor of one checkpoint in LLaVA's layout, and what puts a prompt together.

    `end_tokens` end a turn. A text begins without the space that the vocabulary puts before its first word.
    """

    strip_first: Final = True

    def __init__(self, directory: Path, layout: LlavaLayout) -> None:
        measures = layout.ecg.measures if layout.ecg is not None else None
        if measures and (measures["ecg_leads"], measures["ecg_samples"]) != (len(TOWER_LEADS), SAMPLES):
            raise InputError(directory, f"has an ECG tower for other signals than 12 x {SAMPLES}", "use another one")
        self.layout = layout
        self.tokenizer = _tokenizer(directory, layout)
        self.end_tokens = (self.tokenizer.eos_token_id,)
        self._images = _image_processor(directory, layout)

    def inputs(self, view: ModalityView, question: str, system: str | None = None) -> dict[str, Tensor]:
        """Return `input_ids` [1, tokens], `pixel_values`, and where the model takes them `image_sizes`, `ecg_values`.

        The placeholder stands for the ECG's vectors, if any, and then the page's. Raises InputError for a page or a
        recording that cannot be prepared and for words that the vocabulary cannot write or that are its control tokens.
        """
        page = view.page
        assert page is not None
        if max(page.size) > _LONGEST_PAGE * min(page.size):
            raise InputError("page image", f"is {page.width} x {page.height} pixels", "give an image of a whole page")
        images = self._images([on_white(page)], return_tensors="pt")
        data: dict[str, Tensor] = {"pixel_values": images["pixel_values"]}
        if self.layout.tiles == "tiles":
            data["image_sizes"] = images["image_sizes"]
        tokens = self.page_tokens(page.size)
        if self.layout.ecg is not None:
            assert view.record is not None
            data["ecg_values"] = torch.from_numpy(prepare_signal(view.record)[0])[None]
            tokens += self.layout.ecg.tokens
        before = self._words(f"{SYSTEM if system is None else system} USER: ")
        after = self._words(f"\n{question} ASSISTANT:")
        ids = [self.tokenizer.bos_token_id, *before, *[IMAGE_PLACEHOLDER_ID] * tokens, *after]
        data["input_ids"] = torch.tensor([ids])
        return data

    def page_tokens(self, size: tuple[int, int]) -> int:
        """Return how many tokens a page of [width, height] pixels takes.

        Tiles: the whole page as one square, then the rows of the tiles without their margins, each ended by a token.
        Rows are counted as transformers does, which rounds off the seventh decimal where LLaVA does not.
        """
        vision = self.layout.config.vision_config
        side = int(vision.image_size // vision.patch_size)
        squares = side * side + int(self.layout.config.vision_feature_select_strategy == "full")
        if self.layout.tiles != "tiles":
            return squares
        original = [size[1], size[0]]
        rows, columns = get_anyres_image_grid_shape(
            original, self.layout.config.image_grid_pinpoints, vision.image_size
        )
        _, high, wide = unpad_image(torch.empty(1, rows * side, columns * side), original).shape
        return squares + int(high * (wide + 1))

    def notes(self, view: ModalityView) -> list[str]:
        """Say what was done to recording and page before the model saw them."""
        notes = notes_for(view)
        if self.layout.tiles == "crop" and view.page is not None:
            width, height = view.page.size
            lost = round(100 * (1 - min(width, height) / max(width, height)))
            if lost:
                side = "width" if width > height else "height"
                notes.append(
                    f"the page was cut to its middle square, as in training: {lost} % of its {side} is not seen"
                )
        return notes

    def _words(self, text: str) -> list[int]:
        for token in control_tokens(self.tokenizer):
            if token in text:
                raise InputError("question", f"holds the control token {token}", "write it without")
        ids = [int(token) for token in self.tokenizer(text, add_special_tokens=False)["input_ids"]]
        if IMAGE_PLACEHOLDER_ID in ids:
            raise InputError("question", "holds a character that the model's vocabulary lacks", "write it without")
        return ids


def _tokenizer(directory: Path, layout: LlavaLayout) -> Any:
    if not any((directory / name).is_file() for name in ("tokenizer.json", "tokenizer.model")):
        raise MissingPartnerError(directory, "has neither tokenizer.model nor tokenizer.json", "fetch it again")
    try:
        tokenizer = LlamaTokenizer.from_pretrained(directory)
    except Exception as error:  # the tokenizers library raises bare Exceptions for a damaged file
        raise DamagedFileError(directory, "has a tokenizer that cannot be read", "fetch it again") from error
    if tokenizer.unk_token_id != IMAGE_PLACEHOLDER_ID or None in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        raise DamagedFileError(
            directory, "has a tokenizer that is not Vicuna's (<unk>, <s>, </s>)", "use the files of one checkpoint"
        )
    if len(tokenizer) > layout.config.text_config.vocab_size:
        raise DamagedFileError(
            directory,
            f"has a tokenizer of {len(tokenizer)} tokens for a model of {layout.config.text_config.vocab_size}",
            "use the files of one checkpoint",
        )
    return tokenizer


def _image_processor(directory: Path, layout: LlavaLayout) -> Any:
    """Return what prepares pages: CLIP's mean and deviation, unless the directory says others."""
    path = directory / "preprocessor_config.json"
    stated = read_raw(path) if path.is_file() else {}
    side = layout.image_size
    options = {
        "size": {"shortest_edge": side},
        "crop_size": {"height": side, "width": side},
        "image_mean": stated.get("image_mean", OPENAI_CLIP_MEAN),
        "image_std": stated.get("image_std", OPENAI_CLIP_STD),
    }
    if layout.tiles == "tiles":
        return LlavaNextImageProcessorPil(**options, image_grid_pinpoints=layout.config.image_grid_pinpoints)
    return LlavaImageProcessorPil(**options, do_pad=layout.tiles == "pad")
