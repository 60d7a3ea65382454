"""`ProtocolReader`: reads a signal or a page by measuring it and applying the protocol. No weights, no network.

A page is first brought back to the recording that it shows; what the page does not show is not in the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

from ecgr1_core import __version__
from ecgr1_core.digitize import digitize_image
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
    modalities: tuple[Modality, ...] = ("signal", "image")
    embedded = True
    generative = False
    privacy = "Reads on this computer; the recording is sent nowhere."
    unavailable: str | None = None

    def __init__(self, measuring: Callable[[EcgRecord], Measurements] = measure) -> None:
        self._measuring = measuring

    def read(self, view: ModalityView, options: ReadingOptions | None = None) -> ReadingStream:
        """Return the reading, sentence by sentence, and in its details, from the first sentence on, the evidence.

        It is worded canonically, whatever the `options`: the same recording always gives the same text. Raises
        UnsupportedModalityError, before the first piece, for both at once; and, once a page is looked at, InputError
        where no recording can be read off it.
        """
        if view.modality not in self.modalities:
            raise UnsupportedModalityError(
                "protocol reader",
                f"it reads the signal or the page, and cannot read the modality {view.modality!r}",
                "choose the modality 'signal' or 'image', or another reader",
            )
        details = ReadingDetails(version=self.version)
        return ReadingStream(self._pieces(view, details), details)

    def _pieces(self, view: ModalityView, details: ReadingDetails) -> Generator[str, None, None]:
        if view.modality == "image" and view.page_record is None:
            yield ""  # reading the page takes seconds
        record = _seen(view)
        if view.modality == "image":
            details.notes = record.warnings
        findings = assess(self._measuring(record), record.patient, record.warnings)
        reading = compose(findings)
        details.evidence, details.certainties = reading.evidence, certainties(findings)
        details.phase = "writing"
        start = 0
        for end in [*_sentence_ends(reading), len(reading.raw)]:
            yield reading.raw[start:end]
            start = end
        details.phase = "done"


def _seen(view: ModalityView) -> EcgRecord:
    """Return the recording as the view shows it; a patient's age and sex are known beside either."""
    if view.modality == "signal":
        assert view.record is not None  # the view sees to it
        return view.record
    record = view.page_record
    if record is None:
        assert view.page is not None
        record, _ = digitize_image(view.page)
    return record if view.record is None else replace(record, patient=view.record.patient)


def _sentence_ends(reading: Reading) -> Iterator[int]:
    """Yield where each sentence of the steps and the summary ends in `raw`."""
    part, start = "", 0
    for sentence in reading.evidence:
        if sentence.step != part:
            before = len(reading.text_of(part)) if part else 0
            part = sentence.step
            start = reading.raw.index(reading.text_of(part), start + before)
        yield start + sentence.end
