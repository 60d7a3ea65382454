"""What a caller asks for: a chat request in OpenAI's form, turned into a reader, what it is to see, and its options.

The recording and the page come as parts of the user's messages: `input_ecg` (`ecgr1_core.readers.ecg_part`) and
`image_url` with a data URL. Their order is the modality. Addresses of pictures are never fetched. Text is taken and
left unused: a reader asks its model what it was trained to be asked.
"""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass
from typing import Any

from PIL import Image, UnidentifiedImageError
from pydantic import BaseModel, ConfigDict, Field

from ecgr1_core.errors import InputError, UnsupportedModalityError
from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.readers import Reader, ReadingOptions
from ecgr1_core.readers.ecg_part import decode_part
from ecgr1_core.record import EcgRecord

ORDER: dict[tuple[str, ...], Modality] = {
    ("input_ecg",): "signal",
    ("image_url",): "image",
    ("input_ecg", "image_url"): "both",
    ("image_url", "input_ecg"): "swapped",
}
LARGEST_PAGE_PIXELS = 50_000_000
_DATA_URL = "data:image/"


class ImageUrl(BaseModel):
    """A picture; only a data URL is taken."""

    url: str


class Part(BaseModel):
    """One part of a message; other fields of other kinds of parts are left unused."""

    model_config = ConfigDict(extra="allow")

    type: str
    text: str | None = None
    image_url: ImageUrl | None = None


class Message(BaseModel):
    """One message: plain text, or parts."""

    role: str
    content: str | list[Part] | None = None


class StreamOptions(BaseModel):
    """How a stream ends."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A request in the form of OpenAI's chat completions, as far as a reader heeds it; the rest is left unused."""

    model: str
    messages: list[Message] = Field(min_length=1, max_length=100)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Asked:
    """A reading that can be made: who reads, what is seen, how it is written."""

    reader: Reader
    view: ModalityView
    options: ReadingOptions | None


def asked_of(request: ChatRequest, reader: Reader) -> Asked:
    """Return what the request asks of `reader`.

    Raises InputError for attachments that are missing, damaged or too many, UnsupportedModalityError where the reader
    cannot look at them.
    """
    parts = [
        part
        for message in request.messages
        if message.role == "user" and isinstance(message.content, list)
        for part in message.content
        if part.type != "text"
    ]
    kinds = tuple(part.type for part in parts)
    modality = ORDER.get(kinds)
    if modality is None:
        found = ", ".join(kinds) or "none"
        raise InputError(
            "messages",
            f"they hold these attachments: {found}",
            "attach one input_ecg, one image_url with a data URL, or one of each",
        )
    if modality not in reader.modalities:
        raise UnsupportedModalityError(
            "messages",
            f"the reader {reader.name!r} cannot look at the modality {modality!r}",
            f"attach what it can look at: {', '.join(reader.modalities)}",
        )
    record: EcgRecord | None = None
    page: Image.Image | None = None
    for part in parts:
        if part.type == "input_ecg":
            record = decode_part(part.model_dump(exclude_none=True))
        else:
            page = page_of(part)
    view = ModalityView(modality, record, page, None if page is None else "upload")
    return Asked(reader, view, _options(request, reader))


def page_of(part: Part) -> Image.Image:
    """Return the picture of an `image_url` part; InputError for an address, and for what is no picture or too large."""
    url = "" if part.image_url is None else part.image_url.url
    kind, _, encoded = url.partition(";base64,")
    if not kind.startswith(_DATA_URL) or not encoded:
        raise InputError("image_url", "it is no data URL", "send the page as data:image/png;base64,…")
    try:
        image = Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)))
        if image.width * image.height > LARGEST_PAGE_PIXELS:
            raise InputError(
                "image_url",
                f"the page has {image.width} × {image.height} pixels",
                f"send at most {LARGEST_PAGE_PIXELS // 10**6} million",
            )
        image.load()
    except (
        binascii.Error, UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError,
    ) as error:  # fmt: skip
        raise InputError("image_url", "it cannot be read as a picture", "send the page as PNG or JPEG") from error
    return image.convert("RGB")


def _options(request: ChatRequest, reader: Reader) -> ReadingOptions | None:
    """Return the options; a reader that draws no tokens leaves them unused, as callers often send them anyway."""
    if not reader.generative:
        return None
    return ReadingOptions(
        max_new_tokens=request.max_completion_tokens or request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed,
    )


def model_entry(reader: Reader) -> dict[str, Any]:
    """Return a reader as an entry of OpenAI's list of models, with what it can look at."""
    return {
        "id": reader.name,
        "object": "model",
        "created": 0,
        "owned_by": "ecgr1",
        "version": reader.version,
        "modalities": list(reader.modalities),
        "unavailable": reader.unavailable,
    }
