"""Writes readings, token by token: one or several at once, greedy or sampled, stoppable at any token.

The loop is our own, over the model's forward pass and a cache with room to grow: what it must do at every token (give
out text, look whether to stop, let finished rows go) is then in one place, and the text is token for token that of
transformers' `generate`. Greedy decoding, at most 2048 new tokens and repetition penalty 1.0 are as published. It knows
nothing of what the text means beyond the tag that ends it, and of no user interface.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import torch
from torch import Tensor
from transformers import Cache, Qwen3VLModel

from ecgr1_core.errors import InputError
from ecgr1_core.modality import ModalityView
from ecgr1_core.model.decoding import step
from ecgr1_core.model.loading import LoadedModel
from ecgr1_core.model.prompts import ReadPrompt, keep_rows, read_prompts, side_by_side
from ecgr1_core.model.streaming import TextStream, TokenBytes, TokenScore

StopReason = Literal["end", "answer", "length", "time", "cancelled"]
STOP_REASONS: Final[tuple[StopReason, ...]] = ("end", "answer", "length", "time", "cancelled")


@dataclass(frozen=True)
class GenerationOptions:
    """How to write; the defaults are the published ones.

    `temperature` 0 is greedy; above, tokens are drawn with `seed`, from the most probable ones whose probabilities add
    up to `top_p`. Every row draws with a generator of its own, so that its text does not depend on the other rows.
    `max_seconds` counts from the call. `log_probabilities` keeps a `TokenScore` for each token. `question` and `system`
    replace the default prompts. Raises InputError for what cannot be meant.
    """

    max_new_tokens: int = 2048
    max_seconds: float | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    repetition_penalty: float = 1.0
    stop_after_answer: bool = True
    log_probabilities: bool = False
    question: str | None = None
    system: str | None = None

    def __post_init__(self) -> None:
        for name, value, allowed, remedy in (
            ("the limit on new tokens", self.max_new_tokens, self.max_new_tokens >= 1, "give 1 or more"),
            (
                "the time limit",
                self.max_seconds,
                self.max_seconds is None or self.max_seconds > 0,
                "give seconds above 0",
            ),
            ("the temperature", self.temperature, 0 <= self.temperature <= 10, "give 0 for greedy, at most 10"),
            ("top-p", self.top_p, 0 < self.top_p <= 1, "give more than 0 and at most 1"),
            ("the seed", self.seed, 0 <= self.seed < 2**63, "give a whole number from 0 on"),
            ("the repetition penalty", self.repetition_penalty, self.repetition_penalty > 0, "give more than 0"),
        ):
            if not allowed:
                raise InputError(name, f"{value} is out of range", remedy)


@dataclass(frozen=True)
class Ending:
    """Why and how a row ended.

    `reason`: "end" of turn, `</answer>` written ("answer"), token limit ("length"), time limit ("time"), or
    "cancelled". `token_ids` are without the token that ends the turn. `seconds_to_first_token` counts from the call;
    `tokens_per_s` is of this row, after its first token and after all prompts were read; None below two tokens.
    `scores` is None unless asked for.
    """

    reason: StopReason
    text: str
    token_ids: tuple[int, ...]
    prompt_tokens: int | None
    shared_prompt_tokens: int
    seconds_to_first_token: float | None
    seconds: float
    tokens_per_s: float | None
    scores: tuple[TokenScore, ...] | None


@dataclass(frozen=True)
class Delta:
    """A piece of the text of one row, whole characters; with `ending` the last of that row."""

    row: int
    text: str
    ending: Ending | None = None


class Engine(Protocol):
    """What writing asks of a model: the prompts read, one step, and how its tokens spell and end."""

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end a turn."""

    @property
    def layers(self) -> Sequence[Any]:
        """The modules of towers and language model before which reading a prompt may be stopped."""

    def token_bytes(self) -> Callable[[int], bytes]:
        """Return what gives the bytes of each token of one text, asked in order."""

    def prompts(self, views: Sequence[ModalityView], question: str | None, system: str | None) -> Iterator[ReadPrompt]:
        """Yield the prompts of `views` as they are read, in order; InputError for what cannot be prepared."""

    def step(self, cache: Cache, tokens: Sequence[int], positions: Sequence[int], padding: Sequence[int]) -> Tensor:
        """Feed one token of each row and return the logits after it; see `decoding.step`."""


class _StopError(Exception):
    """A prompt is no longer wanted; raised between two layers."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason: StopReason = reason


@dataclass
class _Row:
    number: int
    prompt: ReadPrompt
    stream: TextStream
    generator: torch.Generator
    tokens: list[int] = field(default_factory=list)
    scores: list[TokenScore] = field(default_factory=list)
    first_at: float = 0.0
    last_at: float = 0.0
    loop_at: float | None = None  # when writing began, all prompts being read
    seen: Tensor | None = None  # ids of prompt and text, for the repetition penalty


def generate(
    loaded: LoadedModel,
    views: Sequence[ModalityView],
    options: GenerationOptions | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Delta]:
    """Write a reading of each view, all at once, and yield the pieces as they are written.

    Rows are numbered as `views`; each ends with a delta that has an `Ending`, and what it holds is then final.
    `cancelled` is asked at every token, and between layers while a prompt is read; closing the iterator stops it too.
    The text of a row is what it is when its view is read alone: to the last bit in 8 and 4 bits on the CPU; elsewhere,
    and where prompts share a page, but for tokens whose probabilities are equal up to rounding. Raises InputError for a
    recording or page that cannot be prepared.
    """
    yield from generate_with(_EcgR1Engine(loaded), views, options, cancelled=cancelled)


def generate_with(
    engine: Engine,
    views: Sequence[ModalityView],
    options: GenerationOptions | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Delta]:
    """Write as `generate` does, with any model."""
    yield from _Generation(engine, options or GenerationOptions(), cancelled).run(views)


class _EcgR1Engine:
    """ECG-R1 as what writes: several rows at once, positions in three dimensions."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._model, self._processor, self._attention = loaded.model, loaded.processor, loaded.attention
        self._inner = next(module for module in self._model.modules() if isinstance(module, Qwen3VLModel))
        self._bytes = TokenBytes(self._processor.tokenizer)
        self.ends = _end_tokens(self._model, self._processor.tokenizer)
        self.layers = [*self._inner.visual.blocks, *self._inner.language_model.layers]

    def token_bytes(self) -> Callable[[int], bytes]:
        return self._bytes

    def prompts(self, views: Sequence[ModalityView], question: str | None, system: str | None) -> Iterator[ReadPrompt]:
        return read_prompts(self._model, self._inner, self._processor, views, question, system)

    def step(self, cache: Cache, tokens: Sequence[int], positions: Sequence[int], padding: Sequence[int]) -> Tensor:
        return step(
            self._model,
            self._inner,
            cache,
            tokens=tokens,
            positions=positions,
            padding=padding,
            attention=self._attention,
        )


class _Generation:
    """One call of `generate`: what all its rows have in common."""

    def __init__(self, engine: Engine, options: GenerationOptions, cancelled: Callable[[], bool]) -> None:
        self.started = time.monotonic()
        self.engine, self.options, self.cancelled = engine, options, cancelled

    def run(self, views: Sequence[ModalityView]) -> Iterator[Delta]:
        rows: list[_Row] = []
        begun = 0
        try:
            prompts = self.engine.prompts(views, self.options.question, self.options.system)
            for number in range(len(views)):
                with self._stoppable():
                    prompt = next(prompts)
                row = self._row(number, prompt)
                begun = number + 1
                delta = self._take(row, *self._choose([row], prompt.logits[None])[0])
                if delta.ending is None:
                    rows.append(row)
                yield delta
        except _StopError as stop:
            for row in rows:
                yield Delta(row.number, "", self._ending(row, stop.reason))
            for number in range(begun, len(views)):
                yield Delta(number, "", self._never_begun(stop.reason))
            return
        yield from self._write(rows)

    def _write(self, rows: list[_Row]) -> Iterator[Delta]:
        """Write all rows to their ends, a token of each at a time."""
        if not rows:
            return
        cache, padding = _joined([row.prompt.cache for row in rows])
        for row in rows:
            row.loop_at = time.monotonic()
        written = 1
        while rows:
            reason = self._stop_reason()
            if reason is not None:
                for row in rows:
                    yield Delta(row.number, "", self._ending(row, reason))
                return
            logits = self.engine.step(
                cache,
                tokens=[row.tokens[-1] for row in rows],
                positions=[row.prompt.next_position + written - 1 for row in rows],
                padding=padding,
            )
            written += 1
            going = []
            for place, (row, choice) in enumerate(zip(rows, self._choose(rows, logits), strict=True)):
                delta = self._take(row, *choice)
                if delta.ending is None:
                    going.append(place)
                if delta.text or delta.ending is not None:
                    yield delta
            if going and len(going) < len(rows):
                cut = min(padding[place] for place in going)
                keep_rows(cache, going, cut)
                padding = [padding[place] - cut for place in going]
            rows = [rows[place] for place in going]

    def _row(self, number: int, prompt: ReadPrompt) -> _Row:
        row = _Row(
            number,
            prompt,
            TextStream(self.engine.token_bytes(), stop_after_answer=self.options.stop_after_answer),
            torch.Generator().manual_seed(self.options.seed),
        )
        if self.options.repetition_penalty != 1.0:
            row.seen = prompt.token_ids
        return row

    @torch.inference_mode()
    def _choose(self, rows: list[_Row], logits: Tensor) -> list[tuple[int, float, float]]:
        """Return token, log-probability and entropy for each row; the last two NaN unless they were asked for.

        `logits` is [rows, vocabulary] float32. Penalty: Keskar et al., CTRL, arXiv 1909.05858, section 4.1, with the
        sign of the logit minded as in transformers; top-p: Holtzman et al., arXiv 1904.09751, section 3.1.
        """
        options = self.options
        marks = [(float("nan"), float("nan"))] * len(rows)
        own = torch.log_softmax(logits, dim=-1) if options.log_probabilities else None
        for number, row in enumerate(rows):
            if row.seen is not None:
                seen = logits[number, row.seen]
                penalty = options.repetition_penalty
                logits[number, row.seen] = torch.where(seen < 0, seen * penalty, seen / penalty)
        if options.temperature == 0:
            tokens = logits.argmax(dim=-1).tolist()
        else:
            tokens = [self._drawn(row, logits[number]) for number, row in enumerate(rows)]
        if own is not None:
            chosen = own.gather(1, torch.tensor(tokens, device=own.device)[:, None])[:, 0].tolist()
            entropies = torch.special.entr(own.exp()).sum(dim=-1).tolist()
            marks = list(zip(chosen, entropies, strict=True))
        for row, token in zip(rows, tokens, strict=True):
            if row.seen is not None:
                row.seen = torch.cat([row.seen, row.seen.new_tensor([token])])
        return [(token, *mark) for token, mark in zip(tokens, marks, strict=True)]

    def _drawn(self, row: _Row, logits: Tensor) -> int:
        probabilities, order = torch.softmax(logits / self.options.temperature, dim=-1).sort(
            descending=True, stable=True
        )
        reached = probabilities.cumsum(dim=-1)
        kept = int((reached - probabilities < self.options.top_p).sum())
        mark = float(torch.rand((), generator=row.generator, dtype=torch.float64)) * float(reached[kept - 1])
        place = int(torch.searchsorted(reached[:kept], torch.tensor(mark, device=reached.device, dtype=reached.dtype)))
        return int(order[min(place, kept - 1)])

    def _take(self, row: _Row, token: int, log_probability: float, entropy: float) -> Delta:
        """Add a token to its row and return what is to be told of it."""
        now = time.monotonic()
        row.first_at, row.last_at = row.first_at or now, now
        if token in self.engine.ends:
            return Delta(row.number, "", self._ending(row, "end"))
        row.tokens.append(token)
        piece = row.stream.push(token)
        if self.options.log_probabilities:
            row.scores.append(TokenScore(token, *row.stream.span, log_probability, entropy))
        reason: StopReason | None = None
        if row.stream.answered:
            reason = "answer"
        elif len(row.tokens) >= self.options.max_new_tokens:
            reason = "length"
        return Delta(row.number, piece, None if reason is None else self._ending(row, reason))

    def _stop_reason(self) -> StopReason | None:
        if self.cancelled():
            return "cancelled"
        limit = self.options.max_seconds
        return "time" if limit is not None and time.monotonic() - self.started >= limit else None

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Look before every layer of towers and language model whether to go on: on a CPU a prompt takes long."""

        def look(*_: Any) -> None:
            reason = self._stop_reason()
            if reason is not None:
                raise _StopError(reason)

        look()
        handles = [layer.register_forward_pre_hook(look) for layer in self.engine.layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _ending(self, row: _Row, reason: StopReason) -> Ending:
        steps = len(row.tokens) - (0 if reason == "end" else 1)
        writing_s = 0.0 if row.loop_at is None else row.last_at - row.loop_at
        return Ending(
            reason=reason,
            text=row.stream.text,
            token_ids=tuple(row.tokens),
            prompt_tokens=len(row.prompt.token_ids),
            shared_prompt_tokens=row.prompt.shared_tokens,
            seconds_to_first_token=row.first_at - self.started,
            seconds=time.monotonic() - self.started,
            tokens_per_s=steps / writing_s if steps > 0 and writing_s > 0 else None,
            scores=tuple(row.scores) if self.options.log_probabilities else None,
        )

    def _never_begun(self, reason: StopReason) -> Ending:
        seconds = time.monotonic() - self.started
        return Ending(reason, "", (), None, 0, None, seconds, None, () if self.options.log_probabilities else None)


def _joined(caches: list[Cache]) -> tuple[Cache, list[int]]:
    return (caches[0], [0]) if len(caches) == 1 else side_by_side(caches)


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end a turn: those that the model's own configuration names, and `<|im_end|>`."""
    named = getattr(model.generation_config, "eos_token_id", None)
    ends = [named] if isinstance(named, int) else list(named or [])
    return frozenset([*ends, tokenizer.convert_tokens_to_ids("<|im_end|>")])
