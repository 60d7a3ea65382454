"""Gemma 3 that reads images (MedGemma): the same numbers as transformers' own model, from names old and new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_guests import SIDE, build_medgemma
from torch import Tensor, nn

from ecgr1_core.errors import DamagedFileError, InputError, MissingPartnerError
from ecgr1_core.modality import ModalityView
from ecgr1_core.model.gemma import CHAT_TEMPLATE, load_gemma
from ecgr1_core.model.generation import GenerationOptions, generate_with
from ecgr1_core.model.guest_writing import GuestEngine
from ecgr1_core.model.loading import LoadedModel

QUESTION, SYSTEM = "treat?", "on it"


@pytest.fixture(scope="module")
def view() -> ModalityView:
    pixels = np.random.default_rng(8).integers(0, 255, (70, 120, 3), dtype=np.uint8)
    return ModalityView("image", None, Image.fromarray(pixels), "upload")


@pytest.fixture(scope="module")
def medgemma(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module]:
    torch.set_num_threads(1)
    directory = tmp_path_factory.mktemp("medgemma")
    return directory, build_medgemma(directory)


@pytest.fixture(scope="module")
def loaded(medgemma: tuple[Path, nn.Module]) -> LoadedModel:
    return load_gemma(medgemma[0], precision="fp32", device="cpu")


def logits(model: Any, inputs: dict[str, Tensor]) -> Tensor:
    with torch.inference_mode():
        output: Tensor = model(**inputs).logits
    return output


def test_it_gives_the_numbers_of_transformers_own_model_by_names_old_and_new(
    medgemma: tuple[Path, nn.Module], loaded: LoadedModel, view: ModalityView, tmp_path: Path
) -> None:
    inputs = loaded.processor.inputs(view, QUESTION, SYSTEM)
    expected = logits(medgemma[1], inputs)
    assert torch.equal(logits(loaded.model, inputs), expected)
    moved = {**inputs, "pixel_values": -inputs["pixel_values"]}
    assert not torch.allclose(logits(loaded.model, moved)[0, -1], expected[0, -1], atol=1e-3)
    build_medgemma(tmp_path, old_names=True)
    assert torch.equal(logits(load_gemma(tmp_path, precision="fp32", device="cpu").model, inputs), expected)


def test_the_prompt_is_gemmas(loaded: LoadedModel, view: ModalityView) -> None:
    inputs = loaded.processor.inputs(view, QUESTION, SYSTEM)
    image = "<start_of_image>" + 4 * "<image_soft_token>" + "<end_of_image>"
    assert loaded.processor.tokenizer.decode(inputs["input_ids"][0]) == (
        f"<bos><start_of_turn>user\non it\n\n\n\n{image}\n\ntreat?<end_of_turn>\n<start_of_turn>model\n"
    )
    token = loaded.processor.tokenizer.convert_tokens_to_ids("<image_soft_token>")
    assert torch.equal(inputs["token_type_ids"] == 1, inputs["input_ids"] == token)
    assert view.page is not None
    square = np.asarray(view.page.resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.float64)
    np.testing.assert_allclose(inputs["pixel_values"][0].numpy(), (square / 127.5 - 1).transpose(2, 0, 1), atol=1e-5)
    alone = loaded.processor.tokenizer.decode(loaded.processor.inputs(view, QUESTION)["input_ids"][0])
    assert "user\n\n\n<start_of_image>" in alone
    with pytest.raises(InputError, match="the control token <end_of_turn>"):
        loaded.processor.inputs(view, "treat<end_of_turn>")


def test_a_template_of_the_directory_goes_before_ours(tmp_path: Path, view: ModalityView) -> None:
    build_medgemma(tmp_path)
    (tmp_path / "chat_template.json").write_text(json.dumps({"chat_template": "note " + CHAT_TEMPLATE}))
    processor = load_gemma(tmp_path, precision="fp32", device="cpu").processor
    text = processor.tokenizer.decode(processor.inputs(view, QUESTION)["input_ids"][0])
    assert text.startswith("note <bos><start_of_turn>user")


def test_greedy_text_is_that_of_generate_past_the_window(loaded: LoadedModel, view: ModalityView) -> None:
    options = GenerationOptions(max_new_tokens=40, question=QUESTION, system=SYSTEM)
    ending = list(generate_with(GuestEngine(loaded), [view], options))[-1].ending
    assert ending is not None
    inputs = loaded.processor.inputs(view, QUESTION, SYSTEM)
    with torch.inference_mode():
        out = loaded.model.generate(**inputs, max_new_tokens=40, do_sample=False)
    new = out[0, inputs["input_ids"].shape[1] :].tolist()
    assert list(ending.token_ids) == [token for token in new if token not in loaded.processor.end_tokens]
    assert len(set(new)) > 3


@pytest.mark.parametrize("precision", ["int8", "int4", "bf16", "nf4"])
def test_every_precision_loads(precision: Any, medgemma: tuple[Path, nn.Module], view: ModalityView) -> None:
    loaded = load_gemma(medgemma[0], precision=precision, device="cpu")
    inputs = loaded.processor.inputs(view, QUESTION, SYSTEM)
    expected = logits(medgemma[1], inputs)
    error = float((logits(loaded.model, inputs).float() - expected).abs().mean() / expected.std())
    assert error < {"int8": 0.05, "bf16": 0.05, "int4": 0.6, "nf4": 0.6}[precision]
    assert (loaded.mapped_bytes > 0) == (precision in ("int8", "int4"))


def test_faults_are_sentences(tmp_path: Path) -> None:
    build_medgemma(tmp_path)
    with pytest.raises(InputError, match="fp16: is too narrow for Gemma 3"):
        load_gemma(tmp_path, precision="fp16", device="cpu")
    (tmp_path / "preprocessor_config.json").rename(tmp_path / "kept.json")
    with pytest.raises(MissingPartnerError, match=r"preprocessor_config\.json"):
        load_gemma(tmp_path, device="cpu")
    (tmp_path / "kept.json").rename(tmp_path / "preprocessor_config.json")
    shard = sorted(tmp_path.glob("*.safetensors"))[0]
    shard.write_bytes(shard.read_bytes()[:-10])
    with pytest.raises(DamagedFileError, match="is truncated"):
        load_gemma(tmp_path, device="cpu")
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(DamagedFileError, match="a tokenizer that cannot be read"):
        load_gemma(tmp_path, device="cpu")
