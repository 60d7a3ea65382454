"""F1, Jaccard and exact sets equal hand-worked values."""

from __future__ import annotations

import pytest

from training.evaluate.labels import agreement, jaccard, named

A, B, C = (frozenset([name]) for name in "abc")


def test_f1_by_hand() -> None:
    pairs = [(A | B, A), (A, A | C), (B, B), (A, B)]
    found = agreement(pairs, seed=3)
    # a: right 2, only reference 1 -> 4/5; b: right 1, only reference 1, only reader 1 -> 2/4; c is not in the reference
    assert found["macro_f1"]["value"] == pytest.approx((0.8 + 0.5) / 2)
    # all together: right 3, only reader 2, only reference 2 -> 6/10
    assert found["micro_f1"]["value"] == pytest.approx(0.6)
    assert found["jaccard"]["mean"] == pytest.approx((0.5 + 0.5 + 1 + 0) / 4)
    assert found["exact"]["mean"] == pytest.approx(0.25)
    assert found["labels"]["a"] == {"right": 2, "only_reader": 0, "only_reference": 1}
    assert found["macro_f1"]["low"] < found["macro_f1"]["value"] < found["macro_f1"]["high"]
    assert agreement(pairs, seed=3) == found


def test_the_interval_narrows_with_more_cases() -> None:
    few = agreement([(A, A), (A, B)] * 5, seed=1)["micro_f1"]
    many = agreement([(A, A), (A, B)] * 200, seed=1)["micro_f1"]
    assert few["value"] == many["value"] == 0.5
    assert many["high"] - many["low"] < 0.3 * (few["high"] - few["low"])
    assert many["low"] == pytest.approx(0.5 - 1.96 * (0.25 / 400) ** 0.5, abs=0.02)


def test_what_is_not_defined_is_none() -> None:
    nothing: frozenset[str] = frozenset()
    assert agreement([], seed=1)["macro_f1"] == {"value": None, "low": None, "high": None}
    assert agreement([(nothing, nothing)], seed=1)["micro_f1"]["value"] is None
    assert agreement([(A, A)], seed=1)["micro_f1"] == {"value": 1.0, "low": None, "high": None}
    assert jaccard(nothing, nothing) == 1.0


def test_labels_are_the_same_whatever_they_are_called() -> None:
    assert named(["CLBBB", " LBBB "]) == {"complete left bundle branch block"}
    assert named(["Moon phase", ""]) == {"moon phase"}
    assert "bifascicular block" in named(["RBBB", "LAFB"], implied=True)
    assert "bifascicular block" not in named(["RBBB", "LAFB"])
