"""Many different ECGs as measurements, drawn from a seed: each is the normal one with several things changed."""

from __future__ import annotations

import random
from typing import Any

from made_ecg import LBBB_LEADS, normal_ecg, read

from ecgr1_core.measure import Beat
from ecgr1_core.measure.types import BeatKind
from ecgr1_core.protocol import Findings
from ecgr1_core.record import LEADS, Patient

RBBB_LEADS: dict[str, dict[str, Any]] = {
    "V1": {"r_amplitude_mv": 0.3, "s_amplitude_mv": -0.4, "r_prime_amplitude_mv": 0.9, "t_amplitude_mv": -0.2},
    "V2": {"r_amplitude_mv": 0.4, "s_amplitude_mv": -0.6, "r_prime_amplitude_mv": 0.5, "t_amplitude_mv": -0.15},
    "I": {"s_amplitude_mv": -0.3, "s_duration_ms": 60.0},
    "V6": {"s_amplitude_mv": -0.4, "s_duration_ms": 64.0},
}
LAFB_LEADS: dict[str, dict[str, Any]] = {
    **{name: {"q_amplitude_mv": None, "r_amplitude_mv": 0.2, "s_amplitude_mv": -0.9} for name in ("II", "III", "aVF")},
    "aVL": {"q_amplitude_mv": -0.06, "q_duration_ms": 16.0, "r_amplitude_mv": 0.8, "s_amplitude_mv": None},
}


def varied_ecg(seed: int) -> Findings:
    """Return the findings on one ECG; the same for the same seed."""
    draw = random.Random(seed)
    leads: dict[str, dict[str, Any]] = {}
    rate = float(draw.choice([38, 52, 64, 72, 88, 104, 150]))
    changes: dict[str, Any] = {
        "heart_rate_bpm": draw.choice([rate, rate, rate, rate, None]),
        "pr_interval_ms": draw.choice([160.0, 188.0, 224.0, 264.0, 108.0, None]),
        "qrs_duration_ms": float(draw.choice([84, 92, 104, 114, 124])),
        "qrs_axis_deg": draw.choice([45.0, 12.0, -18.0, -42.0, 104.0, -120.0, None]),
        "p_axis_deg": draw.choice([48.0, 62.0, 95.0, -60.0, None]),
        "qtc_bazett_ms": float(draw.choice([350, 416, 445, 470, 520])),
        "transition_zone": draw.choice(["V2", "V3", "V4", "V5", None]),
        "delta_wave": draw.choice([None, False, True]),
    }
    changes["qtc_fridericia_ms"] = changes["qtc_bazett_ms"] - draw.choice([2.0, 12.0])
    rhythm: dict[str, Any] = {}
    kind = draw.choice(
        ["plain", "af", "no_p", "lbbb", "rbbb", "lafb", "bifascicular", "paced", "beats", "stemi", "old_mi"]
    )
    if kind in ("af", "no_p"):
        rhythm = {"p_wave_present": False, "rr_irregularity": 0.18 if kind == "af" else 0.01}
        changes |= {"pr_interval_ms": None, "p_axis_deg": None}
    if kind == "lbbb":
        leads, changes["qrs_duration_ms"] = dict(LBBB_LEADS), 156.0
    if kind in ("rbbb", "bifascicular"):
        leads, changes["qrs_duration_ms"] = dict(RBBB_LEADS), draw.choice([112.0, 144.0])
    if kind in ("lafb", "bifascicular"):
        leads, changes["qrs_axis_deg"] = leads | LAFB_LEADS, -58.0
    kinds: dict[str, list[BeatKind]] = {
        "paced": ["paced"],
        "beats": ["normal", "ventricular_ectopic", "supraventricular_ectopic", "paced"],
    }
    of_kind = kinds.get(kind, ["normal"])
    changes["beats"] = tuple(
        Beat(n, n * 0.833, None if n == 1 else 820.0 + draw.randint(-90, 90), kind=draw.choice(of_kind))
        for n in range(1, 13)
    )
    if kind == "stemi":
        wall = draw.choice([("II", "III", "aVF"), ("V1", "V2", "V3", "V4"), ("I", "aVL", "V5", "V6")])
        level = draw.choice([0.12, 0.28])
        leads = {name: {"st_j_mv": level, "st_j60_mv": level, "st_shape": "convex"} for name in wall}
        leads |= {name: {"st_j_mv": -0.08, "st_j60_mv": -0.09} for name in ("aVL", "III") if name not in wall}
    if kind == "old_mi":
        leads = {
            name: {"q_amplitude_mv": -0.4, "q_duration_ms": 44.0, "r_amplitude_mv": 0.5}
            for name in ("II", "III", "aVF")
        }
    for name in draw.sample(LEADS, draw.randint(0, 4)):
        more: dict[str, Any] = draw.choice(
            [
                {"t_amplitude_mv": -0.22},
                {"t_amplitude_mv": 0.02},
                {"st_j_mv": -0.14, "st_j60_mv": -0.15},
                {"r_amplitude_mv": 2.6},
                {"s_amplitude_mv": -2.4},
                {"u_amplitude_mv": 0.15},
                {"p_amplitude_mv": 0.31},
            ]
        )
        leads[name] = leads.get(name, {}) | more
    if draw.random() < 0.2:
        names = [name for name in normal_ecg().leads if name.startswith("V")]
        leads |= {name: leads.get(name, {}) | {"p_negative_amplitude_mv": -0.14} for name in names[:1]}
    patient = Patient(draw.choice([None, 9.0, 28.0, 61.0, 83.0]), draw.choice([None, "F", "M"]))
    warnings = draw.choice([(), (), (), (), ("the amplitudes are not calibrated",)])
    return read(patient, warnings, leads, rhythm, **changes)
