"""`LocalModel`: what the readers have in common that load a model from a directory and write with it, token by token.

The model is loaded at the first reading, then kept. Loading and generation run in a thread of their own, so that
whoever takes the text is told within a quarter of a second that the reader is still at work, and can stop it. One lock
lets one reading use the model at a time. This module knows how a model is asked, and nothing of which model it is.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecgr1_core.errors import InputError, UnsupportedModalityError
from ecgr1_core.interpretation import STEP_TITLES
from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.model.kinds import Kind, require_kind
from ecgr1_core.model.streaming import label_confidences
from ecgr1_core.readers.apart import Message, Row, pieces
from ecgr1_core.readers.base import ReadingDetails, ReadingOptions, ReadingStream
from ecgr1_core.settings import Settings

if TYPE_CHECKING:
    from ecgr1_core.model.generation import Delta, Ending, GenerationOptions
    from ecgr1_core.model.loading import LoadedModel

_LOCK_POLL_S: Final = 0.1
_LIBRARIES_S: Final = 8.0  # importing PyTorch and transformers, seen on two cores
_BYTES_PER_S: Final = 200e6  # from a cold disk into memory, packing included; a guess until the first loading is done
_WEIGHTS: Final = ("*.safetensors", "pytorch_model*.bin")
_DESCRIBES: Final = (
    *("config.json", "adapter_config.json", "model.safetensors.index.json", "SHA256SUMS"),
    "pytorch_model.bin.index.json",
)

SIX_STEPS: Final = (
    "Interpret this 12-lead electrocardiogram. Write six short paragraphs, each under its heading: "
    + " ".join(f"**Step {number}: {title}**" for number, title in enumerate(STEP_TITLES, 1))
    + " Name the leads and give the values that support each statement, and say so where something cannot be seen. "
    "Then write one paragraph of summary. End with the diagnoses, separated by semicolons, between <answer> and "
    "</answer>."
)
"""What a foreign model is asked: the form that ECG-R1 writes, as far as words can ask for it."""

CARDIOLOGIST: Final = "You are a cardiologist who reads 12-lead electrocardiograms. State only what the tracing shows."
"""What a foreign model with a place for it is told to be."""

logger = logging.getLogger(__name__)


class LocalModel(ABC):
    """A reader whose model lies in a directory; it exists without one too, and then says what to do to get it.

    A kind of it names itself, its setting and how to get the weights, and says how they are loaded and asked.
    """

    name: str
    title: str
    modalities: tuple[Modality, ...]
    setting: str
    to_get_one: str
    to_correct: str
    embedded = False
    generative = True
    writes_together = False
    privacy = "Reads on this computer; the recording is sent nowhere."

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._loaded: LoadedModel | None = None
        self._load_s: float | None = None

    @property
    @abstractmethod
    def directory(self) -> Path | None:
        """Where the model lies, None where none is set."""

    @abstractmethod
    def _load(self, directory: Path) -> LoadedModel:
        """Load the model; a kind of InputError for a directory that is not one of this reader's models."""

    @abstractmethod
    def _deltas(
        self,
        loaded: LoadedModel,
        views: Sequence[ModalityView],
        options: GenerationOptions,
        cancelled: Callable[[], bool],
    ) -> Iterator[Delta]:
        """Write the readings of views, of one unless it `writes_together`."""

    @abstractmethod
    def _notes(self, loaded: LoadedModel, view: ModalityView) -> list[str]:
        """Say what was done to the recording and the page before the model saw them."""

    @property
    def unavailable(self) -> str | None:
        """Why there is no model to read with and what to do, in one sentence; None where there is a directory."""
        missing = self._missing()
        return None if missing is None else "{}: {}.".format(*missing)

    def _missing(self) -> tuple[str, str] | None:
        """Return what is missing and what to do, None where nothing is."""
        directory = self.directory
        if directory is None:
            return "No model is set", self.to_get_one
        if not (directory / "config.json").is_file():
            return (
                f"{self.setting} names {directory.name or str(directory)!r}, which is not the directory of a model",
                self.to_correct,
            )
        return None

    @property
    def adapter(self) -> Path | None:
        """The adapter that is put on the model, None without one."""
        return None

    @property
    def version(self) -> str:
        """Name of the directory, precision as far as it is known, adapter, and a hash of what describes the weights."""
        directory, adapter = self.directory, self.adapter
        if directory is None:
            return "without a model"
        parts = [
            directory.resolve().name,
            "" if adapter is None else f"+ {adapter.name}",
            self._precision(directory) or "",
            _fingerprint(directory, adapter),
        ]
        return " ".join(part for part in parts if part)

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._loaded is not None

    def read(self, view: ModalityView, options: ReadingOptions | None = None) -> ReadingStream:
        """Return the reading as it is written; nothing is computed before its first piece is asked for.

        Raises UnsupportedModalityError for a modality that it cannot look at, and InputError without a model or for
        options out of range. Iterating raises InputError for a model that cannot be loaded and a view that cannot be
        prepared.
        """
        self._check(view)
        row = Row(view, ReadingDetails(version=self.version))
        return self._streams([row], options)[0]

    def read_together(
        self, views: Sequence[ModalityView], options: ReadingOptions | None = None
    ) -> tuple[ReadingStream, ...]:
        """Return the readings of several views, written at once by a model that can, otherwise one after another.

        Each is stopped by itself. Raises as `read` does.
        """
        if not self.writes_together:
            return tuple(self.read(view, options) for view in views)
        for view in views:
            self._check(view)
        return self._streams([Row(view, ReadingDetails(version=self.version)) for view in views], options)

    def unload(self) -> None:
        """Give the model's memory back, after the reading that is being written; the next reading loads it again."""
        with self._lock:
            if self._loaded is not None:
                self._loaded.unload()
                self._loaded = None

    def _check(self, view: ModalityView) -> None:
        if view.modality not in self.modalities:
            raise UnsupportedModalityError(
                self.title,
                f"it cannot read the modality {view.modality!r}",
                f"choose one of: {', '.join(self.modalities)}",
            )
        missing = self._missing()
        if missing is not None:
            raise InputError(self.title, *missing)

    def _streams(self, rows: list[Row], options: ReadingOptions | None) -> tuple[ReadingStream, ...]:
        """Return the streams of rows that are written at once; the first that is asked for a piece begins them all."""
        begun = threading.Lock()

        def begin() -> None:
            if begun.acquire(blocking=False):
                # A daemon, because loading cannot be stopped: the program may end in the middle of it.
                threading.Thread(
                    target=self._work, args=(rows, options or ReadingOptions()), name=self.name, daemon=True
                ).start()

        return tuple(ReadingStream(pieces(row, begin), row.details, row.stop) for row in rows)

    def _work(self, rows: list[Row], options: ReadingOptions) -> None:
        """Write the readings; what goes wrong is told to who takes the text, and logged where nobody does any more."""
        try:
            self._write(rows, options)
            message: Message = None
        except Exception as error:
            if all(row.stop.is_set() for row in rows) and not isinstance(error, InputError):
                logger.exception("a reading that was stopped failed")
            message = error
        for row in rows:
            row.messages.put(message)

    def _write(self, rows: list[Row], options: ReadingOptions) -> None:
        def stopped() -> bool:
            return all(row.stop.is_set() for row in rows)

        for row in rows:
            row.details.phase = "waiting"
        with self._turn(stopped) as mine:
            if mine:
                loaded = self._model([row.details for row in rows])
            if not mine or stopped():
                for row in rows:
                    row.details.stop_reason, row.details.phase = "cancelled", "done"
                return
            for row in rows:
                details = row.details
                details.phase = "looking"
                details.precision, details.device, details.version = loaded.precision, loaded.device, self.version
                details.notes = tuple(self._notes(loaded, row.view))
            with self._memory_errors_explained():
                views = [row.view for row in rows]
                for delta in self._deltas(loaded, views, self._generation_options(options), stopped):
                    row = rows[delta.row]
                    if row.details.phase == "done":
                        continue  # stopped by itself; the others go on
                    if row.stop.is_set() and len(rows) > 1:
                        row.details.stop_reason, row.details.phase = "cancelled", "done"
                        row.messages.put(None)
                        continue
                    if delta.ending is not None:
                        _take(delta.ending, row.details)
                    else:
                        row.details.phase = "writing"
                    if delta.text:
                        row.messages.put(delta.text)
                    if delta.ending is not None and len(rows) > 1:
                        row.messages.put(None)

    @contextmanager
    def _turn(self, stopped: Callable[[], bool]) -> Iterator[bool]:
        """Wait until no other reading uses the model; false where this one was stopped meanwhile."""
        mine = False
        while not mine and not stopped():
            mine = self._lock.acquire(timeout=_LOCK_POLL_S)
        try:
            yield mine
        finally:
            if mine:
                self._lock.release()

    def _model(self, waiting: Sequence[ReadingDetails]) -> LoadedModel:
        """Return the model, loaded if it is not; only to be called by who holds the lock."""
        if self._loaded is None:
            directory = self.directory
            assert directory is not None
            for details in waiting:
                details.expected_load_s = self._load_s or _LIBRARIES_S + _weight_bytes(directory) / _BYTES_PER_S
                details.phase = "loading"
            started = time.monotonic()
            self._loaded = self._load(directory)
            self._load_s = time.monotonic() - started
            for details in waiting:
                details.load_s = self._load_s
        return self._loaded

    def _generation_options(self, options: ReadingOptions) -> GenerationOptions:
        from ecgr1_core.model.generation import GenerationOptions

        limit = options.max_new_tokens
        default = GenerationOptions()
        return GenerationOptions(
            max_new_tokens=self._settings.model_max_new_tokens if limit is None else limit,
            max_seconds=self._settings.model_max_seconds,
            temperature=default.temperature if options.temperature is None else options.temperature,
            top_p=default.top_p if options.top_p is None else options.top_p,
            seed=default.seed if options.seed is None else options.seed,
            log_probabilities=options.log_probabilities,
        )

    def _precision(self, directory: Path) -> str | None:
        """Return the precision that reads, None where only loading will tell."""
        if self._loaded is not None:
            return self._loaded.precision
        if self._settings.model_precision != "auto":
            return self._settings.model_precision
        try:
            stored = json.loads((directory / "config.json").read_text(encoding="utf-8")).get("quantization")
            return str(stored["precision"])
        except (OSError, ValueError, AttributeError, TypeError, KeyError):  # not quantised by us, or not readable:
            return None  # the first is no fault, and loading says what is wrong with the second

    @contextmanager
    def _memory_errors_explained(self) -> Iterator[None]:
        """Turn a GPU that runs out of memory half-way into the sentence that says what to do."""
        import torch

        try:
            yield
        except torch.OutOfMemoryError as error:
            raise InputError(
                self.title, "the memory of the GPU did not suffice for this reading", "set ECGR1_MODEL_PRECISION to nf4"
            ) from error


class GuestModel(LocalModel):
    """A model that was not made for this program: a page in, and a question that asks for the six steps.

    `kind` is what its directory must hold, `question` and `system` what it is asked.
    """

    kind: Kind
    question: str = SIX_STEPS
    system: str | None = None

    @abstractmethod
    def _open(self, directory: Path) -> LoadedModel:
        """Load a directory of the right kind."""

    def _load(self, directory: Path) -> LoadedModel:
        require_kind(directory, self.kind)
        return self._open(directory)

    def _deltas(
        self,
        loaded: LoadedModel,
        views: Sequence[ModalityView],
        options: GenerationOptions,
        cancelled: Callable[[], bool],
    ) -> Iterator[Delta]:
        from ecgr1_core.model.generation import generate_with
        from ecgr1_core.model.guest_writing import GuestEngine

        options = replace(options, question=self.question, system=self.system)
        return generate_with(GuestEngine(loaded), views, options, cancelled=cancelled)

    def _notes(self, loaded: LoadedModel, view: ModalityView) -> list[str]:
        notes: list[str] = loaded.processor.notes(view)
        return notes


def _take(ending: Ending, details: ReadingDetails) -> None:
    details.phase = "done"
    details.stop_reason = ending.reason
    details.prompt_tokens, details.new_tokens = ending.prompt_tokens, len(ending.token_ids)
    details.seconds_to_first_token, details.tokens_per_s = ending.seconds_to_first_token, ending.tokens_per_s
    if ending.scores is not None:
        details.token_scores = ending.scores
        details.label_confidences = label_confidences(ending.text, ending.scores)


def _weight_files(directory: Path) -> list[Path]:
    return [path for pattern in _WEIGHTS for path in sorted(directory.glob(pattern))]


def _weight_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in _weight_files(directory))


def _fingerprint(directory: Path, adapter: Path | None) -> str:
    """Return eight digits of the SHA-256 of what describes the weights: configuration, index or shard names and sizes.

    The weights themselves are not read: that would take as long as loading them.
    """
    digest = hashlib.sha256()
    for folder in (directory, *([adapter] if adapter is not None else [])):
        for name in _DESCRIBES:
            path = folder / name
            if path.is_file():
                digest.update(name.encode() + path.read_bytes())
        for path in _weight_files(folder):
            digest.update(f"{path.name} {path.stat().st_size}".encode())
    return digest.hexdigest()[:8]
