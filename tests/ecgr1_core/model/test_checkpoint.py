"""Looking at a checkpoint: what it holds, and every damage said in one sentence before weights are read."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import build_checkpoint, build_tokenizer

from ecgr1_core.errors import DamagedFileError, InputError, MissingPartnerError
from ecgr1_core.model.checkpoint import INDEX, expected_tensors, inspect, read_header, verify_checksums


@pytest.fixture
def checkpoint(tmp_path: Path, tiny_checkpoint: Path) -> Path:
    """A copy of the tiny checkpoint that may be damaged."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))


def _edit_json(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def _shard_of(checkpoint: Path, tensor: str) -> Path:
    return checkpoint / json.loads((checkpoint / INDEX).read_text())["weight_map"][tensor]


def _drop(checkpoint: Path, matches: Callable[[str], bool]) -> None:
    """Write the checkpoint anew as one file without the matching tensors."""
    from safetensors.torch import load_file, save_file

    tensors = {}
    for shard in checkpoint.glob("*.safetensors"):
        tensors |= load_file(shard)
        shard.unlink()
    (checkpoint / INDEX).unlink()
    save_file({name: value for name, value in tensors.items() if not matches(name)}, checkpoint / "model.safetensors")


def test_a_whole_checkpoint_is_described(tiny_checkpoint: Path) -> None:
    info = inspect(tiny_checkpoint)
    assert info.whole
    info.require_whole()
    assert (info.layout, info.quantisation, info.verified) == ("published", None, False)
    assert info.dtypes == {"F32": info.bytes_}
    assert info.bytes_ == 4 * info.parameters
    index = json.loads((tiny_checkpoint / INDEX).read_text())
    assert info.bytes_ == index["metadata"]["total_size"]
    assert info.shards == tuple(sorted(set(index["weight_map"].values())))
    assert info.summary["text_layers"] == 3
    assert info.summary["ecg_tower_width"] == 32
    assert set(index["weight_map"]) == set(expected_tensors(info.config))


def test_a_single_file_and_our_own_layout_are_described(tmp_path: Path) -> None:
    directory = build_checkpoint(tmp_path / "one", layout="ecgr1", shard_size="1GB")
    info = inspect(directory)
    assert info.whole
    assert (info.layout, info.shards) == ("ecgr1", ("model.safetensors",))


@pytest.mark.skipif(not Path("/proc/self/io").is_file(), reason="needs Linux's count of the bytes read")
def test_looking_reads_headers_only(checkpoint: Path) -> None:
    def bytes_read() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    elements = 5_000_000_000  # a sparse shard of 10 GB
    header = json.dumps({"model.huge": {"dtype": "BF16", "shape": [elements], "data_offsets": [0, 2 * elements]}})
    with (checkpoint / "huge.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header.encode())
        file.truncate(8 + len(header) + 2 * elements)
    _edit_json(checkpoint / INDEX, lambda index: index["weight_map"].update({"model.huge": "huge.safetensors"}))
    before = bytes_read()
    info = inspect(checkpoint)
    assert bytes_read() - before < 500_000
    assert info.unexpected == ("model.huge",)
    assert info.bytes_ > 2 * elements


def _truncated_shard(checkpoint: Path) -> None:
    path = checkpoint / "model-00002-of-00005.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def _shard_cut_in_the_header(checkpoint: Path) -> None:
    path = checkpoint / "model-00002-of-00005.safetensors"
    path.write_bytes(path.read_bytes()[:100])


def _empty_shard(checkpoint: Path) -> None:
    (checkpoint / "model-00002-of-00005.safetensors").write_bytes(b"")


def _longer_shard(checkpoint: Path) -> None:
    with (checkpoint / "model-00002-of-00005.safetensors").open("ab") as file:
        file.write(b"more")


def _header_of_nonsense(checkpoint: Path) -> None:
    path = checkpoint / "model-00002-of-00005.safetensors"
    content = bytearray(path.read_bytes())
    content[8:20] = b"\x80nonsense..."
    path.write_bytes(bytes(content))


def _header_whose_shape_is_wrong(checkpoint: Path) -> None:
    path = checkpoint / "model-00002-of-00005.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    name = next(name for name in header if name != "__metadata__")
    header[name]["shape"][0] += 1
    changed = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(changed)) + changed + content[8 + length :])


def _absent_shard(checkpoint: Path) -> None:
    (checkpoint / "model-00002-of-00005.safetensors").unlink()


def _index_of_absent_tensors(checkpoint: Path) -> None:
    shard = "model-00002-of-00005.safetensors"
    _edit_json(checkpoint / INDEX, lambda index: index["weight_map"].update({"model.ecg_tower.extra": shard}))


def _index_without_map(checkpoint: Path) -> None:
    _edit_json(checkpoint / INDEX, lambda index: index.pop("weight_map"))


def _index_that_leaves_the_directory(checkpoint: Path) -> None:
    _edit_json(checkpoint / INDEX, lambda index: index["weight_map"].update({"lm_head.weight": "../../secret"}))


def _no_weights(checkpoint: Path) -> None:
    for path in (checkpoint / INDEX, *checkpoint.glob("*.safetensors")):
        path.unlink()


def _stock_weights(checkpoint: Path) -> None:
    _drop(checkpoint, lambda name: ".ecg_" in name)


def _stock_tokenizer(checkpoint: Path) -> None:
    build_tokenizer(ecg_tokens=False).save_pretrained(checkpoint)


def _tokenizer_of_another_model(checkpoint: Path) -> None:
    _edit_json(checkpoint / "config.json", lambda config: config.update(ecg_token_id=config["ecg_token_id"] + 1))


def _no_tokenizer(checkpoint: Path) -> None:
    for path in checkpoint.glob("tokenizer*"):
        path.unlink()


def _damaged_tokenizer(checkpoint: Path) -> None:
    (checkpoint / "tokenizer.json").write_text("{")


def _no_image_processor(checkpoint: Path) -> None:
    (checkpoint / "preprocessor_config.json").unlink()


@pytest.mark.parametrize(
    ("damage", "kind", "words"),
    [
        (_truncated_shard, DamagedFileError, "model-00002-of-00005.safetensors: is truncated ("),
        (_shard_cut_in_the_header, DamagedFileError, "damaged or truncated header"),
        (_empty_shard, DamagedFileError, "damaged or truncated header"),
        (_longer_shard, DamagedFileError, "longer than its header says"),
        (_header_of_nonsense, DamagedFileError, "has a damaged header"),
        (_header_whose_shape_is_wrong, DamagedFileError, "shape and size of"),
        (_absent_shard, MissingPartnerError, "copy: the shard model-00002-of-00005.safetensors is missing"),
        (
            _index_of_absent_tensors,
            DamagedFileError,
            "names tensors that the shards do not hold (1, such as model.ecg_tower.extra)",
        ),
        (_index_without_map, DamagedFileError, f"{INDEX}: is damaged"),
        (_index_that_leaves_the_directory, DamagedFileError, "outside the directory"),
        (_no_weights, MissingPartnerError, "copy: has neither"),
        (_stock_weights, InputError, "stock Qwen3-VL's, which cannot read the signal"),
        (_stock_tokenizer, InputError, "tokenizer.json: the tokenizer has no <|ecg_start|>"),
        (_tokenizer_of_another_model, DamagedFileError, "but config.json says"),
        (_no_tokenizer, MissingPartnerError, "copy: has no tokenizer.json"),
        (_damaged_tokenizer, DamagedFileError, "tokenizer.json: is damaged"),
        (_no_image_processor, MissingPartnerError, "copy: has no preprocessor_config.json"),
    ],
)
def test_damage_is_said_in_one_sentence(
    checkpoint: Path, damage: Callable[[Path], None], kind: type[InputError], words: str
) -> None:
    damage(checkpoint)
    with pytest.raises(kind) as caught:
        inspect(checkpoint)
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    assert str(checkpoint.parent) not in message


def test_missing_unexpected_and_misshapen_tensors_are_told_apart(checkpoint: Path) -> None:
    _drop(checkpoint, lambda name: name == "model.language_model.norm.weight")
    info = inspect(checkpoint)
    assert (info.missing, info.unexpected, info.wrong_shape) == (("model.language_model.norm.weight",), (), ())
    with pytest.raises(DamagedFileError, match=r"lacks 1 of the model's tensors, such as model\.language_model\.norm"):
        info.require_whole()

    _edit_json(checkpoint / "config.json", lambda config: config["text_config"].update(num_hidden_layers=2))
    unexpected = inspect(checkpoint).unexpected
    assert len(unexpected) == 11
    assert all(name.startswith("model.language_model.layers.2.") for name in unexpected)


def test_a_tower_of_another_size_than_configured_is_found(checkpoint: Path) -> None:
    _edit_json(checkpoint / "config.json", lambda config: config.update(ecg_output_size=17))
    info = inspect(checkpoint)
    assert info.wrong_shape == ("model.ecg_tower.proj",)
    with pytest.raises(DamagedFileError, match="holds 1 of its tensors in another shape"):
        info.require_whole()


def test_a_tokenizer_without_tokenizer_json_is_understood(checkpoint: Path) -> None:
    ids = {
        entry["content"]: entry["id"]
        for entry in json.loads((checkpoint / "tokenizer.json").read_text())["added_tokens"]
    }
    decoder = {str(number): {"content": token} for token, number in ids.items()}
    _edit_json(checkpoint / "tokenizer_config.json", lambda config: config.update(added_tokens_decoder=decoder))
    (checkpoint / "tokenizer.json").unlink()
    assert inspect(checkpoint).whole


def test_checksums_are_compared_on_request(checkpoint: Path) -> None:
    assert inspect(checkpoint, verify=True).verified is False
    files = sorted(path for path in checkpoint.iterdir())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in files]
    (checkpoint / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    seen: list[int] = []
    assert inspect(checkpoint, verify=True, progress=seen.append).verified is True
    assert sum(seen) == sum(path.stat().st_size for path in files)

    shard = checkpoint / "model-00002-of-00005.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(bytes(content))
    assert inspect(checkpoint).whole
    with pytest.raises(
        DamagedFileError, match=f"{shard.name}: differs from its checksum in SHA256SUMS; fetch it again"
    ):
        inspect(checkpoint, verify=True)


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ("not a checksum", DamagedFileError, "not a checksum"),
        ("0" * 64 + "  absent.bin", MissingPartnerError, "absent.bin is missing"),
        ("0" * 64 + "  ../outside", DamagedFileError, "outside the directory"),
    ],
)
def test_a_damaged_checksum_file_is_said(checkpoint: Path, line: str, kind: type[InputError], words: str) -> None:
    (checkpoint / "SHA256SUMS").write_text(line + "\n")
    with pytest.raises(kind, match=words):
        verify_checksums(checkpoint)


def test_headers_agree_with_the_library(tiny_checkpoint: Path) -> None:
    from safetensors import safe_open

    path = _shard_of(tiny_checkpoint, "model.ecg_tower.proj")
    header = read_header(path)
    with safe_open(path, framework="pt") as file:
        assert header.keys() == set(file.keys())
        for name in header:
            assert header[name].shape == tuple(file.get_slice(name).get_shape())


def test_a_model_quantised_by_bitsandbytes_is_recognised(checkpoint: Path) -> None:
    """Its packed layers have other shapes and companions beside them; anything else is still found."""
    import torch
    from safetensors.torch import load_file, save_file

    tensors = {}
    for shard in checkpoint.glob("*.safetensors"):
        tensors |= load_file(shard)
        shard.unlink()
    (checkpoint / INDEX).unlink()
    layer = "model.language_model.layers.0.mlp.up_proj"
    packed = tensors.pop(f"{layer}.weight")
    tensors[f"{layer}.weight"] = torch.zeros(packed.numel() // 2, 1, dtype=torch.uint8)
    tensors[f"{layer}.weight.absmax"] = torch.zeros(packed.numel() // 64, dtype=torch.uint8)
    tensors["model.stranger.weight"] = torch.zeros(3)
    del tensors["model.ecg_projector.2.weight"]
    save_file(tensors, checkpoint / "model.safetensors")
    entry = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
    _edit_json(checkpoint / "config.json", lambda config: config.update(quantization_config=entry))
    info = inspect(checkpoint)
    assert info.quantisation == "nf4"
    assert info.unexpected == ("model.stranger.weight",)
    assert info.missing == ("model.ecg_projector.2.weight",)
    assert info.wrong_shape == ()
    assert info.parameters > info.bytes_ / 4
