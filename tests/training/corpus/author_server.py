"""What a language model would answer, made of the question alone: a reading of its statements, and phrases."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any

from werkzeug import Request, Response

from ecgr1_core.interpretation import STEP_TITLES, Step, write

PROMPT_TOKENS, NEW_TOKENS = 2000, 500


def reading_from(prompt: str) -> str:
    """A reading in the form of the statements that a question lists, and of the labels it says are known."""
    said: dict[int, list[str]] = {number: [] for number in range(1, 7)}
    for number, statement in re.findall(r"^([1-5])\. (.+?)(?: \(possible\)| \(probable\))?$", prompt, re.MULTILINE):
        said[int(number)].append(statement)
    said[6].append("Nothing contradicts these findings.")
    steps = [Step(number, STEP_TITLES[number - 1], " ".join(said[number]) or "Nothing.") for number in said]
    known = re.search(r"^KNOWN OF THIS RECORDING[^:]*: (.+)$", prompt, re.MULTILINE)
    return write(steps, "As said.", known[1].split("; ") if known else ["sinus rhythm"])


def phrases_from(prompt: str) -> str:
    """The first three words of each step, and one phrase that stands nowhere."""
    steps = re.findall(r"^Step (\d), .+\n(.+)$", prompt, re.MULTILINE)
    found = {number: [" ".join(text.split()[:3]).rstrip(".;:")] for number, text in steps}
    found["6"] = [*found["6"], "stands nowhere"]
    return f"Here it is:\n```json\n{json.dumps(found)}\n```"


def answer_to(body: dict[str, Any]) -> str:
    prompt = next(one["content"] for one in body["messages"] if one["role"] == "user")
    return phrases_from(prompt) if prompt.startswith("From each") else reading_from(prompt)


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
