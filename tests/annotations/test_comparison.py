"""Differences between arms and preferences, against statsmodels, published examples, and planted truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from annotations.comparison import (
    bootstrap_difference,
    bootstrap_mean,
    mean_squares,
    mixed_differences,
    mrmc_differences,
)
from annotations.preferences import Comparison, strengths

ARMS = np.array([0.0, -0.4, -1.0])


def _ratings(raters: int, cases: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    effects = rng.normal(0, 0.5, (1, cases, 1)) + rng.normal(0, 0.3, (raters, 1, 1))
    return 4 + ARMS + effects + rng.normal(0, 0.4, (raters, cases, 3))


def _long(values: np.ndarray) -> pd.DataFrame:
    r, c, t = np.meshgrid(*(np.arange(size) for size in values.shape), indexing="ij")
    frame = {"value": values.ravel(), "rater": r.ravel(), "case": c.ravel(), "arm": t.ravel()}
    return pd.DataFrame(frame).astype({"rater": str, "case": str, "arm": str})


def test_mean_squares_are_those_of_an_analysis_of_variance() -> None:
    values = _ratings(3, 8)
    model = smf.ols("value ~ C(rater) * C(case) * C(arm)", _long(values)).fit()
    table = sm.stats.anova_lm(smf.ols("value ~ (C(rater) + C(case) + C(arm))**2", _long(values)).fit())
    assert model.df_resid == 0
    found = mean_squares(values)
    theirs = [table.loc[name, "mean_sq"] for name in ("C(arm)", "C(rater):C(arm)", "C(case):C(arm)", "Residual")]
    assert found == pytest.approx(theirs, rel=1e-9)


def test_mrmc_with_fixed_effects_only_noise_keeps_its_level() -> None:
    """Without a difference p is below 0.05 in about one of twenty simulated studies with random raters and cases."""
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(400):
        values = rng.normal(0, 0.3, (4, 1, 2)) * 0.3 + rng.normal(0, 0.5, (1, 30, 2)) + rng.normal(0, 0.5, (4, 30, 2))
        p, _ = mrmc_differences(values, [(0, 1)])
        assert p is not None
        hits += p < 0.05
    assert 8 <= hits <= 34


def test_the_mixed_model_is_that_of_the_formula_and_finds_what_was_planted() -> None:
    values = _ratings(4, 25, seed=3)
    long = _long(values)
    columns = (long["value"].to_numpy(), long["arm"].tolist(), long["case"].tolist(), long["rater"].tolist())
    found = mixed_differences(*columns, [("0", "1"), ("0", "2"), ("1", "2")])
    long["both"] = long["case"] + "|" + long["rater"]
    apart = smf.mixedlm(
        "value ~ C(arm)",
        long,
        groups=np.ones(len(long)),
        re_formula="0",
        vc_formula={"case": "0 + C(case)", "rater": "0 + C(rater)", "both": "0 + C(both)"},
    ).fit(reml=True, method=["lbfgs", "powell"])
    assert -found[0].value == pytest.approx(apart.fe_params["C(arm)[T.1]"], abs=1e-4)  # type: ignore[operator]
    assert found[0].high - found[0].low == pytest.approx(2 * 1.96 * apart.bse_fe["C(arm)[T.1]"], rel=0.02)  # type: ignore[operator]
    for one, true in zip(found, (0.4, 1.0, 0.6), strict=True):
        assert one.low is not None
        assert one.high is not None
        assert one.low < true < one.high
        assert one.p is not None
        assert one.p < 1e-4


def test_the_mixed_model_says_why_it_has_nothing() -> None:
    (few,) = mixed_differences(np.array([1.0, 2.0]), ["a", "a"], ["1", "2"], ["r", "r"], [("a", "b")])
    assert (few.value, few.note) == (None, "too few arms or cases")
    (same,) = mixed_differences(np.full(6, 3.0), list("ababab"), list("112233"), ["r"] * 6, [("a", "b")])
    assert (same.value, same.note) == (0.0, "all ratings are equal")


def test_the_bootstrap_keeps_the_values_of_a_case_together() -> None:
    """Ten equal ratings of each case are no more information than one: the interval is as wide, not a third of it."""
    rng = np.random.default_rng(2)
    values = rng.normal(3, 1, 40)
    cases = [f"c{index}" for index in range(40)]
    once = bootstrap_mean(values, cases, np.random.default_rng(0))
    tenfold = bootstrap_mean(np.repeat(values, 10), np.repeat(cases, 10).tolist(), np.random.default_rng(0))
    assert once.low is not None
    assert once.high is not None
    assert once.high - once.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(40), rel=0.1)
    assert (tenfold.value, tenfold.low, tenfold.high) == pytest.approx((once.value, once.low, once.high), abs=1e-9)
    assert tenfold.n == 40


def test_the_paired_bootstrap_takes_out_what_a_case_has_in_common() -> None:
    rng = np.random.default_rng(3)
    case = rng.normal(0, 5, 30)
    first, second = case + 0.5 + rng.normal(0, 0.2, 30), case + rng.normal(0, 0.2, 30)
    values = np.concatenate([first, second])
    names = [f"c{index}" for index in range(30)] * 2
    found = bootstrap_difference(values, names, np.arange(60) < 30, rng)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.5 < found.high
    assert found.high - found.low < 0.3


# Wins of the row over the column, American League East 1987: Agresti, Categorical Data Analysis, 2nd ed., table 10.10;
# the estimates there against Baltimore: 1.58 1.44 1.29 1.25 1.11 0.68.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WINS = (
    (0, 7, 9, 7, 7, 9, 11),
    (6, 0, 7, 5, 11, 9, 9),
    (4, 6, 0, 7, 7, 8, 12),
    (6, 8, 6, 0, 6, 7, 10),
    (6, 2, 6, 7, 0, 7, 12),
    (4, 4, 5, 6, 6, 0, 6),
    (2, 4, 1, 3, 1, 7, 0),
)


def test_bradley_terry_gives_the_published_strengths() -> None:
    games = [
        Comparison(TEAMS[i], TEAMS[j], "first", f"{i}-{j}-{k}")
        for i in range(7)
        for j in range(7)
        for k in range(WINS[i][j])
    ]
    found = {one.arm: one for one in strengths(games, np.random.default_rng(0), repeats=100)}
    last = found["Baltimore"].log_strength.value
    published = [1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0]
    assert [found[team].log_strength.value - last for team in TEAMS] == pytest.approx(published, abs=0.006)  # type: ignore[operator]
    best = found["Milwaukee"]
    assert (best.wins, best.losses, best.win_rate) == (50, 28, pytest.approx(50 / 78))
    assert best.log_strength.low is not None
    assert best.log_strength.low < best.log_strength.value < best.log_strength.high  # type: ignore[operator]


def test_ties_follow_davidson() -> None:
    """Two arms, w, l and t: the maximum has π1/π2 = w/l and ν = t / √(w l) (from Davidson's likelihood equations)."""
    games = [Comparison("a", "b", "first", str(n)) for n in range(40)]
    games += [Comparison("b", "a", "first", str(n)) for n in range(10)]
    games += [Comparison("a", "b", "tie", str(n)) for n in range(10)] + [Comparison("a", "b", "both_bad", "x")] * 10
    first, second = strengths(games, np.random.default_rng(0), repeats=100)
    assert first.arm == "a"
    assert first.log_strength.value - second.log_strength.value == pytest.approx(np.log(4), abs=1e-3)  # type: ignore[operator]
    assert (first.wins, first.ties, first.losses, first.both_bad) == (40, 10, 10, 10)


def test_an_arm_that_always_won_has_no_finite_strength() -> None:
    games = [Comparison("a", "b", "first", str(n)) for n in range(10)]
    found = strengths(games, np.random.default_rng(0))
    assert [one.log_strength.value for one in found] == [None, None]
    assert [one.win_rate for one in found] == [1.0, 0.0]
