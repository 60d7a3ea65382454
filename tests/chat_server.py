"""A chat server of this machine for tests: answers in the form of OpenAI's, refusals, and what was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

PROMPT_TOKENS, NEW_TOKENS = 2000, 500


def completion(text: str, finish: str = "stop", *, counted: bool = True) -> Response:
    """An answer in the form of OpenAI's chat completions."""
    data: dict[str, Any] = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
    }
    if counted:
        data["usage"] = {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": NEW_TOKENS,
            "total_tokens": PROMPT_TOKENS + NEW_TOKENS,
        }
    return Response(json.dumps(data), content_type="application/json")


def refusal(status: int, message: str = "it is so", code: str | None = None) -> Response:
    data = {"error": {"message": message, "type": "x", "param": None, "code": code}}
    return Response(json.dumps(data), status, {"Retry-After": "0"}, content_type="application/json")


class Asked:
    """Answers every question by `answering`, and keeps what was asked."""

    def __init__(self, answering: Callable[[dict[str, Any], int], Response]) -> None:
        self._answering = answering
        self._lock = threading.Lock()
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []

    def __call__(self, request: Request) -> Response:
        body = request.get_json()
        with self._lock:
            self.bodies.append(body)
            self.keys.append(request.headers.get("Authorization"))
            number = len(self.bodies)
        return self._answering(body, number)


def serve(server: HTTPServer, answering: Callable[[dict[str, Any], int], Response]) -> Asked:
    """Let a server answer questions by `answering`, which is told the body and the how-many-th it is."""
    asked = Asked(answering)
    server.expect_request("/v1/chat/completions").respond_with_handler(asked)
    return asked
