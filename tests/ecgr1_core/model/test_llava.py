"""Checkpoints in LLaVA's layout: the same numbers as transformers' own model, every weight accounted for, pages cut as
LLaVA cuts them, and the ECG before the page in GEM.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_guests import SIDE, build_gem, build_pulse
from torch import Tensor, nn

from ecgr1_core.errors import DamagedFileError, InputError, MissingPartnerError
from ecgr1_core.modality import ModalityView
from ecgr1_core.model.generation import GenerationOptions, generate_with
from ecgr1_core.model.guest_writing import GuestEngine
from ecgr1_core.model.guests import Guest
from ecgr1_core.model.llava.config import read_layout
from ecgr1_core.model.llava.loading import load_llava
from ecgr1_core.model.llava.processing import SYSTEM
from ecgr1_core.model.llava.weights import open_llava, page_tokens
from ecgr1_core.model.loading import LoadedModel
from ecgr1_core.model.packed import Int4Linear, Int8Linear, dequantise, quantise_int4, quantise_int8
from ecgr1_core.model.quantise import bits_of
from ecgr1_core.model.streaming import PieceBytes, TextStream
from ecgr1_core.record import EcgRecord

QUESTION = "What is it?"
WIDTH, HEIGHT = 120, 70
MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
DEVIATION = np.array([0.26862954, 0.26130258, 0.27577711])  # CLIP's


@pytest.fixture(scope="module")
def page() -> Image.Image:
    pixels = np.random.default_rng(5).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def record() -> EcgRecord:
    signal = np.random.default_rng(6).normal(0, 0.4, (12, 5000)).astype(np.float32)
    return EcgRecord(signal, 500.0, name="made")


@pytest.fixture(scope="module")
def pulse(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module]:
    torch.set_num_threads(1)
    directory = tmp_path_factory.mktemp("pulse")
    return directory, build_pulse(directory)


@pytest.fixture(scope="module")
def gem(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    torch.set_num_threads(1)
    directory = tmp_path_factory.mktemp("gem")
    return directory, build_gem(directory)


@pytest.fixture(scope="module")
def loaded_pulse(pulse: tuple[Path, nn.Module]) -> LoadedModel:
    return load_llava(pulse[0], precision="fp32", device="cpu")


@pytest.fixture(scope="module")
def loaded_gem(gem: tuple[Path, Any]) -> LoadedModel:
    return load_llava(gem[0], precision="fp32", device="cpu")


def guest(directory: Path) -> Guest:
    return open_llava(directory, read_layout(directory))


def logits(model: Any, inputs: dict[str, Tensor]) -> Tensor:
    with torch.inference_mode():
        output: Tensor = model(**inputs).logits
    return output


def normalised(image: Image.Image) -> np.ndarray[Any, Any]:
    """What CLIP is fed of a square, [3, side, side]."""
    return ((np.asarray(image, dtype=np.float64) / 255 - MEAN) / DEVIATION).transpose(2, 0, 1)


def test_pulse_gives_the_numbers_of_transformers_own_model(
    pulse: tuple[Path, nn.Module], loaded_pulse: LoadedModel, page: Image.Image, tmp_path: Path
) -> None:
    inputs = loaded_pulse.processor.inputs(ModalityView("image", None, page, "upload"), QUESTION)
    expected = logits(pulse[1], inputs)
    assert torch.equal(logits(loaded_pulse.model, inputs), expected)
    other = page.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    moved = loaded_pulse.processor.inputs(ModalityView("image", None, other, "upload"), QUESTION)
    assert not torch.allclose(logits(loaded_pulse.model, moved), expected, atol=1e-2)
    build_pulse(tmp_path, "bin")
    assert torch.equal(logits(load_llava(tmp_path, precision="fp32", device="cpu").model, inputs), expected)


def test_the_prompt_is_vicunas_and_made_of_two_texts(loaded_pulse: LoadedModel, page: Image.Image) -> None:
    processor = loaded_pulse.processor
    ids = processor.inputs(ModalityView("image", None, page, "upload"), QUESTION)["input_ids"][0].tolist()
    before = processor.tokenizer(f"{SYSTEM} USER: ", add_special_tokens=False)["input_ids"]
    after = processor.tokenizer(f"\n{QUESTION} ASSISTANT:", add_special_tokens=False)["input_ids"]
    # 120 x 70 fits best into 112 x 112, that is 8 x 8 patches, of which int(70 * 8 / 120) = 4 rows are no margin; each
    # row of 8 ends with a token, and the whole page as one square of 4 x 4 patches stands first.
    tokens = 16 + 4 * (8 + 1)
    assert ids == [1, *before, *[0] * tokens, *after]
    assert processor.page_tokens((WIDTH, HEIGHT)) == tokens
    assert processor.tokenizer.decode(after) == f"\n{QUESTION} ASSISTANT:"


def test_pages_are_cut_as_llava_cuts_them(
    loaded_pulse: LoadedModel, loaded_gem: LoadedModel, page: Image.Image
) -> None:
    tiles = loaded_pulse.processor.inputs(ModalityView("image", None, page, "upload"), QUESTION)["pixel_values"][0]
    assert tiles.shape == (5, 3, SIDE, SIDE)
    whole = page.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(tiles[0].numpy(), normalised(whole), atol=1e-5)
    resized = page.resize((112, 66), Image.Resampling.BICUBIC)  # 70 * 112 / 120, rounded up
    black = Image.new("RGB", (112, 112))
    black.paste(resized, (0, (112 - 66) // 2))
    for number, corner in enumerate(((0, 0), (SIDE, 0), (0, SIDE), (SIDE, SIDE)), 1):
        tile = black.crop((*corner, corner[0] + SIDE, corner[1] + SIDE))
        np.testing.assert_allclose(tiles[number].numpy(), normalised(tile), atol=1e-5)
    record = EcgRecord(np.zeros((12, 5000), dtype=np.float32), 500.0)
    square = loaded_gem.processor.inputs(ModalityView("both", record, page, "upload"), QUESTION)["pixel_values"][0]
    middle = page.resize((96, SIDE), Image.Resampling.BICUBIC).crop((20, 0, 76, SIDE))
    np.testing.assert_allclose(square.numpy(), normalised(middle), atol=1e-5)


def test_of_two_resolutions_that_fit_equally_well_llavas_first_one_is_taken(loaded_pulse: LoadedModel) -> None:
    # A square of 30 pixels wastes as much of 56 x 112 as of 112 x 56; LLaVA tries the narrow one first: 8 rows of 4
    # patches, of which 4 are no margin.
    small = Image.new("RGB", (30, 30), "white")
    inputs = loaded_pulse.processor.inputs(ModalityView("image", None, small, "upload"), QUESTION)
    assert inputs["pixel_values"].shape[1] == 3
    assert loaded_pulse.processor.page_tokens((30, 30)) == 16 + 4 * (4 + 1)
    logits(loaded_pulse.model, inputs)


def test_no_page_takes_more_tokens_than_memory_was_counted_for(loaded_pulse: LoadedModel) -> None:
    most = page_tokens(loaded_pulse.processor.layout)
    assert most == 16 + 8 * (8 + 1)
    sizes = [(30, 30), (112, 112), (120, 70), (70, 120), (400, 80), (80, 400), (1653, 1122), (2000, 2000)]
    assert max(loaded_pulse.processor.page_tokens(size) for size in sizes) == most


def test_gem_puts_the_ecg_before_the_page(
    gem: tuple[Path, Any], loaded_gem: LoadedModel, record: EcgRecord, page: Image.Image
) -> None:
    model, tower, projector = gem[1]
    processor = loaded_gem.processor
    view = ModalityView("both", record, page, "upload")
    inputs = processor.inputs(view, QUESTION)
    ids = inputs["input_ids"][0].tolist()
    before = processor.tokenizer(f"{SYSTEM} USER: ", add_special_tokens=False)["input_ids"]
    first = 1 + len(before)
    assert [place for place, token in enumerate(ids) if token == 0] == list(range(first, first + 101 + 16))
    # The tower was trained on MIMIC-IV-ECG, which has aVF (row 4) before aVL (row 5).
    assert np.array_equal(inputs["ecg_values"][0, 4], record.signal_mv[5])
    assert np.array_equal(inputs["ecg_values"][0, 5], record.signal_mv[4])
    inner = model.model
    with torch.inference_mode():
        embeds = inner.get_input_embeddings()(inputs["input_ids"])[0]
        ecg = inner.multi_modal_projector(projector(tower(inputs["ecg_values"])))[0]
        image = inner.get_image_features(inputs["pixel_values"], return_dict=True).pooler_output[0]
        by_hand = torch.cat([embeds[:first], ecg, image, embeds[first + 117 :]])[None]
        expected = model.lm_head(inner.language_model(inputs_embeds=by_hand).last_hidden_state)
    got = logits(loaded_gem.model, inputs)
    torch.testing.assert_close(got, expected, atol=2e-5, rtol=0)
    swapped = torch.cat([embeds[:first], image, ecg, embeds[first + 117 :]])[None]
    with torch.inference_mode():
        other = model.lm_head(inner.language_model(inputs_embeds=swapped).last_hidden_state)
    assert not torch.allclose(got[0, -1], other[0, -1], atol=1e-3)


def test_the_ecg_changes_what_gem_says_and_cannot_be_left_out(
    loaded_gem: LoadedModel, record: EcgRecord, page: Image.Image
) -> None:
    inputs = loaded_gem.processor.inputs(ModalityView("both", record, page, "upload"), QUESTION)
    one = logits(loaded_gem.model, inputs)
    other = logits(loaded_gem.model, {**inputs, "ecg_values": -inputs["ecg_values"]})
    assert not torch.allclose(one[0, -1], other[0, -1], atol=1e-2)
    with pytest.raises(ValueError, match="an ECG with each image"):
        logits(loaded_gem.model, {name: value for name, value in inputs.items() if name != "ecg_values"})


def test_gem_over_tiles_and_with_its_tower_in_a_file_beside(
    gem: tuple[Path, Any], loaded_gem: LoadedModel, record: EcgRecord, page: Image.Image, tmp_path: Path
) -> None:
    view = ModalityView("both", record, page, "upload")
    inputs = loaded_gem.processor.inputs(view, QUESTION)
    build_gem(tmp_path / "beside", "bin", tower_beside=True)
    beside = load_llava(tmp_path / "beside", precision="fp32", device="cpu")
    assert torch.equal(logits(beside.model, inputs), logits(loaded_gem.model, inputs))
    (tmp_path / "beside" / "cpt_wfep_epoch_20.pt").unlink()
    with pytest.raises(MissingPartnerError, match=r"no ECG tower.*put the ECG-CoCa checkpoint cpt_wfep_epoch_20\.pt"):
        load_llava(tmp_path / "beside", device="cpu")

    grid = {"image_grid_pinpoints": "[(56, 112), (112, 56), (112, 112)]"}  # as LLaVA writes it too
    changes = {"image_aspect_ratio": "anyres", "mm_patch_merge_type": "spatial_unpad", **grid}
    build_gem(tmp_path / "tiles", **changes)
    tiled = load_llava(tmp_path / "tiles", precision="fp32", device="cpu")
    inputs = tiled.processor.inputs(view, QUESTION)
    assert int((inputs["input_ids"] == 0).sum()) == 101 + 52
    moved = logits(tiled.model, {**inputs, "ecg_values": -inputs["ecg_values"]})
    assert not torch.allclose(logits(tiled.model, inputs)[0, -1], moved[0, -1], atol=1e-2)


def written(loaded: LoadedModel, view: ModalityView, options: GenerationOptions) -> Any:
    deltas = list(generate_with(GuestEngine(loaded), [view], options))
    ending = deltas[-1].ending
    assert ending is not None
    assert "".join(delta.text for delta in deltas) == ending.text
    return ending


@pytest.mark.parametrize("which", ["pulse", "gem"])
def test_greedy_text_is_that_of_generate(
    which: str, loaded_pulse: LoadedModel, loaded_gem: LoadedModel, record: EcgRecord, page: Image.Image
) -> None:
    loaded = loaded_pulse if which == "pulse" else loaded_gem
    view = ModalityView("image" if which == "pulse" else "both", record, page, "upload")
    options = GenerationOptions(max_new_tokens=40, question=QUESTION)
    ending = written(loaded, view, options)
    inputs = loaded.processor.inputs(view, QUESTION)
    with torch.inference_mode():
        out = loaded.model.generate(**inputs, max_new_tokens=40, do_sample=False)
    new = out[0, inputs["input_ids"].shape[1] :].tolist()
    assert list(ending.token_ids) == new
    assert (ending.reason, ending.prompt_tokens) == ("length", inputs["input_ids"].shape[1])
    drawn = written(loaded, view, replace(options, temperature=1.0, seed=3))
    assert drawn.token_ids != ending.token_ids
    assert drawn.token_ids == written(loaded, view, replace(options, temperature=1.0, seed=3)).token_ids


def test_it_can_be_stopped_while_the_prompt_is_read(loaded_pulse: LoadedModel, page: Image.Image) -> None:
    view = ModalityView("image", None, page, "upload")
    engine = GuestEngine(loaded_pulse)
    assert len(engine.layers) == 3 + 2  # of the vision tower and of the language model
    asked: list[None] = []

    def cancelled() -> bool:
        asked.append(None)
        return len(asked) > 4

    (delta,) = generate_with(engine, [view], GenerationOptions(question=QUESTION), cancelled=cancelled)
    assert delta.ending is not None
    assert (delta.ending.reason, delta.ending.prompt_tokens) == ("cancelled", None)
    assert len(asked) == 5


def test_text_is_given_out_piece_by_piece_as_decoding_gives_it(loaded_pulse: LoadedModel) -> None:
    tokenizer = loaded_pulse.processor.tokenizer
    for text in (
        "Sinus rhythm at 75 bpm.\n\n**Step 2**  two spaces; „ärztlich“ 心电图 end",
        "x",
        "<answer>a; b</answer>",
    ):
        stream = TextStream(PieceBytes(tokenizer, strip_first=True), stop_after_answer=False)
        ids = [1, *tokenizer(text, add_special_tokens=False)["input_ids"], 2, 447]
        pieces = [stream.push(token) for token in ids]
        assert "".join(pieces) == stream.text == text
        assert "�" not in stream.text
        assert len([piece for piece in pieces if piece]) > 1 or text == "x"


def as_quantised(model: nn.Module, precision: str) -> nn.Module:
    """A model whose quantised layers hold the numbers that their codes stand for."""
    with torch.no_grad():
        for name, module in model.named_modules():
            of_text = ".language_model.layers." in name and name.endswith("_proj")
            if isinstance(module, nn.Linear) and (of_text or name == "lm_head"):
                eight = bits_of(name, precision) == 8  # type: ignore[arg-type]
                kept = quantise_int8(module.weight) if eight else quantise_int4(module.weight)
                module.weight.copy_(dequantise(kept)[: module.out_features])
    return model


@pytest.mark.parametrize("precision", ["int8", "int4", "bf16", "nf4"])
def test_every_precision_loads(
    precision: Any, pulse: tuple[Path, nn.Module], page: Image.Image, tmp_path: Path
) -> None:
    loaded = load_llava(pulse[0], precision=precision, device="cpu")
    inputs = loaded.processor.inputs(ModalityView("image", None, page, "upload"), QUESTION)
    layer = loaded.model.model.language_model.layers[0].mlp.up_proj
    got = logits(loaded.model, inputs).float()
    assert loaded.precision == precision
    reference = build_pulse(tmp_path)
    spread = float(logits(reference, inputs).std())
    if precision in ("int8", "int4"):
        assert isinstance(layer, Int8Linear if precision == "int8" else Int4Linear)
        assert loaded.mapped_bytes == 448 * 64 * 4
        expected = logits(as_quantised(reference, precision), inputs)
        assert float((got - expected).abs().mean()) < 0.03 * spread
    elif precision == "bf16":
        assert layer.weight.dtype == torch.bfloat16
        assert float((got - logits(reference, inputs)).abs().mean()) < 0.03 * spread
    else:
        assert type(layer).__name__ == "Linear4bit"
        assert float((got - logits(reference, inputs)).abs().mean()) < 0.5 * spread
    assert written(
        loaded, ModalityView("image", None, page, "upload"), GenerationOptions(max_new_tokens=4, question=QUESTION)
    ).token_ids


def test_what_is_stored_and_not_used_is_named_with_its_reason(
    pulse: tuple[Path, nn.Module], gem: tuple[Path, Any]
) -> None:
    ignored = guest(pulse[0]).ignored
    counted = {"model.layers.0.self_attn.rotary_emb.inv_freq"}
    counted |= {"model.vision_tower.vision_tower.vision_model.embeddings.position_ids"}
    assert set(ignored) == counted
    assert all("counted anew" in why for why in ignored.values())
    beside = guest(gem[0])
    assert set(beside.ignored) == counted | {"model.image_newline"}
    assert len(beside.sources) == len(beside.shapes)


def edit_shard(directory: Path, change: Callable[[dict[str, Tensor]], None]) -> None:
    """Change what the first shard and the index hold."""
    path = sorted(directory.glob("*.safetensors"))[0]
    held = load_file(path)
    change(held)
    save_file(held, path, metadata={"format": "pt"})
    index = directory / "model.safetensors.index.json"
    weights = json.loads(index.read_text())["weight_map"]
    weights = {name: file for name, file in weights.items() if file != path.name} | dict.fromkeys(held, path.name)
    index.write_text(json.dumps({"weight_map": weights}))


def test_missing_unexpected_and_misshapen_weights_are_named(tmp_path: Path) -> None:
    build_pulse(tmp_path)
    names: list[str] = []

    def drop(held: dict[str, Tensor]) -> None:
        names.append(next(name for name in held if ".mlp.up_proj" in name))
        del held[names[0]]

    edit_shard(tmp_path, drop)
    model_name = names[0].replace("model.layers.", "model.language_model.layers.")
    with pytest.raises(DamagedFileError, match=f"lacks 1 of the model's tensors: {model_name};"):
        load_llava(tmp_path, device="cpu")
    build_pulse(tmp_path)
    extra = {f"model.seg_head.{n}": torch.ones(2) for n in range(5)}
    edit_shard(tmp_path, lambda held: held.update(extra))
    with pytest.raises(DamagedFileError, match=r"5 tensors that do not belong.*seg_head\.0, .*seg_head\.2 and 2 more"):
        load_llava(tmp_path, device="cpu")
    build_pulse(tmp_path)
    again = "model.language_model.norm.weight"  # transformers' name, beside model.norm.weight
    edit_shard(tmp_path, lambda held: held.update({again: torch.ones(64)}))
    with pytest.raises(DamagedFileError, match=r"1 tensors that do not belong to the model: model\.\S*norm\.weight;"):
        load_llava(tmp_path, device="cpu")
    build_pulse(tmp_path)

    def bend(held: dict[str, Tensor]) -> None:
        name = next(name for name in held if name.endswith(".norm.weight") or "layernorm.weight" in name)
        held[name] = held[name][:-1].clone()

    edit_shard(tmp_path, bend)
    with pytest.raises(DamagedFileError, match="1 tensors in another shape"):
        load_llava(tmp_path, device="cpu")


@pytest.mark.parametrize("files", ["safetensors", "bin"])
def test_a_truncated_or_absent_shard_is_one_sentence(files: Any, tmp_path: Path) -> None:
    build_pulse(tmp_path, files)
    path = next(path for path in sorted(tmp_path.iterdir()) if path.suffix == f".{files}")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedFileError, match=f"{path.name}: is truncated"):
        load_llava(tmp_path, device="cpu")
    path.unlink()
    with pytest.raises(MissingPartnerError, match=f"the shard {path.name} is missing"):
        load_llava(tmp_path, device="cpu")


def test_weights_without_a_vision_tower_are_told(tmp_path: Path) -> None:
    build_pulse(tmp_path)
    for path in tmp_path.glob("*.safetensors"):
        held = {name: tensor for name, tensor in load_file(path).items() if "vision_tower" not in name}
        save_file(held, path, metadata={"format": "pt"})
    index = tmp_path / "model.safetensors.index.json"
    weights = json.loads(index.read_text())["weight_map"]
    index.write_text(json.dumps({"weight_map": {n: f for n, f in weights.items() if "vision_tower" not in n}}))
    with pytest.raises(MissingPartnerError, match="no vision tower"):
        load_llava(tmp_path, device="cpu")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"mm_projector_type": "linear"}, "has a projector of the type 'linear'"),
        ({"mm_use_im_start_end": True}, "puts marks around images"),
        ({"mm_vision_tower": "google/siglip-so400m"}, "names the vision tower 'siglip-so400m'"),
        ({"mm_patch_merge_type": "flat"}, "puts them together as 'flat'"),
        ({"image_grid_pinpoints": "[(56, "}, "image_grid_pinpoints that cannot be read"),
        ({"mm_vision_select_feature": "all"}, "unknown mm_vision_select_feature 'all'"),
        ({"hidden_size": None}, "lacks hidden_size"),
        ({"mm_ecg_tower": "x.pt", "open_clip_config": "coca_ViT-L-14"}, "an ECG tower 'coca_ViT-L-14'"),
        ({"mm_ecg_tower": "x.pt", "ecg_projector_type": "identity"}, "unknown type 'identity'"),
        ({"vocab_size": 300}, "a tokenizer of 440 tokens for a model of 300"),
    ],
)
def test_other_configurations_are_refused_in_a_sentence(changes: dict[str, Any], fault: str, tmp_path: Path) -> None:
    build_pulse(tmp_path, **changes)
    with pytest.raises(InputError, match=fault):
        load_llava(tmp_path, device="cpu")


def test_what_this_machine_cannot_hold_is_said_before_weights_are_read(
    pulse: tuple[Path, nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecgr1_core.model.guests.memory_available", lambda device: 100_000_000)
    monkeypatch.setattr("ecgr1_core.model.guests.tensors", None)
    with pytest.raises(
        InputError, match=r"needs 0\.6 GB of memory in bf16, but 0\.1 GB are available; use int8 or int4"
    ):
        load_llava(pulse[0], precision="bf16", device="cpu")
    with pytest.raises(InputError, match=r"in int4, but 0\.1 GB"):
        load_llava(pulse[0], device="cpu")
    with pytest.raises(InputError, match="'int3' is unknown"):
        load_llava(pulse[0], precision="int3", device="cpu")  # type: ignore[arg-type]


def test_words_that_the_model_must_not_be_told(loaded_pulse: LoadedModel, page: Image.Image) -> None:
    view = ModalityView("image", None, page, "upload")
    with pytest.raises(InputError, match="the control token </s>"):
        loaded_pulse.processor.inputs(view, "Stop here</s> and go on")
    assert loaded_pulse.processor.inputs(view, "Grüße, 心电图")["input_ids"].shape[0] == 1
    strip = Image.new("RGB", (3000, 10), "white")
    with pytest.raises(InputError, match="3000 x 10 pixels"):
        loaded_pulse.processor.inputs(ModalityView("image", None, strip, "upload"), QUESTION)


def test_the_true_sizes_are_those_that_the_documentation_tells(tmp_path: Path) -> None:
    """The published measures, built without memory: parameters and bytes as docs/readers.md says."""
    from ecgr1_core.model.guests import expected_shapes
    from ecgr1_core.model.llava.weights import builder

    true = {
        **{"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32},
        **{
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "mm_vision_tower": "openai/clip-vit-large-patch14-336",
        },
        **{"mm_projector_type": "mlp2x_gelu", "mm_hidden_size": 1024, "model_type": "llava_llama"},
    }
    sizes = {}
    for name, more in (
        ("pulse", {"image_aspect_ratio": "anyres", "mm_patch_merge_type": "spatial_unpad"}),
        ("gem", {"image_aspect_ratio": "ori", "mm_ecg_tower": "cpt_wfep_epoch_20.pt"}),
    ):
        grid = {"image_grid_pinpoints": [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]}
        (tmp_path / "config.json").write_text(json.dumps({**true, **more, **grid}))
        layout = read_layout(tmp_path)
        shapes = expected_shapes(builder(layout))
        sizes[name] = sum(torch.Size(shape).numel() for shape in shapes.values())
        assert page_tokens(layout) == (576 + 48 * 49 if name == "pulse" else 577)
    assert sizes["gem"] - sizes["pulse"] == 85_989_888 + 768 * 1024 + 1024 - 4096  # tower, projector, no newline
    assert sizes["pulse"] == 7_062_906_880
