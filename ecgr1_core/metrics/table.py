"""Means over cases with bootstrap intervals, for the table of a comparison; and the paper's figures beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

RESAMPLES: Final = 2000
LEVEL: Final = 0.95
_MOST_AT_ONCE = 4_000_000  # numbers drawn in one piece

PUBLISHED: Final[Mapping[str, Mapping[str, float]]] = {
    "GEM": {"bleu4": 0.33, "rouge_l": 0.43, "sbert": 0.92},
    "ECG-R1": {"bleu4": 0.69, "rouge_l": 0.73, "sbert": 0.97},
}
"""Consistency of signal-only and image-only readings, means over cases; arXiv 2602.04279, with bge-m3."""


@dataclass(frozen=True)
class Mean:
    """A mean over `cases` with the bounds of its interval; None without a case, bounds None with fewer than two."""

    cases: int
    value: float | None
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data, rounded to 6 decimals."""
        rounded = {
            name: None if number is None else round(number, 6)
            for name, number in (("mean", self.value), ("low", self.low), ("high", self.high))
        }
        return {"cases": self.cases, **rounded}


def mean_of(
    values: Iterable[float | None], rng: np.random.Generator, resamples: int = RESAMPLES, level: float = LEVEL
) -> Mean:
    """Return the mean of the known values with a percentile bootstrap interval over cases (Efron 1979).

    None is a case of which nothing is known; it is left out, and `cases` says how many are there.
    """
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    if known.size == 0:
        return Mean(0, None, None, None)
    value = float(known.mean())
    if known.size < 2:
        return Mean(1, value, None, None)
    at_once = max(1, _MOST_AT_ONCE // known.size)
    means: list[float] = []
    while len(means) < resamples:
        count = min(at_once, resamples - len(means))
        means.extend(known[rng.integers(0, known.size, (count, known.size))].mean(axis=1))
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Mean(int(known.size), value, float(low), float(high))


def summary(rows: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """Return the table of a comparison's rows (`ecgr1 compare`): means by pair of views and by view.

    Every interval is drawn from `seed`, so that the same rows give the same table.
    """
    read = [row for row in rows if "error" not in row]
    pairs: dict[str, list[Mapping[str, Any]]] = {}
    views: dict[str, list[Mapping[str, Any]]] = {}
    for row in read:
        for pair in row["pairs"]:
            pairs.setdefault(f"{pair['reference']} - {pair['compared']}", []).append(pair)
        for view in row["views"]:
            views.setdefault(view["view"], []).append(view)
    return {
        "recordings": len(rows),
        "failed": len(rows) - len(read),
        "pairs": {name: _pair(found, seed) for name, found in pairs.items()},
        "views": {name: _view(found, seed) for name, found in views.items()},
        "published": {name: dict(row) for name, row in PUBLISHED.items()},
        "signatures": read[0]["pairs"][0]["consistency"]["signatures"] if read and read[0]["pairs"] else {},
    }


def table_lines(found: Mapping[str, Any]) -> list[str]:
    """Return a summary as lines of Markdown, the paper's rows last."""
    columns = ("bleu4", "rouge_l", "sbert", "content_bleu4", "label_jaccard", "evidence_strict")
    lines = [
        "| pair | cases | BLEU-4 | ROUGE-L | SBERT | BLEU-4, content | labels, Jaccard | EDER, strict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in found["pairs"].items():
        cells = " | ".join(_cell(row[column]) for column in columns)
        lines.append(f"| {name} | {row['bleu4']['cases']} | {cells} |")
    for name, row in found["published"].items():
        lines.append(f"| {name} (paper) | | {row['bleu4']} | {row['rouge_l']} | {row['sbert']} | | | |")
    return lines


def _pair(rows: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    def mean(values: Iterable[float | None]) -> dict[str, Any]:
        return mean_of(values, np.random.default_rng(seed)).to_json()

    kinds = [part["verdict"] for row in rows for part in row["differences"]]
    return {
        "bleu4": mean(row["consistency"]["whole"]["bleu4"] for row in rows),
        "rouge_l": mean(row["consistency"]["whole"]["rouge_l"] for row in rows),
        "sbert": mean(row["consistency"]["whole"]["sbert"] for row in rows),
        "content_bleu4": mean(row["consistency"]["content"]["bleu4"] for row in rows),
        "content_rouge_l": mean(row["consistency"]["content"]["rouge_l"] for row in rows),
        "content_sbert": mean(row["consistency"]["content"]["sbert"] for row in rows),
        "label_jaccard": mean(row["consistency"]["labels"]["jaccard"] for row in rows),
        "evidence_published": mean(_both_ways(row["consistency"]["evidence"]["published"]) for row in rows),
        "evidence_strict": mean(_both_ways(row["consistency"]["evidence"]["strict"]) for row in rows),
        "parts": {kind: kinds.count(kind) for kind in sorted({kind for kind in kinds if kind is not None})},
    }


def _view(rows: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """Return how much of what a view claims the trace supports and contradicts, as shares of its claims per case."""

    def share(row: Mapping[str, Any], status: str) -> float | None:
        claims = row["claims"]
        total = 0 if claims is None else sum(claims.values())
        return claims[status] / total if total else None

    return {
        status: mean_of((share(row, status) for row in rows), np.random.default_rng(seed)).to_json()
        for status in ("supported", "contradicted", "not_measurable")
    }


def _both_ways(one: Mapping[str, Any]) -> float | None:
    scores = [score for score in (one["of_reference"], one["of_compared"]) if score is not None]
    return sum(scores) / len(scores) if scores else None


def _cell(row: Mapping[str, Any]) -> str:
    if row["mean"] is None:
        return "–"
    if row["low"] is None:
        return f"{row['mean']:.3f}"
    return f"{row['mean']:.3f} ({row['low']:.3f}–{row['high']:.3f})"
