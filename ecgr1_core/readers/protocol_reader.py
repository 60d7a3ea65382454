"""`ProtocolReader`: reads a signal by measuring it and applying the protocol. Deterministic; no weights, no network.

It does not look at page images: those would have to be digitized first.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from ecgr1_core import __version__
from ecgr1_core.errors import UnsupportedModalityError
from ecgr1_core.measure import Measurements, measure
from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.protocol import assess, compose
from ecgr1_core.protocol.text import Reading, certainties
from ecgr1_core.readers.base import ReadingDetails, ReadingOptions, ReadingStream
from ecgr1_core.record import EcgRecord


class ProtocolReader:
    """The embedded reader; `measuring` can be replaced by a function that keeps what was measured before."""

    name = "protocol"
    title = "Protocol (embedded)"
    version = __version__
    modalities: tuple[Modality, ...] = ("signal",)
    embedded = True
    generative = False
    privacy = "Reads on this computer; the recording is sent nowhere."
    unavailable: str | None = None

    def __init__(self, measuring: Callable[[EcgRecord], Measurements] = measure) -> None:
        self._measuring = measuring

    def read(self, view: ModalityView, options: ReadingOptions | None = None) -> ReadingStream:
        """Return the reading, sentence by sentence, and in its details, from the first piece on, the evidence.

        It is worded canonically, whatever the `options`: the same recording always gives the same text. Raises
        UnsupportedModalityError, before the first piece, for any modality but the signal.
        """
        if view.modality not in self.modalities or view.record is None:
            raise UnsupportedModalityError(
                "protocol reader",
                f"it reads the signal and cannot read the modality {view.modality!r}, since page images would have "
                "to be digitized first, which this version does not do",
                "choose the modality 'signal' or another reader",
            )
        details = ReadingDetails(version=self.version)
        return ReadingStream(self._pieces(view.record, details), details)

    def _pieces(self, record: EcgRecord, details: ReadingDetails) -> Generator[str, None, None]:
        findings = assess(self._measuring(record), record.patient, record.warnings)
        reading = compose(findings)
        details.evidence, details.certainties = reading.evidence, certainties(findings)
        details.phase = "writing"
        start = 0
        for end in [*_sentence_ends(reading), len(reading.raw)]:
            yield reading.raw[start:end]
            start = end
        details.phase = "done"


def _sentence_ends(reading: Reading) -> Iterator[int]:
    """Yield where each sentence of the steps and the summary ends in `raw`."""
    part, start = "", 0
    for sentence in reading.evidence:
        if sentence.step != part:
            before = len(reading.text_of(part)) if part else 0
            part = sentence.step
            start = reading.raw.index(reading.text_of(part), start + before)
        yield start + sentence.end
