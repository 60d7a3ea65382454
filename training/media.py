"""From the paths of a row to what a model looks at: the recording, and the page image or one drawn in its place.

Paths are relative to the folder of ECGs and of images that the run gives, or else to the file of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from ecgr1_core import formats
from ecgr1_core.errors import InputError
from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.record import EcgRecord
from ecgr1_core.render.paper import render_page
from ecgr1_core.render.sheets import DrawnPage, draw_sheet
from training.rows import Row

Looks = Literal["plain", "varied", "mixed", "worn"]
"""How a page is drawn: as the program does, in one of many looks, half of each, or one as scanned or photographed."""


@dataclass(frozen=True)
class Media:
    """Where recordings and pages lie. `draw_missing` draws a page for rows that have a recording and no image."""

    ecg_root: Path
    image_root: Path
    draw_missing: bool = False

    def record(self, row: Row) -> EcgRecord:
        """Return the recording of a row; InputError where it names none or it cannot be read."""
        if row.ecg is None:
            raise InputError(row.source, "has no ECG", 'give its path in "objects": {"ecg": [path]}')
        path = self.ecg_root / row.ecg
        return formats.read(path if path.exists() else path.with_name(path.name + ".hea"))

    def draws(self, row: Row) -> bool:
        """Return whether the page of a row is missing and to be drawn of its recording."""
        return self.draw_missing and row.image is None and row.ecg is not None

    def page(self, row: Row) -> Image.Image:
        """Return the page of a row, RGB; InputError where it names none or it is no image that can be read.

        `draw` makes those that are missing, where they are to be drawn.
        """
        if row.image is None:
            if self.draw_missing:
                return render_page(self.record(row))
            raise InputError(row.source, "has no image", 'give its path in "images", or let pages be drawn')
        try:
            with Image.open(self.image_root / row.image) as image:
                return image.convert("RGB")
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise InputError(row.source, f"its image {row.image} cannot be read", "give a PNG or JPEG file") from error

    def modalities(self, row: Row) -> tuple[bool, bool]:
        """Return whether there is a signal and whether there is a page to look at, without opening either."""
        return row.ecg is not None, row.image is not None or self.draws(row)

    def view(self, row: Row, modality: Modality) -> ModalityView:
        """Return what a model sees of a row in this modality; InputError where a part of it is missing."""
        signal, image = modality != "image", modality != "signal"
        return ModalityView(
            modality,
            self.record(row) if signal else None,
            self.page(row) if image else None,
            None if not image else "rendered" if row.image is None else "upload",
        )


def media_beside(
    path: Path, ecg_root: Path | None = None, image_root: Path | None = None, *, draw_missing: bool = False
) -> Media:
    """Return the media of a file of rows; folders that are not given are the file's own."""
    return Media(ecg_root or path.parent, image_root or path.parent, draw_missing)


def drawn_sheet(record: EcgRecord, looks: Looks, rng: np.random.Generator) -> DrawnPage:
    """Return a page of the recording: the program's own, one of many looks, or that with the wear of paper and camera.

    With it comes the truth of what is drawn where. The same state of `rng` gives the same page.
    """
    from ecgr1_core.render.degrade import LEVELS, degrade, random_degradation
    from ecgr1_core.render.page_style import random_style

    if looks == "plain" or (looks == "mixed" and rng.random() < 0.5):
        return draw_sheet(record)
    page = draw_sheet(record, random_style(rng))
    if looks == "worn":
        page = degrade(page, random_degradation(rng, LEVELS[rng.integers(len(LEVELS))]))
    return page
