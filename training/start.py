"""A fresh small ECG-R1 of any size, in the published layout: a tokenizer of the corpus's own words and random weights.

It is what training starts from where no published checkpoint is: every module, weight name and token is the 8B model's,
only fewer and narrower. What is learned and from which rows is not known here.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import Field
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, Qwen2Tokenizer

from ecgr1_core.errors import InputError
from ecgr1_core.modality import ECG_TAG, IMAGE_TAG
from ecgr1_core.model.config import EcgR1Config
from training.problems import OnProblem, Problems
from training.rows import Row, read_rows
from training.run_config import FilePath, RunConfig

QWEN_TOKENS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|vision_pad|>", "<|image_pad|>", "<|video_pad|>", "<think>", "</think>"),
)
ECG_TOKENS = ("<|ecg_pad|>", "<|ecg_start|>", "<|ecg_end|>")
_PATCH, _MERGE = 16, 2
_PHRASE: Final = re.compile(r"\n*\*\*[^*\n]+\*\*\n|[^\d.\n<>;]+(?:\.(?!\d))?|\.(?!\d)")
_TAGS: Final = re.compile(f"{re.escape(ECG_TAG)}|{re.escape(IMAGE_TAG)}")


class Sizes(RunConfig):
    """How large each part is; widths are in channels."""

    text_layers: int = Field(3, ge=1, description="layers of the language model")
    hidden: int = Field(64, ge=8, description="width of the language model; divisible by heads")
    intermediate: int = Field(128, ge=8, description="width of its feed-forward layers")
    heads: int = Field(4, ge=1, description="attention heads of the language model")
    key_value_heads: int = Field(2, ge=1, description="heads of keys and values; divides heads")
    vision_depth: int = Field(4, ge=4, description="layers of the vision tower; three of them feed the language model")
    vision_width: int = Field(32, ge=8, description="width of the vision tower; divisible by 2 heads")
    tower_layers: int = Field(2, ge=1, description="layers of the ECG tower")
    tower_width: int = Field(32, ge=8, description="width of the ECG tower; divisible by tower_heads")
    tower_heads: int = Field(2, ge=1, description="attention heads of the ECG tower")
    tower_output: int = Field(16, ge=1, description="width of the tower's projected output, used in pre-training")
    projector: str = Field("mlp2x_gelu", description="linear or mlpNx_gelu, between ECG tower and language model")


class StartConfig(RunConfig):
    """A run that writes a fresh small checkpoint."""

    out: FilePath = Field(description="folder of the checkpoint; must be empty or missing")
    rows: list[FilePath] = Field(min_length=1, description="files of rows whose words the tokenizer is made of")
    vocabulary: int = Field(2048, ge=300, description="tokens of the vocabulary before the special ones")
    phrases: int = Field(
        0,
        ge=0,
        description="recurring phrases, the ones that save most, that become one token each, for short sequences",
    )
    max_image_tokens: int = Field(768, ge=4, description="most merged tokens (32 x 32 pixels) that a page takes")
    sizes: Sizes = Field(default_factory=Sizes, description="how large each part is")
    seed: int = Field(0, ge=0, description="seed of the weights")
    on_problem: OnProblem = Field("skip", description="rows that are none: skip or stop")


def run_start(config: StartConfig) -> dict[str, Any]:
    """Write tokenizer, processor and random weights to `config.out`; return what they are.

    Raises InputError where the folder is not empty, the rows hold no words, or the sizes do not go together.
    """
    if config.out.exists() and any(config.out.iterdir()):
        raise InputError(config.out, "is not empty", "give another folder, or empty it")
    problems = Problems(config.on_problem)
    rows = [row for path in config.rows for row in _good(path, problems)]
    texts = _texts(rows)
    tokenizer = build_tokenizer(texts, config.vocabulary)
    tokenizer.add_tokens(recurring(texts, tokenizer, config.phrases))
    model_config = build_config(tokenizer, config.sizes)
    parameters = write_checkpoint(config.out, model_config, tokenizer, config.max_image_tokens, config.seed)
    return {
        "out": str(config.out),
        "parameters": parameters,
        "tokens": len(tokenizer),
        "rows": len(rows),
        "left_out": dict(problems.counts),
    }


def build_tokenizer(texts: Iterable[str], vocabulary: int, *, ecg_tokens: bool = True) -> Qwen2Tokenizer:
    """Return a byte-level BPE of these texts with Qwen3-VL's special tokens and, unless told otherwise, the ECG's."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trained.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
    )
    bpe = json.loads(trained.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        vocab=bpe["vocab"],
        merges=[tuple(pair) for pair in bpe["merges"]],
        unk_token=None,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
    )
    tokenizer.add_tokens([*QWEN_TOKENS, *(ECG_TOKENS if ecg_tokens else ())], special_tokens=True)
    return tokenizer


def recurring(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, most: int) -> list[str]:
    """Return the phrases, at most so many, that would save most tokens if each were one; those met once are none.

    A phrase is what stands between numbers, within a sentence or a line.
    """
    if not most:
        return []
    counts = Counter(phrase for text in texts for phrase in _PHRASE.findall(_TAGS.sub("", text)) if _decodes(phrase))
    repeated = [phrase for phrase, count in counts.items() if count > 1]
    saved = {phrase: counts[phrase] * (len(tokenizer.tokenize(phrase)) - 1) for phrase in repeated}
    ordered = sorted(saved, key=lambda phrase: (-saved[phrase], phrase))
    return [phrase for phrase in ordered[:most] if saved[phrase] > 0]


def _decodes(phrase: str) -> bool:
    """Whether a token of these letters is told apart from the letters that byte-level BPE has for bytes."""
    return phrase.isascii() or " " in phrase


def build_config(tokenizer: PreTrainedTokenizerBase, sizes: Sizes) -> EcgR1Config:
    """Return the configuration of an ECG-R1 of these sizes; the tower sees 12 x 5000 samples in patches of 50.

    Raises InputError where widths and heads do not go together.
    """
    for name, width, heads in (
        ("hidden", sizes.hidden, sizes.heads),
        ("heads", sizes.heads, sizes.key_value_heads),
        ("vision_width", sizes.vision_width, 2),
        ("tower_width", sizes.tower_width, sizes.tower_heads),
    ):
        if width % heads:
            raise InputError(f"sizes.{name}", f"{width} is not divisible by {heads}", "give sizes that go together")

    def token(name: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(name))

    head_dim = sizes.hidden // sizes.heads
    sections = [head_dim // 2 - 2 * (head_dim // 6), head_dim // 6, head_dim // 6]
    return EcgR1Config(
        text_config={
            "vocab_size": 64 * math.ceil(len(tokenizer) / 64),
            "hidden_size": sizes.hidden,
            "intermediate_size": sizes.intermediate,
            "num_hidden_layers": sizes.text_layers,
            "num_attention_heads": sizes.heads,
            "num_key_value_heads": sizes.key_value_heads,
            "head_dim": head_dim,
            "max_position_embeddings": 4096,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 5_000_000.0,
                "mrope_section": sections,
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": sizes.vision_depth,
            "hidden_size": sizes.vision_width,
            "num_heads": 2,
            "intermediate_size": 2 * sizes.vision_width,
            "out_hidden_size": sizes.hidden,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0, 1, 2],
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        ecg_token_id=token("<|ecg_pad|>"),
        ecg_projector_type=sizes.projector,
        ecg_model_config="custom",
        ecg_hidden_size=sizes.tower_width,
        ecg_num_hidden_layers=sizes.tower_layers,
        ecg_num_attention_heads=sizes.tower_heads,
        ecg_output_size=sizes.tower_output,
    )


def write_checkpoint(
    folder: Path, config: EcgR1Config, tokenizer: PreTrainedTokenizerBase, max_image_tokens: int, seed: int
) -> int:
    """Write a checkpoint of random weights (float32, drawn with `seed`) with its processor; return its parameters."""
    import torch
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration
    from ecgr1_core.model.processing import EcgR1Processor

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = EcgR1ForConditionalGeneration(config)
    end, pad = (tokenizer.convert_tokens_to_ids(name) for name in ("<|im_end|>", "<|endoftext|>"))
    model.generation_config.update(do_sample=False, eos_token_id=[end, pad], pad_token_id=pad, bos_token_id=pad)
    image_processor = Qwen2VLImageProcessorPil(
        patch_size=_PATCH, temporal_patch_size=2, merge_size=_MERGE, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    processor = EcgR1Processor(
        image_processor, tokenizer, max_image_tokens=max_image_tokens, ecg_tokens=config.ecg_tokens
    )
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())


def _good(path: Path, problems: Problems) -> Iterable[Row]:
    for row in read_rows(path):
        if isinstance(row, InputError):
            problems.note("not a row", row)
        else:
            yield row


def _texts(rows: list[Row]) -> list[str]:
    texts = [turn["content"] for row in rows for turn in row.messages]
    texts += [row.solution for row in rows if row.solution]
    if not any(text.strip() for text in texts):
        raise InputError("the rows", "hold no words to make a tokenizer of", "give files with messages")
    return texts
