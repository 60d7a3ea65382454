"""Tells whether a rate without a noun of its own is that of the ventricles or of the atria.

It reads the words around the number only; what was measured is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence

from ecgr1_core.verify.items import Item

_ARTICLES = ("of", "in", "the")


def rate_kind(items: Sequence[Item], at: int) -> str:
    """Return "atrial_rate" or "heart_rate" for the rate at `at`, which no rate is named before.

    The chamber behind it decides ("59 bpm of the ventricles"), then the P waves it is said of ("P waves follow each
    other at 78 per minute"); that of sinus rhythm is atrial where the ventricles get a rate of their own behind it.
    """
    chamber = next((item.text for item in items[at + 1 : at + 4] if item.text not in _ARTICLES), "")
    if chamber.startswith(("ventric", "atria", "atrium")):
        return "heart_rate" if chamber.startswith("ventric") else "atrial_rate"
    for item in reversed(items[:at]):
        if item.kind in ("topic", "finding"):
            of_sinus = item.row.startswith("rhythm.sinus") and _ventricles_follow(items[at + 1 :])
            return "atrial_rate" if item.row == "p" or of_sinus else "heart_rate"
        if item.text == "," or item.number is not None:
            break
    return "heart_rate"


def _ventricles_follow(items: Sequence[Item]) -> bool:
    """Whether a rate with "ventricular" before it comes later in the sentence."""
    for at, item in enumerate(items):
        if item.row == "rate" and item.text.startswith("ventricular"):
            return any(one.number is not None and one.number.unit == "bpm" for one in items[at + 1 : at + 4])
    return False
