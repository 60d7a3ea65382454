"""From a checkpoint directory to a quantised one and back."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from tiny import build_checkpoint

from ecgr1_core.errors import InputError
from ecgr1_core.model import packed, quantise
from ecgr1_core.model.checkpoint import expected_tensors, inspect
from ecgr1_core.model.packed import Int4Weight, Int8Weight, quantise_int4, quantise_int8


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return build_checkpoint(tmp_path_factory.mktemp("source") / "tiny", dtype=torch.bfloat16)


@pytest.fixture(scope="module", params=["int8", "int4", "nf4"])
def quantised(request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target: Path = tmp_path_factory.mktemp("quantised") / str(request.param)
    quantise.quantise(source, target, request.param)
    return target


def tensors_in(directory: Path) -> dict[str, torch.Tensor]:
    found = {}
    for path in sorted(directory.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            found |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return found


def test_the_copy_is_whole_and_says_what_it_is(quantised: Path) -> None:
    info = inspect(quantised, verify=True)
    assert info.whole
    assert info.verified
    assert info.quantisation == quantised.name
    sums = (quantised / "SHA256SUMS").read_text().splitlines()
    assert {line.split("  ")[1] for line in sums} == {p.name for p in quantised.iterdir()} - {"SHA256SUMS"}
    for line in sums:
        digest, name = line.split("  ")
        assert hashlib.sha256((quantised / name).read_bytes()).hexdigest() == digest


def test_all_but_weights_and_configuration_is_copied(quantised: Path, source: Path) -> None:
    names = {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "preprocessor_config.json"}
    for name in names | {"generation_config.json"}:
        assert (quantised / name).read_bytes() == (source / name).read_bytes()
    config = json.loads((quantised / "config.json").read_text())
    before = json.loads((source / "config.json").read_text())
    assert config["text_config"] == before["text_config"]
    assert config["ecg_token_id"] == before["ecg_token_id"]


def test_only_the_language_model_is_quantised(quantised: Path, source: Path) -> None:
    before, after = tensors_in(source), tensors_in(quantised)
    kept = [name for name in before if name in after and after[name].dtype == torch.bfloat16]
    changed = [name for name in before if name not in kept]
    layers = 3 * 7
    assert len(changed) == layers + (0 if quantised.name == "nf4" else 1)
    assert all(quantise.quantised_layer(name) or name == "lm_head.weight" for name in changed)
    assert all(torch.equal(before[name], after[name]) for name in kept)
    assert sum(name.startswith(("model.visual", "model.ecg_")) for name in kept) == sum(
        name.startswith(("model.visual", "model.ecg_")) for name in before
    )


def test_packed_weights_read_back_bit_for_bit(source: Path, tmp_path: Path) -> None:
    for precision in ("int8", "int4"):
        quantise.quantise(source, tmp_path / precision, precision)
        memory = dict(quantise.packed_weights(inspect(source), precision))
        disk = dict(quantise.read_packed(inspect(tmp_path / precision)))
        assert memory.keys() == disk.keys()
        assert isinstance(memory["lm_head"], Int8Weight)
        layer = memory["model.language_model.layers.1.mlp.down_proj"]
        assert isinstance(layer, Int8Weight if precision == "int8" else Int4Weight)
        assert isinstance(memory["model.language_model.layers.1.self_attn.k_proj"], Int8Weight)
        for name, value in memory.items():
            pairs = [(value, disk[name])] if isinstance(value, torch.Tensor) else zip(value, disk[name], strict=True)
            assert all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)


def test_the_same_source_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    sums = []
    for name in ("one", "two"):
        quantise.quantise(source, tmp_path / name, "int4")
        sums.append((tmp_path / name / "SHA256SUMS").read_text())
    assert sums[0] == sums[1]


def test_codes_of_a_stored_layer_are_those_of_the_layer_alone(source: Path, tmp_path: Path) -> None:
    name = "model.language_model.layers.0.self_attn.q_proj"
    weight = tensors_in(source)[f"{name}.weight"]
    for precision, alone in (("int8", quantise_int8(weight)), ("int4", quantise_int4(weight))):
        quantise.quantise(source, tmp_path / precision, precision)
        stored = tensors_in(tmp_path / precision)
        assert torch.equal(stored[f"{name}.codes"], alone.codes)
        assert torch.equal(stored[f"{name}.scales"], alone.scales)


def test_shards_are_split_and_indexed(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantise, "_SHARD_BYTES", 150_000)
    quantise.quantise(source, tmp_path / "out", "int8")
    shards = sorted(path.name for path in (tmp_path / "out").glob("*.safetensors"))
    assert len(shards) >= 3
    assert shards[0] == f"model-00001-of-{len(shards):05d}.safetensors"
    info = inspect(tmp_path / "out")
    assert info.whole
    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == info.bytes_


def test_few_tensors_are_held_at_a_time(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is alive while quantising stays near one shard and one tensor, however many tensors there are."""
    import weakref

    monkeypatch.setattr(quantise, "_SHARD_BYTES", 60_000)
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = 0
    real = quantise.quantise_int8

    def watched(weight: torch.Tensor) -> Int8Weight:
        nonlocal most
        out = real(weight)
        alive.add(weight)
        alive.add(out.codes)
        most = max(most, sum(tensor.nbytes for tensor in alive))
        return out

    monkeypatch.setattr(quantise, "quantise_int8", watched)
    quantise.quantise(source, tmp_path / "out", "int8")
    largest = max(tensor.nbytes for tensor in tensors_in(source).values())
    assert 0 < most <= 60_000 + 3 * largest
    assert most < inspect(source).bytes_ / 2


def test_progress_ends_at_the_whole(source: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    quantise.quantise(source, tmp_path / "out", "int8", progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] == inspect(source).bytes_


def test_sizes_are_known_beforehand(quantised: Path) -> None:
    info = inspect(quantised)
    precision = next(one for one in quantise.QUANTISED_PRECISIONS if one == info.quantisation)
    expected = sum(
        quantise.stored_bytes(name, shape, precision) for name, shape in expected_tensors(info.config).items()
    )
    if precision == "nf4":
        assert expected == pytest.approx(info.bytes_, rel=0.02)
    else:
        assert expected == info.bytes_


def test_a_tied_head_is_quantised_from_the_embedding(source: Path, tmp_path: Path) -> None:
    tied = tmp_path / "tied"
    shutil.copytree(source, tied)
    config = json.loads((tied / "config.json").read_text())
    config["tie_word_embeddings"] = True
    (tied / "config.json").write_text(json.dumps(config))
    index = json.loads((tied / "model.safetensors.index.json").read_text())
    del index["weight_map"]["lm_head.weight"]
    (tied / "model.safetensors.index.json").write_text(json.dumps(index))
    from safetensors.torch import save_file

    for path in tied.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys() if name != "lm_head.weight"}  # noqa: SIM118
        save_file(tensors, path, metadata={"format": "pt"})
    quantise.quantise(tied, tmp_path / "out", "int8")
    out = tensors_in(tmp_path / "out")
    alone = quantise_int8(out[quantise.EMBEDDING])
    assert torch.equal(out["lm_head.codes"], alone.codes)


def test_a_target_that_holds_something_is_refused(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="target: exists already and is not an empty directory"):
        quantise.quantise(source, target, "int8")
    assert [path.name for path in target.iterdir()] == ["thesis.txt"]
    with pytest.raises(InputError, match="not an empty directory"):
        quantise.quantise(source, target / "thesis.txt", "int8")


def test_an_empty_target_is_taken(source: Path, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    done = quantise.quantise(source, tmp_path / "target", "int8")
    assert done.directory == tmp_path / "target"
    assert done.bytes_ < done.source_bytes == inspect(source).bytes_


def test_a_quantised_source_is_refused(quantised: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"is quantised already \\({quantised.name}\\)"):
        quantise.quantise(quantised, tmp_path / "out", "int8")


def test_too_little_disk_is_said_with_figures(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 0, 600_000))
    with pytest.raises(InputError, match=r"needs 0\.0 GB of disk, but 0\.0 GB are free"):
        quantise.quantise(source, tmp_path / "out", "int8")
    assert not list(tmp_path.iterdir())


def test_a_broken_run_leaves_nothing(source: Path, tmp_path: Path) -> None:
    class _StopError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done > total / 2:
            raise _StopError

    with pytest.raises(_StopError):
        quantise.quantise(source, tmp_path / "out", "int8", progress=stop)
    assert not list(tmp_path.iterdir())


def test_layers_that_4_bits_cannot_hold_are_refused_before_reading(tmp_path: Path) -> None:
    odd = build_checkpoint(tmp_path / "odd", dtype=torch.bfloat16, intermediate=96)
    with pytest.raises(InputError, match=r"odd: cannot be held in 4 bits \(.*64 divides, not 96\); use int8"):
        quantise.quantise(odd, tmp_path / "out", "int4")
    assert inspect(quantise.quantise(odd, tmp_path / "out", "int8").directory).whole


def test_a_cpu_whose_4_bit_order_is_unknown_is_said(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown() -> packed.Int4Layout:
        raise RuntimeError("unknown order")

    monkeypatch.setattr(quantise, "int4_layout", unknown)
    with pytest.raises(InputError, match=r"cannot be held in 4 bits \(unknown order\); use int8"):
        quantise.quantise(source, tmp_path / "out", "int4")


def test_a_damaged_source_is_refused(source: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(source, damaged)
    shard = max(damaged.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(InputError, match="truncated"):
        quantise.quantise(damaged, tmp_path / "out", "int8")


def test_nf4_without_bitsandbytes_is_said(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "bitsandbytes" else real(name))
    with pytest.raises(InputError, match="needs bitsandbytes, which is not installed"):
        quantise.quantise(source, tmp_path / "out", "nf4")
