"""What a report says, as paragraphs: the reading with its contradicted claims marked, and the notes below it.

The order is that of a person in a hurry: answer, summary, then the steps, then the notes. Every word of the reading is
printed, also what stood outside its form. Where things stand on a page is not decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from ecgr1_core.interpretation import Interpretation
from ecgr1_core.measure.types import Measurements
from ecgr1_core.protocol import as_shown
from ecgr1_core.protocol.normal_ranges import judged_value, normal_range
from ecgr1_core.record import EcgRecord, Patient
from ecgr1_core.report.flow import Mark, Paragraph, Run
from ecgr1_core.report.measured import ROWS
from ecgr1_core.report.types import Provenance, ReportedClaim

CROSS, TICK, DASH = "✕", "✓", "–"
ANSWER = "answer"
DEVICE = "What the device measured and said, not this program"
_SEXES = {"F": "female", "M": "male"}


def patient_words(patient: Patient) -> str:
    """Return age and sex: "61 years, female", and what is not given."""
    age = "age not given" if patient.age_text is None else f"{patient.age_text} years"
    return f"{age}, {'sex not given' if patient.sex is None else _SEXES[patient.sex]}"


def recording_words(record: EcgRecord) -> str:
    """Return format, leads, sampling rate and length of a recording in one line."""
    leads = len(record.available_leads)
    parts = [record.source_format, f"{leads} lead{'s' * (leads != 1)}", f"{record.sampling_rate_hz:g} Hz"]
    return " · ".join([*parts, f"{record.duration_s:.4g} s long"])


def reading_head(
    provenance: Provenance | None, interpretation: Interpretation | None, claims: Sequence[ReportedClaim] | None
) -> Paragraph:
    """Return who read what, and how many claims were supported, contradicted or not measurable."""
    if interpretation is None:
        return Paragraph((Run("No reading", bold=True), Run(": the recording was measured and drawn only.")))
    facts = [Run("Reading", bold=True), Run(" by ")]
    if provenance is None:
        facts += [Run("an unnamed reader", bold=True)]
    else:
        facts += [Run(f"{provenance.reader}", bold=True), Run(f", version {provenance.version or 'not told'}")]
        facts += [Run(f" · saw {provenance.saw or 'what is not told'}")]
        facts += [Run(f" · precision {provenance.precision or 'not told'}")]
        facts += [Run(f" · on {provenance.device}")] if provenance.device else []
    if claims is None:
        return Paragraph((*facts, Run(" · claims were not checked against the trace")))
    number = {status: sum(claim.status == status for claim in claims) for status in _STATUSES}
    contradicted, unknown = number["contradicted"], number["not_measurable"]
    return Paragraph(
        (
            *facts,
            Run(" · claims checked against the measurements: "),
            Run(f"{TICK} {number['supported']} supported, "),
            Run(f"{CROSS} {contradicted} contradicted{' (wavy line)' * bool(contradicted)}", bold=contradicted > 0),
            Run(f", {DASH} {unknown} not measurable{' (dotted)' * bool(unknown)}"),
        )
    )


_STATUSES = ("supported", "contradicted", "not_measurable")


Parts = list[tuple[int | str, str, str]]
"""Each part of a reading with its title and its text."""


def reading_paragraphs(
    interpretation: Interpretation | None, claims: Sequence[ReportedClaim] | None, provenance: Provenance | None
) -> list[Paragraph]:
    """Return the reading: answer, summary, steps, and what stands outside the form.

    Raises ValueError where a claim does not stand where it says.
    """
    if interpretation is None:
        return []
    parts = _parts(interpretation)
    paragraphs = _set(parts, interpretation, _claims_by_part(parts, claims), provenance)
    if not paragraphs:
        paragraphs = [Paragraph((Run("The reader wrote nothing.", bold=True),))]
    return _incomplete(interpretation, provenance) + paragraphs


def split_reading(
    interpretation: Interpretation | None, claims: Sequence[ReportedClaim] | None, provenance: Provenance | None
) -> tuple[list[Paragraph], list[Paragraph]]:
    """Return the reading in two: what the first page cannot do without, and the reasoning in full.

    The first has answer, summary, and every contradicted passage of the rest with what was measured.
    """
    if interpretation is None:
        return [], []
    parts = _parts(interpretation)
    by_part = _claims_by_part(parts, claims)
    first = [part for part in parts if part[0] in FIRST]
    others = [part for part in parts if part[0] not in FIRST]
    short = _incomplete(interpretation, provenance) + _set(first, interpretation, by_part, provenance)
    for part, title, text in others:
        for start, end, whys in _contradicted(by_part[part]):
            quote = Run(text[start:end], mark="contradicted")
            reason = (Run(f" [{CROSS} ", bold=True), Run(f"{'; '.join(whys)}]"))
            short.append(Paragraph((Run(f"Contradicted in {title}  ", bold=True), quote, *reason)))
    return short, _set(others, interpretation, by_part, provenance)


FIRST = (ANSWER, "summary")


def _parts(reading: Interpretation) -> Parts:
    return [
        (ANSWER, "Answer", "; ".join(reading.answer)),
        ("summary", "Summary", reading.summary),
        ("preamble", "Before the reading", reading.preamble),
        ("introduction", "Before the first step", reading.introduction),
        *((step.number, f"{step.number} {step.title}", step.text) for step in reading.steps),
        ("trailing", "After the answer", reading.trailing),
        ("cut_off", "Broken off with", reading.cut_off),
    ]


def _claims_by_part(parts: Parts, claims: Sequence[ReportedClaim] | None) -> dict[int | str, list[ReportedClaim]]:
    by_part: dict[int | str, list[ReportedClaim]] = {part: [] for part, _, _ in parts}
    texts = {part: text for part, _, text in parts}
    for claim in claims or ():
        if claim.step not in texts or texts[claim.step][claim.start : claim.end] != claim.text:
            raise ValueError(f"claim {claim.text!r} does not stand in part {claim.step!r} of the reading")
        by_part[claim.step].append(claim)
    return by_part


def _set(
    parts: Parts,
    reading: Interpretation,
    by_part: Mapping[int | str, Sequence[ReportedClaim]],
    provenance: Provenance | None,
) -> list[Paragraph]:
    """Return the parts that have a text as paragraphs with their marks."""
    certainties = dict(provenance.certainties) if provenance is not None else {}
    paragraphs: list[Paragraph] = []
    for part, title, text in parts:
        if not text:
            continue
        runs = _marked(text, by_part[part], bold=part == ANSWER)
        if part == ANSWER:
            unsure = [label for label in reading.answer if certainties.get(label, "definite") != "definite"]
            words = "; ".join(f"{label}: {certainties[label]}" for label in unsure)
            runs += [Run(f" ({words})")] if words else []
        first, *others = _split_lines([Run(f"{title}  ", bold=True), *runs])
        paragraphs += [Paragraph(tuple(first)), *(Paragraph(tuple(line)) for line in others)]
    return paragraphs


def _incomplete(reading: Interpretation, provenance: Provenance | None) -> list[Paragraph]:
    incomplete = provenance.incomplete if provenance is not None else None
    if not incomplete and not reading.missing:
        return []
    why = f": {incomplete}" if incomplete else ""
    lacking = f" It lacks: {', '.join(reading.missing)}." if reading.missing else ""
    return [Paragraph((Run(f"Incomplete reading{why}.{lacking}", bold=True),))]


def note_paragraphs(
    record: EcgRecord, measurements: Measurements, provenance: Provenance | None, unprintable: int
) -> list[Paragraph]:
    """Return what to beware of in the recording, the device's own word, what was not measured and why, and what the
    reader was given.
    """
    notes: list[tuple[str, list[str]]] = []
    beware = [
        f"{words}: {', '.join(leads)}"
        for words, leads in (
            ("not recorded", record.missing_leads),
            ("flat", record.flat_leads),
            ("computed from others", record.derived_leads),
        )
        if leads
    ]
    quality = measurements.quality
    beats = measurements.rhythm.beat_count
    said = [*beware, *record.warnings, f"quality {quality.grade}", *quality.notes, f"{beats} beats"]
    notes.append(("Recording", said))
    if (device := record.device) is not None:
        signed = [f"{'' if device.confirmed else 'not '}confirmed by a physician"] if device.statements else []
        notes.append((DEVICE, [*device.measured, *device.statements, *signed]))
    shown = as_shown(measurements)
    reasons = []
    remarks = []
    for row in ROWS:
        value: float | None = getattr(shown, row.name)
        if value is None:
            reasons.append(f"{row.label} ({shown.reasons.get(row.name, 'no reason is known')})")
            continue
        judged = judged_value(row.name, value, shown)[0]
        if judged != value and normal_range(row.name, record.patient, shown).text():
            remarks.append(f"{row.label} is judged as {judged:.0f} ms, part of the wide QRS taken off")
    notes += [("Not measured", reasons), ("Limits", remarks)]
    if provenance is not None:
        notes.append((f"What {provenance.reader} was given", list(provenance.notes)))
    if unprintable:
        words = f"{unprintable} character{'s' * (unprintable != 1)} of this report cannot be printed and stand as ▯"
        notes.append(("Letters", [words]))
    return [Paragraph((Run(f"{title}: ", bold=True), Run(f"{'; '.join(said)}."))) for title, said in notes if said]


def texts_of(paragraphs: Sequence[Paragraph]) -> list[str]:
    """Return the text of every run."""
    return [run.text for paragraph in paragraphs for run in paragraph.runs]


def _marked(text: str, claims: Sequence[ReportedClaim], *, bold: bool) -> list[Run]:
    """Return a text as runs: contradicted passages marked, each with the reason behind it, unchecked ones dotted.

    Contradicted claims that overlap become one passage with all their reasons; a contradicted passage hides the mark of
    an unchecked claim inside it.
    """
    passages = _contradicted(claims)
    marks: list[Mark] = [""] * len(text)
    for claim in claims:
        if claim.status == "not_measurable":
            marks[claim.start : claim.end] = ["not_measurable"] * (claim.end - claim.start)
    reasons: dict[int, str] = {}
    for start, end, whys in passages:
        marks[start:end] = ["contradicted"] * (end - start)
        reasons[end] = f"{'; '.join(whys)}]"
    cuts = sorted({0, len(text), *reasons, *(i for i in range(1, len(text)) if marks[i] != marks[i - 1])})
    runs: list[Run] = []
    for start, end in pairwise(cuts):
        runs.append(Run(text[start:end], bold, marks[start]))
        if end in reasons:
            runs += [Run(f" [{CROSS} ", bold=True), Run(reasons[end])]
    return runs


def _contradicted(claims: Sequence[ReportedClaim]) -> list[tuple[int, int, list[str]]]:
    """Return the contradicted passages of a part, those that overlap as one: start, end, and each reason once."""
    passages: list[tuple[int, int, list[str]]] = []
    for claim in sorted((claim for claim in claims if claim.status == "contradicted"), key=lambda one: one.start):
        if passages and claim.start < passages[-1][1]:
            start, end, whys = passages[-1]
            passages[-1] = (start, max(end, claim.end), whys if claim.why in whys else [*whys, claim.why])
        else:
            passages.append((claim.start, claim.end, [claim.why]))
    return passages


def _split_lines(runs: Sequence[Run]) -> list[list[Run]]:
    """Cut runs at line breaks, so that lists and paragraphs of a reading stay such; empty lines go."""
    lines: list[list[Run]] = [[]]
    for run in runs:
        first, *others = run.text.split("\n")
        lines[-1].append(Run(first, run.bold, run.mark))
        for text in others:
            lines.append([Run(text, run.bold, run.mark)])
    return [line for number, line in enumerate(lines) if number == 0 or any(run.text.strip() for run in line)]
