"""Binds the numbers of a sentence to what they measure, and tells values from limits that are only quoted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecgr1_core.verify import numbers
from ecgr1_core.verify.items import Item
from ecgr1_core.verify.phrases import Phrases
from ecgr1_core.verify.rate_binding import rate_kind
from ecgr1_core.verify.scope import Reach
from ecgr1_core.verify.types import Amount

_LINKS = frozenset([
    "of", "is", ":", "=", "at", "was", "are", "measures", "measuring", "measured", "about", "approximately",
    "around", "the", "to", "(", "-", "with", "interval", "duration", "were", "≈", "~", ",", "roughly", "circa",
    "lasts", "being", "equals", "by", "near", "<", ">", "≥", "≤", "a",
])  # fmt: skip
_DEFAULT = {"bpm": "heart_rate", "deg": "qrs_axis"}
_VOLTAGE = frozenset([
    "p_amplitude", "q_amplitude", "r_amplitude", "s_amplitude", "t_amplitude", "u_amplitude", "st",
    "st_elevation", "st_depression", "t_inversion", "p_negative_amplitude", "q_duration", "qrs_amplitude",
])  # fmt: skip
_UNITLESS = {"ms": (30.0, 1500.0), "bpm": (15.0, 350.0), "deg": (-180.0, 270.0)}


@dataclass(frozen=True)
class Bound:
    """A number with what it is of: the kind of claim, its items, the amount, its own leads and the parts of a sum.

    `limits` are the comparisons that are said of it, each with its kind.
    """

    kind: str
    items: tuple[int, ...]
    at: int
    amount: Amount
    leads: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    limits: tuple[tuple[str, Amount], ...] = ()


def bind_numbers(items: Sequence[Item], reach: Sequence[Reach], table: Phrases) -> list[Bound]:
    """Return the numbers of a sentence that claim something, bound to their topics."""
    found: list[Bound] = []
    listed = _listed(items, table)
    for at, item in enumerate(items):
        number = item.number
        if number is None or number.unit == "" or reach[at].left_out:
            continue
        if _is_conversion(items, at):
            continue
        compared, approximate = _comparison(items, at)
        flipped = compared is not None and number.high < 0 and items[at - 1].text == "beyond"
        if _is_quoted(items, at, compared) or (
            reach[at].negated and compared is None and not _own_value(items, reach, at)
        ):
            continue
        topic = listed.get(at)
        kind = _kind(items[topic], number, table) if topic is not None else None
        if kind is None:
            topic, kind = _topic(items, reach, at, number, table)
            if topic is None and kind == "heart_rate":
                kind = rate_kind(items, at)
        if kind is None:
            continue
        if reach[at].negated and compared is not None:
            if topic is not None and reach[topic].negated:
                continue  # "no ST elevation above 1 mm": the elevation is denied, not the number
            flipped = not flipped
        if flipped and compared is not None:
            compared = "below" if compared == "above" else "above"
        kind = _refined(items, at, topic, kind)
        if compared is not None and kind.startswith("qtc_"):
            formulas = {one.row for one in items[:at] if one.kind == "topic" and one.row.startswith("qtc_")}
            kind = "qtc" if len(formulas) > 1 else kind
        unit = _unit_of(kind)
        scaled = (
            numbers.scale(number, unit)
            if number.unit is not None
            else numbers.Number(number.low, number.high, unit, number.end)
        )
        if scaled is None:
            continue
        if number.unit is None and unit == "ms" and scaled.high < 1.0:
            scaled = numbers.Number(scaled.low * 1000, scaled.high * 1000, unit, scaled.end)
        parts = items[topic].parts if topic is not None and items[topic].kind == "sum" else ()
        own: tuple[int, ...] = (topic, at) if topic is not None and abs(topic - at) < 12 else (at,)
        own = (*own, *_conversion_after(items, at))
        leads = _own_leads(items, reach, topic, at) if kind in _VOLTAGE else ()
        if kind == "wave" and len(parts) == 1:
            kind, leads, parts = f"{parts[0][0]}_amplitude", (parts[0][1],), ()
        found.append(Bound(kind, own, at, numbers.amount(scaled, unit, compared, approximate), leads, parts))
    return found


def is_reference(items: Sequence[Item], at: int) -> bool:
    """Whether "normal" at `at` only names a quoted range: "(normal 120-200 ms)", "normal range: < 440 ms"."""
    item = items[at]
    if "reference" not in item.cues:
        return False
    if _names_range(items, at):
        return True
    for index in range(at + 1, min(at + 6, len(items))):
        one = items[index]
        if one.number is not None:
            quoted = one.number.low != one.number.high or _comparison(items, index)[0] is not None
            return quoted and (
                item.depth > 0 or items[at - 1].text in (",", ";", "-") or "range" in item.text or at == 0
            )
        if one.says or one.text in (",", ".", "(", ")", ";", "at"):
            return False
    return False


def _unit_of(kind: str) -> str:
    if kind in ("heart_rate", "atrial_rate"):
        return "bpm"
    if kind.endswith("axis"):
        return "deg"
    if kind in ("rr", "rr_max", "pr", "qt") or kind.endswith("_duration") or kind.startswith("qtc"):
        return "ms"
    return "mV"


def _comparison(items: Sequence[Item], at: int) -> tuple[str | None, bool]:
    """Return (above, below or None; whether the number is approximate)."""
    compared, approximate = None, False
    index = at - 1
    while index >= 0 and at - index <= 4:
        item = items[index]
        sign = numbers.comparison(item.text)
        if sign is not None:
            compared = sign
        elif "above" in item.cues:
            compared = "above"
        elif "below" in item.cues or "up_to" in item.cues:
            compared = "below"
        elif "about" in item.cues or item.text in ("~", "≈"):
            approximate = True
        elif item.text not in ("the", "of", "a", "an", "upper", "normal", "limit", "than", "=", "lower"):
            break
        index -= 1
    return compared, approximate


def _is_quoted(items: Sequence[Item], at: int, compared: str | None) -> bool:
    """Whether the number is a limit, a normal range or a criterion and no value of this recording."""
    item, number = items[at], items[at].number
    assert number is not None
    ranged = number.low != number.high
    if any(
        "reference" in one.cues and one.kind == "attribute" and _names_range(items, n)
        for n, one in enumerate(items[:at])
    ):
        return True
    if item.depth > 0:
        inside = _bracket(items, at)
        first = next((one for one in inside if one.text not in ("(", "[")), item)
        if first.text == "at" and number.unit == "ms":
            return True  # "(at 3.4 s)": a time in the recording
        outside = [one for one in items[:at] if one.depth < item.depth][-3:]
        if any("reference" in one.cues for one in inside) and any(one.number is not None for one in outside):
            return True
        earlier = [one for one in inside if one.start < item.start]
        if any("reference" in one.cues and one.kind != "attribute" for one in earlier):
            return True
        if any(one.number is not None for one in earlier) and any(one.cues & {"above", "below"} for one in earlier):
            return True
    if at + 1 < len(items) and items[at + 1].cues & {"above", "below"} and "than" in items[at + 1].text:
        return True  # "10 ms longer than": a difference
    for index in range(at - 1, -1, -1):
        one = items[index]
        if one.depth < item.depth or (item.depth > 0 and one.text in ("(", "[")):
            break
        if "reference" in one.cues:
            if one.kind != "attribute":
                return True
            return (ranged or compared is not None) and (
                item.depth > 0 or is_reference(items, index) or one.text.startswith("within")
            )
        if one.says or one.kind == "leads" or one.number is not None or one.text in (".", ";"):
            break
    for one in items[at + 1 : at + 4]:
        if one.text in (",", ".", ";", ")", "("):
            break
        if one.kind != "attribute" and "reference" in one.cues:
            return True
    if item.depth > 0 and (compared is not None or ranged):
        inside = [one for one in _bracket(items, at) if one.kind in ("topic", "sum")]
        return not inside
    return False


def _names_range(items: Sequence[Item], at: int) -> bool:
    """Whether "normal" before a topic only says its range: "the normal PR interval is 120 to 200 ms"."""
    if at + 1 >= len(items) or items[at + 1].kind != "topic" or at > 2:
        return False
    for index in range(at + 2, min(at + 7, len(items))):
        number = items[index].number
        if number is not None:
            return number.low != number.high or _comparison(items, index)[0] is not None
        if items[index].says or items[index].text in (",", "."):
            return False
    return False


def _is_conversion(items: Sequence[Item], at: int) -> bool:
    """Whether the number only says the one before it in another unit: "0.20 mV (2.0 mm)"."""
    first, second = items[at - 2].number if at > 1 else None, items[at].number
    if (
        first is None
        or second is None
        or items[at - 1].text not in ("(", "=", "/")
        or {first.unit, second.unit} != {"mV", "mm"}
    ):
        return False
    one, other = numbers.scale(first, "mV"), numbers.scale(second, "mV")
    return one is not None and other is not None and abs(one.low - other.low) <= 0.06 * max(abs(one.low), 0.5)


def _conversion_after(items: Sequence[Item], at: int) -> tuple[int, ...]:
    """Return the closing bracket of what says the number at `at` in another unit, so that the claim holds both."""
    closed = at + 3 < len(items) and items[at + 1].text == "(" and items[at + 3].text == ")"
    return (at + 3,) if closed and items[at + 2].number is not None and _is_conversion(items, at + 2) else ()


def _refined(items: Sequence[Item], at: int, topic: int | None, kind: str) -> str:
    """Return the claim with what stands beside the number: the formula of a QTc, the wave of "its axis"."""
    if kind.startswith("qt"):
        between = items[topic + 1 : at] if topic is not None and kind != "qt" else ()
        for beside in (items[at + 1 : at + 4], between):
            for item in beside:
                if item.number is not None or item.text in (",", ";", "."):
                    break
                if item.kind == "topic" and item.row.startswith("qtc_"):
                    return item.row
    its = topic is not None and topic > 1 and items[topic - 1].text in ("its", "an", "whose")
    if kind == "qrs_axis" and its and any(item.row in ("p", "p_wave.precedes") for item in items[:topic]):
        return "p_axis"
    return kind


def _bracket(items: Sequence[Item], at: int) -> list[Item]:
    """Return the items of the innermost bracket around the item at `at`."""
    depth, start, end = items[at].depth, at, at
    while start > 0 and items[start - 1].depth >= depth:
        start -= 1
    while end + 1 < len(items) and items[end + 1].depth >= depth:
        end += 1
    return list(items[start : end + 1])


def _own_value(items: Sequence[Item], reach: Sequence[Reach], at: int) -> bool:
    """Whether a plain number inside a denial is a value all the same: a rate, or one whose topic is not denied."""
    number = items[at].number
    if number is not None and number.unit == "bpm":
        return True
    if items[at - 1].text == "at" or items[at].depth > 0:
        return True
    for index in range(at - 1, -1, -1):
        if "negate_after" in items[index].cues:
            return False
        if items[index].kind in ("topic", "sum"):
            return not reach[index].negated
        if reach[index].clause != reach[at].clause:
            return False
    return False


def _kind(item: Item, number: numbers.Number, table: Phrases) -> str | None:
    """Return the claim that a number makes of a topic, None where its unit does not fit."""
    if item.kind == "sum":
        return "wave" if number.unit in ("mV", "mm") else None
    if item.kind == "finding":
        values = table.value_of.get(item.row, {})
    elif item.kind == "topic":
        values = table.topics[item.row].values
    else:
        return None
    if number.unit == "mm":
        return values.get("mV") or values.get("ms")
    if number.unit is not None:
        return values.get(number.unit)
    for unit, (low, high) in _UNITLESS.items():
        fraction = unit == "ms" and number.low >= 0.02 and number.high < 1.0
        if unit in values and (low <= number.low <= high or fraction):
            return values[unit]
    return None


def _topic(
    items: Sequence[Item], reach: Sequence[Reach], at: int, number: numbers.Number, table: Phrases
) -> tuple[int | None, str | None]:
    """Return (topic, kind) of a number: the topic before it, the one right after it, or what its unit says."""
    touching = (
        items[at - 1].text in _LINKS or items[at - 1].says or items[at - 1].kind in ("leads", "number") if at else False
    )
    after = _noun_after(items, reach, at, number, table)
    if after is not None and not touching:
        return after, _kind(items[after], number, table)
    words = 0
    for index in range(at - 1, -1, -1):
        item = items[index]
        if number.unit is None and item.text not in _LINKS and item.kind == "word":
            words += 1
            if words > 1:
                return None, None
        if item.kind in ("topic", "sum", "finding") and item.depth <= items[at].depth:
            kind = _kind(item, number, table)
            if kind is not None and not reach[index].left_out:
                return index, kind
            if number.unit is None:
                return None, None
            if (
                item.kind == "topic"
                and number.unit in ("mV", "mm", "ms")
                and reach[index].clause == reach[at].clause
                and item.depth <= items[at].depth
            ):
                break
        if number.unit is None and (item.number is not None or item.text in (".", ";", ",")):
            return None, None
    if after is not None:
        return after, _kind(items[after], number, table)
    return None, _DEFAULT.get(number.unit or "")


def _noun_after(
    items: Sequence[Item], reach: Sequence[Reach], at: int, number: numbers.Number, table: Phrases
) -> int | None:
    """Return the topic that the number is put before ("2 mm ST elevation", "72 bpm ventricular rate"), or None."""
    if number.unit is None:
        return None
    for index in range(at + 1, min(at + 5, len(items))):
        item = items[index]
        if item.kind == "topic" and _kind(item, number, table) is not None:
            return index
        if (
            item.text
            not in ("of", "horizontal", "downsloping", "upsloping", "deep", "tall", "concave", "convex", "the", "-")
            and item.kind != "attribute"
        ):
            return None
    return None


def _listed(items: Sequence[Item], table: Phrases) -> dict[int, int]:
    """Pair topics and numbers that stand in two lists of one length: "PR/QRS/QT 160/92/380 ms"."""
    found: dict[int, int] = {}
    index = 0
    while index < len(items):
        topics, after = _run(items, index, "topic")
        if len(topics) < 2:
            index += 1
            continue
        while (
            after < len(items)
            and (items[after].kind == "word" or items[after].text in (":", "="))
            and not items[after].says
        ):
            after += 1
        values, end = _run(items, after, "number")
        if len(values) == len(topics):
            found |= dict(zip(values, topics, strict=True))
        index = max(end, after, index + 1)
    return found


def _run(items: Sequence[Item], index: int, kind: str) -> tuple[list[int], int]:
    chosen: list[int] = []
    while index < len(items) and (
        items[index].kind == kind or (chosen and items[index].text in ("/", ",", "and", "&"))
    ):
        if items[index].kind == kind:
            chosen.append(index)
        index += 1
    return chosen, index


def _own_leads(items: Sequence[Item], reach: Sequence[Reach], topic: int | None, at: int) -> tuple[str, ...]:
    """Return the leads that a voltage is measured in, where they stand beside it; else none."""
    if at and items[at - 1].kind == "leads" and not items[at - 1].group:
        return items[at - 1].leads
    if at > 1 and items[at - 1].text == "(" and items[at - 2].kind == "number":
        return _own_leads(items, reach, topic, at - 2)
    if at > 1 and items[at - 1].text == "and" and items[at - 2].kind == "number":
        return _own_leads(items, reach, topic, at - 2)
    for index in range(at + 1, min(at + 10, len(items))):
        item = items[index]
        if item.depth > items[at].depth or item.text == ")":
            continue
        if item.kind == "leads":
            return item.leads
        if (
            item.number is not None
            or item.text in (",", ".", ";")
            or (item.says and index != topic and item.kind != "attribute")
        ):
            break
    if topic is not None and items[topic].row == "qrs":
        earlier = [one.leads for one in items[:at] if one.kind == "leads"]
        return earlier[-1] if earlier else ()
    if topic is not None:
        between = [one.leads for one in items[min(topic, at) : max(topic, at)] if one.kind == "leads"]
        if between:
            return between[-1]
    return ()
