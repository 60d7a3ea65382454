"""How well labels agree with a reference: F1 over labels and over cases, Jaccard index, whole sets, with intervals.

Labels of the vocabulary are the same whatever they are called, others are compared by their letters. It does not know
where labels come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgr1_core import vocabulary
from ecgr1_core.metrics.table import LEVEL, RESAMPLES, mean_of

Floats = npt.NDArray[np.float64]


def named(labels: Iterable[str], *, implied: bool = False) -> frozenset[str]:
    """Return labels by their name in the vocabulary, or by their letters; with all that follows from them if asked."""
    known, others = set[vocabulary.Label](), set[str]()
    for text in labels:
        found = vocabulary.lookup(text)
        if found is None:
            others.add(text.strip().casefold())
        else:
            known.add(found)
    names = vocabulary.with_implied(known) if implied else known
    return frozenset(one.name for one in names) | frozenset(filter(None, others))


def jaccard(wanted: frozenset[str], given: frozenset[str]) -> float:
    """Return |common| / |all|; two empty sets agree wholly."""
    return len(wanted & given) / len(wanted | given) if wanted | given else 1.0


@dataclass(frozen=True)
class Interval:
    """A number with its percentile bootstrap interval over cases; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, float | None]:
        """Return it as plain JSON data, rounded to 6 decimals."""
        return {name: None if one is None else round(one, 6) for name, one in vars(self).items()}


def agreement(pairs: Sequence[tuple[frozenset[str], frozenset[str]]], seed: int) -> dict[str, Any]:
    """Return how well the second sets of `pairs` agree with the first, as plain JSON data.

    `macro_f1` is the mean of F1 = 2 TP / (2 TP + FP + FN) over the labels that the reference names at least once,
    `micro_f1` F1 of all labels together, also of those that only the reader names, both with bootstrap intervals over
    cases (Efron 1979); `jaccard` and `exact` (the whole set is right) are means over cases. `labels` has the counts of
    each label. In a resample a label that the reference does not name there is left out of the macro mean.
    """
    rng = np.random.default_rng(seed)
    names = sorted(frozenset[str]().union(*(wanted | given for wanted, given in pairs)))
    place = {name: number for number, name in enumerate(names)}
    hits, extra, missed = (np.zeros((len(pairs), len(names))) for _ in range(3))
    for case, (wanted, given) in enumerate(pairs):
        for counts, found in ((hits, wanted & given), (extra, given - wanted), (missed, wanted - given)):
            counts[case, [place[name] for name in found]] = 1.0
    sums = [counts.sum(axis=0) for counts in (hits, extra, missed)]
    weights = rng.multinomial(len(pairs), [1 / len(pairs)] * len(pairs), RESAMPLES) if len(pairs) > 1 else None
    resampled = None if weights is None else [weights @ counts for counts in (hits, extra, missed)]
    return {
        "cases": len(pairs),
        "macro_f1": _interval(_macro, sums, resampled).to_json(),
        "micro_f1": _interval(_micro, sums, resampled).to_json(),
        "jaccard": mean_of((jaccard(*pair) for pair in pairs), np.random.default_rng(seed)).to_json(),
        "exact": mean_of((float(a == b) for a, b in pairs), np.random.default_rng(seed)).to_json(),
        "labels": {
            name: {"right": int(sums[0][at]), "only_reader": int(sums[1][at]), "only_reference": int(sums[2][at])}
            for name, at in place.items()
        },
    }


def _macro(hits: Floats, extra: Floats, missed: Floats) -> Floats:
    """Return macro F1 of counts [..., labels], NaN where no label is in the reference."""
    named_there = hits + missed > 0
    f1 = np.where(named_there, 2 * hits / np.maximum(2 * hits + extra + missed, 1e-12), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(f1.sum(axis=-1) / named_there.sum(axis=-1))


def _micro(hits: Floats, extra: Floats, missed: Floats) -> Floats:
    """Return micro F1 of counts [..., labels], NaN where there is no label at all."""
    right = 2 * hits.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(right / (right + extra.sum(axis=-1) + missed.sum(axis=-1)))


def _interval(statistic: Any, sums: list[Floats], resampled: list[Floats] | None) -> Interval:
    value = float(statistic(*sums))
    if np.isnan(value):
        return Interval(None, None, None)
    if resampled is None:
        return Interval(value, None, None)
    low, high = np.nanquantile(statistic(*resampled), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))
