"""`ecgr1 convert`: recordings of any format as WFDB, DICOM, CSV or Parquet, without anybody's name."""

from __future__ import annotations

import argparse
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
from ecgr1_core.pseudonyms import key_from, keyed_code
from ecgr1_core.record import EcgRecord

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
        help="name the files by pseudonyms and not as the originals, and patients by those of --key",
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="file with the key of these pseudonyms, made if it is not there (default: a key for this run alone)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Convert each path, print one JSON object for it; return the exit code."""
    if not arguments.out.is_dir():
        raise InputError(arguments.out, "it is not a folder", "give an existing folder for --out")
    options = options_from(arguments)
    if arguments.key is not None and not arguments.anonymize:
        raise InputError("--key", "it is for pseudonyms, and none were asked for", "give --anonymize too")
    key = None
    if arguments.anonymize:
        key = secrets.token_bytes(32) if arguments.key is None else key_from(arguments.key)
        options = replace(options, pseudonym_key=key)
    written: dict[str, Path] = {}

    def one(path: Path) -> dict[str, Any]:
        record = read(path, options)
        name = _name(record) if key is None else _pseudonym(record, key)
        if name in written:
            raise InputError(path, f"its files would replace those of {written[name].name}", "rename one of the two")
        try:
            files = WRITERS[arguments.to](record, arguments.out, name)
        except OSError as error:
            raise InputError(arguments.out, f"it cannot be written to ({error.strerror})", "check it") from error
        written[name] = path
        return {"path": str(path), "format": record.source_format, "out": [str(file) for file in files]}

    return for_each_path(arguments.paths, one)


def _name(record: EcgRecord) -> str:
    """Return the record's own name, as far as every format can have it."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", record.name).strip("_")[:_MOST_NAME] or "recording"


def _pseudonym(record: EcgRecord, key: bytes) -> str:
    """Return a name that the samples and the key make, and from which neither can be told."""
    return f"ecg_{keyed_code(b'samples ' + record.signal_mv.tobytes(), key)}"
