"""Turns text, recordings and page images into what ECG-R1 is fed: tokens, prepared signals, image patches.

The processor is one object with the tokenizer and the image processor; the cap on image tokens is its own and is saved
with it. It needs no torchvision and reads no videos. It knows nothing of weights or of files of recordings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image
from transformers import AutoProcessor, AutoTokenizer, BatchFeature, ProcessorMixin
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from ecgr1_core.errors import InputError, MissingPartnerError, UnsuitableRecordingError
from ecgr1_core.formats.resampling import resample
from ecgr1_core.modality import ECG_TAG, IMAGE_TAG
from ecgr1_core.model.config import EcgR1Config
from ecgr1_core.record import LEADS, EcgRecord, FloatArray

SAMPLING_RATE_HZ: Final = 500.0
SAMPLES: Final = 5000
DURATION_S: Final = SAMPLES / SAMPLING_RATE_HZ

# The tower was trained on MIMIC-IV-ECG, whose files hold aVF before aVL.
TOWER_LEADS: Final = ("I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6")

_TAGS = re.compile(f"{ECG_TAG}|{IMAGE_TAG}")
_ECG = ("<|ecg_start|>", "<|ecg_pad|>", "<|ecg_end|>")
_IMAGE = ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>")
_TURNS = ("<|im_start|>", "<|im_end|>")

SYSTEM_PROMPT: Final = (
    "You are a cardiologist who reads 12-lead electrocardiograms. Reason from what the tracing shows, name the leads "
    "and intervals that support each statement, and do not state a finding that you cannot see."
)
DEFAULT_QUESTION: Final = "Interpret this electrocardiogram step by step and give the final diagnoses."

# ChatML; used where a directory brings no template of its own.
CHAT_TEMPLATE: Final = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)

EcgInput = EcgRecord | np.ndarray


def prepare_signal(record: EcgRecord) -> tuple[FloatArray, list[str]]:
    """Return the signal as the tower was trained on it, and a note on everything that was done to the recording.

    [12, 5000] float32 in mV: 500 Hz, the first 10 s, zeros where the recording is shorter or unknown, rows in the order
    of `TOWER_LEADS`; neither filtered nor normalised. Raises UnsuitableRecordingError where no lead holds a known
    sample in those 10 s.
    """
    notes: list[str] = []
    if record.sampling_rate_hz != SAMPLING_RATE_HZ:
        notes.append(f"resampled from {record.sampling_rate_hz:g} Hz to {SAMPLING_RATE_HZ:g} Hz")
    rows = resample(record, SAMPLING_RATE_HZ).signal_mv
    if rows.shape[1] > SAMPLES:
        notes.append(f"only the first {DURATION_S:g} s of {record.duration_s:g} s are read")
        rows = rows[:, :SAMPLES]
    known = np.isfinite(rows)
    if not known.any():
        raise UnsuitableRecordingError(
            record.name,
            f"holds no known sample in its first {DURATION_S:g} s",
            "give a recording with at least one lead",
        )
    absent = tuple(lead for lead, row in zip(LEADS, known, strict=True) if not row.any())
    if absent:
        notes.append(
            f"{'lead' if len(absent) == 1 else 'leads'} {', '.join(absent)} missing: given to the model as zeros"
        )
    gaps = int((~known[known.any(axis=1)]).sum())
    if gaps:
        notes.append(f"{gaps} unknown samples in the other leads given to the model as zeros")
    if rows.shape[1] < SAMPLES:
        notes.append(f"padded with zeros from {rows.shape[1] / SAMPLING_RATE_HZ:g} s to {DURATION_S:g} s")
    signal = np.zeros((len(TOWER_LEADS), SAMPLES), dtype=np.float32)
    order = [LEADS.index(lead) for lead in TOWER_LEADS]
    signal[:, : rows.shape[1]] = np.where(known, rows, 0.0)[order]
    return signal, notes


def recorded_samples(record: EcgRecord) -> int:
    """Return how many of the 5000 samples of the prepared signal come from the recording, before its zero padding."""
    return min(SAMPLES, int(np.ceil(round(record.samples * SAMPLING_RATE_HZ / record.sampling_rate_hz, 6))))


class EcgR1Processor(ProcessorMixin):  # type: ignore[misc]
    """Tokenizer and image processor of ECG-R1, and what puts ECGs and images into a text.

    `max_image_tokens` and `min_image_tokens` bound the merged tokens (32 x 32 pixels each) that one page takes: the
    published model was trained at 768 and measures worse on larger pages. `ecg_tokens` is what one ECG takes.
    """

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        chat_template: str | None = None,
        max_image_tokens: int = 768,
        min_image_tokens: int = 4,
        ecg_tokens: int = 101,
    ) -> None:
        require_tokens(tokenizer)
        super().__init__(image_processor, tokenizer, chat_template=chat_template or CHAT_TEMPLATE)
        self.max_image_tokens, self.min_image_tokens, self.ecg_tokens = max_image_tokens, min_image_tokens, ecg_tokens
        pixels = (image_processor.patch_size * image_processor.merge_size) ** 2
        image_processor.size = {
            "shortest_edge": min_image_tokens * pixels,
            "longest_edge": max_image_tokens * pixels,
        }
        tokenizer.padding_side = "left"
        self.image_token_id = tokenizer.convert_tokens_to_ids(_IMAGE[1])
        self.ecg_token_id = tokenizer.convert_tokens_to_ids(_ECG[1])

    @classmethod
    def _get_arguments_from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Load image processor and tokenizer by their own classes; the Auto class would ask for torchvision."""
        kwargs.pop("processor_dict", None)
        name = pretrained_model_name_or_path
        directory = Path(name)
        if directory.is_dir():
            _require_files(directory)
        return [Qwen2VLImageProcessorPil.from_pretrained(name, **kwargs), AutoTokenizer.from_pretrained(name, **kwargs)]

    @property
    def model_input_names(self) -> list[str]:
        """Names of all that a call can return."""
        return [
            *("input_ids", "attention_mask", "mm_token_type_ids"),
            *("pixel_values", "image_grid_thw", "ecg_values", "ecg_lengths"),
        ]

    def __call__(
        self,
        text: str | Sequence[str],
        ecgs: Sequence[Any] | None = None,
        images: Sequence[Any] | None = None,
        *,
        padding: bool | str = True,
        padding_side: str = "left",
        return_tensors: str | None = "pt",
    ) -> BatchFeature:
        """Return the batch that the model is fed, for texts in which `<ecg>` and `<image>` mark the places.

        With one text, `ecgs` and `images` are its own; with several, they hold one entry for each text: an item, a list
        of items, or None. An ECG is an `EcgRecord`, or an array [12, 5000] that `prepare_signal` made. Tags for which a
        text has nothing are taken out of it. The batch has `input_ids`, `attention_mask`, `mm_token_type_ids` [texts,
        tokens], and where there are any, `ecg_values` [ecgs, 12, 5000] in mV with `ecg_lengths` [ecgs] in samples, and
        `pixel_values`, `image_grid_thw`. Raises ValueError where a text has fewer tags than ECGs or images, and
        InputError for what cannot be prepared.
        """
        texts = [text] if isinstance(text, str) else list(text)
        text_ecgs = _one_list_each(ecgs, texts, "ecgs", single=isinstance(text, str))
        text_images = _one_list_each(images, texts, "images", single=isinstance(text, str))
        data: dict[str, Any] = self._image_inputs([image for row in text_images for image in row])
        data |= ecg_inputs([ecg for row in text_ecgs for ecg in row])

        merged = self.image_processor.merge_size**2
        image_tokens = iter([int(np.prod(grid)) // merged for grid in data.get("image_grid_thw", ())])
        expanded = [
            self.expand(one, len(own_ecgs), [next(image_tokens) for _ in own_images])
            for one, own_ecgs, own_images in zip(texts, text_ecgs, text_images, strict=True)
        ]
        tokens = self.tokenizer(
            expanded, padding=padding, padding_side=padding_side, add_special_tokens=False, return_token_type_ids=False
        )
        data["input_ids"] = tokens["input_ids"]
        data["attention_mask"] = tokens["attention_mask"]
        data["mm_token_type_ids"] = [[int(i == self.image_token_id) for i in row] for row in tokens["input_ids"]]
        return BatchFeature(data=data, tensor_type=return_tensors)

    def apply_chat_template(
        self,
        conversation: Sequence[Any],
        chat_template: str | None = None,
        *,
        ecgs: Sequence[Any] | None = None,
        images: Sequence[Any] | None = None,
        add_generation_prompt: bool = False,
        tokenize: bool = False,
        return_dict: bool = True,
        return_tensors: str | None = "pt",
        **template_arguments: Any,
    ) -> Any:
        """Return the text of one conversation or of several; with `tokenize`, the batch made of it by a call.

        A message's content is a text with tags, or a list of parts `{"type": "text" | "ecg" | "image", …}` in which an
        ECG or image may be held itself (under `ecg`, `image`); those then take the place of `ecgs` and `images`.
        """
        batched = bool(conversation) and not isinstance(conversation[0], dict)
        plain, held_ecgs, held_images = [], [], []
        for messages in conversation if batched else [conversation]:
            flat, own_ecgs, own_images = _flatten(messages)
            plain.append(flat)
            held_ecgs.append(own_ecgs)
            held_images.append(own_images)
        texts = [
            self.tokenizer.apply_chat_template(
                messages,
                chat_template=chat_template or self.chat_template,
                add_generation_prompt=add_generation_prompt,
                tokenize=False,
                **template_arguments,
            )
            for messages in plain
        ]
        if not tokenize:
            return texts if batched else texts[0]
        if any(held_ecgs):
            ecgs = held_ecgs if batched else held_ecgs[0]
        if any(held_images):
            images = held_images if batched else held_images[0]
        batch = self(texts if batched else texts[0], ecgs, images, return_tensors=return_tensors)
        return batch if return_dict else batch["input_ids"]

    def expand(self, text: str, ecgs: int, image_tokens: list[int]) -> str:
        """Return a text with the tokens of its ECGs and images in place of their tags, and without the other tags.

        `image_tokens` is what each image takes. Raises ValueError where the text has fewer tags.
        """
        left = {ECG_TAG: [self.ecg_tokens] * ecgs, IMAGE_TAG: list(image_tokens)}

        def tokens(match: re.Match[str]) -> str:
            counts = left[match[0]]
            if not counts:
                return ""
            start, pad, end = _ECG if match[0] == ECG_TAG else _IMAGE
            return start + pad * counts.pop(0) + end

        expanded = _TAGS.sub(tokens, text)
        for tag, counts in left.items():
            if counts:
                raise ValueError(f"a text has too few {tag} tags: inputs left over: {len(counts)}")
        return expanded

    def _image_inputs(self, images: list[Image.Image]) -> dict[str, Any]:
        if not images:
            return {}
        for image in images:
            if max(image.size) > 200 * min(image.size):
                raise InputError(
                    "page image", f"is {image.width} x {image.height} pixels", "give an image of a whole page"
                )
        inputs = self.image_processor([on_white(image) for image in images], return_tensors="np")
        return {name: inputs[name] for name in ("pixel_values", "image_grid_thw")}


def require_tokens(tokenizer: Any) -> None:
    """Check that a tokenizer has the ECG, vision and turn tokens, each as one token; InputError otherwise."""
    vocabulary = tokenizer.get_vocab()
    missing = [token for token in (*_ECG, *_IMAGE, *_TURNS) if token not in vocabulary]
    if missing:
        raise InputError(
            Path(tokenizer.name_or_path or "tokenizer"),
            f"the tokenizer has no {', '.join(missing)}",
            "use the tokenizer files of an ECG-R1 checkpoint, not those of a stock Qwen3-VL",
        )


def _require_files(directory: Path) -> None:
    if not any((directory / name).is_file() for name in ("processor_config.json", "preprocessor_config.json")):
        raise MissingPartnerError(directory, "has no preprocessor_config.json", "fetch the checkpoint again")
    if not any((directory / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise MissingPartnerError(directory, "has no tokenizer.json", "fetch the checkpoint again")


def _one_list_each(given: Sequence[Any] | None, texts: list[str], name: str, *, single: bool) -> list[list[Any]]:
    """Return for each text the list of what belongs to it."""
    if given is None:
        return [[] for _ in texts]
    if single:
        return [[item for item in given if item is not None]]
    if len(given) != len(texts):
        raise ValueError(f"{name} must hold one entry for each of {len(texts)} texts, got {len(given)}")
    return [[] if item is None else list(item) if isinstance(item, list | tuple) else [item] for item in given]


def ecg_inputs(ecgs: Sequence[EcgInput]) -> dict[str, Any]:
    """Return `ecg_values` [ecgs, 12, 5000] float32 in mV and `ecg_lengths` [ecgs] in samples; empty without any ECG.

    Each is a recording, or an array that `prepare_signal` made, whose length counts as 5000. Raises ValueError for
    another array, UnsuitableRecordingError for a recording without a known sample.
    """
    if not ecgs:
        return {}
    signals, lengths = [], []
    for ecg in ecgs:
        if isinstance(ecg, EcgRecord):
            signals.append(prepare_signal(ecg)[0])
            lengths.append(recorded_samples(ecg))
        else:
            signal = np.asarray(ecg, dtype=np.float32)
            if signal.shape != (len(TOWER_LEADS), SAMPLES) or not np.isfinite(signal).all():
                raise ValueError(f"an ECG array must be finite and [12, {SAMPLES}], got {list(signal.shape)}")
            signals.append(signal)
            lengths.append(SAMPLES)
    return {"ecg_values": np.stack(signals), "ecg_lengths": np.array(lengths, dtype=np.int64)}


def _flatten(messages: Sequence[dict[str, Any]]) -> tuple[list[dict[str, str]], list[Any], list[Any]]:
    """Return messages whose content is text with tags, and the ECGs and images that were held in their parts."""
    flat, held = [], {"ecg": [], "image": []}  # type: tuple[list[dict[str, str]], dict[str, list[Any]]]
    for message in messages:
        content = message["content"]
        if not isinstance(content, str):
            pieces = []
            for part in content:
                kind = part["type"]
                if kind == "text":
                    pieces.append(part["text"])
                elif kind in held:
                    pieces.append(ECG_TAG if kind == "ecg" else IMAGE_TAG)
                    if part.get(kind) is not None:
                        held[kind].append(part[kind])
                else:
                    raise ValueError(f"a message part must be text, ecg or image, got {kind!r}")
            content = "".join(pieces)
        flat.append({"role": message["role"], "content": content})
    return flat, held["ecg"], held["image"]


def on_white(image: Image.Image) -> Image.Image:
    """Return the page as RGB; what is transparent is white paper, not black."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        page = Image.new("RGBA", image.size, "white")
        page.alpha_composite(image.convert("RGBA"))
        return page.convert("RGB")
    return image.convert("RGB")


AutoProcessor.register(EcgR1Config, EcgR1Processor, exist_ok=True)
