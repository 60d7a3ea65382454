"""Intraclass correlations of single ratings with F intervals: ICC(2,1), absolute agreement, and ICC(3,1), consistency.

Shrout & Fleiss, Psychol Bull 1979;86:420-428; intervals also McGraw & Wong, Psychol Methods 1996;1:30-46, where the two
are ICC(A,1) and ICC(C,1). Units that lack a rating are left out, because the analysis of variance needs all of them.
"""

from __future__ import annotations

import numpy as np

from annotations.agreement import Estimate, Ratings


def icc(ratings: Ratings, kind: str, *, level: float = 0.95) -> Estimate:
    """Return ICC(2,1) (`kind` "2,1") or ICC(3,1) ("3,1") of ratings [units, raters].

    The value is None for fewer than two complete units or raters and where all ratings are equal.
    """
    from scipy import stats

    if kind not in ("2,1", "3,1"):
        raise ValueError(f"kind must be '2,1' or '3,1', got {kind!r}")
    full = ratings[~np.isnan(ratings).any(axis=1)]
    n, k = full.shape
    if n < 2 or k < 2 or np.ptp(full) == 0:
        return Estimate(None, None, None, n)
    units, raters, error = _mean_squares(full)
    tail = 1 - (1 - level) / 2
    free = (n - 1) * (k - 1)
    if kind == "3,1":
        value = (units - error) / (units + (k - 1) * error)
        if error == 0:
            return Estimate(float(value), None, None, n)
        low_f = units / error / stats.f.ppf(tail, n - 1, free)
        high_f = units / error * stats.f.ppf(tail, free, n - 1)
        return Estimate(float(value), float((low_f - 1) / (low_f + k - 1)), float((high_f - 1) / (high_f + k - 1)), n)
    value = (units - error) / (units + (k - 1) * error + k * (raters - error) / n)
    if error == 0:
        return Estimate(float(value), None, None, n)
    ratio = raters / error
    part = n * (1 + (k - 1) * value) - k * value
    free = (k - 1) * (n - 1) * (k * value * ratio + part) ** 2 / ((n - 1) * (k * value * ratio) ** 2 + part**2)
    above, below = stats.f.ppf(tail, n - 1, free), stats.f.ppf(tail, free, n - 1)
    rest = k * raters + (k * n - k - n) * error
    low = n * (units - above * error) / (above * rest + n * units)
    high = n * (below * units - error) / (rest + n * below * units)
    return Estimate(float(value), float(low), float(high), n)


def _mean_squares(full: Ratings) -> tuple[float, float, float]:
    """Return the mean squares between units, between raters and of the rest."""
    n, k = full.shape
    grand = full.mean()
    by_unit, by_rater = full.mean(1, keepdims=True), full.mean(0, keepdims=True)
    units = k * float(((by_unit - grand) ** 2).sum()) / (n - 1)
    raters = n * float(((by_rater - grand) ** 2).sum()) / (k - 1)
    error = float(((full - by_unit - by_rater + grand) ** 2).sum()) / ((n - 1) * (k - 1))
    return units, raters, error
