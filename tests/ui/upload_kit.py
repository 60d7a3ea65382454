"""Pages of ECGs for the tests of the pages that show them, drawn by the program from one synthetic recording."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ecgr1_core.record import EcgRecord, Patient
from ecgr1_core.render.page_style import PageStyle
from ecgr1_core.render.sheets import draw_sheet

RATE_HZ = 500.0
WITHOUT_SCALES = PageStyle(spacing="even", pulse="none", scales_place="none")


def heart() -> EcgRecord:
    """Eleven beats of smooth waves; limb leads that follow from I and II, chest leads with shapes of their own."""
    times = np.arange(round(10 * RATE_HZ)) / RATE_HZ
    beats = (np.arange(11) + 0.4) * 10 / 11

    def lead(p: float, r: float, s: float, t: float) -> np.ndarray:
        waves = ((-0.16, 0.025, p), (0.0, 0.011, r), (0.028, 0.010, s), (0.26, 0.05, t))
        total = np.zeros_like(times)
        for beat in beats:
            for at, width, height in waves:
                total += height * np.exp(-0.5 * ((times - beat - at) / width) ** 2)
        return total

    one, two = lead(0.10, 0.7, -0.15, 0.2), lead(0.14, 1.1, -0.2, 0.3)
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    chest = [lead(0.08, 0.2 + 0.25 * n, -1.0 + 0.18 * n, 0.1 + 0.05 * n) for n in range(6)]
    return EcgRecord(np.stack([*limb, *chest]).astype(np.float32), RATE_HZ, name="heart", patient=Patient(61, "F"))


def drawn(style: PageStyle | None = None) -> Image.Image:
    """Return a page of the heart."""
    return draw_sheet(heart(), style or PageStyle()).image


def tilted(image: Image.Image) -> tuple[Image.Image, list[tuple[float, float]]]:
    """Return a page as a photograph from one side shows it, on a dark table, and the corners of its sheet there."""
    width, height = image.size
    corners = [(60.0, 90.0), (width - 10.0, 40.0), (width - 70.0, height - 30.0), (20.0, height - 80.0)]
    return warped(image, corners), corners


def warped(image: Image.Image, corners: Sequence[tuple[float, float]]) -> Image.Image:
    """Return an image of the same size with its four corners at other places, on grey."""
    import cv2

    width, height = image.size
    own = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    there = cv2.getPerspectiveTransform(own, np.array(corners, dtype=np.float32))
    pixels = cv2.warpPerspective(
        np.asarray(image), there, (width, height), flags=cv2.INTER_AREA, borderValue=(70, 66, 60)
    )
    return Image.fromarray(np.asarray(pixels, dtype=np.uint8))


def saved(image: Image.Image, path: Path, *others: Image.Image) -> Path:
    """Write a page, or a PDF of several, and return its path."""
    if others:
        image.save(path, save_all=True, append_images=list(others), resolution=150)
    else:
        image.save(path)
    return path


def png(image: Image.Image) -> bytes:
    """Return a page as a file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
