"""Means over cases with their intervals, and the table of a comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecgr1_core.metrics.table import mean_of, summary, table_lines


def row(path: str, bleu: float | None, contradicted: int = 0) -> dict[str, Any]:
    text = {"bleu4": bleu, "rouge_l": 0.5, "sbert": None}
    evidence = {"of_reference": 1.0, "of_compared": 0.5, "reason": None}
    none = {"of_reference": None, "of_compared": None, "reason": "it has no steps"}
    agreed = {
        "whole": text, "content": text, "labels": {"jaccard": 1.0}, "evidence": {"published": none, "strict": evidence},
        "signatures": {"bleu4": "a signature"},
    }  # fmt: skip
    claims = {"supported": 3, "contradicted": contradicted, "not_measurable": 0}
    return {
        "path": path,
        "views": [{"view": "a/signal", "claims": claims}, {"view": "a/image", "claims": None}],
        "pairs": [
            {
                "reference": "a/signal", "compared": "a/image", "consistency": agreed,
                "differences": [{"verdict": "same"}, {"verdict": "contradictory"}, {"verdict": None}],
            }
        ],
    }  # fmt: skip


def test_the_interval_is_that_of_scipy() -> None:
    from scipy.stats import bootstrap

    values = np.random.default_rng(5).beta(2, 1, 60)
    found = mean_of(values, np.random.default_rng(1), resamples=20_000)
    there = bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2))
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(tuple(there.confidence_interval), abs=2e-3)


def test_what_is_unknown_is_left_out_and_counted() -> None:
    rng = np.random.default_rng(0)
    assert mean_of([None, None], rng).to_json() == {"cases": 0, "mean": None, "low": None, "high": None}
    assert mean_of([None, 0.25], rng).to_json() == {"cases": 1, "mean": 0.25, "low": None, "high": None}
    assert mean_of([0.5, 0.5, None], rng).to_json() == {"cases": 2, "mean": 0.5, "low": 0.5, "high": 0.5}


def test_the_table_has_pairs_views_failures_and_the_papers_rows() -> None:
    rows = [row("1", 0.2), row("2", 0.6, contradicted=1), row("3", None), {"path": "4", "error": "4: it is damaged."}]
    found = summary(rows, seed=0)
    assert (found["recordings"], found["failed"]) == (4, 1)
    pair = found["pairs"]["a/signal - a/image"]
    assert pair["bleu4"]["mean"] == pytest.approx(0.4)
    assert pair["bleu4"]["cases"] == 2
    assert pair["evidence_strict"]["mean"] == pytest.approx(0.75)
    assert pair["evidence_published"]["cases"] == 0
    assert pair["parts"] == {"contradictory": 3, "same": 3}
    assert found["views"]["a/signal"]["contradicted"]["mean"] == pytest.approx(0.25 / 3, abs=1e-6)
    assert found["views"]["a/image"]["supported"]["cases"] == 0
    assert found["signatures"] == {"bleu4": "a signature"}
    assert summary(rows, seed=0) == found
    lines = table_lines(found)
    assert lines[2].startswith("| a/signal - a/image | 2 | 0.400 (")
    assert lines[-1].startswith("| ECG-R1 (paper) | | 0.69 | 0.73 | 0.97 |")
    assert len({line.count("|") for line in lines}) == 1
