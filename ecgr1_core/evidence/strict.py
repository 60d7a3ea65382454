"""Finds a phrase in the words of a step the strict way: whole words, synonyms, numbers within tolerance, denial.

It does not know which step a phrase belongs to, or what a hit is worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from ecgr1_core import vocabulary
from ecgr1_core.evidence.negation import denied
from ecgr1_core.evidence.words import Quantity, Word, words_of

Span = tuple[int, int]

_WAVES = frozenset(["p", "q", "r", "s", "t", "u", "st", "qr", "pr", "pq", "rr", "qrs", "qt", "qtc"])
_NOUNS = frozenset(["wave", "segment", "interval", "duration", "complex", "width"])
_LIGHT = frozenset(["-", '"', "'", "the", "a", "an", "is", "are", "was", "were"])
_BEFORE_QUANTITY = frozenset(
    ["is", "was", "are", "of", "at", "measure", "measuring", "measured", "remain", "approximately", "approx", "about",
     "around", "roughly", "~", "≈", ":", "=", "(", ")", "bazett", "fridericia"]
)  # fmt: skip
_BEFORE_LEADS = frozenset(["in", "lead", "across", "over", "throughout", "from", "(", ":"])
_LESSENS = frozenset(["incomplete", "partial"])
_QUALIFIERS = frozenset(
    word.key
    for word in words_of(
        "old acute recent prior nonspecific pathological abnormal prominent possible typical strain voltage criteria "
        "nonsustained unsustained blocked benign rapid complete incomplete first second third regular"
    )
)
_UNDERSTOOD = frozenset(["complete", "regular"])  # RBBB is understood as complete, sinus rhythm as regular

_TOLERANCE = {"ms": 10.0, "bpm": 5.0, "deg": 15.0, "mV": 0.05, "mm": 0.5}
_QT_TOLERANCE_MS = 25.0
_QT = frozenset(["qt", "qtc", "qtcb", "qtcf"])
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Pattern:
    """A phrase made ready: the wordings that count as it, and whether it says that something is not there.

    `tolerant` says that the phrase names what its number is of; without a name the number must be the same.
    """

    wordings: tuple[tuple[Word, ...], ...]
    negative: bool
    qt: bool
    tolerant: bool


@dataclass(frozen=True)
class StrictText:
    """The words of a step's text, the places of each, and which of them are denied; made once for all phrases."""

    words: tuple[Word, ...]
    denied: tuple[bool, ...]
    places: Mapping[str, Sequence[int]]

    @staticmethod
    def of(text: str) -> StrictText:
        """Return the text made ready."""
        words = tuple(words_of(text))
        places: dict[str, list[int]] = {}
        for at, word in enumerate(words):
            places.setdefault(word.key, []).append(at)
        return StrictText(words, tuple(denied(words)[0]), places)


def find(phrase: str, text: StrictText) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Return where the phrase is said and where its opposite is said, each as (start, end) in the text, in order.

    A denied phrase ("no ST elevation") is said where the text denies it; its spans cover what is denied. Overlapping
    places count once, the longer one. See docs/evidence.md for what counts as the same words.
    """
    pattern = compiled(phrase)
    found: dict[Span, bool] = {}
    for wording in pattern.wordings:
        for at in text.places.get(wording[0].key, ()):
            places = _at(wording, text.words, at, pattern)
            if places is None or (at > 0 and text.words[at - 1].key in _LESSENS):
                continue
            span = (text.words[at].start, text.words[places[-1]].end)
            found[span] = any(text.denied[place] for place in places) == pattern.negative
    said: list[Span] = []
    opposite: list[Span] = []
    last_end = -1
    for span in sorted(found, key=lambda one: (one[0], -one[1])):
        if span[0] >= last_end:
            (said if found[span] else opposite).append(span)
            last_end = span[1]
    return tuple(said), tuple(opposite)


@lru_cache(maxsize=8192)
def compiled(phrase: str) -> Pattern:
    """Return the phrase made ready for `find`."""
    words = words_of(phrase)
    no, cue = denied(words)
    core = [word for word, is_cue in zip(words, cue, strict=True) if not is_cue and word.kind != "end"]
    negative = any(is_no for is_no, is_cue in zip(no, cue, strict=True) if not is_cue)
    if not core or not negative:
        core = [word for word in words if word.kind != "end"]
    core = _without_light(core) or core
    wordings = dict.fromkeys(tuple(one) for one in (core, _without_nouns(core), *_synonyms(core)) if one)
    names = {word.key for word in core if word.kind == "word"}
    return Pattern(tuple(wordings), negative, bool(names & _QT), bool(names))


def _without_light(core: Sequence[Word]) -> list[Word]:
    """Leave out what `_at` skips in a text, so that the phrase may have it and the text may not."""
    kept: list[Word] = []
    for at, word in enumerate(core):
        following = next(
            (one for one in core[at + 1 :] if one.kind in ("quantity", "leads") or one.kind == "word"), None
        )
        before_quantity = following is not None and following.kind == "quantity" and word.key in _BEFORE_QUANTITY
        before_leads = following is not None and following.kind == "leads" and word.key in _BEFORE_LEADS
        if word.key in _LIGHT or before_quantity or before_leads or word.key in ("(", ")"):
            continue
        kept.append(word)
    return kept


def _without_nouns(core: Sequence[Word]) -> list[Word]:
    """Leave out "wave", "interval" and the like behind a wave's name, where more than the name remains."""
    kept = [word for at, word in enumerate(core) if not (at > 0 and word.key in _NOUNS and core[at - 1].key in _WAVES)]
    return kept if len(kept) > 1 else []


def _synonyms(core: Sequence[Word]) -> Iterator[list[Word]]:
    """Yield the wordings with a label of the vocabulary replaced by its other names, as far as none says less."""
    covered: list[tuple[int, int]] = []
    for length in range(len(core), 0, -1):
        for start in range(len(core) - length + 1):
            stop = start + length
            names = _labels().get(_identity(core[start:stop]))
            if names is None or any(a <= start and stop <= b for a, b in covered):
                continue
            covered.append((start, stop))
            needed = {word.key for word in core[start:stop]} & _QUALIFIERS - _UNDERSTOOD
            for other in names:
                if needed <= {word.key for word in other}:
                    yield [*core[:start], *other, *core[stop:]]


@cache
def _labels() -> dict[tuple[object, ...], list[list[Word]]]:
    """Return, by every wording of every label of the vocabulary, the wordings of that label that deny nothing."""
    table: dict[tuple[object, ...], list[list[Word]]] = {}
    for label in vocabulary.labels():
        codes = [label.scp] if label.scp is not None and vocabulary.lookup(label.scp) is label else []
        written = [_without_light(words_of(name)) for name in (label.name, *label.synonyms, *codes)]
        names = [
            words for name, words in zip((label.name, *label.synonyms, *codes), written, strict=True) if name != "NORM"
        ]
        names = [words for words in names if not any(denied(words)[1])]
        for words in written:
            table.setdefault(_identity(words), names)
    return table


def _identity(words: Sequence[Word]) -> tuple[object, ...]:
    return tuple((word.key, word.quantity, word.leads) for word in words)


def _at(wording: Sequence[Word], words: Sequence[Word], at: int, pattern: Pattern) -> list[int] | None:
    """Return the places of the wording's words where it begins at `at`, None where it does not."""
    if not _same(wording[0], words[at], pattern):
        return None
    places = [at]
    for word in wording[1:]:
        at += 1
        while at < len(words) and not _same(word, words[at], pattern):
            if not _may_be_skipped(words, at, word):
                return None
            at += 1
        if at == len(words):
            return None
        places.append(at)
    return places


def _may_be_skipped(words: Sequence[Word], at: int, awaited: Word) -> bool:
    key = words[at].key
    if words[at].kind == "end":
        return False
    if key in _LIGHT or key == "not" or (key in _NOUNS and words[at - 1].key in _WAVES):
        return True
    if awaited.kind == "quantity":
        return key in _BEFORE_QUANTITY or key in _NOUNS
    return awaited.kind == "leads" and key in _BEFORE_LEADS


def _same(wanted: Word, word: Word, pattern: Pattern) -> bool:
    if wanted.kind != word.kind:
        return False
    if wanted.quantity is not None and word.quantity is not None:
        return _near(wanted.quantity, word.quantity, pattern)
    if wanted.kind == "leads":
        return wanted.leads <= word.leads
    return wanted.key == word.key


def _near(wanted: Quantity, given: Quantity, pattern: Pattern) -> bool:
    """Whether two quantities are the same: in the same unit, a limit exactly, a value within the tolerance."""
    if wanted.comparison != given.comparison:
        return False
    scaled = _in_unit(given, wanted.unit)
    if scaled is None or (not pattern.tolerant and wanted.unit != scaled.unit):
        return False
    allowed = 0.0
    unit = wanted.unit or scaled.unit
    if pattern.tolerant and wanted.comparison is None and unit is not None:
        allowed = _QT_TOLERANCE_MS if unit == "ms" and pattern.qt else _TOLERANCE[unit]
    distance = max(abs(wanted.low - scaled.low), abs(wanted.high - scaled.high))
    return distance <= allowed + _ROUNDING


def _in_unit(given: Quantity, unit: str | None) -> Quantity | None:
    """Return a quantity in another unit: 1 mm is 0.1 mV or 40 ms on standard paper; None where the two do not fit."""
    if unit is None or given.unit is None or given.unit == unit:
        return given
    factor = {("mm", "mV"): 0.1, ("mm", "ms"): 40.0, ("mV", "mm"): 10.0, ("ms", "mm"): 1 / 40}.get((given.unit, unit))
    return None if factor is None else Quantity(given.low * factor, given.high * factor, unit, given.comparison)
