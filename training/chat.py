"""`Chat`: questions to an OpenAI-compatible server, many at once, each asked again when that can help, and kept.

Every answer is a file named by the content of its question, so that none is paid for twice, whatever was killed. Every
fault has a kind, which is counted. A fault of one question is a `NoAnswerError`; one that all questions would meet (a
refused key, an unknown model, no credit) is an `InputError` that ends the run. This module knows no ECGs.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import Field

from ecgr1_core.errors import InputError
from training.run_config import RunConfig

if TYPE_CHECKING:
    import openai

MOST_FAILURES: Final = 20
_CONNECT_S: Final = 15.0
_OF_ONE_QUESTION: Final = (400, 413, 422)
_LATER: Final = "run again later; the answers so far are kept"


class ChatConfig(RunConfig):
    """A server in the form of OpenAI's chat completions, and how it may be asked.

    `url_place` and `key_place` are where a user says its address and its key, as remedies name them.
    """

    url_place: ClassVar[str]
    key_place: ClassVar[str]

    url: str = Field(description="Base address of an OpenAI-compatible server, mostly ending in /v1.")
    model: str = Field(description="Name by which that server knows the model.")
    max_tokens: int = Field(4096, ge=1, description="Most tokens of one answer, hidden reasoning included.")
    at_once: int = Field(16, ge=1, description="Most requests under way at the same time.")
    requests_per_minute: int | None = Field(None, ge=1, description="Most requests a minute; unset: no limit.")
    retries: int = Field(6, ge=0, description="How often a question is asked again after a failure that may pass.")
    first_wait_s: float = Field(
        1.0, ge=0, description="Wait before the first repetition, doubled at each further one; a server may ask more."
    )
    timeout_s: float = Field(180.0, gt=0, description="Longest time of one request, in seconds.")
    price_in: float | None = Field(None, ge=0, description="Price of a million tokens sent; unset: cost unknown.")
    price_out: float | None = Field(None, ge=0, description="Price of a million tokens written; unset: cost unknown.")
    currency: str = Field("USD", description="Currency of these prices.")


class NoAnswerError(InputError):
    """A question that got no answer; `kind` is what is counted, `again` whether it may get one, `wait_s` after what."""

    def __init__(
        self,
        subject: str,
        kind: str,
        fault: str,
        remedy: str = _LATER,
        *,
        again: bool = True,
        wait_s: float | None = None,
    ) -> None:
        super().__init__(subject, fault, remedy)
        self.kind = kind
        self.again = again
        self.wait_s = wait_s


@dataclass(frozen=True)
class Answer:
    """What a server wrote: `cut` where it reached its limit of tokens; counts None where the server told none."""

    text: str
    cut: bool = False
    prompt_tokens: int | None = None
    new_tokens: int | None = None


@dataclass
class Usage:
    """What was asked and what it took. `requests` counts every request, `faults` each that brought no answer.

    Tokens are those of all that the server wrote, also of what was of no use, because all of it is paid for.
    """

    requests: int = 0
    answered: int = 0
    from_disk: int = 0
    prompt_tokens: int = 0
    new_tokens: int = 0
    uncounted: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def count(self, answer: Answer) -> None:
        """Count the tokens of what a server wrote."""
        self.uncounted += answer.prompt_tokens is None or answer.new_tokens is None
        self.prompt_tokens += answer.prompt_tokens or 0
        self.new_tokens += answer.new_tokens or 0

    def to_json(self, config: ChatConfig) -> dict[str, Any]:
        """Return the counts and the cost as plain JSON data; the cost is None where a price or a count is missing."""
        cost = None
        if config.price_in is not None and config.price_out is not None and not self.uncounted:
            cost = round((config.price_in * self.prompt_tokens + config.price_out * self.new_tokens) / 1e6, 6)
        return {
            "requests": self.requests,
            "answered": self.answered,
            "from_disk": self.from_disk,
            "prompt_tokens": self.prompt_tokens,
            "new_tokens": self.new_tokens,
            "answers_without_counts": self.uncounted,
            "cost": cost,
            "currency": config.currency,
            "faults": dict(sorted(self.faults.items())),
        }


class Answers:
    """A folder of answers, made when the first is kept; each is one file, written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, question: Mapping[str, Any]) -> Answer | None:
        """Return the answer that was kept for a question, None where there is none or its file is damaged."""
        # A judge's answers were once kept as text alone, by questions that did not name the server.
        nameless = {name: value for name, value in question.items() if name != "url"}
        for path in (self._path(question), self._path(nameless)):
            try:
                kept = json.loads(path.read_text(encoding="utf-8"))["answer"]
                return Answer(kept) if isinstance(kept, str) else Answer(**kept)
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return None

    def keep(self, question: Mapping[str, Any], answer: Answer) -> None:
        """Keep an answer at once; InputError where the folder cannot be written to."""
        path = self._path(question)
        beside = path.with_suffix(f".{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(
                json.dumps({"question": question, "answer": asdict(answer)}, ensure_ascii=False), encoding="utf-8"
            )
            beside.replace(path)
        except OSError as error:
            fault = f"an answer cannot be kept ({error.strerror or error})"
            raise InputError(self._folder, fault, "make room and run again; the answers so far are kept") from error

    def _path(self, question: Mapping[str, Any]) -> Path:
        text = json.dumps(question, sort_keys=True, ensure_ascii=False)
        name = hashlib.sha256(text.encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.json"


class Chat:
    """One server; to be entered before it is asked. InputError for an address that is none.

    With `steadfast`, a refusal of what one question holds and failures in a row end nothing, but are of each question.
    """

    def __init__(self, config: ChatConfig, key: str | None, folder: Path, *, steadfast: bool = False) -> None:
        from ecgr1_core.readers.pace import Pace

        address = urlsplit(config.url)
        if address.scheme not in ("http", "https") or not address.hostname or address.username is not None:
            raise InputError(
                config.url_place, "it is not the address of a server", "give http(s)://host/…/v1, without a key"
            )
        self._host = address.netloc
        self._config = config
        self._key = key
        self._answers = Answers(folder)
        self._steadfast = steadfast
        self._gate = asyncio.Semaphore(config.at_once)
        self._pace = Pace(config.requests_per_minute)
        self._client: openai.AsyncOpenAI | None = None
        self._failures = 0
        self.usage = Usage()

    async def __aenter__(self) -> Chat:
        import httpx2
        import openai

        timeout = httpx2.Timeout(self._config.timeout_s, connect=min(self._config.timeout_s, _CONNECT_S))
        line = openai.DefaultAsyncHttpxClient(follow_redirects=False)
        self._client = openai.AsyncOpenAI(
            base_url=self._config.url, api_key=self._key or "none", max_retries=0, timeout=timeout, http_client=line
        )
        self._client.organization = self._client.project = None  # not from OpenAI's own environment variables
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._client is not None
        await self._client.close()

    async def ask(
        self,
        messages: Sequence[Mapping[str, Any]],
        temperature: float | None,
        accept: Callable[[str], object] | None = None,
    ) -> Answer:
        """Return the answer, from disk where the question was answered before.

        `accept` raises ValueError for a text that is of no use, which is then asked for again and not kept. Raises
        NoAnswerError where none came though it was asked again, InputError where no question can be answered.
        """
        question: dict[str, Any] = {
            "url": self._config.url,
            "model": self._config.model,
            "messages": [dict(message) for message in messages],
            "max_tokens": self._config.max_tokens,
            "temperature": temperature,
        }
        kept = self._answers.get(question)
        if kept is not None:
            self.usage.from_disk += 1
            return kept
        async with self._gate:
            try:
                answer = await self._asked(question, accept)
            except NoAnswerError as error:
                self._failures += 1
                if self._failures >= MOST_FAILURES and not self._steadfast:
                    raise InputError(
                        self._host, f"{error.fault}, as for {self._failures} questions in a row", _LATER
                    ) from error
                raise
            self._failures = 0
            self._answers.keep(question, answer)
        self.usage.answered += 1
        return answer

    async def _asked(self, question: Mapping[str, Any], accept: Callable[[str], object] | None) -> Answer:
        from ecgr1_core.readers.pace import LONGEST_WAIT_S, wait_s

        times = 1
        while True:
            await asyncio.sleep(self._pace.reserve() - time.monotonic())
            try:
                return await self._once(question, accept)
            except NoAnswerError as error:
                self.usage.faults[error.kind] += 1
                if not error.again or times > self._config.retries:
                    tried = "" if times == 1 else f", also when asked {times} times"
                    raise NoAnswerError(self._host, error.kind, error.fault + tried, error.remedy) from error
                pause_s = wait_s(times, error.wait_s) * (self._config.first_wait_s if error.wait_s is None else 1)
            await asyncio.sleep(min(pause_s, LONGEST_WAIT_S))
            times += 1

    async def _once(self, question: Mapping[str, Any], accept: Callable[[str], object] | None) -> Answer:
        import openai

        assert self._client is not None
        request = {name: value for name, value in question.items() if name != "url" and value is not None}
        headers: Any = {} if self._key else {"Authorization": openai.Omit()}
        self.usage.requests += 1
        try:
            completion = await self._client.chat.completions.create(**request, extra_headers=headers)
        except openai.APIStatusError as error:
            raise self._refusal(error) from error
        except openai.APITimeoutError as error:
            fault = f"it did not answer in {self._config.timeout_s:g} s"
            raise NoAnswerError(self._host, "timeout", fault) from error
        except openai.APIConnectionError as error:
            fault = f"it cannot be reached ({type(error.__cause__ or error).__name__})"
            raise NoAnswerError(self._host, "no connection", fault) from error
        except (openai.APIError, ValueError) as error:
            raise NoAnswerError(self._host, "unreadable answer", "its answer cannot be read") from error
        answer = _answer(completion)
        if answer is None:
            raise NoAnswerError(self._host, "unreadable answer", "its answer cannot be read")
        self.usage.count(answer)
        if not answer.text.strip() and not answer.cut:
            raise NoAnswerError(self._host, "empty answer", "its answer holds no text")
        try:
            if accept is not None:
                accept(answer.text)
        except ValueError as error:
            raise NoAnswerError(self._host, "useless answer", f"its answer is of no use ({error})") from error
        return answer

    def _refusal(self, error: openai.APIStatusError) -> InputError:
        """Return the NoAnswerError of a refusal that may pass or is of one question; InputError for one of all."""
        from ecgr1_core.readers.pace import asked_to_wait_s
        from ecgr1_core.readers.remote_faults import Server, may_ask_again

        status, kind = error.status_code, f"status {error.status_code}"
        words = error.body.get("message") if isinstance(error.body, dict) else error.body
        said = Server(self._config.url, self._host, self._config.model, self._key).quoted(words)
        if status in (401, 403):
            fault = f"it does not accept the key ({status})"
            return InputError(self._host, fault, f"set {self._config.key_place} to one of that server")
        if may_ask_again(error):
            told_s = asked_to_wait_s(error.response.headers)
            return NoAnswerError(self._host, kind, f"it answered with {kind}{said}", wait_s=told_s)
        if self._steadfast and status in _OF_ONE_QUESTION:
            fault = f"it does not accept the question ({status}){said}"
            return NoAnswerError(self._host, kind, fault, "look at what was asked", again=False)
        remedy = f"check {self._config.url_place}, the model, the credit of the account, and what else is set beside it"
        return InputError(self._host, f"it refuses the questions ({status}){said}", remedy)


async def all_done(jobs: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all jobs at once; the first InputError of one ends the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
    except ExceptionGroup as faults:
        first = next((one for one in faults.exceptions if isinstance(one, InputError)), None)
        if first is None:
            raise
        raise first from None


def _answer(completion: object) -> Answer | None:
    """Return what was written, None where this is no completion; the client takes data of any form for one."""
    choices = getattr(completion, "choices", None)
    if not isinstance(choices, list) or not choices:
        return None
    message = getattr(choices[0], "message", None)
    text = getattr(message, "content", None) or ""
    if message is None or not isinstance(text, str):
        return None
    usage = getattr(completion, "usage", None)
    prompt, new = (getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens"))
    cut = getattr(choices[0], "finish_reason", None) == "length"
    return Answer(text, cut, prompt if isinstance(prompt, int) else None, new if isinstance(new, int) else None)
