"""Who writes the reading of a case: the protocol's own composition, or a language model that is asked.

An author is asked again, with what was wrong, as often as its `attempts` allow. Whether a text is right is not for the
author to say, but for `validation`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from ecgr1_core.interpretation import parse, write
from ecgr1_core.protocol import compose
from ecgr1_core.verify.tokens import sentences
from training.chat import Chat, NoAnswerError
from training.corpus.brief import brief
from training.corpus.cases import Case
from training.corpus.config import LlmAuthoring, ProtocolAuthoring
from training.corpus.evidence import Phrases, asked_for, phrases_of, read_phrases
from training.corpus.guider import ProtocolGuider

Rejected = tuple[str, Sequence[str]]
"""A text that was rejected, and why."""


class Author(Protocol):
    """Writes readings and picks their evidence phrases."""

    attempts: int

    async def write(self, case: Case, earlier: Sequence[Rejected]) -> str:
        """Return a reading of the case, another one than the `earlier` ones; NoAnswerError where none can be had."""

    async def phrases(self, case: Case, text: str) -> Phrases:
        """Return the evidence phrases of a reading that passed the check."""


class ProtocolAuthor:
    """The protocol reader's text, worded by the seed and the case; its last attempt is the canonical wording.

    Where so configured it is the short reading, which has one wording and so one attempt.
    """

    def __init__(self, seed: int, config: ProtocolAuthoring) -> None:
        self._seed = seed
        self._most = config.sentences
        self._brief = config.brief
        self.attempts = 1 if config.brief else config.attempts

    async def write(self, case: Case, earlier: Sequence[Rejected]) -> str:
        """Return the reading in the next wording, always the same for the same seed, case and attempt."""
        if self._brief:
            return brief(case.findings)
        attempt = len(earlier)
        if attempt == self.attempts - 1 and attempt > 0:
            return self._short(compose(case.findings).raw)
        digest = hashlib.sha256(f"{self._seed}\0{case.id}\0{attempt}".encode()).digest()
        return self._short(compose(case.findings, int.from_bytes(digest[:8], "big")).raw)

    async def phrases(self, case: Case, text: str) -> Phrases:
        """Return the phrases of the findings that stand in this wording."""
        return phrases_of(case.findings, text)

    def _short(self, raw: str) -> str:
        if self._most is None:
            return raw
        reading = parse(raw)
        steps = [replace(step, text=beginning(step.text, self._most)) for step in reading.steps]
        return write(steps, beginning(reading.summary, self._most), reading.answer)


def beginning(text: str, most: int) -> str:
    """Return the first sentences of a paragraph, at most so many; what semicolons join is one sentence.

    >>> beginning("Sinus rhythm; no premature beats. Rate 70 bpm. The axis is normal.", 2)
    'Sinus rhythm; no premature beats. Rate 70 bpm.'
    """
    ends = [end for _, end in sentences(text) if text[:end].rstrip().endswith(".")]
    return text[: ends[most - 1]].rstrip() if len(ends) > most else text


class LlmAuthor:
    """A language model behind an OpenAI-compatible server, guided by measurements, findings and limits."""

    def __init__(self, config: LlmAuthoring, chat: Chat) -> None:
        self._config = config
        self._chat = chat
        self._guider = ProtocolGuider()
        self.attempts = config.attempts

    async def write(self, case: Case, earlier: Sequence[Rejected]) -> str:
        """Return what the model wrote, its headings and tags in ECG-R1's form where they were nearly so."""
        from ecgr1_core.readers.six_steps import brought

        answer = await self._chat.ask(self._guider.messages(case, earlier), self._config.temperature)
        if answer.cut:
            kind = "cut at the limit of tokens"
            raise NoAnswerError(self._config.model, kind, f"its answer was {kind}", "raise author.max_tokens")
        return brought(answer.text)

    async def phrases(self, case: Case, text: str) -> Phrases:
        """Return the phrases that the model copied from the text, or those of the findings where so configured."""
        if self._config.evidence == "findings":
            return phrases_of(case.findings, text)
        answer = await self._chat.ask(asked_for(text), 0.0)
        return read_phrases(answer.text, text)
