"""The tables beside the scores: consistency of signal and image, and what cardiologists said of the same readings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecgr1_core import interpretation
from ecgr1_core.errors import InputError
from ecgr1_core.metrics import consistency
from ecgr1_core.metrics.embedding import SentenceModel, cosine
from training.evaluate.labels import jaccard, named
from training.evaluate.scores import groups, mean
from training.problems import Problems

_FORM: Final = "give the evaluation.jsonl that a study exports"


def consistency_table(
    predictions: Sequence[Mapping[str, Any]], model: SentenceModel | None, seed: int
) -> list[dict[str, Any]]:
    """Return one line for each reader that read a case from the signal alone and from the image alone.

    BLEU-4, ROUGE-L and SBERT of the image-only reading against the signal-only one, of whole outputs and of their
    content, and the Jaccard index of the labels; means over cases with intervals.
    """
    by_reader: dict[str, dict[str, dict[str, str]]] = {}
    for row in predictions:
        by_reader.setdefault(row["reader"], {}).setdefault(row["id"], {})[row["modality"]] = row["text"]
    lines = []
    for reader, cases in by_reader.items():
        pairs = [(one["signal"], one["image"]) for one in cases.values() if {"signal", "image"} <= one.keys()]
        if not pairs:
            continue
        found = [_pair(signal, image, model) for signal, image in pairs]
        line: dict[str, Any] = {"reader": reader, "cases": len(pairs)}
        line |= {name: mean((one[name] for one in found), seed) for name in found[0]}
        lines.append(line | {"signatures": consistency.signatures(model)})
    return lines


def _pair(signal: str, image: str, model: SentenceModel | None) -> dict[str, float | None]:
    """Return the measures of one case; SBERT is None without a model."""
    readings = interpretation.parse(signal), interpretation.parse(image)
    whole = (signal.strip(), image.strip())
    content = (consistency.content(readings[0]), consistency.content(readings[1]))
    vectors = [None] * 4 if model is None else model.vectors([*whole, *content])
    found: dict[str, float | None] = {}
    for before, texts, (left, right) in (("", whole, vectors[:2]), ("content_", content, vectors[2:])):
        found[f"{before}bleu4"] = consistency.bleu4(*texts)
        found[f"{before}rouge_l"] = consistency.rouge_l(*texts)
        found[f"{before}sbert"] = None if left is None or right is None else cosine(left, right)
    return found | {"labels": consistency.label_agreement(readings[0].answer, readings[1].answer).jaccard}


def read_ratings(path: Path, problems: Problems) -> list[dict[str, Any]]:
    """Return the rows of a study's export; lines that are none are noted. InputError where it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "cannot be read", _FORM) from error
    rows = []
    for number, line in enumerate(lines, 1):
        source = f"{path.name} line {number}"
        try:
            row = json.loads(line)
            human = {str(name): float(value) for name, value in row["human"].items()}
            told = {name: str(row[name]) for name in ("id", "case", "arm", "reader", "modality", "prediction")}
            labels, raters = [str(one) for one in row["labels"]], row.get("raters")
        except (ValueError, KeyError, TypeError, AttributeError):
            problems.note("unreadable rating", InputError(source, "is no rated reading", _FORM))
            continue
        rows.append(told | {"human": human, "labels": labels, "raters": raters})
    return rows


def human_table(rows: Sequence[Mapping[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Return one line for each reader and modality that was rated: means of the human scores over readings.

    `jaccard` compares the labels of the readings with those that the raters settled on, and `rank_correlation` of each
    score is Spearman's with that index over readings (None below three readings or without variation).
    """
    lines = []
    for (reader, modality), rated in groups(rows).items():
        agreed = [jaccard(named(row["labels"]), named(interpretation.parse(row["prediction"]).answer)) for row in rated]
        names = sorted({name for row in rated for name in row["human"]})
        scores = {name: [row["human"].get(name) for row in rated] for name in names}
        lines.append(
            {
                "reader": reader,
                "modality": modality,
                "readings": len(rated),
                "human": {name: mean(values, seed) for name, values in scores.items()},
                "jaccard": mean(agreed, seed),
                "rank_correlation": {name: _spearman(values, agreed) for name, values in scores.items()},
            }
        )
    return lines


def _spearman(scores: Sequence[float | None], agreed: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation of the pairs that are known (ties have mean ranks)."""
    from scipy.stats import spearmanr

    pairs = np.array([(a, b) for a, b in zip(scores, agreed, strict=True) if a is not None])
    if len(pairs) < 3 or any(len(set(column)) < 2 for column in pairs.T):
        return None
    return round(float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic), 4)
