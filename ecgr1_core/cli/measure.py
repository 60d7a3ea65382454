"""`ecgr1 measure`: the measurements of recordings as JSON, as a table of beats and leads, or drawn on the page."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from ecgr1_core.cli.batch import outcomes
from ecgr1_core.cli.common import BAD_INPUT, add_input_arguments, print_json
from ecgr1_core.errors import InputError


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser("measure", help="measure recordings", description=__doc__)
    add_input_arguments(parser)
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="also write a row per beat and lead (.parquet, .csv)"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="OUT", help="also draw the page with its waves marked (file, folder)"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="processes for many recordings (default: one a core)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure every path, print the results in the order given, and write the table and the plots asked for."""
    _check(arguments)
    rows: list[dict[str, Any]] = []
    code = 0
    for outcome in outcomes(partial(_measure, arguments), arguments.paths, arguments.jobs):
        if isinstance(outcome, str):
            print(f"ecgr1: {outcome}", file=sys.stderr)
            code = BAD_INPUT
            continue
        data, found = outcome
        rows.extend(found)
        print_json(data, one_line=len(arguments.paths) > 1)
    if arguments.table is not None:
        _write_table(arguments.table, rows)
    return code


Outcome = tuple[dict[str, Any], list[dict[str, Any]]] | str  # JSON and table rows, or what is wrong with the file


def _measure(arguments: argparse.Namespace, path: Path) -> Outcome:
    """Measure one path; bad input comes back as its sentence, which crosses from one process to another whole."""
    from ecgr1_core import formats
    from ecgr1_core.cli.input_options import options_from
    from ecgr1_core.measure import measure

    try:
        record = formats.read(path, options_from(arguments))
        measured = measure(record)
        rows: list[dict[str, Any]] = []
        if arguments.table is not None:
            from ecgr1_core.measure.table import beat_rows

            rows = [{"path": str(path), **row} for row in beat_rows(record)]
        if arguments.plot is not None:
            from ecgr1_core.cli.render import save_page
            from ecgr1_core.render.paper import render_page

            out = arguments.plot / f"{path.stem}.png" if arguments.plot.is_dir() else arguments.plot
            save_page(render_page(record, layout="12x1", marks=measured, title=record.name), out)
    except InputError as error:
        return str(error)
    return {"path": str(path), "name": record.name, **measured.to_json(), "warnings": list(record.warnings)}, rows


def _check(arguments: argparse.Namespace) -> None:
    """Raise InputError for what is wrong with the outputs before anything is measured."""
    if arguments.jobs is not None and arguments.jobs < 1:
        raise InputError("--jobs", f"{arguments.jobs} is not a number of processes", "give 1 or more")
    for option, path, kinds in (
        ("--table", arguments.table, (".parquet", ".csv")),
        ("--plot", arguments.plot, _IMAGES),
    ):
        if path is None or (option == "--plot" and path.is_dir()):
            continue
        if path.suffix.lower() not in kinds:
            raise InputError(path, "the kind of file is unknown", f"end {option} in {', '.join(kinds)}")
        if not path.parent.is_dir():
            raise InputError(path, "its folder does not exist", "make the folder first")
        if option == "--plot" and len(arguments.paths) > 1:
            raise InputError(path, "several recordings need a folder", "give an existing folder to --plot")


_IMAGES = (".png", ".jpg", ".jpeg", ".pdf")


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    import pandas as pd

    table = pd.DataFrame(rows)
    try:
        if path.suffix.lower() == ".csv":
            table.to_csv(path, index=False)
        else:
            table.to_parquet(path, index=False)
    except OSError as error:
        raise InputError(path, f"it cannot be written ({error.strerror or error})", "choose another --table") from error
