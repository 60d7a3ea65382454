"""Samples of ECG-Reasoning-Benchmark: one chain of closed questions about one recording, read from JSON.

The schema is that of arXiv 2603.14326: an initial question, then rounds of criterion, finding, groundings and decision.
A file holds one sample a line; a folder holds one file a sample, at any depth. No recording is opened here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ecgr1_core.errors import InputError

_FORM: Final = 'give samples with "metadata" and "data", as ECG-Reasoning-Benchmark has them'


@dataclass(frozen=True)
class Question:
    """One closed question; `answers` are the options that are right, several only where leads are asked for."""

    kind: str
    text: str
    options: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Round:
    """One criterion: which it is, whether it is found, where it is seen, and what follows."""

    criterion: Question
    finding: Question
    groundings: tuple[Question, ...]
    decision: Question

    @property
    def questions(self) -> tuple[Question, ...]:
        """All questions in the order in which they are asked."""
        return (self.criterion, self.finding, *self.groundings, self.decision)


@dataclass(frozen=True)
class Sample:
    """One chain. `target` is the diagnosis that is asked about and `present` whether the recording has it."""

    id: str
    data_source: str
    ecg_id: str
    subject_id: str | None
    target: str
    present: bool
    path: int
    initial: Question
    rounds: tuple[Round, ...]
    source: str = "sample"


def read_samples(path: Path) -> Iterator[Sample | InputError]:
    """Yield the samples of a JSONL file or of a folder of JSON files, and errors in the place of what is none.

    Raises InputError where nothing can be read.
    """
    for number, (text, source) in enumerate(_texts(path)):
        try:
            yield sample_of(json.loads(text), source, number)
        except json.JSONDecodeError as error:
            yield InputError(source, f"is not JSON ({error.msg})", _FORM)
        except InputError as error:
            yield error


def sample_of(data: Any, source: str, number: int = 0) -> Sample:
    """Return the sample that a value read from JSON holds; InputError naming `source` for anything else."""
    try:
        meta, chain = data["metadata"], data["data"]
        label = meta["dx_label"]
        return Sample(
            id=str(meta.get("id", number)),
            data_source=str(meta["data_source"]),
            ecg_id=str(meta["ecg_id"]),
            subject_id=None if meta.get("subject_id") is None else str(meta["subject_id"]),
            target=str(meta["target_dx"]),
            present=label if isinstance(label, bool) else str(label).casefold() in ("true", "positive", "yes"),
            path=int(meta.get("path_idx", 0)),
            initial=_question(chain["initial_diagnostic_question"]),
            rounds=tuple(_round(one) for one in chain["reasoning"]),
            source=source,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(source, f"is no sample ({type(error).__name__}: {error})", _FORM) from error


def recording_path(sample: Sample, root: Path) -> Path:
    """Return where the recording of a sample lies below `root`, as the two databases or a plain folder lay it out.

    Raises InputError where there is none.
    """
    name, places = sample.ecg_id, [sample.ecg_id, f"{sample.ecg_id}.hea"]
    if name.isdigit():
        padded = f"{int(name):05d}_hr"
        places += [f"records500/{int(name) // 1000 * 1000:05d}/{padded}.hea", f"records500/{padded}.hea"]
    if sample.subject_id:
        person = sample.subject_id
        places.append(f"files/p{person[:4]}/p{person}/s{name}/{name}.hea")
    for place in places:
        if (root / place).exists():
            return root / place
    raise InputError(sample.source, f"its recording {name} is not in {root.name}", "give the folder of the database")


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    try:
        if path.is_dir():
            for file in sorted(path.rglob("*.json")):
                yield file.read_text(encoding="utf-8"), file.name
            return
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield line, f"{path.name} line {number}"
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "cannot be read", "give a JSONL file or a folder of JSON files") from error


def _round(data: Mapping[str, Any]) -> Round:
    return Round(
        _question(data["criterion_selection"]),
        _question(data["finding_identification"]),
        tuple(_question(one) for one in data["ecg_grounding"]),
        _question(data["diagnostic_decision"]),
    )


def _question(data: Mapping[str, Any]) -> Question:
    answer = data["answer"]
    answers = tuple(map(str, answer)) if isinstance(answer, list) else (str(answer),)
    options = tuple(map(str, data["options"]))
    if not options or not answers or not set(answers) <= set(options):
        raise ValueError(f"an answer to {str(data['question'])[:40]!r} is not among its options")
    return Question(str(data["question_type"]), str(data["question"]), options, answers)
