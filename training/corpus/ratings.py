"""RL rows that a reader study exported, taken in by their manifest: nothing is read before every hash agrees.

The rows come as they were exported; their paths are written anew, relative to the folder of the corpus.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ecgr1_core import vocabulary
from ecgr1_core.errors import InputError
from ecgr1_core.evidence import reference_from_text
from training.corpus.cases import relative
from training.rows import Row, read_rows

_ROWS: Final = "rl.jsonl"
_AGAIN: Final = "export it again"


def rated_rows(manifest: Path, out: Path) -> list[Row]:
    """Return the rows of an RL export with paths relative to `out`, with the labels that their solutions name.

    Raises InputError where the manifest is none of an RL export, a file is missing, added or changed, or a row names no
    patient, since then nobody could tell whether it leaks.
    """
    _require_whole(manifest)
    folder = manifest.parent
    rows = []
    for row in read_rows(folder / _ROWS):
        if isinstance(row, InputError):
            raise row
        if row.patient is None or row.solution is None:
            raise InputError(row.source, "it names no patient or has no solution", _AGAIN)
        answer = reference_from_text(row.solution, row.source).answer or ()
        labels = [label.name for written in answer if (label := vocabulary.lookup(written)) is not None]
        rows.append(
            replace(
                row,
                ecg=None if row.ecg is None else relative(folder / row.ecg, out),
                image=None if row.image is None else relative(folder / row.image, out),
                labels=tuple(dict.fromkeys(labels)),
            )
        )
    return rows


def _require_whole(manifest: Path) -> None:
    from annotations import audit

    told = _manifest(manifest)
    files: Mapping[str, str] = told["files"]
    if _ROWS not in files:
        raise InputError(manifest, f"it is no export for RL: it lists no {_ROWS}", "give the manifest of an RL export")
    if told.get("content_sha256") != audit.sha256(audit.canonical(files)):
        raise InputError(manifest, "its list of files was changed after the export", _AGAIN)
    there = {
        path.relative_to(manifest.parent).as_posix(): path
        for path in manifest.parent.rglob("*")
        if path.is_file() and path != manifest
    }
    for name, digest in files.items():
        if name not in there:
            raise InputError(manifest, f"its file {name} is missing", _AGAIN)
        if hashlib.sha256(there[name].read_bytes()).hexdigest() != digest:
            raise InputError(manifest, f"its file {name} was changed after the export", _AGAIN)
    if added := sorted(there.keys() - files.keys()):
        raise InputError(manifest, f"its folder holds {added[0]}, which was not exported", "take it out")


def _manifest(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(path, "it cannot be read as a manifest", "give the manifest.json of an RL export") from error
    if not isinstance(told, dict) or not isinstance(told.get("files"), dict):
        raise InputError(path, "it lists no files", "give the manifest.json of an RL export")
    return told
