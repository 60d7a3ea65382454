"""The drawn plan: balanced, the same for the same seed, and true to the design."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from annotations.allocation import PlannedReading, balance, draw
from annotations.design import Design, design_from_json
from annotations.power import Assumptions, power
from ecgr1_core.errors import InputError

CASES = [f"case{n:02d}" for n in range(30)]
ARMS = ["image", "other", "signal"]
RATERS = ["ann", "bob", "cleo", "dan"]


def _draw(design: Design, seed: int = 5, **changes: list[str]) -> tuple[PlannedReading, ...]:
    given = {"cases": CASES, "practice": ["warm-up"], "arms": ARMS, "raters": RATERS, **changes}
    return draw(design, rng=np.random.default_rng(seed), **given)


def _main(plan: tuple[PlannedReading, ...], rater: str) -> list[PlannedReading]:
    return [one for one in plan if one.rater == rater and not one.practice and one.duplicate_of is None]


def test_the_same_seed_gives_the_same_plan() -> None:
    assert _draw(Design()) == _draw(Design())
    assert _draw(Design()) != _draw(Design(), seed=6)


def test_fully_crossed_together() -> None:
    plan = _draw(Design())
    for rater in RATERS:
        own = _main(plan, rater)
        assert sorted(one.case for one in own) == CASES
        assert all(sorted(one.arms) == ARMS for one in own)
        assert set(Counter(one.arms for one in own).values()) == {5}  # 30 cases, 6 orders of three arms
        queue = sorted((one for one in plan if one.rater == rater), key=lambda one: one.place)
        assert [one.place for one in queue] == list(range(len(queue)))
        assert queue[0].practice
    assert len({tuple(one.case for one in _main(plan, rater)) for rater in RATERS}) == 4


def test_duplicates_repeat_the_case_later_with_a_gap() -> None:
    plan = _draw(Design(duplicate_share=0.1, duplicate_gap=10))
    for rater in RATERS:
        own = {one.place: one for one in plan if one.rater == rater}
        again = [one for one in own.values() if one.duplicate_of is not None]
        assert len(again) == 3
        for one in again:
            assert one.duplicate_of is not None
            first = own[one.duplicate_of]
            assert first.case == one.case
            assert sorted(first.arms) == sorted(one.arms)
            assert first.duplicate_of is None
            assert one.place - first.place >= 10


def test_one_at_a_time_comes_back_in_periods_by_a_latin_square() -> None:
    plan = _draw(Design(shown_together=1, duplicate_share=0))
    for rater in RATERS:
        own = _main(plan, rater)
        assert Counter((one.case, one.arms) for one in own).most_common(1)[0][1] == 1
        assert len(own) == 90
        for period in range(3):
            here = Counter(one.arms[0] for one in own if one.period == period)
            assert here == {"image": 10, "other": 10, "signal": 10}
        places = [one.period for one in sorted(own, key=lambda one: one.place)]
        assert places == sorted(places)


def test_pairs_of_three_arms() -> None:
    plan = _draw(Design(shown_together=2, duplicate_share=0))
    own = _main(plan, "ann")
    pairs = Counter(tuple(sorted(one.arms)) for one in own)
    assert pairs == {tuple(pair): 30 for pair in combinations(ARMS, 2)}
    left = Counter(one.arms[0] for one in own)
    assert max(left.values()) - min(left.values()) <= 3
    drawn = _main(_draw(Design(shown_together=2, every_combination=False, duplicate_share=0)), "ann")
    assert Counter(tuple(sorted(one.arms)) for one in drawn) == {tuple(pair): 10 for pair in combinations(ARMS, 2)}


def test_k_of_n_spreads_cases_evenly() -> None:
    plan = _draw(Design(allocation="k_of_n", raters_per_case=2, duplicate_share=0))
    readers = Counter(one.case for one in plan if not one.practice)
    assert set(readers.values()) == {2}
    assert {len(_main(plan, rater)) for rater in RATERS} == {15}


def test_blocks_are_read_by_one_group_each() -> None:
    plan = _draw(Design(allocation="blocks", blocks=2, duplicate_share=0))
    sets = {rater: frozenset(one.case for one in _main(plan, rater)) for rater in RATERS}
    first, second = set(sets.values())
    assert not first & second
    assert first | second == set(CASES)
    assert sorted(Counter(sets.values()).values()) == [2, 2]


def test_the_balance_table_counts() -> None:
    rows = balance(_draw(Design()))
    assert [row["rater"] for row in rows] == RATERS
    for row in rows:
        assert (row["cases"], row["duplicates"], row["practice"], row["readings"]) == (30, 3, 1, 34)
        assert sum(int(row[f"signal@{letter}"]) for letter in "ABC") == 33


@pytest.mark.parametrize(
    ("design", "changes", "fault"),
    [
        (Design(allocation="k_of_n", raters_per_case=9), {}, "9 raters a case, but only 4"),
        (Design(allocation="blocks", blocks=9), {}, "9 blocks, but 4 raters"),
        (Design(shown_together=4), {}, "4 readings but only 3 arms"),
        (Design(), {"raters": []}, "there are none"),
    ],
)
def test_impossible_plans_are_told(design: Design, changes: dict[str, list[str]], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        _draw(design, **changes)


def test_a_wrong_design_is_told() -> None:
    with pytest.raises(InputError, match="raters_per_case belongs to the allocation k_of_n"):
        design_from_json({"allocation": "k_of_n"})
    with pytest.raises(InputError, match="washout: Extra inputs"):
        design_from_json({"washout": 3})


def test_power_grows_with_the_difference_and_keeps_its_level() -> None:
    rng = np.random.default_rng(3)
    none = power(raters=4, cases=40, rng=rng, assumed=Assumptions(difference=0.0), repeats=300)["power"]
    some = power(raters=4, cases=40, rng=rng, assumed=Assumptions(difference=0.25), repeats=200)["power"]
    much = power(raters=4, cases=40, rng=rng, assumed=Assumptions(difference=0.6), repeats=200)["power"]
    assert none <= 0.09
    assert none < some < much
    assert much > 0.95
