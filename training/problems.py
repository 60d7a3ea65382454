"""What went wrong with single rows of a run: named, counted, and skipped or the end of the run, as configured."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Literal

from ecgr1_core.errors import InputError

OnProblem = Literal["skip", "stop"]


class Problems:
    """The problems of one run; with `path`, each is also a line of that JSONL file.

    `counts` [kind] is how many rows had a problem of each kind. With `policy` "stop" the first one is raised.
    """

    def __init__(self, policy: OnProblem = "skip", path: Path | None = None) -> None:
        self.policy: OnProblem = policy
        self.path = path
        self.counts: Counter[str] = Counter()

    def note(self, kind: str, error: InputError) -> None:
        """Take note of a row that cannot be used; raise its error where the run is to stop at one."""
        self.counts[kind] += 1
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                told = {"kind": kind, "subject": error.subject, "fault": error.fault, "remedy": error.remedy}
                file.write(json.dumps(told, ensure_ascii=False) + "\n")
        if self.policy == "stop":
            raise error

    @property
    def total(self) -> int:
        """How many rows had a problem."""
        return sum(self.counts.values())

    def sentence(self) -> str:
        """Return one line for the log: how many rows were left out, by kind."""
        if not self.counts:
            return "no row was left out"
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.counts.items()))
        where = f"; see {self.path.name}" if self.path else ""
        return f"{self.total} rows were left out ({kinds}){where}"
