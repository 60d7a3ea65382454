"""The network on the median beat: the same in NumPy as in training, and what it learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ecgr1_core.measure import wave_net
from ecgr1_core.measure.templates import AFTER, BEFORE
from training.wave_limits.examples import marked_examples, synthetic_examples
from training.wave_limits.ludb import halves, marked_beats, marks
from training.wave_limits.network import WaveNet


def test_numpy_and_torch_agree() -> None:
    torch.manual_seed(0)
    network = WaveNet()
    rng = np.random.default_rng(0)
    beat = rng.normal(size=(12, BEFORE + AFTER))
    usable = np.array([True] * 9 + [False] * 3)
    seen = wave_net.features(beat, usable)
    padded = np.zeros((12, *seen.shape[1:]), dtype=np.float32)
    padded[usable] = seen
    with torch.no_grad():
        _, logits = network(torch.from_numpy(padded)[None], torch.from_numpy(usable.astype(np.float32))[None])
    weights = {name: value.numpy().astype(np.float32) for name, value in network.state_dict().items()}
    assert wave_net._run(weights, seen) == pytest.approx(logits[0].softmax(-1).numpy(), abs=1e-5)


def test_scale_changes_nothing() -> None:
    example = synthetic_examples(1, np.random.default_rng(1))[0]
    beat = np.nanmedian(example.beats_mv, axis=0)
    found = wave_net.limit_distributions(beat, example.usable)
    assert found.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert wave_net.limit_distributions(3.0 * beat, example.usable) == pytest.approx(found, abs=1e-3)


def test_expected_limits_lie_near_the_truth_of_synthetic_beats() -> None:
    errors_ms = []
    for example in synthetic_examples(12, np.random.default_rng(77)):
        found = wave_net.limit_distributions(np.nanmedian(example.beats_mv, axis=0), example.usable).argmax(axis=1)
        errors_ms += [2.0 * abs(at - true) for at, true in zip(found, example.limits, strict=True) if true == true]
    assert np.median(errors_ms) < 5.0
    assert np.mean(np.array(errors_ms) < 15.0) > 0.85


def test_halves_keep_the_peers_validation_records_apart() -> None:
    learned, reported = halves(list(range(1, 201)))
    assert not set(learned) & set(reported)
    assert {11, 194} <= set(reported)


def test_marks_give_the_same_beats_in_the_examples(shared_data: Path) -> None:
    folder = shared_data / "ludb" / "data"
    beats = marked_beats(marks(folder / "1"))
    assert all(beat.qrs is not None and beat.qrs[0] < beat.r < beat.qrs[1] for beat in beats)
    (example,) = marked_examples(folder, [1])
    widths = [beat.qrs[1] - beat.qrs[0] for beat in beats if beat.qrs is not None]
    assert example.limits[3] - example.limits[2] == pytest.approx(np.median(widths), abs=3.0)
    assert np.isfinite(example.lead_limits[:, 2:4]).mean() > 0.9
