"""Agreement between raters: kappa by Cohen and by Fleiss, Gwet's AC1 and AC2, Krippendorff's alpha, with intervals.

Ratings come as an array [units, raters] of numbers with NaN where a rater gave none, and the list of all possible
values in order. It knows no study. A coefficient that is not defined (no unit with two ratings, or nobody ever used a
second value) is None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Ratings = npt.NDArray[np.float64]
Weights = Literal["identity", "linear", "quadratic", "ordinal"]


@dataclass(frozen=True)
class Estimate:
    """A value with its interval, None where not defined; `n` is the number of units it rests on."""

    value: float | None
    low: float | None
    high: float | None
    n: int


def agreement_weights(values: Sequence[float], kind: Weights) -> Ratings:
    """Return the weights [values, values] of partial agreement, 1 on the diagonal.

    Linear and quadratic weights by distance of the values; ordinal by their ranks: 1 − C(|k−l|+1, 2) / C(q, 2)
    (Gwet, Handbook of Inter-Rater Reliability, 4th ed. 2014, chapter 3).
    """
    size = len(values)
    if kind == "identity" or size < 2:
        return np.eye(size)
    if kind == "ordinal":
        gap = np.abs(np.subtract.outer(np.arange(size), np.arange(size))).astype(float)
        return np.asarray(1 - (gap + 1) * gap / 2 / (size * (size - 1) / 2))
    distance = np.abs(np.subtract.outer(np.asarray(values, float), np.asarray(values, float))) / (
        max(values) - min(values)
    )
    return np.asarray(1 - (distance if kind == "linear" else distance**2))


def cohen_kappa(ratings: Ratings, values: Sequence[float], weights: Weights = "identity") -> float | None:
    """Return kappa of two raters (two columns), weighted if asked for.

    Cohen, Educ Psychol Meas 1960;20:37-46, and Psychol Bull 1968;70:213-220. Units that one of them left out are
    left out.
    """
    if ratings.shape[1] != 2:
        raise ValueError(f"kappa by Cohen compares two raters, got {ratings.shape[1]}")
    both = ratings[~np.isnan(ratings).any(axis=1)]
    if not len(both):
        return None
    index = _indices(both, values)
    table = np.zeros((len(values), len(values)))
    np.add.at(table, (index[:, 0], index[:, 1]), 1 / len(both))
    agree = agreement_weights(values, weights)
    observed = float((agree * table).sum())
    expected = float((agree * np.outer(table.sum(1), table.sum(0))).sum())
    return _chance_corrected(observed, expected)


def fleiss_kappa(ratings: Ratings, values: Sequence[float], weights: Weights = "identity") -> float | None:
    """Return kappa of many raters (Fleiss, Psychol Bull 1971;76:378-382), generalised to missing ratings and weights.

    Generalisation as in Gwet 2014, chapters 2 and 3: agreement over units with two ratings or more, proportions of the
    values as the mean over units.
    """
    counts = _counts(ratings, values)
    observed = _observed(counts, agreement_weights(values, weights))
    if observed is None:
        return None
    shares = (counts / counts.sum(1, keepdims=True)).mean(0)
    return _chance_corrected(observed, float(shares @ agreement_weights(values, weights) @ shares))


def gwet_ac(ratings: Ratings, values: Sequence[float], weights: Weights = "identity") -> float | None:
    """Return Gwet's AC1 (identity weights) or AC2 (others), which stays stable where one value is rare.

    Gwet, Br J Math Stat Psychol 2008;61:29-48; AC2 and missing ratings: Gwet 2014, chapters 2 and 3.
    """
    counts, agree = _counts(ratings, values), agreement_weights(values, weights)
    observed, size = _observed(counts, agree), len(values)
    if observed is None or size < 2:
        return None
    shares = (counts / counts.sum(1, keepdims=True)).mean(0)
    expected = float(agree.sum() * (shares * (1 - shares)).sum() / (size * (size - 1)))
    return _chance_corrected(observed, expected)


def krippendorff_alpha(
    ratings: Ratings, values: Sequence[float], level: Literal["nominal", "ordinal", "interval"] = "ordinal"
) -> float | None:
    """Return Krippendorff's alpha, which takes any number of raters and missing ratings.

    Krippendorff, Computing Krippendorff's Alpha-Reliability, University of Pennsylvania 2011: 1 − D_observed/D_expected
    from the matrix of coincidences.
    """
    counts = _counts(ratings, values)
    counts = counts[counts.sum(1) >= 2]
    if not len(counts):
        return None
    sizes = counts.sum(1)
    pairs = np.einsum("uc,uk->uck", counts, counts)
    pairs[:, range(len(values)), range(len(values))] -= counts
    coincidences = (pairs / (sizes - 1)[:, None, None]).sum(0)
    totals = coincidences.sum(1)
    distance = _squared_differences(totals, values, level)
    expected = float((np.outer(totals, totals) * distance).sum())
    if expected == 0:
        return None
    return float(1 - (totals.sum() - 1) * (coincidences * distance).sum() / expected)


def with_interval(
    ratings: Ratings,
    coefficient: Callable[[Ratings], float | None],
    rng: np.random.Generator,
    *,
    repeats: int = 1000,
    level: float = 0.95,
) -> Estimate:
    """Return a coefficient with its percentile interval from units drawn with replacement.

    Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13. Draws in which it is not defined are left
    out; where that happens to more than one in ten, there is no interval.
    """
    value = coefficient(ratings)
    units = len(ratings)
    if value is None or units < 3:
        return Estimate(value, None, None, units)
    draws = [coefficient(ratings[rng.integers(0, units, units)]) for _ in range(repeats)]
    kept = [one for one in draws if one is not None]
    if len(kept) < 0.9 * repeats:
        return Estimate(value, None, None, units)
    low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), units)


def _indices(ratings: Ratings, values: Sequence[float]) -> npt.NDArray[np.intp]:
    ordered = np.asarray(values, float)
    index = np.searchsorted(ordered, ratings)
    if not (ordered.take(index, mode="clip") == ratings).all():
        raise ValueError("a rating is none of the values")
    return index


def _counts(ratings: Ratings, values: Sequence[float]) -> Ratings:
    """Return how often each value was given to each unit that has any rating, [units, values]."""
    given = ~np.isnan(ratings)
    places = np.nonzero(given)[0] * len(values) + _indices(ratings[given], values)
    counts = np.bincount(places, minlength=len(ratings) * len(values)).astype(float)
    return counts.reshape(len(ratings), len(values))[given.any(axis=1)]


def _observed(counts: Ratings, agree: Ratings) -> float | None:
    sizes = counts.sum(1)
    pairs = sizes >= 2
    if not pairs.any():
        return None
    inside = (counts * (counts @ agree.T - 1)).sum(1)[pairs]
    return float((inside / (sizes * (sizes - 1))[pairs]).mean())


def _chance_corrected(observed: float, expected: float) -> float | None:
    return None if math.isclose(expected, 1, rel_tol=0, abs_tol=1e-5) else (observed - expected) / (1 - expected)


def _squared_differences(totals: Ratings, values: Sequence[float], level: str) -> Ratings:
    size = len(values)
    if level == "nominal":
        return 1 - np.eye(size)
    if level == "interval":
        return np.asarray(np.subtract.outer(np.asarray(values, float), np.asarray(values, float)) ** 2)
    up_to = np.cumsum(totals) - totals / 2  # ranks of the values, each at the middle of its ties
    return np.asarray(np.subtract.outer(up_to, up_to) ** 2)
