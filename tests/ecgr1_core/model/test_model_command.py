"""`ecgr1 model`: what a directory holds and needs, a smaller copy of it, and fetching by the shell."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from app import main


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: object) -> tuple[int, Any, list[str]]:
        code = main(["model", *map(str, words)])
        captured = capsys.readouterr()
        return code, json.loads(captured.out) if captured.out else None, captured.err.strip().splitlines()

    return run


@pytest.fixture(scope="module")
def wide_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model whose layers can be held in 4 bits."""
    from tiny import build_checkpoint

    return build_checkpoint(tmp_path_factory.mktemp("wide") / "wide", hidden=128, intermediate=256, heads=4)


def test_info_says_what_a_directory_holds_and_needs(shell: Any, tiny_checkpoint: Path) -> None:
    code, data, errors = shell("info", tiny_checkpoint)
    assert (code, errors) == (0, [])
    assert data["layout"] == "published"
    assert data["whole"] is True
    assert data["checksums"] == "not compared"
    assert data["tensor_bytes"] == 4 * data["parameters"] == data["dtype_bytes"]["F32"]
    assert data["ecg_tokens"] == 101
    assert set(data["precisions"]) == {"bf16", "fp16", "fp32", "int8", "int4", "nf4"}
    for found in data["precisions"].values():
        assert found["weights_bytes"] < found["needed_bytes"]
        assert found["fits"] == (found["needed_bytes"] <= data["memory_available_bytes"][found["device"]])
    assert data["precisions"]["fp32"]["weights_bytes"] == 2 * data["precisions"]["bf16"]["weights_bytes"]


def test_info_of_a_model_that_is_not_whole_says_what_is_missing(
    shell: Any, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    copy = Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))
    index = json.loads((copy / "model.safetensors.index.json").read_text())
    shard = index["weight_map"].pop("lm_head.weight")
    tensors = load_file(copy / shard)
    del tensors["lm_head.weight"]
    save_file(tensors, copy / shard)
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    code, data, errors = shell("info", copy)
    assert code == 2
    assert data["missing"] == ["lm_head.weight"]
    assert len(errors) == 1
    assert "lm_head.weight" in errors[0]


def test_a_quantised_copy_loads_and_can_be_verified(shell: Any, wide_checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "packed"
    code, data, errors = shell("quantize", wide_checkpoint, out, "--to", "int4")
    assert code == 0
    assert data["bytes"] < data["source_bytes"]
    assert errors[-1].startswith("quantising 100 %"), "progress goes to standard error"
    code, data, errors = shell("info", out, "--verify")
    assert code == 0
    assert (data["quantisation"], data["checksums"]) == ("int4", "match")
    assert list(data["precisions"]) == ["int4"]
    assert errors[-1].startswith("checking 100 %")

    path = next(out.glob("*.safetensors"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    code, data, errors = shell("info", out, "--verify")
    assert (code, data) == (2, None)
    assert "differs from its checksum" in errors[-1]


def test_bad_input_is_one_sentence(shell: Any, tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    for words, fault in (
        (("info", tmp_path / "absent"), "absent"),
        (("info", tiny_checkpoint, "--verify"), "has no SHA256SUMS"),
        (("quantize", tiny_checkpoint, tmp_path / "full", "--to", "int8"), "full"),
        (("fetch", "ECG-R1-8B-RL", "--out", tmp_path / "new", "--endpoint", nobody), "cannot be reached"),
    ):
        code, data, errors = shell(*words)
        assert (code, data) == (2, None)
        assert len(errors) == 1
        assert fault in errors[0]
        assert errors[0].endswith(".")
