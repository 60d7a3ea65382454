"""What the commands that ask a reader share: choosing it, its options, what it is to see, and its text."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from ecgr1_core.errors import InputError, UnsupportedModalityError
from ecgr1_core.settings import Settings

if TYPE_CHECKING:
    from PIL import Image

    from ecgr1_core.modality import Modality, ModalityView
    from ecgr1_core.readers import Reader, ReadingOptions
    from ecgr1_core.readers.base import ReadingDetails
    from ecgr1_core.record import EcgRecord


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return the settings, with the model and the precision that were given on the command line."""
    given = {"model": arguments.model, "model_precision": arguments.precision}
    return Settings(**{name: value for name, value in given.items() if value is not None})


def check_modality(reader: Reader, modality: str) -> None:
    """Raise UnsupportedModalityError where the reader cannot look at that."""
    if modality not in reader.modalities:
        raise UnsupportedModalityError(
            f"--modality {modality}",
            f"the reader {reader.name!r} reads only: {', '.join(reader.modalities)}",
            "choose one of these or another reader",
        )


def reading_options(reader: Reader, given: dict[str, Any]) -> ReadingOptions | None:
    """Return the options of `given` that are not None; InputError for any of them where the reader draws no tokens.

    Naming a reader that sends recordings away is the consent to that; what goes where is said on standard error.
    """
    from ecgr1_core.readers import ReadingOptions
    from ecgr1_core.readers.base import agreed, consent_needed

    options = {name: value for name, value in given.items() if value is not None}
    if reader.generative:
        if (sentence := consent_needed(reader)) is not None:
            print(f"ecgr1: {sentence}", file=sys.stderr)
        return agreed(reader, ReadingOptions(**options))
    if options:
        names = ", ".join("--" + name.replace("_", "-") for name in options)
        raise InputError(
            names, f"the reader {reader.name!r} does not draw tokens", "leave it out or use --reader ecg-r1"
        )
    return None


def view_of(modality: Modality, record: EcgRecord, page: Image.Image | None = None) -> ModalityView:
    """Return what the reader is to see; the page is the one that was given, or is drawn from the signal."""
    from ecgr1_core.modality import ModalityView
    from ecgr1_core.render.paper import render_page

    if modality == "signal":
        return ModalityView(modality, record)
    if page is not None:
        return ModalityView(modality, record, page, "upload")
    return ModalityView(modality, record, render_page(record), "rendered")


def ask(reader: Reader, view: ModalityView, options: ReadingOptions | None) -> tuple[str, ReadingDetails]:
    """Return the whole text of a reading and what is known of it beside."""
    stream = reader.read(view, options)
    try:
        return "".join(stream), stream.details
    finally:
        stream.close()
