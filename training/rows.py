"""Rows of a training, RL or test file in the published JSONL layout, one JSON object a line.

A row holds `messages` (system, user and, for supervised rows, assistant turns), `images` (paths, or objects with
`path`), `objects.ecg` (paths of WFDB records), and for RL `solution`, the text that the rewards read. Rows of our own
also carry `id`, `patient` and `labels`; whatever else a row holds is kept and written back. Which modalities a row has,
and in which order, is said by the tags `<ecg>` and `<image>` of its first user turn. Nothing is opened here but the
file of rows: recordings and pages are `training.media`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ecgr1_core.errors import InputError
from ecgr1_core.modality import ECG_TAG, IMAGE_TAG, Modality

_KNOWN: Final = ("id", "patient", "labels", "messages", "images", "objects", "solution")
_FORM: Final = 'give one JSON object a line with "messages", "images" and "objects": {"ecg": [path]}'
_ROLES: Final = ("system", "user", "assistant")


@dataclass(frozen=True)
class Row:
    """One row: its turns `{"role", "content"}`, and the paths of its recording and its page where it has them.

    `patient` is the pseudonym by which leakage between files is told; None where a row does not say. `labels` are names
    of the vocabulary. `rest` is what else the row held. `source` names file and line in errors.
    """

    messages: tuple[Mapping[str, str], ...]
    ecg: str | None = None
    image: str | None = None
    solution: str | None = None
    id: str = ""
    patient: str | None = None
    labels: tuple[str, ...] | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)
    source: str = "row"

    @property
    def modality(self) -> Modality:
        """What the first user turn asks to be looked at; InputError where it has no tag or a tag without its file."""
        turn = next((one["content"] for one in self.messages if one["role"] == "user"), "")
        signal, image = turn.find(ECG_TAG), turn.find(IMAGE_TAG)
        for at, path, tag in ((signal, self.ecg, ECG_TAG), (image, self.image, IMAGE_TAG)):
            if at >= 0 and path is None:
                raise InputError(
                    self.source, f"has the tag {tag} but no file for it", "give the file or take the tag out"
                )
        if signal < 0 and image < 0:
            raise InputError(
                self.source, "shows neither an ECG nor a page", f"put {ECG_TAG} or {IMAGE_TAG} in its question"
            )
        if signal < 0 or image < 0:
            return "image" if signal < 0 else "signal"
        return "both" if signal < image else "swapped"

    @property
    def question(self) -> tuple[Mapping[str, str], ...]:
        """The turns before the last assistant turn: what the model is given."""
        return self.messages[:-1] if self.messages[-1]["role"] == "assistant" else self.messages

    @property
    def answer(self) -> str | None:
        """The text of the last assistant turn, which supervised training teaches; None for RL and test rows."""
        last = self.messages[-1]
        return last["content"] if last["role"] == "assistant" else None

    def with_reference(self) -> Row:
        """Return the row with its `reference`, the answer that a test row keeps apart, as its assistant turn."""
        reference = self.rest.get("reference")
        if self.answer is not None or not isinstance(reference, str):
            return self
        return replace(self, messages=(*self.messages, {"role": "assistant", "content": reference}))

    def shown(self, modality: Modality) -> Row:
        """Return the row with the tags of this modality at the head of its first user turn, and no other tags."""
        tags = {"signal": ECG_TAG, "image": IMAGE_TAG, "both": ECG_TAG + IMAGE_TAG, "swapped": IMAGE_TAG + ECG_TAG}
        turns, first = [], True
        for turn in self.messages:
            if turn["role"] == "user":
                words = turn["content"].replace(ECG_TAG, "").replace(IMAGE_TAG, "").strip()
                turns.append({"role": "user", "content": (tags[modality] if first else "") + words})
                first = False
            else:
                turns.append(dict(turn))
        return replace(self, messages=tuple(turns))

    def to_json(self) -> dict[str, Any]:
        """Return the row as it stands in a file."""
        told: dict[str, Any] = {"id": self.id} if self.id else {}
        if self.patient is not None:
            told["patient"] = self.patient
        if self.labels is not None:
            told["labels"] = list(self.labels)
        told["messages"] = [dict(turn) for turn in self.messages]
        told["images"] = [] if self.image is None else [self.image]
        told["objects"] = {**self.rest.get("objects", {}), "ecg": [] if self.ecg is None else [self.ecg]}
        if self.solution is not None:
            told["solution"] = self.solution
        return told | {name: value for name, value in self.rest.items() if name != "objects"}


def row_of(data: Any, source: str) -> Row:
    """Return the row that a value read from JSON holds; InputError naming `source` for anything else."""
    if not isinstance(data, dict) or not isinstance(data.get("messages"), list) or not data["messages"]:
        raise InputError(source, "is no row of a training file", _FORM)
    turns = data["messages"]
    for turn in turns:
        if not isinstance(turn, dict) or turn.get("role") not in _ROLES or not isinstance(turn.get("content"), str):
            raise InputError(source, "has a turn that is not a role and a text", f"use the roles {', '.join(_ROLES)}")
    objects = data.get("objects") or {}
    if not isinstance(objects, dict):
        raise InputError(source, '"objects" is not an object', _FORM)
    solution, labels = data.get("solution"), data.get("labels")
    if solution is not None and not isinstance(solution, str):
        raise InputError(source, '"solution" is not a text', "give the evidence phrases and labels in their tags")
    if labels is not None and not (isinstance(labels, list) and all(isinstance(one, str) for one in labels)):
        raise InputError(source, '"labels" is not a list of texts', 'give "labels": ["name", …]')
    rest = {name: value for name, value in data.items() if name not in _KNOWN}
    if others := {name: value for name, value in objects.items() if name != "ecg"}:
        rest["objects"] = others
    return Row(
        messages=tuple({"role": turn["role"], "content": turn["content"]} for turn in turns),
        ecg=_one_path(objects.get("ecg"), "ECGs", source),
        image=_one_path(data.get("images"), "images", source),
        solution=solution,
        id=str(data.get("id", "")),
        patient=None if data.get("patient") is None else str(data["patient"]),
        labels=None if labels is None else tuple(labels),
        rest=rest,
        source=source,
    )


def read_rows(path: Path) -> Iterator[Row | InputError]:
    """Yield the rows of a file in order, and in the place of a line that is none the error that says why.

    Empty lines are passed over. Raises InputError where the file cannot be read as text.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                source = f"{path.name} line {number}"
                try:
                    yield row_of(json.loads(line), source)
                except json.JSONDecodeError as error:
                    yield InputError(source, f"is not JSON ({error.msg})", _FORM)
                except InputError as error:
                    yield error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "cannot be read as text", "give a JSONL file in UTF-8") from error


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Write rows, one a line, and return how many; the file is replaced only when all are written."""
    beside = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with beside.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row.to_json(), ensure_ascii=False, allow_nan=False) + "\n")
            count += 1
    beside.replace(path)
    return count


def leaking(training: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """Return the patients that stand in both, sorted; rows that name no patient are told by their recording's path."""

    def who(rows: Sequence[Row]) -> set[str]:
        return {row.patient or f"recording {row.ecg}" for row in rows if row.patient or row.ecg}

    return sorted(who(training) & who(test))


def _one_path(given: Any, what: str, source: str) -> str | None:
    paths = (
        [one.get("path") if isinstance(one, dict) else one for one in given or []]
        if not isinstance(given, str)
        else [given]
    )
    if not paths:
        return None
    if len(paths) > 1:
        raise InputError(source, f"has {len(paths)} {what}", "give one a row")
    if not isinstance(paths[0], str) or not paths[0]:
        raise InputError(source, f"names no path among its {what}", "give the path as a text")
    return paths[0]
