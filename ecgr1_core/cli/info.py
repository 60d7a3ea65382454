"""`ecgr1 info`: what a recording is, without measuring it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from ecgr1_core.cli.common import add_input_arguments, for_each_path
from ecgr1_core.cli.input_options import options_from
from ecgr1_core.formats import read
from ecgr1_core.record import EcgRecord


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `info` to the sub-commands."""
    parser = commands.add_parser("info", help="say what a recording is: format, rate, leads, warnings (JSON)")
    add_input_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one JSON object for each path; return the exit code."""
    options = options_from(arguments)
    return for_each_path(arguments.paths, lambda path: {"path": str(path), **describe(read(path, options))})


def describe(record: EcgRecord) -> dict[str, Any]:
    """Return what `info` prints of a recording, as plain JSON data."""
    return {
        "name": record.name,
        "format": record.source_format,
        "sampling_rate_hz": record.sampling_rate_hz,
        "duration_s": round(record.duration_s, 4),
        "samples": record.samples,
        "leads": list(record.available_leads),
        "missing_leads": list(record.missing_leads),
        "flat_leads": list(record.flat_leads),
        "derived_leads": list(record.derived_leads),
        "patient": {"age_years": record.patient.age_years, "sex": record.patient.sex},
        "device": None if record.device is None else asdict(record.device),
        "warnings": list(record.warnings),
    }
