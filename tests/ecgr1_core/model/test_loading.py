"""Loading in every precision, unloading, and what is said before anything large is read."""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from ecgr1_core.errors import DamagedFileError, InputError, MissingPartnerError
from ecgr1_core.modality import ModalityView
from ecgr1_core.model import loading, memory
from ecgr1_core.model.adapters import LoraLinear
from ecgr1_core.model.checkpoint import inspect
from ecgr1_core.model.loading import LoadedModel, load
from ecgr1_core.model.memory import Precision, fits, memory_available, memory_needed
from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration
from ecgr1_core.model.packed import Int4Linear, Int8Linear, dequantise
from ecgr1_core.model.quantise import packed_weights, quantise
from ecgr1_core.model.views import inputs_for


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def directories(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny checkpoint quantised in all three ways."""
    parent = tmp_path_factory.mktemp("loading")
    made = {p: quantise(tiny_checkpoint, parent / p, p).directory for p in ("int8", "int4", "nf4")}
    return {"original": tiny_checkpoint, **made}


@pytest.fixture
def view(four_views: list[ModalityView]) -> ModalityView:
    return four_views[2]


def greedy(loaded: LoadedModel, view: ModalityView, tokens: int = 10) -> list[int]:
    inputs = inputs_for(loaded.processor, [view])
    length = inputs["input_ids"].shape[1]
    out = loaded.model.generate(**inputs, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False)
    return [int(token) for token in out[0, length:]]


def logits(model: Any, processor: Any, view: ModalityView) -> torch.Tensor:
    with torch.no_grad():
        out: torch.Tensor = model(**inputs_for(processor, [view])).logits
    return out.float()


@pytest.mark.parametrize("precision", ["int8", "int4", "nf4"])
def test_a_quantised_directory_writes_what_quantising_in_memory_does(
    precision: Any, directories: dict[str, Path], view: ModalityView
) -> None:
    stored = load(directories[precision])
    fresh = load(directories["original"], precision=precision)
    assert stored.precision == fresh.precision == precision
    assert greedy(stored, view) == greedy(fresh, view)
    if precision != "nf4":  # the original is float32 here, and nf4 keeps bfloat16
        assert stored.model_bytes == fresh.model_bytes


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_the_loaded_model_is_the_original_with_dequantised_weights(
    precision: Any, directories: dict[str, Path], view: ModalityView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An independent model gets the weights that the codes stand for; long prompts are multiplied exactly."""
    monkeypatch.setattr(loading, "matmul_dtype", lambda: torch.float32)
    monkeypatch.setattr("ecgr1_core.model.packed.matmul_dtype", lambda: torch.float32)
    reference = EcgR1ForConditionalGeneration.from_pretrained(directories["original"]).eval()
    for name, value in packed_weights(inspect(directories["original"]), precision):
        if not isinstance(value, torch.Tensor):
            layer = reference.get_submodule(name)
            layer.weight.data = dequantise(value)[: layer.out_features]
    loaded = load(directories[precision])
    got, expected = (logits(model, loaded.processor, view) for model in (loaded.model, reference))
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    assert (logits(EcgR1ForConditionalGeneration.from_pretrained(directories["original"]), loaded.processor, view)
            - got).abs().max() > 1e-3  # fmt: skip


def test_layers_are_of_the_kind_that_was_asked_for(directories: dict[str, Path]) -> None:
    for precision, eight, four in (("int8", 3 * 7, 0), ("int4", 3 * 2, 3 * 5)):  # keys and values stay in 8 bits
        model = load(directories[precision]).model
        assert sum(isinstance(module, Int8Linear) for module in model.model.modules()) == eight
        assert sum(isinstance(module, Int4Linear) for module in model.model.modules()) == four
        assert isinstance(model.lm_head, Int8Linear)
        assert type(model.model.visual.blocks[0].mlp.linear_fc1) is torch.nn.Linear
        assert not any(parameter.requires_grad for parameter in model.parameters())


def test_auto_takes_what_the_directory_is(directories: dict[str, Path]) -> None:
    found = {name: load(path).precision for name, path in directories.items()}
    if torch.cuda.is_available():
        assert found.pop("original") == "bf16"
    else:
        assert found.pop("original") == "int8"
    assert found == {"int8": "int8", "int4": "int4", "nf4": "nf4"}


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_unquantised_precisions(precision: Any, dtype: torch.dtype, directories: dict[str, Path]) -> None:
    loaded = load(directories["original"], precision=precision, device="cpu")
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {dtype}
    frequencies = loaded.model_bytes - dtype.itemsize * inspect(directories["original"]).parameters
    assert 0 <= frequencies < 1000  # of the rotary embeddings, which are no parameters
    assert (loaded.mapped_bytes, loaded.attention, loaded.device) == (0, "sdpa", "cpu")


def test_the_bytes_in_memory_are_those_that_were_foretold(directories: dict[str, Path]) -> None:
    info = inspect(directories["original"])
    foretold: dict[Precision, float] = {"int8": 0.001, "int4": 0.001, "bf16": 0.001, "fp32": 0.001, "nf4": 0.03}
    for precision, tolerance in foretold.items():
        loaded = load(directories["original"], precision=precision, device="cpu")
        assert loaded.model_bytes == pytest.approx(memory_needed(info, precision).weights, rel=tolerance)


def test_the_embedding_stays_in_its_file(directories: dict[str, Path]) -> None:
    loaded = load(directories["int8"])
    table = loaded.model.get_input_embeddings()
    assert loaded.mapped_bytes == table.weight.nbytes
    ids = torch.tensor([[3, 4]])
    assert torch.equal(table(ids), table.weight[ids].to(table.output_dtype))


@pytest.mark.parametrize("name", ["original", "int4", "nf4"])
def test_unload_frees_the_model(name: str, directories: dict[str, Path]) -> None:
    loaded = load(directories[name])
    references = [weakref.ref(loaded.model), weakref.ref(loaded.model.model.visual), weakref.ref(loaded.processor)]
    weights = [weakref.ref(p) for p in (*loaded.model.parameters(), *loaded.model.buffers())]
    assert all(reference() is not None for reference in references + weights)
    loaded.unload()
    gc.collect()
    assert all(reference() is None for reference in references + weights)
    assert loaded.model is None


# -- adapters


def save_adapter(directory: Path, checkpoint: Path, targets: list[str], **options: Any) -> Path:
    from peft import LoraConfig, get_peft_model

    model = EcgR1ForConditionalGeneration.from_pretrained(checkpoint)
    wrapped = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules=targets, **options))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.1, generator=generator)
    wrapped.save_pretrained(directory)
    return directory


TARGETS = ["q_proj", "v_proj", "down_proj", "lm_head"]


@pytest.fixture(scope="module")
def adapter(directories: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_adapter(tmp_path_factory.mktemp("adapter") / "lora", directories["original"], TARGETS)


def merged_by_peft(adapter: Path, original: Path) -> Any:
    from peft import PeftModel

    model = EcgR1ForConditionalGeneration.from_pretrained(original)
    return PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().eval()


@pytest.mark.parametrize("merge", [True, False])
def test_an_adapter_on_an_unquantised_model(
    merge: bool, adapter: Path, directories: dict[str, Path], view: ModalityView
) -> None:
    loaded = load(directories["original"], precision="fp32", adapter=adapter, merge_adapter=merge)
    expected = logits(merged_by_peft(adapter, directories["original"]), loaded.processor, view)
    torch.testing.assert_close(logits(loaded.model, loaded.processor, view), expected, rtol=1e-3, atol=1e-4)
    assert loaded.adapter == adapter


@pytest.mark.parametrize("rank_stabilised", [False, True])
def test_an_adapter_merged_before_packing_is_pefts_merge_quantised(
    rank_stabilised: bool, directories: dict[str, Path], tmp_path: Path, view: ModalityView
) -> None:
    path = save_adapter(tmp_path / "lora", directories["original"], TARGETS, use_rslora=rank_stabilised)
    merged_by_peft(path, directories["original"]).save_pretrained(tmp_path / "merged")
    for name in ("tokenizer.json", "tokenizer_config.json", "preprocessor_config.json", "config.json"):
        (tmp_path / "merged" / name).write_bytes((directories["original"] / name).read_bytes())
    ours = load(directories["original"], precision="int8", adapter=path, merge_adapter=True)
    theirs = load(tmp_path / "merged", precision="int8")
    assert not any(isinstance(module, LoraLinear) for module in ours.model.modules())
    torch.testing.assert_close(
        logits(ours.model, ours.processor, view), logits(theirs.model, theirs.processor, view), rtol=0, atol=0.02
    )


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_an_adapter_beside_packed_layers(
    precision: Any, adapter: Path, directories: dict[str, Path], view: ModalityView
) -> None:
    plain = load(directories[precision])
    loaded = load(directories[precision], adapter=adapter)
    assert sum(isinstance(module, LoraLinear) for module in loaded.model.modules()) == 3 * 3 + 1
    layer = loaded.model.model.language_model.layers[0].self_attn.q_proj
    x = torch.randn(2, 40, 64, generator=torch.Generator().manual_seed(1))
    from safetensors.torch import load_file

    raw = load_file(adapter / "adapter_model.safetensors")
    a, b = (raw[f"base_model.model.model.language_model.layers.0.self_attn.q_proj.lora_{part}.weight"] for part in "AB")
    expected = plain.model.model.language_model.layers[0].self_attn.q_proj(x) + (8 / 4) * (x @ a.T @ b.T)
    torch.testing.assert_close(layer(x), expected, rtol=1e-2, atol=1e-2)
    assert greedy(loaded, view) != greedy(plain, view)


def test_an_adapter_cannot_be_merged_into_quantised_weights(adapter: Path, directories: dict[str, Path]) -> None:
    for path, precision in ((directories["int8"], "auto"), (directories["original"], "nf4")):
        with pytest.raises(InputError, match=r"cannot be merged into weights in .* merge it into the bf16 checkpoint"):
            load(path, precision=precision, adapter=adapter, merge_adapter=True)  # type: ignore[arg-type]


def test_what_is_no_fitting_adapter_is_said(adapter: Path, directories: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(MissingPartnerError, match=r"does not hold both adapter_config\.json"):
        load(directories["int8"], adapter=tmp_path)
    config = json.loads((adapter / "adapter_config.json").read_text())
    weights = (adapter / "adapter_model.safetensors").read_bytes()

    def variant(name: str, values: str, content: bytes = weights) -> Path:
        (tmp_path / name).mkdir()
        (tmp_path / name / "adapter_config.json").write_text(values)
        (tmp_path / name / "adapter_model.safetensors").write_bytes(content)
        return tmp_path / name

    with pytest.raises(DamagedFileError, match="cannot be read as JSON"):
        load(directories["int8"], adapter=variant("json", "{"))
    with pytest.raises(InputError, match="does not describe a LoRA adapter"):
        load(directories["int8"], adapter=variant("kind", json.dumps({**config, "peft_type": "IA3"})))
    with pytest.raises(InputError, match=r"more than a plain LoRA adapter \(use_dora\)"):
        load(directories["int8"], adapter=variant("dora", json.dumps({**config, "use_dora": True})))
    with pytest.raises(DamagedFileError, match="truncated"):
        load(directories["int8"], adapter=variant("short", json.dumps(config), weights[:-8]))
    longer = weights.replace(b"layers.2.self_attn", b"layers.9.self_attn")
    with pytest.raises(InputError, match=r"belongs to another model: there is no layer model.*layers\.9"):
        load(directories["int8"], adapter=variant("other", json.dumps(config), longer))


def test_an_adapter_of_another_size_is_said(directories: dict[str, Path], tmp_path: Path) -> None:
    from tiny import build_checkpoint

    wide = build_checkpoint(tmp_path / "wide", hidden=128)
    path = save_adapter(tmp_path / "lora", wide, ["q_proj"])
    for precision in ("int8", "bf16"):
        with pytest.raises(InputError, match="belongs to a model of another size"):
            load(directories["original"], precision=precision, adapter=path)  # type: ignore[arg-type]


# -- what cannot be


@pytest.fixture
def nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """No error of the next tests may come after weights were looked at."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("weights were read")

    for name in ("map_tensor", "read_packed", "packed_weights"):
        monkeypatch.setattr(loading, name, refuse)
    monkeypatch.setattr(EcgR1ForConditionalGeneration, "from_pretrained", refuse)


@pytest.mark.usefixtures("nothing_is_read")
@pytest.mark.parametrize("precision", ["int8", "int4", "nf4", "bf16"])
def test_too_little_memory_is_said_with_figures(
    precision: Any, directories: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "memory_available", lambda device: 300_000_000)
    with pytest.raises(InputError, match=rf"needs 0\.\d GB of memory in {precision}, but 0\.3 GB are available; \w+"):
        load(directories["original"], precision=precision, device="cpu")


@pytest.mark.usefixtures("nothing_is_read")
def test_choices_that_do_not_go_together(directories: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("int8", {"precision": "int4"}, "is quantised to int8 and cannot be loaded in int4"),
        ("nf4", {"precision": "bf16"}, "is quantised to nf4 and cannot be loaded in bf16"),
        ("original", {"precision": "int5"}, "'int5' is unknown; use one of auto, bf16"),
        ("original", {"device": "tpu"}, "'tpu' is unknown"),
        ("original", {"attention": "fast"}, "'fast' is unknown"),
        ("original", {"attention": "flash_attention_2", "device": "cpu"}, "needs an NVIDIA GPU"),
    ]
    if not torch.cuda.is_available():
        cases.append(("original", {"device": "cuda"}, "finds no NVIDIA GPU here; use the device cpu"))
    if not torch.backends.mps.is_available():
        cases.append(("original", {"device": "mps"}, "finds no Apple GPU here"))
    for name, options, message in cases:
        with pytest.raises(InputError, match=message):
            load(directories[name], **options)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    for precision, message in (("int4", "for the CPU, not for mps"), ("nf4", "not available on Apple GPUs")):
        with pytest.raises(InputError, match=message):
            load(directories["original"], device="mps", precision=precision)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is packed in int8 for the CPU"):
        load(directories["int8"], device="mps")


@pytest.mark.usefixtures("nothing_is_read")
def test_bitsandbytes_int8_directories_are_for_gpus(tiny_checkpoint: Path, tmp_path: Path) -> None:
    import shutil

    theirs = tmp_path / "theirs"
    shutil.copytree(tiny_checkpoint, theirs)
    config = json.loads((theirs / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    (theirs / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="quantised to int8 by bitsandbytes, for GPUs"):
        load(theirs, device="cpu")


def test_packed_weights_of_another_shape_are_said(directories: dict[str, Path], tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    damaged = tmp_path / "damaged"
    shutil.copytree(directories["int8"], damaged)
    shard = next(damaged.glob("*.safetensors"))
    tensors = load_file(shard)
    name = "model.language_model.layers.0.mlp.up_proj"
    tensors[f"{name}.codes"] = tensors[f"{name}.codes"][:-1].clone()
    save_file(tensors, shard, metadata={"format": "pt"})
    with pytest.raises(DamagedFileError, match=r"packed weights of another shape for .*up_proj"):
        load(damaged)
    del tensors[f"{name}.scales"]
    save_file(tensors, shard, metadata={"format": "pt"})
    index = json.loads((damaged / "model.safetensors.index.json").read_text())
    del index["weight_map"][f"{name}.scales"]
    (damaged / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"lacks codes or scales of .*up_proj"):
        load(damaged)


# -- memory


def test_the_choice_falls_with_the_memory_there_is(
    directories: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    info = inspect(directories["original"])
    eight, four = (memory_needed(info, p).total for p in ("int8", "int4"))  # type: ignore[arg-type]
    assert four < eight
    monkeypatch.setattr(memory, "memory_available", lambda device: (four + eight) // 2)
    assert not fits(info, "int8")
    assert fits(info, "int4")
    assert load(directories["original"], device="cpu").precision == "int4"


def test_a_containers_limit_counts(tmp_path: Path) -> None:
    assert memory._cgroup_room(tmp_path) is None
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 300\ninactive_file 250\nactive_file 100\n")
    assert memory._cgroup_room(tmp_path) == 550
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._cgroup_room(tmp_path) is None
    old = tmp_path / "v1" / "memory"
    old.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text("1000\n")
    (old / "memory.usage_in_bytes").write_text("900\n")
    (old / "memory.stat").write_text("cache 100\ntotal_inactive_file 40\n")
    assert memory._cgroup_room(tmp_path / "v1") == 140
    (old / "memory.limit_in_bytes").write_text(f"{2**63 - 4096}\n")
    assert memory._cgroup_room(tmp_path / "v1") is None


def test_available_memory_is_within_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    free = memory_available()
    assert free > 10_000_000
    monkeypatch.setattr(memory, "_cgroup_room", lambda: 12345)
    assert memory_available() == 12345


def test_the_need_of_the_true_size(tmp_path: Path) -> None:
    """8.77 G parameters: 17.74 GB in bf16; 8 and 4 bits within what an ordinary laptop has."""
    import dataclasses

    from tiny import build_checkpoint

    from ecgr1_core.model.config import EcgR1Config

    tiny = inspect(build_checkpoint(tmp_path / "tiny"))
    text = {
        **{"hidden_size": 4096, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8},
        **{"head_dim": 128, "intermediate_size": 12288, "vocab_size": 151936},
    }
    vision = {"out_hidden_size": 4096, "depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16}
    info = dataclasses.replace(tiny, config=EcgR1Config(text_config=text, vision_config=vision))
    assert memory_needed(info, "bf16").weights == pytest.approx(17.74e9, rel=0.001)
    assert memory_needed(info, "fp32").weights == pytest.approx(35.48e9, rel=0.001)
    assert memory_needed(info, "int8").weights < 10.8e9
    assert memory_needed(info, "int4").weights < 7.5e9
    assert memory_needed(info, "nf4").weights == pytest.approx(7.5e9, rel=0.05)
    two, one = memory_needed(info, "bf16", readings=2), memory_needed(info, "bf16")
    assert two.cache == 2 * one.cache == 2 * 3072 * 36 * 2 * 8 * 128 * 2
