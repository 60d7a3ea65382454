"""The limb leads as judges of a page's layout: they follow from one another (Einthoven, Goldberger) in one layout only.

Six rows may be 6 × 2 or 3 × 4 with three strips, and either order is possible, which names that cannot be read do not
tell. All limb leads of a column are combinations of I and II at the same moment; where those of the layout that a page
was taken for are not, and those of another one are, the traces are cut and named anew. The module reads no ink.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecgr1_core.digitize.pieces import Float64Array, FoundPage, TracePiece
from ecgr1_core.formats.leads import LIMB_FROM_I_II
from ecgr1_core.render.layouts import LAYOUTS, ORDERS, Layout, find_layout

_POINTS = 4000  # on the length of the page
_LEAST_KNOWN = 0.5  # of a column, in all of its limb leads
_FOLLOWS = 0.85  # fit of limb leads that are what they are called, though a trace was followed wrongly here and there
_AHEAD = 0.3  # by which another layout's must fit better
_EDGE_MM = 0.3  # on either side of the border of two columns, where a mark may stand


def as_limb_leads_say(found: FoundPage) -> FoundPage:
    """Return the page in the layout in which its limb leads follow from one another, where that is clear.

    A page whose limb leads do so as it is, or in no other layout either, comes back as it is.
    """
    if found.layout not in LAYOUTS or found.columns_x_mm is None or not found.pieces:
        return found
    taken = find_layout(found.layout, found.order)
    rows = _rows(found, len(taken.all_rows))
    here = limb_fit(rows, taken)
    others = [
        (limb_fit(rows, layout), layout, order)
        for order in ORDERS
        for layout in (find_layout(name, order) for name in LAYOUTS)
        if len(layout.all_rows) == len(taken.all_rows) and (layout.name, order) != (found.layout, found.order)
    ]
    known = [(fit, layout, order) for fit, layout, order in others if fit is not None]
    if here is None or not known:
        return found
    fit, layout, order = max(known, key=lambda one: one[0])
    if fit < _FOLLOWS or fit < here + _AHEAD:
        return found
    unsure = (
        f"the limb leads follow from one another as on a page of {layout.name} ({order} order), and it is read as that"
    )
    return replace(
        found,
        pieces=_cut(found, layout),
        layout=layout.name,
        order=order,
        rhythm_rows=tuple(range(len(layout.rows), len(layout.all_rows))),
        columns_x_mm=tuple(np.linspace(*_ends(found), layout.columns + 1).tolist()),
        unsure=(*found.unsure, unsure),
    )


def limb_fit(rows: Float64Array, layout: Layout) -> float | None:
    """Return how well a layout's limb leads follow from two of them, in the column where they do worst.

    `rows` are the heights of the traces, [rows, n], all along the page, NaN where unknown. 1: each is exactly its
    combination of I and II, 0: no more so than unrelated traces; None where too little of them is known.
    """
    width = rows.shape[1] // layout.columns
    fits = []
    for column in range(layout.columns):
        places = [(row, leads[column]) for row, leads in enumerate(layout.rows) if leads[column] in LIMB_FROM_I_II]
        if len(places) < 3:
            continue
        part = rows[[row for row, _ in places], column * width : (column + 1) * width]
        known = np.isfinite(part).all(axis=0)
        if known.mean() < _LEAST_KNOWN:
            return None
        part = part[:, known] - np.median(part[:, known], axis=1, keepdims=True)
        mix = np.array([LIMB_FROM_I_II[lead] for _, lead in places])
        mix[[lead in layout.inverted_leads for _, lead in places]] *= -1
        rest = part - mix @ np.linalg.pinv(mix) @ part
        share = float((rest**2).sum() / max(float((part**2).sum()), 1e-9))
        fits.append(1 - share * len(places) / (len(places) - 2))  # unrelated traces leave (k - 2) / k
    return min(fits, default=None)


def _ends(found: FoundPage) -> tuple[float, float]:
    assert found.columns_x_mm is not None
    return found.columns_x_mm[0], found.columns_x_mm[-1]


def _in_row(found: FoundPage, row: int) -> list[TracePiece]:
    return sorted((piece for piece in found.pieces if piece.row == row), key=lambda piece: piece.column)


def _rows(found: FoundPage, count: int) -> Float64Array:
    """Return the height of each row's traces in mm at even distances from the page's beginning to its end."""
    x_mm = np.linspace(*_ends(found), _POINTS)
    rows = np.full((count, _POINTS), np.nan)
    for row in range(count):
        for piece in _in_row(found, row):
            inside = (x_mm >= piece.x_mm[0]) & (x_mm <= piece.x_mm[-1])
            rows[row, inside] = np.interp(x_mm[inside], piece.x_mm, piece.y_mm)
    return rows


def _cut(found: FoundPage, layout: Layout) -> tuple[TracePiece, ...]:
    """Return the traces of a page joined to rows, cut into the columns of another layout, and named by it."""
    pieces = []
    for row, leads in enumerate(layout.all_rows):
        old = _in_row(found, row)
        if not old:
            continue
        x_mm, y_mm = np.concatenate([p.x_mm for p in old]), np.concatenate([p.y_mm for p in old])
        borders = np.linspace(*_ends(found), len(leads) + 1)
        for column, lead in enumerate(leads):
            inside = (x_mm >= borders[column]) & (x_mm < borders[column + 1])
            near = np.abs(x_mm[inside, None] - borders[1:-1]).min(axis=1, initial=np.inf) < _EDGE_MM
            heights = np.where(near, np.nan, y_mm[inside])
            if not np.isfinite(heights).any():
                continue
            shown = _shown(old, borders[column], borders[column + 1])
            low, high = shown.min(axis=0), shown.max(axis=0)
            pieces.append(
                TracePiece(
                    row=row,
                    column=column,
                    lead=lead,
                    x_mm=x_mm[inside],
                    y_mm=heights,
                    box_px=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
                    confidence=min(piece.confidence for piece in old),
                    inverted=lead in layout.inverted_leads,
                    trace_px=shown,
                )
            )
    return tuple(pieces)


def _shown(old: list[TracePiece], left_mm: float, right_mm: float) -> Float64Array:
    """Return the shown points, [n, 2], of a row's traces between two places: they lie evenly along each trace."""
    parts = []
    for piece in old:
        if piece.trace_px is not None and len(piece.trace_px):
            at_mm = np.linspace(piece.x_mm[0], piece.x_mm[-1], len(piece.trace_px))
            parts.append(piece.trace_px[(at_mm >= left_mm) & (at_mm < right_mm)])
        else:
            x0, y0, x1, y1 = piece.box_px
            parts.append(np.array([(x0, y0), (x1, y1)]))
    points = np.concatenate(parts)
    return points[np.isfinite(points).all(axis=1)]
