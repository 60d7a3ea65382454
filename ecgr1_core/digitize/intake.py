"""Opens what somebody hands in as a page (photograph, scan, PDF) as one picture and, of a PDF, its lines and letters.

Every fault of the file is one sentence. Sizes are checked before anything is decoded, large pictures are made smaller,
and PDFs are read in a process of their own. The module does not know what an ECG looks like: of a file of several
pages it opens the first, or the one that is asked for, and says so.
"""

from __future__ import annotations

import io
import json
import logging
import math
import os
import signal
import struct
import subprocess
import sys
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

import ecgr1_core
from ecgr1_core.digitize.pieces import Pixels, RasterPage
from ecgr1_core.errors import DamagedFileError, InputError, UnknownFormatError, UnsuitableRecordingError
from ecgr1_core.formats.bundle import check_file, read_bytes
from ecgr1_core.formats.kinds import kind_of
from ecgr1_core.pdf.drawing import MM_PER_INCH, Drawing, Stroke, Style

MAX_FILE_MB = 200
MAX_PX = 120_000_000  # of the file: 12,000 × 10,000
WORKING_PX = 24_000_000  # a larger picture is made smaller by a whole number
LEAST_LONG_SIDE_PX = 500  # ten seconds at 2 pixels to the millimetre
COARSE_LONG_SIDE_PX = 1100  # A4 at about 100 dpi
LIKELY_DPI = (30.0, 2400.0)
LIKELY_SIDE_MM = 610.0  # a picture of a longer page than this has a dpi that somebody's program made up
PDF_TIME_S = 10.0  # of the processor
_PDF_WAIT_S = 60.0  # on a machine that is busy

_log = logging.getLogger(__name__)
_PILLOW_FORMATS = {
    "a JPEG image": "JPEG",
    "a PNG image": "PNG",
    "a GIF image": "GIF",
    "a TIFF image": "TIFF",
    "a BMP image": "BMP",
    "a WebP image": "WEBP",
}
_READ = "give a PNG, JPEG, TIFF, WebP or BMP image, or a PDF"
_CHOOSE = "choose a page by its number"
# what Pillow's decoders raise for bytes that do not fit together
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)

# the size is checked here, with a sentence, before anything is decoded
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@dataclass(frozen=True, eq=False)
class OpenedPage:
    """Page number `page` (from 1) of `pages`: as a picture, and as a drawing where it comes from a PDF.

    `notes` are sentences on what was done to it or what is doubtful about it.
    """

    raster: RasterPage
    drawing: Drawing | None
    page: int
    pages: int
    notes: tuple[str, ...]


def open_page(source: Path | bytes, *, name: str | None = None, page: int | None = None) -> OpenedPage:
    """Open page number `page` (from 1; None: the first) of an image or a PDF; `name` is for messages.

    Raises `InputError`: for a file that is empty, too large, damaged, locked by a password or of another kind, for a
    page that is not there, and for a picture that is too large (`MAX_PX`) or too coarse (`LEAST_LONG_SIDE_PX`).
    """
    subject = name or (source.name if isinstance(source, Path) else "the page")
    data = _bytes_of(source, subject)
    kind = "a PDF document" if b"%PDF-" in data[:1024] else kind_of(data[:4096])
    if page is not None and page < 1:
        raise InputError(subject, f"there is no page {page}", _CHOOSE)
    if kind == "a PDF document":
        opened = _open_pdf(data, subject, page or 1)
    elif kind in _PILLOW_FORMATS:
        opened = _open_image(data, _PILLOW_FORMATS[kind], subject, page or 1)
    elif kind == "a HEIC image":
        raise UnknownFormatError(subject, "it is a HEIC image, which is not read", "save the photograph as JPEG")
    else:
        fault = f"it is {kind}, not a page" if kind else "it is neither an image nor a PDF"
        raise UnknownFormatError(subject, fault, _READ)
    if page is None and opened.pages > 1:
        chosen = f"The file has {opened.pages} pages, and the first was opened; {_CHOOSE}."
        return OpenedPage(opened.raster, opened.drawing, opened.page, opened.pages, (chosen, *opened.notes))
    return opened


def is_page(path: Path) -> bool:
    """Whether a file begins as an image or a PDF does; False for a folder and for what cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return b"%PDF-" in head[:1024] or kind_of(head) in (*_PILLOW_FORMATS, "a HEIC image")


def opened_image(image: Image.Image, name: str) -> OpenedPage:
    """Return a picture in memory as an opened page; InputError for one that is too large or too coarse."""
    _check_size(image.size, name)
    return OpenedPage(RasterPage(np.asarray(image.convert("RGB")), _dpi_of(image), name), None, 1, 1, ())


def _bytes_of(source: Path | bytes, subject: str) -> bytes:
    if isinstance(source, Path):
        check_file(source, MAX_FILE_MB)
        return read_bytes(source)
    if not source:
        raise DamagedFileError(subject, "the file is empty (0 bytes)", "export or upload it again")
    if len(source) > MAX_FILE_MB * 1024 * 1024:
        raise UnsuitableRecordingError(subject, f"it is larger than {MAX_FILE_MB} MiB", "give that page alone")
    return source


def _open_image(data: bytes, pillow_format: str, subject: str, page: int) -> OpenedPage:
    try:
        with Image.open(io.BytesIO(data), formats=(pillow_format,)) as image:
            pages = int(getattr(image, "n_frames", 1)) if pillow_format == "TIFF" else 1
            if page > pages:
                raise _no_such_page(subject, page, pages)
            if page > 1:
                image.seek(page - 1)
            _check_size(image.size, subject)
            dpi = _dpi_of(image)
            pixels, factor = _decoded(image)
    except Image.DecompressionBombError as error:
        raise UnsuitableRecordingError(
            subject, f"the image has more than {MAX_PX // 10**6} million pixels", "scan it at 300 dpi"
        ) from error
    except UnidentifiedImageError as error:
        raise DamagedFileError(subject, "the image is damaged at its beginning", "export or upload it again") from error
    except _BROKEN as error:
        raise DamagedFileError(
            subject, f"the {pillow_format} image is damaged or cut off", "export or upload it again"
        ) from error
    height, width = pixels.shape[:2]
    notes = []
    if factor > 1:
        notes.append(f"The picture was made smaller by a factor of {factor}, to {width} × {height} pixels.")
    if max(width, height) < COARSE_LONG_SIDE_PX:
        notes.append(f"The picture is coarse ({width} × {height} pixels), small waves may be lost; scan it at 200 dpi.")
    dpi = dpi / factor if dpi is not None else None
    return OpenedPage(RasterPage(pixels, dpi, subject), None, page, pages, tuple(notes))


def _check_size(size: tuple[int, int], subject: str) -> None:
    width, height = size
    if width * height > MAX_PX:
        raise UnsuitableRecordingError(
            subject,
            f"the image has {width} × {height} pixels, over the limit of {MAX_PX // 10**6} million",
            "scan it at 300 dpi",
        )
    if max(size) < LEAST_LONG_SIDE_PX:
        raise UnsuitableRecordingError(
            subject,
            f"the image is too coarse to read a trace from ({width} × {height} pixels)",
            "scan the page at 200 dpi or more, or photograph it so that it fills the picture",
        )


def _decoded(image: Image.Image) -> tuple[Pixels, int]:
    """Return an image, upright, as RGB [height, width, 3] on white, and the whole number it was made smaller by."""
    factor = math.ceil(math.sqrt(image.width * image.height / WORKING_PX))
    full_size = image.size
    if factor > 1 and image.format == "JPEG":
        image.draft("RGB", (image.width // factor, image.height // factor))  # decodes at a half, a quarter, an eighth
    image.load()
    left = math.ceil(factor * image.width / full_size[0])
    even = _eight_bits(image)
    upright = ImageOps.exif_transpose(even.reduce(left) if left > 1 else even)
    if upright.mode in ("LA", "La", "RGBA", "RGBa"):
        paper = Image.new("RGBA", upright.size, "white")
        paper.alpha_composite(upright.convert("RGBA"))
        upright = paper
    return np.asarray(upright.convert("RGB")), factor


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return an image in a mode of 8 bits that can be made smaller by averaging."""
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode == "PA":
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("L", "RGB") and "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode == "I" or image.mode == "F" or image.mode.startswith("I;16"):
        grey = Image.fromarray(_to_eight_bits(np.asarray(image)))
        grey.info["exif"] = image.info.get("exif", b"")
        return grey
    return image


def _to_eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return grey values of more than 8 bits as 0 to 255: 12 or 16 bits by their range, others from least to most."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low >= 0 and 255 < high <= 65535:
        low, high = 0.0, 4095.0 if high <= 4095 else 65535.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    if np.issubdtype(values.dtype, np.uint16) and high == 65535.0:
        return (values >> 8).astype(np.uint8)
    scaled = (values.astype(np.float32) - low) * (255.0 / max(high - low, 1e-9))
    return np.asarray(np.nan_to_num(scaled).clip(0, 255), dtype=np.uint8)


def _dpi_of(image: Image.Image) -> float | None:
    """Return the resolution that the file claims, None where it claims none or one that cannot be."""
    claimed = image.info.get("dpi")
    if not isinstance(claimed, tuple) or len(claimed) != 2:
        return None
    x, y = (float(value) for value in claimed)
    if not (LIKELY_DPI[0] <= x <= LIKELY_DPI[1] and abs(x - y) <= 0.02 * x):
        return None
    return x if max(image.size) / x * MM_PER_INCH <= LIKELY_SIDE_MM else None


def _open_pdf(data: bytes, subject: str, page: int) -> OpenedPage:
    answer = _ask_pdfium(data, subject, page)
    about = json.loads(answer["about"].tobytes())
    fault, pages = about.get("fault"), int(about["pages"])
    if fault == "password":
        raise InputError(subject, "the PDF is locked by a password", "save it without a password")
    if fault == "page":
        raise _no_such_page(subject, page, pages)
    if fault == "size":
        raise UnsuitableRecordingError(subject, f"page {page} has no size that paper has", "print the page again")
    if fault is not None:
        raise DamagedFileError(subject, "the PDF is damaged or cut off", "export or upload it again")
    dpi = float(about["dpi"])
    drawing = Drawing(
        width_mm=float(about["width_mm"]),
        height_mm=float(about["height_mm"]),
        px_per_mm=dpi / MM_PER_INCH,
        strokes=_strokes(answer),
        letters=str(about["letters"]),
        letter_boxes_mm=answer["letter_boxes_mm"],
        letter_turns=answer["letter_turns"],
        image_share=float(about["image_share"]),
    )
    raster = RasterPage(answer["pixels"], dpi, subject)
    notes = () if about["has_lines"] else ("The PDF page has too many lines; it is read as a picture.",)
    return OpenedPage(raster, drawing if about["has_lines"] else None, page, pages, notes)


def _strokes(answer: dict[str, npt.NDArray[Any]]) -> tuple[Stroke, ...]:
    cuts = np.cumsum(answer["lengths"])[:-1]
    lines = np.split(answer["points_mm"], cuts) if answer["lengths"].size else []
    return tuple(
        Stroke(
            points, Style(int(red), int(green), int(blue), width), bool(filled), (clip[0], clip[1], clip[2], clip[3])
        )
        for points, (red, green, blue, width), filled, clip in zip(
            lines, answer["styles"].tolist(), answer["filled"].tolist(), answer["clips_mm"].tolist(), strict=True
        )
    )


def _ask_pdfium(data: bytes, subject: str, page: int) -> dict[str, npt.NDArray[Any]]:
    """Return what `ecgr1_core.pdf.page` answers, from a process of its own."""
    root = str(Path(ecgr1_core.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ecgr1_core.pdf.page", str(page), str(math.ceil(PDF_TIME_S))]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_PDF_WAIT_S, env=environment)
    except subprocess.TimeoutExpired as error:
        raise _too_long(subject) from error
    if sys.platform != "win32" and done.returncode == -signal.SIGXCPU:
        raise _too_long(subject)
    if done.returncode != 0:
        _log.warning(
            "ecgr1_core.pdf.page ended with %s: %s", done.returncode, done.stderr.decode(errors="replace")[-2000:]
        )
        raise DamagedFileError(
            subject, f"the PDF page cannot be read (the reader ended with {done.returncode})", "give it as an image"
        )
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def _too_long(subject: str) -> InputError:
    return UnsuitableRecordingError(
        subject, f"the PDF page takes longer than {PDF_TIME_S:g} s to read", "give that page as an image"
    )


def _no_such_page(subject: str, page: int, pages: int) -> InputError:
    held = "1 page" if pages == 1 else f"{pages} pages"
    return InputError(subject, f"there is no page {page}, the file has {held}", _CHOOSE)
