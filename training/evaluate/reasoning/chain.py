"""Asks a chain of closed questions and scores the answers as ECG-Reasoning-Benchmark does.

As there, every question is put with the right answers to those before it, whatever was answered; a chain is completed
when all its answers are right, and aligned when the initial question was answered right too. Depth counts, in a round
that has groundings, the stages (criterion, finding, groundings, decision) up to the first error of the chain. Answers
are compared with the options word for word, without case, punctuation and what stands around them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from ecgr1_core.modality import ModalityView
from training.evaluate.answerers import Answerer, Turn, chained
from training.evaluate.reasoning.samples import Question, Sample
from training.evaluate.scores import mean

INITIAL: Final = "initial_diagnostic_question"
KINDS: Final = (
    *("criterion_selection", "finding_identification", "lead_grounding", "wave_grounding", "measurement_grounding"),
    "diagnostic_decision",
)
SYSTEM: Final = "You are a cardiologist who answers closed questions about one 12-lead electrocardiogram, step by step."
Asked = tuple[Question, tuple[str, ...]]


class ChainAnswerer(Protocol):
    """Whoever answers the questions of one chain in order."""

    def answer(self, question: Question, before: Sequence[Asked]) -> Sequence[str]:
        """Return the options that it takes; `before` are the questions before with their right answers."""


class TextAnswerer:
    """A model that writes: it is asked in words, and its words are searched for the options."""

    def __init__(self, answerer: Answerer, view: ModalityView) -> None:
        self._answerer, self._view = answerer, view

    def answer(self, question: Question, before: Sequence[Asked]) -> Sequence[str]:
        """Return the options that stand in what it writes."""
        turns = [Turn(one.text, "; ".join(answers)) for one, answers in before]
        written = self._answerer.write(self._view, chained(question.text, question.options, turns), SYSTEM)
        return chosen(written.text, question.options)


def chosen(text: str, options: Sequence[str]) -> list[str]:
    """Return the options that an answer names: whole parts of it first, else options that stand in it as whole words.

    A shorter option inside a longer one that is named ("No" in "No further …") is not named.

    >>> chosen("**Yes.**", ["Yes", "No"])
    ['Yes']
    """
    text = re.split(r"</think>", text)[-1]
    text = re.sub(r"</?answer>", "\n", text)
    plain = {option: _plain(option) for option in options}
    parts = {_plain(part) for part in re.split(r"[;\n]", text)}
    whole = [option for option in options if plain[option] in parts]
    if whole:
        return whole
    rest, found = f" {_plain(text)} ", []
    for option in sorted(options, key=lambda one: -len(plain[one])):
        if f" {plain[option]} " in rest:
            found.append(option)
            rest = rest.replace(f" {plain[option]} ", "  ")
    return [option for option in options if option in found]


def ask_chain(sample: Sample, answerer: ChainAnswerer) -> dict[str, Any]:
    """Ask all questions of a sample and return what was answered as plain JSON data; see `chain_table`."""
    before: list[Asked] = []

    def put(question: Question) -> dict[str, Any]:
        given = list(answerer.answer(question, before))
        before.append((question, question.answers))
        return {"kind": question.kind, "given": given, "right": set(given) == set(question.answers)}

    initial = put(sample.initial)
    rounds = [[put(question) for question in one.questions] for one in sample.rounds]
    return {
        "id": sample.id,
        "target": sample.target,
        "present": sample.present,
        "path": sample.path,
        "initial": initial,
        "rounds": rounds,
        **outcome(initial["right"], rounds),
    }


def outcome(initial: bool, rounds: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Return whether a chain is completed and aligned, and its depth by round (None for rounds without groundings)."""
    going, depths = True, list[int | None]()
    for one in rounds:
        depth = 0
        criterion, finding, *groundings, decision = one
        for stage in ([criterion], [finding], groundings, [decision]):
            going = going and all(question["right"] for question in stage)
            depth += going
        depths.append(depth if groundings else None)
    return {"completed": going, "aligned": going and initial, "depths": depths}


def chain_table(results: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """Return the figures of the benchmark over samples, and of each diagnosis, with intervals over samples.

    `accuracy` is by kind of question over all that were asked (each with the right answers before it),
    `accuracy_until_error` over those that were reached without an error in the chain.
    """
    targets = sorted({row["target"] for row in results})
    return {
        "samples": len(results),
        **_figures(results, seed),
        "by_diagnosis": {
            target: {"samples": len(rows), **_figures(rows, seed)}
            for target in targets
            for rows in [[row for row in results if row["target"] == target]]
        },
    }


def _figures(results: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    every, reached = ({kind: list[bool]() for kind in KINDS} for _ in range(2))
    for row in results:
        going = True
        for question in (question for one in row["rounds"] for question in one):
            every[question["kind"]].append(question["right"])
            if going:
                reached[question["kind"]].append(question["right"])
            going = going and question["right"]
    depths = [float(depth) for row in results for depth in row["depths"] if depth is not None]
    return {
        "completed": mean((float(row["completed"]) for row in results), seed),
        "aligned": mean((float(row["aligned"]) for row in results), seed),
        "initial": mean((float(row["initial"]["right"]) for row in results), seed),
        "depth": mean(depths, seed),
        "accuracy": {kind: _share(found) for kind, found in every.items()},
        "accuracy_until_error": {kind: _share(found) for kind, found in reached.items()},
    }


def _share(found: Sequence[bool]) -> dict[str, float | int | None]:
    return {"questions": len(found), "right": round(sum(found) / len(found), 6) if found else None}


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s.+−-]", " ", text.casefold()).replace(". ", " ").strip(" .").split())
