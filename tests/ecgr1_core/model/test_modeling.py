"""The whole model: equal to Qwen3-VL without an ECG, and reading the ECG wherever one is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import BatchFeature, Qwen3VLForConditionalGeneration

from ecgr1_core.modality import ModalityView
from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration
from ecgr1_core.model.processing import EcgR1Processor
from ecgr1_core.model.views import inputs_for
from ecgr1_core.record import EcgRecord

Model = EcgR1ForConditionalGeneration
GREEDY: dict[str, Any] = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": None}


def _logits(model: Any, batch: Any, **arguments: Any) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = model(**batch, **arguments).logits
    return logits


def _written(model: Model, batch: Any, **arguments: Any) -> torch.Tensor:
    tokens: torch.Tensor = model.generate(**batch, **{**GREEDY, **arguments})
    return tokens[:, batch["input_ids"].shape[1] :]


@pytest.fixture
def both(tiny_processor: EcgR1Processor, four_views: list[ModalityView]) -> BatchFeature:
    """One prompt with signal and image."""
    return inputs_for(tiny_processor, [view for view in four_views if view.modality == "both"])


@pytest.fixture
def stock(tiny_checkpoint: Path) -> Qwen3VLForConditionalGeneration:
    """Qwen3-VL itself with the weights of the tiny checkpoint."""
    return Qwen3VLForConditionalGeneration.from_pretrained(tiny_checkpoint).eval()


@pytest.mark.parametrize("kind", ["text", "image", "padded batch"])
def test_without_an_ecg_it_is_qwen3_vl_exactly(
    tiny_model: Model,
    tiny_processor: EcgR1Processor,
    stock: Qwen3VLForConditionalGeneration,
    made_page: Image.Image,
    kind: str,
) -> None:
    texts = {
        "text": ["Sinus rhythm at 75 bpm?"],
        "image": ["<image>Read this."],
        "padded batch": ["Normal?", "<image>Read this.", "<image>Normal axis, QRS 92 ms?"],
    }[kind]
    batch = tiny_processor(texts, images=[made_page if "<image>" in text else None for text in texts])
    assert torch.equal(_logits(tiny_model, batch), _logits(stock, batch))
    assert torch.equal(_written(tiny_model, batch), _written(stock, batch))


def test_cached_generation_gives_the_logits_of_one_pass(tiny_model: Model, both: BatchFeature) -> None:
    out = tiny_model.generate(**both, **GREEDY, output_logits=True, return_dict_in_generate=True)
    steps = torch.stack(out.logits, dim=1)
    length = out.sequences.shape[1]
    whole = {**both, "input_ids": out.sequences, "attention_mask": torch.ones(1, length, dtype=torch.long)}
    new = length - both["input_ids"].shape[1]
    whole["mm_token_type_ids"] = torch.nn.functional.pad(both["mm_token_type_ids"], (0, new))
    logits = _logits(tiny_model, whole)[:, -new - 1 : -1]
    assert steps.std() > 0.1
    assert (logits - steps).abs().max() <= 1e-4
    assert torch.equal(_written(tiny_model, both, use_cache=False), out.sequences[:, -new:])


def test_four_views_at_once_read_as_one_at_a_time(
    tiny_model: Model, tiny_processor: EcgR1Processor, four_views: list[ModalityView]
) -> None:
    together = inputs_for(tiny_processor, four_views)
    assert (together["attention_mask"][:, 0] == 0).any()
    assert (together["attention_mask"][:, -1] == 1).all()
    written, last = _written(tiny_model, together), _logits(tiny_model, together)[:, -1]
    for row, view in enumerate(four_views):
        alone = inputs_for(tiny_processor, [view])
        assert torch.equal(_written(tiny_model, alone)[0], written[row]), view.modality
        assert (_logits(tiny_model, alone)[0, -1] - last[row]).abs().max() <= 1e-4
    difference = (last[:, None] - last[None]).abs().amax(dim=2) + torch.eye(4)
    assert difference.min() > 1e-3, "each modality, and the swapped order, must give logits of its own"


def test_different_records_in_one_batch_keep_their_own_ecg(
    tiny_model: Model, tiny_processor: EcgR1Processor, made_record: EcgRecord
) -> None:
    records = [made_record, EcgRecord(made_record.signal_mv[::-1], 500.0), EcgRecord(-made_record.signal_mv, 500.0)]
    views = [ModalityView("signal", record) for record in records]
    last = _logits(tiny_model, inputs_for(tiny_processor, views))[:, -1]
    for row, view in enumerate(views):
        alone = _logits(tiny_model, inputs_for(tiny_processor, [view]))[0, -1]
        distance = (last - alone).abs().amax(dim=1)
        assert int(distance.argmin()) == row
        assert distance[row] <= 1e-4


@pytest.mark.parametrize(("lead", "sample"), [(0, 0), (5, 2500), (11, 4999)])
def test_one_changed_sample_changes_the_logits(tiny_model: Model, both: BatchFeature, lead: int, sample: int) -> None:
    before = _logits(tiny_model, both)[:, -1]
    changed = both["ecg_values"].clone()
    changed[0, lead, sample] += 1.0
    assert (_logits(tiny_model, {**both, "ecg_values": changed})[:, -1] - before).abs().max() > 1e-6


def test_the_loss_depends_on_the_ecg_and_its_gradient_reaches_the_tower(tiny_model: Model, both: BatchFeature) -> None:
    labels = both["input_ids"].clone()
    labels[:, :-10] = -100
    loss = tiny_model(**both, labels=labels).loss
    loss.backward()
    silent = {**both, "ecg_values": torch.zeros_like(both["ecg_values"])}
    with torch.no_grad():
        assert (tiny_model(**silent, labels=labels).loss - loss).abs() > 1e-5
    unused = {"ln_post.weight", "ln_post.bias", "proj"}  # published, but the language model is fed what precedes them
    for name, parameter in tiny_model.model.ecg_tower.named_parameters():
        if name in unused:
            assert parameter.grad is None
        else:
            assert parameter.grad is not None
            assert parameter.grad.abs().max() > 0, name
    assert all(parameter.grad.abs().max() > 0 for parameter in tiny_model.model.ecg_projector.parameters())


def test_the_trainer_and_lora_see_the_ecg(tmp_path: Path, tiny_model: Model, both: BatchFeature) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import Trainer, TrainingArguments

    adapter = LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["ecg_projector"], task_type="CAUSAL_LM")
    model = get_peft_model(tiny_model, adapter)
    rows = [{name: value[0] for name, value in both.items() if name not in ("pixel_values", "image_grid_thw")}]
    rows[0]["input_ids"] = rows[0]["input_ids"].masked_fill(rows[0]["mm_token_type_ids"] == 1, 0)
    rows[0]["labels"] = rows[0]["input_ids"]
    arguments = TrainingArguments(
        output_dir=str(tmp_path), max_steps=1, learning_rate=0.1, report_to=[], save_strategy="no", use_cpu=True
    )
    trained = {name: value.clone() for name, value in model.named_parameters() if value.requires_grad}
    Trainer(model=model, args=arguments, train_dataset=rows).train()
    after = dict(model.named_parameters())
    assert any("ecg_projector" in name for name in trained)
    for name, before in trained.items():
        if "ecg_projector" in name or "lora_B" in name:
            assert not torch.equal(before, after[name]), f"{name} was not trained"


@pytest.mark.parametrize(
    "change",
    [
        {"ecg_values": None},
        {"ecg_values": torch.zeros(2, 12, 5000)},
        {"ecg_values": torch.zeros(0, 12, 5000)},
        "one token short",
    ],
)
def test_ecgs_and_their_tokens_must_agree(tiny_model: Model, both: BatchFeature, change: Any) -> None:
    batch = dict(both)
    if change == "one token short":
        ids = batch["input_ids"].clone()
        ids[0, (ids[0] == tiny_model.config.ecg_token_id).nonzero()[-1]] = 0
        batch["input_ids"] = ids
    else:
        batch |= change
    with pytest.raises(ValueError, match="ECG tokens and ECGs disagree"):
        tiny_model(**batch)


def test_tokens_shared_out_wrongly_between_rows_are_refused(
    tiny_model: Model, tiny_processor: EcgR1Processor, made_record: EcgRecord
) -> None:
    batch = inputs_for(tiny_processor, [ModalityView("signal", made_record)] * 2)
    ids, ecg = batch["input_ids"], tiny_model.config.ecg_token_id
    ids[0, (ids[0] == ecg).nonzero()[-1]] = 0
    ids[1, 0] = ecg  # as many in all, but neither row holds one whole ECG
    with pytest.raises(ValueError, match=r"rows hold \[100, 102\] ECG tokens"):
        tiny_model(**batch)


def test_images_and_their_tokens_must_agree(tiny_model: Model, both: BatchFeature) -> None:
    ids = both["input_ids"].masked_fill(both["mm_token_type_ids"] == 1, 0)
    with pytest.raises(ValueError, match="image tokens and images disagree"):
        tiny_model(**{**both, "input_ids": ids})


def test_videos_and_inputs_without_tokens_are_refused(tiny_model: Model, both: BatchFeature) -> None:
    with pytest.raises(ValueError, match="no videos"):
        tiny_model(**both, pixel_values_videos=torch.zeros(4, 1536))
    embeds = tiny_model.get_input_embeddings()(both["input_ids"])
    with pytest.raises(ValueError, match="need input_ids"):
        tiny_model(inputs_embeds=embeds, ecg_values=both["ecg_values"])
    with pytest.raises(ValueError, match="exactly one of"):
        tiny_model(**both, inputs_embeds=embeds)


def test_a_generated_ecg_token_is_only_a_token(tiny_model: Model, both: BatchFeature) -> None:
    forced = _written(
        tiny_model, both, max_new_tokens=3, min_new_tokens=3, sequence_bias={(tiny_model.config.ecg_token_id,): 1e9}
    )
    assert forced.tolist() == [[tiny_model.config.ecg_token_id] * 3]


def test_a_prompt_after_one_with_an_image_is_not_shifted(
    tiny_model: Model, tiny_processor: EcgR1Processor, both: BatchFeature, made_record: EcgRecord
) -> None:
    signal = inputs_for(tiny_processor, [ModalityView("signal", made_record)])

    def second_step() -> torch.Tensor:
        with torch.no_grad():
            first = tiny_model(**signal, use_cache=True)
            token = first.logits[:, -1:].argmax(dim=-1)
            mask = torch.nn.functional.pad(signal["attention_mask"], (0, 1), value=1)
            out = tiny_model(input_ids=token, attention_mask=mask, past_key_values=first.past_key_values)
        logits: torch.Tensor = out.logits
        return logits

    fresh = second_step()
    _logits(tiny_model, both)
    assert tiny_model.model.rope_deltas is not None
    assert torch.equal(second_step(), fresh)


def test_several_continuations_keep_each_rows_ecgs(
    tiny_model: Model, tiny_processor: EcgR1Processor, made_record: EcgRecord
) -> None:
    other = EcgRecord(made_record.signal_mv[::-1], 500.0)
    batch = tiny_processor(["<ecg><ecg>Compare.", "<ecg>Read."], ecgs=[[made_record, other], other])
    once = _written(tiny_model, batch)
    thrice = _written(tiny_model, batch, num_beams=1, num_return_sequences=3, do_sample=True, top_k=1)
    assert torch.equal(thrice, once.repeat_interleave(3, dim=0))


def test_padded_time_is_masked_only_where_the_configuration_says_so(
    tiny_model: Model, tiny_processor: EcgR1Processor, made_record: EcgRecord
) -> None:
    short = EcgRecord(made_record.signal_mv[:, :1500], 500.0)
    batch = inputs_for(tiny_processor, [ModalityView("signal", short)])
    assert batch["ecg_lengths"].tolist() == [1500]
    published = _logits(tiny_model, batch)
    assert torch.equal(published, _logits(tiny_model, {**batch, "ecg_lengths": torch.tensor([5000])}))
    tiny_model.config.ecg_mask_padding = True
    assert (_logits(tiny_model, batch) - published).abs().max() > 1e-4


def test_signals_far_beyond_the_usual_stay_finite(tiny_model: Model, both: BatchFeature) -> None:
    extreme = torch.from_numpy(np.full((1, 12, 5000), 1e4, dtype=np.float32))
    assert torch.isfinite(_logits(tiny_model, {**both, "ecg_values": extreme})).all()
