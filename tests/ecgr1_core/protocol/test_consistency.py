"""No reading contradicts itself: what cannot stand together never does, over synthetic kinds and drawn measurements."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from made_ecg import LBBB_LEADS, read

from ecgr1_core.measure import Beat, measure
from ecgr1_core.protocol import Findings, assess
from ecgr1_core.record import LEADS, Patient
from training.synthesis import KINDS, kind_spec, synthesize, varied

# of each topic there is one finding at most
ONE = (
    "rate",
    "rhythm",
    "pr",
    "qrs",
    "axis",
    "lvh",
    "rvh",
    "low_voltage",
    "progression",
    "qt",
    "st_depression",
    "av_block",
)
# an id (or a topic, ending in a full stop) and what cannot stand beside it
IMPOSSIBLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("rhythm.sinus", ("av_block.complete", "qrs.paced")),
    ("rhythm.atrial_fibrillation", ("pr.normal", "pr.long", "pr.short", "pr.delta", "p_wave.", "sinus_arrhythmia.",
                                    "av_block.")),
    ("rhythm.atrial_flutter", ("pr.normal", "pr.long", "pr.short", "p_wave.", "sinus_arrhythmia.", "av_block.")),
    ("rhythm.complete_block", ("pr.normal", "pr.long", "pr.short", "premature.", "p_wave.")),
    ("rhythm.paced", ("qrs.lbbb", "qrs.rbbb", "qrs.ivcd", "q_wave.", "lvh.voltage", "st_elevation.", "fascicle.",
                      "pr.long")),
    ("av_block.complete", ("pr.normal", "pr.long", "pr.short")),
    ("premature.none", ("premature.ventricular_ectopic", "premature.supraventricular_ectopic", "ectopy.")),
    ("axis.normal", ("fascicle.",)),
    ("axis.unknown", ("fascicle.",)),
    ("qrs.normal", ("fascicle.bifascicular", "fascicle.trifascicular", "pr.short_wide", "sgarbossa.")),
    ("qrs.lbbb", ("q_wave.", "lvh.voltage", "lvh.strain", "lvh.points", "st_elevation.", "stemi.", "fascicle.",
                  "t_wave.")),
    ("qrs.rbbb", ("rvh.present", "rvh.dominant_r")),
    ("pr.delta", ("lvh.voltage", "lvh.strain", "q_wave.", "st_elevation.", "stemi.")),
    ("pr.long", ("pr.short", "av_block.mobitz_1")),
    ("lvh.strain", ("low_voltage.unknown",)),
    ("reversal.none", ("reversal.arms", "reversal.leg", "reversal.possible")),
    ("st_elevation.none", ("stemi.probable", "stemi.possible", "stemi.right_ventricular", "pericarditis.",
                           "early_repolarization.")),
    ("st_elevation.avr", ("st_elevation.present", "st_elevation.none", "st_depression.none")),
    ("stemi.probable", ("pericarditis.", "early_repolarization.", "stemi.possible")),
    ("pericarditis.probable", ("early_repolarization.", "stemi.possible")),
    ("st_depression.none", ("ischemia.", "stemi.posterior", "digitalis.")),
    ("ischemia.subendocardial", ("stemi.posterior", "stemi.probable")),
    ("t_wave.normal", ("t_wave.inverted", "t_wave.wellens", "t_wave.low", "st_t.")),
    ("q_wave.none", ("q_wave.inferior", "q_wave.anterolateral", "q_wave.inferolateral")),
    ("q_wave.inferolateral", ("q_wave.inferior", "q_wave.anterolateral")),
    ("qt.normal", ("electrolytes.hypocalcemia", "electrolytes.hypercalcemia")),
    ("qt.long", ("electrolytes.hypercalcemia",)),
    ("qt.short", ("electrolytes.hypocalcemia",)),
    ("electrolytes.none", ("electrolytes.hyperkalemia", "electrolytes.hypokalemia", "electrolytes.hypocalcemia")),
)  # fmt: skip
TOGETHER_NEVER: tuple[tuple[str, ...], ...] = (  # labels, any two of a row
    ("sinus rhythm", "sinus bradycardia", "sinus tachycardia", "atrial fibrillation", "atrial flutter",
     "junctional rhythm", "supraventricular tachycardia", "wide complex tachycardia", "ventricular tachycardia",
     "ectopic atrial rhythm"),
    ("complete right bundle branch block", "complete left bundle branch block", "incomplete right bundle branch block",
     "incomplete left bundle branch block", "nonspecific intraventricular conduction delay"),
    ("left axis deviation", "right axis deviation", "extreme axis deviation"),
    ("left anterior fascicular block", "left posterior fascicular block"),
    ("left anterior fascicular block", "right axis deviation"),
    ("short PR interval", "prolonged PR interval", "first-degree AV block", "third-degree AV block"),
    ("prolonged QT interval", "short QT interval"),
    ("pericarditis", "early repolarization"),
)  # fmt: skip


def contradictions(findings: Findings) -> list[str]:
    """Return every contradiction of one reading, in words."""
    ids = [finding.id for finding in findings.items]
    names = [label.name for label in findings.labels]
    found = [f"{topic}: {[id for id in ids if id.startswith(topic + '.')]}" for topic in ONE
             if sum(id.startswith(topic + ".") for id in ids) > 1]  # fmt: skip
    for id, others in IMPOSSIBLE:
        if id in ids:
            beside = [x for x in ids if any(x == o or (o.endswith(".") and x.startswith(o)) for o in others)]
            beside = [x for x in beside if not x.endswith((".none", ".not_judged", ".unknown")) or x in others]
            found += [f"{id} with {x}" for x in beside]
    for row in TOGETHER_NEVER:
        found += [f"{a} with {b}" for a, b in itertools.combinations(row, 2) if a in names and b in names]
    if "normal ECG" in names and (findings.abnormal or any(f.basic and f.status != "normal" for f in findings.items)):
        found.append("normal ECG with something abnormal or unjudged")
    if "rhythm.sinus" in ids and "pr.none" in ids and "av_block.mobitz_1" not in ids:
        found.append("sinus rhythm without a PR interval")
    if "bifascicular block" in names and "complete right bundle branch block" not in names:
        found.append("bifascicular block without right bundle branch block")
    if (
        any(f.id.startswith("ectopy.ventricular") for f in findings.items)
        and "premature.ventricular_ectopic" not in ids
    ):
        found.append("a pattern of premature beats without premature beats")
    return found


@pytest.mark.parametrize("kind", sorted(KINDS)[::3])
def test_no_synthetic_ecg_is_read_with_a_contradiction(kind: str) -> None:
    rng = np.random.default_rng(17)
    record, _ = synthesize(varied(kind_spec(kind), rng), rng)
    findings = assess(measure(record), Patient(58.0, "F"), record.warnings)
    assert contradictions(findings) == []


def _drawn(rng: np.random.Generator) -> Findings:
    """Read the normal ECG with a handful of drawn changes, among them values at and around every limit."""

    def some(share: float) -> bool:
        return bool(rng.random() < share)

    leads: dict[str, dict[str, Any]] = {}
    if some(0.2):
        leads |= {name: dict(values) for name, values in LBBB_LEADS.items()}
    for name in LEADS:
        change = leads.setdefault(name, {})
        if some(0.3):
            level = float(rng.choice([-0.2, -0.12, -0.06, 0.06, 0.12, 0.22, 0.3]))
            change |= {"st_j_mv": level, "st_j60_mv": level, "st_shape": str(rng.choice(["concave", "convex"]))}
        if some(0.2):
            change["t_amplitude_mv"] = float(rng.choice([-0.4, -0.15, 0.02, 0.7, 1.3]))
        if some(0.2):
            change |= {"q_amplitude_mv": -0.3, "q_duration_ms": float(rng.choice([24.0, 34.0, 50.0]))}
        if some(0.15):
            change |= {"r_amplitude_mv": float(rng.choice([0.03, 0.2, 1.8, 3.2]))}
        if some(0.15):
            change |= {"s_amplitude_mv": -2.6, "s_duration_ms": 60.0}
        if some(0.1):
            change |= {"r_prime_amplitude_mv": 0.8, "pr_segment_mv": -0.08, "j_notch_mv": 0.15}
    p = some(0.75)
    kinds = rng.choice(
        ["normal", "ventricular_ectopic", "supraventricular_ectopic", "paced"], 12, p=[0.8, 0.08, 0.08, 0.04]
    )
    beats = tuple(Beat(n + 1, 0.8 * n, rr_ms=800.0, kind=kind) for n, kind in enumerate(kinds.tolist()))
    rhythm = {
        "p_wave_present": p,
        "rr_irregularity": float(rng.choice([0.01, 0.05, 0.2])),
        "atrial_rate_per_min": 300.0 if not p and some(0.2) else None,
        "p_times_s": tuple(np.arange(0.1, 10.0, float(rng.choice([0.5, 0.7, 0.8])))),
        "p_rate_per_min": float(rng.choice([75.0, 86.0, 120.0])),
        "p_train_steady": not p and some(0.3),
        "atrial_spike_count": 12 if some(0.05) else 0,
    }
    qtc = float(rng.choice([330.0, 410.0, 455.0, 520.0]))
    return read(
        Patient(float(rng.choice([30.0, 60.0])), rng.choice(np.array(["M", "F", None]))),
        leads=leads,
        rhythm=rhythm,
        beats=beats,
        heart_rate_bpm=float(rng.choice([38.0, 55.0, 72.0, 150.0])),
        pr_interval_ms=float(rng.choice([100.0, 118.0, 160.0, 210.0, 260.0])) if p else None,
        p_axis_deg=float(rng.choice([-80.0, 45.0, 110.0])) if p else None,
        delta_wave=some(0.2) if p else None,
        qrs_duration_ms=float(rng.choice([90.0, 112.0, 125.0, 150.0])),
        qrs_axis_deg=float(rng.choice([-120.0, -60.0, -38.0, 40.0, 100.0])),
        qtc_bazett_ms=qtc,
        qtc_fridericia_ms=qtc - 5.0,
        st_segment_ms=float(rng.choice([20.0, 100.0, 200.0])),
    )


def test_no_drawn_measurements_are_read_with_a_contradiction() -> None:
    rng = np.random.default_rng(2024)
    seen: set[str] = set()
    for number in range(600):
        findings = _drawn(rng)
        assert contradictions(findings) == [], number
        seen |= {finding.id for finding in findings.items}
    assert len(seen) > 80  # the draws reach most of the rules


def test_the_table_finds_a_contradiction() -> None:
    findings = read()
    wrong = Findings((*findings.items, *read(qrs_axis_deg=-60.0).topic("axis")))
    assert any(text.startswith("axis:") for text in contradictions(wrong))
