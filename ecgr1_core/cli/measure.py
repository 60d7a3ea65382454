"""`ecgr1 measure`: the measurements of recordings as JSON."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ecgr1_core.cli.common import add_input_arguments, for_each_path


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser("measure", help="measure recordings", description=__doc__)
    add_input_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure every path and print the result."""
    from ecgr1_core import formats
    from ecgr1_core.cli.input_options import options_from
    from ecgr1_core.measure import measure

    def work(path: Path) -> dict[str, Any]:
        record = formats.read(path, options_from(arguments))
        return {"path": str(path), "name": record.name, **measure(record).to_json(), "warnings": list(record.warnings)}

    return for_each_path(arguments.paths, work)
