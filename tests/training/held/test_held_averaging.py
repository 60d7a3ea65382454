"""Weights before and after fine-tuning, and their mean: what reads rows apart best is what a run leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from held_kit import apart_rows, signal_alone
from pydantic import ValidationError

from training.freezing import load_for_training
from training.held import Stage, run_held
from training.held.averaging import keep_best


@pytest.mark.parametrize("best", ["before", "mean", "learned"])
def test_weights_with_the_least_loss_are_left_in_the_model(best: str) -> None:
    model = torch.nn.BatchNorm1d(2)  # its count of batches is no floating-point number
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        model.weight += 2.0
        model.num_batches_tracked += 5
    aim = {"before": 1.0, "mean": 2.0, "learned": 3.0}[best]
    chosen = keep_best(model, before, lambda: float((model.weight - aim).abs().sum()))
    assert chosen.kept == best
    assert sorted(chosen.losses.values()) == ([0.0, 2.0, 2.0] if best == "mean" else [0.0, 2.0, 4.0])
    assert model.weight.tolist() == [aim, aim]
    equal = keep_best(model, before, lambda: 1.0)
    assert equal.kept == "before"
    assert model.weight.tolist() == [1.0, 1.0]


def test_what_is_gone_on_with_is_kept_averaged_where_that_is_better(corpus: Path, model: Path, tmp_path: Path) -> None:
    apart = apart_rows(tmp_path / "apart")
    frozen, rate = Stage(steps=0), 30.0  # a rate that spoils the model, so that what it was before is best
    given = {"tower": frozen, "check": apart, "average": True}
    spoilt = Stage(steps=3, batch_rows=2, warmup_steps=1, learning_rate=rate)
    summary = run_held(signal_alone(model, corpus, tmp_path / "spoilt", sft=spoilt, **given))
    chosen = summary["sft_average"]
    assert chosen["kept"] == "before"
    assert chosen["losses"]["learned"] == pytest.approx(summary["sft"]["check/signal"], rel=1e-4)
    kept, begun = (load_for_training(one).state_dict() for one in (tmp_path / "spoilt" / "model", model))
    assert all(torch.allclose(value.bfloat16().float(), kept[name].float()) for name, value in begun.items())
    learned = load_for_training(tmp_path / "spoilt" / "model_learned").state_dict()
    assert any(not torch.allclose(value, kept[name], atol=1.0) for name, value in learned.items()), "is there too"
    summary = run_held(signal_alone(model, corpus, tmp_path / "better", bf16=True, **given))
    losses = summary["sft_average"]["losses"]
    assert losses["learned"] == pytest.approx(summary["sft"]["check/signal"], rel=1e-5), (
        "in bf16 too, where CPUs have it"
    )
    assert losses["learned"] < losses["mean"] < losses["before"]
    assert summary["sft_average"]["kept"] == "learned"
    with pytest.raises(ValidationError, match="average needs check"):
        signal_alone(model, corpus, tmp_path / "none", average=True)
    with pytest.raises(ValidationError, match="an adapter has no weights before it"):
        signal_alone(model, corpus, tmp_path / "none", check=apart, average=True, parts={"language": "lora"})
