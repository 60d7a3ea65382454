"""Binds the lead lists of a sentence to its claims: a list after a claim belongs to it and to those that share it."""

from __future__ import annotations

from collections.abc import Sequence

from ecgr1_core.verify.items import Item
from ecgr1_core.verify.scope import Reach, is_copula

_SUBJECT_VERBS = frozenset([
    "show", "shows", "has", "have", "exhibit", "exhibits", "demonstrate", "demonstrates", "display",
    "displays", "reveal", "reveals", "with", "showing", ":", "is", "are", "was", "were", "remains", "lacks",
])  # fmt: skip
_BEFORE = frozenset(
    [
        "in",
        "over",
        "across",
        "throughout",
        "leads",
        "lead",
        "(",
        "at",
        "from",
        "involving",
        "of",
        "for",
        "on",
        "to",
        ":",
        "the",
        "both",
    ]
)

Leads = tuple[tuple[str, ...], tuple[str, ...], bool]


def bind_leads(items: Sequence[Item], reach: Sequence[Reach], claims: Sequence[tuple[int, int]]) -> list[Leads]:
    """Return (leads, unrecorded leads, whether a wall) of each claim; `claims` are (place, first item), in order.

    A list after claims is that of all claims since the last list; a list before them, as a subject or wall, is theirs
    where none follows. What one clause says of a list carries over to the next only where that has none.
    """
    found: list[Leads] = [((), (), False)] * len(claims)
    waiting: list[int] = []
    ahead: Leads = ((), (), False)
    places: dict[int, list[int]] = {}
    for number, (place, _) in enumerate(claims):
        places.setdefault(place, []).append(number)
    clause = reach[0].clause if reach else 0
    for at, item in enumerate(items):
        if reach[at].clause != clause:
            clause, waiting = reach[at].clause, []
        if item.kind == "leads":
            own: Leads = (item.leads, item.unrecorded, item.group and len(item.leads) <= 6)
            if waiting and not _is_subject(items, at, found, waiting):
                for number in waiting:
                    if not (found[number][0] and _new_statement(items, claims[number][0], at)):
                        found[number] = own
                shape_follows = at + 1 < len(items) and items[at + 1].kind == "shape"
                waiting, ahead = [], own if shape_follows else ((), (), False)
            else:
                ahead, waiting = own, []
        for number in places.get(at, ()):
            found[number] = ahead
            waiting.append(number)
    return found


def _new_statement(items: Sequence[Item], claim: int, at: int) -> bool:
    """Whether what follows a claim that has its leads is said of something else: "II is free of Q, with Q in III"."""
    return any(item.text == "with" or is_copula(item) for item in items[claim + 1 : at])


def _is_subject(items: Sequence[Item], at: int, found: Sequence[Leads], waiting: Sequence[int]) -> bool:
    """Whether a lead list begins a statement of its own ("…, V5 shows …") or is the wall of what follows."""
    item = items[at]
    following = items[at + 1].text if at + 1 < len(items) else ""
    before = items[at - 1].text if at else ""
    if following in _SUBJECT_VERBS and before not in ("in", "(", "over", "across"):
        return following != "with" or before in (",", "and", ";")
    if (
        item.group
        and at + 1 < len(items)
        and items[at + 1].says
        and before not in ("in", "over", "across", "throughout")
    ):
        return True
    return any(found[number][0] for number in waiting) and before not in _BEFORE
