"""Answers kept on disk by the content of their questions, so that no question is paid for twice, whatever was killed.

Each answer is one file, written whole or not at all. The key of the server is no part of a question.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ecgr1_core.errors import InputError


@dataclass(frozen=True)
class Answer:
    """What a server wrote: `cut` where it reached its limit of tokens; counts None where the server told none."""

    text: str
    cut: bool = False
    prompt_tokens: int | None = None
    new_tokens: int | None = None


class Answers:
    """A folder of answers, made when the first is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, question: Mapping[str, Any]) -> Answer | None:
        """Return the answer that was kept for a question, None where there is none or its file is damaged."""
        try:
            data = json.loads(self._path(question).read_text(encoding="utf-8"))
            return Answer(**data["answer"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, question: Mapping[str, Any], answer: Answer) -> None:
        """Keep an answer at once; InputError where the folder cannot be written to."""
        path = self._path(question)
        beside = path.with_suffix(f".{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(
                json.dumps({"question": question, "answer": asdict(answer)}, ensure_ascii=False), encoding="utf-8"
            )
            beside.replace(path)
        except OSError as error:
            fault = f"an answer cannot be kept ({error.strerror or error})"
            raise InputError(self._folder, fault, "make room and run again; the answers so far are kept") from error

    def _path(self, question: Mapping[str, Any]) -> Path:
        text = json.dumps(question, sort_keys=True, ensure_ascii=False)
        name = hashlib.sha256(text.encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.json"
