"""What vLLM is fed of a recording is what our own processor feeds our own model: the same signal, the same tokens."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoConfig

from ecgr1_core.errors import DamagedFileError, InputError, UnsuitableRecordingError
from ecgr1_core.formats import read
from ecgr1_core.modality import MODALITIES, Modality, ModalityView
from ecgr1_core.model.processing import DEFAULT_QUESTION, SYSTEM_PROMPT, EcgR1Processor
from ecgr1_core.model.views import inputs_for
from ecgr1_core.record import EcgRecord
from vllm_ecg_r1 import CHAT_TEMPLATE
from vllm_ecg_r1.inputs import MEDIA_TYPE, ecg_config, ecg_item, ecg_url, placeholder, record_of_url


@pytest.fixture(scope="module")
def processor(published_checkpoint: Path) -> EcgR1Processor:
    return EcgR1Processor.from_pretrained(published_checkpoint)


@pytest.fixture(scope="module")
def hf_config(published_checkpoint: Path) -> Any:
    """The configuration as stock transformers reads it, and so vLLM: a Qwen3-VL's with more fields."""
    config = AutoConfig.from_pretrained(published_checkpoint)
    assert config.model_type == "qwen3_vl"
    return config


def assert_same_tensors(record: EcgRecord, processor: EcgR1Processor) -> None:
    item = ecg_item(record_of_url(ecg_url(record)))
    ours = processor("<ecg>", ecgs=[record])
    assert item["ecg_values"].dtype == np.float32
    assert torch.equal(torch.from_numpy(np.stack([item["ecg_values"]])), ours["ecg_values"])
    assert torch.equal(torch.from_numpy(np.stack([item["ecg_lengths"]])), ours["ecg_lengths"])


def test_a_recording_becomes_the_same_tensor(drawn_record: EcgRecord, processor: EcgR1Processor) -> None:
    assert_same_tensors(drawn_record, processor)


def test_a_short_slow_recording_with_gaps_becomes_the_same_tensor(processor: EcgR1Processor) -> None:
    rows = np.random.default_rng(3).normal(0, 0.3, (12, 750)).astype(np.float32)
    rows[4, 100:120] = np.nan
    rows[[9, 10]] = np.nan
    assert_same_tensors(EcgRecord(rows, 250.0, missing_leads=("V4", "V5")), processor)


@pytest.mark.parametrize("name", ["ptbxl", "ludb"])
def test_a_real_recording_becomes_the_same_tensor(shared_data: Path, processor: EcgR1Processor, name: str) -> None:
    header = min((shared_data / name).rglob("*.hea"), default=None)
    assert header is not None
    assert_same_tensors(read(header), processor)


def test_a_prepared_item_stays_as_it_is(drawn_record: EcgRecord) -> None:
    item = ecg_item(drawn_record)
    again = ecg_item(item)
    assert np.array_equal(again["ecg_values"], item["ecg_values"])
    assert again["ecg_lengths"] == item["ecg_lengths"] == 5000


@pytest.mark.parametrize("ecg", ["ecg.hea", np.zeros((12, 4999)), np.full((12, 5000), np.nan), {"ecg_values": 1}, {}])
def test_anything_else_is_no_item(ecg: Any) -> None:
    with pytest.raises(ValueError, match="ECG"):
        ecg_item(ecg)


def test_the_url_tells_neither_name_nor_file(drawn_record: EcgRecord) -> None:
    kind, _, data = ecg_url(drawn_record).partition(";base64,")
    assert kind == f"data:{MEDIA_TYPE}"
    assert json.loads(base64.b64decode(data)).keys() == {
        *("format", "unit", "sampling_rate_hz", "leads", "samples", "data")
    }


def test_bad_urls_are_one_sentence(drawn_record: EcgRecord) -> None:
    start = f"data:{MEDIA_TYPE};base64,"
    for url in ("https://example.org/ecg", "data:audio/wav;base64,AAAA", start + "%", start + "e30", start + "W10="):
        with pytest.raises(DamagedFileError, match=r"^(audio_url|input_ecg): .+; .+\.$"):
            record_of_url(url)
    with pytest.raises(UnsuitableRecordingError):
        record_of_url(ecg_url(EcgRecord(drawn_record.signal_mv[:, :500], 500.0)))


def chat_prompt(parts: list[str], question: str, processor: EcgR1Processor) -> str:
    """The prompt as vLLM's server makes it: parts by kind, rendered by the plug-in's template."""
    content = [*({"type": kind} for kind in parts), {"type": "text", "text": question}]
    messages = [
        {"role": "system", "content": [{"type": "text", "text": SYSTEM_PROMPT}]},
        {"role": "user", "content": content},
    ]
    text = processor.tokenizer.apply_chat_template(
        messages, chat_template=CHAT_TEMPLATE.read_text(), add_generation_prompt=True, tokenize=False
    )
    assert isinstance(text, str)
    return text


PARTS: dict[Modality, list[str]] = {
    "signal": ["audio"],
    "image": ["image"],
    "both": ["audio", "image"],
    "swapped": ["image", "audio"],
}


@pytest.mark.parametrize("modality", MODALITIES)
def test_prompts_become_the_same_tokens(
    modality: Modality, drawn_record: EcgRecord, drawn_page: Image.Image, processor: EcgR1Processor, hf_config: Any
) -> None:
    ours = inputs_for(processor, [ModalityView(modality, drawn_record, drawn_page, "upload")])
    rendered = processor.tokenizer(chat_prompt(PARTS[modality], DEFAULT_QUESTION, processor))["input_ids"]
    ecg = placeholder(ecg_config(hf_config, "tiny"))
    assert ecg == [processor.ecg_token_id] * 101
    image = [processor.image_token_id] * 70
    stands_for = {processor.ecg_token_id: ecg, processor.image_token_id: image}
    expanded = [token for one in rendered for token in stands_for.get(one, [one])]
    assert expanded == ours["input_ids"][0].tolist()


def test_a_plain_text_is_rendered_as_it_is(processor: EcgR1Processor) -> None:
    messages = [{"role": "user", "content": "Is the rhythm regular?"}, {"role": "assistant", "content": "Yes."}]
    text = processor.tokenizer.apply_chat_template(messages, chat_template=CHAT_TEMPLATE.read_text(), tokenize=False)
    assert text == processor.apply_chat_template(messages)


def test_the_configuration_is_read_from_what_vllm_has_read(hf_config: Any) -> None:
    config = ecg_config(hf_config, "some/model")
    assert (config.ecg_num_hidden_layers, config.ecg_hidden_size, config.ecg_tokens) == (2, 32, 101)
    stock = type(hf_config)()
    with pytest.raises(InputError, match="describes a stock Qwen3-VL, which cannot read the ECG signal"):
        ecg_config(stock, "some/model")
    values = hf_config.to_dict()
    hf_config_of_another = type(hf_config).from_dict({**values, "ecg_projector_type": "resampler"})
    with pytest.raises(InputError, match="ecg_projector_type 'resampler' is unknown"):
        ecg_config(hf_config_of_another, "some/model")
