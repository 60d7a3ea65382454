"""Middleware for vLLM's server that lets it be asked as `ecgr1 serve --api` is.

A recording and its page are the parts `input_ecg` and `image_url`, and their order is the modality. The text of the
messages is left unused, since the model is asked what it was trained to be asked, and it writes as our own ECG-R1 does:
greedy, at most 2048 tokens, to the end of its answer, unless the request says otherwise. Other paths pass untouched.
Without this middleware the server takes OpenAI's form in the caller's own words, the ECG as the URL that
`vllm_ecg_r1.inputs.ecg_url` makes. Plain ASGI; it knows nothing of vLLM.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from ecgr1_core.errors import InputError
from ecgr1_core.model.processing import DEFAULT_QUESTION, SYSTEM_PROMPT
from ecgr1_core.readers.ecg_part import decode_part
from ecgr1_core.settings import Settings
from vllm_ecg_r1.inputs import url_of_part

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

PATH: Final = "/v1/chat/completions"
ORDERS: Final = (("input_ecg",), ("image_url",), ("input_ecg", "image_url"), ("image_url", "input_ecg"))

# How our own ECG-R1 decodes; a request may say otherwise.
DECODING: Final[dict[str, Any]] = {
    "temperature": 0.0,
    "repetition_penalty": 1.0,
    "stop": ["</answer>"],
    "include_stop_str_in_output": True,
}
MAX_NEW_TOKENS: Final = 2048


class ReadingApi:
    """The middleware; `vllm serve --middleware vllm_ecg_r1.reading_api.ReadingApi` puts it before the server."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._largest_body = Settings().max_upload_mb * 2**20

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one connection; requests for readings are rewritten, bad ones answered 400 or 413 in one sentence."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or scope["method"] != "POST" or path != PATH:
            await self._app(scope, receive, send)
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > self._largest_body:
                fault = f"it is larger than {self._largest_body // 2**20} MiB"
                await _refuse(send, 413, InputError("the request", fault, "send a shorter recording or a smaller page"))
                return
            if not message.get("more_body", False):
                break
        try:
            rewritten = json.dumps(reading_request(_json_object(bytes(body)))).encode()
        except InputError as error:
            await _refuse(send, 400, error)
            return
        headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
        headers.append((b"content-length", str(len(rewritten)).encode()))
        whole: list[Message] = [{"type": "http.request", "body": rewritten, "more_body": False}]

        async def receive_rewritten() -> Message:
            return whole.pop() if whole else await receive()

        await self._app({**scope, "headers": headers}, receive_rewritten, send)


def reading_request(request: dict[str, Any]) -> dict[str, Any]:
    """Return the request as vLLM takes it, its messages replaced by ECG-R1's own with the attachments in their order.

    Raises InputError for attachments that are missing, damaged or too many, and for the address of a picture.
    """
    parts = _attachments(request.get("messages"))
    kinds = tuple(part.get("type") for part in parts)
    if kinds not in ORDERS:
        raise InputError(
            "messages",
            f"they hold these attachments: {', '.join(str(kind) for kind in kinds) or 'none'}",
            "attach one input_ecg, one image_url with a data URL, or one of each",
        )
    content = [_ecg_part(part) if part["type"] == "input_ecg" else _page_part(part) for part in parts]
    content.append({"type": "text", "text": DEFAULT_QUESTION})
    given = {name: value for name, value in request.items() if value is not None}
    limit = {} if given.keys() & {"max_tokens", "max_completion_tokens"} else {"max_completion_tokens": MAX_NEW_TOKENS}
    messages = [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": content}]
    return DECODING | limit | given | {"messages": messages}


def _attachments(messages: Any) -> list[dict[str, Any]]:
    """Return the parts of the user's messages that are not text, as far as there are any."""
    return [
        part
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict) and message.get("role") == "user" and isinstance(message.get("content"), list)
        for part in message["content"]
        if isinstance(part, dict) and part.get("type") != "text"
    ]


def _ecg_part(part: dict[str, Any]) -> dict[str, Any]:
    decode_part(part)  # so that a damaged one is told in our own sentence
    return {"type": "audio_url", "audio_url": {"url": url_of_part(part)}}


def _page_part(part: dict[str, Any]) -> dict[str, Any]:
    picture = part.get("image_url")
    url = picture.get("url") if isinstance(picture, dict) else None
    if not isinstance(url, str) or not url.startswith("data:image/"):
        raise InputError("image_url", "it is no data URL", "send the page as data:image/png;base64,…")
    return {"type": "image_url", "image_url": {"url": url}}


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("the request", "it is no JSON", "send a chat completion in OpenAI's form") from error
    if not isinstance(request, dict):
        raise InputError("the request", "it is no JSON object", "send a chat completion in OpenAI's form")
    return request


async def _refuse(send: Send, status: int, error: InputError) -> None:
    """Answer with an error in OpenAI's form."""
    told = {"error": {"message": str(error), "type": "invalid_request_error", "param": None, "code": status}}
    body = json.dumps(told).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
