"""The order of criteria of each diagnosis, from `criteria.toml`: which comes next, and what has been decided so far.

It knows no ECG: whether a criterion is met is told to it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

DECISIONS: Final = ("Yes", "No")


@dataclass(frozen=True)
class Step:
    """One criterion; `yes` and `no` are a decision, "next", or the name of another step."""

    name: str
    choose: str
    ask: str
    yes: str
    no: str

    def among(self, options: Sequence[str]) -> list[str]:
        """Return the options that name this criterion."""
        return [option for option in options if re.search(self.choose, option, re.IGNORECASE)]


@dataclass(frozen=True)
class Plan:
    """The criteria of one diagnosis. With `any` the last one decides by whether any criterion was met."""

    target: str
    named: str
    steps: tuple[Step, ...]
    any: bool = False

    def step_of(self, criterion: str) -> Step | None:
        """Return the step that a criterion is, by its words."""
        return next((step for step in self.steps if step.among([criterion])), None)

    def after(self, step: Step, met: bool, met_before: bool) -> Step | str:
        """Return the step that follows, or the decision."""
        last = step is self.steps[-1]
        leads_to = step.yes if met or (self.any and last and met_before) else step.no
        if leads_to in DECISIONS:
            return leads_to
        if leads_to == "next":
            return "No" if last else self.steps[self.steps.index(step) + 1]
        return next(one for one in self.steps if one.name == leads_to)

    def decide(self, met: Callable[[Step], bool]) -> bool:
        """Return whether the diagnosis is there, by what is said of each criterion that has to be looked at."""
        step: Step | str = self.steps[0]
        met_before = False
        while isinstance(step, Step):
            now = met(step)
            step, met_before = self.after(step, now, met_before), met_before or now
        return step == "Yes"


@cache
def plans() -> Mapping[str, Plan]:
    """Return the plan of each diagnosis by its name in the benchmark."""
    table = tomllib.loads((files("training.evaluate.reasoning") / "criteria.toml").read_text(encoding="utf-8"))
    return {
        target: Plan(target, row["named"], tuple(Step(**step) for step in row["steps"]), row.get("any", False))
        for target, row in table.items()
    }


def plan_of(question: str) -> Plan | None:
    """Return the plan of the diagnosis that a question asks about, None where it is not known."""
    return next((plan for plan in plans().values() if re.search(plan.named, question, re.IGNORECASE)), None)
