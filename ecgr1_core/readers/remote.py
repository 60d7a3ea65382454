"""`RemoteReader`: a model on another machine, behind any endpoint in the form of OpenAI's chat completions.

A model of a provider, MedGemma or Qwen3-VL behind vLLM, our own `ecgr1 serve --api`. It is off until the settings name
it, and says in one sentence what it sends where. How a server is asked is in `remote_asking`, what it is sent in
`remote_prompt`.
"""

from __future__ import annotations

import re
import threading
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ecgr1_core.errors import InputError, UnsupportedModalityError
from ecgr1_core.measure import measure
from ecgr1_core.modality import MODALITIES, Modality, ModalityView
from ecgr1_core.readers.apart import Row, pieces
from ecgr1_core.readers.base import ReadingDetails, ReadingOptions, ReadingStream
from ecgr1_core.readers.pace import Pace
from ecgr1_core.readers.remote_faults import Server
from ecgr1_core.settings import Settings

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


class RemoteReader:
    """A reader on a server; it exists without one too, and then says what to do to get one."""

    name = "remote"
    embedded = False
    generative = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pace = Pace(settings.remote_requests_per_minute)
        self._dropped: set[str] = set()

    @property
    def title(self) -> str:
        """Its name in the settings."""
        return self._settings.remote_name

    @property
    def host(self) -> str | None:
        """Host, and port where it is not the usual one, of the server; None until it is set."""
        address = self._address()
        return None if address is None else address.netloc

    @property
    def version(self) -> str:
        """The model that is asked for, and where; a reading tells the name by which the server answered."""
        return f"{self._settings.remote_model or 'without a model'} at {self.host or 'no server'}"

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The page; all where the server is told to take the signal."""
        return MODALITIES if self._settings.remote_ecg else ("image",)

    @property
    def privacy(self) -> str:
        """What is sent where."""
        address = self._address()
        if address is None:
            return "Sends nothing until ECGR1_REMOTE_URL is set."
        settings = self._settings
        what = ["the page image"]
        what += ["the measurements"] if settings.remote_measurements else []
        what += ["the signal"] if settings.remote_ecg else []
        with_patient = ", with age and sex," if len(what) > 1 else ""
        listed = ", ".join(what[:-1]) + " and " * (len(what) > 1) + what[-1]
        open_line = address.scheme == "http" and address.hostname not in _THIS_MACHINE
        return (
            f"Sends {listed} of this recording{with_patient} to {address.netloc}"
            f"{', without encryption' if open_line else ''}; no name, number, date or file name"
            f"{', but all that is printed on a page that came as an image' if settings.remote_uploaded_pages else ''}."
        )

    @property
    def unavailable(self) -> str | None:
        """Which setting is missing or wrong, in one sentence; None where all are there."""
        missing = self._missing()
        return None if missing is None else "{}: {}.".format(*missing)

    def read(self, view: ModalityView, options: ReadingOptions | None = None) -> ReadingStream:
        """Return the reading as it is written; nothing is sent before its first piece is asked for.

        Raises UnsupportedModalityError for a modality that it cannot look at, InputError where the settings lack
        something, where nobody has agreed to what is sent, for probabilities of tokens, and for a page that came as an
        image unless the settings let such pages go. Iterating raises InputError, after all pieces that had come, for
        whatever goes wrong on the way.
        """
        if view.modality not in self.modalities:
            raise UnsupportedModalityError(
                self.title,
                f"it cannot read the modality {view.modality!r}",
                f"choose one of: {', '.join(self.modalities)}"
                + ("" if self._settings.remote_ecg else "; ECGR1_REMOTE_ECG lets a server of our own have the signal"),
            )
        missing = self._missing()
        if missing is not None:
            raise InputError(self.title, *missing)
        if view.sees_image and view.page_origin != "rendered" and not self._settings.remote_uploaded_pages:
            raise InputError(
                self.title,
                "this page came as an image, and a name may be printed on it",
                "let it read the page that is drawn from the signal, or set ECGR1_REMOTE_UPLOADED_PAGES",
            )
        options = options or ReadingOptions()
        if options.agreed_host != self.host:
            raise InputError(self.title, f"it sends the recording to {self.host}", "agree to that first")
        if options.log_probabilities:
            raise InputError(self.title, "it does not tell probabilities of tokens", "leave --log-probabilities out")
        row = Row(view, ReadingDetails(version=self.version, phase="waiting"))

        def begin() -> None:
            threading.Thread(target=self._work, args=(row, options), name=self.name, daemon=True).start()

        return ReadingStream(pieces(row, begin), row.details, row.stop)

    def _work(self, row: Row, options: ReadingOptions) -> None:
        """Write the reading; what goes wrong is told to who takes the text."""
        try:
            self._write(row, options)
        except Exception as error:
            row.messages.put(error)
        else:
            row.messages.put(None)

    def _write(self, row: Row, options: ReadingOptions) -> None:
        from ecgr1_core.readers.remote_asking import Asking, Limits, Prices
        from ecgr1_core.readers.remote_prompt import messages_of

        settings, view = self._settings, row.view
        measured = None
        if settings.remote_measurements and view.record is not None:
            measured = measure(view.record)
        row.details.notes = tuple(self._notes(view, measured is not None))
        body, optional = self._body(options)
        Asking(
            server=self._server(),
            body=body | {"messages": messages_of(view, measured)},
            optional=optional,
            dropped=self._dropped,
            limits=Limits(settings.remote_timeout_s, settings.remote_silence_s, settings.remote_retries),
            prices=Prices(settings.remote_price_in, settings.remote_price_out, settings.remote_currency),
            pace=self._pace,
            row=row,
        ).write()

    def _body(self, options: ReadingOptions) -> tuple[dict[str, Any], frozenset[str]]:
        """Return the request without its messages, and which of its fields a server may do without.

        It is greedy unless asked otherwise; a server that does not take a temperature is left its own.
        """
        limit = options.max_new_tokens
        body: dict[str, Any] = {
            "model": self._settings.remote_model,
            "max_completion_tokens": self._settings.remote_max_tokens if limit is None else limit,
            "stream_options": {"include_usage": True},
            "temperature": 0.0 if options.temperature is None else options.temperature,
        }
        body |= {} if options.top_p is None else {"top_p": options.top_p}
        body |= {} if options.seed is None else {"seed": options.seed}
        optional = {"max_completion_tokens", "stream_options"}
        return body, frozenset(optional | ({"temperature"} if options.temperature is None else set()))

    def _notes(self, view: ModalityView, measured: bool) -> list[str]:
        notes = [f"sent to {self.host}"]
        if view.sees_image and view.page_origin == "rendered":
            notes.append("the page image was drawn from the signal")
        if measured:
            notes.append("the measurements stood in the prompt")
        elif self._settings.remote_measurements:
            notes.append("there was no signal to measure")
        return notes

    def _server(self) -> Server:
        settings = self._settings
        return Server((settings.remote_url or "").strip(), self.host or "", settings.remote_model or "", self._key())

    def _key(self) -> str | None:
        key = self._settings.remote_api_key
        return None if key is None else key.get_secret_value().strip()

    def _missing(self) -> tuple[str, str] | None:
        """Return what is missing and what to do, None where nothing is."""
        if self._settings.remote_url is None:
            return (
                "No server is set",
                "set ECGR1_REMOTE_URL to the address of an OpenAI-compatible server, mostly ending in /v1, and "
                "ECGR1_REMOTE_MODEL to a model there, and start the program again",
            )
        if self._address() is None:
            return (
                "ECGR1_REMOTE_URL is not the address of a server",
                "set it to http:// or https:// with a host and a path, without a name, password or question mark",
            )
        if self._settings.remote_model is None:
            return "No model is set", "set ECGR1_REMOTE_MODEL to a model of that server, and start the program again"
        if not re.fullmatch(r"[!-~]+", self._key() or "none"):
            return "ECGR1_REMOTE_API_KEY holds what no key can hold", "set it to the key alone, without spaces"
        return None

    def _address(self) -> SplitResult | None:
        """Return the address of the server, None where none is set or it is not one."""
        try:
            address = urlsplit((self._settings.remote_url or "").strip())
            good = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
        except ValueError:  # a port that is no number, a bracket that is not closed
            return None
        bare = address.username is None and address.password is None and not address.query and not address.fragment
        return address if good and bare else None
