"""An encoder with what teaches it: heads on the vectors that stand for the whole, and CoCa's text tower.

CoCa (Yu et al., arXiv 2205.01917): the lower half of the text tower reads the text alone, and its class vector is
brought near that of the recording or page (contrastive loss); the upper half also attends to the recording or page and
says the text word by word (captioning loss). It knows nothing of files, and of tokens only their numbers.
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.page_traces import COLUMNS, NO_LEAD, UNKNOWN_LEAD
from training.tower.encoders import Encoder
from training.tower.waves import WAVES, known_mean, wave_loss, wave_targets

PADDING: Final = -1  # where a text has no token
_MV: Final = 10.0  # a tenth of a millivolt, what a wave is high, weighs like a unit of the other losses
_SHARPEST: Final = 100.0  # largest scale of similarities, as CLIP has it (arXiv 2103.00020, section 2.5)


class TextTower(nn.Module):
    """Both halves of the text tower over `vocabulary` tokens; a class token stands after the text."""

    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, tokens: int) -> None:
        super().__init__()
        options: dict[str, Any] = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        self.embedding = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.zeros(tokens, width))
        self.last = nn.Parameter(torch.zeros(width))
        self.alone = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 4 * width, **options) for _ in range(layers)
        )
        self.looking = nn.ModuleList(
            nn.TransformerDecoderLayer(width, heads, 4 * width, **options) for _ in range(layers)
        )
        self.norm_class, self.norm_words = nn.LayerNorm(width), nn.LayerNorm(width)
        for parameter in (self.embedding.weight, self.positions, self.last):
            nn.init.normal_(parameter, std=0.02)

    def read(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return the class vector [batch, width] and the words [batch, tokens, width] of texts read alone."""
        absent = ids == PADDING
        x = self.embedding(ids.clamp(min=0)) + self.positions[: ids.shape[1]]
        x = torch.cat([x, self.last.expand(len(x), 1, -1)], dim=1)
        absent = functional.pad(absent, (0, 1), value=False)
        for layer in self.alone:
            x = layer(x, src_mask=_causal(x), src_key_padding_mask=absent)
        return self.norm_class(x[:, -1]), x[:, :-1]

    def say(self, words: Tensor, seen: Tensor, absent: Tensor | None = None) -> Tensor:
        """Return logits of the next word, [batch, tokens, vocabulary], of words that also look at `seen`.

        `absent`, [batch, seen tokens], is true for those of `seen` that are padding.
        """
        for layer in self.looking:
            words = layer(words, seen, tgt_mask=_causal(words), memory_key_padding_mask=absent)
        logits: Tensor = self.norm_words(words) @ self.embedding.weight.T
        return logits


class TowerLearner(nn.Module):
    """An encoder and its teachers; only those whose weight in `objectives` is above 0 are built.

    `objectives` are the weights of "measurements", "labels", "contrastive", "captioning", "traces" and "waves". The
    heads look at the encoder's vectors that stand for the whole, those of "traces" and "waves" at each of the others;
    the contrast is at their projection.
    """

    def __init__(
        self, encoder: Encoder, text: TextTower, objectives: dict[str, float], numbers: int, labels: int
    ) -> None:
        super().__init__()
        width, output = encoder.projection.shape
        words = text.embedding.embedding_dim
        self.encoder, self.objectives = encoder, {name: weight for name, weight in objectives.items() if weight > 0}
        encoder.projection.requires_grad_("contrastive" in self.objectives)
        self.heads = nn.ModuleDict()
        if "measurements" in self.objectives:
            self.heads["measurements"] = nn.Linear(width, numbers)
        if "labels" in self.objectives:
            self.heads["labels"] = nn.Linear(width, labels)
        if "traces" in self.objectives:
            self.heads["traces"] = nn.Linear(encoder.width, NO_LEAD + 1 + COLUMNS)
        if "waves" in self.objectives:
            self.heads["waves"] = nn.Linear(encoder.width, WAVES)
        self.text: TextTower | None = None
        if self.objectives.keys() & {"contrastive", "captioning"}:
            self.text = text
        if "contrastive" in self.objectives:
            self.heads["text"] = nn.Linear(words, output, bias=False)
            self.scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        else:
            text.norm_class.requires_grad_(False)
            text.last.requires_grad_(False)
        if "captioning" in self.objectives:
            self.heads["seen"] = nn.Linear(encoder.width, words)
        else:
            text.looking.requires_grad_(False)
            text.norm_words.requires_grad_(False)

    def forward(
        self,
        numbers: Tensor,
        label_values: Tensor,
        ids: Tensor,
        trace_leads: Tensor | None = None,
        trace_mv: Tensor | None = None,
        beats: Tensor | None = None,
        **seen: Tensor,
    ) -> dict[str, Tensor]:
        """Return the loss of each objective, and under "told" what a head or the contrast says of each row.

        `numbers` [batch, targets] in standard deviations and `label_values` [batch, labels], NaN where not known; `ids`
        [batch, tokens], `PADDING` after the end; where traces are an objective `trace_leads` [batch, tokens] and
        `trace_mv` [batch, tokens, COLUMNS] of the encoder's tokens without those that stand for the whole, and where
        waves are one `beats` [batch, beats, BEAT] in seconds from where these tokens begin; `seen` as the encoder takes
        it.
        """
        tokens, absent = self.encoder(**seen)
        whole = tokens[:, : self.encoder.summary].flatten(1)
        told: dict[str, Tensor] = {}
        if "measurements" in self.heads:
            said = self.heads["measurements"](whole).float()
            told |= {"measurements": known_mean(functional.smooth_l1_loss, said, numbers), "told_numbers": said}
        if "labels" in self.heads:
            said = self.heads["labels"](whole).float()
            loss = known_mean(functional.binary_cross_entropy_with_logits, said, label_values)
            told |= {"labels": loss, "told_labels": said}
        if "traces" in self.heads and trace_leads is not None and trace_mv is not None:
            said = self.heads["traces"](tokens[:, self.encoder.summary :]).float()
            told["traces"] = _trace_loss(said, trace_leads, trace_mv)
        if "waves" in self.heads and beats is not None:
            places = self.encoder.of_places(tokens)
            true = wave_targets(beats.float(), places[0].shape[1])
            each = [wave_loss(self.heads["waves"](one).float(), true) for one in places]
            told["waves"] = torch.stack(each).mean()
        if self.text is not None:
            read, words = self.text.read(ids)
            if "contrastive" in self.objectives:
                one = functional.normalize((whole @ self.encoder.projection).float(), dim=-1)
                other = functional.normalize(self.heads["text"](read).float(), dim=-1)
                alike = one @ other.T
                told |= {"contrastive": _contrast(alike * self.scale.exp().clamp(max=_SHARPEST), ids), "alike": alike}
            if "captioning" in self.objectives:
                logits = self.text.say(words[:, :-1], self.heads["seen"](tokens), absent).float()
                told["captioning"] = functional.cross_entropy(
                    logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=PADDING
                )
        return told

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum of the objectives."""
        return torch.stack([weight * losses[name] for name, weight in self.objectives.items()]).sum()


def _causal(x: Tensor) -> Tensor:
    """Return [tokens, tokens], true where a token comes later and is not seen."""
    return torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)


def _trace_loss(said: Tensor, leads: Tensor, volts: Tensor) -> Tensor:
    """Return the loss of leads and voltages told of parts of a page, [batch, tokens, NO_LEAD + 1 + COLUMNS]."""
    which = functional.cross_entropy(
        said[..., : NO_LEAD + 1].flatten(0, 1), leads.flatten(), ignore_index=UNKNOWN_LEAD, reduction="sum"
    )
    return which / (leads != UNKNOWN_LEAD).sum().clamp(min=1) + _MV * known_mean(
        functional.smooth_l1_loss, said[..., NO_LEAD + 1 :], volts
    )


def _contrast(alike: Tensor, ids: Tensor) -> Tensor:
    """Return the symmetric contrastive loss of what is seen and texts; rows of the same text all belong to it."""
    same = (ids[:, None] == ids[None, :]).all(dim=-1).float()
    wanted = same / same.sum(dim=1, keepdim=True)
    return (functional.cross_entropy(alike, wanted) + functional.cross_entropy(alike.T, wanted)) / 2
