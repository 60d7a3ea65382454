"""Pre-training of the vision tower: what it sees, where gradients go, what a run learns, and where its file goes."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[1] / "sft"))
from sft_kit import checkpoint, corpus, metrics

from app import main
from ecgr1_core.errors import InputError
from ecgr1_core.model.processing import EcgR1Processor
from training.freezing import load_for_training
from training.media import Media, drawn_sheet
from training.page_traces import COLUMNS, NO_LEAD, UNKNOWN_LEAD, traces_of, traces_path
from training.rows import Row, read_rows
from training.run_config import load_config
from training.sft import SftConfig, run_sft
from training.targets import LABELS, TARGETS, label_row, scales
from training.tower import VisionConfig, run_vision
from training.tower.encoders import VisionEncoder
from training.tower.network import PADDING, TextTower, TowerLearner
from training.tower.sights import Pages
from training.tower.weights import load_tower, save_tower

OBJECTIVES = ("measurements", "labels", "contrastive", "captioning")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint whose pages take at most 24 tokens."""
    torch.set_num_threads(1)
    folder = checkpoint(tmp_path_factory.mktemp("vision") / "tiny")
    EcgR1Processor.from_pretrained(folder, max_image_tokens=24).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight rows with recording and page; beside them `test.jsonl`, and four in `drawn.jsonl`, two without page."""
    folder = tmp_path_factory.mktemp("vision_rows")
    corpus(folder, range(8, 12), "test.jsonl")
    path = corpus(folder, range(8))
    lines = [json.loads(line) for line in path.read_text().splitlines()[:4]]
    for line in lines[:2]:
        line["images"] = []
    (folder / "drawn.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    return path


def config(model: Path, rows: Path, out: Path, **changes: Any) -> VisionConfig:
    fast: dict[str, Any] = {
        **{"max_steps": 2, "batch_rows": 4, "learning_rate": 3e-3, "warmup": 0, "cpu": True, "text_width": 16},
        **{"log_every": 1, "save_every": 1000, "test_every": 1000, "text_layers": 1, "text_heads": 2},
    }
    return VisionConfig(model=model, train=rows, out=out, **{**fast, **changes})


def learner(inner: Any, *names: str) -> TowerLearner:
    torch.manual_seed(1)
    weights = {name: 1.0 if name in names else 0.0 for name in OBJECTIVES}
    encoder = VisionEncoder(inner.visual, 16)
    return TowerLearner(encoder, TextTower(400, 16, 2, 2, 12), weights, len(TARGETS), len(LABELS))


def batch(*grids: tuple[int, int]) -> dict[str, torch.Tensor]:
    """Pages of these heights and widths in patches."""
    rng = torch.Generator().manual_seed(2)
    ids = torch.randint(0, 400, (len(grids), 8), generator=rng)
    ids[0, 5:] = PADDING
    pages = [torch.randn(height * width, 1536, generator=rng) for height, width in grids]
    return {
        "pixel_values": torch.cat(pages),
        "image_grid_thw": torch.tensor([[1, *grid] for grid in grids]),
        "numbers": torch.randn(len(grids), len(TARGETS), generator=rng),
        "label_values": torch.randint(0, 2, (len(grids), len(LABELS)), generator=rng).float(),
        "ids": ids,
    }


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective_reaches_all_of_the_vision_tower_and_nothing_else_of_the_model(
    model: Path, objective: str
) -> None:
    whole = load_for_training(model)
    one = learner(whole.model, objective)
    one.total(one(**batch((4, 6), (4, 4), (6, 4)))).backward()
    assert [name for name, p in one.named_parameters() if p.requires_grad and p.grad is None] == []
    reached = {name for name, p in whole.named_parameters() if p.grad is not None and float(p.grad.abs().sum()) > 0}
    assert reached == {name for name, _ in whole.named_parameters() if name.startswith("model.visual.")}
    assert {name.split(".")[2] for name in reached} >= {"blocks", "merger", "deepstack_merger_list", "patch_embed"}


def test_a_page_is_told_alike_alone_and_beside_larger_ones(model: Path) -> None:
    one = learner(load_for_training(model).model, *OBJECTIVES).eval()
    together = batch((4, 4), (6, 8))
    alone = {name: value[:1] for name, value in together.items()} | {"pixel_values": together["pixel_values"][:16]}
    with torch.no_grad():
        small, both = one(**alone), one(**together)
        vectors, absent = one.encoder(**{name: together[name] for name in ("pixel_values", "image_grid_thw")})
    assert vectors.shape == (2, 4 + 12, 32)
    assert absent.sum(dim=1).tolist() == [8, 0]
    for name in ("told_numbers", "told_labels", "alike"):
        assert torch.allclose(small[name][0, :1], both[name][0, :1], atol=1e-5), name
    assert torch.allclose(small["told_numbers"][0], both["told_numbers"][0], atol=1e-5)


def test_drawn_pages_look_different_in_each_epoch_and_the_same_again(model: Path, rows: Path) -> None:
    processor = EcgR1Processor.from_pretrained(model)
    own, drawn = (next(iter(read_rows(rows.parent / name))) for name in ("rows.jsonl", "drawn.jsonl"))
    assert isinstance(own, Row)
    assert isinstance(drawn, Row)
    pages = Pages(Media(rows.parent, rows.parent, draw_missing=True), processor, "worn", 3)
    first, again, later = (pages(drawn, epoch)["pixel_values"] for epoch in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, later)
    assert np.array_equal(pages(own, 0)["pixel_values"], pages(own, 1)["pixel_values"])
    assert pages(own, 0)["image_grid_thw"].prod() // 4 <= 24


def test_what_runs_where_is_told_of_drawn_pages_and_of_a_corpus_s_own(model: Path, rows: Path, tmp_path: Path) -> None:
    processor = EcgR1Processor.from_pretrained(model)
    drawn = next(row for row in read_rows(rows.parent / "drawn.jsonl") if isinstance(row, Row))
    media = Media(rows.parent, rows.parent, draw_missing=True)
    seen = Pages(media, processor, "plain", 3, traces=True)(drawn, 0)
    tokens = int(seen["image_grid_thw"].prod()) // 4
    assert seen["trace_leads"].shape == (tokens,)
    assert seen["trace_mv"].shape == (tokens, COLUMNS)
    assert len(set(seen["trace_leads"])) > 6
    assert set(seen["trace_leads"]) <= set(range(NO_LEAD + 1))
    sheet = drawn_sheet(media.record(drawn), "plain", np.random.default_rng(0))
    sheet.image.save(tmp_path / "own.png")
    own = Pages(Media(rows.parent, tmp_path), processor, "plain", 3, traces=True)
    row = replace(drawn, image="own.png")
    assert set(own(row, 0)["trace_leads"]) == {UNKNOWN_LEAD}
    traces_of(sheet.truth).save(traces_path(tmp_path / "own.png"))
    assert np.array_equal(own(row, 0)["trace_leads"], seen["trace_leads"])


@pytest.mark.slow
def test_run_gets_clearly_under_constant_predictions(model: Path, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    taught: dict[str, Any] = {"max_steps": 150, "batch_rows": 8, "schedule": "constant", "labels": 10}
    taught["test"] = rows.parent / "test.jsonl"
    told = run_vision(config(model, rows, out, **taught))
    with np.load(out / "measured-rows.npz") as held:
        numbers = held["numbers"]
    mean, spread = scales(numbers)
    scaled = torch.from_numpy(((numbers - mean) / spread)[np.isfinite(numbers)])
    constant = {"measurements": float(functional.smooth_l1_loss(torch.zeros_like(scaled), scaled))}
    labels = torch.from_numpy(np.stack([label_row(row) for row in read_rows(rows) if isinstance(row, Row)]))
    shares = labels.mean(dim=0).expand_as(labels)
    constant["labels"] = float(functional.binary_cross_entropy(shares, labels))
    for name in OBJECTIVES:
        curve = [value for _, value in metrics(out, f"loss/{name}")]
        assert np.mean(curve[-3:]) < 0.5 * np.mean(curve[:2]), name
        assert np.mean(curve[-3:]) < 0.5 * constant.get(name, np.inf), name
    assert {f"eval_error/{name}" for name in ("heart_rate_bpm", "qrs_duration_ms")} <= set(told["test"])
    before = load_for_training(model).model.visual.state_dict()
    made = load_file(Path(told["vision"]))
    assert made.keys() == before.keys()
    assert not any(torch.equal(made[name], before[name]) for name in before)
    assert json.loads((out / "summary.json").read_text()) == told


class Interrupting(logging.Handler):
    """Is Ctrl-C while a step is told."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("step 3 of 6"):
            raise KeyboardInterrupt


def test_an_interrupted_run_goes_on_to_the_same_tower(
    model: Path, rows: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run is interrupted as by Ctrl-C, after a checkpoint and amid the steps that come after it."""
    shared: dict[str, Any] = {"max_steps": 6, "save_every": 2, "batch_rows": 2, "measurements": 0}
    unbroken = config(model, rows.parent / "drawn.jsonl", tmp_path / "unbroken", **shared)
    broken = config(model, rows.parent / "drawn.jsonl", tmp_path / "broken", **shared)
    told, interrupting = logging.getLogger("training.learning.trainer"), Interrupting()
    told.addHandler(interrupting)
    try:
        with caplog.at_level(logging.INFO, logger=told.name), pytest.raises(KeyboardInterrupt):
            run_vision(broken)
    finally:
        told.removeHandler(interrupting)
    assert 2 <= len((broken.out / "metrics.jsonl").read_text().splitlines()) < 6
    assert not (broken.out / "vision.safetensors").exists()
    run_vision(broken)
    run_vision(unbroken)
    assert metrics(broken.out) == metrics(unbroken.out)
    one, two = (each.out / "vision.safetensors" for each in (unbroken, broken))
    assert one.read_bytes() == two.read_bytes()


def test_gradient_checkpointing_and_workers_learn_the_same(model: Path, rows: Path, tmp_path: Path) -> None:
    run_vision(config(model, rows, tmp_path / "plain", measurements=0))
    run_vision(config(model, rows, tmp_path / "other", measurements=0, gradient_checkpointing=True, workers=1))
    one, two = (load_file(tmp_path / name / "vision.safetensors") for name in ("plain", "other"))
    assert all(torch.allclose(one[name], two[name], atol=1e-5) for name in one)


@pytest.mark.parametrize("language", ["full", "lora"])
def test_fine_tuning_starts_with_the_tower(model: Path, rows: Path, tmp_path: Path, language: str) -> None:
    other = load_for_training(checkpoint(tmp_path / "other", seed=9)).model
    save_tower(other.visual, tmp_path / "vision.safetensors")
    save_tower(other.ecg_tower, tmp_path / "tower.safetensors")
    given: dict[str, Any] = {
        **{"model": model, "train": rows, "out": tmp_path / "sft", "max_steps": 1, "batch_rows": 1, "cpu": True},
        **{"vision_tower": tmp_path / "vision.safetensors", "ecg_tower": tmp_path / "tower.safetensors"},
        **{"parts": {"language": language, "projectors": "frozen"}, "save_as": "fp32"},
    }
    run_sft(SftConfig(**given))
    made = load_for_training(tmp_path / "sft" / "model").model
    for tower in ("visual", "ecg_tower"):
        held = getattr(made, tower).state_dict()
        assert all(torch.equal(value, held[name]) for name, value in getattr(other, tower).state_dict().items()), tower
    with pytest.raises(InputError, match="an adapter alone cannot hold"):
        run_sft(
            SftConfig(
                **{**given, "ecg_tower": None, "parts": {"language": "lora", "projectors": "frozen"}}, save="adapter"
            )
        )


def test_files_that_are_no_vision_tower_of_this_model(model: Path, tmp_path: Path) -> None:
    inner = load_for_training(model).model
    with pytest.raises(InputError, match=r"none.safetensors: is not there; give the file of a vision tower"):
        load_tower(inner.visual, tmp_path / "none.safetensors", "vision_tower")
    save_tower(inner.ecg_tower, tmp_path / "ecg.safetensors")
    with pytest.raises(InputError, match=r"holds no vision tower of this model \(.+ is missing\); give a vision tower"):
        load_tower(inner.visual, tmp_path / "ecg.safetensors", "vision_tower")
    wide = load_for_training(checkpoint(tmp_path / "wide", vision_width=32)).model.visual
    save_tower(wide, tmp_path / "wide.safetensors")
    with pytest.raises(InputError, match="holds a vision tower of another size"):
        load_tower(inner.visual, tmp_path / "wide.safetensors", "vision_tower")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "wide.safetensors").read_bytes()[:1000])
    with pytest.raises(InputError, match=r"cut.safetensors: "):
        load_tower(inner.visual, tmp_path / "cut.safetensors", "vision_tower")


def test_rows_without_page_recording_or_file(model: Path, rows: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    shutil.copytree(rows.parent, folder)
    good = json.loads(rows.read_text().splitlines()[0])
    page_alone = {**good, "objects": {"ecg": []}}
    recording_alone = {**good, "images": []}
    neither = {**good, "objects": {"ecg": []}, "images": []}
    lost = {**good, "images": ["none.png"]}
    (folder / "torn.png").write_text("no image")
    torn = {**good, "images": ["torn.png"]}
    lines = (page_alone, recording_alone, neither, lost, torn)
    (folder / "bad.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    told = run_vision(config(model, folder / "bad.jsonl", tmp_path / "run", max_steps=1, captioning=0, contrastive=0))
    assert told["rows"] == 3
    assert told["problems"] == {"modality": 1, "file": 1, "recording or page": 1}
    with np.load(tmp_path / "run" / "measured-bad.npz") as held:
        assert np.isfinite(held["numbers"]).any(axis=1).tolist() == [False, True, True]
    told = run_vision(
        config(model, folder / "bad.jsonl", tmp_path / "own", max_steps=1, measurements=0, draw_missing=False)
    )
    assert told["rows"] == 2
    assert told["problems"]["modality"] == 2


def test_commented_configuration_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(__file__).parents[3] / "training" / "configs" / "vision.yaml"
    load_config(VisionConfig, path)
    assert path.read_text().splitlines()[0] == "# ecgr1 train vision --config training/configs/vision.yaml"
    for name in VisionConfig.model_fields:
        assert f"\n{name}:" in path.read_text() or f"\n# {name}:" in path.read_text(), name
    assert main(["train", "vision", "--fields"]) == 0
    assert "draw_missing: draw a page for rows that have a recording and no page (default True)" in (
        capsys.readouterr().out
    )
