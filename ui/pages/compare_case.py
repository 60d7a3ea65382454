"""What the Compare page keeps for one visitor between two actions: the recording, and readings as far as they are."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from annotations.recordings import KeptReading
from ecgr1_core.interpretation import Interpretation, StreamParser
from ecgr1_core.measure.types import Measurements
from ecgr1_core.modality import Modality
from ecgr1_core.readers import Reader, ReadingStream
from ecgr1_core.record import EcgRecord
from ui.components.checked import Checker
from ui.components.comparison import Compared
from ui.pages.case_page import CasePage


@dataclass(eq=False)
class Running:
    """One reading that is written in a thread of its own; what has come is taken by the page when it looks."""

    reader: Reader
    modality: Modality
    stream: ReadingStream
    checker: Checker
    page_origin: str | None = None
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    stopped: bool = False
    error: Exception | None = None
    reading: Interpretation = field(default_factory=Interpretation)
    _parser: StreamParser = field(default_factory=StreamParser)
    _pieces: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Begin to write."""
        threading.Thread(target=self._run, name=f"compare {self.reader.name}", daemon=True).start()

    def stop(self) -> None:
        """Ask it to stop; what was written stays."""
        self.stopped = True
        self.stream.cancel()

    def take(self) -> bool:
        """Take what has come since the last look; whether there was anything."""
        with self._lock:
            text, self._pieces = "".join(self._pieces), []
        if text:
            self.reading = self._parser.feed(text)
        return bool(text)

    @property
    def seconds(self) -> float:
        """How long it has been written, or took."""
        return (self.ended or time.monotonic()) - self.started

    def _run(self) -> None:
        try:
            for piece in self.stream:
                if piece:
                    with self._lock:
                        self._pieces.append(piece)
                if self.stopped and not self.reader.generative:
                    break
        except Exception as error:
            self.error = error
        finally:
            self.stream.close()
            self.ended = time.monotonic()


@dataclass(frozen=True, eq=False)
class CompareCase:
    """The open recording, its measurements, what was last compared of it, and what is being written.

    `page` is the page that the recording was read off, None where it came as samples.
    """

    record: EcgRecord
    measurements: Measurements | None = None
    found: Compared | None = None
    running: list[Running] = field(default_factory=list)
    page: CasePage | None = None

    @property
    def readings(self) -> tuple[KeptReading, ...]:
        """The readings that were last compared; none before."""
        return () if self.found is None else self.found.kept

    def stop(self) -> bool:
        """Ask all that is being written to stop; whether there is any."""
        for one in self.running:
            one.stop()
        return bool(self.running)
