"""Decides what stands on which page of a report, before anything is drawn.

The trace has its true size whatever happens. The text below it is set as large as it fits on one page, not below
6.5 pt; where it does not fit, the rows of the trace move together, and where that is not enough either, the first page
takes the short text and the reasoning follows on further pages. A page that the trace makes larger than A4 grows by
what the text needs too. Sizes are in mm from the upper edge, type in points. Nothing here knows what the text says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ecgr1_core.render.geometry import Sheet
from ecgr1_core.report.flow import LEADING, Line, Paragraph, Run, balanced, height_pt, set_lines
from ecgr1_core.report.packing import packed
from ecgr1_core.report.trace import POINTS_PER_MM

A4_WIDTH_MM, A4_HEIGHT_MM = 297.0, 210.0
MARGIN_X_MM, MARGIN_Y_MM = 13.5, 5.5
HEADER_MM = 9.5
STRIP_MM = 10.5
FOOTER_MM = 4.0
SIGNATURE_MM = 7.5
GAP_MM = 1.2
COLUMN_GAP_MM = 5.0
HEAD_GAP_PT = 2.0
TYPE_SIZES_PT = (8.0, 7.5, 7.0, 6.5)
CONTINUED_PT = 7.5
LARGEST_GROWTH_MM = 120.0  # of a page that is not A4 anyway, or whose trace leaves no room for the short text
_A4_COLUMNS = 3
_LEAST_LINES = 2  # a column with fewer is not begun


@dataclass(frozen=True)
class Text:
    """What is to be set below the trace: `head` over the whole width, `body` in columns, `notes` behind it.

    Where that does not fit on one page, `short` takes the place of the body there and `reasoning` follows on further
    pages; the notes too, where even the short text leaves no room for them.
    """

    head: Paragraph
    body: tuple[Paragraph, ...]
    short: tuple[Paragraph, ...] = ()
    reasoning: tuple[Paragraph, ...] = ()
    notes: tuple[Paragraph, ...] = ()


@dataclass(frozen=True)
class Page:
    """One page: its size in mm, its trace if it is the first, the lines set on it, and whether it is signed."""

    width_mm: float
    height_mm: float
    size_pt: float
    sheet: Sheet | None
    head: tuple[Line, ...]
    columns: tuple[tuple[Line, ...], ...]
    signed: bool

    @property
    def top_of_text_mm(self) -> float:
        """Where the text begins, from the upper edge."""
        below_header = MARGIN_Y_MM + HEADER_MM
        return below_header if self.sheet is None else below_header + self.sheet.height_mm + 2 * GAP_MM + STRIP_MM


def plan(sheet: Sheet, text: Text) -> list[Page]:
    """Return the pages: one, with the trace's rows and the type as large as it allows, or more where one cannot do.

    The first page has the line to sign; it becomes larger than A4 where the trace leaves no room for the short text.
    Only a text without reasoning that is too long for it is signed on the last page. Every line is on one of them.
    """
    dense = packed(sheet)
    text = replace(text, body=(*text.body, *text.notes))
    whole = _one_page(sheet, dense, text)
    if whole is not None:
        return [whole]
    if text.reasoning:
        for body, behind in (((*text.short, *text.notes), ()), (text.short, text.notes)):
            first = _one_page(sheet, dense, replace(text, body=body))
            if first is not None:
                return [first, *_reasoning_pages((*text.reasoning, *behind))]
        short = replace(text, body=text.short)
        page, rest = _first_page(dense, short, CONTINUED_PT, signed=True, growth_mm=LARGEST_GROWTH_MM)
        if not rest:
            return [page, *_reasoning_pages((*text.reasoning, *text.notes))]
    page, rest = _first_page(dense, text, CONTINUED_PT, signed=False)
    if not rest:  # it only fits without the line to sign
        page, rest = _first_page(dense, text, CONTINUED_PT, signed=False, kept_free_mm=SIGNATURE_MM)
    pages = [page]
    while rest:
        begun = bool(pages[0].head) or len(pages) > 1
        words = Paragraph((Run("Reading, continued", bold=True),)) if begun else text.head
        page, rest = _further_page(rest, words, last_is_signed=True)
        pages.append(page)
    return pages


def _one_page(sheet: Sheet, dense: Sheet, text: Text) -> Page | None:
    """Return the one signed page that holds the body of the text, None where none does."""
    for tried in (sheet, dense):
        for size_pt in TYPE_SIZES_PT:
            page, rest = _first_page(tried, text, size_pt, signed=True)
            if not rest:
                return page
    if _larger_than_a4(dense):
        page, rest = _first_page(dense, text, CONTINUED_PT, signed=True, growth_mm=LARGEST_GROWTH_MM)
        if not rest:
            return page
    return None


def _reasoning_pages(paragraphs: Sequence[Paragraph]) -> list[Page]:
    rest = set_lines(paragraphs, column_pt(A4_WIDTH_MM), CONTINUED_PT)
    words = Paragraph((Run("Reasoning in full", bold=True), Run(", as the reader wrote it; the report is page 1")))
    pages = []
    while rest:
        page, rest = _further_page(rest, words, last_is_signed=False)
        pages.append(page)
    return pages


def column_pt(width_mm: float) -> float:
    """Return the width in points of one column of a page that is `width_mm` wide."""
    count = _column_count(width_mm)
    return points((width_mm - 2 * MARGIN_X_MM - (count - 1) * COLUMN_GAP_MM) / count)


def points(length_mm: float) -> float:
    """Return a length in points, of 1/72 inch."""
    return length_mm * POINTS_PER_MM


def _first_page(
    sheet: Sheet,
    text: Text,
    size_pt: float,
    *,
    signed: bool,
    kept_free_mm: float = 0.0,
    growth_mm: float = 0.0,
) -> tuple[Page, list[Line]]:
    """Return the first page and the lines that are left over; all of them, and no head, where there is no room.

    With `growth_mm` the page may become higher by so much.
    """
    width_mm = max(A4_WIDTH_MM, sheet.width_mm + 2 * MARGIN_X_MM)
    fixed_mm = 2 * MARGIN_Y_MM + HEADER_MM + sheet.height_mm + 2 * GAP_MM + STRIP_MM + FOOTER_MM + kept_free_mm
    fixed_mm += SIGNATURE_MM if signed else 0.0
    height_mm = max(A4_HEIGHT_MM, float(math.ceil(fixed_mm)))
    count = _column_count(width_mm)
    lines = set_lines(text.body, column_pt(width_mm), size_pt)
    head = _head_lines(text.head, width_mm, size_pt)
    head_pt = height_pt(head, size_pt) + HEAD_GAP_PT
    room_pt = points(height_mm + growth_mm - fixed_mm) - head_pt
    if room_pt < _LEAST_LINES * size_pt * LEADING:
        return Page(width_mm, height_mm, size_pt, sheet, (), (), signed), lines
    columns, rest = balanced(lines, count, room_pt, size_pt)
    if growth_mm:
        used_mm = (max(height_pt(column, size_pt) for column in columns) + head_pt) / POINTS_PER_MM
        height_mm = max(height_mm, float(math.ceil(fixed_mm + used_mm + GAP_MM)))
    return Page(width_mm, height_mm, size_pt, sheet, head, _frozen(columns), signed), rest


def _further_page(lines: list[Line], words: Paragraph, *, last_is_signed: bool) -> tuple[Page, list[Line]]:
    """Return an A4 page of text, in columns no wider than those of the first page, and the lines that are left over."""
    head = _head_lines(words, A4_WIDTH_MM, CONTINUED_PT)
    fixed_mm = 2 * MARGIN_Y_MM + HEADER_MM + FOOTER_MM + (SIGNATURE_MM if last_is_signed else 0.0)
    room_pt = points(A4_HEIGHT_MM - fixed_mm) - height_pt(head, CONTINUED_PT) - HEAD_GAP_PT
    columns, rest = balanced(lines, _A4_COLUMNS, room_pt, CONTINUED_PT)
    signed = last_is_signed and not rest
    return Page(A4_WIDTH_MM, A4_HEIGHT_MM, CONTINUED_PT, None, head, _frozen(columns), signed), rest


def _larger_than_a4(sheet: Sheet) -> bool:
    page, _ = _first_page(sheet, Text(Paragraph(()), ()), CONTINUED_PT, signed=False)
    return page.width_mm > A4_WIDTH_MM or page.height_mm > A4_HEIGHT_MM


def _head_lines(words: Paragraph, width_mm: float, size_pt: float) -> tuple[Line, ...]:
    return tuple(set_lines([words], points(width_mm - 2 * MARGIN_X_MM), size_pt))


def _frozen(columns: list[list[Line]]) -> tuple[tuple[Line, ...], ...]:
    return tuple(tuple(column) for column in columns)


def _column_count(width_mm: float) -> int:
    """Return the columns of a page: three on A4, and on wider ones so many that none is wider than there."""
    inner = width_mm - 2 * MARGIN_X_MM + COLUMN_GAP_MM
    widest = (A4_WIDTH_MM - 2 * MARGIN_X_MM + COLUMN_GAP_MM) / _A4_COLUMNS
    return math.ceil(inner / widest - 1e-9)
