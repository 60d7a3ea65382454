"""The text of a foreign model brought to ECG-R1's form while it is written, by its own headings and no others.

A model that was asked for six steps mostly writes them, but with headings of its own ("**1. Rate and rhythm**") and
without the tags. Only heading lines and the marks of the list under "Diagnoses" are written anew, and tags are put
around what they head; every other character stays as it came. A text without such headings stays as it is, and so does
one that is in the form already. This module knows no medicine: a heading says by its number which step it heads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

from ecgr1_core.interpretation import STEP_NUMBERS, STEP_TITLES, parse

_OPEN: Final = re.compile(r"\s*<think>", re.IGNORECASE)
_CLOSE: Final = re.compile(r"</think>\n*", re.IGNORECASE)
_ANSWER: Final = re.compile(r"<answer>", re.IGNORECASE)
_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")
_MARK: Final = r"[ \t]*(?:\#{1,6}[ \t]*)?"
_BOLD: Final = r"(?:\*\*|__)"
_PUBLISHED: Final = "|".join(re.escape(title).replace(r"\ \&\ ", r"[ \t]*(?:&|and)[ \t]*") for title in STEP_TITLES)
_FORM: Final = re.compile(
    rf"{_MARK}{_BOLD}?[ \t]*(?:Step[ \t]*\d|(?:\d[.)][ \t]*)?{_BOLD}?(?:{_PUBLISHED}))", re.IGNORECASE
)
_TITLE: Final = r"(?P<title>[^\n*]{1,80}?)"
_NUMBERED: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_MARK}{_BOLD}[ \t]*(?P<number>\d)[.):][ \t]*{_TITLE}[ \t:]*{_BOLD}(?P<rest>.*)$",
        rf"{_MARK}(?P<number>\d)[.):][ \t]+{_BOLD}[ \t]*{_TITLE}[ \t:]*{_BOLD}(?P<rest>.*)$",
        rf"[ \t]*\#{{1,6}}[ \t]*(?P<number>\d)[.):]?[ \t]+{_TITLE}[ \t:]*(?P<rest>)$",
        rf"[ \t]*(?P<number>\d)[.):][ \t]+(?P<title>{_PUBLISHED})[ \t]*(?P<rest>(?:[:–—-].*)?)$",
    )
)
_BULLET: Final = re.compile(r"[ \t]*(?:[-*•]|\d{1,2}[.)])[ \t]+")
_WORDS: Final = ("summary", "conclusion", "impression", "diagnos", "answer", "final", "overall", "step")
_MARKED: Final = re.compile(r"\s*(?:[#*_\d<•-]|$)")

Stage = Literal["before", "steps", "summary", "diagnoses", "answer", "as it comes"]


def _headed(words: str) -> re.Pattern[str]:
    """Return what finds a heading of these words: bold, or alone on its line."""
    bold = rf"{_MARK}{_BOLD}[ \t]*(?:\d[.)][ \t]*)?(?:{words})[ \t:]*{_BOLD}[ \t]*:?(?P<rest>.*)$"
    alone = rf"{_MARK}(?:\d[.)][ \t]*)?(?:{words})[ \t]*:?[ \t]*$"
    return re.compile(f"(?:{bold})|(?:{alone})", re.IGNORECASE)


_SUMMARY: Final = _headed("(?:overall |final )?(?:summary|conclusion|impression)")
_DIAGNOSES: Final = _headed("(?:final |overall )?(?:diagnos[ie]s|answer)")


class SixSteps:
    """Takes the pieces of a text and gives those of the text in ECG-R1's form.

    What was given is never taken back. So a line that may yet become a heading waits for its end, and a second
    paragraph under a heading for what follows it, since it may be the summary.
    """

    def __init__(self) -> None:
        self._text = ""
        self._given = 0

    def feed(self, piece: str) -> str:
        """Add a piece of any length and return what is certain now."""
        self._text += piece
        return self._new(brought(self._text, ended=False))

    def finish(self, *, cut: bool = False) -> str:
        """Return what was held back; a text that was `cut` off gets no end of an answer that it does not have."""
        return self._new(brought(self._text, ended=True, cut=cut))

    def _new(self, text: str) -> str:
        new = text[self._given :]
        self._given += len(new)
        return new


def brought(text: str, *, ended: bool = True, cut: bool = False) -> str:
    """Return `text` in ECG-R1's form; while it has not ended, only as much as no further text can change."""
    head, body = _passed_on(text)
    writer = _Writer(head)
    lines: list[str] = _LINES.findall(body)
    for number, line in enumerate(lines):
        if not ended and not line.endswith("\n"):
            line = writer.certain(line)
        if not writer.take(line, lines[number + 1 :], ended=ended):
            break
    if ended:
        writer.end(cut=cut)
    return "".join(writer.out)


def _passed_on(text: str) -> tuple[str, str]:
    """Return what is passed on as it is, and what is looked at line by line: nothing of a text in the form already.

    A model that thinks aloud writes `<think>…</think>` before its answer, without steps; they come after it.
    """
    if not _OPEN.match(text):
        return "", text
    close = _CLOSE.search(text)
    if close is None or any(_FORM.match(line) for line in text[: close.start()].splitlines()):
        return text, ""
    return text[: close.end()], text[close.end() :]


class _Writer:
    """Writes a text line by line; `held` is a paragraph that waits for what follows it."""

    def __init__(self, head: str) -> None:
        self.out = [head]
        self._held: list[str] = []
        self._stage: Stage = "before"
        self._last = 0
        self._numbers_are_steps = True
        self._paragraphs = 0
        self._in_paragraph = False
        self._heading = ""

    def certain(self, line: str) -> str:
        """Return what of an unfinished line can be taken now: nothing where it may become a heading."""
        if self._stage == "as it comes":
            return line
        start = line.strip().casefold()
        titles = (*_WORDS, *(title.casefold() for title in STEP_TITLES))
        if (
            self._stage in ("diagnoses", "answer")
            or _MARKED.match(line)
            or any(start.startswith(title) or title.startswith(start) for title in titles)
        ):
            return ""
        tag = line.rfind("<")
        return line[:tag] if tag >= 0 and "<answer>".startswith(line[tag:].casefold()) else line

    def take(self, line: str, following: Sequence[str], *, ended: bool) -> bool:
        """Write a line; false where that has to wait for the lines after it."""
        if not line:
            return True
        answer = _ANSWER.search(line) if self._stage != "as it comes" else None
        if answer is not None:
            if line[: answer.start()].strip():
                self._text(line[: answer.start()])
            self._close()
            self.out.append(line[answer.start() :])
            self._stage = "as it comes"
        elif self._stage in ("before", "steps") and (own := self._own_heading(line)) is not None:
            if self._last == 0 and not own["rest"].strip() and not ended and not _decides(following):
                return False
            if self._last == 0 and not own["rest"].strip() and _is_list(following):
                self._text(line)
            else:
                ending = "\n" if line.endswith("\n") else ""
                self._step(
                    int(own["number"]), f"**Step {own['number']}: {own['title'].strip()}**{own['rest']}{ending}",
                    bool(own["rest"].strip(" \t:.–—-")),
                )  # fmt: skip
        elif self._stage in ("before", "steps") and _FORM.match(line) and (found := parse(line + "\nx").steps):
            self._numbers_are_steps = False
            self._step(found[-1].number, line, found[-1].text != "x")
        else:
            self._under(line)
        return True

    def end(self, *, cut: bool) -> None:
        """Write what waits."""
        self._let_go()
        if self._stage == "diagnoses":
            self.out.append(self._heading)
        elif self._stage == "answer" and not cut:
            self.out.append("</answer>")

    def _own_heading(self, line: str) -> re.Match[str] | None:
        """Return the heading of the next step where the line is one with a number of its own."""
        if not self._numbers_are_steps:
            return None
        matches = (pattern.match(line.rstrip("\n")) for pattern in _NUMBERED)
        own = next((match for match in matches if match is not None), None)
        if own is None or int(own["number"]) != self._last + 1 or int(own["number"]) not in STEP_NUMBERS:
            return None
        return own

    def _step(self, number: int, line: str, has_text: bool) -> None:
        self._let_go()
        if self._stage == "before":
            self.out.append("<think>\n")
            self._stage = "steps"
        self.out.append(line)
        self._last, self._paragraphs, self._in_paragraph = number, 0, has_text

    def _under(self, line: str) -> None:
        """Write a line that heads no step."""
        bare = line.rstrip("\n")
        all_steps = self._last == STEP_NUMBERS[-1]
        if self._stage == "steps" and all_steps and (heading := _SUMMARY.match(bare)):
            self._let_go()
            self._stage = "summary"
            self.out.append("</think>\n\n" + (f"{rest}\n" if (rest := (heading["rest"] or "").strip()) else ""))
        elif self._stage in ("steps", "summary") and all_steps and (heading := _DIAGNOSES.match(bare)):
            self._close()
            self._stage, self._heading = "diagnoses", line
            if rest := (heading["rest"] or "").strip():
                self._label(f"{rest}\n")
        elif self._stage in ("diagnoses", "answer"):
            self._label(line)
        else:
            self._text(line)

    def _label(self, line: str) -> None:
        """Write a line under "Diagnoses"; after a gap, one that is no part of the list ends it."""
        bullet = _BULLET.match(line)
        if not line.strip():
            self._in_paragraph = self._stage == "diagnoses"
            self.out += [line] if self._stage == "answer" else []
        elif self._stage == "answer" and bullet is None and not self._in_paragraph:
            self.out += ["</answer>\n\n", line]
            self._stage = "as it comes"
        else:
            self.out += ["<answer>"] if self._stage == "diagnoses" else []
            self.out.append((line if bullet is None else line[bullet.end() :]).replace("**", ""))
            self._stage, self._in_paragraph = "answer", True

    def _text(self, line: str) -> None:
        if self._stage == "steps" and "</think>" in line.casefold():
            self._let_go()
            self._stage = "summary"
        if self._stage != "steps":
            self.out.append(line)
            return
        if line.strip() and not self._in_paragraph:
            self._let_go()
            if self._paragraphs:
                self._held = [""]
            self._paragraphs, self._in_paragraph = self._paragraphs + 1, True
        elif not line.strip():
            self._in_paragraph = False
        (self._held if self._held else self.out).append(line)

    def _close(self) -> None:
        """Close the steps before the paragraph that is held, which then is the summary, or where they end."""
        if self._stage == "steps":
            newline = "" if "".join(self.out[-1:]).endswith("\n") else "\n"
            self.out.append(f"{newline}</think>\n\n")
        self._let_go()

    def _let_go(self) -> None:
        self.out += self._held
        self._held = []


def _decides(following: Sequence[str]) -> bool:
    """Whether the lines after a numbered one are far enough to say if it heads a text or begins a list."""
    return any(line.strip() and (line.endswith("\n") or not _MARKED.match(line)) for line in following)


def _is_list(following: Sequence[str]) -> bool:
    """Whether the next line with text is numbered too, or there is none: then nothing stands under the first."""
    first = next((line for line in following if line.strip()), None)
    return first is None or any(pattern.match(first.rstrip("\n")) for pattern in _NUMBERED)
