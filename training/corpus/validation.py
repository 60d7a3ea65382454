"""The check of a text before it becomes a row: its form, its labels, and its claims against the measurements.

Every fault is named, in words that an author can be told. What is stylistically good or bad is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ecgr1_core import vocabulary
from ecgr1_core.interpretation import STEP_NUMBERS, STEP_TITLES, Interpretation, parse, write
from ecgr1_core.verify import verify
from training.corpus.cases import Case

_MOST_CLAIMS: Final = 5


@dataclass(frozen=True)
class Checked:
    """A text after its check: in the canonical form with its labels by their names, or with what is wrong.

    `kind` is the first kind of fault, which is counted; None where the text is right, and then `complaints` is empty.
    """

    text: str
    labels: tuple[str, ...] = ()
    kind: str | None = None
    complaints: tuple[str, ...] = ()


def check(case: Case, require_known: bool, text: str) -> Checked:
    """Return the text checked: six steps of one paragraph, a summary, labels of the vocabulary, no contradicted claim.

    With `require_known` the answer must also name, or imply, every label that is known of the recording. Faults of form
    are told before claims are looked at, since a text that is no reading has none.
    """
    reading = parse(text)
    if faults := _form(reading):
        return Checked(text, kind="form", complaints=faults)
    found = {written: vocabulary.lookup(written) for written in reading.answer}
    if unknown := [written for written, label in found.items() if label is None]:
        told = ", ".join(f"{written!r}" for written in unknown)
        return Checked(text, kind="label", complaints=(f"{told} in the answer is no label of the vocabulary",))
    labels = [label for label in found.values() if label is not None]
    names = tuple(dict.fromkeys(label.name for label in labels))
    claims = [
        f"{claim.text!r} in {_part(claim.step)} is contradicted: {claim.why}"
        for claim in verify(reading, case.measurements, case.who, case.warnings)
        if claim.status == "contradicted"
    ]
    if claims:
        return Checked(text, names, "contradicted", tuple(claims[:_MOST_CLAIMS]))
    if require_known and case.known:
        said = {label.name for label in vocabulary.with_implied(labels)}
        if missed := [name for name in case.known if name not in said]:
            return Checked(text, names, "known label missed", (f"the answer does not name {', '.join(missed)}",))
    try:
        return Checked(write(reading.steps, reading.summary, names), names)
    except ValueError as error:
        return Checked(text, names, "form", (str(error),))


def _form(reading: Interpretation) -> tuple[str, ...]:
    faults = [f"{name} is missing" for name in reading.missing]
    if reading.cut_off:
        faults.append("it is cut off")
    for name, text in (("<think>", reading.preamble), ("the first step", reading.introduction)):
        faults += [f"there is text before {name}"] if text else []
    faults += ["there is text after </answer>"] if reading.trailing else []
    for step in reading.steps:
        if step.number not in STEP_NUMBERS:
            faults.append(f"there is a step {step.number}")
        elif step.title != STEP_TITLES[step.number - 1]:
            faults.append(f"step {step.number} is headed {step.title!r} instead of {STEP_TITLES[step.number - 1]!r}")
        if "\n" in step.text:
            faults.append(f"step {step.number} is not one paragraph")
    if "\n" in reading.summary:
        faults.append("the summary is not one paragraph")
    if len(set(reading.answer)) < len(reading.answer):
        faults.append("a label is given twice")
    return tuple(faults)


def _part(step: int | str) -> str:
    return f"step {step}" if isinstance(step, int) else f"the {step}"
