"""The shapes of a ventricular beat and of a P wave, as heart-vector components, by name.

A QRS is a handful of overlapping pulses, each a stretch of ventricular activation with its direction; the ST segment is
a level, the T wave one asymmetric pulse. Vectors are (x left, y inferior, z posterior) in mV of lead I. The directions
follow the textbook order of ventricular activation; the sizes are our own, set on drawn pages until every kind met its
usual criteria. The module knows nothing of rhythm or sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.synthesis.waves import Component, Level, Rounded, Shape, shape_area

Vector = tuple[float, float, float]

_QRS_SHAPE = Rounded(0.5, 1.4, 1.4)
_BROAD_SHAPE = Rounded(0.5, 1.8, 1.8)
_DELTA_SHAPE = Rounded(0.8, 1.1, 1.4)
_P_SHAPE = Rounded(0.5, 1.25, 1.25)
_T_SHAPE = Rounded(0.58, 1.8, 1.35)
_SYMMETRIC_T_SHAPE = Rounded(0.52, 1.5, 1.35)


@dataclass(frozen=True)
class Lobe:
    """One pulse of the QRS: `start` and `end` as fractions of the QRS duration, and its vector in mV."""

    start: float
    end: float
    vector: Vector
    shape: Shape = _QRS_SHAPE


@dataclass(frozen=True)
class Morphology:
    """One shape of ventricular complex; `st` is the vector at the J point, `st_end` its factor at the onset of T."""

    qrs: tuple[Lobe, ...]
    t: Vector
    st: Vector = (0.0, 0.0, 0.0)
    st_end: float = 1.0
    qrs_duration_ms: float = 92.0
    t_onset: float = 0.25
    """Onset of T as a fraction of the J point to T end."""
    t_shape: Shape = _T_SHAPE
    labels: tuple[str, ...] = ()


_NORMAL = Morphology(
    qrs=(
        Lobe(0.0, 0.4, (-0.14, 0.04, -0.15)),
        Lobe(0.14, 0.68, (0.55, 0.58, -0.22)),
        Lobe(0.34, 0.88, (0.36, 0.56, 0.58)),
        Lobe(0.66, 1.0, (-0.14, -0.16, 0.26)),
    ),
    t=(0.21, 0.2, -0.12),
)

MORPHOLOGIES: dict[str, Morphology] = {
    "normal": _NORMAL,
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
        labels=("CRBBB",),
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
        labels=("CLBBB",),
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
        labels=("LAFB",),
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
        labels=("LVH",),
    ),
    "inferior_stemi": replace(
        _NORMAL,
        st=(-0.07, 0.27, 0.06),
        st_end=1.15,
        t=(0.02, 0.36, 0.02),
        t_onset=0.2,
        labels=("IMI", "STE_"),
    ),
    "anterior_stemi": replace(
        _NORMAL,
        qrs=(
            Lobe(0.0, 0.42, (0.02, 0.08, 0.12)),
            Lobe(0.14, 0.68, (0.5, 0.5, 0.08)),
            Lobe(0.34, 0.88, (0.36, 0.5, 0.4)),
            Lobe(0.66, 1.0, (-0.1, -0.16, 0.12)),
        ),
        st=(0.04, -0.05, -0.15),
        st_end=1.3,
        t=(0.14, 0.04, -0.28),
        t_onset=0.18,
        labels=("AMI", "STE_"),
    ),
    "lateral_stemi": replace(
        _NORMAL,
        st=(0.16, -0.13, 0.05),
        st_end=1.15,
        t=(0.3, -0.02, 0.0),
        t_onset=0.2,
        labels=("LMI", "STE_"),
    ),
    "old_inferior_infarction": replace(
        _NORMAL,
        qrs=(
            Lobe(0.0, 0.56, (0.0, -0.44, -0.16)),
            Lobe(0.14, 0.7, (0.6, 0.12, -0.2)),
            Lobe(0.36, 0.9, (0.36, 0.5, 0.5)),
            Lobe(0.66, 1.0, (-0.12, 0.02, 0.26)),
        ),
        t=(0.25, -0.12, -0.14),
        labels=("IMI",),
    ),
    "old_anterior_infarction": replace(
        _NORMAL,
        qrs=(
            Lobe(0.0, 0.5, (0.0, 0.06, 0.3)),
            Lobe(0.14, 0.68, (0.42, 0.45, 0.3)),
            Lobe(0.34, 0.88, (0.32, 0.45, 0.45)),
            Lobe(0.66, 1.0, (-0.06, -0.12, 0.14)),
        ),
        t=(0.06, 0.14, 0.14),
        labels=("AMI",),
    ),
    "t_inversion": replace(_NORMAL, t=(-0.12, 0.02, 0.16), t_shape=_SYMMETRIC_T_SHAPE, labels=("INVT",)),
    "wpw": replace(
        _NORMAL,
        qrs=(
            Lobe(0.0, 0.62, (0.24, 0.16, -0.2), _DELTA_SHAPE),
            Lobe(0.3, 0.76, (0.5, 0.5, -0.26)),
            Lobe(0.46, 0.94, (0.32, 0.5, 0.34)),
            Lobe(0.74, 1.0, (-0.12, -0.14, 0.2)),
        ),
        t=(0.15, 0.12, -0.02),
        qrs_duration_ms=126,
        labels=("WPW",),
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
"""Ventricular complexes by name; the last three are those of beats that do not come through the bundle of His."""

SINUS_P: tuple[Lobe, ...] = (  # right atrium forward and down, then left atrium to the left and back
    Lobe(0.0, 0.68, (0.03, 0.12, -0.03), _P_SHAPE),
    Lobe(0.3, 1.0, (0.055, 0.06, 0.004), _P_SHAPE),
)
ECTOPIC_P: tuple[Lobe, ...] = (  # from low in the atria: inverted in the inferior leads
    Lobe(0.0, 0.7, (0.02, -0.09, -0.03), _P_SHAPE),
    Lobe(0.3, 1.0, (0.04, -0.07, 0.03), _P_SHAPE),
)


@dataclass(frozen=True)
class BeatTemplate:
    """One ventricular beat: times from the onset of its QRS in seconds, QRS apart from ST and T."""

    qrs: tuple[Component, ...]
    st: tuple[Component, ...]
    t: tuple[Component, ...]

    @property
    def components(self) -> tuple[Component, ...]:
        """All components."""
        return self.qrs + self.st + self.t


def atrial_components(
    lobes: Sequence[Lobe], duration_ms: float, axis_deg: float | None, gain: float
) -> tuple[Component, ...]:
    """Return a P wave's components, seconds from its onset, turned to `axis_deg` where one is given."""
    return _turned(_placed(lobes, duration_ms / 1000, gain), axis_deg)


def beat_template(
    morphology: Morphology,
    qrs_duration_ms: float,
    qt_interval_ms: float,
    *,
    qrs_axis_deg: float | None = None,
    t_axis_deg: float | None = None,
    qrs_gain: float = 1.0,
    st_gain: float = 1.0,
    t_gain: float = 1.0,
) -> BeatTemplate:
    """Return a beat of the given durations (ms) and frontal axes (degrees; None leaves the morphology's own).

    The ST level rises in the last 40 ms of the QRS (or its second half, if shorter), holds from the J point to the
    onset of T and is gone before T ends, so that the QT interval ends with T in every lead.
    """
    qrs_s, qt_s = qrs_duration_ms / 1000, qt_interval_ms / 1000
    jt_s = qt_s - qrs_s
    if jt_s < 0.08:
        raise ValueError(
            f"QT of {qt_interval_ms:g} ms leaves no room for a T wave after a QRS of {qrs_duration_ms:g} ms"
        )
    t_onset_s = qrs_s + morphology.t_onset * jt_s
    t = Component(t_onset_s, qt_s - t_onset_s, morphology.t_shape, _scaled(morphology.t, t_gain))
    st: tuple[Component, ...] = ()
    if any(morphology.st) and st_gain > 0:
        rise_s = min(0.04, qrs_s / 2)
        st_s = rise_s + (qt_s - 0.3 * (qt_s - t_onset_s)) - qrs_s
        shape = Level(rise_s / st_s, (rise_s + t_onset_s - qrs_s) / st_s, morphology.st_end)
        st = (Component(qrs_s - rise_s, st_s, shape, _scaled(morphology.st, st_gain)),)
    return BeatTemplate(_turned(_placed(morphology.qrs, qrs_s, qrs_gain), qrs_axis_deg), st, _turned((t,), t_axis_deg))


def _placed(lobes: Sequence[Lobe], duration_s: float, gain: float) -> tuple[Component, ...]:
    return tuple(
        Component(lobe.start * duration_s, (lobe.end - lobe.start) * duration_s, lobe.shape, _scaled(lobe.vector, gain))
        for lobe in lobes
    )


def _scaled(vector: Vector, gain: float) -> Vector:
    x, y, z = vector
    return (gain * x, gain * y, gain * z)


def _turned(components: tuple[Component, ...], axis_deg: float | None) -> tuple[Component, ...]:
    """Turn all components about z, so that the frontal axis of their net area becomes `axis_deg`."""
    if axis_deg is None:
        return components
    weights = np.array([component.duration_s * shape_area(component.shape) for component in components])
    net_x, net_y = weights @ np.array([component.vector[:2] for component in components])
    turn = np.radians(axis_deg) - np.arctan2(net_y, net_x)
    cosine, sine = float(np.cos(turn)), float(np.sin(turn))

    def turned(component: Component) -> Component:
        x, y, z = component.vector
        return replace(component, vector=(cosine * x - sine * y, sine * x + cosine * y, z))

    return tuple(turned(component) for component in components)
