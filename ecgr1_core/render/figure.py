"""The ECG page as an interactive Plotly figure: full-resolution samples on a square millimetre grid.

x is seconds from the start of the recording. Each row has a y axis of its own in millivolts, all of them lying over one
another and over `yaxis`, which is millimetres from the top of the page and carries the grid; so every sample keeps its
value, and every axis is tied to x by its scale. The module does not know how the figure is shown: tool bar, zoom and
highlights belong to the page.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecgr1_core.record import EcgRecord
from ecgr1_core.render.geometry import (
    MAJOR_GRID_MM,
    TEXT_INSET_MM,
    TEXT_SIZE_MM,
    TITLE_BAND_MM,
    TRACE_WIDTH_MM,
    Polyline,
    Sheet,
    lay_out,
)
from ecgr1_core.render.layouts import DEFAULT_LAYOUT

if TYPE_CHECKING:
    import plotly.graph_objects

FONT_FAMILY = "Arial, Helvetica, sans-serif"  # not wider than a column for "aVL not recorded"
LEAST_FONT_PX = 10.0
DESCENT = 0.25  # of the font size: what Plotly's text box has below the line the letters stand on
LEAST_MINOR_GRID_PX = 2.5  # closer lines are a haze, not a grid


@dataclass(frozen=True)
class Theme:
    """Colours of a page on screen."""

    paper: str
    minor_grid: str
    major_grid: str
    trace: str
    text: str


LIGHT = Theme(paper="#fffdfc", minor_grid="#f8dcdc", major_grid="#eba9ab", trace="#111111", text="#222222")
DARK = Theme(paper="#15181c", minor_grid="#32272d", major_grid="#64444c", trace="#f2f2ee", text="#d5d5d0")


def ecg_figure(
    record: EcgRecord,
    *,
    layout: str = DEFAULT_LAYOUT,
    speed_mm_per_s: float = 25.0,
    gain_mm_per_mv: float = 10.0,
    width_px: int = 1100,
    dark: bool = False,
    start_s: float = 0.0,
    filter_label: str = "unfiltered",
    title: str = "",
) -> plotly.graph_objects.Figure:
    """Return ten seconds of `record`, from `start_s` on, as a Plotly figure `width_px` wide and as high as it needs.

    One scatter trace per cell, named by its lead: `y` is the float32 samples in mV less the lead's median over the page
    (see `geometry.lay_out`), `x0` and `dx` the time in seconds; a lead without samples has no trace. `title` is printed
    at the top, `filter_label` at the bottom beside speed and gain. Width and height are set so that a square of 1 mm is
    square; the 1 mm lines are left out where they would stand less than 2.5 px apart.

    Raises UnsuitableRecordingError where the recording ends before `start_s`, ValueError for an unknown layout, speed
    or gain.
    """
    import plotly.graph_objects as go

    sheet = lay_out(
        record,
        layout=layout,
        speed_mm_per_s=speed_mm_per_s,
        gain_mm_per_mv=gain_mm_per_mv,
        start_s=start_s,
        filter_label=filter_label,
        title=title,
    )
    theme = DARK if dark else LIGHT
    px_per_mm = width_px / sheet.width_mm
    height_px = round(sheet.height_mm * px_per_mm)
    line = {"color": theme.trace, "width": max(1.0, TRACE_WIDTH_MM * px_per_mm)}
    marks = _marks_trace(sheet, sheet.calibration_pulses + sheet.separators, line)
    figure_layout = {
        "template": go.layout.Template(),
        "width": width_px,
        "height": height_px,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0, "pad": 0},
        "paper_bgcolor": theme.paper,
        "plot_bgcolor": theme.paper,
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": "pan",
        "annotations": _annotations(sheet, theme, px_per_mm),
        **_axes(sheet, theme, px_per_mm, height_px / px_per_mm),
    }
    return go.Figure(data=[marks, *_lead_traces(sheet, line)], layout=figure_layout)


def _marks_trace(sheet: Sheet, polylines: tuple[Polyline, ...], line: dict[str, Any]) -> dict[str, Any]:
    """Return calibration pulses and column separators as one trace on the millimetre axis, None between the pieces."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for polyline in polylines:
        xs += [round(_time_s(sheet, x), 6) for x, _ in polyline] + [None]
        ys += [y for _, y in polyline] + [None]
    return {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "line": line, "hoverinfo": "skip", "name": "marks"}


def _lead_traces(sheet: Sheet, line: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": cell.lead,
            "x0": cell.first_sample / sheet.sampling_rate_hz,
            "dx": 1 / sheet.sampling_rate_hz,
            "y": cell.signal_mv,
            "yaxis": _row_axis(number),
            "line": line,
            "hovertemplate": f"<b>{cell.lead}</b>  %{{x:.3f}} s  %{{y:.3f}} mV<extra></extra>",
        }
        for number, row in enumerate(sheet.rows)
        for cell in row.cells
        if cell.signal_mv.size
    ]


def _axes(sheet: Sheet, theme: Theme, px_per_mm: float, bottom_mm: float) -> dict[str, Any]:
    """Return the x axis in seconds, the y axis in millimetres with the grid, and one y axis in mV for each row.

    `bottom_mm` is the y of the figure's lower edge: the sheet's height, but for rounding the figure to whole pixels.
    """
    speed, gain = sheet.speed_mm_per_s, sheet.gain_mm_per_mv
    bare = {"showticklabels": False, "ticks": "", "zeroline": False}

    def grid(first: float, per_mm: float) -> dict[str, Any]:
        return {
            "showgrid": True,
            "gridcolor": theme.major_grid,
            "gridwidth": 1,
            "tick0": first,
            "dtick": MAJOR_GRID_MM * per_mm,
            "minor": {
                "showgrid": px_per_mm >= LEAST_MINOR_GRID_PX,
                "gridcolor": theme.minor_grid,
                "gridwidth": 1,
                "tick0": first,
                "dtick": per_mm,
            },
        }

    left_s = _time_s(sheet, 0.0)
    axes = {
        "xaxis": {"range": [left_s, _time_s(sheet, sheet.width_mm)], **bare, **grid(left_s, 1 / speed)},
        "yaxis": {
            "range": [bottom_mm, 0.0],
            "scaleanchor": "x",
            "scaleratio": 1 / speed,
            **bare,
            **grid(0.0, 1.0),
        },
    }
    for number, row in enumerate(sheet.rows):
        axes[_row_axis(number).replace("y", "yaxis")] = {
            "overlaying": "y",
            "range": [(row.baseline_mm - bottom_mm) / gain, row.baseline_mm / gain],
            "scaleanchor": "x",
            "scaleratio": gain / speed,
            "showgrid": False,
            **bare,
        }
    return axes


def _annotations(sheet: Sheet, theme: Theme, px_per_mm: float) -> list[dict[str, Any]]:
    size_px = max(LEAST_FONT_PX, TEXT_SIZE_MM * px_per_mm)

    def text(words: str, x_mm: float, y_mm: float, *, bold: bool = False) -> dict[str, Any]:
        words = html.escape(words, quote=False)
        return {
            "text": f"<b>{words}</b>" if bold else words.replace("    ", "&nbsp;" * 4),
            "x": _time_s(sheet, x_mm),
            "y": y_mm,
            "xref": "x",
            "yref": "y",
            "xanchor": "left",
            "yanchor": "bottom",
            "borderpad": 0,
            "yshift": -DESCENT * size_px,
            "showarrow": False,
            "font": {"family": FONT_FAMILY, "color": theme.text, "size": size_px},
        }

    names = [
        text(cell.label, sheet.label_x_mm(cell), row.label_mm, bold=cell.label == cell.lead)
        for row in sheet.rows
        for cell in row.cells
    ]
    foot = text(sheet.footer, MAJOR_GRID_MM, sheet.height_mm - TEXT_INSET_MM)
    head = [text(sheet.title, MAJOR_GRID_MM, TITLE_BAND_MM - TEXT_INSET_MM, bold=True)] if sheet.title else []
    return [*names, foot, *head]


def _row_axis(number: int) -> str:
    """Return the name of a row's y axis, rows counted from 0: `y2` for the topmost."""
    return f"y{number + 2}"


def _time_s(sheet: Sheet, x_mm: float) -> float:
    return sheet.start_s + (x_mm - sheet.trace_left_mm) / sheet.speed_mm_per_s
