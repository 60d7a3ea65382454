"""The rewards of the released training that look at text, as plain functions over lists of completions.

They take what a trainer passes to a reward function and return one number a completion. Weights, groups and the penalty
for length (which counts tokens) belong to the trainer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from ecgr1_core import interpretation, vocabulary
from ecgr1_core.evidence.matching import Mode, match
from ecgr1_core.evidence.reference import Reference, reference_from_text

_THINK = re.compile(r"<think>(?P<inside>.*?)</think>", re.DOTALL)
_ANSWER = re.compile(r"<answer>(?P<inside>.*?)</answer>", re.DOTALL)


def evidence_reward(
    completions: Sequence[str],
    solution: Sequence[str | Reference],
    *,
    mode: Mode = "published",
    weight: float = 1.0,
    **_: Any,
) -> list[float]:
    r"""Return `weight` times the evidence score (EDER) of each completion; 0 where nothing can be scored.

    `solution` holds the strings of the published rows or `Reference` objects, one a completion; further columns that a
    trainer passes are not looked at. Source: ECG-R1 as released: mean over the steps with phrases of hits / phrases; 0
    without `<think>…</think>`. Raises `InputError` for a string that holds no reference.

    >>> evidence_reward(
    ...     ["<think>**Step 5: Electrolytes & QT**\nQTc is normal, no U waves.</think>"],
    ...     ["<|key_diagnostic_evidence|>step_5_electrolytes_qt: QTc; U waves; QT 400 ms<|/key_diagnostic_evidence|>"],
    ... )
    [0.6666666666666666]
    """
    return [
        weight * (match(completion, _reference(one), mode).score or 0.0)
        for completion, one in zip(completions, solution, strict=True)
    ]


def accuracy_reward(
    completions: Sequence[str], solution: Sequence[str | Reference], *, mode: Mode = "published", **_: Any
) -> list[float]:
    """Return the Jaccard index of the answer's labels and the reference's, 0 to 1.

    Published: lower-case labels between the first `<answer>` and the first `</answer>` after it (lower case), split at
    semicolons; both sets empty 1, one empty 0, no answer tags on either side 0. Strict: the labels as
    `interpretation.parse` finds them, and those that the vocabulary knows are the same whatever they are called.
    Source: ECG-R1 as released; Jaccard index |A ∩ B| / |A ∪ B|.

    >>> accuracy_reward(["<answer>Sinus rhythm; LVH</answer>"], ["<|answer|>sinus rhythm; LBBB<|/answer|>"])
    [0.3333333333333333]
    """
    rewards = []
    for completion, one in zip(completions, solution, strict=True):
        wanted = _reference(one).answer
        given = _published_answer(completion) if mode == "published" else interpretation.parse(completion).answer
        rewards.append(
            0.0 if wanted is None or given is None else _jaccard(_labels(given, mode), _labels(wanted, mode))
        )
    return rewards


def format_reward(completions: Sequence[str], *, mode: Mode = "published", **_: Any) -> list[float]:
    """Return 1 for each completion in the right form, else 0.

    Published: there is text between the first `<think>` and the first `</think>` after it (lower case). Strict: all six
    steps, the summary, the answer and every tag are there. Source: ECG-R1 as released.

    >>> format_reward(["<think>**Step 1** …</think>", "<think> </think>", "no thought"])
    [1.0, 0.0, 0.0]
    """
    if mode == "strict":
        return [float(interpretation.parse(completion).complete) for completion in completions]
    found = (_THINK.search(completion) for completion in completions)
    return [float(think is not None and bool(think["inside"].strip())) for think in found]


def _reference(solution: str | Reference) -> Reference:
    return _read(solution) if isinstance(solution, str) else solution


@lru_cache(maxsize=1024)  # every completion of a group brings the same solution
def _read(solution: str) -> Reference:
    return reference_from_text(solution)


def _published_answer(completion: str) -> tuple[str, ...] | None:
    answer = _ANSWER.search(completion)
    return None if answer is None else tuple(answer["inside"].split(";"))


def _labels(labels: Iterable[str], mode: Mode) -> frozenset[str]:
    plain = (label.strip().lower() for label in labels)
    if mode == "published":
        return frozenset(label for label in plain if label)
    return frozenset(known.name if (known := vocabulary.lookup(label)) else label for label in plain if label)


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0
