"""How far words reach: what in a sentence is denied, doubted, or no statement about this recording.

The words are the cues of `phrases.toml`; the reaches are the rules here. It does not know what is denied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecgr1_core.verify.items import Item

_COPULAS = frozenset(
    ["is", "are", "was", "were", "be", "been", "remains", "remain", "appears", "appear", "looks", "seems"]
)
_NORMAL = frozenset(["normal", "upright", "isoelectric", "narrow", "regular", "good"])
_NORMAL_FINDINGS = frozenset([
    "rhythm.sinus", "rhythm.sinus_bradycardia", "rhythm.sinus_tachycardia", "regularity.regular",
    "p_wave.precedes", "st.normal", "progression.normal", "overall.normal", "quality.good", "quality.stable",
    "av_conduction.normal", "qrs.conduction_normal", "regularity.irregularly_irregular",
])  # fmt: skip
_DIAGNOSES = ("qrs.", "rhythm.", "fascicle.", "av_block.", "preexc", "lvh.", "rvh.", "hyper", "hypo")
_SUMS = ("sokolow", "cornell")
_FEATURES = frozenset(["show", "shows", "has", "have", "feature", "features", "present with", "presents", "consists"])
_MAKES = frozenset(["make", "makes", "making", "render", "renders"])


@dataclass
class Reach:
    """What holds for one item: `clause` counts the clauses of the sentence from 0."""

    clause: int = 0
    negated: bool = False
    hedged: bool = False
    left_out: bool = False


def reaches(items: Sequence[Item]) -> list[Reach]:
    """Return the `Reach` of each item of one sentence."""
    found = [Reach() for _ in items]
    _clauses(items, found)
    if any("no_claim_sentence" in item.cues for item in items) or _is_setting(items):
        for reach in found:
            reach.left_out = True
        return found
    _forward(items, found)
    for index, item in enumerate(items):
        if "no_claim_clause" in item.cues:
            for reach in found:
                reach.left_out = reach.left_out or reach.clause == found[index].clause
        if "no_claim_after" in item.cues:
            for at in range(index, len(items)):
                if (
                    found[at].clause != found[index].clause
                    or items[at].depth < item.depth
                    or _ends_aside(items, at, index)
                ):
                    break
                found[at].left_out = True
        if "no_claim_before" in item.cues:
            _leave_out_before(items, found, index)
        if _is_postposed(items, found, index, "negate_before") or _is_none_counted(items, index):
            _leave_out_company(items, found, index)
            for at in _subject(items, found, index):
                found[at].negated = not found[at].negated
        if _is_postposed(items, found, index, "hedge_before"):
            for at in _subject(items, found, index):
                found[at].hedged = True
    return found


def _is_setting(items: Sequence[Item]) -> bool:
    """Whether the sentence explains what goes with a diagnosis: "In left bundle branch block voltage is …"."""
    if not items:
        return False
    if any(_is_year(items, at) for at in range(1, len(items))) or _is_definition(items):
        return True
    if len(items) > 2 and (items[0].text in ("a", "an", "any", "every") or items[0].kind == "topic"):
        return _is_rule(items)
    second = next(
        (item for item in items[1:4] if item.text not in ("a", "the", "an", "presence", "setting", "of")), None
    )
    return (
        items[0].text == "in"
        and second is not None
        and second.kind == "finding"
        and second.row.startswith(("qrs.", "rhythm.", "preexc", "hyper"))
    )


def _is_definition(items: Sequence[Item]) -> bool:
    """Whether a diagnosis or a sum stands first and is then explained.

    "Atrial flutter has saw-tooth waves", "Sinus tachycardia is a sinus rhythm …", "Cornell voltage is the sum of …",
    "Sokolow–Lyon: S V1 + R V5 > 35 mm". A value of the patient's own ("= 38 mm", "of 38 mm") is no explanation.
    """
    named = items[0].row in _SUMS or (items[0].kind == "finding" and items[0].row.startswith(_DIAGNOSES))
    if not named or len(items) < 3:
        return False
    second, third = items[1], items[2]
    if second.text in _FEATURES:
        if any(item.number is not None for item in items):  # "… has a rapid response at 130 bpm"
            return False
        return third.says or (len(items) > 3 and third.text in ("a", "an", "the") and items[3].says)
    if is_copula(second):
        return third.text in ("a", "an") or (third.text == "the" and len(items) > 3 and items[3].text == "sum")
    if second.text != ":":
        return False
    number = next((at for at, item in enumerate(items) if item.number is not None), None)
    return number is not None and bool(
        items[number - 1].cues & {"above", "below", "between"} or items[number - 1].text in "<>≥≤"
    )


def _is_rule(items: Sequence[Item]) -> bool:
    """Whether the sentence begins with a thing in general and a limit: "A QRS of 120 ms or more is wide"."""
    bare = items[0].kind == "topic"
    topic = (
        0 if bare else next((at for at, item in enumerate(items[1:4], 1) if item.kind in ("topic", "finding")), None)
    )
    if topic is None:
        return False
    number = next((at for at, item in enumerate(items[topic : topic + 7], topic) if item.number is not None), None)
    if number is None or any(is_copula(item) for item in items[topic:number]):
        return False
    compared = any(item.cues & {"above", "below", "between"} or item.text in "<>≥≤" for item in items[topic:number])
    after = items[number + 1 : number + 3]
    if bare:  # "axis between -30° and +90° is normal"
        concluded = len(after) > 1 and is_copula(after[0]) and after[1].says and after[1].row != "present"
        return compared and concluded
    return compared or (len(after) > 1 and after[0].text == "or")


def _is_none_counted(items: Sequence[Item], index: int) -> bool:
    """Whether a count of zero follows what is counted: "Extrasystoles: 0"."""
    number = items[index].number
    zero = number is not None and number.unit is None and number.low == number.high == 0
    return zero and index > 1 and items[index - 1].text in (":", "=") and items[index - 2].kind == "finding"


def _is_year(items: Sequence[Item], at: int) -> bool:
    """Whether the item is a year: what happened in 2019 is not on this recording."""
    number = items[at].number
    year = number is not None and number.unit is None and number.low == number.high and 1900 <= number.low <= 2100
    return year and items[at - 1].text in ("in", "since", "from", "until")


def is_copula(item: Item) -> bool:
    """Whether the item is a form of "to be" or begins with one ("is possible")."""
    return item.text.partition(" ")[0] in _COPULAS


def _clauses(items: Sequence[Item], found: list[Reach]) -> None:
    number = 0
    for index, item in enumerate(items):
        if "clause" in item.cues:
            number += 1
        found[index].clause = number


def _forward(items: Sequence[Item], found: list[Reach]) -> None:
    """Carry "no", "without", "possible" and the like to the right until something ends them."""
    negated, since, depth = False, 0, 0
    hedged_until, hedge_all = -1, False
    for index, item in enumerate(items):
        new_clause = index > 0 and found[index].clause != found[index - 1].clause
        if new_clause or item.depth < depth:
            negated = False
            hedged_until = -1
        if negated and _ends_negation(items, found, index, since):
            negated = False
        if "negate_after" in item.cues and not _is_postposed(items, found, index, "negate_before"):
            again = negated and index - since <= 3 and not any(one.says for one in items[since:index])
            negated = not (again and item.text not in ("nor", "or", "neither"))
            since, depth = index, item.depth
        if "hedge_after" in item.cues and not _is_postposed(items, found, index, "hedge_before"):
            hedge_all = hedge_all or (index + 1 < len(items) and items[index + 1].text == ":")
            hedged_until = _hedge_end(items, found, index)
        found[index].negated = negated
        found[index].hedged = hedge_all or index <= hedged_until
        if not negated:
            depth = item.depth


def _ends_negation(items: Sequence[Item], found: Sequence[Reach], index: int, since: int) -> bool:
    """Whether a denial that began at `since` ends before the item at `index`."""
    item = items[index]
    if item.text == ":" and index > since + 1 and items[index - 1].text != "following":
        return True
    said = any(one.says or one.kind in ("leads", "number") for one in items[since + 1 : index])
    if not said:
        return False
    if item.depth > items[since].depth and items[since].text in ("does not", "do not", "not"):
        return True
    if "conclusion" in item.cues:
        return items[index - 1].text == "," or items[since].text.startswith(("absence", "absent", "lack", "loss"))
    if item.text == "with":
        return items[index - 1].text not in ("consistent", "compatible", "associated", "lead", "leads", "ecg")
    about = any(one.kind in ("finding", "topic") for one in items[since + 1 : index])
    if (
        about
        and item.row in _NORMAL_FINDINGS
        and not any(one.text in ("or", "nor", "a", "an") for one in items[index - 2 : index])
    ):
        return True
    previous = items[index - 1].text
    if previous in (",", "and", ":") or (previous in ("the", "a", "an") and items[index - 2].text in (",", "and")):
        if item.kind == "attribute" and item.row in _NORMAL:
            return True
        if item.row in ("irregular", "fast", "slow") and all(one.text not in ("or", "nor") for one in items[index:]):
            return True
        if (
            item.kind == "finding"
            and (item.row in _NORMAL_FINDINGS or item.row.startswith("axis."))
            and previous != "and"
        ):
            return True
        if item.kind == "finding" and item.row in _NORMAL_FINDINGS:
            return True
        if item.kind in ("topic", "finding", "sum"):
            return _own_statement(items, found, index)
    return False


def _own_statement(items: Sequence[Item], found: Sequence[Reach], index: int) -> bool:
    """Whether the topic at `index` begins a statement of its own: its verb or its number follows at once."""
    for item in items[index + 1 : index + 6]:
        if item.kind == "number" or is_copula(item) or "negate_before" in item.cues:
            return True
        if item.kind in ("topic", "finding", "attribute", "sum") or item.text in (",", "or", "and", "nor", "in"):
            return item.kind == "attribute" and item.row in _NORMAL
    return False


def _hedge_end(items: Sequence[Item], found: Sequence[Reach], index: int) -> int:
    """Return the last item that a doubt beginning at `index` reaches: to the comma after what is doubted."""
    said = False
    for at in range(index + 1, len(items)):
        item = items[at]
        if found[at].clause != found[index].clause or item.depth < items[index].depth:
            return at - 1
        if said and (item.text in (",", ":", ";") or item.text == "with"):
            return at - 1
        said = said or item.says
    return len(items) - 1


def _is_postposed(items: Sequence[Item], found: Sequence[Reach], index: int, cue: str) -> bool:
    """Whether a cue that can stand on either side follows what it is about ("P waves are absent")."""
    item = items[index]
    if cue not in item.cues:
        return False
    other = {"negate_before": "negate_after", "hedge_before": "hedge_after"}[cue]
    said_before = any(
        one.says for one, reach in zip(items[:index], found[:index], strict=True) if reach.clause == found[index].clause
    )
    if other not in item.cues:
        return said_before
    if not said_before:
        return False
    after = items[index + 1] if index + 1 < len(items) else None
    closes = (
        after is None
        or after.text in (".", ",", ")", ";", "and", "in", "but", "!", "?", "throughout")
        or "clause" in after.cues
    )
    before = items[index - 1]
    linked = (
        is_copula(before)
        or before.text in (":", "-", "=")
        or "are" in item.text.split()
        or "is" in item.text.split()
        or before.says
    )
    return closes and linked


def _subject(items: Sequence[Item], found: Sequence[Reach], index: int) -> list[int]:
    """Return what a cue that follows its subject is about: back to the verb or statement before it.

    Without a verb of its own ("ST elevation absent") it is about the nearest thing said only.
    """
    at = index - 1
    item = items[index]
    made = [one for one in range(index) if items[one].text in _MAKES]
    if made:
        return next(
            (list(range(made[-1] + 1, at)) for at in range(made[-1], index) if items[at].text == "with"),
            list(range(made[-1] + 1, index)),
        )
    verb = bool(_COPULAS & set(item.text.split())) or item.text.startswith(("can", "not ", "ruled", "unlikely"))
    while at >= 0 and (
        is_copula(items[at]) or items[at].text in ("not", "also", "clearly", "has", "have", "can", "been")
    ):
        verb = True
        at -= 1
    chosen: list[int] = []
    while at >= 0 and found[at].clause == found[index].clause and items[at].depth >= item.depth:
        one = items[at]
        if is_copula(one) or one.text == "with" or ("verb" in one.cues and one.text != "measured"):
            break
        own = any(items[later].says for later in chosen)
        if own and one.text in (",", "and", ":") and any(is_copula(b) or b.kind == "number" for b in items[:at]):
            break
        if one.says and found[at].negated:
            break
        chosen.append(at)
        if one.says and not verb and one.kind != "attribute" and items[at - 1].text != "/":
            break
        at -= 1
    return chosen


def _leave_out_before(items: Sequence[Item], found: list[Reach], index: int) -> None:
    """Leave out what stands before the cue, back to a colon or the beginning of its clause."""
    for at in range(index - 1, -1, -1):
        if items[at].text == ":" or found[at].clause != found[index].clause:
            return
        found[at].left_out = True


def _leave_out_company(items: Sequence[Item], found: list[Reach], index: int) -> None:
    """Leave out "with premature beats" of "makes sinus rhythm with premature beats unlikely": not said, not denied."""
    made = [one for one in range(index) if items[one].text in _MAKES]
    with_ = [at for at in range(made[-1], index) if items[at].text == "with"] if made else []
    for at in range(with_[0], index) if with_ else ():
        found[at].left_out = True


def _ends_aside(items: Sequence[Item], at: int, since: int) -> bool:
    """Whether a comma ends what is no statement: after something has been said, before a statement of its own."""
    return (
        items[at].text == ","
        and at > since + 1
        and any(one.says for one in items[since + 1 : at])
        and _verb_follows(items, at)
    )


def _verb_follows(items: Sequence[Item], at: int) -> bool:
    return any(is_copula(item) or item.kind == "number" for item in items[at + 1 : at + 8])
