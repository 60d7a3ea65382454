"""The readers: what looks at one recording in one modality and writes a reading, delta by delta.

One file per reader, and the list of them here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ecgr1_core.errors import InputError
from ecgr1_core.readers.base import Reader
from ecgr1_core.readers.protocol_reader import ProtocolReader

__all__ = ["ProtocolReader", "Reader", "available_readers", "get_reader"]

_READERS: tuple[Callable[[], Reader], ...] = (ProtocolReader,)


@cache
def available_readers() -> tuple[Reader, ...]:
    """Return every reader that can be chosen here, the embedded default first; each is made once."""
    return tuple(make() for make in _READERS)


def get_reader(name: str) -> Reader:
    """Return the reader of that name; InputError, which lists the known ones, where there is none."""
    known = available_readers()
    for reader in known:
        if reader.name == name:
            return reader
    raise InputError(
        f"reader {name!r}", "there is no such reader", f"choose one of: {', '.join(r.name for r in known)}"
    )
