"""What goes wrong between here and a server, each in one sentence that names the host, the fault and the remedy.

Words of the server are quoted short and without the key, never those about a refused key, which may repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ecgr1_core.errors import InputError

if TYPE_CHECKING:
    import openai

_LONGEST_QUOTE: Final = 200
_REFUSED_CONTENT: Final = ("content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation")
_NO_CREDIT: Final = ("insufficient_quota", "billing_hard_limit_reached")
_LATER: Final = "try again later, or ask who runs it"
_BUSY_OR_FAILING: Final = (408, 409, 425, 429)


@dataclass(frozen=True)
class Server:
    """Where and whom to ask, and the key, which is in no text of this object."""

    url: str
    host: str
    model: str
    key: str | None = None

    def __repr__(self) -> str:
        return f"Server({self.host!r}, {self.model!r})"

    def fault(self, fault: str, remedy: str) -> InputError:
        """Return the sentence on something that went wrong there."""
        return InputError(self.host, fault, remedy)

    def quoted(self, words: object) -> str:
        """Return what the server said, as far as it can be shown: " (it says: …)", or nothing."""
        if not isinstance(words, str) or not words.strip() or "<html" in words.casefold():
            return ""
        said = " ".join(words.split())
        if self.key:
            said = said.replace(self.key, "…")
        said = re.sub(r"\b(sk|key)-[\w*-]{6,}", "…", said)
        if len(said) > _LONGEST_QUOTE:
            said = said[:_LONGEST_QUOTE].rstrip() + "…"
        return f" (it says: {said.rstrip('.')})"


def may_ask_again(error: openai.APIStatusError) -> bool:
    """Whether the same request may be answered later: the server is busy or failing, and the account has credit."""
    return (error.status_code in _BUSY_OR_FAILING or error.status_code >= 500) and error.code not in _NO_CREDIT


def status_fault(server: Server, error: openai.APIStatusError, times_asked: int) -> InputError:
    """Return the sentence on an answer that is no reading."""
    status, said = error.status_code, server.quoted(_message(error.body))
    tried = "" if times_asked == 1 else f", also when asked {times_asked} times"
    if error.code in _NO_CREDIT:
        return server.fault("the account of this key has no credit left", "top it up, or set another key")
    if refused_content(error.code, said):
        return content_fault(server, said)
    if status in (401, 403):
        if server.key is None:
            return server.fault(f"it wants a key ({status}), and none is set", "set ECGR1_REMOTE_API_KEY to one")
        return server.fault(
            f"it does not accept the key, or not for {server.model!r} ({status})",
            "set ECGR1_REMOTE_API_KEY to a key of that server",
        )
    if status == 404:
        return server.fault(
            f"it knows no model {server.model!r}, or not this address (404){said}",
            "check ECGR1_REMOTE_MODEL, and ECGR1_REMOTE_URL, which mostly ends in /v1",
        )
    if status == 413:
        return server.fault("the request is too large for it (413)", "raise its limit for requests")
    if status == 429:
        return server.fault(
            f"it takes no more requests now (429){tried}{said}",
            "wait and try again, or set ECGR1_REMOTE_REQUESTS_PER_MINUTE lower",
        )
    if 300 <= status < 400:
        return server.fault(
            f"it sends the request on to another address ({status}), and nothing was sent there",
            "set ECGR1_REMOTE_URL to the address that is meant",
        )
    if status >= 500:
        return server.fault(f"it failed ({status}){tried}{said}", _LATER)
    return server.fault(
        f"it does not accept the request ({status}){said}",
        f"check that {server.model!r} reads images, and what was asked of it",
    )


def connection_fault(
    server: Server, error: openai.APIConnectionError, silence_s: float, times_asked: int
) -> InputError:
    """Return the sentence on a line that could not be made, or was lost before the first word."""
    tried = "" if times_asked == 1 else f", also when asked {times_asked} times"
    if is_silence(error):
        return silence_fault(server, silence_s)
    kind = type(error.__cause__).__name__
    if "ConnectTimeout" in kind:
        return server.fault(f"it cannot be reached in time{tried}", "check ECGR1_REMOTE_URL and the network")
    if "ConnectError" in kind:
        reason = " ".join(str(error.__cause__).split())
        return server.fault(
            f"it cannot be reached ({reason[:_LONGEST_QUOTE]}){tried}", "check ECGR1_REMOTE_URL and the network"
        )
    return server.fault(f"the line to it was lost before it answered{tried}", _LATER)


def is_silence(error: openai.APIConnectionError) -> bool:
    """Whether the server was reached and then said nothing for too long."""
    return "ReadTimeout" in type(error.__cause__).__name__


def silence_fault(server: Server, silence_s: float) -> InputError:
    """Return the sentence on a server that says nothing."""
    return server.fault(f"it said nothing for {silence_s:g} s", "raise ECGR1_REMOTE_SILENCE_S, or try again later")


def cut_fault(server: Server) -> InputError:
    """Return the sentence on a reading that broke off."""
    return server.fault("the line was lost in the middle of the reading", "read again; what had come is incomplete")


def stream_fault(server: Server, error: openai.APIError) -> InputError:
    """Return the sentence on an error that was sent in the middle of a stream."""
    said = server.quoted(error.message)
    if refused_content(error.code, said):
        return content_fault(server, said)
    return server.fault(f"it ended the reading with an error{said}", _LATER)


def content_fault(server: Server, said: str = "") -> InputError:
    """Return the sentence on a request whose content was refused."""
    return server.fault(
        f"it refuses to read this content{said}", "choose another reader, or another model of this server"
    )


def refused_content(code: object, said: str) -> bool:
    """Whether an error says that the content was refused."""
    return code in _REFUSED_CONTENT or any(word in said for word in _REFUSED_CONTENT)


def wrong_kind_fault(server: Server, content_type: str) -> InputError:
    """Return the sentence on an answer that is no stream of events."""
    if "html" in content_type:
        return server.fault(
            "it answers with a web page instead of a reading", "check ECGR1_REMOTE_URL, which mostly ends in /v1"
        )
    return server.fault(
        f"it does not stream (its answer is {content_type.split(';')[0] or 'of no kind'})",
        "use a server that streams chat completions as server-sent events",
    )


def unreadable_fault(server: Server) -> InputError:
    """Return the sentence on a piece of a stream that is not of OpenAI's form."""
    return server.fault("it sent a piece that cannot be read", "check that it speaks OpenAI's chat completions")


def _message(body: object) -> object:
    """Return the words in the body of an error, in OpenAI's form or in one of those seen elsewhere."""
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, Mapping):
            return inner.get("message") or inner.get("detail")
        return inner
    return None
