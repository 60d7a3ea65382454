"""`Finding` and `Findings`: what the protocol found on one recording, each with its leads, its numbers and its rule.

A finding that excludes something and one that could not be judged are findings too. This module knows no rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ecgr1_core.vocabulary import Label

Status = Literal["abnormal", "normal", "not_assessable"]
Certainty = Literal["definite", "probable", "possible"]


@dataclass(frozen=True)
class Finding:
    """One statement of the protocol.

    `id` names what was judged, as `topic.outcome`; `step` is 1 to 5; `statement` is one or more whole sentences;
    `numbers` are the measured values it rests on, by the measurement's name with its unit. `phrase` is the finding in a
    few words for a list, `reasoning` a sentence on what follows from it, `basic` tells whether an ECG can be called
    normal without it, `urgent` whether it comes first, `beats` are the single beats that are meant, by `Beat.number`.
    """

    id: str
    step: int
    statement: str
    status: Status
    certainty: Certainty = "definite"
    label: Label | None = None
    leads: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    rule: str = ""
    phrase: str = ""
    reasoning: str = ""
    basic: bool = False
    urgent: bool = False
    beats: tuple[int, ...] = ()

    @property
    def topic(self) -> str:
        """The part of `id` before the first full stop."""
        return self.id.partition(".")[0]


@dataclass(frozen=True)
class Findings:
    """All findings of one recording in the order of the protocol."""

    items: tuple[Finding, ...] = ()

    def of_step(self, step: int) -> tuple[Finding, ...]:
        """Return the findings of one step, 1 to 5."""
        return tuple(finding for finding in self.items if finding.step == step)

    def get(self, id: str) -> Finding | None:
        """Return the finding of that id, None where it did not arise."""
        return next((finding for finding in self.items if finding.id == id), None)

    def topic(self, topic: str) -> tuple[Finding, ...]:
        """Return the findings whose id begins with that topic."""
        return tuple(finding for finding in self.items if finding.topic == topic)

    def has(self, *ids: str, at_least: Certainty = "probable") -> bool:
        """Whether one of the ids arose as abnormal with at least that certainty."""
        order = ("possible", "probable", "definite")
        return any(
            finding.id in ids
            and finding.status == "abnormal"
            and order.index(finding.certainty) >= order.index(at_least)
            for finding in self.items
        )

    @property
    def abnormal(self) -> tuple[Finding, ...]:
        """Findings outside the normal, the urgent ones first, otherwise in the order of the protocol."""
        return tuple(sorted((f for f in self.items if f.status == "abnormal"), key=lambda f: not f.urgent))

    @property
    def is_normal(self) -> bool:
        """Whether the ECG is normal: nothing abnormal was found, however uncertain, and nothing basic left unjudged."""
        basic = [finding for finding in self.items if finding.basic]
        return bool(basic) and not self.abnormal and all(finding.status == "normal" for finding in basic)

    @property
    def labels(self) -> tuple[Label, ...]:
        """Labels of the answer, each once: those at least probable, rhythm first, urgent before others."""
        from ecgr1_core import vocabulary

        chosen = [f for f in self.items if f.label is not None and f.certainty != "possible"]
        chosen.sort(key=lambda f: (f.topic != "rhythm", not f.urgent))
        found = [f.label for f in chosen if f.label is not None]
        if self.is_normal:
            found.insert(0, vocabulary.label("normal ECG"))
        return tuple(dict.fromkeys(found))
