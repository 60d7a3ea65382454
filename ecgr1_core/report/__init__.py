"""The report of one recording as a PDF: trace in true scale, measurements, checked reading, a line to sign.

It puts on paper what other rooms have found; it neither measures nor reads nor judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecgr1_core.report.types import Provenance, ReportedClaim, ReportOptions, provenance

if TYPE_CHECKING:
    from ecgr1_core.report.page import report_pdf

__all__ = ["Provenance", "ReportOptions", "ReportedClaim", "provenance", "report_pdf"]


def __getattr__(name: str) -> Any:
    """Import the drawing, and with it reportlab, only when it is asked for."""
    if name == "report_pdf":
        from ecgr1_core.report.page import report_pdf

        return report_pdf
    raise AttributeError(name)
