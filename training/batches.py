"""From rows to what the model is trained on: tokens with labels on the answer alone, padded or packed into batches.

Rows come as their turns are written, with tags for what one of the four environments shows. It knows nothing of which
environment a row is to be seen in (`training.imd`), of losses or of files other than through `training.media`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal

from ecgr1_core.modality import MODALITIES, Modality
from training.media import Media
from training.rows import Row

if TYPE_CHECKING:
    from torch import Tensor

    from ecgr1_core.model.processing import EcgR1Processor

IGNORED: Final = -100  # the label of a token that is not learned, as torch's cross entropy has it
END_OF_TURN: Final = "<|im_end|>"
_PADDING: Final = {"attention_mask": 0, "mm_token_type_ids": 0, "labels": IGNORED, "environments": -1}
_MEDIA: Final = ("ecg_values", "ecg_lengths", "pixel_values", "image_grid_thw")


def encode(
    processor: EcgR1Processor, row: Row, media: Media, modality: Modality, answer: str | None
) -> dict[str, Tensor]:
    """Return one row, seen in one environment, as tensors without padding.

    The turns before the answer, then where `answer` is not None the answer with its end token. `input_ids`,
    `attention_mask`, `mm_token_type_ids`, `labels` (-100 but on answer and end token) and `environments` (the index of
    the modality in `MODALITIES`) are [tokens]; where the modality has them `ecg_values` [1, 12, 5000] in mV with
    `ecg_lengths` [1], and `pixel_values` [patches, values] with `image_grid_thw` [1, 3]. Raises InputError for a
    recording or page that cannot be used.
    """
    import torch

    view = media.view(row, modality)
    turns = [dict(turn) for turn in row.shown(modality).question]
    prompt = processor.apply_chat_template(turns, add_generation_prompt=True)
    batch = processor([prompt], ecgs=[view.record], images=[view.page])
    encoded = {name: batch[name] for name in _MEDIA if name in batch}
    ids, types = batch["input_ids"][0], batch["mm_token_type_ids"][0]
    labels = torch.full_like(ids, IGNORED)
    if answer is not None:
        tokenizer = processor.tokenizer
        tokens = [
            *tokenizer(answer, add_special_tokens=False)["input_ids"],
            tokenizer.convert_tokens_to_ids(END_OF_TURN),
        ]
        written = torch.tensor(tokens, dtype=ids.dtype)
        ids, labels = torch.cat([ids, written]), torch.cat([labels, written])
        types = torch.cat([types, torch.zeros_like(written)])
    return encoded | {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "mm_token_type_ids": types,
        "labels": labels,
        "environments": torch.full_like(ids, MODALITIES.index(modality)),
    }


def collate(
    rows: Sequence[Mapping[str, Tensor]], pad_id: int, side: Literal["right", "left"] = "right"
) -> dict[str, Tensor]:
    """Return encoded rows as one batch: [rows, tokens], padded at the right, or at the left to be written on.

    ECGs and images of all rows follow each other in the order of the rows, as the model takes them.
    """
    import torch

    longest = max(len(row["input_ids"]) for row in rows)
    batch: dict[str, Tensor] = {}
    for name, value in {"input_ids": pad_id, **_PADDING}.items():
        batch[name] = torch.full((len(rows), longest), value)
        for line, row in zip(batch[name], rows, strict=True):
            start = longest - len(row[name]) if side == "left" else 0
            line[start : start + len(row[name])] = row[name]
    return batch | _media_of(rows)


def pack(rows: Sequence[Mapping[str, Tensor]], pad_id: int, max_length: int, merge_size: int = 2) -> dict[str, Tensor]:
    """Return encoded rows as one batch in which several rows share a sequence of at most `max_length` tokens.

    Each row goes to the first sequence with room. There is no `attention_mask`: `position_ids` [4, sequences, tokens]
    hold first the place of each token in its own row, from which transformers makes a block-diagonal causal mask (or,
    with flash attention, the lengths), then the three positions of Qwen3-VL, also counted from the start of the row; so
    no row sees another and each is read as if it were alone. Padding is a row of its own without labels. Raises
    ValueError for a row that is longer.
    """
    import torch

    sequences: list[list[Mapping[str, Tensor]]] = []
    room: list[int] = []
    for row in rows:
        length = len(row["input_ids"])
        if length > max_length:
            raise ValueError(f"a row of {length} tokens does not go into sequences of {max_length}")
        place = next((n for n, free in enumerate(room) if free >= length), None)
        if place is None:
            place = len(room)
            sequences.append([])
            room.append(max_length)
        sequences[place].append(row)
        room[place] -= length
    joined = []
    for members in sequences:
        tokens = {name: torch.cat([row[name] for row in members]) for name in ("input_ids", *_PADDING)}
        joined.append(tokens | _media_of(members))
    batch = collate(joined, pad_id)
    longest = batch.pop("attention_mask").shape[1]
    lines = []
    for members in sequences:
        held = [positions_of(row, merge_size) for row in members]
        padding = torch.arange(longest - sum(part.shape[1] for part in held)).expand(4, -1)
        lines.append(torch.cat([*held, padding], dim=1))
    return batch | {"position_ids": torch.stack(lines, dim=1)}


def prompt_inputs(
    processor: EcgR1Processor, rows: Sequence[Row], media: Media, modalities: Sequence[Modality]
) -> dict[str, Tensor]:
    """Return one left-padded batch of prompts that end where the model begins to write, without labels."""
    encoded = [encode(processor, row, media, one, None) for row, one in zip(rows, modalities, strict=True)]
    batch = collate(encoded, processor.tokenizer.pad_token_id, "left")
    return {name: value for name, value in batch.items() if name not in ("labels", "environments")}


def positions_of(row: Mapping[str, Tensor], merge_size: int) -> Tensor:
    """Return [4, tokens]: the place in the row, and Qwen3-VL's time, height and width (its `get_rope_index`).

    Text counts on in all three; an image keeps one time, counts its rows and columns from there, and what follows goes
    on after the longer of the two.
    """
    import torch

    grids = iter(row.get("image_grid_thw", ()))
    parts, at = [], 0
    for is_image, group in groupby(row["mm_token_type_ids"].tolist()):
        length = len(list(group))
        if not is_image:
            parts.append(torch.arange(at, at + length).expand(3, -1))
            at += length
            continue
        height, width = (int(side) // merge_size for side in next(grids)[1:])
        time = torch.full((height, width), at)
        down = torch.arange(at, at + height)[:, None].expand(height, width)
        across = torch.arange(at, at + width)[None, :].expand(height, width)
        parts.append(torch.stack([time, down, across]).reshape(3, -1))
        at += max(height, width)
    return torch.cat([torch.arange(len(row["input_ids"]))[None], torch.cat(parts, dim=1)])


def _media_of(rows: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    import torch

    held = {name: [row[name] for row in rows if name in row] for name in _MEDIA}
    return {name: torch.cat(values) for name, values in held.items() if values}
