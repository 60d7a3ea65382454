"""Draws the plan of a study: which rater reads which case when, and which arm stands under which letter.

Everything random comes from the generator that is passed in, so the same design and seed give the same plan. It works
on names and knows no database; the balance table shows what the draw gave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import TypeVar

import numpy as np

from annotations.design import Design
from ecgr1_core.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class PlannedReading:
    """One reading of one rater: `arms` from left to right, `place` in the rater's queue from 0.

    `duplicate_of` is the place of the reading that it repeats, None for all others.
    """

    rater: str
    place: int
    case: str
    arms: tuple[str, ...]
    period: int = 0
    practice: bool = False
    duplicate_of: int | None = None


def draw(
    design: Design,
    *,
    cases: Sequence[str],
    practice: Sequence[str],
    arms: Sequence[str],
    raters: Sequence[str],
    rng: np.random.Generator,
) -> tuple[PlannedReading, ...]:
    """Return the readings of all raters, each rater's in the order of the queue.

    Practice cases come first, in the order given. `InputError` where the numbers cannot be met.
    """
    for what, found in (("cases", cases), ("arms", arms), ("raters", raters)):
        if not found:
            raise InputError(what, "there are none", "add some before the plan is drawn")
    whose = _cases_of_raters(design, list(cases), list(raters), rng)
    combos = list(combinations(arms, design.together(len(arms))))
    plan: list[PlannedReading] = []
    for number, rater in enumerate(raters):
        queue = _main_queue(design, rater, number, whose[rater], combos, rng)
        queue = _with_duplicates(design, queue, rng)
        warm_up = [
            PlannedReading(rater, 0, case, _shuffled(combos[index % len(combos)], rng), practice=True)
            for index, case in enumerate(practice)
        ]
        plan += _numbered(warm_up + queue, len(warm_up))
    return tuple(plan)


def balance(plan: Sequence[PlannedReading]) -> list[dict[str, int | str]]:
    """Return one row for each rater: readings, cases, duplicates, practice, and how often each arm stood where.

    Columns `ARM@A`, `ARM@B`, … count the letters of an arm, `ARM@period 1`, … its periods, both without practice.
    """
    rows: list[dict[str, int | str]] = []
    names = sorted({arm for one in plan for arm in one.arms})
    letters = sorted({letter for one in plan for letter in _letters(one)})
    periods = sorted({one.period for one in plan})
    for rater in sorted({one.rater for one in plan}):
        own = [one for one in plan if one.rater == rater]
        main = [one for one in own if not one.practice]
        at = Counter((arm, letter) for one in main for arm, letter in zip(one.arms, _letters(one), strict=True))
        when = Counter((arm, one.period) for one in main for arm in one.arms)
        row: dict[str, int | str] = {
            "rater": rater,
            "readings": len(own),
            "cases": len({one.case for one in main}),
            "duplicates": sum(one.duplicate_of is not None for one in own),
            "practice": len(own) - len(main),
        }
        row |= {f"{arm}@{letter}": at[arm, letter] for arm in names for letter in letters}
        if len(periods) > 1:
            row |= {f"{arm}@period {period + 1}": when[arm, period] for arm in names for period in periods}
        rows.append(row)
    return rows


def _cases_of_raters(
    design: Design, cases: list[str], raters: list[str], rng: np.random.Generator
) -> dict[str, list[str]]:
    if design.allocation == "k_of_n":
        return _k_of_n(cases, raters, design.raters_per_case or 0, rng)
    if design.allocation == "blocks":
        return _blocks(cases, raters, design.blocks or 0, rng)
    return {rater: list(cases) for rater in raters}


def _k_of_n(cases: list[str], raters: list[str], k: int, rng: np.random.Generator) -> dict[str, list[str]]:
    """Give every case to the k raters who have the fewest so far, ties drawn: loads differ by one at most."""
    if k > len(raters):
        raise InputError("raters_per_case", f"{k} raters a case, but only {len(raters)}", "name more raters")
    own: dict[str, list[str]] = {rater: [] for rater in raters}
    for case in _shuffled(cases, rng):
        ties = dict(zip(raters, rng.permutation(len(raters)).tolist(), strict=True))
        for rater in sorted(raters, key=lambda one: (len(own[one]), ties[one]))[:k]:
            own[rater].append(case)
    return own


def _blocks(cases: list[str], raters: list[str], blocks: int, rng: np.random.Generator) -> dict[str, list[str]]:
    """Split cases and raters into as many groups; each group of raters reads its block of cases (split plot)."""
    if blocks > min(len(raters), len(cases)):
        raise InputError("blocks", f"{blocks} blocks, but {len(raters)} raters and {len(cases)} cases", "give fewer")
    shuffled, groups = _shuffled(cases, rng), _shuffled(raters, rng)
    return {rater: list(shuffled[index % blocks :: blocks]) for index, rater in enumerate(groups)}


def _main_queue(
    design: Design,
    rater: str,
    number: int,
    cases: list[str],
    combos: list[tuple[str, ...]],
    rng: np.random.Generator,
) -> list[PlannedReading]:
    """Return a rater's readings: in every period each case once, the combinations by a cyclic Latin square."""
    periods = len(combos) if design.every_combination else 1
    start = {case: rank + number for rank, case in enumerate(_shuffled(cases, rng))}
    places: dict[tuple[str, ...], list[tuple[str, ...]]] = {combo: [] for combo in combos}
    queue: list[PlannedReading] = []
    for period in range(periods):
        for case in _shuffled(cases, rng):
            combo = combos[(start[case] + period) % len(combos)]
            if not places[combo]:  # every order of the arms once before any of them again
                places[combo] = list(_shuffled(list(permutations(combo)), rng))
            queue.append(PlannedReading(rater, 0, case, places[combo].pop(), period=period))
    return queue


def _with_duplicates(design: Design, queue: list[PlannedReading], rng: np.random.Generator) -> list[PlannedReading]:
    """Repeat some readings of each period later in the same period, the arms in a newly drawn order.

    Only readings that leave room for the gap are repeated, as long as there are enough; otherwise the earliest.
    """
    result: list[PlannedReading] = []
    for period in sorted({one.period for one in queue}):
        own = [one for one in queue if one.period == period]
        wanted = round(design.duplicate_share * len(own)) if period == 0 else 0
        room = max(wanted, len(own) - design.duplicate_gap)
        chosen = sorted(rng.choice(min(room, len(own)), size=wanted, replace=False).tolist())
        keyed = [(float(index), one) for index, one in enumerate(own)]
        for index in chosen:
            earliest = min(index + design.duplicate_gap, len(own) - 1)
            at = float(rng.integers(earliest, len(own))) + 0.5 + float(rng.random()) * 0.4
            again = replace(own[index], arms=_shuffled(own[index].arms, rng), duplicate_of=index)
            keyed.append((at, again))
        offset = len(result)
        result += _linked([one for _, one in sorted(keyed, key=lambda pair: pair[0])], own, offset)
    return result


def _linked(readings: list[PlannedReading], own: list[PlannedReading], offset: int) -> list[PlannedReading]:
    """Turn `duplicate_of` from a place among `own` into a place in the queue."""
    place = {one.case: offset + index for index, one in enumerate(readings) if one.duplicate_of is None}
    return [
        one if one.duplicate_of is None else replace(one, duplicate_of=place[own[one.duplicate_of].case])
        for one in readings
    ]


def _numbered(queue: list[PlannedReading], shift: int) -> list[PlannedReading]:
    return [
        replace(one, place=place, duplicate_of=None if one.duplicate_of is None else one.duplicate_of + shift)
        for place, one in enumerate(queue)
    ]


def _letters(one: PlannedReading) -> list[str]:
    return ["ABCDEF"[index] for index in range(len(one.arms))]


def _shuffled(items: Sequence[T], rng: np.random.Generator) -> tuple[T, ...]:
    return tuple(items[index] for index in rng.permutation(len(items)).tolist())
