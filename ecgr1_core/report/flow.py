"""Sets paragraphs of marked text in columns: words to lines, lines to columns, and the marks under them.

A contradicted passage has a wavy underline, one that could not be checked a dotted one; so neither depends on colour.
Nothing is ever cut: lines that do not fit are given back for the next page. Lengths are in points, y upwards, as in a
PDF. The module knows nothing of ECGs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reportlab.pdfgen.canvas import Canvas

from ecgr1_core.report.typeface import BOLD, CONDENSED, REGULAR, printable, width_pt

LEADING = 1.12  # of the type size
PARAGRAPH_GAP = 0.25  # of the type size, before a paragraph
INK = (0.06, 0.06, 0.06)
CONTRADICTED_INK = (0.84, 0.37, 0.0)  # vermilion (Okabe and Ito 2008)

Mark = Literal["", "contradicted", "not_measurable"]


@dataclass(frozen=True)
class Run:
    """A piece of text in one style; `mark` is what is drawn under it."""

    text: str
    bold: bool = False
    mark: Mark = ""


@dataclass(frozen=True)
class Paragraph:
    """Runs that follow each other without a break; white space in them is where lines may break."""

    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Line:
    """One line: its runs, and the space above it beyond the leading, in points."""

    runs: tuple[Run, ...]
    gap_pt: float = 0.0


def set_lines(paragraphs: Sequence[Paragraph], width: float, size: float) -> list[Line]:
    """Break paragraphs into lines of at most `width` points at a type size; a word wider than a line is broken too."""
    lines: list[Line] = []
    for paragraph in paragraphs:
        for number, runs in enumerate(_broken(paragraph, width, size)):
            lines.append(Line(runs, PARAGRAPH_GAP * size if number == 0 else 0.0))
    return lines


def fill(lines: Sequence[Line], columns: int, height: float, size: float) -> tuple[list[list[Line]], list[Line]]:
    """Return the columns, each at most `height` points high, and the lines that are left over."""
    filled: list[list[Line]] = []
    rest = list(lines)
    for _ in range(columns):
        column: list[Line] = []
        used = 0.0
        while rest:
            needed = size * LEADING + (rest[0].gap_pt if column else 0.0)
            if used + needed > height:
                break
            column.append(rest.pop(0))
            used += needed
        filled.append(column)
    return filled, rest


def balanced(lines: Sequence[Line], columns: int, height: float, size: float) -> tuple[list[list[Line]], list[Line]]:
    """Fill columns of about the same height where everything fits, as `fill` otherwise."""
    filled, rest = fill(lines, columns, height, size)
    if rest or not lines:
        return filled, rest
    low = height_pt(lines, size) / columns
    while low < height:
        filled, rest = fill(lines, columns, low, size)
        if not rest:
            return filled, rest
        low += size * LEADING / 2
    return fill(lines, columns, height, size)


def height_pt(lines: Sequence[Line], size: float) -> float:
    """Return the height of lines in one column."""
    return sum(size * LEADING + (line.gap_pt if number else 0.0) for number, line in enumerate(lines))


def draw_column(canvas: Canvas, lines: Sequence[Line], x: float, top: float, size: float) -> None:
    """Draw lines one below the other, the first hanging from `top`."""
    y = top
    for number, line in enumerate(lines):
        y -= size * LEADING + (line.gap_pt if number else 0.0)
        draw_line(canvas, line.runs, x, y + 0.28 * size, size)


def draw_line(canvas: Canvas, runs: Sequence[Run], x: float, y: float, size: float) -> None:
    """Draw the runs of one line with the baseline at y, and their marks."""
    text = canvas.beginText(x, y)
    text.setHorizScale(100 * CONDENSED)
    for run in runs:
        text.setFont(BOLD if run.bold else REGULAR, size)
        text.setFillColorRGB(*INK)
        text.textOut(run.text)
    text.setHorizScale(100)
    canvas.drawText(text)
    for run in runs:
        width = width_pt(run.text, size, bold=run.bold)
        shown = width - width_pt(run.text[len(run.text.rstrip()) :], size, bold=run.bold)
        if run.mark:
            _underline(canvas, run.mark, x, x + shown, y - 0.16 * size, size)
        x += width


def _underline(canvas: Canvas, mark: Mark, left: float, right: float, y: float, size: float) -> None:
    canvas.saveState()
    canvas.setStrokeColorRGB(*(CONTRADICTED_INK if mark == "contradicted" else INK))
    canvas.setLineWidth(0.09 * size)
    if mark == "contradicted":
        canvas.setLineJoin(1)
        path = canvas.beginPath()
        path.moveTo(left, y)
        step, height, x, up = 0.16 * size, 0.11 * size, left, True
        while x < right:
            x = min(x + step, right)
            path.lineTo(x, y + (height if up else -height))
            up = not up
        canvas.drawPath(path)
    else:
        canvas.setLineCap(1)
        canvas.setDash([0, 0.22 * size])
        canvas.line(left, y, right, y)
    canvas.restoreState()


def _broken(paragraph: Paragraph, width: float, size: float) -> list[tuple[Run, ...]]:
    """Return the lines of a paragraph, each as its runs."""
    lines: list[tuple[Run, ...]] = []
    line: list[Run] = []
    used = 0.0
    for word in _words(paragraph, width, size):
        word_width = sum(width_pt(run.text, size, bold=run.bold) for run in word)
        bare = word_width - width_pt(" ", size) * word[-1].text.endswith(" ")
        if line and used + bare > width:
            lines.append(_merged(line))
            line, used = [], 0.0
        line += word
        used += word_width
    if line:
        lines.append(_merged(line))
    return lines


def _words(paragraph: Paragraph, width: float, size: float) -> list[list[Run]]:
    """Cut a paragraph behind its spaces; a word is the runs up to and with the space behind it."""
    words: list[list[Run]] = [[]]
    for run in paragraph.runs:
        pieces = printable(run.text).split(" ")
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            text = piece if last else piece + " "
            for part in _split_long(text, width, size, run.bold):
                words[-1].append(replace(run, text=part))
                if part != text and part.strip():
                    words.append([])
            if not last and words[-1]:
                words.append([])
    return [word for word in words if word]


def _split_long(text: str, width: float, size: float, bold: bool) -> list[str]:
    """Return the text, in pieces where it is wider than a line; none for an empty text."""
    if width_pt(text.rstrip(), size, bold=bold) <= width:
        return [text] if text else []
    parts, start = [], 0
    for end in range(1, len(text) + 1):
        if width_pt(text[start:end].rstrip(), size, bold=bold) > width and end - 1 > start:
            parts.append(text[start : end - 1])
            start = end - 1
    return [*parts, text[start:]]


def _merged(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Join neighbouring runs of one style."""
    joined: list[Run] = []
    for run in runs:
        if joined and replace(joined[-1], text="") == replace(run, text=""):
            joined[-1] = replace(run, text=joined[-1].text + run.text)
        else:
            joined.append(run)
    return tuple(joined)
