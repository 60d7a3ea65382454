"""All rows of a run on one accelerator, and batches made of them there.

Pages of a batch have one size, so that attention within each is one product for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers.models.qwen3_vl import modeling_qwen3_vl as qwen

from ecgr1_core.modality import MODALITIES, Modality
from ecgr1_core.model.processing import SAMPLING_RATE_HZ, TOWER_LEADS
from training.batches import IGNORED
from training.held.disturbing import disturbed
from training.held.examples import Example, scaled, values_of
from training.synthesis.drawing import Disturbance
from training.targets import INTERVALS, RATE, TARGETS, Taught

_CONTRAST, _BRIGHTNESS, _GRAIN = 0.15, 0.1, 0.03  # how much a page's colours differ from one time to the next
_MOST_OFTEN: Final = 4  # how often a step may have one row, on average
_DRAWN_FOR_ONE: Final = 8  # steps of rows drawn for the rows of one, which are alike in length
_MOST_STRETCH: Final = 7 / 6
_MOST_HIDDEN: Final = 3
_AT_ONCE: Final = 256  # rows copied to the accelerator at a time


class Change(NamedTuple):
    """How each of some recordings is changed: samples cut off its beginning, by what time is stretched, hidden leads.

    `cut` and `stretch` are [rows], `hidden` [rows, leads] in the tower's order; None where none is.
    """

    cut: Tensor
    stretch: Tensor | None = None
    hidden: Tensor | None = None


class HeldRows:
    """Rows on `device`, with what is taught of each and `labels` [rows, labels].

    The numbers taught are told in standard deviations by `scale`, mean and spread, [targets] each. Either every row has
    a page or none has. `shifted` is how many samples at most are cut off a recording's beginning.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        taught: Taught,
        labels: np.ndarray,
        scale: tuple[np.ndarray, np.ndarray],
        *,
        device: str,
        seed: int,
        disturbance: Disturbance,
        share: float,
        shifted: int = 0,
    ) -> None:
        self.device, self.disturbance, self.share, self.shifted = device, disturbance, share, shifted
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator(device).manual_seed(seed)
        self.numbers, self.beats, self.labels, self.mean, self.spread = (
            torch.from_numpy(one).to(device)
            for one in ((taught.numbers - scale[0]) / scale[1], taught.beats, labels, *scale)
        )
        self.of_time = torch.tensor([float(name in INTERVALS) - (name == RATE) for name in TARGETS], device=device)
        of_lead = [[name.startswith(f"{lead}_") for name in TARGETS] for lead in TOWER_LEADS]
        self.of_lead = torch.tensor(of_lead, dtype=torch.float32, device=device)
        self.samples = torch.tensor([one.samples for one in examples], device=device)
        self.tokens = [one.tokens for one in examples]
        pages = [one.page for one in examples if one.page is not None]
        self.grids = [page.grid for page in pages] or [(0, 0)] * len(examples)
        self.groups: dict[tuple[int, int], np.ndarray] = {
            grid: np.flatnonzero([one == grid for one in self.grids]) for grid in dict.fromkeys(self.grids)
        }
        self.signals = torch.empty(len(examples), *examples[0].signal.shape, dtype=torch.float16, device=device)
        for start in range(0, len(examples), _AT_ONCE):
            some = examples[start : start + _AT_ONCE]
            self.signals[start : start + len(some)] = torch.from_numpy(np.stack([one.signal for one in some]))
        if pages:
            most = max(len(page.pixels) for page in pages)
            self.pixels = torch.zeros(len(pages), most, pages[0].pixels.shape[1], dtype=torch.uint8, device=device)
            for place, page in enumerate(pages):
                self.pixels[place, : len(page.pixels)] = torch.from_numpy(page.pixels)
        self.traces = [(page.trace_leads, page.trace_mv) for page in pages]

    def __len__(self) -> int:
        return len(self.grids)

    def some(self, count: int) -> np.ndarray:
        """Return places of `count` rows whose pages have one size; a size is drawn as often as rows have it.

        Fewer where few rows have that size, so that a step is not one row many times over.
        """
        group = self.groups[self.grids[int(self.rng.integers(len(self)))]]
        return self.rng.choice(group, min(count, _MOST_OFTEN * len(group)))

    def alike(self, count: int, seen: Modality) -> np.ndarray:
        """Return places of `count` rows, as `some` does, whose sequences in an environment are about equally long."""
        several = self.some(_DRAWN_FOR_ONE * count)
        several = several[np.argsort([len(self.tokens[place][seen].ids) for place in several], kind="stable")]
        parts = np.array_split(several, max(1, len(several) // count))
        return parts[int(self.rng.integers(len(parts)))]

    def recordings(self, places: np.ndarray, change: Change | None = None) -> dict[str, Tensor]:
        """Return `ecg_values` [rows, leads, samples] in mV, some of them disturbed, and `ecg_lengths` [rows].

        What `change` cuts off at the beginning, drawn here where not given, is 0 at the end.
        """
        chosen = torch.from_numpy(places).to(self.device)
        change = self.change(len(places)) if change is None else change
        signals, known = self.signals[chosen], self.samples[chosen]
        if change.stretch is not None:
            signals, known = _in_other_time(signals.float(), change), ((known - change.cut) * change.stretch).long()
            known = known.clamp(max=signals.shape[2])
        elif self.shifted:
            kept = torch.arange(signals.shape[2], device=self.device) + change.cut[:, None]
            signals = functional.pad(signals, (0, self.shifted)).gather(2, kept[:, None].expand_as(signals))
            known = known - change.cut
        if change.hidden is not None:
            signals = signals.masked_fill(change.hidden[:, :, None], 0.0)
        return {"ecg_values": disturbed(signals, self.disturbance, self.share, self.generator), "ecg_lengths": known}

    def change(self, count: int, stretched: float = 0.0, hidden: float = 0.0) -> Change:
        """Return how some recordings are changed.

        About a share `stretched` of them is made faster or slower, and of a share `hidden` one to three leads are left
        out.
        """

        def uniform(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=self.generator, device=self.device)

        cut = torch.randint(self.shifted + 1, (count,), generator=self.generator, device=self.device)
        stretch = leads = None
        if stretched:
            other = torch.exp(math.log(_MOST_STRETCH) * (2 * uniform(count) - 1))
            stretch = torch.where(uniform(count) < stretched, other, 1.0)
        if hidden:
            many = torch.where(uniform(count) < hidden, 1 + (_MOST_HIDDEN * uniform(count)).long(), 0)
            leads = uniform(count, self.signals.shape[1]).argsort(dim=1) < many[:, None]
        return Change(cut, stretch, leads)

    def pages(self, places: np.ndarray) -> dict[str, Tensor]:
        """Return `pixel_values` [patches, values] and `image_grid_thw` [rows, 3] of pages of one size.

        Their colours are somewhat changed unless no recording is disturbed.
        """
        height, width = self.grids[int(places[0])]
        pixels = scaled(self.pixels[torch.from_numpy(places).to(self.device), : height * width])
        if self.share > 0:
            pixels = self._otherwise(pixels)
        grid = torch.tensor([[1, height, width]], device=self.device).expand(len(places), -1)
        return {"pixel_values": values_of(pixels.flatten(0, 1)), "image_grid_thw": grid}

    def _otherwise(self, pixels: Tensor) -> Tensor:
        """Return the pages with other contrast, brightness and grain, [pages, patches, values]."""

        def uniform() -> Tensor:
            return torch.rand(len(pixels), 1, 1, generator=self.generator, device=self.device)

        grain = torch.randn(pixels.shape, generator=self.generator, device=self.device)
        changed = pixels * (1 + _CONTRAST * (uniform() - 0.5)) + _BRIGHTNESS * (uniform() - 0.5)
        return (changed + _GRAIN * uniform() * grain).clamp(-1, 1)

    def taught(self, places: np.ndarray, change: Change | None = None) -> dict[str, Tensor]:
        """Return `numbers`, `label_values` and `beats` for a `TowerLearner` of recordings that are changed so.

        Rate and intervals follow a stretched time; which labels would still be true is not known. Of a hidden lead
        nothing is told.
        """
        chosen = torch.from_numpy(places).to(self.device)
        values, labels, beats = self.numbers[chosen], self.labels[chosen], self.beats[chosen]
        if change is not None:
            beats = beats - (change.cut / SAMPLING_RATE_HZ)[:, None, None]
        if change is not None and change.stretch is not None:
            beats = beats * change.stretch[:, None, None]
            values = (values * self.spread + self.mean) * change.stretch[:, None] ** self.of_time
            values = (values - self.mean) / self.spread
            labels = torch.where((change.stretch == 1)[:, None], labels, torch.nan)
        if change is not None and change.hidden is not None:
            values = values.masked_fill(change.hidden.float() @ self.of_lead > 0, torch.nan)
        return {"numbers": values, "label_values": labels, "beats": beats}

    def state(self) -> dict[str, Any]:
        """Return where drawing stands."""
        return {"rng": self.rng.bit_generator.state, "generator": self.generator.get_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Draw on from where another run stood."""
        self.rng.bit_generator.state = state["rng"]
        self.generator.set_state(state["generator"])

    def traced(self, places: np.ndarray) -> dict[str, Tensor]:
        """Return `trace_leads` and `trace_mv` of pages of one size."""
        leads, mv = zip(*(self.traces[place] for place in places), strict=True)
        which, volts = torch.from_numpy(np.stack(leads)), torch.from_numpy(np.stack(mv))
        return {"trace_leads": which.to(self.device).long(), "trace_mv": volts.to(self.device).float()}

    def texts(self, places: np.ndarray, seen: Modality, pad_id: int) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Return what the model takes of rows in one environment, columns whose next token is of an answer, and these.

        The tokens, [rows, columns], are `IGNORED` where they are of no answer. Rows are padded at the right, where
        nothing that counts looks.
        """
        rows = [self.tokens[place][seen] for place in places]
        longest = max(len(row.ids) for row in rows)
        ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
        labels, is_image = np.full_like(ids, IGNORED), np.zeros_like(ids)
        positions = np.zeros((4, len(rows), longest), dtype=np.int64)
        positions[0] = np.arange(longest)
        for line, row in enumerate(rows):
            length = len(row.ids)
            ids[line, :length], is_image[line, :length] = row.ids, row.is_image
            labels[line, length - row.answer : length] = row.ids[length - row.answer :]
            positions[1:, line, :length] = row.places
        columns = np.flatnonzero((labels[:, 1:] != IGNORED).any(axis=0))
        given = {"input_ids": ids, "mm_token_type_ids": is_image, "position_ids": positions}
        inputs = {name: torch.from_numpy(value).to(self.device) for name, value in given.items()}
        inputs |= self.pages(places) if seen != "signal" else {}
        inputs |= self.recordings(places) if seen != "image" else {}
        wanted = torch.from_numpy(labels[:, 1:][:, columns]).to(self.device)
        return inputs, torch.from_numpy(columns).to(self.device), wanted

    def environment(self, q: dict[Modality, float]) -> Modality:
        """Return an environment drawn with the shares `q`."""
        shares = np.array([q[one] for one in MODALITIES])
        return MODALITIES[int(self.rng.choice(len(MODALITIES), p=shares / shares.sum()))]


def _in_other_time(signals: Tensor, change: Change) -> Tensor:
    """Return signals [rows, leads, samples] in another time, between samples on a straight line; 0 after their end."""
    assert change.stretch is not None
    last = signals.shape[2] - 1
    times = torch.arange(last + 1, device=signals.device) / change.stretch[:, None] + change.cut[:, None]
    before = times.long()
    part = (times - before)[:, None]
    one, other = (signals.gather(2, at.clamp(max=last)[:, None].expand_as(signals)) for at in (before, before + 1))
    return torch.where((times <= last)[:, None], one + part * (other - one), 0.0)


@contextmanager
def pages_of_one_size() -> Iterator[None]:
    """While it lasts, Qwen3-VL's vision attention is one product for all pages of a batch, which must be of one size.

    The stock one attends within each page by itself, one call after the other.
    """
    stock = qwen.Qwen3VLVisionAttention.forward
    qwen.Qwen3VLVisionAttention.forward = _attended
    try:
        yield
    finally:
        qwen.Qwen3VLVisionAttention.forward = stock


def _attended(
    self: Any, hidden_states: Tensor, cu_seqlens: Tensor, position_embeddings: tuple[Tensor, Tensor], **_rest: Any
) -> Tensor:
    patches, pages = len(hidden_states), len(cu_seqlens) - 1
    query, key, value = self.qkv(hidden_states).reshape(patches, 3, self.num_heads, -1).permute(1, 0, 2, 3).unbind(0)
    query, key = qwen.apply_rotary_pos_emb_vision(query, key, *position_embeddings)
    query, key, value = (
        one.to(value.dtype).reshape(pages, patches // pages, self.num_heads, -1).transpose(1, 2)
        for one in (query, key, value)
    )
    attended = functional.scaled_dot_product_attention(query, key, value, scale=self.scaling)
    projected: Tensor = self.proj(attended.transpose(1, 2).reshape(patches, -1))
    return projected
