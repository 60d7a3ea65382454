"""A row made ready once: its signal, its page in patches, and its tokens in every environment.

It knows nothing of accelerators or of learning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from ecgr1_core.errors import InputError
from ecgr1_core.modality import MODALITIES, Modality
from ecgr1_core.model.processing import EcgR1Processor, prepare_signal, recorded_samples
from training.batches import END_OF_TURN, positions_of
from training.learning.rows import Told, told
from training.media import Media
from training.rows import Row
from training.tower.sights import Pages

_HALF: Final = 127.5  # a byte of 0 to 255 is a value of -1 to 1
_TEMPORAL: Final = 2  # a page is held once, though Qwen3-VL is shown it twice, as the two frames of a film


@dataclass(frozen=True, eq=False)
class Tokens:
    """A row's question and answer in one environment: [tokens] ids and [3, tokens] places, the answer at the end."""

    ids: npt.NDArray[np.int32]
    places: npt.NDArray[np.int32]
    is_image: npt.NDArray[np.bool_]
    answer: int


@dataclass(frozen=True, eq=False)
class Page:
    """A page in patches, [patches, values] of a grid of patches.

    `trace_leads` [merged patches] and `trace_mv` [merged patches, COLUMNS] are as `Pages` tells them.
    """

    pixels: npt.NDArray[np.uint8]
    grid: tuple[int, int]
    trace_leads: npt.NDArray[np.int8]
    trace_mv: npt.NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class Example:
    """A row: [12, 5000] mV of which `samples` were recorded, tokens in each environment, and its page unless unseen."""

    signal: npt.NDArray[np.float16]
    samples: int
    tokens: dict[Modality, Tokens]
    page: Page | None = None


def example(processor: Any, row: Row, media: Media, *, with_page: bool = True) -> Example:
    """Return the row made ready, without a page for the signal alone.

    Raises InputError for a recording or page that cannot be used.
    """
    record = media.record(row)
    signal, samples = prepare_signal(record)[0].astype(np.float16), recorded_samples(record)
    if not with_page:
        return Example(signal, samples, {"signal": _tokens(processor, row, "signal", 0, np.zeros((1, 3), np.int64))})
    page = Pages(media, processor, "plain", 0, traces=True)(row, 0)
    grid = page["image_grid_thw"]
    image_tokens = int(grid.prod()) // processor.image_processor.merge_size**2
    tokens = {one: _tokens(processor, row, one, image_tokens, grid) for one in MODALITIES}
    shown = Page(
        _bytes(page["pixel_values"]),
        (int(grid[0, 1]), int(grid[0, 2])),
        page["trace_leads"].astype(np.int8),
        page["trace_mv"].astype(np.float16),
    )
    return Example(signal, samples, tokens, shown)


def examples(
    rows: Sequence[Row], model: Path, media: Media, jobs: int, *, with_pages: bool = True
) -> Iterator[tuple[Row, Example | Told]]:
    """Yield each row with the row made ready for the processor of `model`, or with what is wrong with it."""
    from ecgr1_core.cli.batch import one_thread, process_context

    one = partial(_one, model, media, with_pages)
    if jobs == 1:
        yield from zip(rows, map(one, rows), strict=True)
        return
    with ProcessPoolExecutor(jobs, mp_context=process_context(), initializer=one_thread) as pool:
        yield from zip(rows, pool.map(one, rows, chunksize=8), strict=True)


@lru_cache(maxsize=1)
def _processor(model: Path) -> Any:
    return EcgR1Processor.from_pretrained(model)


def _one(model: Path, media: Media, with_page: bool, row: Row) -> Example | Told:
    try:
        return example(_processor(model), row, media, with_page=with_page)
    except InputError as error:
        return told(error)  # errors do not travel between processes


def _tokens(processor: Any, row: Row, seen: Modality, image_tokens: int, grid: npt.NDArray[np.int64]) -> Tokens:
    """Return the row's tokens in an environment; its page takes `image_tokens` and is of the grid [1, 3]."""
    prompt = processor.apply_chat_template(
        [dict(turn) for turn in row.shown(seen).question], add_generation_prompt=True
    )
    text = processor.expand(prompt, int(seen != "image"), [image_tokens] if seen != "signal" else [])
    asked, written = (
        processor.tokenizer(one, add_special_tokens=False)["input_ids"] for one in (text, row.answer or "")
    )
    written.append(processor.tokenizer.convert_tokens_to_ids(END_OF_TURN))
    ids = np.array([*asked, *written], dtype=np.int32)
    is_image = ids == processor.image_token_id
    held = {"input_ids": torch.from_numpy(ids), "mm_token_type_ids": torch.from_numpy(is_image)}
    if seen != "signal":
        held["image_grid_thw"] = torch.from_numpy(grid)
    places = positions_of(held, processor.image_processor.merge_size)[1:].numpy().astype(np.int32)
    return Tokens(ids, places, is_image, len(written))


def _bytes(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return [patches, values] of one of the two equal frames, as bytes; they are what the picture's bytes were."""
    frames = values.reshape(len(values), 3, _TEMPORAL, -1)
    return np.asarray(np.rint((frames[:, :, 0] + 1) * _HALF), dtype=np.uint8).reshape(len(values), -1)


def values_of(pixels: torch.Tensor) -> torch.Tensor:
    """Return the patches as Qwen3-VL takes them, [patches, values], of values -1 to 1 in [patches, values of a frame].

    The order of a patch is colour, frame, row, column.
    """
    frames = pixels.view(len(pixels), 3, 1, -1).expand(-1, -1, _TEMPORAL, -1)
    return frames.reshape(len(pixels), -1)


def scaled(pixels: torch.Tensor) -> torch.Tensor:
    """Return bytes as values of -1 to 1."""
    return pixels.float() / _HALF - 1
