"""Coefficients of agreement against published worked examples and statsmodels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from statsmodels.stats import inter_rater

from annotations import agreement
from annotations.agreement import of_all_units, with_interval
from annotations.icc import icc


def of_all(coefficient: Callable[..., Any]) -> Callable[..., float | None]:
    """Return the coefficient as a function of ratings, values and options."""
    return lambda ratings, *given, **named: of_all_units(
        ratings, lambda table, times: coefficient(table, times, *given, **named)
    )


cohen_kappa, fleiss_kappa = of_all(agreement.cohen_kappa), of_all(agreement.fleiss_kappa)
gwet_ac, krippendorff_alpha = of_all(agreement.gwet_ac), of_all(agreement.krippendorff_alpha)
X = np.nan
# Four raters, twelve units, missing ratings: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", and
# Gwet, Handbook of Inter-Rater Reliability, 4th ed. 2014, table 2.10; the coefficients there: AC1 0.775, kappa 0.761.
FOUR = np.array(
    [
        *([1, 1, X, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4]),
        *([4, 4, 4, 4], [1, 1, 2, 1], [2, 2, 2, 2], [X, 5, 5, 5], [X, X, 1, 1], [X, X, 3, X]),
    ]
)
# Six targets, four judges: Shrout & Fleiss, Psychol Bull 1979;86:420-428, table 2.
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
VALUES = (1, 2, 3, 4, 5)


def test_gwet() -> None:
    assert gwet_ac(FOUR, VALUES) == pytest.approx(0.77544, abs=1e-5)
    # AC2: values of irrCAC 0.4.4 (the package of Gwet's formulas), run apart
    assert gwet_ac(FOUR, VALUES, "quadratic") == pytest.approx(0.91400, abs=1e-5)
    assert gwet_ac(FOUR, VALUES, "linear") == pytest.approx(0.85874, abs=1e-5)
    assert gwet_ac(FOUR, VALUES, "ordinal") == pytest.approx(0.89894, abs=1e-5)


def test_gwet_stays_where_kappa_falls() -> None:
    """118 of 125 times both say no (the paradox of prevalence; Gwet 2008): agreement 0.944, kappa −0.02, AC1 0.94."""
    table = np.array([[0.0, 0.0]] * 118 + [[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 2)
    kappa, stable = cohen_kappa(table, (0, 1)), gwet_ac(table, (0, 1))
    assert kappa == pytest.approx(-0.0234, abs=1e-4)
    assert stable == pytest.approx(0.9408, abs=1e-4)


def test_krippendorff() -> None:
    assert krippendorff_alpha(FOUR, VALUES, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(FOUR, VALUES, "ordinal") == pytest.approx(0.815, abs=5e-4)
    assert krippendorff_alpha(FOUR, VALUES, "interval") == pytest.approx(0.849, abs=5e-4)


def test_fleiss_is_that_of_gwet_with_missing_and_of_statsmodels_without() -> None:
    assert fleiss_kappa(FOUR, VALUES) == pytest.approx(0.76117, abs=1e-5)
    full = np.random.default_rng(2).integers(1, 6, (40, 5)).astype(float)
    counts, _ = inter_rater.aggregate_raters(full.astype(int))
    assert fleiss_kappa(full, VALUES) == pytest.approx(inter_rater.fleiss_kappa(counts), abs=1e-12)


@pytest.mark.parametrize(("weights", "theirs"), [("identity", None), ("linear", "linear"), ("quadratic", "quadratic")])
def test_cohen_is_that_of_statsmodels(weights: str, theirs: str | None) -> None:
    rng = np.random.default_rng(4)
    first = rng.integers(1, 6, 60)
    pair = np.column_stack([first, np.clip(first + rng.integers(-1, 2, 60), 1, 5)]).astype(float)
    table = np.zeros((5, 5))
    np.add.at(table, (pair[:, 0].astype(int) - 1, pair[:, 1].astype(int) - 1), 1)
    expected = inter_rater.cohens_kappa(table, wt=theirs).kappa
    assert cohen_kappa(pair, VALUES, weights) == pytest.approx(expected, abs=1e-12)  # type: ignore[arg-type]


def test_icc_of_shrout_and_fleiss() -> None:
    absolute, consistency = icc(JUDGES, "2,1"), icc(JUDGES, "3,1")
    assert absolute.value == pytest.approx(0.29, abs=0.005)
    assert consistency.value == pytest.approx(0.71, abs=0.005)
    assert (absolute.low, absolute.high) == pytest.approx((0.02, 0.76), abs=0.005)  # McGraw & Wong's interval
    assert (consistency.low, consistency.high) == pytest.approx((0.34, 0.95), abs=0.005)


def test_what_is_not_defined_is_none() -> None:
    same = np.full((5, 3), 2.0)
    assert fleiss_kappa(same, VALUES) is None
    assert krippendorff_alpha(same, VALUES) is None
    assert gwet_ac(same, VALUES) == 1.0  # all agree, and chance is small: AC1 is defined
    lone = np.array([[1, X], [X, 2]])
    assert gwet_ac(lone, VALUES) is None
    assert krippendorff_alpha(lone, VALUES) is None
    assert icc(same, "2,1").value is None
    for nothing in (np.empty((0, 3)), np.full((4, 3), X)):
        assert [one(nothing, VALUES) for one in (fleiss_kappa, gwet_ac, krippendorff_alpha)] == [None, None, None]
    with pytest.raises(ValueError, match="none of the values"):
        gwet_ac(np.array([[1.5, 2.0]]), VALUES)


@pytest.mark.parametrize(
    ("coefficient", "raters", "options"),
    [
        (agreement.cohen_kappa, 2, {"weights": "quadratic"}),
        (agreement.fleiss_kappa, 4, {"weights": "identity"}),
        (agreement.fleiss_kappa, 4, {"weights": "quadratic"}),
        (agreement.gwet_ac, 4, {"weights": "ordinal"}),
        (agreement.krippendorff_alpha, 4, {"level": "nominal"}),
        (agreement.krippendorff_alpha, 4, {"level": "ordinal"}),
        (agreement.krippendorff_alpha, 4, {"level": "interval"}),
    ],
)
def test_a_draw_is_a_table_with_its_units_as_often(
    coefficient: Callable[..., Any], raters: int, options: dict[str, str]
) -> None:
    rng = np.random.default_rng(3)
    table = rng.integers(1, 6, (7, raters)).astype(float)
    table[rng.random(table.shape) < 0.2] = X
    times = np.vstack([rng.multinomial(7, np.full(7, 1 / 7), 30), np.eye(7, dtype=int)[:2] * 7])
    found = coefficient(table, times.astype(float), VALUES, **options)
    assert len(found) == len(times)
    for value, counted in zip(found, times, strict=True):
        alone = of_all(coefficient)(np.repeat(table, counted, axis=0), VALUES, **options)
        assert np.isnan(value) if alone is None else value == pytest.approx(alone, abs=1e-12)


def test_an_interval_is_that_of_the_draws_one_by_one() -> None:
    table = np.random.default_rng(5).integers(1, 6, (12, 3)).astype(float)
    found = with_interval(
        table, partial(agreement.krippendorff_alpha, values=VALUES), np.random.default_rng(6), repeats=100
    )
    rng = np.random.default_rng(6)
    alphas = [krippendorff_alpha(table[rng.integers(0, 12, 12)], VALUES) for _ in range(100)]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(alphas, [0.025, 0.975])), abs=1e-12)


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Bootstrap intervals of AC1 over 60 simulated tables hold the value of a very large one in 85–100 %."""
    rng = np.random.default_rng(8)

    def table(units: int) -> np.ndarray:
        truth = rng.integers(1, 6, units)
        return np.where(rng.random((units, 3)) < 0.7, truth[:, None], rng.integers(1, 6, (units, 3))).astype(float)

    true = gwet_ac(table(200_000), VALUES)
    assert true is not None
    held = 0
    for _ in range(60):
        found = with_interval(table(60), partial(agreement.gwet_ac, values=VALUES), rng, repeats=150)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= true <= found.high
    assert held >= 51
