"""A reading that is being written on the Compare page, as its column shows it, and as it is kept once it has ended."""

from __future__ import annotations

from annotations.recordings import KeptReading
from ecgr1_core.errors import InputError
from ui import strings
from ui import strings_compare as words
from ui.components.comparison import LETTERS, Column, view_name
from ui.pages.compare_case import Running
from ui.pages.finished import ended
from ui.pages.read_actions import waiting_for


def column_of(number: int, one: Running) -> Column:
    """Return the column of a reading: the words so far with their claims, its state, and what it waits for or lacks."""
    if one.error is not None:
        fault = str(one.error) if isinstance(one.error, InputError) else strings.FAULT
        state, note = words.FAILED, fault
    elif one.ended is not None:
        state, note = (words.STOPPED if one.stopped else words.DONE.format(seconds=one.seconds)), ""
    else:
        state, note = (words.WRITING if one.reading.raw else words.WAITING), _waiting(one)
    checked = one.checker.so_far(one.reading)
    return Column(
        LETTERS[number], view_name(one.reader.title, one.modality), state, one.reading, checked, one.ended is None, note
    )


def kept_of(one: Running) -> KeptReading:
    """Return a reading that has ended as it is kept, with the last word on its claims."""
    details = one.stream.details
    checked = one.checker.at_last(one.reading, details.evidence, details.certainties, None)
    return ended(
        one.reader, one.modality, one.reading, checked, details,
        seconds=one.seconds, stopped=one.stopped, page_origin=one.page_origin,
    )  # fmt: skip


def _waiting(one: Running) -> str:
    return "" if one.reading.raw else waiting_for(one.reader, one.modality, one.stream.details, one.seconds)
