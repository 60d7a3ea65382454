"""What the command line says about pages, for the commands that read recordings off them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, SPEEDS_MM_PER_S

if TYPE_CHECKING:
    from PIL import Image

    from ecgr1_core.digitize import Asked, DigitizeReport
    from ecgr1_core.record import EcgRecord

_OPTIONS = {
    "speed_mm_per_s": "--speed-mm-per-s",
    "gain_mm_per_mv": "--gain-mm-per-mv",
    "px_per_mm": "--px-per-mm",
}
_PX_PER_MM = (1.0, 60.0)


def add_page_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a page may not show itself."""
    parser.add_argument(
        "--speed-mm-per-s", type=float, choices=SPEEDS_MM_PER_S, help="paper speed, where a page does not show it"
    )
    parser.add_argument(
        "--gain-mm-per-mv", type=float, choices=GAINS_MM_PER_MV, help="gain, where a page does not show it"
    )
    parser.add_argument(
        "--px-per-mm", type=float, metavar="N", help="pixels of one millimetre, for a page without a grid"
    )


def asked_from(arguments: argparse.Namespace) -> Asked:
    """Return what the user says about the page; InputError for a value that cannot be meant."""
    from ecgr1_core.digitize import Asked

    if arguments.px_per_mm is not None and not _PX_PER_MM[0] <= arguments.px_per_mm <= _PX_PER_MM[1]:
        raise InputError("--px-per-mm", f"{arguments.px_per_mm:g} is out of range", "give 1 to 60")
    return Asked(
        speed_mm_per_s=arguments.speed_mm_per_s, gain_mm_per_mv=arguments.gain_mm_per_mv, px_per_mm=arguments.px_per_mm
    )


def read_page(path: Path, asked: Asked, page: int | None = None) -> tuple[EcgRecord, DigitizeReport, Image.Image]:
    """Return the recording that a page shows, the report on it and the page as a picture.

    What the page does not show is an InputError that names the option to give it with.
    """
    from PIL import Image

    from ecgr1_core.digitize import digitize_opened, open_page

    opened = open_page(path, page=page)
    try:
        record, report = digitize_opened(opened, asked)
    except MissingInformationError as error:
        option = _OPTIONS.get(error.field)
        remedy = error.remedy if option is None else f"{error.remedy} ({option})"
        raise InputError(error.subject, error.fault, remedy) from error
    return record, report, Image.fromarray(opened.raster.pixels)
