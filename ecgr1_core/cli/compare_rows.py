"""The file of a comparison: a first line that says what was compared, then a line for each recording.

It can be gone on with: a line that was cut off is taken back, what is there is not done again, and a file that was made
with other settings is refused. What a line holds is not known here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ecgr1_core.errors import DamagedFileError, InputError

HEAD = "compare"


class Rows:
    """A file of rows, open for writing more; rows are told apart by their `path`."""

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        """Open or make the file.

        Raises InputError for a file of another comparison or none, or that cannot be written.
        """
        self.path = path
        self.done: list[dict[str, Any]] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = _whole_lines(path)
            self._file = path.open("r+b" if path.exists() else "w+b")
            self._file.seek(whole)
            self._file.truncate()
        except OSError as error:
            raise InputError(
                path, f"it cannot be written ({error.strerror or error})", "give another file with --out"
            ) from error
        if whole:
            self.done = self._read(head)
        else:
            self._write({HEAD: head})

    def __enter__(self) -> Self:
        """Return the open file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    @property
    def paths(self) -> set[str]:
        """The recordings that are done."""
        return {row["path"] for row in self.done}

    def add(self, row: dict[str, Any]) -> None:
        """Add a row; when this returns it is on the disk."""
        self._write(row)
        self.done.append(row)

    def _read(self, head: dict[str, Any]) -> list[dict[str, Any]]:
        rows = list(read_rows(self.path))
        if not rows or rows[0].get(HEAD) != head:
            raise InputError(
                self.path,
                "it was made by another comparison",
                "give the same readers, modalities and options, or another file with --out",
            )
        return rows[1:]

    def _write(self, row: dict[str, Any]) -> None:
        line = json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise InputError(
                self.path,
                f"it cannot be written ({error.strerror or error})",
                "make room and start again, which goes on where it stopped",
            ) from error


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a comparison, the first one included; DamagedFileError for a line that is no JSON object."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise DamagedFileError(path, f"line {number} is no JSON object", "give another file with --out")
            yield row


def _whole_lines(path: Path) -> int:
    """Return how many bytes of a file are whole lines."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(len(line) for line in file if line.endswith(b"\n"))
