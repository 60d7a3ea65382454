"""What a tower is shown of a row: the recording as the ECG tower takes it, or a page as the vision tower takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ecgr1_core.modality import IMAGE_TAG
from ecgr1_core.model.processing import prepare_signal, recorded_samples
from training.media import Looks, Media, drawn_page
from training.rows import Row

Sight = Callable[[Row, int], dict[str, np.ndarray]]
"""Makes of a row, in an epoch, the arrays that an encoder takes; InputError where its file cannot be used."""


@dataclass(frozen=True)
class Recordings:
    """Shows recordings, the same in every epoch; with `mask_padding` padded time is told."""

    media: Media
    mask_padding: bool

    def __call__(self, row: Row, _epoch: int) -> dict[str, np.ndarray]:
        """Return `ecg_values` [leads, samples] in mV, and where padding is told `time_mask` [samples]."""
        record = self.media.record(row)
        seen: dict[str, np.ndarray] = {"ecg_values": prepare_signal(record)[0]}
        if self.mask_padding:
            seen["time_mask"] = np.arange(seen["ecg_values"].shape[1]) < recorded_samples(record)
        return seen


@dataclass(frozen=True)
class Pages:
    """Shows a row's own page, or where it has none a drawn one, which looks different in each epoch unless plain.

    What is drawn depends on seed, epoch and recording alone.
    """

    media: Media
    processor: Any
    looks: Looks
    seed: int

    def __call__(self, row: Row, epoch: int) -> dict[str, np.ndarray]:
        """Return `pixel_values` [patches, values] and `image_grid_thw` [1, 3]."""
        rng = np.random.default_rng([self.seed, epoch, *(row.ecg or "").encode()])
        page = self.media.page(row, partial(drawn_page, looks=self.looks, rng=rng))
        inputs = self.processor(IMAGE_TAG, images=[page], return_tensors="np")
        return {name: inputs[name] for name in ("pixel_values", "image_grid_thw")}
