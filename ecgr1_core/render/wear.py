"""What happens to ECG paper: creases, handwriting, stamps, a grid that fades; and what light does to it.

Functions on pixels, each deterministic for a given generator. They move nothing: what they do changes where no trace
lies. Lengths are in mm and become pixels by `px_per_mm`. The module knows neither records nor truths.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.interpolate import CubicSpline

from ecgr1_core.render.paper import Ink, Rgb, typeface

Pixels = npt.NDArray[np.uint8]  # [height, width, 3], RGB
Field = npt.NDArray[np.float32]  # [height, width], factors of brightness

_COARSE = 8  # shades are computed on every eighth pixel
_PENS: tuple[Rgb, ...] = ((25, 35, 120), (20, 20, 25), (170, 30, 35), (30, 60, 160))
_STAMPS = (
    "CARDIOLOGY",
    "COPY",
    "REVIEWED",
    "EMERGENCY DEPT",
    "URGENT",
    "FILED",
    "UNCONFIRMED",
    "SEEN",
    "ARCHIVE",
    "12-LEAD",
)
_STAMP_INKS: tuple[Rgb, ...] = ((60, 50, 150), (180, 40, 50), (35, 35, 40), (40, 110, 70))


def lose_grid(pixels: Pixels, ink: Ink, fade: float, loss: float, rng: np.random.Generator) -> None:
    """Fade the grid towards the colour of the paper, in place: by `fade` everywhere, wholly on a share `loss` of it.

    The grid is told from the trace by its brightness, halfway between the darker grid lines and the trace.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    limit = (_brightness(ink.trace) + min(_brightness(ink.major_grid), _brightness(ink.minor_grid))) / 2
    strength = np.full(grey.shape, fade, dtype=np.float32)
    if loss > 0:
        patches = _blurry(grey.shape, rng, cells=7)
        gone = np.clip((np.quantile(patches, loss) - patches) * 3 + 0.5, 0, 1)
        strength = np.maximum(strength, _full_size(gone, grey.shape))
    strength[grey < limit] = 0
    fill = np.empty_like(pixels)
    fill[:] = ink.paper
    _blend(pixels, fill, strength)


def write_by_hand(pixels: Pixels, count: int, px_per_mm: float, rng: np.random.Generator) -> None:
    """Write `count` words, underlines, circles, ticks or arrows with a pen, in place."""
    height, width = pixels.shape[:2]
    pen = _PENS[int(rng.integers(len(_PENS)))]
    for _ in range(count):
        kind = rng.choice(("word", "word", "word", "line", "circle", "tick", "arrow"))
        size_mm = rng.uniform(5, 11)
        lines = _word(rng, size_mm) if kind == "word" else _figure(str(kind), rng, size_mm)
        turn = math.radians(rng.normal(0, 5))
        turned = np.array(((math.cos(turn), -math.sin(turn)), (math.sin(turn), math.cos(turn))))
        place = np.array((rng.uniform(0.03, 0.85) * width, _near_the_edge(rng) * height))
        strokes = [line @ turned.T * px_per_mm + place for line in lines]
        _draw_pen(
            pixels, strokes, pen, max(1, round(rng.uniform(0.25, 0.6) * px_per_mm)), float(rng.uniform(0.65, 0.95))
        )


def stamp(pixels: Pixels, count: int, px_per_mm: float, rng: np.random.Generator) -> None:
    """Put `count` office stamps on the page, in place, slightly turned, mostly near the upper or lower edge."""
    height, width = pixels.shape[:2]
    for _ in range(count):
        words = str(rng.choice(_STAMPS))
        if rng.random() < 0.4:
            words += f" {rng.integers(1, 29):02d}.{rng.integers(1, 13):02d}.{rng.integers(2001, 2026)}"
        size_px = max(8, round(rng.uniform(3.5, 7) * px_per_mm))
        font = typeface(size_px, "DejaVuSans")
        left, top, right, bottom = (int(side) for side in font.getbbox(words))
        pad = size_px // 2
        plate = Image.new("L", (right - left + 4 * pad, bottom - top + 4 * pad))
        draw = ImageDraw.Draw(plate)
        draw.text((2 * pad - left, 2 * pad - top), words, fill=255, font=font)
        if rng.random() < 0.6:
            edge = max(1, round(0.5 * px_per_mm))
            draw.rectangle((pad, pad, plate.width - pad, plate.height - pad), outline=255, width=edge)
        turned = np.asarray(plate.rotate(float(rng.normal(0, 6)), Image.Resampling.BILINEAR, expand=True))
        patchy = _full_size(_blurry(turned.shape, rng, cells=9), turned.shape)
        mask = turned / np.float32(255) * np.clip(0.75 + 0.35 * patchy, 0.2, 1).astype(np.float32)
        x = int(rng.uniform(0, max(1, width - mask.shape[1])))
        y = int(_near_the_edge(rng) * height - mask.shape[0] / 2)
        ink = _STAMP_INKS[int(rng.integers(len(_STAMP_INKS)))]
        _tint(pixels, mask * np.float32(rng.uniform(0.5, 0.8)), (x, y), ink)


def creases(shape: tuple[int, int], count: int, depth: float, px_per_mm: float, rng: np.random.Generator) -> Field:
    """Return the coarse shading of `count` folds and wrinkles on a page of (height, width) pixels."""
    xs, ys = _coarse_mm(shape, px_per_mm)
    width_mm, height_mm = shape[1] / px_per_mm, shape[0] / px_per_mm
    field = np.ones_like(xs)
    for _ in range(count):
        is_fold = rng.random() < 0.35
        angle = rng.choice((0, math.pi / 2)) + rng.normal(0, 0.02) if is_fold else rng.uniform(0, math.pi)
        x, y = rng.uniform(0.1, 0.9) * width_mm, rng.uniform(0.1, 0.9) * height_mm
        across = (ys - y) * math.cos(angle) - (xs - x) * math.sin(angle)
        along = (xs - x) * math.cos(angle) + (ys - y) * math.sin(angle)
        reach_mm = rng.uniform(12, 45)
        length_mm = 1e4 if is_fold else rng.uniform(25, 110)
        side = np.tanh(across / 1.2) * np.exp(-np.abs(across) / reach_mm)
        edge = np.exp(-((across / 1.0) ** 2))
        field += depth * (rng.choice((-1, 1)) * 0.5 * side - 0.7 * edge) * np.exp(-((along / length_mm) ** 4))
    return np.asarray(np.clip(field, 0.35, 1.2), dtype=np.float32)


def light(shape: tuple[int, int], unevenness: float, shadow: float, rng: np.random.Generator) -> Field:
    """Return coarse factors of brightness: a ramp and a vignette by `unevenness`, a soft-edged shadow by `shadow`."""
    xs, ys = _coarse_mm(shape, max(shape))  # as parts of the longer side
    angle = rng.uniform(0, 2 * math.pi)
    ramp = xs * math.cos(angle) + ys * math.sin(angle)
    ramp = (ramp - ramp.min()) / (ramp.max() - ramp.min())
    centre_x, centre_y = rng.uniform(0.3, 0.7, 2)
    far = (xs - centre_x * xs.max()) ** 2 + (ys - centre_y * ys.max()) ** 2
    field = 1 - unevenness * (0.65 * ramp + 0.35 * far / far.max())
    if shadow > 0:
        angle = rng.uniform(0, 2 * math.pi)
        across = (xs - xs.max() / 2) * math.cos(angle) + (ys - ys.max() / 2) * math.sin(angle)
        along = (ys - ys.max() / 2) * math.cos(angle) - (xs - xs.max() / 2) * math.sin(angle)
        across += rng.uniform(0.02, 0.08) * np.sin(along * rng.uniform(4, 14) + rng.uniform(0, 6))
        soft = rng.uniform(0.01, 0.06)
        field *= 1 - shadow / (1 + np.exp(-np.clip((across - rng.uniform(-0.1, 0.25)) / soft, -30, 30)))
    return np.asarray(np.clip(field, 0.15, 1.2), dtype=np.float32)


def desk(shape: tuple[int, int], colour: Rgb, texture: float, rng: np.random.Generator) -> Pixels:
    """Return a table top of (height, width) pixels: a colour with streaks and spots of strength `texture`."""
    spots = _blurry(shape, rng, cells=24)
    grain = _full_size(rng.normal(0, 1, (5, 90)).astype(np.float32), spots.shape)
    field = (1 + texture * (0.10 * grain + 0.08 * spots))[..., None]
    coarse = np.clip(np.array(colour) * field, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def shaded(pixels: Pixels, field: Field, cast: tuple[float, float, float]) -> Pixels:
    """Return the pixels times a field of brightness (coarse or not) and times a factor for red, green and blue."""
    full = _full_size(field, pixels.shape[:2])
    factors = cv2.merge([full * np.float32(factor) for factor in cast])
    return np.asarray(cv2.multiply(pixels, factors, dtype=cv2.CV_8U), dtype=np.uint8)


def _coarse_mm(shape: tuple[int, int], px_per_mm: float) -> tuple[Field, Field]:
    """Return the x and y of the coarse pixels' centres."""
    rows, columns = math.ceil(shape[0] / _COARSE), math.ceil(shape[1] / _COARSE)
    xs = ((np.arange(columns) + 0.5) * shape[1] / columns / px_per_mm).astype(np.float32)
    ys = ((np.arange(rows) + 0.5) * shape[0] / rows / px_per_mm).astype(np.float32)
    return np.meshgrid(xs, ys)


def _blurry(shape: tuple[int, ...], rng: np.random.Generator, cells: int) -> Field:
    """Return a coarse field of soft random patches, about `cells` of them across, mean 0 and about as large as 1."""
    rows = max(2, round(cells * shape[0] / shape[1]))
    spots = rng.normal(0, 1, (rows, cells)).astype(np.float32)
    coarse = (max(2, math.ceil(shape[1] / _COARSE)), max(2, math.ceil(shape[0] / _COARSE)))
    return np.asarray(cv2.resize(spots, coarse, interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _full_size(field: npt.NDArray[np.floating], shape: tuple[int, ...]) -> Field:
    if field.shape == shape:
        return field.astype(np.float32)
    wanted = (shape[1], shape[0])
    return np.asarray(cv2.resize(field.astype(np.float32), wanted, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _brightness(colour: Rgb) -> float:
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def _blend(pixels: Pixels, other: Pixels, strength: Field) -> None:
    """Move `pixels` towards `other` by `strength`, in place."""
    pixels[:] = cv2.blendLinear(pixels, other, 1 - strength, strength)


def _tint(pixels: Pixels, mask: Field, corner: tuple[int, int], ink: Rgb) -> None:
    """Let ink of strength `mask` soak into the page at `corner`, in place; what lies outside the page is cut off."""
    height, width = pixels.shape[:2]
    left, top = max(corner[0], 0), max(corner[1], 0)
    right, bottom = min(corner[0] + mask.shape[1], width), min(corner[1] + mask.shape[0], height)
    if right <= left or bottom <= top:
        return
    part = mask[top - corner[1] : bottom - corner[1], left - corner[0] : right - corner[0], None]
    target = pixels[top:bottom, left:right]
    missing = 1 - np.array(ink, dtype=np.float32) / 255
    target[:] = np.round(target * (1 - part * missing)).astype(np.uint8)


def _draw_pen(
    pixels: Pixels, strokes: list[npt.NDArray[np.float64]], pen: Rgb, thickness: int, strength: float
) -> None:
    every = np.concatenate(strokes)
    pad = thickness + 2
    corner = np.floor(every.min(axis=0)).astype(int) - pad
    size = np.ceil(every.max(axis=0)).astype(int) + pad - corner
    mask = np.zeros((int(size[1]), int(size[0])), dtype=np.uint8)
    fine = [np.round((stroke - corner) * 16).astype(np.int32) for stroke in strokes]
    cv2.polylines(mask, fine, False, 255, thickness, cv2.LINE_AA, 4)
    _tint(pixels, mask * np.float32(strength / 255), (int(corner[0]), int(corner[1])), pen)


def _near_the_edge(rng: np.random.Generator) -> float:
    """Return a height on the page where people write: near the top, seldom near the bottom or in the middle."""
    low, high = ((0.03, 0.2), (0.85, 0.96), (0.1, 0.9))[int(rng.choice(3, p=(0.6, 0.2, 0.2)))]
    return float(rng.uniform(low, high))


def _word(rng: np.random.Generator, size_mm: float) -> list[npt.NDArray[np.float64]]:
    """Return the strokes of something like a hand-written word, in mm from its lower left corner."""
    x = 0.0
    points: list[tuple[float, float]] = []
    for _ in range(int(rng.integers(3, 9))):
        rise = rng.choice((0.5, 1.0), p=(0.7, 0.3)) * size_mm
        width = rng.uniform(0.35, 0.6) * size_mm
        drop = 0.45 * size_mm if rng.random() < 0.15 else 0.0
        points.extend(
            ((x, -0.05 * size_mm), (x + 0.5 * width, -rise), (x + 0.2 * width, -0.4 * rise), (x + 0.6 * width, drop))
        )
        x += width
    shaky = np.array(points) + rng.normal(0, 0.05 * size_mm, (len(points), 2))
    return [_smooth(shaky)]


def _figure(kind: str, rng: np.random.Generator, size_mm: float) -> list[npt.NDArray[np.float64]]:
    length = rng.uniform(2, 6) * size_mm
    if kind == "line":
        return [_smooth(np.array(((0, 0), (length / 3, rng.normal(0, 0.6)), (length, rng.normal(0, 1)))))]
    if kind == "circle":
        turns = np.linspace(0, 2.15 * math.pi, 24)
        round_it = np.column_stack((1.5 * size_mm * np.cos(turns), size_mm * np.sin(turns)))
        return [_smooth(round_it + rng.normal(0, 0.03 * size_mm, round_it.shape))]
    if kind == "tick":
        return [np.array(((0, 0), (0.3 * size_mm, 0.5 * size_mm), (1.1 * size_mm, -size_mm)))]
    tip = np.array((length, rng.normal(0, 2)))
    barbs = [tip + 0.4 * size_mm * np.array((-1, side)) for side in (-0.5, 0.5)]
    return [np.array(((0, 0), tip)), np.array((barbs[0], tip, barbs[1]))]


def _smooth(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    places = np.linspace(0, len(points) - 1, 8 * len(points))
    return np.asarray(CubicSpline(np.arange(len(points)), points)(places))
