"""Page layouts: which lead stands in which row and column, and which leads run below as rhythm strips.

Every page shows ten seconds. The columns of a row follow each other in time, as on the page of an ECG cart: in 3×4 the
first column is 0–2.5 s, the second 2.5–5 s, and so on. This module knows nothing of millimetres or of signals.
"""

from __future__ import annotations

from dataclasses import dataclass

from ecgr1_core.record import LEADS

PAGE_S = 10.0
SPEEDS_MM_PER_S: tuple[float, ...] = (12.5, 25.0, 50.0)
GAINS_MM_PER_MV: tuple[float, ...] = (5.0, 10.0, 20.0)
DEFAULT_LAYOUT = "3x4+1"


@dataclass(frozen=True)
class Layout:
    """One arrangement of the leads: `rows` of equally long columns, then one row for each lead in `rhythm_leads`."""

    name: str
    rows: tuple[tuple[str, ...], ...]
    rhythm_leads: tuple[str, ...] = ()

    @property
    def columns(self) -> int:
        """Columns of the rows above the rhythm strips."""
        return len(self.rows[0])

    @property
    def seconds_per_column(self) -> float:
        """Length of one column in seconds."""
        return PAGE_S / self.columns

    @property
    def all_rows(self) -> tuple[tuple[str, ...], ...]:
        """All rows from top to bottom, a rhythm strip being a row of one lead."""
        return self.rows + tuple((lead,) for lead in self.rhythm_leads)


_THREE_BY_FOUR = tuple(LEADS[row::3] for row in range(3))
_SIX_BY_TWO = tuple(LEADS[row::6] for row in range(6))
_TWELVE_BY_ONE = tuple((lead,) for lead in LEADS)

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        Layout("3x4+1", _THREE_BY_FOUR, ("II",)),
        Layout("3x4+3", _THREE_BY_FOUR, ("II", "V1", "V5")),
        Layout("3x4", _THREE_BY_FOUR),
        Layout("6x2", _SIX_BY_TWO),
        Layout("12x1", _TWELVE_BY_ONE),
    )
}
