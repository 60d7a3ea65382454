"""Pre-training of the ECG tower: what it is to tell, where gradients go, and a run whose figures improve."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parents[1] / "sft"))
from sft_kit import checkpoint, corpus, metrics, recording

from ecgr1_core.errors import InputError
from ecgr1_core.measure import Measurements, measure
from training.corpus.config import CorpusConfig, Shares, SyntheticSource
from training.corpus.run import run_corpus
from training.freezing import load_for_training
from training.media import media_beside
from training.rows import Row, read_rows
from training.run_config import load_config
from training.targets import (
    BEAT,
    LABELS,
    MOST_BEATS,
    TARGETS,
    beside_rows,
    label_row,
    measured_rows,
    numbers,
    scales,
    text_of,
)
from training.tower import TowerConfig, run_tower
from training.tower.encoders import EcgEncoder
from training.tower.network import PADDING, TextTower, TowerLearner
from training.tower.trainer import mean_auroc

OBJECTIVES = ("measurements", "labels", "contrastive", "captioning", "waves")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return checkpoint(tmp_path_factory.mktemp("tower") / "tiny")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tower_rows")
    corpus(folder, range(8, 12), "test.jsonl")
    return corpus(folder, range(8))


def learner(model: Path, *names: str) -> TowerLearner:
    torch.manual_seed(1)
    weights = {name: 1.0 if name in names else 0.0 for name in OBJECTIVES}
    encoder = EcgEncoder(load_for_training(model).model.ecg_tower)
    return TowerLearner(encoder, TextTower(400, 16, 2, 2, 12), weights, len(TARGETS), len(LABELS))


def batch(count: int = 3) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(2)
    ids = torch.randint(0, 400, (count, 8), generator=rng)
    ids[0, 5:] = PADDING
    return {
        "ecg_values": torch.randn(count, 12, 5000, generator=rng),
        "numbers": torch.randn(count, len(TARGETS), generator=rng),
        "label_values": torch.randint(0, 2, (count, len(LABELS)), generator=rng).float(),
        "ids": ids,
        "beats": 10 * torch.rand(count, MOST_BEATS, len(BEAT), generator=rng),
    }


def test_numbers_are_the_measurements() -> None:
    record, _ = recording(0)
    measured = measure(record)
    found = dict(zip(TARGETS, numbers(measured), strict=True))
    assert found["heart_rate_bpm"] == pytest.approx(measured.heart_rate_bpm)
    assert measured.qrs_axis_deg is not None
    angle = math.degrees(math.atan2(found["sin_qrs_axis_deg"], found["cos_qrs_axis_deg"]))
    assert angle == pytest.approx(measured.qrs_axis_deg, abs=1e-3)
    assert found["V2_s_amplitude_mv"] == pytest.approx(measured.leads["V2"].s_amplitude_mv)
    assert np.isnan(numbers(Measurements())).all()


def test_measured_once_and_again_for_other_rows(rows: Path, tmp_path: Path) -> None:
    members = [row for row in read_rows(rows) if isinstance(row, Row)][:3]
    media = media_beside(rows)
    path = tmp_path / "measured.npz"
    found = measured_rows(members, media, path)
    assert found.numbers.shape == (3, len(TARGETS))
    assert found.beats.shape == (3, MOST_BEATS, len(BEAT))
    with np.load(path) as held:
        np.savez(path, **{**held, "numbers": held["numbers"] + 1})
    again = measured_rows(members, media, path)
    assert np.array_equal(again.numbers, found.numbers + 1, equal_nan=True)
    assert np.array_equal(again.beats, found.beats, equal_nan=True)
    fewer = measured_rows(members[:2], media, path)
    assert np.array_equal(fewer.numbers, found.numbers[:2], equal_nan=True)


def test_measurements_of_other_targets_are_measured_anew(rows: Path, tmp_path: Path) -> None:
    members = [row for row in read_rows(rows) if isinstance(row, Row)][:2]
    media, path = media_beside(rows), tmp_path / "measured.npz"
    found = measured_rows(members, media, path)
    with np.load(path) as held:
        np.savez(path, **{**held, "numbers": held["numbers"] + 1, "beat": np.array(["r_s"])})
    assert np.array_equal(measured_rows(members, media, path).numbers, found.numbers, equal_nan=True)


def test_what_a_corpus_measured_is_not_measured_again(tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    run_corpus(
        CorpusConfig(
            out=out, sources=(SyntheticSource(count=3),), shares=Shares(sft=1, rl=0, test=0), pages="none", jobs=1
        )
    )
    path = out / "sft.jsonl"
    members = [row for row in read_rows(path) if isinstance(row, Row)]
    media, kept = media_beside(path), tmp_path / "measured.npz"
    found = measured_rows(members, media, kept, known=beside_rows(path))
    assert not kept.exists()
    anew = measured_rows(members, media, kept)
    assert np.allclose(found.numbers, anew.numbers, equal_nan=True)
    assert np.allclose(found.beats, anew.beats, equal_nan=True)
    strange = replace(members[0], id="another")
    again = tmp_path / "again.npz"
    alone = measured_rows([strange], media, again, known=beside_rows(path))
    assert np.allclose(alone.numbers, found.numbers[:1], equal_nan=True)
    assert again.exists()


def test_scales_leave_out_what_is_not_known() -> None:
    measured = np.array([[1.0, np.nan, 5.0], [3.0, np.nan, 5.0], [np.nan, np.nan, 5.0]], dtype=np.float32)
    mean, spread = scales(measured)
    assert mean.tolist() == [2.0, 0.0, 5.0]
    assert spread.tolist() == [1.0, 1.0, 1.0]


def test_labels_and_text_of_a_row(rows: Path) -> None:
    row = next(iter(read_rows(rows)))
    assert isinstance(row, Row)
    told = label_row(row)
    assert told[LABELS.index("sinus rhythm")] == 1
    assert np.isnan(label_row(Row(messages=({"role": "user", "content": "<ecg>"},)))).all()
    assert text_of(row) == "Reading 0. sinus rhythm"
    assert text_of(Row(messages=({"role": "user", "content": "<ecg>"},), labels=("sinus rhythm",))) == "sinus rhythm"


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective_reaches_the_tower_and_its_own_teacher(model: Path, objective: str) -> None:
    one = learner(model, objective)
    losses = one(**batch())
    one.total(losses).backward()
    unreached = [name for name, p in one.named_parameters() if p.requires_grad and p.grad is None]
    assert unreached == []
    assert float(one.encoder.tower.conv1.weight.grad.abs().sum()) > 0
    assert (one.encoder.projection.grad is not None) == (objective == "contrastive")


def test_what_is_not_known_teaches_nothing(model: Path) -> None:
    one = learner(model, "measurements", "labels")
    given = batch()
    part = {**given, "numbers": given["numbers"].clone(), "label_values": given["label_values"].clone()}
    part["numbers"][:, 3:] = float("nan")
    part["label_values"][1:] = float("nan")
    losses = one(**part)
    said = losses["told_numbers"][:, :3]
    assert losses["measurements"].item() == pytest.approx(
        torch.nn.functional.smooth_l1_loss(said, given["numbers"][:, :3]).item()
    )
    nothing = {name: torch.full_like(given[name], float("nan")) for name in ("numbers", "label_values")}
    assert float(one.total(one(**{**given, **nothing}))) == 0.0


def test_contrast_by_hand(model: Path) -> None:
    one = learner(model, "contrastive").eval()
    given = batch(2)
    found = one(**given)
    logits = (found["alike"] / 0.07).detach().numpy()
    each = [-logits[n, n] + np.log(np.exp(logits[n]).sum()) for n in range(2)]
    other = [-logits[n, n] + np.log(np.exp(logits[:, n]).sum()) for n in range(2)]
    assert float(found["contrastive"]) == pytest.approx((np.mean(each) + np.mean(other)) / 2, rel=1e-4)
    same = one(**{**given, "ids": given["ids"][[1, 1]]})
    logits = (same["alike"] / 0.07).detach().numpy()
    each = [np.mean(np.log(np.exp(logits[n]).sum()) - logits[n]) for n in range(2)]
    assert float(same["contrastive"]) == pytest.approx(
        (np.mean(each) + np.mean([np.mean(np.log(np.exp(logits[:, n]).sum()) - logits[:, n]) for n in range(2)])) / 2,
        rel=1e-4,
    )


def test_words_see_no_later_word_and_padding_changes_nothing(model: Path) -> None:
    text = learner(model, "contrastive", "captioning").text
    assert text is not None
    ids = batch()["ids"]
    later = ids.clone()
    later[1, 6] = (later[1, 6] + 1) % 400
    seen = torch.randn(3, 101, 16, generator=torch.Generator().manual_seed(3))
    (first, words), (other, other_words) = text.read(ids), text.read(later)
    assert torch.allclose(words[1, :6], other_words[1, :6], atol=1e-6)
    assert not torch.allclose(first[1], other[1])
    said, said_later = text.say(words, seen), text.say(other_words, seen)
    assert torch.allclose(said[1, :6], said_later[1, :6], atol=1e-5)
    short, _ = text.read(ids[:1, :5])
    assert torch.allclose(first[0], short[0], atol=1e-5)
    text.eval()
    with torch.no_grad():
        assert torch.allclose(text.read(ids)[0], first, atol=1e-5)


def test_area_under_the_curve_by_hand() -> None:
    said = np.array([[0.1, 1.0], [0.4, 1.0], [0.35, 1.0], [0.8, 1.0]])
    true = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    assert mean_auroc(said, true) == pytest.approx(0.75)
    true[0, 0] = np.nan
    assert mean_auroc(said, true) == pytest.approx(0.5)
    assert mean_auroc(said, np.ones_like(true)) is None


def config(model: Path, rows: Path, out: Path, **changes: Any) -> TowerConfig:
    fast: dict[str, Any] = {
        **{"max_steps": 30, "batch_rows": 8, "learning_rate": 5e-3, "warmup": 0, "cpu": True, "text_width": 16},
        **{"log_every": 1, "save_every": 10, "test_every": 30, "text_layers": 1, "text_heads": 2},
    }
    return TowerConfig(model=model, train=rows, out=out, **{**fast, **changes})


@pytest.mark.slow
def test_run_teaches_the_tower(model: Path, rows: Path, tmp_path: Path) -> None:
    told = run_tower(config(model, rows, tmp_path / "run", test=rows.parent / "test.jsonl"))
    for name in OBJECTIVES:
        curve = [value for _, value in metrics(tmp_path / "run", f"loss/{name}")]
        assert np.mean(curve[-3:]) < 0.8 * np.mean(curve[:2]), name
    assert {f"eval_error/{name}" for name in ("heart_rate_bpm", "qrs_duration_ms")} <= set(told["test"])
    assert 0 <= told["test"]["eval_text_found"] <= 1
    assert 0 <= told["test"]["eval_auroc"] <= 1
    before = load_for_training(model).model.ecg_tower.state_dict()
    made = load_file(Path(told["tower"]))
    assert made.keys() == before.keys()
    assert not any(torch.equal(made[name], before[name]) for name in before)
    assert json.loads((tmp_path / "run" / "summary.json").read_text()) == told


def test_resumed_run_makes_the_same_tower(model: Path, rows: Path, tmp_path: Path) -> None:
    whole = config(model, rows, tmp_path / "whole", max_steps=6, save_every=2, schedule="constant", measurements=0)
    run_tower(whole)
    half = TowerConfig.model_validate({**whole.model_dump(), "out": tmp_path / "half", "max_steps": 4})
    run_tower(half)
    (tmp_path / "half" / "config.json").unlink()
    run_tower(TowerConfig.model_validate({**half.model_dump(), "max_steps": 6}))
    one, two = (tmp_path / name / "tower.safetensors" for name in ("whole", "half"))
    assert one.read_bytes() == two.read_bytes()


def test_rows_without_recording_or_text(model: Path, rows: Path, tmp_path: Path) -> None:
    good = json.loads(rows.read_text().splitlines()[0])
    no_ecg = {**good, "objects": {"ecg": []}}
    silent = {**good, "messages": good["messages"][:2]}
    silent.pop("labels")
    (rows.parent / "bad.jsonl").write_text("\n".join(json.dumps(one) for one in (good, no_ecg, silent)) + "\n")
    told = run_tower(config(model, rows.parent / "bad.jsonl", tmp_path / "run", max_steps=2, measurements=0))
    assert told["problems"] == {"modality": 1, "recording or page": 1}
    assert run_tower(
        config(model, rows.parent / "bad.jsonl", tmp_path / "other", max_steps=2, contrastive=0, captioning=0)
    )["problems"] == {"modality": 1}


def test_configurations_that_cannot_run(model: Path, rows: Path, tmp_path: Path) -> None:
    nothing = dict.fromkeys(OBJECTIVES, 0.0)
    with pytest.raises(InputError, match="objectives: are all of weight 0"):
        run_tower(config(model, rows, tmp_path / "run", **nothing))
    with pytest.raises(InputError, match="text_width: is no multiple of text_heads"):
        run_tower(config(model, rows, tmp_path / "run", text_heads=3))


def test_commented_configuration_is_complete() -> None:
    path = Path(__file__).parents[3] / "training" / "configs" / "tower.yaml"
    load_config(TowerConfig, path)
    assert path.read_text().splitlines()[0] == "# ecgr1 train tower --config training/configs/tower.yaml"
    for name in TowerConfig.model_fields:
        assert f"\n{name}:" in path.read_text() or f"\n# {name}:" in path.read_text(), name
