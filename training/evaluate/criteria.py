"""The seven criteria of grounded interpretation, what a judge is asked, and how its answer becomes scores.

Names and reporting are the published ones: DiagnosisAccuracy is the share of items above 0, times 100;
AnalysisCompleteness, AnalysisRelevance and LeadEvidenceValidity are sums over items; the other three are 0 to 100. The
wording of the prompt is our own, so that scores of two judges, or of this and the published prompt, are not one scale.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["share", "sum", "points"]


@dataclass(frozen=True)
class Criterion:
    """One criterion: `renamed` is what the paper calls it, an item scores 0 to `most`, `asks` is put to the judge."""

    name: str
    renamed: str
    kind: Kind
    most: float
    asks: str


CRITERIA: Final = (
    Criterion(
        "DiagnosisAccuracy",
        "DiagnosisAccuracy",
        "share",
        2,
        "One item for each diagnosis of the reference. 2: the reading states it with its meaning and certainty; 1: "
        "it states it in part, in a weaker or more general form, or only as possible; 0: it misses or contradicts it.",
    ),
    Criterion(
        "AnalysisCompleteness",
        "AnalysisCompleteness",
        "sum",
        1,
        "One item for each component of the tracing that matters for this reference (rate, rhythm, P wave, PR, QRS, "
        "axis, voltage, ST, T, QT, …). 1: the reading examines it; 0: it leaves it out.",
    ),
    Criterion(
        "AnalysisRelevance",
        "AnalysisRelevance",
        "sum",
        1,
        "One item for each finding that the reading gives as a reason for a diagnosis. 1: the finding supports that "
        "diagnosis by accepted criteria and agrees with the reference; 0: it does not.",
    ),
    Criterion(
        "LeadEvidenceValidity",
        "LeadEvidenceValidity",
        "sum",
        1,
        "One item for each finding that the reading ties to a named lead or group of leads. 1: it can be seen there "
        "and the reference does not say otherwise; 0: wrong lead or wrong finding. None for findings without a lead.",
    ),
    Criterion(
        "GroundedECGUnderstanding",
        "ECGFeatureGrounding",
        "points",
        100,
        "One item, 0 to 100: how far the reading rests on features of this very tracing (values, leads, waves) rather "
        "than on general statements that would fit any tracing.",
    ),
    Criterion(
        "EvidenceBasedReasoning",
        "Evidence-BasedReasoning",
        "points",
        100,
        "One item, 0 to 100: how far each conclusion follows from evidence that is stated, without gaps and leaps.",
    ),
    Criterion(
        "RealisticDiagnosticProcess",
        "ClinicalDiagnosticFidelity",
        "points",
        100,
        "One item, 0 to 100: how far the reading proceeds as a careful cardiologist does: systematic, alternatives "
        "weighed, certainty in proportion, urgent findings first.",
    ),
)
AVERAGE: Final = "Average"

_SYSTEM: Final = (
    "You grade readings of 12-lead electrocardiograms against a reference. You are strict, you grade only what is "
    "written, and you answer with one JSON object."
)
_FENCE: Final = re.compile(r"```(?:json)?", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")


def judge_messages(reading: str, reference: str) -> list[dict[str, Any]]:
    """Return the turns that ask for the seven criteria of one reading."""
    asked = "\n".join(f'- "{one.name}": {one.asks}' for one in CRITERIA)
    form = '{"DiagnosisAccuracy": [{"Item": "…", "Score": 2, "Explanation": "…"}, …], …}'
    text = (
        f"Grade the reading by these criteria, each a list of items with a Score and a short Explanation:\n{asked}\n\n"
        f"Answer with one JSON object of all seven lists and nothing else, in the form {form}\n\n"
        f"# Reference\n{reference.strip()}\n\n# Reading\n{reading.strip()}"
    )
    return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": text}]


def read_scores(answer: str) -> dict[str, float]:
    """Return the score of each criterion by its name, from a judge's answer; damaged JSON is mended as far as it goes.

    Raises ValueError where a criterion is missing, has no score, or a score is out of its range: an answer that is
    good in parts would change what the mean is made of.
    """
    from json_repair import repair_json

    try:
        data = json.loads(answer)
    except ValueError:
        data = repair_json(_FENCE.sub("", answer), return_objects=True)
    if not isinstance(data, dict):
        raise ValueError("it is no JSON object")
    given = {_plain(key): value for key, value in data.items()}
    return {one.name: _score(one, _items(given, one)) for one in CRITERIA}


def with_average(scores: Mapping[str, float]) -> dict[str, float]:
    """Return scores by the names of the paper, with the mean of the three that are 0 to 100."""
    points = [scores[one.name] for one in CRITERIA if one.kind == "points"]
    return {one.renamed: scores[one.name] for one in CRITERIA} | {AVERAGE: sum(points) / len(points)}


def _plain(name: Any) -> str:
    return re.sub(r"[^a-z]", "", str(name).casefold())


def _items(given: Mapping[str, Any], criterion: Criterion) -> list[float]:
    found = given.get(_plain(criterion.name), given.get(_plain(criterion.renamed)))
    if found is None:
        raise ValueError(f"{criterion.name} is missing")
    scores = [_number(item, criterion) for item in (found if isinstance(found, list) else [found])]
    if criterion.kind == "points" and len(scores) != 1:
        raise ValueError(f"{criterion.name} has {len(scores)} items")
    return scores


def _number(item: Any, criterion: Criterion) -> float:
    value = item
    if isinstance(item, dict):
        value = next((one for key, one in item.items() if _plain(key) == "score"), None)
    if isinstance(value, str):
        told = _NUMBER.search(value)
        value = float(told[0]) if told else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{criterion.name} has an item without a score")
    if not 0 <= value <= criterion.most:
        raise ValueError(f"{criterion.name} has the score {value:g}")
    return float(value)


def _score(criterion: Criterion, items: list[float]) -> float:
    if criterion.kind == "share":
        return 100.0 * sum(one > 0 for one in items) / len(items) if items else 0.0
    return sum(items)
