"""A run of fine-tuning from file to checkpoint, in full and by adapters, and all that can be wrong on the way."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from sft_kit import checkpoint, metrics

from ecgr1_core.errors import InputError
from ecgr1_core.modality import ModalityView
from ecgr1_core.model.loading import load
from ecgr1_core.model.views import inputs_for
from training.freezing import load_for_training
from training.media import media_beside
from training.rows import Row, read_rows, write_rows
from training.run_config import load_config
from training.sft import SftConfig, run_sft
from training.tower.weights import load_tower, save_tower

FAST: dict[str, Any] = {
    **{"max_steps": 4, "batch_rows": 2, "learning_rate": 3e-3, "cpu": True},
    **{"log_every": 1, "save_every": 2, "test_every": 2, "save_as": "fp32"},
}


@pytest.fixture
def config(sft_model: Path, sft_rows: Path, tmp_path: Path) -> SftConfig:
    return SftConfig(model=sft_model, train=sft_rows, out=tmp_path / "run", **FAST)


def changed(config: SftConfig, **changes: Any) -> SftConfig:
    return SftConfig.model_validate({**config.model_dump(), **changes})


def own_rows(rows: Path, folder: Path, *more: str, count: int = 8) -> Path:
    """Copy the first rows to a file of their own, followed by lines as given."""
    lines = rows.read_text().splitlines()[:count]
    (folder / "own.jsonl").write_text("\n".join([*lines, *more]) + "\n")
    return folder / "own.jsonl"


def logits_of(model: Any, processor: Any, rows: Path) -> torch.Tensor:
    row = next(iter(read_rows(rows)))
    assert isinstance(row, Row)
    view = media_beside(rows).view(row, "both")
    with torch.no_grad():
        inputs = inputs_for(processor, [ModalityView("both", view.record, view.page)])
        logits: torch.Tensor = model(**inputs).logits[0, -1]
    return logits


def test_run_learns_and_writes_what_it_says(config: SftConfig, sft_rows: Path) -> None:
    config = changed(
        config,
        max_steps=24,
        epochs=1,
        test=sft_rows.parent / "held_out" / "test.jsonl",
        test_every=12,
        schedule="constant",
    )
    told = run_sft(config)
    losses = dict(metrics(config.out))
    assert sorted(losses) == list(range(1, 25))
    assert sum(losses[step] for step in range(22, 25)) < 0.7 * sum(losses[step] for step in range(2, 5))
    held_out = metrics(config.out, "eval_loss")
    assert [step for step, _ in held_out] == [12, 24]
    assert held_out[1][1] < held_out[0][1]
    assert json.loads((config.out / "summary.json").read_text()) == told
    assert json.loads((config.out / "config.json").read_text())["seed"] == 0
    assert list((config.out / "tensorboard").iterdir())
    assert told["problems"] == {}
    # The share of each environment is counted as the rows are seen, and is that of the plan.
    steps = 24
    for one, share in told["q_drawn"].items():
        assert sum(value for _, value in metrics(config.out, f"q/{one}")) / steps == pytest.approx(share)
    bound = metrics(config.out, "eval_risk/bound")[1][1]
    assert bound == pytest.approx(metrics(config.out, "eval_risk/mixed")[1][1] / 0.05)
    assert bound > metrics(config.out, "eval_risk/worst")[1][1]

    made = load(config.out / "model", precision="fp32", device="cpu")
    before = load_for_training(config.model).state_dict()
    after = made.model.state_dict()
    differing = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("model.language_model.") for name in differing)
    assert any(name.startswith("model.ecg_projector.") for name in differing)
    assert not any(name.startswith(("model.ecg_tower.", "model.visual.blocks.")) for name in differing)


def test_packing_and_gradient_checkpointing_learn_the_same(config: SftConfig) -> None:
    run_sft(config)
    run_sft(changed(config, out=config.out.parent / "packed", packing=True, max_length=1024))
    run_sft(changed(config, out=config.out.parent / "again", gradient_checkpointing=True))
    plain = metrics(config.out)
    for other in ("packed", "again"):
        for (_, one), (_, two) in zip(plain, metrics(config.out.parent / other), strict=True):
            assert one == pytest.approx(two, abs=2e-4)


def test_accumulation_is_one_larger_batch(config: SftConfig) -> None:
    run_sft(changed(config, batch_rows=4))
    run_sft(changed(config, out=config.out.parent / "small", batch_rows=1, accumulate=4))
    for (_, one), (_, two) in zip(metrics(config.out), metrics(config.out.parent / "small"), strict=True):
        assert one == pytest.approx(two, abs=2e-4)


def test_workers_prepare_the_same_rows(config: SftConfig) -> None:
    run_sft(config)
    run_sft(changed(config, out=config.out.parent / "workers", workers=1))
    assert metrics(config.out) == metrics(config.out.parent / "workers")


def test_bf16(config: SftConfig) -> None:
    told = run_sft(changed(config, bf16=True, save_as="bf16"))
    assert abs(told["losses"]["first"] - 6.5) < 2
    weights = load_file(config.out / "model" / "model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.bfloat16}
    assert load(config.out / "model", precision="bf16", device="cpu").precision == "bf16"


def test_adapter_alone(config: SftConfig, sft_rows: Path) -> None:
    parts = {"language": "lora", "projectors": "frozen"}
    told = run_sft(changed(config, parts=parts, save="adapter", learning_rate=0.05))
    assert sorted(path.name for path in Path(told["adapter"]).glob("adapter_*")) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    plain = load(config.model, precision="fp32", device="cpu")
    adapted = load(config.model, precision="fp32", device="cpu", adapter=config.out / "adapter")
    merged = run_sft(changed(config, parts=parts, out=config.out.parent / "whole", learning_rate=0.05))
    whole = load(Path(merged["model"]), precision="fp32", device="cpu")
    one, two, three = (logits_of(each.model, each.processor, sft_rows) for each in (plain, adapted, whole))
    assert float((one - two).abs().max()) > 0.01
    assert torch.allclose(two, three, atol=1e-4)


@pytest.mark.parametrize("weights", ["fp32", "nf4"])
def test_adapters_beside_projectors_in_full_make_a_whole_checkpoint(
    config: SftConfig, sft_rows: Path, weights: str
) -> None:
    pytest.importorskip("bitsandbytes")
    run_sft(changed(config, parts={"language": "lora"}, weights=weights, learning_rate=0.02))
    made = load(config.out / "model", precision="fp32", device="cpu")
    before, after = load_for_training(config.model).state_dict(), made.model.state_dict()
    differing = {name for name in before if not torch.equal(before[name], after[name])}
    assert {"model.ecg_projector.0.weight", "model.language_model.layers.0.mlp.up_proj.weight"} <= differing
    assert "model.language_model.embed_tokens.weight" not in differing
    assert not (config.out / "model" / "adapter").exists()


def test_pretrained_tower_is_taken_in(config: SftConfig, tmp_path: Path) -> None:
    other = load_for_training(checkpoint(tmp_path / "other", seed=9))
    save_tower(other.model.ecg_tower, tmp_path / "tower.safetensors")
    run_sft(changed(config, ecg_tower=tmp_path / "tower.safetensors", max_steps=1))
    made = load_for_training(config.out / "model")
    for name, value in other.model.ecg_tower.state_dict().items():
        assert torch.equal(value, made.model.ecg_tower.state_dict()[name])


def test_coca_file_holds_a_tower(sft_model: Path, tmp_path: Path) -> None:
    tower = load_for_training(sft_model).model.ecg_tower
    held = {f"module.ecg.{name}": value + 1 for name, value in tower.state_dict().items()}
    torch.save({"epoch": 20, "state_dict": held | {"module.text.x": torch.zeros(2)}}, tmp_path / "cpt.pt")
    load_tower(tower, tmp_path / "cpt.pt", "ecg_tower")
    assert torch.equal(tower.state_dict()["proj"], held["module.ecg.proj"])


def test_towers_that_do_not_fit(sft_model: Path, tmp_path: Path) -> None:
    tower = load_for_training(sft_model).model.ecg_tower
    with pytest.raises(InputError, match=r"none.safetensors: is not there"):
        load_tower(tower, tmp_path / "none.safetensors", "ecg_tower")
    wide = load_for_training(checkpoint(tmp_path / "wide", tower_width=32)).model.ecg_tower
    save_tower(wide, tmp_path / "wide.safetensors")
    with pytest.raises(InputError, match=r"wide.safetensors: holds an ECG tower of another size"):
        load_tower(tower, tmp_path / "wide.safetensors", "ecg_tower")
    shutil.copy(sft_model / "model-00001-of-00002.safetensors", tmp_path / "model.safetensors")
    with pytest.raises(InputError, match=r"holds no ECG tower of this model"):
        load_tower(tower, tmp_path / "model.safetensors", "ecg_tower")


def test_full_disk_leaves_the_checkpoint_before_whole(config: SftConfig) -> None:
    """A limit on the size of files stands for the full disk: the same calls fail in the same place."""
    run_sft(changed(config, max_steps=2, schedule="constant"))
    (config.out / "config.json").unlink()  # going on for longer is another run; this one is to fail at step 4
    before = {path.name: path.read_bytes() for path in (config.out / "checkpoints" / "checkpoint-2").iterdir()}
    longer = changed(config, max_steps=4, schedule="constant")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(len(content) for content in before.values())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, limits[1]))
    try:
        with pytest.raises(
            InputError,
            match=r"^checkpoint-4: could not be written \(.+\): checkpoint-2 is whole; free disk space and run the "
            r"command again\.$",
        ):
            run_sft(longer)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in (config.out / "checkpoints").iterdir()] == ["checkpoint-2"]
    for name, content in before.items():
        assert (config.out / "checkpoints" / "checkpoint-2" / name).read_bytes() == content
    assert run_sft(longer)["steps"] == 4


def test_rows_that_cannot_be_used_are_named_and_counted(config: SftConfig, sft_rows: Path, tmp_path: Path) -> None:
    good = json.loads(sft_rows.read_text().splitlines()[0])
    (sft_rows.parent / "broken.png").write_bytes(b"no image")
    bad = [
        "{not json",
        json.dumps({**good, "images": []}),
        json.dumps({**good, "images": ["absent.png"]}),
        json.dumps({**good, "images": ["broken.png"]}),
        json.dumps({**good, "labels": ["elevated spirits"]}),
        json.dumps({**good, "messages": good["messages"][:2]}),
        json.dumps({**good, "messages": [*good["messages"][:2], {"role": "assistant", "content": "word " * 3000}]}),
    ]
    rows = own_rows(sft_rows, tmp_path, *bad, count=3)
    config = changed(
        config, train=rows, ecg_root=sft_rows.parent, image_root=sft_rows.parent, max_length=1000, max_steps=8, q="none"
    )
    told = run_sft(config)
    assert told["problems"] == {
        **{"row": 1, "modality": 1, "file": 1, "label": 1, "answer": 1},
        **{"recording or page": 1, "too long": 1},
    }
    noted = [json.loads(line) for line in (config.out / "problems.jsonl").read_text().splitlines()]
    assert len(noted) == 7
    assert {one["subject"] for one in noted} == {f"own.jsonl line {number}" for number in range(4, 11)}
    with pytest.raises(InputError, match=r"own.jsonl line 4: is not JSON"):
        run_sft(changed(config, out=tmp_path / "stopping", on_problem="stop"))


def test_row_found_bad_on_the_way_stops_the_run_where_it_is_to(
    config: SftConfig, sft_rows: Path, tmp_path: Path
) -> None:
    row = json.loads(sft_rows.read_text().splitlines()[0])
    (sft_rows.parent / "unreadable.png").write_bytes(b"no image")
    rows = own_rows(sft_rows, tmp_path, json.dumps({**row, "images": ["unreadable.png"]}), count=3)
    config = changed(config, train=rows, ecg_root=sft_rows.parent, image_root=sft_rows.parent, q="none")
    with pytest.raises(InputError, match=r"line 4: its image unreadable.png cannot be read"):
        run_sft(changed(config, on_problem="stop", workers=1, max_steps=8))


def test_no_row_is_left(config: SftConfig, sft_rows: Path, tmp_path: Path) -> None:
    empty = own_rows(sft_rows, tmp_path, count=0)
    with pytest.raises(InputError, match=r"own.jsonl: holds no row that can be used"):
        run_sft(changed(config, train=empty))
    with pytest.raises(InputError, match=r"training rows: none of them can be used; mend them: .* takes \d+ tokens"):
        run_sft(changed(config, max_length=128))


def test_patient_in_both_files(config: SftConfig, sft_rows: Path, tmp_path: Path) -> None:
    test = sft_rows.parent / "leaking.jsonl"
    rows = [row for row in read_rows(sft_rows) if isinstance(row, Row)]
    write_rows(
        test,
        [row for row in read_rows(sft_rows.parent / "held_out" / "test.jsonl") if isinstance(row, Row)] + rows[3:4],
    )
    with pytest.raises(InputError, match=r"leaking.jsonl: shares a patient with the training file \(patient 3\)"):
        run_sft(changed(config, test=test))


def test_folder_of_another_run(config: SftConfig) -> None:
    run_sft(config)
    with pytest.raises(InputError, match="run: holds a run with another seed, learning_rate; set it back"):
        run_sft(changed(config, seed=1, learning_rate=1e-4))
    with pytest.raises(InputError, match="run: already holds a run"):
        run_sft(changed(config, resume=False))
    again = metrics(config.out)
    assert run_sft(config)["steps"] == 4
    assert metrics(config.out) == again


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"save": "adapter"}, "an adapter alone cannot hold a part that learns in full"),
        ({"parts": {"language": "frozen", "projectors": "frozen"}}, "parts: are all frozen"),
        ({"weights": "nf4"}, "parts.language: cannot learn in full in 4 bits"),
        ({"model": Path("nowhere")}, "nowhere: is not a directory"),
        ({"train": Path("nothing.jsonl")}, "nothing.jsonl: cannot be read as text"),
    ],
)
def test_configurations_that_cannot_run(config: SftConfig, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        run_sft(changed(config, **changes))


def test_loss_that_is_no_number_ends_the_run(config: SftConfig) -> None:
    with pytest.raises(InputError, match=r"step \d+: the loss is no longer a finite number; lower learning_rate"):
        run_sft(changed(config, learning_rate=1e20, max_steps=12, schedule="constant", warmup=0))


def test_rows_are_seen_in_order_of_epochs(sft_rows: Path) -> None:
    from training.learning.rows import Plan

    plan = Plan(8, 24, 3, lambda epoch, index: (epoch, index))
    seen = [plan[number][0] for number in range(24)]
    for epoch in range(3):
        assert sorted(index for when, index in seen if when == epoch) == list(range(8))
    assert [index for when, index in seen if when == 0] != [index for when, index in seen if when == 1]
    assert seen == [Plan(8, 24, 3, lambda epoch, index: (epoch, index))[number][0] for number in range(24)]


def test_commented_configuration_is_complete() -> None:
    path = Path(__file__).parents[3] / "training" / "configs" / "sft.yaml"
    config = load_config(SftConfig, path)
    assert path.read_text().splitlines()[0] == "# ecgr1 train sft --config training/configs/sft.yaml"
    assert config.q == SftConfig.model_fields["q"].default
    for name in SftConfig.model_fields:
        assert f"\n{name}:" in path.read_text() or f"\n# {name}:" in path.read_text(), name
