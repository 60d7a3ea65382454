"""What a completion is rewarded for: named plain functions of its text, their weighted sum, and the penalty of length.

The functions are those of `ecgr1_core.evidence`; a new one is a line of `REWARDS`. Groups and advantages are not known
here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ecgr1_core.evidence import Mode, accuracy_reward, evidence_reward, format_reward

Reward = Callable[..., list[float]]
"""`(completions, solution=…, mode=…)` to one number a completion."""

REWARDS: Final[Mapping[str, Reward]] = {
    "format": format_reward,
    "accuracy": accuracy_reward,
    "evidence": evidence_reward,
}
NEED_SOLUTION: Final = frozenset({"accuracy", "evidence"})


def score(
    completions: Sequence[str], solution: str, weights: Mapping[str, float], mode: Mode
) -> list[dict[str, float]]:
    """Return each completion's rewards by name, without their weights; rewards of weight 0 are computed too.

    `solution` is the string of the row that all of them answer. Raises InputError where it holds no reference and one
    of the rewards reads it.

    >>> score(["<think>Sinus.</think><answer>NORM</answer>"], "<|answer|>NORM<|/answer|>", {"format": 1}, "published")
    [{'format': 1.0}]
    """
    columns = {name: REWARDS[name](completions, solution=[solution] * len(completions), mode=mode) for name in weights}
    return [{name: column[number] for name, column in columns.items()} for number in range(len(completions))]


def weighted_sum(rewards: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the sum of the rewards, each times its weight."""
    return sum(weights[name] * reward for name, reward in rewards.items())


def overlong_penalty(length: int, limit: int, buffer: int) -> float:
    """Return what a completion of `length` tokens loses: 0 until `buffer` tokens before `limit`, then down to -1 there.

    With L = `limit` and B = `buffer`: 0 for length <= L - B, else ((L - B) - length) / B, at least -1. A buffer of 0
    is no penalty. Source: DAPO, arXiv 2503.14476, equation 13.

    >>> overlong_penalty(1536, 2048, 512), overlong_penalty(1792, 2048, 512), overlong_penalty(2048, 2048, 512)
    (0.0, -0.5, -1.0)
    """
    over = length - (limit - buffer)
    return 0.0 if buffer == 0 or over <= 0 else max(-1.0, -over / buffer)
