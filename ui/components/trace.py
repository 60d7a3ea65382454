"""The trace: the ECG page as a Plotly figure that fits its box and keeps its grid square.

Where a page is wider than the box (50 mm/s, a narrow window) it keeps its size and scrolls inside. The figure itself is
made by `ecgr1_core.render.figure`. `gr.Plot` is not used for it: it lays every figure out twice, forces its own size
settings, and shows nothing when a figure arrives while its library is still being loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from ecgr1_core.record import EcgRecord
from ecgr1_core.render.figure import ecg_figure
from ecgr1_core.render.geometry import LEAST_WIDTH_MM, page_width_mm
from ecgr1_core.render.layouts import PAGE_S

NARROWEST_PX, WIDEST_PX = 720.0, 3600.0
DEFAULT_PX = 1000.0


@dataclass(frozen=True)
class Drawing:
    """How to draw: layout, mm/s, mm/mV, first second of the page, width of the box in CSS pixels (0: unknown), dark."""

    layout: str
    speed_mm_per_s: float
    gain_mm_per_mv: float
    start_s: float | None
    box_px: float
    dark: bool

    def figure(self, record: EcgRecord, *, from_start: bool = False) -> Any:
        """Return the Plotly figure of one page of `record`; `from_start` sets the first second aside.

        A millimetre is as many pixels at every speed, so that 50 mm/s is twice as wide as 25 mm/s. Raises as
        `ecg_figure` does.
        """
        box_px = min(max(self.box_px or DEFAULT_PX, NARROWEST_PX), WIDEST_PX)
        figure = ecg_figure(
            record,
            layout=self.layout,
            speed_mm_per_s=self.speed_mm_per_s,
            gain_mm_per_mv=self.gain_mm_per_mv,
            width_px=int(box_px * page_width_mm(self.speed_mm_per_s) / LEAST_WIDTH_MM),
            dark=self.dark,
            start_s=0.0 if from_start else self.start_s or 0.0,
        )
        # A drag would move one row and leave its grid and lead names behind.
        figure.update_layout(dragmode=False)
        figure.update_xaxes(fixedrange=True)
        figure.update_yaxes(fixedrange=True)
        return figure

    def has_more_pages(self, record: EcgRecord) -> bool:
        """Whether `record` is longer than one page."""
        return record.duration_s > PAGE_S


def trace_html(figure: Any | None) -> str:
    """Return a Plotly figure as inert data for `ui/page.js`, which draws it; nothing where there is no figure."""
    if figure is None:
        return ""
    return f'<div class="figure">{escape(figure.to_json(), quote=False)}</div>'


def drawing_library_figure() -> Any:
    """Return an empty figure: shown out of sight, it makes the browser load Plotly before it is needed."""
    import plotly.graph_objects as go

    return go.Figure(layout={"width": 10, "height": 10})
