"""The consistency of two readings of one ECG in numbers: BLEU-4, ROUGE-L, SBERT cosine, labels, evidence.

As in ECG-R1's evaluation the texts are whole outputs and a table has the means over cases; the signal-only reading is
the reference, the image-only one what is compared with it. Beside that stand the same numbers of the content alone,
because tags and headings are the same in every reading and lift them, and of each step. What cannot be said is None
with a reason. The texts are compared as texts; what they claim is compared in `differences`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from ecgr1_core import vocabulary
from ecgr1_core.errors import InputError
from ecgr1_core.evidence import MODES, Mode, match, reference_from_trace
from ecgr1_core.interpretation import STEP_NUMBERS, Interpretation
from ecgr1_core.metrics.embedding import SentenceModel, Vector, cosine

LABEL_SIGNATURE = "names and synonyms of the vocabulary; both empty 1, one empty 0"
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class TextAgreement:
    """How alike two texts are, each 0 to 1 (SBERT -1 to 1); None where a text is empty or no model was given.

    `bleu4` is sentence BLEU of `compared` against `reference` (Papineni 2002, up to 4-grams, effective order), which is
    not the same the other way round; `rouge_l` the F1 of the longest common subsequence of words (Lin 2004); `sbert`
    the cosine of sentence vectors (Reimers 2019).
    """

    bleu4: float | None
    rouge_l: float | None
    sbert: float | None


@dataclass(frozen=True)
class LabelAgreement:
    """The labels of two answers: `jaccard` is common / all, 0 to 1, and the names in the order of the answers."""

    jaccard: float
    common: tuple[str, ...]
    only_reference: tuple[str, ...]
    only_compared: tuple[str, ...]


@dataclass(frozen=True)
class EvidenceAgreement:
    """How much of what one reading names as evidence the other names in the same step (EDER), 0 to 1.

    `of_reference` are the phrases of the reference found in the reading that is compared, `of_compared` the other way
    round; None where a reading names none, for `reason`.
    """

    mode: Mode
    of_reference: float | None
    of_compared: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Consistency:
    """All numbers of two readings.

    `whole` is of the outputs as they were written, `content` without tags, headings and answer, `steps` by number and
    `summary` of the parts. `signatures` says by name how each number was made.
    """

    whole: TextAgreement
    content: TextAgreement
    steps: dict[int, TextAgreement]
    summary: TextAgreement
    labels: LabelAgreement
    evidence: tuple[EvidenceAgreement, ...]
    signatures: dict[str, str]


def consistency(reference: Interpretation, compared: Interpretation, model: SentenceModel | None = None) -> Consistency:
    """Return how consistent `compared` is with `reference`; without a sentence model every `sbert` is None.

    Raises InputError where the sentence model cannot be loaded.
    """
    pairs = [(reference.raw.strip(), compared.raw.strip()), (content(reference), content(compared))]
    pairs += [(_step(reference, number), _step(compared, number)) for number in STEP_NUMBERS]
    pairs.append((reference.summary, compared.summary))
    vectors: list[Vector | None] = [None] * (2 * len(pairs))
    if model is not None:
        vectors = model.vectors([text for pair in pairs for text in pair])
    agreed = [
        _agreement(*pair, vectors[2 * number], vectors[2 * number + 1]) for number, pair in enumerate(pairs)
    ]  # fmt: skip
    return Consistency(
        whole=agreed[0],
        content=agreed[1],
        steps=dict(zip(STEP_NUMBERS, agreed[2:-1], strict=True)),
        summary=agreed[-1],
        labels=label_agreement(reference.answer, compared.answer),
        evidence=tuple(evidence_agreement(reference, compared, mode) for mode in MODES),
        signatures=signatures(model),
    )


def content(reading: Interpretation) -> str:
    """Return what a reading says in sentences: introduction, steps and summary, without tags, headings and answer."""
    parts = [reading.preamble, reading.introduction, *(step.text for step in reading.steps), reading.summary]
    return "\n\n".join(part.strip() for part in parts if part.strip())


def bleu4(reference: str, compared: str) -> float | None:
    """Return sacrebleu's sentence BLEU with effective order, 0 to 1; None where either text is empty."""
    if not reference.strip() or not compared.strip():
        return None
    return float(_bleu().sentence_score(compared, [reference]).score) / 100.0


def rouge_l(reference: str, compared: str) -> float | None:
    """Return rouge-score's ROUGE-L F1 without stemming, 0 to 1; None where either text is empty."""
    if not reference.strip() or not compared.strip():
        return None
    return float(_rouge().score(reference, compared)["rougeL"].fmeasure)


def label_agreement(reference: Sequence[str], compared: Sequence[str]) -> LabelAgreement:
    """Return the labels in common and on one side only, synonyms and codes of the vocabulary being the same.

    A label outside the vocabulary is compared by its letters. Both answers empty agree wholly (Jaccard 1).
    """
    left, right = _named(reference), _named(compared)
    every = left.keys() | right.keys()
    return LabelAgreement(
        jaccard=len(left.keys() & right.keys()) / len(every) if every else 1.0,
        common=tuple(name for key, name in left.items() if key in right),
        only_reference=tuple(name for key, name in left.items() if key not in right),
        only_compared=tuple(name for key, name in right.items() if key not in left),
    )


def evidence_agreement(reference: Interpretation, compared: Interpretation, mode: Mode) -> EvidenceAgreement:
    """Return EDER of each reading with the phrases of the other's steps as its reference."""
    scores: list[float | None] = []
    reasons: list[str] = []
    for asked, given in ((reference, compared), (compared, reference)):
        try:
            scores.append(match(given.raw, reference_from_trace(asked.raw, "the reading"), mode).score)
        except InputError as error:
            scores.append(None)
            reasons.append(error.fault)
    return EvidenceAgreement(mode, scores[0], scores[1], reasons[0] if reasons else None)


@cache
def _text_signatures() -> dict[str, str]:
    bleu = _bleu()
    bleu.corpus_score(["a"], [["a"]])  # the signature counts references, and so wants to have seen some
    return {
        "bleu4": str(bleu.get_signature()),
        "rouge_l": f"rougeL F1|stemming:no|rouge-score:{version('rouge-score')}",
        "labels": LABEL_SIGNATURE,
    }


def signatures(model: SentenceModel | None) -> dict[str, str]:
    """Return by name how each number is made."""
    return _text_signatures() | ({} if model is None else {"sbert": model.signature})


def to_json(found: Consistency) -> dict[str, Any]:
    """Return the numbers as plain JSON data, rounded to 6 decimals."""
    return {
        "whole": _text_json(found.whole),
        "content": _text_json(found.content),
        "steps": {str(number): _text_json(one) for number, one in found.steps.items()},
        "summary": _text_json(found.summary),
        "labels": {
            "jaccard": round(found.labels.jaccard, 6),
            "common": list(found.labels.common),
            "only_reference": list(found.labels.only_reference),
            "only_compared": list(found.labels.only_compared),
        },
        "evidence": {
            one.mode: {
                "of_reference": _rounded(one.of_reference),
                "of_compared": _rounded(one.of_compared),
                "reason": one.reason,
            }
            for one in found.evidence
        },
        "signatures": dict(found.signatures),
    }


def _text_json(one: TextAgreement) -> dict[str, float | None]:
    return {"bleu4": _rounded(one.bleu4), "rouge_l": _rounded(one.rouge_l), "sbert": _rounded(one.sbert)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _agreement(reference: str, compared: str, left: Vector | None, right: Vector | None) -> TextAgreement:
    similar = None if left is None or right is None else cosine(left, right)
    return TextAgreement(bleu4(reference, compared), rouge_l(reference, compared), similar)


def _step(reading: Interpretation, number: int) -> str:
    step = reading.step(number)
    return "" if step is None else step.text


def _named(labels: Sequence[str]) -> dict[str, str]:
    """Return the labels by what they are compared by, the first of two that mean the same."""
    found: dict[str, str] = {}
    for text in labels:
        known = vocabulary.lookup(text)
        name = _SPACES.sub(" ", text.strip()) if known is None else known.name
        if name:
            found.setdefault(name.casefold(), name)
    return found


@cache
def _bleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(effective_order=True)


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=False)
