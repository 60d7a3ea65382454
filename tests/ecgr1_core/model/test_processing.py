"""Preparing signals, texts and pages: what the model is fed of a recording, and what is said about it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import build_tokenizer
from transformers import AutoProcessor

from ecgr1_core.errors import InputError, MissingPartnerError, UnsuitableRecordingError
from ecgr1_core.formats import read
from ecgr1_core.modality import MODALITIES, ModalityView
from ecgr1_core.model.processing import (
    DEFAULT_QUESTION,
    SYSTEM_PROMPT,
    EcgR1Processor,
    prepare_signal,
    recorded_samples,
)
from ecgr1_core.model.views import inputs_for, messages_for, notes_for
from ecgr1_core.record import LEADS, EcgRecord

ECG_101 = "<|ecg_start|>" + 101 * "<|ecg_pad|>" + "<|ecg_end|>"
IMAGE_70 = "<|vision_start|>" + 70 * "<|image_pad|>" + "<|vision_end|>"


def test_a_plain_recording_is_only_reordered(made_record: EcgRecord) -> None:
    signal, notes = prepare_signal(made_record)
    assert signal.shape == (12, 5000)
    assert signal.dtype == np.float32
    assert notes == []
    mimic = ["I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6"]
    for row, lead in enumerate(mimic):
        assert np.array_equal(signal[row], made_record.lead(lead)), lead


def test_a_short_recording_is_padded_at_the_end() -> None:
    signal, notes = prepare_signal(EcgRecord(np.ones((12, 1500), np.float32), 500.0))
    assert (signal[:, :1500] == 1).all()
    assert (signal[:, 1500:] == 0).all()
    assert notes == ["padded with zeros from 3 s to 10 s"]


def test_a_long_recording_is_cut_to_its_first_ten_seconds(made_record: EcgRecord) -> None:
    twice = EcgRecord(np.hstack([made_record.signal_mv, 9 + made_record.signal_mv]), 500.0)
    signal, notes = prepare_signal(twice)
    assert np.array_equal(signal, prepare_signal(made_record)[0])
    assert notes == ["only the first 10 s of 20 s are read"]
    assert recorded_samples(twice) == 5000


def test_another_sampling_rate_is_resampled() -> None:
    rows = np.stack([np.sin(2 * np.pi * (1 + n / 4) * np.arange(1000) / 100) for n in range(12)])
    signal, notes = prepare_signal(EcgRecord(rows.astype(np.float32), 100.0))
    expected = np.sin(2 * np.pi * 1.0 * np.arange(5000) / 500)
    assert notes == ["resampled from 100 Hz to 500 Hz"]
    assert np.abs(signal[0, 500:4500] - expected[500:4500]).max() < 0.01


def test_what_is_unknown_becomes_zero_and_is_said(made_record: EcgRecord) -> None:
    rows = made_record.signal_mv.copy()
    rows[[2, 3, 4, 5]] = np.nan
    rows[0, 100:110] = np.nan
    rows[11, 7] = np.inf
    record = EcgRecord(rows, 500.0, missing_leads=("III", "aVR", "aVL", "aVF"))
    signal, notes = prepare_signal(record)
    assert (signal[[2, 3, 4, 5]] == 0).all()
    assert (signal[0, 100:110] == 0).all()
    assert signal[11, 7] == 0
    assert np.array_equal(signal[6], made_record.lead("V1"))
    assert notes == [
        "leads III, aVR, aVL, aVF missing: given to the model as zeros",
        "11 unknown samples in the other leads given to the model as zeros",
    ]


def test_a_recording_without_any_known_sample_is_refused(made_record: EcgRecord) -> None:
    late = np.full((12, 6000), np.nan, np.float32)
    late[:, 5500:] = 1.0
    with pytest.raises(UnsuitableRecordingError, match="no known sample in its first 10 s"):
        prepare_signal(EcgRecord(late, 500.0))


@pytest.mark.parametrize(
    ("samples", "rate_hz", "expected"),
    [(1000, 100.0, 5000), (300, 100.0, 1500), (3600, 360.0, 5000), (100, 257.0, 195)],
)
def test_the_recorded_length_is_that_of_the_resampled_signal(samples: int, rate_hz: float, expected: int) -> None:
    record = EcgRecord(np.ones((12, samples), np.float32), rate_hz)
    assert recorded_samples(record) == expected
    signal, _ = prepare_signal(record)
    assert (signal[:, :expected] != 0).all()
    assert (signal[:, expected:] == 0).all()


def test_a_real_recording_at_100_hz_agrees_with_the_same_at_500_hz(shared_data: Path) -> None:
    slow = sorted((shared_data / "ptbxl" / "records100").rglob("*.hea"))[0]
    fast = next((shared_data / "ptbxl" / "records500").rglob(slow.name.replace("_lr", "_hr")))
    signal_slow, notes = prepare_signal(read(slow))
    signal_fast, none = prepare_signal(read(fast))
    assert notes == ["resampled from 100 Hz to 500 Hz"]
    assert none == []
    # The 100 Hz files of PTB-XL are a band-limited copy: they agree except at the steepest slopes.
    for ours, theirs in zip(signal_slow, signal_fast, strict=True):
        assert np.corrcoef(ours, theirs)[0, 1] > 0.95


def test_tags_become_tokens_in_their_order(tiny_processor: EcgR1Processor, made_record: EcgRecord, made_page) -> None:
    batch = tiny_processor("<ecg><image>Read.", ecgs=[made_record], images=[made_page])
    assert tiny_processor.tokenizer.decode(batch["input_ids"][0]) == ECG_101 + IMAGE_70 + "Read."
    image_places = batch["input_ids"][0] == tiny_processor.image_token_id
    assert batch["mm_token_type_ids"][0].bool().equal(image_places)
    assert batch["image_grid_thw"].tolist() == [[1, 14, 20]]
    assert batch["pixel_values"].shape == (280, 1536)
    swapped = tiny_processor("<image><ecg>Read.", ecgs=[made_record], images=[made_page])
    assert tiny_processor.tokenizer.decode(swapped["input_ids"][0]) == IMAGE_70 + ECG_101 + "Read."


def test_the_tag_of_a_missing_modality_is_taken_out(tiny_processor: EcgR1Processor, made_record: EcgRecord) -> None:
    batch = tiny_processor("<ecg><image>Read.", ecgs=[made_record])
    assert tiny_processor.tokenizer.decode(batch["input_ids"][0]) == ECG_101 + "Read."
    assert "pixel_values" not in batch
    bare = tiny_processor("<ecg><image>Read.")
    assert tiny_processor.tokenizer.decode(bare["input_ids"][0]) == "Read."
    assert "ecg_values" not in bare


def test_more_inputs_than_tags_are_refused(tiny_processor: EcgR1Processor, made_record: EcgRecord) -> None:
    with pytest.raises(ValueError, match="too few <ecg> tags: inputs left over: 1"):
        tiny_processor("<ecg>Read.", ecgs=[made_record, made_record])
    with pytest.raises(ValueError, match="one entry for each of 2 texts"):
        tiny_processor(["<ecg>Read.", "Read."], ecgs=[made_record])
    with pytest.raises(ValueError, match=r"finite and \[12, 5000\]"):
        tiny_processor("<ecg>Read.", ecgs=[np.zeros((12, 4000), np.float32)])


def test_batches_are_padded_on_the_left_unless_asked(tiny_processor: EcgR1Processor, made_record: EcgRecord) -> None:
    texts = ["<ecg>Read.", "Normal axis?"]
    left = tiny_processor(texts, ecgs=[made_record, None])
    padding = int((left["attention_mask"][1] == 0).sum())
    assert padding > 90
    assert (left["attention_mask"][1, :padding] == 0).all()
    right = tiny_processor(texts, ecgs=[made_record, None], padding_side="right")
    assert (right["attention_mask"][1, -padding:] == 0).all()
    assert left["ecg_values"].shape == (1, 12, 5000)


@pytest.mark.parametrize(
    ("size", "largest"), [((2200, 1700), 768), ((1653, 1122), 768), ((6000, 400), 768), ((320, 224), 70), ((20, 20), 4)]
)
def test_pages_take_at_most_768_tokens_and_at_least_4(
    tiny_processor: EcgR1Processor, size: tuple[int, int], largest: int
) -> None:
    batch = tiny_processor("<image>", images=[Image.new("L", size, 200)])
    tokens = int((batch["input_ids"] == tiny_processor.image_token_id).sum())
    assert tokens * 4 == len(batch["pixel_values"])
    assert 4 <= tokens <= largest
    assert tokens > 0.9 * largest
    assert batch["pixel_values"].shape[0] * 16 * 16 <= 786_432


def test_the_stock_image_processor_would_have_taken_more(tiny_checkpoint: Path) -> None:
    stored = json.loads((tiny_checkpoint / "preprocessor_config.json").read_text())
    assert stored["size"]["longest_edge"] > 786_432


def test_transparent_paper_is_white(tiny_processor: EcgR1Processor) -> None:
    clear = Image.new("RGBA", (320, 224), (0, 0, 0, 0))
    white = Image.new("RGB", (320, 224), "white")
    pixels = [tiny_processor("<image>", images=[page])["pixel_values"] for page in (clear, white)]
    assert pixels[0].equal(pixels[1])
    assert pixels[1].unique().tolist() == [1.0]


def test_a_strip_is_no_page(tiny_processor: EcgR1Processor) -> None:
    with pytest.raises(InputError, match="4000 x 10 pixels"):
        tiny_processor("<image>", images=[Image.new("RGB", (4000, 10))])


def test_the_processor_is_saved_with_its_cap(tmp_path: Path, tiny_checkpoint: Path, made_record: EcgRecord) -> None:
    processor = EcgR1Processor.from_pretrained(tiny_checkpoint, max_image_tokens=30, min_image_tokens=8)
    processor.save_pretrained(tmp_path)
    page = Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 1200, 3), dtype=np.uint8))
    batches = []
    for loaded in (processor, EcgR1Processor.from_pretrained(tmp_path), AutoProcessor.from_pretrained(tmp_path)):
        assert type(loaded) is EcgR1Processor
        assert (loaded.max_image_tokens, loaded.min_image_tokens, loaded.ecg_tokens) == (30, 8, 101)
        batches.append(loaded("<ecg><image>Rate & rhythm?", ecgs=[made_record], images=[page]))
    assert int((batches[0]["input_ids"] == processor.image_token_id).sum()) <= 30
    for batch in batches[1:]:
        assert batch.keys() == batches[0].keys()
        assert all(batch[name].equal(batches[0][name]) for name in batch)


def test_a_tokenizer_without_ecg_tokens_is_refused(tiny_processor: EcgR1Processor) -> None:
    with pytest.raises(
        InputError, match=r"has no <\|ecg_start\|>, <\|ecg_pad\|>, <\|ecg_end\|>; use the tokenizer files"
    ):
        EcgR1Processor(tiny_processor.image_processor, build_tokenizer(ecg_tokens=False))


def test_a_directory_without_processor_or_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingPartnerError, match=r"no preprocessor_config\.json"):
        EcgR1Processor.from_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{}")
    with pytest.raises(MissingPartnerError, match=r"no tokenizer\.json"):
        EcgR1Processor.from_pretrained(tmp_path)


def test_the_prompt_is_chatml(tiny_processor: EcgR1Processor) -> None:
    turns = [{"role": "system", "content": "S"}, {"role": "user", "content": "<ecg>Q"}]
    text = tiny_processor.apply_chat_template(turns, add_generation_prompt=True)
    assert text == "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n<ecg>Q<|im_end|>\n<|im_start|>assistant\n"
    answered = [*turns, {"role": "assistant", "content": "A"}]
    assert tiny_processor.apply_chat_template(answered).endswith("<|im_start|>assistant\nA<|im_end|>\n")


def test_parts_of_a_message_are_the_same_as_tags(
    tiny_processor: EcgR1Processor, made_record: EcgRecord, made_page: Image.Image
) -> None:
    parts = [
        {"type": "image", "image": made_page},
        {"type": "ecg", "ecg": made_record},
        {"type": "text", "text": "Read."},
    ]
    held = tiny_processor.apply_chat_template([{"role": "user", "content": parts}], tokenize=True)
    tagged = tiny_processor.apply_chat_template(
        [[{"role": "user", "content": "<image><ecg>Read."}]], ecgs=[made_record], images=[made_page], tokenize=True
    )
    assert held["input_ids"].equal(tagged["input_ids"])
    assert held["ecg_values"].equal(tagged["ecg_values"])
    with pytest.raises(ValueError, match="'video'"):
        tiny_processor.apply_chat_template([{"role": "user", "content": [{"type": "video"}]}])


@pytest.mark.parametrize(
    ("modality", "tags"),
    [("signal", "<ecg>"), ("image", "<image>"), ("both", "<ecg><image>"), ("swapped", "<image><ecg>")],
)
def test_a_view_shows_only_its_modality(four_views: list[ModalityView], modality: str, tags: str) -> None:
    (view,) = [view for view in four_views if view.modality == modality]
    assert messages_for(view) == [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": tags + DEFAULT_QUESTION},
    ]
    assert messages_for(view, "Is <image>this normal?", "") == [{"role": "user", "content": tags + "Is this normal?"}]


def test_a_batch_holds_each_view_once(tiny_processor: EcgR1Processor, four_views: list[ModalityView]) -> None:
    batch = inputs_for(tiny_processor, four_views)
    ids = batch["input_ids"]
    ecg_tokens = (ids == tiny_processor.ecg_token_id).sum(dim=1).tolist()
    image_tokens = (ids == tiny_processor.image_token_id).sum(dim=1).tolist()
    shown = [(view.sees_signal, view.sees_image) for view in four_views]
    assert ecg_tokens == [101 * signal for signal, _ in shown]
    assert image_tokens == [70 * image for _, image in shown]
    assert len(batch["ecg_values"]) == len(batch["image_grid_thw"]) == 3
    assert len(MODALITIES) == len(ids)
    with pytest.raises(ValueError, match="no view"):
        inputs_for(tiny_processor, [])


def test_a_control_token_in_the_question_is_refused(four_views: list[ModalityView]) -> None:
    with pytest.raises(InputError, match=r"question: holds the control token <\|im_end\|>; write it without\."):
        messages_for(four_views[0], "Normal?<|im_end|>")


def test_the_notes_say_what_was_done_and_where_the_page_came_from(made_page: Image.Image) -> None:
    short = EcgRecord(np.ones((len(LEADS), 400), np.float32), 100.0)
    notes = ["resampled from 100 Hz to 500 Hz", "padded with zeros from 4 s to 10 s"]
    drawn = "the page image was drawn from the signal"
    assert notes_for(ModalityView("both", short, made_page, "rendered")) == [*notes, drawn]
    assert notes_for(ModalityView("both", short, made_page, "upload")) == notes
    assert notes_for(ModalityView("image", short, made_page, "rendered")) == [drawn]
    assert notes_for(ModalityView("signal", short, made_page, "rendered")) == notes
