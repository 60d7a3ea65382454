"""Power of a planned study by simulation: how often the analysis would find a difference of a given size.

Ratings are drawn from a linear model with random cases, raters and their products with the arms, rounded to the scale,
and tested as the results are (multi-reader multi-case analysis of variance), for a fully crossed plan of two arms.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from annotations.comparison import mrmc_differences
from ecgr1_core.errors import InputError


@dataclass(frozen=True)
class Assumptions:
    """What is assumed of ratings from `minimum` to `maximum`: standard deviations in points of the scale.

    The defaults are of the size that five-point ratings of reports commonly show; a pilot gives better ones.
    """

    difference: float = 0.3
    mean: float = 3.5
    sd_case: float = 0.5
    sd_rater: float = 0.3
    sd_rater_arm: float = 0.1
    sd_case_arm: float = 0.3
    sd_rest: float = 0.6
    minimum: int = 1
    maximum: int = 5


def power(
    *,
    raters: int,
    cases: int,
    rng: np.random.Generator,
    assumed: Assumptions | None = None,
    repeats: int = 500,
    alpha: float = 0.05,
) -> dict[str, Any]:
    """Return the share of simulated studies with p below `alpha`, with its Monte Carlo standard error.

    `InputError` for fewer than two raters or three cases.
    """
    if raters < 2 or cases < 3:
        raise InputError("power", f"{raters} raters and {cases} cases are too few", "give 2 raters and 3 cases or more")
    assumed = assumed or Assumptions()
    hits = 0
    for _ in range(repeats):
        _, (found,) = mrmc_differences(_draw(raters, cases, assumed, rng), [(0, 1)], level=1 - alpha)
        hits += found.p is not None and found.p < alpha
    share = hits / repeats
    error = float(np.sqrt(share * (1 - share) / repeats))
    told = {"raters": raters, "cases": cases, "alpha": alpha, "repeats": repeats, "assumed": asdict(assumed)}
    return {"power": share, "monte_carlo_error": error, **told}


def _draw(raters: int, cases: int, assumed: Assumptions, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    values = (
        assumed.mean
        + np.array([0.5, -0.5]) * assumed.difference
        + rng.normal(0, assumed.sd_case, (1, cases, 1))
        + rng.normal(0, assumed.sd_rater, (raters, 1, 1))
        + rng.normal(0, assumed.sd_rater_arm, (raters, 1, 2))
        + rng.normal(0, assumed.sd_case_arm, (1, cases, 2))
        + rng.normal(0, assumed.sd_rest, (raters, cases, 2))
    )
    return np.clip(np.rint(values), assumed.minimum, assumed.maximum)
