"""Checks the claims of a reading against the measurements: what the trace supports, contradicts, or cannot decide.

Deterministic and by rules: `claims.find` reads the language, `judge.judge` asks the trace; the words are in
`phrases.toml`, the tolerances in `tolerances.toml`, the limits are those of the protocol. It does not know who wrote
the reading, and it makes no diagnosis of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ecgr1_core import vocabulary
from ecgr1_core.interpretation import Interpretation
from ecgr1_core.measure.types import Measurements
from ecgr1_core.protocol.case import Case, as_shown, uncalibrated_reason
from ecgr1_core.protocol.limits import limits
from ecgr1_core.record import Patient
from ecgr1_core.verify.claims import find
from ecgr1_core.verify.judge import judge
from ecgr1_core.verify.tolerances import tolerances
from ecgr1_core.verify.trace import Trace
from ecgr1_core.verify.types import Claim, Mention, Part, Status, Value

__all__ = ["ANSWER", "Claim", "Part", "Status", "Value", "claim_json", "claims_json", "counts", "part_texts", "verify"]

HEDGED_ZONE = 1.5
ANSWER = "answer"
_STATUSES: tuple[Status, ...] = ("supported", "contradicted", "not_measurable")


def verify(
    interpretation: Interpretation, measurements: Measurements, patient: Patient, warnings: Sequence[str] = ()
) -> tuple[Claim, ...]:
    """Return every claim of a reading that is found, in the order of the reading, with its status.

    `warnings` are those of the recording; where one says that amplitudes are not calibrated, no amplitude and no axis
    is judged. Never raises for any text.
    """
    table = limits()
    case = Case(as_shown(measurements), patient, table, uncalibrated_reason(measurements, table, warnings))
    firm = Trace(case, tolerances())
    doubtful = Trace(case, tolerances(), HEDGED_ZONE)
    found: list[Claim] = []
    for part, text in part_texts(interpretation):
        mentions = find(text) if part != ANSWER else _answer(interpretation.answer)
        found += [_claim(part, text, mention, doubtful if mention.hedged else firm) for mention in mentions]
    return tuple(found)


def part_texts(interpretation: Interpretation) -> tuple[tuple[Part, str], ...]:
    """Return the parts of a reading with their texts, into which the offsets of claims point.

    The text of the answer is its labels joined by "; ". "preamble", "introduction" and "trailing" are what stands
    outside the form; parts without text are left out.
    """
    parts: list[tuple[Part, str]] = [
        ("preamble", interpretation.preamble),
        ("introduction", interpretation.introduction),
    ]
    parts += [(step.number, step.text) for step in interpretation.steps]
    parts += [
        ("summary", interpretation.summary),
        (ANSWER, "; ".join(interpretation.answer)),
        ("trailing", interpretation.trailing),
    ]
    return tuple((part, text) for part, text in parts if text)


def counts(claims: Sequence[Claim]) -> dict[str, int]:
    """Return how many claims have each status."""
    return {status: sum(claim.status == status for claim in claims) for status in _STATUSES}


def claim_json(claim: Claim) -> dict[str, Any]:
    """Return one claim as plain JSON data; numbers rounded to 4 decimals."""
    return {
        "step": claim.step,
        "start": claim.start,
        "end": claim.end,
        "text": claim.text,
        "kind": claim.kind,
        "status": claim.status,
        "measured": {
            name: round(value, 4) if isinstance(value, float) else value for name, value in claim.measured.items()
        },
        "expected": claim.expected,
        "leads": list(claim.leads),
        "negated": claim.negated,
        "hedged": claim.hedged,
        "why": claim.why,
    }


def claims_json(claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """Return claims as plain JSON data."""
    return [claim_json(claim) for claim in claims]


def _answer(labels: Sequence[str]) -> list[Mention]:
    """Return the claims of the labels; one that the grammar does not know is read by its name in the vocabulary."""
    found: list[Mention] = []
    start = 0
    for label in labels:
        known = vocabulary.lookup(label)
        mentions = find(label) or (find(known.name) if known is not None else ())
        for mention in mentions or (Mention(0, 0, "label"),):
            found.append(_moved(mention, start, start + len(label)))
        start += len(label) + 2
    return found


def _moved(mention: Mention, start: int, end: int) -> Mention:
    """Return the mention with the span of its label."""
    return replace(mention, start=start, end=end)


def _claim(part: Part, text: str, mention: Mention, trace: Trace) -> Claim:
    if mention.kind == "label":
        span = text[mention.start : mention.end]
        why = "nothing that is measured decides this label"
        return Claim(part, mention.start, mention.end, span, "label", "not_measurable", {}, "", (), False, False, why)
    judged = judge(trace, mention)
    verdict = judged.verdict
    return Claim(
        step=part,
        start=mention.start,
        end=mention.end,
        text=text[mention.start : mention.end],
        kind=mention.kind,
        status=judged.status,
        measured=dict(verdict.measured),
        expected=verdict.expected,
        leads=verdict.leads or mention.leads,
        negated=mention.negated,
        hedged=mention.hedged,
        why=judged.why,
    )
