"""Samples of ECG-Reasoning-Benchmark's schema over its 17 diagnoses, and the recordings that they ask about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from made_chain import Chain
from made_diagnoses import (
    ANTERIOR,
    INFERIOR,
    LATERAL,
    Build,
    fascicle,
    first_degree,
    infarction,
    ischemia,
    left_bundle,
    left_ventricle,
    premature,
    right_bundle,
    right_ventricle,
    second_degree,
    third_degree,
)

from training.cli import write_record
from training.synthesis import NoiseSpec, kind_spec, synthesize

_07 = "0.07mV (0.7mm) in these leads"
_FRONT = {"V2": 0.1, "V3": 0.07, "V4": 0.07}
_FRONT_WORDS = "0.1mV (1mm) in lead V2, and greater than 0.07mV (0.7mm) in leads V3 and V4"
CHAINS: dict[str, tuple[str, Build, str]] = {
    "first_degree_av_block": ("first degree AV block", first_degree, "av_block_1"),
    "second_degree_av_block": ("second degree AV block", second_degree, "av_block_2_mobitz_1"),
    "third_degree_av_block": ("third degree AV block", third_degree, "av_block_3"),
    "complete_left_bundle_branch_block": ("complete left bundle branch block", left_bundle, "lbbb"),
    "complete_right_bundle_branch_block": ("complete right bundle branch block", right_bundle, "rbbb"),
    "left_anterior_fascicular_block": ("left anterior fascicular block", fascicle(True), "lafb"),
    "left_posterior_fascicular_block": ("left posterior fascicular block", fascicle(False), "lafb"),
    "premature_atrial_complex": ("typical premature atrial complex(es)", premature(False), "pac"),
    "premature_ventricular_complex": ("typical premature ventricular complex(es)", premature(True), "pvc"),
    "left_ventricular_hypertrophy": ("left ventricular hypertrophy", left_ventricle, "lvh_strain"),
    "right_ventricular_hypertrophy": ("right ventricular hypertrophy", right_ventricle, "lvh_strain"),
    "anterior_myocardial_infarction": ("anterior infarction", infarction("anterior", ANTERIOR, "II"), "anterior_stemi"),
    "inferior_myocardial_infarction": ("inferior infarction", infarction("inferior", INFERIOR, "I"), "inferior_stemi"),
    "lateral_myocardial_infarction": ("lateral infarction", infarction("lateral", LATERAL, "III"), "lateral_stemi"),
    "anterior_ischemia": (
        "anterior ischemia",
        ischemia("anterior", ("V2", "V3", "V4"), _FRONT_WORDS, _FRONT, "aVF"),
        "t_inversion",
    ),
    "inferior_ischemia": (
        "inferior ischemia",
        ischemia("inferior", INFERIOR, _07, dict.fromkeys(INFERIOR, 0.07), "V5"),
        "t_inversion",
    ),
    "lateral_ischemia": (
        "lateral ischemia",
        ischemia("lateral", LATERAL, _07, dict.fromkeys(LATERAL, 0.07), "aVR"),
        "lvh_strain",
    ),
}
"""What each diagnosis is called, how its chain is made, and the kind of ECG beside a normal one."""


def made_samples(folder: Path, seed: int = 1, diagnoses: int | None = None) -> list[dict[str, Any]]:
    """Write the recordings of chains into a folder and return the samples, two a diagnosis, of the first diagnoses."""
    samples: list[dict[str, Any]] = []
    for target, (words, build, kind) in list(CHAINS.items())[:diagnoses]:
        for name in (kind, "sinus"):
            number = len(samples)
            noise = NoiseSpec(muscle_rms_mv=0.004)
            spec = replace(kind_spec(name), name=f"{target}_{number}", noise=noise)
            record, truth = synthesize(spec, np.random.default_rng([seed, number]))
            write_record(folder, record, truth, kind=name)
            chain = Chain(target, words, record, truth, seed + number)
            build(chain)
            samples.append(chain.to_json(number))
    return samples
