"""ECG sheets in many looks, with their ground truth: pages to train and to test on.

A sheet is drawn from a recording and a `PageStyle` by the same geometry and the same pen as the page of `paper`;
nothing about the recording is printed but its leads. The truth says where every sample lies to a fraction of a pixel.
The module adds no wear: `degrade` does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from ecgr1_core.record import EcgRecord
from ecgr1_core.render.geometry import (
    FOOTER_BAND_MM,
    LABEL_INSET_MM,
    MAJOR_GRID_MM,
    TEXT_INSET_MM,
    TITLE_BAND_MM,
    Cell,
    Row,
    Sheet,
    lay_out,
    lay_out_evenly,
    page_width_mm,
)
from ecgr1_core.render.layouts import PAGE_S, Layout, find_layout
from ecgr1_core.render.page_style import PAPERS_MM, PageStyle
from ecgr1_core.render.page_truth import LeadTruth, PageTruth, Points, TextTruth, corners
from ecgr1_core.render.paper import (
    LEAST_GRID_HEIGHT_MM,
    MARGIN_X_MM,
    MARGIN_Y_MM,
    draw_grid,
    draw_traces,
    in_ascii,
    page_px,
    px_per_mm_at,
    typeface,
)

Box = tuple[float, float, float, float]  # left, top, right, bottom in mm

_LINE_HEIGHT = 1.3  # of a printed line, in ems
_LEAST_TOP_MM = 3.0
_LEAST_BOTTOM_MM = 3.0
_HEADER_COLUMN_LINES = 3


@dataclass(frozen=True, eq=False)
class DrawnPage:
    """An RGB page image and what is known about it."""

    image: Image.Image
    truth: PageTruth


@dataclass(frozen=True, eq=False)
class _Text:
    words: str
    x_mm: float  # from the sheet's corner, as all that the geometry lays out
    y_mm: float
    anchor: str = "ls"
    bold: bool = False
    cell: Cell | None = None


@dataclass(frozen=True, eq=False)
class _Placed:
    """A sheet on its paper: the size of the paper, the sheet's corner, the gridded area, and what is printed."""

    sheet: Sheet
    paper_mm: tuple[float, float]
    origin_mm: tuple[float, float]
    box_mm: Box
    texts: tuple[_Text, ...]


def draw_sheet(
    record: EcgRecord, style: PageStyle | None = None, *, start_s: float = 0.0, title: str = "", seed: int | None = None
) -> DrawnPage:
    """Draw ten seconds of `record` from `start_s` on in a style (None: the page of `paper.render_page`) with its truth.

    The same arguments give the same page, byte for byte. `title` is printed on fitted sheets only; `seed` is noted in
    the truth. Raises UnsuitableRecordingError where the recording ends before `start_s` or the page would have more
    than 100 megapixels.
    """
    style = style or PageStyle()
    layout = find_layout(style.layout, style.order)
    if style.rhythm_leads is not None:
        layout = replace(layout, rhythm_leads=style.rhythm_leads)
    if style.spacing == "fitted":
        placed = _place_fitted(record, layout, style, start_s, title)
    else:
        placed = _place_evenly(record, layout, style, start_s)
    px_per_mm = px_per_mm_at(style.dpi)
    image = draw_grid(
        page_px(record, placed.paper_mm, px_per_mm),
        px_per_mm,
        placed.origin_mm,
        placed.box_mm,
        style.ink,
        minor_mm=style.minor_line_mm,
        major_mm=style.major_line_mm,
        minor_lines=style.minor_lines,
    )
    draw_traces(
        image,
        placed.sheet,
        style.ink.trace,
        px_per_mm,
        placed.origin_mm,
        placed.box_mm,
        width_mm=style.trace_width_mm,
    )
    printed = _print(image, placed, style, px_per_mm)
    image.info["dpi"] = (style.dpi, style.dpi)
    return DrawnPage(image, _truth(image, placed, style, px_per_mm, printed, seed))


def _place_fitted(record: EcgRecord, layout: Layout, style: PageStyle, start_s: float, title: str) -> _Placed:
    sheet = lay_out(
        record,
        layout=layout,
        speed_mm_per_s=style.speed_mm_per_s,
        gain_mm_per_mv=style.gain_mm_per_mv,
        start_s=start_s,
        filter_label=style.filter_label,
        title=title,
        least_height_mm=LEAST_GRID_HEIGHT_MM,
    )
    sheet = replace(sheet, separator_half_height_mm=style.separator_half_height_mm)
    origin = (MARGIN_X_MM, MARGIN_Y_MM)
    box = (*origin, MARGIN_X_MM + sheet.width_mm, MARGIN_Y_MM + sheet.height_mm)
    texts = [_label(sheet, row, cell, style) for row in sheet.rows for cell in row.cells]
    texts.append(_Text(sheet.footer, MAJOR_GRID_MM, sheet.height_mm - TEXT_INSET_MM))
    if sheet.title:
        texts.append(_Text(sheet.title, MAJOR_GRID_MM, TITLE_BAND_MM - TEXT_INSET_MM, bold=True))
    paper = (sheet.width_mm + 2 * MARGIN_X_MM, sheet.height_mm + 2 * MARGIN_Y_MM)
    return _Placed(sheet, paper, origin, box, tuple(texts))


def _place_evenly(record: EcgRecord, layout: Layout, style: PageStyle, start_s: float) -> _Placed:
    needed_mm = page_width_mm(style.speed_mm_per_s)
    paper_width, paper_height = PAPERS_MM[style.paper]
    if needed_mm > paper_width:  # fast speeds come off a roll
        margin_x = style.margin_mm
        paper_width = needed_mm + 2 * margin_x
    else:
        margin_x = min(style.margin_mm, (paper_width - needed_mm) / 2)
    grid_width = paper_width - 2 * margin_x
    line_mm = _LINE_HEIGHT * style.label_size_mm
    header_mm = min(len(style.header), _HEADER_COLUMN_LINES) * line_mm + 2 * TEXT_INSET_MM if style.header else 0.0
    above_grid_mm = 0.0 if style.header_on_grid else header_mm
    grid_top = style.margin_mm + above_grid_mm
    grid_height = paper_height - grid_top - style.margin_mm
    at_bottom = style.scales_place.startswith("bottom")
    top_band = max(style.empty_top_mm, _LEAST_TOP_MM) + (header_mm if style.header_on_grid else 0.0)
    if style.scales_place == "top right" and not style.header:
        top_band += line_mm
    bottom_band = FOOTER_BAND_MM if at_bottom else _LEAST_BOTTOM_MM
    pitch = (grid_height - top_band - bottom_band) / len(layout.all_rows)
    rise = min(8.0, 0.4 * pitch)
    if style.label_place == "below":
        rise = -min(4.0 + style.label_size_mm, 0.4 * pitch)
    sheet = lay_out_evenly(
        record,
        layout,
        speed_mm_per_s=style.speed_mm_per_s,
        gain_mm_per_mv=style.gain_mm_per_mv,
        width_mm=grid_width,
        height_mm=grid_height,
        top_band_mm=top_band,
        bottom_band_mm=bottom_band,
        label_rise_mm=rise,
        start_s=start_s,
        pulse=style.pulse,
        separator_half_height_mm=style.separator_half_height_mm,
        columns=style.columns,
    )
    texts = [] if style.label_place == "none" else [_label(sheet, r, c, style) for r in sheet.rows for c in r.cells]
    top_line = style.label_size_mm + TEXT_INSET_MM - above_grid_mm
    for number, words in enumerate(style.header):
        column, line = divmod(number, _HEADER_COLUMN_LINES)
        texts.append(_Text(words, MAJOR_GRID_MM + column * grid_width / 3, top_line + line * line_mm))
    texts.extend(_scales(style, grid_width, grid_height, top_line))
    box = (margin_x, grid_top, margin_x + grid_width, grid_top + grid_height)
    return _Placed(sheet, (paper_width, paper_height), (margin_x, grid_top), box, tuple(texts))


def _label(sheet: Sheet, row: Row, cell: Cell, style: PageStyle) -> _Text:
    x_mm = sheet.x_mm(cell.start_s) + LABEL_INSET_MM
    bold = style.label_bold and cell.label == cell.lead
    return _Text(cell.label, x_mm, row.label_mm, bold=bold, cell=cell)


def _scales(style: PageStyle, width_mm: float, height_mm: float, top_line_mm: float) -> list[_Text]:
    """Return speed, gain and filter as they are printed on an evenly spaced sheet."""
    parts = (f"{style.speed_mm_per_s:g} mm/s", f"{style.gain_mm_per_mv:g} mm/mV", style.filter_label)
    words = "   ".join(part for part in parts if part)
    bottom = height_mm - TEXT_INSET_MM
    places = {
        "bottom left": (MAJOR_GRID_MM, bottom, "ls"),
        "bottom centre": (width_mm / 2, bottom, "ms"),
        "bottom right": (width_mm - MAJOR_GRID_MM, bottom, "rs"),
        "top right": (width_mm - MAJOR_GRID_MM, top_line_mm, "rs"),
    }
    return [_Text(words, *places[style.scales_place])] if style.scales_place in places else []


def _print(image: Image.Image, placed: _Placed, style: PageStyle, px_per_mm: float) -> list[tuple[_Text, TextTruth]]:
    """Print all words, and return the box of each."""
    draw = ImageDraw.Draw(image)
    font = typeface(round(style.label_size_mm * px_per_mm), style.typeface)
    printed = []
    for text in placed.texts:
        words = in_ascii(text.words)
        place = ((text.x_mm + placed.origin_mm[0]) * px_per_mm, (text.y_mm + placed.origin_mm[1]) * px_per_mm)
        stroke = 0.07 * px_per_mm if text.bold else 0
        draw.text(place, words, fill=style.ink.trace, font=font, anchor=text.anchor, stroke_width=stroke)
        box = draw.textbbox(place, words, font=font, anchor=text.anchor, stroke_width=stroke)
        printed.append((text, TextTruth(words, corners(*box))))
    return printed


def _truth(
    image: Image.Image,
    placed: _Placed,
    style: PageStyle,
    px_per_mm: float,
    printed: list[tuple[_Text, TextTruth]],
    seed: int | None,
) -> PageTruth:
    sheet = placed.sheet
    origin = np.array(placed.origin_mm)
    labels = {id(text.cell): truth.box_px for text, truth in printed if text.cell is not None}
    leads = []
    for number, row in enumerate(sheet.rows):
        for column, cell in enumerate(row.cells):
            trace = (sheet.points_mm(row, cell) + origin) * px_per_mm
            trace[np.isnan(trace[:, 1])] = np.nan
            left = sheet.x_mm(cell.start_s)
            right = left + PAGE_S / len(row.cells) * sheet.speed_mm_per_s
            baseline = (np.array(((left, row.baseline_mm), (right, row.baseline_mm))) + origin) * px_per_mm
            leads.append(
                LeadTruth(
                    lead=cell.lead,
                    row=number,
                    column=column,
                    inverted=cell.label.startswith("−"),
                    first_sample=cell.first_sample,
                    trace_px=trace,
                    box_px=_ink_box(trace, style.trace_width_mm * px_per_mm / 2),
                    label_px=labels.get(id(cell)),
                    baseline_px=baseline,
                )
            )
    pulses = [(np.array(pulse) + origin) * px_per_mm for pulse in sheet.calibration_pulses]
    return PageTruth(
        width_px=image.width,
        height_px=image.height,
        px_per_mm=px_per_mm,
        sampling_rate_hz=sheet.sampling_rate_hz,
        style=style,
        seed=seed,
        leads=tuple(leads),
        pulses_px=tuple(corners(*pulse.min(axis=0), *pulse.max(axis=0)) for pulse in pulses),
        texts=tuple(truth for text, truth in printed if text.cell is None),
        grid_px=corners(*(side * px_per_mm for side in placed.box_mm)),
        origin_px=origin[None] * px_per_mm,
        page_to_image=np.eye(3),
    )


def _ink_box(trace_px: Points, half_width_px: float) -> Points | None:
    known = trace_px[~np.isnan(trace_px[:, 1])]
    if not known.size:
        return None
    return corners(*(known.min(axis=0) - half_width_px), *(known.max(axis=0) + half_width_px))
