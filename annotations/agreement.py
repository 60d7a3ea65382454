"""Agreement between raters: kappa by Cohen and by Fleiss, Gwet's AC1 and AC2, Krippendorff's alpha, with intervals.

Ratings come as an array [units, raters] of numbers with NaN where a rater gave none, and the list of all possible
values in order. It knows no study. A coefficient is computed for many draws of units in one call, from how often each
unit counts in each of them (`times` [draws, units]), and is NaN [draws] where it is not defined: no unit with two
ratings, or nobody ever used a second value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Ratings = npt.NDArray[np.float64]
Weights = Literal["identity", "linear", "quadratic", "ordinal"]
Level = Literal["nominal", "ordinal", "interval"]
Coefficient = Callable[[Ratings, Ratings], Ratings]  # of ratings and times, as below with values and weights given


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


def cohen_kappa(ratings: Ratings, times: Ratings, values: Sequence[float], weights: Weights = "identity") -> Ratings:
    """Return kappa of two raters (two columns), weighted if asked for, of each draw.

    Cohen, Educ Psychol Meas 1960;20:37-46, and Psychol Bull 1968;70:213-220. Units that one of them left out are
    left out.
    """
    if ratings.shape[1] != 2:
        raise ValueError(f"kappa by Cohen compares two raters, got {ratings.shape[1]}")
    both = ~np.isnan(ratings).any(axis=1)
    index, size = _indices(ratings[both], values), len(values)
    pair = np.zeros((len(index), size, size))
    pair[np.arange(len(index)), index[:, 0], index[:, 1]] = 1
    agree = agreement_weights(values, weights)
    with np.errstate(invalid="ignore"):  # no unit: 0 / 0
        table = np.tensordot(times[:, both], pair, 1) / times[:, both].sum(1)[:, None, None]
    chance = table.sum(2)[:, :, None] * table.sum(1)[:, None, :]
    return _chance_corrected((agree * table).sum((1, 2)), (agree * chance).sum((1, 2)))


def fleiss_kappa(ratings: Ratings, times: Ratings, values: Sequence[float], weights: Weights = "identity") -> Ratings:
    """Return kappa of many raters (Fleiss, Psychol Bull 1971;76:378-382), generalised to missing ratings and weights.

    Generalisation as in Gwet 2014, chapters 2 and 3: agreement over units with two ratings or more, proportions of the
    values as the mean over units.
    """
    counts, agree = _counts(ratings, values), agreement_weights(values, weights)
    shares = _shares(counts, times)
    return _chance_corrected(_observed(counts, times, agree), ((shares @ agree) * shares).sum(1))


def gwet_ac(ratings: Ratings, times: Ratings, values: Sequence[float], weights: Weights = "identity") -> Ratings:
    """Return Gwet's AC1 (identity weights) or AC2 (others), which stays stable where one value is rare.

    Gwet, Br J Math Stat Psychol 2008;61:29-48; AC2 and missing ratings: Gwet 2014, chapters 2 and 3.
    """
    counts, agree, size = _counts(ratings, values), agreement_weights(values, weights), len(values)
    if size < 2:
        return np.full(len(times), np.nan)
    shares = _shares(counts, times)
    expected = agree.sum() * (shares * (1 - shares)).sum(1) / (size * (size - 1))
    return _chance_corrected(_observed(counts, times, agree), expected)


def krippendorff_alpha(ratings: Ratings, times: Ratings, values: Sequence[float], level: Level = "ordinal") -> Ratings:
    """Return Krippendorff's alpha, which takes any number of raters and missing ratings.

    Krippendorff, Computing Krippendorff's Alpha-Reliability, University of Pennsylvania 2011: 1 − D_observed/D_expected
    from the matrix of coincidences.
    """
    counts = _counts(ratings, values)
    paired = counts.sum(1) >= 2
    counts, times = counts[paired], times[:, paired]
    pairs = np.einsum("uc,uk->uck", counts, counts)
    pairs[:, range(len(values)), range(len(values))] -= counts
    coincidences = np.tensordot(times, pairs / (counts.sum(1) - 1)[:, None, None], 1)
    totals = coincidences.sum(2)
    distance = _squared_differences(totals, values, level)
    expected = (totals[:, :, None] * totals[:, None, :] * distance).sum((1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 1 - (totals.sum(1) - 1) * (coincidences * distance).sum((1, 2)) / expected
    return np.where(expected == 0, np.nan, found)


def of_all_units(ratings: Ratings, coefficient: Coefficient) -> float | None:
    """Return a coefficient of the ratings as they are, None where it is not defined."""
    (found,) = coefficient(ratings, np.ones((1, len(ratings))))
    return None if np.isnan(found) else float(found)


def times_drawn(units: int, rng: np.random.Generator, repeats: int) -> Ratings:
    """Return how often each unit is in each of `repeats` draws of as many units with replacement, [draws, units]."""
    drawn = rng.integers(0, units, (repeats, units)) + units * np.arange(repeats)[:, None]
    return np.bincount(drawn.ravel(), minlength=repeats * units).reshape(repeats, units).astype(float)


def percentiles(draws: Ratings, level: float = 0.95) -> tuple[float, float] | tuple[None, None]:
    """Return the percentile interval of draws of a value.

    Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13. Draws in which it is not defined are left
    out; where that happens to more than one in ten, there is no interval.
    """
    kept = draws[~np.isnan(draws)]
    if len(kept) < max(1, 0.9 * len(draws)):
        return None, None
    low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def with_interval(
    ratings: Ratings,
    coefficient: Coefficient,
    rng: np.random.Generator,
    *,
    repeats: int = 1000,
    level: float = 0.95,
) -> Estimate:
    """Return a coefficient with its interval, by `percentiles`, from units drawn with replacement."""
    value = of_all_units(ratings, coefficient)
    units = len(ratings)
    if value is None or units < 3:
        return Estimate(value, None, None, units)
    low, high = percentiles(coefficient(ratings, times_drawn(units, rng, repeats)), level)
    return Estimate(value, low, high, units)


def _indices(ratings: Ratings, values: Sequence[float]) -> npt.NDArray[np.intp]:
    ordered = np.asarray(values, float)
    index = np.searchsorted(ordered, ratings)
    if not (ordered.take(index, mode="clip") == ratings).all():
        raise ValueError("a rating is none of the values")
    return index


def _counts(ratings: Ratings, values: Sequence[float]) -> Ratings:
    """Return how often each value was given to each unit, [units, values]."""
    given = ~np.isnan(ratings)
    places = np.nonzero(given)[0] * len(values) + _indices(ratings[given], values)
    counts = np.bincount(places, minlength=len(ratings) * len(values)).astype(float)
    return counts.reshape(len(ratings), len(values))


def _shares(counts: Ratings, times: Ratings) -> Ratings:
    """Return the mean share of each value in the units that have any rating, [draws, values]."""
    sizes = counts.sum(1)
    rated = sizes > 0
    with np.errstate(invalid="ignore"):
        shares = times[:, rated] @ (counts[rated] / sizes[rated, None]) / times[:, rated].sum(1, keepdims=True)
    return np.asarray(shares)


def _observed(counts: Ratings, times: Ratings, agree: Ratings) -> Ratings:
    """Return the mean agreement of the units that have two ratings or more, [draws]."""
    sizes = counts.sum(1)
    paired = sizes >= 2
    inside = (counts * (counts @ agree.T - 1)).sum(1)[paired] / (sizes * (sizes - 1))[paired]
    with np.errstate(invalid="ignore"):
        return np.asarray(times[:, paired] @ inside / times[:, paired].sum(1))


def _chance_corrected(observed: Ratings, expected: Ratings) -> Ratings:
    certain = np.isclose(expected, 1, rtol=0, atol=1e-5)
    return np.where(certain, np.nan, (observed - expected) / np.where(certain, 1.0, 1 - expected))


def _squared_differences(totals: Ratings, values: Sequence[float], level: Level) -> Ratings:
    """Return how far values are apart, [values, values], or [draws, values, values] where that depends on a draw."""
    size = len(values)
    if level == "nominal":
        return 1 - np.eye(size)
    if level == "interval":
        return np.asarray(np.subtract.outer(np.asarray(values, float), np.asarray(values, float)) ** 2)
    up_to = np.cumsum(totals, axis=1) - totals / 2  # ranks of the values, each at the middle of its ties
    return np.asarray((up_to[:, :, None] - up_to[:, None, :]) ** 2)
