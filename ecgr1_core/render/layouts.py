"""Page layouts: which lead stands in which row and column, and which leads run below as rhythm strips.

Every page shows ten seconds. The columns of a row follow each other in time, as on the page of an ECG cart: in 3×4 the
first column is 0–2.5 s, the second 2.5–5 s, and so on. In the Cabrera order the limb leads follow the frontal plane
from aVL to III, and aVR is drawn upside down, as −aVR. This module knows nothing of millimetres or of signals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ecgr1_core.record import LEADS, PRECORDIAL_LEADS

PAGE_S = 10.0
SPEEDS_MM_PER_S: tuple[float, ...] = (12.5, 25.0, 50.0)
GAINS_MM_PER_MV: tuple[float, ...] = (5.0, 10.0, 20.0)
DEFAULT_LAYOUT = "3x4+1"


@dataclass(frozen=True)
class Layout:
    """One arrangement of the leads: `rows` of equally long columns, then one row for each lead in `rhythm_leads`.

    The leads in `inverted_leads` are drawn upside down.
    """

    name: str
    rows: tuple[tuple[str, ...], ...]
    rhythm_leads: tuple[str, ...] = ()
    inverted_leads: tuple[str, ...] = ()

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


Order = Literal["standard", "cabrera"]
ORDERS: tuple[Order, ...] = ("standard", "cabrera")
CABRERA_LIMB_LEADS = ("aVL", "I", "aVR", "II", "aVF", "III")
_INVERTED: dict[Order, tuple[str, ...]] = {"standard": (), "cabrera": ("aVR",)}


def _arranged(order: Order) -> dict[str, Layout]:
    leads = LEADS if order == "standard" else CABRERA_LIMB_LEADS + PRECORDIAL_LEADS
    three_by_four = tuple(leads[row::3] for row in range(3))
    layouts = (
        Layout("3x4+1", three_by_four, ("II",)),
        Layout("3x4+3", three_by_four, ("II", "V1", "V5")),
        Layout("3x4", three_by_four),
        Layout("6x2", tuple(leads[row::6] for row in range(6))),
        Layout("12x1", tuple((lead,) for lead in leads)),
    )
    return {layout.name: replace(layout, inverted_leads=_INVERTED[order]) for layout in layouts}


_LAYOUTS = {order: _arranged(order) for order in ORDERS}
LAYOUTS: dict[str, Layout] = _LAYOUTS["standard"]


def find_layout(name: str, order: Order = "standard") -> Layout:
    """Return the layout called `name`, its leads in `order`; the name of a lead is the layout of that lead alone.

    A single lead is the same in every order. Raises ValueError for a name or an order that there is not.
    """
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, got {order!r}")
    if name in LEADS:
        return Layout(name, ((name,),))
    if name not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)} or a lead, got {name!r}")
    return _LAYOUTS[order][name]
