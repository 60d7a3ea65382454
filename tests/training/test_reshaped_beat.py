"""Typical beats whose parts are changed: what each change does to what is measured, and what it leaves."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from ecgr1_core.errors import InputError
from ecgr1_core.measure import measure
from training.reshaped_beat import Reshaping, drawn_reshaping, reshaped
from training.synthesis import kind_spec, synthesize
from training.typical_beat import typical_beat, with_beat_of


@pytest.fixture(scope="module")
def record():
    return made("sinus", heart_rate_bpm=65.0)


@pytest.fixture(scope="module")
def before(record):
    return measure(record)


def made(kind, **changes):
    return synthesize(replace(kind_spec(kind), **changes), np.random.default_rng(1))[0]


def measured(record, **change):
    own = typical_beat(record)
    return measure(with_beat_of(record, own, reshaped(own, Reshaping(**change)), 1.0))


def intervals(measurements):
    return [getattr(measurements, f"{name}_ms") for name in ("pr_interval", "qrs_duration", "qt_interval")]


def test_the_beat_stays_where_nothing_is_changed(record):
    own = typical_beat(record)
    same = reshaped(own, Reshaping())
    assert np.allclose(same.beat_mv, own.beat_mv, atol=1e-9)
    for name in ("p_onset", "p_offset", "qrs_onset", "qrs_offset"):
        assert getattr(same, name) == pytest.approx(getattr(own, name))


def test_the_waves_of_the_beat_lie_where_they_were_measured(record, before):
    own = typical_beat(record)
    assert (own.qrs_onset - own.p_onset) * 2 == pytest.approx(before.pr_interval_ms, abs=6)
    assert (own.qrs_offset - own.qrs_onset) * 2 == pytest.approx(before.qrs_duration_ms, abs=6)
    assert own.qrs_onset < own.fiducial < own.qrs_offset


@pytest.mark.parametrize("pr_ms", [-30.0, 80.0])
def test_the_pr_interval_alone_is_changed(record, before, pr_ms):
    pr, qrs, qt = intervals(measured(record, pr_ms=pr_ms))
    assert pr == pytest.approx(before.pr_interval_ms + pr_ms, abs=8)
    assert [qrs, qt] == pytest.approx(intervals(before)[1:], abs=8)


def test_a_wider_qrs_leaves_the_pr_interval(record, before):
    pr, qrs, _ = intervals(measured(record, qrs_width=1.3))
    assert qrs == pytest.approx(1.3 * before.qrs_duration_ms, abs=8)
    assert pr == pytest.approx(before.pr_interval_ms, abs=8)


def test_st_segment_and_t_wave_are_stretched_behind_the_qrs(record, before):
    pr, qrs, qt = intervals(measured(record, st_t_width=1.2))
    assert [pr, qrs] == pytest.approx(intervals(before)[:2], abs=8)
    assert qt == pytest.approx(qrs + 1.2 * (before.qt_interval_ms - before.qrs_duration_ms), abs=12)


def test_each_wave_has_a_size_of_its_own(record, before):
    found = measured(record, p_size=1.6, qrs_size=0.7, t_size=0.5).leads["II"]
    was = before.leads["II"]
    assert found.p_amplitude_mv == pytest.approx(1.6 * was.p_amplitude_mv, abs=0.02)
    assert found.r_amplitude_mv == pytest.approx(0.7 * was.r_amplitude_mv, abs=0.05)
    assert found.t_amplitude_mv == pytest.approx(0.5 * was.t_amplitude_mv, abs=0.03)


def test_the_t_wave_turns_without_the_qrs(record, before):
    found = measured(record, t_turn_deg=(60.0, 0.0))
    assert found.t_axis_deg == pytest.approx(before.t_axis_deg + 60, abs=12)
    assert found.qrs_axis_deg == pytest.approx(before.qrs_axis_deg, abs=3)


def test_a_heart_vector_lifts_the_st_segment_of_the_leads_that_see_it(record, before):
    found = measured(record, st_mv=(0.15, 0.0, 0.0))
    change = {lead: found.leads[lead].st_j_mv - before.leads[lead].st_j_mv for lead in ("I", "aVR", "aVF")}
    assert change["I"] == pytest.approx(0.15, abs=0.05)
    assert change["aVR"] == pytest.approx(-0.075, abs=0.04)
    assert change["aVF"] == pytest.approx(0.0, abs=0.03)


def test_einthoven_holds(record):
    change = Reshaping(40.0, 1.2, 0.9, 1.4, 0.8, 1.3, (30.0, -40.0), (0.1, 0.05, -0.1))
    before, after = (one.beat_mv for one in (typical_beat(record), reshaped(typical_beat(record), change)))
    apart = [np.abs(beat[0] + beat[2] - beat[1]).max() for beat in (before, after)]
    assert np.abs(after - before).max() > 0.1
    assert apart[1] <= 1.5 * apart[0] + 1e-9  # a median of each lead obeys it nearly


def test_a_p_wave_keeps_away_from_the_beat_before_and_the_qrs(record):
    own = typical_beat(made("sinus", heart_rate_bpm=85.0))
    late, early = (reshaped(own, Reshaping(pr_ms=ms)) for ms in (-500.0, 500.0))
    assert late.qrs_onset - late.p_offset == pytest.approx(5, abs=1.5)  # 10 ms
    assert own.p_onset - 3 > early.p_onset >= own.fiducial - 0.4 * own.rr
    assert np.isfinite(early.beat_mv).all()


def test_a_beat_without_ends_of_its_qrs_is_refused(record):
    with pytest.raises(InputError, match="its QRS has no ends"):
        reshaped(typical_beat(record, has_p=True), Reshaping(pr_ms=20.0))


def test_drawn_changes_are_those_of_their_seed_and_leave_half_of_the_parts():
    drawn = [asdict(drawn_reshaping(np.random.default_rng(seed))) for seed in range(200)]
    assert drawn[7] == asdict(drawn_reshaping(np.random.default_rng(7)))
    for name, kept in asdict(Reshaping()).items():
        assert 70 < sum(one[name] == kept for one in drawn) < 130, name
    assert max(np.linalg.norm(one["st_mv"]) for one in drawn) <= 0.2
    assert all(-60 <= one["pr_ms"] <= 110 and 0.8 < one["qrs_width"] < 1.4 for one in drawn)
