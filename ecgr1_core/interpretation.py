"""`Interpretation`: a reading in six steps, a summary and answer labels, parsed from and written in ECG-R1's form.

The form is `<think>` six headed paragraphs `</think>`, one summary paragraph, `<answer>` labels separated by
semicolons `</answer>`. Parsing never fails and never loses text: what belongs to no slot is kept in a field of its own.
This module does not know what the words mean, who wrote them, or which labels exist.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

STEP_TITLES: tuple[str, ...] = (
    "Technical, Rate & Rhythm",
    "Conduction, Axis & Intervals",
    "Chamber Hypertrophy & Voltage",
    "Ischemia, Infarction & Mimics",
    "Electrolytes & QT",
    "Final Medical Reasoning",
)
STEP_NUMBERS: tuple[int, ...] = tuple(range(1, len(STEP_TITLES) + 1))

_TAG = re.compile(r"<\s*(?P<close>/?)\s*(?P<name>think|answer)\s*>", re.IGNORECASE)
_CUT_TAG = re.compile(
    r"<\s*(?:/\s*)?(?:t(?:h(?:i(?:n(?:k\s*)?)?)?)?|a(?:n(?:s(?:w(?:e(?:r\s*)?)?)?)?)?)?\Z", re.IGNORECASE
)
_MARK = r"(?:\#{1,6}[ \t]*|[-*>][ \t]+)?"
_LINE_HEADING = re.compile(
    rf"^[ \t]*(?P<mark>{_MARK})(?P<bold>\*\*|__)?[ \t]*Step[ \t]*(?P<number>\d{{1,2}})\b(?P<rest>[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_INLINE_HEADING = re.compile(
    r"\*\*[ \t]*Step[ \t]*(?P<number>\d{1,2})[ \t]*[:.–—-][ \t]*(?P<title>[^\n*]*?)[ \t]*(?:\*\*|\*?\Z)", re.IGNORECASE
)
_BREAK = r"[ \t]*(?:[:.)–—-][ \t]*)?"
_CUT_HEADING = re.compile(
    rf"(?:^[ \t]*{_MARK}(?:\*\*?|__?)?[ \t]*(?:S(?:t(?:e(?:p[ \t]*\d{{0,2}})?)?)?)?"
    r"|\*\*[ \t]*S(?:t(?:e(?:p[ \t]*\d{0,2}[ \t]*)?)?)?)\Z",
    re.IGNORECASE | re.MULTILINE,
)
_LONGEST_TITLE = 80
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
_SEPARATORS = re.compile(r"[;\n\r]")


@dataclass(frozen=True)
class Step:
    """One headed paragraph: `number` from 1, `title` as published or as it was written, `text` without the heading."""

    number: int
    title: str
    text: str


@dataclass(frozen=True)
class Interpretation:
    """A reading, whole or as far as it came.

    `steps` are in the order of their numbers, each number once. `preamble` is text before `<think>`, `introduction`
    text inside it before the first heading, `trailing` text after `</answer>`, `cut_off` the half of a tag or heading
    on which the output ends. `missing` names what the published form has and this reading has not.
    """

    steps: tuple[Step, ...] = ()
    summary: str = ""
    answer: tuple[str, ...] = ()
    raw: str = ""
    preamble: str = ""
    introduction: str = ""
    trailing: str = ""
    cut_off: str = ""
    missing: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all six steps, the summary, the answer and every tag are there."""
        return not self.missing

    def step(self, number: int) -> Step | None:
        """Return the step of that number, None where there is none."""
        return next((step for step in self.steps if step.number == number), None)


def write(steps: Sequence[Step], summary: str, answer: Sequence[str]) -> str:
    """Return a reading in ECG-R1's output form; `parse` gives the parts back.

    `steps` are in the order of their numbers. Raises ValueError for what the form cannot carry: a label with a
    semicolon or line break, a text with a tag or with a line that reads as a heading.
    """
    blocks = "\n\n".join(f"**Step {step.number}: {step.title}**\n{step.text}" for step in steps)
    raw = f"<think>\n{blocks}\n</think>\n\n{summary}\n\n<answer>{'; '.join(answer)}</answer>"
    back = parse(raw)
    if (back.steps, back.summary, back.answer) != (tuple(steps), summary, tuple(answer)):
        raise ValueError("a text contains a tag, a line that reads as a step heading, or white space at its ends")
    return raw


def parse(text: str) -> Interpretation:
    """Return the reading that `text` contains, whatever is missing, doubled, re-ordered or cut off.

    Steps may come in any order and with other headings (`**Step 3: …**`, `Step 3:`, `### Step 3 …`, a published title
    alone); two of one number are joined. Without `<think>`, text under step headings is the reasoning and any other
    text the summary. Every character of `text` that is not white space, a tag, a heading or the semicolon between two
    labels is found in one of the fields.
    """
    regions, cut_off = _regions(text)
    preamble, reasoning, summary, trailing = (regions[name] for name in ("before", "think", "summary", "trailing"))
    opened, thought_closed, answered, answer_closed = _tags_seen(text)
    if not opened:
        if thought_closed:
            reasoning, preamble = [*preamble, *reasoning], []
        else:
            reasoning, summary, preamble = _untagged("\n\n".join(preamble), summary)
    introduction, written = _split_steps("\n\n".join(reasoning))
    if written and answered and not thought_closed and not any(part.strip() for part in summary):
        written, summary = _summary_from_last_step(written)
    steps = _merged(written)
    summary_text = _joined(summary)
    answer = _labels(regions["answer"])
    missing = [f"step {number}" for number in STEP_NUMBERS if not any(s.number == number and s.text for s in steps)]
    missing += ["summary"] * (not summary_text) + ["answer"] * (not answer)
    missing += ["<think>"] * (not opened) + ["</think>"] * (not thought_closed) + ["</answer>"] * (not answer_closed)
    return Interpretation(
        steps=steps,
        summary=summary_text,
        answer=answer,
        raw=text,
        preamble=_joined(preamble),
        introduction=introduction,
        trailing=_joined(trailing),
        cut_off=cut_off.strip(),
        missing=tuple(missing),
    )


class StreamParser:
    """Parses a reading while it is being written: after every delta the reading so far, with no half tag in any text.

    After the last delta the result equals `parse` of the whole text. Readings are a few thousand characters, so each
    delta parses the text so far anew; there is no second grammar that could differ from the first.
    """

    def __init__(self) -> None:
        self._text = ""

    def feed(self, delta: str) -> Interpretation:
        """Add a piece of any length and return the reading so far."""
        self._text += delta
        return parse(self._text)


def _regions(text: str) -> tuple[dict[str, list[str]], str]:
    """Cut the text at its tags; return the pieces by region, and the half tag or heading at the very end."""
    cut = _CUT_TAG.search(text)
    cut_off = cut.group() if cut else ""
    text = text[: len(text) - len(cut_off)]
    regions: dict[str, list[str]] = {"before": [], "think": [], "summary": [], "answer": [], "trailing": []}
    state, start = "before", 0
    for tag in _TAG.finditer(text):
        regions[state].append(text[start : tag.start()])
        state = _after_tag(tag["name"].lower(), bool(tag["close"]))
        start = tag.end()
    last = text[start:]
    if not cut_off and state in ("before", "think"):
        heading = _CUT_HEADING.search(last)
        if heading and heading.group().strip():
            cut_off, last = heading.group(), last[: heading.start()]
    regions[state].append(last)
    return regions, cut_off


def _after_tag(name: str, closing: bool) -> str:
    if name == "think":
        return "summary" if closing else "think"
    return "trailing" if closing else "answer"


def _tags_seen(text: str) -> tuple[bool, bool, bool, bool]:
    seen = {(tag["name"].lower(), bool(tag["close"])) for tag in _TAG.finditer(text)}
    return ("think", False) in seen, ("think", True) in seen, ("answer", False) in seen, ("answer", True) in seen


def _untagged(text: str, summary: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Return (reasoning, summary, preamble) of an output without a think tag."""
    first = next(iter(_headings(text)), None)
    if first is None:
        return [], [text, *summary], []
    return [text[first[0] :]], summary, [text[: first[0]]]


def _headings(text: str) -> list[tuple[int, int, int, str]]:
    """Return (start, end, number, title) of each heading, in order; the end is where its text begins."""
    found = [heading for match in _LINE_HEADING.finditer(text) if (heading := _line_heading(match)) is not None]
    others = [
        (m.start(), m.end(), int(m["number"]), _published(int(m["number"]), m["title"]))
        for m in _INLINE_HEADING.finditer(text)
    ]
    others += [
        (match.start(), match.end(), number, title)
        for number, title in zip(STEP_NUMBERS, STEP_TITLES, strict=True)
        for match in _BARE_TITLES[title].finditer(text)
    ]
    for start, end, number, title in others:
        if not any(start < taken_end and taken_start < end for taken_start, taken_end, _, _ in found):
            found.append((start, end, number, title))
    return sorted(found)


def _line_heading(match: re.Match[str]) -> tuple[int, int, int, str] | None:
    """Return the heading of a line that begins with "Step N", None where that is only the beginning of a sentence."""
    number, bold, rest, start = int(match["number"]), match["bold"], match["rest"], match.start("rest")
    if not (bold or "#" in match["mark"] or re.match(r"[ \t]*(?:[:.)–—-]|$)", rest)):
        return None
    inside, closing, _ = rest.partition(bold) if bold else (rest, "", "")
    if closing and inside.strip(" \t:.)–—-"):
        end = start + len(inside) + len(closing)
        end += _matched(_BREAK, rest[end - start :])
        return match.start(), end, number, _published(number, inside.strip(" \t:.)–—-"))
    if bold and not closing:  # cut off inside the heading
        return match.start(), match.end(), number, _published(number, rest.strip(" \t:.)–—-*_"))
    skipped = _matched(_BREAK, inside) + len(closing)
    skipped += _matched(_BREAK, rest[skipped:])
    title, length = _title_or_text(rest[skipped:])
    return match.start(), start + skipped + length, number, _published(number, title)


def _title_or_text(rest: str) -> tuple[str, int]:
    """Decide whether what follows the number on its line is a title; return it and its length with the break after it.

    It is where it begins with a published title, or is short and does not end as a sentence does.
    """
    for title in STEP_TITLES:
        length = _matched(rf"(?:\*\*|__)?{_loose(title)}(?!\w)(?:\*\*|__)?{_BREAK}", rest)
        if length:
            return title, length
    if len(rest) <= _LONGEST_TITLE and not rest.rstrip().endswith((".", ";", "!", "?")):
        return rest.strip(" \t*_:#"), len(rest)
    return "", 0


def _matched(pattern: str, text: str) -> int:
    match = re.match(pattern, text, re.IGNORECASE)
    return match.end() if match else 0


def _loose(title: str) -> str:
    return re.escape(title).replace(r"\ \&\ ", r"\s*(?:&|and)\s*").replace("Ischemia", "Isch(?:a?e)mia")


_BARE_TITLES = {
    title: re.compile(
        rf"^[ \t]*{_MARK}(?:\d[.)][ \t]*)?(?:\*\*|__)?[ \t]*{_loose(title)}[ \t]*:?[ \t]*(?:\*\*|__)?[ \t]*:?[ \t]*$",
        re.IGNORECASE | re.MULTILINE,
    )
    for title in STEP_TITLES
}


def _published(number: int, title: str) -> str:
    """Return the published title where the heading gives it or gives none, otherwise what was written."""
    if 1 <= number <= len(STEP_TITLES):
        own = STEP_TITLES[number - 1]
        if not title or re.fullmatch(_loose(own), title, re.IGNORECASE):
            return own
    return title


def _split_steps(reasoning: str) -> tuple[str, list[Step]]:
    headings = _headings(reasoning)
    if not headings:
        return reasoning.strip(), []
    ends = [start for start, *_ in headings[1:]] + [len(reasoning)]
    steps = [
        Step(number, title, reasoning[start:end].strip())
        for (_, start, number, title), end in zip(headings, ends, strict=True)
    ]
    return reasoning[: headings[0][0]].strip(), steps


def _summary_from_last_step(steps: list[Step]) -> tuple[list[Step], list[str]]:
    """Without `</think>` before the answer, the last paragraph under the last heading is the summary."""
    *earlier, last = steps
    paragraphs = _PARAGRAPHS.split(last.text)
    if len(paragraphs) < 2:
        return steps, []
    return [*earlier, Step(last.number, last.title, "\n\n".join(paragraphs[:-1]))], [paragraphs[-1]]


def _merged(steps: list[Step]) -> tuple[Step, ...]:
    """Join the texts of steps with one number, in their order; a second title that is not the published one stays.

    What stands behind an unmarked "Step 2:" may be text that was taken for a title, so it is kept even when repeated.
    """
    by_number: dict[int, Step] = {}
    for step in steps:
        first = by_number.get(step.number)
        if first is None:
            by_number[step.number] = step
            continue
        again = "" if step.title == _published(step.number, "") else step.title
        by_number[step.number] = Step(step.number, first.title, _joined([first.text, again, step.text]))
    return tuple(by_number[number] for number in sorted(by_number))


def _labels(pieces: list[str]) -> tuple[str, ...]:
    return tuple(label.strip() for piece in pieces for label in _SEPARATORS.split(piece) if label.strip())


def _joined(pieces: Sequence[str]) -> str:
    return "\n\n".join(piece.strip() for piece in pieces if piece.strip())
