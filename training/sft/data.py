"""Examples of supervised fine-tuning: rows seen in the environment of their epoch, in batches padded or packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ecgr1_core.modality import MODALITIES, Modality
from training.batches import collate, encode, pack
from training.imd import Distribution, draw
from training.learning.rows import Told, TooLongError
from training.media import Media
from training.rows import Row


@dataclass
class SftRows:
    """Makes examples of rows: each in the environment that dropout draws for it, its answer to be learned."""

    processor: Any
    rows: Sequence[Row]
    media: Media
    q: Distribution
    seed: int
    max_length: int

    def modality(self, epoch: int, index: int) -> Modality:
        """Return the environment of a row in an epoch."""
        return draw(self.q, *self.modalities(self.rows[index]), self.seed, epoch, index)

    def load(self, epoch: int, index: int) -> dict[str, Any]:
        """Return a row encoded; InputError where a file of it cannot be used or it is too long."""
        return self.encoded(self.rows[index], self.modality(epoch, index))

    def encoded(self, row: Row, modality: Modality) -> dict[str, Any]:
        """Return a row seen in an environment; InputError where a file of it cannot be used or it is too long."""
        encoded = encode(self.processor, row, self.media, modality, row.answer)
        if (tokens := len(encoded["input_ids"])) > self.max_length:
            raise TooLongError(
                row.source, f"takes {tokens} tokens as {modality}", f"raise max_length above {self.max_length}"
            )
        return encoded

    def modalities(self, row: Row) -> tuple[bool, bool]:
        """Return whether a row has a signal and a page to look at: what its tags say, or a page that is to be drawn."""
        if self.media.draws(row):
            return True, True
        return row.modality != "image", row.modality != "signal"

    def environments(self, row: Row) -> tuple[Modality, ...]:
        """Return every environment in which a row can be seen."""
        signal, image = self.modalities(row)
        return MODALITIES if signal and image else ("signal",) if signal else ("image",)


@dataclass(frozen=True)
class Collator:
    """Puts examples and what was wrong on the way to them into one batch, padded or packed."""

    pad_id: int
    max_length: int
    packing: bool
    merge_size: int

    def __call__(self, examples: Sequence[tuple[dict[str, Any], list[Told]]]) -> dict[str, Any]:
        """Return the batch, with `seen`, the environment of each row, and `problems`."""
        rows = [row for row, _ in examples]
        batch: dict[str, Any] = (
            pack(rows, self.pad_id, self.max_length, self.merge_size) if self.packing else collate(rows, self.pad_id)
        )
        seen = [int(row["environments"][0]) for row in rows]
        return batch | {"seen": seen, "problems": [problem for _, problems in examples for problem in problems]}
