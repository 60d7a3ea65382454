"""Draws the report: the trace in true scale, the measurements, the reading, and a line to sign.

`plan` has decided what stands where. Equal input, the time passed in included, gives equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from reportlab.pdfgen.canvas import Canvas

from ecgr1_core import DISCLAIMER, __version__
from ecgr1_core.interpretation import Interpretation
from ecgr1_core.measure.types import Measurements
from ecgr1_core.record import EcgRecord
from ecgr1_core.render.filters import (
    BANDS_HZ,
    NOTCHES_HZ,
    DisplayFilter,
    band_filter,
    filtered,
    label_of,
    notch_filter,
)
from ecgr1_core.render.geometry import lay_out
from ecgr1_core.report.content import (
    note_paragraphs,
    patient_words,
    reading_head,
    reading_paragraphs,
    recording_words,
    split_reading,
    texts_of,
)
from ecgr1_core.report.flow import Run, draw_column, draw_line, height_pt
from ecgr1_core.report.measured import draw_strip, measured_cells
from ecgr1_core.report.plan import (
    A4_HEIGHT_MM,
    A4_WIDTH_MM,
    COLUMN_GAP_MM,
    FOOTER_MM,
    GAP_MM,
    HEAD_GAP_PT,
    HEADER_MM,
    MARGIN_X_MM,
    MARGIN_Y_MM,
    STRIP_MM,
    Page,
    Text,
    column_pt,
    plan,
    points,
)
from ecgr1_core.report.trace import draw_sheet
from ecgr1_core.report.typeface import REGULAR, printable, register_fonts, unprintable_count, width_pt
from ecgr1_core.report.types import Provenance, ReportedClaim, ReportOptions

UNNAMED = "case not named"
MEASURED_UNFILTERED = "trace filtered, measured unfiltered"
PROGRAM = f"ECG-R1 Review {__version__}"
_HEADER_PT, _SMALL_PT, _SIGN_PT = 8.5, 6.5, 7.5
_LOCK = threading.Lock()  # reportlab keeps its fonts for the whole process


def report_pdf(
    record: EcgRecord,
    measurements: Measurements,
    interpretation: Interpretation | None,
    claims: Sequence[ReportedClaim] | None,
    details: Provenance | None,
    options: ReportOptions,
) -> bytes:
    """Return the report of a recording as a PDF: one page, and the reasoning in full behind it where it does not fit.

    `interpretation` None makes a report without a reading, `claims` None one whose claims were not checked. The name of
    the record is not used; what stands for the patient is in `options`.

    Raises UnsuitableRecordingError where the recording ends before `options.start_s`, ValueError for an unknown layout,
    order, speed, gain or filter, and where a claim does not stand in the reading as it says.
    """
    filters = _filters(record, options)
    sheet = lay_out(
        replace(record, signal_mv=filtered(record.signal_mv, record.sampling_rate_hz, *filters)),
        layout=options.layout,
        speed_mm_per_s=options.speed_mm_per_s,
        gain_mm_per_mv=options.gain_mm_per_mv,
        start_s=options.start_s,
        filter_label=label_of(*filters),
        order=options.order,
    )
    with _LOCK:
        register_fonts()
        text = _text(record, measurements, interpretation, claims, details, options)
        return _draw(plan(sheet, text), record, measurements, options)


def _filters(record: EcgRecord, options: ReportOptions) -> tuple[DisplayFilter | None, ...]:
    """Return the display filters of the page; ValueError for one that there is not, or not at this sampling rate."""
    if options.band not in BANDS_HZ:
        raise ValueError(f"band must be one of {', '.join(BANDS_HZ)}, got {options.band!r}")
    rate_hz = record.sampling_rate_hz
    if options.notch_hz is None:
        return (band_filter(options.band, rate_hz),)
    notch = notch_filter(options.notch_hz, rate_hz) if options.notch_hz in NOTCHES_HZ else None
    if notch is None:
        raise ValueError(f"there is no notch at {options.notch_hz:g} Hz for a recording of {rate_hz:g} Hz")
    return band_filter(options.band, rate_hz), notch


def _text(
    record: EcgRecord,
    measurements: Measurements,
    interpretation: Interpretation | None,
    claims: Sequence[ReportedClaim] | None,
    details: Provenance | None,
    options: ReportOptions,
) -> Text:
    head = reading_head(details, interpretation, claims)
    body = reading_paragraphs(interpretation, claims, details)
    short, others = split_reading(interpretation, claims, details)
    notes = note_paragraphs(record, measurements, details, 0)
    lost = unprintable_count([*texts_of([head, *body, *notes]), options.case, options.identity])
    notes = note_paragraphs(record, measurements, details, lost)
    return Text(head, tuple(body), tuple(short), tuple(others), tuple(notes))


def _draw(pages: list[Page], record: EcgRecord, measurements: Measurements, options: ReportOptions) -> bytes:
    """Draw the planned pages and return the file."""
    made = options.made_at
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=1, invariant=1, lang="en", initialFontName=REGULAR)
    canvas.setTitle(f"12-lead ECG report, signal {fingerprint(record)}")
    canvas.setSubject(DISCLAIMER)
    canvas.setAuthor("")
    canvas.setCreator(PROGRAM)
    canvas.setDateFormatter(lambda *_: pdf_date(made))
    canvas.setViewerPreference("DisplayDocTitle", "true")
    canvas.setViewerPreference("PrintScaling", "None")  # a viewer that heeds it prints in true scale
    first_column = column_pt(pages[0].width_mm) + points(COLUMN_GAP_MM)
    for number, page in enumerate(pages, start=1):
        canvas.setPageSize((points(page.width_mm), points(page.height_mm)))
        _draw_header(canvas, page, record, options)
        left, width = points(MARGIN_X_MM), points(page.width_mm - 2 * MARGIN_X_MM)
        if page.sheet is not None:
            draw_sheet(canvas, page.sheet, MARGIN_X_MM, MARGIN_Y_MM + HEADER_MM, page.height_mm, options.colour)
            top = _up(page, MARGIN_Y_MM + HEADER_MM + page.sheet.height_mm + GAP_MM)
            draw_strip(canvas, measured_cells(measurements, record.patient), left, top, width, points(STRIP_MM))
        top = _up(page, page.top_of_text_mm)
        if page.head:
            draw_column(canvas, page.head, left, top, page.size_pt)
            top -= height_pt(page.head, page.size_pt) + HEAD_GAP_PT
        for index, column in enumerate(page.columns):
            draw_column(canvas, column, left + index * first_column, top, page.size_pt)
        if page.signed:
            _draw_signature(canvas, page)
        _draw_footer(canvas, pages, number, record, options)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _draw_header(canvas: Canvas, page: Page, record: EcgRecord, options: ReportOptions) -> None:
    """Draw the patient line, the recording, the time and the disclaimer at the top of a page."""
    left, right = points(MARGIN_X_MM), points(page.width_mm - MARGIN_X_MM)
    first, second = _up(page, MARGIN_Y_MM + 3.4), _up(page, MARGIN_Y_MM + 7.4)
    date = f"Report of {time_words(options.made_at)}"
    names = [words for name in (options.case, options.identity) if (words := one_line(name))] or [UNNAMED]
    who = "    ".join(["12-lead ECG", *names])
    room = right - left - width_pt(DISCLAIMER, _HEADER_PT, bold=True) - 12
    age = f"    {patient_words(record.patient)}"
    who = _cut(who, room - width_pt(age, _HEADER_PT), _HEADER_PT)
    draw_line(canvas, (Run(who, bold=True), Run(age)), left, first, _HEADER_PT)
    draw_line(canvas, (Run(recording_words(record)),), left, second, _SMALL_PT)
    for words, y, size, bold in ((DISCLAIMER, first, _HEADER_PT, True), (date, second, _SMALL_PT, False)):
        draw_line(canvas, (Run(words, bold),), right - width_pt(words, size, bold=bold), y, size)


def _draw_signature(canvas: Canvas, page: Page) -> None:
    """Draw what a person fills in who has read the report."""
    y = points(MARGIN_Y_MM + FOOTER_MM + 1.2)
    left, right = points(MARGIN_X_MM), points(page.width_mm - MARGIN_X_MM)
    shares = (("Read by (name)", 0.42), ("Date", 0.2), ("Signature", 0.38))
    x = left
    canvas.saveState()
    canvas.setLineWidth(0.5)
    for words, share in shares:
        end = x + (right - left) * share
        draw_line(canvas, (Run(words, bold=True),), x, y, _SIGN_PT)
        canvas.line(x + width_pt(words, _SIGN_PT, bold=True) + 4, y - 1, end - (0 if end >= right - 1 else 8), y - 1)
        x = end
    canvas.restoreState()


def _what_follows(pages: Sequence[Page], number: int) -> str:
    """Return what the foot of a page that is not the last says of those behind it."""
    signed = next(place for place, page in enumerate(pages, start=1) if page.signed)
    if signed < number or signed == 1:
        return f"reasoning in full: page {number + 1}" if number == 1 else f"continued on page {number + 1}"
    return f"continued on page {number + 1}, signature on page {signed}"


def _draw_footer(canvas: Canvas, pages: Sequence[Page], number: int, record: EcgRecord, options: ReportOptions) -> None:
    """Draw the program, the page number, the size at which to print, and that a filter is on the trace alone."""
    page, count = pages[number - 1], len(pages)
    size = "A4" if page.height_mm == A4_HEIGHT_MM and page.width_mm == A4_WIDTH_MM else _larger(page)
    parts = [PROGRAM, f"signal {fingerprint(record)}", f"{size}: print at 100 %, not fitted to the page"]
    if page.sheet is not None and (options.band != "off" or options.notch_hz is not None):
        parts.append(MEASURED_UNFILTERED)
    runs = [Run(" · ".join(parts))]
    if number < count:
        runs.append(Run(f" · {_what_follows(pages, number)}", bold=True))
    y, right = points(MARGIN_Y_MM), points(page.width_mm - MARGIN_X_MM)
    draw_line(canvas, runs, points(MARGIN_X_MM), y, _SMALL_PT)
    words = f"page {number} of {count}"
    draw_line(canvas, (Run(words, bold=True),), right - width_pt(words, _SMALL_PT, bold=True), y, _SMALL_PT)


def _larger(page: Page) -> str:
    return f"page {page.width_mm:g} × {page.height_mm:g} mm, larger than A4"


def _up(page: Page, from_top_mm: float) -> float:
    """Return the y in points of a place given in mm from the upper edge."""
    return points(page.height_mm - from_top_mm)


def _cut(words: str, room: float, size: float) -> str:
    """Return words cut with an ellipsis to a width in points; only a name longer than a page is."""
    if width_pt(words, size, bold=True) <= room:
        return words
    while words and width_pt(f"{words}…", size, bold=True) > room:
        words = words[:-1]
    return f"{words}…"


def one_line(text: str) -> str:
    """Return text as it is printed on one line, runs of white space as one space."""
    return " ".join(printable(text).split())


def fingerprint(record: EcgRecord) -> str:
    """Return eight hexadecimal digits over the samples (SHA-256), which tie a report to its recording."""
    return hashlib.sha256(record.signal_mv.tobytes()).hexdigest()[:8]


def time_words(time: datetime) -> str:
    """Return a time with its zone: "2026-11-22 22:40 UTC+01:00"."""
    zone = time.strftime("%z")
    offset = "" if zone == "+0000" else f"{zone[:3]}:{zone[3:5]}"
    return f"{time:%Y-%m-%d %H:%M} UTC{offset}"


def pdf_date(time: datetime) -> str:
    """Return a time as PDF writes it: "D:20261122224000+01'00'" (ISO 32000-1, 7.9.4)."""
    zone = time.strftime("%z")
    return f"D:{time:%Y%m%d%H%M%S}{zone[:3]}'{zone[3:5]}'"
