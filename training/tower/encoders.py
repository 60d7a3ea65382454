"""Both encoders as their teachers see them: vectors of what was seen, the first of which stand for the whole.

Only the weights of `tower` are kept after pre-training; what else an encoder holds is a teacher. The module knows
nothing of rows or of files.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ecgr1_core.model.tower import EcgTower

_QUERIES: Final = 4  # vectors that stand for a whole page


class Encoder(nn.Module):
    """A tower whose output is vectors of `width`; the first `summary` of them stand for the whole."""

    def __init__(self, tower: nn.Module, width: int, summary: int) -> None:
        super().__init__()
        self.tower, self.width, self.summary = tower, width, summary

    @property
    def projection(self) -> nn.Parameter:
        """What takes the whole to where it is compared with texts, [summary * width, output]."""
        raise NotImplementedError

    def forward(self, **seen: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return vectors [batch, tokens, width], and [batch, tokens], true for padding, or None without any."""
        raise NotImplementedError

    def of_places(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """Return what is to tell of places, each [batch, tokens without the summary, width], of what `forward` gave."""
        return (vectors[:, self.summary :],)


class EcgEncoder(Encoder):
    """The ECG tower: its own class vector stands for the whole, and its own `proj` is the projection.

    Places are told by its last block and by one at two thirds of its depth: what these tokens know by then, the class
    vector can still gather.
    """

    tower: EcgTower

    def __init__(self, tower: EcgTower) -> None:
        super().__init__(tower, tower.proj.shape[0], 1)
        self._middle: Tensor | None = None
        blocks = tower.transformer.resblocks
        if (before := 2 * len(blocks) // 3) > 0:
            blocks[before - 1].register_forward_hook(self._heard)

    def _heard(self, _block: nn.Module, _given: Any, output: Tensor) -> None:
        self._middle = output

    def of_places(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """Return the tokens of the last block, and those of the one before, each normalised."""
        middle, self._middle = self._middle, None
        found = super().of_places(vectors)
        if middle is None:
            return found
        return (*found, nn.functional.layer_norm(middle[:, self.summary :], (self.width,)))

    @property
    def projection(self) -> nn.Parameter:
        """The tower's `proj`, which belongs to the published weights."""
        return self.tower.proj

    def forward(self, **seen: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the vectors of `ecg_values` [batch, leads, samples] in mV after `ln_post`; nothing is padding.

        `time_mask` [batch, samples] may be given as the tower takes it.
        """
        return self.tower.ln_post(self.tower(seen["ecg_values"], seen.get("time_mask"))), None


class VisionEncoder(Encoder):
    """The vision tower with its mergers, whose outputs are added to each other as the language model adds them.

    The language model gets the merger's vectors in place of the page's tokens and adds those of the deepstack mergers
    after its first layers; here each is normalised by a teacher of its own before, so that all are heard. A vision
    tower has no class vector: vectors that stand for the page are means of the others, weighted by learned queries
    (CoCa's attentional pooling, arXiv 2205.01917, section 3.2, with one head and without projections).
    """

    def __init__(self, tower: Any, output: int) -> None:
        width = tower.config.out_hidden_size
        super().__init__(tower, width, _QUERIES)
        self.merged = tower.spatial_merge_size**2
        levels = 1 + len(tower.deepstack_merger_list)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(levels))
        self.queries = nn.Parameter(torch.empty(_QUERIES, width))
        self.compared = nn.Parameter(torch.empty(_QUERIES * width, output))
        nn.init.normal_(self.queries, std=1.0)  # from the start each looks at other places: means of all look alike
        nn.init.normal_(self.compared, std=(_QUERIES * width) ** -0.5)

    @property
    def projection(self) -> nn.Parameter:
        """A teacher: the vision tower has no projection of its own."""
        return self.compared

    def forward(self, **seen: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the vectors of pages; those of smaller pages are padded.

        `pixel_values` [patches of all pages, values] and `image_grid_thw` [batch, 3] are as the processor makes them.
        """
        grid = seen["image_grid_thw"]
        told = self.tower(seen["pixel_values"], grid_thw=grid, return_dict=True)
        levels = (told.pooler_output, *told.deepstack_features)
        joined = torch.stack([norm(level) for norm, level in zip(self.norms, levels, strict=True)]).sum(dim=0)
        counts = grid.prod(dim=1) // self.merged
        parts = pad_sequence(list(torch.split(joined, counts.tolist())), batch_first=True)
        absent = torch.arange(parts.shape[1], device=parts.device) >= counts[:, None]
        weights = (parts @ self.queries.T * self.width**-0.5).masked_fill(absent[:, :, None], -torch.inf).softmax(dim=1)
        vectors = torch.cat([weights.transpose(1, 2) @ parts, parts], dim=1)
        return vectors, nn.functional.pad(absent, (_QUERIES, 0), value=False)
