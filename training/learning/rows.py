"""Which row of which epoch comes when, and rows that cannot be used.

The order depends on the seed alone and is laid out for the whole run beforehand, so that a run that was broken off goes
on with the row it would have had. It knows nothing of models, or of what an example of a row looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Generic, Literal, TypeVar

import numpy as np

from ecgr1_core.errors import InputError
from ecgr1_core.vocabulary import lookup
from training.media import Media
from training.problems import Problems
from training.rows import Row, leaking, read_rows

Example = TypeVar("Example")
Told = tuple[str, str, str, str]
"""A problem as it travels from the process that found it: kind, subject, fault, remedy."""
Need = Literal["answer", "recording", "page"]
"""What a row must have: an answer and what its tags name, only a recording, or only a page (its own or to be drawn)."""


class TooLongError(InputError):
    """A row takes more tokens than a sequence may have."""


class Plan(Generic[Example]):
    """The examples of a run in their order, `length` of them; rows are taken in a new order in each epoch.

    `load(epoch, index)` makes the example of a row. Where it raises InputError, the next row of the file takes its
    place, and what was wrong comes with it. Raises InputError where no row can be loaded.
    """

    def __init__(self, rows: int, length: int, seed: int, load: Callable[[int, int], Example]) -> None:
        self.rows, self.length, self.seed, self.load = rows, length, seed, load

    def __len__(self) -> int:
        return self.length

    def place(self, number: int) -> tuple[int, int]:
        """Return epoch and index of the row that comes `number`-th."""
        epoch, at = divmod(number, self.rows)
        return epoch, int(_order(self.rows, self.seed, epoch)[at])

    def __getitem__(self, number: int) -> tuple[Example, list[Told]]:
        epoch, index = self.place(number)
        problems: list[Told] = []
        for ahead in range(self.rows):
            try:
                return self.load(epoch, (index + ahead) % self.rows), problems
            except InputError as error:
                problems.append(told(error))
        raise InputError("training rows", "none of them can be used", f"mend them: {problems[0][1]} {problems[0][2]}")


@lru_cache(maxsize=4)
def _order(rows: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(rows)


def told(error: InputError) -> Told:
    """Return a problem as plain texts, which can go from one process to another."""
    kind = "too long" if isinstance(error, TooLongError) else "recording or page"
    return kind, error.subject, error.fault, error.remedy


def usable_rows(
    path: Path, media: Media, problems: Problems, need: Need = "answer", *, held_out: bool = False
) -> list[Row]:
    """Return the rows of a file that have what is needed, known labels and their files; the others are problems.

    Of `held_out` rows the reference is the answer where they have no other. No recording or page is opened. Raises
    InputError for a file that cannot be read or holds no such row, and for the first problem where these are to stop
    the run.
    """
    rows: list[Row] = []
    for row in read_rows(path):
        if isinstance(row, Row) and held_out:
            row = row.with_reference()
        kind, error = ("row", row) if isinstance(row, InputError) else _fault(row, media, need)
        if error is not None:
            problems.note(kind, error)
        elif isinstance(row, Row):
            rows.append(row)
    if not rows:
        raise InputError(path, "holds no row that can be used", f"mend its rows: {problems.sentence()}")
    return rows


def _fault(row: Row, media: Media, need: Need) -> tuple[str, InputError | None]:
    if need == "answer" and row.answer is None:
        return "answer", InputError(row.source, "has no answer to learn", "end its messages with an assistant turn")
    if need == "recording" and row.ecg is None:
        return "modality", InputError(row.source, "has no ECG", 'give its path in "objects": {"ecg": [path]}')
    if need == "page" and row.image is None and not media.draws(row):
        return "modality", InputError(row.source, "has no page", 'give its path in "images", or let pages be drawn')
    unknown = [label for label in row.labels or () if lookup(label) is None]
    if unknown:
        return "label", InputError(row.source, f"has a label {unknown[0]!r} outside the vocabulary", "use its names")
    if need == "answer" and not media.draws(row):
        try:
            _ = row.modality
        except InputError as error:
            return "modality", error
    files: list[tuple[Path, str | None, tuple[str, ...]]] = [(media.ecg_root, row.ecg, ("", ".hea"))]
    if need != "recording":
        files.append((media.image_root, row.image, ("",)))
    for root, name, endings in files:
        if name is not None and not any((root / (name + ending)).exists() for ending in endings):
            return "file", InputError(row.source, f"names a file {name} that is not there", "give the right folder")
    return "", None


def require_apart(train: Sequence[Row], test: Sequence[Row], path: Path) -> None:
    """Raise InputError where patients of the file of held-out rows are also in the training file."""
    if shared := leaking(train, test):
        many = f"{len(shared)} patients" if len(shared) > 1 else "a patient"
        raise InputError(
            path, f"shares {many} with the training file ({shared[0]})", "take their rows out of one of them"
        )
