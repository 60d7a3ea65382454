"""Pacing spikes on real recordings with and without a pacemaker, and on what only looks like one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.measure import Measurements, measure
from ecgr1_core.measure.conditioning import condition, samples
from ecgr1_core.measure.pacing import beats_with_spike, find_spikes, spike_before, with_paced
from ecgr1_core.record import EcgRecord
from training.synthesis import KINDS, kind_spec, synthesize


def _ludb(shared_data: Path, number: int) -> Measurements:
    return measure(read(shared_data / "ludb" / "data" / f"{number}.hea", ReadOptions(counts_per_mv=1000)))


@pytest.mark.parametrize("number", [74, 93, 104, 111])
def test_paced_records_of_ludb(shared_data: Path, number: int) -> None:
    measured = _ludb(shared_data, number)
    assert {beat.kind for beat in measured.beats} == {"paced"}
    assert measured.pr_interval_ms is None
    assert abs(measured.rhythm.pacing_spike_count - len(measured.beats)) <= 1


def test_jitter_at_the_qrs_is_not_pacing(shared_data: Path) -> None:
    """The limb leads of record 24 (left bundle branch block) carry steps of 0.03 mV during the QRS."""
    measured = _ludb(shared_data, 24)
    assert measured.rhythm.pacing_spike_count == 0
    assert measured.pr_interval_ms == pytest.approx(133.0, abs=20.0)


def test_demand_pacing_marks_single_beats(shared_data: Path) -> None:
    measured = measure(read(shared_data / "ptbxl" / "records500" / "00382_hr.hea"))
    assert [beat.number for beat in measured.beats if beat.kind == "paced"] == [1, 11, 13]
    assert measured.rhythm.pacing_spike_count == 3


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"ventricular_paced", "atrial_paced", "dual_paced"})[::3])
def test_unpaced_kinds_have_no_spikes(kind: str) -> None:
    record, _ = synthesize(kind_spec(kind), np.random.default_rng(6))
    assert measure(record).rhythm.pacing_spike_count == 0


def test_a_spike_must_come_out_of_quiet_and_in_independent_leads() -> None:
    record, _ = synthesize(kind_spec("sinus"), np.random.default_rng(0))
    middle = record.signal_mv.shape[1] // 2
    limb = record.signal_mv.copy()
    limb[:6, middle] += 2.0
    assert len(find_spikes(condition(EcgRecord(limb, 500.0)))) == 0
    everywhere = record.signal_mv.copy()
    everywhere[:, middle] += 2.0
    found = find_spikes(condition(EcgRecord(everywhere, 500.0)))
    assert len(found) == 1
    assert abs(int(found[0]) - middle) <= samples(4.0)
    burst = record.signal_mv.copy()
    burst[:, middle - 100 : middle + 100 : 4] += 2.0
    assert len(find_spikes(condition(EcgRecord(burst, 500.0)))) <= 1  # its first jump comes out of quiet


def test_coupling() -> None:
    beats = np.arange(500, 4500, 400)
    assert spike_before(beats - 40, beats) == 40.0
    assert spike_before(beats[:3] - 40, beats) is None
    assert spike_before(beats - 120, beats) is None  # 240 ms before: of the atria, or of none
    scattered = beats - np.array([5, 60, 20, 85, 40, 2, 75, 30, 55, 10])
    assert spike_before(scattered, beats) is None
    assert beats_with_spike(beats[:1] - 40, beats).sum() == 0
    assert beats_with_spike(beats[[0, 5]] - 40, beats).nonzero()[0].tolist() == [0, 5]


def test_only_wide_beats_after_a_spike_are_paced() -> None:
    spiked = np.array([True, True, False, True])
    class_of, durations = {0: 0, 1: 1, 2: 1, 3: 2}, {0: 140.0, 1: 130.0, 2: 90.0}
    kinds = with_paced(["normal"] * 4, spiked, class_of, durations, paced=False)
    assert kinds == ["normal", "paced", "normal", "normal"]
    assert with_paced(["normal"] * 4, spiked, class_of, durations, paced=True)[0] == "paced"
