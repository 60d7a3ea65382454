"""`Reader`: what every reader offers, here or on a server, and its reading while it is written."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.model.streaming import LabelConfidence, TokenScore
from ecgr1_core.protocol.findings import Certainty
from ecgr1_core.protocol.text import SentenceEvidence

Phase = Literal["waiting", "loading", "looking", "writing", "done"]
"""What a reading waits for: another reading to end, the model to be loaded, the prompt to be read, text, nothing."""


@dataclass(frozen=True)
class ReadingOptions:
    """How a generative reader is to write; None leaves it to the reader.

    `temperature` 0 is greedy. `log_probabilities` keeps how sure the reader was of each token and label. `agreed_host`
    is where a person has agreed that the recording may be sent; a reader that sends it elsewhere refuses.
    """

    max_new_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    log_probabilities: bool = False
    agreed_host: str | None = None


@dataclass
class ReadingDetails:
    """What is known of a reading beside its text, as far as it has come; unknown is None.

    `notes` say what was done to the recording before the reader saw it. `seconds_to_first_token` counts from the moment
    that the model was ready and free, `tokens_per_s` from the first token on. `stop_reason`: "end" of turn, "answer"
    written, token limit ("length"), time limit ("time"), "cancelled". `label_confidences` and `token_scores` only where
    they were asked for. `evidence` says what each sentence rests on and `certainties` how sure each label of the answer
    is, by its name; None from a reader that cannot tell. `cost` is what a server charged for it, in `currency`; a
    currency alone says that the cost is unknown.
    """

    phase: Phase = "looking"
    expected_load_s: float | None = None
    version: str | None = None
    precision: str | None = None
    device: str | None = None
    notes: tuple[str, ...] = ()
    load_s: float | None = None
    prompt_tokens: int | None = None
    new_tokens: int | None = None
    seconds_to_first_token: float | None = None
    tokens_per_s: float | None = None
    stop_reason: str | None = None
    label_confidences: tuple[LabelConfidence, ...] | None = None
    token_scores: tuple[TokenScore, ...] | None = None
    evidence: tuple[SentenceEvidence, ...] | None = None
    certainties: Mapping[str, Certainty] | None = None
    cost: float | None = None
    currency: str | None = None


class ReadingStream(Iterator[str]):
    """A reading while it is being written: its pieces, which together are the text, and what is known of it beside.

    A piece may be empty: it then only says that the reader is still at work, and `details` what at.
    """

    def __init__(
        self,
        pieces: Generator[str, None, None],
        details: ReadingDetails | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.details = details if details is not None else ReadingDetails()
        self._pieces = pieces
        self._stop = stop if stop is not None else threading.Event()

    def __next__(self) -> str:
        return next(self._pieces)

    def cancel(self) -> None:
        """Ask the reader to stop; from any thread. The iterator then ends by itself, within one token."""
        self._stop.set()

    def close(self) -> None:
        """Stop the reader and forget it; a no-op for a reading that has ended."""
        self._stop.set()
        self._pieces.close()


@runtime_checkable
class Reader(Protocol):
    """A reader of ECGs.

    `name` is used on the command line, `title` on the page; `modalities` are those it can look at; `embedded` says that
    it needs no weights and no network; `generative` that it writes token by token and heeds `ReadingOptions`; `privacy`
    is one sentence on where the recording goes; `unavailable` one on what to do before it can read, None where it can.
    """

    @property
    def name(self) -> str:
        """Short name, as given on the command line."""

    @property
    def title(self) -> str:
        """Name for people."""

    @property
    def version(self) -> str:
        """Version of the rules or the weights that read."""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities that it can look at."""

    @property
    def embedded(self) -> bool:
        """Whether it comes with the program."""

    @property
    def generative(self) -> bool:
        """Whether it heeds `ReadingOptions`."""

    @property
    def privacy(self) -> str:
        """Where the recording goes, in one sentence."""

    @property
    def unavailable(self) -> str | None:
        """Why it cannot read here and what to do, in one sentence; None where it can."""

    def read(self, view: ModalityView, options: ReadingOptions | None = None) -> ReadingStream:
        """Return the reading as it is written; its pieces together are one text in ECG-R1's output form.

        Raises UnsupportedModalityError before the first piece where the modality is not among `modalities`, and
        InputError where the reader is not available.
        """


@runtime_checkable
class SendsAway(Protocol):
    """A reader that sends the recording to another machine, which a person has to agree to first."""

    @property
    def host(self) -> str | None:
        """Where to, None until that is set."""

    @property
    def privacy(self) -> str:
        """What is sent where, in one sentence."""


@runtime_checkable
class Cautioned(Protocol):
    """A reader of which a person should know something before trusting it."""

    @property
    def caution(self) -> str:
        """What that is, in whole sentences."""


@runtime_checkable
class Preparing(Protocol):
    """A reader that can be made ready before its first reading is asked for."""

    def get_ready(self) -> None:
        """Get ready, and return when it is; at once where it is or cannot be."""


def prepare(reader: Reader) -> None:
    """Let a reader that was chosen get ready in the background, if it can."""
    if isinstance(reader, Preparing):
        threading.Thread(target=reader.get_ready, name=f"prepare {reader.name}", daemon=True).start()


def consent_needed(reader: Reader) -> str | None:
    """Return the sentence that a person has to agree to before the reader reads, None where nothing leaves here."""
    return reader.privacy if isinstance(reader, SendsAway) and reader.host is not None else None


def agreed(reader: Reader, options: ReadingOptions | None = None) -> ReadingOptions | None:
    """Return the options with a person's consent to what `consent_needed` says; as they are where none is needed."""
    if not isinstance(reader, SendsAway):
        return options
    return replace(options or ReadingOptions(), agreed_host=reader.host)


def details_json(details: ReadingDetails) -> dict[str, Any]:
    """Return what a generative reader has told of a reading, as plain JSON data; seconds and rates rounded."""
    rounded = {
        name: None if value is None else round(value, 3)
        for name in ("load_s", "seconds_to_first_token", "tokens_per_s")
        for value in [getattr(details, name)]
    }
    data: dict[str, Any] = {
        "precision": details.precision,
        "device": details.device,
        "prompt_tokens": details.prompt_tokens,
        "new_tokens": details.new_tokens,
        **rounded,
        "stop_reason": details.stop_reason,
    }
    if details.currency is not None:
        cost = None if details.cost is None else round(details.cost, 6)
        data |= {"cost": cost, "currency": details.currency}
    if details.label_confidences is not None:
        data["label_confidences"] = [
            {
                "label": one.label,
                "mean_probability": round(one.mean_probability, 6),
                "min_probability": round(one.min_probability, 6),
                "tokens": one.tokens,
            }
            for one in details.label_confidences
        ]
    if details.token_scores is not None:
        data["tokens"] = [
            {
                "id": one.token_id,
                "start": one.start,
                "end": one.end,
                "log_probability": round(one.log_probability, 6),
                "entropy_nats": round(one.entropy_nats, 6),
            }
            for one in details.token_scores
        ]
    return data


def evidence_json(details: ReadingDetails) -> dict[str, Any]:
    """Return what a reading rests on as plain JSON data: `evidence`, a list by sentence, and `certainties` by label.

    Both are None where the reader told neither.
    """
    evidence, certainties = details.evidence, details.certainties
    return {
        "evidence": None if evidence is None else [one.to_json() for one in evidence],
        "certainties": None if certainties is None else dict(certainties),
    }
