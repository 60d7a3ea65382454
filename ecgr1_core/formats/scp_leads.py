"""Recognises SCP-ECG, and names the leads of a file that cannot be decoded: handhelds write files of a lead or two.

Source: EN 1064:2020, 5.3 (section 0, the pointers) and 5.6 (section 3, the leads). Handhelds count the bytes of the
pointers from 0 instead of from 1 and may write the length of the record the other way round; both are allowed for.
"""

from __future__ import annotations

import struct

from ecgr1_core.formats.leads import LEAD_NUMBERS

_HEADER = 16  # bytes of a section before its data
_LEAD_BYTES = 9  # of one lead in section 3


def recognises(head: bytes, name: str) -> bool:
    """Whether the first bytes are the pointers of an SCP-ECG record, whose first one points to themselves."""
    if len(head) < 32:
        return False
    (number,), (length,) = struct.unpack_from("<H", head, 8), struct.unpack_from("<I", head, 10)
    first, own_length = struct.unpack_from("<HI", head, 22)
    return bool(number == 0 and first == 0 and own_length == length > _HEADER and (length - _HEADER) % 10 == 0)


def leads_of(data: bytes) -> tuple[str, ...] | None:
    """Return the leads that section 3 announces: names, "lead 0", or "without a name". None where it is not found."""
    (length,) = struct.unpack_from("<I", data, 10)
    for at in range(22, min(6 + length, len(data)) - 9, 10):
        number, size, index = struct.unpack_from("<HII", data, at)
        if number != 3 or size <= _HEADER:
            continue
        for start in (index - 1, index):
            if start >= 0 and start + size <= len(data) and struct.unpack_from("<H", data, start + 2)[0] == 3:
                return _announced(data[start + _HEADER : start + size])
    return None


def _announced(section: bytes) -> tuple[str, ...] | None:
    room = (len(section) - 2) // _LEAD_BYTES
    if len(section) < 2 or room < 1 or section[0] < 1:
        return None
    if section[0] > room:  # a count that its own section has no room for says nothing of names either
        return ("without a name",) * room
    numbers = (section[2 + _LEAD_BYTES * lead + 8] for lead in range(section[0]))
    return tuple(LEAD_NUMBERS.get(number, f"lead {number}") for number in numbers)
