"""What is measured and read on synthetic ECGs agrees with their truth; the whole table is a benchmark's."""

from dataclasses import replace

import numpy as np
import pytest

from ecgr1_core import vocabulary
from ecgr1_core.measure import measure
from ecgr1_core.protocol import assess
from ecgr1_core.record import Patient
from training.synthesis import NoiseSpec, kind_spec, synthesize, varied

NOISE = NoiseSpec(baseline_wander_mv=0.03, muscle_rms_mv=0.008)
READ = {
    "irbbb": "incomplete right bundle branch block",
    "rbbb_lafb": "bifascicular block",
    "rvh": "right ventricular hypertrophy",
    "left_atrial": "left atrial abnormality",
    "right_atrial": "right atrial abnormality",
    "low_voltage": "low QRS voltage",
    "anterior_stemi": "acute anterior ST-elevation myocardial infarction",
    "inferior_stemi_hyperacute": "acute inferior ST-elevation myocardial infarction",
    "lateral_stemi_subacute": "acute lateral ST-elevation myocardial infarction",
    "old_inferior_infarction": "inferior myocardial infarction",
    "pericarditis": "pericarditis",
    "st_depression": "ST depression",
    "short_qt": "short QT interval",
    "junctional_rhythm": "junctional rhythm",
    "atrial_paced": "atrial paced rhythm",
    "dual_paced": "dual-chamber paced rhythm",
    "av_block_2_to_1": "2:1 AV block",
    "arm_lead_reversal": "limb lead reversal",
}


@pytest.mark.parametrize("kind", READ)
def test_measured_and_read_as_it_was_made(kind):
    rng = np.random.default_rng([1, *kind.encode()])
    record, truth = synthesize(replace(varied(kind_spec(kind), rng), noise=NOISE), rng)
    measured = measure(record)
    assert measured.heart_rate_bpm == pytest.approx(truth.heart_rate_bpm, abs=1.5)
    assert measured.qrs_duration_ms == pytest.approx(truth.qrs_duration_ms, abs=12)
    assert measured.qt_interval_ms == pytest.approx(truth.qt_interval_ms, abs=20)
    if truth.pr_interval_ms is not None and measured.pr_interval_ms is not None:
        assert measured.pr_interval_ms == pytest.approx(truth.pr_interval_ms, abs=12)
    said = vocabulary.with_implied(assess(measured, Patient(60.0, "M"), record.warnings).labels)
    assert vocabulary.label(READ[kind]) in said
    assert vocabulary.label(READ[kind]) in vocabulary.with_implied(map(vocabulary.label, truth.names))
