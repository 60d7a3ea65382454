"""What is told of every tenth of a second of a recording: its waves and how far R is."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ecgr1_core.measure import measure
from training.synthesis import kind_spec, synthesize
from training.targets import BEAT, MOST_BEATS, beat_times
from training.tower.waves import wave_loss, wave_targets

P, QRS, ST_T, SINCE, UNTIL = range(5)


def beats(*known: dict[str, float]) -> torch.Tensor:
    times = torch.full((1, MOST_BEATS, len(BEAT)), math.nan)
    for place, one in enumerate(known):
        for name, value in one.items():
            times[0, place, BEAT.index(name)] = value
    return times


def test_shares_and_distances_of_two_beats() -> None:
    first = {"r_s": 0.50, "p_onset_s": 0.28, "p_offset_s": 0.38, "qrs_onset_s": 0.45, "qrs_offset_s": 0.55}
    told = wave_targets(beats({**first, "t_offset_s": 0.80}, {"r_s": 1.32}), 100)[0]
    assert told[2:5, P].tolist() == pytest.approx([0.2, 0.8, 0.0], abs=1e-4)
    assert told[4:6, QRS].tolist() == pytest.approx([0.5, 0.5], abs=1e-4)
    assert told[5:9, ST_T].tolist() == pytest.approx([0.5, 1.0, 1.0, 0.0], abs=1e-4)
    assert told[7, SINCE] == pytest.approx(0.25, abs=1e-4)
    assert told[7, UNTIL] == pytest.approx(0.57, abs=1e-4)
    assert math.isnan(told[3, SINCE])
    assert math.isnan(told[50, UNTIL])
    assert told[13:, :ST_T].sum() == 0


def test_of_a_recording_without_a_beat_nothing_is_known() -> None:
    assert wave_targets(beats(), 100).isnan().all()
    assert wave_loss(torch.zeros(1, 100, 5), wave_targets(beats(), 100)) == 0


def test_waves_measured_lie_where_they_were_drawn() -> None:
    record, truth = synthesize(kind_spec("sinus"), np.random.default_rng(3))
    drawn, found = (wave_targets(torch.from_numpy(beat_times(one))[None], 100)[0] for one in (truth, measure(record)))
    inside = slice(15, 85)
    for wave in (P, QRS, ST_T, SINCE, UNTIL):
        assert (drawn[inside, wave] - found[inside, wave]).abs().mean() < 0.08


def test_the_loss_is_least_where_the_truth_is_said() -> None:
    times = beats({"r_s": 3.0, "qrs_onset_s": 2.96, "qrs_offset_s": 3.05, "t_offset_s": 3.4}, {"r_s": 3.9})
    true = wave_targets(times, 100)
    said = torch.cat([torch.logit(true[..., :3].clamp(1e-4, 1 - 1e-4)), true[..., 3:].nan_to_num(0.0)], dim=2)
    late = torch.cat([said[..., :3], said[..., 3:] + 0.1], dim=2)
    assert wave_loss(said, true) < wave_loss(late, true)
    assert wave_loss(said, true) < wave_loss(said.roll(1, dims=1), true)
