"""Gemma 3 that reads images, MedGemma among them: its names of weights, its prompt and its loading.

The directory is transformers' own; weights saved before version 4.52 have other names, which are known too. The page
becomes one square of 256 tokens. Pages are prepared with Pillow, without torchvision.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from torch import Tensor
from transformers import AutoTokenizer, Gemma3Config, Gemma3ForConditionalGeneration, Gemma3Processor
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

from ecgr1_core.errors import DamagedFileError, InputError, MissingPartnerError
from ecgr1_core.modality import ModalityView
from ecgr1_core.model.guests import Guest, end_tokens, load_guest, match
from ecgr1_core.model.kinds import read_raw
from ecgr1_core.model.loading import LoadedModel
from ecgr1_core.model.memory import Device, Precision
from ecgr1_core.model.processing import on_white
from ecgr1_core.model.streaming import control_tokens
from ecgr1_core.model.views import notes_for
from ecgr1_core.model.weightfiles import stored_tensors

PROMPT_TOKENS: Final = 1024
TURN_END: Final = "<end_of_turn>"
_PREFIXES: Final = (
    ("language_model.model.", "model.language_model."),
    ("language_model.lm_head.", "lm_head."),
    ("model.vision_tower.vision_model.", "model.vision_tower."),
    ("vision_tower.vision_model.", "model.vision_tower."),
    ("multi_modal_projector.", "model.multi_modal_projector."),
)
# Gemma's turns; used where a directory brings no template of its own.
CHAT_TEMPLATE: Final = (
    "{{ bos_token }}"
    "{%- if messages[0]['role'] == 'system' -%}"
    "{%- set prefix = messages[0]['content'][0]['text'] + '\\n\\n' -%}{%- set turns = messages[1:] -%}"
    "{%- else -%}{%- set prefix = '' -%}{%- set turns = messages -%}{%- endif -%}"
    "{%- for message in turns -%}"
    "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\\n' }}"
    "{{ prefix if loop.first else '' }}"
    "{%- for part in message['content'] -%}"
    "{{ '<start_of_image>' if part['type'] == 'image' else part['text'] | trim }}"
    "{%- endfor -%}"
    "{{ '<end_of_turn>\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"
)


class GemmaProcessor:
    """Tokenizer and image processor of one Gemma 3 directory; `end_tokens` end a turn."""

    strip_first: Final = False

    def __init__(self, directory: Path, config: Gemma3Config) -> None:
        self.tokenizer = _tokenizer(directory)
        self.end_tokens = (
            *end_tokens(directory, config),
            int(self.tokenizer.convert_tokens_to_ids(TURN_END)),
        )
        path = directory / "preprocessor_config.json"
        if not path.is_file():
            raise MissingPartnerError(directory, "has no preprocessor_config.json", "fetch the checkpoint again")
        self._processor = Gemma3Processor(
            Gemma3ImageProcessorPil.from_pretrained(directory),
            self.tokenizer,
            chat_template=_template(directory, self.tokenizer),
            image_seq_length=config.mm_tokens_per_image,
        )

    def inputs(self, view: ModalityView, question: str, system: str | None = None) -> dict[str, Tensor]:
        """Return `input_ids`, `token_type_ids` (1 at the page's tokens) [1, tokens] and `pixel_values` of one view.

        Raises InputError for words that hold a control token such as `<end_of_turn>`.
        """
        page = view.page
        assert page is not None
        for text in (question, system or ""):
            for token in control_tokens(self.tokenizer):
                if token in text:
                    raise InputError("question", f"holds the control token {token}", "write it without")
        turns: list[dict[str, Any]] = [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
        ]
        if system:
            turns.insert(0, {"role": "system", "content": [{"type": "text", "text": system}]})
        text = self._processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        batch = self._processor(text=text, images=[[on_white(page)]], add_special_tokens=False, return_tensors="pt")
        return {name: batch[name] for name in ("input_ids", "token_type_ids", "pixel_values")}

    def notes(self, view: ModalityView) -> list[str]:
        """Say where the page came from."""
        return notes_for(view)


def open_gemma(directory: Path, config: Gemma3Config) -> Guest:
    """Match the weights of a directory with the model; a kind of InputError for what `guests.match` finds."""
    return match(
        directory,
        config,
        lambda: Gemma3ForConditionalGeneration(config),
        stored_tensors(directory),
        renamed,
        lambda name: None,
        prompt_tokens=PROMPT_TOKENS,
    )


def renamed(name: str) -> str:
    """Return the name of a tensor in today's transformers."""
    for old, new in _PREFIXES:
        if name.startswith(old):
            return new + name[len(old) :]
    return name


def load_gemma(
    directory: Path, *, precision: Precision | Literal["auto"] = "auto", device: Device | Literal["auto"] = "auto"
) -> LoadedModel:
    """Load a Gemma 3 that reads images; `processor` of what comes back is a `GemmaProcessor`.

    Raises a kind of InputError, before weights are read, for a directory that is not whole, for what `load_guest`
    cannot do on this machine, and for fp16, in which Gemma 3 overflows.
    """
    if precision == "fp16":
        raise InputError("fp16", "is too narrow for Gemma 3, whose activations overflow in it", "use bf16")
    try:
        config = Gemma3Config.from_pretrained(directory)
    except Exception as error:  # transformers raises many kinds for a value of the wrong type
        raise DamagedFileError(
            directory / "config.json", "has values that Gemma 3 cannot have", "fetch the checkpoint again"
        ) from error
    processor = GemmaProcessor(directory, config)
    loaded = load_guest(open_gemma(directory, config), processor, precision=precision, device=device)
    loaded.model.generation_config.eos_token_id = list(processor.end_tokens)
    return loaded


def _tokenizer(directory: Path) -> Any:
    if not any((directory / name).is_file() for name in ("tokenizer.json", "tokenizer.model")):
        raise MissingPartnerError(directory, "has no tokenizer.json", "fetch the checkpoint again")
    try:
        tokenizer = AutoTokenizer.from_pretrained(directory)
    except Exception as error:  # the tokenizers library raises bare Exceptions for a damaged file
        raise DamagedFileError(directory, "has a tokenizer that cannot be read", "fetch it again") from error
    names = ("image_token", "boi_token", "eoi_token")
    if any(getattr(tokenizer, name, None) is None for name in names) or TURN_END not in tokenizer.get_vocab():
        raise DamagedFileError(directory, "has a tokenizer without Gemma's image and turn tokens", "fetch it again")
    return tokenizer


def _template(directory: Path, tokenizer: Any) -> str:
    path = directory / "chat_template.json"
    if tokenizer.chat_template:
        return str(tokenizer.chat_template)
    return str(read_raw(path).get("chat_template", CHAT_TEMPLATE)) if path.is_file() else CHAT_TEMPLATE
