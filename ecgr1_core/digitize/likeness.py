"""How alike traces are, and how well limb leads follow from one another (Einthoven, Goldberger).

Traces are [n] in mV at 500 Hz, NaN where unknown. The module knows no pages.
"""

from __future__ import annotations

import numpy as np

from ecgr1_core.digitize.pieces import Float64Array
from ecgr1_core.formats.leads import LIMB_FROM_I_II

RATE_HZ = 500.0
TRIOS = (("I", "II", "III"), ("aVR", "aVL", "aVF"))
_LEAST_OVERLAP_S = 1.0


def delayed(row: Float64Array, by: int) -> Float64Array:
    """Return a row so many samples later, NaN where nothing is known then."""
    later = np.full(row.size, np.nan)
    later[max(0, by) : row.size + min(0, by)] = row[max(0, -by) : row.size - max(0, by)]
    return later


def likeness(one: Float64Array, other: Float64Array, *, as_large: bool = False) -> float | None:
    """Return the correlation of two signals where both are known, None for less than a second or a flat one.

    With `as_large` it is less where one is larger: the concordance of Lin (Biometrics 45, 1989) without its levels.
    """
    both = np.isfinite(one) & np.isfinite(other)
    if both.sum() < _LEAST_OVERLAP_S * RATE_HZ:
        return None
    a, b = one[both] - one[both].mean(), other[both] - other[both].mean()
    squares = float((a * a).sum()), float((b * b).sum())
    size = (squares[0] + squares[1]) / 2 if as_large else float(np.sqrt(squares[0] * squares[1]))
    return float((a * b).sum() / size) if size > 0 else None


def made_of(one: str, other: str, lead: str) -> Float64Array:
    """Return how much of two limb leads makes a third."""
    return np.linalg.solve(np.array([LIMB_FROM_I_II[one], LIMB_FROM_I_II[other]]).T, np.array(LIMB_FROM_I_II[lead]))


def limb_agreements(rows: dict[str, Float64Array]) -> dict[str, float]:
    """Return the correlation of each limb lead with what two others of the same seconds make of it."""
    agreements: dict[str, float] = {}
    for trio in TRIOS:
        if not all(lead in rows for lead in trio):
            continue
        for lead in trio:
            one, other = (each for each in trio if each != lead)
            mix = made_of(one, other, lead)
            value = likeness(mix[0] * rows[one] + mix[1] * rows[other], rows[lead])
            if value is not None:
                agreements[lead] = value
    return agreements
