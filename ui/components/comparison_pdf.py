"""The comparison as a PDF: the trace in true scale, the numbers, the labels, and the sentences side by side.

Words that the other reading does not have are underlined, claims that the trace contradicts are said below their
sentence; nothing depends on colour. It compares nothing itself.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Table,
    TableStyle,
)

from ecgr1_core import DISCLAIMER, __version__
from ecgr1_core.metrics.consistency import label_agreement
from ecgr1_core.metrics.differences import Pair, gravest_first
from ecgr1_core.record import EcgRecord
from ecgr1_core.render.geometry import lay_out
from ecgr1_core.render.layouts import DEFAULT_LAYOUT
from ecgr1_core.report.content import patient_words, recording_words
from ecgr1_core.report.page import fingerprint, time_words
from ecgr1_core.report.trace import draw_sheet
from ecgr1_core.report.typeface import BOLD, REGULAR, printable, register_fonts
from ecgr1_core.verify import Part, counts
from ui import strings
from ui import strings_compare as words
from ui.components.comparison import LETTERS, Compared, aligned_rows, metric, view_name, worst_parts

WIDTH_MM, HEIGHT_MM, MARGIN_MM, HEADER_MM, FOOTER_MM = 297.0, 210.0, 10.0, 12.0, 8.0
SIZE_PT, SMALL_PT = 8.0, 6.5
SPEED_MM_PER_S, GAIN_MM_PER_MV = 25.0, 10.0
_LOCK = threading.Lock()  # reportlab keeps its fonts for the whole process
_RULE = colors.Color(0.6, 0.65, 0.68)
_SHADE = colors.Color(0.94, 0.95, 0.96)


def comparison_pdf(found: Compared, record: EcgRecord, *, case: str, made_at: datetime) -> bytes:
    """Return the comparison as a PDF; `case` stands for the recording, whose own name is not printed."""
    buffer = io.BytesIO()
    with _LOCK:
        register_fonts()
        _document(buffer, found, record, case, made_at)
    return buffer.getvalue()


def _document(buffer: io.BytesIO, found: Compared, record: EcgRecord, case: str, made_at: datetime) -> None:
    sheet = lay_out(
        record, layout=DEFAULT_LAYOUT, speed_mm_per_s=SPEED_MM_PER_S, gain_mm_per_mv=GAIN_MM_PER_MV, title=""
    )
    first_mm = (
        max(WIDTH_MM, sheet.width_mm + 2 * MARGIN_MM),
        max(HEIGHT_MM, sheet.height_mm + 2 * MARGIN_MM + HEADER_MM + FOOTER_MM),
    )

    def around(canvas: Canvas, document: Any) -> None:
        width, height = canvas._pagesize
        left, right, top = MARGIN_MM * mm, width - MARGIN_MM * mm, height - MARGIN_MM * mm
        canvas.setFont(BOLD, 8.5)
        canvas.drawString(left, top - 8, printable(words.PDF_TITLE.format(case=case)))
        canvas.drawRightString(right, top - 8, DISCLAIMER)
        canvas.setFont(REGULAR, SMALL_PT)
        facts = f"{patient_words(record.patient)} · {recording_words(record)} · signal {fingerprint(record)}"
        canvas.drawString(left, top - 19, printable(facts))
        canvas.drawRightString(right, top - 19, time_words(made_at))
        canvas.drawString(left, MARGIN_MM * mm, f"ECG-R1 Review {__version__}")
        canvas.drawRightString(right, MARGIN_MM * mm, words.PDF_PAGE.format(number=document.page))

    def with_trace(canvas: Canvas, document: Any) -> None:
        around(canvas, document)
        draw_sheet(canvas, sheet, MARGIN_MM, MARGIN_MM + HEADER_MM, first_mm[1], True)

    def frame(width_mm: float, height_mm: float) -> Frame:
        return Frame(
            MARGIN_MM * mm, (MARGIN_MM + FOOTER_MM) * mm, (width_mm - 2 * MARGIN_MM) * mm,
            (height_mm - 2 * MARGIN_MM - HEADER_MM - FOOTER_MM) * mm, 0, 0, 0, 0,
        )  # fmt: skip

    document = BaseDocTemplate(buffer, title=words.PDF_TITLE.format(case=case), author="ECG-R1 Review", invariant=1)
    document.addPageTemplates(
        [
            PageTemplate("trace", [frame(*first_mm)], onPage=with_trace, pagesize=(first_mm[0] * mm, first_mm[1] * mm)),
            PageTemplate("text", [frame(WIDTH_MM, HEIGHT_MM)], onPage=around, pagesize=(WIDTH_MM * mm, HEIGHT_MM * mm)),
        ]
    )
    document.build([NextPageTemplate("text"), PageBreak(), *_numbers(found), *_labels(found), *_sentences(found)])


def _numbers(found: Compared) -> list[Flowable]:
    """Return who read, the agreement of each pair, and the claims of each reading against the trace."""
    others = range(1, len(found.kept))
    who = [
        [
            _cell(f"<b>{LETTERS[n]}</b> {_text(view_name(one.title, one.modality))}"),
            _cell(_text(words.PDF_VERSION.format(version=one.version))),
        ]
        for n, one in enumerate(found.kept)
    ]
    pairs = [[words.METRIC, *(words.PAIR.format(left=LETTERS[0], right=LETTERS[n]) for n in others), ""]]
    pairs += [
        [name, *(_number(metric(one, key)) for one in found.consistencies), explained]
        for key, (name, explained) in words.METRICS.items()
    ]
    trace = [[words.AGAINST_TRACE, *(LETTERS[n] for n in range(len(found.kept)))]]
    trace += [
        [name, *(words.UNKNOWN if one.claims is None else str(counts(one.claims)[status]) for one in found.checked)]
        for status, name in strings.CLAIM_STATUS.items()
    ]
    trace.append([words.EDER_FINDINGS, *(_number(score) for score in found.found)])
    made = "; ".join(f"{name}: {text}" for name, text in found.consistencies[0].signatures.items())
    return [
        _table(who, [110, None], head=False),
        _table(_cells(pairs, figures=len(found.consistencies)), [32, *(24 for _ in others), None]),
        _table(_cells(trace, figures=len(found.kept)), [48, *(24 for _ in found.kept)], left=True),
        _cell(_text(made), SMALL_PT),
    ]


def _labels(found: Compared) -> list[Flowable]:
    rows = [[words.LABELS, words.IN_COMMON, words.ONLY.format(letter=LETTERS[0]), words.PDF_ONLY_OTHER]]
    for number, other in enumerate(found.readings[1:], 1):
        agreed = label_agreement(found.readings[0].answer, other.answer)
        shown = (agreed.common, agreed.only_reference, agreed.only_compared)
        rows.append(
            [
                words.PAIR.format(left=LETTERS[0], right=LETTERS[number]),
                *("; ".join(labels) or words.NO_LABELS for labels in shown),
            ]
        )
    return [_table(_cells(rows), [32, None, None, None])]


def _sentences(found: Compared) -> list[Flowable]:
    """Return the parts with the gravest difference first, their sentences in one column for each reading."""
    flow: list[Flowable] = []
    width = None
    for worst in gravest_first(worst_parts(found)):
        sign, name = words.VERDICTS[worst.verdict] if worst.verdict else ("", words.NOTHING_SAID)
        title = worst.title if worst.part == "summary" else f"{worst.part} {worst.title}"
        rows: list[list[Any]] = [[_cell(f"<b>{_text(title)}</b>  {_text(f'{sign} {name}')}")]]
        rows[0] += [""] * (2 * len(found.differences))
        parts = [next(one for one in of if one.part == worst.part) for of in found.differences]
        for row in aligned_rows(parts):
            rows.append(_row(found, worst.part, row))
        widths = [width, *(size for _ in found.differences for size in (7, None))]
        flow.append(_table(rows, widths, spanned=True))
    return flow


def _row(found: Compared, part: Part, row: Sequence[Pair | None]) -> list[Any]:
    known = [pair for pair in row if pair is not None]
    left = next((pair for pair in known if pair.left is not None), None)
    cells: list[Any] = [""]
    if left is not None and left.left is not None:
        spans = left.left_spans if len(known) == 1 else ()
        cells = [_sentence(found, 0, part, left.left, left.left_at or 0, spans)]
    for number, pair in enumerate(row, 1):
        if pair is None:
            cells += ["", ""]
            continue
        text = "" if pair.right is None else pair.right
        shown: Any = _sentence(found, number, part, text, pair.right_at or 0, pair.right_spans) if text else ""
        if pair.why:
            shown = [shown, _cell(f"<i>{_text(pair.why)}</i>", SMALL_PT)] if shown else _cell(_text(pair.why), SMALL_PT)
        cells += [_cell(f"<b>{words.VERDICTS[pair.verdict][0]}</b>"), shown]
    return cells


def _sentence(found: Compared, number: int, part: Part, text: str, at: int, spans: Sequence[tuple[int, int]]) -> Any:
    """Return a sentence with the words marked that the other has not, and what the trace says against it."""
    marked, behind = "", 0
    for start, end in spans:
        marked += f"{_text(text[behind:start])}<u>{_text(text[start:end])}</u>"
        behind = end
    marked += _text(text[behind:])
    against = [
        claim
        for claim in found.checked[number].claims or ()
        if claim.step == part and claim.status == "contradicted" and at <= claim.start < at + len(text)
    ]
    lines: list[Any] = [_cell(marked)]
    contradicted = strings.CLAIM_STATUS["contradicted"]
    lines += [_cell(_text(f"✕ {contradicted}: {claim.text}: {claim.why}"), SMALL_PT) for claim in against]
    return lines


def _cell(markup: str, size_pt: float = SIZE_PT, *, right: bool = False) -> Paragraph:
    style = ParagraphStyle("cell", fontName=REGULAR, fontSize=size_pt, leading=1.25 * size_pt)
    if right:
        style.alignment = TA_RIGHT
    return Paragraph(markup, style)


def _cells(rows: Sequence[Sequence[str]], *, figures: int = 0) -> list[list[Any]]:
    """Return texts as cells, the first row in bold; `figures` columns behind the first are set to the right."""
    return [
        [
            _cell(f"<b>{_text(text)}</b>" if at == 0 else _text(text), right=0 < column <= figures)
            for column, text in enumerate(row)
        ]
        for at, row in enumerate(rows)
    ]


def _table(
    rows: list[list[Any]],
    widths_mm: Sequence[float | None],
    *,
    head: bool = True,
    left: bool = False,
    spanned: bool = False,
) -> Table:
    """Return a table over the width of the page, unless `left`; what has no width shares the rest."""
    rest = WIDTH_MM - 2 * MARGIN_MM - sum(width or 0.0 for width in widths_mm)
    share = rest / max(1, sum(width is None for width in widths_mm))
    columns = [(share if width is None else width) * mm for width in widths_mm]
    style = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.3, _RULE),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
    ]
    if head:
        style.append(("BACKGROUND", (0, 0), (-1, 0), _SHADE))
    if spanned:
        style.append(("SPAN", (0, 0), (-1, 0)))
    return Table(
        rows, columns, style=TableStyle(style), repeatRows=1 if head else 0, hAlign="LEFT", spaceAfter=6,
        splitInRow=1,
    )  # fmt: skip


def _number(value: float | None) -> str:
    return words.UNKNOWN if value is None else f"{value:.2f}"


def _text(text: str) -> str:
    return escape(printable(text), quote=False)
