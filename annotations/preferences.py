"""Preferences between readings: win rates, and strengths by the Bradley–Terry model with ties after Davidson.

With ties P(i beats j) = π_i / (π_i + π_j + ν √(π_i π_j)) and P(tie) = ν √(π_i π_j) / (…): Bradley & Terry, Biometrika
1952;39:324-345; Davidson, J Am Stat Assoc 1970;65:317-328. "Both bad" prefers neither and counts as a tie here; how
often it was said is reported beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from annotations.agreement import Estimate, times_drawn

Outcome = Literal["first", "tie", "second", "both_bad"]


@dataclass(frozen=True)
class Comparison:
    """One comparison of two arms on one case."""

    first: str
    second: str
    outcome: Outcome
    case: str


@dataclass(frozen=True)
class Strength:
    """How an arm fares: log strength (mean of all arms 0) with interval, wins, ties, losses, and both-bad verdicts."""

    arm: str
    log_strength: Estimate
    wins: int
    ties: int
    losses: int
    both_bad: int

    @property
    def win_rate(self) -> float | None:
        """Wins plus half the ties, of all comparisons; None without any."""
        total = self.wins + self.ties + self.losses + self.both_bad
        return (self.wins + (self.ties + self.both_bad) / 2) / total if total else None


def strengths(
    comparisons: Sequence[Comparison], rng: np.random.Generator, *, repeats: int = 500, level: float = 0.95
) -> list[Strength]:
    """Return each arm's strength, the strongest first, with percentile intervals from cases drawn with replacement.

    A log strength is None where the data cannot tell it: an arm that always won, or arms that were never compared
    (Ford, Am Math Mon 1957;64:28-33).
    """
    arms = sorted({name for one in comparisons for name in (one.first, one.second)})
    if not arms:
        return []
    cases = sorted({one.case for one in comparisons})
    by_case = np.zeros((len(cases), len(arms), len(arms), 2))
    index, case_index = {arm: i for i, arm in enumerate(arms)}, {case: i for i, case in enumerate(cases)}
    for one in comparisons:
        i, j, c = index[one.first], index[one.second], case_index[one.case]
        if one.outcome == "first":
            by_case[c, i, j, 0] += 1
        elif one.outcome == "second":
            by_case[c, j, i, 0] += 1
        else:
            by_case[c, min(i, j), max(i, j), 1] += 1
    fitted = _fit(by_case.sum(0))
    draws = []
    if fitted is not None and len(cases) >= 3:
        for drawn in times_drawn(len(cases), rng, repeats):
            again = _fit(np.einsum("c,cijk->ijk", drawn, by_case), start=fitted)
            if again is not None:
                draws.append(again[:-1])
    bounds = None
    if len(draws) >= 0.9 * repeats and draws:
        bounds = np.quantile(np.array(draws), [(1 - level) / 2, (1 + level) / 2], axis=0)
    found = []
    for i, arm in enumerate(arms):
        value = None if fitted is None else float(fitted[i])
        low, high = (None, None) if bounds is None else (float(bounds[0, i]), float(bounds[1, i]))
        own = [one for one in comparisons if arm in (one.first, one.second)]
        won = sum(one.outcome == ("first" if one.first == arm else "second") for one in own)
        ties, bad = (sum(one.outcome == kind for one in own) for kind in ("tie", "both_bad"))
        estimate = Estimate(value, low, high, len(cases))
        found.append(Strength(arm, estimate, won, ties, len(own) - won - ties - bad, bad))
    return sorted(found, key=lambda one: (-(one.log_strength.value or 0.0), one.arm))


def _fit(
    counts: npt.NDArray[np.float64], start: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.float64] | None:
    """Return the log strengths (mean 0) and log ν by maximum likelihood, None where there is no finite one.

    `counts` [arms, arms, 2]: wins of row over column, and ties above the diagonal. Without any tie ν is 0.
    """
    from scipy.optimize import minimize
    from scipy.sparse.csgraph import connected_components

    wins, ties = counts[..., 0], counts[..., 1] + counts[..., 1].T
    size = len(wins)
    if connected_components((wins + ties) > 0, directed=True, connection="strong")[0] > 1:
        return None
    upper = np.triu_indices(size, 1)
    i, j = upper
    w_ij, w_ji, t_ij = wins[upper], wins.T[upper], ties[upper]
    has_ties = bool(t_ij.sum() > 0)

    def loss(x: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        a, b = x[i], x[j]
        tie = (x[-1] if has_ties else -np.inf) + (a + b) / 2
        terms = np.stack([a, b, tie])
        top = terms.max(0)
        log_sum = top + np.log(np.exp(terms - top).sum(0))
        p = np.exp(terms - log_sum)
        total = w_ij + w_ji + t_ij
        scored = np.where(t_ij > 0, t_ij * tie, 0.0) if has_ties else 0.0
        value = -(w_ij * a + w_ji * b + scored - total * log_sum).sum()
        gradient = np.zeros(size + 1)
        np.add.at(gradient, i, -(w_ij + t_ij / 2 - total * (p[0] + p[2] / 2)))
        np.add.at(gradient, j, -(w_ji + t_ij / 2 - total * (p[1] + p[2] / 2)))
        if has_ties:
            gradient[-1] = -(t_ij - total * p[2]).sum()
        mean = x[:-1].mean()  # the strengths have no zero of their own
        gradient[:-1] += 2 * mean / size
        return float(value + mean**2), gradient

    result = minimize(loss, np.zeros(size + 1) if start is None else start, jac=True, method="BFGS")
    found = np.asarray(result.x)
    found[:-1] -= found[:-1].mean()
    return found
