"""Rank correlation of many draws at once, against SciPy's of each."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from annotations.agreement import times_drawn
from annotations.correlation import spearman


@pytest.mark.parametrize("distinct", [2, 4, 1000])
def test_each_draw_has_the_correlation_of_its_readings(distinct: int) -> None:
    rng = np.random.default_rng(distinct)
    first = rng.integers(0, distinct, 30) / 7
    second = np.round(first + rng.normal(0, distinct / 10, 30), 1)
    times = times_drawn(30, rng, 50)
    found = spearman(np.column_stack([first, second]), times)
    for one, drawn in zip(found, times.astype(int), strict=True):
        readings = np.repeat(np.arange(30), drawn)
        assert one == pytest.approx(stats.spearmanr(first[readings], second[readings]).statistic, abs=1e-12)


def test_there_is_none_where_nothing_varies_or_there_are_too_few() -> None:
    first, second = np.array([0.1, 0.2, 0.3, 0.3]), np.array([3.0, 1.0, 2.0, 2.0])
    times = np.array([[1, 1, 1, 1], [0, 0, 3, 4], [1, 1, 0, 0], [0, 0, 0, 0], [3, 0, 0, 0]], float)
    found = spearman(np.column_stack([first, second]), times)
    assert np.isnan(found).tolist() == [False, True, True, True, True]
    assert found[0] == pytest.approx(stats.spearmanr(first, second).statistic)
    assert np.isnan(spearman(np.empty((0, 2)), np.ones((1, 0))))
