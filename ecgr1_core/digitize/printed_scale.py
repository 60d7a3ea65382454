"""Paper speed and gain as they are printed on ECG pages, in English, German, French and the like.

"25 mm/s 10 mm/mV", "25mm/sec", "Vorschub: 50 mm/Sek", "Vitesse 25,0 mm/s", "1 cm/mV", "1 mV = 10 mm", "Limb: 10 mm/mV
Chest: 5 mm/mV", "10/5 mm/mV". The module knows only words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

SPEED_RANGE_MM_PER_S = (5.0, 200.0)
GAIN_RANGE_MM_PER_MV = (1.0, 80.0)

_NUMBER = r"(\d{1,3}(?:[.,]\d{1,3})?)"
_UNIT_MM = r"\s*(mm|cm)\s*"
_PER = r"(?:/|per|pro|par|p\.?)\s*"
_SPEED = re.compile(rf"{_NUMBER}{_UNIT_MM}{_PER}(?:s|sec|sek|seg|second|sekunde|seconde)\b", re.IGNORECASE)
_GAIN = re.compile(rf"(?:{_NUMBER}\s*(?:mm|cm)?\s*[/:|-]\s*)?{_NUMBER}{_UNIT_MM}{_PER}mV\b", re.IGNORECASE)
_GAIN_TURNED = re.compile(rf"\b1(?:[.,]0)?\s*mV\s*[=≙:]\s*{_NUMBER}{_UNIT_MM}", re.IGNORECASE)
_CHEST = re.compile(r"(?:chest|pr[eé]cord\w*|brust(?:wand\w*)?|thorax|thoracique\w*|\bV)\s*[:=]?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class PrintedScale:
    """What is printed; None where nothing is, or where what is printed contradicts itself.

    `chest_gain_mm_per_mv` is the gain of V1–V6 where it is another than that of the limb leads, else None. `conflicts`
    are the numbers that contradict each other, in words.
    """

    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    chest_gain_mm_per_mv: float | None = None
    conflicts: tuple[str, ...] = ()


def printed_scale(texts: Sequence[str]) -> PrintedScale:
    """Return speed and gain from the lines printed on a page."""
    speeds: set[float] = set()
    limb: set[float] = set()
    chest: set[float] = set()
    for text in texts:
        speeds.update(_millimetres(match[1], match[2]) for match in _SPEED.finditer(text))
        limb.update(_millimetres(match[1], match[2]) for match in _GAIN_TURNED.finditer(text))
        for match in _GAIN.finditer(text):
            is_chest = match[1] is not None or _CHEST.search(text[: match.start()]) is not None
            (chest if is_chest else limb).add(_millimetres(match[2], match[3]))
            if match[1] is not None:
                limb.add(_millimetres(match[1], match[3]))
    speeds = _within(SPEED_RANGE_MM_PER_S, speeds)
    limb, chest = _within(GAIN_RANGE_MM_PER_MV, limb), _within(GAIN_RANGE_MM_PER_MV, chest)
    conflicts = tuple(
        f"{' and '.join(f'{value:g}' for value in sorted(values))} {unit}"
        for values, unit in ((speeds, "mm/s"), (limb, "mm/mV"), (chest, "mm/mV"))
        if len(values) > 1
    )
    gain, chest_gain = _only(limb), _only(chest)
    if not limb:
        gain, chest_gain = chest_gain, None
    return PrintedScale(_only(speeds), gain, None if chest_gain == gain else chest_gain, conflicts)


def _only(values: set[float]) -> float | None:
    return next(iter(values)) if len(values) == 1 else None


def _millimetres(number: str, unit: str) -> float:
    return float(number.replace(",", ".")) * (10.0 if unit.lower() == "cm" else 1.0)


def _within(bounds: tuple[float, float], values: set[float]) -> set[float]:
    return {value for value in values if bounds[0] <= value <= bounds[1]}
