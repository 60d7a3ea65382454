"""The nouns of the claim checker: a `Mention` is what a text says, a `Claim` is that with the verdict of the trace.

This module knows neither language nor measurement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Part = int | str
"""Where a claim stands: a step 1 to 6, "summary", "answer", or "preamble", "introduction", "trailing"."""

Status = Literal["supported", "contradicted", "not_measurable"]
Value = float | str | bool | None


@dataclass(frozen=True)
class Amount:
    """A number of a text, in ms, mV, bpm or degrees: `low` to `high`, open ends None.

    `form` is "value" where one value or a range of values is claimed, "limit" where it is compared ("above 120 ms");
    `approximate` where the text says about.
    """

    low: float | None
    high: float | None
    unit: str
    form: Literal["value", "limit"] = "value"
    approximate: bool = False


@dataclass(frozen=True)
class Mention:
    """One claim as a text makes it, not yet judged.

    `start` and `end` are offsets into the text; `kind` names the claim; `leads` are in the usual order, empty where
    none is named; `unrecorded` are leads that no 12-lead ECG has (V7, V4R). `contiguous` says that the claim is about
    neighbouring leads only, `dominant` that it is about leads with an upright QRS only, `diffuse` that it is about
    most leads, `wall` that the leads are named by their wall, of which two neighbours are enough. `parts` are the waves
    of a sum, as (wave, lead). `limits` are what the `amount` is compared with in the same breath, each with its kind.
    """

    start: int
    end: int
    kind: str
    leads: tuple[str, ...] = ()
    negated: bool = False
    hedged: bool = False
    amount: Amount | None = None
    contiguous: bool = False
    dominant: bool = False
    diffuse: bool = False
    wall: bool = False
    unrecorded: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    limits: tuple[tuple[str, Amount], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What the trace says of a kind of claim, before negation is regarded.

    `truth` is "near" within the measurement's own error of the limit, where neither wording is contradicted, and
    "unknown" where nothing that is measured decides. `why` is said to people after the status.
    """

    truth: Literal["yes", "near", "no", "unknown"]
    why: str
    measured: Mapping[str, Value] = field(default_factory=dict)
    expected: str = ""
    leads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """One claim of a reading with its verdict.

    `step` is the part it stands in, `start` and `end` are offsets into the text of that part (`part_texts`) and `text`
    is exactly what stands there. `measured` holds the measured values by name with unit, `expected` says in words what
    the claim would need, `why` is one sentence for people. A negated claim is supported where the finding is absent.
    """

    step: Part
    start: int
    end: int
    text: str
    kind: str
    status: Status
    measured: Mapping[str, Value]
    expected: str
    leads: tuple[str, ...]
    negated: bool
    hedged: bool
    why: str
