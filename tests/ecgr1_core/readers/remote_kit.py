"""A server on a free port of this machine that answers as it is told to, well or badly, and keeps what it was sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler"], None]
FORM = (
    "<think>\n**Step 1: Technical, Rate & Rhythm**\nSinus rhythm.\n</think>\n\nNormal.\n\n<answer>Sinus rhythm</answer>"
)


class Handler(BaseHTTPRequestHandler):
    """One request; `seen` is what the server keeps of all."""

    protocol_version = "HTTP/1.1"
    seen: Seen

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        seen = self.seen
        headers = {name.casefold(): value for name, value in self.headers.items()}
        seen.requests.append(Request(self.path, headers, body, time.monotonic()))
        answer = seen.answers.pop(0) if len(seen.answers) > 1 else seen.answers[0]
        try:
            answer(self)
        except (BrokenPipeError, ConnectionResetError):
            seen.hung_up.set()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def whole(self, status: int, content_type: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": content_type, "content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def begin(self, content_type: str = "text/event-stream") -> None:
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def send(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def cut(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(2)


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def asked(self) -> Any:
        return json.loads(self.body)

    @property
    def parts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.asked["messages"][1]["content"]
        return found


@dataclass
class Seen:
    """What a server is to answer, the last answer for ever, and what it was asked."""

    answers: list[Answer]
    requests: list[Request] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    host: str = ""


@contextmanager
def answering(*answers: Answer) -> Iterator[Seen]:
    """Run a server that gives these answers, one a request."""
    seen = Seen(list(answers))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OneHandler", (Handler,), {"seen": seen}))
    server.daemon_threads = True
    seen.host = f"127.0.0.1:{server.server_address[1]}"
    seen.url = f"http://{seen.host}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        seen.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
    data = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "some-model-2026", **more}
    return event(data | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def event(data: Any) -> str:
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"


def usage(prompt: int, new: int) -> str:
    counts = {"prompt_tokens": prompt, "completion_tokens": new, "total_tokens": prompt + new}
    return event(
        {
            "id": "x",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "some-model-2026",
            "choices": [],
            "usage": counts,
        }
    )


def reading(text: str = FORM, finish: str | None = "stop", *after: str, size: int = 7) -> Answer:
    """Answer with a text in pieces, how it ended, and what follows."""

    def answer(handler: Handler) -> None:
        handler.begin()
        for start in range(0, len(text), size):
            handler.send(chunk({"content": text[start : start + size]}))
        if finish is not None:
            handler.send(chunk({}, finish))
        for more in after:
            handler.send(more)
        handler.send("data: [DONE]\n\n")
        handler.end()

    return answer


def raw(*pieces: str, cut: bool = False) -> Answer:
    """Answer with these events, then end the answer or cut the line."""

    def answer(handler: Handler) -> None:
        handler.begin()
        for piece in pieces:
            handler.send(piece)
        if cut:
            handler.cut()
        else:
            handler.end()

    return answer


def refusing(status: int, message: str = "it is so", code: str | None = None, **headers: str) -> Answer:
    """Answer with an error in OpenAI's form."""
    body = json.dumps({"error": {"message": message, "type": "x", "param": None, "code": code}}).encode()
    return lambda handler: handler.whole(status, "application/json", body, **headers)
