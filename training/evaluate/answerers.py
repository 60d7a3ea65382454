"""Whoever is evaluated: a reader of the program, asked to read a view, or asked a question of its own about it.

A reader of the registry reads as it does on the page. ECG-R1 is asked with the prompt of the row, as published numbers
are made; the models that are guests and a server are asked their own question, unless there is a closed one. A chain of
questions is asked in one turn that repeats what was asked and answered before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ecgr1_core.errors import InputError, UnsupportedModalityError
from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.readers import EcgR1Reader, ReadingOptions, get_reader
from ecgr1_core.readers.base import Reader, agreed
from ecgr1_core.settings import Settings
from training.chat import Chat, ChatConfig

if TYPE_CHECKING:
    from ecgr1_core.model.loading import LoadedModel

CLOSED_SYSTEM = "You are a cardiologist who answers questions about one 12-lead electrocardiogram."


@dataclass(frozen=True)
class Turn:
    """One question that was asked before, with the answer that is taken for right."""

    question: str
    answer: str


@dataclass(frozen=True)
class Written:
    """What was written, how it ended ("end", "length", …) and how long it took."""

    text: str
    stop_reason: str | None
    seconds: float


class Answerer(Protocol):
    """Whoever reads views; `own_prompts`: with a row's own prompt; `answers`: also questions of its own."""

    name: str
    own_prompts: bool
    answers: bool

    @property
    def version(self) -> str:
        """Version of the rules or weights."""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities that it can look at."""

    def write(self, view: ModalityView, question: str | None = None, system: str | None = None) -> Written:
        """Return what it writes; None leaves the prompt to it. Raises InputError for what cannot be read."""


def chained(question: str, options: Sequence[str], before: Sequence[Turn]) -> str:
    """Return a closed question with its options, after those that were asked before with the answers to them."""
    parts = [f"Asked before: {turn.question}\nAnswer: {turn.answer}" for turn in before]
    listed = "\n".join(f"- {option}" for option in options)
    form = "Answer with the options that apply, word for word and separated by semicolons, and nothing else."
    return "\n\n".join([*parts, f"{question}\nOptions:\n{listed}\n{form}"])


@dataclass
class ReaderAnswerer:
    """Any reader of the registry, reading as it does on the page. A question can be put to a guest only."""

    reader: Reader
    max_new_tokens: int | None
    own_prompts: bool = False

    def __post_init__(self) -> None:
        self.name = self.reader.name
        self.answers = hasattr(self.reader, "question")

    @property
    def version(self) -> str:
        """The reader's."""
        return self.reader.version

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The reader's."""
        return self.reader.modalities

    def write(self, view: ModalityView, question: str | None = None, system: str | None = None) -> Written:
        """Return the reading; see `Answerer`."""
        options = ReadingOptions(max_new_tokens=self.max_new_tokens) if self.reader.generative else None
        reader: Any = self.reader
        kept = (reader.question, reader.system) if question is not None else None
        began = time.monotonic()
        try:
            if question is not None:
                reader.question, reader.system = question, system
            stream = reader.read(view, agreed(self.reader, options))
            try:
                text = "".join(stream)
            finally:
                stream.close()
        finally:
            if kept is not None:
                reader.question, reader.system = kept
        return Written(text, stream.details.stop_reason, time.monotonic() - began)


@dataclass
class EcgR1Answerer:
    """ECG-R1 from a directory, asked with any prompt; greedy. It is loaded when it is first asked."""

    settings: Settings
    max_new_tokens: int | None
    name: str = "ecg-r1"
    own_prompts: bool = True
    answers: bool = True
    _loaded: LoadedModel | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._reader = EcgR1Reader(self.settings)
        if self._reader.unavailable is not None:
            raise InputError(
                f"reader {self.name!r}", "has no model to read with", "give its directory as model, or set ECGR1_MODEL"
            )

    @property
    def version(self) -> str:
        """Name of the directory, precision, adapter and a hash, as the reader tells it."""
        return self._reader.version

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """All four."""
        return self._reader.modalities

    def write(self, view: ModalityView, question: str | None = None, system: str | None = None) -> Written:
        """Return the reading; see `Answerer`."""
        from ecgr1_core.model.generation import GenerationOptions, generate
        from ecgr1_core.model.loading import load

        settings = self.settings
        if self._loaded is None:
            assert settings.model is not None  # else it would not be available
            self._loaded = load(
                settings.model,
                precision=settings.model_precision,
                device=settings.model_device,
                adapter=settings.model_adapter,
            )
        options = GenerationOptions(
            max_new_tokens=self.max_new_tokens or settings.model_max_new_tokens,
            max_seconds=settings.model_max_seconds,
            question=question,
            system=system,
        )
        began, text, reason = time.monotonic(), "", None
        for delta in generate(self._loaded, [view], options):
            text += delta.text
            if delta.ending is not None:
                reason = delta.ending.reason
        return Written(text, reason, time.monotonic() - began)


class _RemoteConfig(ChatConfig):
    """The server of the settings."""

    url_place: ClassVar[str] = "ECGR1_REMOTE_URL"
    key_place: ClassVar[str] = "ECGR1_REMOTE_API_KEY"


@dataclass
class RemoteAnswerer:
    """A model behind the server of the settings; readings as the reader asks for them, questions with the page."""

    reading: ReaderAnswerer
    settings: Settings
    folder: Path
    name: str = "remote"
    own_prompts: bool = False
    answers: bool = True

    def __post_init__(self) -> None:
        settings = self.settings
        config = _RemoteConfig(
            url=settings.remote_url or "",
            model=settings.remote_model or "",
            retries=settings.remote_retries,
            timeout_s=settings.remote_timeout_s,
            max_tokens=settings.remote_max_tokens,
            requests_per_minute=settings.remote_requests_per_minute,
        )
        key = settings.remote_api_key
        secret = None if key is None else key.get_secret_value().strip()
        self._chat = Chat(config, secret, self.folder, steadfast=True)

    @property
    def version(self) -> str:
        """The model and the server."""
        return self.reading.version

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The reader's."""
        return self.reading.modalities

    def write(self, view: ModalityView, question: str | None = None, system: str | None = None) -> Written:
        """Return the reading, or the answer to a question about the page; see `Answerer`."""
        if question is None:
            return self.reading.write(view)
        if view.page is None:
            raise UnsupportedModalityError("remote", "questions are asked about the page", "choose modality image")
        from ecgr1_core.readers.remote_prompt import messages_of

        if view.page_origin != "rendered" and not self.settings.remote_uploaded_pages:
            raise InputError("remote", "pages that came as images stay here", "set ECGR1_REMOTE_UPLOADED_PAGES")
        messages: list[dict[str, Any]] = messages_of(replace(view, modality="image"), None)
        messages[0]["content"] = system or CLOSED_SYSTEM
        messages[1]["content"][0]["text"] = question
        began = time.monotonic()

        async def ask() -> Written:
            async with self._chat:
                answer = await self._chat.ask(messages, 0.0)
            return Written(answer.text, "length" if answer.cut else "end", time.monotonic() - began)

        return asyncio.run(ask())


def answerer_of(name: str, settings: Settings, folder: Path, max_new_tokens: int | None = None) -> Answerer:
    """Return whoever is called that; InputError for a name that is none, or one that cannot read here.

    `folder` keeps the answers of a server. Naming the reader of a server is the consent to what it sends.
    """
    if name == "ecg-r1":
        return EcgR1Answerer(settings, max_new_tokens)
    reader = get_reader(name, settings)
    if reader.unavailable is not None:
        raise InputError(f"reader {name!r}", reader.unavailable, "or leave it out of readers")
    reading = ReaderAnswerer(reader, max_new_tokens)
    return RemoteAnswerer(reading, settings, folder) if name == "remote" else reading
