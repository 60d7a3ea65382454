"""What is known of a reading beside its text: claims checked, where they look, certainties, evidence phrases.

It asks `verify` and `evidence` and keeps their answers together for the panels and for what is copied or saved. A
reading that is still being written is checked as far as its steps are finished.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ecgr1_core.evidence import EvidenceMatch, Mode, Reference, match_steps
from ecgr1_core.interpretation import Interpretation
from ecgr1_core.measure.types import Measurements
from ecgr1_core.protocol.text import SentenceEvidence
from ecgr1_core.record import EcgRecord
from ecgr1_core.verify import Claim, Part, verify
from ui import strings
from ui.components.claims import Placed
from ui.components.places import place_of


@dataclass(frozen=True, eq=False)
class Comparison:
    """A reference that readings are compared with: the name of its file, and how phrases are matched."""

    name: str
    reference: Reference
    mode: Mode = "strict"


@dataclass(frozen=True, eq=False)
class Checked:
    """What is known of a reading.

    `claims` is None where nothing was checked, and `note` then says why. `certainties` are the reader's own, by label;
    `sentences` what its sentences rest on. `comparison` and `phrases` are None without a reference.
    """

    claims: tuple[Claim, ...] | None = None
    note: str = ""
    measurements: Measurements | None = None
    sentences: Sequence[SentenceEvidence] = ()
    certainties: Mapping[str, str] = field(default_factory=dict)
    comparison: Comparison | None = None
    phrases: EvidenceMatch | None = None

    def placed(self, part: Part) -> tuple[Placed, ...]:
        """Return the claims of one part with where they look."""
        own = (claim for claim in self.claims or () if claim.step == part)
        return tuple(Placed(claim, place_of(claim, self.measurements, self.sentences)) for claim in own)


NOTHING_CHECKED = Checked()


def why_unchecked(record: EcgRecord | None, measurements: Measurements | None) -> str:
    """Return why the claims of a reading cannot be checked, "" where they can."""
    if record is None:
        return strings.NOT_CHECKED_SIGNAL
    return strings.NOT_CHECKED_MEASURED if measurements is None else ""


def check(
    reading: Interpretation, record: EcgRecord | None, measurements: Measurements | None
) -> tuple[Claim, ...] | None:
    """Return the claims of a reading with their verdicts, None where there is nothing to check them with."""
    if record is None or measurements is None:
        return None
    return verify(reading, measurements, record.patient, record.warnings)


def compared(checked: Checked, reading: Interpretation, comparison: Comparison | None) -> Checked:
    """Return what is known of a reading with its evidence phrases matched anew, or taken away."""
    if comparison is None:
        return replace(checked, comparison=None, phrases=None)
    texts = {step.number: step.text for step in reading.steps}
    return replace(checked, comparison=comparison, phrases=match_steps(texts, comparison.reference, comparison.mode))


def finished(reading: Interpretation) -> Interpretation:
    """Return of a reading that is being written what will not change any more: steps that another part follows."""
    over = bool(reading.summary or reading.answer)
    steps = reading.steps if over else reading.steps[:-1]
    answer = reading.answer if "</answer>" not in reading.missing else ()
    summary = reading.summary if reading.answer else ""
    return replace(reading, steps=steps, summary=summary, answer=answer, preamble="", introduction="", trailing="")


class Checker:
    """Checks a reading while it is being written; parts that were checked are not checked again."""

    def __init__(self, record: EcgRecord | None, measurements: Measurements | None) -> None:
        self._record, self._measurements = record, measurements
        self._note = why_unchecked(record, measurements)
        self._seen: tuple[object, ...] = ()
        self._claims: tuple[Claim, ...] | None = () if not self._note else None

    def so_far(self, reading: Interpretation) -> Checked:
        """Return what is known of a reading as far as it is written."""
        done = finished(reading)
        seen = (len(done.steps), bool(done.summary), bool(done.answer))
        if not self._note and seen != self._seen:
            self._seen, self._claims = seen, check(done, self._record, self._measurements)
        return Checked(self._claims, self._note, self._measurements)

    def at_last(
        self,
        reading: Interpretation,
        sentences: Sequence[SentenceEvidence] | None,
        certainties: Mapping[str, str] | None,
        comparison: Comparison | None,
    ) -> Checked:
        """Return what is known of a reading that has ended."""
        claims = check(reading, self._record, self._measurements)
        found = Checked(claims, self._note, self._measurements, sentences or (), certainties or {})
        return compared(found, reading, comparison)
