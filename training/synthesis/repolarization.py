"""Changes of ST, T and U without a change of the QRS (or with its mere widening): ischemia, pericarditis, electrolytes.

Each is a normal complex with another end, so that it can also be laid over a bundle branch block or hypertrophy
(`Morphology.with_repolarization`). The forms are those of the AHA/ACCF/HRS recommendations, part IV (Circulation
2009;119:e241-e250) and of textbooks; the sizes are our own, set on drawn pages. QT belongs to the specification of a
kind, not to the shape.
"""

from __future__ import annotations

from dataclasses import replace

from training.synthesis.beats import SYMMETRIC_T_SHAPE, Lobe, Morphology
from training.synthesis.normal import NORMAL
from training.synthesis.waves import Rounded

_TENTED = Rounded(0.5, 2.0, 2.0)
_NOTCHED_QRS = (
    Lobe(0.0, 0.34, (-0.14, 0.04, -0.15)),
    Lobe(0.12, 0.58, (0.55, 0.58, -0.22)),
    Lobe(0.29, 0.76, (0.4, 0.56, 0.56)),
    Lobe(0.77, 1.0, (0.15, 0.17, 0.04)),
)

REPOLARIZATIONS: dict[str, Morphology] = {
    "t_inversion": replace(NORMAL, t=(-0.12, 0.02, 0.16), t_shape=SYMMETRIC_T_SHAPE, labels=("T-wave inversion",)),
    "t_inversion_inferior": replace(
        NORMAL, t=(0.16, -0.24, -0.14), t_shape=SYMMETRIC_T_SHAPE, labels=("T-wave inversion",)
    ),
    "t_inversion_lateral": replace(
        NORMAL, t=(-0.22, 0.02, -0.12), t_shape=SYMMETRIC_T_SHAPE, labels=("T-wave inversion",)
    ),
    "low_t": replace(NORMAL, t=(0.045, 0.04, -0.03), labels=("low amplitude T waves",)),
    "st_depression": replace(
        NORMAL,
        st=(-0.085, -0.08, -0.01),
        st_end=1.1,
        t=(0.08, 0.08, -0.08),
        t_onset=0.36,
        labels=("ischemic ST-T changes", "ST depression"),
    ),
    "pericarditis": replace(
        NORMAL,
        st=(0.12, 0.13, -0.05),
        st_end=1.35,
        t=(0.16, 0.15, -0.08),
        t_onset=0.2,
        pr_segment=(-0.05, -0.06, 0.02),
        labels=("pericarditis", "ST elevation"),
    ),
    "early_repolarization": replace(
        NORMAL,
        qrs=_NOTCHED_QRS,
        st=(0.05, 0.045, -0.045),
        st_end=1.5,
        t=(0.3, 0.28, -0.24),
        t_onset=0.2,
        labels=("early repolarization", "ST elevation"),
    ),
    "digitalis": replace(
        NORMAL,
        st=(-0.05, -0.05, -0.005),
        st_end=2.1,
        t=(0.1, 0.09, -0.07),
        t_onset=0.46,
        labels=("digitalis effect", "ST depression"),
    ),
    "hyperkalemia": replace(
        NORMAL, t=(0.42, 0.44, -0.42), t_onset=0.5, t_shape=_TENTED, qrs_duration_ms=102, labels=("hyperkalemia",)
    ),
    "hyperkalemia_severe": replace(
        NORMAL,
        qrs=(
            Lobe(0.0, 0.44, (-0.1, 0.06, -0.12)),
            Lobe(0.12, 0.74, (0.4, 0.46, -0.1)),
            Lobe(0.3, 0.92, (0.26, 0.4, 0.42)),
            Lobe(0.56, 1.0, (-0.2, -0.14, 0.34)),
        ),
        t=(0.46, 0.48, -0.4),
        t_onset=0.28,
        t_shape=_TENTED,
        qrs_duration_ms=158,
        labels=("hyperkalemia",),
    ),
    "hypokalemia": replace(
        NORMAL,
        st=(-0.045, -0.045, 0.005),
        st_end=1.3,
        t=(0.06, 0.055, -0.05),
        t_onset=0.34,
        u=(0.1, 0.085, -0.11),
        labels=("hypokalemia", "prominent U waves"),
    ),
    "hypercalcemia": replace(NORMAL, t=(0.21, 0.2, -0.14), t_onset=0.1, t_shape=Rounded(0.45, 1.8, 1.35),
                             labels=("hypercalcemia",)),
    "hypocalcemia": replace(NORMAL, t=(0.2, 0.19, -0.12), t_onset=0.54, t_shape=SYMMETRIC_T_SHAPE,
                            labels=("hypocalcemia",)),
}  # fmt: skip
"""By name; all but `hyperkalemia_severe` and `early_repolarization` leave the QRS of `NORMAL` as it is."""
