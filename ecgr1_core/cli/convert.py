"""`ecgr1 convert`: recordings of any format as WFDB, DICOM, CSV or Parquet, without anybody's name."""

from __future__ import annotations

import argparse
import hashlib
import hmac
import re
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

from ecgr1_core.cli.common import add_input_arguments, for_each_path
from ecgr1_core.cli.input_options import options_from
from ecgr1_core.errors import InputError
from ecgr1_core.formats import read
from ecgr1_core.formats.writing import WRITERS
from ecgr1_core.formats.writing.facts import OLDEST_YEARS
from ecgr1_core.record import EcgRecord

_PSEUDONYM_BYTES = 6
_MOST_NAME = 60  # characters


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `convert` command."""
    parser = commands.add_parser("convert", help="write recordings in another format", description=__doc__)
    add_input_arguments(parser)
    parser.add_argument("--to", required=True, choices=tuple(WRITERS), help="format to write")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder that gets the files")
    parser.add_argument(
        "--anonymize",
        action="store_true",
        help="name the files by pseudonyms and not as the originals, and write ages above 89 as 90",
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="file with the secret of the pseudonyms: the same recording keeps its own (default: a new secret)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Convert each path, print one JSON object for it; return the exit code."""
    if not arguments.out.is_dir():
        raise InputError(arguments.out, "it is not a folder", "give an existing folder for --out")
    options = options_from(arguments)
    if arguments.key is not None and not arguments.anonymize:
        raise InputError("--key", "it is for pseudonyms, and none were asked for", "give --anonymize too")
    key = _key(arguments.key) if arguments.anonymize else None
    written: dict[str, Path] = {}

    def one(path: Path) -> dict[str, Any]:
        record = read(path, options)
        name = _name(record) if key is None else _pseudonym(record, key)
        if name in written:
            raise InputError(path, f"its files would replace those of {written[name].name}", "rename one of the two")
        try:
            files = WRITERS[arguments.to](record if key is None else _grouped(record), arguments.out, name)
        except OSError as error:
            raise InputError(arguments.out, f"it cannot be written to ({error.strerror})", "check it") from error
        written[name] = path
        return {"path": str(path), "format": record.source_format, "out": [str(file) for file in files]}

    return for_each_path(arguments.paths, one)


def _key(path: Path | None) -> bytes:
    if path is None:
        return secrets.token_bytes(32)
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise InputError(path, f"the key cannot be read ({error.strerror})", "give a file with a secret") from error
    if len(key) < 16:
        raise InputError(path, "the key is shorter than 16 bytes", "write a longer secret into it")
    return key


def _name(record: EcgRecord) -> str:
    """Return the record's own name, as far as every format can have it."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", record.name).strip("_")[:_MOST_NAME] or "recording"


def _pseudonym(record: EcgRecord, key: bytes) -> str:
    """Return a name that the samples and the key make, and from which neither can be told."""
    digest = hmac.new(key, record.signal_mv.tobytes(), hashlib.sha256).hexdigest()
    return f"ecg_{digest[: 2 * _PSEUDONYM_BYTES]}"


def _grouped(record: EcgRecord) -> EcgRecord:
    """Return the record with all ages above the oldest that is told as one."""
    age = record.patient.age_years
    if age is None or age <= OLDEST_YEARS:
        return record
    return replace(record, patient=replace(record.patient, age_years=OLDEST_YEARS + 1.0))
