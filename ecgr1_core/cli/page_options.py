"""What the command line says about pages, for the commands that read recordings off them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, SPEEDS_MM_PER_S

if TYPE_CHECKING:
    from PIL import Image

    from ecgr1_core.digitize import Asked, DigitizeReport
    from ecgr1_core.digitize.pieces import BoxPx
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
    parser.add_argument(
        "--hide-text", action="store_true", help="hide the text that is found on a page outside its traces"
    )
    parser.add_argument(
        "--hide",
        type=_place,
        action="append",
        default=[],
        metavar="X,Y,W,H",
        help="hide this place of a page: left, top, width and height in its pixels; may be given several times",
    )
    parser.add_argument(
        "--hide-all-but-traces", action="store_true", help="hide all of a page but its traces, lead names and pulses"
    )


@dataclass(frozen=True)
class Hide:
    """What is to be hidden on pages: text that is found, these places (x0, y0, x1, y1 in pixels), all but traces."""

    text: bool = False
    places: tuple[BoxPx, ...] = ()
    all_but_traces: bool = False

    @property
    def anything(self) -> bool:
        """Whether anything is to be hidden."""
        return self.text or self.all_but_traces or bool(self.places)


@dataclass(frozen=True, eq=False)
class PageRead:
    """A page that was read off: recording, report, its picture as readers get it, and boxes in its pixels.

    `text` is around the text that was found outside the traces, () where it was not looked for; `hidden` what the
    picture does not show any more.
    """

    record: EcgRecord
    report: DigitizeReport
    picture: Image.Image
    text: tuple[BoxPx, ...]
    hidden: tuple[BoxPx, ...]


def hide_from(arguments: argparse.Namespace) -> Hide:
    """Return what is to be hidden on pages."""
    return Hide(arguments.hide_text, tuple(arguments.hide), arguments.hide_all_but_traces)


def _place(text: str) -> BoxPx:
    """Return X,Y,W,H as a box; argparse says what is wrong with anything else."""
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not X,Y,W,H: four numbers in pixels of the page") from None
    if not (width > 0 and height > 0):
        raise argparse.ArgumentTypeError(f"{text!r} has no width or no height")
    return x, y, x + width, y + height


def asked_from(arguments: argparse.Namespace) -> Asked:
    """Return what the user says about the page; InputError for a value that cannot be meant."""
    from ecgr1_core.digitize import Asked

    if arguments.px_per_mm is not None and not _PX_PER_MM[0] <= arguments.px_per_mm <= _PX_PER_MM[1]:
        raise InputError("--px-per-mm", f"{arguments.px_per_mm:g} is out of range", "give 1 to 60")
    return Asked(
        speed_mm_per_s=arguments.speed_mm_per_s, gain_mm_per_mv=arguments.gain_mm_per_mv, px_per_mm=arguments.px_per_mm
    )


def read_page(
    path: Path, asked: Asked, page: int | None = None, hide: Hide | None = None, *, look_for_text: bool = False
) -> PageRead:
    """Return the recording that a page shows, the report on it and the page as a picture, less what is to be hidden.

    The recording is read off before anything is hidden, so that it is the same. What the page does not show is an
    InputError that names the option to give it with.
    """
    from PIL import Image

    from ecgr1_core.digitize import digitize_opened, open_page
    from ecgr1_core.digitize.hiding import all_but_traces, check_boxes, printed_without, text_on, with_hidden

    hide = hide or Hide()
    opened = open_page(path, page=page)
    height, width = opened.raster.pixels.shape[:2]
    places = check_boxes(hide.places, path.name, (width, height))
    try:
        record, report = digitize_opened(opened, asked)
    except MissingInformationError as error:
        option = _OPTIONS.get(error.field)
        remedy = error.remedy if option is None else f"{error.remedy} ({option})"
        raise InputError(error.subject, error.fault, remedy) from error
    text = text_on(opened, report) if hide.text or look_for_text else ()
    found = (*places, *(text if hide.text else ()))
    around = all_but_traces((width, height), report) if hide.all_but_traces else ()
    hidden = tuple(dict.fromkeys((*found, *around)))
    if hidden:
        opened = with_hidden(opened, hidden)
        report = replace(report, printed=printed_without(report.printed, opened, report.turned_deg))
    return PageRead(record, report, Image.fromarray(opened.raster.pixels), text, hidden)
