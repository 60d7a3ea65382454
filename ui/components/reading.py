"""The reading: six panels, the summary and the answer, and the line that says who read and that it is no diagnosis.

It shows what an `Interpretation` holds, word for word and as text, also while it is still being written. It judges
nothing and knows no reader but by its title and version.
"""

from __future__ import annotations

from html import escape

from ecgr1_core.interpretation import STEP_TITLES, Interpretation
from ecgr1_core.vocabulary import lookup
from ui import strings


def reading_html(reading: Interpretation | None, *, running: bool = False) -> str:
    """Return the panels as HTML; with `running` the last one with text is marked as being written."""
    if reading is None:
        return f'<div class="reading"><section><p class="quiet">{escape(strings.READING_NONE)}</p></section></div>'
    texts = [(number, _step_text(reading, number)) for number in _step_numbers(reading)]
    begun = [number for number, text in texts if text]
    now = begun[-1] if running and begun and not (reading.summary or reading.answer) else None
    panels = [_stray(strings.BEFORE_STEPS, reading.preamble, reading.introduction)]
    panels += [_step(number, _step_title(reading, number), text, number == now, running) for number, text in texts]
    panels.append(_panel(strings.SUMMARY, _paragraph(reading.summary, running), "summary"))
    panels.append(_panel(strings.ANSWER, _chips(reading.answer, running), "answer"))
    panels.append(_stray(strings.AFTER_ANSWER, reading.trailing, "" if running else reading.cut_off))
    return f'<div class="reading">{"".join(panels)}</div>'


def footer_html(sentence: str, notes: str = "") -> str:
    """Return the lines below the reading: who read and how long it took, and what was done to the recording before."""
    first = f'<div class="foot">{escape(sentence)}. <strong>{escape(strings.RESEARCH_USE)}</strong></div>'
    return first + (f'<div class="notes">{escape(notes)}</div>' if notes else "")


def writing_now(reading: Interpretation) -> str:
    """Return in words which part of a reading is being written."""
    if reading.answer:
        return strings.WRITING_ANSWER
    if reading.summary:
        return strings.WRITING_SUMMARY
    if reading.steps:
        return strings.WRITING_STEP.format(number=reading.steps[-1].number, count=len(STEP_TITLES))
    return strings.WRITING_FIRST


def _step_numbers(reading: Interpretation) -> list[int]:
    published = set(range(1, len(STEP_TITLES) + 1))
    return sorted(published | {step.number for step in reading.steps})


def _step_title(reading: Interpretation, number: int) -> str:
    step = reading.step(number)
    if step is not None and step.title:
        return step.title
    return STEP_TITLES[number - 1] if 1 <= number <= len(STEP_TITLES) else ""


def _step_text(reading: Interpretation, number: int) -> str:
    step = reading.step(number)
    return "" if step is None else step.text


def _step(number: int, title: str, text: str, writing: bool, running: bool) -> str:
    heading = f'<span class="number">{number}</span>{escape(title)}'
    return (
        f'<section class="step{" now" if writing else ""}" data-step="{number}"><h3>{heading}</h3>'
        f"{_paragraph(text, running)}</section>"
    )


def _panel(title: str, body: str, kind: str) -> str:
    return f'<section class="{kind}"><h3>{escape(title)}</h3>{body}</section>'


def _paragraph(text: str, running: bool) -> str:
    if not text:
        return "" if running else f'<p class="quiet">{escape(strings.NOT_STATED)}</p>'
    return f"<p>{escape(text)}</p>"


def _chips(labels: tuple[str, ...], running: bool) -> str:
    if not labels:
        return _paragraph("", running)
    return f'<ul class="answer">{"".join(f"<li>{_chip(label)}</li>" for label in labels)}</ul>'


def _chip(label: str) -> str:
    known = lookup(label)
    code = f'<span class="code">{escape(known.scp)}</span>' if known is not None and known.scp else ""
    return escape(label) + code


def _stray(title: str, *texts: str) -> str:
    """Return a panel for text outside the published form, so that nothing a reader wrote is hidden."""
    found = "\n\n".join(text for text in texts if text)
    return _panel(title, f"<p>{escape(found)}</p>", "stray") if found else ""
