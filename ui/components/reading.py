"""The reading: six panels, the summary and the answer with its claims marked, and the line that says who read.

It shows what an `Interpretation` holds, word for word and as text, also while it is still being written, and beside it
what `Checked` knows. It judges nothing and knows no reader but by its title and version.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ecgr1_core.evidence import PhraseMatch, StepMatch
from ecgr1_core.interpretation import STEP_TITLES, Interpretation
from ecgr1_core.verify import Part
from ecgr1_core.vocabulary import lookup
from ui import strings
from ui.components.checked import NOTHING_CHECKED, Checked
from ui.components.claims import (
    Placed,
    claim_attributes,
    counts_sentence,
    markings_of,
    part_html,
    reasons_html,
    remark,
)

ANSWER = "answer"


def reading_html(reading: Interpretation | None, checked: Checked = NOTHING_CHECKED, *, running: bool = False) -> str:
    """Return the panels as HTML; with `running` the last one with text is marked as being written."""
    if reading is None:
        return quiet_html(strings.READING_NONE)
    begun = [number for number in _step_numbers(reading) if _step_text(reading, number)]
    now = begun[-1] if running and begun and not (reading.summary or reading.answer) else None
    panels = [_head(checked, running), _stray(strings.BEFORE_STEPS, reading, checked, "preamble", "introduction")]
    panels += [_step(reading, number, checked, number == now, running) for number in _step_numbers(reading)]
    panels.append(_panel(strings.SUMMARY, _paragraph("summary", reading.summary, checked, running), "summary"))
    panels.append(_panel(strings.ANSWER, _chips(reading.answer, checked, running), "answer"))
    panels.append(_stray(strings.AFTER_ANSWER, reading, checked, "trailing", "" if running else "cut_off"))
    region = f'role="region" aria-label="{escape(strings.READING_REGION)}"'
    return f'<div class="reading" {region}><h2 class="unseen">{escape(strings.READING)}</h2>{"".join(panels)}</div>'


def quiet_html(sentence: str) -> str:
    """Return the panel as it is without a reading: one sentence."""
    return f'<div class="reading"><section><p class="quiet">{escape(sentence)}</p></section></div>'


def footer_html(sentence: str = "", notes: str = "") -> str:
    """Return the lines below the reading: who read and how long it took, and what was done to the recording before.

    Without a reading there is no `sentence`, and only the use that the page is meant for is said.
    """
    said = f"{escape(sentence)}. " if sentence else ""
    first = f'<div class="foot">{said}<strong>{escape(strings.RESEARCH_USE)}</strong></div>'
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


def step_title(reading: Interpretation, number: int) -> str:
    """Return the title of a step as it was written, the published one where it has none or is missing."""
    step = reading.step(number)
    if step is not None and step.title:
        return step.title
    return STEP_TITLES[number - 1] if 1 <= number <= len(STEP_TITLES) else ""


def _head(checked: Checked, running: bool) -> str:
    """Return the line above the steps: how many claims have which status, or why none was checked, and the score."""
    lines = []
    if checked.claims is not None:
        sentence = counts_sentence(checked.claims)
        sentence += f" {strings.CHECKED_SO_FAR}." if running else "."
        lines.append(f'<p class="counts">{escape(sentence)}</p>')
        if checked.claims and not running:
            lines.append(f'<p class="quiet">{escape(strings.CLAIMS_HELP)}</p>')
    elif checked.note:
        lines.append(f'<p class="counts stale">{escape(checked.note)}</p>')
    lines.append(_comparison_line(checked))
    about = (
        f'<div class="about" role="status" data-words="{escape(strings.ABOUT_LEAD)}" hidden><span></span> '
        f'<button type="button">{escape(strings.SHOW_ALL)}</button></div>'
    )
    return f'<section class="head">{"".join(lines)}{about}</section>' if any(lines) else ""


def _comparison_line(checked: Checked) -> str:
    comparison, found = checked.comparison, checked.phrases
    if comparison is None or found is None:
        return ""
    mode = strings.COMPARE_MODES[comparison.mode]
    words = strings.EDER_WITHOUT_PHRASES.format(name=comparison.name)
    if found.score is not None:
        words = strings.EDER_TOTAL.format(score=found.score, name=comparison.name, mode=mode)
    if comparison.reference.answer:
        words += "; " + strings.EDER_ANSWER.format(labels="; ".join(comparison.reference.answer))
    return f'<p class="eder-total">{escape(words)}.</p>'


def _step_numbers(reading: Interpretation) -> list[int]:
    published = set(range(1, len(STEP_TITLES) + 1))
    return sorted(published | {step.number for step in reading.steps})


def _step_text(reading: Interpretation, number: int) -> str:
    step = reading.step(number)
    return "" if step is None else step.text


def _step(reading: Interpretation, number: int, checked: Checked, writing: bool, running: bool) -> str:
    matched = checked.phrases.step(number) if checked.phrases is not None else None
    heading = f'<span class="number">{number}</span>{escape(step_title(reading, number))}{_score(matched, checked)}'
    phrases = matched.phrases if matched is not None else ()
    return (
        f'<section class="step{" now" if writing else ""}" data-step="{number}"><h3>{heading}</h3>'
        f"{_paragraph(number, _step_text(reading, number), checked, running, phrases)}{_missed(phrases)}</section>"
    )


def _score(matched: StepMatch | None, checked: Checked) -> str:
    if matched is None or checked.comparison is None:
        return ""
    hits = sum(phrase.status == "hit" for phrase in matched.phrases)
    title = strings.EDER_TITLE.format(mode=strings.COMPARE_MODES[checked.comparison.mode])
    words = strings.EDER.format(hits=hits, count=len(matched.phrases))
    return f' <span class="eder" title="{escape(title)}">{escape(words)}</span>'


def _missed(phrases: Sequence[PhraseMatch]) -> str:
    """Return the phrases that a step does not say, as chips after it: denied ones, and those it does not mention."""
    lists = []
    for status, words in (("negated", strings.PHRASES_NEGATED), ("missed", strings.PHRASES_MISSED)):
        found = [phrase.phrase for phrase in phrases if phrase.status == status]
        chips = "".join(f'<li class="{status}">{escape(phrase)}</li>' for phrase in found)
        lists.append(f'<div class="missing"><span>{escape(words)}</span><ul>{chips}</ul></div>' if found else "")
    return "".join(lists)


def _panel(title: str, body: str, kind: str) -> str:
    return f'<section class="{kind}"><h3>{escape(title)}</h3>{body}</section>'


def _paragraph(part: Part, text: str, checked: Checked, running: bool, phrases: Sequence[PhraseMatch] = ()) -> str:
    if not text:
        return "" if running else f'<p class="quiet">{escape(strings.NOT_STATED)}</p>'
    return part_html(part, text, checked.placed(part), markings_of(phrases))


def _chips(labels: tuple[str, ...], checked: Checked, running: bool) -> str:
    return answer_html(labels, checked) if labels else _paragraph(ANSWER, "", checked, running)


def answer_html(labels: Sequence[str], checked: Checked, name: str = ANSWER) -> str:
    """Return the labels of an answer with their claims; `name` begins what its elements are called on the page."""
    placed, chips, reasons, start = checked.placed(ANSWER), "", "", 0
    for label in labels:
        own = tuple(one for one in placed if start <= one.claim.start < start + len(label))
        chips += _chip(name, label, own, checked.certainties.get(label))
        reasons += reasons_html(name, own) if own else ""
        start += len(label) + len("; ")
    return f'<ul class="answer">{chips}</ul>' + (f'<div class="reasons">{reasons}</div>' if reasons else "")


def _chip(name: str, label: str, placed: Sequence[Placed], certainty: str | None) -> str:
    sure = (
        f' <span class="certainty">{escape(strings.CERTAINTIES.get(certainty, certainty))}</span>' if certainty else ""
    )
    title = f' title="{escape(codes_of(label))}"'
    body = f'<span class="label">{escape(label)}</span>{sure}'
    if not placed:
        return f"<li{title}>{body}</li>"
    sign = f'<span class="sign" aria-hidden="true">{escape(remark(placed)[0])}</span>'
    return f"<li{title}><span {claim_attributes(name, placed, label, titled=False)}>{body}{sign}</span></li>"


def codes_of(label: str) -> str:
    """Return the codes of a label in words, "SCP-ECG SR, SNOMED CT 426783006, AHA 20"."""
    known = lookup(label)
    codes = {} if known is None else {"scp": known.scp, "snomed": known.snomed, "aha": known.aha}
    told = [strings.CODE_TITLES[system].format(code=code) for system, code in codes.items() if code]
    return ", ".join(told) or strings.CODE_NONE


def _stray(title: str, reading: Interpretation, checked: Checked, *names: str) -> str:
    """Return a panel for text outside the published form, so that nothing a reader wrote is hidden."""
    texts = [(name, getattr(reading, name)) for name in names if name]
    body = "".join(part_html(name, text, checked.placed(name)) for name, text in texts if text)
    return _panel(title, body, "stray") if body else ""
