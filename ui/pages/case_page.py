"""The page that a recording was read off: its file, what the user said about it, and what is shown of it.

Pictures are opened anew from the file whenever they are needed, since an open one takes tens of megabytes. The module
reads pages and knows no component.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from ecgr1_core.digitize import Asked, DigitizeReport, OpenedPage, digitize_opened, is_page, open_page
from ecgr1_core.digitize.hiding import all_but_traces, check_boxes, text_on, with_hidden
from ecgr1_core.digitize.packed_page import is_packed, packed, unpacked
from ecgr1_core.digitize.pieces import BoxPx
from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.formats import ReadOptions
from ecgr1_core.formats.options import Unit
from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.record import EcgRecord
from ecgr1_core.render.paper import render_page
from ecgr1_core.settings import Settings
from ui import strings_page as words
from ui.components.page_panel import page_data_html, shown_of

LARGEST_KEPT_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Given:
    """What was given when files were opened, for what they do not say themselves; None where nothing was.

    `sampling_rate_hz`, `unit` and `counts_per_mv` are of recordings, the others of pages; `page_number` counts from 1.
    """

    sampling_rate_hz: float | None = None
    unit: Unit | None = None
    counts_per_mv: float | None = None
    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    px_per_mm: float | None = None
    page_number: int | None = None

    def options(self, settings: Settings) -> ReadOptions:
        """Return what this says about a recording, and the longest duration and the key of pseudonyms."""
        return ReadOptions(
            sampling_rate_hz=self.sampling_rate_hz,
            unit=self.unit,
            counts_per_mv=self.counts_per_mv,
            max_duration_s=settings.max_duration_s,
            pseudonym_key=settings.pseudonym_file,
        )

    @property
    def asked(self) -> Asked:
        """What this says about a page."""
        return Asked(self.speed_mm_per_s, self.gain_mm_per_mv, self.px_per_mm)


@dataclass(frozen=True, eq=False)
class CasePage:
    """A page: the file with its `name`, page `number` of `pages`, and what it was read with.

    Once something of it was hidden, `content` is no longer the file but that one page without it (`packed_page`).
    `first` is what was said when the page was opened, `asked` what it was last read with. `shown` is plain data for the
    panel, without the picture. `replaces` is the digest of the recording that it gave before it was read again.
    """

    name: str
    content: bytes
    number: int
    pages: int
    first: Asked
    asked: Asked
    shown: Mapping[str, Any]
    replaces: str | None = None

    @property
    def is_small(self) -> bool:
        """Whether the file is kept together with the recording."""
        return len(self.content) <= LARGEST_KEPT_BYTES

    def picture(self) -> Image.Image:
        """Return the page as it was uploaded, upright as the file says; a very large one made smaller."""
        return Image.fromarray(self._opened().raster.pixels)

    def _opened(self) -> OpenedPage:
        return _opened(self.content, self.name, self.number)

    @property
    def has_hidden(self) -> bool:
        """Whether something of it was hidden."""
        return is_packed(self.content)

    def hiding(self, boxes: Sequence[BoxPx]) -> CasePage:
        """Return the page without what stands in boxes (x0, y0, x1, y1 in its pixels), and without its file.

        What was read off it stays as it is. InputError for no boxes, and for boxes that cannot be.
        """
        width, height = self.shown["size"]
        checked = check_boxes(boxes, self.name, (width, height))
        if not checked:
            raise InputError(self.name, words.NOTHING_MARKED, words.NOTHING_MARKED_REMEDY)
        content = packed(with_hidden(self._opened(), checked), LARGEST_KEPT_BYTES // 2)
        left = [box for box in self.shown.get("text") or () if not _covered(box, checked)]
        shown = {**self.shown, "text": left, "hidden": self.shown.get("hidden", 0) + len(checked)}
        return replace(self, content=content, number=1, pages=1, shown=shown)

    def again(self, asked: Asked, number: int, replaces: str) -> tuple[EcgRecord, CasePage]:
        """Return the recording read anew, and its page; see `read_off`. The other pages of a file begin as found."""
        try:
            record, page = read_off(self.name, self.content, asked, number)
        except MissingInformationError:
            if not self.has_hidden:
                raise
            known = Asked(self.shown["speed"], self.shown["gain"], asked.px_per_mm, asked.corners_px, asked.leads)
            record, page = read_off(self.name, self.content, known, number)  # its print may have been hidden
        first = self.first if number == self.number else page.first
        shown = {**page.shown, "hidden": self.shown.get("hidden", 0)} if self.has_hidden else page.shown
        return record, replace(page, first=first, replaces=replaces, shown=shown)


def _opened(content: bytes, name: str, number: int) -> OpenedPage:
    return unpacked(content, name) if is_packed(content) else open_page(content, name=name, page=number)


def _covered(box: Sequence[float], boxes: Sequence[BoxPx]) -> bool:
    """Return whether a box lies in one of the others."""
    x0, y0, x1, y1 = box
    return any(left <= x0 and top <= y0 and x1 <= right and y1 <= bottom for left, top, right, bottom in boxes)


def page_among(files: Sequence[Path]) -> Path | None:
    """Return the one file, if it is a page; None where none of them is. InputError for a page among others."""
    if not any(is_page(file) for file in files):
        return None
    if len(files) > 1:
        fault = words.ONE_AT_A_TIME.format(count=len(files))
        raise InputError(", ".join(file.name for file in files), fault, words.ONE_AT_A_TIME_REMEDY)
    return files[0]


def read_off(name: str, content: bytes, asked: Asked, number: int | None = None) -> tuple[EcgRecord, CasePage]:
    """Return the recording that page `number` (None: the first) of a file shows, and the page.

    Raises InputError for bad input, and MissingInformationError with the `field` of `Given` to ask for.
    """
    opened = _opened(content, name, number or 1)
    try:
        record, report = digitize_opened(opened, asked)
    except MissingInformationError:
        raise
    except InputError as error:
        if opened.pages == 1:
            raise
        fault = words.OTHER_PAGE.format(number=opened.page, pages=opened.pages, fault=error.fault)
        raise MissingInformationError(name, fault, words.OTHER_PAGE_REMEDY, "page_number") from error
    shown = _shown(opened, report, asked)
    return record, CasePage(name, content, opened.page, opened.pages, asked, asked, shown)


def _shown(opened: OpenedPage, report: DigitizeReport, asked: Asked) -> dict[str, Any]:
    height, width = opened.raster.pixels.shape[:2]
    size = (width, height)
    return shown_of(report, asked, size, text=text_on(opened, report), around=all_but_traces(size, report))


def places_of(told: str, page: CasePage) -> tuple[BoxPx, ...]:
    """Return the boxes that the panel marks to be hidden, its JSON; InputError for nonsense."""
    try:
        return tuple((float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in json.loads(told)["hide"])
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise InputError(page.name, words.BAD_CORRECTIONS, words.BAD_CORRECTIONS_REMEDY) from error


def corrections_of(told: str, page: CasePage) -> tuple[Asked, int]:
    """Return what the panel says about the page, its JSON, and the number of the page; InputError for nonsense.

    `as_found` gives what was said when the page was opened; another page of the file is read with nothing said.
    """
    try:
        said = json.loads(told)
        number = int(said.get("page") or page.number)
        if said.get("as_found"):
            return page.first, page.number
        if number != page.number:
            return Asked(), number
        return asked_of(said), number
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(page.name, words.BAD_CORRECTIONS, words.BAD_CORRECTIONS_REMEDY) from error


def _number(value: Any) -> float | None:
    return None if value is None or value == "" else float(value)


def asked_of(said: Mapping[str, Any]) -> Asked:
    """Return what `asked_json` wrote, or a panel says; ValueError, TypeError for what neither does."""
    corners = said.get("corners")
    return Asked(
        speed_mm_per_s=_number(said.get("speed")),
        gain_mm_per_mv=_number(said.get("gain")),
        px_per_mm=_number(said.get("px_per_mm")),
        corners_px=None if corners is None else tuple((float(x), float(y)) for x, y in corners),
        leads={
            (int(row), int(column)): None if lead is None else str(lead)
            for row, column, lead in said.get("leads") or []
        },
    )


def asked_json(asked: Asked) -> dict[str, Any]:
    """Return what was said about a page as plain data."""
    return {
        "speed": asked.speed_mm_per_s,
        "gain": asked.gain_mm_per_mv,
        "px_per_mm": asked.px_per_mm,
        "corners": None if asked.corners_px is None else [list(corner) for corner in asked.corners_px],
        "leads": [[row, column, lead] for (row, column), lead in asked.leads.items()],
    }


Looked = tuple[Image.Image, Literal["upload", "rendered"]]
"""A page image for readers, and where it comes from."""


def look_at(record: EcgRecord, page: CasePage | None) -> Looked:
    """Return the page that was uploaded, where the recording was read off one, or else one drawn from the recording."""
    return (render_page(record), "rendered") if page is None else (page.picture(), "upload")


def view_of(record: EcgRecord, modality: Modality, looked: Looked | None) -> ModalityView:
    """Return what a reader gets of a recording; `looked` is its page image, which the signal alone does not need."""
    if modality == "signal" or looked is None:
        return ModalityView(modality, record)
    image, origin = looked
    return ModalityView(modality, record, image, origin, record if origin == "upload" else None)


def panel_data_html(page: CasePage | None, *, keeping: bool) -> str:
    """Return what the panel needs to show a page, "" without one; `keeping` is whether recordings are kept at all."""
    if page is None:
        return ""
    large = words.NOT_KEPT.format(limit_mb=LARGEST_KEPT_BYTES / 2**20)
    notes = [large] if keeping and not page.is_small else []
    asked = asked_json(page.asked)
    return page_data_html(page.shown, page.picture(), asked, number=page.number, pages=page.pages, notes=notes)
