"""Which lead runs where on a page, kept in a file beside it: what a vision tower is taught of every part of a page.

A page that the program draws knows the pixels of every sample. Kept are the samples' places as parts of width and
height, so that they hold for the page in any size, with lead and voltage. It knows nothing of models.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ecgr1_core.record import LEADS
from ecgr1_core.render.page_truth import PageTruth, mapped

NO_LEAD: Final = len(LEADS)
UNKNOWN_LEAD: Final = -1
COLUMNS: Final = 4  # parts of a cell's width that have a voltage of their own
_EVERY: Final = 2  # samples of which one is kept: 250 Hz are enough for a page
_MOST_MV: Final = 3.0


@dataclass(frozen=True, eq=False)
class PageTraces:
    """Samples of a page, [samples] each: index of the lead, x and y as parts of width and height, and mV."""

    lead: npt.NDArray[np.uint8]
    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float32]
    mv: npt.NDArray[np.float32]

    def cells(self, rows: int, columns: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return what runs through each cell of a grid over the page, cells from left to right and top to bottom.

        Leads [cells]: the one with most samples there, `NO_LEAD` without any. Voltages [cells, COLUMNS] in mV, at most
        3 either way: the mean of that lead's samples in each part of the cell's width, NaN without any.
        """
        inside = (self.x >= 0) & (self.x < 1) & (self.y >= 0) & (self.y < 1)
        lead, mv = self.lead[inside], self.mv[inside]
        part = (self.x[inside] * (columns * COLUMNS)).astype(np.int64)
        cell = (self.y[inside] * rows).astype(np.int64) * columns + part // COLUMNS
        place = (lead, cell, part % COLUMNS)
        counts = np.zeros((len(LEADS), rows * columns, COLUMNS))
        sums = np.zeros_like(counts)
        np.add.at(counts, place, 1.0)
        np.add.at(sums, place, mv)
        of_cell = counts.sum(axis=2)
        leads = np.where(of_cell.any(axis=0), of_cell.argmax(axis=0), NO_LEAD)
        chosen = np.minimum(leads, NO_LEAD - 1), np.arange(rows * columns)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums[chosen] / counts[chosen]
        return leads, np.clip(means, -_MOST_MV, _MOST_MV).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write the samples, places to 1/65536 of the page, voltages to a µV."""
        beside = path.with_name(path.name + ".part.npz")
        places = {name: np.clip(getattr(self, name) * 65536, 0, 65535).astype(np.uint16) for name in ("x", "y")}
        np.savez_compressed(beside, lead=self.lead, mv=np.rint(self.mv * 1000).astype(np.int16), **places)
        beside.replace(path)


def traces_path(page: Path) -> Path:
    """Return the file of a page's traces: beside it, of its name."""
    return page.with_suffix(".traces.npz")


def load_traces(page: Path) -> PageTraces | None:
    """Return the traces of a page, None where no file of them lies beside it."""
    path = traces_path(page)
    if not path.is_file():
        return None
    with np.load(path) as held:
        x, y = (held[name].astype(np.float32) / 65536 for name in ("x", "y"))
        return PageTraces(held["lead"], x, y, held["mv"].astype(np.float32) / 1000)


def traces_of(truth: PageTruth) -> PageTraces:
    """Return the traces of a drawn page; what runs off the page is left out.

    A sample's voltage is its height over the line of 0 mV as it was drawn, in mm over the gain, which holds for pages
    that were turned or seen from the side as well as the two lines do.
    """
    size = np.array([truth.width_px, truth.height_px])
    back = np.asarray(np.linalg.inv(truth.page_to_image), dtype=np.float64)
    found = [np.zeros((0, 4))]
    for one in truth.leads:
        if one.lead not in LEADS:
            continue
        trace = one.trace_px[::_EVERY]
        trace = np.asarray(trace[np.isfinite(trace).all(axis=1)], dtype=np.float64)
        drawn, zero = mapped(trace, back), mapped(one.baseline_px, back)
        height_px = np.interp(drawn[:, 0], zero[:, 0], zero[:, 1]) - drawn[:, 1]
        mv = height_px / (truth.px_per_mm * truth.style.gain_mm_per_mv) * (-1 if one.inverted else 1)
        place = trace / size
        lead = np.full(len(trace), LEADS.index(one.lead))
        on_page = ((place >= 0) & (place < 1)).all(axis=1)
        found.append(np.column_stack([lead, place, mv])[on_page])
    lead, x, y, mv = np.concatenate(found).T
    return PageTraces(lead.astype(np.uint8), *(values.astype(np.float32) for values in (x, y, mv)))
