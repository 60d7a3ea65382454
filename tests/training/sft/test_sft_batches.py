"""What the model is fed: labels on the answer alone, padding on either side, and packing that changes no loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ecgr1_core.errors import InputError
from ecgr1_core.modality import MODALITIES, Modality, ModalityView
from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration
from ecgr1_core.model.processing import EcgR1Processor
from ecgr1_core.model.views import inputs_for
from training.batches import IGNORED, collate, encode, pack, prompt_inputs
from training.imd import RELEASED
from training.learning.rows import TooLongError
from training.media import Media, media_beside
from training.rows import Row, read_rows
from training.sft.data import SftRows
from training.sft.trainer import token_losses


@pytest.fixture(scope="module")
def processor(sft_model: Path) -> EcgR1Processor:
    return EcgR1Processor.from_pretrained(sft_model)


@pytest.fixture(scope="module")
def model(sft_model: Path) -> EcgR1ForConditionalGeneration:
    return EcgR1ForConditionalGeneration.from_pretrained(sft_model, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def rows(sft_rows: Path) -> list[Row]:
    return [row for row in read_rows(sft_rows) if isinstance(row, Row)]


@pytest.fixture(scope="module")
def media(sft_rows: Path) -> Media:
    return media_beside(sft_rows)


@pytest.fixture(scope="module")
def encoded(processor: EcgR1Processor, rows: list[Row], media: Media) -> list[dict[str, Any]]:
    """Six rows, every environment among them, answers of different lengths."""
    return [
        encode(processor, row, media, MODALITIES[n % 4], "word " * (3 * n) + str(row.answer))
        for n, row in enumerate(rows[:6])
    ]


@pytest.mark.parametrize("modality", MODALITIES)
def test_labels_are_the_answer_and_its_end(
    processor: EcgR1Processor, rows: list[Row], media: Media, modality: Modality
) -> None:
    one = encode(processor, rows[0], media, modality, rows[0].answer)
    learned = one["labels"] != IGNORED
    assert processor.tokenizer.decode(one["input_ids"][learned]) == f"{rows[0].answer}<|im_end|>"
    assert bool((one["labels"][learned] == one["input_ids"][learned]).all())
    assert not bool(learned[: int(learned.nonzero()[0])].any())
    assert bool(learned[int(learned.nonzero()[0]) :].all())
    assert ("ecg_values" in one) == (modality != "image")
    assert ("pixel_values" in one) == (modality != "signal")


@pytest.mark.parametrize("modality", MODALITIES)
def test_prompt_is_what_a_reader_feeds(
    processor: EcgR1Processor, rows: list[Row], media: Media, modality: Modality
) -> None:
    view = media.view(rows[1], modality)
    read = inputs_for(
        processor,
        [ModalityView(modality, view.record, view.page)],
        question="Read this electrocardiogram.",
        system="You are a cardiologist.",
    )
    ours = prompt_inputs(processor, [rows[1]], media, [modality])
    assert set(ours) == set(read)
    for name, value in ours.items():
        assert torch.equal(value, read[name]), name


def test_padding_on_either_side(encoded: list[dict[str, Any]], processor: EcgR1Processor) -> None:
    right, left = collate(encoded, 0), collate(encoded, 0, "left")
    lengths = [len(row["input_ids"]) for row in encoded]
    assert right["input_ids"].shape == left["input_ids"].shape == (6, max(lengths))
    assert right["attention_mask"].sum(1).tolist() == left["attention_mask"].sum(1).tolist() == lengths
    for n, row in enumerate(encoded):
        assert torch.equal(right["input_ids"][n, : lengths[n]], row["input_ids"])
        assert torch.equal(left["labels"][n, max(lengths) - lengths[n] :], row["labels"])
    assert len(right["ecg_values"]) == sum("ecg_values" in row for row in encoded)


def losses(model: Any, batch: dict[str, Any]) -> torch.Tensor:
    with torch.no_grad():
        found, _ = token_losses(model, batch)
    return found


@pytest.mark.parametrize("max_length", [450, 700, 4096])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packing_changes_no_loss(model: Any, encoded: list[dict[str, Any]], max_length: int, attention: str) -> None:
    model.set_attn_implementation(attention)
    alone = torch.cat([losses(model, collate([row], 0)) for row in encoded])
    packed = pack(encoded, 0, max_length)
    assert len(packed["input_ids"]) < len(encoded)
    together = losses(model, packed)
    # First fit may change the order of rows, so rows are compared by the sorted losses of their tokens.
    assert torch.allclose(alone.sort()[0], together.sort()[0], atol=2e-5)
    padded = losses(model, collate(encoded, 0))
    assert float((alone - padded).abs().max()) < 2e-5
    assert float(abs(alone.mean() - together.mean())) < 1e-6


def test_packed_gradient_is_the_unpacked_one(model: Any, encoded: list[dict[str, Any]]) -> None:
    model.set_attn_implementation("sdpa")
    gradients = []
    for batch in (collate(encoded, 0), pack(encoded, 0, 700)):
        model.zero_grad()
        found, _ = token_losses(model, batch)
        found.mean().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert float((gradients[0] - gradients[1]).norm() / gradients[0].norm()) < 1e-4


def test_packed_rows_do_not_see_each_other(model: Any, encoded: list[dict[str, Any]]) -> None:
    first = {**encoded[0], "input_ids": encoded[0]["input_ids"].clone()}
    first["input_ids"][-5:] = 7
    count = int((encoded[0]["labels"] != IGNORED).sum())
    before = losses(model, pack([encoded[0], encoded[4]], 0, 4096))
    after = losses(model, pack([first, encoded[4]], 0, 4096))
    assert torch.equal(before[count:], after[count:])
    assert not torch.equal(before[:count], after[:count])


def test_positions_are_those_of_the_model(model: Any, encoded: list[dict[str, Any]]) -> None:
    for row in encoded:
        grid = row.get("image_grid_thw")
        expected, _ = model.model.get_rope_index(
            row["input_ids"][None], mm_token_type_ids=row["mm_token_type_ids"][None], image_grid_thw=grid
        )
        positions = pack([row], 0, 4096)["position_ids"]
        assert torch.equal(positions[1:], expected)
        assert torch.equal(positions[0, 0], torch.arange(len(row["input_ids"])))


def test_packed_row_that_is_too_long(encoded: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="does not go into sequences of 50"):
        pack(encoded, 0, 50)


def test_too_long_rows_say_how_long_they_are(processor: EcgR1Processor, rows: list[Row], media: Media) -> None:
    maker = SftRows(processor, rows, media, RELEASED, 0, max_length=128)
    with pytest.raises(TooLongError, match=r"line 1: takes \d+ tokens as both; raise max_length above 128"):
        maker.encoded(rows[0], "both")


def test_the_ecg_moves_every_training_log_probability(model: Any, encoded: list[dict[str, Any]]) -> None:
    row = encoded[0]
    before = losses(model, collate([row], 0))
    after = losses(model, collate([{**row, "ecg_values": row["ecg_values"] * 0.5}], 0))
    assert bool((before != after).all())


def test_row_without_its_page(processor: EcgR1Processor, rows: list[Row], media: Media, tmp_path: Path) -> None:
    (tmp_path / "ecg0.png").write_text("no image")
    with pytest.raises(InputError, match=r"line 1: its image ecg0.png cannot be read"):
        encode(processor, rows[0], Media(media.ecg_root, tmp_path), "both", "answer")


def test_rows_with_one_modality_keep_it(processor: EcgR1Processor, rows: list[Row], media: Media) -> None:
    """As in the published files with missing modalities: tags taken out, with or without the path."""
    one, other = rows[0].shown("signal"), replace(rows[1].shown("image"), ecg=None)
    drawn = replace(rows[2].shown("signal"), image=None)
    maker = SftRows(processor, [one, other, drawn, rows[3]], media, RELEASED, 0, 4096)
    for epoch in range(20):
        assert [maker.modality(epoch, index) for index in range(3)] == ["signal", "image", "signal"]
    assert [maker.environments(row) for row in maker.rows] == [("signal",), ("image",), ("signal",), MODALITIES]
    drawing = replace(maker, media=replace(media, draw_missing=True))
    assert drawing.environments(drawn) == MODALITIES
    assert {drawing.modality(epoch, 2) for epoch in range(60)} >= {"signal", "image", "both"}
    assert "pixel_values" in drawing.encoded(drawn, "image")
