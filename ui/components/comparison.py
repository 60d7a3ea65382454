"""Readings of one recording side by side: how far they agree in numbers, labels, and sentence by sentence.

While they are written they stand in columns as they come; then their sentences are aligned with those of the first. It
shows what `ecgr1_core.metrics` and `ecgr1_core.verify` found and judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from annotations.recordings import KeptReading
from ecgr1_core.evidence import match
from ecgr1_core.interpretation import Interpretation, parse
from ecgr1_core.measure.types import Measurements
from ecgr1_core.metrics.consistency import Consistency, consistency, label_agreement
from ecgr1_core.metrics.differences import Pair, PartDifference, differences, gravest_first
from ecgr1_core.metrics.embedding import SentenceModel
from ecgr1_core.protocol import assess
from ecgr1_core.protocol.evidence_phrases import reference_of
from ecgr1_core.record import EcgRecord
from ecgr1_core.verify import Part, counts
from ui import strings
from ui import strings_compare as words
from ui.components.checked import Checked
from ui.components.claims import Marking, Placed, counts_sentence, part_html
from ui.components.reading import answer_html, quiet_html, reading_html

LETTERS = "ABCD"


@dataclass(frozen=True)
class Column:
    """One reading as it is shown: its letter, what it is, how far it is, what was written and what is known of it."""

    letter: str
    name: str
    state: str
    reading: Interpretation
    checked: Checked
    running: bool = False
    note: str = ""


@dataclass(frozen=True, eq=False)
class Compared:
    """Finished readings with the consistency and the differences of the first with each other one."""

    kept: tuple[KeptReading, ...]
    readings: tuple[Interpretation, ...]
    checked: tuple[Checked, ...]
    consistencies: tuple[Consistency, ...]
    differences: tuple[tuple[PartDifference, ...], ...]
    found: tuple[float | None, ...]


def view_name(title: str, modality: str) -> str:
    """Return a way of reading as people read it: the title of a reader and what it looks at."""
    return words.VIEW_NAME.format(reader=title, modality=strings.MODALITY_NAMES[modality])


def compare(
    kept: Sequence[KeptReading], record: EcgRecord, measurements: Measurements | None, model: SentenceModel | None
) -> Compared:
    """Return how far readings agree, the first with each other one, and each with what was measured."""
    readings = tuple(parse(one.raw) for one in kept)
    checked = tuple(
        Checked(one.claims, "", measurements, one.details.evidence or (), one.details.certainties or {}) for one in kept
    )
    found: tuple[float | None, ...] = (None,) * len(kept)
    if measurements is not None:
        reference = reference_of(assess(measurements, record.patient, record.warnings))
        found = tuple(match(one.raw, reference, "strict").score for one in kept)
    return Compared(
        tuple(kept),
        readings,
        checked,
        tuple(consistency(readings[0], other, model) for other in readings[1:]),
        tuple(differences(readings[0], other) for other in readings[1:]),
        found,
    )


def columns_html(columns: Sequence[Column]) -> str:
    """Return readings that are being written, side by side; without any, what will stand there."""
    if not columns:
        return quiet_html(words.EMPTY_READINGS)
    cells = "".join(_running(column) for column in columns)
    heading = f'<h2 class="unseen">{escape(words.REGION)}</h2>'
    return f'{heading}<div class="side" style="--columns: {len(columns)}">{cells}</div>'


def compared_html(columns: Sequence[Column], found: Compared) -> str:
    """Return finished readings: the numbers, the labels, and the aligned sentences, disagreements first."""
    worst = worst_parts(found)
    steps = [one.part for one in worst]
    rows = "".join(_part(found, one, rank, steps.index(one.part)) for rank, one in enumerate(gravest_first(worst)))
    choice = (
        f'<div class="order" role="group" aria-label="{escape(words.ORDER)}">'
        f'<button type="button" data-order="first" aria-pressed="true">{escape(words.FIRST)}</button>'
        f'<button type="button" data-order="steps" aria-pressed="false">{escape(words.IN_ORDER)}</button></div>'
    )
    heads = "".join(_head(column) for column in columns)
    rows += _answers(found)
    return (
        f'<div class="reading compared" role="region" aria-label="{escape(words.REGION)}" '
        f'style="--columns: {len(columns)}">'
        f'<h2 class="unseen">{escape(words.REGION)}</h2>{_numbers(found)}{_labels(found)}{choice}'
        f'<div class="heads">{heads}</div><div class="parts">{rows}</div></div>'
    )


def worst_parts(found: Compared) -> list[PartDifference]:
    """Return of each part the difference of the other reading that differs most from the first."""
    return [gravest_first(parts)[0] for parts in zip(*found.differences, strict=True)]


def _running(column: Column) -> str:
    # without claims: those of two columns would have the same names; they are marked once the readings are compared
    body = reading_html(column.reading, replace(column.checked, claims=None, note=""), running=column.running)
    body = body if column.reading.raw else ""
    empty = f'<p class="quiet">{escape(column.note or words.NO_TEXT)}</p>'
    return f'<section class="column">{_head(column)}{body or empty}</section>'


def _head(column: Column) -> str:
    claims = column.checked.claims
    sentence = f'<span class="claims">{escape(counts_sentence(claims))}</span>' if claims else ""
    note = f'<span class="away">{escape(column.note)}</span>' if column.note and column.reading.raw else ""
    return (
        f'<div class="head"><h3><b>{column.letter}</b> {escape(column.name)}</h3>'
        f'<span class="state">{escape(column.state)}</span>{sentence}{note}</div>'
    )


def _numbers(found: Compared) -> str:
    pairs = [words.PAIR.format(left=LETTERS[0], right=LETTERS[n]) for n in range(1, len(found.kept))]
    head = "".join(f'<th scope="col">{escape(pair)}</th>' for pair in pairs)
    rows = ""
    for key, (name, explained) in words.METRICS.items():
        cells = "".join(f"<td>{_number(metric(one, key))}</td>" for one in found.consistencies)
        rows += f'<tr><th scope="row">{_explained(name, explained)}</th>{cells}</tr>'
    own = "".join(f'<th scope="col">{LETTERS[number]}</th>' for number in range(len(found.kept)))
    trace = ""
    for status, name in strings.CLAIM_STATUS.items():
        cells = "".join(
            f"<td>{words.UNKNOWN if one.claims is None else counts(one.claims)[status]}</td>" for one in found.checked
        )
        trace += f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    cells = "".join(f"<td>{_number(score)}</td>" for score in found.found)
    trace += f'<tr><th scope="row">{_explained(words.EDER_FINDINGS, words.EDER_FINDINGS_HELP)}</th>{cells}</tr>'
    made = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in found.consistencies[0].signatures.items()
    )
    return (
        f'<div class="numbers"><table><caption>{escape(words.AGREEMENT)}</caption><thead><tr>'
        f'<th scope="col">{escape(words.METRIC)}</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f"<table><caption>{escape(words.AGAINST_TRACE)}</caption><thead><tr>"
        f'<th scope="col">{escape(words.METRIC)}</th>{own}</tr></thead><tbody>{trace}</tbody></table>'
        f"<details><summary>{escape(words.SIGNATURES)}</summary><dl>{made}</dl></details></div>"
    )


def metric(one: Consistency, key: str) -> float | None:
    """Return one number of a comparison by its key in `words.METRICS`."""
    if key == "content_bleu4":
        return one.content.bleu4
    if key == "jaccard":
        return one.labels.jaccard
    if key == "eder":
        strict = next(each for each in one.evidence if each.mode == "strict")
        scores = [score for score in (strict.of_reference, strict.of_compared) if score is not None]
        return sum(scores) / len(scores) if scores else None
    value: float | None = getattr(one.whole, key)
    return value


def _explained(name: str, explained: str) -> str:
    return f'<span class="explained" tabindex="0" data-help="{escape(explained)}">{escape(name)}</span>'


def _number(value: float | None) -> str:
    return words.UNKNOWN if value is None else f"{value:.2f}"


def _labels(found: Compared) -> str:
    lines = []
    first = found.readings[0].answer
    for number, other in enumerate(found.readings[1:], 1):
        agreed = label_agreement(first, other.answer)
        groups = (
            (words.IN_COMMON, agreed.common, "both"),
            (words.ONLY.format(letter=LETTERS[0]), agreed.only_reference, "only"),
            (words.ONLY.format(letter=LETTERS[number]), agreed.only_compared, "only"),
        )
        chips = "".join(
            f'<dt>{escape(name)}</dt><dd class="{kind}">{_chips(labels)}</dd>' for name, labels, kind in groups
        )
        lines.append(f"<dl>{chips}</dl>")
    return f'<div class="labels"><h3>{escape(words.LABELS)}</h3>{"".join(lines)}</div>'


def _chips(labels: Sequence[str]) -> str:
    if not labels:
        return f'<span class="quiet">{escape(words.NO_LABELS)}</span>'
    return "".join(f'<span class="chip">{escape(label)}</span>' for label in labels)


def _part(found: Compared, worst: PartDifference, rank: int, step: int) -> str:
    sign, name = words.VERDICTS[worst.verdict] if worst.verdict else ("", words.NOTHING_SAID)
    title = worst.title if worst.part == "summary" else f"{worst.part} {worst.title}"
    parts = [next(one for one in of if one.part == worst.part) for of in found.differences]
    body = "".join(_row(found, worst.part, row) for row in aligned_rows(parts))
    return (
        f'<section class="part {worst.verdict or "empty"}" data-rank="{rank}" data-step="{step}"><h3>{escape(title)} '
        f'<span class="verdict {worst.verdict or ""}"><span aria-hidden="true">{sign}</span> {escape(name)}</span></h3>'
        f"{_part_figures(found, worst.part)}{body}</section>"
    )


def _answers(found: Compared) -> str:
    """Return the answers as they were written, with their claims; behind all parts."""
    cells = []
    for number, reading in enumerate(found.readings):
        if reading.answer:
            cells.append(answer_html(reading.answer, found.checked[number], f"{LETTERS[number]}-answer"))
        else:
            cells.append(f'<p class="quiet">{escape(words.NO_LABELS)}</p>')
    body = '<div class="mark"></div>'.join(f'<div class="cell">{cell}</div>' for cell in cells)
    last = len(found.differences[0])
    return (
        f'<section class="part" data-rank="{last}" data-step="{last}"><h3>{escape(strings.ANSWER)}</h3>'
        f'<div class="row">{body}</div></section>'
    )


def _part_figures(found: Compared, part: Part) -> str:
    """Return the numbers of one step or the summary, a line for each pair; nothing where a side is empty."""
    lines = ""
    for number, one in enumerate(found.consistencies, 1):
        agreed = one.summary if part == "summary" else one.steps[int(part)]
        if agreed.bleu4 is None:
            continue
        pair = words.PAIR.format(left=LETTERS[0], right=LETTERS[number])
        figures = {name: _number(getattr(agreed, name)) for name in ("bleu4", "rouge_l", "sbert")}
        lines += f'<span class="figure">{escape(words.PART_FIGURES.format(pair=pair, **figures))}</span>'
    return f'<p class="part-figures">{lines}</p>' if lines else ""


def aligned_rows(parts: Sequence[PartDifference]) -> list[list[Pair | None]]:
    """Return rows of pairs, one cell for each other reading: the sentences of the first, then what only others say."""
    rows: dict[int, list[Pair | None]] = {}
    alone: list[list[Pair | None]] = []
    for number, part in enumerate(parts):
        for pair in part.pairs:
            if pair.left_at is None:
                alone.append([pair if at == number else None for at in range(len(parts))])
            else:
                rows.setdefault(pair.left_at, [None] * len(parts))[number] = pair
    return [rows[at] for at in sorted(rows)] + alone


def _row(found: Compared, part: Part, row: Sequence[Pair | None]) -> str:
    known = [pair for pair in row if pair is not None]
    left = next((pair for pair in known if pair.left is not None), None)
    spans = left.left_spans if left is not None and len(known) == 1 else ()
    first = (
        "" if left is None else _sentence(found.checked[0], LETTERS[0], part, left.left or "", left.left_at or 0, spans)
    )
    cells = f'<div class="cell">{first}</div>'
    for number, pair in enumerate(row, 1):
        if pair is None:
            cells += '<div class="mark"></div><div class="cell"></div>'
            continue
        sign, name = words.VERDICTS[pair.verdict]
        why = f"{name}: {pair.why}" if pair.why else name
        text = ""
        if pair.right is not None:
            text = _sentence(
                found.checked[number], LETTERS[number], part, pair.right, pair.right_at or 0, pair.right_spans
            )
        reason = f'<p class="against">{escape(pair.why)}</p>' if pair.why else ""
        cells += (
            f'<div class="mark {pair.verdict}" title="{escape(why)}"><span aria-hidden="true">{sign}</span>'
            f'<span class="unseen">{escape(why)}</span></div><div class="cell">{text}{reason}</div>'
        )
    return f'<div class="row">{cells}</div>'


def _sentence(checked: Checked, letter: str, part: Part, text: str, at: int, spans: Sequence[tuple[int, int]]) -> str:
    """Return one sentence with its claims underlined and the words marked that the other reading has not."""
    end = at + len(text)
    placed = [
        Placed(replace(one.claim, start=one.claim.start - at, end=one.claim.end - at), one.place)
        for one in checked.placed(part)
        if at <= one.claim.start and one.claim.end <= end
    ]
    marks = [Marking(start, stop, "", "differs") for start, stop in spans]
    return part_html(f"{letter}-{part}-{at}", text, placed, marks)
