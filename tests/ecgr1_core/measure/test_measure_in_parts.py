"""Recordings that show each lead for some seconds only, as a page does, are measured as the whole ones are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ecgr1_core.measure import measure
from ecgr1_core.measure.conditioning import condition, shown_span
from ecgr1_core.measure.table import beat_rows
from ecgr1_core.protocol import assess
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.layouts import find_layout
from training.synthesis import kind_spec, synthesize


def as_on_page(record: EcgRecord, layout_name: str) -> EcgRecord:
    layout = find_layout(layout_name, "standard")
    shown = np.full_like(record.signal_mv, np.nan)
    for row in layout.rows:
        for column, lead in enumerate(row):
            first, last = (round(edge * record.samples / len(row)) for edge in (column, column + 1))
            shown[LEADS.index(lead), first:last] = record.lead(lead)[first:last]
    for lead in layout.rhythm_leads:
        shown[LEADS.index(lead)] = record.lead(lead)
    return dataclasses.replace(record, signal_mv=shown)


def made(kind: str, seed: int = 3) -> EcgRecord:
    return synthesize(kind_spec(kind), np.random.default_rng(seed))[0]


@pytest.mark.parametrize("layout", ["3x4+1", "3x4", "6x2"])
@pytest.mark.parametrize("kind", ["sinus", "lbbb", "av_block_1"])
def test_intervals_are_those_of_the_whole_recording(kind: str, layout: str) -> None:
    whole = made(kind)
    expected, found = measure(whole), measure(as_on_page(whole, layout))
    assert found.rhythm.beat_count == expected.rhythm.beat_count
    assert found.heart_rate_bpm == pytest.approx(expected.heart_rate_bpm, abs=1.0)
    within = 24.0 if layout == "3x4" else 12.0  # without a rhythm strip columns line up less well
    for name in ("pr_interval_ms", "qrs_duration_ms", "qt_interval_ms"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=within), name
    if kind != "lbbb":  # whose ST segment, opposite to QRS, is taken in or left out by the end of QRS
        assert found.qrs_axis_deg == pytest.approx(expected.qrs_axis_deg, abs=10.0)
    assert found.quality.grade == "good"
    for lead in LEADS:
        height, true = (m.leads[lead].qrs_peak_to_peak_mv for m in (found, expected))
        assert height == pytest.approx(true, rel=0.1, abs=0.05), lead


def test_each_lead_says_when_it_is_shown_and_the_reading_what_the_page_cannot_show() -> None:
    record = as_on_page(made("sinus"), "3x4+1")
    quality = measure(record).quality
    assert quality.leads["II"].shown_s is None
    assert quality.leads["V6"].shown_s == (7.5, 10.0)
    assert quality.leads["V6"].status == "good"
    finding = assess(measure(record), record.patient).get("recording.in_parts")
    assert finding is not None
    assert "shown for 2.5 s each" in finding.statement
    assert "the rhythm is read from II" in finding.statement
    whole = made("sinus")
    assert assess(measure(whole), whole.patient).get("recording.in_parts") is None


@pytest.mark.parametrize("layout", ["3x4+1", "3x4"])
def test_fibrillation_has_no_p_wave_in_parts_either(layout: str) -> None:
    found = measure(as_on_page(made("atrial_fibrillation"), layout))
    assert found.pr_interval_ms is None
    assert "no P wave" in found.reasons["pr_interval_ms"] or "no wave" in found.reasons["pr_interval_ms"]


def test_paced_beats_are_seen_in_parts() -> None:
    whole = made("ventricular_paced")
    expected, found = measure(whole).rhythm.pacing_spike_count, measure(as_on_page(whole, "3x4+1"))
    assert expected > 0
    assert found.rhythm.pacing_spike_count > 0.5 * expected


def test_the_table_has_rows_only_for_leads_that_show_the_beat() -> None:
    rows = beat_rows(as_on_page(made("sinus"), "3x4+1"))
    for row in rows:
        column = LEADS.index(row["lead"]) // 3
        assert row["lead"] == "II" or 2.5 * column <= row["r_s"] <= 2.5 * (column + 1)
    assert {row["lead"] for row in rows} == set(LEADS)


def test_a_lead_too_short_for_a_beat_is_unusable() -> None:
    signal = made("sinus").signal_mv.copy()
    signal[LEADS.index("V1"), 400:] = np.nan
    record = EcgRecord(signal, 500.0)
    assert not condition(record).usable[LEADS.index("V1")]
    quality = measure(record).quality.leads["V1"]
    assert quality.status == "unusable"
    assert quality.problems == ("shown too briefly",)


def test_gaps_inside_and_at_the_ends() -> None:
    known = np.ones(1000, dtype=bool)
    known[:40] = known[500:520] = False
    assert shown_span(known, 100.0) == (40, 1000)
    known[10] = True
    assert shown_span(known, 100.0) == (0, 1000)
    assert shown_span(np.zeros(1000, dtype=bool), 100.0) == (0, 1000)
