"""The shapes of ventricular beats and of P waves by name: normal, conduction, hypertrophy, ventricular origin.

The directions follow the textbook order of ventricular activation; the sizes are our own, set on drawn pages until each
met its usual criteria. Infarctions and changes of ST-T alone are in files of their own and join the table here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from training.synthesis.beats import Lobe, Morphology
from training.synthesis.infarction import INFARCTIONS
from training.synthesis.normal import NORMAL
from training.synthesis.repolarization import REPOLARIZATIONS
from training.synthesis.waves import Rounded

_BROAD_SHAPE = Rounded(0.5, 1.8, 1.8)
_DELTA_SHAPE = Rounded(0.8, 1.1, 1.4)
_P_SHAPE = Rounded(0.5, 1.25, 1.25)


@dataclass(frozen=True)
class Atria:
    """The P wave of one state of the atria, and its labels."""

    lobes: tuple[Lobe, ...]
    labels: tuple[str, ...] = ()


MORPHOLOGIES: dict[str, Morphology] = (
    {
        "normal": NORMAL,
        "rbbb": Morphology(
            qrs=(
                Lobe(0.0, 0.28, (-0.14, 0.04, -0.18)),
                Lobe(0.1, 0.44, (0.5, 0.5, -0.1)),
                Lobe(0.22, 0.58, (0.42, 0.5, 0.36)),
                Lobe(0.4, 0.92, (-0.24, -0.05, -0.4), _BROAD_SHAPE),
                Lobe(0.58, 1.0, (-0.18, 0.0, -0.26)),
            ),
            t=(0.24, 0.18, 0.08),
            qrs_duration_ms=142,
            labels=("complete right bundle branch block",),
        ),
        "lbbb": Morphology(
            qrs=(
                Lobe(0.0, 0.3, (0.1, 0.1, -0.06)),
                Lobe(0.06, 0.68, (0.62, 0.22, 0.62), _BROAD_SHAPE),
                Lobe(0.36, 0.98, (0.62, 0.04, 0.82), _BROAD_SHAPE),
                Lobe(0.6, 1.0, (0.16, 0.0, 0.12)),
            ),
            st=(-0.08, -0.01, -0.12),
            st_end=1.3,
            t=(-0.2, -0.03, -0.3),
            qrs_duration_ms=152,
            labels=("complete left bundle branch block",),
        ),
        "lafb": Morphology(
            qrs=(
                Lobe(0.0, 0.4, (-0.14, 0.4, -0.2)),
                Lobe(0.16, 0.7, (0.62, -0.2, -0.12)),
                Lobe(0.36, 0.92, (0.42, -0.85, 0.5)),
                Lobe(0.68, 1.0, (-0.06, -0.45, 0.22)),
            ),
            t=(0.2, 0.22, -0.1),
            qrs_duration_ms=104,
            labels=("left anterior fascicular block",),
        ),
        "irbbb": replace(
            NORMAL,
            qrs=(
                Lobe(0.0, 0.36, (-0.14, 0.04, -0.17)),
                Lobe(0.12, 0.56, (0.52, 0.54, -0.16)),
                Lobe(0.28, 0.76, (0.4, 0.52, 0.5)),
                Lobe(0.58, 1.0, (-0.26, -0.08, -0.24)),
            ),
            t=(0.22, 0.19, 0.0),
            qrs_duration_ms=108,
            labels=("incomplete right bundle branch block",),
        ),
        "rbbb_lafb": Morphology(
            qrs=(
                Lobe(0.0, 0.28, (-0.14, 0.34, -0.18)),
                Lobe(0.1, 0.46, (0.54, -0.24, -0.1)),
                Lobe(0.22, 0.62, (0.4, -0.8, 0.34)),
                Lobe(0.4, 0.92, (-0.24, -0.12, -0.4), _BROAD_SHAPE),
                Lobe(0.58, 1.0, (-0.18, 0.0, -0.26)),
            ),
            t=(0.22, 0.2, 0.08),
            qrs_duration_ms=146,
            labels=("complete right bundle branch block", "left anterior fascicular block"),
        ),
        "ivcd": replace(
            NORMAL,
            qrs=(
                Lobe(0.0, 0.36, (-0.12, 0.06, -0.12)),
                Lobe(0.12, 0.62, (0.5, 0.5, -0.12), _BROAD_SHAPE),
                Lobe(0.3, 0.86, (0.34, 0.4, 0.52), _BROAD_SHAPE),
                Lobe(0.62, 1.0, (0.06, -0.16, 0.36)),
            ),
            t=(0.18, 0.16, -0.12),
            qrs_duration_ms=148,
            labels=("nonspecific intraventricular conduction delay",),
        ),
        "lpfb": replace(
            NORMAL,
            qrs=(
                Lobe(0.0, 0.38, (0.22, -0.24, -0.18)),
                Lobe(0.16, 0.68, (0.02, 0.76, -0.16)),
                Lobe(0.34, 0.9, (-0.42, 0.86, 0.4)),
                Lobe(0.66, 1.0, (-0.26, 0.2, 0.24)),
            ),
            t=(0.14, 0.2, -0.12),
            qrs_duration_ms=104,
            labels=("left posterior fascicular block",),
        ),
        "right_axis": replace(  # a vertical heart turned to the right, without the q waves of a fascicular block
            NORMAL,
            qrs=(
                Lobe(0.0, 0.4, (0.12, 0.16, -0.15)),
                Lobe(0.14, 0.68, (0.1, 0.66, -0.2)),
                Lobe(0.34, 0.88, (-0.36, 0.6, 0.5)),
                Lobe(0.66, 1.0, (-0.26, 0.02, 0.26)),
            ),
        ),
        "lvh": replace(
            NORMAL,
            qrs=(
                Lobe(0.0, 0.36, (-0.14, 0.04, -0.24)),
                Lobe(0.14, 0.68, (0.78, 0.5, -0.02)),
                Lobe(0.32, 0.9, (0.72, 0.4, 0.92)),
                Lobe(0.68, 1.0, (-0.1, -0.16, 0.28)),
            ),
            t=(0.22, 0.18, -0.2),
            qrs_duration_ms=100,
            labels=("voltage criteria for left ventricular hypertrophy",),
        ),
        "rvh": replace(
            NORMAL,
            qrs=(
                Lobe(0.0, 0.36, (0.16, 0.04, -0.2)),
                Lobe(0.14, 0.66, (0.0, 0.5, -0.5)),
                Lobe(0.32, 0.88, (-0.42, 0.52, -0.26)),
                Lobe(0.64, 1.0, (-0.3, -0.12, 0.12)),
            ),
            st=(0.03, -0.03, 0.05),
            st_end=1.3,
            t=(0.14, 0.0, 0.17),
            qrs_duration_ms=98,
            labels=("right ventricular hypertrophy",),
        ),
        "lvh_strain": Morphology(
            qrs=(
                Lobe(0.0, 0.36, (-0.16, 0.04, -0.26)),
                Lobe(0.14, 0.68, (0.9, 0.3, 0.08)),
                Lobe(0.32, 0.92, (0.95, 0.12, 1.0)),
                Lobe(0.7, 1.0, (-0.1, -0.2, 0.3)),
            ),
            st=(-0.09, -0.03, -0.07),
            st_end=1.4,
            t=(-0.19, -0.07, -0.17),
            qrs_duration_ms=106,
            labels=("left ventricular hypertrophy",),
        ),
        "wpw": replace(
            NORMAL,
            qrs=(
                Lobe(0.0, 0.62, (0.24, 0.16, -0.2), _DELTA_SHAPE),
                Lobe(0.3, 0.76, (0.5, 0.5, -0.26)),
                Lobe(0.46, 0.94, (0.32, 0.5, 0.34)),
                Lobe(0.74, 1.0, (-0.12, -0.14, 0.2)),
            ),
            t=(0.15, 0.12, -0.02),
            qrs_duration_ms=126,
            labels=("ventricular pre-excitation",),
        ),
        "ventricular_ectopic": Morphology(  # from the right ventricular outflow tract: like LBBB, axis inferior
            qrs=(
                Lobe(0.0, 0.5, (0.18, 0.5, 0.12)),
                Lobe(0.14, 0.8, (0.32, 1.05, 0.75)),
                Lobe(0.46, 1.0, (0.3, 0.42, 0.5)),
            ),
            st=(-0.06, -0.12, -0.1),
            st_end=1.3,
            t=(-0.12, -0.42, -0.3),
            qrs_duration_ms=152,
            t_onset=0.16,
        ),
        "ventricular_tachycardia": Morphology(  # from the apex of the left ventricle: upwards and to the back
            qrs=(
                Lobe(0.0, 0.5, (0.1, -0.34, -0.16), _BROAD_SHAPE),
                Lobe(0.14, 0.78, (-0.36, -0.86, -0.34), _BROAD_SHAPE),
                Lobe(0.46, 1.0, (-0.5, -0.5, 0.16)),
            ),
            st=(0.06, 0.09, 0.02),
            st_end=1.3,
            t=(0.13, 0.24, 0.05),
            qrs_duration_ms=150,
            t_onset=0.16,
        ),
        "ventricular_escape": Morphology(  # from the left ventricle: like RBBB, axis left
            qrs=(
                Lobe(0.0, 0.45, (0.12, -0.12, -0.2)),
                Lobe(0.12, 0.66, (0.3, -0.5, -0.3)),
                Lobe(0.4, 1.0, (-0.32, -0.42, -0.4)),
            ),
            t=(0.12, 0.28, 0.2),
            qrs_duration_ms=148,
        ),
        "ventricular_paced": Morphology(  # from the right ventricular apex
            qrs=(
                Lobe(0.0, 0.42, (0.14, -0.25, 0.16)),
                Lobe(0.12, 0.7, (0.26, -0.8, 0.62)),
                Lobe(0.44, 1.0, (0.12, -0.52, 0.6)),
            ),
            st=(-0.05, 0.09, -0.11),
            st_end=1.3,
            t=(-0.12, 0.3, -0.26),
            qrs_duration_ms=164,
        ),
    }
    | INFARCTIONS
    | REPOLARIZATIONS
)
"""Ventricular complexes by name."""

CONDUCTION = ("rbbb", "lbbb", "irbbb", "lafb", "lpfb", "rbbb_lafb", "ivcd", "lvh", "lvh_strain", "rvh")
"""Those that are a disorder of conduction or a hypertrophy, which any rhythm through the bundle of His can have."""

VENTRICULAR = ("ventricular_ectopic", "ventricular_tachycardia", "ventricular_escape", "ventricular_paced")
"""Those of beats that do not come through the bundle of His."""

ATRIA: dict[str, Atria] = {
    "normal": Atria(  # right atrium forward and down, then left atrium to the left and back
        (Lobe(0.0, 0.68, (0.03, 0.12, -0.03), _P_SHAPE), Lobe(0.3, 1.0, (0.055, 0.06, 0.004), _P_SHAPE)),
    ),
    "left": Atria(
        (Lobe(0.0, 0.52, (0.02, 0.1, -0.035), _P_SHAPE), Lobe(0.4, 1.0, (0.08, 0.07, 0.095), _P_SHAPE)),
        ("left atrial abnormality",),
    ),
    "right": Atria(
        (Lobe(0.0, 0.74, (0.03, 0.3, -0.075), _P_SHAPE), Lobe(0.3, 1.0, (0.04, 0.12, -0.01), _P_SHAPE)),
        ("right atrial abnormality",),
    ),
}
"""P waves of the sinus node (and of a lead in the right atrial appendage) by the state of the atria."""

ECTOPIC_P: tuple[Lobe, ...] = (  # from low in the atria: inverted in the inferior leads
    Lobe(0.0, 0.7, (0.02, -0.09, -0.03), _P_SHAPE),
    Lobe(0.3, 1.0, (0.04, -0.07, 0.03), _P_SHAPE),
)
