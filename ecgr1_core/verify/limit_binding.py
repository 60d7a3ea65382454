"""Joins a comparison with the value that it is said of: "PR 162 ms, within 120–200 ms" claims one thing, not two.

It knows only what `number_binding` has bound; whether value and limit are true is for the judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecgr1_core.verify.items import Item
from ecgr1_core.verify.number_binding import Bound


def join_limits(items: Sequence[Item], bounds: Sequence[Bound]) -> list[Bound]:
    """Return the numbers of a sentence, in order, where every limit or range that is said of a value is part of it.

    A limit belongs to the nearest value before it that measures the same in the same leads, as long as nothing else is
    named between, but in brackets ("QTc 431 ms (Bazett) and 426 ms (Fridericia), above 440 ms but below 450 ms"); or to
    the value in the bracket right behind it ("not above 210 ms (202 ms)"); or to every value of the list that a colon
    behind it begins ("at least 0.1 mV: V4 0.2 mV, V5 0.3 mV"). Any other limit is a claim of its own.
    """
    found: list[Bound] = []
    ahead: Bound | None = None  # a limit that values behind it may take up
    for bound in sorted(bounds, key=lambda one: one.at):
        if ahead is not None and _takes_up(items, ahead, bound):
            if found[-1] is ahead:
                found.pop()
            found.append(_joined(bound, ahead))
            continue
        at = _value_of(items, found, bound)
        if at is None:
            found.append(bound)
        else:
            found[at] = _joined(found[at], bound)
        ahead = bound if at is None and bound.amount.form == "limit" else None
    return found


def _value_of(items: Sequence[Item], found: Sequence[Bound], limit: Bound) -> int | None:
    """Return the index in `found` of the value that `limit` is said of; None for a value or a limit of its own."""
    ranged = limit.amount.form == "value" and limit.amount.low != limit.amount.high
    if limit.amount.form == "value" and not ranged:
        return None
    for index in range(len(found) - 1, -1, -1):
        value = found[index]
        if _another_named(items, value, limit):
            return None
        is_value = value.amount.form == "value" and (not ranged or value.amount.low == value.amount.high)
        if is_value and _measure_the_same(value, limit) and limit.leads in ((), value.leads):
            return index
    return None


def _takes_up(items: Sequence[Item], limit: Bound, value: Bound) -> bool:
    """Whether a limit before it is said of the value: right behind it in a bracket, or in the list behind a colon."""
    if value.amount.form != "value" or not _measure_the_same(value, limit) or _another_named(items, limit, value):
        return False
    in_bracket = value.at == limit.at + 2 and items[limit.at + 1].text == "("
    return in_bracket or _after_brackets(items, limit.at) == ":"


def _after_brackets(items: Sequence[Item], at: int) -> str:
    """Return the text of the first item behind the one at `at` that stands outside brackets; "" at the end."""
    depth = items[at].depth
    return next((one.text for one in items[at + 1 :] if one.depth <= depth and one.text not in ("(", ")")), "")


def _another_named(items: Sequence[Item], first: Bound, second: Bound) -> bool:
    """Whether anything but what `first` measures is named between two numbers, or a statement ends there."""
    depth = max(items[first.at].depth, items[second.at].depth)
    own = {items[at].row for at in first.items if items[at].kind == "topic"}
    for one in items[first.at + 1 : second.at]:
        if one.depth > depth:
            continue
        named = one.kind in ("topic", "sum", "finding", "shape") and not one.row.startswith("qtc_")
        if (named and one.row not in own) or one.text in (".", ";"):
            return True
    return False


def _measure_the_same(value: Bound, limit: Bound) -> bool:
    of_qtc = value.kind.startswith("qtc") and limit.kind in ("qtc", value.kind)
    return (value.kind == limit.kind or of_qtc) and value.parts == limit.parts


def _joined(value: Bound, limit: Bound) -> Bound:
    own = tuple(dict.fromkeys((*value.items, *limit.items)))
    return replace(value, items=own, limits=(*value.limits, (limit.kind, limit.amount)))
