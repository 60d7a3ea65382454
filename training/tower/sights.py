"""What a tower is shown of a row: the recording as the ECG tower takes it, or a page as the vision tower takes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from PIL import Image

from ecgr1_core.modality import IMAGE_TAG
from ecgr1_core.model.processing import prepare_signal, recorded_samples
from ecgr1_core.record import EcgRecord
from training.media import Looks, Media, drawn_sheet
from training.page_traces import COLUMNS, UNKNOWN_LEAD, PageTraces, load_traces, traces_of
from training.rows import Row
from training.synthesis.drawing import Disturbance


class Sight(Protocol):
    """Makes of a row, or of a recording that no row names, the arrays that an encoder takes."""

    def __call__(self, row: Row, epoch: int, /) -> dict[str, np.ndarray]:
        """Return the arrays of a row in an epoch; InputError where its file cannot be used."""

    def of(self, record: EcgRecord, rng: np.random.Generator, /) -> dict[str, np.ndarray]:
        """Return the arrays of a recording; what is random is drawn from `rng`."""


@dataclass(frozen=True)
class Recordings:
    """Shows recordings; with `mask_padding` padded time is told.

    A share of them, `disturbed`, is shown otherwise in each epoch; what is drawn depends on seed, epoch and recording.
    """

    media: Media
    mask_padding: bool
    disturbed: float = 0.0
    disturbance: Disturbance = field(default_factory=Disturbance)
    seed: int = 0

    def __call__(self, row: Row, epoch: int) -> dict[str, np.ndarray]:
        """Return `ecg_values` [leads, samples] in mV, and where padding is told `time_mask` [samples]."""
        record = self.media.record(row)
        rng = np.random.default_rng([self.seed, 3, epoch, *(row.ecg or "").encode()])
        return self.of(self.disturbance.of(record, rng) if rng.random() < self.disturbed else record)

    def of(self, record: EcgRecord, rng: np.random.Generator | None = None) -> dict[str, np.ndarray]:
        """Return the same of a recording."""
        seen: dict[str, np.ndarray] = {"ecg_values": prepare_signal(record)[0]}
        if self.mask_padding:
            seen["time_mask"] = np.arange(seen["ecg_values"].shape[1]) < recorded_samples(record)
        return seen


@dataclass(frozen=True)
class Pages:
    """Shows a row's own page, or where it has none a drawn one, which looks different in each epoch unless plain.

    What is drawn depends on seed, epoch and recording alone. With `traces` it is told what runs where on the page, as
    far as that is known: of pages that are drawn, and of those of a corpus, which keeps it beside them.
    """

    media: Media
    processor: Any
    looks: Looks
    seed: int
    traces: bool = False

    def __call__(self, row: Row, epoch: int) -> dict[str, np.ndarray]:
        """Return `pixel_values` [patches, values] and `image_grid_thw` [1, 3].

        With `traces` also, of the tokens after merging, `trace_leads` [tokens], `UNKNOWN_LEAD` where nothing is known,
        and `trace_mv` [tokens, COLUMNS], NaN where no voltage is.
        """
        rng = np.random.default_rng([self.seed, epoch, *(row.ecg or "").encode()])
        if self.media.draws(row):
            return self.of(self.media.record(row), rng)
        known = load_traces(self.media.image_root / row.image) if self.traces and row.image else None
        return self._arrays(self.media.page(row), known)

    def of(self, record: EcgRecord, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the same of a page that is drawn of a recording."""
        sheet = drawn_sheet(record, self.looks, rng)
        return self._arrays(sheet.image.convert("RGB"), traces_of(sheet.truth) if self.traces else None)

    def _arrays(self, page: Image.Image, known: PageTraces | None) -> dict[str, np.ndarray]:
        inputs = self.processor(IMAGE_TAG, images=[page], return_tensors="np")
        seen = {name: inputs[name] for name in ("pixel_values", "image_grid_thw")}
        if self.traces:
            rows, columns = (
                int(side) // self.processor.image_processor.merge_size for side in seen["image_grid_thw"][0, 1:]
            )
            leads, mv = np.full(rows * columns, UNKNOWN_LEAD), np.full((rows * columns, COLUMNS), np.nan, np.float32)
            if known is not None:
                leads, mv = known.cells(rows, columns)
            seen |= {"trace_leads": leads, "trace_mv": mv}
        return seen
