"""Which parts learn: the gradient reaches exactly those configured, in full or through adapters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ecgr1_core.errors import InputError
from ecgr1_core.modality import MODALITIES
from ecgr1_core.model.processing import EcgR1Processor
from training.batches import collate, encode
from training.freezing import PARTS, Lora, Parts, apply_parts, keep_parts_together, load_for_training, part_of
from training.media import media_beside
from training.rows import Row, read_rows
from training.sft.trainer import token_losses

WITHOUT_GRADIENT = ("ln_post", "ecg_tower.proj")


@pytest.fixture(scope="module")
def batch(sft_model: Path, sft_rows: Path) -> dict[str, Any]:
    processor, media = EcgR1Processor.from_pretrained(sft_model), media_beside(sft_rows)
    rows = [row for row in read_rows(sft_rows) if isinstance(row, Row)][:4]
    return collate(
        [encode(processor, row, media, one, row.answer) for row, one in zip(rows, MODALITIES, strict=True)], 0
    )


@pytest.fixture(scope="module")
def signal_batch(sft_model: Path, sft_rows: Path) -> dict[str, Any]:
    processor, media = EcgR1Processor.from_pretrained(sft_model), media_beside(sft_rows)
    row = next(iter(read_rows(sft_rows)))
    assert isinstance(row, Row)
    return collate([encode(processor, row, media, "signal", row.answer)], 0)


def test_every_parameter_belongs_to_a_part(sft_model: Path) -> None:
    names = [name for name, _ in load_for_training(sft_model).named_parameters()]
    assert {part_of(name) for name in names} == set(PARTS)
    assert part_of("model.visual.deepstack_merger_list.0.linear_fc1.weight") == "projectors"
    assert part_of("model.visual.blocks.0.attn.qkv.weight") == "vision_tower"


@pytest.mark.parametrize("learning", [{part} for part in PARTS] + [{"language", "projectors"}, set(PARTS)])
def test_gradient_reaches_exactly_the_parts_that_learn(
    sft_model: Path, batch: dict[str, Any], learning: set[str]
) -> None:
    parts = Parts.model_validate({part: "full" if part in learning else "frozen" for part in PARTS})
    model = apply_parts(load_for_training(sft_model), parts, Lora())
    token_losses(model, batch)[0].mean().backward()
    for name, parameter in model.named_parameters():
        if part_of(name) in learning and not any(end in name for end in WITHOUT_GRADIENT):
            assert parameter.grad is not None, name
            assert float(parameter.grad.abs().sum()) > 0, name
        else:
            assert parameter.grad is None, name


@pytest.mark.parametrize("part", PARTS)
def test_lora_reaches_exactly_the_layers_of_its_part(sft_model: Path, batch: dict[str, Any], part: str) -> None:
    parts = Parts.model_validate({one: "lora" if one == part else "frozen" for one in PARTS})
    model = apply_parts(load_for_training(sft_model), parts, Lora(rank=2))
    token_losses(model, batch)[0].mean().backward()
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert learned
    for name, parameter in model.named_parameters():
        assert (name in learned) == (".lora_" in name)
        assert (parameter.grad is not None) == (name in learned), name
    assert {part_of(name.removeprefix("base_model.model.")) for name in learned} == {part}
    # B begins at 0, so only B has a gradient that is not 0 at first.
    assert all(float(p.grad.abs().sum()) > 0 for name, p in learned.items() if ".lora_B." in name)
    assert not any("lm_head" in name for name in learned)


def test_lora_beside_a_part_in_full(sft_model: Path, batch: dict[str, Any]) -> None:
    model = apply_parts(load_for_training(sft_model), Parts(language="lora"), Lora(rank=2))
    token_losses(model, batch)[0].mean().backward()
    reached = {
        (part_of(name.removeprefix("base_model.model.")), ".lora_" in name)
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    assert reached == {("language", True), ("projectors", False)}


def test_adapters_begin_the_same_from_the_same_seed(sft_model: Path) -> None:
    def first(seed: int) -> torch.Tensor:
        model = apply_parts(load_for_training(sft_model), Parts(language="lora"), Lora(rank=2), seed=seed)
        return next(p for name, p in model.named_parameters() if ".lora_A." in name)

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


def test_parts_that_a_batch_does_not_show_get_a_gradient_of_zero(sft_model: Path, signal_batch: dict[str, Any]) -> None:
    every = Parts.model_validate(dict.fromkeys(PARTS, "full"))
    plain, together = (apply_parts(load_for_training(sft_model), every, Lora()) for _ in range(2))
    keep_parts_together(together)
    losses = [token_losses(model, signal_batch)[0] for model in (plain, together)]
    assert torch.equal(losses[0], losses[1])
    for loss in losses:
        loss.mean().backward()
    for (name, alone), (_, joined) in zip(plain.named_parameters(), together.named_parameters(), strict=True):
        if any(end in name for end in WITHOUT_GRADIENT):
            continue
        assert joined.grad is not None, name
        if name.startswith("model.visual."):
            assert alone.grad is None
            assert not joined.grad.any()
        else:
            assert torch.equal(alone.grad, joined.grad), name


def test_nothing_to_learn(sft_model: Path) -> None:
    frozen = Parts.model_validate(dict.fromkeys(PARTS, "frozen"))
    with pytest.raises(InputError, match="parts: are all frozen"):
        apply_parts(load_for_training(sft_model), frozen, Lora())


def test_four_bits(sft_model: Path, batch: dict[str, Any]) -> None:
    pytest.importorskip("bitsandbytes")
    model = load_for_training(sft_model, "nf4")
    with pytest.raises(InputError, match="cannot learn in full in 4 bits"):
        apply_parts(model, Parts(), Lora())
    model = apply_parts(model, Parts(language="lora"), Lora(rank=2))
    held = [p for p in model.parameters() if p.dtype == torch.uint8]
    token_losses(model, batch)[0].mean().backward()
    assert held
    assert all(not p.requires_grad for p in held)
    assert all(float(p.grad.abs().sum()) > 0 for name, p in model.named_parameters() if ".lora_B." in name)


def test_gradient_checkpointing_changes_no_gradient(sft_model: Path, batch: dict[str, Any]) -> None:
    gradients = []
    for checkpointing in (False, True):
        model = apply_parts(load_for_training(sft_model), Parts(vision_tower="full"), Lora()).train()
        if checkpointing:
            model.activation_checkpointing_enable()
        token_losses(model, batch)[0].mean().backward()
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert all(torch.allclose(gradients[0][name], gradients[1][name], atol=1e-7) for name in gradients[0])
