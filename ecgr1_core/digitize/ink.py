"""Ink told from grid on a straightened page: where the grid lies, where its lines stand, what is trace or print.

The grid is known by its being the same in each square of 5 mm. Images are [height, width, 3] or [height, width], as
parts of the brightness of the paper around, at `PX_PER_MM`. The module knows neither rows nor leads.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter

from ecgr1_core.digitize.grid import Float32Array

PX_PER_MM = 8
SQUARE_PX = 5 * PX_PER_MM
_LINE_PX = 7  # the widest that a grid line is
_STRONG_LINE = 0.7  # of the darkness of a trace
_LEAST_ALIKE = 0.5  # correlation of a square of grid with those around it
_LEAST_STRENGTH = 0.25  # of its lines, as parts of theirs
_BLOCK = 5  # squares to a side of what is around
_LEAST_DARK = 0.08  # a trace is darker than paper by so much
_DARKER = 1.5  # and than the grid's lines by this factor
_FAINT = 0.3  # darker than this is no grid line
_INK = 0.35
_JOIN_PX = 5  # a trace with gaps smaller than this is one piece
_LEAST_TRACE_MM = 6.0
_WORD_MM = (1.2, 7.0)  # heights of print
_LETTER_HIGH = 0.55  # at least, and
_LETTER_WIDE = 2.2  # at most, in heights of the word: two letters may touch
_LETTERED = 0.7  # of a word's ink
_STROKE_MM = 1.2  # ink higher than this is no baseline
_CREASE_PX = 13  # what is wider than this is a crease or a shade
_SHADE = 0.05  # less than this is none
_BLOT_MM = 2.2  # ink as thick as this is no trace


def faint_of(even: Float32Array) -> Float32Array:
    """Return how dark the darkest colour is, as far as a grid line may be, [height, width]."""
    darkest = np.minimum(np.minimum(even[..., 0], even[..., 1]), even[..., 2])
    return np.asarray(np.minimum(1 - darkest, np.float32(_FAINT)), dtype=np.float32)


def lightest(even: Float32Array) -> Float32Array:
    """Return the lightest colour of each pixel, [height, width]."""
    return np.maximum(np.maximum(even[..., 0], even[..., 1]), even[..., 2])


def gridded(even: Float32Array) -> npt.NDArray[np.bool_]:
    """Return the convex hull of the squares of 5 mm that look as most of the squares around them do: the grid.

    At the grid's rim, where many squares around are bare paper, those a block further in are the measure.
    """
    faint = faint_of(even)
    usual = _repeated(faint)
    whole = tuple(side // SQUARE_PX for side in faint.shape)

    def profiles(field: Float32Array) -> list[Float32Array]:
        """Return what each square looks like along x and along y, less its mean, [rows, columns, 40] both."""
        cut = field[: whole[0] * SQUARE_PX, : whole[1] * SQUARE_PX]
        cells = cut.reshape(whole[0], SQUARE_PX, whole[1], SQUARE_PX)
        both = (cells.mean(axis=1), cells.mean(axis=3).transpose(0, 2, 1))
        return [np.asarray(each - each.mean(axis=2, keepdims=True), dtype=np.float32) for each in both]

    seen = np.ones(whole, dtype=bool)
    for here, pattern in zip(profiles(faint), profiles(usual), strict=True):
        contrast = np.sqrt((pattern**2).mean(axis=2))
        least = 0.25 * float(np.quantile(contrast, 0.9))
        here_size = np.sqrt((here**2).mean(axis=2))
        like_any = np.zeros(whole, dtype=bool)
        for down, across in ((0, 0), (0, _BLOCK), (0, -_BLOCK), (_BLOCK, 0), (-_BLOCK, 0)):
            at = np.ix_(*(np.clip(np.arange(n) + by, 0, n - 1) for n, by in zip(whole, (down, across), strict=True)))
            other, size = pattern[at], contrast[at]
            common = (here * other).mean(axis=2)
            alike = common / np.maximum(here_size * size, 1e-9) > _LEAST_ALIKE
            like_any |= alike & (size > least) & (common > _LEAST_STRENGTH * size**2)
        seen &= like_any
    seen_round = cv2.filter2D(seen.astype(np.float32), -1, np.ones((3, 3), np.float32), borderType=cv2.BORDER_CONSTANT)
    cells = np.argwhere(seen & (seen_round >= 5))
    hull = np.zeros(faint.shape, dtype=np.uint8)
    if len(cells) >= 3:
        corners = np.concatenate([(cells[:, ::-1] + offset) * SQUARE_PX for offset in ((0, 0), (0, 1), (1, 0), (1, 1))])
        cv2.fillConvexPoly(hull, cv2.convexHull(corners.astype(np.int32)), 1)
    return np.asarray(hull > 0)


def first_lines(even: Float32Array, inside: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Return where the lines of 5 mm stand, the first of each family, x and y in pixels: where it is darkest."""
    faint = np.where(inside, faint_of(even), np.float32(0))
    first = []
    for axis in (0, 1):
        profile = faint.sum(axis=axis)
        folded = profile[: profile.size // SQUARE_PX * SQUARE_PX].reshape(-1, SQUARE_PX).sum(axis=0)
        smooth = folded + np.roll(folded, 1) + np.roll(folded, -1)
        first.append(int(smooth.argmax()) + 0.5)
    return first[0], first[1]


def beside(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the grid with one square of 5 mm around it, where print may stand."""
    size = 2 * SQUARE_PX + 1
    return np.asarray(cv2.dilate(inside.astype(np.uint8), np.ones((size, size), np.uint8)) > 0)


def ink_of(even: Float32Array, inside: npt.NDArray[np.bool_], printed: npt.NDArray[np.bool_]) -> Float32Array:
    """Return the traces' and the print's ink, 0 to 1: what is dark in every colour and not the same in every square.

    How dark ink is follows from what is `inside` the grid; there is none but where `printed` is true.
    """
    dark = _thin_dark(lightest(even))
    dark[~printed] = 0
    grid = _lines(dark)
    full = _full_dark(dark, grid, inside)
    if inside.any() and float(np.quantile(grid[inside], 0.95)) > _STRONG_LINE * full:
        grid = _lines(dark, spread=True)
        full = _full_dark(dark, grid, inside)
    rest = dark - grid
    low = 0.08 * full
    ink = (rest - low) / np.maximum(full - grid - low, 0.25 * full)
    ink = np.asarray(np.clip(ink, 0, 1), dtype=np.float32)
    # where a trace crosses a line as black as itself, what is on both sides of the line goes on
    across = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_LINE_PX, _LINE_PX))
    joined = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, across)
    return np.where((grid > _STRONG_LINE * full) & (dark > grid - 0.2 * full), np.maximum(ink, joined), ink)


def _lines(dark: Float32Array, *, spread: bool = False) -> Float32Array:
    """Return how dark the grid is: lines drawn on whole pixels stand off their places by up to half of one."""
    return np.asarray(cv2.dilate(_repeated(dark, spread=spread), np.ones((3, 3), np.uint8)), dtype=np.float32)


def _full_dark(dark: Float32Array, grid: Float32Array, inside: npt.NDArray[np.bool_]) -> float:
    """Return how dark the traces are where they are darkest."""
    if not inside.any():
        return 1.0
    high = float(np.quantile(dark[inside], 0.998))
    strong = dark[inside & (dark > 0.4 * high) & (dark > grid + 0.2 * high)]
    full = float(np.quantile(strong, 0.6)) if strong.size else 1.0
    return min(1.0, max(full, _DARKER * float(np.quantile(grid[inside], 0.95)) + _LEAST_DARK))


def _thin_dark(light: Float32Array) -> Float32Array:
    """Return how dark a pixel is, 0 to 1, beside the paper around what is thin: creases and shades are paper."""
    grey = np.asarray(cv2.convertScaleAbs(light, alpha=255.0), dtype=np.uint8)
    paper = cv2.morphologyEx(grey, cv2.MORPH_CLOSE, np.ones((_CREASE_PX, _CREASE_PX), np.uint8))
    paper = cv2.blur(paper, (_CREASE_PX // 2, _CREASE_PX // 2)).astype(np.float32) / 255 + _SHADE
    return 1 - np.minimum(light / np.clip(paper, 0.3, 1.0), np.float32(1))


def _repeated(dark: Float32Array, *, spread: bool = False) -> Float32Array:
    """Return what is the same in most of the squares of 5 mm around: the median of 5 × 5 of them, pixel by pixel.

    With `spread` it is that of the blocks beside too, where one is darker: for lines as black as traces, of which
    nothing may be left over where a block is half bare paper, or where they stand elsewhere from block to block.
    """
    cells_y, cells_x = (max(1, side // SQUARE_PX) for side in dark.shape)
    cut = np.zeros((cells_y * SQUARE_PX, cells_x * SQUARE_PX), dtype=np.float32)
    part = dark[: cut.shape[0], : cut.shape[1]]
    cut[: part.shape[0], : part.shape[1]] = part
    squares = cut.reshape(cells_y, SQUARE_PX, cells_x, SQUARE_PX)
    tops, lefts = (range(0, count, _BLOCK) for count in (cells_y, cells_x))
    usual = np.empty((len(tops), len(lefts), SQUARE_PX, SQUARE_PX), dtype=np.float32)
    for row, top in enumerate(tops):
        low = max(0, min(top, cells_y - _BLOCK))
        for column, left in enumerate(lefts):
            first = max(0, min(left, cells_x - _BLOCK))
            some = squares[low : low + _BLOCK, :, first : first + _BLOCK, :].transpose(1, 3, 0, 2)
            usual[row, column] = _median(some.reshape(SQUARE_PX, SQUARE_PX, -1))
    if spread:
        usual = maximum_filter(usual, size=(3, 3, 1, 1), mode="nearest")
    blocks = usual[np.arange(cells_y) // _BLOCK][:, np.arange(cells_x) // _BLOCK]
    whole = blocks.transpose(0, 2, 1, 3).reshape(cut.shape)
    down, across = (max(0, want - have) for want, have in zip(dark.shape, whole.shape, strict=True))
    padded = np.pad(whole, ((0, down), (0, across)), mode="wrap" if min(whole.shape) >= SQUARE_PX else "edge")
    return np.asarray(padded[: dark.shape[0], : dark.shape[1]], dtype=np.float32)


def _median(values: Float32Array) -> Float32Array:
    """Return the median over the last axis; `numpy.median` does the same several times slower for so few values."""
    ordered, count = np.sort(values, axis=-1), values.shape[-1]
    return np.asarray((ordered[..., (count - 1) // 2] + ordered[..., count // 2]) / 2, dtype=np.float32)


def thin_ink(ink: Float32Array) -> npt.NDArray[np.uint8]:
    """Return the pieces of ink, 0 or 1, that are long and thin enough to be of a trace: no print, no blots."""
    mask = (ink > _INK).astype(np.uint8)
    blot = round(_BLOT_MM * PX_PER_MM)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((blot, blot), np.uint8))
    mask[cv2.dilate(opened, np.ones((9, 9), np.uint8)) > 0] = 0
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((_JOIN_PX, _JOIN_PX), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    keep = (stats[:, cv2.CC_STAT_WIDTH] >= _LEAST_TRACE_MM * PX_PER_MM) & ~_words_among(mask, labels, stats)
    keep[0] = False
    return np.asarray(keep[labels] & (mask > 0), dtype=np.uint8)


def _words_among(
    mask: npt.NDArray[np.uint8], labels: npt.NDArray[Any], stats: npt.NDArray[Any]
) -> npt.NDArray[np.bool_]:
    """Return which of the joined pieces of ink are words: rows of letters, each about as high as the word."""
    _, letters, sizes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    word = np.zeros(len(sizes), dtype=np.int64)
    word[letters[mask > 0]] = labels[mask > 0]
    high = stats[:, cv2.CC_STAT_HEIGHT]
    width, height, area = (sizes[:, at] for at in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA))
    is_letter = (height >= _LETTER_HIGH * high[word]) & (width <= _LETTER_WIDE * high[word])
    count = np.bincount(word[1:], minlength=len(stats))
    inked = np.bincount(word[1:], area[1:], len(stats))
    lettered = np.bincount(word[1:], area[1:] * is_letter[1:], len(stats))
    in_size = (high >= _WORD_MM[0] * PX_PER_MM) & (high <= _WORD_MM[1] * PX_PER_MM)
    return np.asarray(in_size & (count >= 2) & (lettered > _LETTERED * inked))


def flat_ink(thin: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return what of the thin ink runs along the paper rather than across it."""
    tall = cv2.morphologyEx(thin, cv2.MORPH_OPEN, np.ones((round(_STROKE_MM * PX_PER_MM), 1), np.uint8))
    return np.where(np.asarray(tall) > 0, np.uint8(0), thin)
