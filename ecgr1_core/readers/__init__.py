"""The readers: what looks at one recording in one modality and writes a reading, delta by delta.

One file per reader, and the list of them here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ecgr1_core.errors import InputError
from ecgr1_core.readers.base import Reader, ReadingDetails, ReadingOptions, ReadingStream
from ecgr1_core.readers.ecg_r1 import EcgR1Reader
from ecgr1_core.readers.gem import GemReader
from ecgr1_core.readers.medgemma import MedGemmaReader
from ecgr1_core.readers.nano import NanoReader
from ecgr1_core.readers.protocol_reader import ProtocolReader
from ecgr1_core.readers.pulse import PulseReader
from ecgr1_core.readers.remote import RemoteReader
from ecgr1_core.settings import Settings

__all__ = [
    "EcgR1Reader",
    "GemReader",
    "MedGemmaReader",
    "NanoReader",
    "ProtocolReader",
    "PulseReader",
    "Reader",
    "ReadingDetails",
    "ReadingOptions",
    "ReadingStream",
    "RemoteReader",
    "get_reader",
    "known_readers",
]

_READERS: tuple[Callable[[Settings], Reader], ...] = (
    lambda settings: ProtocolReader(),
    EcgR1Reader,
    NanoReader,
    MedGemmaReader,
    PulseReader,
    GemReader,
    RemoteReader,
)


def known_readers(settings: Settings | None = None) -> tuple[Reader, ...]:
    """Return every reader, the embedded default first, those that cannot be used here included (`unavailable`).

    ECG-R1-nano is there only where the program came with its weights: nobody but who installs it can do about that.
    Each is made once for the same settings, so that a model is held once. `settings` default to the program's own.
    """
    return _made(settings if settings is not None else Settings())


@cache
def _made(settings: Settings) -> tuple[Reader, ...]:
    made = (make(settings) for make in _READERS)
    return tuple(one for one in made if not (isinstance(one, NanoReader) and one.directory is None))


def get_reader(name: str, settings: Settings | None = None) -> Reader:
    """Return the reader of that name; InputError, which lists the known ones, where there is none."""
    known = known_readers(settings)
    for reader in known:
        if reader.name == name:
            return reader
    raise InputError(
        f"reader {name!r}", "there is no such reader", f"choose one of: {', '.join(r.name for r in known)}"
    )
