"""Leads in a text: single leads, ranges ("V1-V4", "V1 through V4") and groups ("inferior leads").

The groups are a table in `phrases.toml`; the walls are those of the protocol. It does not know what is said of a lead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ecgr1_core.protocol.territories import NEIGHBOURS
from ecgr1_core.record import LEADS
from ecgr1_core.verify.tokens import Token

_BY_NAME = {lead.lower(): lead for lead in LEADS}
_UNRECORDED = re.compile(r"v(?:[7-9]|[1-6]r)$")
_WAVE_LEAD = re.compile(r"(?P<wave>[pqrst])(?P<lead>v[1-6]|av[lrf]|iii|ii|i)$")
_THROUGH = ("-", "to", "through", "thru", "until", "till")
_BETWEEN = (",", "and", "&", "/", "or", "+", "as", "well", "plus")


def lead_at(tokens: Sequence[Token], index: int) -> str | None:
    """Return the lead that the token names, or None; "I" only as a capital, since "i" is no lead."""
    token = tokens[index]
    if token.kind != "word":
        return None
    lead = _BY_NAME.get(token.text)
    if lead in ("I", "II", "III") and not token.raw.isupper():
        return None
    if lead == "I" and _is_other_i(tokens, index):
        return None
    return lead


def _is_other_i(tokens: Sequence[Token], index: int) -> bool:
    """Whether "I" is the pronoun or the degree of a block."""
    after = tokens[index + 1].text if index + 1 < len(tokens) else ""
    before = tokens[index - 1].text if index else ""
    return before in ("block", "degree", "type", "mobitz", "class") or after in (
        "see",
        "note",
        "would",
        "think",
        "have",
        "find",
        "am",
        "can",
        "cannot",
        "do",
        "observe",
        "believe",
        "read",
    )


def unrecorded_at(tokens: Sequence[Token], index: int) -> str | None:
    """Return the name of a lead that no 12-lead recording has (V7-V9, V3R), or None."""
    token = tokens[index]
    return token.raw if token.kind == "word" and _UNRECORDED.match(token.text) else None


def wave_lead_at(tokens: Sequence[Token], index: int) -> tuple[str, str] | None:
    """Return (wave, lead) of a short form such as "RV5", "SV1" or "RaVL", or None."""
    token = tokens[index]
    match = _WAVE_LEAD.match(token.text) if token.kind == "word" and token.raw[:1].isupper() else None
    if match is None or (match["lead"] in ("i", "ii", "iii") and not token.raw.isupper()):
        return None
    return match["wave"], _BY_NAME[match["lead"]]


def read_list(tokens: Sequence[Token], index: int) -> tuple[tuple[str, ...], tuple[str, ...], int] | None:
    """Return (leads, unrecorded leads, index after) of the list that begins at `index`; None where no lead does.

    A list goes on over commas, "and", ranges and bare numbers after a V lead ("V1-4", "V5,6").
    """
    found: list[str] = []
    other: list[str] = []
    at, end = index, index
    while at < len(tokens):
        lead, strange = lead_at(tokens, at), unrecorded_at(tokens, at)
        if lead is None and strange is None:
            break
        if strange is not None:
            other.append(strange)
        if lead is not None:
            last, after = _range_end(tokens, at, lead)
            found += _between(lead, last) if last is not None else [lead]
            at = after
        else:
            at += 1
        end = at
        while at < len(tokens) and tokens[at].text in (*_BETWEEN, "lead", "leads"):
            at += 1
    if end == index:
        return None
    return ordered(found), tuple(other), end


def _range_end(tokens: Sequence[Token], at: int, first: str) -> tuple[str | None, int]:
    """Return the last lead of the range that begins at `at` (None: no range) and the index after it."""
    if at + 2 < len(tokens) and tokens[at + 1].text in _THROUGH:
        last = lead_at(tokens, at + 2)
        token = tokens[at + 2]
        if last is None and token.kind == "number" and first.startswith("V") and token.text in "123456":
            beyond = tokens[at + 3].text if at + 3 < len(tokens) else ""
            last = f"V{token.text}" if beyond not in ("mm", "mv", "ms", "s") else None
        if last is not None and LEADS.index(last) > LEADS.index(first):
            return last, at + 3
    return None, at + 1


def _between(first: str, last: str) -> list[str]:
    """Return the leads from one to another in the order of the page."""
    return list(LEADS[LEADS.index(first) : LEADS.index(last) + 1])


def ordered(names: Sequence[str]) -> tuple[str, ...]:
    """Return the leads once each, in the usual order."""
    return tuple(lead for lead in LEADS if lead in set(names))


def neighbours(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of neighbouring leads among those named."""
    return [pair for pair in NEIGHBOURS if pair[0] in names and pair[1] in names]
