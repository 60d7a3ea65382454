"""How far a figure moved over a run and how noisy that is: its first against its last part, and paired differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np

from ecgr1_core.metrics.table import mean_of


@dataclass(frozen=True)
class Trend:
    """Means of the first and the last `points` of a curve; `change_se` is the standard error of their difference.

    The error is sqrt(s1²/n + s2²/n) of the standard deviations (n - 1) of both parts: the noise from point to point.
    """

    first: float
    last: float
    change_se: float
    points: int

    @property
    def change(self) -> float:
        """How far the figure moved."""
        return self.last - self.first

    def to_json(self) -> dict[str, Any]:
        """Return all figures."""
        return {**asdict(self), "change": self.change}


def trend(values: Sequence[float], share: float = 0.2) -> Trend | None:
    """Return the trend of a curve between its first and last `share`, at least two points each; None for fewer than 4.

    >>> trend([4.0, 2.0, 1.0, 1.0, 1.0])
    Trend(first=3.0, last=1.0, change_se=1.0, points=2)
    """
    points = max(2, int(len(values) * share))
    if len(values) < 2 * points:
        return None
    first, last = values[:points], values[-points:]
    error = math.sqrt((stdev(first) ** 2 + stdev(last) ** 2) / points)
    return Trend(fmean(first), fmean(last), error, points)


def paired(before: dict[str, float | None], after: dict[str, float | None], seed: int) -> dict[str, Any] | None:
    """Return the mean of after - before over the cases that both know, with its 95 % bootstrap interval over cases.

    None where they share no case.
    """
    differences = [
        new - old for case, old in before.items() if old is not None and (new := after.get(case)) is not None
    ]
    return mean_of(differences, np.random.default_rng(seed)).to_json() if differences else None
