"""`Chat`: questions to an OpenAI-compatible server, many at once, each asked again when that can help, and kept.

Every fault has a kind, which is counted. A fault of one question is a `NoAnswerError`; one that all questions would
meet (a refused key, an unknown model, no credit) is an `InputError` that ends the run. This module knows no ECGs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ecgr1_core.errors import InputError
from training.corpus.answers import Answer, Answers
from training.corpus.config import LlmAuthoring

if TYPE_CHECKING:
    import openai

MOST_FAILURES: Final = 20
_LATER: Final = "run again later; the answers so far are kept"


class NoAnswerError(InputError):
    """A question that got no answer; `kind` is what is counted."""

    def __init__(self, subject: str, kind: str, remedy: str = _LATER) -> None:
        super().__init__(subject, kind, remedy)
        self.kind = kind


@dataclass
class Usage:
    """What was asked and what it took. `requests` counts every request, `faults` each that brought no answer."""

    requests: int = 0
    answered: int = 0
    from_disk: int = 0
    prompt_tokens: int = 0
    new_tokens: int = 0
    uncounted: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def count(self, answer: Answer) -> None:
        """Count an answer that was paid for now."""
        self.answered += 1
        self.uncounted += answer.prompt_tokens is None or answer.new_tokens is None
        self.prompt_tokens += answer.prompt_tokens or 0
        self.new_tokens += answer.new_tokens or 0

    def to_json(self, config: LlmAuthoring) -> dict[str, Any]:
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


class Chat:
    """One server; to be entered before it is asked. InputError for an address that is none."""

    def __init__(self, config: LlmAuthoring, key: str | None, folder: Path) -> None:
        address = urlsplit(config.url)
        if address.scheme not in ("http", "https") or not address.hostname or address.username is not None:
            raise InputError(
                "author.url", "it is not the address of a server", "give http(s)://host/…/v1, without a key"
            )
        self._host = address.netloc
        self._config = config
        self._key = key
        self._answers = Answers(folder)
        self._gate = asyncio.Semaphore(config.at_once)
        self._client: openai.AsyncOpenAI | None = None
        self._failures = 0
        self.usage = Usage()

    async def __aenter__(self) -> Chat:
        import openai

        self._client = openai.AsyncOpenAI(
            base_url=self._config.url, api_key=self._key or "none", max_retries=0, timeout=self._config.timeout_s
        )
        self._client.organization = self._client.project = None  # not from OpenAI's own environment variables
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._client is not None
        await self._client.close()

    async def ask(self, messages: Sequence[Mapping[str, str]], temperature: float | None) -> Answer:
        """Return the answer, from disk where the question was answered before.

        Raises NoAnswerError where none came though it was asked again, InputError where no question can be answered.
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
                answer = await self._asked(question)
            except NoAnswerError as error:
                self._failures += 1
                if self._failures >= MOST_FAILURES:
                    raise InputError(
                        self._host, f"{error.fault}, as for {self._failures} questions in a row", _LATER
                    ) from error
                raise
            self._failures = 0
            self._answers.keep(question, answer)
        self.usage.count(answer)
        return answer

    async def _asked(self, question: Mapping[str, Any]) -> Answer:
        import openai

        from ecgr1_core.readers.pace import asked_to_wait_s, wait_s

        for times in range(1, self._config.retries + 2):
            told_s = None
            self.usage.requests += 1
            try:
                return await self._once(question)
            except NoAnswerError as error:
                kind = error.kind
            except openai.APIStatusError as error:
                kind = self._status(error)
                told_s = asked_to_wait_s(error.response.headers)
            except openai.APITimeoutError:
                kind = "timeout"
            except openai.APIConnectionError:
                kind = "no connection"
            except (openai.APIError, ValueError):
                kind = "unreadable answer"
            self.usage.faults[kind] += 1
            if times <= self._config.retries:
                await asyncio.sleep(wait_s(times, told_s))
        raise NoAnswerError(self._host, kind)

    async def _once(self, question: Mapping[str, Any]) -> Answer:
        import openai

        assert self._client is not None
        request = {name: value for name, value in question.items() if name != "url" and value is not None}
        headers: Any = {} if self._key else {"Authorization": openai.Omit()}
        completion: Any = await self._client.chat.completions.create(**request, extra_headers=headers)
        choices = getattr(completion, "choices", None)
        if not choices or not isinstance(getattr(choices[0].message, "content", None) or "", str):
            raise NoAnswerError(self._host, "unreadable answer")
        text = choices[0].message.content or ""
        cut = choices[0].finish_reason == "length"
        if not text.strip() and not cut:
            raise NoAnswerError(self._host, "empty answer")
        usage = getattr(completion, "usage", None)
        return Answer(text, cut, _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))

    def _status(self, error: openai.APIStatusError) -> str:
        """Return the kind of a refusal that may pass or is of one question only; InputError for one that is of all."""
        from ecgr1_core.readers.remote_faults import Server, may_ask_again

        said = Server(self._config.url, self._host, self._config.model, self._key).quoted(_words(error.body))
        status = error.status_code
        if status in (401, 403):
            raise InputError(
                self._host, f"it does not accept the key ({status})", "set ECGR1_AUTHOR_API_KEY to one of that server"
            ) from error
        if not may_ask_again(error):
            self.usage.faults[f"status {status}"] += 1
            raise InputError(
                self._host,
                f"it refuses the questions ({status}){said}",
                "check author.url, author.model, the credit of the account, and the fields of author",
            ) from error
        return f"status {status}"


def _count(usage: object, name: str) -> int | None:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) else None


def _words(body: object) -> object:
    inner = body.get("error", body) if isinstance(body, dict) else body
    return inner.get("message") if isinstance(inner, dict) else inner
