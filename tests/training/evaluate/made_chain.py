"""A chain in the schema of ECG-Reasoning-Benchmark while it is put together, on a synthetic ECG of known truth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ecgr1_core.record import EcgRecord
from training.synthesis import Truth

YES_NO = ["Yes", "No"]
DECISIONS = [*YES_NO, "Further findings are required to confirm the diagnosis"]
NOTHING = "Presence of a U wave of more than 0.2 mV"
Ranges = list[tuple[float, float]]


class Chain:
    """One chain; `present` is what its last decision says."""

    def __init__(self, target: str, words: str, record: EcgRecord, truth: Truth, seed: int) -> None:
        self.target, self.words, self.record, self.truth = target, words, record, truth
        self.rng = np.random.default_rng(seed)
        self.rounds: list[dict[str, Any]] = []
        self.present: bool | None = None

    def round(
        self,
        criterion: str,
        decoys: Sequence[str],
        finding: str,
        found: bool,
        groundings: Sequence[dict[str, Any]] = (),
        decision: bool | None = None,
    ) -> bool:
        """Add a round and return `found`; `decision` None is "further findings", else what the chain ends with."""
        options = [criterion, *decoys, NOTHING]
        options = [options[at] for at in self.rng.permutation(len(options))]
        ask = f"Which criterion should be looked at {'next' if self.rounds else 'first'} for {self.words}?"
        decided = DECISIONS[2 if decision is None else 0 if decision else 1]
        ending = f"From what was found so far, can {self.words} be diagnosed?"
        self.rounds.append(
            {
                "criterion_selection": question("criterion_selection", ask, options, criterion),
                "finding_identification": question("finding_identification", finding, YES_NO, YES_NO[not found]),
                "ecg_grounding": list(groundings),
                "diagnostic_decision": question("diagnostic_decision", ending, DECISIONS, decided),
            }
        )
        if decision is not None:
            self.present = decision
        return found

    def wave(self, words: str, right: Ranges, wrong: Ranges) -> dict[str, Any]:
        """A grounding by time: one of the right waves among three that are none."""
        good = right[int(self.rng.integers(len(right)))]
        bad = [wrong[at] for at in self.rng.permutation(len(wrong))[:3]]
        options = [told(one) for one in sorted([good, *bad])]
        text = f"{words} The options are time ranges on the ECG, in seconds."
        return question("wave_grounding", text, options, told(good))

    def leads(self, words: str, right: Sequence[str], others: Sequence[str]) -> dict[str, Any]:
        """A grounding by lead."""
        options = [f"Lead {lead}" for lead in (*right, *others)]
        return question("lead_grounding", words, options, [f"Lead {lead}" for lead in right])

    def range(self, words: str, value: float, edges: Sequence[float], unit: str) -> dict[str, Any]:
        """A grounding by measurement: the ranges between the edges, and what lies beyond them."""
        inner = [f"[{low:g}{unit} - {high:g}{unit}]" for low, high in pairwise(edges)]
        options = [f"Below {edges[0]:g}{unit}", *inner, f"Above {edges[-1]:g}{unit}"]
        return question("measurement_grounding", words, options, options[int(np.searchsorted(edges, value))])

    def to_json(self, number: int) -> dict[str, Any]:
        """The sample as it stands in a file."""
        assert self.present is not None
        ask = f"Does this tracing suggest the presence of {self.words}?"
        initial = question("initial_diagnostic_question", ask, YES_NO, YES_NO[not self.present])
        meta = {"id": number, "data_source": "synthetic", "ecg_id": self.record.name, "target_dx": self.target}
        return {
            "metadata": meta | {"dx_label": self.present, "path_idx": 0},
            "data": {"initial_diagnostic_question": initial, "reasoning": self.rounds},
        }

    @property
    def p(self) -> Ranges:
        """Where the conducted P waves are."""
        return [(b.p_onset_s, b.p_offset_s) for b in self.truth.beats if b.p_onset_s and b.p_offset_s]

    @property
    def qrs(self) -> Ranges:
        """Where the QRS complexes are, but for one at the very beginning."""
        return [(b.qrs_onset_s, b.qrs_offset_s) for b in self.truth.beats if b.qrs_onset_s > 0.1]

    @property
    def t(self) -> Ranges:
        """Where the T waves are."""
        return [(b.t_onset_s, b.t_offset_s) for b in self.truth.beats if b.t_onset_s and b.t_offset_s]

    def height(self, lead: str) -> float:
        """R of a lead, in mV."""
        return self.truth.leads[lead].r_amplitude_mv or 0.0

    def depth(self, lead: str) -> float:
        """S of a lead, in mV, positive."""
        return -(self.truth.leads[lead].s_amplitude_mv or 0.0)


def told(times: tuple[float, float]) -> str:
    return f"[{times[0]:.2f}s - {times[1]:.2f}s]"


def question(kind: str, text: str, options: Sequence[str], answer: str | Sequence[str]) -> dict[str, Any]:
    """One question as it stands in a file; groundings have lists of answers."""
    answers = [answer] if isinstance(answer, str) else list(answer)
    index = [list(options).index(one) for one in answers]
    listed = kind.endswith("grounding")
    return {
        "question": text,
        "options": list(options),
        "answer": answers if listed else answers[0],
        "answer_idx": index if listed else index[0],
        "question_type": kind,
    }
