"""Single sign-on of a site: the provider that the settings name, and the log-ins there that are under way.

An attempt is kept in memory, for ten minutes and one use, and belongs to the browser that began it: the browser has a
cookie whose hash the attempt has. It knows no accounts; what an attempt is for is `ui.pages.oidc`'s.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from annotations.accounts import LoginRefusedError
from ecgr1_core.errors import InputError
from ecgr1_core.settings import Settings
from ui.web.openid import LOCAL_HOSTS, Client, OpenId, may_be_asked

ATTEMPT_S = 600.0
MOST_ATTEMPTS = 20_000

_TOPIC = "single sign-on"


@dataclass(frozen=True)
class Attempt:
    """A log-in at the provider that is under way.

    `next` is where to go on, `invitation` the token of an invitation that is to be taken up. `confirms` is the word of
    the log-in (`Visit.csrf`) that is to be confirmed for a signature, "" where somebody logs in.
    """

    state: str
    nonce: str
    verifier: str
    browser_sha256: str
    began_at: float
    ends_at: float
    next: str
    invitation: str = ""
    confirms: str = ""


@dataclass
class Attempts:
    """The attempts that are under way, at most 20,000: the oldest make room."""

    clock: Callable[[], float] = time.monotonic
    _open: dict[str, Attempt] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self, now: float, *, next: str, invitation: str = "", confirms: str = "") -> tuple[Attempt, str]:
        """Return a new attempt and the word that the browser must bring back; `now` is in seconds since 1970."""
        word = secrets.token_urlsafe(32)
        attempt = Attempt(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            browser_sha256=_sha256(word),
            began_at=now,
            ends_at=self.clock() + ATTEMPT_S,
            next=next,
            invitation=invitation,
            confirms=confirms,
        )
        with self._lock:
            for state, one in list(self._open.items()):  # in the order in which they were begun
                if one.ends_at > self.clock() and len(self._open) < MOST_ATTEMPTS:
                    break
                del self._open[state]
            self._open[attempt.state] = attempt
        return attempt, word

    def take(self, state: str, word: str) -> Attempt:
        """Return an attempt, which is used up by that; `LoginRefusedError` for any but the browser's own open one."""
        with self._lock:
            found = self._open.pop(state, None)
        mine = found is not None and hmac.compare_digest(found.browser_sha256, _sha256(word))
        if found is None or not mine or found.ends_at <= self.clock():
            fault = "this log-in was begun too long ago, in another browser, or is used up"
            raise LoginRefusedError(_TOPIC, fault, "start again from the log-in page")
        return found


@dataclass
class SignOn:
    """Single sign-on as it is configured; `public_url` is None where browsers are on this machine."""

    openid: OpenId
    public_url: str | None
    attempts: Attempts = field(default_factory=Attempts)

    @property
    def name(self) -> str:
        """What users call the provider."""
        return self.openid.client.name

    def redirect(self, base: str) -> str:
        """Return the address to which the provider sends browsers back; `base` is that of the request.

        A request says for itself which host it was sent to; without a public address only this machine is believed.
        """
        if self.public_url is None and urlsplit(base).hostname not in LOCAL_HOSTS:
            raise InputError(_TOPIC, "the address of this site is not set", "ask whoever runs it to set it")
        return f"{(self.public_url or base).rstrip('/')}/oidc/back"


def sign_on_of(settings: Settings) -> SignOn | None:
    """Return single sign-on, None where it is off; `InputError` where the settings are incomplete."""
    issuer, client_id, secret = settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret
    if issuer is None and client_id is None and secret is None:
        return None
    if issuer is None or client_id is None:
        missing = "ECGR1_OIDC_ISSUER" if issuer is None else "ECGR1_OIDC_CLIENT_ID"
        raise InputError(_TOPIC, f"{missing} is not set", "set it too, or none of ECGR1_OIDC_…")
    if not may_be_asked(issuer) or urlsplit(issuer).query or urlsplit(issuer).fragment:
        raise InputError(
            "ECGR1_OIDC_ISSUER", f"{issuer} is no https address", "give the issuer as the provider says it"
        )
    if settings.public_url is None and settings.host not in LOCAL_HOSTS:
        raise InputError(
            _TOPIC, "ECGR1_PUBLIC_URL is not set", "set it to the address by which browsers reach the site"
        )
    client = Client(issuer, client_id, secret, settings.oidc_name)
    return SignOn(OpenId(client), settings.public_url)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
