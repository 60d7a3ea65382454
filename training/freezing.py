"""Which parts of ECG-R1 learn, and how: in full, by a low-rank adapter beside their layers (LoRA), or not at all.

It also loads a checkpoint to be trained. It knows nothing of rows, losses or optimisers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from pydantic import Field

from ecgr1_core.errors import InputError
from training.run_config import RunConfig

if TYPE_CHECKING:
    from ecgr1_core.model.modeling import EcgR1Model

Part = Literal["language", "vision_tower", "ecg_tower", "projectors"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
Learning = Literal["full", "lora", "frozen"]
Weights = Literal["fp32", "bf16", "nf4"]

_PREFIXES: Final[tuple[tuple[str, Part], ...]] = (
    ("model.visual.merger.", "projectors"),
    ("model.visual.deepstack_merger_list.", "projectors"),
    ("model.ecg_projector.", "projectors"),
    ("model.visual.", "vision_tower"),
    ("model.ecg_tower.", "ecg_tower"),
    ("model.language_model.", "language"),
    ("lm_head.", "language"),
)
# Belong to the published tower, but come after what the language model is fed: no gradient can reach them.
_WITHOUT_GRADIENT: Final = ("model.ecg_tower.ln_post.", "model.ecg_tower.proj")


class Parts(RunConfig):
    """How each part learns; the defaults are the released recipe's."""

    language: Learning = Field("full", description="the language model with its embedding and head")
    vision_tower: Learning = Field("frozen", description="the image tower up to its last block")
    ecg_tower: Learning = Field("frozen", description="the ECG tower")
    projectors: Learning = Field("full", description="the ECG projector and the mergers of the image tower")


class Lora(RunConfig):
    """A low-rank adapter on every linear layer of the parts that learn by one (Hu et al., arXiv 2106.09685)."""

    rank: int = Field(16, ge=1, description="rank of the two matrices beside a layer")
    alpha: float = Field(32.0, gt=0, description="what the adapter adds is multiplied by alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of an adapter's inputs that are dropped")


def part_of(name: str) -> Part:
    """Return the part that a parameter or module of `EcgR1ForConditionalGeneration` belongs to; KeyError for none."""
    for prefix, part in _PREFIXES:
        if name.startswith(prefix):
            return part
    raise KeyError(name)


def load_for_training(directory: Path, weights: Weights = "fp32", device: str | int = "cpu") -> Any:
    """Return the model of a checkpoint directory with its weights as they are to be held while it learns.

    `nf4` puts it on `device` at once (QLoRA, arXiv 2305.14314); otherwise it is on the CPU. Raises a kind of
    InputError, before weights are read, for a directory that `checkpoint.inspect` finds fault with, one that is
    quantised, and nf4 without bitsandbytes.
    """
    from ecgr1_core.model.checkpoint import inspect
    from ecgr1_core.model.loading import DTYPES
    from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration
    from ecgr1_core.model.quantise import nf4_config, require_bitsandbytes

    info = inspect(directory)
    info.require_whole()
    if info.quantisation is not None:
        raise InputError(directory, f"is quantised ({info.quantisation})", "train the checkpoint it was made from")
    options: dict[str, Any] = {"dtype": DTYPES.get(weights, DTYPES["bf16"])}
    if weights == "nf4":
        require_bitsandbytes("nf4")
        options |= {"quantization_config": nf4_config(), "device_map": {"": device}}
    return EcgR1ForConditionalGeneration.from_pretrained(info.directory, config=info.config, **options)


def apply_parts(model: Any, parts: Parts, lora: Lora, *, seed: int = 0) -> Any:
    """Make exactly the configured parts of a model learn; return it, wrapped by PEFT where a part learns by LoRA.

    LoRA goes to all linear layers of a part but the language model's head; the joint input projections of the ECG
    tower's attention are no linear layers and stay as they are. Raises InputError where nothing would learn, and for a
    language model that is to learn in full while it is held in 4 bits.
    """
    import torch
    from torch import nn

    ways: dict[Part, Learning] = {part: getattr(parts, part) for part in PARTS}
    if not any(way != "frozen" for way in ways.values()):
        raise InputError("parts", "are all frozen", "let at least one of them learn")
    if ways["language"] == "full" and getattr(model, "is_quantized", False):
        raise InputError("parts.language", "cannot learn in full in 4 bits", 'use "lora", or hold the weights in bf16')
    model.requires_grad_(False)
    full = [
        parameter
        for name, parameter in model.named_parameters()
        if ways[part_of(name)] == "full" and not name.startswith(_WITHOUT_GRADIENT)
    ]
    layers = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name != "lm_head" and ways[part_of(name)] == "lora"
    ]
    if layers:
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(seed)
        model = get_peft_model(
            model,
            LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=layers),
        )
    for parameter in full:
        parameter.requires_grad_(True)
    return model


def inner_of(model: Any) -> EcgR1Model:
    """Return the inner model, which holds towers and language model, of a model that PEFT may have wrapped."""
    inner: EcgR1Model = (model.get_base_model() if hasattr(model, "get_base_model") else model).model
    return inner


def keep_parts_together(model: Any) -> None:
    """Let both towers take part in every pass, so that processes with batches of different modalities stay in step.

    Where a batch has no ECG, or no image, a blank one goes through its tower and is added to the output times zero: the
    output is unchanged, and the gradient of that part is 0 instead of absent. DDP and ZeRO wait for every gradient.
    """
    import torch

    def take_part(inner: Any, _args: Any, given: dict[str, Any], output: Any) -> Any:
        nothing = output.last_hidden_state.new_zeros(())
        config = inner.config
        if given.get("ecg_values") is None:
            blank = torch.zeros(1, config.ecg_leads, config.ecg_samples)
            nothing = nothing + 0.0 * inner.get_ecg_features(blank).sum()
        if given.get("pixel_values") is None:
            vision = config.vision_config
            side = vision.spatial_merge_size
            values = vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
            blank = torch.zeros(side * side, values, device=output.last_hidden_state.device)
            grid = torch.tensor([[1, side, side]], device=blank.device)
            page = inner.get_image_features(blank, grid, return_dict=True)
            for level in (page.pooler_output, *page.deepstack_features):
                nothing = nothing + 0.0 * torch.cat(tuple(level)).sum()
        output.last_hidden_state = output.last_hidden_state + nothing.to(output.last_hidden_state.dtype)
        return output

    inner_of(model).register_forward_hook(take_part, with_kwargs=True)
