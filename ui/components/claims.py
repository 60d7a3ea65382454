"""The text of one part of a reading with its claims underlined by what the trace says, and evidence phrases marked.

Joined, the pieces are the text exactly as the reader wrote it; signs and measured values stand beside them as marks of
the page. It judges nothing: the verdicts are those of `ecgr1_core.verify`, the phrases those of `ecgr1_core.evidence`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

from ecgr1_core.evidence import PhraseMatch
from ecgr1_core.verify import Claim, Part, Status, counts
from ui import strings
from ui.components.places import Place

GRAVEST_FIRST: tuple[Status, ...] = ("contradicted", "not_measurable", "supported")
SIGNS: Mapping[Status, str] = {"supported": "✓", "contradicted": "✕", "not_measurable": "–"}
LONGEST_REMARK = 64
NO_BREAK = "\u00a0"
_LEAD_NAME = re.compile(r"\bV[1-6]\b|\baV[RLF]\b", re.IGNORECASE)


@dataclass(frozen=True)
class Marking:
    """An evidence phrase where it is said ("hit") or denied ("negated")."""

    start: int
    end: int
    phrase: str
    status: str


@dataclass(frozen=True, eq=False)
class Placed:
    """A claim and where on the trace it looks."""

    claim: Claim
    place: Place = field(default_factory=Place)


@dataclass(frozen=True)
class Piece:
    """A stretch of text with the same claims and evidence phrases from its first character to its last."""

    start: int
    text: str
    claims: tuple[Placed, ...] = ()
    markings: tuple[Marking, ...] = ()


@dataclass(frozen=True)
class Group:
    """Pieces that follow each other; those of claims that overlap stand together, any other piece alone."""

    pieces: tuple[Piece, ...]
    claims: tuple[Placed, ...] = ()


def gravest(placed: Sequence[Placed]) -> Status:
    """Return the status of claims that share a place: contradicted before not measurable before supported."""
    return min((one.claim.status for one in placed), key=GRAVEST_FIRST.index)


def markings_of(phrases: Sequence[PhraseMatch]) -> tuple[Marking, ...]:
    """Return where the phrases of a step are said or denied, in the order of the text."""
    said = [Marking(*span, one.phrase, "hit") for one in phrases for span in one.spans]
    denied = [Marking(*span, one.phrase, "negated") for one in phrases for span in one.negated_spans]
    return tuple(sorted((*said, *denied), key=lambda one: (one.start, one.end, one.phrase)))


def pieces(text: str, placed: Sequence[Placed], markings: Sequence[Marking] = ()) -> tuple[Piece, ...]:
    """Return the text cut wherever a claim or a phrase begins or ends; joined it is the text."""
    ends = [at for one in placed for at in (one.claim.start, one.claim.end)]
    ends += [at for one in markings for at in (one.start, one.end)]
    cuts = sorted({0, len(text), *(min(max(at, 0), len(text)) for at in ends)})
    found = []
    for start, end in pairwise(cuts):
        own = tuple(one for one in placed if one.claim.start <= start and end <= one.claim.end)
        marked = tuple(one for one in markings if one.start <= start and end <= one.end)
        found.append(Piece(start, text[start:end], own, marked))
    return tuple(found)


def groups(parts: Sequence[Piece]) -> tuple[Group, ...]:
    """Return the pieces in groups, so that every claim is whole in one group."""
    found: list[Group] = []
    open_until = -1
    for piece in parts:
        end = max((one.claim.end for one in piece.claims), default=-1)
        if piece.claims and piece.start < open_until:
            last = found.pop()
            joined = tuple(dict.fromkeys((*last.claims, *piece.claims)))
            found.append(Group((*last.pieces, piece), joined))
            open_until = max(open_until, end)
        else:
            found.append(Group((piece,), piece.claims))
            open_until = end
    return tuple(found)


def part_html(part: Part, text: str, placed: Sequence[Placed], markings: Sequence[Marking] = ()) -> str:
    """Return the text of a part as one paragraph, and below it what is known of each claim, hidden until asked for."""
    found = groups(pieces(text, placed, markings))
    body = "".join(_group_html(part, group) for group in found)
    reasons = "".join(reasons_html(part, group.claims) for group in found if group.claims)
    return f"<p>{body}</p>" + (f'<div class="reasons">{reasons}</div>' if reasons else "")


def claim_attributes(part: Part, placed: Sequence[Placed], words: str, *, titled: bool = True) -> str:
    """Return the attributes that make an element the button of its claims: name, state, and what it lights."""
    places = [one.place for one in placed]
    leads = _each_once(lead for place in places for lead in place.leads)
    if any(place.somewhere and not place.leads for place in places):
        leads = []  # one of the claims looks at all leads
    waves = _each_once(place.wave for place in places if place.wave is not None)
    beats = _each_once(str(beat) for place in places for beat in place.beats)
    about = _each_once(lead for one in placed for lead in one.claim.leads)
    spoken = _spoken(placed)
    title = f' title="{escape(spoken)}"' if titled else ""
    return (
        f'class="claim {gravest(placed)}" role="button" tabindex="0" id="{_id("claim", part, placed)}"'
        f' aria-expanded="false" aria-controls="{_id("why", part, placed)}"'
        f' aria-label="{escape(f"{words}: {spoken}")}"{title} data-leads="{" ".join(leads)}"'
        f' data-about="{" ".join(about)}" data-waves="{" ".join(waves)}" data-beats="{" ".join(beats)}"'
    )


def reasons_html(part: Part, placed: Sequence[Placed]) -> str:
    """Return what is known of claims that share a place: one line each with status and reason; hidden at first."""
    lines = "".join(_reason(one.claim) for one in placed)
    return f'<ul class="why" id="{_id("why", part, placed)}" hidden>{lines}</ul>'


def remark(placed: Sequence[Placed]) -> str:
    """Return what stands beside claims that share a place: the sign, and what was measured where that differs.

    A contradicted claim always has what was measured beside it; a supported number has it unless the text says the
    same figures already.
    """
    status, words = gravest(placed), ""
    concerned = [one.claim for one in placed if one.claim.status == status]
    if status == "contradicted":
        words = _shortened(_first_clause(concerned[0].why))
    elif status == "supported":
        words = ", ".join(_each_once(word for claim in concerned if (word := _measured_number(claim))))
        words = words if len(words) <= LONGEST_REMARK else ""
    return f"{SIGNS[status]}{NO_BREAK}{words}" if words else SIGNS[status]


def counts_sentence(claims: Sequence[Claim]) -> str:
    """Return how many claims have which status, in words: "7 claims supported, 1 contradicted, 2 not measurable"."""
    if not claims:
        return strings.CLAIMS_NONE
    found = counts(claims)
    noun = strings.CLAIM_ONE if found["supported"] == 1 else strings.CLAIM_MANY
    return strings.CLAIMS_COUNT.format(noun=noun, **found)


def _group_html(part: Part, group: Group) -> str:
    body = "".join(_piece_html(piece) for piece in group.pieces)
    if not group.claims:
        return body
    words = "".join(piece.text for piece in group.pieces)
    sign = f'<span class="sign {gravest(group.claims)}" aria-hidden="true">{escape(remark(group.claims))}</span>'
    return f"<span {claim_attributes(part, group.claims, words)}>{body}</span>{sign}"


def _piece_html(piece: Piece) -> str:
    body = escape(piece.text)
    for marking in piece.markings:
        title = strings.PHRASE_TITLES[marking.status].format(phrase=marking.phrase)
        body = f'<mark class="{marking.status}" title="{escape(title)}">{body}</mark>'
    return f'<span class="u {gravest(piece.claims)}">{body}</span>' if piece.claims else body


def _reason(claim: Claim) -> str:
    status = f"{SIGNS[claim.status]} {strings.CLAIM_STATUS[claim.status]}"
    return (
        f'<li><span class="verdict {claim.status}">{escape(status)}</span> <q>{escape(claim.text)}</q>'
        f"{escape(_hedge(claim))}: {escape(claim.why)}.</li>"
    )


def _id(kind: str, part: Part, placed: Sequence[Placed]) -> str:
    return f"{kind}-{part}-{min(one.claim.start for one in placed)}"


def _spoken(placed: Sequence[Placed]) -> str:
    claims = [one.claim for one in placed]
    return "; ".join(f"{strings.CLAIM_STATUS[claim.status]}{_hedge(claim)}: {claim.why}" for claim in claims)


def _each_once(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))


def _hedge(claim: Claim) -> str:
    return strings.CLAIM_HEDGED if claim.hedged else ""


def _first_clause(why: str) -> str:
    return why.split(";")[0].strip()


def _shortened(words: str) -> str:
    return words if len(words) <= LONGEST_REMARK else words[: LONGEST_REMARK - 1].rsplit(" ", 1)[0] + " …"


def _measured_number(claim: Claim) -> str:
    """Return the measured value of a claim that names a number, "" where it names none or the very same figures."""
    if not re.search(r"\d", _LEAD_NAME.sub("", claim.text)):
        return ""
    measured = _first_clause(claim.why)
    if not measured.startswith(strings.MEASURED):
        return ""
    measured = measured.removeprefix(strings.MEASURED).strip()
    figures = re.findall(r"\d+(?:\.\d+)?", _LEAD_NAME.sub("", measured))
    said = re.findall(r"\d+(?:\.\d+)?", claim.text)
    return "" if set(figures) <= set(said) else measured
