"""Printed words on a straightened page: lead names, speed and gain, read by comparing them with words set in type.

Only the words that an ECG page's scales and lead names consist of are known; anything else is no word. Small pieces of
ink that stand close together make a word, which is scaled to one height and correlated with each known word in the
typefaces at hand. The module knows neither rows nor layouts.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ecgr1_core.digitize.grid import Float32Array, Float64Array
from ecgr1_core.digitize.ink import PX_PER_MM
from ecgr1_core.record import LEADS
from ecgr1_core.render.paper import Typeface, typeface

NAMES: tuple[str, ...] = (*LEADS, "-aVR")
SPEED_WORDS = {"12.5": 12.5, "25": 25.0, "50": 50.0}
GAIN_WORDS = {"5": 5.0, "10": 10.0, "20": 20.0}
_NUMBERS = ("5", "10", "12.5", "20", "25", "50")
_SPEED_UNITS = ("mm/s", "mm/sec")
_GAIN_UNITS = ("mm/mV",)
_UNITS = (*_SPEED_UNITS, *_GAIN_UNITS)
_JOINED = tuple(number + unit for unit in _UNITS for number in _NUMBERS)
WORDS: tuple[str, ...] = (*NAMES, *_NUMBERS, *_UNITS, *_JOINED)
_TYPEFACES: tuple[Typeface, ...] = ("Pillow", "DejaVuSans", "DejaVuSansMono", "DejaVuSerif")
_HEIGHT_PX = 24
_INK = 0.35
_LETTER_MM = (0.9, 7.0)  # heights of words
_WIDEST_MM = 26.0
_GAP = 0.42  # between letters, in heights of the word
_SPLIT_WIDE = 2.5  # words wider than this, in heights, may be a number and a unit
_HYPHEN = 0.2  # the length of one before a letter, in heights of the word
_SPACE = 0.2  # between them, in heights
_ASPECT = 1.3
_STRETCH_COST = 0.35
_SURE = 0.72
_CLEAR_NUMBER = 0.03
_MOST_FITTED = 8192  # words of a width that are kept: some 10 kB each


@dataclass(frozen=True, eq=False)
class Word:
    """A piece of print: its box in straightened pixels and how like it is to each of `WORDS`, -1 to 1."""

    left: float
    top: float
    right: float
    bottom: float
    likeness: Float64Array

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.bottom - self.top

    @property
    def text(self) -> str | None:
        """The word, or None where none is like it enough."""
        best = int(self.likeness.argmax())
        return WORDS[best] if self.likeness[best] >= _SURE else None

    def like(self, word: str) -> float:
        """Return how like it is to one of `WORDS`."""
        return float(self.likeness[WORDS.index(word)])


def find_words(ink: Float32Array) -> list[Word]:
    """Return the words of a page, [height, width] ink: those only that are like a known word at all."""
    boxes = _grouped(_letters(ink))
    words = []
    for left, top, right, bottom in boxes:
        height, width = bottom - top, right - left
        if height < _LETTER_MM[0] * PX_PER_MM or width > _WIDEST_MM * PX_PER_MM:
            continue
        word = _word(ink, left, top, right, bottom)
        halves = _halves(ink, word) if word.text in (None, *_JOINED) and width > _SPLIT_WIDE * height else []
        if halves:
            words += halves
        elif word.likeness.max() > 0.5:
            words.append(word)
    return words


def _word(ink: Float32Array, left: int, top: int, right: int, bottom: int) -> Word:
    return Word(left, top, right, bottom, _likeness(ink[top:bottom, left:right]))


def _halves(ink: Float32Array, word: Word) -> list[Word]:
    """Return number and unit of a word that is both with a space between; empty where it is not."""
    left, top, right, bottom = (int(side) for side in (word.left, word.top, word.right, word.bottom))
    columns = np.flatnonzero((ink[top:bottom, left:right] > _INK).any(axis=0))
    gaps = np.diff(columns)
    if not gaps.size or gaps.max() < _SPACE * word.height:
        return []
    at = int(gaps.argmax())
    halves = []
    for first, last in ((0, at), (at + 1, columns.size - 1)):
        low, high = left + int(columns[first]), left + int(columns[last]) + 1
        rows = np.flatnonzero((ink[top:bottom, low:high] > _INK).any(axis=1))
        halves.append(_word(ink, low, top + int(rows[0]), high, top + int(rows[-1]) + 1))
    return halves if halves[0].text in _NUMBERS and halves[1].text in _UNITS else []


def scales_of(words: list[Word]) -> tuple[float | None, float | None, list[Word]]:
    """Return speed in mm/s and gain in mm/mV as printed (None: not printed, or twice and not alike), and the words."""
    speeds: set[float] = set()
    gains: set[float] = set()
    used: list[Word] = []
    for word in words:
        text = word.text
        if text is None:
            continue
        for unit in _UNITS:
            if text == unit:
                number = _before(word, words)
                if number is not None:
                    _note(number.text or "", unit, speeds, gains)
                    used += [number, word]
            elif text.endswith(unit) and text in _JOINED and _number_is_clear(word, unit):
                _note(text.removesuffix(unit), unit, speeds, gains)
                used.append(word)
    return (speeds.pop() if len(speeds) == 1 else None), (gains.pop() if len(gains) == 1 else None), used


def _number_is_clear(word: Word, unit: str) -> bool:
    """Return whether a number set together with its unit is like itself more than like another one."""
    best, second = sorted((word.like(number + unit) for number in _NUMBERS), reverse=True)[:2]
    return best - second > _CLEAR_NUMBER


def _note(number: str, unit: str, speeds: set[float], gains: set[float]) -> None:
    if unit in _SPEED_UNITS and number in SPEED_WORDS:
        speeds.add(SPEED_WORDS[number])
    if unit in _GAIN_UNITS and number in GAIN_WORDS:
        gains.add(GAIN_WORDS[number])


def _before(unit: Word, words: list[Word]) -> Word | None:
    """Return the number that stands before a unit on the same line."""
    near = [
        word
        for word in words
        if 0 < unit.left - word.right < 1.6 * unit.height
        and abs(word.bottom - unit.bottom) < 0.45 * unit.height
        and word.text in _NUMBERS
    ]
    return max(near, key=lambda word: word.right) if near else None


def _letters(ink: Float32Array) -> npt.NDArray[np.int64]:
    """Return the boxes (left, top, right, bottom) of the small pieces of ink."""
    mask = (ink > _INK).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    stats = stats[1:]
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4]
    small = (height <= _LETTER_MM[1] * PX_PER_MM) & (width <= _WIDEST_MM * PX_PER_MM) & (area >= 4)
    small &= (width <= 8 * PX_PER_MM) | (height >= 1.2 * PX_PER_MM)
    kept = stats[small]
    return np.stack((kept[:, 0], kept[:, 1], kept[:, 0] + kept[:, 2], kept[:, 1] + kept[:, 3]), axis=1).astype(np.int64)


def _grouped(letters: npt.NDArray[np.int64]) -> list[tuple[int, int, int, int]]:
    """Return the boxes of words: letters that overlap in height and stand close together."""
    order = letters[np.argsort(letters[:, 0], kind="stable")] if len(letters) else letters
    words: list[list[int]] = []
    for left, top, right, bottom in order.tolist():
        best = None
        for word in reversed(words[-60:]):
            if left - word[2] > 8 * PX_PER_MM:
                continue
            if max(word[3], bottom) - min(word[1], top) > _LETTER_MM[1] * PX_PER_MM:
                continue
            tallest = max(word[3] - word[1], bottom - top)
            overlap = min(word[3], bottom) - max(word[1], top)
            sits = abs(word[3] - bottom) <= 0.35 * tallest  # a full stop or a hyphen sits on the line or within it
            within = top >= word[1] - 0.35 * tallest and bottom <= word[3] + 0.35 * tallest
            is_hyphen = word[2] - word[0] > 1.5 * (word[3] - word[1]) > 0 and word[2] - word[0] > _HYPHEN * tallest
            within |= is_hyphen and top <= word[1] and word[3] <= bottom
            if left - word[2] <= _GAP * tallest and (overlap > 0 or sits) and within:
                best = word
                break
        if best is None:
            words.append([left, top, right, bottom])
        else:
            best[0], best[1] = min(best[0], left), min(best[1], top)
            best[2], best[3] = max(best[2], right), max(best[3], bottom)
    return [(w[0], w[1], w[2], w[3]) for w in words]


def _likeness(part: Float32Array) -> Float64Array:
    """Return how like a piece of ink is to each of `WORDS`."""
    aspect = part.shape[1] / part.shape[0]
    width = max(2, round(_HEIGHT_PX * aspect))
    scaled = _resized(cv2.GaussianBlur(_resized(part, width), (0, 0), 1.0), width)
    likeness = np.full(len(WORDS), -1.0)
    padded = _unit(_padded(scaled))
    for index, word in enumerate(WORDS):
        for number, (template_aspect, _) in enumerate(_templates(word)):
            if not 1 / _ASPECT < aspect / template_aspect < _ASPECT:
                continue
            stretch = abs(np.log(aspect / template_aspect))
            value = float(np.vdot(padded, _fitted(word, number, width))) - _STRETCH_COST * stretch
            likeness[index] = max(likeness[index], value)
    return likeness


def _resized(image: npt.NDArray[Any], width: int) -> Float32Array:
    return np.asarray(cv2.resize(image, (width, _HEIGHT_PX), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _padded(image: Float32Array) -> Float32Array:
    """Return the image with empty paper around it, so that a mere bar of ink has a shape."""
    return np.asarray(cv2.copyMakeBorder(image, 3, 3, 6, 6, cv2.BORDER_CONSTANT), dtype=np.float32)


def _unit(image: Float32Array) -> Float32Array:
    centred = image - image.mean()
    return np.asarray(centred / max(float(np.sqrt((centred * centred).sum())), 1e-6), dtype=np.float32)


@functools.lru_cache(_MOST_FITTED)
def _fitted(word: str, number: int, width: int) -> Float32Array:
    """Return one of a word's `_templates`, as wide as a piece of ink, to be compared with it."""
    return _unit(_padded(_resized(_templates(word)[number][1], width)))


@functools.cache
def _templates(word: str) -> list[tuple[float, Float32Array]]:
    """Return the word set in each typeface, plain and bold, cut to its ink, as (width / height, ink)."""
    out = []
    for name in _TYPEFACES:
        font = typeface(48, name)
        for stroke in (0, 2):
            plate = Image.new("L", (60 * len(word) + 60, 120))
            ImageDraw.Draw(plate).text((20, 20), word, fill=255, font=font, stroke_width=stroke)
            ink = np.asarray(plate, dtype=np.float32) / 255
            rows, columns = np.flatnonzero(ink.max(axis=1) > 0.5), np.flatnonzero(ink.max(axis=0) > 0.5)
            cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            size = (max(2, round(_HEIGHT_PX * cut.shape[1] / cut.shape[0])), _HEIGHT_PX)
            small = cv2.GaussianBlur(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0)
            out.append((cut.shape[1] / cut.shape[0], np.asarray(small, dtype=np.float32)))
    return out
