"""How far "no", "without", "absent" and the like reach in a sentence: which words are denied.

Cues, what they reach and what ends their reach follow the idea of NegEx (Chapman et al., J Biomed Inform 2001;
34:301-310); the lists and the rules for commas, "and" and "with" are our own. Doubt ("possible") is not denial. What
is looked for in the sentence is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ecgr1_core.evidence.words import Word, words_of


def _phrases(*texts: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(word.key for word in words_of(text)) for text in texts)


_NO_DENIAL = _phrases(
    "no doubt", "without doubt", "not only", "not just", "not merely", "not necessarily", "not uncommon",
    "not absent", "not unlikely", "not excluded", "not exclude", "not ruled out", "not rule out", "not be excluded",
    "not be ruled out", "not be completely excluded", "cannot be excluded", "cannot be ruled out",
    "cannot be completely excluded", "cannot be entirely excluded", "cannot exclude", "cannot rule out",
    "cannot completely exclude", "can't be excluded", "can't be ruled out", "can't exclude", "can't rule out",
)  # fmt: skip
_BEFORE = _phrases(
    "no", "not", "without", "absence of", "absent", "lack of", "lack", "lacking", "neither", "nor", "never", "cannot",
    "negative for", "free of", "devoid of", "rather than", "instead of", "rule out", "rules out", "ruling out",
    "ruled out", "exclude", "excludes", "excluding", "argue against", "arguing against", "speak against",
    "evidence against", "point against", "weigh against", "fails to", "fail to", "failed to", "unlikely", "none of",
    "isn't", "aren't", "wasn't", "weren't", "doesn't", "don't", "didn't", "can't", "couldn't", "hasn't", "haven't",
)  # fmt: skip
_AFTER = _phrases("absent", "lacking", "missing", "ruled out", "excluded", "unlikely", "none", "nil")
_NOT = frozenset(
    word for (word,) in _phrases("not", "cannot", "can't", "couldn't", "isn't", "aren't", "wasn't", "weren't")
)
_SEEN = frozenset(
    word
    for (word,) in _phrases(
        "present", "seen", "evident", "observed", "identified", "identifiable", "noted", "detected", "detectable",
        "visible", "appreciated", "found", "met", "fulfilled", "satisfied", "demonstrated", "apparent", "shown",
        "discernible", "recognizable", "visualized", "documented", "recorded", "developed",
    )
)  # fmt: skip
_FIRST = frozenset(keys[0] for keys in _NO_DENIAL | _BEFORE | _AFTER)
_VERBAL = frozenset(["argue", "arguing", "speak", "point", "weigh", "rule", "ruling", "exclude", "excluding"])
_LONGEST_CUE = max(map(len, _NO_DENIAL | _BEFORE | _AFTER))
_FARTHEST = 40  # words that a cue reaches at most, so that endless sentences cost no more than short ones
_COPULA = frozenset(["is", "are", "was", "were", "be", "been", "appear", "remain", "seem"])
_VERB = _COPULA | frozenset(
    ["has", "have", "show", "reveal", "demonstrate", "display", "exhibit", "measure", "suggest", "indicate", "support"]
)
_FILL = frozenset(
    ["also", "clearly", "be", "been", "completely", "entirely", "otherwise", "readily", "definitely", "well", "yet"]
)
_CLAUSE = frozenset(
    ["but", "however", "although", "though", "except", "while", "whereas", "yet", "which", "who", "because", "since",
     "therefore", "thus", "hence", "despite", "dash", ":"]
)  # fmt: skip
_CONCLUSION = frozenset(
    ["suggesting", "indicating", "confirming", "supporting", "making", "consistent", "compatible", "reflecting",
     "showing", "representing", "favoring", "so", "then"]
)  # fmt: skip
_HEALTHY = frozenset(["normal", "regular", "irregular", "preserved", "intact", "stable", "narrow", "upright"])
_WITH_GOES_ON = frozenset(["consistent", "compatible", "associated", "lead", "beat", "evidence"])


def denied(words: Sequence[Word]) -> tuple[list[bool], list[bool]]:
    """Return two lists as long as `words`: which words are denied, and which are themselves words of denial.

    Nothing reaches over the end of a sentence, a semicolon or a line break.
    """
    no, cue = [False] * len(words), [False] * len(words)
    start = 0
    cues: list[int] = []
    for at, word in enumerate(words):
        if word.kind == "end":
            _sentence(words, start, at, cues, no, cue)
            start, cues = at + 1, []
        elif word.key in _FIRST:
            cues.append(at)
    _sentence(words, start, len(words), cues, no, cue)
    return no, cue


def _sentence(words: Sequence[Word], start: int, end: int, cues: list[int], no: list[bool], cue: list[bool]) -> None:
    """Mark what is denied in a sentence, and by which words; `cues` are the places where a cue may begin."""
    done = start
    for at in cues:
        if at < done:  # a word of the cue before
            continue
        first, last = max(start, at - _FARTHEST), min(end, at + _FARTHEST)
        length, kind = _cue(words, first, at, last)
        done = at + length
        if kind == "after":
            reached: Iterable[int] = _leftward(words, first, at)
        elif kind == "before":
            reached = _rightward(words, first, at, done, last)
        else:
            continue
        for index in range(at, done):
            cue[index] = True
        for index in reached:
            no[index] = True


def _cue(words: Sequence[Word], start: int, at: int, end: int) -> tuple[int, str]:
    """Return the length of the cue that may begin at `at` and "before", "after" or "" (what is skipped denies none)."""
    seen = _not_seen(words, start, at, end)
    for length in range(min(_LONGEST_CUE, end - at), 0, -1):
        keys = tuple(word.key for word in words[at : at + length])
        if keys in _NO_DENIAL:
            return length, ""
        if seen and length == 1:
            return seen, "after"
        if keys in _AFTER and (keys not in _BEFORE or _closes(words, start, at, at + length, end)):
            return length, "after" if _something_before(words, start, at) else ""
        if keys in _BEFORE:
            return length, "before"
    return 1, ""


def _not_seen(words: Sequence[Word], start: int, at: int, end: int) -> int:
    """Return the length of "not seen", "cannot be clearly identified" and the like at `at` behind a subject, else 0."""
    if words[at].key not in _NOT or not _something_before(words, start, at):
        return 0
    after = at + 1
    while after < end and words[after].key in _FILL:
        after += 1
    return after + 1 - at if after < end and words[after].key in _SEEN else 0


def _something_before(words: Sequence[Word], start: int, at: int) -> bool:
    """Whether the words of the sentence before `at` name a subject: more than "it is", "there are"."""
    return any(
        word.kind in ("word", "leads", "quantity")
        and word.key not in _COPULA
        and word.key not in ("there", "it", "and", "with")
        for word in words[start:at]
    )


def _closes(words: Sequence[Word], start: int, at: int, after: int, end: int) -> bool:
    """Whether a cue that may stand on either side ("absent") ends its statement."""
    if at > start and (words[at - 1].key in _COPULA or words[at - 1].key in (":", "also")):
        return True
    return after == end or words[after].key in (",", ")", "and", "but", "in", "on", "throughout", "dash")


def _leftward(words: Sequence[Word], start: int, at: int) -> list[int]:
    """Return what a cue behind its subject is about: back to the verb or clause before, or the comma."""
    index = at - 1
    verb = words[at].key in _NOT
    while index >= start and (
        words[index].key in _COPULA or words[index].key in ("also", ":", "and", "can", "has", "have", ",")
    ):
        verb = verb or words[index].key in _VERB or words[index].key == "can"
        index -= 1
    reached: list[int] = []
    depth = 0
    while index >= start:
        word = words[index]
        depth += (word.key == ")") - (word.key == "(")
        if depth < 0 or word.key in _VERB or word.key in _CLAUSE or word.key in ("with", "there"):
            break
        if (
            word.key in (",", "and")
            and depth == 0
            and (not verb or any(one.key in _VERB for one in words[start:index]))
        ):
            break
        reached.append(index)
        index -= 1
    return reached


def _rightward(words: Sequence[Word], start: int, at: int, after: int, end: int) -> list[int]:
    """Return what a cue before its object reaches, as far as the clause and the list it opens go."""
    is_verb = words[at].key in _VERBAL
    said_verb = any(word.key in _VERB for word in words[start:at]) or words[at].key in _NOT
    verb, depth = False, 0
    reached: list[int] = []
    for index in range(after, end):
        word = words[index]
        depth += (word.key == "(") - (word.key == ")")
        if depth < 0 or word.key in _CLAUSE:
            break
        if word.key == "with" and index > after and words[index - 1].key not in _WITH_GOES_ON:
            break
        if word.key == "," and depth == 0 and (verb or not _list_goes_on(words, index + 1, end, is_verb)):
            break
        if word.key == "and" and (verb or not _and_goes_on(words, index + 1, end, said_verb, is_verb)):
            break
        verb = verb or word.key in _VERB
        reached.append(index)
    return reached


def _list_goes_on(words: Sequence[Word], at: int, end: int, is_verb: bool) -> bool:
    """Whether the comma before `at` separates two things denied: an "or" follows before the next verb or clause.

    Behind a verb of denial an "and" does as well: "speak against fibrillation, block and hypertrophy".
    """
    if at >= end or words[at].key in _HEALTHY or words[at].key in _CONCLUSION:
        return False
    for word in words[at:end]:
        if word.key in ("or", "nor"):
            return True
        if word.key in _VERB or word.key in _CLAUSE or word.key == "with":
            return False
    return words[at].key == "and" or (is_verb and any(word.key == "and" for word in words[at:end]))


def _and_goes_on(words: Sequence[Word], at: int, end: int, said_verb: bool, is_verb: bool) -> bool:
    """Whether what follows "and" is denied with what stands before it; an article goes on only behind a verb."""
    if at >= end or words[at].key in _HEALTHY or words[at].key in _CONCLUSION:
        return False
    if words[at].key in ("a", "an", "the") and not is_verb:
        return False
    return not (said_verb and any(word.key in _VERB for word in words[at:end]))
