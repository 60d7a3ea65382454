"""What the viewer in the browser gets: every sample, the same geometry as the paper, small, and nothing private."""

from __future__ import annotations

import base64
import itertools
import json
import time
import zlib
from dataclasses import replace

import numpy as np
import pytest

from ecgr1_core.measure import Beat, Measurements, RhythmMeasurements, measure
from ecgr1_core.record import LEADS, EcgRecord, Patient
from ecgr1_core.render.geometry import lay_out
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, LAYOUTS, ORDERS, SPEEDS_MM_PER_S
from ecgr1_core.render.screen import UNKNOWN, screen_marks, screen_recording


def unpacked(data: dict) -> np.ndarray:
    raw = zlib.decompress(base64.b64decode(data["data"]))
    if data["encoding"] == "float32":
        return np.frombuffer(raw, "<f4").reshape(12, -1)
    counts = np.cumsum(np.frombuffer(raw, "<i2").reshape(12, -1), axis=1, dtype=np.int16)
    values = np.array(data["zeros_mv"])[:, None] + counts * np.array(data["steps_mv"])[:, None]
    return np.where(counts == UNKNOWN, np.nan, values)


def test_a_real_recording_arrives_whole_and_small(ptbxl) -> None:
    record = ptbxl("00009_hr")
    data = screen_recording(record)
    assert data["encoding"] == "int16"
    np.testing.assert_allclose(unpacked(data), record.signal_mv, rtol=0, atol=1e-6)
    assert len(json.dumps(data)) < 250_000


@pytest.mark.parametrize("rate_hz", [500.0, 1000.0])
def test_what_is_no_whole_number_of_steps_is_sent_to_half_a_microvolt(rate_hz: float) -> None:
    signal = np.random.default_rng(1).normal(0, 0.4, (12, int(10 * rate_hz))).astype(np.float32)
    signal[3, 50:60] = np.nan
    data = json.loads(json.dumps(screen_recording(EcgRecord(signal, rate_hz, missing_leads=("V4",)))))
    assert data["encoding"] == "int16"
    np.testing.assert_allclose(unpacked(data), signal, rtol=0, atol=0.0005)
    assert len(json.dumps(data)) < 500_000
    assert data["missing"] == ["V4"]


def test_what_reaches_too_far_for_sixteen_bits_is_sent_as_it_is(noise) -> None:
    record = noise(10)
    signal = record.signal_mv.copy()
    signal[2] *= 2000
    data = screen_recording(EcgRecord(signal, record.sampling_rate_hz))
    assert data["encoding"] == "float32"
    assert unpacked(data).tobytes() == signal.tobytes()


@pytest.mark.parametrize("step_mv", [0.001, 0.00488, 1 / 204.8, 0.0025])
def test_the_step_of_a_file_is_found_and_gaps_stay_gaps(step_mv: float) -> None:
    counts = np.random.default_rng(3).integers(-900, 900, (12, 5000))
    signal = (counts * step_mv + 0.3).astype(np.float32)
    signal[4, 100:200] = np.nan
    signal[5] = 0.25
    signal[6] = np.nan
    data = screen_recording(EcgRecord(signal, 500.0))
    assert data["encoding"] == "int16"
    np.testing.assert_allclose(unpacked(data), signal, rtol=0, atol=5e-6)


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
