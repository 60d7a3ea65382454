"""Pseudonyms: short codes that stand for the name of a recording, for a patient, or for a file's samples.

A code is a keyed hash (HMAC-SHA-256, RFC 2104). Without the key nobody can find the name by trying names; with the key
the same name always gives the same code. That of a recording's name does not stand for a person: two recordings of one
patient have two such codes, two files of one name the same.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import unicodedata
from pathlib import Path

from ecgr1_core.errors import InputError

LEAST_KEY_BYTES = 16
_KEY_BYTES = 32
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_CODE_LETTERS = 8


def pseudonym(name: str, key: bytes) -> str:
    """Return the code of a name, "R-7F3K-9QXD": 40 bits of its HMAC-SHA-256 under `key`, in Crockford's base 32.

    Names that look alike in Unicode (composed or not) have the same code. Raises ValueError for a key shorter than 16
    bytes, which could be guessed.
    """
    return f"R-{keyed_code(unicodedata.normalize('NFC', name).encode(), key)}"


def keyed_code(content: bytes, key: bytes) -> str:
    """Return the code of content, "7F3K-9QXD", of `keyed_number`; ValueError for a key shorter than 16 bytes."""
    number = keyed_number(content, key)
    code = "".join(_LETTERS[number >> 5 * place & 31] for place in reversed(range(_CODE_LETTERS)))
    return f"{code[:4]}-{code[4:]}"


def keyed_number(content: bytes, key: bytes) -> int:
    """Return 40 bits of the HMAC-SHA-256 of content; ValueError for a key shorter than 16 bytes."""
    if len(key) < LEAST_KEY_BYTES:
        raise ValueError(f"key must have at least {LEAST_KEY_BYTES} bytes, got {len(key)}")
    return int.from_bytes(hmac.new(key, content, hashlib.sha256).digest()[:5], "big")


def key_from(path: Path) -> bytes:
    """Return the key that a file holds; a file that is not there is made, with a random key, for its owner only.

    Raises InputError where it cannot be read or made, or is shorter than 16 bytes.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
        else:
            key = secrets.token_bytes(_KEY_BYTES)
            with os.fdopen(handle, "wb") as file:
                file.write(key)
    except OSError as error:
        fault = f"the key of the pseudonyms cannot be read or made ({error.strerror or error})"
        raise InputError(path, fault, "give a file that can") from error
    if len(key) < LEAST_KEY_BYTES:
        raise InputError(
            path,
            f"the key of the pseudonyms has {len(key)} bytes, fewer than {LEAST_KEY_BYTES}",
            "give a longer one, or the name of a file that does not exist yet to have one made",
        )
    return key
