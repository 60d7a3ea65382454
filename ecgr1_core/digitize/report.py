"""What is to be known about a digitised page: its scales and their source, each lead's place and confidence, doubts.

What could not be told is None. The module computes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ecgr1_core.digitize.pieces import BoxPx, Float64Array, FoundPage, Order, ScaleSource, Source


@dataclass(frozen=True)
class LeadReport:
    """One lead: `confidence` from 0 to 1, the seconds it covers, the share of them without a trace, boxes on the page.

    `agreement` is the correlation with the leads it follows from (Einthoven, Goldberger) or, for the lead of a rhythm
    strip, of the strip with the lead's cell; None where neither can be compared.
    """

    confidence: float
    start_s: float
    stop_s: float
    unknown_share: float
    agreement: float | None
    boxes_px: tuple[BoxPx, ...]


@dataclass(frozen=True, eq=False)
class PieceReport:
    """One trace on the page: its place, and the lead that it is taken for (None: it has no name).

    `used` is whether the recording holds it; `inverted` that it is printed upside down. `trace_px` is [n, 2], the way
    that was followed in pixels of the picture, NaN where it has gaps; None where it is not known. `confidence` is that
    of the trace and its name, less where the lead does not agree with its partners.
    """

    row: int
    column: int
    lead: str | None
    used: bool
    inverted: bool
    confidence: float
    box_px: BoxPx
    trace_px: Float64Array | None


@dataclass(frozen=True, eq=False)
class DigitizeReport:
    """The page: `unsure` are sentences on what could not be told, `leads` by name, only those that were found.

    `pieces` and `grid_to_px`, [3, 3] from mm of the grid (lines of 5 mm at whole fives) to pixels of the picture, say
    where on it everything lies; None without a grid.
    """

    source: Source
    layout: str | None
    order: Order
    columns: Literal["consecutive", "simultaneous"]
    speed_mm_per_s: float
    speed_source: ScaleSource | None
    gain_mm_per_mv: float
    gain_source: ScaleSource | None
    mm_per_px: tuple[float, float] | None
    turned_deg: int
    leads: dict[str, LeadReport]
    unsure: tuple[str, ...]
    printed: tuple[str, ...]
    pieces: tuple[PieceReport, ...] = ()
    grid_to_px: Float64Array | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON has it: of each piece the box, but not the hundreds of points of its trace."""
        return {
            "source": self.source,
            "layout": self.layout,
            "order": self.order,
            "columns": self.columns,
            "speed_mm_per_s": self.speed_mm_per_s,
            "speed_source": self.speed_source,
            "gain_mm_per_mv": self.gain_mm_per_mv,
            "gain_source": self.gain_source,
            "mm_per_px": None if self.mm_per_px is None else [round(side, 5) for side in self.mm_per_px],
            "turned_deg": self.turned_deg,
            "leads": {
                name: {
                    "confidence": round(lead.confidence, 3),
                    "start_s": round(lead.start_s, 3),
                    "stop_s": round(lead.stop_s, 3),
                    "unknown_share": round(lead.unknown_share, 4),
                    "agreement": None if lead.agreement is None else round(lead.agreement, 3),
                    "boxes_px": [[round(side, 1) for side in box] for box in lead.boxes_px],
                }
                for name, lead in self.leads.items()
            },
            "unsure": list(self.unsure),
            "printed": list(self.printed),
            "pieces": [
                {
                    "row": piece.row,
                    "column": piece.column,
                    "lead": piece.lead,
                    "used": piece.used,
                    "inverted": piece.inverted,
                    "confidence": round(piece.confidence, 3),
                    "box_px": [round(side, 1) for side in piece.box_px],
                }
                for piece in self.pieces
            ],
            "grid_to_px": None if self.grid_to_px is None else np.asarray(self.grid_to_px).tolist(),
        }


def piece_reports(found: FoundPage, leads: dict[str, LeadReport]) -> tuple[PieceReport, ...]:
    """Return what there is to know of each trace that was found; `leads` are those of the recording, by their boxes."""
    lead_at = {box: lead for lead, report in leads.items() for box in report.boxes_px}
    reports = []
    for piece in found.pieces:
        lead = lead_at.get(piece.box_px)
        sure = piece.confidence if lead is None else min(piece.confidence, leads[lead].confidence)
        reports.append(
            PieceReport(
                row=piece.row,
                column=piece.column,
                lead=lead or piece.lead,
                used=lead is not None,
                inverted=piece.inverted,
                confidence=float(sure),
                box_px=piece.box_px,
                trace_px=piece.trace_px,
            )
        )
    return tuple(reports)
