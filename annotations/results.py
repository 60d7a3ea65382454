"""The results of an unblinded study, as plain JSON data: means, differences, preferences, agreement, time, progress.

Practice is never counted; hidden duplicates count only for how well raters agree with themselves. Each number has an
interval where there can be one, and `n` beside it. Formulas and their sources are in the modules that compute them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import combinations
from typing import Any
from zlib import crc32

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotations import agreement, comparison, preferences
from annotations.agreement import Ratings
from annotations.correlation import spearman
from annotations.icc import icc
from annotations.policy import THIS_STUDY, Acting, StudyPolicy, require
from annotations.rows import DiagnosisRow, RatingRow, Rows, rater_codes, rows_of
from annotations.rubric import Rubric
from annotations.studies import design_of, rubric_of
from annotations.tables import Assignment, Membership, Revision, Study
from ecgr1_core import vocabulary
from ecgr1_core.interpretation import STEP_NUMBERS


def progress(acting: Acting, study: Study) -> list[dict[str, Any]]:
    """Return how far each rater is, without any answer: readings done, all, flagged, not rated, last answer."""
    require(StudyPolicy.see_progress(acting, study), THIS_STUDY)
    session, codes = acting.session, rater_codes(acting.session, study)
    rows = []
    for member in session.scalars(select(Membership).where(Membership.id.in_(codes))):
        own = select(Assignment.id).where(Assignment.membership_id == member.id)
        kinds = dict(
            session.execute(
                select(Revision.kind, func.count(func.distinct(Revision.assignment_id)))
                .where(Revision.assignment_id.in_(own))
                .group_by(Revision.kind)
            )
            .tuples()
            .all()
        )
        last = session.scalar(select(func.max(Revision.created_at)).where(Revision.assignment_id.in_(own)))
        rows.append(
            {
                "rater": member.user.name,
                "site": None if member.site is None else member.site.name,
                "readings": session.scalar(select(func.count()).select_from(own.subquery())),
                "rated": kinds.get("stage_two", 0),
                "not_rated": kinds.get("cannot_rate", 0),
                "flagged": kinds.get("flag", 0),
                "last_answer_at": None if last is None else last.isoformat(),
                "withdrawn": member.withdrawn_at is not None,
            }
        )
    return sorted(rows, key=lambda row: str(row["rater"]))


def results(
    acting: Acting,
    study: Study,
    *,
    criteria: Sequence[str] | None = None,
    automatic: Mapping[str, Mapping[tuple[str, str], float]] | None = None,
    repeats: int = 2000,
) -> dict[str, Any]:
    """Return all results of an unblinded study as plain JSON data.

    `criteria` limits the scales (default: all, and the six steps); `automatic` gives automatic scores by name, each by
    (case, arm), which are correlated with every criterion. The draws use the seed of the design.
    """
    wanted = criteria_of(study, criteria)
    seen(acting, study)
    return computed(acting.session, study, wanted, automatic=automatic, repeats=repeats)


def computed(
    session: Session,
    study: Study,
    criteria: Sequence[str],
    *,
    automatic: Mapping[str, Mapping[tuple[str, str], float]] | None = None,
    repeats: int = 2000,
) -> dict[str, Any]:
    """Return all results; it only reads, so that nobody waits for the minutes it takes. The caller has asked `seen`."""
    found = overall(session, study, repeats=repeats)
    parts = {key: of_criterion(session, study, key, automatic=automatic, repeats=repeats) for key in criteria}
    names = ("arms", "differences", "agreement", "intra_rater")
    found |= {name: {key: part[name] for key, part in parts.items()} for name in names}
    found["automatic"] = {
        name: {key: part["automatic"][name] for key, part in parts.items()} for name in (automatic or {})
    }
    return found


def seen(acting: Acting, study: Study) -> None:
    """Note in the audit trail that results are looked at; `NotPermittedError` for whoever may not."""
    require(StudyPolicy.see_results(acting, study), THIS_STUDY)
    acting.record("results.seen", study.name, study)


def criteria_of(study: Study, criteria: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the criteria that are asked for, by default all scales and the six steps; `InputError` for an unknown."""
    rubric = rubric_of(study)
    wanted = tuple(criteria) if criteria is not None else tuple(_criteria(rubric))
    for key in wanted:
        _values(rubric, key)
    return wanted


def criterion_titles(study: Study) -> dict[str, str]:
    """Return what each criterion is called."""
    found = {scale.key: scale.title for scale in rubric_of(study).scales}
    return found | {f"step_{number}": f"Step {number}" for number in STEP_NUMBERS}


def overall(session: Session, study: Study, *, repeats: int = 2000) -> dict[str, Any]:
    """Return what belongs to no criterion: sizes, preferences, own diagnosis, time. The caller has asked the policy."""
    rows, rng = rows_of(session, study), _rng(study, "overall")
    return {
        "study": study.name,
        "lock_sha256": study.lock_sha256,
        "n": _sizes(rows, _main(rows)),
        "preferences": _preferences(rows, rng, repeats),
        "own_diagnosis": _own_diagnosis(rows.diagnoses, rng, repeats),
        "time_s": _times(rows, rng, repeats),
    }


def of_criterion(
    session: Session,
    study: Study,
    key: str,
    *,
    automatic: Mapping[str, Mapping[tuple[str, str], float]] | None = None,
    repeats: int = 2000,
) -> dict[str, Any]:
    """Return the results of one criterion, the same whatever else is asked for. The caller has asked the policy."""
    rows, rubric, rng = rows_of(session, study), rubric_of(study), _rng(study, key)
    main = _main(rows)
    found: dict[str, Any] = {
        "arms": _means(main, key, rng, repeats),
        "differences": _differences(main, key, rng, repeats),
        "agreement": _agreement(rubric, main, key, rng, repeats // 4),
        "intra_rater": _intra_rater(rubric, rows.ratings, key, rng, repeats // 4),
    }
    correlated = _correlations(main, [key], automatic or {}, rng, repeats // 2)  # last: draws of the others stay
    return found | {"automatic": {name: by_key[key] for name, by_key in correlated.items()}}


def _main(rows: Rows) -> list[RatingRow]:
    return [one for one in rows.ratings if not one.info.practice and one.info.duplicate_of is None]


def _rng(study: Study, part: str) -> np.random.Generator:
    return np.random.default_rng([design_of(study).seed, 20_260_101, crc32(part.encode())])


def _criteria(rubric: Rubric) -> list[str]:
    return [*(scale.key for scale in rubric.scales), *(f"step_{number}" for number in STEP_NUMBERS)]


def _values(rubric: Rubric, key: str) -> tuple[float, ...]:
    if key in {f"step_{number}" for number in STEP_NUMBERS}:
        return tuple(float(one) for one in range(rubric.steps.minimum, rubric.steps.maximum + 1))
    return rubric.scale(key).values


def _sizes(rows: Rows, main: Sequence[RatingRow]) -> dict[str, int]:
    return {
        "raters": len({one.info.rater for one in main}),
        "cases": len({one.info.case for one in main}),
        "arms": len({one.arm for one in main}),
        "ratings": len(main),
        "duplicates": len({one.info.reading for one in rows.ratings if one.info.duplicate_of is not None}),
        "practice": len({one.info.reading for one in rows.ratings if one.info.practice}),
        "not_rated": len(rows.not_rated),
    }


def _means(main: Sequence[RatingRow], key: str, rng: np.random.Generator, repeats: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for arm in sorted({one.arm for one in main}):
        own = [one for one in main if one.arm == arm and key in one.values]
        values = np.array([one.values[key] for one in own], float)
        estimate = comparison.bootstrap_mean(values, [one.info.case for one in own], rng, repeats=repeats)
        by_rater = {
            rater: float(np.mean([one.values[key] for one in own if one.info.rater == rater]))
            for rater in sorted({one.info.rater for one in own})
        }
        found[arm] = {"mean": estimate.value, "low": estimate.low, "high": estimate.high, "cases": estimate.n}
        found[arm] |= {"ratings": len(own), "by_rater": by_rater}
    return found


def _differences(main: Sequence[RatingRow], key: str, rng: np.random.Generator, repeats: int) -> list[dict[str, Any]]:
    own = [one for one in main if key in one.values]
    arms = sorted({one.arm for one in own})
    pairs = list(combinations(arms, 2))
    if not pairs:
        return []
    values = np.array([one.values[key] for one in own])
    names, cases = [one.arm for one in own], [one.info.case for one in own]
    raters = [one.info.rater for one in own]
    mixed = comparison.mixed_differences(values, names, cases, raters, pairs)
    cube = _cube(own, key, arms)
    _, mrmc = comparison.mrmc_differences(cube, [(arms.index(one), arms.index(other)) for one, other in pairs])
    found = []
    for (one, other), of_mixed, of_mrmc in zip(pairs, mixed, mrmc, strict=True):
        inside = [index for index, name in enumerate(names) if name in (one, other)]
        first = np.array([names[index] == one for index in inside])
        of_bootstrap = comparison.bootstrap_difference(
            values[inside], [cases[index] for index in inside], first, rng, repeats=repeats
        )
        estimates = [asdict(each) for each in (of_mixed, of_mrmc, of_bootstrap)]
        found.append({"first": one, "second": other, "estimates": estimates})
    return found


def _cube(own: Sequence[RatingRow], key: str, arms: Sequence[str]) -> Ratings:
    """Return the mean ratings [raters, cases, arms] of the raters who read most; NaN where one is missing."""
    raters, cases = sorted({one.info.rater for one in own}), sorted({one.info.case for one in own})
    sums, counts = np.zeros((2, len(raters), len(cases), len(arms)))
    for one in own:
        at = raters.index(one.info.rater), cases.index(one.info.case), arms.index(one.arm)
        sums[at] += one.values[key]
        counts[at] += 1
    complete = (counts > 0).all(axis=(1, 2))
    full = counts[complete] if complete.sum() >= 2 else counts
    chosen = sums[complete] if complete.sum() >= 2 else sums
    with np.errstate(invalid="ignore"):
        return np.asarray(chosen / full)


def _preferences(rows: Rows, rng: np.random.Generator, repeats: int) -> list[dict[str, Any]]:
    outcomes: dict[str, preferences.Outcome] = {
        "left": "first",
        "right": "second",
        "tie": "tie",
        "both_bad": "both_bad",
    }
    given = [
        preferences.Comparison(one.first, one.second, outcomes[one.verdict], one.info.case)
        for one in rows.preferences
        if not one.info.practice and one.info.duplicate_of is None
    ]
    return [
        {
            "arm": one.arm,
            "log_strength": asdict(one.log_strength),
            "win_rate": one.win_rate,
            "wins": one.wins,
            "ties": one.ties,
            "losses": one.losses,
            "both_bad": one.both_bad,
        }
        for one in preferences.strengths(given, rng, repeats=max(100, repeats // 4))
    ]


def _agreement(
    rubric: Rubric, main: Sequence[RatingRow], key: str, rng: np.random.Generator, repeats: int
) -> dict[str, Any]:
    table, _ = _table([one for one in main if key in one.values], key)
    return coefficients(table, _values(rubric, key), rng, repeats)


def coefficients(table: Ratings, values: Sequence[float], rng: np.random.Generator, repeats: int) -> dict[str, Any]:
    """Return every coefficient of agreement of ratings [units, raters]; ordinal weights where there are any."""
    binary = len(values) == 2
    weights: agreement.Weights = "identity" if binary else "quadratic"
    kinds: dict[str, agreement.Coefficient] = {
        "fleiss_kappa": partial(agreement.fleiss_kappa, values=values),
        "weighted_kappa": partial(agreement.fleiss_kappa, values=values, weights=weights),
        "gwet_ac1": partial(agreement.gwet_ac, values=values),
        "gwet_ac2": partial(agreement.gwet_ac, values=values, weights=weights),
        "krippendorff_alpha": partial(
            agreement.krippendorff_alpha, values=values, level="nominal" if binary else "ordinal"
        ),
    }
    if table.shape[1] == 2:
        kinds["cohen_kappa"] = partial(agreement.cohen_kappa, values=values, weights=weights)
    found = {name: asdict(agreement.with_interval(table, kind, rng, repeats=repeats)) for name, kind in kinds.items()}
    return found | {"icc_2_1": asdict(icc(table, "2,1")), "icc_3_1": asdict(icc(table, "3,1"))}


def _table(own: Sequence[RatingRow], key: str) -> tuple[Ratings, list[str]]:
    """Return ratings [outputs, raters], NaN where missing."""
    raters, outputs = sorted({one.info.rater for one in own}), sorted({one.output for one in own})
    at_rater, at_output = {r: i for i, r in enumerate(raters)}, {o: i for i, o in enumerate(outputs)}
    table = np.full((len(outputs), len(raters)), np.nan)
    for one in own:  # the first stands: a second meeting happens only where arms come back in pairs
        at = at_output[one.output], at_rater[one.info.rater]
        if np.isnan(table[at]):
            table[at] = one.values[key]
    return table, outputs


def _intra_rater(
    rubric: Rubric, ratings: Iterable[RatingRow], key: str, rng: np.random.Generator, repeats: int
) -> dict[str, Any]:
    by_reading: dict[tuple[str, str], float] = {}
    again: list[tuple[str, str, float]] = []
    for one in ratings:
        if key not in one.values:
            continue
        by_reading[one.info.reading, one.output] = one.values[key]
        if one.info.duplicate_of is not None:
            again.append((one.info.duplicate_of, one.output, one.values[key]))
    pairs = [
        (by_reading[reading, output], value) for reading, output, value in again if (reading, output) in by_reading
    ]
    if not pairs:
        return {"pairs": 0}
    table = np.array(pairs, float)
    found = coefficients(table, _values(rubric, key), rng, repeats)
    return {"pairs": len(pairs), "same": float((table[:, 0] == table[:, 1]).mean()), **found}


def _own_diagnosis(rows: Sequence[DiagnosisRow], rng: np.random.Generator, repeats: int) -> dict[str, Any]:
    """Return the Jaccard index of the raters' own labels with the reference, where there is one, and their confidence.

    Labels that follow from others count on both sides.
    """
    own = [one for one in rows if not one.info.practice and one.info.duplicate_of is None]
    known = [one for one in own if one.reference is not None]
    scores = np.array([_jaccard(one.labels, one.reference or ()) for one in known], float)
    estimate = comparison.bootstrap_mean(scores, [one.info.case for one in known], rng, repeats=repeats)
    sure = [one.confidence for one in own if one.confidence is not None]
    return {
        "diagnoses": len(own),
        "label_jaccard": asdict(estimate),
        "mean_confidence": float(np.mean(sure)) if sure else None,
    }


def _jaccard(labels: Iterable[str], reference: Iterable[str]) -> float:
    sets = [vocabulary.with_implied([vocabulary.label(name) for name in names]) for names in (labels, reference)]
    union = sets[0] | sets[1]
    return len(sets[0] & sets[1]) / len(union) if union else 1.0


def _times(rows: Rows, rng: np.random.Generator, repeats: int) -> dict[str, Any]:
    infos = {one.info.reading: one.info for one in rows.ratings if not one.info.practice}
    found: dict[str, Any] = {}
    for stage in ("stage_one_active_s", "stage_two_active_s"):
        timed = [(one.case, seconds) for one in infos.values() if (seconds := getattr(one, stage)) is not None]
        values = np.array([seconds for _, seconds in timed], float)
        estimate = comparison.bootstrap_mean(values, [case for case, _ in timed], rng, repeats=repeats)
        found[stage.removesuffix("_active_s")] = {
            "mean": asdict(estimate),
            "median": float(np.median(values)) if len(values) else None,
            "readings": len(values),
        }
    return found


def _correlations(
    main: Sequence[RatingRow],
    criteria: Sequence[str],
    automatic: Mapping[str, Mapping[tuple[str, str], float]],
    rng: np.random.Generator,
    repeats: int,
) -> dict[str, Any]:
    """Return Spearman's rank correlation of automatic scores with raters' means over readings, by score and criterion.

    The interval is a percentile interval from cases drawn with replacement.
    """
    found: dict[str, Any] = {}
    for name, scores in automatic.items():
        found[name] = {}
        for key in criteria:
            means: dict[tuple[str, str], list[float]] = {}
            for one in main:
                if key in one.values and (one.info.case, one.arm) in scores:
                    means.setdefault((one.info.case, one.arm), []).append(one.values[key])
            pairs = sorted(means)
            table = np.array([[scores[pair], np.mean(means[pair])] for pair in pairs]).reshape(-1, 2)
            value, low, high = agreement.of_all_units(table, spearman), None, None
            if value is not None:
                cases, own = np.unique([case for case, _ in pairs], return_inverse=True)
                drawn = spearman(table, agreement.times_drawn(len(cases), rng, repeats)[:, own])
                low, high = agreement.percentiles(drawn)
            found[name][key] = {"spearman": value, "low": low, "high": high, "readings": len(pairs)}
    return found
