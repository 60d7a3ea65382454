"""`ecgr1 interpret`: a reader's reading of recordings as JSON. Research use; not a diagnosis."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from ecgr1_core.cli.common import add_input_arguments, for_each_path
from ecgr1_core.modality import MODALITIES

DISCLAIMER = "Research use. Not a diagnosis."


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser("interpret", help="read recordings step by step", description=__doc__)
    add_input_arguments(parser)
    parser.add_argument("--reader", default="protocol", metavar="NAME", help="who reads (default: protocol)")
    parser.add_argument(
        "--modality", choices=MODALITIES, default="signal", help="what the reader sees (default: signal)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read every path with the chosen reader and print the readings."""
    from ecgr1_core import formats, interpretation, vocabulary
    from ecgr1_core.cli.input_options import options_from
    from ecgr1_core.errors import UnsupportedModalityError
    from ecgr1_core.modality import ModalityView
    from ecgr1_core.readers import get_reader

    reader, options = get_reader(arguments.reader), options_from(arguments)
    if arguments.modality not in reader.modalities:
        raise UnsupportedModalityError(
            f"--modality {arguments.modality}",
            f"the reader {reader.name!r} reads only: {', '.join(reader.modalities)}",
            "choose one of these or another reader",
        )

    def work(path: Path) -> dict[str, Any]:
        start = time.perf_counter()
        record = formats.read(path, options)
        read = time.perf_counter()
        raw = "".join(reader.read(ModalityView(arguments.modality, record)))
        done = time.perf_counter()
        reading = interpretation.parse(raw)
        found = [(label, vocabulary.lookup(label)) for label in reading.answer]
        return {
            "path": str(path),
            "reader": reader.name,
            "reader_version": reader.version,
            "modality": arguments.modality,
            "steps": [{"number": step.number, "title": step.title, "text": step.text} for step in reading.steps],
            "summary": reading.summary,
            "answer": [{"label": label, "scp": known.scp if known else None} for label, known in found],
            "raw": raw,
            "timing_s": {"read": round(read - start, 4), "interpret": round(done - read, 4)},
            "warnings": list(record.warnings),
            "disclaimer": DISCLAIMER,
        }

    return for_each_path(arguments.paths, work)
