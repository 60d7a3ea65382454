"""`ecgr1 fetch-examples`: a few PTB-XL recordings from PhysioNet, for the app to open with."""

from __future__ import annotations

import argparse
from pathlib import Path

from ecgr1_core.cli.common import print_json
from ecgr1_core.formats.examples import PTB_XL, PTB_XL_EXAMPLES, fetch_examples
from ecgr1_core.settings import Settings


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `fetch-examples` to the sub-commands."""
    parser = commands.add_parser("fetch-examples", help="download example recordings of PTB-XL from PhysioNet")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to put them (default: examples in the data folder)"
    )
    parser.add_argument(
        "--count", type=int, default=6, metavar="N", help=f"how many, 1 to {len(PTB_XL_EXAMPLES)} (default 6)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Download and print what came, as JSON; return the exit code. Raises `InputError` where it cannot be fetched."""
    folder = arguments.out if arguments.out is not None else Settings().data_dir / "examples"
    records = fetch_examples(folder, arguments.count)
    about = {f"{number:05d}_hr": text for number, text in PTB_XL_EXAMPLES}
    print_json(
        {
            "folder": str(folder),
            "source": f"PhysioNet {PTB_XL} (CC BY 4.0)",
            "records": [{"name": record.name, "about": about[record.name]} for record in records],
        },
        one_line=False,
    )
    return 0
