"""A JSONL file that a run adds to line by line and goes on with after it was stopped.

What has been written is on the disk; a line that was cut off by a kill is taken back. What a line holds is not known
here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ecgr1_core.errors import InputError


class Lines:
    """A growing JSONL file; `done` are the rows that it held when it was opened, by their `key`, the last one counts.

    Raises InputError where the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: dict[str, dict[str, Any]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = 0
            if path.exists():
                with path.open("rb") as file:
                    for line in file:
                        if not line.endswith(b"\n"):
                            break
                        whole += len(line)
                        self._take(line)
            self._file = path.open("r+b" if path.exists() else "w+b")
            self._file.seek(whole)
            self._file.truncate()
        except OSError as error:
            raise InputError(path, f"cannot be written ({error.strerror or error})", "give another folder") from error

    def __enter__(self) -> Lines:
        """Return the open file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row; when this returns it is on the disk."""
        line = json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise InputError(
                self.path,
                f"cannot be written ({error.strerror or error})",
                "make room and start again, which goes on where it stopped",
            ) from error
        self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            row = json.loads(line)
            self.done[str(row["key"])] = row
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(self.path, "holds a line that no run has written", "give another folder") from error


def write_whole(path: Path, text: str) -> None:
    """Write a text file that is replaced only when it is whole; InputError where it cannot be written."""
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise InputError(
            path, f"cannot be written ({error.strerror or error})", "make room and start again; nothing is done twice"
        ) from error


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as a JSONL file at once; see `write_whole`."""
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))
