"""A small OpenID Connect provider on this machine: strict as a good one is, and able to do each thing wrong.

It signs with `cryptography` itself, not with the library that the program checks signatures with.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "ecg-review", "s3cret & ünusual"
_Key = rsa.RSAPrivateKey


def new_key() -> _Key:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


KEY = new_key()


@dataclass
class Provider:
    """What the provider is set to do; tests change it while it runs.

    `person` are the claims of who is logged in there, `changed` claims of the id token put over them (None: left out),
    `header` likewise of its header. With `asks` a page asks the person first. `says` are bodies and `hangs` seconds of
    silence by path.
    """

    port: int
    host: str = "127.0.0.1"
    redirect: str = ""
    secret: str | None = SECRET
    auth_methods: list[str] | None = None
    person: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    logged_in_at: float | None = None
    key: _Key = KEY
    kid: str = "one"
    signs_with: _Key | None = None
    asks: bool = False
    says: dict[str, bytes] = field(default_factory=dict)
    hangs: dict[str, float] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"http://{self.host}:{self.port}"

    def discovery(self) -> dict[str, Any]:
        known: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=7",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        if self.auth_methods is not None:
            known["token_endpoint_auth_methods_supported"] = self.auth_methods
        if self.userinfo is not None:
            known["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        return known | self.metadata

    def jwks(self) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": _number(numbers.n),
            "e": _number(65537),
        }
        return {"keys": [{"kty": "future", "kid": "zero"}, {"kty": "EC", "crv": "none", "kid": "x"}, key]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where the browser goes: the person is logged in here and agrees."""
        assert asked["tenant"] == "7", "the endpoint's own query must be kept"
        assert (asked["response_type"], asked["client_id"], asked["redirect_uri"]) == ("code", CLIENT, self.redirect)
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        self.asked.append(asked)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{self.redirect}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def token(self, form: dict[str, str], authorization: str | None) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)
        if not self._is_client(form, authorization):
            return 401, {"error": "invalid_client"}
        verifier = form.get("code_verifier", "")
        if (
            asked is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != self.redirect
            or _b64(hashlib.sha256(verifier.encode()).digest()) != asked["code_challenge"]
            or not 43 <= len(verifier) <= 128
        ):
            return 400, {"error": "invalid_grant"}
        now = time.time()
        proved = now if asked.get("prompt") == "login" else now - 3600
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": int(now), "exp": int(now) + 300, "nonce": asked["nonce"],
                  "auth_time": int(self.logged_in_at or proved)} | self.person | self.changed  # fmt: skip
        token = self.signed({name: value for name, value in claims.items() if value is not None})
        self.tokens.append(token)
        return 200, {"access_token": "the-access-token", "token_type": "Bearer", "id_token": token}

    def signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": "RS256", "typ": "JWT", "kid": self.kid, "x-of-its-own": 1} | self.header
        signed = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"
        if header["alg"] == "none":
            return f"{signed}."
        if header["alg"] == "HS256":  # with the public key as the secret, which a careless check takes for right
            mac = hmac.new(json.dumps(self.jwks()["keys"][2]).encode(), signed.encode(), hashlib.sha256).digest()
            return f"{signed}.{_b64(mac)}"
        signature = (self.signs_with or self.key).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_b64(signature)}"

    def _is_client(self, form: dict[str, str], authorization: str | None) -> bool:
        if self.secret is None:
            return authorization is None and "client_secret" not in form and form.get("client_id") == CLIENT
        if self.auth_methods == ["client_secret_post"]:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, self.secret)
        if authorization is None or not authorization.startswith("Basic "):
            return False
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":")
        return [unquote_plus(each) for each in pair] == [CLIENT, self.secret]


@contextmanager
def provider(host: str = "127.0.0.1") -> Iterator[Provider]:
    """Run a provider on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    made = server.provider = Provider(port=server.server_address[1], host=host)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url, it = urlsplit(self.path), self._provider()
        if url.path == "/authorize" and it.asks:
            page = f'<form method="post" action="{escape(self.path)}"><button>I am {it.person["sub"]}</button></form>'
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())
        elif url.path == "/authorize":
            self._agree(url.query)
        elif url.path == "/.well-known/openid-configuration":
            self._say(200, it.discovery())
        elif url.path == "/jwks":
            self._say(200, it.jwks())
        elif url.path == "/userinfo" and self.headers.get("Authorization") == "Bearer the-access-token":
            self._say(200, it.userinfo or {})
        else:
            self._say(404, {"error": "not_found"})

    def do_POST(self) -> None:
        if self.path.startswith("/authorize"):
            self.rfile.read(int(self.headers["Content-Length"]))
            self._agree(urlsplit(self.path).query)
            return
        form = _single(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._say(*self._provider().token(form, self.headers.get("Authorization")))

    def _agree(self, query: str) -> None:
        self.send_response(302)
        self.send_header("Location", self._provider().authorize(_single(query)))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _provider(self) -> Provider:
        found: Provider = self.server.provider  # type: ignore[attr-defined]
        return found

    def _say(self, status: int, data: dict[str, Any]) -> None:
        it, path = self._provider(), urlsplit(self.path).path
        time.sleep(it.hangs.get(path, 0.0))
        it.paths.append(path)
        body = it.says.get(path, json.dumps(data).encode())
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the program waited no longer

    def log_message(self, *_: Any) -> None:
        """Say nothing on standard error."""


def _single(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}


def _number(value: int) -> str:
    return _b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
