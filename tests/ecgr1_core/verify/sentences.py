"""The held-out sentences of `sentences.toml`, and how the claim checker did on them; shared by test and benchmark."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cases import CASES

from ecgr1_core import interpretation

Expect = Literal["true", "false", "none", "not_measurable"]


@dataclass(frozen=True)
class Sentence:
    """One sentence about one case; see the head of `sentences.toml` for the fields."""

    case: str
    kind: str
    text: str
    expect: Expect
    phrasing: int
    wrong: str | None = None
    trait: str | None = None


@dataclass(frozen=True)
class Judged:
    """What the checker said: the statuses of all claims in the sentence, and the words that it calls contradicted."""

    sentence: Sentence
    statuses: tuple[str, ...]
    contradicted: tuple[str, ...]

    @property
    def is_contradicted(self) -> bool:
        """Whether any claim in the sentence is contradicted."""
        return "contradicted" in self.statuses

    @property
    def names_wrong_words(self) -> bool:
        """Whether a contradicted claim overlaps the words that are false."""
        text, wrong = self.sentence.text, self.sentence.wrong
        if wrong is None:
            return False
        first = text.index(wrong)
        for claimed in self.contradicted:
            start = text.find(claimed)
            if start >= 0 and start < first + len(wrong) and first < start + len(claimed):
                return True
        return False


@dataclass(frozen=True)
class Score:
    """Counts over sentences: a hit is a false sentence called contradicted, an alarm any other one so called."""

    false: int
    hits: int
    alarms: int

    @property
    def precision(self) -> float | None:
        """Share of the sentences called contradicted that are false; None when none was."""
        called = self.hits + self.alarms
        return self.hits / called if called else None

    @property
    def recall(self) -> float | None:
        """Share of the false sentences that were called contradicted; None without any."""
        return self.hits / self.false if self.false else None


HELD_OUT = Path(__file__).with_name("sentences.toml")


def sentences(path: Path = HELD_OUT) -> tuple[Sentence, ...]:
    """Return all sentences in the order of the file; TypeError for an unknown field."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Sentence(case=case, kind=kind, **row)
        for case, kinds in table.items()
        for kind, rows in kinds.items()
        for row in rows
    )


def judge(sentence: Sentence) -> Judged:
    """Let the checker look at one sentence, which stands alone as the whole reading."""
    from ecgr1_core.verify import verify

    case = CASES[sentence.case]
    claims = verify(interpretation.parse(sentence.text), case.measurements, case.patient)
    return Judged(
        sentence,
        tuple(claim.status for claim in claims),
        tuple(claim.text for claim in claims if claim.status == "contradicted"),
    )


def score(judged: Iterable[Judged]) -> Score:
    """Count hits and alarms."""
    rows = list(judged)
    false = [row for row in rows if row.sentence.expect == "false"]
    hits = sum(row.is_contradicted for row in false)
    return Score(len(false), hits, sum(row.is_contradicted for row in rows) - hits)
