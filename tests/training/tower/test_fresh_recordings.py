"""Recordings that a tower meets once: which places have one, that their truth is what measuring finds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "sft"))
from sft_kit import checkpoint

from ecgr1_core.measure import measure
from ecgr1_core.model.processing import EcgR1Processor
from training.media import Media
from training.rows import Row
from training.synthesis.drawing import Disturbance
from training.targets import LABELS, TARGETS, Taught, beat_times, facts_of, numbers
from training.tower.fresh import Fresh
from training.tower.sights import Pages, Recordings
from training.tower.trainer import TowerRows

NOWHERE = Media(Path("nowhere"), Path("nowhere"), draw_missing=True)
NOISY = Disturbance(0.08, 0.02, devices=True)
ROW = Row(({"role": "user", "content": "?"},), ecg="gone", labels=("atrial fibrillation",))


def test_a_share_of_the_places_has_one_and_each_its_own() -> None:
    fresh = Fresh(0.5, 3, NOISY)
    made = [fresh(0, index) for index in range(60)]
    drawn = [one for one in made if one is not None]
    assert 18 < len(drawn) < 42
    assert len({record.signal_mv.tobytes() for record, _, _ in drawn}) == len(drawn)
    place = next(index for index, one in enumerate(made) if one is not None)
    again, first = fresh(0, place), made[place]
    assert again is not None
    assert first is not None
    assert np.array_equal(again[0].signal_mv, first[0].signal_mv, equal_nan=True)
    assert [Fresh(0.0, 3, Disturbance())(0, index) for index in range(20)] == [None] * 20
    later = Fresh(1.0, 3, NOISY)(1, place)
    assert later is not None
    assert later[0].signal_mv.tobytes() != first[0].signal_mv.tobytes()


def test_their_truth_is_told_as_measuring_tells_it() -> None:
    record, truth = Disturbance().drawn("sinus", "a", np.random.default_rng(4))
    true, measured = numbers(truth), numbers(measure(record))
    for name, most in (("heart_rate_bpm", 1), ("pr_interval_ms", 15), ("qrs_duration_ms", 15), ("qt_interval_ms", 20)):
        place = TARGETS.index(name)
        assert true[place] == pytest.approx(measured[place], abs=most), name
    amplitudes = [place for place, name in enumerate(TARGETS) if name.endswith(("_r_amplitude_mv", "_t_amplitude_mv"))]
    both = np.isfinite(true) & np.isfinite(measured)
    apart = np.abs(true - measured)[[place for place in amplitudes if both[place]]]
    assert len(apart) > 12
    assert np.median(apart) < 0.05


@pytest.mark.parametrize("what", ["recordings", "pages"])
def test_they_are_shown_instead_of_the_row_with_their_labels(what: str, tmp_path: Path) -> None:
    processor = EcgR1Processor.from_pretrained(checkpoint(tmp_path / "tiny"), max_image_tokens=24)
    sight = Recordings(NOWHERE, False) if what == "recordings" else Pages(NOWHERE, processor, "plain", 0, traces=True)
    scale = np.full(len(TARGETS), 10.0, np.float32), np.full(len(TARGETS), 2.0, np.float32)
    fresh = Fresh(1.0, 5, Disturbance())
    taught = Taught.of([facts_of(None)])
    rows = TowerRows(processor.tokenizer, [ROW], sight, taught, scale, 20, True, fresh=fresh)
    example = rows.load(0, 0)
    made = fresh(0, 0)
    assert made is not None
    truth = made[1]
    np.testing.assert_allclose(example["numbers"], (numbers(truth) - 10) / 2)
    np.testing.assert_array_equal(example["beats"], beat_times(truth))
    assert {label for label, one in zip(LABELS, example["label_values"], strict=True) if one} >= set(truth.names)
    if what == "recordings":
        assert example["ecg_values"].shape == (12, 5000)
    else:
        assert set(example["trace_leads"]) > {0}
