"""`ecgr1 verify`: the claims of a text checked against the measurements of a recording, as JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ecgr1_core import DISCLAIMER
from ecgr1_core.cli.common import add_input_arguments, for_each_path
from ecgr1_core.errors import InputError

_LARGEST_BYTES = 1 << 20


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser("verify", help="check a reading against the trace", description=__doc__)
    add_input_arguments(parser)
    parser.add_argument(
        "--text",
        type=Path,
        required=True,
        metavar="FILE",
        help="the reading, in ECG-R1's form or as plain prose (UTF-8; - reads standard input)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the text against every path and print the claims with their counts; return the exit code."""
    from ecgr1_core import formats, interpretation
    from ecgr1_core.cli.input_options import options_from
    from ecgr1_core.measure import measure
    from ecgr1_core.verify import claims_json, counts, verify

    reading, options = interpretation.parse(read_text(arguments.text)), options_from(arguments)

    def work(path: Path) -> dict[str, Any]:
        record = formats.read(path, options)
        claims = verify(reading, measure(record), record.patient, record.warnings)
        return {
            "path": str(path),
            "name": record.name,
            "counts": counts(claims),
            "claims": claims_json(claims),
            "warnings": list(record.warnings),
            "disclaimer": DISCLAIMER,
        }

    return for_each_path(arguments.paths, work)


def read_text(path: Path) -> str:
    """Return the text of a file, or of standard input for "-".

    Raises InputError where it cannot be read, is longer than 1 MiB, empty, or not UTF-8.
    """
    name = "standard input" if str(path) == "-" else path
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(_LARGEST_BYTES + 1)
        else:
            with path.open("rb") as file:
                data = file.read(_LARGEST_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(name, "there is no such file", "check the path given to --text") from error
    except OSError as error:
        raise InputError(name, f"it cannot be read ({error.strerror or error})", "give a readable text file") from error
    if len(data) > _LARGEST_BYTES:
        raise InputError(name, "it is longer than 1 MiB, which no reading is", "give the text of one reading")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(name, "it is not UTF-8 text", "save it as plain text in UTF-8") from error
    if not text.strip():
        raise InputError(name, "it is empty", "give the text of a reading")
    return text
