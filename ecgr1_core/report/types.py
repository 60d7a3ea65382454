"""What a report is made of beside the recording, its measurements and the reading: claims, provenance, options.

Plain data; nothing here knows how a page looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from ecgr1_core.modality import ModalityView
from ecgr1_core.render.filters import DEFAULT_BAND, Band
from ecgr1_core.render.layouts import DEFAULT_LAYOUT, Order

if TYPE_CHECKING:
    from ecgr1_core.readers.base import Reader, ReadingDetails

NO_WEIGHTS = "none, rules without weights"
_SEEN = {
    "signal": "the signal",
    "image": "the page image",
    "both": "the signal, then the page image",
    "swapped": "the page image, then the signal",
}
_PAGES = {"upload": " as uploaded", "rendered": " drawn from the signal"}
_STOPPED = {
    "length": "it reached its limit of tokens",
    "time": "it reached its limit of time",
    "cancelled": "it was cancelled",
}


class ReportedClaim(Protocol):
    """One checked claim: the part of the reading it stands in, its place there, what was found, and why.

    `step` is 1 to 6, "summary", "answer", "preamble", "introduction" or "trailing"; `start` and `end` are offsets into
    the text of that part, that of the answer being its labels joined by "; "; `text` is what stands there. `status` is
    "supported", "contradicted" or "not_measurable", `why` one sentence that gives the measured value.
    """

    @property
    def step(self) -> int | str:
        """Part of the reading."""

    @property
    def start(self) -> int:
        """Offset of the first character."""

    @property
    def end(self) -> int:
        """Offset behind the last character."""

    @property
    def text(self) -> str:
        """What stands there."""

    @property
    def status(self) -> str:
        """What the measurements say of it."""

    @property
    def why(self) -> str:
        """Why, for people."""


@dataclass(frozen=True)
class Provenance:
    """Who read, and what they were given; None where it is not known.

    `saw` and `incomplete` are words for people; `notes` say what was done to the recording before the reader saw it;
    `certainties` how sure the reader was of each label of its answer.
    """

    reader: str
    version: str | None = None
    saw: str | None = None
    precision: str | None = None
    device: str | None = None
    incomplete: str | None = None
    notes: tuple[str, ...] = ()
    certainties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportOptions:
    """How a report is made.

    `made_at` is printed and stored in the file, and must have a time zone. `case` is what stands for the patient on the
    page, as a rule a pseudonym; `identity` is a name or number that is to be printed beside it. Where both are "", the
    page says that the case is not named. Neither is stored in the properties of the file. `start_s` is the first second
    of the trace on the page. `band` and `notch_hz` (None: none) are the display filters that the trace is drawn
    through, as on the screen; measurements and reading are those of the unfiltered recording.
    """

    made_at: datetime
    case: str = ""
    identity: str = ""
    layout: str = DEFAULT_LAYOUT
    speed_mm_per_s: float = 25.0
    gain_mm_per_mv: float = 10.0
    start_s: float = 0.0
    order: Order = "standard"
    band: Band = DEFAULT_BAND
    notch_hz: float | None = None
    colour: bool = True

    def __post_init__(self) -> None:
        if self.made_at.utcoffset() is None:
            raise ValueError("made_at must have a time zone")


def provenance(reader: Reader, view: ModalityView, details: ReadingDetails) -> Provenance:
    """Return the provenance of a reading that `reader` wrote of `view`, when it has ended."""
    seen = _SEEN[view.modality]
    if view.page_origin is not None and view.sees_image:
        seen = seen.replace("page image", f"page image{_PAGES[view.page_origin]}")
    return Provenance(
        reader=reader.title,
        version=details.version or reader.version,
        saw=seen,
        precision=details.precision if reader.generative else NO_WEIGHTS,
        device=details.device,
        incomplete=_STOPPED.get(details.stop_reason or ""),
        notes=tuple(details.notes),
        certainties=dict(details.certainties or {}),
    )
