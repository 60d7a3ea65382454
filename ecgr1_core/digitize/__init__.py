"""Page images to recordings: renders, scans, photographs and vector PDFs of 12-lead ECGs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from ecgr1_core.digitize.assemble import assemble
from ecgr1_core.digitize.corrections import Asked, check_asked, in_picture, put_straight, with_leads
from ecgr1_core.digitize.intake import OpenedPage, is_page, open_page, opened_image
from ecgr1_core.digitize.pieces import FoundPage
from ecgr1_core.digitize.pixels import find_in_pixels
from ecgr1_core.digitize.report import DigitizeReport, PieceReport, piece_reports
from ecgr1_core.digitize.vector import read_drawing
from ecgr1_core.record import EcgRecord

__all__ = [
    "Asked",
    "DigitizeReport",
    "OpenedPage",
    "PieceReport",
    "digitize",
    "digitize_image",
    "digitize_opened",
    "is_page",
    "open_page",
]


def digitize(
    source: Path | bytes, *, asked: Asked | None = None, name: str | None = None, page: int | None = None
) -> tuple[EcgRecord, DigitizeReport]:
    """Return the recording that a page image or PDF shows, at 500 Hz, and the report on it.

    Leads are known for the seconds that the page shows of them, NaN elsewhere. Raises InputError for a file that is no
    page or shows no ECG, MissingInformationError (with the `field` to ask for) where the page does not show its scales.
    """
    return digitize_opened(open_page(source, name=name, page=page), asked)


def digitize_image(
    image: Image.Image, *, asked: Asked | None = None, name: str = "the page"
) -> tuple[EcgRecord, DigitizeReport]:
    """Return the recording that a picture in memory shows, and the report on it; see `digitize`."""
    return digitize_opened(opened_image(image, name), asked)


def digitize_opened(opened: OpenedPage, asked: Asked | None = None) -> tuple[EcgRecord, DigitizeReport]:
    """Return recording and report of a page that was opened; see `digitize`.

    What is `asked` goes before what the page shows; InputError for what cannot be.
    """
    asked = asked or Asked()
    raster = opened.raster
    check_asked(asked, raster.name, (raster.pixels.shape[1], raster.pixels.shape[0]))
    found = with_leads(_found(opened, asked), asked.leads)
    found = replace(found, unsure=(*opened.notes, *found.unsure))
    record, report = assemble(
        found,
        raster.name,
        speed_mm_per_s=asked.speed_mm_per_s,
        gain_mm_per_mv=asked.gain_mm_per_mv,
    )
    return record, replace(report, pieces=piece_reports(found, report.leads), grid_to_px=found.grid_to_px)


def _found(opened: OpenedPage, asked: Asked) -> FoundPage:
    """Return what is found on the page, in pixels of its picture."""
    if opened.drawing is not None and asked.corners_px is None:
        found = read_drawing(opened.drawing)
        if found is not None:
            return found
    raster, to_picture = opened.raster, None
    if asked.corners_px is not None:
        raster, to_picture = put_straight(raster, asked.corners_px)
    found = find_in_pixels(
        raster,
        speed_mm_per_s=asked.speed_mm_per_s,
        gain_mm_per_mv=asked.gain_mm_per_mv,
        px_per_mm=asked.px_per_mm,
    )
    return found if to_picture is None else in_picture(found, to_picture)
