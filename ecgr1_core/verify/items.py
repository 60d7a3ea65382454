"""From tokens to items: what in a sentence is a topic, an attribute, a finding, a lead list, a number or a cue.

It does not decide what belongs to what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ecgr1_core.verify import leads as lead_words
from ecgr1_core.verify import numbers
from ecgr1_core.verify.phrases import Phrase, Phrases
from ecgr1_core.verify.tokens import Token

Kind = Literal["finding", "topic", "attribute", "leads", "number", "sum", "shape", "sign", "word"]
_SHAPES = frozenset([
    "QS", "qs", "qR", "QR", "Qr", "qRs", "qRS", "QRs", "rS", "Rs", "RS", "rs", "rsr'", "rSr'", "rSR'", "rsR'",
    "RSR'", "RsR'", "Rsr'", "RSr'", "rR'", "RR'", "rSR", "rsR", "RSR",
])  # fmt: skip
_OPEN, _CLOSE = "([{", ")]}"
_PLUS = ("+", "plus")
_TOTALS = ("sum", "total", "totalling", "totaling", "together")


@dataclass(slots=True)  # never changed; frozen ones are made at half the speed
class Item:
    """A stretch of a sentence with one meaning; `row` is its row of the table, `cues` how it changes others.

    `depth` counts the brackets around it. `leads` and `unrecorded` of a lead list (`group` when named by a wall),
    `number` of a number, `parts` of a sum of waves.
    """

    kind: Kind
    text: str
    start: int
    end: int
    depth: int = 0
    row: str = ""
    cues: frozenset[str] = frozenset()
    leads: tuple[str, ...] = ()
    unrecorded: tuple[str, ...] = ()
    group: bool = False
    number: numbers.Number | None = None
    parts: tuple[tuple[str, str], ...] = ()

    @property
    def says(self) -> bool:
        """Whether it can be part of a claim."""
        return self.kind in ("finding", "topic", "attribute", "shape", "sum")


def items_of(tokens: Sequence[Token], table: Phrases) -> list[Item]:
    """Return the items of one sentence in order; every token is in exactly one of them."""
    found: list[Item] = []
    index, depth = 0, 0
    between = False
    while index < len(tokens):
        token = tokens[index]
        if token.text in _CLOSE:
            depth = max(0, depth - 1)
        item, after = _item_at(tokens, index, table, between, depth)
        between = "between" in item.cues or (between and item.kind == "word")
        found.append(item)
        if token.text in _OPEN:
            depth += 1
        index = after
    return _sums(_joined_leads(found))


def _item_at(tokens: Sequence[Token], index: int, table: Phrases, between: bool, depth: int) -> tuple[Item, int]:
    token = tokens[index]
    if token.kind == "word" and token.raw in _SHAPES:
        return _of("shape", tokens, index, index + 1, depth, row=token.raw), index + 1
    hit = table.longest(tokens, index)
    said = lead_words.read_list(tokens, index)
    if said is not None and not (hit is not None and hit[0][0].table == "finding"):
        leads, unrecorded, after = said
        return _of("leads", tokens, index, after, depth, leads=leads, unrecorded=unrecorded), after
    if hit is not None:
        return _phrase(tokens, index, hit, table, depth), hit[1]
    number = numbers.number_at(tokens, index)
    if number is not None:
        number = numbers.and_number(tokens, number) if between else number
        return _of("number", tokens, index, number.end, depth, number=number), number.end
    wave = lead_words.wave_lead_at(tokens, index)
    if wave is not None:
        return _of("sum", tokens, index, index + 1, depth, parts=(wave,)), index + 1
    return _of("sign" if token.kind == "sign" else "word", tokens, index, index + 1, depth), index + 1


def _of(kind: Kind, tokens: Sequence[Token], index: int, after: int, depth: int, **more: object) -> Item:
    text = " ".join(token.text for token in tokens[index:after])
    return Item(kind, text, tokens[index].start, tokens[after - 1].end, depth, **more)  # type: ignore[arg-type]


def _phrase(
    tokens: Sequence[Token], index: int, hit: tuple[tuple[Phrase, ...], int], table: Phrases, depth: int
) -> Item:
    meanings, after = hit
    cues = frozenset(phrase.row for phrase in meanings if phrase.table == "cue")
    named = next((phrase for phrase in meanings if phrase.table != "cue"), None)
    if named is None:
        return _of("word", tokens, index, after, depth, cues=cues)
    if named.table == "group":
        return _of("leads", tokens, index, after, depth, leads=table.groups[named.row], group=True, cues=cues)
    kinds: dict[str, Kind] = {"finding": "finding", "topic": "topic", "attribute": "attribute"}
    return _of(kinds[named.table], tokens, index, after, depth, row=named.row, cues=cues)


def _joined_leads(items: list[Item]) -> list[Item]:
    """Join lead lists that follow each other: a wall with its leads named means these, two walls mean both."""
    found: list[Item] = []
    index = 0
    while index < len(items):
        item = items[index]
        while item.kind == "leads":
            after = index + 1
            while after < len(items) and items[after].text in (
                "(",
                ",",
                "and",
                "or",
                "lead",
                "leads",
                "&",
                "/",
                "in",
                "-",
                "wall",
                "the",
            ):
                after += 1
            if after >= len(items) or items[after].kind != "leads":
                break
            other = items[after]
            between = {one.text for one in items[index + 1 : after]}
            if between & {"in", "("} and not item.group:
                break
            if item.group and not other.group and not between & {"and", "or", "&"}:
                item = replace(other, start=item.start, depth=item.depth)
            else:
                item = replace(
                    item,
                    end=other.end,
                    leads=lead_words.ordered((*item.leads, *other.leads)),
                    unrecorded=item.unrecorded + other.unrecorded,
                    group=item.group and other.group,
                )
            index = after
        found.append(item)
        index += 1
    return found


def _sums(items: list[Item]) -> list[Item]:
    """Put a sum where two waves are added: "S V1 + R V5", "S in V1 (9 mm) plus R in V5 (15 mm)", "…, sum 24 mm".

    Waves with values of their own stay, and the sum stands behind them.
    """
    found: list[Item] = []
    waves: list[tuple[str, str]] = []
    index, announced = 0, False
    while index < len(items):
        item = items[index]
        announced = announced or item.text in _TOTALS
        first = _wave_at(items, index)
        plus = _behind_value(items, first[1]) if first is not None else index
        joined = plus < len(items) and (items[plus].text in _PLUS or (announced and items[plus].text == "and"))
        second = _wave_at(items, plus + 1) if first is not None and joined else None
        if first is not None and second is not None:
            end = _behind_value(items, second[1], last=True)
            total = _sum_of(items[index], items[second[1] - 1], (*first[0], *second[0]))
            values = plus > first[1] or end > second[1]
            found += [*items[index:end], total] if values else [total]
            index, waves = end if values else second[1], []
            continue
        if first is not None:
            waves += first[0]
        if item.text in _TOTALS and len(waves) > 1 and any(one.number is not None for one in items[index : index + 4]):
            found.append(_sum_of(item, item, (waves[-2], waves[-1])))
            index, waves = index + 1, []
            continue
        found.append(item)
        index += 1
    return found


def _sum_of(first: Item, last: Item, parts: tuple[tuple[str, str], ...]) -> Item:
    return replace(first, kind="sum", end=last.end, parts=parts, row="", cues=frozenset(), number=None)


def _behind_value(items: list[Item], index: int, *, last: bool = False) -> int:
    """Return the index behind a value that follows a wave: "9 mm", "(0.9 mV)", "of 9 mm".

    After the last wave a number is its own only in brackets, or before another: "R V5 15 mm = 24 mm".
    """
    at = index
    if at < len(items) and items[at].text in ("of", "is", "="):
        at += 1
    if at < len(items) and items[at].number is not None:
        following = items[at + 1 : at + 3]
        own = len(following) > 1 and following[0].text in ("=", "is", ":") and following[1].number is not None
        return at + 1 if own or not last else index
    if at + 2 < len(items) and items[at].text == "(" and items[at + 1].number is not None and items[at + 2].text == ")":
        return at + 3
    return index


def _wave_at(items: list[Item], index: int) -> tuple[tuple[tuple[str, str], ...], int] | None:
    """Return ((wave, lead), index after) of a wave with its one lead, in any of its forms."""
    if index >= len(items):
        return None
    item = items[index]
    if item.kind == "sum" and len(item.parts) == 1:
        return item.parts, index + 1
    if item.kind != "topic" or item.row not in ("r", "s", "q", "t", "p"):
        return None
    after = index + 1
    while after < len(items) and items[after].text in ("in", "lead", "of", "-", "the", "("):
        after += 1
    if after < len(items) and items[after].kind == "leads" and len(items[after].leads) == 1:
        lead = items[after].leads[0]
        end = after + 1
        if end < len(items) and items[end].text == ")" and items[after].depth > item.depth:
            end += 1
        return ((item.row, lead),), end
    return None
