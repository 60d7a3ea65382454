"""Finds the claims of a text: binds attributes, numbers and leads of each sentence to what they are said of.

It reads language only; whether a claim is true is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ecgr1_core.verify.items import Item, items_of
from ecgr1_core.verify.lead_binding import bind_leads
from ecgr1_core.verify.limit_binding import join_limits
from ecgr1_core.verify.number_binding import Bound, bind_numbers, is_reference
from ecgr1_core.verify.phrases import Phrases, phrases
from ecgr1_core.verify.scope import Reach, is_copula, reaches
from ecgr1_core.verify.tokens import even, sentences, tokens
from ecgr1_core.verify.types import Mention

_CHAIN = frozenset(
    [",", "and", "&", "/", "or", "nor", "the", "as", "well", "both", "-", "interval", "duration", "intervals", "also"]
)
_LIGHT = 3  # words that may stand between an attribute and its topic


@dataclass
class Draft:
    """A claim being put together from the items of one sentence: `at` is the item that decides its place."""

    kind: str
    items: tuple[int, ...]
    at: int
    number: Bound | None = None
    needs_leads: bool = True


def find(text: str) -> tuple[Mention, ...]:
    """Return the claims of a text in its order; offsets are into the text as given. Any text is allowed."""
    plain, table = even(text), phrases()
    found: list[Mention] = []
    for start, end in sentences(plain):
        items = items_of(tokens(plain, start, end), table)
        if any(item.says or item.kind == "number" for item in items):
            found += _sentence(items, table)
    unique = {(one.start, one.end, one.kind, one.leads, one.negated, one.amount, one.limits): one for one in found}
    return tuple(sorted(unique.values(), key=lambda one: (one.start, one.end, one.kind)))


def _sentence(items: Sequence[Item], table: Phrases) -> list[Mention]:
    reach = reaches(items)
    if all(one.left_out for one in reach):
        return []
    drafts, bound = _attributes(items, reach, table)
    drafts += _findings(items)
    drafts += _existing(items, reach, table, bound)
    drafts += [
        Draft(one.kind, one.items, one.at, one, not one.leads)
        for one in join_limits(items, bind_numbers(items, reach, table))
        if not reach[one.at].left_out
    ]
    drafts = [draft for draft in drafts if not any(reach[at].left_out for at in draft.items)]
    drafts.sort(key=lambda draft: draft.at)
    leads = bind_leads(items, reach, [(draft.at, min(draft.items)) for draft in drafts])
    return [_mention(items, reach, draft, *own) for draft, own in zip(drafts, leads, strict=True)]


def _mention(
    items: Sequence[Item],
    reach: Sequence[Reach],
    draft: Draft,
    leads: tuple[str, ...],
    unrecorded: tuple[str, ...],
    wall: bool,
) -> Mention:
    chosen = [items[at] for at in draft.items]
    start, end = min(item.start for item in chosen), max(item.end for item in chosen)
    clause = [item for item, one in zip(items, reach, strict=True) if one.clause == reach[draft.at].clause]
    cues = frozenset[str]().union(*(item.cues for item in clause))
    kind, negated = draft.kind, any(reach[at].negated for at in draft.items)
    if kind.startswith("!"):
        kind, negated = kind[1:], not negated
    mention = Mention(
        start,
        end,
        kind,
        leads=leads,
        unrecorded=unrecorded,
        negated=negated,
        hedged=any(reach[at].hedged for at in draft.items),
        contiguous="contiguous" in cues,
        dominant="dominant" in cues,
        diffuse="diffuse" in cues,
        wall=wall,
    )
    if draft.number is None:
        return mention
    number = draft.number
    return replace(
        mention,
        amount=number.amount,
        negated=False,
        leads=number.leads or mention.leads,
        parts=number.parts,
        limits=number.limits,
    )


def _findings(items: Sequence[Item]) -> list[Draft]:
    found = [Draft(item.row, (at,), at) for at, item in enumerate(items) if item.kind == "finding"]
    shapes = [Draft(f"shape.{item.row}", (at,), at) for at, item in enumerate(items) if item.kind == "shape"]
    return found + (shapes if any(item.kind == "leads" for item in items) else [])


def _existing(items: Sequence[Item], reach: Sequence[Reach], table: Phrases, bound: set[int]) -> list[Draft]:
    """Return the claims that a topic makes by being named: "Q waves in II", "no P waves"."""
    found = []
    for at, item in enumerate(items):
        if item.kind != "topic":
            continue
        topic = table.topics[item.row]
        if item.row == "transition" and any(one.kind == "leads" for one in items[at:]):
            found.append(Draft("transition", (at,), at))
        kind = topic.exists or (topic.denied if reach[at].negated else None)
        if kind is None or at in bound or _is_share(items, at):
            continue
        found.append(Draft(kind, (at,), at))
    return found


def _attributes(items: Sequence[Item], reach: Sequence[Reach], table: Phrases) -> tuple[list[Draft], set[int]]:
    """Return the claims that attributes make of their topics, and the topics that have got one."""
    found: list[Draft] = []
    bound: set[int] = set()
    for at, item in enumerate(items):
        if item.kind != "attribute" or reach[at].left_out or is_reference(items, at) or _is_dimension(items, at):
            continue
        chosen = _topics_of(items, reach, at, table, bound)
        if not chosen and item.text in ("regular", "irregular", "regularly", "irregularly"):
            found.append(Draft(f"regularity.{item.row}", (at,), at))
        for topic in chosen:
            kind = table.topics[items[topic].row].attributes[item.row]
            found.append(Draft(kind, (topic, at) if abs(topic - at) < 14 else (at,), max(topic, at)))
            bound.add(topic)
    return found, bound


def _is_share(items: Sequence[Item], at: int) -> bool:
    """Whether the topic is only compared with another wave: "ST elevation of 25 % of S"."""
    following = next((item for item in items[at + 1 : at + 4] if item.number is not None), None)
    return (
        following is not None and following.number is not None and following.number.unit == "" and "%" in following.text
    )


def _is_dimension(items: Sequence[Item], at: int) -> bool:
    """Whether the attribute only names what a number before it measures: "0.12 mV (1.2 mm) high"."""
    before = at - 1
    while before >= 0 and items[before].text in (")", "in"):
        before -= 1
    return before >= 0 and items[before].number is not None and items[at].row in ("tall", "wide", "deep", "long")


def _topics_of(items: Sequence[Item], reach: Sequence[Reach], at: int, table: Phrases, bound: set[int]) -> list[int]:
    """Return the topics that the attribute at `at` is said of, in order; `bound` have an attribute already."""
    row = items[at].row

    def fits(index: int | None) -> bool:
        return index is not None and items[index].kind == "topic" and row in table.topics[items[index].row].attributes

    def shared(chain: Sequence[int], last: int) -> list[int]:
        return [one for one in chain if fits(one) and reach[one].negated == reach[last].negated]

    before = _previous_topic(items, reach, at)
    after = _next_topic(items, reach, at)
    touching = before is not None and _touches(items, before, at)
    linked = before is not None and _linked(items, at)
    if before is not None and fits(before) and (touching or linked):
        return shared(_chain_back(items, before), before)
    if after is not None and fits(after):
        return [one for one in _chain_on(items, after) if fits(one)]
    if before is not None and fits(before) and not _is_aside(items, reach, before, at, bound):
        return shared(_chain_back(items, before), before)
    if after is None and before is None:
        earlier = [index for index in range(at) if items[index].kind == "topic"]
        return [earlier[-1]] if earlier and fits(earlier[-1]) else []
    return []


def _is_aside(items: Sequence[Item], reach: Sequence[Reach], before: int, at: int, bound: set[int]) -> bool:
    """Whether an attribute behind a comma may be said of something earlier than the nearest topic."""
    if before in bound or all(item.text != "," for item in items[before:at]):
        return False
    earlier = zip(items[:before], reach[:before], strict=True)
    return any(one.kind in ("topic", "finding") and its.clause == reach[at].clause for one, its in earlier)


def _previous_topic(items: Sequence[Item], reach: Sequence[Reach], at: int) -> int | None:
    """Return the nearest topic before, in the same clause, with nothing else said between that ends it."""
    for index in range(at - 1, -1, -1):
        if reach[index].clause != reach[at].clause:
            return None
        if items[index].kind == "topic":
            return index
        if items[index].kind == "finding" and not any(is_copula(one) for one in items[index:at]):
            return None
    return None


def _next_topic(items: Sequence[Item], reach: Sequence[Reach], at: int) -> int | None:
    """Return the topic that the attribute stands before: only attributes, light words and commas between."""
    words = 0
    for index in range(at + 1, len(items)):
        item = items[index]
        if reach[index].clause != reach[at].clause or item.depth != items[at].depth:
            return None
        if item.kind == "topic":
            return index
        if item.kind == "attribute":
            continue
        words += 1
        blocked = (
            is_copula(item)
            or item.kind in ("finding", "number", "leads", "sum")
            or item.text in (".", ";", ":", "with", "in", "(", ",")
        )
        if blocked or words > _LIGHT:
            return None
    return None


def _touches(items: Sequence[Item], before: int, at: int) -> bool:
    """Whether the attribute belongs to the noun itself: "ST elevation", "axis deviation", "QRS narrow"."""
    between = items[before + 1 : at]
    return all(
        item.text in ("-", ":", "segment", "of", "=", "or", "and") or item.kind == "attribute" for item in between
    )


def _linked(items: Sequence[Item], at: int) -> bool:
    """Whether a verb before the attribute makes it a statement about what stands before."""
    for item in reversed(items[max(0, at - 6) : at]):
        if is_copula(item):
            return True
        if item.says and item.kind != "attribute":
            return False
        if item.kind in ("leads", "number") or item.text == ",":
            return False
    return False


def _chain_back(items: Sequence[Item], topic: int) -> list[int]:
    """Return the topics that share what is said of the last one: "PR, QRS and QT intervals are normal"."""
    chain, index = [topic], topic - 1
    while index >= 0 and (items[index].text in _CHAIN or items[index].kind == "topic"):
        if items[index].kind == "topic":
            chain.insert(0, index)
        index -= 1
    if index >= 0 and items[index].kind == "attribute" and len(chain) > 1:
        return [topic]
    return chain


def _chain_on(items: Sequence[Item], topic: int) -> list[int]:
    """Return the topics that share the attribute before the first: "normal PR, QRS and QT intervals"."""
    chain, index = [topic], topic + 1
    while index < len(items) and (items[index].text in _CHAIN or items[index].kind == "topic"):
        if items[index].kind == "topic":
            chain.append(index)
        index += 1
    if len(chain) > 1 and index < len(items):
        following = items[index]
        own = (
            following.kind in ("number", "attribute")
            or is_copula(following)
            or following.text in ("of", "=", ":", "measures")
        )
        if own:  # what follows belongs to the last topic, which so has a statement of its own
            chain = chain[:-1]
    return chain
