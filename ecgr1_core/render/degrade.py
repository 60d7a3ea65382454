"""Wear of a page: what folding, writing, scanning and photographing do to it, its truth carried along exactly.

A `Degradation` is a list of strengths with a seed: the same one makes the same image of the same page, byte for byte.
`random_degradation` draws one of three levels. Positions change by one homography, which the truth goes through too;
all else changes only colours. The order is that of a page's life: grid and ink, folds, the camera or scanner, the file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import ConfigDict, TypeAdapter

from ecgr1_core.render import wear
from ecgr1_core.render.page_truth import corners
from ecgr1_core.render.paper import Rgb
from ecgr1_core.render.sheets import DrawnPage

Matrix = npt.NDArray[np.float64]
Tone = Literal["colour", "grey", "black and white"]
DegradeLevel = Literal["light", "medium", "heavy"]
LEVELS: tuple[DegradeLevel, ...] = ("light", "medium", "heavy")

_THRESHOLD_WINDOW_MM = 9.0
_DESKS: tuple[Rgb, ...] = ((122, 88, 60), (78, 68, 62), (150, 150, 152), (205, 202, 196), (60, 74, 92), (40, 40, 44))


@dataclass(frozen=True)
class Degradation:
    """What is done to a page; a field at its default does nothing.

    Parts are of the page's width for x and of its height for y. `corner_shifts` moves the corners (clockwise from the
    upper left, inwards or outwards) after the rotation about the middle. `surround` is how much of what lies around the
    page is seen, `crop` what of the page (left, top, right, bottom) is not.
    """

    seed: int = 0
    grid_fade: float = 0.0  # 0 to 1, everywhere
    grid_loss: float = 0.0  # part of the page on which the grid is gone
    strokes: int = 0  # words and signs by hand
    stamps: int = 0
    creases: int = 0
    crease_depth: float = 0.3  # of brightness
    rotation_deg: float = 0.0
    corner_shifts: tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]] | None = (
        None
    )
    surround: float = 0.0
    crop: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    background: Rgb = (255, 255, 255)
    texture: float = 0.0  # of the background, 0 to 1
    unevenness: float = 0.0  # of the light, 0 to 1
    shadow: float = 0.0  # 0 to 1
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)  # factors of red, green, blue
    blur_mm: float = 0.0  # standard deviation, on the paper
    noise: float = 0.0  # standard deviation, in grey levels of 0 to 255
    tone: Tone = "colour"
    threshold: float = 18.0  # black is what is darker than its surroundings by so many grey levels
    jpeg_quality: int | None = None

    __pydantic_config__ = ConfigDict(extra="forbid")


_DEGRADATION = TypeAdapter(Degradation)


def degradation_to_json(degradation: Degradation) -> dict[str, Any]:
    """Return the fields of a degradation as JSON has them."""
    return dict(_DEGRADATION.dump_python(degradation, mode="json"))


def degradation_from_json(data: object) -> Degradation:
    """Return the degradation with these fields; raises ValueError (pydantic's) for what is none."""
    return _DEGRADATION.validate_python(data)


def degrade(page: DrawnPage, degradation: Degradation) -> DrawnPage:
    """Return the page after all that `degradation` says, with its truth: RGB, or L where the tone is not colour."""
    d, truth = degradation, page.truth
    px_per_mm = sum(truth.grid_pitch_px()) / 2
    # each effect has a generator of its own, so that one does not change what another draws
    rngs = [np.random.default_rng(child) for child in np.random.SeedSequence(d.seed).spawn(7)]
    pixels = np.array(page.image.convert("RGB"))
    if d.grid_fade > 0 or d.grid_loss > 0:
        wear.lose_grid(pixels, truth.style.ink, d.grid_fade, d.grid_loss, rngs[0])
    if d.strokes:
        wear.write_by_hand(pixels, d.strokes, px_per_mm, rngs[1])
    if d.stamps:
        wear.stamp(pixels, d.stamps, px_per_mm, rngs[2])
    if d.creases:
        folded = wear.creases(pixels.shape[:2], d.creases, d.crease_depth, px_per_mm, rngs[3])
        pixels = wear.shaded(pixels, folded, (1.0, 1.0, 1.0))
    matrix, width, height = _view(page.image.width, page.image.height, d)
    if not np.array_equal(matrix, np.eye(3)) or (width, height) != page.image.size:
        pixels = _seen(pixels, matrix, (height, width), d, rngs[4])
        truth = truth.moved(matrix, width, height)
    if d.unevenness > 0 or d.shadow > 0 or d.cast != (1.0, 1.0, 1.0):
        pixels = wear.shaded(pixels, wear.light((height, width), d.unevenness, d.shadow, rngs[5]), d.cast)
    pixels = _recorded(pixels, d, sum(truth.grid_pitch_px()) / 2, rngs[6])
    image = Image.fromarray(pixels)
    image.info.update({key: value for key, value in page.image.info.items() if key == "dpi"})
    return DrawnPage(image, replace(truth, degradation=degradation_to_json(d)))


def _view(width: int, height: int, d: Degradation) -> tuple[Matrix, int, int]:
    """Return the homography from the page to what is seen of it, and the size of that."""
    size = np.array((width, height), dtype=np.float64)
    page = corners(0, 0, width, height)
    turn = math.radians(d.rotation_deg)
    turned = np.array(((math.cos(turn), -math.sin(turn)), (math.sin(turn), math.cos(turn))))
    seen = (page - size / 2) @ turned.T + size / 2
    if d.corner_shifts is not None:
        seen = seen + np.array(d.corner_shifts) * size
    low = seen.min(axis=0) - d.surround * width + np.array(d.crop[:2]) * size
    high = seen.max(axis=0) + d.surround * width - np.array(d.crop[2:]) * size
    low = np.round(low)
    across, down = (max(1, int(length)) for length in np.ceil(high - low - 1e-9))
    return _homography(page, seen - low), across, down


def _homography(source: Matrix, target: Matrix) -> Matrix:
    """Return the 3 × 3 matrix that takes four points to four points (Hartley and Zisserman 2004, section 2.3)."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
        values += [u, v]
    matrix = np.append(np.linalg.solve(np.array(rows), np.array(values)), 1.0).reshape(3, 3)
    exact = np.round(matrix, 12)
    return exact if np.allclose(exact, matrix, rtol=0, atol=1e-13) else matrix


def _seen(
    pixels: wear.Pixels, matrix: Matrix, shape: tuple[int, int], d: Degradation, rng: np.random.Generator
) -> wear.Pixels:
    """Return the page as it lies before its background."""
    to_centres = np.array(((1, 0, -0.5), (0, 1, -0.5), (0, 0, 1)))  # OpenCV counts from the centres of pixels
    by_centres = to_centres @ matrix @ np.linalg.inv(to_centres)
    size = (shape[1], shape[0])
    if d.texture == 0:
        warped = cv2.warpPerspective(
            pixels, by_centres, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=d.background
        )
        return np.asarray(warped, dtype=np.uint8)
    view = wear.desk(shape, d.background, d.texture, rng)
    cv2.warpPerspective(pixels, by_centres, size, dst=view, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    return view


def _recorded(pixels: wear.Pixels, d: Degradation, px_per_mm: float, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return what the camera or the scanner makes of the view."""
    image: npt.NDArray[np.uint8] = pixels
    if d.blur_mm > 0:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), d.blur_mm * px_per_mm), dtype=np.uint8)
    if d.noise > 0:
        shape = image.shape[:2]
        grain = rng.standard_normal(shape, dtype=np.float32) * np.float32(d.noise)
        patches = rng.standard_normal((math.ceil(shape[0] / 3), math.ceil(shape[1] / 3), 3), dtype=np.float32)
        colours = cv2.resize(patches * np.float32(0.4 * d.noise), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
        image = np.asarray(cv2.add(image, cv2.merge([grain] * 3) + colours, dtype=cv2.CV_8U), dtype=np.uint8)
    if d.tone != "colour":
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    if d.tone == "black and white":
        window = 2 * round(_THRESHOLD_WINDOW_MM * px_per_mm / 2) + 1
        image = np.asarray(
            cv2.adaptiveThreshold(
                image, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, max(3, window), d.threshold
            ),
            dtype=np.uint8,
        )
    if d.jpeg_quality is not None:
        source = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        _, packed = cv2.imencode(".jpg", source, (cv2.IMWRITE_JPEG_QUALITY, d.jpeg_quality))
        opened = np.asarray(cv2.imdecode(packed, cv2.IMREAD_UNCHANGED), dtype=np.uint8)
        image = opened if image.ndim == 2 else np.asarray(cv2.cvtColor(opened, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    return image


@dataclass(frozen=True)
class _Strength:
    """The most that a level does, and how often (as a share of pages)."""

    photo: float  # share of pages that are photographed, the others being scanned
    bent: float  # corners, as a part of the page
    turned_deg: float
    cropped: float
    inked: float  # share of pages with handwriting or stamps
    creased: float  # share of pages with creases
    creases: int
    depth: float
    uneven: float
    shadow: float
    blur_mm: float
    noise: float
    fade: float
    loss: float
    jpeg: tuple[int, int]
    toneless: float  # share of scans that are grey or black and white


_STRENGTHS: dict[DegradeLevel, _Strength] = {
    "light": _Strength(
        photo=0.25, bent=0.015, turned_deg=1.0, cropped=0.01, inked=0.15, creased=0.1, creases=2, depth=0.12,
        uneven=0.15, shadow=0.1, blur_mm=0.06, noise=3.0, fade=0.3, loss=0.0, jpeg=(75, 95), toneless=0.2,
    ),
    "medium": _Strength(
        photo=0.55, bent=0.04, turned_deg=4.0, cropped=0.03, inked=0.4, creased=0.35, creases=5, depth=0.25,
        uneven=0.35, shadow=0.3, blur_mm=0.12, noise=7.0, fade=0.6, loss=0.2, jpeg=(45, 85), toneless=0.4,
    ),
    "heavy": _Strength(
        photo=0.7, bent=0.08, turned_deg=9.0, cropped=0.08, inked=0.7, creased=0.7, creases=10, depth=0.4,
        uneven=0.55, shadow=0.5, blur_mm=0.2, noise=13.0, fade=0.9, loss=0.5, jpeg=(22, 65), toneless=0.5,
    ),
}  # fmt: skip


def random_degradation(rng: np.random.Generator, level: DegradeLevel) -> Degradation:
    """Draw what happens to a page: a photograph on a desk or a scan, as strong as `level` lets it be.

    The same state of `rng` gives the same degradation. Raises ValueError for a level that there is not.
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, got {level!r}")
    most = _STRENGTHS[level]
    seed = int(rng.integers(2**31))
    inked = rng.random() < most.inked
    worn = Degradation(
        seed=seed,
        grid_fade=_some(rng, most.fade) if rng.random() < 0.3 else 0.0,
        grid_loss=_some(rng, most.loss) if rng.random() < 0.2 else 0.0,
        strokes=int(rng.integers(1, 5)) if inked else 0,
        stamps=int(rng.integers(0, 3)) if inked else 0,
        creases=int(rng.integers(1, most.creases + 1)) if rng.random() < most.creased else 0,
        crease_depth=_some(rng, most.depth, least=0.4),
        blur_mm=_some(rng, most.blur_mm),
        noise=_some(rng, most.noise),
        jpeg_quality=int(rng.integers(*most.jpeg)) if rng.random() < 0.8 else None,
    )
    crop = (0.0, 0.0, 0.0, 0.0)
    if rng.random() < 0.4:
        left, top, right, bottom = (_some(rng, most.cropped) if rng.random() < 0.5 else 0.0 for _ in range(4))
        crop = (left, top, right, bottom)
    if rng.random() < most.photo:
        first, second, third, fourth = (
            (round(float(x), 4), round(float(y), 4)) for x, y in rng.uniform(-most.bent, most.bent, (4, 2))
        )
        warmth = rng.normal(0, 0.05)
        exposure = rng.uniform(0.82, 1.0)
        cast = (exposure * (1 + warmth), exposure, exposure * (1 - warmth))
        return replace(
            worn,
            rotation_deg=_either_way(rng, most.turned_deg),
            corner_shifts=(first, second, third, fourth),
            surround=_some(rng, 0.07) if crop == (0.0, 0.0, 0.0, 0.0) else 0.0,
            crop=crop,
            background=_DESKS[int(rng.integers(len(_DESKS)))],
            texture=round(float(rng.uniform(0.3, 1)), 3),
            unevenness=_some(rng, most.uneven),
            shadow=_some(rng, most.shadow) if rng.random() < 0.5 else 0.0,
            cast=(round(float(cast[0]), 3), round(float(cast[1]), 3), round(float(cast[2]), 3)),
        )
    tone: Tone = "colour"
    if rng.random() < most.toneless:
        tone = "grey" if rng.random() < 0.6 else "black and white"
    return replace(
        worn,
        rotation_deg=_either_way(rng, most.turned_deg / 3),
        crop=crop,
        tone=tone,
        noise=worn.noise / (3 if tone == "black and white" else 1.5),
        threshold=round(float(rng.uniform(14, 45)), 1),
    )


def _some(rng: np.random.Generator, most: float, least: float = 0.15) -> float:
    """Return something between `least` of `most` and `most`."""
    return round(float(rng.uniform(least * most, most)), 4)


def _either_way(rng: np.random.Generator, most: float) -> float:
    return round(float(rng.uniform(-most, most)), 3)
