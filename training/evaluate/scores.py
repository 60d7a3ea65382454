"""Scores of readings that need no judge: labels, evidence phrases, claims against the measurements, and the form.

Each reading is scored by itself; tables are made of the scores by reader and modality. It asks no reader anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ecgr1_core import interpretation
from ecgr1_core.errors import InputError
from ecgr1_core.evidence import match
from ecgr1_core.measure import Measurements, measure
from ecgr1_core.metrics.table import mean_of
from ecgr1_core.record import EcgRecord
from ecgr1_core.verify import counts, verify
from training.evaluate.cases import Case
from training.evaluate.labels import agreement, jaccard, named
from training.media import Media
from training.problems import Problems

MEANS = ("eder", "eder_strict", "supported", "contradicted", "complete", "seconds")
"""What a table has beside labels: means over the readings of which it is known."""


def score(
    cases: Sequence[Case], predictions: Sequence[Mapping[str, Any]], media: Media, problems: Problems
) -> list[dict[str, Any]]:
    """Return a row of scores for each reading, in the order of the cases.

    `labels` (of the reference) and `jaccard` are None without reference labels, `eder` (as published) and `eder_strict`
    without evidence phrases; `claims` counts claims by status and is None where there is no recording to check with,
    `supported` and `contradicted` are shares of the claims, None without a claim. `complete` tells whether all six
    steps, the summary, the answer and every tag are there.
    """
    by_case: dict[str, list[Mapping[str, Any]]] = {}
    for row in predictions:
        by_case.setdefault(row["id"], []).append(row)
    scored = []
    for case in cases:
        readings = by_case.get(case.id, [])
        measured = _measured(case, media, problems) if readings else None
        scored += [_scores(case, reading, measured) for reading in readings]
    return scored


def _measured(case: Case, media: Media, problems: Problems) -> tuple[EcgRecord, Measurements] | None:
    if case.row.ecg is None:
        return None
    try:
        record = media.record(case.row)
    except InputError as error:
        problems.note("claims not checked", InputError(case.row.source, str(error), "give the recording"))
        return None
    return record, measure(record)


def _scores(case: Case, row: Mapping[str, Any], measured: tuple[EcgRecord, Measurements] | None) -> dict[str, Any]:
    reading = interpretation.parse(row["text"])
    claims: dict[str, int] | None = None
    if measured is not None:
        record, measurements = measured
        claims = counts(verify(reading, measurements, record.patient, record.warnings))
    total = sum(claims.values()) if claims else 0
    wanted = None if case.labels is None else named(case.labels)
    return {
        "id": case.id,
        "reader": row["reader"],
        "version": row["version"],
        "modality": row["modality"],
        "labels": None if case.labels is None else list(case.labels),
        "answer": list(reading.answer),
        "jaccard": None if wanted is None else round(jaccard(wanted, named(reading.answer)), 6),
        "eder": _eder(case, row["text"], "published"),
        "eder_strict": _eder(case, row["text"], "strict"),
        "claims": claims,
        "supported": claims["supported"] / total if claims and total else None,
        "contradicted": claims["contradicted"] / total if claims and total else None,
        "complete": float(reading.complete),
        "seconds": row["seconds"],
    }


def _eder(case: Case, text: str, mode: Any) -> float | None:
    """Return the evidence score; a reading without the steps has named no phrase and scores 0."""
    if case.evidence is None:
        return None
    return round(match(text, case.evidence, mode).score or 0.0, 6)


def groups(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """Return rows by reader and modality, in the order in which they come."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["reader"], row["modality"]), []).append(row)
    return found


def table(scored: Sequence[Mapping[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Return one line for each reader and modality: labels, and the means of `MEANS` with their intervals."""
    lines = []
    for (reader, modality), rows in groups(scored).items():
        known = [row for row in rows if row["labels"] is not None]
        lines.append(
            {
                "reader": reader,
                "modality": modality,
                "version": rows[0]["version"],
                "cases": len(rows),
                "labels": _agreement(known, seed, implied=False),
                "labels_implied": _agreement(known, seed, implied=True),
                **{name: mean((row[name] for row in rows), seed) for name in MEANS},
            }
        )
    return lines


def mean(values: Iterable[float | None], seed: int) -> dict[str, Any]:
    """Return the mean of the known values with its interval, as plain JSON data."""
    return mean_of(values, np.random.default_rng(seed)).to_json()


def _agreement(rows: Sequence[Mapping[str, Any]], seed: int, *, implied: bool) -> dict[str, Any] | None:
    if not rows:
        return None
    pairs = [(named(row["labels"], implied=implied), named(row["answer"], implied=implied)) for row in rows]
    return agreement(pairs, seed)
