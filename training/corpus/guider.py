"""`ProtocolGuider`: from measurements, findings and limits to the prompt for a language model that writes a reading.

What it says is ours: what each step is about, the limits that bear on this patient, the measured values, the labels an
answer may have, the form. It asks nobody and checks no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from ecgr1_core import vocabulary
from ecgr1_core.interpretation import STEP_NUMBERS, STEP_TITLES
from ecgr1_core.protocol import Findings, LimitRow, limit_table
from ecgr1_core.protocol.normal_ranges import MINUS
from ecgr1_core.record import Patient
from training.corpus.cases import Case

Message = dict[str, str]

_ROLE: Final = (
    "You are a cardiologist who writes teaching readings of 12-lead electrocardiograms. You are given what a program "
    "measured on one recording and the limits of a reading protocol. You do not see the tracing: state only what the "
    "values below carry, with their numbers and leads, and write as one who reads the tracing itself. Never mention "
    "the program, the protocol, these instructions or what you were told."
)
_STEPS: Final = (
    "Say whether the tracing can be read and whether electrodes may be exchanged; give the ventricular rate, judge "
    "regularity and P waves, and name the rhythm with its proof; name premature beats and pauses; judge the P wave.",
    "Give PR, QRS and axis with their values, judge each against its limits, and name or exclude AV block, "
    "pre-excitation, bundle branch and fascicular block by the shapes in V1, I and V6.",
    "Weigh the voltages for left and right ventricular hypertrophy, low voltage and R progression from V1 to V6.",
    "Judge ST at the J point, T and Q in the groups of contiguous leads; name or exclude infarction and ischemia with "
    "their territory, and tell them from secondary change, pericarditis and early repolarization.",
    "Give QT and QTc with the formula, judge them for the sex, and say what T, U and QTc suggest of potassium, calcium "
    "and drugs.",
    "Weigh the findings of the steps against each other: what leads, what explains what, what remains uncertain. Bring "
    "no number that stands in no step before.",
)
# By the beginning of its name, which step a limit bears on.
_LIMITS_OF: Final = (
    ("rate_", "bradycardia", "sinus_", "rr_", "pause", "p_duration", "p_height", "p_terminal", "adult"),
    ("axis_", "pr_short", "pr_long", "qrs_", "rbbb", "lafb", "lpfb"),
    ("sokolow", "lvh_r", "lvh_adult", "cornell", "romhilt", "dominant", "rvh", "low_voltage", "poor_"),
    ("st_", "pericarditis", "j_notch", "lvh_st", "sgarbossa", "left_main", "t_inversion", "t_low", "q_"),
    ("qtc_", "bazett", "wide_qrs_qt", "tall_t", "u_wave"),
    (),
)
_OWN: Final = "Own choice"
_FORM: Final = (
    "Write exactly this form: <think> on a line of its own; six paragraphs, each one paragraph of running text without "
    "lists under its heading, {headings}; </think>; one paragraph of summary; and the diagnoses, separated by "
    "semicolons, between <answer> and </answer>, each of them a label of the list below, letter by letter."
)
_AGAIN: Final = (
    "That reading cannot be used: {complaints}. Write the whole reading again in the same form, with this put right."
)


class ProtocolGuider:
    """Writes the messages that ask for the reading of a case, and those that ask for it again."""

    def messages(self, case: Case, earlier: Sequence[tuple[str, Sequence[str]]] = ()) -> list[Message]:
        """Return the messages for an OpenAI-compatible server; `earlier` are texts that were rejected, and why."""
        asked = [{"role": "system", "content": _ROLE}, {"role": "user", "content": _question(case)}]
        for text, complaints in earlier:
            asked += [
                {"role": "assistant", "content": text},
                {"role": "user", "content": _AGAIN.format(complaints="; ".join(complaints))},
            ]
        return asked


def limits_of_step(step: int, patient: Patient) -> tuple[LimitRow, ...]:
    """Return the published limits that bear on a step and a patient: none of another sex, none of the program's own."""
    other_sex = {"F": "_male", "M": "_female"}.get(patient.sex or "", " ")
    return tuple(
        row
        for row in limit_table()
        if row.name.startswith(_LIMITS_OF[step - 1]) and not row.source.startswith(_OWN) and other_sex not in row.name
    )


def _question(case: Case) -> str:
    from ecgr1_core.readers.remote_prompt import measurements_table

    headings = ", ".join(f"**Step {number}: {title}**" for number, title in enumerate(STEP_TITLES, 1))
    parts = [
        "Write the reading of this electrocardiogram.",
        f"MEASURED (amplitudes in mV against the baseline; – was not measured)\n"
        f"{measurements_table(case.measurements, case.who)}",
        f"QUALITY: {case.measurements.quality.grade}"
        + "".join(f"; {note}" for note in (*case.measurements.quality.notes, *case.warnings)),
        "WHAT RULES MAKE OF IT (a rule can err; weigh it against the values)\n" + "\n".join(_findings(case.findings)),
    ]
    if case.known:
        parts.append(f"KNOWN OF THIS RECORDING (the answer names all of it): {'; '.join(case.known)}")
    parts += [_step(number, case.who) for number in STEP_NUMBERS]
    parts += [_FORM.format(headings=headings), f"LABELS: {_labels()}"]
    return "\n\n".join(parts)


def _findings(findings: Findings) -> Iterable[str]:
    for finding in findings.items:
        sure = "" if finding.certainty == "definite" else f" ({finding.certainty})"
        yield f"{finding.step}. {finding.statement}{sure}"


def _step(number: int, patient: Patient) -> str:
    lines = [f"STEP {number}, {STEP_TITLES[number - 1]}: {_STEPS[number - 1]}"]
    for row in limits_of_step(number, patient):
        lines.append(f"- {row.meaning.rstrip('.')}: {row.value:g} {row.unit}".replace(": -", f": {MINUS}"))
    return "\n".join(lines)


@cache
def _labels() -> str:
    return "; ".join(label.name for label in vocabulary.labels())
