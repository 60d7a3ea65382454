"""Comparing arms: means with case-clustered bootstrap intervals, paired differences by a mixed model and by the
multi-reader multi-case analysis of variance.

The bootstrap draws cases, so it speaks of other cases and the same raters; the mixed model and the analysis of variance
let both cases and raters be drawn. It works on plain arrays and knows no study.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotations.agreement import Estimate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """Mean of one arm minus mean of another with interval and two-sided p; None where it could not be computed.

    `method` names how; `note` says why a value is missing.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    method: str
    note: str | None = None


def bootstrap_mean(
    values: Floats, cases: Sequence[str], rng: np.random.Generator, *, repeats: int = 2000, level: float = 0.95
) -> Estimate:
    """Return the mean of all values with a percentile interval from cases drawn with replacement, all their values with
    them (Davison & Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). `n` is the number of cases.
    """
    sums, counts = _by_case(values, cases, _codes(cases))
    if not len(values):
        return Estimate(None, None, None, 0)
    mean = float(values.mean())
    if len(sums) < 3:
        return Estimate(mean, None, None, len(sums))
    drawn = rng.integers(0, len(sums), (repeats, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(mean, float(low), float(high), len(sums))


def bootstrap_difference(
    values: Floats,
    cases: Sequence[str],
    first: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    repeats: int = 2000,
    level: float = 0.95,
) -> Difference:
    """Return mean of the values where `first` minus mean of the others, paired by case, with a percentile interval.

    Cases are drawn once for both arms, so what is common to a case cancels. Cases that lack an arm are left out.
    """
    codes = _codes(cases)
    sums_1, counts_1 = _by_case(values[first], np.asarray(cases)[first].tolist(), codes)
    sums_2, counts_2 = _by_case(values[~first], np.asarray(cases)[~first].tolist(), codes)
    paired = (counts_1 > 0) & (counts_2 > 0)
    method = "case-clustered bootstrap"
    if paired.sum() < 3:
        return Difference(None, None, None, None, method, "fewer than three cases have both arms")
    sums_1, counts_1, sums_2, counts_2 = (one[paired] for one in (sums_1, counts_1, sums_2, counts_2))
    drawn = rng.integers(0, len(sums_1), (repeats, len(sums_1)))
    means_1 = sums_1[drawn].sum(1) / counts_1[drawn].sum(1)
    means_2 = sums_2[drawn].sum(1) / counts_2[drawn].sum(1)
    low, high = np.quantile(means_1 - means_2, [(1 - level) / 2, (1 + level) / 2])
    value = float(sums_1.sum() / counts_1.sum() - sums_2.sum() / counts_2.sum())
    return Difference(value, float(low), float(high), None, method)


def mixed_differences(
    values: Floats,
    arms: Sequence[str],
    cases: Sequence[str],
    raters: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    *,
    level: float = 0.95,
) -> list[Difference]:
    """Return the differences between pairs of arms from a linear mixed model: arm fixed; case, rater and their product
    random (crossed), fitted by REML with statsmodels' MixedLM; Wald intervals and p.

    The product of rater and case is the effect that one rater's readings of one case side by side have in common.
    """
    method = "mixed model (arm; case, rater, case × rater random; REML)"
    levels = sorted(set(arms))
    if len(levels) < 2 or len(set(cases)) < 3:
        return [Difference(None, None, None, None, method, "too few arms or cases") for _ in pairs]
    if np.ptp(values) == 0:
        return [Difference(0.0, None, None, None, method, "all ratings are equal") for _ in pairs]
    fitted, note = _fit(values, levels, arms, cases, raters)
    if fitted is None:
        return [Difference(None, None, None, None, method, note) for _ in pairs]
    result = []
    for one, other in pairs:
        contrast = np.zeros(len(levels))
        for name, sign in ((one, 1.0), (other, -1.0)):
            if levels.index(name):
                contrast[levels.index(name)] = sign
        value = float(contrast @ fitted.beta)
        error = float(np.sqrt(contrast @ fitted.covariance @ contrast))
        result.append(_wald(value, error, method, level, note))
    return result


@dataclass(frozen=True)
class _Fit:
    beta: Floats
    covariance: Floats


def _fit(
    values: Floats, levels: Sequence[str], arms: Sequence[str], cases: Sequence[str], raters: Sequence[str]
) -> tuple[_Fit | None, str | None]:
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    exog = np.column_stack([np.ones(len(values))] + [np.asarray(arms) == name for name in levels[1:]]).astype(float)
    factors = {"case": list(cases)}
    if len(set(raters)) > 1:
        factors["rater"] = list(raters)
        both = [f"{case}\n{rater}" for case, rater in zip(cases, raters, strict=True)]
        if len(set(both)) < len(both):
            factors["case × rater"] = both
    names, columns, matrices = [], [], []
    for name, given in factors.items():
        known = sorted(set(given))
        matrix = (np.asarray(given)[:, None] == np.asarray(known)[None, :]).astype(float)
        names.append(name)
        columns.append([known])
        matrices.append([matrix])
    model = MixedLM(values, exog, groups=np.ones(len(values)), exog_vc=VCSpec(names, columns, matrices))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            fit = model.fit(reml=True, method=["lbfgs", "powell"])
        except np.linalg.LinAlgError:
            return None, "the model could not be fitted"
    if not np.isfinite(fit.bse_fe).all():
        return None, "the model could not be fitted"
    if not fit.converged:
        return None, "the fit did not converge"
    boundary = any("boundary" in str(one.message) for one in said)
    size = len(levels)
    covariance = np.asarray(fit.cov_params())[:size, :size]
    return _Fit(np.asarray(fit.fe_params), covariance), "a variance is estimated as zero" if boundary else None


def _wald(value: float, error: float, method: str, level: float, note: str | None) -> Difference:
    from scipy import stats

    if not np.isfinite(error) or error <= 0:
        return Difference(value, None, None, None, method, note or "no standard error")
    half = float(stats.norm.ppf((1 + level) / 2)) * error
    return Difference(value, value - half, value + half, float(2 * stats.norm.sf(abs(value) / error)), method, note)


def mrmc_differences(
    values: Floats, pairs: Sequence[tuple[int, int]], *, level: float = 0.95
) -> tuple[float | None, list[Difference]]:
    """Return p of any difference between arms, and the differences of pairs, from values [raters, cases, arms].

    Three-way analysis of variance of Dorfman, Berbaum & Metz (Invest Radiol 1992;27:723-731) on the ratings themselves,
    with the test statistic MS(T) / (MS(TR) + max(MS(TC) − MS(TRC), 0)) and the degrees of freedom of Hillis (Stat Med
    2007;26:596-619): both raters and cases are random.
    """
    from scipy import stats

    r, c, t = values.shape
    method = "multi-reader multi-case analysis of variance"
    if r < 2 or c < 2 or t < 2 or np.isnan(values).any():
        return None, [Difference(None, None, None, None, method, "needs complete readings") for _ in pairs]
    of_t, of_tr, of_tc, of_trc = mean_squares(values)
    error = of_tr + max(of_tc - of_trc, 0.0)
    if error <= 0:
        return None, [Difference(None, None, None, None, method, "no variation between raters") for _ in pairs]
    free = error**2 / (of_tr**2 / ((t - 1) * (r - 1))) if of_tr > 0 else np.inf
    p_any = float(stats.f.sf(of_t / error, t - 1, free))
    spread = float(np.sqrt(2 * error / (r * c)))
    half = float(stats.t.ppf((1 + level) / 2, free)) * spread
    means = values.mean((0, 1))
    found = []
    for one, other in pairs:
        value = float(means[one] - means[other])
        p = float(2 * stats.t.sf(abs(value) / spread, free))
        found.append(Difference(value, value - half, value + half, p, method))
    return p_any, found


def mean_squares(values: Floats) -> tuple[float, float, float, float]:
    """Return MS(T), MS(TR), MS(TC) and MS(TRC) of values [raters, cases, arms]."""
    r, c, t = values.shape
    m = values.mean()
    by_t, by_r, by_c = values.mean((0, 1)), values.mean((1, 2)), values.mean((0, 2))
    by_rt, by_ct, by_rc = values.mean(1), values.mean(0), values.mean(2)
    of_t = r * c * ((by_t - m) ** 2).sum() / (t - 1)
    of_tr = c * ((by_rt - by_r[:, None] - by_t[None, :] + m) ** 2).sum() / ((t - 1) * (r - 1))
    of_tc = r * ((by_ct - by_c[:, None] - by_t[None, :] + m) ** 2).sum() / ((t - 1) * (c - 1))
    rest = values - by_rt[:, None, :] - by_ct[None, :, :] - by_rc[:, :, None]
    rest = rest + by_r[:, None, None] + by_c[None, :, None] + by_t[None, None, :] - m
    of_trc = (rest**2).sum() / ((t - 1) * (r - 1) * (c - 1))
    return float(of_t), float(of_tr), float(of_tc), float(of_trc)


def _codes(cases: Sequence[str]) -> dict[str, int]:
    return {case: index for index, case in enumerate(sorted(set(cases)))}


def _by_case(values: Floats, cases: Sequence[str], codes: dict[str, int]) -> tuple[Floats, Floats]:
    index = np.array([codes[case] for case in cases], dtype=int)
    size = len(codes)
    return np.bincount(index, values, size).astype(float), np.bincount(index, minlength=size).astype(float)
