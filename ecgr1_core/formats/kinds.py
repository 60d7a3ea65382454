"""Says in words what a file is that is no recording, from its first bytes, so that a message can name it."""

from __future__ import annotations

import codecs

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"GIF8", "a GIF image"),
    (0, b"II*\x00", "a TIFF image"),
    (0, b"MM\x00*", "a TIFF image"),
    (0, b"BM", "a BMP image"),
    (8, b"WEBP", "a WebP image"),
    (4, b"ftyphei", "a HEIC image"),
    (4, b"ftypmif", "a HEIC image"),
    (4, b"ftyp", "a video"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"MATLAB 5.0", "a MATLAB 5 file"),
    (0, b"MATLAB 7.3", "a MATLAB 7.3 file"),
    (0, b"\x93NUMPY", "a NumPy array file"),
    (0, b"PAR1", "a Parquet table"),
    (0, b"\xd0\xcf\x11\xe0", "an old Office document"),
    (0, b"0       ", "an EDF file"),
    (0, b"\xffBIOSEMI", "a BDF file"),
    (0, b"ISHNE1.0", "an ISHNE Holter file"),
    (16, b"SCPECG", "an SCP-ECG file"),
    (0, b"\x80\x04\x95", "a Python pickle, which is never opened"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
)
IMAGE_KINDS = (
    "a JPEG image",
    "a PNG image",
    "a GIF image",
    "a TIFF image",
    "a BMP image",
    "a WebP image",
    "a HEIC image",
)


def kind_of(head: bytes) -> str | None:
    """Return what a file with these first bytes is ("a JPEG image"), or None where the bytes have no known form."""
    for offset, signature, kind in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return kind
    text = decode_text(head)
    if text is None:
        return None
    start = text.lstrip().casefold()
    if start.startswith(("<!doctype html", "<html")):
        return "a web page"
    if start.startswith("<"):
        return "an XML file"
    return "a JSON file" if start.startswith(("{", "[")) else "text"


def decode_text(data: bytes) -> str | None:
    """Return `data` as text (UTF-8, UTF-16 with its mark, else Latin-1), or None where it is binary.

    A multi-byte character cut off at the end is dropped. Latin-1 is taken only where there are no control characters.
    """
    encoding = text_encoding(data)
    return None if encoding is None else data.decode(encoding, errors="ignore")


def text_encoding(data: bytes) -> str | None:
    """Return the encoding of the text that begins with `data`, or None where it is binary."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if any(byte < 32 and byte not in b"\t\n\r\f\v" for byte in data):
        return None
    try:
        codecs.getincrementaldecoder("utf-8-sig")().decode(data)
    except UnicodeDecodeError:
        return "latin-1" if not any(0x80 <= byte < 0xA0 for byte in data) else None
    return "utf-8-sig"
