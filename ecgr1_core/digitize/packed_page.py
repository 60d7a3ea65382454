"""An opened page as bytes, and back: its picture and, of a PDF, its lines and letters, without the file it came from.

A page of which something was hidden is kept so: the file that was uploaded still shows what was hidden, this does not.
It is one NumPy archive after a line of its own, with the picture as PNG, or as JPEG where that would be too large.
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from PIL import Image

from ecgr1_core.digitize.intake import OpenedPage
from ecgr1_core.digitize.pieces import Pixels, RasterPage
from ecgr1_core.pdf.drawing import Drawing, Stroke, Style

_MARK = b"ECG-R1 page 1\n"
_JPEG_QUALITY = 95  # without subsampling of colours: the lines of a grid keep theirs


def is_packed(content: bytes) -> bool:
    """Whether bytes are what `packed` gives."""
    return content.startswith(_MARK)


def packed(opened: OpenedPage, most_bytes: int) -> bytes:
    """Return an opened page as bytes; its picture without loss, or as a JPEG where it has more than `most_bytes`."""
    raster, drawing = opened.raster, opened.drawing
    about: dict[str, Any] = {"dpi": raster.dpi, "notes": opened.notes, "drawing": None}
    arrays: dict[str, Any] = {}
    if drawing is not None:
        about["drawing"] = {
            "width_mm": drawing.width_mm,
            "height_mm": drawing.height_mm,
            "px_per_mm": drawing.px_per_mm,
            "letters": drawing.letters,
            "image_share": drawing.image_share,
        }
        arrays = _lines(drawing)
    file = io.BytesIO()
    about_it = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    picture = np.frombuffer(_picture(raster.pixels, most_bytes), dtype=np.uint8)
    np.savez_compressed(file, about=about_it, picture=picture, **arrays)
    return _MARK + file.getvalue()


def unpacked(content: bytes, name: str) -> OpenedPage:
    """Return the page that was packed, as page 1 of 1; `name` is for messages. ValueError for bytes that are none."""
    if not is_packed(content):
        raise ValueError("these bytes are no packed page")
    with np.load(io.BytesIO(content[len(_MARK) :]), allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    about = json.loads(arrays["about"].tobytes())
    with Image.open(io.BytesIO(arrays["picture"].tobytes()), formats=("PNG", "JPEG")) as image:
        pixels = np.asarray(image.convert("RGB"))
    drawing = None if about["drawing"] is None else _drawing(about["drawing"], arrays)
    return OpenedPage(RasterPage(pixels, about["dpi"], name), drawing, 1, 1, tuple(about["notes"]))


def _picture(pixels: Pixels, most_bytes: int) -> bytes:
    image, file = Image.fromarray(pixels), io.BytesIO()
    image.save(file, "PNG", compress_level=6)
    if len(file.getvalue()) > most_bytes:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return file.getvalue()


def _lines(drawing: Drawing) -> dict[str, Any]:
    strokes = drawing.strokes
    return {
        "points_mm": np.concatenate([stroke.points_mm for stroke in strokes]) if strokes else np.zeros((0, 2)),
        "lengths": np.array([len(stroke.points_mm) for stroke in strokes], dtype=np.int64),
        "styles": np.array([stroke.style for stroke in strokes], dtype=np.float64).reshape(-1, 4),
        "filled": np.array([stroke.filled for stroke in strokes], dtype=np.bool_),
        "clips_mm": np.array([stroke.clip_mm for stroke in strokes], dtype=np.float64).reshape(-1, 4),
        "letter_boxes_mm": drawing.letter_boxes_mm,
        "letter_turns": drawing.letter_turns,
    }


def _drawing(about: dict[str, Any], arrays: dict[str, Any]) -> Drawing:
    ends = np.cumsum(arrays["lengths"]).tolist()
    strokes = tuple(
        Stroke(
            arrays["points_mm"][end - count : end],
            Style(int(red), int(green), int(blue), width),
            bool(filled),
            (clip[0], clip[1], clip[2], clip[3]),
        )
        for end, count, (red, green, blue, width), filled, clip in zip(
            ends, arrays["lengths"].tolist(), arrays["styles"].tolist(), arrays["filled"], arrays["clips_mm"].tolist(),
            strict=True,
        )
    )  # fmt: skip
    return Drawing(
        **about, strokes=strokes, letter_boxes_mm=arrays["letter_boxes_mm"], letter_turns=arrays["letter_turns"]
    )
