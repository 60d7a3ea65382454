"""Infarctions by territory and stage: an injury that points to the territory, a QRS that has lost it, and T over time.

The ST vector of an acute injury points to the injured wall (so that the opposite leads are depressed), T is at first
tall in the same direction, later inverted, and what is necrotic no longer pulls the QRS its way: Q waves. Stages as in
the AHA/ACCF/HRS recommendations, part VI (Circulation 2009;119:e262-e270) and textbooks; the sizes are our own, set on
drawn pages. One dipole cannot show what is local to one electrode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from training.synthesis.beats import SYMMETRIC_T_SHAPE, Lobe, Morphology, Vector
from training.synthesis.normal import NORMAL


@dataclass(frozen=True)
class Territory:
    """One wall: the ST vector at the J point when acute (mV), its QRS once lost, and its QRS of the first hours."""

    injury: Vector
    lost_qrs: tuple[Lobe, ...]
    acute_qrs: tuple[Lobe, ...] = NORMAL.qrs


@dataclass(frozen=True)
class Stage:
    """One stage: factors on the injury for ST at the J point and for T, the share of the normal T that is left."""

    st: float
    st_end: float
    t_of_injury: float
    t_of_normal: float
    t_onset: float
    q_waves: bool
    labels: tuple[str, ...]


_ANTERIOR_LOST = (
    Lobe(0.0, 0.5, (0.0, 0.06, 0.3)),
    Lobe(0.14, 0.68, (0.42, 0.45, 0.3)),
    Lobe(0.34, 0.88, (0.32, 0.45, 0.45)),
    Lobe(0.66, 1.0, (-0.06, -0.12, 0.14)),
)
_ANTERIOR_ACUTE = (
    Lobe(0.0, 0.42, (0.02, 0.08, 0.12)),
    Lobe(0.14, 0.68, (0.5, 0.5, 0.08)),
    Lobe(0.34, 0.88, (0.36, 0.5, 0.4)),
    Lobe(0.66, 1.0, (-0.1, -0.16, 0.12)),
)

TERRITORIES: Mapping[str, Territory] = {
    "inferior": Territory(
        (-0.07, 0.27, 0.06),
        (
            Lobe(0.0, 0.56, (0.0, -0.44, -0.16)),
            Lobe(0.14, 0.7, (0.6, 0.12, -0.2)),
            Lobe(0.36, 0.9, (0.36, 0.5, 0.5)),
            Lobe(0.66, 1.0, (-0.12, 0.02, 0.26)),
        ),
    ),
    "anterior": Territory((0.03, -0.06, -0.19), _ANTERIOR_LOST, _ANTERIOR_ACUTE),
    "anteroseptal": Territory(
        (-0.03, -0.03, -0.19),
        (
            Lobe(0.0, 0.46, (0.0, 0.06, 0.26)),
            Lobe(0.14, 0.68, (0.55, 0.52, 0.12)),
            Lobe(0.34, 0.88, (0.36, 0.52, 0.5)),
            Lobe(0.66, 1.0, (-0.1, -0.14, 0.2)),
        ),
        _ANTERIOR_ACUTE,
    ),
    "anterolateral": Territory(
        (0.14, -0.07, -0.12),
        (
            Lobe(0.0, 0.5, (-0.26, 0.16, 0.14)),
            Lobe(0.16, 0.7, (0.3, 0.5, 0.3)),
            Lobe(0.36, 0.9, (0.22, 0.45, 0.35)),
            Lobe(0.68, 1.0, (-0.1, -0.1, 0.14)),
        ),
    ),
    "lateral": Territory(
        (0.13, -0.14, 0.15),
        (
            Lobe(0.0, 0.5, (-0.4, 0.22, -0.18)),
            Lobe(0.16, 0.7, (0.42, 0.5, -0.26)),
            Lobe(0.36, 0.9, (0.3, 0.5, 0.42)),
            Lobe(0.68, 1.0, (-0.12, -0.12, 0.22)),
        ),
    ),
    "inferolateral": Territory(
        (0.08, 0.24, 0.14),
        (
            Lobe(0.0, 0.54, (-0.34, -0.42, -0.24)),
            Lobe(0.26, 0.72, (0.56, 0.3, -0.24)),
            Lobe(0.36, 0.9, (0.3, 0.46, 0.42)),
            Lobe(0.68, 1.0, (-0.1, 0.0, 0.2)),
        ),
    ),
}

_STEMI = "acute {} ST-elevation myocardial infarction"
STAGES: Mapping[str, Stage] = {
    "hyperacute": Stage(0.7, 1.2, 2.0, 0.4, 0.19, False, (_STEMI, "ST elevation")),
    "acute": Stage(1.0, 1.2, 1.1, 0.45, 0.2, False, (_STEMI, "ST elevation")),
    "subacute": Stage(0.65, 0.7, -1.0, 0.2, 0.25, True, (_STEMI, "ST elevation", "T-wave inversion")),
    "old": Stage(0.0, 1.0, -0.9, 0.4, 0.25, True, ("{} myocardial infarction",)),
}


def infarction(wall: str, stage: Stage) -> Morphology:
    """Return the complex of an infarction of one wall of `TERRITORIES` at one stage."""
    territory = TERRITORIES[wall]
    injury, normal_t = np.array(territory.injury), np.array(NORMAL.t)
    t = stage.t_of_injury * injury + stage.t_of_normal * normal_t
    return replace(
        NORMAL,
        qrs=territory.lost_qrs if stage.q_waves else territory.acute_qrs,
        st=_vector(stage.st * injury),
        st_end=stage.st_end,
        t=_vector(t),
        t_onset=stage.t_onset,
        t_shape=NORMAL.t_shape if stage.st in (0.0, 1.0) else SYMMETRIC_T_SHAPE,
        labels=tuple(label.format(wall) for label in stage.labels),
    )


def _vector(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Vector:
    x, y, z = values.tolist()
    return (x, y, z)


_POSTERIOR_QRS = (
    Lobe(0.0, 0.42, (-0.14, 0.04, -0.22)),
    Lobe(0.14, 0.7, (0.5, 0.52, -0.42)),
    Lobe(0.34, 0.92, (0.34, 0.5, 0.06)),
    Lobe(0.68, 1.0, (-0.12, -0.14, 0.04)),
)


def _all() -> dict[str, Morphology]:
    found: dict[str, Morphology] = {}
    for wall in TERRITORIES:
        for stage_name, stage in STAGES.items():
            if stage_name == "old":
                key = f"old_{wall}_infarction"
            else:
                key = f"{wall}_stemi" if stage_name == "acute" else f"{wall}_stemi_{stage_name}"
            found[key] = infarction(wall, stage)
    posterior = ("posterior myocardial infarction",)
    found["posterior_infarction_acute"] = replace(  # seen from the front: ST depression, tall R, upright T
        NORMAL, qrs=_POSTERIOR_QRS, st=(0.0, 0.03, 0.11), t=(0.2, 0.2, -0.2), labels=(*posterior, "ST depression")
    )
    found["old_posterior_infarction"] = replace(NORMAL, qrs=_POSTERIOR_QRS, t=(0.18, 0.18, -0.24), labels=posterior)
    return found


INFARCTIONS: dict[str, Morphology] = _all()
"""`WALL_stemi` (acute), `WALL_stemi_hyperacute`, `WALL_stemi_subacute`, `old_WALL_infarction`; and posterior."""
