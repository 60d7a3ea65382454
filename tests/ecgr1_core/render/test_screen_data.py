"""What the viewer in the browser gets: every sample, the same geometry as the paper, small, and nothing private."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import replace

import numpy as np
import pytest
from unpacking import unpacked

from ecgr1_core.measure import Beat, Measurements, RhythmMeasurements, measure
from ecgr1_core.record import LEADS, Patient
from ecgr1_core.render.geometry import lay_out
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, LAYOUTS, ORDERS, SPEEDS_MM_PER_S
from ecgr1_core.render.screen import screen_marks, screen_recording, screen_segments


def test_a_real_recording_arrives_whole_and_small(ptbxl) -> None:
    record = ptbxl("00009_hr")
    data = screen_recording(record)
    assert [segment["first"] for segment in data["segments"]] == [0]
    np.testing.assert_allclose(unpacked(data["segments"][0]), record.signal_mv, rtol=0, atol=1e-6)
    assert data["overview"] is None
    assert len(json.dumps(data)) < 150_000


def test_a_long_recording_comes_whole_or_its_first_segment_alone(noise) -> None:
    record = noise(45)
    whole, first = screen_recording(record), screen_recording(record, whole=False)
    assert [segment["first"] for segment in whole["segments"]] == [0, 10_000, 20_000]
    joined = np.concatenate([unpacked(segment) for segment in whole["segments"]], axis=1)
    np.testing.assert_allclose(joined, record.signal_mv, rtol=0, atol=0.00005 + 1e-7)
    assert first == whole | {"segments": whole["segments"][:1]}
    rest = screen_segments(record, [2, 1, 3, -1])
    assert rest == {"id": first["id"], "segments": [whole["segments"][2], whole["segments"][1]]}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("layout", [*LAYOUTS, "V2"])
def test_rows_stand_where_they_stand_on_paper(ptbxl, layout: str, order: str) -> None:
    record = ptbxl("00009_hr")
    data = screen_recording(record)
    key = f"{layout}|{order if layout in LAYOUTS else 'standard'}"
    for speed, gain in itertools.product(SPEEDS_MM_PER_S, GAINS_MM_PER_MV):
        sheet = lay_out(record, layout=layout, order=order, speed_mm_per_s=speed, gain_mm_per_mv=gain)
        found = data["geometry"][key][f"{speed:g}|{gain:g}"]
        assert found["height_mm"] == sheet.height_mm
        assert [row[1] for row in found["rows"]] == [row.baseline_mm for row in sheet.rows]
        np.testing.assert_allclose([row[2] for row in found["rows"]], [row.label_mm for row in sheet.rows], atol=1e-3)
        assert data["widths"][f"{speed:g}"] == {"width_mm": sheet.width_mm, "left_mm": sheet.trace_left_mm}
        leads = tuple(tuple(cell.lead for cell in row.cells) for row in sheet.rows)
        assert data["layouts"][key]["rows"] == leads


def test_one_artefact_does_not_stretch_every_page_of_a_long_recording(noise) -> None:
    record = noise(200)
    signal = record.signal_mv.copy()
    signal[0, 700] += 9.0
    calm, wild = (screen_recording(item)["geometry"]["12x1|standard"]["25|10"] for item in
                  (record, replace(record, signal_mv=signal)))  # fmt: skip
    assert calm == wild


def test_neither_name_nor_patient_are_sent(noise) -> None:
    record = replace(
        noise(10), name="Jane Roe-Smith", patient=Patient(61.125, "F"), source_format="WFDB-9", warnings=("of Jane",)
    )
    sent = json.dumps(screen_recording(record)) + json.dumps(screen_marks(record, Measurements()))
    for word in ("Roe-Smith", "of Jane", "WFDB-9", "61.125"):
        assert word not in sent


def test_marks_are_those_of_the_measurements(ptbxl) -> None:
    record = ptbxl("00009_hr")
    measured = measure(record)
    marks = json.loads(json.dumps(screen_marks(record, measured)))
    assert marks["id"] == screen_recording(record)["id"]
    assert [beat[0] for beat in marks["beats"]] == [beat.number for beat in measured.beats]
    assert marks["beats"][3][2] == pytest.approx(measured.beats[3].r_s)
    limits = marks["median"]["limits_s"]
    assert limits["qrs_offset"] - limits["qrs_onset"] == pytest.approx(measured.qrs_duration_ms / 1000)
    assert limits["t_offset"] - limits["qrs_onset"] == pytest.approx(measured.qt_interval_ms / 1000)
    assert limits["qrs_onset"] - limits["p_onset"] == pytest.approx(measured.pr_interval_ms / 1000)
    assert marks["spikes_s"] == []


def test_unknown_limits_are_null_and_no_beat_gives_no_median(noise) -> None:
    record = noise(10)
    bare = Measurements(beats=(Beat(1, 0.5), Beat(2, 1.5, kind="ventricular_ectopic")))
    marks = screen_marks(record, bare)
    assert marks["beats"][1] == [2, "ventricular_ectopic", 1.5, None, None, None, None, None, None]
    assert set(marks["median"]["limits_s"].values()) == {None}
    assert screen_marks(record, Measurements())["median"] is None


def test_pacing_spikes_are_marked_where_they_are() -> None:
    from training.synthesis import kind_spec, synthesize

    record, truth = synthesize(kind_spec("ventricular_paced"), np.random.default_rng(1))
    marks = screen_marks(record, measure(record))
    true_s = [beat.pacing_spike_s for beat in truth.beats if (beat.pacing_spike_s or 0.0) > 0.1]
    assert len(true_s) > 5
    assert np.abs(np.array(marks["spikes_s"])[:, None] - np.array(true_s)).min(axis=0).max() < 0.006
    assert screen_marks(record, Measurements(rhythm=RhythmMeasurements()))["spikes_s"] == []


def test_it_is_made_in_a_moment(ptbxl) -> None:
    record = ptbxl("00009_hr")
    screen_recording(record)  # imports
    started = time.perf_counter()
    screen_recording(record)
    assert time.perf_counter() - started < 1.0  # about 0.05 s on a quiet machine


def test_all_leads_have_a_layout_of_their_own(noise) -> None:
    layouts = screen_recording(noise(10))["layouts"]
    assert all(layouts[f"{lead}|standard"]["rows"] == ((lead,),) for lead in LEADS)
    assert layouts["12x1|cabrera"]["inverted"] == ("aVR",)
