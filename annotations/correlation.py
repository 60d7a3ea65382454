"""Rank correlation of two scores for many draws of their readings at once. It knows no study."""

from __future__ import annotations

import numpy as np

from annotations.agreement import Ratings


def spearman(scores: Ratings, times: Ratings) -> Ratings:
    """Return Spearman's rank correlation of two scores [readings, 2] in each of several draws, [draws].

    `times` [draws, readings] says how often a draw has each reading. Equal scores share the mean of their ranks
    (Kendall & Gibbons, Rank Correlation Methods, 5th ed. 1990, chapter 3). NaN for fewer than three readings, and where
    all of one score are equal.
    """
    one, other, size = _ranks(scores[:, 0], times), _ranks(scores[:, 1], times), times.sum(1)

    def shared(left: Ratings, right: Ratings) -> Ratings:
        # Twice the ranks are whole numbers, so that what does not vary at all has exactly nothing in common.
        return np.asarray(size * (times * left * right).sum(1) - (times * left).sum(1) * (times * right).sum(1))

    spread = shared(one, one) * shared(other, other)
    known = (size >= 3) & (spread > 0)
    return np.where(known, shared(one, other) / np.sqrt(np.where(known, spread, 1.0)), np.nan)


def _ranks(scores: Ratings, times: Ratings) -> Ratings:
    """Return twice the rank of each reading among those of a draw, [draws, readings]."""
    _, places = np.unique(scores, return_inverse=True)
    counts = times @ np.eye(places.max(initial=-1) + 1)[places]  # of each different score
    return np.asarray((2 * np.cumsum(counts, axis=1) - counts + 1)[:, places])
