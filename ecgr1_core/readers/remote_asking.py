"""One reading asked of a server: the request, asking again, the stream of its answer, how it ended, tokens and cost.

It runs in an event loop of its own thread, so that whatever it waits for can be broken off at once, which closes the
line. Nothing is asked again once the first word has come. The module knows chat completions and no ECGs.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

from ecgr1_core.errors import InputError
from ecgr1_core.readers import remote_faults as faults
from ecgr1_core.readers.apart import Row
from ecgr1_core.readers.pace import Pace, asked_to_wait_s, wait_s
from ecgr1_core.readers.six_steps import SixSteps

CONNECT_S: Final = 15.0
_LOOK_S: Final = 0.05
_REASONS: Final = {"stop": "end", "length": "length"}


@dataclass(frozen=True)
class Limits:
    """How long and how often one reading may be asked for; seconds."""

    total_s: float
    silence_s: float
    retries: int


@dataclass(frozen=True)
class Prices:
    """What a million tokens cost, None where that is not known."""

    tokens_in: float | None
    tokens_out: float | None
    currency: str

    def cost(self, prompt_tokens: int | None, new_tokens: int | None) -> float | None:
        """Return what a reading cost, None where a price or a count is missing."""
        if self.tokens_in is None or self.tokens_out is None or prompt_tokens is None or new_tokens is None:
            return None
        return (self.tokens_in * prompt_tokens + self.tokens_out * new_tokens) / 1e6


@dataclass
class Asking:
    """One reading that is asked for; `body` is the request, `optional` the fields a server may do without.

    `dropped` are those that this server has refused before; it is added to.
    """

    server: faults.Server
    body: dict[str, Any]
    optional: frozenset[str]
    dropped: set[str]
    limits: Limits
    prices: Prices
    pace: Pace
    row: Row
    _steps: SixSteps = field(default_factory=SixSteps)
    _text: bool = False
    _thought: bool = False
    _finish: str | None = None
    _reason: str | None = None
    _hidden_tokens: int = 0
    _began: float = 0.0
    _first: float | None = None

    def write(self) -> None:
        """Write the reading into the row, piece by piece; InputError, after the pieces, for what went wrong."""
        asyncio.run(self._stoppable())

    async def _stoppable(self) -> None:
        """Ask until the answer has ended, or whoever waits for it wants it stopped."""
        asking = asyncio.create_task(self._whole())
        while not asking.done():
            await asyncio.wait({asking}, timeout=_LOOK_S)
            if self.row.stop.is_set() and not asking.done():
                asking.cancel()
                await asyncio.wait({asking})
        cut = True
        try:
            if asking.cancelled():
                self.row.details.stop_reason = "cancelled"
            else:
                asking.result()
                cut = self.row.details.stop_reason == "length"
        finally:
            self._say(self._steps.finish(cut=cut))
            self.row.details.phase = "done"

    async def _whole(self) -> None:
        await self._turn()
        timeout = httpx2.Timeout(CONNECT_S, read=self.limits.silence_s, write=self.limits.silence_s)
        keyless = {"Authorization": openai.Omit()} if self.server.key is None else {}
        line = openai.DefaultAsyncHttpxClient(follow_redirects=False, timeout=timeout)
        async with openai.AsyncOpenAI(
            base_url=self.server.url,
            api_key=self.server.key or "none",
            max_retries=0,
            timeout=timeout,
            http_client=line,
        ) as client:
            client.organization = client.project = None  # not from OpenAI's own environment variables
            try:
                async with asyncio.timeout(self.limits.total_s):
                    await self._until_answered(client, keyless)
            except TimeoutError:
                raise self.server.fault(
                    f"the reading was not done in {self.limits.total_s:g} s",
                    "raise ECGR1_REMOTE_TIMEOUT_S, or try again later",
                ) from None
        self._end()

    async def _turn(self, pause_s: float = 0.0) -> None:
        """Wait `pause_s`, and then until this process may send a request."""
        self.row.details.phase = "waiting"
        await asyncio.sleep(pause_s)
        turn = self.pace.reserve()
        try:
            await asyncio.sleep(turn - time.monotonic())
        except asyncio.CancelledError:
            self.pace.give_back(turn)
            raise

    async def _until_answered(self, client: openai.AsyncOpenAI, headers: dict[str, Any]) -> None:
        times, deadline = 1, time.monotonic() + self.limits.total_s
        while True:
            try:
                await self._answered(client, headers)
                return
            except openai.APIStatusError as error:
                if self._dropped_one(error):
                    await self._turn()
                    continue
                pause_s = wait_s(times, asked_to_wait_s(error.response.headers))
                too_late = times > self.limits.retries or time.monotonic() + pause_s > deadline
                if too_late or not faults.may_ask_again(error):
                    raise faults.status_fault(self.server, error, times) from None
            except openai.APIConnectionError as error:
                pause_s = wait_s(times, None)
                if self._first is not None or self._thought:
                    silent = faults.is_silence(error)
                    fault = faults.silence_fault(self.server, self.limits.silence_s) if silent else None
                    raise fault or faults.cut_fault(self.server) from None
                if faults.is_silence(error) or times > self.limits.retries:
                    raise faults.connection_fault(self.server, error, self.limits.silence_s, times) from None
            except openai.APIError as error:
                raise faults.stream_fault(self.server, error) from None
            await self._turn(pause_s)
            times += 1

    async def _answered(self, client: openai.AsyncOpenAI, headers: dict[str, Any]) -> None:
        """Send the request once and take its answer."""
        self.row.details.phase, self._began = "looking", time.monotonic()
        stream = await client.chat.completions.create(**self._request(), stream=True, extra_headers=headers)
        kind = stream.response.headers.get("content-type", "").casefold()
        if "html" in kind or "json" in kind:
            raise faults.wrong_kind_fault(self.server, kind)
        try:
            async for chunk in stream:
                self._take(chunk)
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise faults.unreadable_fault(self.server) from None

    def _request(self) -> dict[str, Any]:
        dropped = self.dropped & self.optional
        request = {name: value for name, value in self.body.items() if name not in dropped}
        if "max_completion_tokens" in dropped:
            request["max_tokens"] = self.body["max_completion_tokens"]
        return request

    def _dropped_one(self, error: openai.APIStatusError) -> bool:
        """Whether the server refused a field that it may do without, which is then left out from now on."""
        if error.status_code not in (400, 422):
            return False
        words = f"{error.param or ''} {error.message}"
        named = [name for name in sorted(self.optional - self.dropped) if name in words and name in self.body]
        self.dropped.update(named[:1])
        return bool(named)

    def _take(self, chunk: object) -> None:
        """Take one event; what is not of OpenAI's form is a fault, fields that nobody needs are left unread."""
        if not isinstance(chunk, ChatCompletionChunk):
            raise faults.unreadable_fault(self.server)
        data = chunk.model_dump(warnings=False)
        choices, usage = data.get("choices"), data.get("usage")
        if isinstance(choices, list) and choices:
            choice = choices[0]
            delta = choice.get("delta") if isinstance(choice, dict) else None
            if not isinstance(delta, dict):
                raise faults.unreadable_fault(self.server)
            self._delta(delta)
            self._finish = choice.get("finish_reason") or self._finish
        elif not isinstance(choices, list) and not isinstance(usage, dict):
            raise faults.unreadable_fault(self.server)
        if isinstance(usage, dict):
            self._count(usage)
        self._beside(data)

    def _delta(self, delta: dict[str, Any]) -> None:
        if isinstance(refusal := delta.get("refusal"), str) and refusal:
            raise faults.content_fault(self.server, self.server.quoted(refusal))
        self._thought = self._thought or bool(delta.get("reasoning_content") or delta.get("reasoning"))
        content = delta.get("content")
        if not isinstance(content, str) or not content:
            return
        if self._first is None:
            self._first = time.monotonic()
            self.row.details.seconds_to_first_token = self._first - self._began
        self._text = self._text or bool(content.strip())
        self.row.details.phase = "writing"
        self._say(self._steps.feed(content))

    def _say(self, text: str) -> None:
        if text:
            self.row.messages.put(text)

    def _count(self, usage: dict[str, Any]) -> None:
        details = self.row.details
        prompt, new = usage.get("prompt_tokens"), usage.get("completion_tokens")
        apart = usage.get("completion_tokens_details")
        details.prompt_tokens = prompt if isinstance(prompt, int) else None
        details.new_tokens = new if isinstance(new, int) else None
        hidden = apart.get("reasoning_tokens") if isinstance(apart, dict) else None
        self._hidden_tokens = hidden if isinstance(hidden, int) else 0

    def _beside(self, data: dict[str, Any]) -> None:
        """Keep which model answered, and what a server of our own tells beside the text."""
        details, told = self.row.details, data.get("ecgr1")
        version, notes, reason = (
            told.get(name) if isinstance(told, dict) else None for name in ("version", "notes", "stop_reason")
        )
        model = data.get("model")
        known = isinstance(model, str) and model not in ("", self.server.model)
        said = [f"answered as {model}"] if known else []
        said += [f"{self.server.model} there is of version {version}"] if isinstance(version, str) else []
        said += [note for note in notes if isinstance(note, str)] if isinstance(notes, list) else []
        details.notes += tuple(note for note in said if note not in details.notes)
        if isinstance(reason, str):
            self._reason = reason

    def _end(self) -> None:
        """Say how the reading ended, what it took and what it cost."""
        details, server = self.row.details, self.server
        if self._first is not None and details.new_tokens:
            seconds = time.monotonic() - self._first
            details.tokens_per_s = max(0, details.new_tokens - self._hidden_tokens) / seconds if seconds > 0 else None
        details.cost = self.prices.cost(details.prompt_tokens, details.new_tokens)
        details.currency = self.prices.currency
        if self._finish == "content_filter":
            raise faults.content_fault(server)
        if self._finish is None:
            raise faults.cut_fault(server) if self._text or self._thought else self._empty()
        details.stop_reason = self._reason or _REASONS.get(self._finish, self._finish)
        if not self._text:
            raise self._empty()

    def _empty(self) -> InputError:
        if self._finish == "length":
            return self.server.fault(
                "it reached its limit of tokens before the first word of the reading, mostly by hidden reasoning",
                "raise ECGR1_REMOTE_MAX_TOKENS",
            )
        return self.server.fault("its answer holds no text", "try again, or check that the model reads images")
