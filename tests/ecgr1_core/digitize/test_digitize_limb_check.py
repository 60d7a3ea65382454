"""A page taken for a layout in which its limb leads do not agree is read in the one in which they do."""

from __future__ import annotations

import numpy as np
import pytest

from ecgr1_core.digitize.limb_check import as_limb_leads_say, limb_fit
from ecgr1_core.digitize.pieces import FoundPage, Order, TracePiece
from ecgr1_core.formats.leads import LIMB_FROM_I_II
from ecgr1_core.record import LEADS
from ecgr1_core.render.layouts import LAYOUTS, find_layout

LENGTH_MM = 250.0
X_MM = np.arange(0.0, LENGTH_MM, 0.125)


def leads_mm(noise_mm: float = 0.2) -> dict[str, np.ndarray]:
    """Heights of smooth noise in every lead all along the page, limb leads out of I and II, as they are followed."""
    rng = np.random.default_rng(4)
    free = [np.convolve(rng.normal(size=X_MM.size), np.ones(24) / 3, "same") for _ in range(8)]
    chest = dict(zip(LEADS[6:], free[2:], strict=True))
    limb = {lead: one * free[0] + two * free[1] for lead, (one, two) in LIMB_FROM_I_II.items()}
    return {lead: y + noise_mm * rng.normal(size=y.size) for lead, y in (limb | chest).items()}


def page(drawn: str, drawn_order: Order, taken: str, taken_order: Order = "standard") -> FoundPage:
    """A page drawn in one layout and taken for another one with as many rows."""
    truth, layout, named = leads_mm(), find_layout(drawn, drawn_order), find_layout(taken, taken_order)
    pieces = []
    for row, (leads, names) in enumerate(zip(layout.all_rows, named.all_rows, strict=True)):
        column = np.minimum((X_MM / LENGTH_MM * len(leads)).astype(int), len(leads) - 1)
        signed = [truth[lead] * (-1.0 if lead in layout.inverted_leads else 1.0) for lead in leads]
        height = np.choose(column, signed)
        for place, part in enumerate(np.array_split(np.arange(X_MM.size), len(names))):
            x, y = X_MM[part], height[part]
            box = (4 * x[0], 100.0 * row, 4 * x[-1], 100.0 * row + 50)
            trace = np.stack((4 * x, 100.0 * row + y), axis=1)
            pieces.append(
                TracePiece(row, place, names[place], x, y, box, 0.6, names[place] in named.inverted_leads, trace)
            )
    return FoundPage(
        pieces=tuple(pieces),
        texts=(),
        mm_per_px=(0.25, 0.25),
        speed_mm_per_s=25.0,
        gain_mm_per_mv=10.0,
        source="pixels",
        layout=taken,
        order=taken_order,
        columns_x_mm=tuple(np.linspace(0, LENGTH_MM, named.columns + 1).tolist()),
    )


@pytest.mark.parametrize("taken", ["6x2", "3x4+3"])
@pytest.mark.parametrize("drawn", ["6x2", "3x4+3"])
@pytest.mark.parametrize("order", ["standard", "cabrera"])
def test_the_layout_is_that_in_which_limb_leads_agree(drawn: str, order: Order, taken: str) -> None:
    found = as_limb_leads_say(page(drawn, order, taken))
    layout = find_layout(drawn, order)
    assert (found.layout, found.order) == (drawn, order)
    assert {(p.row, p.column): p.lead for p in found.pieces} == {
        (row, column): lead for row, leads in enumerate(layout.all_rows) for column, lead in enumerate(leads)
    }
    truth = leads_mm()
    for piece in found.pieces:
        known = np.isfinite(piece.y_mm)
        sign = -1.0 if piece.inverted else 1.0
        assert piece.lead is not None
        assert np.corrcoef(sign * piece.y_mm[known], np.interp(piece.x_mm, X_MM, truth[piece.lead])[known])[0, 1] > 0.99
        assert piece.box_px[0] == pytest.approx(4 * piece.x_mm[0], abs=2)
    assert len(found.unsure) == int((drawn, order) != (taken, "standard"))


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_a_page_in_its_own_layout_stays_as_it_is(layout: str) -> None:
    found = page(layout, "standard", layout)
    assert as_limb_leads_say(found) is found


def test_where_no_layout_fits_the_page_stays_as_it_is() -> None:
    rng = np.random.default_rng(2)
    found = page("6x2", "standard", "6x2")
    for piece in found.pieces:
        piece.y_mm[:] = rng.normal(size=piece.y_mm.size)
    assert as_limb_leads_say(found) is found


def test_unrelated_traces_fit_no_more_than_chance() -> None:
    rows = np.random.default_rng(0).normal(size=(6, 4000))
    assert limb_fit(rows, find_layout("6x2")) == pytest.approx(0.0, abs=0.05)
    rows[:, :3000] = np.nan
    assert limb_fit(rows, find_layout("6x2")) is None
