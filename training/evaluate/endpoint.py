"""Asks an OpenAI-compatible server many things at once, keeps every good answer on disk, and never pays for one twice.

Answers are kept by content: a question with the same words, model and options is answered from the folder of answers.
What cannot be answered is an InputError in the place of the answer; a key or address that is refused ends the run. The
module knows chat completions and nothing of ECGs.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecgr1_core.errors import InputError
from ecgr1_core.readers.pace import Pace, asked_to_wait_s, wait_s
from training.evaluate.config import EndpointConfig

if TYPE_CHECKING:
    import openai

_REFUSED: Final = (401, 403, 404)
_QUOTED: Final = 160
Messages = list[dict[str, Any]]


@dataclass
class Usage:
    """What a run has asked of a server so far; `cost` is None where a price or a count of tokens is unknown."""

    asked: int = 0
    from_disk: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return dict(vars(self))


@dataclass
class Endpoint:
    """A server and the folder in which its answers are kept; `key` takes precedence over the configured file."""

    config: EndpointConfig
    answers: Path
    key: str | None = field(default=None, repr=False)
    usage: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        self._pace = Pace(self.config.requests_per_minute)
        self._key = self.key or _key(self.config.key_file)

    def ask(
        self, questions: Sequence[Messages], accept: Callable[[str], object]
    ) -> Iterator[tuple[int, str | InputError]]:
        """Yield the number of each question with its answer, or with the error that says why there is none.

        They come as they are answered, not in order. `accept` raises ValueError for an answer that is of no use, which
        is then asked again and not kept. Raises InputError where the server refuses the key, the address or the model.
        """
        loop = asyncio.new_event_loop()
        answering = self._all(questions, accept)
        try:
            while True:
                try:
                    yield loop.run_until_complete(anext(answering))
                except StopAsyncIteration:
                    return
        finally:
            loop.run_until_complete(answering.aclose())
            loop.close()

    async def _all(
        self, questions: Sequence[Messages], accept: Callable[[str], object]
    ) -> AsyncGenerator[tuple[int, str | InputError]]:
        waiting: list[int] = []
        for number, messages in enumerate(questions):
            kept = self._kept(messages)
            if kept is None:
                waiting.append(number)
            else:
                self.usage.from_disk += 1
                yield number, kept
        if not waiting:
            return
        async with self._client() as client:
            free = asyncio.Semaphore(self.config.concurrency)

            async def one(number: int) -> tuple[int, str | InputError]:
                async with free:
                    return number, await self._answer(client, questions[number], accept)

            tasks = [asyncio.create_task(one(number)) for number in waiting]
            try:
                for done in asyncio.as_completed(tasks):
                    yield await done
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[openai.AsyncOpenAI]:
        import httpx2
        import openai

        line = openai.DefaultAsyncHttpxClient(
            follow_redirects=False, timeout=httpx2.Timeout(self.config.timeout_s, connect=15.0)
        )
        client = openai.AsyncOpenAI(
            base_url=self.config.url, api_key=self._key or "none", max_retries=0, http_client=line
        )
        client.organization = client.project = None  # not from OpenAI's own environment variables
        async with client:
            yield client

    async def _answer(
        self, client: openai.AsyncOpenAI, messages: Messages, accept: Callable[[str], object]
    ) -> str | InputError:
        """Ask until an answer is accepted or all repetitions are used up."""
        fault = "it was not asked"
        for times in range(1, self.config.retries + 2):
            told: float | None = None
            try:
                text = await self._once(client, messages)
                accept(text)
            except _TryAgainError as error:
                fault, told = str(error), error.wait_s
            except _NoUseError as error:
                self.usage.failed += 1
                return InputError(self.config.model, str(error), "look at the reading that was sent")
            except ValueError as error:
                fault = f"its answer is of no use ({error})"
            else:
                self._keep(messages, text)
                return text
            if times <= self.config.retries:
                pause = told if told is not None else wait_s(times, None) * self.config.first_wait_s
                await asyncio.sleep(min(pause, 60.0))
        self.usage.failed += 1
        asked = f", also when asked {self.config.retries + 1} times" if self.config.retries else ""
        return InputError(self.config.model, fault + asked, "run again; what was answered is kept")

    async def _once(self, client: openai.AsyncOpenAI, messages: Messages) -> str:
        import openai

        from ecgr1_core.readers.remote_faults import may_ask_again

        await asyncio.sleep(max(0.0, self._pace.reserve() - asyncio.get_running_loop().time()))
        self.usage.asked += 1
        headers: Mapping[str, Any] = {} if self._key else {"Authorization": openai.Omit()}
        try:
            answer = await client.chat.completions.create(**self._request(messages), extra_headers=headers)
        except openai.APIStatusError as error:
            said = _short(error.message)
            if error.status_code in _REFUSED:
                raise InputError(
                    self.config.url, f"refuses to answer ({error.status_code}: {said})", "check url, model and key_file"
                ) from error
            if not may_ask_again(error):
                raise _NoUseError(f"it does not accept the question ({error.status_code}: {said})") from error
            raise _TryAgainError(
                f"it answered with status {error.status_code}", asked_to_wait_s(error.response.headers)
            ) from error
        except openai.APITimeoutError as error:
            raise _TryAgainError(f"it did not answer in {self.config.timeout_s:g} s") from error
        except openai.APIConnectionError as error:
            raise _TryAgainError(f"it cannot be reached ({type(error.__cause__ or error).__name__})") from error
        except openai.APIError as error:
            raise _TryAgainError(f"its answer cannot be read ({_short(error.message)})") from error
        self._count(answer.usage)
        text: str | None = answer.choices[0].message.content if answer.choices else None
        if not text:
            raise _TryAgainError("its answer holds no text")
        return text

    def _request(self, messages: Messages) -> dict[str, Any]:
        return {
            "model": self.config.model,
            "messages": messages,
            "temperature": 0.0,
            "max_tokens": self.config.max_tokens,
        }

    def _count(self, usage: Any) -> None:
        if usage is None:
            return
        self.usage.tokens_in += usage.prompt_tokens
        self.usage.tokens_out += usage.completion_tokens
        if self.config.price_in is not None and self.config.price_out is not None:
            price = usage.prompt_tokens * self.config.price_in + usage.completion_tokens * self.config.price_out
            self.usage.cost = (self.usage.cost or 0.0) + price / 1e6

    def _place(self, messages: Messages) -> Path:
        told = json.dumps(self._request(messages), sort_keys=True, ensure_ascii=False)
        name = hashlib.sha256(told.encode()).hexdigest()
        return self.answers / name[:2] / f"{name}.json"

    def _kept(self, messages: Messages) -> str | None:
        try:
            return str(json.loads(self._place(messages).read_text(encoding="utf-8"))["answer"])
        except (OSError, ValueError, KeyError, TypeError):  # not asked yet, or cut off by a kill
            return None

    def _keep(self, messages: Messages, text: str) -> None:
        place = self._place(messages)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            beside = place.with_suffix(f".{os.getpid()}.part")
            beside.write_text(json.dumps({"model": self.config.model, "answer": text}), encoding="utf-8")
            beside.replace(place)
        except OSError as error:
            raise InputError(
                self.answers, f"cannot be written ({error.strerror or error})", "make room and start again"
            ) from error


class _NoUseError(Exception):
    """The same question will be refused again."""


class _TryAgainError(Exception):
    """The same question may be answered later; `wait_s` is what the server asked for."""

    def __init__(self, fault: str, wait_s: float | None = None) -> None:
        super().__init__(fault)
        self.wait_s = wait_s


def _key(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "the key cannot be read", "write it into that file, or leave key_file out") from error


def _short(words: str) -> str:
    said = " ".join(words.split())
    return said if len(said) <= _QUOTED else said[:_QUOTED] + "…"
