"""What is said to an identity provider and what of its answers is believed: OpenID Connect, authorization code flow.

Discovery, the address a browser is sent to, the exchange of the code with its PKCE verifier, and the checks of the id
token (OpenID Connect Core 1.0, 3.1.3.7). Signatures are checked by joserfc. The module knows no accounts, cookies or
pages. What exactly was wrong with an answer is for the log; users are told in one sentence that it cannot be used.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry
from pydantic import SecretStr

from ecgr1_core.errors import InputError

LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
SCOPE = "openid email"
CLOCK_SKEW_S = 60
KEEP_METADATA_S = 3600.0
PAUSE_AFTER_FAULT_S = 5.0
LARGEST_ANSWER_BYTES = 1_000_000
AT_ONCE = 20  # of the server's 40 threads, so that a provider that hangs does not stop the pages of who is logged in
LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0, section 2, "sub"

_KEY_TYPES: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")

logger = logging.getLogger(__name__)


class ProviderError(InputError):
    """The identity provider does not answer, refuses, or says what cannot be believed."""


class _NotBelievedError(Exception):
    """An answer of the provider is not what it must be; the text is for the log."""


class _UnverifiedError(_NotBelievedError):
    """The signature of an id token does not hold with the keys that are known."""


@dataclass(frozen=True)
class Person:
    """Whom the provider vouches for; `email` is None where it does not say that the address was verified."""

    issuer: str
    subject: str
    email: str | None


@dataclass(frozen=True)
class Client:
    """How this program is registered at the provider; `name` is what users call the provider."""

    issuer: str
    client_id: str
    client_secret: SecretStr | None = None
    name: str = "your institution"


def may_be_asked(address: str) -> bool:
    """Whether an address is https, or http on this machine: nothing else may carry codes and tokens."""
    parts = urlsplit(address)
    if not parts.hostname or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL_HOSTS)


def challenge_of(verifier: str) -> str:
    """Return the PKCE challenge of a verifier by the method S256 (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass
class OpenId:
    """One provider; its metadata and keys are kept for an hour, and keys are read anew when a signature does not hold.

    `timeout_s` is the longest silence, twice of it the longest answer.
    """

    client: Client
    timeout_s: float = 5.0
    clock: Callable[[], float] = time.monotonic
    _metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    _keys: KeySet | None = field(default=None, repr=False)
    _kept_until: float = 0.0
    _down_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _key_lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _slots: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(AT_ONCE), repr=False)

    def address(self, *, redirect: str, state: str, nonce: str, verifier: str, again: bool = False) -> str:
        """Return where a browser is sent to; with `again` the person must prove there anew who they are.

        Raises `ProviderError` where the provider does not tell where that is.
        """
        with self._asking():
            endpoint = self._known()["authorization_endpoint"]
            asked = {
                "response_type": "code",
                "client_id": self.client.client_id,
                "redirect_uri": redirect,
                "scope": SCOPE,
                "state": state,
                "nonce": nonce,
                "code_challenge": challenge_of(verifier),
                "code_challenge_method": "S256",
            }
            if again:
                asked |= {"prompt": "login", "max_age": "0"}  # `max_age` makes `auth_time` required (Core 1.0, 3.1.2.1)
            return str(httpx.URL(endpoint).copy_merge_params(asked))

    def person(
        self, code: str, *, redirect: str, nonce: str, verifier: str, now: float, proved_since: float | None = None
    ) -> Person:
        """Return for whom the provider gave the code; `ProviderError` where any of its answers cannot be believed.

        `now` and `proved_since` are seconds since 1970 (UTC); the person must have proved at the provider who they are
        after `proved_since`, give or take a minute between the clocks.
        """
        with self._asking():
            tokens = self._exchanged(code, redirect, verifier)
            claims = self._claims(tokens.get("id_token"), nonce, now)
            if proved_since is not None:
                proved = claims.get("auth_time")
                if isinstance(proved, bool) or not isinstance(proved, int | float):
                    raise _NotBelievedError("the id token has no auth_time")
                if proved < proved_since - CLOCK_SKEW_S:
                    raise _NotBelievedError(f"the log-in is older than the request: auth_time {proved}")
            subject = claims["sub"]
            email = _verified_email(claims) or _verified_email(self._more_about(subject, tokens.get("access_token")))
            return Person(self.client.issuer, subject, email)

    def check_issuer(self, given: str | None) -> None:
        """Raise `ProviderError` where an answer by way of the browser names another issuer (RFC 9207)."""
        with self._asking():
            required = self._known().get("authorization_response_iss_parameter_supported") is True
            if given != self.client.issuer and (given is not None or required):
                raise _NotBelievedError(f"the answer names the issuer {given!r}")

    def _known(self) -> dict[str, Any]:
        """Return the provider's metadata (OpenID Connect Discovery 1.0, section 4), at most an hour old."""
        with self._lock:
            if self._metadata and self.clock() < self._kept_until:
                return self._metadata
            if self.clock() < self._down_until:
                raise _NotBelievedError("it failed a moment ago and is not asked again yet")
            try:
                found = self._fetched("GET", self.client.issuer.rstrip("/") + "/.well-known/openid-configuration")
                _check_metadata(found, self.client.issuer)
            except (httpx.HTTPError, _NotBelievedError):
                self._down_until = self.clock() + PAUSE_AFTER_FAULT_S
                raise
            self._metadata, self._keys, self._kept_until = found, None, self.clock() + KEEP_METADATA_S
            return found

    def _exchanged(self, code: str, redirect: str, verifier: str) -> dict[str, Any]:
        """Return the tokens that the provider gives for a code."""
        known, secret = self._known(), self.client.client_secret
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        headers = {}
        if secret is None:
            form["client_id"] = self.client.client_id
        elif "client_secret_basic" in known.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            pair = f"{quote_plus(self.client.client_id)}:{quote_plus(secret.get_secret_value())}"  # RFC 6749, 2.3.1
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self.client.client_id, "client_secret": secret.get_secret_value()}
        return self._fetched("POST", known["token_endpoint"], data=form, headers=headers)

    def _claims(self, token: Any, nonce: str, now: float) -> dict[str, Any]:
        """Return what an id token says, having checked all of it."""
        if not isinstance(token, str):
            raise _NotBelievedError("there is no id token")
        try:
            claims = _signed_by(token, self._provider_keys())
        except _UnverifiedError:  # the provider may have changed its keys since they were read
            claims = _signed_by(token, self._provider_keys(anew=True))
        rules = JWTClaimsRegistry(
            now=int(now),
            leeway=CLOCK_SKEW_S,
            iss={"essential": True, "value": self.client.issuer},
            aud={"essential": True, "value": self.client.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            rules.validate(claims)
        except JoseError as error:
            raise _NotBelievedError(f"the id token: {error}") from error
        party, audience = claims.get("azp"), claims["aud"]
        if (party is None and isinstance(audience, list) and len(audience) > 1) or (
            party is not None and party != self.client.client_id
        ):
            raise _NotBelievedError(f"the id token is for {party!r} of {audience!r}")
        told = claims.get("nonce")
        if not isinstance(told, str) or not hmac.compare_digest(told.encode(), nonce.encode()):
            raise _NotBelievedError("the id token has another nonce")
        if len(claims["sub"]) > LONGEST_SUBJECT:
            raise _NotBelievedError("the subject is too long")
        return claims

    def _provider_keys(self, anew: bool = False) -> KeySet:
        known = self._known()
        with self._key_lock:
            keys = self._keys
            if keys is None or anew:
                keys = self._keys = _key_set(self._fetched("GET", known["jwks_uri"]))
            return keys

    def _more_about(self, subject: str, access_token: Any) -> dict[str, Any]:
        """Return what the provider says about a person elsewhere than in the id token, {} where it says nothing."""
        endpoint = self._known().get("userinfo_endpoint")
        if not isinstance(endpoint, str) or not isinstance(access_token, str):
            return {}
        said = self._fetched("GET", endpoint, headers={"Authorization": f"Bearer {access_token}"})
        if said.get("sub") != subject:  # Core 1.0, 5.3.2
            raise _NotBelievedError("it speaks of somebody else than the id token")
        return said

    def _fetched(self, method: str, address: str, **options: Any) -> dict[str, Any]:
        """Return a JSON object from the provider, which may be neither large, slow, nor elsewhere."""
        if not may_be_asked(address):
            raise _NotBelievedError(f"{address} is not https")
        end = time.monotonic() + 2 * self.timeout_s
        options["headers"] = {"Accept": "application/json", **options.get("headers", {})}
        body = b""
        with (
            httpx.Client(timeout=self.timeout_s, follow_redirects=False) as http,
            http.stream(method, address, **options) as response,
        ):
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER_BYTES or time.monotonic() > end:
                    raise _NotBelievedError(f"the answer of {address} is too large or too slow")
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        if response.status_code != 200:
            fault = said.get("error") if isinstance(said, dict) else None
            raise _NotBelievedError(f"{address} answers {response.status_code} ({str(fault)[:80]!r})")
        if not isinstance(said, dict):
            raise _NotBelievedError(f"{address} answers no JSON object")
        return said

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Let a few ask at once; log what is wrong with the provider, and tell users that they cannot come in now."""
        if not self._slots.acquire(blocking=False):
            fault = "too many people log in this way at this moment"
            raise ProviderError(self.client.name, fault, "start again from the log-in page in a moment")
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            logger.warning("the identity provider cannot be reached: %s: %.300s", type(error).__name__, error)
            raise ProviderError(
                self.client.name, "it does not answer", "try again in a moment, or log in with a password"
            ) from error
        except _NotBelievedError as error:
            logger.warning("the identity provider is not believed: %.300s", error)
            raise ProviderError(
                self.client.name,
                "its answer cannot be used",
                "start again from the log-in page; if it stays so, tell whoever runs this site",
            ) from error
        finally:
            self._slots.release()


def _check_metadata(found: dict[str, Any], issuer: str) -> None:
    if found.get("issuer") != issuer:
        raise _NotBelievedError(f"it calls itself {found.get('issuer')!r}; ECGR1_OIDC_ISSUER must be exactly that")
    for name in _ENDPOINTS:
        if not isinstance(found.get(name), str) or not may_be_asked(found[name]):
            raise _NotBelievedError(f"its {name} is missing or not https")


def _key_set(said: dict[str, Any]) -> KeySet:
    """Return the public keys of a JWK set; what is no key that can be used is left out (RFC 7517, section 5)."""
    keys: list[Key] = []
    listed = said.get("keys")
    for one in listed if isinstance(listed, list) else []:
        kind = _KEY_TYPES.get(str(one.get("kty"))) if isinstance(one, dict) else None
        if kind is None:
            continue
        try:
            keys.append(kind.import_key(one))
        except (JoseError, ValueError, TypeError, KeyError) as error:
            logger.info("a key of the identity provider is left out: %s", error)
    if not keys:
        raise _NotBelievedError("it has no keys")
    return KeySet(keys)


def _signed_by(token: str, keys: KeySet) -> dict[str, Any]:
    """Return the claims of a token that one of the keys has signed, by an algorithm that needs a private key."""
    rules = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    try:
        return jwt.decode(token, keys, algorithms=list(ALGORITHMS), registry=rules).claims
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise _UnverifiedError(f"the id token: {error}") from error


def _verified_email(claims: dict[str, Any]) -> str | None:
    email = claims.get("email")
    return email if isinstance(email, str) and email and claims.get("email_verified") is True else None
