"""Tiny random checkpoints of other models, in the layouts in which they are published: PULSE, GEM and MedGemma.

LLaVA's names of weights are written here once more, the other way round, so that a test compares two lists made apart.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Literal

import sentencepiece
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken
from torch import Tensor, nn
from transformers import (
    CLIPVisionConfig,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    GemmaTokenizer,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
)

from ecgr1_core.model.tower import EcgTower

SIDE = 56  # pixels of a square: 4 x 4 patches
PINPOINTS = [[56, 112], [112, 56], [112, 112], [168, 56], [56, 168]]  # [width, height], as LLaVA writes them
VISION = {
    **{"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2},
    **{"image_size": SIDE, "patch_size": 14, "projection_dim": 16, "hidden_act": "quick_gelu"},
}
TEXT = {
    **{"vocab_size": 448, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2},
    **{"num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5},
}
ECG = {
    **{"ecg_hidden_size": 32, "ecg_num_hidden_layers": 2, "ecg_num_attention_heads": 2, "ecg_mlp_ratio": 4},
    **{"ecg_patch_samples": 50, "ecg_samples": 5000, "ecg_leads": 12, "ecg_output_size": 16},
}
_PROSE = """**Step 1: Technical, Rate & Rhythm** Sinus rhythm at 75 bpm with regular RR intervals of 800 ms.
A chat between a curious human and an artificial intelligence assistant. USER: ASSISTANT: Read this electrocardiogram.
Anterior ST elevation myocardial infarction. <answer>sinus rhythm; anterior myocardial infarction</answer> 0123456789"""
Files = Literal["safetensors", "bin"]


def build_pulse(directory: Path, files: Files = "safetensors", *, seed: int = 1, **changes: Any) -> nn.Module:
    """Write a LLaVA 1.6 as PULSE is published, and return the model of transformers that it came from."""
    config = LlavaNextConfig(
        text_config=LlamaConfig(**TEXT),
        vision_config=CLIPVisionConfig(**VISION),
        image_token_index=0,
        image_grid_pinpoints=[[high, wide] for wide, high in PINPOINTS],
    )
    model = _random(LlavaNextForConditionalGeneration(config), seed)
    raw = {**_llava_raw(), "image_aspect_ratio": "anyres", "mm_patch_merge_type": "spatial_unpad", **changes}
    raw.setdefault("image_grid_pinpoints", PINPOINTS)
    _write_llava(directory, raw, llava_names(model.state_dict()), files)
    return model


def build_gem(
    directory: Path, files: Files = "safetensors", *, seed: int = 2, tower_beside: bool = False, **changes: Any
) -> tuple[nn.Module, EcgTower, nn.Linear]:
    """Write a GEM as its training script leaves it; return LLaVA, ECG tower and ECG projector.

    With `tower_beside` the tower lies in the ECG-CoCa checkpoint that GEM's own program builds it from.
    """
    config = LlavaConfig(text_config=LlamaConfig(**TEXT), vision_config=CLIPVisionConfig(**VISION), image_token_index=0)
    model = _random(LlavaForConditionalGeneration(config), seed)
    tower = _random(EcgTower(layers=2, width=32, heads=2, output_size=16), seed + 10)
    projector = _random(nn.Linear(32, VISION["hidden_size"]), seed + 20)
    raw = {
        **{**_llava_raw(), "image_aspect_ratio": "ori", "ecg_projector_type": "linear", **ECG},
        **{"mm_ecg_tower": "/home/someone/cpt_wfep_epoch_20.pt", "open_clip_config": "custom", **changes},
    }
    names = llava_names(model.state_dict())
    names |= {f"model.ecg_projector.{name}": tensor for name, tensor in projector.state_dict().items()}
    names["model.image_newline"] = torch.zeros(TEXT["hidden_size"])  # left from the LLaVA 1.6 that GEM began as
    _write_llava(directory, raw, names, files)
    held = tower.state_dict()
    if tower_beside:
        coca = {f"module.ecg.{name}": tensor for name, tensor in held.items()} | {"module.logit_scale": torch.ones(())}
        torch.save({"epoch": 20, "state_dict": coca}, directory / "cpt_wfep_epoch_20.pt")
    else:
        names |= {f"model.ecg_tower.ecg_tower.{name}": tensor for name, tensor in held.items()}
        _write_llava(directory, raw, names, files)
    return model, tower, projector


def build_medgemma(directory: Path, *, seed: int = 3, old_names: bool = False) -> nn.Module:
    """Write a Gemma 3 that reads images, with one layer that looks back 8 tokens; return the model it came from."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = _gemma_tokenizer()

    def token(name: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(name))

    config = Gemma3Config(
        text_config={
            **{**TEXT, "num_key_value_heads": 2, "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 8},
            **{"layer_types": ["sliding_attention", "full_attention"], "vocab_size": 64 * -(-len(tokenizer) // 64)},
            **{"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2},
        },
        vision_config={**VISION, "hidden_act": "gelu_pytorch_tanh", "vision_use_head": False},
        mm_tokens_per_image=4,
        image_token_index=token("<image_soft_token>"),
        boi_token_index=token("<start_of_image>"),
        eoi_token_index=token("<end_of_image>"),
        eos_token_id=[1, token("<end_of_turn>")],
    )
    model = _random(Gemma3ForConditionalGeneration(config), seed, embedding=0.05)
    config.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    held = {name: tensor for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    if old_names:
        held = {
            name.replace("model.language_model.", "language_model.model.")
            .replace("model.vision_tower.", "vision_tower.vision_model.")
            .replace("model.multi_modal_projector.", "multi_modal_projector."): tensor
            for name, tensor in held.items()
        }
    _write_shards(directory, held, "safetensors")
    image = {
        **{"image_processor_type": "Gemma3ImageProcessor", "processor_class": "Gemma3Processor", "resample": 2},
        **{"size": {"height": SIDE, "width": SIDE}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3},
    }
    (directory / "preprocessor_config.json").write_text(json.dumps(image))
    (directory / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, token("<end_of_turn>")]}))
    return model


def llava_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a LLaVA of transformers under LLaVA's own names, with what older programs saved beside the weights."""
    names: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name.startswith("model.vision_tower."):
            name = "model.vision_tower.vision_tower.vision_model." + name.removeprefix("model.vision_tower.")
        elif name.startswith("model.language_model."):
            name = "model." + name.removeprefix("model.language_model.")
        elif name.startswith("model.multi_modal_projector."):
            name = name.replace("multi_modal_projector.linear_1", "mm_projector.0")
            name = name.replace("multi_modal_projector.linear_2", "mm_projector.2")
        names[name] = tensor
    names["model.vision_tower.vision_tower.vision_model.embeddings.position_ids"] = torch.arange(17)[None]
    names["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
    return names


def _llava_raw() -> dict[str, Any]:
    return {
        **{"model_type": "llava_llama", "architectures": ["LlavaLlamaForCausalLM"], **TEXT, "hidden_act": "silu"},
        **{"mm_vision_tower": "openai/tiny-clip", "mm_projector_type": "mlp2x_gelu", "mm_hidden_size": 32},
        **{"mm_vision_select_layer": -2, "mm_vision_select_feature": "patch", "mm_use_im_start_end": False},
        **{"bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False, "torch_dtype": "float16"},
    }


def _write_llava(directory: Path, raw: dict[str, Any], names: dict[str, Tensor], files: Files) -> None:
    (directory / "tiny-clip").mkdir(parents=True, exist_ok=True)
    (directory / "tiny-clip" / "config.json").write_text(json.dumps({"model_type": "clip", "vision_config": VISION}))
    (directory / "config.json").write_text(json.dumps(raw))
    (directory / "tokenizer.model").write_bytes(_pieces())
    settings = {
        **{"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
        **{"add_bos_token": True, "legacy": False, "pad_token": "<unk>"},
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))
    _write_shards(directory, names, files)


def _write_shards(directory: Path, names: dict[str, Tensor], files: Files) -> None:
    """Write two shards and their index."""
    stem, suffix = ("model", "safetensors") if files == "safetensors" else ("pytorch_model", "bin")
    ordered = sorted(names)
    weight_map: dict[str, str] = {}
    for number, part in enumerate((ordered[::2], ordered[1::2]), 1):
        file = f"{stem}-{number:05d}-of-00002.{suffix}"
        held = {name: names[name].clone().contiguous() for name in part}
        if files == "safetensors":
            save_file(held, directory / file, metadata={"format": "pt"})
        else:
            torch.save(held, directory / file)
        weight_map |= dict.fromkeys(part, file)
    (directory / f"{stem}.{suffix}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


_TRAINED: list[bytes] = []


def _pieces() -> bytes:
    """Return a SentencePiece model as Vicuna's: BPE with byte pieces, `<unk>`, `<s>`, `</s>` first."""
    if not _TRAINED:
        buffer = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(_PROSE.splitlines() * 20),
            model_writer=buffer,
            vocab_size=440,
            model_type="bpe",
            byte_fallback=True,
            hard_vocab_limit=False,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            **{"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1, "minloglevel": 2},
        )
        _TRAINED.append(buffer.getvalue())
    return _TRAINED[0]


def _gemma_tokenizer() -> GemmaTokenizer:
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"aeinorst"]
    tokenizer = GemmaTokenizer(
        vocab={piece: number for number, piece in enumerate(pieces)},
        merges=[],
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
        image_token="<image_soft_token>",
    )
    turns = ["<start_of_turn>", "<end_of_turn>"]
    tokenizer.add_tokens([AddedToken(turn, special=True, normalized=False) for turn in turns], special_tokens=True)
    return tokenizer


def _random(model: Any, seed: int, embedding: float = 0.5) -> Any:
    """Fill a model with numbers large enough that every input moves what comes out; in evaluation mode.

    A head of its own never finds that the turn ends: what is written is cut only by a limit or by whoever stops it.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                one = 1.0 if "norm" in name or "layrnorm" in name or "ln_" in name else 0.0
                parameter.normal_(one, 0.1, generator=generator)
            elif "embed" in name:
                parameter.normal_(0.0, embedding, generator=generator)
            else:
                parameter.normal_(0.0, parameter[0].numel() ** -0.5, generator=generator)
            if name == "lm_head.weight":
                parameter[2] = 0.0
    return model.eval()
