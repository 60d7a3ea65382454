"""`ecgr1 info`: what a recording is, without measuring it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecgr1_core.cli.common import add_input_arguments, for_each_path
from ecgr1_core.cli.input_options import options_from
from ecgr1_core.formats import read
from ecgr1_core.formats.priors import days_between, with_priors
from ecgr1_core.record import EcgRecord, Patient


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `info` to the sub-commands."""
    parser = commands.add_parser("info", help="say what a recording is: format, rate, leads, warnings (JSON)")
    add_input_arguments(parser)
    parser.add_argument(
        "--prior",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        help="an earlier recording of the same patient, which is told as well; may be given several times",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one JSON object for each path; return the exit code."""
    options = options_from(arguments)
    earlier = [read(path, options) for path in arguments.prior]
    return for_each_path(
        arguments.paths, lambda path: {"path": str(path), **describe(with_priors(read(path, options), earlier))}
    )


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
        "patient": _patient(record.patient),
        "device": None if record.device is None else asdict(record.device),
        "warnings": list(record.warnings),
        "priors": [{"days_before": days_between(prior, record), **describe(prior)} for prior in record.priors],
    }


def _patient(patient: Patient) -> dict[str, Any]:
    moment = patient.recorded_at
    return {
        "age_years": patient.age_years,
        "sex": patient.sex,
        "pseudonym": patient.pseudonym,
        "recorded_at_shifted": None if moment is None else moment.isoformat(),
    }
