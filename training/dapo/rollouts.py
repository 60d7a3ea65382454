"""Batches of groups to learn from: rows drawn in order, seen under modality dropout, answered several times, rewarded.

A group whose completions are all rewarded alike teaches nothing; it is left out and another row takes its place, for a
bounded number of rounds (dynamic sampling; DAPO, arXiv 2503.14476, section 3.2). Every process samples its share and
then knows the whole batch, so what follows does not depend on how many there are. Losses are not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ecgr1_core.errors import InputError
from ecgr1_core.modality import Modality
from training.batches import encode
from training.dapo.config import DapoConfig
from training.dapo.loss import SAME_REWARD, group_advantages
from training.dapo.rewards import overlong_penalty, score, weighted_sum
from training.dapo.sampling import Sampled, sample
from training.imd import draw
from training.media import Media
from training.problems import Problems
from training.rows import Row


@dataclass
class Completion:
    """One answer to a row, with what it earned; `counted` says whether the loss is to see it."""

    sampled: Sampled
    text: str
    rewards: Mapping[str, float]
    penalty: float
    reward: float
    advantage: float
    counted: bool


@dataclass
class Group:
    """The answers to one row as seen in one modality; `place` is the row's in the stream, `row` its number.

    `fault` is set, and there are no completions, where the row could not be used: kind, subject, fault, remedy.
    """

    place: int
    row: int
    modality: Modality
    completions: list[Completion] = field(default_factory=list)
    fault: tuple[str, str, str, str] | None = None

    @property
    def varied(self) -> bool:
        """Whether its rewards differ."""
        rewards = [one.reward for one in self.completions]
        return bool(rewards) and max(rewards) - min(rewards) >= SAME_REWARD

    @property
    def teaches(self) -> bool:
        """Whether its rewards differ and the loss is to see any of its completions."""
        return self.varied and any(one.counted for one in self.completions)


@dataclass(frozen=True)
class Rollout:
    """What one step sampled: `kept` groups to learn from among all `sampled` ones, and where the stream stands.

    `refills` is the number of rounds beyond the first, `unusable` the number of rows that could not be used.
    """

    kept: list[Group]
    sampled: list[Group]
    place: int
    refills: int
    unusable: int


class Stream:
    """Endless order of the rows: epoch after epoch, each in the order of the file or shuffled by seed and epoch."""

    def __init__(self, rows: int, seed: int, *, shuffle: bool) -> None:
        self.rows, self.seed, self.shuffle = rows, seed, shuffle

    def at(self, place: int) -> tuple[int, int]:
        """Return epoch and number of the row at a place."""
        epoch, number = divmod(place, self.rows)
        if self.shuffle:
            number = int(np.random.default_rng([self.seed, epoch]).permutation(self.rows)[number])
        return epoch, number


class Rollouts:
    """Samples with one model over one set of rows; `accelerator` says which share is this process's.

    Raises InputError for a row that cannot be used where `problems` says that a run is to stop at one.
    """

    def __init__(
        self,
        config: DapoConfig,
        rows: Sequence[Row],
        media: Media,
        model: Any,
        processor: Any,
        accelerator: Any,
        problems: Problems,
    ) -> None:
        self.config, self.rows, self.media, self.problems = config, rows, media, problems
        self.model, self.processor, self.accelerator = model, processor, accelerator
        self.stream = Stream(len(rows), config.seed, shuffle=config.shuffle)
        tokenizer, own = processor.tokenizer, model.config
        self.ends = frozenset({tokenizer.convert_tokens_to_ids("<|im_end|>"), tokenizer.eos_token_id})
        # Written by the model, these would ask for a page or an ECG that is not there.
        self.forbidden = (own.image_token_id, own.video_token_id, own.ecg_token_id)
        self._prompts: dict[tuple[int, Modality], dict[str, Tensor]] = {}

    def next(self, step: int, place: int) -> Rollout:
        """Return the batch of one step, from the row at `place` of the stream on; the same on every process."""
        self._prompts.clear()
        wanted = self.config.prompts_per_step
        kept: list[Group] = []
        sampled: list[Group] = []
        rounds = 0
        while len(kept) < wanted and rounds <= self.config.max_refills:
            places = range(place, place + wanted - len(kept))
            place = places.stop
            groups = self._all([self._group(one) for one in places[self._rank :: self._processes]], step)
            sampled += groups
            kept += [group for group in groups if group.teaches]
            rounds += 1
        for group in sampled:
            if group.fault is not None:
                self.problems.note(group.fault[0], InputError(*group.fault[1:]))
        return Rollout(kept, sampled, place, rounds - 1, sum(group.fault is not None for group in sampled))

    def autocast(self) -> torch.autocast:
        """Return the context in which passes of the model are computed."""
        enabled = self.config.precision == "bf16"
        return torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=enabled)

    def prompt(self, group: Group) -> dict[str, Tensor]:
        """Return the row of a group as the model is given it; kept for the length of a step."""
        key = group.row, group.modality
        if key not in self._prompts:
            self._prompts[key] = encode(self.processor, self.rows[group.row], self.media, group.modality, None)
        return self._prompts[key]

    def _all(self, own: list[Group], step: int) -> list[Group]:
        """Fill this process's groups and return those of all processes, in the order of the stream."""
        usable = [group for group in own if group.fault is None]
        at_once = self.config.prompts_at_once
        for begin in range(0, len(usable), at_once):
            self._fill(usable[begin : begin + at_once], step)
        if self._processes > 1:
            from accelerate.utils import gather_object

            own = gather_object(own)
        return sorted(own, key=lambda group: group.place)

    def _group(self, place: int) -> Group:
        """Return the group of a place, empty, with its fault where its recording or page cannot be used."""
        epoch, number = self.stream.at(place)
        has_signal, has_image = self.media.modalities(self.rows[number])
        modality = draw(self.config.imd, has_signal, has_image, self.config.seed, epoch, number)
        group = Group(place, number, modality)
        try:
            self.prompt(group)
        except InputError as error:
            group.fault = "unreadable", error.subject, error.fault, error.remedy
        return group

    @torch.no_grad()
    def _fill(self, groups: Sequence[Group], step: int) -> None:
        """Sample and reward the completions of some groups at once."""
        config = self.config
        with self.autocast():
            answers = sample(
                self.model,
                [self.prompt(group) for group in groups],
                [[[config.seed, step, group.place, k] for k in range(config.group_size)] for group in groups],
                max_new_tokens=config.max_new_tokens,
                temperature=config.temperature,
                ends=self.ends,
                forbidden=self.forbidden,
            )
        for group, sampled in zip(groups, answers, strict=True):
            group.completions = self._rewarded(self.rows[group.row], sampled)

    def _rewarded(self, row: Row, sampled: Sequence[Sampled]) -> list[Completion]:
        config, tokenizer = self.config, self.processor.tokenizer
        texts = [tokenizer.decode(one.token_ids[:-1] if one.ended else one.token_ids) for one in sampled]
        scores = score(texts, row.solution or "", config.rewards, config.reward_mode)
        penalties = [
            overlong_penalty(len(one.token_ids), config.max_new_tokens, config.overlong_buffer) for one in sampled
        ]
        totals = [weighted_sum(one, config.rewards) + penalty for one, penalty in zip(scores, penalties, strict=True)]
        advantages = group_advantages(torch.tensor([totals], dtype=torch.float64))[0].tolist()
        return [
            Completion(one, text, rewards, penalty, total, advantage, one.ended or not config.overlong_filter)
            for one, text, rewards, penalty, total, advantage in zip(
                sampled, texts, scores, penalties, totals, advantages, strict=True
            )
        ]

    @property
    def _rank(self) -> int:
        return int(self.accelerator.process_index)

    @property
    def _processes(self) -> int:
        return int(self.accelerator.num_processes)
