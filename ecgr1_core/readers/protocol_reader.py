"""`ProtocolReader`: reads a signal by measuring it and applying the protocol. Deterministic; no weights, no network.

It does not look at page images: those would have to be digitized first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator

from ecgr1_core import __version__
from ecgr1_core.errors import UnsupportedModalityError
from ecgr1_core.measure import Measurements, measure
from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.protocol import assess, compose
from ecgr1_core.readers.base import ReadingDetails, ReadingOptions, ReadingStream
from ecgr1_core.record import EcgRecord

_SENTENCE = re.compile(r".+?(?:(?<=[.:;])\s+|\n+|\Z)", re.DOTALL)


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
        """Return the reading, sentence by sentence; there is nothing that `options` could change.

        Raises UnsupportedModalityError, before the first piece, for any modality but the signal.
        """
        if view.modality not in self.modalities or view.record is None:
            raise UnsupportedModalityError(
                "protocol reader",
                f"it reads the signal and cannot read the modality {view.modality!r}, since page images would "
                "have to be "
                "digitized first, which this version does not do",
                "choose the modality 'signal' or another reader",
            )
        return ReadingStream(self._deltas(view.record), ReadingDetails(version=self.version))

    def _deltas(self, record: EcgRecord) -> Generator[str, None, None]:
        reading = compose(assess(self._measuring(record), record.patient, record.warnings))
        for sentence in _SENTENCE.finditer(reading.raw):
            yield sentence.group()
