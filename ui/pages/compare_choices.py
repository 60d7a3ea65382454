"""What can be chosen on the Compare page: ways of reading, what is told of them, a seed, consent.

A way of reading is a reader with what it looks at, "ecg-r1/image". Nothing is read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecgr1_core.errors import InputError
from ecgr1_core.readers import Reader, ReadingOptions, get_reader, known_readers
from ecgr1_core.readers.base import consent_needed
from ecgr1_core.settings import Settings
from ui import strings_compare as words
from ui.components.comparison import LETTERS, view_name
from ui.components.consent import consent_choice
from ui.pages.read_actions import reader_note_html
from ui.pages.updates import Update
from ui.quick_gradio import gr

LARGEST_SEED = 2**32 - 1
DRAWN_TEMPERATURE = 0.7  # where a seed is given


def told_of(settings: Settings, views: Sequence[str]) -> Update:
    """Return what there is to know of the chosen readers, and the tick for the one that sends the recording away."""
    return {"reader_note": notes_html(settings, views), "consent": gr.update(**consent_of(settings, views))}


def notes_html(settings: Settings, views: Sequence[str]) -> str:
    """Return a line for each chosen reader: version, what it can see, where the recording goes; or what it lacks."""
    return "".join(reader_note_html(reader) for reader in readers_of(settings, views))


def consent_of(settings: Settings, views: Sequence[str]) -> dict[str, Any]:
    """Return the tick without which a chosen reader does not read; invisible where none needs it."""
    readers = readers_of(settings, views)
    return consent_choice(next((one for one in readers if consent_needed(one) is not None), readers[0]))


def readers_of(settings: Settings, views: Sequence[str]) -> list[Reader]:
    """Return the readers of some ways of reading, each once."""
    return [get_reader(name, settings) for name in dict.fromkeys(view.split("/")[0] for view in views)]


def view_choices(settings: Settings) -> list[tuple[str, str]]:
    """Return every way of reading that there is: each reader with each thing it can look at."""
    found = []
    for reader in known_readers(settings):
        for modality in reader.modalities:
            name = view_name(reader.title, modality)
            shown = name if reader.unavailable is None else words.GONE.format(name=name)
            found.append((shown, f"{reader.name}/{modality}"))
    return found


def first_views(settings: Settings) -> tuple[str, ...]:
    """Return what is chosen when the page opens: ways of reading that are there and send nothing away come first."""
    ready = [
        f"{reader.name}/{modality}"
        for reader in known_readers(settings)
        if reader.unavailable is None and consent_needed(reader) is None
        for modality in reader.modalities
    ]
    every = ready + [value for _, value in view_choices(settings) if value not in ready]
    return tuple(every[: len(LETTERS)])


def options_of(reader: Reader, seed: int | None) -> ReadingOptions | None:
    """Return how a reader is to write: with a seed, a generative one draws its words."""
    if not reader.generative or seed is None:
        return None
    return ReadingOptions(seed=seed, temperature=DRAWN_TEMPERATURE)


def seed_of(text: str) -> int | None:
    """Return the seed that was written, None for none."""
    words_of = text.strip()
    if not words_of:
        return None
    if not words_of.isdecimal() or int(words_of) > LARGEST_SEED:
        fault = words.SEED_FAULT.format(seed=words_of[:40], largest=LARGEST_SEED)
        raise InputError(words.SEED, fault, words.SEED_REMEDY)
    return int(words_of)
