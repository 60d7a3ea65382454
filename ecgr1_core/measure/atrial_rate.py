"""Atrial activity between the QRS complexes: is there one rate in it, as in flutter, or a band, as in fibrillation?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, Array, Mask, low_pass, remove_drift
from ecgr1_core.record import LEADS

_VIEWS = ("II", "III", "aVF", "V1")
_FLUTTER_HZ = (3.5, 6.3)
_FIBRILLATION_HZ = (4.0, 9.0)
_ALL_HZ = (1.0, 15.0)
_FLUTTER_SHARE = 0.55
_LINE_HZ = 0.35


@dataclass(frozen=True)
class AtrialActivity:
    """Power of the activity outside the QRS complexes, as shares of that between 1 and 15 Hz.

    `flutter_power` is the share within 0.35 Hz of the strongest line between 210 and 380 per minute, the mean of the
    two of II, III, aVF and V1 that show it best; `rate_per_min` is where that line is. `fibrillation_power` is the
    share from 4 to 9 Hz in V1.
    """

    rate_per_min: float | None = None
    flutter_power: float | None = None
    fibrillation_power: float | None = None

    @property
    def is_flutter(self) -> bool:
        """Whether one line outweighs everything else, T waves included."""
        return self.flutter_power is not None and self.flutter_power >= _FLUTTER_SHARE


def atrial_activity(bridged_mv: Array, usable: Mask, shown: Mask) -> AtrialActivity:
    """Return the atrial activity of a recording, `bridged_mv` being [12, samples] with the QRS complexes bridged.

    Each lead is judged by the seconds for which it is `shown`, [12, samples].
    """
    signal = remove_drift(low_pass(bridged_mv, 20.0), 1.0)
    whole = signal.shape[1]
    frequency: Array = np.fft.rfftfreq(8 * whole, 1.0 / WORKING_RATE_HZ).astype(np.float64)
    found: list[tuple[float, float]] = []
    fibrillation = None
    for lead in _VIEWS:
        index = LEADS.index(lead)
        if not usable[index]:
            continue
        part = signal[index, shown[index]]
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)), 8 * whole)) ** 2
        total = float(power[_between(frequency, _ALL_HZ)].sum())
        if total <= 0.0:
            continue
        line = float(frequency[np.argmax(np.where(_between(frequency, _FLUTTER_HZ), power, 0.0))])
        found.append((float(power[np.abs(frequency - line) <= _LINE_HZ].sum()) / total, 60.0 * line))
        if lead == "V1":
            fibrillation = float(power[_between(frequency, _FIBRILLATION_HZ)].sum()) / total
    if len(found) < 2:
        return AtrialActivity(fibrillation_power=fibrillation)
    found.sort(reverse=True)
    return AtrialActivity(found[0][1], (found[0][0] + found[1][0]) / 2.0, fibrillation)


def _between(frequency: Array, band: tuple[float, float]) -> Mask:
    inside: Mask = (frequency >= band[0]) & (frequency <= band[1])
    return inside
