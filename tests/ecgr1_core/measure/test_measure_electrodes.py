"""Precordial electrodes exchanged: named on synthetic and real recordings, silent on those as recorded."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ecgr1_core.formats import read
from ecgr1_core.measure import measure
from ecgr1_core.measure.conditioning import samples
from ecgr1_core.measure.quality import exchanged_precordial
from ecgr1_core.measure.templates import AFTER, BEFORE
from ecgr1_core.record import LEADS, EcgRecord
from training.synthesis import KINDS, kind_spec, synthesize


def _exchanged(record: EcgRecord, first: str, second: str) -> EcgRecord:
    signal = record.signal_mv.copy()
    rows, other = [LEADS.index(first), LEADS.index(second)], [LEADS.index(second), LEADS.index(first)]
    signal[rows] = signal[other]
    return dataclasses.replace(record, signal_mv=signal)


@pytest.mark.parametrize("seed", range(3))
def test_v2_and_v5_exchanged_are_named(seed: int) -> None:
    record, _ = synthesize(kind_spec("sinus"), np.random.default_rng(seed))
    quality = measure(_exchanged(record, "V2", "V5")).quality
    assert quality.exchanged_precordial == ("V2", "V5")
    assert any("V2 and V5 may be exchanged" in note for note in quality.notes)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"precordial_lead_reversal"})[::3])
def test_no_kind_as_made_is_flagged(kind: str) -> None:
    record, _ = synthesize(kind_spec(kind), np.random.default_rng(3))
    assert measure(record).quality.exchanged_precordial is None


def test_real_recordings(shared_data: Path) -> None:
    """Records of odd number: the limit was set on the even ones."""
    folder = shared_data / "ptbxl" / "records500"
    paths = [path for path in sorted(folder.glob("*.hea")) if int(path.stem[:5]) % 2][:12]
    named = []
    for path in paths:
        record = read(path)
        assert measure(record).quality.exchanged_precordial is None, path.name
        named.append(measure(_exchanged(record, "V2", "V5")).quality.exchanged_precordial)
    assert named.count(("V2", "V5")) >= 11


def test_needs_all_six_leads_with_a_signal() -> None:
    beat = np.random.default_rng(0).normal(0.0, 0.1, (12, BEFORE + AFTER))
    assert exchanged_precordial(beat, np.array([lead != "V3" for lead in LEADS])) is None
    beat[LEADS.index("V4")] = 0.0
    assert exchanged_precordial(beat, np.ones(12, dtype=np.bool_)) is None


def test_size_alone_does_not_flag() -> None:
    """One wave form turning by degrees, whatever the gain of the recording."""
    time = np.arange(BEFORE + AFTER) - BEFORE
    early, late = (np.exp(-(((time - samples(at)) / samples(20.0)) ** 2)) for at in (-10.0, 25.0))
    turn = np.linspace(0.0, np.pi / 2, 6)
    beat = np.zeros((12, BEFORE + AFTER))
    beat[6:] = np.sin(turn)[:, None] * early - np.cos(turn)[:, None] * late
    for gain in (0.1, 10.0):
        assert exchanged_precordial(gain * beat, np.ones(12, dtype=np.bool_)) is None
        swapped = gain * beat
        swapped[[7, 10]] = swapped[[10, 7]]
        assert exchanged_precordial(swapped, np.ones(12, dtype=np.bool_)) == ("V2", "V5")
