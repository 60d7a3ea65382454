"""Hebrew and Arabic in a line that is drawn from left to right: letters joined, runs in the order they are drawn.

A small part of the Unicode bidirectional algorithm (UAX #9), enough for names and numbers in a left-to-right line: no
explicit embeddings, and a run that is broken over two lines is not re-ordered for each line. Arabic letters take the
forms that Unicode keeps for compatibility (Arabic Presentation Forms A and B), by the joining rules of UAX #9's
companion, the Unicode Standard chapter 9.2. Text without right-to-left letters is returned unchanged.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from itertools import pairwise

_RIGHT = ("R", "AL")
_PIECES = re.compile(r"\d+(?:[-+,./:]\d+)*|.", re.DOTALL)  # a number with its separators (rule W4), or one sign
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_TATWEEL = "\u0640"


def in_visual_order(text: str) -> str:
    """Return one line of text in the order in which it is drawn from left to right, Arabic letters joined."""
    if not any(unicodedata.bidirectional(sign) in _RIGHT for sign in text):
        return text
    text = _joined(text)
    drawn: list[str] = []
    for run, right in _runs(text):
        drawn.append(_reversed(run) if right else run)
    return "".join(drawn)


def _runs(text: str) -> list[tuple[str, bool]]:
    """Cut the line into runs of one direction, the base being left to right.

    A number has the direction of the letters before it (rule W7), what stands between two of a direction has it too
    (N1), and a bracket that closes one of a right-to-left run belongs to that run (after N0).
    """
    kinds = [unicodedata.bidirectional(sign) for sign in text]
    directed: list[tuple[int, bool]] = []
    for index, kind in enumerate(kinds):
        if kind in (*_RIGHT, "L"):
            directed.append((index, kind != "L"))
        elif kind in ("EN", "AN"):
            directed.append((index, directed[-1][1] if directed else False))
    right = [False] * len(text)
    for index, is_right in directed:
        right[index] = is_right
    for (before, before_right), (after, after_right) in pairwise(directed):
        if before_right and after_right:
            right[before : after + 1] = [True] * (after - before + 1)
    opened: list[int] = []
    for index, sign in enumerate(text):
        if sign in "([{":
            opened.append(index)
        elif sign in ")]}" and opened and right[start := opened.pop()]:
            right[start : index + 1] = [True] * (index + 1 - start)
        elif kinds[index] == "NSM" and index:
            right[index] = right[index - 1]
    runs: list[tuple[str, bool]] = []
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or right[index] != right[start]:
            runs.append((text[start:index], right[start]))
            start = index
    return runs


def _reversed(run: str) -> str:
    """Return a right-to-left run in drawing order: brackets mirrored, numbers and marked letters kept whole."""
    pieces: list[str] = []
    for piece in _PIECES.findall(run):
        if pieces and unicodedata.bidirectional(piece[0]) == "NSM":
            pieces[-1] += piece
        else:
            pieces.append(piece.translate(_MIRRORED))
    return "".join(reversed(pieces))


def _joined(text: str) -> str:
    """Return the text with each Arabic letter in the form that its neighbours ask for, lam with alef as one sign."""
    forms = _forms()
    letters: list[str] = []
    for sign in text:
        pair = letters[-1] + sign if letters else ""
        if pair in forms:
            letters[-1] = pair
        else:
            letters.append(sign)
    result = []
    for index, letter in enumerate(letters):
        own = forms.get(letter)
        if own is None:
            result.append(letter)
            continue
        before = _neighbour(letters, index, -1)
        after = _neighbour(letters, index, +1)
        joins_before = "final" in own and (before == _TATWEEL or "initial" in forms.get(before, {}))
        joins_after = "initial" in own and (after == _TATWEEL or "final" in forms.get(after, {}))
        wanted = {(True, True): "medial", (True, False): "final", (False, True): "initial", (False, False): "isolated"}
        result.append(own.get(wanted[joins_before, joins_after], letter))
    return "".join(result)


def _neighbour(letters: list[str], index: int, step: int) -> str:
    """Return the nearest letter on one side, vowel marks passed over; "" at the end of the text."""
    index += step
    while 0 <= index < len(letters) and unicodedata.combining(letters[index][0]):
        index += step
    return letters[index] if 0 <= index < len(letters) else ""


@functools.cache
def _forms() -> dict[str, dict[str, str]]:
    """Return the presentation forms of Arabic letters and of lam with alef, from Unicode's own decompositions."""
    forms: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFBFF), *range(0xFE70, 0xFEFD)):
        kind, *parts = (unicodedata.decomposition(chr(code)) or "?").split()
        letters = "".join(chr(int(part, 16)) for part in parts)
        lam_alef = len(letters) == 2 and letters[0] == "\u0644" and letters[1] in "\u0622\u0623\u0625\u0627"
        if kind.strip("<>") in ("initial", "medial", "final", "isolated") and (len(letters) == 1 or lam_alef):
            forms.setdefault(letters, {})[kind.strip("<>")] = chr(code)
    return forms
