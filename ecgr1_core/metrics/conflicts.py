"""Whether two claims, each of another reading, can be true of one ECG together.

Claims are found by `verify`, numbers are compared with its tolerances and the protocol's limits,
kinds that exclude each other are in `exclusive.toml`. Which of the two is right is not asked here.
"""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ecgr1_core.protocol.limits import limits
from ecgr1_core.verify.phrases import kinds_of_claims
from ecgr1_core.verify.tolerances import Tolerance, tolerances
from ecgr1_core.verify.trace import degrees_apart, in_arc
from ecgr1_core.verify.types import Amount, Mention

_TOLERANCE_OF = {
    "qrs_axis": "axis",
    "qtc_bazett": "qtc",
    "qtc_fridericia": "qtc",
    "qtc_framingham": "qtc",
    "qtc_hodges": "qtc",
    "p_negative_amplitude": "p_amplitude",
    "u_amplitude": "p_amplitude",
    "st_elevation": "st",
    "st_depression": "st",
}
_MEASURED = {  # the kinds of numbers that are of the measurement to which a wording's limits belong
    "heart_rate_bpm": ("heart_rate",),
    "pr_interval_ms": ("pr",),
    "qrs_duration_ms": ("qrs_duration",),
    "p_duration_ms": ("p_duration",),
    "qrs_axis_deg": ("qrs_axis",),
}
_GENERAL = {"qrs.bbb": ("qrs.lbbb", "qrs.rbbb", "qrs.ilbbb", "qrs.irbbb")}
_OTHER = Tolerance(0.0, 0.2, "amplitudes and sums of them, as read off paper")


@dataclass(frozen=True)
class Conflict:
    """Two claims that cannot both be true, and why, in words for people."""

    left: Mention
    right: Mention
    why: str


def conflicts(left: Sequence[Mention], right: Sequence[Mention]) -> tuple[Conflict, ...]:
    """Return every pair of claims, one of each side, that cannot both be true.

    A claim that is hedged ("possible", "cannot be excluded") contradicts nothing.
    """
    firm = [[mention for mention in side if not mention.hedged] for side in (left, right)]
    return tuple(
        Conflict(one, other, why)
        for one, other in itertools.product(*firm)
        if (why := _why(one, other)) is not None
    )  # fmt: skip


def alike(left: Mention, right: Mention) -> bool:
    """Whether two claims say the same: kind, denial, leads, and a number within the tolerance of that kind."""
    same = (left.kind, left.negated, left.hedged, left.leads) == (right.kind, right.negated, right.hedged, right.leads)
    same = same and set(left.parts) == set(right.parts)
    if not same or (left.amount is None) != (right.amount is None):
        return False
    return left.amount is None or right.amount is None or not _apart(left.kind, left.amount, right.amount)


def _why(left: Mention, right: Mention) -> str | None:
    if left.kind == right.kind:
        if not _share_leads(left, right) or set(left.parts) != set(right.parts):
            return None  # S V1 + R V5 is another sum of waves than R aVL + S V3
        if left.amount is not None and right.amount is not None:
            both_said = not left.negated and not right.negated
            apart = both_said and _apart(left.kind, left.amount, right.amount)
            return f"{_words(left.amount)} against {_words(right.amount)}" if apart else None
        if left.amount is None and right.amount is None and left.negated != right.negated:
            return "one says it, the other denies it"
        return None
    for one, other in ((left, right), (right, left)):
        if one.negated and not other.negated and _is_any_of(one.kind, other.kind) and _share_leads(one, other):
            return "one denies every kind of it"
    if left.negated or right.negated:
        return None
    for one, other in ((left, right), (right, left)):
        if one.amount is not None and other.amount is None and (words := _outside(one.kind, one.amount, other.kind)):
            return words
    for group in _groups():
        first, second = group.sets.get(left.kind), group.sets.get(right.kind)
        if first is None or second is None or first & second:
            continue
        if not group.by_lead or _share_leads(left, right):
            return f"{group.name}: they exclude each other"
    return None


def _is_any_of(general: str, kind: str) -> bool:
    """Whether a kind is one of those that a general kind ("av_block.any", "qrs.bbb") stands for."""
    return kind in _GENERAL[general] if general in _GENERAL else (
        general.endswith(".any") and kind != general and kind.startswith(general.removesuffix("any"))
    )  # fmt: skip


def _outside(kind: str, amount: Amount, wording: str) -> str | None:
    """Return why a number cannot be what a wording means ("PR 162 ms", "PR is long"), None where it can."""
    category = tolerances().category.get(wording)
    if category is None or amount.form != "value" or kind not in _MEASURED.get(category.measurement, ()):
        return None
    above, below = (
        float(getattr(limits(), limit)) if isinstance(limit, str) else limit
        for limit in (category.above, category.below)
    )
    error = tolerances().error[category.error]
    low, high = _low(amount), _high(amount)
    if amount.unit == "deg" and above is not None and below is not None:
        outside = low == high and in_arc(low, above, below) < -error
    else:
        outside = (above is not None and high < above - error) or (below is not None and low > below + error)
    return f"{_words(amount)} is not {category.words}" if outside else None


def _share_leads(left: Mention, right: Mention) -> bool:
    return not left.leads or not right.leads or bool(set(left.leads) & set(right.leads))


def _apart(kind: str, left: Amount, right: Amount) -> bool:
    """Whether two amounts lie further from each other than the tolerance of that kind of number."""
    if left.unit != right.unit:
        return False
    row = tolerances().value.get(_TOLERANCE_OF.get(kind, kind), _OTHER)
    size = max((abs(value) for one in (left, right) for value in (one.low, one.high) if value is not None), default=0.0)
    allowed = row.around(size, approximate=left.approximate or right.approximate)
    if left.unit == "deg" and None not in (left.low, right.low) and left.low == left.high and right.low == right.high:
        assert left.low is not None
        assert right.low is not None
        return degrees_apart(left.low, right.low) > allowed
    gap = max(_low(left) - _high(right), _low(right) - _high(left))
    return gap > allowed + 1e-9


def _low(amount: Amount) -> float:
    return -math.inf if amount.low is None else amount.low


def _high(amount: Amount) -> float:
    return math.inf if amount.high is None else amount.high


def _words(amount: Amount) -> str:
    unit = {"deg": "°"}.get(amount.unit, f" {amount.unit}")
    if amount.low is None:
        return f"at most {amount.high:g}{unit}"
    if amount.high is None:
        return f"at least {amount.low:g}{unit}"
    if amount.low == amount.high:
        return f"{amount.low:g}{unit}"
    return f"{amount.low:g}–{amount.high:g}{unit}"


@dataclass(frozen=True)
class _Group:
    name: str
    by_lead: bool
    sets: dict[str, frozenset[int]]


@cache
def _groups() -> tuple[_Group, ...]:
    """Return the table; ValueError where it names a kind that no claim has."""
    table = tomllib.loads((files("ecgr1_core.metrics") / "exclusive.toml").read_text(encoding="utf-8"))
    groups = []
    for row in table["group"]:
        sets: dict[str, set[int]] = {}
        for number, kinds in enumerate(row["sets"]):
            for kind in kinds:
                if kind not in kinds_of_claims():
                    raise ValueError(f"exclusive.toml: no claim is of the kind {kind!r}")
                sets.setdefault(kind, set()).add(number)
        by_kind = {kind: frozenset(numbers) for kind, numbers in sets.items()}
        groups.append(_Group(row["name"], row.get("by_lead", False), by_kind))
    return tuple(groups)
