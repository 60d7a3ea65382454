"""A reading that is written in a thread of its own: its row, and its pieces as they come out of that thread.

Whoever takes the text is told within a quarter of a second that the reader is still at work, and can stop it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final

from ecgr1_core.modality import ModalityView
from ecgr1_core.readers.base import ReadingDetails

_HEARTBEAT_S: Final = 0.25

Message = str | Exception | None
"""A piece of text, what went wrong, or the end."""


@dataclass
class Row:
    """One reading that is written: what it looks at, what is known of it, its pieces, and whether it is to stop."""

    view: ModalityView
    details: ReadingDetails
    stop: threading.Event = field(default_factory=threading.Event)
    messages: queue.SimpleQueue[Message] = field(default_factory=queue.SimpleQueue)


def pieces(row: Row, begin: Callable[[], None]) -> Generator[str, None, None]:
    """Yield the pieces of one row as they are written, an empty one at every heart-beat without any."""
    begin()
    try:
        while True:
            try:
                message = row.messages.get(timeout=_HEARTBEAT_S)
            except queue.Empty:
                if row.stop.is_set() and row.details.phase in ("waiting", "loading"):
                    row.details.stop_reason, row.details.phase = "cancelled", "done"
                    return
                yield ""
                continue
            if isinstance(message, Exception):
                raise message
            if message is None:
                return
            yield message
    finally:
        row.stop.set()
