"""What a beat is made of: the lobes of a QRS or a P wave, a morphology, and the components of one beat.

A QRS is a handful of overlapping pulses, each a stretch of ventricular activation with its direction; the ST segment is
a level, T and U are one asymmetric pulse each, a depressed PR segment is a level before the QRS. Vectors are (x left,
y inferior, z posterior) in mV of lead I. The module knows no morphology by name, and nothing of rhythm or sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.synthesis.waves import Component, Level, Rounded, Shape, shape_area

Vector = tuple[float, float, float]

QRS_SHAPE = Rounded(0.5, 1.4, 1.4)
T_SHAPE = Rounded(0.58, 1.8, 1.35)
SYMMETRIC_T_SHAPE = Rounded(0.52, 1.5, 1.35)
_U_SHAPE = Rounded(0.45, 1.5, 1.5)
_U_GAP_S, _U_S = 0.01, 0.15
_PR_SEGMENT_S = 0.07


@dataclass(frozen=True)
class Lobe:
    """One pulse of the QRS: `start` and `end` as fractions of the QRS duration, and its vector in mV."""

    start: float
    end: float
    vector: Vector
    shape: Shape = QRS_SHAPE


@dataclass(frozen=True)
class Morphology:
    """One shape of ventricular complex; `st` is the vector at the J point, `st_end` its factor at the onset of T.

    `u` is a wave after T, `pr_segment` the level before the QRS (0 where there is none). `labels` are names of the
    vocabulary.
    """

    qrs: tuple[Lobe, ...]
    t: Vector
    st: Vector = (0.0, 0.0, 0.0)
    st_end: float = 1.0
    qrs_duration_ms: float = 92.0
    t_onset: float = 0.25
    """Onset of T as a fraction of the J point to T end."""
    t_shape: Shape = T_SHAPE
    u: Vector = (0.0, 0.0, 0.0)
    pr_segment: Vector = (0.0, 0.0, 0.0)
    labels: tuple[str, ...] = ()

    def with_repolarization(self, other: Morphology) -> Morphology:
        """Return this QRS with the ST segment, T, U and PR segment of another morphology, and the labels of both.

        The ST level of the QRS itself (that of a bundle branch block) stays and the other's is added to it.
        """
        (ax, ay, az), (bx, by, bz) = self.st, other.st
        return replace(
            other,
            qrs=self.qrs,
            qrs_duration_ms=self.qrs_duration_ms,
            st=(ax + bx, ay + by, az + bz),
            labels=tuple(dict.fromkeys((*self.labels, *other.labels))),
        )


@dataclass(frozen=True)
class BeatTemplate:
    """One ventricular beat: times from the onset of its QRS in seconds, QRS apart from ST, T and what else there is."""

    qrs: tuple[Component, ...]
    st: tuple[Component, ...]
    t: tuple[Component, ...]
    u: tuple[Component, ...] = ()
    pr_segment: tuple[Component, ...] = ()

    @property
    def components(self) -> tuple[Component, ...]:
        """All components."""
        return self.qrs + self.st + self.t + self.u + self.pr_segment


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
    u: tuple[Component, ...] = ()
    if any(morphology.u):
        u = (Component(qt_s + _U_GAP_S, _U_S, _U_SHAPE, morphology.u),)
    pr_segment: tuple[Component, ...] = ()
    if any(morphology.pr_segment):
        shape = Level(0.25, 0.85)  # gone within the first 10 ms of the QRS
        pr_segment = (Component(0.01 - _PR_SEGMENT_S, _PR_SEGMENT_S, shape, morphology.pr_segment),)
    qrs = _turned(_placed(morphology.qrs, qrs_s, qrs_gain), qrs_axis_deg)
    return BeatTemplate(qrs, st, _turned((t,), t_axis_deg), u, pr_segment)


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
