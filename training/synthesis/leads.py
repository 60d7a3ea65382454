"""From the heart vector to the twelve leads, and from electrode potentials to the twelve leads.

The heart vector has Frank's axes: x to the patient's left, y to the feet, z to the back. It is scaled so that x reads
as millivolts in lead I. The limb leads are Einthoven's equilateral triangle, so that II = I + III and Goldberger's
relations hold exactly and a frontal direction is an axis in degrees; the precordial leads keep Dower's coefficients.

It knows nothing of waves, beats or time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecgr1_core.record import LEADS, PRECORDIAL_LEADS

Float64 = npt.NDArray[np.float64]

ELECTRODES: tuple[str, ...] = ("RA", "LA", "LL", "C1", "C2", "C3", "C4", "C5", "C6")

# V1-V6 from Frank's X, Y, Z. Dower GE, Machado HB, Osborne JA. On deriving the electrocardiogram from
# vectorcardiographic leads. Clin Cardiol 1980;3:87-95.
_DOWER_PRECORDIAL = np.array(
    [
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
_DOWER_I_FROM_X = 0.632  # the same table; aVF = II - I / 2 is 1.066 + 0.235 / 2 of Y
_DOWER_AVF_FROM_Y = 1.066 + 0.235 / 2
_AVF_FROM_Y = np.sqrt(3) / 2  # Goldberger's aVF in the equilateral triangle


def _limb_rows(first: Float64, second: Float64) -> Float64:
    """Return I, II, III, aVR, aVL, aVF from I and II by Einthoven's law and Goldberger's definitions."""
    third = second - first
    return np.stack(
        [first, second, third, -(first + second) / 2, (first - third) / 2, (second + third) / 2],
    )


def _heart_vector_matrix() -> Float64:
    limb = _limb_rows(np.array([1.0, 0.0, 0.0]), np.array([0.5, np.sqrt(3) / 2, 0.0]))
    scale = np.array([1 / _DOWER_I_FROM_X, _AVF_FROM_Y / _DOWER_AVF_FROM_Y, 1 / _DOWER_I_FROM_X])
    return np.concatenate([limb, _DOWER_PRECORDIAL * scale])


def _electrode_matrix() -> Float64:
    ra, la, ll = np.eye(len(ELECTRODES))[:3]
    limb = _limb_rows(la - ra, ll - ra)
    precordial = np.eye(len(ELECTRODES))[3:] - (ra + la + ll) / 3  # against Wilson's central terminal
    return np.concatenate([limb, precordial])


HEART_VECTOR_TO_LEADS: Float64 = _heart_vector_matrix()
"""[12, 3]: leads in the order of `LEADS` from the heart vector (x left, y inferior, z posterior), mV per mV."""

ELECTRODES_TO_LEADS: Float64 = _electrode_matrix()
"""[12, 9]: leads in the order of `LEADS` from the potentials of `ELECTRODES`, mV per mV."""


def heart_position(frontal_turn_deg: float, rotation_deg: float) -> Float64:
    """Return [3, 3]: the heart vector turned clockwise about z (axes grow), then about y (x towards z, backwards)."""
    turn, rotation = np.radians(frontal_turn_deg), np.radians(rotation_deg)
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0.0], [np.sin(turn), np.cos(turn), 0.0], [0.0, 0.0, 1.0]])
    cosine, sine = np.cos(rotation), np.sin(rotation)
    about_y = np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])
    return np.asarray(about_y @ about_z)


def turned_leads(frontal_turn_deg: float, rotation_deg: float) -> Float64:
    """Return [12, 12]: the leads of a heart turned as `heart_position` turns it, from those before.

    The heart vector is what the leads tell of it by least squares; what no vector explains is kept, and Einthoven's law
    holds as before.
    """
    change = heart_position(frontal_turn_deg, rotation_deg) - np.eye(3)
    return np.asarray(np.eye(len(LEADS)) + HEART_VECTOR_TO_LEADS @ change @ np.linalg.pinv(HEART_VECTOR_TO_LEADS))


def shifted_precordial_electrodes(shift_sd: float, rng: np.random.Generator) -> Float64:
    """Return a [12, 3] lead matrix whose precordial electrodes are misplaced along their row; limb leads are kept.

    `shift_sd` is the standard deviation of the displacement in electrode spacings; the row of each electrode is
    interpolated linearly between its neighbours, so that 0 gives `HEART_VECTOR_TO_LEADS`.
    """
    rows = HEART_VECTOR_TO_LEADS[len(LEADS) - len(PRECORDIAL_LEADS) :]
    stations = np.arange(len(rows), dtype=np.float64)
    moved = np.clip(stations + shift_sd * rng.standard_normal(len(rows)), 0, len(rows) - 1)
    interpolated = np.stack([np.interp(moved, stations, column) for column in rows.T], axis=1)
    return np.concatenate([HEART_VECTOR_TO_LEADS[: len(LEADS) - len(PRECORDIAL_LEADS)], interpolated])


def frontal_axis_deg(lead_i: float, lead_avf: float) -> float | None:
    """Return the frontal axis in degrees (-180, 180] from net areas or amplitudes in I and aVF; None where both are 0.

    In the equilateral triangle I is x and aVF is sqrt(3)/2 of y, hence the factor 2/sqrt(3).
    """
    if lead_i == 0 and lead_avf == 0:
        return None
    axis = float(np.degrees(np.arctan2(lead_avf / _AVF_FROM_Y, lead_i)))
    return 180.0 if axis <= -180 else axis
