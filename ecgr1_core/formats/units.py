"""Units of voltage to millivolts, as files spell them; it guesses nothing: an unknown spelling is None."""

from __future__ import annotations

_MV_PER_UNIT = {
    "mv": 1.0,
    "millivolt": 1.0,
    "millivolts": 1.0,
    "uv": 1e-3,
    "microvolt": 1e-3,
    "microvolts": 1e-3,
    "nv": 1e-6,
    "nanovolt": 1e-6,
    "nanovolts": 1e-6,
    "v": 1e3,
    "volt": 1e3,
    "volts": 1e3,
}


def millivolts_per(unit: str) -> float | None:
    """Return how many millivolts one `unit` is, or None where the spelling is not known.

    Case is ignored (real files write "mv" and "MV" for the millivolt; a megavolt is not met on a body), and the micro
    sign may be u, the micro sign U+00B5 or the Greek letter U+03BC.
    """
    return _MV_PER_UNIT.get(unit.strip().replace("\u00b5", "u").replace("\u03bc", "u").casefold())
