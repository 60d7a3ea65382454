"""A page put straight: 8 pixels to the millimetre of its own grid, in even light, and the ink of the traces alone.

The grid's homography straightens rotation and perspective, the grid's phase what is left (a paper that is not quite
flat). Light is evened by the paper between the lines; the grid is taken off by its colour and by its being the same in
each square of 5 mm. Without a grid the page is taken to lie flat, turned a little at most, at the scale it is given.
The module knows neither rows nor leads, nor which way up the page is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ecgr1_core.digitize.grid import Float32Array, Float64Array, Grid, find_grid
from ecgr1_core.digitize.ink import PX_PER_MM, SQUARE_PX, beside, faint_of, first_lines, gridded, ink_of, lightest
from ecgr1_core.digitize.pieces import Pixels, RasterPage

_LARGEST_SIDE_MM = 900.0
_LONGEST_SEARCH_PX = 2000
_LEAST_BOX = 0.2  # of the picture: a grid seen in less is rather too faint elsewhere
_LEAST_GRIDDED = 0.3  # of a picture that is paper throughout, likewise
_CLEAR_GRID = 1.3  # strength of a grid that needs no second look
_SHEET_SEARCH_PX = 250
_SHEET_SHARES = (0.08, 0.9)  # of the picture: a bright sheet is as large as this, its box not larger than that
_SHIFT_PX_PER_MM = 6.0
RIM_PX = 12
COARSE_PX = 4  # every so many straightened pixels their place in the image is kept
_PHASE_STEP_PX = 10 * PX_PER_MM
_LARGEST_TURN_DEG = 12.0
_DPI_RANGE = (50.0, 1300.0)
_BLOCK_SQUARES = 5  # to a side of what `ink` compares


@dataclass(frozen=True, eq=False)
class Straight:
    """A straightened page, [height, width] at `PX_PER_MM`.

    `ink` is the trace's and the print's ink, 0 to 1; `inside` is where the gridded paper lies. `x_px` and `y_px` are
    where each 4th pixel lies in the image (corners of pixels at whole numbers). `grid` is None where none was seen;
    `line_px` is where the lines of 5 mm stand, x and y; `turned_deg` is by how many quarters the page was turned back,
    clockwise.
    """

    ink: Float32Array
    inside: npt.NDArray[np.bool_]
    x_px: Float32Array
    y_px: Float32Array
    grid: Grid | None
    line_px: tuple[float, float] = (0.0, 0.0)
    turned_deg: int = 0

    def turned(self, quarters: int) -> Straight:
        """Return the page turned counter-clockwise by quarters."""
        line = self.line_px
        for quarter in range(quarters):
            line = (line[1], (self.ink.shape[1 - quarter % 2] - line[0]) % SQUARE_PX)
        return replace(
            self,
            ink=np.ascontiguousarray(np.rot90(self.ink, quarters)),
            inside=np.ascontiguousarray(np.rot90(self.inside, quarters)),
            x_px=np.ascontiguousarray(np.rot90(self.x_px, quarters)),
            y_px=np.ascontiguousarray(np.rot90(self.y_px, quarters)),
            line_px=line,
            turned_deg=(self.turned_deg + 90 * quarters) % 360,
        )

    def box_in_image(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        """Return the box in the image around a box of straightened pixels."""
        height, width = self.x_px.shape
        columns = np.clip(np.array((left, right)) / COARSE_PX, 0, width - 1).round().astype(int)
        rows = np.clip(np.array((top, bottom)) / COARSE_PX, 0, height - 1).round().astype(int)
        xs, ys = self.x_px[np.ix_(rows, columns)], self.y_px[np.ix_(rows, columns)]
        return float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())

    def in_image(self, x: Float64Array, y: Float64Array) -> Float64Array:
        """Return where points [n] of the straightened page lie in the image, [n, 2]; NaN stays NaN."""
        columns, rows = (np.nan_to_num((at - 0.5) / COARSE_PX).astype(np.float32)[:, None] for at in (x, y))
        found = [
            cv2.remap(field, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for field in (self.x_px, self.y_px)
        ]
        out = np.concatenate(found, axis=1).astype(np.float64)
        out[np.isnan(x) | np.isnan(y)] = np.nan
        return out

    def grid_to_px(self) -> Float64Array | None:
        """Return the homography [3, 3] from mm of the grid (lines of 5 mm at whole fives) to the image; None without.

        It is that of the whole page; where the paper is not flat, single lines stand off it.
        """
        if self.grid is None:
            return None
        rows, columns = (np.linspace(0, side - 1, 12).astype(int) for side in self.x_px.shape)
        down, across = np.meshgrid(rows, columns, indexing="ij")
        in_image = np.stack((self.x_px[down, across], self.y_px[down, across]), axis=-1).reshape(-1, 2)
        at_px = np.stack((across, down), axis=-1).reshape(-1, 2) * COARSE_PX + 0.5
        on_grid = (at_px - np.array(self.line_px)) / PX_PER_MM
        homography, _ = cv2.findHomography(on_grid, in_image.astype(np.float64), 0)
        return None if homography is None else np.asarray(homography, dtype=np.float64)

    def without_rim(self) -> Float32Array:
        """Return the ink less what lies within 1.5 mm of the end of the grid: edges of the paper are no traces."""
        rim = 2 * RIM_PX + 1
        inner = cv2.erode(self.inside.astype(np.uint8), np.ones((rim, rim), np.uint8), borderValue=0)
        return np.where(np.asarray(inner) > 0, self.ink, np.float32(0))

    @property
    def mm_per_px(self) -> tuple[float, float]:
        """Return the mm of one pixel of the image in the middle of the page, along and across the paper."""
        row, column = self.x_px.shape[0] // 2, self.x_px.shape[1] // 2
        along = np.hypot(*(f[row, column + 1] - f[row, column - 1] for f in (self.x_px, self.y_px)))
        across = np.hypot(*(f[row + 1, column] - f[row - 1, column] for f in (self.x_px, self.y_px)))
        length_mm = 2 * COARSE_PX / PX_PER_MM
        return float(length_mm / along), float(length_mm / across)


def straighten(page: RasterPage, px_per_mm: float | None = None) -> Straight | None:
    """Return the page put straight, or None where it has no grid and neither the file nor `px_per_mm` gives a scale."""
    pixels = page.pixels
    grid = _found_grid(pixels)
    if grid is not None:
        to_image = grid.to_image
    else:
        scale = px_per_mm
        if scale is None and page.dpi is not None and _DPI_RANGE[0] <= page.dpi <= _DPI_RANGE[1]:
            scale = page.dpi / 25.4
        if scale is None:
            return None
        small, factor = _reduced(pixels, 1.0)
        to_image = _flat(1 - lightest(_even(small, max(small.shape) / 300)), pixels.shape, scale)
    whole = (0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0]))
    to_image, shape = _framed(to_image, whole if grid is None or _small(grid.box, pixels) else grid.box)
    shift = None
    if grid is not None:
        small, factor = _reduced(pixels, _SHIFT_PX_PER_MM / grid.px_per_mm)
        shift = _shift(_halved(small, np.diag((factor, factor, 1.0)) @ to_image, shape), shape)
    x_px, y_px = _maps(to_image, shape, shift)
    straight = _even(_taken(pixels, x_px, y_px), PX_PER_MM)
    seen = (x_px > 0) & (y_px > 0) & (x_px < pixels.shape[1]) & (y_px < pixels.shape[0])
    inside = seen if grid is None else seen & gridded(straight)
    if grid is not None and inside.sum() < _LEAST_GRIDDED * seen.sum() and _sheet(pixels) is None:
        inside = seen  # paper throughout, on which the grid has faded
    if grid is not None:
        part = _around(inside)
        straight, seen, inside, x_px, y_px = (each[part] for each in (straight, seen, inside, x_px, y_px))
    ink = ink_of(straight, inside, seen & beside(inside))
    coarse = (slice(None, None, COARSE_PX), slice(None, None, COARSE_PX))
    return Straight(ink, inside, x_px[coarse].copy(), y_px[coarse].copy(), grid, first_lines(straight, inside))


def _small(box: tuple[float, float, float, float], pixels: Pixels) -> bool:
    """Return whether a box is too small a part of the picture to be all that the page covers."""
    return bool((box[2] - box[0]) * (box[3] - box[1]) < _LEAST_BOX * pixels.shape[0] * pixels.shape[1])


def _found_grid(pixels: Pixels) -> Grid | None:
    """Return the grid of the whole picture, or of its bright sheet where that is clearer."""
    grid = _grid_of(pixels)
    if grid is not None and grid.strength >= _CLEAR_GRID:
        return grid
    sheet = _sheet(pixels)
    if sheet is None:
        return grid
    left, top, right, bottom = sheet
    other = _grid_of(pixels[top:bottom, left:right])
    if other is None or (grid is not None and other.strength <= grid.strength):
        return grid
    return other.moved(left, top)


def _grid_of(pixels: Pixels) -> Grid | None:
    small, factor = _reduced(pixels, _LONGEST_SEARCH_PX / max(pixels.shape[:2]))
    grid = find_grid(faint_of(_even(small, max(small.shape) / 300)))
    return None if grid is None else grid.enlarged(1 / factor)


def _reduced(pixels: Pixels, factor: float) -> tuple[Pixels, float]:
    """Return the image smaller by a factor, and the factor; an image is never made larger."""
    if factor >= 1:
        return pixels, 1.0
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), factor


def _sheet(pixels: Pixels) -> tuple[int, int, int, int] | None:
    """Return the box (left, top, right, bottom) of the largest bright part of a picture; None where it is all of it."""
    factor = _SHEET_SEARCH_PX / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).max(axis=2)
    blurred = cv2.GaussianBlur(cv2.dilate(small, np.ones((5, 5), np.uint8)), (0, 0), 2.0)
    _, bright = cv2.threshold(blurred, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
    if len(stats) < 2:
        return None
    x, y, wide, high, area = (int(v) for v in stats[1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())])
    if not _SHEET_SHARES[0] < area / bright.size or wide * high > _SHEET_SHARES[1] * bright.size:
        return None
    return int(x / factor), int(y / factor), int((x + wide) / factor), int((y + high) / factor)


def _even(pixels: Pixels, px_per_mm: float) -> Float32Array:
    """Return the image as parts of the brightness of the paper around, [height, width, 3], 0 to 1."""
    factor = 0.5 if min(pixels.shape[:2]) > 400 else 1.0
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    reach = 2 * max(1, round(1.2 * px_per_mm * factor)) + 1
    paper = cv2.dilate(small, np.ones((reach, reach), np.uint8))
    paper = cv2.resize(paper, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    paper = cv2.GaussianBlur(paper, (0, 0), 1.0 * px_per_mm * factor)
    paper = cv2.resize(paper, (pixels.shape[1], pixels.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.minimum(cv2.divide(pixels, np.maximum(paper, 1), scale=1.0, dtype=cv2.CV_32F), np.float32(1))


def _flat(dark: Float32Array, shape: tuple[int, ...], scale: float) -> Float64Array:
    """Return the map from mm to the image for a page that lies flat, turned so that its lines of ink run across."""
    size = min(800.0 / max(dark.shape), 1.0)
    small = cv2.resize(dark, None, fx=size, fy=size, interpolation=cv2.INTER_AREA)
    middle = (small.shape[1] / 2, small.shape[0] / 2)

    def sharpness(turn: float) -> float:
        turned = cv2.warpAffine(small, cv2.getRotationMatrix2D(middle, turn, 1.0), (small.shape[1], small.shape[0]))
        return max(float(np.var(np.diff(turned.sum(axis=axis)))) for axis in (0, 1))

    turns = np.arange(-_LARGEST_TURN_DEG, _LARGEST_TURN_DEG + 0.01, 0.5)
    best = max((float(turn) for turn in turns), key=sharpness)
    best = max((best + float(step) for step in np.arange(-0.4, 0.41, 0.1)), key=sharpness)
    turn = np.radians(best)
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    return np.array(((cosine, -sine, shape[1] / 2), (sine, cosine, shape[0] / 2), (0, 0, 1)))


def _framed(to_image: Float64Array, box: tuple[float, float, float, float]) -> tuple[Float64Array, tuple[int, int]]:
    """Return the map from straightened pixels to the image, and the size of a frame around a box of the image."""
    back = np.linalg.inv(to_image)
    left, top, right, bottom = box
    edge = np.array(((left, top, 1), (right, top, 1), (right, bottom, 1), (left, bottom, 1)))
    on_paper = edge @ back.T
    on_paper = on_paper[:, :2] / on_paper[:, 2:]
    middle = np.median(on_paper, axis=0)
    low = np.maximum(on_paper.min(axis=0), middle - _LARGEST_SIDE_MM / 2)
    high = np.minimum(on_paper.max(axis=0), middle + _LARGEST_SIDE_MM / 2)
    # one more than a multiple: the coarse maps begin and end at the edges, whichever way they are turned
    columns, rows = (int(np.ceil(side * PX_PER_MM / COARSE_PX)) * COARSE_PX + 1 for side in high - low)
    place = np.array(((1 / PX_PER_MM, 0, low[0]), (0, 1 / PX_PER_MM, low[1]), (0, 0, 1)))
    return to_image @ place, (rows, columns)


def _around(inside: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return rows and columns of the gridded paper with a square or two of 5 mm around: there is no ink farther out.

    Squares are compared in blocks: two bare ones before the grid may stay there, more would be most of a block.
    """
    spans = []
    for axis in (1, 0):
        held = np.flatnonzero(inside.any(axis=axis))
        first, last = (int(held[0]), int(held[-1])) if held.size else (0, inside.shape[1 - axis])
        bare = 2 if first // SQUARE_PX % _BLOCK_SQUARES == 2 else 1
        spans.append(slice(max(0, first - bare * SQUARE_PX), last + SQUARE_PX + 2))  # one over, as framed
    return spans[0], spans[1]


def _maps(
    to_image: Float64Array, shape: tuple[int, int], shift: Float32Array | None = None
) -> tuple[Float32Array, Float32Array]:
    """Return x and y in the image of the centre of each straightened pixel, those moved by `shift` where given."""
    x = np.arange(shape[1], dtype=np.float32)[None, :] + np.float32(0.5)
    y = np.arange(shape[0], dtype=np.float32)[:, None] + np.float32(0.5)
    if shift is not None:
        x, y = x + shift[..., 0], y + shift[..., 1]
    m = to_image.astype(np.float32)
    below = m[2, 0] * x + m[2, 1] * y + m[2, 2]
    return (m[0, 0] * x + m[0, 1] * y + m[0, 2]) / below, (m[1, 0] * x + m[1, 1] * y + m[1, 2]) / below


def _halved(pixels: Pixels, to_image: Float64Array, shape: tuple[int, int]) -> Float32Array:
    """Return the faint ink of the straightened page at half the size, [height / 2, width / 2]."""
    x_px, y_px = _maps(to_image @ np.diag((2.0, 2.0, 1.0)), (shape[0] // 2, shape[1] // 2))
    return faint_of(_even(_taken(pixels, x_px, y_px), PX_PER_MM / 2))


def _taken(pixels: Pixels, x_px: Float32Array, y_px: Float32Array) -> Pixels:
    """Return the pixels at these places, white outside."""
    half = np.float32(0.5)
    taken = cv2.remap(
        pixels, x_px - half, y_px - half, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(255,) * 3
    )
    return np.asarray(taken, dtype=np.uint8)


def _shift(faint: Float32Array, shape: tuple[int, int]) -> Float32Array | None:
    """Return by how many pixels, [*shape, 2], the lines of 1 mm lie off their places: a polynomial of order 3.

    `faint` is the page at half the size. The phase of the lines is taken in windows of 20 mm; the polynomial is fitted
    to the differences of neighbours, which are smaller than half a line, so that no line has to be told from the next.
    """
    height, width = shape
    fields = [_phases(faint), _phases(faint.T).T]
    rows, columns = fields[0].shape
    if rows < 3 or columns < 3:
        return None
    xs = ((np.arange(columns) + 0.5) * _PHASE_STEP_PX / width * 2 - 1)[None, :] * np.ones((rows, 1))
    ys = ((np.arange(rows) + 0.5) * _PHASE_STEP_PX / height * 2 - 1)[:, None] * np.ones((1, columns))
    terms = _terms(xs, ys)
    coefficients = []
    for field in fields:
        limit = 0.35 * float(np.quantile(np.abs(field), 0.9))
        differences, weights, designs = [], [], []
        for near, far in (
            ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
            ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
        ):
            strong = np.minimum(np.abs(field[near]), np.abs(field[far]))
            differences.append(np.angle(field[far] * np.conj(field[near])).ravel())
            weights.append(np.where(strong > limit, 1.0, 0.0).ravel())
            designs.append((terms[far] - terms[near]).reshape(-1, terms.shape[-1]))
        difference, weight, design = np.concatenate(differences), np.concatenate(weights), np.concatenate(designs)
        if weight.sum() < 4 * terms.shape[-1]:
            return None
        solved = np.zeros(terms.shape[-1])
        for _ in range(4):
            solved = np.linalg.lstsq(design * weight[:, None], difference * weight, rcond=None)[0]
            weight = np.where(weight > 0, 1 / (1 + np.abs(difference - design @ solved) / 0.3), 0.0)
        coefficients.append(-solved * PX_PER_MM / (2 * np.pi))
    coarse = np.stack([terms @ solved for solved in coefficients], axis=-1).astype(np.float32)
    if np.abs(coarse).max() < 0.3 or np.abs(coarse).max() > 20 * PX_PER_MM:
        return None
    x = (np.arange(0, width + 15, 16) / width * 2 - 1)[None, :]
    y = (np.arange(0, height + 15, 16) / height * 2 - 1)[:, None]
    fine_terms = _terms(x * np.ones_like(y), y * np.ones_like(x))
    fine = np.stack([fine_terms @ solved for solved in coefficients], axis=-1).astype(np.float32)
    full = cv2.resize(fine, (fine.shape[1] * 16, fine.shape[0] * 16), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full[8 : 8 + height, 8 : 8 + width], dtype=np.float32)


def _phases(faint: Float32Array) -> npt.NDArray[np.complex64]:
    """Return phase and strength of the upright lines of 1 mm in windows of 20 mm, one each 10 mm, down and across."""
    block = _PHASE_STEP_PX // 4  # the page is at half the size
    rows, columns = (side // block for side in faint.shape)
    bands = faint[: rows * block, : columns * block].reshape(rows, block, -1).mean(axis=1)
    wave = np.exp(-4j * np.pi * (np.arange(columns * block) + 0.5) / PX_PER_MM)
    blocks = (bands * wave).reshape(rows, columns, block).mean(axis=2)
    parts = [cv2.boxFilter(part.astype(np.float32), -1, (4, 4)) for part in (blocks.real, blocks.imag)]
    return np.asarray((parts[0] + 1j * parts[1])[1::2, 1::2], dtype=np.complex64)


def _terms(x: Float64Array, y: Float64Array) -> Float64Array:
    """Return the products of powers of x and y up to order 3, without the constant."""
    powers = [(i, j) for i in range(4) for j in range(4 - i) if i + j > 0]
    return np.stack([x**i * y**j for i, j in powers], axis=-1)
