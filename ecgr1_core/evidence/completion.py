"""The text of each step of a completion, as the released reward sees it and as a reader of the page sees it.

It finds steps only; what is looked for in them is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ecgr1_core import interpretation

_THINK = re.compile(r"<think>(?P<inside>.*?)</think>", re.DOTALL | re.IGNORECASE)
_HEADING = re.compile(r"\*\*Step\s+(?P<number>\d+)", re.IGNORECASE)
_HEADING_END = re.compile(r"\*\*|:|\n")
_NEXT_STEP = re.compile(r"\*\*Step", re.IGNORECASE)
_MOST_DIGITS = 4300  # beyond this Python refuses to read a number


@dataclass(frozen=True)
class StepText:
    """The text of one step; `start` is its offset in the completion, None where it was put together of parts."""

    text: str
    start: int | None


def published_steps(completion: str) -> Mapping[int, StepText]:
    """Return the text of each step by its number, by the rules of the released evidence reward.

    Steps are looked for between the first `<think>` and the first `</think>` after it (any case); without the pair
    there are none. A step is `**Step N`; its text begins after the first `**`, `:` or line break behind the number, so
    that after `**Step 1: Title**` the title belongs to the text, and ends at the next `**Step`, whether or not a number
    follows. Of two steps with one number the later with any text counts.

    Source: ECG-R1 as released, the evidence reward's reading of a completion.
    """
    think = _THINK.search(completion)
    if think is None:
        return {}
    at, end = _stripped(completion, think.start("inside"), think.end("inside"))
    found: dict[int, StepText] = {}
    while (heading := _HEADING.search(completion, at, end)) is not None:
        heading_end = _HEADING_END.search(completion, heading.end(), end)
        if heading_end is None:
            break
        following = _NEXT_STEP.search(completion, heading_end.end(), end)
        at = following.start() if following else end
        start, stop = _stripped(completion, heading_end.end(), at)
        if start < stop and len(heading["number"]) <= _MOST_DIGITS:
            found[int(heading["number"])] = StepText(completion[start:stop], start)
    return found


def strict_steps(completion: str) -> Mapping[int, StepText]:
    """Return the text of each step by its number as `interpretation.parse` gives it, which is what the page shows.

    Headings of any form count, their titles do not belong to the text, the tags may be missing, and the parts of a step
    that is there twice are joined.
    """
    steps = interpretation.parse(completion).steps
    return {
        step.number: StepText(step.text, completion.index(step.text) if completion.count(step.text) == 1 else None)
        for step in steps
        if step.text
    }


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the bounds without the white space at both ends."""
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    return start, start + len(inside.strip())
