"""From the protocol's findings to evidence phrases: what a reading of the same recording ought to mention in each step.

As in the released references a step has at most three phrases, each of at most three words and verbatim in the text of
that step. The module matches nothing.
"""

from __future__ import annotations

import re

from ecgr1_core.evidence import Reference
from ecgr1_core.interpretation import STEP_NUMBERS
from ecgr1_core.protocol.findings import Finding, Findings
from ecgr1_core.protocol.text import compose

PHRASES_PER_STEP = 3
WORDS_PER_PHRASE = 3

_EXTENT = frozenset(["complete", "incomplete", "acute", "old", "nonspecific", "prolonged"])
_VALUE = re.compile(r"\b(?:PR|QRS|QT|QTc) \d+ ms|\baxis −?\d+°|\b\d+ bpm")


def reference_of(findings: Findings) -> Reference:
    """Return the phrases of each step, abnormal findings first, and the labels of the answer.

    A phrase is the finding's label, shortened to three words, or a measured value of it, as its sentence says it; in
    step 6 those of the findings that the conclusion names. Findings that are only possible give none.
    """
    reading = compose(findings)
    phrases: dict[int, tuple[str, ...]] = {}
    for number in STEP_NUMBERS:
        step = reading.step(number)
        judged = findings.of_step(number) if number < STEP_NUMBERS[-1] else findings.items
        ordered = sorted(judged, key=lambda finding: finding.status != "abnormal")
        said = [phrase for finding in ordered for phrase in _phrases(finding) if step and phrase in step.text]
        chosen = tuple(dict.fromkeys(said))[:PHRASES_PER_STEP]
        if chosen:
            phrases[number] = chosen
    return Reference(phrases, reading.answer)


def _phrases(finding: Finding) -> list[str]:
    """Return what the sentence of a finding says of it in at most three words each."""
    if finding.certainty == "possible" or finding.status == "not_assessable":
        return []
    found = []
    if finding.label is not None:
        words = finding.label.name.split()
        named = " ".join([word for word in words if word not in _EXTENT or len(words) <= 2][:WORDS_PER_PHRASE])
        place = finding.statement.casefold().find(named.casefold())
        if place >= 0:
            found.append(finding.statement[place : place + len(named)])
    return found + _VALUE.findall(finding.statement)
